"""Series and cube files that need no test data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

import dicube

CT = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Made:
    """What a series is to be."""

    name: str
    modality: str = "CT"
    sop_class: str = CT
    files: int = 4
    frames: int = 1
    samples: int = 1
    dtype: str = "int16"
    patient: str = "Doe^Jane"
    patient_id: str = "P1"
    study: str = "1.2.3.1"
    date: str = "20200131"
    syntax: str = pydicom.uid.ExplicitVRLittleEndian


SERIES = (
    Made("ct"),
    Made("ct_implicit", patient="Müller^Zoë", patient_id="P2", study="1.2.3.2", date="20210630",
         syntax=pydicom.uid.ImplicitVRLittleEndian),
    Made("multi", "OT", MULTI_FRAME, files=2, frames=5, dtype="uint16"),
    Made("colour", "OT", SECONDARY, files=1, samples=3, dtype="uint8", study="1.2.3.3", date=""),
)  # fmt: skip


def series_uid(made: Made) -> str:
    return f"1.2.3.9.{SERIES.index(made) + 1}"


def write_series(made: Made, folder: Path) -> Path:
    """The DICOM files of a series; the same bytes each time."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(SERIES.index(made) if made in SERIES else 99)
    for number in range(made.files):
        _data_set(made, number, random).save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def write_cube(made: Made, folder: Path, suffix: str = ".dcbs") -> Path:
    """The series as `folder/NAME.dcbs`; its DICOM files are in `folder/.source/NAME`."""
    source = folder / ".source" / made.name
    if not source.exists():
        write_series(made, source)
    path = folder / f"{made.name}{suffix}"
    return dicube.load_from_dicom_folder(source).to_file(path)


def _data_set(made: Made, number: int, random: np.random.Generator) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = made.sop_class
    ds.StudyInstanceUID = made.study
    ds.SeriesInstanceUID = series_uid(made) if made in SERIES else f"{made.study}.7"
    ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}.{number + 1}"
    ds.StudyDate, ds.StudyTime = made.date, "101530.25"
    ds.Modality, ds.PatientName, ds.PatientID = made.modality, made.patient, made.patient_id
    ds.PatientBirthDate, ds.PatientSex = "19700101", "F"
    ds.AccessionNumber, ds.StudyID, ds.StudyDescription = "A17", "S", "Chest *special*"
    ds.SeriesNumber, ds.InstanceNumber = 3, number + 1
    ds.SeriesDescription = made.name
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113091", "DCM", "Spiral"
    code.add_new(0x00091010, "OB", bytes(range(256)) * 8)
    ds.AnatomicRegionSequence = [code]
    ds.RequestAttributesSequence = []
    ds.ICCProfile = bytes(3000)
    ds.FrameReferenceTime = 12.5
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 2.5 * number], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [0.5, 0.5], 2.5
    _add_pixels(ds, made, random)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = made.syntax
    return ds


def _add_pixels(ds: Dataset, made: Made, random: np.random.Generator) -> None:
    dtype = np.dtype(made.dtype)
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 24, 20, made.samples
    ds.PhotometricInterpretation = "RGB" if made.samples == 3 else "MONOCHROME2"
    if made.samples == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = 8 * dtype.itemsize
    ds.BitsStored = 12 if dtype.itemsize == 2 else 8
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(dtype.kind == "i")
    if made.frames > 1:
        ds.NumberOfFrames = made.frames
    low = -2048 if dtype.kind == "i" else 0
    shape = (made.frames, 24, 20, made.samples)
    values = random.integers(low, low + 2**ds.BitsStored, shape).astype(dtype)
    ds.add_new(0x7FE00010, "OW" if dtype.itemsize == 2 else "OB", values.tobytes())
    if made.samples == 1:
        ds.RescaleSlope, ds.RescaleIntercept = 1, -24
