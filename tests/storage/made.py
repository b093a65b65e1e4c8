"""Cube files without images: arbitrary bytes for frames and sections."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dicube.storage.formats import DCBS, FileFormat
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
