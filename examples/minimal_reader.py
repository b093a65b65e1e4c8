"""A reader of cube files that shares no code with DiCube: docs/format.md in one page.

It needs numpy, imagecodecs, zstandard and xxhash, and is written to be read: section numbers are
those of docs/format.md. It checks every checksum but not every limit of section 10, so give it
files that you trust.

    python minimal_reader.py ct.dcbs                  # says what is in the file
    python minimal_reader.py ct.dcbs --dicom folder   # and writes the DICOM files it was made from
"""

import argparse
import itertools
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import xxhash
import zstandard

Array = npt.NDArray[Any]

HEADER = struct.Struct("<8sI13Q")  # section 2
MAGICS = (b"DCMCUBES", b"DCMCUBEA", b"DCMCUBER")
SECTIONS = ("status", "meta", "space", "pixel header", "frame offsets", "frame lengths")
PATTERN_DTYPES = ("float16", "float32", "float64", "int64", "uint64")  # section 8


@dataclass
class Cube:
    """What is in a file; `values` are stored values, leading axes first, samples last."""

    magic: bytes
    status: str
    meta: dict[str, Any]
    space: dict[str, Any] | None
    pixel_header: dict[str, Any]
    axes: list[dict[str, Any]]
    values: Array
    slopes: Array  # one for each frame
    intercepts: Array
    sources: bytes  # section 6, unpacked; empty where the file has none
    mask: Array | None  # of a .dcbr file: where each frame is exact
    frame_order: list[int] | None  # section 4; None where frames are in the order of the files
    segments: bytes  # section 12, packed; empty where the file has none

    @property
    def frames(self) -> Array:
        """(frames, rows, columns[, samples])."""
        return self.values.reshape(len(self.slopes), *self.values.shape[len(self.axes) :])

    def output_values(self) -> Array:
        """Stored value x slope + intercept, float64 (section 4)."""
        each = (-1,) + (1,) * (self.frames.ndim - 1)
        output = self.frames * self.slopes.reshape(each) + self.intercepts.reshape(each)
        return output.reshape(self.values.shape)


# ---- sections 2 to 5: the container ------------------------------------------------------------


def read_cube(path: str | Path) -> Cube:
    """Read and check a whole file; raises ValueError where it is damaged or not supported."""
    data = Path(path).read_bytes()
    if len(data) < HEADER.size:
        raise ValueError("shorter than a header")
    magic, version, *numbers, frame_count = HEADER.unpack_from(data)
    if magic not in MAGICS or version != 1:
        raise ValueError(f"format {magic!r} of version {version} is not supported")
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    parts = {name: _part(data, *pair) for name, pair in zip(SECTIONS, pairs, strict=True)}
    pixel_header = json.loads(parts["pixel header"])
    directory = pixel_header.pop("DiCube", None)
    image = pixel_header.pop("Image", None)
    if image is not None and directory is None:
        raise ValueError("the section directory is missing")
    if directory is not None:
        if directory["Revision"] != 1:
            raise ValueError(f"revision {directory['Revision']} is not supported")
        checked = [data[: HEADER.size], *parts.values()]
        parts |= {name: _part(data, *pair) for name, pair in directory["Sections"].items()}
        checked += [parts[name] for name in directory["Sections"]]
        _check_block(_part(data, *directory["Checksums"]), checked)
    offsets, lengths = (np.frombuffer(parts[f"frame {name}"], "<u8") for name in _TABLES)
    if not len(offsets) == len(lengths) == frame_count:
        raise ValueError("a frame table has the wrong length")
    frames = [_part(data, int(o), int(n)) for o, n in zip(offsets, lengths, strict=True)]
    if "FrameChecksums" in parts:
        expected = np.frombuffer(parts["FrameChecksums"], "<u8").tolist()
        if [xxhash.xxh3_64_intdigest(frame) for frame in frames] != expected:
            raise ValueError("a frame fails its checksum")

    mask = None
    if image is None:
        values, axes = _published_values(magic, frames), []
        if frame_count > 1:
            axes = [{"Name": "z", "Size": frame_count, "Unit": "mm", "Coordinates": None}]
    else:
        values, mask = _values(magic, frames, pixel_header, image)
        axes = image["Axes"]
    slopes, intercepts = _rescale(pixel_header, image, frame_count)
    return Cube(
        magic=magic,
        status=parts["status"].decode(),
        meta=json.loads(_unpacked(parts["meta"]) or b"{}"),
        space=json.loads(parts["space"]) if parts["space"] else (image or {}).get("Space"),
        pixel_header=pixel_header,
        axes=axes,
        values=values,
        slopes=slopes,
        intercepts=intercepts,
        sources=_unpacked(parts.get("SourceFiles", b"")),
        mask=mask,
        frame_order=(image or {}).get("FrameOrder"),
        segments=parts.get("Segmentations", b""),
    )


_TABLES = ("offsets", "lengths")


def _part(data: bytes, offset: int, length: int) -> bytes:
    if offset + length > len(data):
        raise ValueError(f"bytes {offset} to {offset + length} are outside of the file")
    return data[offset : offset + length]


def _unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data) if data else b""


def _check_block(block: bytes, parts: list[bytes]) -> None:
    """Section 5: magic, count, the checksum of each part, the checksum of all that."""
    checksums = [xxhash.xxh3_64_intdigest(part) for part in parts]
    body = struct.pack(f"<8sQ{len(parts)}Q", b"DCBXXH3\0", len(parts), *checksums)
    if block != body + struct.pack("<Q", xxhash.xxh3_64_intdigest(body)):
        raise ValueError("a checksum does not match")


# ---- sections 4 and 8: pixels ------------------------------------------------------------------


def _values(
    magic: bytes, frames: list[bytes], pixel_header: dict[str, Any], image: dict[str, Any]
) -> tuple[Array, Array | None]:
    dtype, codec_dtype = pixel_header["OriginalPixelDtype"], pixel_header["PixelDtype"]
    mask, offset = None, image["SampleOffset"]
    if magic == b"DCMCUBES":
        samples = np.stack([_decode_htj2k(frame) for frame in frames]).astype(codec_dtype)
    elif magic == b"DCMCUBEA":
        samples = np.stack([_decode_jpeg_xl(f, codec_dtype, offset) for f in frames])
    else:
        regions = [_decode_region(f, codec_dtype, offset) for f in frames]
        samples, mask = (np.stack(part) for part in zip(*regions, strict=True))
    if dtype in PATTERN_DTYPES:
        samples = _from_patterns(samples, dtype)
    values = samples.reshape(image["Shape"])
    proven = values if mask is None else _masked(samples, mask, 0)
    little = proven.astype(values.dtype.newbyteorder("<"), order="C").tobytes()
    if image["ValuesDigest"] != "xxh3-128:" + xxhash.xxh3_128_hexdigest(little):
        raise ValueError("the stored values do not have the digest that was recorded")
    return values, mask


def _published_values(magic: bytes, frames: list[bytes]) -> Array:
    """Files of the published tool say no shape; one frame is an image without a leading axis."""
    decode = _decode_htj2k if magic == b"DCMCUBES" else imagecodecs.jpegxl_decode
    samples = [decode(frame) for frame in frames]
    return np.stack(samples) if len(samples) > 1 else samples[0]


def _decode_htj2k(codestream: bytes) -> Array:
    return imagecodecs.htj2k_decode(codestream, planar=False)


def _decode_jpeg_xl(codestream: bytes, dtype: str, offset: int) -> Array:
    stored = imagecodecs.jpegxl_decode(codestream, index=0).astype(np.int64)
    if np.dtype(dtype).itemsize == 4:  # the upper halves of all rows, then the lower
        upper, lower = np.split(stored, 2, axis=0)
        stored = upper << 16 | lower
    return (stored - offset).astype(dtype)


def _decode_region(frame: bytes, dtype: str, offset: int) -> tuple[Array, Array]:
    """Values and mask of a frame of three codestreams: mask, foreground, background."""
    lengths = struct.unpack_from("<3Q", frame)
    ends = np.cumsum([24, *lengths])
    mask, *both = (frame[begin:end] for begin, end in itertools.pairwise(ends))
    inside = imagecodecs.jpegxl_decode(mask, index=0) != 0
    foreground, background = (_decode_jpeg_xl(part, dtype, offset) for part in both)
    return _masked(foreground, inside, background), inside


def _masked(values: Array, mask: Array, outside: Any) -> Array:
    by_sample = mask[..., None] if values.ndim > mask.ndim else mask
    return np.where(by_sample, values, outside).astype(values.dtype)


def _from_patterns(words: Array, dtype: str) -> Array:
    if np.dtype(dtype).itemsize < 8:
        return np.ascontiguousarray(words).view(dtype)
    upper, lower = np.split(words.astype(np.uint64), 2, axis=2)
    return np.ascontiguousarray(upper << np.uint64(32) | lower).view(dtype)


def _rescale(
    pixel_header: dict[str, Any], image: dict[str, Any] | None, frame_count: int
) -> tuple[Array, Array]:
    """Slope and intercept of each frame."""
    if image is not None and "FrameRescale" in image:
        each = image["FrameRescale"]
        return np.array(each["Slope"], np.float64), np.array(each["Intercept"], np.float64)
    if image is not None:
        slope, intercept = (np.nan if n is None else n for n in image["Rescale"])
    else:
        slope, intercept = pixel_header.get("RescaleSlope"), pixel_header.get("RescaleIntercept")
        slope, intercept = 1 if slope is None else slope, 0 if intercept is None else intercept
    return np.full(frame_count, slope, np.float64), np.full(frame_count, intercept, np.float64)


# ---- section 6: source files -------------------------------------------------------------------


def source_files(cube: Cube) -> Iterator[tuple[str, bytes]]:
    """Name and content of each DICOM file; raises ValueError for one that cannot be rebuilt."""
    if not cube.sources:
        raise ValueError("the file holds no source files")
    (length,) = struct.unpack_from("<Q", cube.sources)
    position = 8 + length
    index = json.loads(cube.sources[8:position])
    frames = cube.frames if cube.frame_order is None else cube.frames[np.argsort(cube.frame_order)]
    first = 0
    for item in index["Files"]:
        sizes = item["Lengths"]
        starts = [position, position + sizes[0], position + sizes[0] + sizes[1]]
        position += sum(sizes)
        head, tail, residual = (
            cube.sources[start : start + size] for start, size in zip(starts, sizes, strict=True)
        )
        layout = index["Layouts"][item["Layout"]]
        values = frames[first : first + layout["frames"]]
        first += layout["frames"]
        if not item["Exact"]:
            raise ValueError(f"{item['Name']} was compressed: its bytes are not in the file")
        content = head + _native_pixels(values, layout, residual) + tail
        if xxhash.xxh3_128_hexdigest(content) != item["Digest"]:
            raise ValueError(f"{item['Name']} comes out different")
        yield item["Name"], content


def _native_pixels(values: Array, layout: dict[str, Any], residual: bytes) -> bytes:
    """The value of Pixel Data: PS3.5 section 8."""
    if layout["chroma_422"] or layout["byte_pairs_swapped"]:
        raise ValueError(
            "this reader does not rebuild YBR_FULL_422 or 8-bit pixels in big endian OW"
        )
    bits = layout["bits_allocated"]
    if bits == 1:
        data = np.packbits(values.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    else:
        kind = "f" if layout["is_float"] else "i" if layout["signed"] else "u"
        words = values.astype(f"{kind}{bits // 8}")
        if kind != "f":
            words = words << (layout["high_bit"] + 1 - layout["bits_stored"])
        if layout["planar"]:
            words = np.moveaxis(words, -1, 1)
        data = words.astype(words.dtype.newbyteorder("<" if layout["little"] else ">")).tobytes()
    if residual:  # bits of the words that are no part of the values
        data = (np.frombuffer(data, np.uint8) ^ np.frombuffer(residual, np.uint8)).tobytes()
    return data


# ---- segmentations, section 12 -----------------------------------------------------------------


def masks(cube: Cube) -> Iterator[tuple[dict[str, Any], Array]]:
    """Each segment, and its mask on the grid of a volume."""
    if not cube.segments:
        return
    start = 8 + int.from_bytes(cube.segments[:8], "little")
    shape = cube.values.shape[len(cube.axes) - 1 :][:3]
    for found in json.loads(_unpacked(cube.segments[8:start]))["Segmentations"]:
        is_fractional = found["Kind"] == "fractional"
        for segment in found["Segments"]:
            place = segment["Mask"]
            z, y, x = place["Size"]
            box = tuple(slice(a, a + n) for a, n in zip(place["Corner"], (z, y, x), strict=True))
            offset, length = place["Extent"]
            packed = np.frombuffer(_unpacked(_part(cube.segments, start + offset, length)), "u1")
            mask = np.zeros(shape, "<f4" if is_fractional else bool)
            if is_fractional and packed.size:
                mask[box] = (
                    np.ascontiguousarray(packed.reshape(4, -1).T).view("<f4").reshape(z, y, x)
                )
            elif packed.size:
                mask[box] = np.unpackbits(packed.reshape(z, y, -1), axis=-1, count=x)
            yield segment, mask


# ---- command line ------------------------------------------------------------------------------


def _summary(cube: Cube) -> str:
    axes = ", ".join(f"{axis['Name']} ({axis['Size']})" for axis in cube.axes) or "none"
    one = np.ptp(cube.slopes) == 0 == np.ptp(cube.intercepts)
    rescale = f"{cube.slopes[0]:g} x + {cube.intercepts[0]:g}" if one else "differs by frame"
    return "\n".join(
        (
            f"format        {cube.magic.decode()}",
            f"status        {cube.status}",
            f"stored values {cube.values.shape} {cube.values.dtype}",
            f"leading axes  {axes}",
            f"rescale       {rescale}",
            f"metadata      {len(cube.meta.get('_merged_data', ()))} elements,"
            f" {cube.meta.get('slice_count', 0)} slices",
            f"source files  {'yes' if cube.sources else 'no'}",
        )
    )


def main(arguments: list[str] | None = None) -> None:
    """Print what is in a file; with --dicom, write the files it was made from."""
    parser = argparse.ArgumentParser(description="Read a cube file without DiCube.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--dicom", type=Path, metavar="FOLDER", help="write the DICOM files here")
    options = parser.parse_args(arguments)
    cube = read_cube(options.file)
    print(_summary(cube))
    if options.dicom is not None:
        for name, content in source_files(cube):
            parts = PurePosixPath(name).parts
            if name.startswith("/") or ".." in parts:
                raise ValueError("a file name leads out of the folder")
            target = options.dicom.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:  # never over a file that is there
                file.write(content)


if __name__ == "__main__":
    main()
