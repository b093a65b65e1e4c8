"""Mosaics: recognised, reported, and unpacked on request."""

import base64
import shutil
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dicube
from dicube import DicomCubeImage
from dicube.dicom.series.csa_header import parse_csa
from dicube.dicom.series.mosaic import Mosaic, mosaic_of
from dicube.exceptions import DataConsistencyError
from tests.dicom.made import data_set_of, meta_of
from tests.series import requires_data, series_folder


def csa_header(**values: list[str]) -> bytes:
    """A header of the layout "SV10"."""
    data = b"SV10\4\3\2\1" + struct.pack("<LL", len(values), 77)
    for name, texts in values.items():
        data += struct.pack("<64sl4sLLL", name.encode(), len(texts), b"FD\0\0", 4, len(texts), 77)
        for text in texts:
            item = text.encode() + b"\0"
            data += struct.pack("<4L", len(item), len(item), 77, len(item))
            data += item + bytes(-len(item) % 4)
    return data


def mosaic_slice(*, slices=5, normal=("0", "0", "1"), **values):
    """A mosaic of 3 x 3 tiles of 4 x 6 pixels; the first tile is centred on the origin."""
    data_set = data_set_of(
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"],
            "SOPInstanceUID": "1.2.3",
            "ImagePositionPatient": [-2.0 * 6, -1.0 * 4, 10.0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1.0, 2.0],
            "SpacingBetweenSlices": 3.5,
            "Rows": 12,
            "Columns": 18,
            **values,
        }
    )
    block = data_set.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa = csa_header(NumberOfImagesInMosaic=[str(slices)], SliceNormalVector=list(normal))
    block.add_new(0x10, "OB", csa + bytes(len(csa) % 2))
    return data_set


def test_csa_values_are_read():
    header = csa_header(NumberOfImagesInMosaic=["36"], SliceNormalVector=["0.5", "-1", "0"])
    assert parse_csa(header) == {
        "NumberOfImagesInMosaic": ["36"], "SliceNormalVector": ["0.5", "-1", "0"]
    }  # fmt: skip


@given(st.binary(max_size=300), st.integers(0, 300))
def test_damaged_csa_headers_are_survived(noise, cut):
    assert isinstance(parse_csa(noise), dict)
    header = csa_header(NumberOfImagesInMosaic=["36"])
    assert isinstance(parse_csa(header[:cut] + noise), dict)


def test_mosaic_is_recognised():
    mosaic = mosaic_of(meta_of([mosaic_slice(), mosaic_slice()]))
    assert mosaic is not None
    assert (mosaic.slices, mosaic.tiles, mosaic.rows, mosaic.columns) == (5, 3, 4, 6)
    np.testing.assert_array_equal(mosaic.step, [0, 0, 3.5])


def test_first_slice_lies_in_the_middle_of_the_mosaic():
    meta = meta_of([mosaic_slice()])
    mosaic = mosaic_of(meta)
    assert mosaic is not None
    np.testing.assert_array_equal(mosaic.corners(meta), [[0, 0, 10]])


def test_header_says_on_which_side_the_next_slice_is():
    mosaic = mosaic_of(meta_of([mosaic_slice(normal=("0", "0", "-1"))]))
    assert mosaic is not None
    np.testing.assert_array_equal(mosaic.step, [0, 0, -3.5])


@pytest.mark.parametrize(
    "changes",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "M"]},
        {"Rows": 13},
        {"slices": 1},
        {"slices": 10},
        {"ImageOrientationPatient": None},
    ],
    ids=str,
)
def test_other_images_are_no_mosaics(changes):
    assert mosaic_of(meta_of([mosaic_slice(**changes)])) is None


def test_grid_of_united_imaging_is_recognised():
    data_set = mosaic_slice(ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    block = data_set.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x50, "DS", "7")
    mosaic = mosaic_of(meta_of([data_set]))
    assert mosaic is not None
    assert (mosaic.slices, mosaic.tiles) == (7, 3)


def test_tiles_are_taken_row_by_row():
    mosaic = Mosaic(5, 3, 2, 4, np.array([0.0, 0, 1]))
    tiles = np.arange(9).repeat(8).reshape(3, 3, 2, 4)  # row of tiles, column of tiles, pixels
    image = tiles.transpose(0, 2, 1, 3).reshape(1, 6, 12)
    unpacked = mosaic.unpacked(image)
    assert unpacked.shape == (1, 5, 2, 4)
    assert [np.unique(tile).tolist() for tile in unpacked[0]] == [[0], [1], [2], [3], [4]]


@requires_data
class TestRealMosaics:
    def test_is_kept_and_reported(self, tmp_path):
        folder = series_folder("mr_mosaic_siemens")
        image = DicomCubeImage.from_dicom_folder(folder)
        assert image.shape == (3, 1, 384, 384)
        assert any("mosaic of 36 slices of 64 x 64" in f.message for f in image.findings)
        for path in dicube.load(image.to_file(tmp_path / "x.dcbs")).to_dicom_folder(tmp_path / "b"):
            assert path.read_bytes() == (folder / path.name).read_bytes()

    @pytest.mark.parametrize(
        ("name", "shape"),
        [
            ("mr_mosaic_siemens", (3, 36, 64, 64)),
            ("mr_mosaic_siemens_nih", (2, 5, 72, 72)),
            ("mr_12bit_signed", (35, 64, 64)),
        ],
    )
    def test_is_unpacked_on_request(self, tmp_path, name, shape):
        packed = DicomCubeImage.from_dicom_folder(series_folder(name))
        image = DicomCubeImage.from_dicom_folder(series_folder(name), mosaic="unpack")
        assert image.shape == shape
        assert image.is_edited
        np.testing.assert_array_equal(
            image.raw_image[..., 0, :, :].reshape(-1, *shape[-2:])[0],
            packed.raw_image.reshape(-1, *packed.shape[-2:])[0, : shape[-2], : shape[-1]],
        )
        loaded = dicube.load(image.to_file(tmp_path / "x.dcba"))
        np.testing.assert_array_equal(loaded.affine, image.affine)
        loaded.to_dicom_folder(tmp_path / "slices")
        again = DicomCubeImage.from_dicom_folder(tmp_path / "slices")
        np.testing.assert_array_equal(again.raw_image, image.raw_image)
        np.testing.assert_allclose(again.affine, image.affine, atol=1e-5)

    def test_other_series_cannot_be_unpacked(self):
        with pytest.raises(DataConsistencyError, match="no mosaics"):
            DicomCubeImage.from_dicom_folder(series_folder("mr_t1_sts"), mosaic="unpack")

    def test_header_agrees_with_the_count_beside_it(self, tmp_path):
        """The count is in two places; without the first the second is read."""
        folder = tmp_path / "one"
        folder.mkdir()
        shutil.copy(next(series_folder("ts_siemens_1").iterdir()), folder / "a.dcm")
        expected = DicomCubeImage.from_dicom_folder(folder, mosaic="unpack")
        data_set = pydicom.dcmread(folder / "a.dcm")
        del data_set[0x0019100A]
        data_set.save_as(folder / "a.dcm")
        image = DicomCubeImage.from_dicom_folder(folder, mosaic="unpack")
        np.testing.assert_array_equal(image.raw_image, expected.raw_image)
        assert base64.b64decode(image.dicom_meta.get_values("00291010")[0]).startswith(b"SV10")
