"""A series as a folder of DICOM files.

Nothing that is already in the folder is touched unless the caller says so, and then only files of
the same name are replaced.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy.typing as npt

from dicube.codecs import codec_for_transfer_syntax
from dicube.codecs.parallel import map_in_order
from dicube.dicom.class_pixels import fit_to_class
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.file_builder import (
    FilePixels,
    file_from_meta,
    file_from_source,
    layout_for_meta,
)
from dicube.dicom.folder_scan import Progress
from dicube.dicom.instance import EXPLICIT_UID
from dicube.dicom.series.frame_meta import frame_counts
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import CodecError, DataConsistencyError

Array = npt.NDArray[Any]
MakeFile = Callable[[], bytes]

# Names for `transfer_syntax=` and --transfer-syntax; the UIDs are taken as well.
TRANSFER_SYNTAXES: Final = {
    "explicit": EXPLICIT_UID,
    "htj2k": "1.2.840.10008.1.2.4.201",
    "htj2k-rpcl": "1.2.840.10008.1.2.4.202",
    "jpeg2000": "1.2.840.10008.1.2.4.90",
    "jpegls": "1.2.840.10008.1.2.4.80",
    "jxl": "1.2.840.10008.1.2.4.110",
    "rle": "1.2.840.10008.1.2.5",
}
HTJ2K_UIDS: Final = frozenset((TRANSFER_SYNTAXES["htj2k"], TRANSFER_SYNTAXES["htj2k-rpcl"]))
JXL_UID: Final = TRANSFER_SYNTAXES["jxl"]


def transfer_syntax_uid(name: str) -> str:
    """The UID of a transfer syntax that export can write.

    Raises
    ------
    CodecError
        The name or UID is not among them.
    """
    uid = TRANSFER_SYNTAXES.get(name.lower(), name)
    if uid not in TRANSFER_SYNTAXES.values():
        raise CodecError(
            f"transfer syntax {name!r} cannot be written",
            hint="one of " + ", ".join(TRANSFER_SYNTAXES),
        )
    return uid


def files_from_sources(
    sources: Sequence[SourceFile],
    values: Array,
    uid: str | None,
    codestreams: Sequence[bytes | memoryview] | None,
) -> Iterator[MakeFile]:
    """How to make each file of an unedited series, in their order.

    Parameters
    ----------
    values : (frames, rows, columns[, samples]) array
    uid : str or None
        Transfer syntax; None gives back the source files themselves, byte for byte, and explicit
        VR little endian for those that were compressed.
    codestreams : sequence or None
        One for each frame, if they exist already; else they are encoded here.

    Raises
    ------
    DataConsistencyError
        The values are not those of the source files.
    CodecError
        The transfer syntax cannot hold such pixels.
    """
    if uid is not None:
        allocated = [source.layout.bits_allocated for source in sources]
        codestreams = _encoded(values, allocated, uid, codestreams)
    start = 0
    for source in sources:
        frames = slice(start, start + source.layout.frames)
        start = frames.stop
        if uid is None and source.exact:
            yield partial(source.file_bytes, values[frames])
            continue
        streams = None if codestreams is None else codestreams[frames]
        # A codec gives each pixel its own chrominance; only untouched native pixels share it.
        native = source.layout.as_native_little(keep_chroma=source.exact and streams is None)
        pixels = FilePixels(values[frames], native, streams)
        yield partial(file_from_source, source, pixels, uid or EXPLICIT_UID)


def files_from_meta(
    meta: DicomMeta,
    values: Array,
    uid: str | None,
    codestreams: Sequence[bytes | memoryview] | None,
) -> Iterator[MakeFile]:
    """How to make each file of a series that is built from its metadata; else as above.

    Raises
    ------
    DataConsistencyError
        The frames do not match the slices of the metadata, or their SOP class holds no such pixels.
    MetaDataError
        The metadata lacks what a DICOM file needs.
    """
    # All at once: files are made in several threads, and entries are converted when asked for.
    meta.merged_entries()
    frames_of = frame_counts(meta)
    if sum(frames_of) != len(values):
        raise DataConsistencyError(
            f"the metadata describes {sum(frames_of)} frames, the image has {len(values)}",
            hint="give the image metadata with one slice for each frame",
        )
    fitting = fit_to_class(meta, values)
    if fitting is not values:
        values, codestreams = fitting, None
    uid = uid or EXPLICIT_UID
    allocated = [n for n in meta.get_values(CommonTags.BitsAllocated) if isinstance(n, int)]
    codestreams = _encoded(values, allocated, uid, codestreams)
    start = 0
    for index, count in enumerate(frames_of):
        frames = slice(start, start + count)
        start = frames.stop
        layout = layout_for_meta(meta, index, values[frames])
        streams = None if codestreams is None else codestreams[frames]
        pixels = FilePixels(values[frames], layout, streams)
        yield partial(file_from_meta, meta, index, pixels, uid)


def names_from_meta(meta: DicomMeta) -> list[str]:
    """File names for a series that is built from its metadata: the places of the slices."""
    return [f"{index + 1:05d}.dcm" for index in range(meta.slice_count)]


def write_files(
    folder: str | os.PathLike[str],
    names: Sequence[str],
    files: Iterator[MakeFile],
    *,
    overwrite: bool,
    num_threads: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Make files below a folder, several at a time; paths in the order of the files.

    The folder is made if need be.

    Raises
    ------
    DataConsistencyError
        A file exists and `overwrite` is False (nothing is written then), two files have one name,
        or a name leads out of the folder.
    """
    root = Path(folder)
    targets = [path_below(root, name) for name in names]
    if len(set(targets)) < len(targets):
        raise DataConsistencyError("two files have the same name", where=str(folder))
    existing = [target for target in targets if target.exists()]
    if existing and not overwrite:
        raise DataConsistencyError(
            f"{len(existing)} of {len(targets)} files exist already, such as {existing[0].name}",
            where=str(folder),
            hint="choose another folder, or allow it with overwrite=True (--overwrite)",
        )

    def write(item: tuple[Path, MakeFile]) -> None:
        target, make = item
        _write(target, make())

    written = map_in_order(write, zip(targets, files, strict=True), num_threads)
    for number, _ in enumerate(written):
        if progress is not None:
            progress("exporting", number + 1, len(targets))
    return targets


def _write(target: Path, data: bytes) -> None:
    """Write one file beside its place and move it there, so that it is whole or absent."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(target)
        ) from error


def path_below(root: Path, name: str) -> Path:
    """The path of a file of this name, which must not lead out of the folder.

    Raises
    ------
    DataConsistencyError
        It is absolute, empty, or goes up.
    """
    return root.joinpath(*steps_of(name, where=str(root)))


def steps_of(name: str, *, where: str) -> tuple[str, ...]:
    """The folders and the name of a path that stays below the folder it is relative to.

    Raises
    ------
    DataConsistencyError
        It is absolute, empty, or goes up.
    """
    parts = PurePosixPath(name).parts
    # A backslash is a letter of a name here and separates folders elsewhere; it must lead nowhere.
    steps = name.replace("\\", "/").split("/")
    is_outside = ".." in steps or "\0" in name or (os.sep == "\\" and "\\" in name)
    if not parts or name.startswith("/") or is_outside:
        raise DataConsistencyError(
            "a stored file name leads out of the folder", where=where, hint="the file is forged"
        )
    return parts


def _encoded(
    values: Array,
    allocated: Sequence[int],
    uid: str,
    existing: Sequence[bytes | memoryview] | None,
) -> Sequence[bytes | memoryview] | None:
    """Codestreams of all frames, those that exist if there are; None for uncompressed syntaxes."""
    if uid == EXPLICIT_UID:
        return None
    if values.dtype.kind == "f" or 1 in allocated:
        kind = "floating point" if values.dtype.kind == "f" else "1-bit"
        raise CodecError(
            f"{kind} pixels cannot be compressed", hint="export as explicit little endian"
        )
    if uid == JXL_UID and (values.dtype.kind == "i" or values.itemsize > 2):
        # PS3.5 8.2.15: attributes describe what the codestream holds, and it has no sign.
        raise CodecError(
            f"{values.dtype.name} pixels cannot be JPEG XL in DICOM, which has unsigned samples of "
            "up to 16 bits",
            hint="export as htj2k, or as explicit little endian",
        )
    return existing or codec_for_transfer_syntax(uid).encode_frames(values)
