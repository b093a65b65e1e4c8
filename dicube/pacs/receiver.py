"""Receiver: a storage SCP, to which servers send what a C-MOVE asked for (PS3.4 annex B)."""

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread
from typing import Final

from dicube.closing import Closing
from dicube.exceptions import PacsError
from dicube.pacs.dimse.association import Association, prepared
from dicube.pacs.dimse.command import Command
from dicube.pacs.dimse.negotiation import accept
from dicube.pacs.dimse.requests import receive_into
from dicube.pacs.dimse.sop_classes import STORAGE_SYNTAXES, VERIFICATION, is_storage
from dicube.pacs.inbox import Inbox

_LOGGER: Final = logging.getLogger(__name__)
_MOST_ASSOCIATIONS: Final = 16
_CALLED_UNKNOWN: Final = (1, 1, 7)  # result, source, reason (PS3.8 table 9-21)
_NO_ROOM: Final = (2, 3, 2)
_FIRST_FREE_PORT: Final = 1024


class Receiver(Closing):
    """Listens, and puts instances into the inboxes that wait for them; a context manager.

    Parameters
    ----------
    aet : str
        Our AE title; calls for another one are refused.
    port : int
        0 takes a free one.
    host : str
        Address to listen at; "" is every interface.
    timeout_s : float
        For each piece of a message; an association may be idle as long.
    max_pdu_bytes : int

    Raises
    ------
    PacsError
        The port cannot be used; the message says why.
    """

    def __init__(
        self,
        aet: str,
        port: int,
        *,
        host: str = "",
        timeout_s: float = 30.0,
        max_pdu_bytes: int = 1 << 18,
    ) -> None:
        self._aet = aet
        self._timeout_s = timeout_s
        self._max_pdu_bytes = max_pdu_bytes
        self._inboxes: list[Inbox] = []
        self._connections: set[socket.socket] = set()
        self._changed = Condition()
        self._is_closed = False
        self._socket = listening_socket(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._accept_all, name="dicube receiver", daemon=True)
        self._thread.start()

    @contextmanager
    def expecting(self, inbox: Inbox) -> Iterator[None]:
        """Let instances into an inbox while the block runs, and until its senders are done."""
        with self._changed:
            self._inboxes.append(inbox)
        try:
            yield
            # The server has said its last word over there; what it sent may still be on its way.
            with self._changed:
                self._changed.wait_for(lambda: not self._connections or not inbox.missing, 2.0)
        finally:
            with self._changed:
                self._inboxes.remove(inbox)

    def close(self) -> None:
        """Stop listening, and end what is open."""
        with self._changed:
            self._is_closed = True
            open_ones = list(self._connections)
        for connection in (self._socket, *open_ones):
            with suppress(OSError):  # not connected any more
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._thread.join(self._timeout_s)

    def _accept_all(self) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._socket.accept()
            except OSError as error:
                if self._is_closed or error.errno in (errno.EBADF, errno.EINVAL):
                    return
                continue  # that caller was gone again
            with self._changed:
                is_flood = len(self._connections) >= 2 * _MOST_ASSOCIATIONS
                if not is_flood:
                    self._connections.add(connection)
            if is_flood:
                connection.close()
                continue
            Thread(
                target=self._serve, args=(connection,), name="dicube association", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        where = f"receiver at port {self.port}"
        try:
            association = accept(
                prepared(connection, self._timeout_s),
                where=where,
                max_pdu_bytes=self._max_pdu_bytes,
                takes=lambda uid: uid == VERIFICATION or is_storage(uid),
                transfer_syntaxes=STORAGE_SYNTAXES,
                refuse=self._refusal,
            )
            if association is not None:
                with association:
                    self._serve_association(association)
        except PacsError as error:
            _LOGGER.info("an association ended: %s", error.what)
        except OSError as error:
            _LOGGER.warning("an association ended: %s", error.strerror)
        finally:
            connection.close()
            with self._changed:
                self._connections.discard(connection)
                self._changed.notify_all()

    def _serve_association(self, association: Association) -> None:
        chosen: Inbox | None = None

        def inbox_for(command: Command) -> Inbox:
            nonlocal chosen
            chosen = self._inbox_for(command)
            return chosen

        try:
            while receive_into(association, inbox_for) is not None:
                pass
        except OSError as error:
            if chosen is not None:
                chosen.failure = error  # the one who waits for the instances has to know
            raise

    def _refusal(self, calling: str, called: str) -> tuple[int, int, int] | None:
        if called != self._aet:
            return _CALLED_UNKNOWN
        return _NO_ROOM if len(self._connections) > _MOST_ASSOCIATIONS else None

    def _inbox_for(self, command: Command) -> Inbox:
        """The inbox that waits for an instance; one that is odd shows in the latest one.

        Raises
        ------
        PacsError
            Nobody waits for anything.
        """
        uid = command.sop_instance_uid or ""
        with self._changed:
            inboxes = list(self._inboxes)
        if not inboxes:
            raise PacsError("an instance came that nobody had asked for", where="receiver")
        return next((inbox for inbox in inboxes if inbox.wants(uid)), inboxes[-1])


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises
    ------
    PacsError
        It cannot, with the reason.
    """
    try:
        return socket.create_server((host, port), backlog=_MOST_ASSOCIATIONS)
    except PermissionError as error:
        raise PacsError(
            f"port {port} may not be listened at",
            where="receiver",
            hint=f"ports below {_FIRST_FREE_PORT} need a privilege: choose a higher calling_port"
            ' and have the server send there, or fetch with retrieve = "get"',
        ) from error
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"is no use: {error.strerror}"
        raise PacsError(
            f"port {port} {why}",
            where="receiver",
            hint="stop the other program, choose another calling_port and have the server send"
            ' there, or fetch with retrieve = "get"',
        ) from error
