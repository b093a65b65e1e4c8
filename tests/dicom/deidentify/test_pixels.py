"""What is said of the pixels, and that it names nobody."""

import pytest

from dicube.dicom.deidentify.pixels import pixel_notices
from tests.dicom.made import meta_of

SILENCE = "Burned In Annotation is absent"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"Modality": "CT", "BodyPartExamined": "HEAD"}, ["slices of a head", SILENCE]),
        ({"Modality": "MR", "SeriesDescription": "t1 Brain"}, ["slices of a head", SILENCE]),
        ({"Modality": "MR"}, ["slices of a body part that is not named", SILENCE]),
        ({"Modality": "CT", "BodyPartExamined": "KNEE", "BurnedInAnnotation": "NO"}, []),
        ({"Modality": "US", "BurnedInAnnotation": "YES"}, ["Burned In Annotation is YES", "ultra"]),
        ({"Modality": "XC", "RecognizableVisualFeatures": "YES"},
         ["Recognizable Visual Features is YES", "photographs", SILENCE]),
        ({"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
         ["images are secondary captures", SILENCE]),
        ({"Modality": "CT", "BodyPartExamined": "KNEE", "ImageType": ["DERIVED", "SCREEN SAVE"]},
         ["images are screen shots", SILENCE]),
    ],
)  # fmt: skip
def test_reasons_to_look_at_the_pixels(values: dict[str, str], expected: list[str]) -> None:
    found = pixel_notices(meta_of([values]))
    assert len(found) == len(expected)
    assert all(notice.startswith(start) for notice, start in zip(found, expected, strict=True))
