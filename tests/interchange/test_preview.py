"""Contact sheets: the right values in the right places."""

import sys

import numpy as np
import pytest
from pydicom.pixels import convert_color_space

from dicube import DataConsistencyError, DicomCubeImage, MissingDependencyError, PixelDataHeader
from dicube.interchange.preview import write_preview
from tests.series import requires_data, series_folder

Image = pytest.importorskip("PIL.Image", reason="needs Pillow")

EDGE = 512  # of a tile, where there is one column


def image_of(values, *, photometric=None, window=(None, None), spacing=None, **header):
    image = DicomCubeImage(
        np.asarray(values),
        PixelDataHeader(WindowCenter=window[0], WindowWidth=window[1], **header),
    )
    if spacing is not None:
        image.affine = np.diag([1.0, *spacing, 1.0])[[2, 1, 0, 3]]
    if photometric is not None:
        image.init_meta("OT").set_shared_item("PhotometricInterpretation", photometric)
    return image


def drawn(image, path, **options):
    """The sheet as an array."""
    write_preview(image, path, **options)
    with Image.open(path) as sheet:
        return np.asarray(sheet)


def centres(sheet, count):
    """The middle pixel of each tile of one row."""
    width = (sheet.shape[1] + 2) // count
    return [sheet[sheet.shape[0] // 2, i * width + width // 2].tolist() for i in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sheet.png"


def flat(*values, dtype=np.int16):
    """One frame of each value."""
    return np.array(values, dtype=dtype).reshape(-1, 1, 1) * np.ones((8, 8), dtype)


class TestOutline:
    def test_outline_of_a_mask_is_drawn_in_colour_and_nothing_else(self, path):
        mask = np.zeros((1, 8, 8), bool)
        mask[0, 2:6, 3:8] = True
        sheet = drawn(image_of(flat(100)), path, mask=mask).astype(int)
        coloured = np.ptp(sheet, axis=2) > 0
        tile = EDGE // 8
        assert coloured[2 * tile, 3 * tile : 8 * tile].all()  # the first row of the mask
        assert coloured[2 * tile : 6 * tile, 3 * tile].all()
        assert not coloured[2 * tile + 1 : 6 * tile - 1, -1].any()  # where the frame ends
        inside = coloured[2 * tile + 1 : 6 * tile - 1, 3 * tile + 1 :]
        assert not inside.any()
        assert not coloured[: 2 * tile].any()

    def test_mask_of_another_shape_is_refused(self, path):
        with pytest.raises(DataConsistencyError, match="mask"):
            write_preview(image_of(flat(1)), path, mask=np.ones((1, 8, 7), bool))


class TestGreyValues:
    def test_window_of_the_call_maps_its_edges_to_black_and_white(self, path):
        image = image_of(flat(-1000, -160, 40, 240, 3000), window=(0, 10))
        sheet = drawn(image, path, window=(40, 400), columns=5)
        assert centres(sheet, 5) == [0, 0, 128, 255, 255]

    def test_window_of_the_header_counts_output_values(self, path):
        image = image_of(flat(864, 1264), window=(40, 400), RescaleIntercept=-1024.0)
        assert centres(drawn(image, path, columns=2), 2) == [0, 255]

    def test_without_window_the_range_of_the_values_is_shown(self, path):
        assert centres(drawn(image_of(flat(10, 20, 30)), path, columns=3), 3) == [0, 128, 255]

    def test_rescale_of_each_frame_is_applied(self, small_image, tmp_path, path):
        values = flat(100, 100, dtype=np.uint16)
        image = image_of(values, photometric="MONOCHROME2")
        image.dicom_meta.set_nonshared_item("RescaleSlope", [1, 2])
        image.to_dicom_folder(tmp_path / "series")
        image = DicomCubeImage.from_dicom_folder(tmp_path / "series")
        assert image.frame_rescale is not None
        assert centres(drawn(image, path, window=(150, 100), columns=2), 2) == [0, 255]

    def test_monochrome1_is_inverted(self, path):
        image = image_of(flat(0, 100), photometric="MONOCHROME1")
        assert centres(drawn(image, path, columns=2), 2) == [255, 0]

    def test_few_set_pixels_of_a_mask_are_seen(self, path):
        values = np.zeros((1, 100, 100), np.uint8)
        values[0, 50, 50] = 1
        assert drawn(image_of(values), path)[10:, 30:].max() > 200

    def test_what_is_no_number_is_black(self, path):
        values = flat(0, 1, 2, dtype=np.float32)
        values[1] = np.nan
        values[2] = np.inf
        assert centres(drawn(image_of(values), path, window=(0.5, 1), columns=3), 3) == [0, 0, 255]

    @pytest.mark.parametrize("value", [7, np.nan])
    def test_constant_image_is_drawn(self, path, value):
        assert drawn(image_of(np.full((1, 8, 8), value, np.float64)), path).shape == (EDGE, EDGE)

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", "float16"])
    def test_every_dtype_is_drawn(self, path, dtype):
        sheet = drawn(image_of(flat(0, 100, dtype=dtype)), path, columns=2)
        assert centres(sheet, 2) == [0, 255]


class TestColour:
    def test_rgb_is_shown_as_it_is(self, path):
        values = np.zeros((1, 8, 8, 3), np.uint8) + np.array([250, 20, 7], np.uint8)
        assert centres(drawn(image_of(values), path), 1) == [[250, 20, 7]]

    def test_sixteen_bits_are_brought_to_eight(self, path):
        values = np.full((1, 8, 8, 3), 65535, np.uint16)
        assert centres(drawn(image_of(values, photometric="RGB"), path), 1) == [[255, 255, 255]]

    @pytest.mark.parametrize(
        ("ybr", "rgb"),
        [
            # PS3.3 C.7.6.3.1.2, computed by hand from the primaries.
            ((76, 85, 255), (254, 0, 0)),
            ((150, 44, 21), (0, 255, 1)),
            ((29, 255, 107), (0, 0, 254)),
            ((128, 128, 128), (128, 128, 128)),
        ],
    )
    def test_ybr_full_is_converted(self, path, ybr, rgb):
        values = np.zeros((1, 8, 8, 3), np.uint8) + np.array(ybr, np.uint8)
        shown = centres(drawn(image_of(values, photometric="YBR_FULL"), path), 1)[0]
        np.testing.assert_allclose(shown, rgb, atol=1)


class TestSheet:
    def test_tile_has_the_shape_of_the_anatomy(self, path):
        image = image_of(np.ones((1, 10, 20), np.uint8), spacing=(4.0, 1.0))
        assert drawn(image, path).shape == (EDGE, EDGE // 2)  # 40 mm high, 20 mm wide

    def test_spacing_far_from_square_is_ignored(self, path):
        image = image_of(np.ones((1, 10, 10), np.uint8), spacing=(1000.0, 1.0))
        assert drawn(image, path).shape == (EDGE, EDGE)

    def test_columns_and_rows(self, path):
        sheet = drawn(image_of(flat(*range(5))), path, columns=3)
        assert sheet.shape == (2 * EDGE + 2, 3 * EDGE + 4)

    def test_of_many_frames_evenly_spaced_ones_are_shown(self, path):
        assert write_preview(image_of(flat(*range(10))), path, max_frames=4) == [0, 3, 6, 9]
        assert write_preview(image_of(flat(*range(3))), path, max_frames=4) == [0, 1, 2]
        assert write_preview(image_of(flat(*range(3))), path, max_frames=1) == [0]

    def test_frames_of_all_volumes_are_shown(self, path):
        image = image_of(np.zeros((2, 3, 8, 8), np.uint8))
        assert write_preview(image, path) == list(range(6))

    def test_two_dimensional_image_is_one_frame(self, path):
        assert write_preview(image_of(np.zeros((8, 8), np.uint8)), path) == [0]

    def test_frame_number_is_drawn_in_the_corner(self, path):
        sheet = drawn(image_of(flat(0)), path, window=(10, 1))
        assert sheet[:16, :12].max() > 200
        assert sheet[20:].max() == 0


class TestErrors:
    @pytest.mark.parametrize(
        "options", [{"max_frames": 0}, {"columns": 0}, {"window": (0, 0)}, {"window": (0, -1)}]
    )
    def test_numbers_out_of_range(self, path, options):
        with pytest.raises(DataConsistencyError):
            write_preview(image_of(flat(0)), path, **options)

    def test_other_picture_formats(self, tmp_path):
        with pytest.raises(DataConsistencyError, match="PNG"):
            write_preview(image_of(flat(0)), tmp_path / "sheet.jpg")

    def test_folder_that_is_missing(self, tmp_path):
        with pytest.raises(DataConsistencyError, match="cannot be written"):
            write_preview(image_of(flat(0)), tmp_path / "missing" / "sheet.png")

    def test_pillow_that_is_missing(self, path, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[preview\]"):
            write_preview(image_of(flat(0)), path)
        assert not path.exists()


@requires_data
class TestRealSeries:
    @pytest.mark.parametrize(
        "name", ["rgb_SC_ybr_full_uncompressed", "rgb_SC_ybr_full_422_uncompressed"]
    )
    def test_ybr_looks_as_pydicom_converts_it(self, name, tmp_path):
        image = DicomCubeImage.from_dicom_folder(series_folder(name))
        rgb = image_of(convert_color_space(image.raw_image, "YBR_FULL", "RGB"))
        found, expected = drawn(image, tmp_path / "a.png"), drawn(rgb, tmp_path / "b.png")
        assert np.abs(expected.astype(int) - found).max() <= 1

    @pytest.mark.parametrize("name", ["dx_8bit_mono1", "palette_us", "seg_liver", "pet_slopes"])
    def test_picture_uses_the_range_of_grey(self, name, path):
        image = DicomCubeImage.from_dicom_folder(series_folder(name))
        sheet = drawn(image, path, max_frames=9)
        assert sheet.std() > 10
