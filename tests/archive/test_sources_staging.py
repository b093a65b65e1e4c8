"""Files of sources at paths: copies in memory only where there is no file, and not for long."""

import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicube.archive.sources import private_folder, room
from dicube.archive.sources.errors import ContainerError, NoRoomError, SourceError
from dicube.archive.sources.listing import list_place, list_places
from dicube.archive.sources.private_folder import PrivateFolder
from dicube.archive.sources.staging import Staging
from dicube.archive.work import Failure, FileRef, Place
from tests.archive.containers import FILES, SUFFIXES, container_of, tar_bytes, zip_of

PLENTY = 10 << 20


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch) -> Path:
    """A folder that stands for the memory, to see what is in it."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(room, "_SHARED_MEMORY", folder)
    return folder


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def place_of(root: Path, path: str) -> Place:
    container = {".zip": "zip", "": None}.get(Path(path).suffix, "tar")
    return Place(1, str(root), path, container)


def read_batches(staging: Staging, place: Place) -> dict[str, bytes]:
    return {
        file.name: path.read_bytes() for batch in staging.batches(place) for file, path in batch
    }


def refs_of(root: Path, label: str = "L") -> list[FileRef]:
    """All files of a source."""
    found = []
    with Staging(PLENTY) as staging:
        for listed in list_places(str(root)):
            place = Place(1, str(root), listed.path, listed.container)
            for batch in staging.batches(place):
                found += [
                    FileRef(0, str(root), label, place.path, file.name, place.container,
                            file.length_bytes)
                    for file, _ in batch
                ]  # fmt: skip
    return [ref._replace(file_id=number) for number, ref in enumerate(found)]


class TestBatches:
    def test_files_of_a_folder_are_used_where_they_are(self, source, memory):
        (source / "a").mkdir()
        for name in ("1", "2"):
            (source / "a" / name).write_bytes(name.encode())
        (source / "a" / "link").symlink_to("1")
        with Staging(PLENTY) as staging:
            [batch] = staging.batches(place_of(source, "a"))
            assert [path for _, path in batch] == [source / "a" / "1", source / "a" / "2"]
            reason = "a symbolic link, which is not followed"
            assert staging.failures == [Failure("link", reason, is_file=False)]
            assert files_in(memory) == []
            assert list(staging.batches(place_of(source, ""))) == []
            assert staging.failures == []

    def test_listing_that_is_known_is_not_made_again(self, source, monkeypatch):
        (source / "1").write_bytes(b"1")
        place = place_of(source, "")
        listed = list_place(place)
        with Staging(PLENTY) as staging:
            monkeypatch.setattr(os, "scandir", None)
            [batch] = staging.batches(place, listed)
            monkeypatch.undo()
        assert [file for file, _ in batch] == list(listed.files)

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_members_are_copied_to_memory_and_vanish(self, source, memory, suffix):
        container_of(source, suffix)
        with Staging(PLENTY) as staging:
            [batch] = staging.batches(place_of(source, f"x{suffix}"))
            assert files_in(memory) == []  # the batches are exhausted
            for batch in staging.batches(place_of(source, f"x{suffix}")):
                assert {file.name: path.read_bytes() for file, path in batch} == FILES
                assert all(memory in path.parents for _, path in batch)
        assert list(memory.iterdir()) == []

    def test_batches_take_no_more_than_their_share_at_a_time(self, source, memory):
        files = {f"{n:03d}": bytes([n]) * 50_000 for n in range(40)}
        zip_of(source / "x.zip", files)
        budget = 600_000
        found, peaks, last = {}, [], []
        with Staging(budget) as staging:
            for batch in staging.batches(place_of(source, "x.zip")):
                assert not any(path.exists() for path in last)
                last = [path for _, path in batch]
                peaks.append(sum(path.stat().st_size for path in files_in(memory)))
                found.update({file.name: path.read_bytes() for file, path in batch})
        assert found == files
        assert len(peaks) > 5
        assert max(peaks) <= budget / 2

    def test_file_larger_than_a_share_comes_alone(self, source):
        zip_of(source / "x.zip", {"a": b"1", "b": bytes(700_000), "c": b"3"})
        with Staging(1_000_000) as staging:
            batches = list(staging.batches(place_of(source, "x.zip")))
        assert [[file.name for file, _ in batch] for batch in batches] == [["a"], ["b"], ["c"]]

    def test_batches_that_nobody_goes_on_with_leave_nothing(self, source, memory):
        container_of(source, ".tgz")
        with Staging(PLENTY) as staging:
            batches = staging.batches(place_of(source, "x.tgz"))
            next(batches)
            assert files_in(memory)
            batches.close()
            assert files_in(memory) == []

    def test_damage_is_told_before_the_last_batch(self, source, memory):
        path = container_of(source, ".tar.gz")
        path.write_bytes(path.read_bytes()[:-4])
        with Staging(PLENTY) as staging:
            with pytest.raises(ContainerError, match="damaged") as caught:
                list(staging.batches(place_of(source, "x.tar.gz")))
            assert caught.value.where == str(path)
            assert files_in(memory) == []

    def test_container_that_is_gone_is_no_damage(self, source):
        with Staging(PLENTY) as staging, pytest.raises(SourceError, match="cannot be read"):
            list(staging.batches(place_of(source, "x.zip")))

    def test_container_that_is_a_root(self, source):
        path = container_of(source, ".zip")
        with Staging(PLENTY) as staging:
            assert read_batches(staging, Place(1, str(path), "x.zip", "zip")) == FILES
            ref = FileRef(1, str(path), "L", "x.zip", "one", "zip", 3000)
            assert staging.bring([ref]).paths[0].read_bytes() == FILES["one"]
            whole = ref._replace(name="", length_bytes=path.stat().st_size)
            assert staging.bring([whole]).paths == [path]


class TestRoom:
    def test_too_little_of_it_says_how_to_go_on(self, source, memory):
        zip_of(source / "x.zip", {"a": bytes(300_000)})
        with Staging(200_000) as staging:
            with pytest.raises(NoRoomError, match=r"--scratch FOLDER.*--memory") as caught:
                list(staging.batches(place_of(source, "x.zip")))
            assert "300000 bytes" in str(caught.value)
            ref = FileRef(1, str(source), "L", "x.zip", "a", "zip", 300_000)
            with pytest.raises(NoRoomError, match=r"--scratch FOLDER.*--memory"):
                staging.bring([ref])
            assert files_in(memory) == []

    def test_what_exceeds_it_goes_to_the_scratch_folder(self, source, memory, tmp_path):
        files = {f"{n}": bytes([n]) * 90_000 for n in range(5)}
        zip_of(source / "x.zip", files)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with Staging(250_000, scratch=scratch) as staging:
            brought = staging.bring(refs_of(source))
            assert [path.read_bytes() for path in brought.paths] == list(files.values())
            assert all(brought.folder in path.parents for path in brought.paths)
            held = [path for path in files_in(memory) if not path.is_symlink()]
            assert (len(held), len(files_in(scratch))) == (2, 3)
            [private] = scratch.iterdir()
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
            staging.release()
            assert files_in(scratch) == files_in(memory) == []
            assert read_batches(staging, place_of(source, "x.zip")) == files
        assert list(scratch.iterdir()) == list(memory.iterdir()) == []

    def test_it_is_given_back(self, source):
        zip_of(source / "x.zip", {"a": bytes(150_000)})
        [ref] = refs_of(source)
        with Staging(200_000) as staging:
            for _ in range(5):
                assert read_batches(staging, place_of(source, "x.zip")) == {"a": bytes(150_000)}
                assert staging.bring([ref]).failures == []
                staging.release()

    def test_many_small_files_count_as_what_they_take(self, source):
        zip_of(source / "x.zip", {f"{n}": b"1" for n in range(100)})
        with Staging(200_000) as staging:
            assert len(list(staging.batches(place_of(source, "x.zip")))) > 5
            with pytest.raises(NoRoomError):
                staging.bring(refs_of(source))

    def test_machine_with_less_memory_than_its_budget(self, source, monkeypatch):
        zip_of(source / "x.zip", {"a": bytes(150_000)})
        monkeypatch.setattr(room.shutil, "disk_usage", lambda path: type("", (), {"free": 1000}))
        with Staging(PLENTY) as staging, pytest.raises(NoRoomError, match="of the machine's 1000"):
            list(staging.batches(place_of(source, "x.zip")))

    def test_memory_that_others_fill_meanwhile(self, source, monkeypatch):
        zip_of(source / "x.zip", {"a": bytes(150_000)})

        def full(path, length_bytes, pieces):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(room, "_write", full)
        with Staging(PLENTY) as staging, pytest.raises(NoRoomError, match="--scratch"):
            list(staging.batches(place_of(source, "x.zip")))

    def test_scratch_folder_that_does_not_exist_is_named(self, tmp_path, memory):
        with pytest.raises(SourceError, match="no folder can be made") as caught:
            Staging(PLENTY, scratch=tmp_path / "gone")
        assert caught.value.where == str(tmp_path / "gone")
        assert list(memory.iterdir()) == []


class TestBring:
    def test_plain_files_of_one_root_stay_where_they_are(self, source, memory):
        for name in ("a/1", "b/2"):
            (source / name).parent.mkdir()
            (source / name).write_bytes(b"x")
        container = container_of(source, ".zip")
        refs = [ref for ref in refs_of(source) if ref.container is None]
        whole = FileRef(9, str(source), "L", "x.zip", "", "zip", container.stat().st_size)
        with Staging(PLENTY) as staging:
            brought = staging.bring([*refs, whole])
            assert brought == (source, [source / "a/1", source / "b/2", container], [])
            assert files_in(memory) == []

    def test_members_lie_in_a_folder_with_the_name_of_their_container(self, source):
        (source / "k").mkdir()
        (source / "k" / "plain").write_bytes(b"plain")
        for suffix in SUFFIXES:
            container_of(source / "k", suffix)
        refs = refs_of(source)
        assert len(refs) == 1 + len(SUFFIXES) * len(FILES)
        with Staging(PLENTY) as staging:
            brought = staging.bring(refs[::-1])
            assert brought.failures == []
            for ref, path in zip(refs[::-1], brought.paths, strict=True):
                assert path == brought.folder / ref.tree_path
                assert path.read_bytes() == (FILES[ref.name] if ref.container else b"plain")
            assert (brought.folder / "k/plain").is_symlink()

    def test_several_roots_are_told_apart_by_their_labels(self, tmp_path):
        refs = []
        for label in ("A", "AB"):
            (tmp_path / label).mkdir()
            (tmp_path / label / "1").write_bytes(label.encode())
            zip_of(tmp_path / label / "x.zip", {"m": label.encode()})
            refs += refs_of(tmp_path / label, label)
        with Staging(PLENTY) as staging:
            brought = staging.bring(refs)
            for ref, path in zip(refs, brought.paths, strict=True):
                assert path == brought.folder / ref.label / ref.tree_path
                assert path.read_bytes() == ref.label.encode()
                named = str(tmp_path / ref.label / ref.tree_path)
                assert staging.true_names(f"{path}: x") == f"{named}: x"

    def test_each_container_is_opened_once(self, source, monkeypatch):
        container_of(source, ".zip")
        container_of(source, ".tar.xz")
        refs = refs_of(source)
        opened = []
        from dicube.archive.sources import reading

        read = reading.read_members

        def counted(*arguments, where, **options):
            opened.append(where)
            return read(*arguments, where=where, **options)

        monkeypatch.setattr(reading, "read_members", counted)
        with Staging(PLENTY) as staging:
            staging.bring(refs[::2] + refs[1::2])
        assert sorted(opened) == [str(source / "x.tar.xz"), str(source / "x.zip")]

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_members_that_are_gone_or_changed_are_failures(self, source, suffix):
        container_of(source, suffix)
        good, longer, *_ = refs_of(source)
        gone = good._replace(name="gone")
        with Staging(PLENTY) as staging:
            brought = staging.bring([longer._replace(length_bytes=7), gone, good])
            assert [ref for ref, _ in brought.failures] == [longer._replace(length_bytes=7), gone]
            assert brought.paths[:2] == [None, None]
            assert brought.paths[2].read_bytes() == FILES[good.name]

    def test_plain_files_that_are_gone_or_changed_are_failures(self, source, tmp_path):
        for name in ("gone", "longer", "link", "good"):
            (source / name).write_bytes(b"x")
        zip_of(source / "x.zip", {"m": b"1"})
        refs = refs_of(source)
        (source / "gone").unlink()
        (source / "longer").write_bytes(b"xx")
        (source / "link").unlink()
        (source / "link").symlink_to("good")
        plain = [ref for ref in refs if ref.container is None]
        with Staging(PLENTY) as staging:
            for files in (refs, plain):
                brought = staging.bring(files)
                assert {ref.name for ref, _ in brought.failures} == {"gone", "longer", "link"}
                good = next(n for n, ref in enumerate(files) if ref.name == "good")
                assert brought.paths[good].read_bytes() == b"x"

    def test_container_that_is_damaged_by_now_fails_for_all_its_members(self, source):
        container_of(source, ".zip")
        path = container_of(source, ".tgz")
        refs = refs_of(source)
        path.write_bytes(path.read_bytes()[:-4])
        with Staging(PLENTY) as staging:
            brought = staging.bring(refs)
        assert [ref for ref, _ in brought.failures] == [r for r in refs if r.folder == "x.tgz"]
        assert all("damaged" in reason for _, reason in brought.failures)

    def test_release_and_the_next_files_remove_copies(self, source, memory):
        container_of(source, ".zip")
        refs = refs_of(source)
        with Staging(PLENTY) as staging:
            first = staging.bring(refs)
            second = staging.bring(refs)
            assert not first.folder.exists()
            assert second.folder.exists()
            staging.release()
            assert files_in(memory) == []
            staging.release()

    def test_nothing_is_brought_of_nothing(self):
        with Staging(PLENTY) as staging:
            brought = staging.bring([])
            assert brought[1:] == ([], [])

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(data=st.data())
    def test_any_files_of_any_containers_come_as_they_are(self, tmp_path, data):
        name = st.text("ab/é ", min_size=1, max_size=6).filter(lambda n: not n.endswith("/"))
        trees = data.draw(st.lists(st.dictionaries(name, st.binary(max_size=20_000)), max_size=4))
        root = tmp_path / "drawn"
        root.mkdir(exist_ok=True)
        for old in root.iterdir():
            old.unlink()
        refs, expected = [], []
        for number, tree in enumerate(trees):
            kind = ("zip", "tar")[number % 2]
            path = root / f"{number}.{kind}"
            if kind == "zip":
                zip_of(path, tree)
            else:
                path.write_bytes(tar_bytes(tree))
            with Staging(PLENTY) as staging:
                try:
                    found = read_batches(staging, Place(1, str(root), path.name, kind))
                except ContainerError:
                    continue
            assert list(found.values()) == list(tree.values())
            for member, content in found.items():
                refs.append(
                    FileRef(len(refs), str(root), "L", path.name, member, kind, len(content))
                )
                expected.append(content)
        order = data.draw(st.permutations(range(len(refs))))
        with Staging(PLENTY) as staging:
            brought = staging.bring([refs[n] for n in order])
            assert [path.read_bytes() for path in brought.paths] == [expected[n] for n in order]


class TestTrueNames:
    def test_messages_about_copies_name_the_sources(self, source):
        path = container_of(source, ".tar.bz2")
        with Staging(PLENTY) as staging:
            for batch in staging.batches(place_of(source, path.name)):
                text = "; ".join(f"{copy}: tag (0010,0020)" for _, copy in batch)
                named = "; ".join(f"{path}/{file.name}: tag (0010,0020)" for file, _ in batch)
                assert staging.true_names(text) == named
            copies = staging.bring(refs_of(source)).paths
            assert staging.true_names(f"{copies[0]}") == f"{path}/one"
            assert staging.true_names(f"{source}/plain: x") == f"{source}/plain: x"


class TestPrivateFolders:
    def test_nobody_else_can_look_into_them(self, memory):
        with Staging(PLENTY):
            [folder] = memory.iterdir()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert re.fullmatch(rf"dicube-{os.getpid()}-[0-9a-f]+", folder.name)

    def test_those_of_a_killed_process_are_removed_by_the_next_one(self, memory, source):
        container_of(source, ".zip")
        code = f"""
import os, signal
from pathlib import Path
from dicube.archive.sources import room
from dicube.archive.sources.staging import Staging
from dicube.archive.work import Place
room._SHARED_MEMORY = Path({str(memory)!r})
batches = Staging(10 << 20).batches(Place(1, {str(source)!r}, "x.zip", "zip"))
next(batches)
os.kill(os.getpid(), signal.SIGKILL)
"""
        ended = subprocess.run([sys.executable, "-c", code], check=False)
        assert ended.returncode == -signal.SIGKILL
        assert len(files_in(memory)) == len(FILES)
        with Staging(PLENTY):
            assert [folder.name.split("-")[1] for folder in memory.iterdir()] == [str(os.getpid())]
        assert list(memory.iterdir()) == []

    def test_those_of_others_and_of_the_living_stay(self, memory, tmp_path):
        dead = 2**22 + 1  # above the largest number that Linux gives
        for name in (f"dicube-{os.getpid()}-{'0' * 12}", f"dicube-1-{'0' * 12}",
                     f"dicube-{dead}-x", f"other-{dead}-{'0' * 12}"):  # fmt: skip
            (memory / name).mkdir()
        (memory / f"dicube-{dead}-{'1' * 12}").symlink_to(tmp_path)
        (memory / f"dicube-{dead}-{'2' * 12}").write_bytes(b"a file")
        before = set(memory.iterdir())
        (memory / f"dicube-{dead}-{'3' * 12}").mkdir()
        PrivateFolder(memory).remove()
        assert set(memory.iterdir()) == before

    def test_those_of_a_process_that_only_looks_dead_stay(self, memory, monkeypatch):
        living = PrivateFolder(memory)
        # As from another container, to which the number of the process means nothing.
        monkeypatch.setattr(private_folder, "_is_alive", lambda process: False)
        PrivateFolder(memory).remove()
        assert living.path.is_dir()
        living.remove()
        living.remove()
        assert not living.path.exists()

    def test_those_of_another_user_stay(self, memory, monkeypatch):
        (memory / f"dicube-{2**22 + 1}-{'0' * 12}").mkdir()
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        PrivateFolder(memory).remove()
        assert len(list(memory.iterdir())) == 1


def test_tar_file_with_a_link_is_kept_whole(source):
    with tarfile.open(source / "x.tar", "w") as archive:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with Staging(PLENTY) as staging, pytest.raises(ContainerError, match="links"):
        list(staging.batches(place_of(source, "x.tar")))
