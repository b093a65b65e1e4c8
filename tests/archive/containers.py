"""Zip and tar files for tests."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

FILES = {"one": b"1" * 3000, "a/two.dcm": bytes(range(256)) * 40, "a/b/empty": b""}


def zip_of(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tar_bytes(files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mtime = 1_000_000_000
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": zstandard.compress,
}


def container_of(folder: Path, suffix: str, files: Mapping[str, bytes] = FILES) -> Path:
    """A container with this suffix, and what fits to it."""
    path = folder / f"x{suffix}"
    if suffix == ".zip":
        return zip_of(path, files)
    path.write_bytes(COMPRESSED[suffix](tar_bytes(files)))
    return path


SUFFIXES = [".zip", *COMPRESSED]
