"""Data sets of pydicom as instances of ours, which know how to take multi-frame objects apart."""

import io
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from dicube.dicom.instance import Instance, instance_of
from dicube.exceptions import MetaDataError

_NOT_ENCODABLE: Final = (TypeError, ValueError, AttributeError, KeyError)


def instance_of_data_set(data_set: Dataset) -> Instance:
    """A data set as if it had been read from a file.

    Raises
    ------
    MetaDataError
        pydicom cannot encode it.
    """
    name = str(data_set.get("SOPInstanceUID", "data set"))
    encoded = io.BytesIO()
    try:
        if hasattr(data_set, "file_meta") and "TransferSyntaxUID" in data_set.file_meta:
            dcmwrite(encoded, data_set, enforce_file_format=True)
        else:
            dcmwrite(encoded, data_set, implicit_vr=False, little_endian=True)
    except _NOT_ENCODABLE as error:
        # The message of pydicom may quote values.
        raise MetaDataError("a data set cannot be encoded", where=name) from error
    return instance_of(encoded.getvalue(), Path(name))
