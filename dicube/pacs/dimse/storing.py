"""C-STORE as SCU: files to a server, as they are (PS3.4 annex B)."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from dicube.dicom.instance import read_instance
from dicube.exceptions import MetaDataError, PacsError, ServerUnavailableError
from dicube.pacs.client import Stored, StoreFailure
from dicube.pacs.dimse.association import Association
from dicube.pacs.dimse.command import Command, Field
from dicube.pacs.dimse.negotiation import MOST_CONTEXTS, Offer, connect
from dicube.pacs.dimse.statuses import is_stored, status_text
from dicube.pacs.retry import ATTEMPTS, wait
from dicube.pacs.server import PacsServer

_MEDIUM: Final = 0
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_OPENED_AT_ONCE: Final = 1000  # files whose headers are kept; few in memory, few associations


class _Outgoing(NamedTuple):
    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    offset: int  # where the data set begins

    @property
    def context(self) -> tuple[str, str]:
        return self.sop_class_uid, self.transfer_syntax


def store(
    server: PacsServer, files: Iterable[Path], progress: Callable[[int, int], None] | None
) -> Stored:
    """Send files, some at a time over one association.

    Raises
    ------
    PacsError
        The server cannot be reached or refuses the association.
    """
    paths = list(files)
    failed: list[StoreFailure] = []
    stored = length = 0

    def report() -> None:
        if progress is not None:
            progress(stored + len(failed), len(paths))

    for first in range(0, len(paths), _OPENED_AT_ONCE):
        outgoing = _taken_apart(paths[first : first + _OPENED_AT_ONCE], failed)
        for batch in _by_contexts(outgoing):
            left = list(batch)
            attempt = 0
            while left:
                try:
                    with _connect(server, left) as association:
                        attempt = 0
                        while left:
                            sent = _send(association, left[0], failed)
                            stored, length = stored + (sent is not None), length + (sent or 0)
                            left.pop(0)
                            report()
                except ServerUnavailableError:
                    attempt += 1
                    if attempt >= ATTEMPTS:
                        raise
                    wait(attempt - 1)
    report()
    return Stored(stored, length, tuple(failed))


def _taken_apart(paths: Sequence[Path], failed: list[StoreFailure]) -> list[_Outgoing]:
    outgoing = []
    for path in paths:
        try:
            instance = read_instance(path)
        except MetaDataError as error:
            failed.append(StoreFailure(path, error.what))
            continue
        uids = [instance.elements.get(tag) for tag in (_SOP_CLASS, _SOP_INSTANCE)]
        sop_class, uid = ("" if u is None else u.value.decode("latin-1").strip(" \0") for u in uids)
        if not sop_class or not uid:
            failed.append(StoreFailure(path, "has no SOP Class UID or SOP Instance UID"))
            continue
        outgoing.append(
            _Outgoing(path, sop_class, uid, instance.transfer_syntax, instance.data_set_start)
        )
    return outgoing


def _by_contexts(outgoing: Sequence[_Outgoing]) -> list[list[_Outgoing]]:
    """Batches that need no more presentation contexts than an association has."""
    batches: list[list[_Outgoing]] = []
    contexts: set[tuple[str, str]] = set()
    for each in outgoing:
        contexts.add(each.context)
        if not batches or len(contexts) > MOST_CONTEXTS:
            batches.append([])
            contexts = {each.context}
        batches[-1].append(each)
    return batches


def _connect(server: PacsServer, outgoing: Sequence[_Outgoing]) -> Association:
    contexts = dict.fromkeys(each.context for each in outgoing)
    return connect(server, [Offer(abstract, (transfer,)) for abstract, transfer in contexts])


def _send(association: Association, outgoing: _Outgoing, failed: list[StoreFailure]) -> int | None:
    """Send one file; None if the server does not take it, and then it is listed."""
    context = association.context_for(*outgoing.context)
    if context is None:
        syntax = outgoing.transfer_syntax
        failed.append(StoreFailure(outgoing.path, f"the server takes no such object in {syntax}"))
        return None
    request = Command(
        field=Field.C_STORE_RQ,
        message_id=association.next_message_id(),
        sop_class_uid=outgoing.sop_class_uid,
        sop_instance_uid=outgoing.sop_instance_uid,
        priority=_MEDIUM,
    )
    sent = association.send_file(context, request, outgoing.path, outgoing.offset)
    answer = association.receive()
    if answer is None:
        raise ServerUnavailableError("the server left without an answer", where=association.where)
    if answer.command.field != Field.C_STORE_RSP:
        raise PacsError("the server answered something else", where=association.where)
    if is_stored(answer.command.status):
        return sent
    failed.append(StoreFailure(outgoing.path, status_text(answer.command.status)))
    return None
