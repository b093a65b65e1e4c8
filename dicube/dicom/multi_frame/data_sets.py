"""pydicom data sets from metadata entries, of codes, and as files."""

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from dicube.dicom.data_set import elements_of_entries, encode_elements
from dicube.dicom.entries import Entry
from dicube.dicom.file_builder import IMPLEMENTATION_UID


def data_set(**values: Any) -> Dataset:
    """A data set from keywords and values."""
    result = Dataset()
    for keyword, value in values.items():
        setattr(result, keyword, value)
    return result


def data_set_of_entries(entries: Mapping[str, Entry]) -> Dataset:
    """The data set of entries of one slice (`DicomMeta.index(i).items()`); value bytes stay."""
    encoded = encode_elements(elements_of_entries(entries))
    return read_dataset(io.BytesIO(encoded), is_implicit_VR=False, is_little_endian=True)


class Code(NamedTuple):
    """A coded concept (PS3.3 8)."""

    value: str
    meaning: str
    scheme: str = "DCM"


def code_item(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    """A coded concept as an item of a code sequence."""
    return data_set(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def file_bytes(content: Dataset) -> bytes:
    """A data set as a file in explicit VR little endian."""
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.file_meta.MediaStorageSOPClassUID = content.SOPClassUID
    content.file_meta.MediaStorageSOPInstanceUID = content.SOPInstanceUID
    content.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    buffer = io.BytesIO()
    content.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
