"""The secret that makes replacements consistent: one key, one result, in all series of a project.

Everything is made with HMAC-SHA-256, so that without the key nobody finds the original, not even
by trying all numbers that a hospital may have given.
"""

import hashlib
import hmac
import os
import secrets
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from dicube.exceptions import DataConsistencyError, MetaDataError

_LENGTH: Final = 32  # bytes, as many as SHA-256 gives
_MOST_DAYS: Final = 3650
_PSEUDONYM_DIGITS: Final = 12  # hexadecimal: 48 bits, no two alike among a million patients


@dataclass(frozen=True)
class DeidentifyKey:
    """A secret of 32 bytes; whoever has it can tell which source a result belongs to.

    Parameters
    ----------
    secret : bytes

    Raises
    ------
    MetaDataError
        Not 32 bytes.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _LENGTH:
            raise MetaDataError(f"a key is {_LENGTH} bytes, got {len(self.secret)}")

    @classmethod
    def random(cls) -> Self:
        """A new key from the random numbers of the operating system."""
        return cls(secrets.token_bytes(_LENGTH))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read a key that `to_file` wrote.

        Raises
        ------
        MetaDataError
            There is no such file, or it holds no key.
        """
        try:
            text = Path(path).read_text("ascii").strip()
            return cls(bytes.fromhex(text))
        except OSError as error:
            raise MetaDataError(f"cannot be read: {error.strerror}", where=str(path)) from error
        except (ValueError, MetaDataError):
            # Without the cause, which would quote the secret.
            raise MetaDataError(
                f"no key: {2 * _LENGTH} hexadecimal digits are expected",
                where=str(path),
                hint="name a file that does not exist yet to make a new key",
            ) from None

    @classmethod
    def kept_in(cls, path: str | os.PathLike[str]) -> Self:
        """The key in a file; a new one, which is put there, where there is no such file.

        Raises
        ------
        MetaDataError
            The file holds no key.
        DataConsistencyError
            A new one cannot be written.
        """
        if Path(path).exists():
            return cls.from_file(path)
        key = cls.random()
        try:
            key.to_file(path)
        except DataConsistencyError:
            if Path(path).exists():  # another thread or program was first
                return cls.from_file(path)
            raise
        return key

    def to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the key as hexadecimal digits into a new file that only its owner can read.

        Raises
        ------
        DataConsistencyError
            The file exists already, or cannot be written.
        """
        target = Path(path)
        temporary = None
        try:
            # mkstemp gives mode 0600; a link, unlike a rename, never replaces another key.
            handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(self.secret.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, target)
        except OSError as error:
            raise DataConsistencyError(
                f"the key cannot be written: {error.strerror}", where=str(path)
            ) from error
        finally:
            if temporary is not None:
                with suppress(OSError):
                    Path(temporary).unlink()

    def uid(self, uid: str) -> str:
        """The UID that stands for another one: 2.25 and a UUID as a number (PS3.5 B.2)."""
        # Version 4 marks it as a UUID without further meaning, which it is.
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', uid)[:16], version=4).int}"

    def pseudonym(self, patient: str) -> str:
        """A Patient ID that stands for another one."""
        return self._digest("patient", patient)[: _PSEUDONYM_DIGITS // 2].hex().upper()

    def days_back(self, patient: str) -> int:
        """By how many days dates of a patient are moved into the past: 1 to 3650."""
        number = int.from_bytes(self._digest("days", patient)[:8], "big")
        return 1 + number % _MOST_DAYS

    def _digest(self, purpose: str, text: str) -> bytes:
        # The purpose keeps a pseudonym from telling anything about the days.
        message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).digest()
