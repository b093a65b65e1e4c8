"""Sources behind URLs: buckets, pages that list files, and what else fsspec knows."""

import os
import sys
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from dicube.archive.sources import remote_tree
from dicube.archive.sources.errors import ContainerError, NoRoomError, SourceError
from dicube.archive.sources.listing import list_place, list_places
from dicube.archive.sources.staging import Staging
from dicube.archive.work import Failure, FileRef, Place
from dicube.exceptions import MissingDependencyError, UnreachableError
from tests.archive.containers import FILES, SUFFIXES, container_of
from tests.file_servers import plain_handler, s3_server, serving, use_s3

fsspec = pytest.importorskip("fsspec", reason='needs the extra "remote"')
pytest.importorskip("aiohttp", reason='needs the extra "remote"')
# Of aiohttp and of sockets that fsspec closes when the interpreter ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

PLENTY = 100 << 20
TREE = {
    "top": b"t",
    "a/1.dcm": b"1" * 5000,
    "a/2 é#%20&.dcm": b"2",
    "a/empty": b"",
    "a/b/large": bytes(range(256)) * 40_000,
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """A tree with files and one container of each kind."""
    for name, content in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    for suffix in SUFFIXES:
        container_of(tmp_path / "a", suffix)
    return tmp_path


class RangeHandler(SimpleHTTPRequestHandler):
    """Lists folders, and gives ranges."""

    def send_head(self):
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            return super().send_head()
        data = path.read_bytes()
        first, last = wanted.removeprefix("bytes=").split("-")
        part = data[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)
        return None


@pytest.fixture(params=["whole files", "ranges"])
def url(request, folder) -> Iterator[str]:
    plain = plain_handler(folder)
    handler = plain if request.param == "whole files" else type("H", (plain, RangeHandler), {})
    with serving(handler) as address:
        yield address


def whole(root: str) -> dict[str, bytes]:
    """All that is at a source, by path; members as if their container were a folder."""
    found = {}
    with Staging(PLENTY) as staging:
        for listed in list_places(root):
            place = Place(1, root, listed.path, listed.container)
            assert list_place(place) == listed
            for batch in staging.batches(place, listed):
                for file, path in batch:
                    content = path.read_bytes()
                    assert len(content) == file.length_bytes
                    base = root.rstrip("/").removesuffix(f"/{listed.path}")
                    named = "/".join(part for part in (base, listed.path, file.name) if part)
                    assert staging.true_names(f"{path}: x") == f"{named}: x"
                    found[f"{listed.path}/{file.name}".lstrip("/")] = content
            assert staging.failures == []
    return found


EXPECTED = {
    **TREE,
    **{f"a/x{suffix}/{name}": content for suffix in SUFFIXES for name, content in FILES.items()},
}


def refs_of(root: str) -> list[FileRef]:
    refs = [FileRef(0, root, "L", *os.path.split(name), None, len(TREE[name])) for name in TREE]
    for suffix in SUFFIXES:
        kind = "zip" if suffix == ".zip" else "tar"
        refs += [
            FileRef(0, root, "L", f"a/x{suffix}", name, kind, len(content))
            for name, content in FILES.items()
        ]
    return refs


def check_bring(root: str) -> None:
    refs = refs_of(root)
    gone = [refs[0]._replace(name="gone"), refs[1]._replace(length_bytes=4),
            refs[1]._replace(length_bytes=5001), refs[-1]._replace(folder="a/y.zip")]  # fmt: skip
    with Staging(PLENTY) as staging:
        brought = staging.bring(refs)
        assert brought.failures == []
        for ref, path in zip(refs, brought.paths, strict=True):
            assert path == brought.folder / ref.tree_path
            assert path.read_bytes() == EXPECTED[ref.tree_path]
        brought = staging.bring([refs[2], *gone[:2], gone[3]])
        assert brought.paths[0].read_bytes() == b"2"
        assert [ref for ref, _ in brought.failures] == [gone[0], gone[1], gone[3]]
        assert staging.bring([gone[2]]).paths == [None]


class TestHttp:
    def test_pages_that_list_files_are_walked_and_read(self, url):
        assert whole(url) == EXPECTED
        assert whole(f"{url}/a/") == {
            name.removeprefix("a/"): content
            for name, content in EXPECTED.items()
            if name.startswith("a/")
        }

    def test_files_are_brought(self, url):
        check_bring(url)

    def test_listing_has_lengths_and_dates(self, url, folder):
        os.utime(folder / "a" / "1.dcm", (1e9, 1e9))
        places = {place.path: place for place in list_places(url)}
        assert list(places) == ["", "a", "a/b", *sorted(f"a/x{suffix}" for suffix in SUFFIXES)]
        assert places["a"].files[0] == ("1.dcm", 5000, 10**18)
        os.utime(folder / "a" / "1.dcm", (1e9, 2e9))
        os.utime(folder / "a" / "x.zip", (1e9, 2e9))
        again = {place.path: place for place in list_places(url)}
        changed = {path for path in places if places[path] != again[path]}
        assert changed == {"a", "a/x.zip"}

    def test_container_may_be_the_root(self, url):
        for suffix in (".zip", ".tar.gz"):
            root = f"{url}/a/x{suffix}"
            [place] = list_places(root)
            assert place.path == f"x{suffix}"
            assert {name.partition("/")[2]: data for name, data in whole(root).items()} == FILES

    def test_suffix_without_the_bytes_of_a_container_is_told_when_it_is_read(self, url, folder):
        (folder / "a" / "x.zip").write_bytes(b"no zip file")
        with Staging(PLENTY) as staging, pytest.raises(ContainerError, match="damaged"):
            list(staging.batches(Place(1, url, "a/x.zip", "zip")))

    def test_links_of_a_page_that_lead_elsewhere_are_no_files(self, tmp_path):
        (tmp_path / "good").write_bytes(b"x")
        (tmp_path / "index.html").write_text(
            '<a href="?C=N;O=D">Name</a><a href="/">up</a><a href="../">up</a>'
            '<a href="http://127.0.0.1:9/x">away</a><a href="good">good</a>'
            '<a href="good">again</a><a href="%2e%2e">up</a><a href="a%2Fb">slash</a>'
            '<a href="gone">gone</a><a href="/sub/deep">deep</a>'
        )
        with serving(plain_handler(tmp_path)) as address:
            [place] = list_places(address)
        assert [file.name for file in place.files] == ["good"]
        assert [failure.name for failure in place.failures] == ["..", "a/b", "gone"]

    def test_server_that_is_not_there_is_named_without_credentials(self):
        with pytest.raises(UnreachableError, match="does not answer") as caught:
            list(list_places("http://me:secret@127.0.0.1:9/data?token=secret"))
        assert "http://127.0.0.1:9/data" in str(caught.value)
        assert "secret" not in str(caught.value)

    def test_too_little_memory_says_how_to_go_on(self, url, tmp_path):
        with Staging(1 << 20) as staging:
            with pytest.raises(NoRoomError, match="--scratch"):
                list(staging.batches(Place(1, url, "a/b", None)))
            with pytest.raises(NoRoomError, match="--scratch"):
                staging.bring(refs_of(url))
        (tmp_path / "scratch").mkdir()
        with Staging(1 << 20, scratch=tmp_path / "scratch") as staging:
            brought = staging.bring(refs_of(url))
            assert [path.read_bytes() for path in brought.paths] == list(EXPECTED.values())

    def test_file_that_cannot_be_fetched_is_a_failure_of_its_place(self, url, folder):
        place = Place(1, url, "a", None)
        listed = list_place(place)
        (folder / "a" / "1.dcm").unlink()
        (folder / "a" / "empty").write_bytes(b"no more")
        with Staging(PLENTY) as staging:
            [batch] = staging.batches(place, listed)
            assert [file.name for file, _ in batch] == ["2 é#%20&.dcm"]
            assert [failure.name for failure in staging.failures] == ["1.dcm", "empty"]

    def test_several_files_are_fetched_at_a_time(self, folder):
        from threading import Barrier

        for number in range(4):
            (folder / f"file{number}").write_bytes(b"x")
        meeting = Barrier(4, timeout=20)  # breaks unless four are asked for together

        class Handler(plain_handler(folder)):  # type: ignore[misc]
            def do_GET(self):
                if "file" in self.path:
                    meeting.wait()
                super().do_GET()

        with serving(Handler) as address, Staging(PLENTY) as staging:
            refs = [FileRef(n, address, "L", "", f"file{n}", None, 1) for n in range(4)]
            assert staging.bring(refs).failures == []


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint, monkeypatch):
    """A file system, and a bucket of its own in it."""
    use_s3(s3_endpoint, monkeypatch)
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("source")
    yield files
    files.rm("source", recursive=True)


class TestS3:
    def test_buckets_are_walked_and_read(self, bucket, folder):
        bucket.put(f"{folder}/", "source/tree/", recursive=True)
        assert whole("s3://source/tree") == EXPECTED
        assert set(whole("s3://source")) == {f"tree/{name}" for name in EXPECTED}
        check_bring("s3://source/tree")

    def test_fingerprints_change_with_what_is_put_there(self, bucket, folder):
        bucket.pipe({"source/a/1": b"1", "source/b/x.zip": b"PK"})
        places = {place.path: place for place in list_places("s3://source")}
        assert places["a"].files[0].modified_ns > 10**18
        # By somebody else, as this file system does not know.
        for key, body in (("a/1", b"2"), ("b/x.zip", b"PQ")):
            bucket.call_s3("put_object", Bucket="source", Key=key, Body=body)
        again = {place.path: place for place in list_places("s3://source")}
        assert set(places) == {"a", "b/x.zip"}
        assert all(places[path].fingerprint != again[path].fingerprint for path in places)

    def test_keys_that_can_be_no_files_are_reported(self, bucket):
        client = {"Bucket": "source", "Body": b"x"}
        for key in ("a", "a/b", "c//d", "../e", "marker/", "marker/f", "x" * 300):
            bucket.call_s3(
                "put_object", Key=key, **client | ({"Body": b""} if key[-1] == "/" else {})
            )
        places = {place.path: place for place in list_places("s3://source")}
        failed = {(path, f.name) for path, place in places.items() for f in place.failures}
        assert failed == {("", ".."), ("", "a"), ("", "x" * 300), ("c", "")}
        assert {(p, f.name) for p, place in places.items() for f in place.files} == {
            ("a", "b"), ("marker", "f")
        }  # fmt: skip

    def test_bucket_that_is_not_there_is_named(self, bucket):
        with pytest.raises(SourceError, match=r"s3://gone.*cannot be read"):
            list(list_places("s3://gone/tree"))


@pytest.fixture
def urls_without_files(folder) -> Iterator[list[str]]:
    files = fsspec.filesystem("memory")
    files.pipe("/source/a.dcm", b"1")
    (folder / "bare").mkdir()
    with serving(plain_handler(folder)) as address:
        yield ["memory://source/a.dcm", f"{address}/bare"]
    files.rm("/source", recursive=True)


class TestOthers:
    def test_file_systems_in_memory_are_sources(self):
        files = fsspec.filesystem("memory")
        files.pipe({f"/source/{name}": content for name, content in TREE.items()})
        try:
            assert whole("memory://source") == TREE
        finally:
            files.rm("/source", recursive=True)

    def test_root_that_is_a_file_or_an_empty_page_is_refused(self, urls_without_files):
        for root in urls_without_files:
            with pytest.raises(SourceError, match="neither a folder") as caught:
                list(list_places(root))
            assert caught.value.where == root

    def test_unknown_kinds_of_urls_are_named(self):
        with pytest.raises(SourceError, match="no such kind") as caught:
            list(list_places("gopher-ish://me:secret@x/y"))
        assert "secret" not in str(caught.value)

    def test_missing_packages_are_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "fsspec.core", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[remote\]"):
            list(list_places("https://127.0.0.1/x"))

    def test_dates_are_read_in_every_form(self):
        texts = ["Sun, 09 Sep 2001 01:46:40 GMT", "2001-09-09T01:46:40Z", 1e9, 10**9]
        assert {remote_tree._modified_ns({"mtime": text}) for text in texts} == {10**18}
        assert remote_tree._modified_ns({"mtime": "yesterday"}) == 0

    def test_failed_folder_is_a_place_that_failed(self, monkeypatch):
        files = fsspec.filesystem("memory")
        files.pipe({"/source/a/1": b"1", "/source/b/2": b"2"})
        ls = files.ls

        def refuse(path, **options):
            if path.endswith("/a"):
                raise PermissionError("no rights")
            return ls(path, **options)

        monkeypatch.setattr(files, "ls", refuse)
        try:
            first, second = list_places("memory://source")
        finally:
            files.rm("/source", recursive=True)
        assert first.failures == (Failure("", "the folder cannot be read: PermissionError"),)
        assert second.path == "b"
