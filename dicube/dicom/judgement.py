"""What is odd about an image, judged with what is known of its volumes."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import findings_of, get_dicom_findings
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.geometry import Float64Array, slice_positions, stack_geometry
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import counts_for
from dicube.dicom.series.frame_table import FrameTable
from dicube.dicom.series.mosaic import mosaic_of
from dicube.dicom.series.set_findings import set_findings

IntArray = npt.NDArray[np.intp]

_SAME_PLACE_MM: Final = 0.1


class Judgement(NamedTuple):
    """What the metadata say of an image.

    Attributes
    ----------
    affine : (4, 4) float64 or None
        From (z, y, x, 1) of the first volume to patient coordinates, mm.
    findings : list of Finding
        Most important first.
    """

    affine: Float64Array | None
    findings: list[Finding]


def image_findings(
    meta: DicomMeta, axes: Sequence[Axis], frame_order: IntArray | None = None
) -> list[Finding]:
    """All findings, most important first.

    Positions are judged for one volume, because all volumes lie in one place. Frames that are no
    stack get the reason said.

    Parameters
    ----------
    meta : DicomMeta
        One slice for each instance.
    axes : sequence of Axis
        Leading axes of the image.
    frame_order : (frames,) int, optional
        For each frame its number among those of the instances.
    """
    counts = counts_for(meta, math.prod(axis.size for axis in axes))
    if counts is None:
        return get_dicom_findings(meta, frames=meta)
    return judged(meta, axes, FrameTable.of(meta, counts), frame_order).findings


def judged(
    meta: DicomMeta, axes: Sequence[Axis], table: FrameTable, frame_order: IntArray | None
) -> Judgement:
    """As `image_findings`, of frames that are known already, instance by instance."""
    frames = table.frames if frame_order is None else table.frames.taken(frame_order.tolist())
    volume = first_volume(axes)
    stack = frames if volume is None else frames.taken(volume)
    geometry = stack_geometry(stack)
    findings = findings_of(meta, frames, stack, geometry)
    if len(axes) > 1:
        findings += _moving_volumes(frames, axes[-1].size)
    mosaic = mosaic_of(frames)
    if mosaic is not None:
        message = (
            f"each image is a mosaic of {mosaic.slices} slices of {mosaic.rows} x {mosaic.columns},"
            ' kept as it is; make slices of it with mosaic="unpack" (--mosaic unpack)'
        )
        findings.append(Finding(DicomStatus.INCONSISTENT, message))
    if [axis.name for axis in axes] == ["frame"]:
        findings += set_findings(table, frame_order)
    return Judgement(geometry.affine, findings)


def _moving_volumes(frames: DicomMeta, slices: int) -> list[Finding]:
    """Volumes that do not lie where the first one lies."""
    found = slice_positions(frames)
    if any(position is None for position in found):
        return []
    positions = np.array(found).reshape(-1, slices, 3)
    aside = np.linalg.norm(positions - positions[0], axis=2)
    moved = np.flatnonzero(aside.reshape(-1) > _SAME_PLACE_MM)
    if not moved.size:
        return []
    message = f"volumes lie up to {aside.max():.4g} mm away from the first one"
    return [Finding(DicomStatus.INCONSISTENT, message, tuple(moved.tolist()))]


def first_volume(axes: Sequence[Axis]) -> range | None:
    """Frames of the first volume, in the order of the image; None if they are all frames."""
    return range(axes[-1].size) if len(axes) > 1 else None
