"""An image as a new derived series in a layout of choice: classic files, or multi-frame ones."""

import logging
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from dicube.core.axes import volume_axes
from dicube.core.contents import Array, CubeContents
from dicube.core.derived import derived_meta, offsets_ms, set_pixels
from dicube.core.rescale import apply_rescale
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.export import MakeFile, files_from_meta, write_files
from dicube.dicom.folder_scan import Progress
from dicube.dicom.instance import EXPLICIT_UID
from dicube.dicom.multi_frame import (
    ENHANCED_CLASSES,
    PROCESSED,
    Code,
    VolumeSeries,
    enhanced_image,
    file_bytes,
    parametric_map,
)
from dicube.dicom.series.axis import Axis
from dicube.dicom.stored_form import (
    Precision,
    StoredForm,
    as_decimal,
    check_precision,
    stored_form,
)
from dicube.dicom.temporal_position import start_of
from dicube.exceptions import CodecError, DataConsistencyError, MetaDataError

logger = logging.getLogger(__name__)

Affine = npt.NDArray[np.float64]
Layout = Literal["classic", "per_timepoint", "single_file"]

LAYOUTS: Final = get_args(Layout)
STEM: Final = "volume"  # what file names begin with
_GREY: Final = frozenset(("MONOCHROME1", "MONOCHROME2"))


@dataclass(frozen=True)
class DerivedVolumes:
    """What the files of a layout are made of.

    Attributes
    ----------
    meta : DicomMeta
        Of classic images, one slice for each frame (`derived_meta`).
    form : StoredForm
        Of all frames together, shape ([t,] z, y, x).
    axes : tuple of Axis
    affine : (4, 4) float64 or None
    start : datetime or None
        When the first volume was acquired, if its time axis begins with 0.
    derivation : Code
        How the images were made.
    """

    meta: DicomMeta
    form: StoredForm
    axes: tuple[Axis, ...]
    affine: Affine | None
    start: datetime | None = None
    derivation: Code = PROCESSED

    @property
    def volumes(self) -> int:
        """Number of volumes."""
        return math.prod(axis.size for axis in volume_axes(self.axes))

    @property
    def frames(self) -> Array:
        """Stored values as (frames, rows, columns)."""
        values = self.form.values
        return values.reshape(-1, *values.shape[-2:])

    @property
    def slices(self) -> int:
        """Frames of one volume."""
        return len(self.frames) // self.volumes


def derived_volumes(
    contents: CubeContents, affine: Affine | None, layout: str, precision: Precision
) -> DerivedVolumes:
    """A new series made of all frames of an image, which is its source.

    Raises
    ------
    MetaDataError
        The image has no metadata.
    DataConsistencyError
        There is no such layout or precision, the image is in colour, or its values have no such
        form.
    """
    _check_layout(layout)
    check_precision(precision)
    if contents.meta is None:
        raise MetaDataError(
            "the image has no DICOM metadata", hint="make some with image.init_meta(modality=...)"
        )
    source = contents.meta.value
    photometric = set(source.get_values(CommonTags.PhotometricInterpretation)) - {None}
    if contents.values.ndim - len(contents.axes) > 2 or not photometric <= _GREY:
        raise DataConsistencyError(
            "layouts are for grey images, this one is in colour", hint="export without layout="
        )
    axes = contents.axes or (Axis("z", 1, "mm"),)
    meta = derived_meta(contents, affine, axes)
    if photometric == {"MONOCHROME1"}:
        meta.set_shared_item(CommonTags.PhotometricInterpretation, "MONOCHROME1")
    form = _form_of(contents, precision)
    return DerivedVolumes(meta, form, axes, affine, start_of(source))


def write_layout(
    series: DerivedVolumes,
    folder: str | os.PathLike[str],
    layout: str,
    *,
    stem: str = STEM,
    uid: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write a derived series; paths in the order of its frames.

    Files are named STEM_t000_z000.dcm (classic), STEM_t000.dcm (per_timepoint) or STEM.dcm.

    Parameters
    ----------
    uid : str, optional
        Transfer syntax, for classic files only.

    Raises
    ------
    DataConsistencyError
        A file exists, the layout cannot hold the values, or it needs a geometry that is not there.
    MetaDataError
        There is no multi-frame class for the modality.
    CodecError
        Multi-frame files were to be compressed.
    """
    _check_layout(layout)
    form = series.form
    if layout == "classic":
        files = _classic_files(series, uid)
    else:
        if uid not in (None, EXPLICIT_UID):
            raise CodecError(
                f"layout {layout!r} is written uncompressed",
                hint="leave transfer_syntax (--transfer-syntax) out, or take layout 'classic'",
            )
        files = _multi_frame_files(series, layout)
    names = file_names(layout, series.volumes, series.slices, stem)
    written = write_files(
        folder, names, files, overwrite=overwrite, num_threads=1, progress=progress
    )
    logger.info(
        "%s: %s, slope %r, intercept %r, largest error %r",
        folder, form.values.dtype.name, form.slope, form.intercept, form.largest_error,
    )  # fmt: skip
    return written


def file_names(layout: str, volumes: int, slices: int, stem: str = STEM) -> list[str]:
    """The names of the files of a layout, in their order."""
    if layout == "single_file":
        return [f"{stem}.dcm"]
    if layout == "per_timepoint":
        return [f"{stem}_t{t:03d}.dcm" for t in range(volumes)]
    return [f"{stem}_t{t:03d}_z{z:03d}.dcm" for t in range(volumes) for z in range(slices)]


def _check_layout(layout: str) -> None:
    if layout not in LAYOUTS:
        raise DataConsistencyError(
            f"layout {layout!r} is unknown", hint="one of " + ", ".join(LAYOUTS)
        )


# ---- values ---------------------------------------------------------------------------------


def _form_of(contents: CubeContents, precision: Precision) -> StoredForm:
    """Stored values as they are wherever one rescale goes with them; else output values anew."""
    header, rescale = contents.header, contents.rescale
    slope, intercept = float(header.RescaleSlope), float(header.RescaleIntercept)
    if rescale is None and (slope, intercept) == (1.0, 0.0):
        return stored_form(contents.values, precision)
    if rescale is None and contents.values.dtype.kind != "f" and _fit_decimals(slope, intercept):
        stored = stored_form(contents.values, precision)
        if (stored.slope, stored.intercept) == (1.0, 0.0):
            return replace(stored, slope=slope, intercept=intercept)
    slopes: Any = slope if rescale is None else rescale.slopes[:, None, None]
    intercepts: Any = intercept if rescale is None else rescale.intercepts[:, None, None]
    output = apply_rescale(contents.frames, slopes, intercepts, "float64")
    return stored_form(output.reshape(contents.values.shape), precision)


def _fit_decimals(*numbers: float) -> bool:
    return all(as_decimal(number) == number for number in numbers)


def _window(form: StoredForm) -> tuple[float, float] | None:
    """Centre and width over all output values that are finite."""
    values = form.values
    finite = values[np.isfinite(values)] if form.is_float else values
    if not finite.size:
        return None
    ends = [float(end) * form.slope + form.intercept for end in (finite.min(), finite.max())]
    numbers = sum(ends) / 2, abs(ends[1] - ends[0])
    if not np.isfinite(numbers).all():
        return None
    centre, width = map(as_decimal, numbers)  # which may round up to infinity
    return (centre, width or 1.0) if np.isfinite((centre, width)).all() else None


# ---- files ----------------------------------------------------------------------------------


def _classic_files(series: DerivedVolumes, uid: str | None) -> Iterator[MakeFile]:
    form = series.form
    if form.is_float:
        raise DataConsistencyError(
            f"layout 'classic' holds 16-bit integers, and the {form.values.dtype.name} values are"
            " no integers times one slope",
            hint="choose precision='int16' (--precision int16), or layout 'per_timepoint', which"
            " keeps any float",
        )
    set_pixels(series.meta, form.slope, form.intercept)
    return files_from_meta(series.meta, series.frames, uid, None)


def _multi_frame_files(series: DerivedVolumes, layout: str) -> Iterator[MakeFile]:
    if series.affine is None:
        raise DataConsistencyError(
            "the slices are no regular stack, as multi-frame files need it",
            hint="choose layout 'classic', or set image.affine",
        )
    volumes = VolumeSeries(
        meta=series.meta,
        affine=series.affine,
        volumes=series.volumes,
        slices=series.slices,
        slope=series.form.slope,
        intercept=series.form.intercept,
        window=_window(series.form),
        offsets_ms=offsets_ms(series.axes),
        start=series.start,
        derivation=series.derivation,
    )
    if not series.form.is_float and volumes.modality not in ENHANCED_CLASSES:
        raise MetaDataError(
            f"there is no multi-frame class for modality {volumes.modality}",
            hint="choose layout 'classic'; multi-frame files are written for "
            + " and ".join(ENHANCED_CLASSES),
        )
    count = series.volumes
    parts = [range(count)] if layout == "single_file" else [range(t, t + 1) for t in range(count)]
    return (partial(_file_of, volumes, part, series.frames) for part in parts)


def _file_of(series: VolumeSeries, part: range, frames: Array) -> bytes:
    stored = frames[part.start * series.slices : part.stop * series.slices]
    make = parametric_map if stored.dtype.kind == "f" else enhanced_image
    return file_bytes(make(series, part, stored))
