"""Frames as pictures for people (PS3.18 10.4.1.1.3): windowed to 8 bits, for looking at only.

Needs the extra "preview" (Pillow). Palette colours are not rendered.
"""

import io
import math
from typing import Any, Final, NamedTuple

import numpy as np
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from dicube.core.contents import Array
from dicube.core.instances import CubeInstances
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.extras import extra_module
from dicube.interchange.shades import (
    Bytes,
    colour_shades,
    shades,
    value_limits,
    window_limits,
)
from dicube.library.open_cubes import OpenCubes
from dicube.library.studies import Studies
from dicube.web.dicomweb.answers import (
    CACHED,
    BadRequestError,
    entity_tag,
    in_plain_words,
    unchanged,
)
from dicube.web.dicomweb.negotiation import MediaRange, NotAcceptableError, accepted
from dicube.web.dicomweb.retrieve import frame_numbers

_TYPES: Final = {"image/jpeg": "JPEG", "image/png": "PNG"}
_MOST_PIXELS: Final = 1 << 14  # along an edge of a viewport
_DEFAULT_QUALITY: Final = 90
_GREY: Final = ("MONOCHROME1", "MONOCHROME2")
_CENTER, _WIDTH, _PHOTOMETRIC = map(
    tag_key,
    (CommonTags.WindowCenter, CommonTags.WindowWidth, CommonTags.PhotometricInterpretation),
)


class _Wish(NamedTuple):
    """How a picture is to look: media type, window, largest size, JPEG quality."""

    media_type: str
    window: tuple[float, float] | None
    size: tuple[int, int] | None
    quality: int


class Rendering:
    """The handler; it runs in a thread of its own."""

    def __init__(self, studies: Studies, cubes: OpenCubes) -> None:
        self._studies = studies
        self._cubes = cubes

    @in_plain_words
    def rendered(self, request: Request) -> Response:
        """One frame, that of the address or the first, as JPEG or PNG."""
        wish = _wish(request.query_params, _picture_type(accepted(request)))
        self._studies.refresh()
        named = request.path_params
        place = self._studies.instance(named["study"], named["series"], named["instance"])
        with self._cubes.borrow(place.entry) as cube:
            count = cube.frame_count(place.number)
            numbers = frame_numbers(named.get("frames", "1"), count)
            if len(numbers) > 1:
                raise BadRequestError("One frame is rendered at a time.")
            tag = entity_tag(cube.identity, place.uid, numbers, wish)
            known = unchanged(request, tag)
            if known is not None:
                return known
            picture = _picture(cube, place.number, numbers[0] - 1, wish)
        headers = {"ETag": tag, "Cache-Control": CACHED}
        return Response(picture, media_type=wish.media_type, headers=headers)


def _picture_type(ranges: list[MediaRange]) -> str:
    for media_range in ranges:
        for media_type in _TYPES:
            if media_range.takes(media_type):
                return media_type
    raise NotAcceptableError("pictures can be had as image/jpeg and image/png")


def _wish(parameters: QueryParams, media_type: str) -> _Wish:
    """Understand `window`, `viewport` and `quality` (PS3.18 8.3.5)."""
    window = viewport = None
    if "window" in parameters:
        center, width = _numbers("window", parameters["window"].split(",")[:2], 2)
        if not width >= 1:
            raise BadRequestError("The width of a window is at least 1.")
        window = center, width
    if "viewport" in parameters:
        sizes = _numbers("viewport", parameters["viewport"].split(","), 2)
        if not all(1 <= size <= _MOST_PIXELS for size in sizes):
            raise BadRequestError(f"A viewport has 1 to {_MOST_PIXELS} pixels along an edge.")
        viewport = int(sizes[0]), int(sizes[1])
    (quality,) = _numbers("quality", [parameters.get("quality", str(_DEFAULT_QUALITY))], 1)
    if not 1 <= quality <= 100:
        raise BadRequestError("quality is 1 to 100.")
    return _Wish(media_type, window, viewport, int(quality))


def _numbers(name: str, texts: list[str], count: int) -> list[float]:
    try:
        found = [float(text) for text in texts]
    except ValueError:
        found = []
    if len(found) != count or not all(map(math.isfinite, found)):
        raise BadRequestError(f"{name} takes {count} numbers with commas between them.")
    return found


def _picture(cube: CubeInstances, number: int, frame: int, wish: _Wish) -> bytes:
    pillow = extra_module("PIL.Image", extra="preview", purpose="a rendered frame")
    image: Any = pillow.fromarray(_shades(cube, number, frame, wish.window))
    if wish.size is not None:
        image.thumbnail(wish.size)
    file = io.BytesIO()
    options = {"quality": wish.quality} if wish.media_type == "image/jpeg" else {}
    image.save(file, format=_TYPES[wish.media_type], **options)
    return file.getvalue()


def _shades(
    cube: CubeInstances, number: int, frame: int, window: tuple[float, float] | None
) -> Bytes:
    """One frame as (rows, columns) or (rows, columns, 3) bytes."""
    entries = cube.entries(number)
    photometric = (entries.get(_PHOTOMETRIC, {}).get("Value") or [""])[0]
    (values,) = cube.values(number, [frame])
    if values.ndim == 3:
        return _colours(values, photometric, cube.layout(number).bits_stored)
    if photometric not in _GREY:
        raise NotAcceptableError(f"{photometric or 'such'} pixels are not rendered")
    slope, intercept = cube.rescale(number, frame)
    output = values.astype(np.float64) * slope + intercept
    window = window or _own_window(cube, number)
    low, high = value_limits(output) if window is None else window_limits(window)
    grey = shades(output, low, high)
    return 255 - grey if photometric == "MONOCHROME1" else grey


def _own_window(cube: CubeInstances, number: int) -> tuple[float, float] | None:
    """The first window of the instance, or that of the series."""
    entries = cube.some_entries(number, (_CENTER, _WIDTH))
    try:
        center, width = (float(entries[key]["Value"][0]) for key in (_CENTER, _WIDTH))
    except (KeyError, IndexError, TypeError, ValueError):
        return cube.window
    return (center, width) if width > 0 else cube.window


def _colours(values: Array, photometric: str, bits: int) -> Bytes:
    is_ybr = photometric.startswith("YBR_FULL")
    if not is_ybr and photometric != "RGB":
        raise NotAcceptableError(f"{photometric or 'such'} pixels are not rendered")
    return colour_shades(values, highest=2.0**bits - 1, is_ybr=is_ybr)
