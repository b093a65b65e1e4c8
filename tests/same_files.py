"""Whether a DICOM file that came back is the one that went in.

Compressed files come back uncompressed: with equal elements and equal stored values, checked with
pydicom and decoders that share no code with ours.
"""

import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

# What decompression has to rename (PS3.5 8.2): the colour space as the codestream had it.
RENAMED_PHOTOMETRIC = {("YBR_FULL_422", "YBR_FULL"), ("YBR_RCT", "RGB"), ("YBR_ICT", "RGB")}


def read_quietly(path: Path) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def is_uncompressed(path: Path) -> bool:
    uid = read_quietly(path).file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2")
    return uid in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")


def assert_same_elements(source: Path, exported: Path) -> None:
    """Every element but the pixel data, byte for byte where pydicom has not converted it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pydicom.dcmread(source, force=True)
        after = pydicom.dcmread(exported, force=True)
        assert list(before.keys()) == list(after.keys())
        for tag in before.keys():  # noqa: SIM118  # iterating the data set itself converts values
            if tag == 0x7FE00010:
                continue
            one, other = before.get_item(tag), after.get_item(tag)
            if tag == 0x00280004 and one.value != other.value:
                renamed = (before.PhotometricInterpretation, after.PhotometricInterpretation)
                assert renamed in RENAMED_PHOTOMETRIC
                continue
            assert (one.VR, one.value) == (other.VR, other.value), tag
        for element in before.file_meta:
            if element.keyword not in ("TransferSyntaxUID", "FileMetaInformationGroupLength"):
                assert after.file_meta[element.tag].value == element.value
        assert after.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian


def assert_same_values(source: Path, exported: Path, values: np.ndarray) -> None:
    """What pydicom reads from the export is what we hold; what it decodes from the source, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = pixel_array(exported, raw=True)
        np.testing.assert_array_equal(read.reshape(values.shape), values)
        syntax = read_quietly(source).file_meta.TransferSyntaxUID
        if syntax in BIT_DECODERS and values.max() == 1:
            decoded = packed_bits(source, BIT_DECODERS[syntax])
        else:
            decoded = pixel_array(read_quietly(source), raw=True)
    # Decoders may round the inverse DCT and the 9/7 transform either way: T.81 and T.800 do not fix
    # the arithmetic.
    tolerance = 1 if syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.203") else 0
    difference = decoded.reshape(values.shape).astype(np.int64) - values
    assert np.abs(difference).max() <= tolerance


def packed_bits(source: Path, decode: Callable[[bytes], bytes]) -> np.ndarray:
    """Frames of bits that pydicom does not decode when they are compressed."""
    data_set = read_quietly(source)
    frames = int(data_set.NumberOfFrames)
    count = data_set.Rows * data_set.Columns
    streams = generate_frames(data_set.PixelData, number_of_frames=frames)
    return np.stack(
        [
            np.unpackbits(np.frombuffer(decode(stream), np.uint8), bitorder="little")[:count]
            for stream in streams
        ]
    )


def unpack_bits(stream: bytes) -> bytes:
    """The one segment of an RLE frame of bytes (PS3.5 annex G)."""
    result, data = bytearray(), stream[64:]
    position = 0
    while position < len(data) - 1:
        code = int.from_bytes(data[position : position + 1], signed=True)
        if code >= 0:
            result += data[position + 1 : position + 2 + code]
            position += 2 + code
        else:
            result += data[position + 1 : position + 2] * (1 - code if code > -128 else 0)
            position += 2
    return bytes(result)


def inflate(stream: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream)


BIT_DECODERS = {"1.2.840.10008.1.2.5": unpack_bits, "1.2.840.10008.1.2.8.1": inflate}
