"""Cube files without images: arbitrary bytes for frames and sections."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicube.storage.dcb_file import DcbFile
from dicube.storage.directory import DIRECTORY_KEY
from dicube.storage.formats import DCBS, FileFormat
from dicube.storage.header import Section
from dicube.storage.writer import writing

FRAMES = (b"first frame", b"second", b"", b"the fourth and longest frame")


def write_file(
    path: Path,
    *,
    frames: Sequence[bytes] = FRAMES,
    status: bytes = b"consistent",
    meta: bytes = b"meta",
    space: bytes = b"space",
    pixel_header: Mapping[str, Any] | None = None,
    sections: Mapping[str, bytes] | None = None,
    file_format: FileFormat = DCBS,
) -> Path:
    """Write a file at `path`."""
    with writing(path, file_format) as writer:
        writer.append_frames(frames)
        writer.finish(
            status=status,
            meta=meta,
            space=space,
            pixel_header={"RescaleSlope": 1.0} if pixel_header is None else pixel_header,
            sections={"SourceFiles": b"sources"} if sections is None else sections,
        )
    return path


def rewrite(path: Path, target: Path, **changes: Any) -> Path:
    """Write a file again with other parts, checksums and all: damage that only a forger makes.

    `pixel_header` is merged into that of the file; a member that is None is left out.
    """
    with DcbFile(path) as file:
        members = {k: v for k, v in file.pixel_header.items() if k != DIRECTORY_KEY}
        members |= changes.pop("pixel_header", {})
        parts: dict[str, Any] = {
            "frames": [bytes(frame) for frame in file.frames],
            "status": file.section(Section.STATUS),
            "meta": file.section(Section.META),
            "space": file.section(Section.SPACE),
            "sections": {"SourceFiles": file.named_section("SourceFiles")}
            if file.has_section("SourceFiles")
            else {},
            "file_format": file.file_format,
        }
    kept = {k: v for k, v in members.items() if v is not None}
    return write_file(target, **(parts | changes), pixel_header=kept)
