"""Single instances of a cube file against the folder that is exported of all of it."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

import dicube
from dicube.core.instances import HTJ2K_LOSSLESS_UID, CubeInstances
from dicube.dicom.instance import EXPLICIT_UID
from dicube.exceptions import CodecError, MetaDataError
from tests.library.made import SERIES, write_series
from tests.series import requires_data, series_folder


def exported(image: dicube.DicomCubeImage, folder: Path, syntax: str | None) -> dict[str, bytes]:
    files = image.to_dicom_folder(folder, transfer_syntax=syntax)
    return {
        str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path.read_bytes()
        for path in files
    }


@pytest.fixture(params=SERIES, ids=lambda made: made.name)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> dicube.DicomCubeImage:
    return dicube.load_from_dicom_folder(write_series(request.param, tmp_path / "source"))


@pytest.mark.parametrize("suffix", [".dcbs", ".dcba"])
@pytest.mark.parametrize("syntax", ["htj2k", "jpegls", "rle"])
@pytest.mark.parametrize("edited", [False, True])
def test_files_are_those_of_an_export_of_the_whole(image, tmp_path, suffix, syntax, edited):
    if edited:
        image.dicom_meta.set_shared_item("PatientName", "Nobody^")
    path = image.to_file(tmp_path / f"cube{suffix}")
    uid = dicube.dicom.export.transfer_syntax_uid(syntax)
    expected = exported(dicube.load(path), tmp_path / "whole", syntax)
    with CubeInstances(path) as cube:
        assert {cube.uids[n]: cube.file_bytes(n, uid) for n in range(len(cube))} == expected


def test_an_edited_image_is_served_as_its_metadata_say(image, tmp_path):
    image.dicom_meta.set_shared_item("PatientName", "Nobody^")
    path = image.to_file(tmp_path / "cube.dcbs")
    with CubeInstances(path) as cube:
        for number, uid in enumerate(cube.uids):
            assert cube.source_syntax(number) is None
            data = cube.file_bytes(number, EXPLICIT_UID)
            assert b"Doe" not in data
            file = pydicom.dcmread(io.BytesIO(data))
            assert (file.SOPInstanceUID, file.PatientName) == (uid, "Nobody^")
            frames = range(cube.frame_count(number))
            native = cube.native(number, frames)
            assert file.PixelData[: len(native)] == native
            for keyword in ("Rows", "BitsAllocated", "BitsStored", "HighBit", "SamplesPerPixel"):
                tag = dicube.dicom.dicom_tags.tag_key(keyword)
                assert cube.entries(number)[tag]["Value"] == [file[keyword].value]


def test_an_image_that_never_was_dicom_is_served_once_it_has_metadata(tmp_path):
    values = np.arange(2 * 6 * 5, dtype=np.uint8).reshape(2, 6, 5)
    image = dicube.DicomCubeImage(values, dicube.PixelDataHeader())
    plain = image.to_file(tmp_path / "plain.dcbs")
    with pytest.raises(MetaDataError, match="no DICOM metadata"):
        CubeInstances(plain)
    image.init_meta("OT")
    with CubeInstances(image.to_file(tmp_path / "named.dcbs")) as cube:
        file = pydicom.dcmread(io.BytesIO(cube.file_bytes(1, EXPLICIT_UID)))
        np.testing.assert_array_equal(file.pixel_array, values[1])


@requires_data
def test_frames_of_volumes_that_lie_mixed_in_files_are_found(tmp_path):
    """12 frames in several stacks: their order in the image is not that in the file."""
    source = series_folder("enh_mr_nema_stacks")
    path = dicube.load_from_dicom_folder(source).to_file(tmp_path / "stacks.dcbs")
    (file,) = [p for p in source.iterdir() if p.is_file()]
    with CubeInstances(path) as cube:
        assert cube.file_bytes(0, cube.source_syntax(0)) == file.read_bytes()
        expected = pydicom.dcmread(file).pixel_array
        np.testing.assert_array_equal(cube.values(0, [7, 2]), expected[[7, 2]])


@requires_data
def test_samples_of_another_width_than_the_instance_has_are_not_given_as_stored(tmp_path):
    source = series_folder("broken_mixed_dtype")
    path = dicube.load_from_dicom_folder(source).to_file(tmp_path / "mixed.dcbs")
    with CubeInstances(path) as cube:
        for number in range(len(cube)):
            assert cube.stored_syntaxes(number) == ()
            file = pydicom.dcmread(io.BytesIO(cube.file_bytes(number, HTJ2K_LOSSLESS_UID)))
            width = cube.layout(number).bits_allocated
            (frame,) = pydicom.encaps.generate_frames(file.PixelData, number_of_frames=1)
            assert frame[:2] == b"\xff\x4f"
            assert (frame[42] & 0x7F) + 1 == width  # Ssiz, T.800 A.5.1


@requires_data
@pytest.mark.parametrize("name", ["seg_24x38x3", "paramap_float32"])
def test_pixels_that_no_codec_of_dicom_takes_are_refused(tmp_path, name):
    path = dicube.load_from_dicom_folder(series_folder(name)).to_file(tmp_path / "x.dcbs")
    with CubeInstances(path) as cube:
        assert set(cube.writable_syntaxes(0)) == {EXPLICIT_UID}
        with pytest.raises(CodecError, match="cannot be written"):
            cube.file_bytes(0, HTJ2K_LOSSLESS_UID)
