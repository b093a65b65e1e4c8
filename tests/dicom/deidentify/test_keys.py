"""Keys: the same one gives the same, another one something else; files are for their owner."""

import re
import stat
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube import DataConsistencyError, DeidentifyKey, MetaDataError

KEY = DeidentifyKey(bytes(range(32)))
OTHER = DeidentifyKey(bytes(32))


@given(uid=st.text(max_size=64))
def test_uids_are_valid_and_depend_on_key_and_source_alone(uid: str) -> None:
    new = KEY.uid(uid)
    assert re.fullmatch(r"2\.25\.(0|[1-9][0-9]{0,38})", new)  # PS3.5 B.2 and 9.1
    assert uuid.UUID(int=int(new[5:])).version == 4
    assert new == DeidentifyKey(bytes(range(32))).uid(uid)
    assert new != OTHER.uid(uid)
    assert new != KEY.uid(uid + "0")


@given(patient=st.text(max_size=64))
def test_pseudonyms_and_days_depend_on_key_and_patient_alone(patient: str) -> None:
    assert re.fullmatch("[0-9A-F]{12}", KEY.pseudonym(patient))
    assert 1 <= KEY.days_back(patient) <= 3650
    assert KEY.pseudonym(patient) == DeidentifyKey(bytes(range(32))).pseudonym(patient)
    assert KEY.pseudonym(patient) != OTHER.pseudonym(patient)


def test_days_differ_between_patients() -> None:
    assert len({KEY.days_back(str(number)) for number in range(100)}) > 90


def test_random_keys_differ_and_their_text_does_not_show_them() -> None:
    first, second = DeidentifyKey.random(), DeidentifyKey.random()
    assert first != second
    assert first.secret.hex() not in repr(first)
    assert repr(first.secret) not in repr(first)


def test_a_key_file_is_for_its_owner_alone_and_gives_the_key_back(tmp_path: Path) -> None:
    path = tmp_path / "study.key"
    key = DeidentifyKey.kept_in(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert DeidentifyKey.kept_in(path) == DeidentifyKey.from_file(path) == key
    assert [each.name for each in tmp_path.iterdir()] == ["study.key"]


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "study.key"
    KEY.to_file(path)
    with pytest.raises(DataConsistencyError, match="cannot be written"):
        OTHER.to_file(path)
    assert DeidentifyKey.from_file(path) == KEY
    assert [each.name for each in tmp_path.iterdir()] == ["study.key"]


def test_a_file_that_holds_no_key_is_refused_without_quoting_it(tmp_path: Path) -> None:
    path = tmp_path / "other.txt"
    for text in ("", "verysecret", "ab" * 31, "é" * 64):
        path.write_text(text)
        with pytest.raises(MetaDataError, match="no key") as caught:
            DeidentifyKey.from_file(path)
        assert not text or text not in str(caught.value)
    with pytest.raises(MetaDataError, match="cannot be read"):
        DeidentifyKey.from_file(tmp_path / "missing")
    with pytest.raises(DataConsistencyError, match="cannot be written"):
        KEY.to_file(tmp_path / "missing" / "key")


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(MetaDataError, match="32 bytes"):
        DeidentifyKey(b"short")


def test_whoever_makes_a_key_at_the_same_time_gets_the_same_one(tmp_path):
    start = threading.Barrier(8)

    def made(_):
        start.wait()
        return DeidentifyKey.kept_in(tmp_path / "study.key").secret

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(made, range(8)))) == 1
