"""Segmentations that go out and come back unchanged: every option, every source, any mask."""

import itertools

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicube import DicomCubeImage, PixelDataHeader
from dicube.dicom.geometry import affine_of, space_of
from dicube.interchange import seg
from tests.interchange.seg.conftest import METAINFO, segment, template
from tests.series import requires_data, series_folder

OPTIONS = [
    {"kind": kind, "inplane_cropping": crop, "skip_empty_slices": skip}
    for kind, crop, skip in itertools.product(
        ("binary", "fractional", "labelmap"), (False, True), (True, False)
    )
]
COMPRESSED = [
    {"kind": kind, "transfer_syntax": syntax}
    for kind in ("fractional", "labelmap")
    for syntax in ("rle", "jpeg2000", "jpegls", "htj2k")
]


def ids(options):
    return "-".join(str(value) for value in options.values())


def expected_masks(labels, kind):
    """By number: 1 and 2 where the labels are 1 and 3, but for label maps, which keep theirs."""
    numbers = (1, 3) if kind == "labelmap" else (1, 2)
    dtype = np.float32 if kind == "fractional" else bool
    return {n: (labels == label).astype(dtype) for n, label in zip(numbers, (1, 3), strict=True)}


@pytest.mark.parametrize("options", OPTIONS + COMPRESSED, ids=ids)
def test_every_option_comes_back_on_the_grid_of_the_source(source, labels, tmp_path, options):
    writer = seg.MultiClassWriter(template(1, 3), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    found = seg.read_seg(path, source)
    assert found.shape == labels.shape
    assert found.kind == options["kind"]
    expected = expected_masks(labels, options["kind"])
    assert found.numbers == tuple(expected)
    for number, mask in expected.items():
        np.testing.assert_array_equal(found.mask(number), mask, strict=True)
    image = DicomCubeImage.from_dicom_folder(source)
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-9)


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_written_file_and_data_set_hold_the_same(source, labels, tmp_path, options):
    writer = seg.MultiClassWriter(template(1, 3), **options)
    uids = {"series_instance_uid": "2.25.1", "sop_instance_uid": "2.25.2"}
    writer.write(labels, source, **uids).save_as(tmp_path / "a.dcm")
    writer.write_file(tmp_path / "b.dcm", labels, source, **uids)
    one, other = (pydicom.dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    changing = {"InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime",
                "DimensionOrganizationSequence", "DimensionIndexSequence",
                "ContributingEquipmentSequence"}  # fmt: skip
    for element in one:
        if element.keyword not in changing:
            assert element == other[element.tag], element.keyword
    assert one.SOPInstanceUID == "2.25.2"


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_highdicom_reads_the_same_voxels_in_the_same_place(source, labels, tmp_path, options):
    writer = seg.MultiClassWriter(template(1, 3), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    for read in (highdicom.seg.segread(path), writer.write(labels, source)):
        volume = read.get_volume(
            combine_segments=False, rescale_fractional=True, allow_missing_positions=True
        )
        image = DicomCubeImage.from_dicom_folder(source)
        grid = highdicom.VolumeGeometry(
            image.affine, image.shape, coordinate_system="PATIENT",
            frame_of_reference_uid=read.FrameOfReferenceUID,
        )  # fmt: skip
        array = volume.match_geometry(grid).array
        for index, mask in enumerate(expected_masks(labels, options["kind"]).values()):
            np.testing.assert_array_equal(array[..., index], mask)


def test_segments_come_back_as_the_template_has_them(source, labels, tmp_path):
    given_template = seg.template.from_dcmqi_metainfo(METAINFO)
    seg.write_seg(tmp_path / "seg.dcm", labels, source, given_template)
    found = seg.read_seg(tmp_path / "seg.dcm").segments
    for back, original, number in zip(found, given_template.segments.values(), (1, 2), strict=True):
        for name in vars(original):
            if name != "number":
                assert getattr(back, name) == getattr(original, name), name
        assert back.number == number


@pytest.mark.parametrize("crop", [False, True])
def test_overlapping_segments_stay_whole(source, tmp_path, crop):
    masks = np.zeros((3, 4, 12, 10), bool)
    masks[0, 1:3, 2:8, 2:8] = True
    masks[1, 2:4, 5:11, 5:9] = True
    masks[2, 2, 6, 6] = True
    segments = [segment(number) for number in (1, 2, 3)]
    image = DicomCubeImage.from_dicom_folder(source)
    given_segments = seg.Segmentation.from_masks(list(masks), segments, image.affine)
    assert given_segments.overlaps
    writer = seg.MultiClassWriter(template(1, 2, 3), inplane_cropping=crop)
    made = writer.write(given_segments, source)
    assert made.SegmentsOverlap == "YES"
    found = seg.read_seg(made, source)
    for number, mask in enumerate(masks, 1):
        np.testing.assert_array_equal(found.mask(number), mask)


def test_fractions_come_back_to_eight_bits(source, tmp_path):
    values = np.random.default_rng(1).random((4, 12, 10)).astype(np.float32)
    values[0] = 0
    exact = (np.rint(values * 255) / np.float32(255)).astype(np.float32)
    image = DicomCubeImage.from_dicom_folder(source)
    fractions = seg.Segmentation.from_masks([values], [segment(1)], image.affine)
    writer = seg.MultiClassWriter(template(1), kind="fractional", fractional_type="OCCUPANCY")
    made = writer.write(fractions, source)
    assert made.SegmentationFractionalType == "OCCUPANCY"
    found = seg.read_seg(made, source)
    np.testing.assert_array_equal(found.mask(1), exact)


# ---- what sources come as -----------------------------------------------------------------------


def _as_data_sets(folder, tmp_path):
    files = sorted(folder.iterdir(), reverse=True)
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in files]


SOURCES = {
    "folder": lambda folder, tmp_path: folder,
    "text": lambda folder, tmp_path: str(folder),
    "files in another order": lambda folder, tmp_path: sorted(folder.iterdir(), reverse=True),
    "data sets": _as_data_sets,
    "image": lambda folder, tmp_path: DicomCubeImage.from_dicom_folder(folder),
    "cube file": lambda folder, tmp_path: DicomCubeImage.from_dicom_folder(folder).to_file(
        tmp_path / "x.dcba"
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_source_may_come_in_any_form(source, labels, tmp_path, name):
    images = SOURCES[name](source, tmp_path)
    made = seg.MultiClassWriter(template(1, 3)).write(labels, images)
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in sorted(source.iterdir())]
    assert {item.ReferencedSOPInstanceUID for item in made.SourceImageSequence} == set(uids)
    image = DicomCubeImage.from_dicom_folder(source)
    for group in made.PerFrameFunctionalGroupsSequence:
        position = group.PlanePositionSequence[0].ImagePositionPatient
        (item,) = group.DerivationImageSequence[0].SourceImageSequence
        z = uids.index(item.ReferencedSOPInstanceUID)
        positions = image.dicom_meta.get_values("ImagePositionPatient")
        assert list(position) == positions[z]
    found = seg.read_seg(made, images)
    np.testing.assert_array_equal(found.mask(2), labels == 3)


def test_edited_image_is_a_source(source, labels):
    image = DicomCubeImage.from_dicom_folder(source)
    image.dicom_meta.set_shared_item("PatientName", "Nobody^")
    made = seg.MultiClassWriter(template(1, 3)).write(labels, image)
    assert made.PatientName == "Nobody^"


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"])
def test_data_sets_of_other_encodings_are_sources(source, labels, syntax):
    images = []
    for path in source.iterdir():
        image = pydicom.dcmread(path)
        again = pydicom.Dataset()
        for element in image:
            if element.keyword != "PixelData":
                again.add(element)
        again.ensure_file_meta()
        again.file_meta.TransferSyntaxUID = syntax
        images.append(again)
    made = seg.MultiClassWriter(template(1, 3)).write(labels, images)
    np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)


@requires_data
@pytest.mark.parametrize("options", OPTIONS, ids=ids)
@pytest.mark.parametrize("name", ["seg_24x38x3_multiframe", "enh_ct_nema", "enh_mr_siemens_xa10",
                                  "pet_slopes", "mr_t1_sts"])  # fmt: skip
def test_real_series_are_sources(name, options):
    folder = series_folder(name)
    image = DicomCubeImage.from_dicom_folder(folder)
    volume = 0 if image.n_timepoints > 1 else None
    shape = image.volume(0).shape
    labels = np.zeros(shape, np.uint16)
    labels[-1, 3:20, 5:9] = 1
    labels[0, 10:13, 4:17] = 3
    writer = seg.MultiClassWriter(template(1, 3), **options)
    made = writer.write(labels, folder, volume=volume)
    found = seg.read_seg(made, folder, volume=volume)
    for number, mask in expected_masks(labels, options["kind"]).items():
        np.testing.assert_array_equal(found.mask(number), mask)
    known = set(image.frame_meta.get_values("SOPInstanceUID"))
    assert {item.ReferencedSOPInstanceUID for item in made.SourceImageSequence} <= known


@requires_data
def test_frames_of_multi_frame_sources_are_named(labels):
    folder = series_folder("seg_24x38x3_multiframe")
    masks = np.zeros((3, 38, 24), np.uint8)
    masks[:, 5:9, 5:9] = 1
    made = seg.MultiClassWriter(template(1)).write(masks, folder)
    source = pydicom.dcmread(next(folder.iterdir()))
    frames = source.PerFrameFunctionalGroupsSequence
    for group in made.PerFrameFunctionalGroupsSequence:
        (item,) = group.DerivationImageSequence[0].SourceImageSequence
        named = frames[item.ReferencedFrameNumber - 1]
        assert (
            named.PlanePositionSequence[0].ImagePositionPatient
            == group.PlanePositionSequence[0].ImagePositionPatient
        )
        assert item.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert len(made.SourceImageSequence) == 1


# ---- what segmentations come as -----------------------------------------------------------------


def _flipped(affine, shape, axes):
    turned = affine.copy()
    for axis in axes:
        turned[:3, 3] += turned[:3, axis] * (shape[axis] - 1)
        turned[:3, axis] *= -1
    return turned


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("form", ["affine", "space", "image", "segmentation"])
def test_grid_may_run_in_other_directions(source, labels, form, axes):
    image = DicomCubeImage.from_dicom_folder(source)
    turned = np.flip(labels, axes)
    affine = _flipped(image.affine, labels.shape, axes)
    options = {}
    if form == "affine":
        given_labels, options = turned, {"space": affine}
    elif form == "space":
        given_labels, options = turned, {"space": space_of(affine, labels.shape)}
    elif form == "image":
        given_labels = DicomCubeImage(turned.astype(np.int32), PixelDataHeader())
        given_labels.affine = affine
    else:
        segments = [segment(1), segment(3)]
        given_labels = seg.Segmentation.from_labels(turned, segments, affine)
    made = seg.MultiClassWriter(template(1, 3)).write(given_labels, source, **options)
    found = seg.read_seg(made, source)
    np.testing.assert_array_equal(found.mask(1), labels == 1)
    np.testing.assert_array_equal(found.mask(2), labels == 3)


def test_axes_may_change_places(source, labels):
    image = DicomCubeImage.from_dicom_folder(source)
    affine = image.affine[:, [2, 0, 1, 3]]
    made = seg.MultiClassWriter(template(1, 3)).write(
        labels.transpose(2, 0, 1), source, space=affine
    )
    np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)


class ItkStandIn:
    """The methods of a SimpleITK.Image that are asked for; SimpleITK is no dependency."""

    def __init__(self, array, affine):
        self.array, self.affine = array, affine

    def GetDimension(self):
        return self.array.ndim

    def GetOrigin(self):
        return tuple(self.affine[:3, 3])

    def GetSpacing(self):
        return tuple(np.linalg.norm(self.affine[:3, :3], axis=0)[::-1])

    def GetDirection(self):
        axes = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return tuple(axes[:, ::-1].reshape(-1))


def test_image_of_simpleitk_is_known_by_its_methods(source, labels, monkeypatch):
    import sys
    import types

    module = types.ModuleType("SimpleITK")
    module.GetArrayFromImage = lambda image: image.array
    monkeypatch.setitem(sys.modules, "SimpleITK", module)
    image = DicomCubeImage.from_dicom_folder(source)
    stand_in = ItkStandIn(labels[::-1], _flipped(image.affine, labels.shape, (0,)))
    made = seg.MultiClassWriter(template(1, 3)).write(stand_in, source)
    np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int64", "float32", "bool"])
def test_labels_may_be_any_numbers(source, labels, dtype):
    values = (labels == 1).astype(dtype)
    made = seg.MultiClassWriter(template(1)).write(values, source)
    np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)


# ---- any mask, spacing and orientation ----------------------------------------------------------


@st.composite
def grids(draw):
    """A shape, and an affine of any spacing and orientation, sheared or not."""
    shape = tuple(draw(st.integers(1, 7)) for _ in range(3))
    spacing = [draw(st.floats(0.1, 5)) for _ in range(3)]
    angles = [draw(st.floats(-np.pi, np.pi)) for _ in range(3)]
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = [i for i in range(3) if i != axis]
        turn = np.eye(3)
        turn[one, one] = turn[other, other] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ turn
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 0] += affine[:3, 1] * draw(st.sampled_from([0, 0, 1e-6, 1e-4, 0.005, 0.3, -0.8]))
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return shape, affine


@settings(max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(grid=grids(), options=st.sampled_from(OPTIONS), seed=st.integers(0, 2**32 - 1),
       density=st.floats(0.01, 1))  # fmt: skip
def test_any_mask_on_any_grid_comes_back(made_source, grid, options, seed, density):
    shape, affine = grid
    random = np.random.default_rng(seed)
    labels = random.choice(np.array([1, 3], np.uint8), shape)
    labels[random.random(shape) > density] = 0
    labels.reshape(-1)[0] = 1
    image = made_source(shape, affine)
    made = seg.MultiClassWriter(template(1, 3), **options).write(labels, image)
    found = seg.read_seg(made, image)
    present = [label for label in (1, 3) if (labels == label).any()]
    assert len(found) == len(present)
    for label, mask in zip(present, found.masks, strict=True):
        np.testing.assert_array_equal(mask.on(shape) != 0, labels == label)


def test_affine_of_space_is_that_of_the_segmentation(source, labels):
    found = seg.read_seg(seg.MultiClassWriter(template(1, 3)).write(labels, source), source)
    np.testing.assert_allclose(affine_of(found.space), found.affine)
