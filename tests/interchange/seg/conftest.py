"""Templates, sources and label images that need no test data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage, PixelDataHeader
from dicube.interchange import seg

pytest.importorskip("highdicom", reason="highdicom is not installed (extra seg)")

TISSUE = seg.Code("85756007", "SCT", "Tissue")
LIVER = seg.Code("10200004", "SCT", "Liver")


def segment(number: int, **others: object) -> seg.Segment:
    return seg.Segment(number, f"Segment {number}", TISSUE, LIVER, **others)


def template(*labels: int) -> seg.Template:
    return seg.Template.of(segment(label) for label in labels)


METAINFO = {
    "ContentCreatorName": "Reader1",
    "ContentLabel": "SEGMENTATION",
    "ContentDescription": "Image segmentation",
    "SeriesNumber": "300",
    "InstanceNumber": "1",
    "SeriesDescription": "Segmentation",
    "BodyPartExamined": "",
    "segmentAttributes": [
        [
            {
                "labelID": 1,
                "SegmentDescription": "The whole liver",
                "SegmentLabel": "Liver",
                "SegmentAlgorithmType": "AUTOMATIC",
                "SegmentAlgorithmName": "net 1.0",
                "SegmentedPropertyCategoryCodeSequence": {
                    "CodeValue": "123037004",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Anatomical Structure",
                },
                "SegmentedPropertyTypeCodeSequence": {
                    "CodeValue": "10200004",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Liver",
                },
                "recommendedDisplayRGBValue": [221, 130, 101],
            },
            {
                "labelID": 3,
                "SegmentAlgorithmType": "MANUAL",
                "SegmentedPropertyCategoryCodeSequence": {
                    "CodeValue": "49755003",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Morphologically Abnormal Structure",
                },
                "SegmentedPropertyTypeCodeSequence": {
                    "CodeValue": "4147007",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Mass",
                },
                "SegmentedPropertyTypeModifierCodeSequence": {
                    "CodeValue": "24028007",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Right",
                },
                "AnatomicRegionSequence": {
                    "CodeValue": "64033007",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Kidney",
                },
                "AnatomicRegionModifierSequence": {
                    "CodeValue": "7771000",
                    "CodingSchemeDesignator": "SCT",
                    "CodeMeaning": "Left",
                },
                "TrackingIdentifier": "mass 1",
                "TrackingUniqueIdentifier": "2.25.1234567",
            },
        ]
    ],
}


@pytest.fixture
def labels() -> np.ndarray:
    """(4, 12, 10) of the labels 1 and 3; the first slice and the border are empty."""
    values = np.zeros((4, 12, 10), np.uint8)
    values[1:3, 3:9, 2:7] = 1
    values[2:4, 5:11, 4:8] = 3
    return values


@pytest.fixture
def source(small_image: DicomCubeImage, tmp_path: Path) -> Path:
    """The folder of a CT series of 4 x 12 x 10."""
    small_image.init_meta("CT", patient_name="Verysecret^Person", patient_id="verysecret-1")
    small_image.to_dicom_folder(tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def made_source(tmp_path: Path) -> Callable[..., DicomCubeImage]:
    """Makes an image of a given shape and affine, with CT metadata."""

    def make(shape: tuple[int, int, int], affine: np.ndarray) -> DicomCubeImage:
        image = DicomCubeImage(
            np.zeros(shape, np.int16), PixelDataHeader(OriginalPixelDtype="int16")
        )
        image.affine = affine
        image.init_meta("CT")
        return image

    return make
