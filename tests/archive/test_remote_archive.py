"""The whole way of an archive over a network: from URLs, to URLs, and when the network is lost."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicube import DicomCubeImage, PixelDataHeader
from tests.archive.archives import (
    archived,
    assert_nothing_left,
    killed_after,
    rows,
    tried,
)
from tests.archive.samples import files_of
from tests.cli.runs import ok, refused
from tests.file_servers import Network, network_to, plain_handler, s3_server, serving, use_s3

fsspec = pytest.importorskip("fsspec", reason='needs the extra "remote"')
# Of aiohttp and of sockets that fsspec closes when the interpreter ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

SERIES = 10


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """Series in folders, one of them in a zip file, with other files beside them."""
    folder = tmp_path_factory.mktemp("tree") / "src"
    for number in range(SERIES):
        noise = np.random.default_rng(number).integers(0, 4096, (4, 64, 96)).astype(np.uint16)
        image = DicomCubeImage(noise, PixelDataHeader())
        image.init_meta("MR")
        image.to_dicom_folder(folder / f"series {number:02}")
        (folder / f"series {number:02}" / "notes.txt").write_text(f"of series {number}")
    with zipfile.ZipFile(folder / "packed.zip", "w") as packed:
        for path in sorted((folder / "series 00").iterdir()):
            packed.write(path, path.name)
    shutil.rmtree(folder / "series 00")
    return folder


@pytest.fixture(scope="module")
def expected(tree) -> dict[str, bytes]:
    """What a restore gives, by the path in the tree."""
    found = files_of(tree)
    del found["packed.zip"]
    with zipfile.ZipFile(tree / "packed.zip") as packed:
        return found | {f"packed.zip/{name}": packed.read(name) for name in packed.namelist()}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def network(server, monkeypatch) -> Iterator[Network]:
    """The way to the server, which is s3:// here and in programs that are started."""
    with network_to(server) as network:
        use_s3(network.url, monkeypatch)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # s3fs tries again itself
        yield network


@pytest.fixture
def bucket(network, request) -> str:
    name = f"b{abs(hash(request.node.name)) % 10**12}"
    s3().mkdir(name)
    return name


@pytest.fixture
def source(bucket, tree) -> str:
    """The URL of the tree in a bucket."""
    s3().put(f"{tree}/", f"{bucket}/src/", recursive=True)
    return f"s3://{bucket}/src"


def s3() -> Any:
    return fsspec.filesystem("s3", skip_instance_cache=True)


def refusing_handler(folder: Path, name: str, time: int) -> type:
    """A server that refuses a file when it is asked for it for the so-and-so-manieth time."""
    asked = []

    class Handler(plain_handler(folder)):  # type: ignore[misc]
        def do_GET(self) -> None:
            if self.path.endswith(name):
                asked.append(self.path)
                if len(asked) == time:
                    self.send_error(403)
                    return
            super().do_GET()

    return Handler


def assert_whole(ledger: Path, expected: dict[str, bytes], folder: Path, label: str) -> None:
    """Nothing is left to do, the archive is what the ledger says, and all files come back."""
    assert_nothing_left(ledger)
    series = rows(ledger, "SELECT path FROM output WHERE content = 'cube'")
    assert len(series) == SERIES
    assert not [row for row in series if "~" in row["path"]]
    ok("verify", "--ledger", ledger, "--deep")
    ok("restore", ledger, folder)
    assert files_of(folder / label) == expected


class TestSources:
    def test_bucket_comes_back_from_its_archive(self, source, tmp_path, expected):
        archived(source, tmp_path / "dest", "--format", "dcbs", "--workers", 1)
        assert_whole(tmp_path / "dest/archive.sqlite", expected, tmp_path / "out", "src")
        out = archived(source, tmp_path / "dest", "--format", "dcbs", "--workers", 1)
        assert "0 series stored" in out

    def test_page_that_lists_files_comes_back_from_its_archive(self, tree, tmp_path, expected):
        with serving(plain_handler(tree.parent)) as url:
            archived(f"{url}/src", tmp_path / "dest", "--format", "dcbs", "--workers", 1)
        assert_whole(tmp_path / "dest/archive.sqlite", expected, tmp_path / "out", "src")

    def test_zip_file_behind_http_comes_back_from_its_archive(self, tree, tmp_path, expected):
        with serving(plain_handler(tree)) as url:
            archived(f"{url}/packed.zip", tmp_path / "dest", "--format", "dcbs", "--workers", 1)
        ok("restore", tmp_path / "dest/archive.sqlite", tmp_path / "out")
        packed = {name: data for name, data in expected.items() if name.startswith("packed.zip")}
        assert files_of(tmp_path / "out/packed.zip") == packed

    @pytest.mark.parametrize("cut_bytes", [30_000, 400_000, 900_000])
    def test_lost_network_stops_it_and_the_next_run_goes_on(
        self, network, source, tmp_path, expected, cut_bytes
    ):
        dest = tmp_path / "dest"
        arguments = (source, dest, "--format", "dcbs", "--workers", 2)
        network.cut_after(cut_bytes)
        assert_stopped_by_network(tried(*arguments), dest / "archive.sqlite")
        network.mend()
        archived(*arguments)
        assert_whole(dest / "archive.sqlite", expected, tmp_path / "out", "src")

    @pytest.mark.parametrize("refused_time", [1, 2], ids=["scanned", "stored"])
    def test_file_that_was_refused_is_archived_by_the_next_run(
        self, tree, tmp_path, expected, refused_time
    ):
        dest = tmp_path / "dest"
        with serving(refusing_handler(tree.parent, "00003.dcm", refused_time)) as url:
            arguments = (f"{url}/src/series%2004", dest, "--format", "dcbs", "--workers", 1)
            archived(*arguments, code=1)
            archived(*arguments)
        assert_nothing_left(dest / "archive.sqlite")
        ok("restore", dest / "archive.sqlite", tmp_path / "out")
        (folder,) = (tmp_path / "out").iterdir()
        start = "series 04/"
        assert files_of(folder) == {
            name.removeprefix(start): data
            for name, data in expected.items()
            if name.startswith(start)
        }


class TestDestination:
    def test_archive_in_a_bucket_is_whole_after_a_kill(self, bucket, tree, tmp_path, expected):
        ledger = tmp_path / "mine.sqlite"
        url = f"s3://{bucket}/some/archive"
        arguments = (tree, url, "--format", "dcbs", "--workers", 1, "--ledger", ledger)
        assert killed_after(4, *arguments)
        archived(*arguments)
        assert_whole(ledger, expected, tmp_path / "out", "src")
        known = {row["path"] for row in rows(ledger, "SELECT path FROM output")}
        found = s3().find(f"{bucket}/some/archive")
        assert {path.removeprefix(f"{bucket}/some/archive/") for path in found} == known

    @pytest.mark.parametrize("cut_bytes", [100_000, 500_000])
    def test_lost_network_stops_it_and_the_next_run_goes_on(
        self, network, bucket, tree, tmp_path, expected, cut_bytes
    ):
        ledger = tmp_path / "mine.sqlite"
        url = f"s3://{bucket}/archive"
        arguments = (tree, url, "--format", "dcbs", "--workers", 2, "--ledger", ledger)
        network.cut_after(cut_bytes)
        assert_stopped_by_network(tried(*arguments), ledger)
        before = [*map(tuple, rows(ledger, "SELECT id, path, made_at FROM output"))]
        network.mend()
        archived(*arguments)
        after = [*map(tuple, rows(ledger, "SELECT id, path, made_at FROM output"))]
        assert after[: len(before)] == before
        assert_whole(ledger, expected, tmp_path / "out", "src")

    def test_lost_network_is_no_damage_of_the_archive(self, network, bucket, tree, tmp_path):
        ledger = tmp_path / "mine.sqlite"
        url = f"s3://{bucket}/archive"
        archived(tree, url, "--format", "dcbs", "--workers", 1, "--ledger", ledger)
        network.cut_after(200_000)
        assert "connection" in refused(7, "verify", "--ledger", ledger)
        assert not rows(ledger, "SELECT 1 FROM output WHERE problem IS NOT NULL")
        assert "connection" in refused(7, "restore", ledger, tmp_path / "out")
        network.mend()
        ok("verify", "--ledger", ledger)
        ok("restore", ledger, tmp_path / "out")

    def test_bucket_that_is_not_there_is_named_and_not_made(self, network, tree, tmp_path):
        ledger = tmp_path / "mine.sqlite"
        done = tried(tree, "s3://missing-bucket/archive", "--ledger", ledger)
        assert done.returncode == 3
        assert "s3://missing-bucket/archive: no such bucket" in done.stderr
        assert not ledger.exists()
        assert not s3().exists("missing-bucket")

    def test_folder_that_cannot_be_made_is_named_before_anything_is_done(self, tree, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        done = tried(tree, tmp_path / "file/archive", "--ledger", tmp_path / "mine.sqlite")
        assert done.returncode == 4
        assert "file/archive: nothing can be written there" in done.stderr
        assert not (tmp_path / "mine.sqlite").exists()


def assert_stopped_by_network(done: Any, ledger: Path) -> None:
    """It said so, and nothing counts as failed."""
    assert done.returncode == 7, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: s3://")
    assert "the connection broke" in last
    assert "start the command again" in last
    for table in ("series", "place", "file"):
        assert not rows(ledger, f"SELECT * FROM {table} WHERE state = 'failed'")


class TestScratch:
    def test_file_that_memory_cannot_hold_goes_to_the_scratch_folder(self, tmp_path):
        source, scratch, dest = (tmp_path / name for name in ("source", "scratch", "dest"))
        source.mkdir()
        scratch.mkdir()
        with (
            zipfile.ZipFile(source / "large.zip", "w") as packed,
            packed.open("raw", "w") as file,
        ):
            for number in range(48):
                file.write(bytes([number]) * (1 << 20))
        arguments = (source, dest, "--format", "dcbs", "--workers", 1, "--memory", "32M")
        archived(*arguments, code=1)
        (place,) = rows(dest / "archive.sqlite", "SELECT problem FROM place")
        assert "--scratch" in place["problem"]
        assert "--memory" in place["problem"]
        archived(*arguments, "--scratch", scratch)
        assert not list(scratch.iterdir())
        ok("restore", dest / "archive.sqlite", tmp_path / "out")
        (back,) = files_of(tmp_path / "out").values()
        assert back == b"".join(bytes([number]) * (1 << 20) for number in range(48))
