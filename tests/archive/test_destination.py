"""Destinations: files appear whole or not at all, on a disk and behind a URL."""

import errno
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xxhash

from dicube import DicomCubeImage, PixelDataHeader
from dicube.archive.destination import full_disk, open_destination
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    DestinationFullError,
    MetaDataError,
    UnreachableError,
)
from tests.archive.disks import small_disk
from tests.file_servers import plain_handler, s3_server, serving, use_s3

DATA = bytes(range(256)) * 100

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture(params=["folder", "s3"])
def destination(request, tmp_path, monkeypatch):
    if request.param == "folder":
        return open_destination(str(tmp_path / "archive"))
    use_s3(request.getfixturevalue("s3_endpoint"), monkeypatch)
    import fsspec

    bucket = f"b{abs(hash(request.node.name)) % 10**9}"
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return open_destination(f"s3://{bucket}/archive/", scratch)


class TestEveryDestination:
    def test_added_file_is_there_with_its_digest(self, destination):
        assert not destination.exists("a/b/ct.dcbs")
        with destination.adding("a/b/ct.dcbs") as local:
            assert local.suffix == ".dcbs"
            local.write_bytes(DATA)
        assert destination.exists("a/b/ct.dcbs")
        expected = (len(DATA), xxhash.xxh3_128_hexdigest(DATA))
        assert destination.digest("a/b/ct.dcbs") == expected
        with destination.reading("a/b/ct.dcbs") as local:
            assert local.read_bytes() == DATA
        assert list(destination.paths()) == ["a/b/ct.dcbs"]

    def test_failed_block_leaves_nothing(self, destination, tmp_path):
        def write() -> None:
            with destination.adding("a/x.dcbs") as local:
                local.write_bytes(DATA)
                raise CodecError("no")

        with pytest.raises(CodecError):
            write()
        assert not list(destination.paths())
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @pytest.mark.parametrize("after_crash", [False, True])
    def test_existing_file_is_never_replaced(self, destination, after_crash):
        with destination.adding("x.dcbs") as local:
            local.write_bytes(DATA)
        already = pytest.raises(DataConsistencyError, match="already")
        with already, destination.adding("x.dcbs", after_crash=after_crash) as local:
            local.write_bytes(b"new")
        assert destination.digest("x.dcbs")[0] == len(DATA)

    def test_file_that_another_process_added_meanwhile_stays(self, destination):
        def write_while_another_does() -> None:
            with destination.adding("x.dcbs") as local:
                local.write_bytes(b"late")
                with destination.adding("x.dcbs") as other:
                    other.write_bytes(DATA)

        with pytest.raises(DataConsistencyError, match="already"):
            write_while_another_does()
        assert destination.digest("x.dcbs")[0] == len(DATA)

    def test_removed_file_is_gone_and_removing_it_again_is_fine(self, destination):
        with destination.adding("x.dcbs") as local:
            local.write_bytes(DATA)
        destination.remove("x.dcbs")
        destination.remove("x.dcbs")
        assert not destination.exists("x.dcbs")

    def test_missing_file_is_named(self, destination):
        with pytest.raises(MetaDataError, match="no such file") as caught:
            destination.digest("a/x.dcbs")
        assert caught.value.where.endswith("a/x.dcbs")
        with pytest.raises(MetaDataError, match="no such file"), destination.reading("a/x.dcbs"):
            pass

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x", "", "a\\..\\x", "a\0b"])
    def test_paths_that_lead_elsewhere_are_refused(self, destination, path):
        for method in (destination.exists, destination.digest, destination.remove):
            with pytest.raises(DataConsistencyError, match="leads out"):
                method(path)
        with pytest.raises(DataConsistencyError, match="leads out"), destination.adding(path):
            pass

    def test_pickled_destination_is_the_same(self, destination):
        with destination.adding("x") as local:
            local.write_bytes(DATA)
        copy = pickle.loads(pickle.dumps(destination))
        assert copy.url == destination.url
        assert copy.digest("x") == destination.digest("x")

    def test_nothing_stays_in_the_scratch_folder(self, destination, tmp_path):
        with destination.adding("x") as local:
            local.write_bytes(DATA)
        with destination.reading("x"):
            pass
        scratch = tmp_path / "scratch"
        assert not scratch.exists() or not list(scratch.iterdir())


class TestFolder:
    @pytest.mark.parametrize(
        "write", ["half = open(path, 'w')", "half = replacing(path); half.__enter__()"]
    )
    def test_what_killed_processes_left_of_the_file_is_removed(self, tmp_path, write):
        destination = open_destination(str(tmp_path))
        program = (
            "import os, signal, sys\n"
            "from dicube.archive.destination import open_destination\n"
            "from dicube.storage.atomic import replacing\n"
            "with open_destination(sys.argv[1]).adding('a/x.dcbs') as path:\n"
            f"    {write}\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        command = [sys.executable, "-c", program, str(tmp_path)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        (left,) = (tmp_path / "a").iterdir()
        other = left.with_name(left.name.replace("x.dcbs", "xx.dcbs"))
        other.write_bytes(b"of another file")
        assert not destination.exists("a/x.dcbs")
        with destination.adding("a/x.dcbs", after_crash=True) as local:
            local.write_bytes(DATA)
        assert sorted(destination.paths()) == sorted(["a/x.dcbs", f"a/{other.name}"])

    def test_full_disk_is_named_and_nothing_half_stays(self, tmp_path):
        with small_disk(tmp_path / "disk", 1 << 16) as disk:
            destination = open_destination(str(disk / "archive"))
            full = pytest.raises(DestinationFullError, match="full")
            with full, destination.adding("a/x.dcbs") as local:
                local.write_bytes(bytes(1 << 17))
            assert not list(destination.paths())
            with destination.adding("a/x.dcbs") as local:
                local.write_bytes(DATA)
            assert destination.exists("a/x.dcbs")

    def test_full_disk_is_named_where_a_cube_is_written(self, tmp_path):
        values = np.random.default_rng(1).integers(0, 65536, (8, 128, 128)).astype(np.uint16)
        image = DicomCubeImage(values, PixelDataHeader())
        with small_disk(tmp_path / "disk", 1 << 16) as disk:
            destination = open_destination(str(disk))
            with pytest.raises(DestinationFullError), destination.adding("x.dcbs") as local:
                image.to_file(local)
            assert not list(destination.paths())


class TestCheck:
    def test_destination_that_can_be_written_to_is_there_and_empty(self, destination):
        destination.check_writable()
        assert not list(destination.paths())

    def test_bucket_that_is_not_there_is_named_and_never_made(self, s3_endpoint, monkeypatch):
        use_s3(s3_endpoint, monkeypatch)
        import fsspec

        destination = open_destination("s3://missing/archive")
        with pytest.raises(MetaDataError, match="s3://missing/archive: no such bucket"):
            destination.check_writable()
        with pytest.raises(MetaDataError), destination.adding("x.dcbs") as local:
            local.write_bytes(DATA)
        assert not fsspec.filesystem("s3", skip_instance_cache=True).exists("missing")

    def test_server_that_takes_no_files_is_named(self, tmp_path):
        pytest.importorskip("aiohttp", reason='needs the extra "remote"')
        with serving(plain_handler(tmp_path)) as url:
            destination = open_destination(f"{url}/archive")
            with pytest.raises(DataConsistencyError, match="cannot be written to"):
                destination.check_writable()


class TestRemote:
    def test_upload_that_arrives_damaged_is_removed(self, monkeypatch):
        fsspec = pytest.importorskip("fsspec", reason='needs the extra "remote"')
        memory = type(fsspec.filesystem("memory"))
        put = memory.put_file

        def put_damaged(self, source, target, *arguments, **options):
            Path(source).write_bytes(b"damaged on its way")
            put(self, source, target, *arguments, **options)
            Path(source).write_bytes(DATA)

        monkeypatch.setattr(memory, "put_file", put_damaged)
        destination = open_destination("memory://damaged")
        refused = pytest.raises(DataConsistencyError, match="not what was uploaded")
        with refused, destination.adding("x.dcbs") as local:
            local.write_bytes(DATA)
        assert not destination.exists("x.dcbs")

    def test_server_that_does_not_answer_is_named(self, monkeypatch, tmp_path):
        pytest.importorskip("s3fs", reason="needs s3fs: pip install 'dicube[s3-tests]'")
        use_s3("http://127.0.0.1:9", monkeypatch)
        destination = open_destination("s3://nowhere/archive", tmp_path)
        with pytest.raises(UnreachableError, match="does not answer"):
            destination.digest("x.dcbs")
        with pytest.raises(UnreachableError, match="does not answer"):
            destination.check_writable()


class TestFullDisk:
    def test_causes_are_looked_at(self):
        full = OSError(errno.ENOSPC, "No space left on device")
        wrapped = DataConsistencyError("cannot be written")
        wrapped.__cause__ = OSError(errno.EDQUOT, "Disk quota exceeded")
        assert full_disk(full)
        assert full_disk(wrapped)
        assert full_disk(DestinationFullError("the disk is full"))

    def test_other_errors_are_not_taken_for_it(self):
        assert not full_disk(OSError(errno.EACCES, "Permission denied"))
        assert not full_disk(DataConsistencyError("no"))
        assert not full_disk(None)
