"""Makes the golden files of the present version; run once, when the format gets a new revision.

    python tests/golden/make.py r1 series moving colour    # writes r1_*.dcbs, r1_*.dcba, r1_*.json
    python tests/golden/make.py r1b frames
    python tests/golden/make.py r1c segments

Golden files are never made again: they show that later versions read what earlier ones wrote. What
they must give is written down here from the arrays themselves, not read back from the files.
"""

import hashlib
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.core.segmentation import Code, Segment, Segmentation

HERE = Path(__file__).parent


def series() -> DicomCubeImage:
    """Signed 12 bit values, a rescale for each slice, and the DICOM files they came from."""
    values = (np.arange(3 * 6 * 5).reshape(3, 6, 5) * 45 - 2048).astype(np.int16)
    values[1, 2, 3] = 2047
    image = DicomCubeImage(values, PixelDataHeader(WindowCenter=40.0, WindowWidth=400.0))
    image.affine = np.array(
        [[0, 0, 0.5, -10], [0, 0.75, 0, 20], [2.5, 0, 0, -30], [0, 0, 0, 1]], dtype=np.float64
    )
    meta = image.init_meta("CT", patient_name="Golden^File", patient_id="GOLDEN")
    meta.set_nonshared_item("RescaleSlope", [1.0, 0.5, 2.0])
    meta.set_nonshared_item("RescaleIntercept", [-1024.0, 0.0, 0.25])
    with tempfile.TemporaryDirectory() as folder:
        image.to_dicom_folder(folder)
        return DicomCubeImage.from_dicom_folder(folder)


def moving() -> DicomCubeImage:
    """Four dimensions of float64 with described axes, a sheared stack and members of our own."""
    values = (np.arange(2 * 2 * 3 * 4).reshape(2, 2, 3, 4) - 7) / 3
    values[0, 0, 0] = [-0.0, 5e-324, 1.7976931348623157e308, 0.1]
    header = PixelDataHeader(RescaleSlope=0.1, RescaleIntercept=-3.0, Extras={"Vendor": [1, None]})
    axes = (Axis("t", 2, "ms", (0.0, 33.25)), Axis("z", 2, "mm"))
    image = DicomCubeImage(values, header, axes=axes)
    image.affine = np.array([[0, 0, 0.5, -1], [0.3, 0.75, 0, 2], [2.5, 0, 0, 3], [0, 0, 0, 1.0]])
    return image


def colour() -> DicomCubeImage:
    """Two frames of RGB without metadata."""
    values = (np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3) * 2).astype(np.uint8)
    return DicomCubeImage(values, PixelDataHeader())


def frames() -> DicomCubeImage:
    """Two times of two slices in one multi-frame file that has the times of a slice together."""
    data_set = Dataset()
    data_set.SOPClassUID = data_set_class = EnhancedMRImageStorage
    data_set.SOPInstanceUID, data_set.SeriesInstanceUID = "1.2.3.4", "1.2.3"
    data_set.Modality, data_set.InstanceNumber, data_set.NumberOfFrames = "MR", 1, 4
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows, data_set.Columns = 3, 2
    data_set.BitsAllocated = data_set.BitsStored = 16
    data_set.HighBit, data_set.PixelRepresentation = 15, 0
    groups = []
    for number in range(4):
        z, t = divmod(number, 2)
        group = Dataset()
        for keyword, members in (
            ("PlanePositionSequence", {"ImagePositionPatient": [1, 2, 3.5 * z]}),
            ("PlaneOrientationSequence", {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}),
            ("PixelMeasuresSequence", {"PixelSpacing": [0.5, 0.25], "SliceThickness": 3.5}),
            ("FrameContentSequence", {"TemporalPositionIndex": t + 1}),
        ):
            item = Dataset()
            for member, value in members.items():
                setattr(item, member, value)
            setattr(group, keyword, Sequence([item]))
        groups.append(group)
    data_set.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data_set.PixelData = np.arange(4 * 3 * 2, dtype=np.uint16).tobytes()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.file_meta.MediaStorageSOPClassUID = data_set_class
    data_set.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    with tempfile.TemporaryDirectory() as folder:
        data_set.save_as(Path(folder, "frames.dcm"), enforce_file_format=True)
        return DicomCubeImage.from_dicom_folder(folder)


def segments() -> DicomCubeImage:
    """Two binary segments that overlap, and a fractional one."""
    values = np.arange(2 * 3 * 11).reshape(2, 3, 11).astype(np.uint16)
    image = DicomCubeImage(values, PixelDataHeader())
    image.affine = np.array([[0, 0, 0.5, 1], [0, 0.5, 0, 2], [2, 0, 0, 3], [0, 0, 0, 1.0]])
    tissue = Code("85756007", "SCT", "Tissue")
    liver = Segment(
        1, "Liver", tissue, Code("10200004", "SCT", "Liver"), "the whole of it", (tissue,),
        (tissue,),
        (tissue,), "AUTOMATIC", "net", "liver 1", "1.2.3", (221, 130, 101),
    )  # fmt: skip
    masks = [(values > 7) & (values % 11 > 1), values % 3 == 0]
    fractions = (values / 65).astype(np.float32)
    image.segmentations = [
        Segmentation.from_masks(masks, [liver, Segment(4, "Third", tissue, tissue)], image.affine),
        Segmentation.from_masks([fractions], [Segment(1, "Part", tissue, tissue)], image.affine),
    ]
    return image


def expected(image: DicomCubeImage) -> dict[str, Any]:
    """What the file must give, in plain JSON."""
    members: dict[str, Any] = {
        "dtype": image.dtype.name,
        "values": image.raw_image.tolist(),
        "output_values": image.get_fdata("float64").tolist(),
        "axes": [list(axis) for axis in image.axes],
        "affine": None if image.affine is None else image.affine.tolist(),
        "status": image.dicom_status.value,
        "extras": image.pixel_header.Extras,
        "window": [image.pixel_header.WindowCenter, image.pixel_header.WindowWidth],
    }
    if image.segmentations:
        members["segmentations"] = [
            {
                "kind": found.kind,
                "segments": [asdict(segment) for segment in found.segments],
                "masks": [found.mask(number).tolist() for number in found.numbers],
            }
            for found in image.segmentations
        ]
    if image.dicom_meta is not None:
        members["metadata"] = dict(image.dicom_meta.items())
        with tempfile.TemporaryDirectory() as folder:
            files = image.to_dicom_folder(folder)
            members["sha256_of_source_files"] = {
                file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files
            }
    return members


def main(name: str, makers: list[str]) -> None:
    for maker in makers:
        make = {each.__name__: each for each in (series, moving, colour, frames, segments)}[maker]
        image = make()
        target = HERE / f"{name}_{make.__name__}"
        for suffix in (".dcbs", ".dcba"):
            image.to_file(target.with_suffix(suffix))
        text = json.dumps(expected(image), separators=(",", ":"), allow_nan=False)
        target.with_suffix(".json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
