"""DICOM made by the tests: data sets, files and metadata from a few keywords."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.instance import Instance, raw_elements
from dicube.dicom.part10 import EXPLICIT_LITTLE


def data_set_of(values: Mapping[str, Any] | Dataset) -> Dataset:
    """A data set from keywords and values."""
    if isinstance(values, Dataset):
        return values
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def encoded(data_set: Dataset) -> bytes:
    """The data set as explicit VR little endian."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    write_dataset(buffer, data_set)
    return bytes(buffer.getvalue())


def meta_of(slices: Sequence[Mapping[str, Any] | Dataset]) -> DicomMeta:
    """Metadata of slices given by keywords, through bytes as from files."""
    instances = []
    for number, values in enumerate(slices):
        data = encoded(data_set_of(values))
        elements = raw_elements(data, EXPLICIT_LITTLE)
        uid = str(ExplicitVRLittleEndian)
        path = Path(f"{number}.dcm")
        instances.append(Instance(path, data, b"", EXPLICIT_LITTLE, uid, 0, elements, None))
    return DicomMeta.from_instances(instances)


def write_slice(path: Path, values: Mapping[str, Any], pixels: np.ndarray, **kwargs: Any) -> None:
    """One CT slice file with these elements beside the usual ones."""
    data_set = data_set_of(
        {
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
            "SOPInstanceUID": f"1.2.3.{abs(hash(path.name)) % 10**9}",
            "SeriesInstanceUID": "1.2.3",
            "Modality": "CT",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": pixels.shape[0],
            "Columns": pixels.shape[1],
            "BitsAllocated": pixels.dtype.itemsize * 8,
            "BitsStored": pixels.dtype.itemsize * 8,
            "HighBit": pixels.dtype.itemsize * 8 - 1,
            "PixelRepresentation": int(pixels.dtype.kind == "i"),
        }
        | dict(values)
    )
    data_set.PixelData = pixels.tobytes()
    data_set["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.save_as(path, enforce_file_format=True, **kwargs)
