"""Which pixels classic images hold: words of 16 bits (PS3.3 C.8.2.1, C.8.3.1, C.8.9.4)."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.sop_classes import CLASSIC_CLASSES
from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]

_NAMES: Final = {uid: modality for modality, uid in CLASSIC_CLASSES.items()}
_WORD_BITS: Final = 16


def fit_to_class(meta: DicomMeta, values: Array) -> Array:
    """The values as images of their SOP class hold them: bytes become words, others are refused.

    Only what the metadata announce as 16 bits changes: series in colour, or of bytes, exist.

    Parameters
    ----------
    values : (frames, rows, columns[, samples]) array

    Raises
    ------
    DataConsistencyError
        Floats, or integers wider than 16 bits, in a CT, MR or PET image.
    """
    names = {_NAMES.get(str(uid)) for uid in meta.get_values(CommonTags.SOPClassUID)}
    modality = next(iter(names))
    allocated = set(meta.get_values(CommonTags.BitsAllocated))
    if len(names) > 1 or modality is None:
        return values
    if values.dtype.kind == "f":
        raise DataConsistencyError(
            f"{values.dtype.name} pixels have no place in {modality} images, which hold integers",
            hint="choose layout='classic', with precision='int16' where they are no integers times"
            " one slope, or layout='per_timepoint', which keeps any float",
        )
    if allocated != {_WORD_BITS}:
        return values
    if values.itemsize == 1:
        return values.astype(np.int16 if values.dtype.kind == "i" else np.uint16)
    if values.itemsize > _WORD_BITS // 8:
        raise DataConsistencyError(
            f"{values.dtype.name} pixels have no place in {modality} images, which hold 16 bits",
            hint="choose layout='classic', which narrows what fits; see also precision='int16'",
        )
    return values
