"""Data sets of pydicom as instances of ours, which know how to take multi-frame objects apart."""

import io
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset

from dicube.dicom.instance import Instance, instance_of
from dicube.exceptions import MetaDataError

_PIXEL_GROUP: Final = 0x7FE00000
_NOT_ENCODABLE: Final = (TypeError, ValueError, AttributeError, KeyError)


def instance_of_data_set(data_set: Dataset) -> Instance:
    """A data set as if it had been read from a file, pixels and all.

    Raises
    ------
    MetaDataError
        pydicom cannot encode it.
    """
    encoded = io.BytesIO()
    try:
        if hasattr(data_set, "file_meta") and "TransferSyntaxUID" in data_set.file_meta:
            dcmwrite(encoded, data_set, enforce_file_format=True)
        else:
            dcmwrite(encoded, data_set, implicit_vr=False, little_endian=True)
    except _NOT_ENCODABLE as error:
        raise _refused(data_set) from error
    return instance_of(encoded.getvalue(), Path(_name(data_set)))


def instance_of_header(data_set: Dataset) -> Instance:
    """As `instance_of_data_set`, without pixels.

    Raises
    ------
    MetaDataError
        pydicom cannot encode it.
    """
    header = data_set[:_PIXEL_GROUP]
    assert isinstance(header, Dataset)
    encoded = DicomBytesIO()
    encoded.is_implicit_VR, encoded.is_little_endian = False, True
    try:
        write_dataset(encoded, header)
    except _NOT_ENCODABLE as error:
        raise _refused(data_set) from error
    return instance_of(encoded.getvalue(), Path(_name(data_set)))


def _name(data_set: Dataset) -> str:
    return str(data_set.get("SOPInstanceUID", "data set"))


def _refused(data_set: Dataset) -> MetaDataError:
    # The message of pydicom may quote values.
    return MetaDataError("a data set cannot be encoded", where=_name(data_set))
