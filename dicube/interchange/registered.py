"""Registered time series [x, y, z, t] as DICOM, and back without a changed value.

Arrays come and go in the order (x, y, z, t) here; images are (t, z, y, x). They are turned round in
this module, on one line each way.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.core.derived import place
from dicube.core.layouts import DerivedVolumes, Layout, file_names, write_layout
from dicube.dicom.derived_series import derived_series
from dicube.dicom.multi_frame import Code
from dicube.dicom.series.axis import Axis
from dicube.dicom.stored_form import Precision, StoredForm, stored_form
from dicube.exceptions import DataConsistencyError
from dicube.interchange.registered_reading import read_registered
from dicube.interchange.registered_source import Reference, reference_of
from dicube.interchange.series_info import NAME, SeriesInfo, dtype_name

Array = npt.NDArray[Any]
Spacing = tuple[float, float, float]

FOLDER: Final = "registered_dicoms"
_STEM: Final = "registered"
_OURS: Final = re.compile(r"registered(_t\d{3,}(_z\d{3,})?)?\.dcm")
_RESAMPLING: Final = Code("113085", "Spatial resampling")  # PS3.16 CID 7203
_DERIVATION: Final = "Volumes of a time series, registered with each other"


def save_registered_as_dicom_series(
    registered_4d: Array,
    spacing: Sequence[float],
    output_dir: str | Path,
    series_description: str = "Registered T1 DCE",
    source_dicom: str | Path | None = None,
    *,
    precision: Precision = "exact",
    layout: Layout = "per_timepoint",
    times_ms: Sequence[float] | None = None,
    overwrite: bool = False,
) -> str:
    """Save a registered time series as DICOM files in the folder `registered_dicoms`.

    Parameters
    ----------
    registered_4d : (x, y, z, t) array
        Integers or floats. Integers of 16 bits, and floats that are such integers times one slope,
        become Enhanced MR images; other floats Parametric Maps.
    spacing : three floats, mm
        Between voxels along x, y and z.
    output_dir : path
        Where the folder is made. Files in it that are not of this series are left alone.
    series_description : str
        Up to 64 characters.
    source_dicom : path, optional
        A DICOM file, or the folder of a series: patient, study and the place of the volume come
        from there. Without it the patient is anonymous, and the volume lies axially at 0.
    precision : "exact" or "int16"
        "int16" rounds floats to 16 bits, which more programs read; series_info.json says by how
        much.
    layout : "per_timepoint", "single_file" or "classic"
        One file for each volume, registered_t000.dcm...; registered.dcm; or one for each slice,
        registered_t000_z000.dcm...
    times_ms : sequence of float, optional
        When each volume was acquired.
    overwrite : bool
        Replace a series that is there already.

    Returns
    -------
    str
        The folder of the files and their series_info.json.

    Raises
    ------
    DataConsistencyError
        The array, spacing or times do not fit, or cannot be kept with this layout and precision;
        or the folder holds a series already, and nothing was written.
    MetaDataError
        The source cannot be read, or the description is too long.
    """
    array = np.asarray(registered_4d)
    distances = _checked(array, spacing, times_ms)
    folder = Path(output_dir) / FOLDER
    values = np.ascontiguousarray(array.T)  # (x, y, z, t) to (t, z, y, x)
    form = stored_form(values, precision)
    reference = reference_of(source_dicom, values.shape, distances)
    series = _derived(form, reference, series_description, times_ms)
    names = file_names(layout, values.shape[0], values.shape[1], _STEM)
    stale = _replaced_files(folder, names, overwrite=overwrite)
    write_layout(series, folder, layout, stem=_STEM, overwrite=overwrite)
    for path in stale:
        path.unlink(missing_ok=True)
    SeriesInfo(
        n_timepoints=len(values),
        spacing=distances,
        shape=array.shape,
        time_indices=list(range(len(values))),
        source_dicom=None if source_dicom is None else str(source_dicom),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        dtype=dtype_name(array.dtype),
        layout=layout,
        precision=precision,
        stored_dtype=form.values.dtype.name,
        slope=form.slope,
        intercept=form.intercept,
        largest_error=form.largest_error,
        times_ms=None if times_ms is None else [float(time) for time in times_ms],
        series_instance_uid=str(series.meta.get("SeriesInstanceUID")),
        files=names,
    ).write(folder)
    return str(folder)


def load_registered_dicom_series(series_dir: str | Path) -> tuple[Array, Spacing]:
    """Load a series that `save_registered_as_dicom_series` has written.

    Timepoints and slices are put in order by what the files say, whatever they are called. Without
    series_info.json the dtype is the narrowest that holds all values, and the spacing is that of
    the files.

    Parameters
    ----------
    series_dir : path
        The folder of the files.

    Returns
    -------
    registered_4d : (x, y, z, t) array
        With the dtype that was saved.
    spacing : three floats, mm
        Along x, y and z.

    Raises
    ------
    MetaDataError
        There is no such folder, no image in it, or a damaged file.
    DataConsistencyError
        Timepoints or slices are missing or there twice, or files do not fit together.
    """
    folder = Path(series_dir)
    values, spacing = read_registered(folder, SeriesInfo.read(folder))
    return np.ascontiguousarray(values.T), spacing  # (t, z, y, x) to (x, y, z, t)


def _checked(array: Array, spacing: Sequence[float], times_ms: Sequence[float] | None) -> Spacing:
    if array.ndim != 4 or not array.size:
        raise DataConsistencyError(
            f"the array is of shape {array.shape}", hint="give four dimensions, (x, y, z, t)"
        )
    distances = tuple(float(number) for number in spacing)
    if len(distances) != 3 or not all(np.isfinite(d) and d > 0 for d in distances):
        raise DataConsistencyError(
            "the spacing is no three numbers above 0", hint="give (x, y, z) in mm"
        )
    times = [] if times_ms is None else [float(time) for time in times_ms]
    if times_ms is not None and (len(times) != array.shape[3] or not np.isfinite(times).all()):
        raise DataConsistencyError(
            f"there are {len(times)} times for {array.shape[3]} timepoints, or no numbers among"
            " them",
            hint="give one for each timepoint, in milliseconds",
        )
    x, y, z = distances
    return x, y, z


def _derived(
    form: StoredForm, reference: Reference, description: str, times_ms: Sequence[float] | None
) -> DerivedVolumes:
    volumes, slices = form.values.shape[:2]
    times = None if times_ms is None else tuple(float(time) for time in times_ms)
    axes = (Axis("t", volumes, "ms", times), Axis("z", slices, "mm"))
    meta = derived_series(
        reference.meta,
        reference.frames,
        volumes,
        series_description=description,
        derivation_description=_DERIVATION,
    )
    place(meta, reference.affine, axes, reference.start)
    return DerivedVolumes(meta, form, axes, reference.affine, reference.start, _RESAMPLING)


def _replaced_files(folder: Path, names: Sequence[str], *, overwrite: bool) -> list[Path]:
    """Files of an older series that the new one does not replace.

    Only what the older series_info.json lists is taken for its files.
    """
    held = sorted(path.name for path in folder.glob("*") if _OURS.fullmatch(path.name))
    if not overwrite and (held or (folder / NAME).exists()):
        raise DataConsistencyError(
            f"the folder holds a series already: {', '.join(held[:3]) or NAME}",
            where=str(folder),
            hint="choose another one, or replace the series with overwrite=True",
        )
    try:
        before = SeriesInfo.read(folder)
    except DataConsistencyError:
        return []
    listed = () if before is None else before.files
    return [folder / name for name in held if name in listed and name not in names]
