"""A PACS of a few series in memory: C-ECHO, C-FIND and C-GET on this machine alone.

Enough for a client to search and pull from (PS3.4 annex C, Study Root); not meant to keep anything.
"""

import fnmatch
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicube.extras import extra_module
from dicube.pacs import PacsServer
from dicube.web.demo.phantoms import write_demo_series

NAME: Final = "demo"
AE_TITLE: Final = "DEMO"
_SUCCESS, _PENDING, _CANCELLED, _UNABLE = 0x0000, 0xFF00, 0xFE00, 0xA900  # PS3.4 C.4
_LEVELS: Final = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID",
                  "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}  # fmt: skip
# What is counted among the instances of which patient, study or series; modalities are listed.
_COUNTED: Final = {
    "NumberOfPatientRelatedStudies": ("PatientID", "StudyInstanceUID"),
    "NumberOfPatientRelatedInstances": ("PatientID", "SOPInstanceUID"),
    "NumberOfStudyRelatedSeries": ("StudyInstanceUID", "SeriesInstanceUID"),
    "NumberOfStudyRelatedInstances": ("StudyInstanceUID", "SOPInstanceUID"),
    "NumberOfSeriesRelatedInstances": ("SeriesInstanceUID", "SOPInstanceUID"),
    "ModalitiesInStudy": ("StudyInstanceUID", "Modality"),
}


@contextmanager
def demo_server() -> Iterator[PacsServer]:
    """Make the series, and answer for them while the block runs.

    Raises
    ------
    MissingDependencyError
        The extra "pacs" is not installed.
    """
    pynetdicom = extra_module("pynetdicom", extra="pacs", purpose="the demo")
    with TemporaryDirectory(prefix="dicube-demo-") as folder:
        folders = write_demo_series(Path(folder))
        data_sets = [pydicom.dcmread(path) for each in folders for path in sorted(each.iterdir())]
    archive = DemoArchive(data_sets)
    server = archive.started(pynetdicom)
    try:
        yield PacsServer(NAME, "127.0.0.1", server.server_address[1], AE_TITLE)
    finally:
        server.shutdown()


class DemoArchive:
    """Answers for some data sets.

    Parameters
    ----------
    data_sets : sequence of Dataset
    """

    def __init__(self, data_sets: Sequence[Dataset]) -> None:
        self._data_sets = data_sets
        self._by_uid: dict[str, dict[str, list[Dataset]]] = {}
        for scope in _LEVELS.values():
            members = self._by_uid.setdefault(scope, {})
            for data_set in data_sets:
                members.setdefault(data_set[scope].value, []).append(data_set)

    def _candidates(self, asked: Dataset) -> Sequence[Dataset]:
        """Those of the series, study or patient that is asked for; else all."""
        for scope in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID"):
            wanted = asked.get(scope)
            if isinstance(wanted, str) and wanted in self._by_uid[scope]:
                return self._by_uid[scope][wanted]
        return self._data_sets

    def started(self, pynetdicom: Any) -> Any:
        """A server on a free port of this machine."""
        entity = pynetdicom.AE(AE_TITLE)
        syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
        model = "1.2.840.10008.5.1.4.1.2.2."  # Study Root (PS3.4 C.6.2)
        for uid in ("1.2.840.10008.1.1", model + "1", model + "3"):
            entity.add_supported_context(uid, syntaxes)
        for uid in sorted({data_set.SOPClassUID for data_set in self._data_sets}):
            # In a C-GET the one that is asked sends: it has to be the user of storage.
            entity.add_supported_context(uid, syntaxes, scu_role=True, scp_role=True)
        events = pynetdicom.evt
        handlers = [
            (events.EVT_CONN_OPEN, _send_at_once),
            (events.EVT_C_ECHO, lambda _: _SUCCESS),
            (events.EVT_C_FIND, self._find),
            (events.EVT_C_GET, self._get),
        ]
        return entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        asked = event.identifier
        level = asked.get("QueryRetrieveLevel", "")
        if level not in _LEVELS:
            yield _UNABLE, None
            return
        groups: dict[str, list[Dataset]] = {}
        for data_set in self._candidates(asked):
            if _matches(data_set, asked):
                groups.setdefault(data_set[_LEVELS[level]].value, []).append(data_set)
        for members in groups.values():
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, self._answer(asked, members[0])

    def _get(self, event: Any) -> Iterator[Any]:
        asked = event.identifier
        found = [data_set for data_set in self._candidates(asked) if _matches(data_set, asked)]
        yield len(found)
        for data_set in found:
            if event.is_cancelled:
                yield _CANCELLED, None
                return
            yield _PENDING, data_set

    def _answer(self, asked: Dataset, found: Dataset) -> Dataset:
        answer = Dataset()
        for element in asked:
            keyword = element.keyword
            if element.VR != "SQ" and keyword:
                setattr(answer, keyword, self._value(keyword, found))
        answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
        return answer

    def _value(self, keyword: str, found: Dataset) -> Any:
        """An element, or what is known of a study or series as a whole (PS3.4 C.3.4)."""
        if keyword not in _COUNTED:
            return found.get(keyword)
        scope, counted = _COUNTED[keyword]
        members = self._by_uid[scope][found[scope].value]
        values = {member[counted].value for member in members}
        return sorted(values) if counted == "Modality" else len(values)


def _send_at_once(event: Any) -> None:
    """Small messages wait for an acknowledgement otherwise: 40 ms for each image."""
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _matches(data_set: Dataset, asked: Dataset) -> bool:
    """Whether all keys match (PS3.4 C.2.2.2); keys it does not have match everything."""
    for element in asked:
        keyword = element.keyword
        if element.is_empty or keyword in ("QueryRetrieveLevel", "SpecificCharacterSet"):
            continue
        keyword = "Modality" if keyword == "ModalitiesInStudy" else keyword
        if keyword in data_set and not _matches_key(element, str(data_set.get(keyword, ""))):
            return False
    return True


def _matches_key(element: Any, value: str) -> bool:
    if element.VR == "UI":
        return value == element.value if element.VM == 1 else value in element.value
    wanted = [str(each) for each in element.value] if element.VM > 1 else [str(element.value)]
    if element.VR == "DA" and "-" in wanted[0]:
        first, _, last = wanted[0].partition("-")
        return (first or "0") <= value <= (last or "9")
    return any(fnmatch.fnmatchcase(value.lower(), each.lower()) for each in wanted)
