"""Opening an association as requestor, and accepting one (PS3.8 9.3, PS3.7 annex D).

The PDUs of the negotiation are those of pynetdicom.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext

from dicube.dicom.file_builder import IMPLEMENTATION_UID
from dicube.exceptions import PacsError, ServerUnavailableError
from dicube.pacs.dimse.association import AcceptedContext, Association, prepared
from dicube.pacs.dimse.pdus import PduStream, PduType
from dicube.pacs.dimse.rejections import rejection
from dicube.pacs.server import PacsServer
from dicube.version import __version__

MOST_CONTEXTS: Final = 128  # odd numbers from 1 to 255 (PS3.8 9.3.2.2)
VERSION_NAME: Final = f"DICUBE_{__version__}"[:16]  # PS3.7 D.3.3.2.3
_ACCEPTED, _NO_ABSTRACT, _NO_TRANSFER = 0, 3, 4  # results of contexts (PS3.8 table 9-18)
# What pynetdicom raises when a PDU is malformed; there is no list of it.
_MALFORMED: Final = (
    ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, OSError,
    TypeError, ValueError, struct.error,
)  # fmt: skip


class Offer(NamedTuple):
    """A presentation context to ask for.

    Attributes
    ----------
    abstract_syntax : str
        SOP class.
    transfer_syntaxes : tuple of str
        The peer picks one of them for all objects of the class.
    as_scp : bool
        Whether we are the one who receives C-STORE on it: role selection (PS3.7 D.3.3.4).
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


def connect(server: PacsServer, offers: Sequence[Offer]) -> Association:
    """Open an association.

    Raises
    ------
    ServerUnavailableError
        The server cannot be reached, or has no room at the moment.
    PacsError
        It refuses; the message says why.
    """
    assert 0 < len(offers) <= MOST_CONTEXTS
    stream = PduStream(open_connection(server), server.max_pdu_bytes, server.where)
    try:
        stream.send_bytes(_request(server, offers))
        kind, data = stream.read_whole()
        if kind == PduType.ASSOCIATE_RJ:
            raise rejection(server, result=data[7], source=data[8], reason=data[9])
        if kind != PduType.ASSOCIATE_AC:
            raise ServerUnavailableError("the association was aborted", where=server.where)
        answer = _decoded(A_ASSOCIATE_AC(), data, server.where)
        contexts = {
            item.context_id: AcceptedContext(
                offers[item.context_id // 2].abstract_syntax, str(item.transfer_syntax)
            )
            for item in answer.presentation_context
            if item.result == _ACCEPTED and item.context_id // 2 < len(offers)
        }
        return Association(stream, contexts, _longest_pdu(answer, server.where), server.called_aet)
    except BaseException:
        stream.close()
        raise


def open_connection(server: PacsServer) -> socket.socket:
    """A TCP connection, encrypted if the server wants it.

    Raises
    ------
    ServerUnavailableError, PacsError
        There is none, with the reason.
    """
    try:
        plain = socket.create_connection((server.host, server.port), timeout=server.timeout_s)
        connection = prepared(plain, server.timeout_s)
        if not server.tls:
            return connection
        try:
            return _tls_context(server).wrap_socket(connection, server_hostname=server.host)
        except BaseException:
            connection.close()
            raise
    except ssl.SSLError as error:
        raise PacsError(
            f"no encrypted connection: {error.reason or 'the TLS handshake failed'}",
            where=server.where,
            hint="tls, tls_ca_file, tls_cert_file and tls_key_file have to fit the server",
        ) from error
    except socket.gaierror as error:
        raise PacsError(
            "nobody knows a host of this name", where=server.where, hint="check the host"
        ) from error
    except ConnectionRefusedError as error:
        raise ServerUnavailableError(
            f"nothing listens at port {server.port} of the host",
            where=server.where,
            hint="check the port, and that the server runs",
        ) from error
    except TimeoutError as error:
        raise ServerUnavailableError(
            f"the host did not answer within {server.timeout_s:g} s",
            where=server.where,
            hint="check host and port; a firewall may be in between",
        ) from error
    except OSError as error:
        raise ServerUnavailableError(
            f"cannot be reached: {error.strerror or 'the connection broke'}", where=server.where
        ) from error


def _tls_context(server: PacsServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.tls_ca_file)
    if server.tls_cert_file is not None:
        context.load_cert_chain(server.tls_cert_file, server.tls_key_file)
    return context


def _request(server: PacsServer, offers: Sequence[Offer]) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title = server.calling_aet
    primitive.called_ae_title = server.called_aet
    primitive.presentation_context_definition_list = [
        _context(2 * number + 1, offer.abstract_syntax, offer.transfer_syntaxes)
        for number, offer in enumerate(offers)
    ]
    roles = []
    for uid in dict.fromkeys(offer.abstract_syntax for offer in offers if offer.as_scp):
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = uid, False, True
        roles.append(role)
    primitive.user_information = [*_about_us(server.max_pdu_bytes), *roles]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


def _about_us(max_pdu_bytes: int) -> list[Any]:
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = max_pdu_bytes
    implementation.implementation_class_uid = IMPLEMENTATION_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = VERSION_NAME
    return [length, implementation, version]


def _context(number: int, abstract_syntax: str, transfer_syntaxes: Sequence[str]) -> Any:
    context = PresentationContext()
    context.context_id = number
    context.abstract_syntax = abstract_syntax
    context.transfer_syntax = list(transfer_syntaxes)
    return context


def _decoded(pdu: Any, data: bytes, where: str) -> Any:
    try:
        pdu.decode(data)
        return pdu
    except _MALFORMED as error:
        raise PacsError("the peer sent a malformed negotiation", where=where) from error


def _longest_pdu(pdu: Any, where: str) -> int:
    """Maximum Length Received (PS3.8 D.1), 0 is any."""
    if pdu.user_information is None:
        raise PacsError("the peer sent a malformed negotiation", where=where)
    return int(pdu.user_information.maximum_length or 0)


def accept(
    connection: socket.socket,
    *,
    where: str,
    max_pdu_bytes: int,
    takes: Callable[[str], bool],
    transfer_syntaxes: Collection[str],
    refuse: Callable[[str, str], tuple[int, int, int] | None],
) -> Association | None:
    """Answer the association request that has to come on a new connection.

    Parameters
    ----------
    connection : socket
    where : str
        The peer, for messages.
    max_pdu_bytes : int
    takes : callable
        Whether a SOP class is accepted.
    transfer_syntaxes : collection of str
        Those accepted; of each context the first one that the peer names.
    refuse : callable
        From calling and called AE title to result, source and reason of a rejection
        (PS3.8 table 9-21); None accepts.

    Returns
    -------
    Association or None
        None where it was rejected.

    Raises
    ------
    PacsError
        What came is no association request.
    """
    stream = PduStream(connection, max_pdu_bytes, where)
    kind, data = stream.read_whole()
    if kind != PduType.ASSOCIATE_RQ:
        raise PacsError("the peer asked for no association", where=where)
    request = _decoded(A_ASSOCIATE_RQ(), data, where)
    calling, called = request.calling_ae_title.strip(), request.called_ae_title.strip()
    rejected = refuse(calling, called)
    if rejected is not None:
        stream.send(PduType.ASSOCIATE_RJ, bytes((0, *rejected)))
        return None
    results, contexts = [], {}
    for item in request.presentation_context:
        abstract, offered = str(item.abstract_syntax), [str(uid) for uid in item.transfer_syntax]
        chosen = next((uid for uid in offered if uid in transfer_syntaxes), None)
        answer = _context(item.context_id, abstract, [chosen or offered[0]])
        if not takes(abstract):
            answer.result = _NO_ABSTRACT
        elif chosen is None:
            answer.result = _NO_TRANSFER
        else:
            answer.result = _ACCEPTED
            contexts[item.context_id] = AcceptedContext(abstract, chosen)
        results.append(answer)
    primitive = A_ASSOCIATE()
    primitive.application_context_name = request.application_context_name
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    primitive.presentation_context_definition_results_list = results
    primitive.user_information = _about_us(max_pdu_bytes)
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(primitive)
    stream.send_bytes(bytes(pdu.encode()))
    return Association(stream, contexts, _longest_pdu(request, where), calling)
