"""Metadata with one slice for each frame."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicube.dicom.dicom_io import read_series
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.series.frame_meta import frame_meta
from tests.dicom.made import data_set_of, meta_of
from tests.series import requires_data, series_folder

ENHANCED = ["enh_ct_nema", "enh_mr_nema_stacks", "enh_mr_philips_b0", "enh_mr_philips_dti",
            "enh_mr_siemens_xa10", "rgb_enh_colfa", "seg_liver", "seg_overlaps"]  # fmt: skip


def group(**values):
    """An item of one macro for each keyword that is a sequence."""
    return data_set_of({k: Sequence([data_set_of(v)]) for k, v in values.items()})


@pytest.fixture
def enhanced():
    """Two frames: what they share, what each has, and what is no element of theirs."""
    code = data_set_of({"CodeValue": "1", "CodeMeaning": "brain"})
    anatomy = data_set_of({"FrameLaterality": "U", "AnatomicRegionSequence": Sequence([code])})
    shared = group(PixelMeasuresSequence={"PixelSpacing": [2, 3]})
    shared.FrameAnatomySequence = Sequence([anatomy])
    gradient = data_set_of({"DiffusionGradientOrientation": [0.0, 0.0, 1.0]})
    frames = [
        group(PlanePositionSequence={"ImagePositionPatient": [0, 0, 5 * n]},
              MREchoSequence={"EffectiveEchoTime": 3.5})
        for n in range(2)
    ]  # fmt: skip
    nested = Dataset()
    nested.DiffusionBValue = 700.0
    nested.DiffusionGradientDirectionSequence = Sequence([gradient])
    frames[1].MRDiffusionSequence = Sequence([nested])
    return {
        "NumberOfFrames": 2,
        "Modality": "MR",
        "InstanceNumber": 4,
        "SharedFunctionalGroupsSequence": Sequence([shared]),
        "PerFrameFunctionalGroupsSequence": Sequence(frames),
    }


def test_functional_groups_are_found_under_their_own_tags(enhanced):
    frames = frame_meta(meta_of([enhanced]))
    assert frames.slice_count == 2
    assert frames.get("ImagePositionPatient") == [[0, 0, 0], [0, 0, 5]]
    assert frames.get("EffectiveEchoTime") == 3.5
    assert frames.get("PixelSpacing") == [2, 3]
    assert frames.get("Modality") == "MR"
    assert frames.is_shared("EffectiveEchoTime")
    assert not frames.is_shared("ImagePositionPatient")


def test_elements_that_some_frames_lack_are_absent_there(enhanced):
    frames = frame_meta(meta_of([enhanced]))
    assert frames.get_values("DiffusionBValue") == [None, 700.0]
    assert frames.get_values("DiffusionGradientOrientation") == [None, [0.0, 0.0, 1.0]]
    assert [presence.value for presence in frames.presence("DiffusionBValue")] == [
        "absent", "present"
    ]  # fmt: skip


def test_codes_of_sequences_are_not_elements_of_the_frame(enhanced):
    frames = frame_meta(meta_of([enhanced]))
    assert "CodeValue" not in frames
    assert frames.get("FrameLaterality") == "U"
    assert frames.get("AnatomicRegionSequence")[0]["00080100"]["Value"] == ["1"]


def test_instances_follow_each_other(enhanced):
    frames = frame_meta(meta_of([enhanced, enhanced | {"InstanceNumber": 5}]))
    assert frames.get("InstanceNumber") == [4, 4, 5, 5]
    assert frames.get("ImagePositionPatient")[2:] == [[0, 0, 0], [0, 0, 5]]


def test_metadata_of_single_frames_are_returned_as_they_are():
    meta = meta_of([{"InstanceNumber": 1}, {"InstanceNumber": 2, "NumberOfFrames": 1}])
    assert frame_meta(meta) is meta


def test_frames_without_functional_groups_have_what_the_instance_has():
    frames = frame_meta(meta_of([{"NumberOfFrames": 3, "FrameTime": 40}]))
    assert frames.slice_count == 3
    assert frames.get("FrameTime") == 40


@pytest.mark.parametrize("first", [0.0, 12.0])
def test_dose_grid_has_a_position_for_each_frame(first):
    meta = meta_of(
        [
            {
                "NumberOfFrames": 3,
                "ImagePositionPatient": [1, 2, 3],
                "ImageOrientationPatient": [1, 0, 0, 0, -1, 0],
                "GridFrameOffsetVector": [first, first + 2, first + 5],
            }
        ]
    )
    positions = frame_meta(meta).get("ImagePositionPatient")
    assert positions == [[1, 2, 3], [1, 2, 1], [1, 2, -2]]


def test_metadata_from_a_file_give_the_same_frames(enhanced):
    meta = meta_of([enhanced])
    loaded = DicomMeta.from_json(meta.to_json())
    assert frame_meta(loaded).to_json() == frame_meta(meta).to_json()


@requires_data
@pytest.mark.parametrize("name", ENHANCED)
def test_real_frames_lie_where_pydicom_says(name):
    series = read_series(series_folder(name))
    frames = frame_meta(series.meta)
    expected = []
    for instance in series.instances:
        data_set = pydicom.dcmread(instance.path, stop_before_pixels=True)
        expected += [
            [float(v) for v in item.PlanePositionSequence[0].ImagePositionPatient]
            for item in data_set.PerFrameFunctionalGroupsSequence
        ]
    np.testing.assert_array_equal(np.array(frames.get_values("ImagePositionPatient")), expected)
