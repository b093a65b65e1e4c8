"""Normalised features of every MR series of the test data, against answers written by hand.

`expected_mr.csv` was written from the headers before there were rules; its last column says why.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dicube.interchange.tables import metadata_tables, process_mri_dataframe
from dicube.interchange.tables.mr.normalise import FEATURES
from tests.series import DATA, requires_data

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

pytestmark = requires_data

_EXPECTED = Path(__file__).with_name("expected_mr.csv")
with open(_EXPECTED, newline="", encoding="utf-8") as file:
    EXPECTED = list(csv.DictReader(file))
JUDGED = [name for name in EXPECTED[0] if name not in ("folder", "series", "why")]
# Not readable: no row, and so nothing to judge.
DAMAGED = {"odd_MR_truncated", "odd_emri_small_jpeg_2k_lossless_too_short"}


@cache
def cleaned(folder: str) -> list[dict[str, Any]]:
    found = metadata_tables(DATA / folder).mr_cleaned
    return [] if found is None else found.to_dict("records")


def test_the_table_has_every_feature_but_groups_and_every_mr_series() -> None:
    assert set(JUDGED) == set(FEATURES) - {"dynamicGroup", "dynamicPhase"}
    found = metadata_tables(DATA).mr_cleaned
    folders = {part for text in found.Folder for part in text.split(" | ")}
    names = {Path(folder).relative_to(DATA).parts[0] for folder in folders}
    assert {row["folder"] for row in EXPECTED} == names
    assert not names & DAMAGED


def test_a_table_that_was_written_gives_the_same_features_when_it_is_read(tmp_path: Path) -> None:
    tables = metadata_tables(DATA)
    for suffix, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        path = tables.write(tmp_path / f"a{suffix}")[0]
        found = process_mri_dataframe(read(path))
        names = [*FEATURES, *(f"{name}Rule" for name in FEATURES)]
        assert found[names].equals(tables.mr_cleaned[names]), suffix


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: f"{row['folder']}-{row['series']}")
def test_features_are_those_that_the_headers_say(expected: dict[str, str]) -> None:
    rows = cleaned(expected["folder"])
    assert len(rows) == sum(row["folder"] == expected["folder"] for row in EXPECTED)
    found = rows[int(expected["series"]) - 1]
    assert {name: found[name] for name in JUDGED} == {name: expected[name] for name in JUDGED}
    for name in JUDGED:
        if found[name] not in ("unknown", "none"):
            assert found[f"{name}Rule"], name


@pytest.mark.parametrize(
    ("folder", "timepoints", "phase"),
    [("mr_fmri_ge_4d", 10, "1-10 of 10"), ("mr_fmri_ge_trigger", 16, "1-16 of 16"),
     ("mr_asl_slopes", 8, "1-8 of 8"), ("derived_4d_interleaved", 3, "1-3 of 3"),
     ("mr_mosaic_siemens", 3, "1-3 of 3"), ("enh_mr_siemens_xa10", 4, "1-4 of 4")],
)  # fmt: skip
def test_times_are_counted(folder: str, timepoints: int, phase: str) -> None:
    (row,) = cleaned(folder)
    assert (row["timepoints"], row["dynamicPhase"], row["dynamicGroup"]) == (
        timepoints,
        phase,
        "D1",
    )


@pytest.mark.parametrize(
    ("folder", "name", "value"),
    [("mr_dwi_philips_classic", "maxBValue", 1000.0), ("enh_mr_philips_dti", "maxBValue", 1300.0),
     ("mr_multiecho_hole", "echoCount", 3), ("mr_multiecho_mag", "echoCount", 2),
     ("odd_csa_slice_norm", "obliqueAngle", 26.1), ("overlay_us", "fieldStrength", 1.494),
     ("odd_MR_small_implicit", "fieldStrength", 1.5014)],
)  # fmt: skip
def test_numbers_are_those_of_the_headers(folder: str, name: str, value: float) -> None:
    (row,) = cleaned(folder)
    assert row[name] == pytest.approx(value, rel=1e-3)
