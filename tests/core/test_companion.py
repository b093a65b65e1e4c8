"""Companions: everything of an image but its pixels comes back, and damage is noticed."""

import io
import itertools

import numpy as np
import pytest

from dicube import DicomCubeImage
from dicube.core.companion import Companion, pack_companion
from dicube.core.contents import values_digest
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.formats import DCBS
from dicube.storage.writer import CubeWriter
from tests.core.made import DTYPES, SHAPES, every_bit_pattern, image_of
from tests.series import DATA, requires_data


def packed(image: DicomCubeImage) -> bytes:
    contents = image.contents()
    return pack_companion(contents, values_digest(contents.values))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_shape_and_dtype_are_told_without_the_values(shape, dtype):
    values = every_bit_pattern(shape, dtype)
    companion = Companion(packed(image_of(values)), where="here")
    described = companion.described
    assert (described.values.shape, described.values.dtype) == (shape, np.dtype(dtype))
    assert companion.matches(values)
    other = values.copy()
    other.view(np.uint8).reshape(-1)[0] ^= 1
    assert not companion.matches(other)


def test_it_is_small_and_brings_the_files_back(small_folder, tmp_path):
    image = DicomCubeImage.from_dicom_folder(small_folder)
    data = packed(image)
    contents = Companion(data, where="here").contents(image.raw_image)
    copy = DicomCubeImage.from_contents(contents)
    assert not copy.is_edited
    copy.to_dicom_folder(tmp_path / "copy")
    for path in small_folder.iterdir():
        assert (tmp_path / "copy" / path.name).read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(copy.affine, image.affine)


def test_edited_metadata_leave_the_source_files_out(small_folder):
    image = DicomCubeImage.from_dicom_folder(small_folder)
    image.dicom_meta.set_shared_item("PatientName", "Nobody")
    contents = Companion(packed(image), where="here").described
    assert contents.sources is None
    assert contents.meta.value.get("PatientName") == {"Alphabetic": "Nobody"}


@requires_data
@pytest.mark.parametrize(
    "name", ["pet_slopes", "mr_multiecho_mag", "ct_ge_int16_tilt", "enh_mr_nema_stacks"]
)
def test_all_that_a_file_says_is_said(name, tmp_path):
    image = DicomCubeImage.from_dicom_folder(DATA / name, on_damaged="skip")
    image.to_file(tmp_path / "image.dcbs")
    expected = DicomCubeImage.from_file(tmp_path / "image.dcbs")
    found = DicomCubeImage.from_contents(
        Companion(packed(image), where="here").contents(image.raw_image)
    )
    assert found.axes == expected.axes
    assert found.axes_rule == expected.axes_rule
    assert found.dicom_status == expected.dicom_status
    assert found.dicom_meta.to_json() == expected.dicom_meta.to_json()
    assert found.space == expected.space
    np.testing.assert_array_equal(found.get_fdata("float64"), expected.get_fdata("float64"))
    assert found.is_edited == expected.is_edited


def test_a_cube_file_is_no_companion(small_image, tmp_path):
    small_image.to_file(tmp_path / "image.dcbs")
    with pytest.raises(InvalidCubeFileError, match="no description of an image"):
        Companion((tmp_path / "image.dcbs").read_bytes(), where="here")


def test_a_companion_is_no_cube_file(small_image, tmp_path):
    path = tmp_path / "image.dcbs"
    path.write_bytes(packed(small_image))
    with pytest.raises(InvalidCubeFileError, match=r"image\.dcbs"):
        DicomCubeImage.from_file(path)


def test_a_shape_beyond_all_memory_is_refused(small_image):
    contents = small_image.contents()
    file = io.BytesIO()
    writer = CubeWriter.begin(file, DCBS)
    image = {
        "Shape": [2**31 - 1, 2**31 - 1, 2**31 - 1],
        "Axes": [{"Name": "z", "Size": 2**31 - 1, "Unit": "mm", "Coordinates": None}],
        "ValuesDigest": "xxh3-128:" + "0" * 32,
        "Rescale": [1.0, 0.0],
        "SampleOffset": 0,
    }
    header = {**contents.header.to_dict(), "OriginalPixelDtype": "int16", "PixelDtype": "int16"}
    writer.finish(
        status=b"", meta=b"", space=b"", pixel_header={**header, "Image": image}, sections={}
    )
    with pytest.raises(InvalidCubeFileError, match="too large"):
        Companion(file.getvalue(), where="here")


def test_a_flipped_bit_is_noticed_anywhere():
    good = packed(image_of(np.arange(24, dtype=np.int16).reshape(2, 3, 4)))
    for position, bit in itertools.product(range(len(good)), range(8)):
        data = bytearray(good)
        data[position] ^= 1 << bit
        with pytest.raises(InvalidCubeFileError):
            Companion(bytes(data), where="here")
