"""Specific Character Set (0008,0005): element bytes to text and back (PS3.5 6.1, PS3.3 C.12.1.1.2).

Reading never fails and never warns: what a character set cannot hold becomes U+FFFD, as pydicom
does it, and the caller notices that the text does not give the bytes back.  Writing is strict: text
that would not read back as itself is refused.  The tables of names and escape sequences are
pydicom's; the walk over a value with code extensions is here because pydicom's warns on each flaw.
"""

import codecs
import re
from collections.abc import Sequence
from functools import lru_cache

from pydicom.charset import (
    CODES_TO_ENCODINGS,
    ENCODINGS_TO_CODES,
    STAND_ALONE_ENCODINGS,
    default_encoding,
    python_encoding,
)

_ESC = b"\x1b"
_FRAGMENTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
# Line ends of text values; after one, the first character set is in force again (PS3.5 6.1.2.5.3).
_LINE_END = re.compile(rb"[\t\n\f\r]")
# The same for writing, with the delimiters of values, person name groups and components.
_RUNS = re.compile(r"[\\^=\t\n\f\r]|[^\\^=\t\n\f\r]+")
# Python's codecs of these read and write the escape sequences themselves.
_SELF_ESCAPING = frozenset({"iso2022_jp", "iso2022_jp_2"})
_TO_ASCII, _TO_JIS_ROMAN = b"\x1b(B", b"\x1b(J"
# Some writers put a codec's own name into (0008,0005).  Only codecs that keep ASCII as it is are
# taken; others ("unicode_escape", "idna", "utf-16") would turn a hostile header into odd text.
_PLAIN_CODEC = re.compile(
    r"ascii|utf-8|iso8859-\d+|cp12\d\d|cp93[26]|cp949|gb\w+|big5|euc_\w+|koi8-\w|shift_jis\w*"
)
_MISSPELT = re.compile(r"ISO(?:(?P<extension>.2022.IR.)|[^_]IR.)(?P<number>.*)", re.DOTALL)


def python_encodings(specific_character_set_values: Sequence[str]) -> tuple[str, ...]:
    """Python codec names for the values of Specific Character Set; never empty, never raises.

    No value, or a name that nobody knows, is the default repertoire, read as ISO 8859-1.
    """
    return _python_encodings(tuple(specific_character_set_values))


@lru_cache(maxsize=256)
def _python_encodings(values: tuple[str, ...]) -> tuple[str, ...]:
    names = [value.strip(" \0") for value in values] or [""]
    if names[0] in STAND_ALONE_ENCODINGS:
        names = names[:1]
    # UTF-8, GB18030 and GBK cannot be reached by an escape sequence (PS3.3 C.12.1.1.2).
    extensions = [name for name in names[1:] if name not in STAND_ALONE_ENCODINGS]
    return tuple(_python_encoding(name) for name in (names[0], *extensions))


def _python_encoding(name: str) -> str:
    known = python_encoding.get(name)
    if known is not None:
        return known
    misspelt = _MISSPELT.fullmatch(name)
    if misspelt is not None:
        prefix = "ISO 2022 IR " if misspelt["extension"] else "ISO_IR "
        return python_encoding.get(prefix + misspelt["number"], default_encoding)
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):  # ValueError: a NUL inside the name
        return default_encoding
    return name if _PLAIN_CODEC.fullmatch(codec.name) else default_encoding


def decode_text(raw: bytes, encodings: Sequence[str]) -> str:
    """Text of a whole element value, before it is split at backslashes; never raises.

    Splitting comes after: the second byte of a Shift JIS or GBK character may be a backslash.
    """
    first = encodings[0] if encodings else default_encoding
    if _ESC not in raw:
        return _decode_leniently(raw, first)
    return "".join(_decode_fragment(part, first, encodings) for part in _FRAGMENTS.findall(raw))


def _decode_leniently(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeError:
        return raw.decode(encoding, "replace")
    except LookupError:
        return raw.decode(default_encoding)


def _decode_fragment(fragment: bytes, first: str, encodings: Sequence[str]) -> str:
    """Text from one escape sequence up to the next."""
    length = 4 if fragment.startswith((b"\x1b$(", b"\x1b$)")) else 3
    encoding = CODES_TO_ENCODINGS.get(fragment[:length], "")
    if encoding not in encodings and encoding != default_encoding:
        return _decode_leniently(fragment, first)
    try:
        if encoding in _SELF_ESCAPING:
            return fragment.decode(encoding)
        body = fragment[length:]
        line_end = _LINE_END.search(body)
        end = line_end.start() if line_end else len(body)
        return body[:end].decode(encoding) + body[end:].decode(first)
    except (UnicodeError, LookupError):
        return _decode_leniently(fragment, first)


def encode_text(text: str, encodings: Sequence[str]) -> bytes:
    """Bytes that `decode_text` reads as `text`, not padded.

    Raises
    ------
    UnicodeError
        No character set of `encodings` holds some character.
    """
    if text.isascii() and "\x1b" not in text:
        return text.encode("ascii")
    names = encodings or (default_encoding,)
    try:
        if len(names) == 1 and names[0] != "shift_jis":
            encoded = text.encode(names[0])
        else:
            encoded = _encode_with_extensions(text, names)
    except LookupError as error:
        raise UnicodeError("unknown codec") from error
    # Python's codecs are more generous than the standard: a yen sign becomes a backslash in Shift
    # JIS, ISO-2022-JP-2 reaches for character sets that the file does not announce.
    if decode_text(encoded, encodings) != text:
        raise UnicodeError("the text does not read back as itself")
    return encoded


def _encode_with_extensions(text: str, encodings: Sequence[str]) -> bytes:
    """Encode run by run; within a run, whichever character set reaches furthest goes next."""
    first, *extensions = encodings
    reachable = [first, *(name for name in extensions if name in ENCODINGS_TO_CODES)]
    encoded = bytearray()
    switched = False
    for run in _RUNS.findall(text):
        if run.isascii():
            encoded += run.encode("ascii")
            continue
        rest = run
        while rest:
            # max() keeps the first of equals: plain text stays in the first character set.
            attempts = [(*_encodable_prefix(rest, name), name) for name in reachable]
            used, part, name = max(attempts, key=lambda attempt: attempt[0])
            if used == 0:
                raise UnicodeError("no character set holds the text")
            if name in _SELF_ESCAPING:
                # ISO_IR 13 has JIS X 0201 Romaji, not ASCII, as G0: that is what to return to.
                if first == "shift_jis":
                    part = part.replace(_TO_ASCII, _TO_JIS_ROMAN)
            elif name != first or (switched and not part.isascii()):
                encoded += ENCODINGS_TO_CODES.get(name, b"")
            switched = switched or name != first
            encoded += part
            rest = rest[used:]
    return bytes(encoded)


def _encodable_prefix(text: str, encoding: str) -> tuple[int, bytes]:
    """How many characters `encoding` takes from the start of `text`, and their bytes."""
    try:
        used, encoded = len(text), text.encode(encoding)
    except UnicodeEncodeError as error:
        used = error.start
        encoded = text[:used].encode(encoding)
    if encoding == "shift_jis" and len(encoded) != used:
        # ISO_IR 13 is the single-byte half of Shift JIS; kanji belong to ISO 2022 IR 87.
        used = next(i for i, char in enumerate(text) if len(char.encode(encoding)) > 1)
        encoded = text[:used].encode(encoding)
    return used, encoded
