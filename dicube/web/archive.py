"""A folder as a zip archive that is made while it is sent."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CHUNK_BYTES: Final = 1 << 20


class _Sink:
    """What zipfile writes to; no seeking, so that nothing has to be kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        parts, self._parts = b"".join(self._parts), []
        return parts


def zipped(folder: Path) -> Iterator[bytes]:
    """The files of a folder, stored as they are: what they hold is compressed, or made to be sent
    to the same machine.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            name = path.relative_to(folder.parent).as_posix()
            with open(path, "rb") as source, archive.open(name, "w", force_zip64=True) as member:
                while chunk := source.read(_CHUNK_BYTES):
                    member.write(chunk)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()
