"""series_info.json: what the DICOM files of a registered series do not say, or not as plainly.

It is written last, so that a folder that has one has all of its files.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from dicube.exceptions import DataConsistencyError
from dicube.storage.atomic import replacing

NAME: Final = "series_info.json"
_KINDS: Final = "biuf"  # dtypes that a file may name: no objects


@dataclass(frozen=True)
class SeriesInfo:
    """The members of the file.

    Attributes
    ----------
    n_timepoints : int
    spacing : three floats, mm
        Between voxels along x, y and z.
    shape : four ints
        (x, y, z, t).
    time_indices : list of int
        From 0.
    source_dicom : str or None
        Where patient and geometry came from.
    created_at : str
        ISO 8601, with time zone.
    dtype : str
        Of the array that was saved.
    layout, precision : str
    stored_dtype : str
        Of the pixel data.
    slope, intercept : float
        Value = stored value x slope + intercept.
    largest_error : float
        Of a value; 0 if all are exact.
    times_ms : list of float, or None
    series_instance_uid : str
    files : list of str
        In the order of the frames.
    """

    n_timepoints: int
    spacing: Sequence[float]
    shape: Sequence[int]
    time_indices: Sequence[int]
    source_dicom: str | None
    created_at: str
    dtype: str
    layout: str
    precision: str
    stored_dtype: str
    slope: float
    intercept: float
    largest_error: float
    times_ms: Sequence[float] | None
    series_instance_uid: str
    files: Sequence[str]

    def write(self, folder: Path) -> None:
        """Write the file, replacing an older one in one step.

        Raises
        ------
        DataConsistencyError
            It cannot be written.
        """
        path = folder / NAME
        try:
            with replacing(path) as file:
                file.write(json.dumps(asdict(self), indent=2).encode() + b"\n")
        except OSError as error:
            raise DataConsistencyError(
                f"cannot be written: {error.strerror}", where=str(path)
            ) from error

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The file of a folder; None where there is none.

        Raises
        ------
        DataConsistencyError
            It is not of this structure.
        """
        path = folder / NAME
        try:
            members = json.loads(path.read_bytes())
            known = {field.name: members[field.name] for field in fields(cls)}
            info = cls(**known)
            info._check()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataConsistencyError(
                "is not what save_registered_as_dicom_series writes",
                where=str(path),
                hint="without this file the series is read from its DICOM files alone",
            ) from error
        return info

    def _check(self) -> None:
        if np.dtype(self.dtype).kind not in _KINDS:
            raise ValueError("no dtype of numbers")
        spacing, shape = [float(s) for s in self.spacing], [int(n) for n in self.shape]
        names: list[Any] = [self.series_instance_uid, *self.files]
        if len(spacing) != 3 or len(shape) != 4 or not all(isinstance(n, str) for n in names):
            raise ValueError("a member is of the wrong kind")


def dtype_name(dtype: np.dtype[Any]) -> str:
    """A dtype by name, or by its code where its byte order is not that of the machine."""
    return dtype.name if dtype.isnative else dtype.str
