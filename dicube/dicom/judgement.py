"""What is odd about an image, judged with what is known of its volumes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_status import get_dicom_findings
from dicube.dicom.findings import DicomStatus, Finding
from dicube.dicom.series.axis import Axis
from dicube.dicom.series.frame_meta import frame_meta
from dicube.dicom.series.mosaic import mosaic_of
from dicube.dicom.series.set_findings import set_findings

IntArray = npt.NDArray[np.intp]


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
        `frame_meta` of the metadata, where it is known already.
    """
    frames = frame_meta(meta) if frames is None else frames
    volume = first_volume(axes, frame_order)
    findings = get_dicom_findings(meta, volume=volume, frames=frames)
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


def first_volume(axes: Sequence[Axis], frame_order: IntArray | None) -> list[int] | None:
    """Frames of the first volume, numbered instance by instance; None if they are all frames."""
    if not axes or (len(axes) == 1 and frame_order is None):
        return None
    slices = range(axes[-1].size)
    return list(slices) if frame_order is None else frame_order[: len(slices)].tolist()
