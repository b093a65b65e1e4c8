"""SlicePeer: a PACS in this process, of pynetdicom, that can be told to behave badly."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind as Find,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as Get,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelMove as Move,
)
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from dicube.pacs import PacsServer


class SlicePeer:
    """Serves the instances of one series.

    `drop_after`: abort after so many instances, `drops` times. `withhold`: list these many more
    than are sent. `foreign`: send an instance of another series first. `mislabel`: one data set has
    another SOP Instance UID than its message. `delay_s`: wait before each instance. `no_get`,
    `no_images`: offer no C-GET, answer no search at IMAGE level.
    """

    def __init__(self, files: list[Path], **behaviour: Any) -> None:
        self.files = files
        self.behaviour = behaviour
        self.sent: list[str] = []
        self.requests: list[Dataset] = []
        self.searches: list[Dataset] = []
        self.callers: set[str] = set()
        self.drops_left = behaviour.get("drops", 0)
        self._lock = threading.Lock()
        ae = AE("PEER")
        ae.require_called_aet = True
        ae.require_calling_aet = behaviour.get("callers", [])
        services = [Verification, Find, Move, *([] if behaviour.get("no_get") else [Get])]
        for service in services:
            ae.add_supported_context(service)
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
        handlers = [
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_C_MOVE, self._move),
            (evt.EVT_C_STORE, lambda event: behaviour.get("store_status", 0)),
        ]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = int(self._server.socket.getsockname()[1])

    def stop(self) -> None:
        self._server.shutdown()

    def server(self, **options: Any) -> PacsServer:
        return PacsServer(
            "peer", "127.0.0.1", self.port, **{"called_aet": "PEER", "timeout_s": 5, **options}
        )

    def _instances(self) -> list[Dataset]:
        return [pydicom.dcmread(path) for path in self.files]

    def _find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        keys = event.identifier
        with self._lock:
            self.searches.append(keys)
            self.callers.add(event.assoc.requestor.ae_title)
        instances = self._instances()
        level = keys.QueryRetrieveLevel
        if level == "IMAGE":
            if self.behaviour.get("no_images"):
                yield 0xA900, None
                return
            for _ in range(self.behaviour.get("withhold", 0)):
                extra = instances[0].SOPClassUID, generate_uid()
                yield 0xFF00, _answer(keys, SOPClassUID=extra[0], SOPInstanceUID=extra[1])
            for each in instances:
                uids = {"SOPClassUID": each.SOPClassUID, "SOPInstanceUID": each.SOPInstanceUID}
                yield 0xFF00, _answer(keys, **uids)
            return
        first = instances[0]
        # Once for each instance, and whatever was asked for, as some servers do.
        own = {"SeriesInstanceUID": first.SeriesInstanceUID}
        if level != "SERIES":
            own = {"AccessionNumber": first.get("AccessionNumber", "")}
        for _ in instances:
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield (
                0xFF00,
                _answer(
                    keys,
                    PatientID=first.PatientID,
                    PatientName=first.PatientName,
                    StudyInstanceUID=first.StudyInstanceUID,
                    **own,
                ),
            )

    def _wanted(self, keys: Dataset) -> list[Dataset]:
        with self._lock:
            self.requests.append(keys)
        uids = keys.get("SOPInstanceUID")
        wanted = [uids] if isinstance(uids, str) else list(uids or [])
        return [each for each in self._instances() if not wanted or each.SOPInstanceUID in wanted]

    def _sending(self, event: Any) -> Iterator[Any]:
        instances = self._wanted(event.identifier)
        if self.behaviour.get("foreign"):
            foreign = self._instances()[0]
            foreign.SeriesInstanceUID, foreign.SOPInstanceUID = generate_uid(), generate_uid()
            foreign.file_meta.MediaStorageSOPInstanceUID = foreign.SOPInstanceUID
            instances = [foreign, *instances]
        yield len(instances)
        for number, each in enumerate(instances):
            if self.drops_left and number == self.behaviour["drop_after"]:
                self.drops_left -= 1
                event.assoc.abort()
                return
            time.sleep(self.behaviour.get("delay_s", 0))
            self.sent.append(each.SOPInstanceUID)
            yield 0xFF00, each
        yield self.behaviour.get("last", 0x0000), None

    def _get(self, event: Any) -> Iterator[Any]:
        yield from self._sending(event)

    def _move(self, event: Any) -> Iterator[Any]:
        destination = self.behaviour.get("destination")
        if destination is None:
            yield None, None
            return
        contexts = [build_context(uid) for uid in {e.SOPClassUID for e in self._instances()}]
        yield "127.0.0.1", destination, {"contexts": contexts}
        yield from self._sending(event)


def _answer(keys: Dataset, **values: Any) -> Dataset:
    answer = Dataset()
    answer.QueryRetrieveLevel = keys.QueryRetrieveLevel
    for keyword, value in values.items():
        setattr(answer, keyword, value)
    return answer


class RawPeer:
    """A socket that answers each connection with given bytes, whatever is asked; then it closes."""

    def __init__(self, answer: bytes | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._answer = answer
        self._silent: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if self._answer is None:
                self._silent.append(connection)
                continue
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                connection.sendall(self._answer)

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._silent:
            connection.close()
        self._thread.join(5)
