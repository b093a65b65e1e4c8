"""Files that are kept as they are, in a zip file that every system reads."""

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Final, cast

from dicube.archive.destination import digest_of, digest_of_stream
from dicube.archive.work import FileRef
from dicube.exceptions import DataConsistencyError

_CHUNK_BYTES: Final = 1 << 20
# Zip files know no dates before; the dates of the files are in the ledger.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def write_kept_files(path: Path, files: Sequence[tuple[FileRef, Path]]) -> None:
    """Write files into a zip file, named `label/path` by the tree; the caller checks it.

    Raises
    ------
    OSError
        A file cannot be read, or the zip file cannot be written.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for ref, source in files:
            member = zipfile.ZipInfo(member_name(ref), _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            with open(source, "rb") as file, archive.open(member, "w", force_zip64=True) as kept:
                shutil.copyfileobj(file, kept, _CHUNK_BYTES)


def check_kept_files(path: Path, files: Sequence[tuple[FileRef, Path]]) -> list[str]:
    """Compare what a zip file holds with the files; the XXH3-128 of each, hexadecimal.

    Raises
    ------
    DataConsistencyError
        They differ, or the zip file is damaged.
    """
    kept = digests_of_members(path)
    wanted = [(member_name(ref), digest_of(source)[1]) for ref, source in files]
    if kept != wanted:
        raise DataConsistencyError("the files that were kept are not those read", where=str(path))
    return [digest for _, digest in kept]


def digests_of_members(path: Path) -> list[tuple[str, str]]:
    """Name and XXH3-128 of the members of a zip file, in their order.

    Raises
    ------
    DataConsistencyError
        The zip file is damaged.
    """
    found = []
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    found.append((member.filename, digest_of_stream(cast(BufferedIOBase, file))[1]))
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise DataConsistencyError("the zip file is damaged", where=str(path)) from error
    return found


def member_name(ref: FileRef) -> str:
    """What a file is called in there."""
    return f"{ref.label}/{ref.tree_path}"
