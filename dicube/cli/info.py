"""`dicube info`: what is in a cube file, without decoding a frame."""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dicube.cli.paths import check_exists
from dicube.cli.text import (
    count_text,
    finding_text,
    help_lines,
    numbers_text,
    printable,
    shape_text,
    size_text,
)
from dicube.core.axes import axis_members
from dicube.core.cube_file import CubeDescription, read_description
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.judgement import image_findings

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube info ct.dcbs",
    "dicube info ct.dcbs --json | jq .spacing_mm",
)

_LISTED: Final = 8  # labels of segments on one line
_SERIES_KEYWORDS: Final = ("Modality", "SeriesDescription", "SeriesInstanceUID")


def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .dcbs, .dcba or .dcbr file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a cube file holds.

    Series, shape, geometry and what is odd about it. No frame is decoded, so it takes no time.
    """
    check_exists(file)
    facts = _facts(file, read_description(file))
    typer.echo(json.dumps(facts, indent=2) if as_json else _text(facts))


def _facts(path: Path, cube: CubeDescription) -> dict[str, Any]:
    """Everything shown, as a JSON object."""
    meta = None if cube.meta is None else cube.meta.value
    raw_length = math.prod(cube.shape) * cube.dtype.itemsize
    sources = [] if cube.sources is None else cube.sources.value
    return {
        "file": str(path),
        "format": cube.file_format.suffix.removeprefix("."),
        "codec": cube.file_format.codec_name,
        "file_bytes": cube.file_length,
        "raw_bytes": raw_length,
        "ratio": round(raw_length / cube.file_length, 3),
        "has_checksums": cube.has_checksums,
        "series": None if meta is None else _series(meta),
        "frames": cube.frames,
        "shape": list(cube.shape),
        "dtype": cube.dtype.name,
        "axes": [axis_members(axis) for axis in cube.axes],
        "axes_rule": cube.axes_rule.rule,
        "rivals": [f"{rival.rule}: {rival.outcome}" for rival in cube.axes_rule.rivals],
        "spacing_mm": None if cube.space is None else [float(s) for s in cube.space.spacing],
        "origin_mm": None if cube.space is None else [float(c) for c in cube.space.origin],
        "affine": None if cube.affine is None else cube.affine.tolist(),
        "rescale": "differs between frames"
        if cube.rescale is not None
        else [cube.header.RescaleSlope, cube.header.RescaleIntercept],
        "status": cube.status.value,
        "findings": []
        if meta is None
        else [_finding(f) for f in image_findings(meta, cube.axes, cube.frame_order)],
        "region": None if cube.quality is None else _region(cube),
        "segmentations": [] if cube.segmentations is None else _segmentations(cube),
        "source_files": len(sources),
        "byte_identical_files": sum(source.exact for source in sources),
    }


def _region(cube: CubeDescription) -> dict[str, Any]:
    """Where the values are exact, and how far they may be off elsewhere."""
    assert cube.quality is not None
    pixels = math.prod(cube.shape[: len(cube.axes) + 2])
    return {
        "exact_pixels": cube.quality.pixels,
        "exact_fraction": round(cube.quality.pixels / pixels, 4),
        "background_error": cube.quality.background_error,
        "background_distance": cube.quality.background_distance,
        "largest_error": cube.quality.largest_error,
    }


def _segmentations(cube: CubeDescription) -> list[dict[str, Any]]:
    """What is segmented; no mask is unpacked."""
    assert cube.segmentations is not None
    return [
        {"kind": found.kind, "segments": [segment.label for segment in found.segments]}
        for found in cube.segmentations.value
    ]


def _series(meta: DicomMeta) -> dict[str, Any]:
    """What names the series; null where an element is absent, empty or not shared."""
    named = {
        keyword: meta.get_shared_value(keyword) if meta.is_shared(keyword) else None
        for keyword in _SERIES_KEYWORDS
    }
    return {**named, "slices": meta.slice_count}


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "status": finding.status.value,
        "message": finding.message,
        "slices": list(finding.slices),
    }


def _text(facts: dict[str, Any]) -> str:
    file = f"{facts['file']} ({facts['format']}, codec {facts['codec']})"
    sizes = (size_text(facts["file_bytes"]), size_text(facts["raw_bytes"]))
    rows = [
        ("file", printable(file)),
        ("size", f"{sizes[0]} for {sizes[1]} of pixels, ratio {facts['ratio']:.2f}"),
        ("checksums", "yes" if facts["has_checksums"] else "no"),
        ("series", _series_text(facts["series"])),
        ("shape", f"{shape_text(facts['shape'])} {facts['dtype']}"),
        ("axes", _axes_text(facts)),
        *_rule_rows(facts),
        *_geometry_rows(facts),
        ("rescale", _rescale_text(facts["rescale"])),
        ("status", facts["status"]),
        *_region_rows(facts["region"]),
        *(("segments", _segments_text(found)) for found in facts["segmentations"]),
        ("source files", _sources_text(facts)),
        *(("finding", _finding_text(finding)) for finding in facts["findings"]),
    ]
    return "\n".join(f"{name:<13}{value}" for name, value in rows)


def _series_text(series: dict[str, Any] | None) -> str:
    if series is None:
        return "no DICOM metadata"
    named = [str(series[keyword]) for keyword in _SERIES_KEYWORDS[:2] if series[keyword]]
    return printable(", ".join([*named, count_text(series["slices"], "slice")]))


def _axes_text(facts: dict[str, Any]) -> str:
    axes = [f"{axis['Name']} {axis['Size']}" for axis in facts["axes"]]
    grid = facts["shape"][len(axes) :]
    names = ("rows", "columns", "samples")
    return ", ".join([*axes, *(f"{name} {size}" for name, size in zip(names, grid, strict=False))])


def _rule_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What told the volumes apart, and what else might have."""
    if not facts["axes_rule"]:
        return []
    rivals = f" ({', '.join(facts['rivals'])})" if facts["rivals"] else ""
    return [("volumes by", facts["axes_rule"] + rivals)]


def _geometry_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    if facts["spacing_mm"] is None:
        sheared = facts["affine"] is not None
        return [("space", "sheared stack, an affine only" if sheared else "none")]
    return [
        ("spacing", f"{numbers_text(facts['spacing_mm'])} mm (z, y, x)"),
        ("origin", f"{numbers_text(facts['origin_mm'])} mm (patient coordinates, LPS)"),
    ]


def _region_rows(region: dict[str, Any] | None) -> list[tuple[str, str]]:
    if region is None:
        return []
    error, distance = region["background_error"], region["background_distance"]
    allowed = f"distance {distance:g}" if error is None else f"at most {error} allowed"
    share = f"{region['exact_fraction']:.1%} of the pixels"
    if not region["largest_error"]:
        return [("region", f"{share}; nothing was lost outside of it either")]
    return [
        ("region", f"exact in {share}, LOSSY outside of it"),
        ("lossy by", f"up to {region['largest_error']} in stored values ({allowed})"),
    ]


def _segments_text(found: dict[str, Any]) -> str:
    labels = found["segments"]
    listed = ", ".join(labels[:_LISTED]) + ("..." if len(labels) > _LISTED else "")
    return printable(f"{len(labels)}, {found['kind']}: {listed}")


def _rescale_text(rescale: Any) -> str:
    return rescale if isinstance(rescale, str) else "slope {:g}, intercept {:g}".format(*rescale)


def _sources_text(facts: dict[str, Any]) -> str:
    kept, exact = facts["source_files"], facts["byte_identical_files"]
    if not kept:
        return "not kept, export writes new files from the metadata"
    if exact == kept:
        return f"{kept}, all come back byte for byte"
    return f"{kept}, {exact} come back byte for byte, the others were compressed"


def _finding_text(finding: dict[str, Any]) -> str:
    return finding_text(DicomStatus(finding["status"]), finding["message"], finding["slices"])
