"""What is odd about an image, judged with what is known of its volumes."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_findings
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.geometry import slice_positions
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import counts_for, frame_meta
from dicube.dicom.series.mosaic import mosaic_of
from dicube.dicom.series.set_findings import set_findings

IntArray = npt.NDArray[np.intp]

_SAME_PLACE_MM: Final = 0.1


def image_findings(
    meta: DicomMeta,
    axes: Sequence[Axis],
    frame_order: IntArray | None = None,
    frames: DicomMeta | None = None,
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
    frames : DicomMeta, optional
        `frame_meta` of the metadata, where it is known already, instance by instance.
    """
    if frames is None:
        counts = counts_for(meta, math.prod(axis.size for axis in axes))
        if counts is None:
            return get_dicom_findings(meta, frames=meta)
        frames = frame_meta(meta, counts)
    if frame_order is not None:
        frames = frames.taken(frame_order.tolist())
    findings = get_dicom_findings(meta, volume=first_volume(axes), frames=frames)
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
        findings += set_findings(meta, frame_order)
    return findings


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
