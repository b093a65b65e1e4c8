"""Requests on an association: C-ECHO, C-FIND, C-GET, C-MOVE (PS3.7 9.1)."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from dicube.exceptions import PacsError, ServerUnavailableError
from dicube.pacs.dimse.association import Association, Message
from dicube.pacs.dimse.command import Command, Field, response_to
from dicube.pacs.dimse.identifiers import decode_identifier, encode_identifier
from dicube.pacs.dimse.sop_classes import (
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from dicube.pacs.dimse.statuses import (
    DESTINATION_UNKNOWN,
    NO_SUCH_INSTANCE,
    PENDING,
    SUCCESS,
    status_text,
)
from dicube.pacs.inbox import Inbox, Incoming
from dicube.pacs.retry import raise_if

_MEDIUM: Final = 0  # priority
_LOOKS_EVERY_S: Final = 0.2
Cancelled = Callable[[], bool] | None


class Outcome(NamedTuple):
    """How a C-GET or C-MOVE ended."""

    status: int
    failed: int


def echo(association: Association) -> None:
    """C-ECHO.

    Raises
    ------
    PacsError
        The server does not do verification, or says no.
    """
    context = _context(association, VERIFICATION, "C-ECHO")
    request = Command(
        field=Field.C_ECHO_RQ,
        message_id=association.next_message_id(),
        sop_class_uid=VERIFICATION,
    )
    association.send(context, request)
    answer = _answer(association, request)
    if answer.command.status != SUCCESS:
        raise PacsError(
            f"C-ECHO failed, {status_text(answer.command.status)}", where=association.where
        )


def find(
    association: Association,
    sop_class: str,
    keys: Mapping[int, str],
    identity: int,
    limit: int | None = None,
) -> Iterator[dict[int, str]]:
    """C-FIND: answers that differ in the element `identity`; after `limit`, C-CANCEL.

    Some servers answer once for each instance, whatever the level.

    Raises
    ------
    PacsError
        The server does no such search, or failed.
    """
    context = _context(association, sop_class, "C-FIND of this level")
    request = _request(association, Field.C_FIND_RQ, sop_class)
    association.send(context, request, encode_identifier(keys))
    found: set[str] = set()
    while True:
        answer = _answer(association, request)
        status = answer.command.status
        if status not in PENDING:
            break
        row = decode_identifier(answer.data, association.where)
        value = row.get(identity, "")
        if (value and value in found) or len(found) == limit:
            continue
        found.add(value)
        yield row
        if len(found) == limit:
            # The server may have sent more already; those and its last word still come.
            cancel = Command(field=Field.C_CANCEL_RQ, responds_to=request.message_id)
            association.send(context, cancel)
    is_cut = len(found) == limit
    if status != SUCCESS and not is_cut:
        raise PacsError(f"C-FIND failed, {status_text(status)}", where=association.where)


def get(
    association: Association, keys: Mapping[int, str], inbox: Inbox, cancelled: Cancelled = None
) -> Outcome:
    """C-GET: instances come over this association into the inbox.

    Raises
    ------
    PullCancelled
        `cancelled` says so; asked between instances.
    PacsError
        The server offers no C-GET, or breaks off.
    """
    context = _context(association, STUDY_ROOT_GET, "C-GET")
    request = _request(association, Field.C_GET_RQ, STUDY_ROOT_GET)
    association.send(context, request, encode_identifier(keys))
    while True:
        message = receive_into(association, lambda command: inbox)
        raise_if(cancelled)
        if message is None:
            raise ServerUnavailableError(
                "the server released the association before all was sent", where=association.where
            )
        command = message.command
        if command.field == Field.C_GET_RSP and command.status not in PENDING:
            return Outcome(command.status or 0, command.failed or 0)


def move(
    association: Association,
    keys: Mapping[int, str],
    destination: str,
    inbox: Inbox,
    timeout_s: float,
    cancelled: Cancelled = None,
) -> Outcome:
    """C-MOVE: instances come over associations that the server opens to the destination.

    Raises
    ------
    PullCancelled
        `cancelled` says so.
    ServerUnavailableError
        Neither an answer nor an instance came in time, or the server broke off.
    """
    context = _context(association, STUDY_ROOT_MOVE, "C-MOVE")
    request = _request(association, Field.C_MOVE_RQ, STUDY_ROOT_MOVE, destination=destination)
    association.send(context, request, encode_identifier(keys))
    last_answer = time.monotonic()
    while True:
        raise_if(cancelled)
        if inbox.failure is not None:
            raise inbox.failure
        if not association.is_ready(_LOOKS_EVERY_S):
            # Servers may be silent here while they send over there.
            if time.monotonic() - max(last_answer, inbox.last_activity) > timeout_s:
                raise ServerUnavailableError(
                    f"neither an answer nor an instance came within {timeout_s:g} s",
                    where=association.where,
                    hint="can the server reach calling_port of this machine?",
                )
            continue
        command = _answer(association, request).command
        last_answer = time.monotonic()
        if command.status not in PENDING:
            return Outcome(command.status or 0, command.failed or 0)


def move_nothing(association: Association, keys: Mapping[int, str], destination: str) -> None:
    """C-MOVE of what does not exist, to learn whether the destination is known.

    Raises
    ------
    PacsError
        It is not, or the server does not say.
    """
    context = _context(association, STUDY_ROOT_MOVE, "C-MOVE")
    request = _request(association, Field.C_MOVE_RQ, STUDY_ROOT_MOVE, destination=destination)
    association.send(context, request, encode_identifier(keys))
    while (status := _answer(association, request).command.status) in PENDING:
        pass
    if status == DESTINATION_UNKNOWN:
        raise unknown_destination(association.where, destination)
    if status not in (SUCCESS, NO_SUCH_INSTANCE):
        raise PacsError(
            f"the server does not say whether it knows {destination!r} as a destination,"
            f" {status_text(status)}",
            where=association.where,
            hint="if C-MOVE fails, have calling_aet registered there with the address of this"
            " machine and calling_port",
        )


def unknown_destination(where: str, destination: str) -> PacsError:
    """The error for a move destination that the server does not know."""
    return PacsError(
        f"the server does not know where {destination!r} is",
        where=where,
        hint="have calling_aet registered there with the address of this machine and calling_port,"
        ' or fetch with retrieve = "get"',
    )


def receive_into(association: Association, inbox_for: Callable[[Command], Inbox]) -> Message | None:
    """The next message; a C-STORE request is taken in and answered, a C-ECHO answered.

    Raises
    ------
    OSError
        The disk is full.
    """
    incoming: Incoming | None = None

    def sink_of(transfer_syntax: str, command: Command) -> Incoming:
        nonlocal incoming
        incoming = inbox_for(command).incoming(
            transfer_syntax,
            command.sop_class_uid or "",
            command.sop_instance_uid or "",
            association.peer_aet,
        )
        return incoming

    try:
        message = association.receive(sink_of)
        if message is None:
            return None
        if message.command.field == Field.C_STORE_RQ and incoming is not None:
            status = incoming.finish()
            incoming = None
            association.send(message.context_id, response_to(message.command, status))
        elif message.command.field == Field.C_ECHO_RQ:
            association.send(message.context_id, response_to(message.command, SUCCESS))
        return message
    finally:
        if incoming is not None:
            incoming.abandon()


def _request(
    association: Association, field: Field, sop_class: str, destination: str | None = None
) -> Command:
    return Command(
        field=field,
        message_id=association.next_message_id(),
        sop_class_uid=sop_class,
        priority=_MEDIUM,
        destination=destination,
    )


def _answer(association: Association, request: Command) -> Message:
    """The response to a request.

    Raises
    ------
    PacsError
        Something else came.
    """
    message = association.receive()
    if message is None:
        raise ServerUnavailableError(
            "the server released the association instead of answering", where=association.where
        )
    command = message.command
    if not command.is_response or command.responds_to != request.message_id:
        raise PacsError("the server answered something else", where=association.where)
    return message


def _context(association: Association, sop_class: str, service: str) -> int:
    context = association.context_for(sop_class)
    if context is None:
        raise NoSuchServiceError(f"the server offers no {service}", where=association.where)
    return context


class NoSuchServiceError(PacsError):
    """The server accepted no presentation context for a service."""
