"""Segmentations inside of cube files: lossless, compact, lazy; and damage is noticed."""

import json
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.core.segmentation import Code, MaskBox, Segment, Segmentation
from dicube.core.segmentation_section import pack_segmentations, unpack_segmentations
from dicube.core.verify import verify_file
from dicube.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube.storage.compression import compress, decompress
from dicube.storage.dcb_file import DcbFile

TISSUE = Code("85756007", "SCT", "Tissue")
SHAPE = (6, 40, 37)
AFFINE = np.array([[0, 0, 0.7, -10], [0, 0.7, 0, 20], [2.5, 0, 0, -30], [0, 0, 0, 1]])
FULL = Segment(
    7,
    "Lesion",
    TISSUE,
    Code("4147007", "SCT", "Mass"),
    description="näher beschrieben",
    type_modifiers=(Code("1", "99X", "one"), Code("2", "99X", "two")),
    anatomic_regions=(Code("10200004", "SCT", "Liver"),),
    anatomic_region_modifiers=(Code("24028007", "SCT", "Right"),),
    algorithm_type="AUTOMATIC",
    algorithm_name="net",
    tracking_id="lesion 1",
    tracking_uid="1.2.3",
    colour=(255, 0, 17),
)


def segment(number: int) -> Segment:
    return Segment(number, f"segment {number}", TISSUE, TISSUE)


def image_of_shape(shape=SHAPE) -> DicomCubeImage:
    values = np.random.default_rng(3).integers(0, 900, shape).astype(np.int16)
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"))
    image.affine = AFFINE
    return image


def overlapping() -> Segmentation:
    masks = np.zeros((3, *SHAPE), bool)
    masks[0, 1:4, 5:20, 3:30] = True
    masks[1, 2:6, 10:11, 9:37] = True
    return Segmentation.from_masks(list(masks), [FULL, segment(2), segment(3)], AFFINE)


def fractional() -> Segmentation:
    masks = np.random.default_rng(0).random((2, *SHAPE)).astype(np.float32)
    masks[1, :3] = 0
    return Segmentation.from_masks(list(masks), [segment(1), segment(2)], AFFINE)


def labelled() -> Segmentation:
    labels = np.random.default_rng(1).integers(0, 5, SHAPE).astype(np.uint16) * 100
    return Segmentation.from_labels(labels, [segment(n) for n in (100, 200, 300, 400)], AFFINE)


def same(first: Segmentation, second: Segmentation) -> None:
    assert (first.segments, first.kind, first.shape) == (
        second.segments, second.kind, second.shape,
    )  # fmt: skip
    np.testing.assert_allclose(first.affine, second.affine)
    for number in first.numbers:
        one, other = first.mask(number), second.mask(number)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("suffix", ["dcbs", "dcba", "dcbr"])
def test_they_come_back_from_a_file(suffix, tmp_path):
    image = image_of_shape()
    image.segmentations = [overlapping(), fractional(), labelled()]
    path = tmp_path / f"x.{suffix}"
    image.to_file(path, **({"roi": overlapping()} if suffix == "dcbr" else {}))
    found = DicomCubeImage.from_file(path).segmentations
    assert len(found) == 3
    for one, other in zip(found, image.segmentations, strict=True):
        same(one, other)
    assert verify_file(path).ok


def test_a_lazy_cube_unpacks_them_when_they_are_asked_for(tmp_path):
    image = image_of_shape()
    image.segmentations = [overlapping()]
    image.to_file(tmp_path / "x.dcbs")
    with dicube.open(tmp_path / "x.dcbs") as cube:
        assert cube._about.segmentations is not None
        assert not cube._about.segmentations.is_unpacked
        same(cube.segmentations[0], overlapping())


def test_images_without_have_none(small_image, tmp_path):
    assert small_image.segmentations == ()
    path = small_image.to_file(tmp_path / "x.dcbs")
    with DcbFile(path) as file:
        assert not file.has_section("Segmentations")
    assert DicomCubeImage.from_file(path).segmentations == ()


def test_thousands_of_mostly_empty_masks_cost_little(tmp_path):
    """5000 of 6 x 40 x 37 voxels would be 44 MB of bytes, and 5.5 MB of bits."""
    masks = []
    for number in range(5000):
        box = np.zeros((2, 3, 3), bool)
        box.reshape(-1)[number % 17] = True
        masks.append(MaskBox((number % 4, number % 37, number % 34), box))
    many = Segmentation([segment(n + 1) for n in range(5000)], masks, SHAPE, AFFINE)
    image = image_of_shape()
    plain = image.to_file(tmp_path / "plain.dcbs").stat().st_size
    image.segmentations = [many]
    path = image.to_file(tmp_path / "x.dcbs")
    assert path.stat().st_size - plain < 5000 * 40
    found = DicomCubeImage.from_file(path).segmentations[0]
    assert np.array_equal(found.mask(4321), many.mask(4321))


def test_sparse_masks_across_a_whole_volume_cost_little():
    mask = np.zeros((200, 256, 256), bool)
    mask[::40, ::60, ::60] = True
    mask[0, 0, 0] = mask[-1, -1, -1] = True
    packed = pack_segmentations([Segmentation.from_masks([mask], [segment(1)], AFFINE)])
    assert len(packed) < mask.size / 8 / 100


def test_writing_again_needs_no_unpacking(tmp_path):
    image = image_of_shape()
    image.segmentations = [overlapping()]
    first = image.to_file(tmp_path / "first.dcbs")
    copy = DicomCubeImage.from_file(first)
    second = copy.to_file(tmp_path / "second.dcba")
    assert not copy._contents.segmentations.is_unpacked
    same(DicomCubeImage.from_file(second).segmentations[0], overlapping())


def test_source_files_still_come_back(small_folder, tmp_path):
    image = DicomCubeImage.from_dicom_folder(small_folder)
    mask = image.raw_image > 1000
    image.segmentations = [Segmentation.from_masks([mask], [segment(1)], image.affine)]
    assert not image.is_edited
    copy = DicomCubeImage.from_file(image.to_file(tmp_path / "x.dcbs"))
    for file in copy.to_dicom_folder(tmp_path / "copy"):
        assert file.read_bytes() == (small_folder / file.name).read_bytes()


@pytest.mark.parametrize("name", ["x.nii", "x.npz", "x.zarr"])
def test_they_travel_in_other_formats(name, tmp_path):
    image = image_of_shape()
    image.segmentations = [overlapping()]
    way = name.rpartition(".")[2].replace("nii", "nifti")
    pytest.importorskip({"nifti": "nibabel", "zarr": "zarr"}.get(way, "numpy"))
    getattr(image, f"to_{way}")(tmp_path / name, embed=True)
    found = getattr(DicomCubeImage, f"from_{way}")(tmp_path / name)
    same(found.segmentations[0], overlapping())


# ---- where they lie -----------------------------------------------------------------------------


def test_a_turned_grid_is_put_in_place():
    image = image_of_shape()
    turned = AFFINE @ np.array([[-1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    mask = np.zeros(SHAPE, bool)
    mask[0, 3, 4] = True
    image.segmentations = [Segmentation.from_masks([mask], [segment(1)], turned)]
    assert np.argwhere(image.segmentations[0].mask(1)).tolist() == [[5, 3, 4]]


def test_a_part_of_the_volume_is_put_in_place():
    image = image_of_shape()
    part = AFFINE.copy()
    part[:3, 3] += AFFINE[:3, :3] @ [1, 10, 20]
    mask = np.ones((2, 3, 4), bool)
    image.segmentations = [Segmentation.from_masks([mask], [segment(1)], part)]
    found = image.segmentations[0]
    assert found.shape == SHAPE
    assert found.mask_box(1).corner == (1, 10, 20)


def test_another_grid_is_refused():
    image = image_of_shape()
    moved = AFFINE.copy()
    moved[0, 3] += 0.3
    mask = np.ones(SHAPE, bool)
    with pytest.raises(DataConsistencyError, match=r"segmentation 1 .* lies on another grid"):
        image.segmentations = [
            overlapping(),
            Segmentation.from_masks([mask], [segment(1)], moved),
        ]
    assert image.segmentations == ()


def test_an_image_without_a_place_keeps_none():
    image = DicomCubeImage(np.zeros(SHAPE, np.int16), PixelDataHeader())
    with pytest.raises(DataConsistencyError, match="without regular geometry"):
        image.segmentations = [overlapping()]
    image.segmentations = []


def test_they_follow_the_image_and_go_with_its_place():
    image = image_of_shape()
    image.segmentations = [overlapping()]
    other = AFFINE.copy()
    other[:3, 3] *= 2
    image.affine = other
    np.testing.assert_allclose(image.segmentations[0].affine, other)
    assert np.array_equal(image.segmentations[0].mask(7), overlapping().mask(7))
    image.raw_image = np.zeros(SHAPE, np.int16)
    assert len(image.segmentations) == 1
    image.raw_image = np.zeros((2, 3, 4), np.int16)
    assert image.segmentations == ()


def test_a_4d_image_has_them_on_its_volume(tmp_path):
    values = np.zeros((2, *SHAPE), np.int16)
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"))
    image.affine = AFFINE
    image.segmentations = [overlapping()]
    same(DicomCubeImage.from_file(image.to_file(tmp_path / "x.dcbs")).segmentations[0],
         overlapping())  # fmt: skip


# ---- damage -------------------------------------------------------------------------------------


def changed(data: bytes, change) -> bytes:
    """The section with another index."""
    (length,) = struct.unpack_from("<Q", data)
    members = json.loads(decompress(data[8 : 8 + length], where="here"))
    change(members["Segmentations"][0])
    index = compress(json.dumps(members).encode())
    return struct.pack("<Q", len(index)) + index + data[8 + length :]


def _mask(member):
    return member["Segments"][0]["Mask"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(Kind="solid"),
        lambda m: m.pop("Segments"),
        lambda m: m["Segments"][0].pop("Label"),
        lambda m: m["Segments"][0].update(Number=2),  # twice
        lambda m: m["Segments"][0].update(Number=0),
        lambda m: m["Segments"][0].update(Number="7"),
        lambda m: m["Segments"][0].update(Type=["1", "2"]),
        lambda m: _mask(m).update(Corner=[5, 0, 0]),
        lambda m: _mask(m).update(Corner=[-1, 0, 0]),
        lambda m: _mask(m).update(Size=[3, 15, 1 << 40]),
        lambda m: _mask(m).update(Size=[3.0, 15, 27]),
        lambda m: _mask(m).update(Extent=[0, 1 << 40]),
        lambda m: _mask(m).update(Extent=[1 << 63, 5]),
    ],
)
def test_a_forged_index_is_refused(change):
    data = changed(pack_segmentations([overlapping()]), change)
    with pytest.raises(InvalidCubeFileError, match="here"):
        unpack_segmentations(data, SHAPE, AFFINE, where="here")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: _mask(m).update(Size=[2, 15, 27]),
        lambda m: _mask(m).update(Extent=[0, 5]),
        lambda m: _mask(m).update(Extent=[0, 0]),
    ],
)
def test_a_forged_mask_is_refused_when_it_is_asked_for(change):
    data = changed(pack_segmentations([overlapping()]), change)
    (found,) = unpack_segmentations(data, SHAPE, AFFINE, where="here")
    assert found.mask(2).any()
    with pytest.raises(InvalidCubeFileError, match="here"):
        found.mask(7)


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<Q", 1 << 60), bytes(8) + b"x"])
def test_a_section_cut_short_is_refused(data):
    with pytest.raises(InvalidCubeFileError):
        unpack_segmentations(data, SHAPE, AFFINE, where="here")


def test_verify_looks_at_every_mask(tmp_path):
    image = image_of_shape()
    image.segmentations = [overlapping()]
    path = image.to_file(tmp_path / "x.dcbs")
    assert verify_file(path).ok
    data = bytearray(path.read_bytes())
    with DcbFile(path) as file:
        extent = dict(file.extents())["Segmentations"]
    data[extent.end - 3] ^= 1
    path.write_bytes(data)
    assert "Segmentations" in verify_file(path).problems[0]


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_mask_comes_back(data):
    shape = data.draw(st.tuples(*[st.integers(1, 9)] * 2, st.integers(1, 20)))
    seed, density = data.draw(st.integers(0, 99)), data.draw(st.sampled_from([0, 0.01, 0.5, 1]))
    random = np.random.default_rng(seed)
    bits = [random.random(shape) < density for _ in range(data.draw(st.integers(1, 4)))]
    masks = bits
    if data.draw(st.booleans()):
        masks = [(mask * random.random(shape)).astype(np.float32) for mask in bits]
    segments = [segment(number + 1) for number in range(len(masks))]
    made = Segmentation.from_masks(masks, segments, AFFINE)
    (found,) = unpack_segmentations(pack_segmentations([made]), shape, AFFINE, where="here")
    same(found, made)
