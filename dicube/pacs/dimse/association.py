"""Association: DIMSE messages to and from one peer, one after the other (PS3.7 section 6)."""

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from dicube.exceptions import DicomCubeError, MetaDataError, PacsError, ServerUnavailableError
from dicube.pacs.dimse.command import Command, Field, decode_command
from dicube.pacs.dimse.pdus import Fragment, PduStream, PduType, fragments_of

_MOST_COMMAND: Final = 1 << 16  # bytes of a command set
_MOST_IDENTIFIER: Final = 1 << 24  # bytes of a data set that is kept in memory
_READ_AT_ONCE: Final = 1 << 18
_ABORT_BY_USER: Final = b"\0\0\0\0"
_ABORTED_BY: Final = {0: "the application", 2: "its DICOM layer"}


class Sink(Protocol):
    """Where the data set of a C-STORE request goes."""

    def write(self, data: memoryview) -> None:
        """Take the next piece, which is valid during the call only."""


class AcceptedContext(NamedTuple):
    """A presentation context that both sides agreed on."""

    abstract_syntax: str
    transfer_syntax: str


class Message(NamedTuple):
    """A message; `data` is empty where the data set went into a sink, or there was none."""

    context_id: int
    command: Command
    data: bytes


class Association:
    """An established association; a context manager that releases it, or aborts on an error.

    Parameters
    ----------
    stream : PduStream
    contexts : mapping of int to AcceptedContext
    peer_max_pdu_bytes : int
        Longest P-DATA-TF PDU that the peer takes; 0 is any.
    peer_aet : str
        AE title of the peer.
    """

    def __init__(
        self,
        stream: PduStream,
        contexts: Mapping[int, AcceptedContext],
        peer_max_pdu_bytes: int,
        peer_aet: str = "",
    ) -> None:
        self.contexts = contexts
        self.where = stream.where
        self.peer_aet = peer_aet
        self._stream = stream
        self._peer_max_pdu_bytes = peer_max_pdu_bytes
        self._fragments: Iterator[Fragment] = iter(())
        self._last_message_id = 0
        self._is_open = True

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> int | None:
        """The accepted context of a SOP class, in a transfer syntax if one is given."""
        for number, context in self.contexts.items():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (
                None,
                context.transfer_syntax,
            ):
                return number
        return None

    def next_message_id(self) -> int:
        """A number for a request, 1 to 65535."""
        self._last_message_id = self._last_message_id % 0xFFFF + 1
        return self._last_message_id

    # ---- messages -------------------------------------------------------------------------------

    def send(self, context_id: int, command: Command, data: bytes | None = None) -> None:
        """Send a command, and a data set from memory."""
        pieces = [Fragment(context_id, True, True, memoryview(command.encode()))]
        if data is not None:
            pieces = [
                Fragment(context_id, True, True, memoryview(command.with_data_set().encode())),
                Fragment(context_id, False, True, memoryview(data)),
            ]
        self._stream.send_fragments(context_id, iter(pieces), self._peer_max_pdu_bytes)

    def send_file(self, context_id: int, command: Command, path: Path, offset: int) -> int:
        """Send a command and a data set that begins at an offset of a file; returns its bytes.

        Raises
        ------
        OSError
            The file cannot be read.
        """
        sent = 0

        def pieces() -> Iterator[Fragment]:
            nonlocal sent
            command_set = memoryview(command.with_data_set().encode())
            yield Fragment(context_id, True, True, command_set)
            with open(path, "rb") as file:
                file.seek(offset)
                piece = file.read(_READ_AT_ONCE)
                while True:
                    following = file.read(_READ_AT_ONCE)
                    sent += len(piece)
                    yield Fragment(context_id, False, not following, memoryview(piece))
                    if not following:
                        return
                    piece = following

        self._stream.send_fragments(context_id, pieces(), self._peer_max_pdu_bytes)
        return sent

    def is_ready(self, timeout_s: float) -> bool:
        """Whether `receive` has something to begin with, waiting for it if need be."""
        return self._stream.is_ready(timeout_s)

    def receive(self, sink_of: Callable[[str, Command], Sink] | None = None) -> Message | None:
        """Wait for the next message.

        Parameters
        ----------
        sink_of : callable, optional
            Called with the transfer syntax and the command of a C-STORE request; its data set goes
            into what is returned.

        Returns
        -------
        Message or None
            None where the peer releases the association.

        Raises
        ------
        ServerUnavailableError
            The connection broke, nothing came in time, or the peer aborted.
        PacsError
            What came is no DICOM message.
        """
        first = self._next_fragment()
        if first is None:
            return None
        context = self.contexts.get(first.context_id)
        if context is None or not first.is_command:
            raise self._malformed("a message outside of the agreed presentation contexts")
        command = self._command(first)
        if not command.has_data_set:
            return Message(first.context_id, command, b"")
        if command.field == Field.C_STORE_RQ and sink_of is not None:
            self._pour(first.context_id, sink_of(context.transfer_syntax, command))
            return Message(first.context_id, command, b"")
        identifier = _InMemory(self.where)
        self._pour(first.context_id, identifier)
        return Message(first.context_id, command, bytes(identifier.data))

    def _command(self, fragment: Fragment) -> Command:
        context_id, data = fragment.context_id, bytes(fragment.data)
        while not fragment.is_last:
            fragment = self._within(context_id, is_command=True)
            data += fragment.data
            if len(data) > _MOST_COMMAND:
                raise self._malformed("a command set without end")
        try:
            return decode_command(data)
        except MetaDataError as error:
            raise self._malformed(error.what) from error

    def _pour(self, context_id: int, sink: Sink) -> None:
        while True:
            fragment = self._within(context_id, is_command=False)
            sink.write(fragment.data)
            if fragment.is_last:
                return

    def _within(self, context_id: int, *, is_command: bool) -> Fragment:
        """The next fragment, of the message that has begun."""
        fragment = self._next_fragment()
        if fragment is None:
            self._is_open = False
            raise ServerUnavailableError("the peer stopped within a message", where=self.where)
        if fragment.context_id != context_id or fragment.is_command != is_command:
            raise self._malformed("a message within a message")
        return fragment

    def _next_fragment(self) -> Fragment | None:
        """The next presentation data value; None at a release."""
        while True:
            fragment = next(self._fragments, None)
            if fragment is not None:
                return fragment
            kind, body = self._stream.read()
            if kind == PduType.DATA:
                self._fragments = fragments_of(body, self.where)
            elif kind == PduType.RELEASE_RQ:
                self._stream.send(PduType.RELEASE_RP, bytes(4))
                self._is_open = False
                self._stream.close()
                return None
            elif kind == PduType.ABORT:
                self._is_open = False
                self._stream.close()
                by = _ABORTED_BY.get(body[2] if len(body) > 2 else 0, "the peer")
                raise ServerUnavailableError(
                    f"the association was aborted by {by} of the peer", where=self.where
                )
            else:
                raise self._malformed(f"a PDU of type {kind} within an association")

    def _malformed(self, what: str) -> PacsError:
        return PacsError(f"the peer sent {what}", where=self.where)

    # ---- the end --------------------------------------------------------------------------------

    def release(self) -> None:
        """Release the association and close the connection; what still comes is thrown away."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._stream.send(PduType.RELEASE_RQ, bytes(4))
            while self._stream.read()[0] not in (
                PduType.RELEASE_RP,
                PduType.ABORT,
                PduType.RELEASE_RQ,
            ):
                pass
        except DicomCubeError:
            pass  # everything that was wanted is here; the peer closed first
        finally:
            self._stream.close()

    def abort(self) -> None:
        """End the association at once."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._stream.send(PduType.ABORT, _ABORT_BY_USER)
        except ServerUnavailableError:
            pass  # it is broken already
        finally:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()


class _InMemory:
    """A data set that is small: an identifier."""

    def __init__(self, where: str) -> None:
        self.data = bytearray()
        self._where = where

    def write(self, data: memoryview) -> None:
        if len(self.data) + len(data) > _MOST_IDENTIFIER:
            raise PacsError(
                f"the peer sent an identifier of more than {_MOST_IDENTIFIER} bytes",
                where=self._where,
            )
        self.data += data


def prepared(connection: socket.socket, timeout_s: float) -> socket.socket:
    """The socket as associations use it."""
    connection.settimeout(timeout_s)
    # Small messages go back and forth: with Nagle's algorithm each waits 40 ms for the other.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
