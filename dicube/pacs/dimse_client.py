"""DimseClient: a PACS over DIMSE, with C-GET or C-MOVE."""

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Final

from dicube.closing import Closing
from dicube.exceptions import PacsError
from dicube.pacs.client import Cancelled, Progress, Retrieved, Stored
from dicube.pacs.dimse import identifiers, requests, storing
from dicube.pacs.dimse.association import Association
from dicube.pacs.dimse.negotiation import MOST_CONTEXTS, Offer, connect
from dicube.pacs.dimse.sop_classes import (
    IMPLICIT_LITTLE,
    PATIENT_ROOT_FIND,
    STORAGE_SYNTAXES,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    likely_classes,
)
from dicube.pacs.dimse.statuses import DESTINATION_UNKNOWN, SOME_FAILED, SUCCESS, status_text
from dicube.pacs.filling import fill
from dicube.pacs.inbox import Inbox
from dicube.pacs.keys import matches_of, search_keys
from dicube.pacs.matches import InstanceMatch, PatientMatch, SeriesMatch, StudyMatch
from dicube.pacs.query import Query
from dicube.pacs.receiver import Receiver
from dicube.pacs.retry import with_retries
from dicube.pacs.server import PacsServer

_UIDS_AT_ONCE: Final = 200
_PATIENT_ID: Final = 0x00100020


class DimseClient(Closing):
    """A client over DIMSE; see `PacsClient`.

    Parameters
    ----------
    server : PacsServer
    """

    def __init__(self, server: PacsServer) -> None:
        self.server = server
        self._slots = BoundedSemaphore(server.associations)
        self._lock = Lock()
        self._receiver: Receiver | None = None
        # What "auto" found out: None as long as nothing was fetched.
        self._has_get: bool | None = {"get": True, "move": False}.get(server.retrieve)

    # ---- searches -------------------------------------------------------------------------------

    def echo(self) -> None:
        """Ask for a sign of life: C-ECHO."""
        with self._association((VERIFICATION,)) as association:
            requests.echo(association)

    def find_patients(self, query: Query) -> list[PatientMatch]:
        """Look for patients; those of studies where the server has no Patient Root."""
        return with_retries(lambda: self._find_patients(query))

    def find_studies(self, query: Query) -> list[StudyMatch]:
        """Look for studies."""
        return with_retries(lambda: self._find_studies(query))

    def find_series(self, query: Query) -> list[SeriesMatch]:
        """Look for series, in the studies that match; a UID of a series alone is enough."""
        return with_retries(lambda: self._find_series(query))

    def find_instances(self, series: SeriesMatch) -> list[InstanceMatch]:
        """List the instances of a series, each once."""

        def search() -> list[InstanceMatch]:
            keys = {**_series_keys(series, "IMAGE"), **search_keys(Query(), "IMAGE")}
            with self._association((STUDY_ROOT_FIND,)) as association:
                rows = requests.find(association, STUDY_ROOT_FIND, keys, identifiers.SOP_INSTANCE)
                return matches_of(InstanceMatch, rows, "IMAGE")

        return with_retries(search)

    def _find_patients(self, query: Query) -> list[PatientMatch]:
        keys = {identifiers.LEVEL: "PATIENT", **search_keys(query, "PATIENT")}
        with self._association((PATIENT_ROOT_FIND, STUDY_ROOT_FIND)) as association:
            if association.context_for(PATIENT_ROOT_FIND) is not None:
                rows = requests.find(association, PATIENT_ROOT_FIND, keys, _PATIENT_ID, query.limit)
                return matches_of(PatientMatch, rows, "PATIENT", query)
            studies = _studies(association, replace(query, limit=None))
            rows = (
                {tag: getattr(study, name) or "" for name, tag in _PATIENT_TAGS.items()}
                for study in studies
            )
            return matches_of(PatientMatch, rows, "PATIENT", query)[: query.limit]

    def _find_studies(self, query: Query) -> list[StudyMatch]:
        with self._association((STUDY_ROOT_FIND,)) as association:
            return _studies(association, query)

    def _find_series(self, query: Query) -> list[SeriesMatch]:
        with self._association((STUDY_ROOT_FIND,)) as association:
            found: list[SeriesMatch] = []
            if query.series_uid and not query.study_uid and not query.has_study_keys:
                # Relational: strictly a server need not know a series without its study
                # (PS3.4 C.4.1.2.2), but most do.
                uids = {match.study_uid for match in _series(association, query)}
                studies = [
                    study
                    for uid in sorted(uids)
                    for study in _studies(association, Query(study_uid=uid))
                ]
            else:
                studies = _studies(association, replace(query, limit=None))
            for study in studies:
                within = replace(query, study_uid=study.study_uid)
                found += [match.of_study(study) for match in _series(association, within)]
                if query.limit is not None and len(found) >= query.limit:
                    return found[: query.limit]
            return found

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
        instances = self.find_instances(series)
        if wanted is None and instances:
            wanted = [instance.sop_instance_uid for instance in instances]
        classes = {i.sop_class_uid for i in instances if i.sop_class_uid is not None}
        with Inbox(folder, series.series_uid, wanted, progress) as inbox:
            fill(
                inbox,
                lambda: self._ask(
                    inbox, series, tuple(sorted(classes)), wanted is not None, cancelled
                ),
                is_listed=wanted is not None,
                cancelled=cancelled,
            )
            return inbox.retrieved(series.instance_count if wanted is None else len(wanted))

    def _ask(
        self,
        inbox: Inbox,
        series: SeriesMatch,
        classes: Sequence[str],
        is_listed: bool,
        cancelled: Cancelled | None,
    ) -> None:
        """Ask once for what is missing: for the series as a whole, or for what it lacks."""
        if inbox.files or not is_listed:
            missing = inbox.missing
            lists = [
                {
                    **_series_keys(series, "IMAGE"),
                    identifiers.SOP_INSTANCE: "\\".join(missing[first : first + _UIDS_AT_ONCE]),
                }
                for first in range(0, len(missing), _UIDS_AT_ONCE)
            ]
        else:
            lists = []
        lists = lists or [_series_keys(series, "SERIES")]
        if self._has_get is not False:
            try:
                self._get(inbox, lists, classes or likely_classes(series.modality), cancelled)
                self._has_get = True
                return
            except requests.NoSuchServiceError:
                if self.server.retrieve == "get" or self.server.calling_port is None:
                    raise PacsError(
                        "the server offers no C-GET",
                        where=self.server.where,
                        hint="have it send to this machine: register calling_aet and calling_port"
                        ' there, then set calling_port (and retrieve = "move")',
                    ) from None
                self._has_get = False
        self._move(inbox, lists, cancelled)

    def _get(
        self,
        inbox: Inbox,
        lists: Sequence[dict[int, str]],
        classes: Sequence[str],
        cancelled: Cancelled | None,
    ) -> None:
        with self._slots, connect(self.server, storage_offers(classes)) as association:
            _each(
                self.server,
                "C-GET",
                lists,
                inbox,
                lambda keys: requests.get(association, keys, inbox, cancelled),
            )

    def _move(
        self, inbox: Inbox, lists: Sequence[dict[int, str]], cancelled: Cancelled | None
    ) -> None:
        destination = self.server.calling_aet
        with (
            self._receiving().expecting(inbox),
            self._association((STUDY_ROOT_MOVE,)) as association,
        ):
            _each(
                self.server,
                "C-MOVE",
                lists,
                inbox,
                lambda keys: requests.move(
                    association, keys, destination, inbox, self.server.timeout_s, cancelled
                ),
            )

    def _receiving(self) -> Receiver:
        """The receiver, which listens from the first C-MOVE on."""
        server = self.server
        if server.calling_port is None:
            raise PacsError(
                "C-MOVE needs a port to receive at",
                where=server.where,
                hint='set calling_port, or fetch with retrieve = "get"',
            )
        with self._lock:
            if self._receiver is None:
                self._receiver = Receiver(
                    server.calling_aet,
                    server.calling_port,
                    host=server.calling_host,
                    timeout_s=server.timeout_s,
                    max_pdu_bytes=server.max_pdu_bytes,
                )
            return self._receiver

    # ---- sending --------------------------------------------------------------------------------

    def store(self, files: Iterable[Path], *, progress: Progress | None = None) -> Stored:
        """Send DICOM files as they are; see `PacsClient`."""
        with self._slots:
            return storing.store(self.server, files, progress)

    # ---- the rest -------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop the receiver, if it listens."""
        with self._lock:
            receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close()

    @contextmanager
    def _association(self, sop_classes: Sequence[str]) -> Iterator[Association]:
        offers = [Offer(uid, (IMPLICIT_LITTLE,)) for uid in sop_classes]
        with self._slots, connect(self.server, offers) as association:
            yield association


_PATIENT_TAGS: Final = {
    "patient_id": _PATIENT_ID,
    "patient_name": 0x00100010,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
}


def storage_offers(classes: Sequence[str]) -> list[Offer]:
    """C-GET and what it may send: a context for each SOP class and transfer syntax.

    With several syntaxes in one context a server picks one, and objects stored in another fail.
    """
    classes = classes[: MOST_CONTEXTS - 1]
    each = min((MOST_CONTEXTS - 1) // len(classes), len(STORAGE_SYNTAXES))
    return [
        Offer(STUDY_ROOT_GET, (IMPLICIT_LITTLE,)),
        *(
            Offer(uid, (syntax,), as_scp=True)
            for uid, syntax in itertools.product(classes, STORAGE_SYNTAXES[:each])
        ),
    ]


def _each(
    server: PacsServer,
    service: str,
    lists: Sequence[dict[int, str]],
    inbox: Inbox,
    ask: Callable[[dict[int, str]], requests.Outcome],
) -> None:
    """Ask for each list of instances; for one instance at a time where a server takes no lists."""
    left = list(reversed(lists))
    while left:
        keys, before = left.pop(), inbox.received
        outcome = ask(keys)
        if outcome.status in (SUCCESS, SOME_FAILED):
            continue
        uids = keys.get(identifiers.SOP_INSTANCE, "").split("\\")
        if len(uids) > 1 and inbox.received == before:
            left += [{**keys, identifiers.SOP_INSTANCE: uid} for uid in reversed(uids)]
        elif outcome.status == DESTINATION_UNKNOWN:
            raise requests.unknown_destination(server.where, server.calling_aet)
        else:
            inbox.note(f"{service} ended with {status_text(outcome.status)}")


def _studies(association: Association, query: Query) -> list[StudyMatch]:
    keys = {identifiers.LEVEL: "STUDY", **search_keys(query, "STUDY")}
    rows = requests.find(association, STUDY_ROOT_FIND, keys, identifiers.STUDY, query.limit)
    return matches_of(StudyMatch, rows, "STUDY", query)


def _series(association: Association, query: Query) -> list[SeriesMatch]:
    keys = {identifiers.LEVEL: "SERIES", **search_keys(query, "SERIES")}
    rows = requests.find(association, STUDY_ROOT_FIND, keys, identifiers.SERIES, query.limit)
    asked = {identifiers.STUDY: query.study_uid or ""}
    # A server may leave out the study that it was asked for.
    return matches_of(SeriesMatch, ({**asked, **row} for row in rows), "SERIES", query)


def _series_keys(series: SeriesMatch, level: str) -> dict[int, str]:
    return {
        identifiers.LEVEL: level,
        identifiers.STUDY: series.study_uid,
        identifiers.SERIES: series.series_uid,
    }
