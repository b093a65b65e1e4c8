"""Writing DICOM segmentations, of the options that pydicom-seg had and more."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.core.grid_turn import STACK_TOLERANCE
from dicube.core.label_boxes import labels_in
from dicube.core.segmentation import Segmentation, SegmentationKind
from dicube.dicom.export import TRANSFER_SYNTAXES, transfer_syntax_uid
from dicube.dicom.instance import EXPLICIT_UID
from dicube.exceptions import CodecError, DataConsistencyError
from dicube.extras import extra_module
from dicube.interchange.seg.encoding import Layout, encoded
from dicube.interchange.seg.labels import SegmentationLike, segmentation_of
from dicube.interchange.seg.source import Source, SourceVolume, source_volume
from dicube.interchange.seg.template import Template
from dicube.storage.atomic import replacing

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]
FractionalType = Literal["PROBABILITY", "OCCUPANCY"]

KINDS: Final = ("binary", "fractional", "labelmap")
_LISTED: Final = 10  # labels named in one message


class MultiClassWriter:
    """Writes segments of one volume as a DICOM segmentation; needs the extra "seg".

    Segment numbers of binary and fractional segmentations have to be 1, 2, 3... (PS3.3 C.8.20.2.1):
    the segments that there are get them in the order of their labels, and `segment_numbers` says
    which got which. Those of a label map are the labels themselves. Segments of the template that
    the image does not have are left out.

    Parameters
    ----------
    template : Template
        What the labels mean; see `from_dcmqi_metainfo`.
    inplane_cropping : bool
        Frames show the common bounding box of all segments in rows and columns only. Some viewers
        do not understand that.
    skip_empty_slices : bool
        Leave out the frames of slices in which a segment has nothing.
    skip_missing_segment : bool
        Leave labels out that the template does not describe, with a warning in the log, instead of
        refusing them.
    kind : "binary", "fractional" or "labelmap"
        One bit for each voxel and segment; eight bits, fractions of 255; or a frame of labels for
        each slice (Label Map Segmentation Storage), which only recent readers know.
    fractional_type : "PROBABILITY" or "OCCUPANCY"
        What fractions are.
    transfer_syntax : str
        "explicit", or for fractional segmentations and label maps "rle", "jpeg2000", "jpegls",
        "htj2k" or "htj2k-rpcl".

    Raises
    ------
    DataConsistencyError
        There is no such kind.
    CodecError
        The transfer syntax is unknown, or cannot hold such frames.
    """

    def __init__(
        self,
        template: Template,
        inplane_cropping: bool = False,
        skip_empty_slices: bool = True,
        skip_missing_segment: bool = False,
        *,
        kind: SegmentationKind = "binary",
        fractional_type: FractionalType = "PROBABILITY",
        transfer_syntax: str = "explicit",
    ) -> None:
        if kind not in KINDS:
            raise DataConsistencyError(
                f"{kind!r} is no kind of segmentation", hint=f"one of {', '.join(KINDS)}"
            )
        uid = transfer_syntax_uid(transfer_syntax)
        if uid == TRANSFER_SYNTAXES["jxl"] or (kind == "binary" and uid != EXPLICIT_UID):
            raise CodecError(
                f"{kind} segmentations are not written in transfer syntax {transfer_syntax!r}",
                hint="take explicit; rle, jpeg2000, jpegls or htj2k for the other kinds",
            )
        self.template = template
        self.inplane_cropping = inplane_cropping
        self.skip_empty_slices = skip_empty_slices
        self.skip_missing_segment = skip_missing_segment
        self.kind: SegmentationKind = kind
        self.fractional_type = fractional_type
        self.transfer_syntax = uid

    def write(
        self,
        segmentation: SegmentationLike,
        source_images: Source,
        *,
        space: Space | npt.NDArray[np.float64] | None = None,
        volume: int | None = None,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
    ) -> Any:
        """Make the DICOM object.

        Parameters
        ----------
        segmentation : array, SimpleITK.Image, DicomCubeImage or Segmentation
            A label image, 0 where there is nothing and else a label of the template; or segments
            that may overlap, and be fractional. Its grid has to be that of the source, but slices,
            rows and columns may run in other directions.
        source_images : folder, cube file, DicomCubeImage, sequence of files or pydicom data sets
            The images that were segmented. Of data sets only the header is needed.
        space : Space or (4, 4) float64, optional
            Where an array is: geometry in (z, y, x) order, or the affine from (z, y, x, 1) to
            patient coordinates (LPS), mm. Without it an array is taken slice by slice for the
            volume as `DicomCubeImage.from_dicom_folder` orders it.
        volume : int, optional
            Which volume of a 4D source, from 0.
        series_instance_uid, sop_instance_uid : str, optional
            New ones by default.

        Returns
        -------
        highdicom.seg.Segmentation
            A pydicom data set; `save_as` writes it.

        Raises
        ------
        DataConsistencyError
            The segmentation is on another grid, empty, has labels that the template does not
            describe, or overlaps or is fractional where the kind has no room for that.
        MetaDataError
            The source or the template lacks what the object needs.
        MissingDependencyError
            highdicom is not installed.
        """
        hd = _highdicom()
        made = self._encoded(
            hd, segmentation, source_images, space, volume, series_instance_uid, sop_instance_uid
        )
        return hd.seg.Segmentation.from_dataset(made, copy=False)

    def write_file(
        self,
        path: PathLike,
        segmentation: SegmentationLike,
        source_images: Source,
        *,
        space: Space | npt.NDArray[np.float64] | None = None,
        volume: int | None = None,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
    ) -> Path:
        """Write the DICOM object to a file, faster than `write` and `save_as`.

        An existing file is replaced in one step. Parameters and errors are those of `write`.

        Returns
        -------
        Path
            `path`.
        """
        target = Path(path)
        made = self._encoded(
            _highdicom(), segmentation, source_images, space, volume, series_instance_uid,
            sop_instance_uid,
        )  # fmt: skip
        try:
            with replacing(target) as file:
                made.save_as(file, enforce_file_format=True)
        except OSError as error:
            raise DataConsistencyError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error
        return target

    def _encoded(
        self,
        hd: Any,
        segmentation: SegmentationLike,
        source_images: Source,
        space: Space | npt.NDArray[np.float64] | None,
        volume: int | None,
        series_uid: str | None,
        instance_uid: str | None,
    ) -> Any:
        source = source_volume(source_images, volume)
        present = self._present(segmentation_of(segmentation, space, source))
        placed = _on_grid(present, source)
        self._check_kind(placed)
        layout = Layout(
            kind=self.kind,
            is_cropped=self.inplane_cropping,
            omits_empty=self.skip_empty_slices,
            fractional_type=self.fractional_type,
            transfer_syntax=self.transfer_syntax,
            series_uid=series_uid,
            instance_uid=instance_uid,
        )
        numbers = list(self._numbers(placed.numbers).values())
        return encoded(hd, placed, numbers, source, self.template, layout)

    def segment_numbers(self, labels: Array | Sequence[int]) -> dict[int, int]:
        """The Segment Number that each label gets.

        Parameters
        ----------
        labels : array or sequence of int
            A label image, or the labels in it.

        Raises
        ------
        DataConsistencyError
            The template does not describe a label, and it is not to be skipped.
        """
        array = np.asarray(labels)
        found = labels_in(array.reshape(-1).astype(np.uint32)) if array.size else []
        return self._numbers(self._described(found))

    def _numbers(self, labels: Sequence[int]) -> dict[int, int]:
        if self.kind == "labelmap":
            return {label: label for label in sorted(labels)}
        return {label: number for number, label in enumerate(sorted(labels), 1)}

    def _described(self, labels: Sequence[int]) -> list[int]:
        """Those labels that the template describes, ascending."""
        known = self.template.segments
        missing = sorted(label for label in labels if label not in known)
        if missing:
            listed = ", ".join(map(str, missing[:_LISTED])) + (
                "..." if len(missing) > _LISTED else ""
            )
            if not self.skip_missing_segment:
                raise DataConsistencyError(
                    f"the template does not describe the labels {listed}",
                    hint="add them, or leave them out with skip_missing_segment=True"
                    " (--skip-missing)",
                )
            logger.warning("labels that the template does not describe are left out: %s", listed)
        return sorted(label for label in labels if label in known)

    def _present(self, segmentation: Segmentation) -> Segmentation:
        """The segments that are not empty, described as in the template, by ascending label."""
        masks = {segment.number: mask for segment, mask in segmentation if not mask.is_empty}
        labels = self._described(list(masks))
        if not labels:
            raise DataConsistencyError(
                "the segmentation is empty: no voxel has a label of the template",
                hint="an empty segmentation has nothing to write",
            )
        segments = [self.template.segments[label] for label in labels]
        boxes = [masks[label] for label in labels]
        return Segmentation(
            segments, boxes, segmentation.shape, segmentation.affine, segmentation.kind
        )

    def _check_kind(self, segmentation: Segmentation) -> None:
        if segmentation.kind == "fractional" and self.kind != "fractional":
            raise DataConsistencyError(
                f"the segmentation is fractional, the file would be {self.kind}",
                hint='write it with kind="fractional" (--type fractional), or compare it with a'
                " threshold first",
            )
        if self.kind == "labelmap" and segmentation.overlaps:
            raise DataConsistencyError(
                "segments overlap, and a label map has one for each voxel",
                hint='write it with kind="binary" (--type binary)',
            )


def write_seg(
    path: PathLike,
    segmentation: SegmentationLike,
    source_images: Source,
    template: Template,
    *,
    inplane_cropping: bool = False,
    skip_empty_slices: bool = True,
    skip_missing_segment: bool = False,
    kind: SegmentationKind = "binary",
    transfer_syntax: str = "explicit",
    space: Space | npt.NDArray[np.float64] | None = None,
    volume: int | None = None,
) -> Path:
    """Write a DICOM segmentation file; an existing one is replaced in one step.

    Parameters and errors are those of `MultiClassWriter` and its `write`.

    Returns
    -------
    Path
        `path`.
    """
    writer = MultiClassWriter(
        template,
        inplane_cropping,
        skip_empty_slices,
        skip_missing_segment,
        kind=kind,
        transfer_syntax=transfer_syntax,
    )
    return writer.write_file(path, segmentation, source_images, space=space, volume=volume)


def _on_grid(segmentation: Segmentation, source: SourceVolume) -> Segmentation:
    placed = segmentation.turned(source.affine, source.shape, STACK_TOLERANCE)
    if placed is None:
        raise DataConsistencyError(
            f"the segmentation {segmentation.shape} lies on another grid than the source"
            f" {source.shape}",
            hint="resample it to the grid of the source, by nearest neighbour",
        )
    return placed


def _highdicom() -> Any:
    return extra_module("highdicom", extra="seg", purpose="writing DICOM segmentations")
