"""Finding damage: every checksum, and every byte that no checksum covers."""

from collections.abc import Callable, Iterator
from functools import partial

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.header import Section


def find_damage(file: DcbFile) -> Iterator[str]:
    """Say what is wrong with an opened file, one sentence for each part; nothing if intact.

    Opening has already checked the header, the PixelDataHeader, the tables and the checksum block.
    """
    reads: list[Callable[[], object]] = [
        partial(file.section, section) for section in (Section.STATUS, Section.META, Section.SPACE)
    ]
    if file.directory is not None:
        reads += [partial(file.named_section, name) for name in file.directory.sections]
    reads += [partial(file.frames.__getitem__, number) for number in range(len(file.frames))]
    for read in reads:
        try:
            read()
        except InvalidCubeFileError as error:
            yield error.what
    yield from _uncovered(file)


def _uncovered(file: DcbFile) -> Iterator[str]:
    """Bytes that belong to no part, or to two: no checksum speaks for them."""
    position = 0
    for name, extent in sorted(file.extents(), key=lambda item: item[1]):
        if extent.length == 0:
            continue
        if extent.offset > position:
            yield f"bytes {position} to {extent.offset} belong to no part of the file"
        elif extent.offset < position:
            yield f"{name} overlaps the part before it"
        position = max(position, extent.end)
    if position < file.length:
        yield f"bytes {position} to {file.length} belong to no part of the file"
