"""What `dicube convert` says when it is done."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import typer

from dicube.cli.paths import Kind, kind_of, stored_bytes
from dicube.cli.text import count_text, printable, size_text
from dicube.core.conversion import Conversion
from dicube.core.image import DicomCubeImage
from dicube.core.verify import Verification
from dicube.dicom.findings import Finding
from dicube.dicom.folder_scan import SkippedFile


class Converted(NamedTuple):
    """What a conversion read."""

    frames: int
    length_bytes: int
    skipped: Sequence[SkippedFile]
    findings: Sequence[Finding]

    @classmethod
    def of_image(cls, image: DicomCubeImage, source: Path) -> Self:
        """An image that came from a folder or a file."""
        frames = math.prod(axis.size for axis in image.axes)
        is_folder = kind_of(source) is Kind.DICOM_FOLDER
        length = _series_length(image, source) if is_folder else stored_bytes(source)
        return cls(frames, length, image.skipped_files, image.findings)

    @classmethod
    def of_folder(cls, done: Conversion) -> Self:
        """A folder that went into a file piece by piece."""
        return cls(done.frames, done.source_bytes, done.skipped, done.findings)


def print_summary(
    converted: Converted, target: Path, seconds: float, result: Verification | None
) -> None:
    """One line of numbers, then every file that was left out, then what is odd about the series."""
    length_out = stored_bytes(target)
    parts = [
        count_text(converted.frames, "frame"),
        f"{size_text(converted.length_bytes)} in",
        f"{size_text(length_out)} out",
        f"ratio {converted.length_bytes / length_out:.2f}",
        f"{seconds:.2f} s",
        _verified_text(result),
    ]
    typer.echo(f"{printable(str(target))}: {', '.join(parts)}")
    for path, reason in converted.skipped:
        typer.echo(printable(f"skipped {path}: {reason}"))
    findings = converted.findings
    if findings:
        typer.echo(f"{count_text(len(findings), 'finding')}, first: {findings[0].status.value}")


def _series_length(image: DicomCubeImage, folder: Path) -> int:
    """Bytes of the files of a folder that became the image."""
    assert image.dicom_meta is not None
    return sum((folder / name).stat().st_size for name in image.dicom_meta.filenames or [])


def _verified_text(result: Verification | None) -> str:
    if result is None:
        return "not verified"
    if not result.ok:
        return "VERIFICATION FAILED"
    if result.largest_error is not None:
        return f"verified (exact in the region, off by up to {result.largest_error} elsewhere)"
    compared = result.identical_files + result.equal_files
    if not compared:
        return "verified"
    if not result.equal_files:
        return f"verified ({count_text(compared, 'file')} identical byte for byte)"
    return f"verified ({result.identical_files} of {compared} files identical, the rest equal)"
