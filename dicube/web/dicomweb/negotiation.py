"""What a client accepts, and which form of an answer that means (PS3.18 8.3.3, 8.7)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from starlette.requests import Request

from dicube.core.instances import CubeInstances
from dicube.dicom.export import HTJ2K_UIDS, JXL_UID, TRANSFER_SYNTAXES
from dicube.dicom.instance import EXPLICIT_UID

ANY: Final = "*"
DICOM: Final = "application/dicom"
DICOM_JSON: Final = "application/dicom+json"
OCTETS: Final = "application/octet-stream"
_MULTIPART: Final = "multipart/related"
_PARAMETER: Final = re.compile(r';\s*([\w!#$%&*+.^`|~-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;,]*)')
_RANGE: Final = re.compile(r'\s*([^\s;,"]+)\s*((?:;(?:[^,"]|"(?:[^"\\]|\\.)*")*)?)')
_MOST_RANGES: Final = 64

# Media types of compressed frames and their transfer syntaxes, the first by default (PS3.18 8.7.3).
FRAME_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jphc": (TRANSFER_SYNTAXES["htj2k"], TRANSFER_SYNTAXES["htj2k-rpcl"],
                   "1.2.840.10008.1.2.4.203"),
    "image/jxl": (JXL_UID,),
    "image/jp2": (TRANSFER_SYNTAXES["jpeg2000"],),
    "image/jls": (TRANSFER_SYNTAXES["jpegls"],),
    "image/dicom-rle": (TRANSFER_SYNTAXES["rle"],),
}  # fmt: skip


class NotAcceptableError(Exception):
    """Nothing that the client accepts can be given; the text says what could."""


@dataclass(frozen=True)
class MediaRange:
    """One thing that a client accepts.

    Attributes
    ----------
    media_type : str
        In lower case; of a multipart, that of its parts. May end in "*".
    parameters : mapping
        By lower-case name.
    quality : float
        0 to 1.
    is_multipart : bool
    """

    media_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0
    is_multipart: bool = False

    @property
    def transfer_syntax(self) -> str | None:
        """The transfer syntax asked for; "*" for any, None where the client does not say."""
        return self.parameters.get("transfer-syntax")

    def takes(self, media_type: str) -> bool:
        """Whether the media type is one of these."""
        kind, _, rest = self.media_type.partition("/")
        return self.media_type in (media_type, "*/*") or (
            rest == ANY and media_type.startswith(kind + "/")
        )


class Form(NamedTuple):
    """The form in which pixels are given."""

    media_type: str
    transfer_syntax: str
    is_multipart: bool


def accepted(request: Request) -> list[MediaRange]:
    """What a request accepts, the best first; all there is where it does not say.

    The `accept` parameter of the query wins over the header field (PS3.18 8.3.3.1).
    """
    text = ",".join(request.query_params.getlist("accept"))
    text = text or ",".join(request.headers.getlist("accept"))
    return parse_accept(text) if text.strip() else [MediaRange("*/*")]


def parse_accept(text: str) -> list[MediaRange]:
    """The ranges of an Accept field (RFC 9110 12.5.1), the best first, refused ones left out."""
    found: list[MediaRange] = []
    position = 0
    while position < len(text) and len(found) < _MOST_RANGES:
        match = _RANGE.match(text, position)
        if match is None:
            position += 1
            continue
        position = match.end()
        found.append(_range(match.group(1).lower(), match.group(2)))
    wanted = [media_range for media_range in found if media_range.quality > 0]
    return sorted(wanted, key=lambda media_range: -media_range.quality)


def _range(media_type: str, rest: str) -> MediaRange:
    parameters = {
        name.lower(): re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value.strip()
        for name, value in _PARAMETER.findall(rest)
    }
    try:
        quality = min(max(float(parameters.pop("q", "1")), 0.0), 1.0)
    except ValueError:
        quality = 0.0
    if media_type != _MULTIPART:
        return MediaRange(media_type, parameters, quality)
    inner = parameters.pop("type", "*/*").lower()
    return MediaRange(inner, parameters, quality, is_multipart=True)


def choose_json(ranges: Sequence[MediaRange]) -> str:
    """The media type of metadata and results of a search.

    Raises
    ------
    NotAcceptableError
        The client takes no JSON.
    """
    for media_range in ranges:
        if media_range.is_multipart:
            continue
        for media_type in (DICOM_JSON, "application/json"):
            if media_range.takes(media_type):
                return media_type
    raise NotAcceptableError(f"this can be had as {DICOM_JSON}")


def choose_instance(ranges: Sequence[MediaRange], cube: CubeInstances, number: int) -> Form:
    """The form in which an instance is given.

    Without a transfer syntax it is explicit VR little endian (PS3.18 8.7.3.5.2); for "*" it is what
    takes the least work.

    Raises
    ------
    NotAcceptableError
        The client takes none that the instance can be had in.
    """
    writable = cube.writable_syntaxes(number)
    for media_range in ranges:
        uid = media_range.transfer_syntax or EXPLICIT_UID
        uid = writable[0] if uid == ANY else uid
        if media_range.takes(DICOM) and uid in writable:
            return Form(DICOM, uid, media_range.is_multipart or media_range.media_type != DICOM)
    raise NotAcceptableError(
        f"this instance can be had as {DICOM} in the transfer syntaxes " + ", ".join(writable)
    )


def choose_frames(ranges: Sequence[MediaRange], cube: CubeInstances, number: int) -> Form:
    """The form in which frames are given; uncompressed where the client does not say.

    Raises
    ------
    NotAcceptableError
        The client takes none that the frames can be had in.
    """
    writable = cube.writable_syntaxes(number)
    for media_range in ranges:
        found = _frame_form(media_range, writable)
        if found is not None:
            is_multipart = media_range.is_multipart or media_range.media_type.endswith(ANY)
            return Form(*found, is_multipart)
    possible = ", ".join(kind for kind in (OCTETS, *FRAME_TYPES) if _of_type(kind, ANY, writable))
    raise NotAcceptableError(f"these frames can be had as {possible}")


def _frame_form(media_range: MediaRange, writable: Sequence[str]) -> tuple[str, str] | None:
    asked = media_range.transfer_syntax
    for media_type in (OCTETS, *FRAME_TYPES):
        if media_range.takes(media_type):
            uid = _of_type(media_type, asked, writable)
            if uid is not None:
                return media_type, uid
    return None


def _of_type(media_type: str, asked: str | None, writable: Sequence[str]) -> str | None:
    """The transfer syntax of frames of a media type; None where there is none."""
    if media_type == OCTETS:
        # Frames of other uncompressed syntaxes are little endian here, too; viewers ask for
        # compressed ones like this, with the transfer syntax beside it.
        known = [uid for uid in writable if uid == EXPLICIT_UID or _is_compressed(uid)]
        first = known[0] if asked == ANY else EXPLICIT_UID
    else:
        known = [uid for uid in writable if uid in FRAME_TYPES[media_type]]
        first = known[0] if known else ""
    chosen = asked if asked not in (None, ANY) else first
    return chosen if chosen in known else None


def _is_compressed(uid: str) -> bool:
    return uid in HTJ2K_UIDS or any(uid in uids for uids in FRAME_TYPES.values())
