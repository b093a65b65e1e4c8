"""PDUs on a socket (PS3.8 9.3): read through one buffer, written in large pieces."""

import select
import socket
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from dicube.exceptions import PacsError, ServerUnavailableError

_HEADER: Final = struct.Struct(">BxL")  # PDU type, length of the rest
_ITEM: Final = struct.Struct(">LBB")  # length of the rest, presentation context, control header
_LAST, _COMMAND = 2, 1  # bits of the message control header (PS3.8 E.2)
_MOST_NEGOTIATION: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 20
_SENT_AT_ONCE: Final = 1 << 18
_UNBOUNDED_PDU: Final = 1 << 17  # what we send to a peer that takes PDUs of any length


class PduType(IntEnum):
    """First byte of a PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class Fragment(NamedTuple):
    """A presentation data value; `data` is only valid until the next PDU is read."""

    context_id: int
    is_command: bool
    is_last: bool
    data: memoryview


class PduStream:
    """PDUs to and from one connected socket.

    Parameters
    ----------
    connection : socket
        Its timeout bounds each wait for bytes.
    max_pdu_bytes : int
        Longer P-DATA-TF PDUs are refused: what was negotiated.
    where : str
        The peer, for messages.
    """

    def __init__(self, connection: socket.socket, max_pdu_bytes: int, where: str) -> None:
        self.where = where
        self._socket = connection
        self._max_pdu_bytes = max_pdu_bytes
        self._buffer = bytearray(max(_BUFFER_BYTES, max_pdu_bytes + _HEADER.size))
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def read(self) -> tuple[int, memoryview]:
        """The type of the next PDU and its bytes, which are valid until the next call.

        Raises
        ------
        ServerUnavailableError
            The connection broke, or nothing came in time.
        PacsError
            The PDU is longer than was agreed.
        """
        self._fill(_HEADER.size)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        bound = self._max_pdu_bytes if kind == PduType.DATA else _MOST_NEGOTIATION
        if length > bound or kind not in PduType.__members__.values():
            raise PacsError(
                f"the peer sent what is no DICOM message: PDU type {kind} of {length} bytes",
                where=self.where,
                hint="is this the port of a DICOM server?",
            )
        self._fill(_HEADER.size + length)
        body = self._view[self._start + _HEADER.size : self._start + _HEADER.size + length]
        self._start += _HEADER.size + length
        return kind, body

    def read_whole(self) -> tuple[int, bytes]:
        """As `read`, but all bytes of the PDU, its header included, and a copy."""
        kind, body = self.read()
        return kind, _HEADER.pack(kind, len(body)) + bytes(body)

    def send(self, kind: int, body: bytes) -> None:
        """Send a PDU."""
        self.send_bytes(_HEADER.pack(kind, len(body)) + body)

    def send_bytes(self, data: bytes | bytearray) -> None:
        """Send encoded PDUs.

        Raises
        ------
        ServerUnavailableError
            The connection broke.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._broken(error) from error

    def send_fragments(self, context_id: int, pieces: Iterator[Fragment], most: int) -> None:
        """Send presentation data values, none in a PDU longer than `most` (0: any)."""
        room = (most or _UNBOUNDED_PDU) - _ITEM.size
        out = bytearray()
        for piece in pieces:
            data = piece.data
            for first in range(0, len(data), room) or (0,):
                part = data[first : first + room]
                is_last = piece.is_last and first + room >= len(data)
                control = (_COMMAND if piece.is_command else 0) | (_LAST if is_last else 0)
                out += _HEADER.pack(PduType.DATA, _ITEM.size + len(part))
                out += _ITEM.pack(len(part) + 2, context_id, control)
                out += part
                if len(out) >= _SENT_AT_ONCE:
                    self.send_bytes(out)
                    out.clear()
        if out:
            self.send_bytes(out)

    def is_ready(self, timeout_s: float) -> bool:
        """Whether bytes are there, waiting for them if need be."""
        if self._end > self._start:
            return True
        # What TLS has decrypted already does not show on the socket.
        pending = getattr(self._socket, "pending", None)
        if pending is not None and pending():
            return True
        return bool(select.select([self._socket], [], [], timeout_s)[0])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _fill(self, count: int) -> None:
        """Have at least this many bytes in the buffer."""
        if self._end - self._start >= count:
            return
        if self._start + count > len(self._buffer) or self._start == self._end:
            self._move_to_front(count)
        while self._end - self._start < count:
            try:
                received = self._socket.recv_into(self._view[self._end :])
            except OSError as error:
                raise self._broken(error) from error
            if not received:
                raise self._broken(None)
            self._end += received

    def _move_to_front(self, count: int) -> None:
        left = bytes(self._view[self._start : self._end])
        if count > len(self._buffer):  # only PDUs of a negotiation can be as long
            self._buffer = bytearray(count)
            self._view = memoryview(self._buffer)
        self._view[: len(left)] = left
        self._start, self._end = 0, len(left)

    def _broken(self, error: OSError | None) -> ServerUnavailableError:
        if isinstance(error, TimeoutError):
            return ServerUnavailableError(
                f"no answer within {self._socket.gettimeout():g} s",
                where=self.where,
                hint="give it more time with timeout_s",
            )
        why = "" if error is None or not error.strerror else f": {error.strerror}"
        return ServerUnavailableError(
            f"the connection broke{why}",
            where=self.where,
            hint="try again; if it breaks at once, the server may demand TLS or a certificate",
        )


def fragments_of(body: memoryview, where: str) -> Iterator[Fragment]:
    """The presentation data values of a P-DATA-TF PDU.

    Raises
    ------
    PacsError
        Their lengths do not add up to the PDU.
    """
    position = 0
    while position < len(body):
        if len(body) - position < _ITEM.size:
            raise PacsError("a P-DATA-TF PDU is malformed", where=where)
        length, context_id, control = _ITEM.unpack_from(body, position)
        end = position + 4 + length
        if length < 2 or end > len(body):
            raise PacsError("a P-DATA-TF PDU is malformed", where=where)
        data = body[position + _ITEM.size : end]
        yield Fragment(context_id, bool(control & _COMMAND), bool(control & _LAST), data)
        position = end
