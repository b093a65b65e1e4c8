"""Zip archives of friends and of strangers."""

import io
import stat
import zipfile

import pytest

from dicube.web.unpacking import is_archive, unpack
from dicube.web.uploads import UploadError, UploadLimits, safe_parts

HOSTILE_NAMES = (
    "../outside",
    "a/../../outside",
    "/etc/passwd",
    "a//b",
    "./a",
    "a/..",
    "..\\outside",
    "C:/windows",
    "a/\x00b",
    "a\nb",
    "",
    "/".join("abcdefghijklmnopqrstuvwxyz" * 2),
    "a" * 300,
    "é" * 150,
    "a/",
)
LIMITS = UploadLimits(most_bytes=10_000_000, most_files=20, most_ratio=100.0)


def nothing(stage, done, total):
    pass


def archive_of(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name) if "\\" in name else name, content)
    return path


def refuse(archive, tmp_path, limits=LIMITS):
    """It is refused, and nothing is left where it should be, nor beside it."""
    folder = tmp_path / "inside" / "out"
    folder.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UploadError):
        unpack(archive, folder, limits, nothing)
    assert {path for path in set(tmp_path.rglob("*")) - before if path.is_file()} == set()


def test_files_come_out_as_they_went_in(tmp_path):
    members = {"a/one.dcm": b"1" * 5000, "a/b/two": b"", "Ärzte/drei.dcm": b"3"}
    archive = archive_of(tmp_path / "x.zip", members | {"__MACOSX/a/._one.dcm": b"clutter"})
    assert is_archive(archive)
    assert unpack(archive, tmp_path / "out", LIMITS, nothing) == 3
    for name, content in members.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 3


def test_an_interrupted_unpacking_goes_on(tmp_path):
    archive = archive_of(tmp_path / "x.zip", {f"{n}.dcm": bytes([n]) * 10 for n in range(5)})

    def stop(stage, done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "out", LIMITS, stop)
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert len(there) == 3
    unpack(archive, tmp_path / "out", LIMITS, nothing)
    assert len(list((tmp_path / "out").iterdir())) == 5
    assert all(path.stat().st_mtime_ns == when for path, when in there.items())


@pytest.mark.parametrize(
    "name", [name for name in HOSTILE_NAMES if name and not name.endswith("/")]
)
def test_names_that_lead_elsewhere_are_refused(name, tmp_path):
    if "\x00" in name:
        pytest.skip("zipfile itself cuts a name at its NUL")
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("good.dcm", b"good")
        member = zipfile.ZipInfo("placeholder")
        member.filename = name
        opened.writestr(member, b"bad")
    refuse(archive, tmp_path)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_of_uploads_that_lead_elsewhere_are_refused(name):
    with pytest.raises(UploadError):
        safe_parts(name)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(kind, tmp_path):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(member, "/etc/passwd")
    refuse(archive, tmp_path)


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    archive = archive_of(tmp_path / "x.zip", {"zeros": bytes(9_000_000)})
    assert archive.stat().st_size < 10_000
    refuse(archive, tmp_path)


def test_too_many_files_and_too_many_bytes_are_refused(tmp_path):
    many = archive_of(tmp_path / "many.zip", {f"{n}": b"" for n in range(21)})
    refuse(many, tmp_path)
    large = archive_of(
        tmp_path / "large.zip", {"a": bytes(6_000_000), "b": bytes(6_000_000)}, zipfile.ZIP_STORED
    )
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with pytest.raises(UploadError, match="too much"):
        unpack(large, folder, LIMITS, nothing)
    assert list(folder.iterdir()) == []


def test_a_file_that_is_longer_than_announced_is_refused(tmp_path):
    """The announced length is what the limits were checked with."""
    archive = archive_of(tmp_path / "x.zip", {"a": bytes(1000)}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    (central,) = [at for at in range(len(content)) if content[at : at + 4] == b"PK\x01\x02"]
    content[central + 24 : central + 28] = (10).to_bytes(4, "little")  # uncompressed size
    archive.write_bytes(content)
    folder = tmp_path / "out"
    with pytest.raises(UploadError):
        unpack(archive, folder, LIMITS, nothing)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_encrypted_and_damaged_archives_say_so(tmp_path):
    archive = archive_of(tmp_path / "x.zip", {"a": b"content" * 50})
    content = bytearray(archive.read_bytes())
    encrypted = content.copy()
    encrypted[6] |= 1
    encrypted[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(encrypted)
    with pytest.raises(UploadError, match="encrypted"):
        unpack(tmp_path / "e.zip", tmp_path / "out", LIMITS, nothing)
    for cut in (10, len(content) // 2, len(content) - 5):
        (tmp_path / "cut.zip").write_bytes(content[:cut])
        with pytest.raises(UploadError, match="damaged"):
            unpack(tmp_path / "cut.zip", tmp_path / "out", LIMITS, nothing)
    content[40] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(content)
    with pytest.raises(UploadError, match="damaged"):
        unpack(tmp_path / "flipped.zip", tmp_path / "out", LIMITS, nothing)


def test_what_is_no_archive_is_none(tmp_path):
    (tmp_path / "x").write_bytes(io.BytesIO(bytes(128) + b"DICM").getvalue())
    assert not is_archive(tmp_path / "x")
    (tmp_path / "empty").touch()
    assert not is_archive(tmp_path / "empty")
