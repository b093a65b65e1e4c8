"""WADO-RS: metadata, instances, frames and bulk data (PS3.18 10.4), straight from cube files."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from dicube.core.instances import CubeInstances
from dicube.dicom.instance import EXPLICIT_UID
from dicube.dicom.json_model import bulk_value, json_data_set
from dicube.dicom.pixel_layout import PixelLayout
from dicube.exceptions import MetaDataError
from dicube.library import LibraryError
from dicube.library.open_cubes import OpenCubes
from dicube.library.studies import InstancePlace, Studies
from dicube.web.dicomweb.answers import (
    CACHED,
    BadRequestError,
    base_url,
    entity_tag,
    in_plain_words,
    json_response,
    unchanged,
)
from dicube.web.dicomweb.multipart import Part, multipart_response, single_response
from dicube.web.dicomweb.negotiation import (
    DICOM,
    OCTETS,
    Form,
    MediaRange,
    NotAcceptableError,
    accepted,
    choose_frames,
    choose_instance,
    choose_json,
)
from dicube.web.dicomweb.results import instance_address

_PIXEL_DATA: Final = "7FE00010"
_FLOAT_PIXELS: Final = {32: "7FE00008", 64: "7FE00009"}
_BATCH_FRAMES: Final = 8


class Retrieval:
    """The handlers; each runs in a thread of its own."""

    def __init__(self, studies: Studies, cubes: OpenCubes) -> None:
        self._studies = studies
        self._cubes = cubes

    @in_plain_words
    def metadata(self, request: Request) -> Response:
        """Headers of a study, series or instance, without bulk data (PS3.18 10.4.1.1.2)."""
        media_type = choose_json(accepted(request))
        return json_response(self._headers(base_url(request), self._places(request)), media_type)

    @in_plain_words
    def instances(self, request: Request) -> Response:
        """DICOM files of a study, series or instance (PS3.18 10.4.1.1.1)."""
        ranges = accepted(request)
        places = self._places(request)
        forms = [self._form(ranges, place) for place in places]
        tag = entity_tag([place.entry.stamp for place in places], [p.uid for p in places], forms)
        headers = {"ETag": tag, "Cache-Control": CACHED}
        known = unchanged(request, tag)
        if known is not None:
            return known
        parts = self._files(base_url(request), places, forms)
        if len(forms) == 1 and not forms[0].is_multipart:
            return single_response(next(parts), headers)
        return multipart_response(parts, DICOM, headers)

    @in_plain_words
    def frames(self, request: Request) -> Response:
        """Frames of an instance, as they are stored where the client takes that (10.4.1.1.6)."""
        place = self._place(request)
        with self._cubes.borrow(place.entry) as cube:
            numbers = frame_numbers(request.path_params["frames"], cube.frame_count(place.number))
            form = choose_frames(accepted(request), cube, place.number)
            tag = entity_tag(cube.identity, place.uid, numbers, form)
        known = unchanged(request, tag)
        if known is not None:
            return known
        headers = {"ETag": tag, "Cache-Control": CACHED}
        parts = self._frames(base_url(request), place, numbers, form)
        if len(numbers) == 1 and not form.is_multipart:
            return single_response(next(parts), headers)
        return multipart_response(parts, form.media_type, headers)

    @in_plain_words
    def bulk_data(self, request: Request) -> Response:
        """The value of an element that the metadata name by its address (PS3.18 10.4.1.1.5)."""
        place = self._place(request)
        is_multipart = _takes_octets(accepted(request)).is_multipart
        where = request.path_params["place"]
        with self._cubes.borrow(place.entry) as cube:
            tag = entity_tag(cube.identity, place.uid, where)
            known = unchanged(request, tag)
            if known is not None:
                return known
            location = f"{instance_address(base_url(request), place)}/bulkdata/{where}"
            is_pixels = where == _pixel_key(cube.layout(place.number))
        part = self._pixels(place, location) if is_pixels else self._value(place, where, location)
        headers = {"ETag": tag, "Cache-Control": CACHED}
        if is_multipart:
            return multipart_response(iter([part]), OCTETS, headers)
        return single_response(part, headers)

    # ---- what is asked for ----------------------------------------------------------------------

    def _places(self, request: Request) -> list[InstancePlace]:
        self._studies.refresh()
        wanted = request.path_params
        if "instance" in wanted:
            return [self._studies.instance(wanted["study"], wanted["series"], wanted["instance"])]
        if "series" in wanted:
            found = [self._studies.series(wanted["study"], wanted["series"])]
        else:
            found = list(self._studies.study(wanted["study"]).series)
        places = [place for series in found for place in self._studies.instances(series)]
        if not places:
            raise LibraryError("there are no instances")
        return places

    def _place(self, request: Request) -> InstancePlace:
        return self._places(request)[0]

    def _form(self, ranges: Sequence[MediaRange], place: InstancePlace) -> Form:
        with self._cubes.borrow(place.entry) as cube:
            return choose_instance(ranges, cube, place.number)

    # ---- what is sent ---------------------------------------------------------------------------

    def _headers(self, base: str, places: Sequence[InstancePlace]) -> Iterator[dict[str, Any]]:
        for place in places:
            with self._cubes.borrow(place.entry) as cube:
                yield header(cube, place.number, instance_address(base, place))

    def _files(
        self, base: str, places: Sequence[InstancePlace], forms: Sequence[Form]
    ) -> Iterator[Part]:
        for place, form in zip(places, forms, strict=True):
            with self._cubes.borrow(place.entry) as cube:
                data = cube.file_bytes(place.number, form.transfer_syntax)
            content_type = f"{DICOM}; transfer-syntax={form.transfer_syntax}"
            yield Part(content_type, [data], len(data), instance_address(base, place))

    def _frames(
        self, base: str, place: InstancePlace, numbers: Sequence[int], form: Form
    ) -> Iterator[Part]:
        content_type = f"{form.media_type}; transfer-syntax={form.transfer_syntax}"
        for start in range(0, len(numbers), _BATCH_FRAMES):
            batch = numbers[start : start + _BATCH_FRAMES]
            with self._cubes.borrow(place.entry) as cube:
                found = _frame_bytes(cube, place.number, batch, form.transfer_syntax)
            for number, data in zip(batch, found, strict=True):
                location = f"{instance_address(base, place)}/frames/{number}"
                yield Part(content_type, [data], len(data), location)

    def _value(self, place: InstancePlace, where: str, location: str) -> Part:
        with self._cubes.borrow(place.entry) as cube:
            try:
                data = bulk_value(cube.entries(place.number), where)
            except MetaDataError as error:
                raise LibraryError(error.what) from error
        return Part(_octets_of(EXPLICIT_UID), [data], len(data), location)

    def _pixels(self, place: InstancePlace, location: str) -> Part:
        """Native pixel data of all frames; frames of bits follow each other without a gap."""
        with self._cubes.borrow(place.entry) as cube:
            layout = cube.layout(place.number)
        return Part(
            _octets_of(EXPLICIT_UID), self._native(place, layout), layout.native_length, location
        )

    def _native(self, place: InstancePlace, layout: PixelLayout) -> Iterator[bytes]:
        count = layout.frames
        # As many frames of bits as fill whole bytes, whatever their size.
        batch = _BATCH_FRAMES if layout.bits_allocated == 1 else 1
        for start in range(0, count, batch):
            frames = range(start, min(start + batch, count))
            with self._cubes.borrow(place.entry) as cube:
                yield cube.native(place.number, frames)


def header(cube: CubeInstances, number: int, address: str) -> dict[str, Any]:
    """The data set of an instance in the DICOM JSON model, pixel data as a BulkDataURI."""
    found: dict[str, Any] = json_data_set(
        cube.entries(number), lambda place: f"{address}/bulkdata/{place}"
    )
    layout = cube.layout(number)
    key = _pixel_key(layout)
    vr = {_PIXEL_DATA: "OW" if layout.bits_allocated > 8 else "OB", "7FE00008": "OF"}.get(key, "OD")
    found[key] = {"vr": vr, "BulkDataURI": f"{address}/bulkdata/{key}"}
    return dict(sorted(found.items()))


def frame_numbers(text: str, count: int) -> list[int]:
    """Numbers of frames, from 1, as a path names them: "1,3,4".

    Raises
    ------
    BadRequestError
        That is no list of numbers.
    LibraryError
        The instance has no such frame.
    """
    parts = text.split(",")
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise BadRequestError("Frames are numbers from 1, with commas between them.")
    numbers = [int(part) for part in parts]
    if not all(1 <= number <= count for number in numbers):
        raise LibraryError(f"the instance has frames 1 to {count}")
    return numbers


def _frame_bytes(
    cube: CubeInstances, number: int, frames: Sequence[int], uid: str
) -> Sequence[bytes | memoryview]:
    places = [frame - 1 for frame in frames]
    if uid == EXPLICIT_UID:
        return [cube.native(number, [place]) for place in places]
    return cube.encoded(number, places, uid)


def _pixel_key(layout: PixelLayout) -> str:
    return _FLOAT_PIXELS[layout.bits_allocated] if layout.is_float else _PIXEL_DATA


def _octets_of(uid: str) -> str:
    return f"{OCTETS}; transfer-syntax={uid}"


def _takes_octets(ranges: Sequence[MediaRange]) -> MediaRange:
    for media_range in ranges:
        if media_range.takes(OCTETS) and media_range.transfer_syntax in (None, "*", EXPLICIT_UID):
            return media_range
    raise NotAcceptableError(f"bulk data can be had as {OCTETS}")
