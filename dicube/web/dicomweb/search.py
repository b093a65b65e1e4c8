"""QIDO-RS: studies, series and instances by their attributes (PS3.18 10.6)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response

from dicube.core.instances import CubeInstances
from dicube.dicom.json_model import Element, json_data_set, json_element
from dicube.library.entry import INDEXED_TAGS, LibraryEntry
from dicube.library.open_cubes import OpenCubes
from dicube.library.studies import InstancePlace, Series, Studies, Study
from dicube.web.dicomweb.answers import base_url, in_plain_words, json_response
from dicube.web.dicomweb.negotiation import accepted, choose_json
from dicube.web.dicomweb.query import Match, Query
from dicube.web.dicomweb.results import (
    OF_INSTANCE,
    OF_SERIES,
    OF_STUDY,
    DataSet,
    Lookup,
    all_match,
    given,
    instance_address,
    place_elements,
    series_elements,
    study_elements,
)

_MORE = "There are additional results that can be requested."


class Search:
    """The handlers; each runs in a thread of its own."""

    def __init__(self, studies: Studies, cubes: OpenCubes) -> None:
        self._studies = studies
        self._cubes = cubes

    @in_plain_words
    def studies(self, request: Request) -> Response:
        """Search for studies."""
        return self._answer(request, self._found_studies)

    @in_plain_words
    def series(self, request: Request) -> Response:
        """Search for series, of a study or of all."""
        return self._answer(request, self._found_series)

    @in_plain_words
    def instances(self, request: Request) -> Response:
        """Search for instances, of a series, a study or all."""
        return self._answer(request, self._found_instances)

    def _answer(
        self, request: Request, find: Callable[[Request, Query], Iterator[DataSet]]
    ) -> Response:
        media_type = choose_json(accepted(request))
        query = Query.of(request.query_params)
        self._studies.refresh()
        last = query.offset + query.limit
        results = list(islice(find(request, query), query.offset, last + 1))
        warnings = [*query.warnings, *([_MORE] if len(results) > query.limit else [])]
        return json_response(results[: query.limit], media_type, warnings)

    # ---- the levels -----------------------------------------------------------------------------

    def _found_studies(self, request: Request, query: Query) -> Iterator[DataSet]:
        base = base_url(request)
        for study in self._studies.studies():
            own = study_elements(study, self._studies, base)
            if any(self._fits(query.matches, own, series) for series in study.series):
                yield self._given(query, own, study.series[0].entries[0], OF_STUDY)

    def _found_series(self, request: Request, query: Query) -> Iterator[DataSet]:
        base = base_url(request)
        keys = OF_SERIES if "study" in request.path_params else (*OF_STUDY, *OF_SERIES)
        for study, series in self._series_of(request):
            own = series_elements(series, self._studies, base)
            upper = study_elements(study, self._studies, base) | own
            if self._fits(query.matches, upper, series):
                yield self._given(query, own, series.entries[0], keys)

    def _found_instances(self, request: Request, query: Query) -> Iterator[DataSet]:
        base, named = base_url(request), request.path_params
        above = () if "series" in named else OF_SERIES if "study" in named else OF_STUDY + OF_SERIES
        keys = (*above, *OF_INSTANCE, *query.fields)
        for study, series in self._series_of(request):
            upper = study_elements(study, self._studies, base)
            upper |= series_elements(series, self._studies, base)
            indexed = [m for m in query.matches if m.path[0] in INDEXED_TAGS | upper.keys()]
            if not self._fits(indexed, upper, series):
                continue  # spares opening the cubes
            rest = [match for match in query.matches if match not in indexed]
            for place in self._studies.instances(series):
                with self._cubes.borrow(place.entry) as cube:
                    address = instance_address(base, place)
                    lookup = _lookup(cube, place.number, address)
                    if all_match(rest, lookup):
                        more = _everything(cube, place, address) if query.all_fields else {}
                        yield given(keys, lookup, more | place_elements(address))

    def _series_of(self, request: Request) -> Iterator[tuple[Study, Series]]:
        """The series that the address names: one, those of a study, or all."""
        named = request.path_params
        studies = [self._studies.study(named["study"])] if "study" in named else None
        for study in studies or self._studies.studies():
            if "series" in named:
                yield study, self._studies.series(study.uid, named["series"])
            else:
                yield from ((study, series) for series in study.series)

    # ---- matching and giving --------------------------------------------------------------------

    def _fits(self, wanted: Sequence[Match], own: DataSet, series: Series) -> bool:
        """Whether a series, or one of its instances, has all that is wanted."""
        entry = series.entries[0]
        known = {**entry.attributes, **own}
        rare = [m for m in wanted if m.path[0] not in INDEXED_TAGS | own.keys()]
        if not all_match([match for match in wanted if match not in rare], known.get):
            return False
        return not rare or any(self._has_fitting(rare, each) for each in series.entries)

    def _has_fitting(self, wanted: Sequence[Match], entry: LibraryEntry) -> bool:
        with self._cubes.borrow(entry) as cube:
            numbers = range(len(cube))
            return any(all_match(wanted, _lookup(cube, number, "")) for number in numbers)

    def _given(
        self, query: Query, own: DataSet, entry: LibraryEntry, keys: Sequence[str]
    ) -> DataSet:
        """What is given of a study or series: the usual elements, and those asked for."""
        extra = tuple(entry.attributes) if query.all_fields else query.fields
        rare = [key for key in extra if key not in INDEXED_TAGS | own.keys()]
        if not rare:
            return given((*keys, *extra), entry.attributes.get, own)
        with self._cubes.borrow(entry) as cube:
            return given((*keys, *extra), _lookup(cube, 0, ""), own)


def _lookup(cube: CubeInstances, number: int, address: str) -> Lookup:
    def lookup(key: str) -> Element | None:
        found = cube.some_entries(number, [key]).get(key)
        return None if found is None else json_element(found, _uri(address), key)

    return lookup


def _everything(cube: CubeInstances, place: InstancePlace, address: str) -> DataSet:
    return json_data_set(cube.entries(place.number), _uri(address))


def _uri(address: str) -> Callable[[str], str]:
    return lambda place: f"{address}/bulkdata/{place}"
