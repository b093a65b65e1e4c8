"""A contact sheet: the frames of an image as one PNG, to see at a glance what a file holds.

For looking at, not for diagnosis: values are windowed to 8 bits and frames are scaled. Needs the
extra "preview" (Pillow).
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dicube.codecs.base import Mask
from dicube.core.image import DicomCubeImage
from dicube.dicom.dicom_tags import CommonTags
from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.interchange.shades import (
    Array,
    Bytes,
    colour_shades,
    shades,
    value_limits,
    window_limits,
)
from dicube.storage.atomic import replacing

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FRAMES: Final = 64
_SHEET_WIDTH: Final = 1600  # pixels that the tiles of a row share...
_TILE_EDGES: Final = (64, 512)  # ...within these bounds for the longer edge of one
_GAP: Final = 2
_OUTLINE: Final = (255, 96, 0)
_MAX_ASPECT: Final = 8.0  # pixels further from square than this are a wrong header
_SAMPLES: Final = 1 << 20  # values that are enough to know the percentiles of a series


def write_preview(
    image: DicomCubeImage,
    path: str | os.PathLike[str],
    *,
    window: tuple[float, float] | None = None,
    columns: int | None = None,
    max_frames: int = MAX_FRAMES,
    mask: Mask | None = None,
) -> list[int]:
    """Write a contact sheet as PNG; an existing file is replaced in one step.

    Parameters
    ----------
    image : DicomCubeImage
        Grey values or colour (RGB, YBR_FULL). Palette colours are shown as grey values.
    path : path
    window : (centre, width), optional
        In output values. By default that of the pixel header, or the range of the values.
    columns : int, optional
        Frames side by side; by default as many as there are rows.
    max_frames : int
        Of more frames evenly spaced ones are shown, the first and the last among them.
    mask : bool array, optional
        Of the shape of the image, without samples; its outline is drawn.

    Returns
    -------
    list of int
        The frames shown, by their number.

    Raises
    ------
    MissingDependencyError
        Pillow is not installed.
    DataConsistencyError
        The name does not end in .png, a number is out of range, the mask has another shape, or the
        file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".png":
        raise DataConsistencyError("previews are PNG files", where=str(path), hint="name it .png")
    if max_frames < 1 or (columns is not None and columns < 1):
        raise DataConsistencyError("columns and max_frames have to be at least 1")
    if window is not None and not window[1] > 0:
        raise DataConsistencyError("the window width has to be above 0")
    shown = _evenly_spaced(_frames(image).shape[0], max_frames)
    across = min(columns or math.ceil(math.sqrt(len(shown))), len(shown))
    tiles = _tiles(image, shown, window)
    masks = None if mask is None else _shown_masks(image, mask, shown)
    sheet = _sheet(tiles, shown, across, _pixel_size(image), masks)
    try:
        with replacing(target) as file:
            sheet.save(file, format="PNG")
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
    return shown


# ---- values to bytes --------------------------------------------------------------------------


def _frames(image: DicomCubeImage) -> Array:
    """Stored values as (frames, rows, columns[, samples])."""
    return image.raw_image.reshape(-1, *image.shape[len(image.axes) :])


def _evenly_spaced(count: int, limit: int) -> list[int]:
    return [int(i) for i in np.linspace(0, count - 1, min(count, limit)).round()]


def _tiles(
    image: DicomCubeImage, shown: Sequence[int], window: tuple[float, float] | None
) -> list[Bytes]:
    """Each frame shown as (rows, columns) or (rows, columns, 3) bytes."""
    frames = _frames(image)
    if frames.ndim == 4:
        return [_colour_bytes(frames[i], image) for i in shown]
    low, high = _limits(image, shown, window)
    inverted = _photometric(image) == "MONOCHROME1"
    tiles = [shades(_output(image, i), low, high) for i in shown]
    return [255 - tile for tile in tiles] if inverted else tiles


def _output(image: DicomCubeImage, frame: int, step: int = 1) -> Array:
    """Output values of every `step`-th pixel of one frame, float64."""
    header, rescale = image.pixel_header, image.frame_rescale
    slope = header.RescaleSlope if rescale is None else rescale.slopes[frame]
    intercept = header.RescaleIntercept if rescale is None else rescale.intercepts[frame]
    values: Array = _frames(image)[frame, ::step, ::step].astype(np.float64)
    return values * slope + intercept


def _limits(
    image: DicomCubeImage, shown: Sequence[int], window: tuple[float, float] | None
) -> tuple[float, float]:
    """The output values that become black and white."""
    header = image.pixel_header
    if window is None and header.WindowCenter is not None and header.WindowWidth is not None:
        window = (header.WindowCenter, header.WindowWidth)
    if window is not None and window[1] > 0:
        return window_limits(window)
    pixels = len(shown) * math.prod(_frames(image).shape[1:])
    step = math.ceil(math.sqrt(pixels / _SAMPLES))
    return value_limits(np.concatenate([_output(image, i, step).reshape(-1) for i in shown]))


def _colour_bytes(frame: Array, image: DicomCubeImage) -> Bytes:
    bits = _first(image, CommonTags.BitsStored) or frame.dtype.itemsize * 8
    highest = 2.0**bits - 1 if frame.dtype.kind != "f" else 1.0
    is_ybr = _photometric(image).startswith("YBR_FULL")
    return colour_shades(frame, highest=highest, is_ybr=is_ybr)


def _photometric(image: DicomCubeImage) -> str:
    return str(_first(image, CommonTags.PhotometricInterpretation) or "")


def _first(image: DicomCubeImage, tag: int) -> Any:
    """The value of the first slice; None where it has none."""
    return None if image.dicom_meta is None else image.dicom_meta.get_values(tag)[0]


# ---- bytes to a picture -----------------------------------------------------------------------


def _pixel_size(image: DicomCubeImage) -> tuple[float, float]:
    """Height and width of a pixel in mm, or in any unit where only their ratio is known."""
    affine = image.affine
    spacing: Any = None
    if affine is not None:
        spacing = np.linalg.norm(affine[:3, 1:3], axis=0).tolist()
    for tag in (CommonTags.PixelSpacing, "ImagerPixelSpacing", "PixelAspectRatio"):
        if spacing is None and image.dicom_meta is not None:
            spacing = image.dicom_meta.get_values(tag)[0]
    try:
        height, width = (float(number) for number in spacing)
    except (TypeError, ValueError):
        return 1.0, 1.0
    usable = height > 0 and width > 0 and 1 / _MAX_ASPECT <= height / width <= _MAX_ASPECT
    return (height, width) if usable else (1.0, 1.0)


def _shown_masks(image: DicomCubeImage, mask: Mask, shown: Sequence[int]) -> Mask:
    grid = image.shape[: len(image.axes) + 2]
    if mask.shape != grid:
        raise DataConsistencyError(f"the mask is of shape {mask.shape}, the image of {grid}")
    return np.asarray(mask.reshape(-1, *grid[-2:])[list(shown)])


def _outline(mask: Mask) -> Mask:
    """Pixels of a mask with a neighbour outside of it."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner


def _sheet(
    tiles: Sequence[Bytes],
    numbers: Sequence[int],
    across: int,
    pixel_size: tuple[float, float],
    masks: Mask | None,
) -> "Image":
    """All tiles in rows, each with its number in the corner."""
    pillow, drawing = _pillow()
    width, height = _tile_size(tiles[0], across, pixel_size)
    down = math.ceil(len(tiles) / across)
    size = (across * (width + _GAP) - _GAP, down * (height + _GAP) - _GAP)
    is_grey = tiles[0].ndim == 2 and masks is None
    sheet = pillow.new("L" if is_grey else "RGB", size)
    pen = drawing.Draw(sheet)
    for place, (tile, number) in enumerate(zip(tiles, numbers, strict=True)):
        x, y = place % across * (width + _GAP), place // across * (height + _GAP)
        scaled = pillow.fromarray(tile).resize((width, height), pillow.Resampling.BILINEAR)
        sheet.paste(scaled, (x, y))
        if masks is not None:
            small = pillow.fromarray(masks[place]).resize(
                (width, height), pillow.Resampling.NEAREST
            )
            sheet.paste(_OUTLINE, (x, y), pillow.fromarray(_outline(np.asarray(small))))
        pen.text((x + 4, y + 3), str(number), fill="black")  # a shadow, for bright frames
        pen.text((x + 3, y + 2), str(number), fill="white")
    return sheet  # type: ignore[no-any-return]


def _tile_size(tile: Bytes, across: int, pixel_size: tuple[float, float]) -> tuple[int, int]:
    """Width and height of a tile in pixels of the sheet."""
    height, width = tile.shape[0] * pixel_size[0], tile.shape[1] * pixel_size[1]
    smallest, largest = _TILE_EDGES
    scale = min(max(_SHEET_WIDTH // across, smallest), largest) / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _pillow() -> tuple[Any, Any]:
    """The modules Image and ImageDraw."""
    image = extra_module("PIL.Image", extra="preview", purpose="a preview")
    return image, extra_module("PIL.ImageDraw", extra="preview", purpose="a preview")
