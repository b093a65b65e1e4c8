"""Zip and tar files: taken apart to the last byte, or not at all."""

import contextlib
import gzip
import io
import stat
import struct
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dicube.archive.sources import containers
from dicube.archive.sources.containers import container_kind, read_members
from dicube.archive.sources.errors import ContainerError, SourceError
from tests.archive.containers import (
    COMPRESSED,
    FILES,
    SUFFIXES,
    container_of,
    tar_bytes,
    zip_of,
)


def contents(path: Path, wanted=None) -> dict[str, bytes]:
    kind = "zip" if path.suffix == ".zip" else "tar"
    with open(path, "rb") as file:
        length = path.stat().st_size
        members = read_members(kind, file, length, where=str(path), wanted=wanted)
        found = {}
        for listed, pieces in members:
            found[listed.name] = b"".join(pieces)
            assert len(found[listed.name]) == listed.length_bytes
        return found


def refused(path: Path, reason: str = "it ") -> None:
    with pytest.raises(ContainerError, match=reason) as caught:
        contents(path)
    assert caught.value.where == str(path)
    assert "kept as it is" in str(caught.value)


def tar_of(path: Path, *members: tarfile.TarInfo) -> Path:
    """A tar file whose members have as many bytes as they say."""
    with tarfile.open(path, "w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"\1" * member.size))
    return path


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member


class TestMembers:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_they_come_out_as_they_went_in(self, tmp_path, suffix):
        assert contents(container_of(tmp_path, suffix)) == FILES

    @pytest.mark.parametrize(
        "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    def test_every_way_of_packing_a_zip_file_is_read(self, tmp_path, method):
        assert contents(zip_of(tmp_path / "x.zip", FILES, method)) == FILES

    @pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
    def test_every_form_of_tar_is_read(self, tmp_path, form):
        files = dict(FILES)
        if form != tarfile.USTAR_FORMAT:
            files["/".join(["long" * 20] * 4) + "/é"] = b"far"
        path = tmp_path / "x.tar.gz"
        path.write_bytes(gzip.compress(tar_bytes(files, form)))
        assert contents(path) == files

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_only_those_that_are_wanted_come(self, tmp_path, suffix):
        path = container_of(tmp_path, suffix)
        assert contents(path, {"a/two.dcm", "gone"}) == {"a/two.dcm": FILES["a/two.dcm"]}
        assert contents(path, set()) == {}

    @pytest.mark.parametrize("suffix", SUFFIXES)
    def test_large_ones_come_in_pieces(self, tmp_path, suffix):
        path = container_of(tmp_path, suffix, {"large": bytes(range(256)) * 20_000, "b": b"2"})
        with open(path, "rb") as file:
            kind = "zip" if suffix == ".zip" else "tar"
            [lengths, _] = [
                [len(piece) for piece in pieces]
                for _, pieces in read_members(kind, file, path.stat().st_size, where="x")
            ]
        assert sum(lengths) == 256 * 20_000
        assert max(lengths) <= 1 << 20

    def test_clutter_of_the_finder_and_containers_are_members_like_others(self, tmp_path):
        inner = zip_of(tmp_path / "inner.zip", {"a": b"1"}).read_bytes()
        files = {"__MACOSX/._a": b"clutter", ".DS_Store": b"more", "inner.zip": inner}
        assert contents(zip_of(tmp_path / "x.zip", files)) == files

    @pytest.mark.parametrize("suffix", [".zip", ".tar"])
    def test_folders_are_no_members_and_a_dot_before_a_name_is_nothing(self, tmp_path, suffix):
        folder, name = "./a/", "./a/b"
        path = tmp_path / f"x{suffix}"
        if suffix == ".zip":
            zip_of(path, {folder: b"", name: b"\1"})
        else:
            tar_of(path, info(".", kind=tarfile.DIRTYPE), info(folder, kind=tarfile.DIRTYPE),
                   info(name, 1))  # fmt: skip
        assert contents(path) == {"a/b": b"\1"}

    def test_dates_are_those_of_the_container(self, tmp_path):
        member = zipfile.ZipInfo("a", (2001, 9, 9, 1, 46, 40))
        odd = zipfile.ZipInfo("b", (1980, 0, 0, 0, 0, 0))
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr(member, b"1")
            archive.writestr(odd, b"1")
        for name, expected in (("x.zip", [10**18, 0]), ("x.tar", [10**18] * 3)):
            path = tmp_path / name if name == "x.zip" else container_of(tmp_path, ".tar")
            with open(path, "rb") as file:
                members = read_members(path.suffix[1:], file, path.stat().st_size, where="x")
                assert [listed.modified_ns for listed, _ in members] == expected

    @pytest.mark.parametrize("mtime", ["nan", "inf", "-5", "1e300"])
    def test_dates_that_are_none_are_unknown(self, tmp_path, mtime):
        member = info("a", 1)
        member.pax_headers = {"mtime": mtime}
        path = tar_of(tmp_path / "x.tar", member)
        with open(path, "rb") as file:
            [found] = [m for m, _ in read_members("tar", file, path.stat().st_size, where="x")]
        assert found.modified_ns == 0

    def test_kinds_are_told_by_name_and_bytes(self):
        assert container_kind("a.zip", b"PK\x03\x04") == "zip"
        assert container_kind("a.zip", b"\x1f\x8b") is None
        assert container_kind("a.tar", b"\x1f\x8b") == "tar"  # tar files are often misnamed
        assert container_kind("a.gz", b"\x1f\x8b") is None
        assert container_kind("a.tar.gz", tar_bytes(FILES)[:512]) == "tar"


HOSTILE_NAMES = [
    "../out", "a/../../out", "/etc/passwd", "a//b", "a/./b", "..", "C:/windows", "..\\out", "a\nb",
    "a\x1b[31m", "x" * 201, "/".join("abcdefgh" * 5), "/".join(["x" * 150] * 20),
]  # fmt: skip


class TestRefusal:
    @pytest.mark.parametrize("name", HOSTILE_NAMES)
    @pytest.mark.parametrize("suffix", [".zip", ".tar"])
    def test_names_that_lead_elsewhere_or_cannot_be_written(self, tmp_path, suffix, name):
        path = tmp_path / f"x{suffix}"
        if suffix == ".tar":
            tar_of(path, info("good", 1), info(name, 1))
        else:
            member = zipfile.ZipInfo("x")
            member.filename = name
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("good", b"1")
                archive.writestr(member, b"1")
        refused(path, "name")

    def test_name_that_zipfile_cuts_at_its_nul(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", {"aXb": b"1"})
        path.write_bytes(path.read_bytes().replace(b"aXb", b"a\0b"))
        refused(path, "control character")

    def test_names_that_are_no_utf8(self, tmp_path):
        path = container_of(tmp_path, ".tar", {"aXb": b"1"})
        data = bytearray(path.read_bytes())
        data[1] = 0xE9
        data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
        path.write_bytes(data)
        refused(path, "name")

    @pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b"), ("a/b/c", "a/b")])
    def test_names_that_are_in_each_others_way(self, tmp_path, names):
        refused(tar_of(tmp_path / "x.tar", *(info(name, 1) for name in names)), "there twice")

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    )
    def test_links_and_devices_in_tar_files(self, tmp_path, kind):
        member = info("b", kind=kind)
        member.linkname = "a"
        refused(tar_of(tmp_path / "x.tar", info("a", 1), member), "links")

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
    def test_links_and_devices_in_zip_files(self, tmp_path, kind):
        member = zipfile.ZipInfo("link")
        member.external_attr = (kind | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr(member, "/etc/passwd")
        refused(tmp_path / "x.zip", "links")

    def test_encrypted_zip_files(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", {"a": b"secret"}, zipfile.ZIP_STORED)
        data = bytearray(path.read_bytes())
        data[6] |= 1  # general purpose flags of the member, and of its entry in the list
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)
        refused(path, "encrypted")

    def test_way_of_packing_that_nobody_knows(self, tmp_path):
        path = zip_of(tmp_path / "x.zip", {"a": b"1" * 100})
        data = bytearray(path.read_bytes())
        for start in (8, data.index(b"PK\x01\x02") + 10):
            data[start : start + 2] = struct.pack("<H", 9)  # deflate64
        path.write_bytes(data)
        refused(path, "unusual way")

    @pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
    def test_bombs(self, tmp_path, suffix, monkeypatch):
        monkeypatch.setattr(containers, "_SMALL_BYTES", 1 << 20)
        small = container_of(tmp_path, suffix, {"a": bytes(1 << 20)})
        assert len(contents(small)["a"]) == 1 << 20
        bomb = container_of(tmp_path, suffix, {"a": b"1", "b": bytes(3 << 20)})
        assert bomb.stat().st_size * 200 < 3 << 20
        refused(bomb, "far more than it holds")

    def test_sparse_file_that_is_larger_than_any_disk(self, tmp_path):
        member = info("sparse")
        member.pax_headers = {
            "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "sparse",
            "GNU.sparse.size": str(1 << 50), "GNU.sparse.map": "0,0",
        }  # fmt: skip
        refused(tar_of(tmp_path / "x.tar", member), "far more than it holds")

    def test_header_that_would_fill_the_memory(self, tmp_path):
        path = tmp_path / "x.tar.gz"
        member = info("a", 1)
        member.pax_headers = {"comment": "x" * (2 << 20)}
        path.write_bytes(gzip.compress(tar_of(tmp_path / "y.tar", member).read_bytes()))
        refused(path, "header is too long")
        refused(tmp_path / "y.tar", "header is too long")

    @pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
    def test_something_after_the_end(self, tmp_path, suffix):
        pack = COMPRESSED[suffix]
        path = tmp_path / f"x{suffix}"
        path.write_bytes(pack(tar_bytes({"a": b"1"}) + tar_bytes({"b": b"2"})))
        refused(path, "after its end")

    def test_something_before_the_members(self, tmp_path):
        one, two = (zip_of(tmp_path / f"{n}.zip", {n: b"1"}) for n in "ab")
        one.write_bytes(one.read_bytes() + two.read_bytes())
        refused(one, "before its first member")

    def test_members_that_an_empty_list_hides(self, tmp_path):
        one, two = zip_of(tmp_path / "a.zip", {"a": b"1"}), zip_of(tmp_path / "b.zip", {})
        one.write_bytes(one.read_bytes() + two.read_bytes())
        refused(one, "has no files")

    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tgz"])
    def test_containers_of_nothing_which_would_be_forgotten(self, tmp_path, suffix):
        refused(container_of(tmp_path, suffix, {}), "has no files")

    def test_folder_with_content(self, tmp_path):
        refused(zip_of(tmp_path / "x.zip", {"a/": b"content"}), "no files")

    @pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tar.zst"])
    def test_what_is_no_container(self, tmp_path, suffix):
        for content in (b"", b"no container" * 1000, COMPRESSED.get(suffix, bytes)(b"text" * 9)):
            (tmp_path / f"x{suffix}").write_bytes(content)
            refused(tmp_path / f"x{suffix}")


@pytest.fixture(scope="module")
def packed() -> dict[str, bytes]:
    """Every kind of container, with zeros after the members as tar writes them."""
    with tempfile.TemporaryDirectory() as folder:
        return {suffix: container_of(Path(folder), suffix).read_bytes() for suffix in SUFFIXES}


def contents_of(suffix: str, data: bytes) -> dict[str, bytes]:
    kind = "zip" if suffix == ".zip" else "tar"
    file = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]
    members = read_members(kind, file, len(data), where="x")
    return {listed.name: b"".join(pieces) for listed, pieces in members}


class TestDamage:
    @pytest.mark.parametrize("suffix", SUFFIXES)
    @given(data=st.data())
    def test_what_is_cut_short_is_refused_or_whole(self, packed, suffix, data):
        whole = packed[suffix]
        kept = data.draw(st.integers(0, len(whole) - 1))
        try:
            assert contents_of(suffix, whole[:kept]) == FILES
        except ContainerError:
            return
        # What is missing then says nothing of the members: zeros at the end, or a checksum of zstd.
        assert suffix in (".tar", ".tar.zst")
        assert kept >= len(whole) - 10_240

    @pytest.mark.parametrize("suffix", [".zip", ".tgz", ".tar.bz2", ".tar.xz"])
    @given(data=st.data())
    def test_changed_bytes_never_give_other_content(self, packed, suffix, data):
        damaged = bytearray(packed[suffix])
        where = data.draw(st.integers(0, len(damaged) - 1))
        damaged[where] ^= data.draw(st.integers(1, 255))
        try:
            found = contents_of(suffix, bytes(damaged))
        except ContainerError:
            return
        assert sorted(found.values()) == sorted(FILES.values())

    @pytest.mark.parametrize("suffix", SUFFIXES)
    @given(data=st.data())
    def test_any_damage_is_a_container_error(self, packed, suffix, data):
        damaged = bytearray(packed[suffix])
        for _ in range(data.draw(st.integers(1, 20))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        with contextlib.suppress(ContainerError):  # any other error fails
            contents_of(suffix, bytes(damaged))

    def test_header_in_the_middle_is_no_end(self, tmp_path):
        path = container_of(tmp_path, ".tar", {"a": b"1" * 600, "b": b"2"})
        data = bytearray(path.read_bytes())
        data[data.index(b"b" + bytes(99))] ^= 1
        path.write_bytes(data)
        refused(path, "damaged")

    def test_tar_file_without_its_end(self, tmp_path):
        path = container_of(tmp_path, ".tar", {"a": b"1" * 512})
        data = path.read_bytes()
        for kept in (1024, 1536):
            path.write_bytes(data[:kept])
            if kept == 1024:
                refused(path, "damaged")
            else:
                assert contents(path) == {"a": b"1" * 512}

    def test_checksum_of_zstd_is_compared(self, tmp_path):
        path = tmp_path / "x.tar.zst"
        packer = zstandard.ZstdCompressor(write_checksum=True)
        data = bytearray(packer.compress(tar_bytes(FILES)))
        data[-1] ^= 1
        path.write_bytes(data)
        refused(path, "checksum")

    def test_what_a_disk_cannot_read_is_no_damage_of_a_container(self):
        class Failing(io.RawIOBase):
            def readable(self):
                return True

            seekable = readable

            def seek(self, offset, whence=0):
                return offset if whence == 0 else 999

            def readinto(self, buffer):
                raise SourceError("cannot be read")

        for kind in ("zip", "tar"):
            with pytest.raises(SourceError):
                list(read_members(kind, io.BufferedReader(Failing()), 999, where="x"))
