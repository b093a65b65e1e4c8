"""The pixels of one instance: their layout, and the stored values of its frames."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.encaps import generate_frames

from dicube.codecs import codec_for_transfer_syntax
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.geometry import MetaView
from dicube.dicom.instance import UNCOMPRESSED_UIDS, Instance, RawElement
from dicube.dicom.pixel_layout import PixelLayout, stored_values, unpack_values
from dicube.exceptions import CodecError, DataConsistencyError, MetaDataError

Array = npt.NDArray[Any]

_ITEM_HEADER_BYTES: Final = 8  # each codestream is in an item of its own, at least
_SPECTROSCOPY: Final = 0x56000020  # Spectroscopy Data
_LAYOUT_TAGS: Final = (
    CommonTags.Rows, CommonTags.Columns, CommonTags.SamplesPerPixel, CommonTags.NumberOfFrames,
    CommonTags.BitsAllocated, CommonTags.BitsStored, CommonTags.HighBit,
    CommonTags.PixelRepresentation, CommonTags.PlanarConfiguration,
    CommonTags.PhotometricInterpretation,
)  # fmt: skip


class InstancePixels(NamedTuple):
    """Stored values of one instance and what else its pixel element held.

    Attributes
    ----------
    values : (frames, rows, columns[, samples])
    residual : bytes
        Bits outside of the stored values (see `pixel_layout`).
    native : bytes-like
        The pixels as they are in the file; b"" for compressed ones.
    excess : bytes
        What the value of the pixel element holds behind the last pixel.
    """

    values: Array
    residual: bytes = b""
    native: bytes | memoryview = b""
    excess: bytes = b""


def is_image(instance: Instance) -> bool:
    """Whether the data set describes an image (Image Pixel module), with pixels or without."""
    described = all(int(tag) in instance.elements for tag in (CommonTags.Rows, CommonTags.Columns))
    # MR spectroscopy has Rows and Columns of voxels, each with a spectrum (PS3.3 C.8.14).
    return instance.pixels is not None or (described and _SPECTROSCOPY not in instance.elements)


def is_compressed(instance: Instance) -> bool:
    """Whether the pixels went through a codec, or the data set was deflated."""
    assert instance.pixels is not None
    return instance.pixels.encapsulated or instance.is_deflated


def layouts_of(instances: Sequence[Instance], meta: MetaView) -> list[PixelLayout]:
    """The layout of each instance; one for all where all that it depends on is shared.

    `meta` is that of the instances; errors are those of `layout_of`.
    """
    first = instances[0].pixels
    if first is not None and all(
        meta.is_shared(tag) or meta.is_missing(tag) for tag in _LAYOUT_TAGS
    ):
        facts = {
            (i.pixels.tag, i.pixels.vr, i.pixels.length, i.pixels.encapsulated, i.syntax)
            for i in instances
            if i.pixels is not None
        }
        if len(facts) == 1 and not first.encapsulated:
            return [layout_of(instances[0])] * len(instances)
    return [layout_of(instance) for instance in instances]


def layout_of(instance: Instance) -> PixelLayout:
    """How the pixels of an instance are stored.

    Raises
    ------
    DataConsistencyError
        Attributes contradict each other, or describe pixels that are not supported.
    MetaDataError
        A required attribute or the pixel data is missing.
    """
    if instance.pixels is None:
        raise MetaDataError(
            "an image without Pixel Data", where=str(instance.path), hint="leave this file out"
        )
    try:
        return _layout(instance)
    except DataConsistencyError as error:
        raise DataConsistencyError(error.what, where=str(instance.path), hint=error.hint) from error


def _layout(instance: Instance) -> PixelLayout:
    pixels = instance.pixels
    assert pixels is not None
    rows, columns = _required(instance, "Rows"), _required(instance, "Columns")
    samples = _number(instance, CommonTags.SamplesPerPixel, 1)
    is_float = pixels.tag != int(CommonTags.PixelData)
    allocated = (
        (32 if pixels.tag == int(CommonTags.FloatPixelData) else 64)
        if is_float
        else _required(instance, "BitsAllocated")
    )
    stored = allocated if is_float else _number(instance, CommonTags.BitsStored, allocated)
    native = not pixels.encapsulated
    photometric = _text(instance.elements.get(int(CommonTags.PhotometricInterpretation)))
    chroma_422 = native and photometric == "YBR_FULL_422"
    frame_bits = rows * columns * (16 if chroma_422 else samples * allocated)
    little = instance.syntax.little
    return PixelLayout(
        frames=_frame_count(instance, frame_bits),
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=allocated - 1 if is_float else _number(instance, CommonTags.HighBit, stored - 1),
        signed=bool(_number(instance, CommonTags.PixelRepresentation, 0)),
        planar=samples > 1 and _number(instance, CommonTags.PlanarConfiguration, 0) == 1,
        chroma_422=chroma_422,
        little=little,
        byte_pairs_swapped=not little and allocated == 8 and pixels.vr == "OW",
        is_float=is_float,
    )


def shape_of(instance: Instance) -> tuple[int, int, int, int]:
    """Frames, rows, columns and samples as the data set says; 0 for what it does not say."""
    rows, columns = (_number(instance, tag, 0) for tag in (CommonTags.Rows, CommonTags.Columns))
    samples = _number(instance, CommonTags.SamplesPerPixel, 1)
    frames = _text(instance.elements.get(int(CommonTags.NumberOfFrames)))
    return (int(frames) if frames.isdecimal() else 1, rows, columns, samples)


def frame_count_problem(instance: Instance) -> str | None:
    """What is wrong with Number of Frames, seen from the pixel data; None if nothing is.

    It is asked before anything is made for each frame: a file may claim any number.
    """
    assert instance.pixels is not None
    text = _text(instance.elements.get(int(CommonTags.NumberOfFrames)))
    try:
        claimed = int(text)
    except ValueError:
        return None  # there is none, or the layout has to tell
    if claimed < 1:
        return f"Number of Frames is {claimed}"
    if claimed == 1:
        return None
    if instance.pixels.encapsulated:
        most = instance.pixels.length // _ITEM_HEADER_BYTES
    else:
        _, rows, columns, samples = shape_of(instance)
        bits = _number(instance, CommonTags.BitsAllocated, 8)
        shares_chroma = samples == 3 and bits == 8  # YBR_FULL_422 has two bytes a pixel
        frame_bits = rows * columns * (16 if shares_chroma else samples * bits)
        most = instance.pixels.length * 8 // max(1, frame_bits)
    if claimed <= most:
        return None
    return f"Number of Frames is {claimed}, the pixel data holds {most} at most"


def read_pixels(instance: Instance, layout: PixelLayout, out: Array) -> InstancePixels:
    """Read and, if need be, decode the pixels of an instance into their place.

    Parameters
    ----------
    out : (frames, rows, columns[, samples]) array
        Of a dtype that holds that of the layout; codecs decode into it where both are the same.

    Raises
    ------
    CodecError
        The transfer syntax is unknown or the codestreams are damaged.
    DataConsistencyError
        There are fewer pixels than the data set says.
    """
    assert instance.pixels is not None
    if instance.pixels.encapsulated:
        return InstancePixels(_decode(instance, layout, out))
    data = memoryview(instance.pixel_bytes())
    need = layout.native_length
    if len(data) < need:
        raise DataConsistencyError(
            f"the pixel data has {len(data)} bytes, {layout.frames} frames need {need}",
            where=str(instance.path),
            hint="the file is cut short; copy it again, or leave it out",
        )
    values, residual = unpack_values(data[:need], layout)
    out[...] = values
    return InstancePixels(out, residual, data[:need], bytes(data[need:]))


def pixels_in_place(instance: Instance, layout: PixelLayout, values: Array) -> InstancePixels:
    """What `read_pixels` gives for pixels that are in their place already.

    Parameters
    ----------
    values : (frames, rows, columns[, samples]) array
        C-contiguous; its bytes are the native pixels.
    """
    assert instance.pixels is not None
    need = layout.native_length
    excess = instance.pixel_bytes()[need:] if instance.pixels.length > need else b""
    return InstancePixels(values, native=values.reshape(-1).view(np.uint8).data, excess=excess)


def _decode(instance: Instance, layout: PixelLayout, out: Array) -> Array:
    where = str(instance.path)
    if instance.transfer_syntax in UNCOMPRESSED_UIDS:
        raise CodecError("encapsulated pixel data in an uncompressed transfer syntax", where=where)
    if layout.bits_allocated == 1:
        out[...] = _decode_bits(instance, layout)
        return out
    try:
        codec = codec_for_transfer_syntax(instance.transfer_syntax)
        words = out if out.dtype == layout.dtype else np.empty(layout.shape, layout.dtype)
        codec.decode_frames(codestreams_of(instance, layout.frames), out=words)
    except CodecError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise CodecError(error.what, where=place, hint=error.hint) from error
    values = stored_values(words, layout)
    if values is not out:
        out[...] = values
    return out


def _decode_bits(instance: Instance, layout: PixelLayout) -> Array:
    """Bit-packed frames (PS3.5 8.1.1): each codestream holds the packed bits of one frame."""
    per_frame = layout.rows * layout.columns
    codec = codec_for_transfer_syntax(instance.transfer_syntax)
    packed = np.empty((layout.frames, 1, (per_frame + 7) // 8), dtype=np.uint8)
    codec.decode_frames(codestreams_of(instance, layout.frames), out=packed)
    bits = np.unpackbits(packed[:, 0], axis=1, count=per_frame, bitorder="little")
    return bits.reshape(layout.shape)


def codestreams_of(instance: Instance, frames: int) -> Sequence[bytes]:
    """The codestreams of encapsulated pixel data, one for each frame.

    Raises
    ------
    CodecError
        There are not so many, or the items are malformed.
    """
    where = str(instance.path)
    try:
        codestreams = list(generate_frames(instance.pixel_bytes(), number_of_frames=frames))
    except (ValueError, EOFError, IndexError) as error:
        raise CodecError(
            "the encapsulated pixel data is malformed", where=where, hint="copy the file again"
        ) from error
    if len(codestreams) != frames:
        raise CodecError(f"{len(codestreams)} codestreams for {frames} frames", where=where)
    return codestreams


def _frame_count(instance: Instance, frame_bits: int) -> int:
    element = instance.elements.get(int(CommonTags.NumberOfFrames))
    text = _text(element)
    if not text:
        return 1
    try:
        return int(text)
    except ValueError:
        pass
    # Not a number. Native pixel data tells how many frames there are.
    assert instance.pixels is not None
    bits = instance.pixels.length * 8
    if not instance.pixels.encapsulated and frame_bits and bits % frame_bits == 0:
        return bits // frame_bits
    raise MetaDataError("Number of Frames is not a number", where=f"{instance.path}, tag 00280008")


def _required(instance: Instance, keyword: str) -> int:
    number = _number(instance, getattr(CommonTags, keyword), -1)
    if number < 0:
        raise MetaDataError(f"{keyword} is missing", where=str(instance.path))
    return number


def _number(instance: Instance, tag: int, default: int) -> int:
    """First value of a US element; `default` where it is absent or empty."""
    element = instance.elements.get(int(tag))
    if element is None or len(element.value) < 2:
        return default
    little = element.syntax.little
    return int.from_bytes(element.value[:2], "little" if little else "big")


def _text(element: RawElement | None) -> str:
    return "" if element is None else element.value.decode("latin-1").strip(" \0")
