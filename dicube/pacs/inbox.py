"""Inbox: a folder into which the instances of one series arrive, in any order, by any protocol.

Each instance is a file named after its SOP Instance UID, written aside and renamed when it is whole
and belongs here. A journal has the length of each, so that an interrupted retrieval goes on.
"""

import fcntl
import hashlib
import re
import secrets
import time
import zlib
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import Final, TextIO

from dicube.closing import Closing
from dicube.dicom.instance import read_instance
from dicube.exceptions import MetaDataError, PacsError
from dicube.pacs.client import Progress, Retrieved
from dicube.pacs.file_start import (
    SERIES,
    SOP_INSTANCE,
    UIDS,
    after_file_meta,
    explicit_uid,
    file_meta,
    first_uids,
)

JOURNAL: Final = ".dicube-received"
_SUFFIX: Final = ".dcm"
_PART: Final = ".part"
_UID: Final = re.compile(r"[0-9.]{1,64}")
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_HEAD_BYTES: Final = 1 << 16  # patient, study and series are named well before

# Statuses of C-STORE (PS3.4 B.2.3)
TAKEN: Final = 0x0000
DOES_NOT_FIT: Final = 0xA900
NOT_UNDERSTOOD: Final = 0xC000


class Inbox(Closing):
    """Instances of one series that arrive in a folder, from several threads.

    Parameters
    ----------
    folder : Path
        Made if need be. What it has of the series already is not wanted again.
    series_uid : str, optional
        Instances of other series are not kept; None takes any.
    wanted : collection of str, optional
        SOP Instance UIDs; others are not kept. None takes any.
    progress : callable, optional
        Called with (instances there, instances wanted).
    """

    def __init__(
        self,
        folder: Path,
        series_uid: str | None,
        wanted: Collection[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.series_uid = series_uid
        self.received = 0
        self.bytes = 0
        self.last_activity = time.monotonic()
        self.failure: OSError | None = None
        self._wanted = None if wanted is None else frozenset(wanted)
        self._progress = progress
        self._lock = Lock()
        self._odd: Counter[str] = Counter()
        self._names = {} if wanted is None else {file_name(uid): uid for uid in wanted}
        self._journal = self._locked_journal()
        self._present = self._look_around()
        self._report()

    def close(self) -> None:
        """Let others use the folder."""
        self._journal.close()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are whole, sorted by name."""
        with self._lock:
            return tuple(self.folder / name for name in sorted(self._present))

    @property
    def missing(self) -> tuple[str, ...]:
        """SOP Instance UIDs that are wanted and not there, sorted."""
        with self._lock:
            return tuple(sorted(u for n, u in self._names.items() if n not in self._present))

    @property
    def findings(self) -> tuple[str, ...]:
        """What was odd so far."""
        with self._lock:
            return tuple(f"{count} x {what}" for what, count in self._odd.items())

    def wants(self, sop_instance_uid: str) -> bool:
        """Whether an instance belongs here, as far as its UID tells."""
        return self._wanted is None or sop_instance_uid in self._wanted

    def incoming(
        self, transfer_syntax: str, sop_class_uid: str, sop_instance_uid: str, source: str = ""
    ) -> "Incoming":
        """Somewhere to write the data set of one instance to."""
        meta = file_meta(transfer_syntax, sop_class_uid, sop_instance_uid, source)
        return Incoming(self, transfer_syntax, sop_instance_uid, meta)

    def incoming_file(self, sop_instance_uid: str | None = None) -> "Incoming":
        """The same for what is a whole DICOM file already."""
        return Incoming(self, None, sop_instance_uid, b"")

    def has(self, sop_instance_uid: str) -> bool:
        """Whether an instance is there."""
        with self._lock:
            return file_name(sop_instance_uid) in self._present

    def retrieved(self, expected: int | None) -> Retrieved:
        """What there is, where the server says that there are so many instances."""
        return Retrieved(
            files=self.files,
            expected=expected,
            received=self.received,
            bytes=self.bytes,
            missing=self.missing,
            findings=self.findings,
        )

    def note(self, what: str) -> None:
        """Remember something odd."""
        with self._lock:
            self._odd[what] += 1

    def took(self, name: str, length: int) -> None:
        """Enter an instance that is whole into the journal."""
        with self._lock:
            self._journal.write(f"{length} {name}\n")
            self._journal.flush()
            self.received += name not in self._present
            self._present[name] = length
            self.bytes += length
        self._report()

    def _report(self) -> None:
        self.last_activity = time.monotonic()
        if self._progress is not None:
            total = len(self._present) if self._wanted is None else len(self._wanted)
            self._progress(len(self._present), total)

    def _look_around(self) -> dict[str, int]:
        """Lengths of the files that are whole, by name; pieces of an interrupted run go."""
        lengths = self._journal_lengths()
        present = {}
        for path in self.folder.iterdir():
            if path.name.startswith(".") and path.name.endswith(_PART):
                path.unlink(missing_ok=True)
            elif path.suffix == _SUFFIX and (self._wanted is None or path.name in self._names):
                length = path.stat().st_size
                if lengths.get(path.name) == length or _is_whole(path):
                    present[path.name] = length
        return present

    def _locked_journal(self) -> TextIO:
        """The journal, which only one inbox has at a time: others would remove its pieces.

        Raises
        ------
        PacsError
            Another pull uses the folder.
        """
        journal = open(self.folder / JOURNAL, "a+", encoding="ascii", errors="replace")  # noqa: SIM115
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            journal.close()
            raise PacsError(
                "another pull of this series is at work",
                where=str(self.folder),
                hint="wait until it is done",
            ) from error
        return journal

    def _journal_lengths(self) -> dict[str, int]:
        lengths: dict[str, int] = {}
        self._journal.seek(0)
        text = self._journal.read()
        for line in text.splitlines():
            length, _, name = line.partition(" ")
            if length.isdigit() and name:
                lengths[name] = int(length)
        if text and not text.endswith("\n"):  # the last line of a killed run may be cut short
            self._journal.write("\n")
        return lengths


class Incoming:
    """The file of one instance while it arrives: write it, then `finish` or `abandon`."""

    def __init__(
        self, inbox: Inbox, transfer_syntax: str | None, sop_instance_uid: str | None, start: bytes
    ) -> None:
        self._inbox = inbox
        self._transfer_syntax = transfer_syntax
        self._uid = sop_instance_uid
        self._head = bytearray()
        self._length = len(start)
        self._file: FileIO | None = None
        self._path = inbox.folder / f".{secrets.token_hex(8)}{_PART}"
        self._is_welcome = sop_instance_uid is None or (
            inbox.wants(sop_instance_uid) and not inbox.has(sop_instance_uid)
        )
        if self._is_welcome:
            # Closed in finish() or abandon().
            # Pieces are large, and a buffer would copy each once more.
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115
            self._write(start)

    def write(self, data: memoryview | bytes) -> None:
        """Take the next piece.

        Raises
        ------
        OSError
            The disk is full.
        """
        if self._file is None:
            return
        self._write(data)
        self._length += len(data)
        if len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]

    def _write(self, data: memoryview | bytes) -> None:
        assert self._file is not None
        written = self._file.write(data)
        while written < len(data):  # a signal came, or the disk is full: the next one says so
            data = data[written:]
            written = self._file.write(data)

    def finish(self) -> int:
        """Check the instance and give it its name.

        Returns
        -------
        int
            The status of C-STORE: TAKEN, DOES_NOT_FIT or NOT_UNDERSTOOD.
        """
        inbox = self._inbox
        if self._file is None:
            assert self._uid is not None
            if inbox.has(self._uid):
                return TAKEN  # again, and we have it
            inbox.note("an instance that was not asked for; it was not kept")
            return DOES_NOT_FIT
        self._file.close()
        uid, series = self._identity()
        problem = None
        if not uid:
            problem = "something that is no DICOM instance; it was not kept"
        elif self._uid is not None and uid != self._uid:
            problem = "an instance with another SOP Instance UID than announced; it was not kept"
        elif inbox.series_uid is not None and series not in (None, inbox.series_uid):
            problem = "an instance of another series; it was not kept"
        elif not inbox.wants(uid):
            problem = "an instance that was not asked for; it was not kept"
        if problem is not None:
            self.abandon()
            inbox.note(problem)
            return DOES_NOT_FIT if uid else NOT_UNDERSTOOD
        assert uid is not None
        name = file_name(uid)
        self._path.replace(inbox.folder / name)
        inbox.took(name, self._length)
        return TAKEN

    def abandon(self) -> None:
        """Throw away what arrived."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _identity(self) -> tuple[str | None, str | None]:
        """SOP Instance UID and Series Instance UID, as far as the head has them."""
        data, syntax = bytes(self._head), self._transfer_syntax
        if syntax is None:
            data, syntax = after_file_meta(data)
        if syntax == _DEFLATED:
            with suppress(zlib.error):
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, _HEAD_BYTES)
        expected = (self._uid, self._inbox.series_uid)
        if all(
            uid and explicit_uid(tag, uid) in data for tag, uid in zip(UIDS, expected, strict=True)
        ):
            return expected  # the usual case, without a walk over a hundred elements
        found = first_uids(data, syntax)
        return found.get(SOP_INSTANCE), found.get(SERIES)


def file_name(sop_instance_uid: str) -> str:
    """The name of an instance's file."""
    return safe_name(sop_instance_uid) + _SUFFIX


def safe_name(uid: str) -> str:
    """A UID as the name of a file or folder; what is none becomes a digest, never a path."""
    if _UID.fullmatch(uid) and uid.strip("."):
        return uid
    return "uid-" + hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:40]


def _is_whole(path: Path) -> bool:
    """Whether a file that is not in the journal is a whole DICOM file of its own name."""
    try:
        instance = read_instance(path)
    except MetaDataError:
        return False
    uid = instance.elements.get(SOP_INSTANCE)
    return uid is not None and file_name(uid.value.decode("latin-1").strip(" \0")) == path.name
