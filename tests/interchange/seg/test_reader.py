"""Segmentations of other writers, against their frames as pydicom has them."""

import copy
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage
from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.interchange import seg
from tests.interchange.seg.conftest import template
from tests.series import requires_data, series_folder

# Files, and the series they were made of.
REAL = {
    "seg_24x38x3": "seg_24x38x3_source",
    "seg_labelmap": "seg_24x38x3_source",
    "seg_liver": "seg_liver_source",
    "seg_overlaps": "seg_liver_source",
}
# Their sources are not in the test data, or of another size.
ALONE = {
    "seg_deflate": "1.2.840.10008.1.2.8.1",
    "seg_nonbyte_aligned_rle": "1.2.840.10008.1.2.5",
}


def file_of(name: str) -> Path:
    (path,) = series_folder(name).iterdir()
    return path


def frames_of(path: Path):
    """Segment, position and pixels of each frame, by pydicom."""
    image = pydicom.dcmread(path)
    pixels = image.pixel_array.reshape(-1, image.Rows, image.Columns)
    for group, frame in zip(image.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        if "SegmentIdentificationSequence" in group:
            yield group.SegmentIdentificationSequence[0].ReferencedSegmentNumber, position, frame
        else:
            yield 1, position, frame == 1


@requires_data
@pytest.mark.parametrize("with_source", [True, False])
@pytest.mark.parametrize("name", REAL)
def test_real_files_lie_where_their_frames_do(name, with_source):
    path = file_of(name)
    found = seg.read_seg(path, series_folder(REAL[name]) if with_source else None)
    expected = {number: np.zeros(found.shape, bool) for number in found.numbers}
    for number, position, frame in frames_of(path):
        z, y, x, _ = np.linalg.solve(found.affine, [*position, 1])
        np.testing.assert_allclose([z, y, x], np.rint([z, y, x]), atol=1e-3)
        assert (round(y), round(x)) == (0, 0)
        expected[number][round(z)] |= frame != 0
    for number, mask in expected.items():
        assert mask.any()
        np.testing.assert_array_equal(found.mask(number), mask)
    if with_source:
        image = DicomCubeImage.from_dicom_folder(series_folder(REAL[name]))
        assert found.shape == image.shape
        np.testing.assert_array_equal(found.affine, image.affine)


@requires_data
def test_multi_frame_source_has_the_same_grid():
    one = seg.read_seg(file_of("seg_24x38x3"), series_folder("seg_24x38x3_source"))
    other = seg.read_seg(file_of("seg_24x38x3"), series_folder("seg_24x38x3_multiframe"))
    np.testing.assert_array_equal(one.mask(1), other.mask(1))


@requires_data
def test_overlaps_and_empty_slices_of_a_real_file():
    found = seg.read_seg(file_of("seg_overlaps"), series_folder("seg_liver_source"))
    assert found.numbers == (1, 2, 3, 4, 5)
    assert found.overlaps
    with pytest.raises(DataConsistencyError, match="overlap"):
        found.label_map()
    assert [segment.label for segment in found.segments][:2] == ["GREEN", "ORANGE"]
    slices = {number: set(np.flatnonzero(found.mask(number).any(axis=(1, 2))))
              for number in found.numbers}  # fmt: skip
    assert slices == {1: {1}, 2: {1}, 3: {0, 1, 2}, 4: {2}, 5: {2}}  # from the top down


@requires_data
def test_background_of_a_label_map_is_no_segment():
    found = seg.read_seg(file_of("seg_labelmap"), series_folder("seg_24x38x3_source"))
    assert found.numbers == (1,)
    assert found.segment(1).label == "Liver"
    assert found.segment(1).tracking_uid == "1.2.3"
    # The slice between the two has no frame in this file.
    assert list(np.flatnonzero(found.mask(1).any(axis=(1, 2)))) == [0, 2]


@requires_data
@pytest.mark.parametrize("name", ALONE)
def test_compressed_bits_are_those_of_the_plain_file(name):
    plain = seg.read_seg(file_of("seg_liver"))
    found = seg.read_seg(file_of(name))
    assert pydicom.dcmread(file_of(name)).file_meta.TransferSyntaxUID == ALONE[name]
    rows, columns = found.shape[1:]
    np.testing.assert_array_equal(found.mask(1), plain.mask(1)[:, :rows, :columns])


@requires_data
def test_another_series_is_no_source():
    with pytest.raises(DataConsistencyError, match=r"grid of the source|even stack") as caught:
        seg.read_seg(file_of("seg_24x38x3"), series_folder("seg_liver_source"))
    assert "label.seg" in str(caught.value)


@requires_data
@pytest.mark.parametrize("name", ["seg_24x38x3_source", "rtdose_uint32"])
def test_other_images_are_no_segmentation(name):
    path = min(series_folder(name).iterdir())
    with pytest.raises(MetaDataError, match="no DICOM segmentation"):
        seg.read_seg(path)


# ---- files that were made badly, or in another way ----------------------------------------------


@pytest.fixture
def made(source, labels):
    return pydicom.Dataset(seg.MultiClassWriter(template(1, 3)).write(labels, source))


def with_meta(data_set):
    data_set.ensure_file_meta()
    data_set.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return data_set


def test_positions_of_seven_digits_fit_the_source(made, source, labels):
    """As dcmqi and pydicom-seg print them."""
    image = DicomCubeImage.from_dicom_folder(source)
    for group in made.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0]
        position.ImagePositionPatient = [f"{n:e}" for n in position.ImagePositionPatient]
    found = seg.read_seg(with_meta(made), image)
    np.testing.assert_array_equal(found.mask(1), labels == 1)
    np.testing.assert_array_equal(found.affine, image.affine)


def test_frames_in_any_order(made, source, labels):
    groups = list(made.PerFrameFunctionalGroupsSequence)
    order = np.random.default_rng(3).permutation(len(groups))
    made = with_meta(made)
    pixels = made.pixel_array[order]
    made.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
    bits = np.packbits(pixels.reshape(-1), bitorder="little").tobytes()
    made.PixelData = bits + b"\0" * (len(bits) % 2)
    found = seg.read_seg(made, source)
    np.testing.assert_array_equal(found.mask(1), labels == 1)
    np.testing.assert_array_equal(found.mask(2), labels == 3)


def test_slices_between_frames_are_empty_by_the_distance_the_file_says(source, tmp_path):
    labels = np.zeros((4, 12, 10), np.uint8)
    labels[0, 1, 1] = labels[3, 2, 2] = 1
    made = seg.MultiClassWriter(template(1)).write(labels, source)
    found = seg.read_seg(made)
    np.testing.assert_array_equal(found.mask(1), labels == 1)
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.SpacingBetweenSlices, measures.SliceThickness
    assert seg.read_seg(made).shape == (2, 12, 10)  # nobody knows of the slices between
    np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)


def _without_positions(data_set):
    for group in data_set.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence


def _moved(data_set):
    for group in data_set.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0]
        position.ImagePositionPatient = [n + 0.2 for n in position.ImagePositionPatient]


def _uneven(data_set):
    group = data_set.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    group.ImagePositionPatient = [group.ImagePositionPatient[0], 3.3, -1.7]


def _unnamed(data_set):
    for group in data_set.PerFrameFunctionalGroupsSequence:
        del group.SegmentIdentificationSequence


def _unknown(data_set):
    del data_set.SegmentSequence[1]


def _repeated(data_set):
    data_set.SegmentSequence[1].SegmentNumber = 1


def _cut_short(data_set):
    data_set.PixelData = data_set.PixelData[:10]


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (_without_positions, "where they are"),
        (_moved, "grid of the source"),
        (_uneven, "even stack"),
        (_unnamed, "which segment"),
        (_unknown, "not described"),
        (_repeated, "numbered"),
        (_cut_short, "pixel data|Number of Frames|bytes"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_with_a_reason(made, source, damage, match):
    broken = with_meta(copy.deepcopy(made))
    damage(broken)
    with pytest.raises((MetaDataError, DataConsistencyError), match=match) as caught:
        seg.read_seg(broken, source)
    assert "Verysecret" not in str(caught.value)


def test_missing_and_other_files_are_refused(tmp_path):
    with pytest.raises(MetaDataError):
        seg.read_seg(tmp_path / "missing.dcm")
    (tmp_path / "text.dcm").write_text("no DICOM")
    with pytest.raises(MetaDataError):
        seg.read_seg(tmp_path / "text.dcm")
