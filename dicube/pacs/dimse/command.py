"""Command sets of DIMSE messages: group 0000, implicit VR little endian (PS3.7 6.3.1, annex E)."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from dicube.dicom.part10 import IMPLICIT_LITTLE, iter_elements
from dicube.exceptions import MetaDataError


class Field(IntEnum):
    """Command Field (0000,0100) of the messages used here."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    C_CANCEL_RQ = 0x0FFF


_NO_DATA_SET: Final = 0x0101  # Command Data Set Type; any other value: a data set follows
_DATA_SET: Final = 0x0001
_RESPONSE: Final = 0x8000
_HEADER: Final = struct.Struct("<HHL")
_NUMBER: Final = struct.Struct("<H")

# Attribute of `Command` by element number in group 0000.
_NUMBERS: Final = {
    0x0100: "field",
    0x0110: "message_id",
    0x0120: "responds_to",
    0x0700: "priority",
    0x0800: "data_set_type",
    0x0900: "status",
    0x1020: "remaining",
    0x1021: "completed",
    0x1022: "failed",
    0x1023: "warning",
    0x1031: "originator_id",
}
_TEXTS: Final = {
    0x0002: "sop_class_uid",
    0x0600: "destination",
    0x0902: "comment",
    0x1000: "sop_instance_uid",
    0x1030: "originator_aet",
}
_ELEMENTS: Final = dict(sorted({**_NUMBERS, **_TEXTS}.items()))


@dataclass(frozen=True)
class Command:
    """One command set; what is None is not in it (PS3.7 table E.1-1 has the full names)."""

    field: int
    message_id: int | None = None
    responds_to: int | None = None
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    priority: int | None = None
    data_set_type: int = _NO_DATA_SET
    status: int | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    destination: str | None = None
    comment: str | None = None
    originator_aet: str | None = None
    originator_id: int | None = None

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.data_set_type != _NO_DATA_SET

    @property
    def is_response(self) -> bool:
        """Whether this answers a request."""
        return bool(self.field & _RESPONSE)

    def with_data_set(self) -> "Command":
        """The same, announcing a data set."""
        return Command(**{**self.__dict__, "data_set_type": _DATA_SET})

    def encode(self) -> bytes:
        """The bytes of the command set, its group length included."""
        parts = []
        for number, name in _ELEMENTS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if number in _NUMBERS:
                encoded = _NUMBER.pack(value)
            else:
                encoded = value.encode("ascii", "replace")
                encoded += (b"\0" if name.endswith("_uid") else b" ") * (len(encoded) % 2)
            parts.append(_HEADER.pack(0, number, len(encoded)) + encoded)
        body = b"".join(parts)
        return _HEADER.pack(0, 0, 4) + struct.pack("<L", len(body)) + body


def decode_command(data: bytes) -> Command:
    """Read a command set; elements that nobody uses here are left out.

    Raises
    ------
    MetaDataError
        The bytes are no command set.
    """
    values: dict[str, Any] = {}
    for element in iter_elements(data, 0, len(data), IMPLICIT_LITTLE):
        name = _ELEMENTS.get(element.tag)
        raw = data[element.start : element.end]
        if name is None or not raw:
            continue
        if element.tag in _NUMBERS:
            if len(raw) != 2:
                raise MetaDataError(f"element (0000,{element.tag:04X}) has {len(raw)} bytes, not 2")
            (values[name],) = _NUMBER.unpack(raw)
        else:
            values[name] = raw.decode("latin-1").strip(" \0")
    if "field" not in values:
        raise MetaDataError("a command set without Command Field (0000,0100)")
    return Command(**values)


def response_to(request: Command, status: int, comment: str | None = None) -> Command:
    """The response to a C-STORE or C-ECHO request (PS3.7 9.3.1.2, 9.3.5.2)."""
    return Command(
        field=request.field | _RESPONSE,
        responds_to=request.message_id,
        sop_class_uid=request.sop_class_uid,
        sop_instance_uid=request.sop_instance_uid,
        status=status,
        comment=comment,
    )
