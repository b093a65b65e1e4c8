"""Images as cube files: what was written comes back."""

import json
from pathlib import Path

import numpy as np
import pytest
from spacetransformer import Space

from dicube import Axis, DicomCubeImage, DicomStatus, PixelDataHeader, load_meta
from dicube.core.contents import values_digest
from dicube.core.verify import verify_file
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from tests.core.made import (
    DTYPES,
    FORMATS,
    INTEGERS,
    SHAPES,
    copied,
    every_bit_pattern,
    image_of,
    same_values,
)


class TestRoundTrip:
    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_values_of_every_dtype_and_shape(self, tmp_path, suffix, dtype, shape):
        values = every_bit_pattern(shape, dtype)
        path = tmp_path / f"a.{suffix}"
        image = image_of(values)
        back = copied(image, path)
        assert same_values(back.raw_image, values)
        assert back.axes == image.axes
        assert back.pixel_header.OriginalPixelDtype == dtype
        assert verify_file(path).ok

    @pytest.mark.parametrize("dtype", INTEGERS)
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_extreme_values(self, tmp_path, suffix, dtype):
        limits = np.iinfo(dtype)
        for low, high in ((limits.min, limits.max), (limits.min, limits.min), (0, 0), (0, 1)):
            values = np.full((2, 6, 6), low, dtype)
            values[0, ::2] = high
            assert same_values(copied(image_of(values), tmp_path / f"a.{suffix}").raw_image, values)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_strided_and_big_endian_arrays(self, tmp_path, suffix):
        values = every_bit_pattern((4, 6, 8), "int16")
        views = (values[::2, ::-1, 1:], values.transpose(2, 0, 1), values.astype(">i2"))
        for view in views:
            back = copied(image_of(view), tmp_path / f"a.{suffix}")
            assert same_values(back.raw_image, view.astype("=i2"))

    def test_header_with_extras(self, tmp_path):
        extras = {"Vendor": {"nested": [1, 2.5, None, "Ä"]}, "Count": 3, "": ""}
        header = PixelDataHeader(
            RescaleSlope=0.1, RescaleIntercept=-1e-3, OriginalPixelDtype="int16",
            PixelDtype="int16", WindowCenter=40.5, WindowWidth=400.0, MaxVal=7.0, MinVal=-3.0,
            Extras=extras,
        )  # fmt: skip
        values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        back = copied(DicomCubeImage(values, header), tmp_path / "a.dcbs")
        assert back.pixel_header == header
        again = copied(back, tmp_path / "b.dcba")
        assert again.pixel_header == header
        np.testing.assert_array_equal(again.get_fdata("float64"), values * 0.1 - 1e-3)

    def test_space_keeps_its_order(self, tmp_path):
        image = image_of(np.zeros((3, 4, 5), np.uint8))
        image.space = Space(
            shape=(3, 4, 5), origin=(1.0, 2.0, 3.0), spacing=(2.5, 0.75, 0.5),
            x_orientation=(0, 0, 1), y_orientation=(0, 1, 0), z_orientation=(1, 0, 0),
        )  # fmt: skip
        back = copied(image, tmp_path / "a.dcbs")
        assert back.space == image.space
        with DcbFile(tmp_path / "a.dcbs") as file:
            stored = json.loads(file.section(list(file.header.extents)[2]))
        assert stored["shape"] == [5, 4, 3]  # (x, y, z) in the file
        assert stored["spacing"] == [0.5, 0.75, 2.5]

    def test_sheared_affine_and_axes(self, tmp_path):
        image = image_of(np.zeros((2, 3, 4, 5), np.uint16))
        affine = np.array([[0, 0, 0.5, -1], [0.3, 0.75, 0, 2], [2.5, 0, 0, 3], [0, 0, 0, 1]])
        image.affine = affine
        assert image.space is None
        axes = (Axis("t", 2, "ms", (0.0, 33.25)), Axis("z", 3, "mm"))
        moving = DicomCubeImage(image.raw_image, image.pixel_header, axes=axes)
        moving.affine = affine
        back = copied(moving, tmp_path / "a.dcba")
        assert back.axes == axes
        assert back.space is None
        np.testing.assert_array_equal(back.affine, affine)

    @pytest.mark.parametrize("status", DicomStatus)
    def test_status(self, tmp_path, status):
        image = image_of(np.zeros((1, 2, 2), np.uint8))
        image.dicom_status = status
        assert copied(image, tmp_path / "a.dcbs").dicom_status == status

    def test_the_format_document_lists_every_status(self):
        document = Path(__file__).resolve().parents[2] / "docs" / "format.md"
        text = document.read_text()
        assert all(f"`{status.value}`" in text for status in DicomStatus)

    def test_metadata_and_source_files(self, cube, small_folder, tmp_path):
        original = DicomCubeImage.from_dicom_folder(small_folder)
        back = DicomCubeImage.from_file(cube)
        assert dict(back.dicom_meta.items()) == dict(original.dicom_meta.items())
        assert load_meta(cube).slice_count == 4
        for written in back.to_dicom_folder(tmp_path / "out"):
            assert written.read_bytes() == (small_folder / written.name).read_bytes()
        assert verify_file(cube, against=small_folder).identical_files == 4

    def test_rescale_of_each_frame(self, tmp_path, small_image):
        slopes = [1.0, 2.0, 0.5, 3.0]
        small_image.dicom_meta.set_nonshared_item("RescaleSlope", slopes)
        small_image.to_dicom_folder(tmp_path / "series")
        image = DicomCubeImage.from_dicom_folder(tmp_path / "series")
        back = copied(image, tmp_path / "a.dcbs")
        assert back.frame_rescale.slopes.tolist() == slopes
        expected = image.raw_image * np.array(slopes).reshape(-1, 1, 1) - 24
        np.testing.assert_array_equal(back.get_fdata("float64"), expected)
        with DcbFile(tmp_path / "a.dcbs") as file:  # no number that an old reader could apply
            assert file.pixel_header["RescaleSlope"] == "per frame"
            assert file.pixel_header["RescaleIntercept"] == "per frame"

    def test_bit_patterns_carry_no_slope_for_old_readers(self, tmp_path):
        image = image_of(np.ones((1, 2, 2), np.float32), RescaleSlope=2.0)
        back = copied(image, tmp_path / "a.dcbs")
        assert back.pixel_header.RescaleSlope == 2.0
        assert back.get_fdata().max() == 2.0
        with DcbFile(tmp_path / "a.dcbs") as file:
            assert file.pixel_header["RescaleSlope"] == "bit patterns"
            assert file.pixel_header["PixelDtype"] == "uint32"

    def test_without_metadata_and_without_source_files(self, cube, tmp_path):
        image = DicomCubeImage.from_file(cube, skip_meta=True)
        assert image.dicom_meta is None
        image = DicomCubeImage.from_file(cube)
        copied(image, tmp_path / "less.dcbs", keep_sources=False)
        with DcbFile(tmp_path / "less.dcbs") as file:
            assert not file.has_section("SourceFiles")

    def test_digest_is_that_of_the_values(self, cube):
        with DcbFile(cube) as file:
            recorded = file.pixel_header["Image"]["ValuesDigest"]
        assert recorded == values_digest(DicomCubeImage.from_file(cube).raw_image)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_file_is_the_same_every_time(self, small_folder, tmp_path, suffix):
        image = DicomCubeImage.from_dicom_folder(small_folder)
        first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        image.to_file(first, num_threads=1)
        DicomCubeImage.from_file(first).to_file(second, num_threads=3)
        assert first.read_bytes() == second.read_bytes()

    def test_header_that_json_cannot_hold_is_refused_and_the_old_file_stays(self, tiny):
        before = tiny.read_bytes()
        with pytest.raises(InvalidCubeFileError, match="JSON"):
            image_of(np.zeros((1, 2, 2), np.uint8), WindowCenter=float("nan")).to_file(tiny)
        assert tiny.read_bytes() == before
