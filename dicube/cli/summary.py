"""What `dicube convert` says when it is done."""

import math
from pathlib import Path

import typer

from dicube.cli.text import count_text, printable, size_text
from dicube.core.image import DicomCubeImage
from dicube.core.verify import Verification


def print_summary(
    image: DicomCubeImage,
    target: Path,
    length_in: int,
    seconds: float,
    result: Verification | None,
) -> None:
    """One line of numbers, then every file that was left out, then what is odd about the series."""
    length_out = target.stat().st_size
    parts = [
        count_text(math.prod(axis.size for axis in image.axes), "frame"),
        f"{size_text(length_in)} in",
        f"{size_text(length_out)} out",
        f"ratio {length_in / length_out:.2f}",
        f"{seconds:.2f} s",
        _verified_text(result),
    ]
    typer.echo(f"{printable(str(target))}: {', '.join(parts)}")
    for path, reason in image.skipped_files:
        typer.echo(printable(f"skipped {path}: {reason}"))
    findings = image.findings
    if findings:
        typer.echo(f"{count_text(len(findings), 'finding')}, first: {findings[0].status.value}")


def series_length(image: DicomCubeImage, folder: Path) -> int:
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
