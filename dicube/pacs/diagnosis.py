"""diagnose: what works with a server and what does not, step by step, in plain sentences."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from dicube.exceptions import DicomCubeError, PacsError
from dicube.extras import extra_module
from dicube.pacs.client import open_client
from dicube.pacs.query import Query
from dicube.pacs.server import PacsServer


class Check(NamedTuple):
    """One thing that was tried.

    Attributes
    ----------
    what : str
        Such as "C-ECHO".
    ok : bool or None
        None: not tried, or no matter.
    message : str
        What was found; no patient data.
    hint : str or None
        How to go on.
    """

    what: str
    ok: bool | None
    message: str
    hint: str | None = None


def diagnose(server: PacsServer) -> Iterator[Check]:
    """Try everything that a pull needs, but fetch nothing.

    Connection, association, verification, search, C-GET, C-MOVE and the port to receive at; over
    DICOMweb connection and search. It stops where nothing further can work.

    Parameters
    ----------
    server : PacsServer

    Yields
    ------
    Check
        As each is done.

    Raises
    ------
    MissingDependencyError
        The packages of the extra "pacs" are not installed.
    """
    if server.uses_web:
        yield from _diagnose_web(server)
    else:
        extra_module("pynetdicom", extra="pacs", purpose="a client of DICOM servers")
        yield from _diagnose_dimse(server)


def _diagnose_web(server: PacsServer) -> Iterator[Check]:
    with open_client(server) as client:
        yield _tried("QIDO-RS", "the server answers searches", client.echo)


def _diagnose_dimse(server: PacsServer) -> Iterator[Check]:
    # Here, not above: these import pynetdicom.
    from dicube.pacs.dimse import sop_classes as uids  # noqa: PLC0415
    from dicube.pacs.dimse.negotiation import Offer, connect, open_connection  # noqa: PLC0415

    connected = _tried(
        "connection",
        f"something listens at {server.host}:{server.port}",
        lambda: open_connection(server).close(),
    )
    yield connected
    if not connected.ok:
        return
    services = {
        "C-ECHO": uids.VERIFICATION,
        "C-FIND": uids.STUDY_ROOT_FIND,
        "C-GET": uids.STUDY_ROOT_GET,
        "C-MOVE": uids.STUDY_ROOT_MOVE,
    }
    try:
        offers = [Offer(uid, (uids.IMPLICIT_LITTLE,)) for uid in services.values()]
        with connect(server, offers) as association:
            offered = {n for n, uid in services.items() if association.context_for(uid) is not None}
    except PacsError as error:
        yield Check("association", False, error.what, error.hint)
        return
    yield Check(
        "association",
        True,
        f"{server.called_aet!r} accepts {server.calling_aet!r}, and offers"
        f" {', '.join(n for n in services if n in offered) or 'nothing'}",
    )
    with open_client(server) as client:
        if "C-ECHO" in offered:
            yield _tried("C-ECHO", "the server answers", client.echo)
        nothing = Query(study_uid="1.2.826.0.1.3680043.10.1111.0", limit=1)
        yield _tried("C-FIND", "the server answers searches", lambda: client.find_studies(nothing))
    yield from _ways_to_fetch(server, offered)


def _ways_to_fetch(server: PacsServer, offered: set[str]) -> Iterator[Check]:
    has_get = "C-GET" in offered
    if has_get:
        yield Check("C-GET", True, "instances can be fetched without a port of ours")
    else:
        hint = "use C-MOVE: set calling_port, and have calling_aet registered at the server"
        yield Check("C-GET", False, "the server offers no C-GET", hint)
    if server.calling_port is None:
        yield Check("C-MOVE", None, "no calling_port is set, so that C-MOVE is not used")
        return
    yield _tried("receiver", f"port {server.calling_port} is free", lambda: _try_port(server))
    if "C-MOVE" not in offered:
        yield Check("C-MOVE", False, "the server offers no C-MOVE", 'fetch with retrieve = "get"')
        return
    move = _tried(
        "C-MOVE",
        f"the server knows {server.calling_aet!r} as a destination",
        lambda: _try_move(server),
    )
    if not move.ok and has_get:
        move = move._replace(
            hint=f'{move.hint or ""}; C-GET works: set retrieve = "get"'.strip("; ")
        )
    yield move


def _try_port(server: PacsServer) -> None:
    from dicube.pacs.receiver import listening_socket  # noqa: PLC0415

    assert server.calling_port is not None
    listening_socket(server.calling_host, server.calling_port).close()


def _try_move(server: PacsServer) -> None:
    """Move a study that does not exist: an unknown destination is refused all the same, mostly."""
    from dicube.pacs.dimse import identifiers  # noqa: PLC0415
    from dicube.pacs.dimse import sop_classes as uids  # noqa: PLC0415
    from dicube.pacs.dimse.negotiation import Offer, connect  # noqa: PLC0415
    from dicube.pacs.dimse.requests import move_nothing  # noqa: PLC0415

    keys = {identifiers.LEVEL: "STUDY", identifiers.STUDY: "1.2.826.0.1.3680043.10.1111.0"}
    offers = [Offer(uids.STUDY_ROOT_MOVE, (uids.IMPLICIT_LITTLE,))]
    with connect(server, offers) as association:
        move_nothing(association, keys, server.calling_aet)


def _tried(what: str, message: str, action: Callable[[], object]) -> Check:
    try:
        action()
    except DicomCubeError as error:
        return Check(what, False, error.what, error.hint)
    return Check(what, True, message)
