"""Names in the archive: a pattern of DICOM keywords, filled with what a series says."""

import re
import string
import unicodedata
from collections.abc import Mapping
from typing import Final

from pydicom.datadict import tag_for_keyword

from dicube.exceptions import DataConsistencyError

DEFAULT_LAYOUT: Final = "{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}"
_MOST_BYTES: Final = 120  # of one value: a name may have 255, with number and suffix
# Not in file names of all systems; "~" sets numbers apart from names.
_REPLACED: Final = re.compile(r'[/\\:*?"<>|~\s]+')


class Layout:
    """Where the outputs of a series lie, relative to the destination.

    Parameters
    ----------
    pattern : str
        Keywords of PS3.6 in braces, such as "{Modality}/{SeriesInstanceUID}".

    Raises
    ------
    DataConsistencyError
        A keyword is unknown, or the pattern leads out of the destination.

    Examples
    --------
    >>> Layout("{Modality}/{SeriesInstanceUID}").stem(
    ...     {"Modality": "CT", "SeriesInstanceUID": "1.2.840"}
    ... )
    'CT/1.2.840'
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        try:
            fields = list(string.Formatter().parse(pattern))
        except ValueError as error:
            raise self._wrong(f"it cannot be read: {error}") from error
        self.keywords = tuple(dict.fromkeys(name for _, name, _, _ in fields if name is not None))
        unknown = [name for name in self.keywords if not name or tag_for_keyword(name) is None]
        if unknown:
            raise self._wrong(f"there is no DICOM keyword {unknown[0]!r}")
        if any(form or conversion for _, _, form, conversion in fields):
            raise self._wrong("a keyword takes no format")
        parts = pattern.split("/")
        if not self.keywords or any(part.strip() in ("", ".", "..") for part in parts):
            raise self._wrong("it needs keywords, and no part of it may be empty, '.' or '..'")
        literal = "".join(text for text, _, _, _ in fields)
        if "~" in literal or "\\" in literal or not literal.isprintable():
            raise self._wrong("it may not hold '~', a backslash or a control character")

    def stem(self, values: Mapping[str, str]) -> str:
        """The path of a series without number and suffix; what is missing is "unknown"."""
        return self.pattern.format_map(
            {keyword: name_part(values.get(keyword, "")) for keyword in self.keywords}
        )

    def _wrong(self, what: str) -> DataConsistencyError:
        return DataConsistencyError(
            f"the layout {self.pattern!r} cannot be used: {what}",
            hint=f"for example {DEFAULT_LAYOUT}",
        )


def name_part(value: str) -> str:
    """A value as a part of a file name; "unknown" where nothing is left of it."""
    text = unicodedata.normalize("NFC", value)
    text = _REPLACED.sub("_", "".join(c if c.isprintable() else " " for c in text).strip())
    text = text.strip("._") or "unknown"
    return text.encode()[:_MOST_BYTES].decode(errors="ignore")
