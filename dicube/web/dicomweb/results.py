"""What a search gives of a study, series or instance (PS3.18 10.6.3.3)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from pydicom.datadict import dictionary_VR

from dicube.dicom.dicom_tags import tag_key
from dicube.dicom.json_model import Element
from dicube.library.studies import InstancePlace, Series, Studies, Study
from dicube.web.dicomweb.matching import matches
from dicube.web.dicomweb.query import Match

DataSet = dict[str, Element]
# An element by its tag; None where the object lacks it.
Lookup = Callable[[str], Element | None]


def _keys(*keywords: str) -> tuple[str, ...]:
    return tuple(tag_key(keyword) for keyword in keywords)


# Given unasked, tables 10.6.3-3 to -5.
OF_STUDY: Final = _keys(
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID",
)  # fmt: skip
OF_SERIES: Final = _keys(
    "Modality", "SeriesDescription", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "BodyPartExamined", "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
)  # fmt: skip
OF_INSTANCE: Final = _keys(
    "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID", "InstanceNumber",
    "Rows", "Columns", "BitsAllocated", "NumberOfFrames",
)  # fmt: skip
# Of these, those that are given without a value where a file has none.
_ALWAYS: Final = frozenset(
    _keys("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName",
          "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "Modality", "SeriesNumber",
          "InstanceNumber")
)  # fmt: skip
_AVAILABILITY, _RETRIEVE_URL = _keys("InstanceAvailability", "RetrieveURL")
_MODALITIES, _STUDY_SERIES, _STUDY_INSTANCES, _SERIES_INSTANCES = _keys(
    "ModalitiesInStudy", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances",
    "NumberOfSeriesRelatedInstances",
)  # fmt: skip


def instance_address(base: str, place: InstancePlace) -> str:
    """Where an instance is retrieved."""
    entry = place.entry
    return f"{base}/studies/{entry.study_uid}/series/{entry.series_uid}/instances/{place.uid}"


def study_elements(study: Study, studies: Studies, base: str) -> DataSet:
    """What follows from the series of a study, and where it is."""
    entries = [entry for series in study.series for entry in series.entries]
    modalities = sorted({entry.modality for entry in entries} - {""})
    count = sum(studies.instance_count(series) for series in study.series)
    return {
        _MODALITIES: {"vr": "CS", "Value": modalities} if modalities else {"vr": "CS"},
        _STUDY_SERIES: _whole(len(study.series)),
        _STUDY_INSTANCES: _whole(count),
        **place_elements(f"{base}/studies/{study.uid}"),
    }


def series_elements(series: Series, studies: Studies, base: str) -> DataSet:
    """The number of instances of a series, and where it is."""
    address = f"{base}/studies/{series.study_uid}/series/{series.uid}"
    return {_SERIES_INSTANCES: _whole(studies.instance_count(series)), **place_elements(address)}


def place_elements(address: str) -> DataSet:
    """Where an object is retrieved, and that it is at hand."""
    return {
        _AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]},
        _RETRIEVE_URL: {"vr": "UR", "Value": [address]},
    }


def given(keys: Iterable[str], lookup: Lookup, own: DataSet) -> DataSet:
    """The elements of these tags and `own`, in ascending order; some without a value if need be."""
    found = {key: lookup(key) or _empty(key) for key in dict.fromkeys(keys)}
    present = {key: element for key, element in found.items() if element is not None}
    return dict(sorted((present | own).items()))


def all_match(wanted: Iterable[Match], lookup: Lookup) -> bool:
    """Whether an object has all that is wanted."""
    return all(
        not match.wanted
        or any(matches(e, match.wanted, match.vr) for e in _reached(lookup, match.path))
        for match in wanted
    )


def _reached(lookup: Lookup, path: Sequence[str]) -> Iterator[Element | None]:
    """The elements at the end of a path, in all items of its sequences."""
    element = lookup(path[0])
    if len(path) == 1:
        yield element
        return
    for item in (element or {}).get("Value") or []:
        if isinstance(item, dict):
            yield from _reached(item.get, path[1:])


def _empty(key: str) -> Element | None:
    return {"vr": str(dictionary_VR(int(key, 16)))} if key in _ALWAYS else None


def _whole(number: int) -> Element:
    return {"vr": "IS", "Value": [number]}
