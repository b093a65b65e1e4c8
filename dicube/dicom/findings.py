"""DicomStatus and Finding: the vocabulary in which a series is judged."""

from enum import Enum
from typing import NamedTuple


class DicomStatus(Enum):
    """What may be the matter with a series; the values are those stored in cube files."""

    # Series
    NON_UNIFORM_SERIES_UID = "non_uniform_series_uid"
    MISSING_SERIES_UID = "missing_series_uid"
    # Instance Number
    DUPLICATE_INSTANCE_NUMBERS = "duplicate_instance_numbers"
    MISSING_INSTANCE_NUMBER = "missing_instance_number"
    GAP_INSTANCE_NUMBER = "gap_instance_number"
    # Pixel Spacing
    MISSING_SPACING = "missing_spacing"
    NON_UNIFORM_SPACING = "non_uniform_spacing"
    # Rows, Columns
    MISSING_SHAPE = "missing_shape"
    NON_UNIFORM_SHAPE = "non_uniform_shape"
    # Image Orientation (Patient)
    MISSING_ORIENTATION = "missing_orientation"
    NON_UNIFORM_ORIENTATION = "non_uniform_orientation"
    # Stored values
    NON_UNIFORM_RESCALE_FACTOR = "non_uniform_rescale_factor"
    MISSING_DTYPE = "missing_dtype"
    NON_UNIFORM_DTYPE = "non_uniform_dtype"
    # Position along the stack, in the order of the instance numbers
    MISSING_LOCATION = "missing_location"
    REVERSED_LOCATION = "reversed_location"
    DWELLING_LOCATION = "dwelling_location"
    GAP_LOCATION = "gap_location"
    # Overall
    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"


class Finding(NamedTuple):
    """One thing noticed about a series.

    Attributes
    ----------
    status : DicomStatus
    message : str
        What was found and what follows from it; no value of a patient's data.
    slices : tuple of int
        The slices concerned, in the present order; empty where it concerns the series as a whole.
    """

    status: DicomStatus
    message: str
    slices: tuple[int, ...] = ()
