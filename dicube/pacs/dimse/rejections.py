"""Why an association was rejected, in words (PS3.8 table 9-21)."""

from typing import Final

from dicube.exceptions import PacsError, ServerUnavailableError
from dicube.pacs.server import PacsServer

_TRANSIENT: Final = 2
_CALLED_UNKNOWN, _CALLING_UNKNOWN = (1, 7), (1, 3)
_REASONS: Final = {
    (1, 1): "the server gives no reason",
    (1, 2): "the server does not know the DICOM application context",
    _CALLING_UNKNOWN: "the server does not know our AE title {calling!r}",
    _CALLED_UNKNOWN: "the server is not called {called!r}",
    (2, 1): "the DICOM layer of the server gives no reason",
    (2, 2): "the server does not know this version of the protocol",
    (3, 1): "the server is congested",
    (3, 2): "the server has no association left",
}
_HINTS: Final = {
    _CALLING_UNKNOWN: "ask its administrator to register calling_aet with the address of this"
    " machine, or set calling_aet to a title that is registered",
    _CALLED_UNKNOWN: "set called_aet to the AE title of the server",
    (1, 1): "often a calling AE title or an address that is not registered at the server",
    (3, 1): "try again later",
    (3, 2): "try again later, or with fewer associations",
}


def rejection(server: PacsServer, *, result: int, source: int, reason: int) -> PacsError:
    """The error for an A-ASSOCIATE-RJ; transient ones may be tried again."""
    known = _REASONS.get((source, reason), f"source {source}, reason {reason}")
    why = known.format(calling=server.calling_aet, called=server.called_aet)
    kind = ServerUnavailableError if result == _TRANSIENT else PacsError
    return kind(
        f"the association was refused: {why}",
        where=server.where,
        hint=_HINTS.get((source, reason)),
    )
