"""The directory: where the parts lie that the published format has no header field for.

It is one member, "DiCube", of the PixelDataHeader JSON object, which old readers keep among
their extras and skip (docs/format.md, section 4).
"""

from dataclasses import dataclass, field
from typing import Any

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.header import Extent

DIRECTORY_KEY = "DiCube"
_REVISION = 1


@dataclass(frozen=True)
class Directory:
    """Extents of the additional sections and of the checksum block."""

    checksums: Extent
    sections: dict[str, Extent] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The member as a JSON object."""
        return {
            "Revision": _REVISION,
            "Checksums": list(self.checksums),
            "Sections": {name: list(extent) for name, extent in self.sections.items()},
        }


def parse_directory(pixel_header: dict[str, Any], *, where: str) -> Directory | None:
    """The directory inside a PixelDataHeader object, None in files of the published tool.

    Raises
    ------
    InvalidCubeFileError
        The member is there but malformed, or of a later revision.
    """
    member = pixel_header.get(DIRECTORY_KEY)
    if member is None:
        return None
    try:
        revision = member["Revision"]
        checksums = _extent(member["Checksums"])
        sections = {str(name): _extent(pair) for name, pair in member["Sections"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidCubeFileError(
            "the section directory is malformed", where=where, hint="the file is damaged"
        ) from error
    if revision != _REVISION:
        raise InvalidCubeFileError(
            f"the file is of format revision {revision}, this version reads {_REVISION}",
            where=where,
            hint="upgrade dicube",
        )
    return Directory(checksums, sections)


def _extent(pair: Any) -> Extent:
    offset, length = pair
    if type(offset) is not int or type(length) is not int or offset < 0 or length < 0:
        raise ValueError("not a pair of counts")
    return Extent(offset, length)
