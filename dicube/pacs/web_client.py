"""DicomWebClient: a PACS over DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18 section 10)."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from dicube.closing import Closing
from dicube.dicom.instance import read_instance
from dicube.exceptions import MetaDataError, PacsError
from dicube.pacs.client import Cancelled, Progress, Retrieved, Stored, StoreFailure
from dicube.pacs.dimse.statuses import status_text
from dicube.pacs.filling import fill
from dicube.pacs.inbox import Inbox
from dicube.pacs.keys import Level, matches_of, search_keys
from dicube.pacs.matches import InstanceMatch, PatientMatch, SeriesMatch, StudyMatch
from dicube.pacs.query import Query
from dicube.pacs.retry import raise_if, with_retries
from dicube.pacs.server import PacsServer
from dicube.pacs.web.http import HttpSession
from dicube.pacs.web.multipart import MultipartFiles, boundary_of, parts_of
from dicube.pacs.web.qido import matches, query_string, rows_of, without_encoded

_JSON: Final = "application/dicom+json"
# What is stored, not recoded (PS3.18 8.7.3.5.2); else servers decode, or fail.
_AS_STORED: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_PAGE: Final = 1000
_MOST_FILES, _MOST_BYTES = 100, 64 << 20  # of one STOW-RS request; a larger file goes alone
_SOP_INSTANCE: Final = 0x00080018
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_FAILED, _REFERENCED_UID, _REASON = "00081198", "00081155", "00081197"
_CONFLICT: Final = 409  # STOW-RS: some or all instances were not taken


class DicomWebClient(Closing):
    """A client over DICOMweb; see `PacsClient`.

    Parameters
    ----------
    server : PacsServer
        With a `dicomweb_url`.
    """

    def __init__(self, server: PacsServer) -> None:
        self.server = server
        self._http = HttpSession(server)

    # ---- searches -------------------------------------------------------------------------------

    def echo(self) -> None:
        """Ask for a sign of life: the smallest search."""
        self._page("/studies", {}, limit=1, offset=0)

    def find_patients(self, query: Query) -> list[PatientMatch]:
        """Look for patients: those of the studies, as there is no search for patients."""
        studies = self.find_studies(replace(query, limit=None))
        rows = (
            {tag: getattr(study, name) or "" for name, tag in _PATIENT_TAGS.items()}
            for study in studies
        )
        return matches_of(PatientMatch, rows, "PATIENT", query)[: query.limit]

    def find_studies(self, query: Query) -> list[StudyMatch]:
        """Look for studies."""
        rows = self._search("/studies", query, "STUDY")
        return matches_of(StudyMatch, rows, "STUDY", query)[: query.limit]

    def find_series(self, query: Query) -> list[SeriesMatch]:
        """Look for series, in the studies that match; a UID of a series alone is enough."""
        if query.series_uid and not query.study_uid and not query.has_study_keys:
            rows = self._search("/series", query, "SERIES")
            found = matches_of(SeriesMatch, rows, "SERIES", query)
            uids = sorted({match.study_uid for match in found})
            studies = [study for uid in uids for study in self.find_studies(Query(study_uid=uid))]
        else:
            studies = self.find_studies(replace(query, limit=None))
        series: list[SeriesMatch] = []
        for study in studies:
            within = replace(query, study_uid=None)
            rows = self._search(f"/studies/{study.study_uid}/series", within, "SERIES")
            known = ({_STUDY: study.study_uid, **row} for row in rows)
            matches = matches_of(SeriesMatch, known, "SERIES", query)
            series += [match.of_study(study) for match in matches]
        return series[: query.limit]

    def find_instances(self, series: SeriesMatch) -> list[InstanceMatch]:
        """List the instances of a series, each once."""
        path = f"/studies/{series.study_uid}/series/{series.series_uid}/instances"
        return matches_of(InstanceMatch, self._search(path, Query(), "IMAGE"), "IMAGE")

    def _search(self, path: str, query: Query, level: Level) -> list[Mapping[int, str]]:
        keys = search_keys(query, level)
        rows = with_retries(lambda: self._pages(path, keys))
        loose = without_encoded(keys)
        if not rows and loose is not None:
            # Perhaps the server does not decode what had to be encoded.
            found = with_retries(lambda: self._pages(path, loose))
            return [row for row in found if matches(row, keys)]
        return rows

    def _pages(self, path: str, keys: Mapping[int, str]) -> list[Mapping[int, str]]:
        """All answers, however few a server gives at a time."""
        rows: list[Mapping[int, str]] = []
        seen: set[str] = set()
        while True:
            page = self._page(path, keys, limit=_PAGE, offset=len(rows))
            texts = {json.dumps(row, sort_keys=True): row for row in page}
            new = [row for text, row in texts.items() if text not in seen]
            seen.update(texts)
            rows += new
            # Some servers cut pages shorter, some know no offset and begin again.
            if not new:
                return rows

    def _page(
        self, path: str, keys: Mapping[int, str], *, limit: int, offset: int
    ) -> list[dict[int, str]]:
        query = query_string(keys, limit=limit, offset=offset)
        with self._http.request("GET", path, accept=_JSON, query=query) as response:
            if not (body := response.content):
                return []  # 204: nothing matches
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise PacsError(
                "the server's answer is no JSON",
                where=self.server.where,
                hint="is dicomweb_url the root of a DICOMweb service?",
            ) from error
        return rows_of(answer, self.server.where)

    # ---- fetching -------------------------------------------------------------------------------

    def retrieve(
        self,
        series: SeriesMatch,
        folder: Path,
        *,
        wanted: Collection[str] | None = None,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Retrieved:
        """Fetch the instances of a series that are not yet in a folder; see `PacsClient`."""
        if wanted is None:
            wanted = [i.sop_instance_uid for i in self.find_instances(series)] or None
        path = f"/studies/{series.study_uid}/series/{series.series_uid}"
        with Inbox(folder, series.series_uid, wanted, progress) as inbox:

            def ask() -> None:
                missing = inbox.missing
                if not inbox.files or not missing:
                    self._fetch(path, inbox, cancelled)
                    return
                for uid in missing:
                    raise_if(cancelled)
                    self._fetch(f"{path}/instances/{uid}", inbox, cancelled)

            fill(inbox, ask, is_listed=wanted is not None, cancelled=cancelled)
            return inbox.retrieved(series.instance_count if wanted is None else len(wanted))

    def _fetch(self, path: str, inbox: Inbox, cancelled: Cancelled | None) -> None:
        """Put all parts of an answer into the inbox."""
        with self._http.request("GET", path, accept=_AS_STORED, allowed=(404, 410)) as response:
            if response.status_code in (404, 410):
                inbox.note("the server has not got what it listed")
                return
            if response.status_code == 204:
                return
            pieces = self._http.pieces(response)
            for part in self._parts(response.headers.get("Content-Type", ""), pieces):
                _take(part, inbox)
                raise_if(cancelled)

    def _parts(self, content_type: str, pieces: Iterator[bytes]) -> Iterator[Iterator[bytes]]:
        if content_type.partition(";")[0].strip().lower() == "application/dicom":
            return iter((pieces,))
        where = self.server.where
        return parts_of(pieces, boundary_of(content_type, where), where)

    # ---- sending --------------------------------------------------------------------------------

    def store(self, files: Iterable[Path], *, progress: Progress | None = None) -> Stored:
        """Send DICOM files as they are, in bounded requests; see `PacsClient`."""
        paths = list(files)
        failed: list[StoreFailure] = []
        stored = length = 0
        for batch in _batches(paths, failed):
            refused = with_retries(partial(self._stow, batch))
            failed += [StoreFailure(batch[uid], why) for uid, why in refused.items()]
            taken = [path for uid, path in batch.items() if uid not in refused]
            stored, length = stored + len(taken), length + sum(p.stat().st_size for p in taken)
            if progress is not None:
                progress(stored + len(failed), len(paths))
        return Stored(stored, length, tuple(failed))

    def _stow(self, batch: Mapping[str, Path]) -> dict[str, str]:
        """Send some files; the UIDs that were not taken, with the reason."""
        body = MultipartFiles(list(batch.values()))
        headers = {"Content-Type": body.content_type}
        allowed = (400, _CONFLICT)
        with self._http.request(
            "POST", "/studies", accept=_JSON, body=body, headers=headers, allowed=allowed
        ) as response:
            status, answer = response.status_code, response.content
        try:
            found = json.loads(answer) if answer else {}
        except ValueError:
            found = {}
        refused = _refused(found)
        if status in allowed and not refused:
            return dict.fromkeys(batch, f"HTTP status {status}")
        return {uid: why for uid, why in refused.items() if uid in batch}

    # ---- the rest -------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all connections."""
        self._http.close()


_PATIENT_TAGS: Final = {
    "patient_id": 0x00100020,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
}


def _take(part: Iterator[bytes], inbox: Inbox) -> None:
    incoming = inbox.incoming_file()
    try:
        for piece in part:
            incoming.write(piece)
    except BaseException:
        incoming.abandon()
        raise
    incoming.finish()


def _batches(paths: Iterable[Path], failed: list[StoreFailure]) -> Iterator[dict[str, Path]]:
    """Files by SOP Instance UID, in portions of bounded size; no two of one UID together."""
    batch: dict[str, Path] = {}
    length = 0
    for path in paths:
        try:
            element = read_instance(path).elements.get(_SOP_INSTANCE)
        except MetaDataError as error:
            failed.append(StoreFailure(path, error.what))
            continue
        uid = "" if element is None else element.value.decode("latin-1").strip(" \0")
        if not uid:
            failed.append(StoreFailure(path, "has no SOP Instance UID"))
            continue
        size = path.stat().st_size
        if batch and (uid in batch or len(batch) == _MOST_FILES or length + size > _MOST_BYTES):
            yield batch
            batch, length = {}, 0
        batch[uid] = path
        length += size
    if batch:
        yield batch


def _refused(answer: Any) -> dict[str, str]:
    """Failure reasons by UID of a STOW-RS response (PS3.18 annex I)."""
    refused = {}
    items = answer.get(_FAILED, {}).get("Value", []) if isinstance(answer, dict) else []
    for item in items:
        uid = next(iter(item.get(_REFERENCED_UID, {}).get("Value", [])), None)
        reason = next(iter(item.get(_REASON, {}).get("Value", [])), None)
        if uid is not None:
            refused[str(uid)] = status_text(reason)
    return refused
