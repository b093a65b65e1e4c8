"""DICOM metadata for an image that has none, such as one that came from NIfTI."""

from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.uid import generate_uid

from dicube.core.contents import CubeContents
from dicube.dicom.derivation import mark_lossy
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.image_plane import set_plane
from dicube.dicom.sop_classes import CLASSIC_CLASSES, SECONDARY_CAPTURE
from dicube.exceptions import MetaDataError


def new_series_meta(
    contents: CubeContents,
    affine: npt.NDArray[np.float64] | None,
    modality: str,
    patient_name: str,
    patient_id: str,
) -> DicomMeta:
    """One slice for each frame, all of one new series.

    Raises
    ------
    MetaDataError
        The pixels are floating point or 64 bits wide, which such DICOM images cannot hold.
    """
    frames = contents.frames
    if frames.dtype.kind == "f" or frames.dtype.itemsize > 4:
        raise MetaDataError(
            f"DICOM images hold integers of up to 32 bits, not {frames.dtype.name}",
            hint="scale the image to integers first and keep the scale in pixel_header",
        )
    count = len(frames)
    meta = new_study_meta(modality, patient_name, patient_id, slices=count)
    for keyword, value in _pixel_module(frames).items():
        meta.set_shared_item(keyword, value)
    meta.set_nonshared_item("SOPInstanceUID", [str(generate_uid()) for _ in range(count)])
    meta.set_nonshared_item("InstanceNumber", list(range(1, count + 1)))
    _set_rescale(meta, contents)
    if contents.roi is not None and not contents.roi.quality.is_lossless:
        mark_lossy(meta, contents.roi.quality.compression_ratio)
    if affine is not None:
        set_plane(meta, affine, contents.axes[-1].size if contents.axes else 1)
    return meta


def new_study_meta(modality: str, patient_name: str, patient_id: str, *, slices: int) -> DicomMeta:
    """Patient, study and series of a new study; it says nothing else about its slices."""
    now = datetime.now()
    shared: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": CLASSIC_CLASSES.get(modality, SECONDARY_CAPTURE),
        "StudyDate": now.strftime("%Y%m%d"),
        "StudyTime": now.strftime("%H%M%S"),
        "AccessionNumber": None,
        "Modality": modality,
        "ReferringPhysicianName": None,
        "PatientName": patient_name,
        "PatientID": patient_id,
        "PatientBirthDate": None,
        "PatientSex": None,
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
        "StudyID": "1",
        "SeriesNumber": 1,
    }
    if modality not in CLASSIC_CLASSES:
        shared["ConversionType"] = "WSD"
    meta = DicomMeta({}, slice_count=slices)
    for keyword, value in shared.items():
        meta.set_shared_item(keyword, value)
    return meta


def _pixel_module(frames: npt.NDArray[Any]) -> dict[str, Any]:
    bits = frames.dtype.itemsize * 8
    samples = frames.shape[3] if frames.ndim == 4 else 1
    module: dict[str, Any] = {
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "MONOCHROME2" if samples == 1 else "RGB",
        "Rows": frames.shape[1],
        "Columns": frames.shape[2],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(frames.dtype.kind == "i"),
    }
    return module | ({"PlanarConfiguration": 0} if samples > 1 else {})


def _set_rescale(meta: DicomMeta, contents: CubeContents) -> None:
    header, rescale = contents.header, contents.rescale
    if rescale is not None:
        meta.set_nonshared_item("RescaleSlope", rescale.slopes.tolist())
        meta.set_nonshared_item("RescaleIntercept", rescale.intercepts.tolist())
    else:
        meta.set_shared_item("RescaleSlope", float(header.RescaleSlope))
        meta.set_shared_item("RescaleIntercept", float(header.RescaleIntercept))
    meta.set_shared_item("RescaleType", "US")
    if header.WindowCenter is not None and header.WindowWidth is not None:
        meta.set_shared_item("WindowCenter", header.WindowCenter)
        meta.set_shared_item("WindowWidth", header.WindowWidth)
