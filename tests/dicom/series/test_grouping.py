"""What is kept apart, and what is not."""

import pytest

from dicube.dicom.series.frame_table import FrameTable
from dicube.dicom.series.grouping import group_instances
from dicube.dicom.series.image_kind import image_kinds
from dicube.dicom.series.set_findings import set_findings
from tests.dicom.made import meta_of
from tests.dicom.series.made_frames import slice_of, table_of


@pytest.mark.parametrize(
    "other",
    [
        {"Rows": 6},
        {"Columns": 6},
        {"SamplesPerPixel": 3},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {"ImageOrientationPatient": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]},
        {"PixelSpacing": [1.0, 1.1]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "R_FFE", "R", "FFE"]},
        {"ComplexImageComponent": "PHASE"},
    ],
    ids=str,
)
def test_images_that_share_no_grid_are_kept_apart(other):
    kind = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], "SamplesPerPixel": 1}
    slices = [slice_of(z, z, **kind) for z in range(4)]
    slices[1:3] = [each | other for each in slices[1:3]]
    assert group_instances(table_of(slices)) == [[0, 3], [1, 2]]


@pytest.mark.parametrize(
    "other",
    [
        {"EchoTime": 9.0},
        {"RescaleSlope": 2.0},
        {"BitsStored": 12},
        {"ImageOrientationPatient": [1.0, 1e-5, 0.0, -1e-5, 1.0, 0.0]},
        {"PixelSpacing": [1.00001, 1.0]},
        {"WindowCenter": 40},
        {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]},
    ],
    ids=str,
)
def test_other_differences_do_not_part_a_volume(other):
    slices = [slice_of(z, z, ImageType=["ORIGINAL", "PRIMARY", "M", "ND"]) for z in range(4)]
    slices[1:3] = [each | other for each in slices[1:3]]
    assert group_instances(table_of(slices)) == [[0, 1, 2, 3]]


def test_every_instance_is_in_one_group():
    slices = [slice_of(n, n, Rows=4 + n % 3, Columns=4 + n % 2) for n in range(20)]
    groups = group_instances(table_of(slices))
    assert len(groups) == 6
    assert sorted(n for group in groups for n in group) == list(range(20))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND"], "magnitude"),
        (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], "magnitude"),
        (["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P", "PCA"], "phase"),
        (["DERIVED", "SECONDARY", "I_SE", "I", "SE"], "imaginary"),
        (["DERIVED", "PRIMARY", "DIFFUSION", "FA"], "FA"),
        (["DERIVED", "SECONDARY", "MPR"], "derived"),
        (["ORIGINAL", "PRIMARY", "AXIAL"], "original"),
        (None, "original"),
    ],
)
def test_kind_is_what_image_type_means(words, name):
    (kind,) = image_kinds(meta_of([{"Rows": 1} if words is None else {"ImageType": words}]))
    assert kind.name == name


def test_several_sets_are_a_finding_with_the_slices_concerned():
    slices = [slice_of(z, z, Rows=9 if z == 2 else 4) for z in range(4)]
    (finding,) = set_findings(FrameTable.of(meta_of(slices)))
    assert "2 volume sets" in finding.message
    assert finding.slices == (2,)


def test_incomplete_grid_is_a_finding_with_what_is_missing():
    cells = [(e, z) for e in (1, 2, 3) for z in range(3) if (e, z) not in ((2, 0), (3, 0))]
    slices = [slice_of(z, n, EchoTime=10.0 * e) for n, (e, z) in enumerate(cells)]
    (finding,) = set_findings(FrameTable.of(meta_of(slices)))
    assert "3 EchoTime x 3 positions" in finding.message
    assert "2 of 9 cells are empty: (1, 0), (2, 0)" in finding.message
    assert finding.slices == (3, 4, 5, 6)
