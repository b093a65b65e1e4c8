"""An image without what identifies its patient (PS3.15 annex E).

The metadata are the work of `dicube.dicom.deidentify`. Here is everything else that an image holds:
source files and names of files go, extras of the header, and what segments are called.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from dicube.core.contents import CubeContents, packed_meta, packed_segmentations
from dicube.core.segmentation import Segment, Segmentation
from dicube.dicom.deidentify import Deidentifier, DeidentifyOptions, DeidentifyReport
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.series.axis import Axis
from dicube.exceptions import DataConsistencyError
from dicube.storage.atomic import replacing

if TYPE_CHECKING:
    from dicube.core.image import DicomCubeImage

_KINDS: Final = "kind"  # the axis whose coordinates are words, of Image Type


class ImageDeidentification:
    """How `DicomCubeImage` is de-identified."""

    def deidentified(
        self, options: DeidentifyOptions | None = None
    ) -> tuple["DicomCubeImage", DeidentifyReport]:
        """An image that does not say whose it is, and what was done; see `deidentified`."""
        return deidentified(cast("DicomCubeImage", self), options)


def deidentified(
    image: "DicomCubeImage", options: DeidentifyOptions | None = None
) -> tuple["DicomCubeImage", DeidentifyReport]:
    """An image that does not say whose it is, and what was done.

    Parameters
    ----------
    image : DicomCubeImage
        Not changed; the stored values are shared with the new image, not copied.
    options : DeidentifyOptions, optional
        By default the basic profile without options, and a random key that nobody keeps.

    Returns
    -------
    image : DicomCubeImage
        Has no source files, and so is written to DICOM from its metadata.
    report : DeidentifyReport

    Raises
    ------
    DataConsistencyError
        The metadata were sorted after the pixels were read, so they are no longer theirs.
    MetaDataError
        The metadata are malformed.
    """
    contents, report = deidentified_contents(image.contents(), options or DeidentifyOptions())
    return type(image).from_contents(contents), report


def deidentified_contents(
    contents: CubeContents, options: DeidentifyOptions
) -> tuple[CubeContents, DeidentifyReport]:
    """The same of the parts of an image."""
    meta = DicomMeta({}, slice_count=1) if contents.meta is None else contents.meta.value
    deidentifier = Deidentifier(meta, options)
    result = deidentifier.run()
    axes = tuple(_without_words(axis) for axis in contents.axes)
    new = replace(
        contents,
        meta=None if contents.meta is None else packed_meta(value=result.meta),
        axes=axes,
        header=replace(contents.header, Extras={}),
        sources=None,
        digest=None,
        skipped=[],
        segmentations=None,
    )
    dropped = [
        ("source files", contents.sources is not None),
        ("names of skipped files", bool(contents.skipped)),
        ("extras of the pixel header", bool(contents.header.Extras)),
        ("words along an axis", axes != contents.axes),
    ]
    if contents.segmentations is not None:
        affine = contents.voxel_affine
        assert affine is not None
        before = contents.segmentations.value
        after = [_renamed(each, deidentifier) for each in before]
        shape = before[0].shape if before else ()
        new.segmentations = packed_segmentations(shape, affine, value=after)
        dropped.append(("tracking UIDs and texts of segments", True))
    parts = tuple(part for part, applies in dropped if applies)
    report = replace(result.report, dropped=parts)
    return new, report if contents.meta is not None else replace(report, rows=())


def write_report(report: DeidentifyReport, path: str | os.PathLike[str]) -> None:
    """Write a report: its rows alone as .csv, else all of it as JSON.

    Raises
    ------
    DataConsistencyError
        The file cannot be written.
    """
    target = Path(path)
    text = report.to_csv() if target.suffix.lower() == ".csv" else report.to_json()
    try:
        with replacing(target) as file:
            file.write(text.encode())
    except OSError as error:
        raise DataConsistencyError(
            f"the report cannot be written: {error.strerror}", where=str(path)
        ) from error


def _without_words(axis: Axis) -> Axis:
    """An axis with numbers as coordinates; words only where they are those of Image Type."""
    along = tuple(
        each
        for each in axis.along
        if each.name == _KINDS or not any(isinstance(value, str) for value in each.values)
    )
    return axis._replace(along=along)


def _renamed(segmentation: Segmentation, deidentifier: Deidentifier) -> Segmentation:
    segments = [_without_names(segment, deidentifier) for segment in segmentation.segments]
    masks, kind = segmentation.masks, segmentation.kind
    return Segmentation(segments, masks, segmentation.shape, segmentation.affine, kind)


def _without_names(segment: Segment, deidentifier: Deidentifier) -> Segment:
    """What a segment is, without what names its patient, and its tracking UID mapped."""
    return replace(
        segment,
        label=deidentifier.text(segment.label),
        description=deidentifier.text(segment.description),
        algorithm_name=deidentifier.text(segment.algorithm_name),
        tracking_id=deidentifier.text(segment.tracking_id),
        tracking_uid=segment.tracking_uid and deidentifier.uid(segment.tracking_uid),
    )
