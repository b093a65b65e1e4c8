"""The source files of a series without their pixels, and the files again from their pixels.

For each file everything is kept that is not pixel data: preamble, file meta, data set before and
behind Pixel Data, trailing bytes. Neighbouring slices differ in a few bytes, so hundreds of headers
compress to tens of kilobytes. The byte layout of the section is docs/format.md, section 6.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy.typing as npt
import xxhash

from dicube.dicom.part10 import Syntax
from dicube.dicom.pixel_layout import PixelLayout, pack_values
from dicube.exceptions import DataConsistencyError, DicomCubeError, InvalidCubeFileError

Array = npt.NDArray[Any]

_INDEX_LENGTH: Final = struct.Struct("<Q")


@dataclass(frozen=True)
class SourceFile:
    """One source file without its pixel data.

    Attributes
    ----------
    name : str
        Path relative to the folder of the series, with forward slashes.
    head, tail : bytes
        What stands before and behind the native pixels; padding of the pixel data is in the tail.
    data_set_start, pixel_start : int
        Where in the head the data set begins, and the element (not the value) of the pixel data.
    syntax : Syntax
        How the elements of the head and the tail are encoded.
    padding : int
        Bytes at the start of the tail that are still part of the value of the pixel data.
    layout : PixelLayout
        How the pixels of the file become bytes; of compressed files, once they are decompressed.
    residual : bytes
        Bits of the words outside of the stored values.
    transfer_syntax : str
    exact : bool
        Whether head, pixels and tail are the file; False for files that were compressed.
    digest : str
        XXH3-128 of the whole file, hexadecimal.
    """

    name: str
    head: bytes
    tail: bytes
    data_set_start: int
    pixel_start: int
    syntax: Syntax
    padding: int
    layout: PixelLayout
    residual: bytes
    transfer_syntax: str
    exact: bool
    digest: str

    def file_bytes(self, values: Array) -> bytes:
        """The source file again.

        Parameters
        ----------
        values : (frames, rows, columns[, samples]) array
            Stored values of the frames of this file.

        Raises
        ------
        DataConsistencyError
            The result is not the file that was read: the values are not those of the source, or
            the file was compressed, so that it cannot come back byte for byte.
        """
        if not self.exact:
            raise DataConsistencyError("a compressed source has no byte-identical export")
        data = self.head + pack_values(values, self.layout, self.residual) + self.tail
        if file_digest(data) != self.digest:
            raise DataConsistencyError(
                "the file built again differs from the source",
                where=self.name,
                hint="the pixels were changed; the source files are no longer theirs",
            )
        return data


def file_digest(*parts: bytes | memoryview) -> str:
    """XXH3-128 of the parts joined, hexadecimal."""
    state = xxhash.xxh3_128()
    for part in parts:
        state.update(part)
    return state.hexdigest()


def pack_source_files(files: Sequence[SourceFile]) -> bytes:
    """Encode the section, uncompressed: length of the index, index as JSON, then all bytes."""
    layouts: list[PixelLayout] = []
    index, blobs = [], []
    for file in files:
        if file.layout not in layouts:
            layouts.append(file.layout)
        blobs += [file.head, file.tail, file.residual]
        index.append(
            {
                "Name": file.name,
                "Lengths": [len(file.head), len(file.tail), len(file.residual)],
                "DataSetStart": file.data_set_start,
                "PixelStart": file.pixel_start,
                "ExplicitVR": file.syntax.explicit,
                "LittleEndian": file.syntax.little,
                "Padding": file.padding,
                "Layout": layouts.index(file.layout),
                "TransferSyntaxUID": file.transfer_syntax,
                "Exact": file.exact,
                "Digest": file.digest,
            }
        )
    document = {"Files": index, "Layouts": [asdict(layout) for layout in layouts]}
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise DataConsistencyError(
            "a file name is no UTF-8, so it cannot be kept", hint="rename the file"
        ) from error
    return b"".join([_INDEX_LENGTH.pack(len(text)), text, *blobs])


def unpack_source_files(data: bytes, *, where: str) -> list[SourceFile]:
    """Decode the section; the inverse of `pack_source_files`.

    Raises
    ------
    InvalidCubeFileError
        The section is malformed.
    """
    try:
        (length,) = _INDEX_LENGTH.unpack_from(data)
        position = _INDEX_LENGTH.size + length
        document = json.loads(data[_INDEX_LENGTH.size : position])
        layouts = [PixelLayout(**fields) for fields in document["Layouts"]]
        files = []
        for item in document["Files"]:
            parts = []
            for size in item["Lengths"]:
                if not 0 <= size <= len(data) - position:
                    raise ValueError("a part runs past the end of the section")
                parts.append(data[position : position + size])
                position += size
            head, tail, residual = parts
            files.append(
                SourceFile(
                    name=str(item["Name"]),
                    head=head,
                    tail=tail,
                    data_set_start=int(item["DataSetStart"]),
                    pixel_start=int(item["PixelStart"]),
                    syntax=Syntax(bool(item["ExplicitVR"]), bool(item["LittleEndian"])),
                    padding=int(item["Padding"]),
                    layout=layouts[item["Layout"]],
                    residual=residual,
                    transfer_syntax=str(item["TransferSyntaxUID"]),
                    exact=bool(item["Exact"]),
                    digest=str(item["Digest"]),
                )
            )
    except (struct.error, ValueError, KeyError, TypeError, IndexError, DicomCubeError) as error:
        raise InvalidCubeFileError(
            "the section of the source files is malformed", where=where, hint="the file is damaged"
        ) from error
    return files
