"""Files with a region of interest: what stays, what is lost, and what the file says about it."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage, PixelDataHeader, load, verify_file
from dicube.core.cube_file import read_description
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    InvalidCubeFileError,
    MissingDependencyError,
)
from dicube.storage.dcb_file import DcbFile
from tests.storage.made import rewrite


@pytest.fixture
def image(small_folder: Path) -> DicomCubeImage:
    """(4, 12, 10) int16 from DICOM files, with everything that a series has."""
    return DicomCubeImage.from_dicom_folder(small_folder)


@pytest.fixture
def mask(image: DicomCubeImage) -> np.ndarray:
    """A block that is no mirror image of itself along any axis."""
    mask = np.zeros(image.shape, bool)
    mask[:3, 2:9, 1:6] = True
    mask[0, 3, 8] = True
    return mask


def with_region(path: Path, region: dict[str, Any] | None) -> Path:
    """The file with another record of its region, checksums and all."""
    with DcbFile(path) as file:
        image = dict(file.pixel_header["Image"])
    image["Region"] = None if region is None else {**image["Region"], **region}
    if region is None:
        del image["Region"]
    return rewrite(path, path.with_name("forged.dcbr"), pixel_header={"Image": image})


def error_of(first: DicomCubeImage, second: DicomCubeImage) -> np.ndarray:
    return np.abs(first.raw_image.astype(np.int64) - second.raw_image)


class TestFile:
    @pytest.mark.parametrize("error", [1, 2, 5, 300])
    def test_exact_inside_and_within_the_error_outside(self, image, mask, tmp_path, error):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=error)
        loaded = load(path)
        assert loaded.dtype == image.dtype
        np.testing.assert_array_equal(loaded.roi.mask, mask)
        differences = error_of(loaded, image)
        assert not differences[mask].any()
        assert differences.max() == loaded.roi.quality.largest_error <= error
        assert loaded.roi.quality.background_error == error
        assert loaded.roi.quality.pixels == np.count_nonzero(mask)

    def test_an_error_of_one_is_the_default(self, image, mask, tmp_path):
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=mask))
        assert loaded.roi.quality.background_error == 1
        assert error_of(loaded, image).max() == 1

    def test_distance(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_distance=3.0)
        loaded = load(path)
        differences = error_of(loaded, image)
        assert not differences[mask].any()
        assert loaded.roi.quality[1:4] == (None, 3.0, differences.max())
        assert verify_file(path).ok
        with pytest.raises(DataConsistencyError, match="lose more"):
            loaded.to_file(tmp_path / "y.dcbr")

    def test_everything_else_comes_back(self, image, mask, tmp_path):
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        np.testing.assert_array_equal(loaded.affine, image.affine)
        assert loaded.pixel_header == image.pixel_header
        assert loaded.dicom_status is image.dicom_status
        assert loaded.axes == image.axes
        assert loaded.dicom_meta.get("PatientName") == image.dicom_meta.get("PatientName")

    def test_source_files_are_never_kept(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        assert read_description(path).sources is None
        assert load(path).is_edited

    @pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
    @pytest.mark.parametrize("shape", [(3, 8, 6), (2, 3, 6, 5), (2, 6, 5, 3), (1, 1, 1)], ids=str)
    def test_every_integer_dtype_and_shape(self, tmp_path, dtype, shape):
        limits = np.iinfo(dtype)
        rng = np.random.default_rng(8)
        values = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=dtype))
        mask = rng.random(shape[: len(image.axes) + 2]) < 0.4
        mask.flat[0] = True
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=20)
        loaded = load(path)
        np.testing.assert_array_equal(loaded.roi.mask, mask)
        np.testing.assert_array_equal(loaded.raw_image[mask], values[mask])
        assert error_of(loaded, image).max() <= 20
        assert verify_file(path).ok

    def test_region_of_everything_is_lossless_and_derives_nothing(self, image, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=np.ones(image.shape))
        loaded = load(path)
        np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
        assert loaded.roi.quality.is_lossless
        assert loaded.dicom_meta.to_json() == image.dicom_meta.to_json()

    def test_metadata_say_what_was_done(self, image, mask, tmp_path):
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        files = loaded.to_dicom_folder(tmp_path / "out")
        for file, before in zip(files, image.dicom_meta.get_values("SOPInstanceUID"), strict=True):
            dataset = pydicom.dcmread(file)
            assert dataset.LossyImageCompression == "01"
            assert dataset.LossyImageCompressionMethod == "ISO_18181_1"
            ratio = loaded.roi.quality.compression_ratio
            assert float(dataset.LossyImageCompressionRatio) == ratio
            assert dataset.ImageType[0] == "DERIVED"
            assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID
            assert dataset.SOPInstanceUID != before
            assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == before
            assert "up to 9" in dataset.DerivationDescription

    def test_same_job_gives_the_same_file(self, image, mask, tmp_path):
        paths = [
            image.to_file(tmp_path / f"{name}.dcbr", roi=mask, background_error=9) for name in "ab"
        ]
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_metadata_made_afterwards_say_it_too(self, mask, tmp_path):
        values = np.random.default_rng(1).integers(0, 900, mask.shape).astype(np.uint16)
        image = DicomCubeImage(values, PixelDataHeader())
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        assert loaded.dicom_meta is None
        meta = loaded.init_meta("CT")
        assert meta.get("LossyImageCompression") == "01"
        assert meta.get("ImageType") == ["DERIVED", "PRIMARY"]

    def test_saving_again_keeps_region_and_error_and_loses_nothing_more(
        self, image, mask, tmp_path
    ):
        first = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        first.dicom_meta.set_shared_item("PatientName", "Nobody")
        second = load(first.to_file(tmp_path / "y.dcbr"))
        np.testing.assert_array_equal(second.raw_image, first.raw_image)
        assert second.roi.quality == first.roi.quality
        assert second.dicom_meta.get("PatientName") == {"Alphabetic": "Nobody"}
        uids = [image.dicom_meta.get("SOPInstanceUID") for image in (first, second)]
        assert uids[0] == uids[1]

    def test_pixels_edited_in_place_add_their_loss_to_the_record(self, image, mask, tmp_path):
        first = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        first.raw_image[3] += 4
        second = load(first.to_file(tmp_path / "y.dcbr"))
        assert second.roi.quality.background_error == 18
        assert 9 < second.roi.quality.largest_error <= 18
        assert len(second.dicom_meta.get("LossyImageCompressionRatio")) == 2

    def test_lossless_formats_take_the_image_as_it_is(self, image, mask, tmp_path):
        lossy = load(image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9))
        for suffix in ("dcbs", "dcba"):
            loaded = load(lossy.to_file(tmp_path / f"y.{suffix}"))
            np.testing.assert_array_equal(loaded.raw_image, lossy.raw_image)
            assert loaded.roi is None
            assert loaded.dicom_meta.get("LossyImageCompression") == "01"

    def test_new_pixels_have_no_region(self, image, mask, tmp_path):
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=mask))
        loaded.raw_image = image.raw_image
        assert loaded.roi is None


class TestVerify:
    def test_against_the_folder(self, image, mask, small_folder, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9)
        report = verify_file(path, against=small_folder)
        assert report.ok
        assert report.largest_error == 9
        again = load(path).to_file(tmp_path / "y.dcbr")
        assert verify_file(again, against=small_folder).ok

    def test_slices_in_another_order(self, image, mask, small_folder, tmp_path):
        other = DicomCubeImage.from_dicom_folder(small_folder)
        other.dicom_meta  # noqa: B018  # unpacked
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9)
        for number, file in enumerate(sorted(small_folder.iterdir())):
            file.rename(small_folder / f"z{9 - number}.dcm")
        assert verify_file(path, against=small_folder).ok

    @pytest.mark.parametrize(
        ("place", "change", "problem"),
        [((0, 3, 3), 1, "inside of the region"), ((3, 0, 0), 40, "are off by")],
    )
    def test_a_folder_with_other_values(self, image, mask, tmp_path, place, change, problem):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=9)
        image.raw_image[place] += change
        image.to_dicom_folder(tmp_path / "other")
        report = verify_file(path, against=tmp_path / "other")
        assert not report.ok
        assert problem in report.problems[0]

    def test_a_folder_with_other_instances(self, image, mask, small_folder, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        next(small_folder.iterdir()).unlink()
        assert verify_file(path, against=small_folder).problems == (
            "the folder holds other images",
        )

    def test_damage_is_found(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        data = bytearray(path.read_bytes())
        data[200] ^= 1
        path.write_bytes(data)
        assert "frame 0 fails its checksum" in verify_file(path).problems

    def test_region_of_another_size_than_recorded_is_found(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        forged = with_region(path, {"Pixels": 1})
        assert "region of interest" in verify_file(forged).problems[0]


class TestForged:
    @pytest.mark.parametrize(
        "change",
        [
            {"Pixels": -1},
            {"Pixels": "1"},
            {"BackgroundError": None},
            {"BackgroundDistance": 1.0},
            {"LargestError": 0.5},
            {"CompressionRatio": 0},
            {"CompressionRatio": "x"},
            {"BackgroundError": None, "BackgroundDistance": "x"},
            {"BackgroundError": None, "BackgroundDistance": -1},
            {"BackgroundError": None, "BackgroundDistance": True},
        ],
        ids=str,
    )
    def test_impossible_regions_are_refused(self, image, mask, tmp_path, change):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        with pytest.raises(InvalidCubeFileError, match="Image member"):
            load(with_region(path, change))

    def test_file_without_its_region_is_refused(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        with pytest.raises(InvalidCubeFileError, match="region"):
            load(with_region(path, None))

    def test_region_in_a_lossless_file_is_refused(self, image, mask, tmp_path):
        path = image.to_file(tmp_path / "x.dcbr", roi=mask)
        with DcbFile(path) as file:
            region = file.pixel_header["Image"]["Region"]
        plain = image.to_file(tmp_path / "x.dcba")
        with DcbFile(plain) as file:
            members = {**file.pixel_header["Image"], "Region": region}
        forged = rewrite(plain, tmp_path / "y.dcba", pixel_header={"Image": members})
        with pytest.raises(InvalidCubeFileError, match="region"):
            load(forged)


class TestMask:
    """What callers may give as region."""

    def both(self, image, tmp_path, mask, roi) -> None:
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi=roi))
        np.testing.assert_array_equal(loaded.roi.mask, mask)

    @pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
    def test_any_numbers_that_are_not_0(self, image, mask, tmp_path, dtype):
        self.both(image, tmp_path, mask, mask.astype(dtype) * np.array(3).astype(dtype))

    def test_nested_lists(self, image, mask, tmp_path):
        self.both(image, tmp_path, mask, mask.astype(int).tolist())

    def test_one_frame_for_all(self, image, mask, tmp_path):
        self.both(image, tmp_path, np.broadcast_to(mask[0], mask.shape), mask[0])

    def test_one_volume_for_all_times(self, mask, tmp_path):
        values = np.random.default_rng(1).integers(0, 900, (3, *mask.shape)).astype(np.uint16)
        image = DicomCubeImage(values, PixelDataHeader())
        self.both(image, tmp_path, np.broadcast_to(mask, values.shape), mask)

    def test_npy_file(self, image, mask, tmp_path):
        np.save(tmp_path / "mask.npy", mask)
        self.both(image, tmp_path, mask, tmp_path / "mask.npy")
        self.both(image, tmp_path, mask, str(tmp_path / "mask.npy"))

    @pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)], ids=str)
    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)], ids=str)
    def test_nifti_on_a_turned_grid(self, image, mask, tmp_path, order, flips):
        whole = DicomCubeImage(mask.astype(np.uint8), PixelDataHeader(OriginalPixelDtype="uint8"))
        whole.affine = image.affine
        whole.to_nifti(tmp_path / "plain.nii")
        nifti = nibabel.load(tmp_path / "plain.nii")
        # nibabel's own way to turn grids: axis and direction for each axis of the array.
        turn = np.array([[axis, -1 if axis in flips else 1] for axis in order])
        nibabel.save(nifti.as_reoriented(turn), tmp_path / "mask.nii.gz")
        self.both(image, tmp_path, mask, tmp_path / "mask.nii.gz")

    def test_nifti_on_another_grid(self, image, mask, tmp_path):
        for number, change in enumerate((np.diag([1, 1, 1.1, 1]), np.diag([2, 1, 1, 1]))):
            labels = DicomCubeImage(mask.astype(np.uint8), PixelDataHeader())
            labels.affine = image.affine @ change
            labels.to_nifti(tmp_path / f"{number}.nii")
            with pytest.raises(DataConsistencyError, match="another grid"):
                image.to_file(tmp_path / "x.dcbr", roi=tmp_path / f"{number}.nii")
        moved = DicomCubeImage(mask.astype(np.uint8), PixelDataHeader())
        moved.affine = image.affine @ np.array(
            [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]
        )
        moved.to_nifti(tmp_path / "moved.nii")
        with pytest.raises(DataConsistencyError, match="another grid"):
            image.to_file(tmp_path / "x.dcbr", roi=tmp_path / "moved.nii")

    def test_nifti_for_an_image_without_geometry(self, image, mask, tmp_path):
        labels = DicomCubeImage(mask.astype(np.uint8), PixelDataHeader())
        labels.affine = image.affine
        labels.to_nifti(tmp_path / "mask.nii")
        bare = DicomCubeImage(image.raw_image, PixelDataHeader(OriginalPixelDtype="int16"))
        with pytest.raises(DataConsistencyError, match="no regular geometry"):
            bare.to_file(tmp_path / "x.dcbr", roi=tmp_path / "mask.nii")

    def test_body(self, tmp_path):
        values = np.zeros((2, 64, 64), np.int16)
        values[:, 20:40, 20:44] = 500
        image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"))
        loaded = load(image.to_file(tmp_path / "x.dcbr", roi="body"))
        np.testing.assert_array_equal(loaded.roi.mask, image.find_body())

    @pytest.mark.parametrize(
        ("roi", "message"),
        [
            (np.zeros((4, 12, 10), bool), "empty"),
            (np.ones((4, 12, 9), bool), r"\(4, 12, 9\)"),
            (np.ones((12,), bool), r"\(12,\)"),
            (np.ones((1, 4, 12, 10), bool), r"\(1, 4, 12, 10\)"),
            (np.full((4, 12, 10), 0.5), "fractions"),
            (np.full((4, 12, 10), np.nan), "fractions"),
            (np.full((4, 12, 10), "x"), "dtype"),
            ("nothing.npy", "cannot be read"),
            ("nothing.nii", "cannot be read"),
            ("mask.txt", r"\.npy, \.nii"),
        ],
    )
    def test_others_are_refused(self, image, tmp_path, roi, message):
        with pytest.raises(DataConsistencyError, match=message):
            image.to_file(tmp_path / "x.dcbr", roi=roi)
        assert not (tmp_path / "x.dcbr").exists()

    def test_pickled_arrays_are_not_unpacked(self, image, tmp_path):
        np.save(tmp_path / "mask.npy", np.array([{}], dtype=object), allow_pickle=True)
        with pytest.raises(DataConsistencyError, match="cannot be read"):
            image.to_file(tmp_path / "x.dcbr", roi=tmp_path / "mask.npy")


class TestOptions:
    def test_a_region_is_needed(self, image, tmp_path):
        with pytest.raises(DataConsistencyError, match="needs a region"):
            image.to_file(tmp_path / "x.dcbr")

    @pytest.mark.parametrize("option", ["roi", "background_error", "background_distance"])
    @pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
    def test_lossless_formats_take_none(self, image, tmp_path, suffix, option):
        with pytest.raises(DataConsistencyError, match="lossless"):
            image.to_file(tmp_path / f"x.{suffix}", **{option: 1})

    def test_image_with_a_region_takes_no_other(self, image, mask, tmp_path):
        lossy = load(image.to_file(tmp_path / "x.dcbr", roi=mask))
        for options in ({"roi": mask}, {"background_error": 3}):
            with pytest.raises(DataConsistencyError, match="already"):
                lossy.to_file(tmp_path / "y.dcbr", **options)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
    def test_bit_patterns_cannot_be_rounded(self, tmp_path, dtype):
        image = DicomCubeImage(np.ones((2, 4, 4), dtype), PixelDataHeader())
        with pytest.raises(CodecError, match=dtype):
            image.to_file(tmp_path / "x.dcbr", roi=np.ones((4, 4)))

    def test_error_below_one(self, image, mask, tmp_path):
        with pytest.raises(CodecError, match="at least 1"):
            image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=0)

    def test_missing_extra_is_named(self, image, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "scipy", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[roi\]"):
            image.to_file(tmp_path / "x.dcbr", roi="body")
