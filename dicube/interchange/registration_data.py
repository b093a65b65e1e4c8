"""What a registration leaves behind: the registered series, and how well each timepoint fits.

The series is DICOM now; older results are a .npz file, which is still read.
"""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.core.layouts import Layout
from dicube.dicom.stored_form import Precision
from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.interchange.registered import (
    FOLDER,
    load_registered_dicom_series,
    save_registered_as_dicom_series,
)
from dicube.storage.atomic import replacing

Array = npt.NDArray[Any]
Spacing = tuple[float, float, float]
Metrics = dict[str, Any]

_METRICS: Final = "registration_metrics.json"
_OLD_SERIES: Final = "registered_4d_data.npz"
_DEFAULT_DESCRIPTION: Final = "Registered T1 DCE"


def save_registration_data(
    registered_4d: Array,
    metrics: Sequence[Any],
    spacing: Sequence[float],
    output_dir: str | Path,
    dicom_path: str | Path | None = None,
    *,
    series_description: str = _DEFAULT_DESCRIPTION,
    precision: Precision = "exact",
    layout: Layout = "per_timepoint",
    times_ms: Sequence[float] | None = None,
    overwrite: bool = False,
) -> str:
    """Save a registered series as DICOM, and its metrics in registration_metrics.json.

    Parameters
    ----------
    registered_4d : (x, y, z, t) array
    metrics : sequence of dict or dataclass
        One for each timepoint, the reference first.
    spacing : three floats, mm
        Along x, y and z.
    output_dir : path
    dicom_path : path, optional
        The source of patient, study and geometry; a file or a folder.
    series_description, precision, layout, times_ms
        As for `save_registered_as_dicom_series`.
    overwrite : bool
        Replace results that are there already.

    Returns
    -------
    str
        The folder of the DICOM files.

    Raises
    ------
    DataConsistencyError
        There are results already, and nothing was written; the metrics are neither dicts nor
        dataclasses; or as for `save_registered_as_dicom_series`.
    MetaDataError
        The source cannot be read.
    """
    path = Path(output_dir) / _METRICS
    rows = [_row(each) for each in metrics]
    if path.exists() and not overwrite:
        raise DataConsistencyError(
            "there are metrics of a registration already",
            where=str(path),
            hint="choose another folder, or replace the results with overwrite=True",
        )
    folder = save_registered_as_dicom_series(
        registered_4d,
        spacing,
        output_dir,
        series_description,
        dicom_path,
        precision=precision,
        layout=layout,
        times_ms=times_ms,
        overwrite=overwrite,
    )
    document = {
        "metadata": {
            "created_at": datetime.now().strftime("%Y-%m-%d %H:%M:%S"),
            "dicom_path": None if dicom_path is None else str(dicom_path),
            "dicom_filename": None if dicom_path is None else Path(dicom_path).name,
            "registered_data": FOLDER,
            "shape": np.shape(registered_4d),
            "spacing": [float(number) for number in spacing],
        },
        "metrics": rows,
        "summary": _summary(rows[1:]),  # the first is the reference, which was not moved
    }
    text = json.dumps(document, indent=2, default=_plain)
    try:
        with replacing(path) as file:
            file.write(text.encode() + b"\n")
    except OSError as error:
        raise DataConsistencyError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error
    return folder


def load_registration_data(
    output_dir: str | Path, metrics_type: Callable[..., Any] | None = None
) -> tuple[Array, Spacing, list[Any]]:
    """Load what `save_registration_data` has saved, or an older .npz file.

    Parameters
    ----------
    output_dir : path
    metrics_type : callable, optional
        Makes the metrics of a timepoint from its members as keywords, such as a dataclass; by
        default they are dicts.

    Returns
    -------
    registered_4d : (x, y, z, t) array
        From the DICOM files where there are both.
    spacing : three floats, mm
    metrics : list
        One for each timepoint.

    Raises
    ------
    MetaDataError
        There is no series, or there are no metrics.
    DataConsistencyError
        They cannot be read.
    """
    root = Path(output_dir)
    if (root / FOLDER).exists():
        array, spacing = load_registered_dicom_series(root / FOLDER)
    else:
        array, spacing = _load_old_series(root / _OLD_SERIES)
    rows = _load_metrics(root / _METRICS)
    return array, spacing, rows if metrics_type is None else [metrics_type(**row) for row in rows]


def _load_old_series(path: Path) -> tuple[Array, Spacing]:
    if not path.exists():
        raise MetaDataError(
            f"there is no registered series, neither {FOLDER} nor {path.name}",
            where=str(path.parent),
            hint="check the folder",
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            array, numbers = arrays["registered_4d"], arrays["spacing"]
        x, y, z = (float(number) for number in numbers)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataConsistencyError(
            "cannot be read as a registered series", where=str(path), hint="the file is damaged"
        ) from error
    return array, (x, y, z)


def _load_metrics(path: Path) -> list[Metrics]:
    try:
        return [dict(row) for row in json.loads(path.read_bytes())["metrics"]]
    except FileNotFoundError as error:
        raise MetaDataError(
            "there are no metrics of a registration", where=str(path), hint="check the folder"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataConsistencyError(
            "cannot be read as metrics of a registration", where=str(path)
        ) from error


def _row(metrics: Any) -> Metrics:
    if isinstance(metrics, Mapping):
        return dict(metrics)
    if dataclasses.is_dataclass(metrics) and not isinstance(metrics, type):
        return dataclasses.asdict(metrics)
    raise DataConsistencyError(f"metrics are dicts or dataclasses, not {type(metrics).__name__}")


def _summary(rows: Sequence[Metrics]) -> dict[str, Any]:
    """Of the timepoints that were moved; None where their metrics do not say it."""
    information = [row["mutual_info"] for row in rows if "mutual_info" in row]
    durations = [row["registration_time"] for row in rows if "registration_time" in row]
    moved = [float(np.linalg.norm(row["translation"])) for row in rows if "translation" in row]
    timepoints = [row.get("timepoint") for row in rows if "translation" in row]
    return {
        "mean_mi": float(np.mean(information)) if information else None,
        "std_mi": float(np.std(information)) if information else None,
        "mean_translation": float(np.mean(moved)) if moved else None,
        "std_translation": float(np.std(moved)) if moved else None,
        "mean_registration_time": float(np.mean(durations)) if durations else None,
        "total_registration_time": float(np.sum(durations)) if durations else None,
        "worst_translation_timepoint": timepoints[int(np.argmax(moved))] if moved else None,
        "best_translation_timepoint": timepoints[int(np.argmin(moved))] if moved else None,
    }


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
