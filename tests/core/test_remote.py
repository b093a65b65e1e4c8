"""Cubes behind a URL: few requests, only the bytes that are needed, servers that cannot do it."""

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.exceptions import InvalidCubeFileError, MissingDependencyError
from dicube.storage.byte_source import LocalFile, read_together
from dicube.storage.header import Extent
from dicube.storage.remote import RemoteFile, is_url
from tests.file_servers import plain_handler, s3_server, serving, use_s3

pytest.importorskip("aiohttp", reason='needs the extra "remote"')
# Of aiohttp and of sockets that fsspec closes when the interpreter ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


class RangeHandler(BaseHTTPRequestHandler):
    """Serves one folder with ranges, and remembers what was asked for."""

    folder: Path
    requests: list[tuple[str, str | None]]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.folder / self.path.lstrip("/")
        wanted = self.headers.get("Range")
        self.requests.append((self.command, wanted))
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        status, length = 200, len(data)
        if wanted is not None:
            first, last = wanted.removeprefix("bytes=").split("-")
            data = data[int(first) : int(last) + 1]
            status = 206
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        if status == 206:
            end = int(first) + len(data) - 1
            self.send_header("Content-Range", f"bytes {first}-{end}/{length}")
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(9).integers(0, 4000, (60, 128, 96)).astype(np.uint16)


@pytest.fixture
def folder(values, tmp_path) -> Path:
    image = DicomCubeImage(values, PixelDataHeader())
    image.init_meta("CT")
    image.to_file(tmp_path / "ct.dcbs")
    return tmp_path


@pytest.fixture
def handler(folder) -> type[RangeHandler]:
    return type("Handler", (RangeHandler,), {"folder": folder, "requests": []})


@pytest.fixture
def url(handler) -> Iterator[str]:
    with serving(handler) as address:
        yield f"{address}/ct.dcbs"


class TestHttp:
    def test_parts_are_those_of_the_file(self, url, values):
        with dicube.open(url) as cube:
            assert cube.shape == values.shape
            assert cube.name == url
            np.testing.assert_array_equal(cube[7, 3:40], values[7, 3:40])
            np.testing.assert_array_equal(cube[[3, 50], ::2], values[[3, 50], ::2])
            np.testing.assert_array_equal(cube[...], values)

    def test_opening_and_one_slice_fetch_little(self, url, handler, folder):
        length = (folder / "ct.dcbs").stat().st_size
        with dicube.open(url) as cube:
            gets = [wanted for command, wanted in handler.requests if command == "GET"]
            assert all(wanted is not None for wanted in gets)
            assert len(gets) <= 3  # header, tail, and what fsspec may ask to learn the length
            opened = cube._file._source.bytes_fetched
            assert opened < 70_000
            cube[30]
            assert cube._file._source.bytes_fetched - opened < 1.1 * length / 60
            assert cube._file._source.requests == 3

    def test_neighbours_come_in_one_request(self, url):
        with dicube.open(url) as cube:
            before = cube._file._source.requests
            cube[10:30]
            assert cube._file._source.requests == before + 1

    def test_metadata_are_fetched_when_they_are_asked_for(self, url, handler):
        with dicube.open(url) as cube:
            before = len(handler.requests)
            assert cube.dicom_meta.get("Modality") == "CT"
            assert len(handler.requests) <= before + 1

    def test_pickled_cube_opens_the_url_again(self, url, values):
        import pickle

        with dicube.open(url) as cube:
            copy = pickle.loads(pickle.dumps(cube))
        np.testing.assert_array_equal(copy[5], values[5])

    def test_missing_file_and_server_are_named(self, url):
        for wrong in (url + "x", "http://127.0.0.1:9/x.dcbs"):
            with pytest.raises(InvalidCubeFileError, match="cannot be fetched") as caught:
                dicube.open(wrong)
            assert caught.value.where == wrong

    def test_server_that_ignores_ranges_is_noticed(self, folder):
        ignores = pytest.raises(InvalidCubeFileError, match="ignores ranges")
        with serving(plain_handler(folder)) as address, ignores:
            dicube.open(f"{address}/ct.dcbs")

    def test_damage_is_noticed(self, url, folder):
        data = bytearray((folder / "ct.dcbs").read_bytes())
        data[400] ^= 1
        (folder / "ct.dcbs").write_bytes(data)
        with dicube.open(url) as cube, pytest.raises(InvalidCubeFileError, match="checksum"):
            cube[0]

    def test_closed_file_says_so(self, url):
        cube = dicube.open(url)
        cube.close()
        with pytest.raises(InvalidCubeFileError, match="closed"):
            cube[3]


class TestUrls:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("s3://a/b", True), ("https://x/y", True), ("/a/b", False), (Path("a:/b"), False)],
    )
    def test_urls_are_told_from_paths(self, path, expected):
        assert is_url(path) is expected

    def test_unknown_protocol_is_named(self):
        with pytest.raises(InvalidCubeFileError, match="no such kind"):
            RemoteFile("gopher-ish://x/y")

    def test_missing_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "fsspec.core", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[remote\]"):
            dicube.open("https://127.0.0.1/x.dcbs")


class TestReadTogether:
    def test_what_is_near_is_read_in_one_go(self, tmp_path):
        data = bytes(range(256)) * 4
        (tmp_path / "x").write_bytes(data)
        extents = [Extent(500, 10), Extent(10, 5), Extent(12, 20), Extent(40, 0), Extent(900, 124)]
        asked = []

        def read(hulls):
            asked.extend(hulls)
            return [data[hull.offset : hull.end] for hull in hulls]

        found = read_together(extents, 8, read)
        assert [bytes(part) for part in found] == [data[e.offset : e.end] for e in extents]
        assert asked == [Extent(10, 30), Extent(500, 10), Extent(900, 124)]
        local = LocalFile(tmp_path / "x")
        assert [bytes(part) for part in local.read(extents)] == [bytes(part) for part in found]
        local.close()


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


def test_s3(s3_endpoint, folder, values, monkeypatch):
    import fsspec

    use_s3(s3_endpoint, monkeypatch)
    bucket = fsspec.filesystem("s3", skip_instance_cache=True)
    bucket.mkdir("series")
    bucket.put(str(folder / "ct.dcbs"), "series/ct.dcbs")
    with dicube.open("s3://series/ct.dcbs") as cube:
        np.testing.assert_array_equal(cube[20:25, 8:16], values[20:25, 8:16])
        assert cube._file._source.requests == 3
    with pytest.raises(InvalidCubeFileError, match="cannot be fetched"):
        dicube.open("s3://series/other.dcbs")
