"""What there is at a source of this machine: nothing is missed, nothing is followed."""

import os
import socket
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.archive.sources.errors import SourceError
from dicube.archive.sources.listed import fingerprint
from dicube.archive.sources.listing import ListedPlace, list_place, list_places
from dicube.archive.work import Failure, Place
from tests.archive.containers import SUFFIXES, container_of, zip_of

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1)
LISTED = st.lists(st.tuples(NAMES, st.integers(0, 20), st.integers(0, 20)), max_size=3)


def put(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def places_of(root: Path, **options: object) -> dict[str, ListedPlace]:
    return {place.path: place for place in list_places(str(root), **options)}  # type: ignore[arg-type]


def names_of(place: ListedPlace) -> list[str]:
    return [file.name for file in place.files]


class TestFolders:
    def test_each_folder_with_files_is_a_place_before_those_below_it(self, tmp_path):
        put(tmp_path, "b", "a", "z/1", "c/d/2", "c/e/3", "c-/4", "Ä/ö")
        (tmp_path / "empty" / "too").mkdir(parents=True)
        listed = list(list_places(str(tmp_path)))
        assert [place.path for place in listed] == ["", "c/d", "c/e", "c-", "z", "Ä"]
        assert [names_of(place) for place in listed] == [
            ["a", "b"], ["2"], ["3"], ["4"], ["1"], ["ö"]
        ]  # fmt: skip
        assert {place.container for place in listed} == {None}

    def test_files_come_with_length_and_date(self, tmp_path):
        put(tmp_path, "a", content=b"12345")
        os.utime(tmp_path / "a", ns=(7, 1_234_567_890_123_456_789))
        assert places_of(tmp_path)[""].files == (("a", 5, 1_234_567_890_123_456_789),)

    def test_links_are_reported_and_not_followed(self, tmp_path):
        put(tmp_path, "real/file")
        (tmp_path / "to file").symlink_to("real/file")
        (tmp_path / "to folder").symlink_to("real")
        (tmp_path / "real" / "loop").symlink_to("..")
        (tmp_path / "to nothing").symlink_to("gone")
        places = places_of(tmp_path)
        reason = "a symbolic link, which is not followed"
        assert places[""].failures == tuple(
            Failure(name, reason, is_file=False) for name in ("to file", "to folder", "to nothing")
        )
        assert places["real"].failures == (Failure("loop", reason, is_file=False),)
        assert list(places) == ["", "real"]

    def test_sockets_and_pipes_are_reported(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)  # the path of a socket is short
        os.mkfifo("pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket")
        place = places_of(tmp_path)[""]
        assert place.files == ()
        assert [failure.name for failure in place.failures] == ["pipe", "socket"]
        assert all("neither a file nor a folder" in failure.reason for failure in place.failures)

    def test_names_that_are_no_utf8_are_reported_as_text(self, tmp_path):
        odd = os.fsencode(tmp_path) + b"/caf\xe9"
        with open(odd, "wb"):
            pass
        os.mkdir(os.fsencode(tmp_path) + b"/d\xff")  # noqa: PTH102  # a Path takes no bytes
        place = places_of(tmp_path)[""]
        assert place.files == ()
        assert place.failures == (
            Failure("caf\\xe9", "its name is no UTF-8"),
            Failure("d\\xff", "its name is no UTF-8"),
        )

    def test_names_with_odd_characters_are_names(self, tmp_path):
        names = sorted(["new\nline", "back\\slash", "C:", " ", "-x", "\u3000", "'", "#%20"])
        put(tmp_path, *names)
        assert names_of(places_of(tmp_path)[""]) == names

    def test_folder_that_cannot_be_listed_is_a_place_that_failed(self, tmp_path, monkeypatch):
        put(tmp_path, "a/1", "b/2", "c/3")
        listed = os.scandir

        def refuse(path):  # root may read everything, so rights do not help here
            if str(path).endswith("/b"):
                raise PermissionError(13, "Permission denied")
            return listed(path)

        monkeypatch.setattr(os, "scandir", refuse)
        places = places_of(tmp_path)
        assert list(places) == ["a", "b", "c"]
        assert places["b"].files == ()
        assert places["b"].failures == (
            Failure("", "the folder cannot be listed: Permission denied"),
        )

    def test_tree_deeper_than_a_path_may_be_long_is_reported_where_it_ends(self, tmp_path):
        before = Path.cwd()
        os.chdir(tmp_path)
        try:
            for _ in range(25):
                Path("d" * 200).mkdir()
                os.chdir("d" * 200)
            Path("deep").write_bytes(b"x")
        finally:
            os.chdir(before)
        [place] = list_places(str(tmp_path))
        assert place.failures == (Failure("", "the folder cannot be listed: File name too long"),)

    def test_folders_to_leave_out_are_not_entered(self, tmp_path):
        put(tmp_path, "a/1", "archive/2", "archive/b/3", "archive2/4")
        (tmp_path / "way").symlink_to(tmp_path, target_is_directory=True)
        for left_out in (tmp_path / "archive", tmp_path / "way" / "archive"):
            assert set(places_of(tmp_path, leave_out=[left_out])) == {"", "a", "archive2"}
        assert set(places_of(tmp_path / "way", leave_out=[tmp_path / "archive"])) == {
            "", "a", "archive2"
        }  # fmt: skip
        assert places_of(tmp_path, leave_out=[tmp_path]) == {}

    def test_missing_root_says_what_to_do(self, tmp_path):
        with pytest.raises(SourceError, match="no such folder") as caught:
            list(list_places(str(tmp_path / "gone")))
        assert caught.value.where == str(tmp_path / "gone")

    def test_url_of_this_machine_is_a_folder(self, tmp_path):
        put(tmp_path, "a/1")
        assert list(list_places(f"file://{tmp_path}")) == list(list_places(str(tmp_path)))


class TestContainers:
    def test_those_with_suffix_and_bytes_of_one_are_places_of_their_own(self, tmp_path):
        for suffix in SUFFIXES:
            container_of(tmp_path, suffix)
        put(tmp_path, "x.gz", "plain")
        places = places_of(tmp_path)
        assert names_of(places.pop("")) == ["plain", "x.gz"]
        assert {path: place.container for path, place in places.items()} == {
            f"x{suffix}": "zip" if suffix == ".zip" else "tar" for suffix in SUFFIXES
        }
        assert all(place.files == () for place in places.values())

    def test_suffix_may_be_in_capitals(self, tmp_path):
        container_of(tmp_path, ".tar.gz").rename(tmp_path / "X.TAR.GZ")
        assert places_of(tmp_path)["X.TAR.GZ"].container == "tar"

    @pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz", "a.tar.zst"])
    @pytest.mark.parametrize("content", [b"", b"PK", b"DICM" * 300, b"\0" * 10_240])
    def test_what_has_the_suffix_alone_is_a_file(self, tmp_path, name, content):
        put(tmp_path, name, content=content)
        assert names_of(places_of(tmp_path)[""]) == [name]

    def test_zip_of_another_suffix_is_a_file(self, tmp_path):
        zip_of(tmp_path / "report.docx", {"a": b"1"})
        assert names_of(places_of(tmp_path)[""]) == ["report.docx"]

    def test_root_may_be_a_container(self, tmp_path):
        path = container_of(tmp_path, ".zip")
        put(tmp_path, "beside")
        [place] = list_places(str(path))
        assert (place.path, place.container) == ("x.zip", "zip")
        [again] = [place for place in list_places(str(tmp_path)) if place.container]
        assert place == again

    def test_root_that_is_another_file_is_refused(self, tmp_path):
        put(tmp_path, "a.dcm")
        with pytest.raises(SourceError, match="neither a folder nor"):
            list(list_places(str(tmp_path / "a.dcm")))


class TestFingerprint:
    def test_it_changes_with_names_lengths_and_dates_and_with_nothing_else(self, tmp_path):
        put(tmp_path, "a", "b", "below/c")
        zip_of(tmp_path / "x.zip", {"a": b"1"})
        for name in ("a", "b", "x.zip"):
            os.utime(tmp_path / name, ns=(5, 5))
        before = places_of(tmp_path)
        put(tmp_path, "below/d")
        (tmp_path / "a").chmod(stat.S_IRUSR)
        assert places_of(tmp_path)[""] == before[""]
        seen = {before[""].fingerprint}
        for change in (
            lambda: os.utime(tmp_path / "a", ns=(5, 6)),
            lambda: (tmp_path / "b").write_bytes(b"xx"),
            lambda: (tmp_path / "b").rename(tmp_path / "c"),
            (tmp_path / "c").unlink,
        ):
            change()
            seen.add(places_of(tmp_path)[""].fingerprint)
        assert len(seen) == 5
        assert places_of(tmp_path)["x.zip"] == before["x.zip"]
        os.utime(tmp_path / "x.zip", ns=(5, 6))
        assert places_of(tmp_path)["x.zip"].fingerprint != before["x.zip"].fingerprint

    @given(one=LISTED, other=LISTED)
    def test_different_files_have_different_ones(self, one, other):
        assert (fingerprint(one) == fingerprint(other)) == (one == other)

    def test_one_place_is_listed_as_in_its_tree(self, tmp_path):
        put(tmp_path, "a", "b/c/1", "b/c/2", "b/c/d/3")
        container_of(tmp_path / "b", ".tgz")
        for place in list_places(str(tmp_path)):
            assert list_place(Place(1, str(tmp_path), place.path, place.container)) == place
        (tmp_path / "b" / "x.tgz").unlink()
        with pytest.raises(SourceError, match="cannot be read"):
            list_place(Place(1, str(tmp_path), "b/x.tgz", "tar"))
