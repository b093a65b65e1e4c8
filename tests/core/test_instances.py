"""Single instances of a cube file against the folder that is exported of all of it."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest

import dicube
from dicube.core.instances import HTJ2K_LOSSLESS_UID, CubeInstances
from dicube.dicom.export import JXL_UID
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


def test_bytes_in_an_image_of_words_are_served_as_words(tmp_path):
    """A CT image has 16 bits (PS3.3 C.8.2.1), so the codestreams of bytes are none of it."""
    values = np.arange(2 * 64 * 60).reshape(2, 64, 60).astype(np.uint8)
    image = dicube.DicomCubeImage(values, dicube.PixelDataHeader())
    image.init_meta("CT").set_shared_item("BitsAllocated", 16)
    path = image.to_file(tmp_path / "bytes.dcbs")
    expected = exported(dicube.load(path), tmp_path / "whole", "htj2k")
    with CubeInstances(path) as cube:
        assert cube.stored_syntaxes(0) == ()
        assert cube.layout(0).dtype == np.uint16
        assert cube.entries(0)["00280100"]["Value"] == [16]
        (stream,) = cube.encoded(1, [0], HTJ2K_LOSSLESS_UID)
        np.testing.assert_array_equal(imagecodecs.htj2k_decode(stream), values[1].astype("u2"))
        assert cube.native(1, [0]) == values[1].astype("<u2").tobytes()
        for number, uid in enumerate(cube.uids):
            assert cube.file_bytes(number, HTJ2K_LOSSLESS_UID) == expected[uid]


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


def test_jpeg_xl_frames_are_given_as_stored_where_dicom_has_a_place_for_them(tmp_path):
    made = {made.name: made for made in SERIES}
    for name, syntaxes in (("multi", (JXL_UID,)), ("colour", (JXL_UID,)), ("ct", ())):
        source = write_series(made[name], tmp_path / name)
        path = dicube.load_from_dicom_folder(source).to_file(tmp_path / f"{name}.dcba")
        with CubeInstances(path) as cube:
            assert cube.stored_syntaxes(0) == syntaxes
            if not syntaxes:
                continue
            (stream,) = cube.encoded(0, [0], JXL_UID)
            assert stream == cube.codestreams(0, [0])[0]
            (values,) = cube.values(0, [0])
            np.testing.assert_array_equal(imagecodecs.jpegxl_decode(stream), values)


def test_a_region_of_interest_is_served_as_the_derived_series_that_it_is(tmp_path):
    image = dicube.load_from_dicom_folder(write_series(SERIES[0], tmp_path / "source"))
    region = np.zeros(image.shape, bool)
    region[:, 4:12, 4:12] = True
    path = image.to_file(tmp_path / "roi.dcbr", roi=region, background_error=9)
    sources = {str(pydicom.dcmread(p).SOPInstanceUID) for p in (tmp_path / "source").iterdir()}
    with CubeInstances(path) as cube:
        assert not set(cube.uids) & sources
        assert cube.stored_syntaxes(0) == ()
        for number in range(len(cube)):
            file = pydicom.dcmread(io.BytesIO(cube.file_bytes(number, EXPLICIT_UID)))
            assert file.LossyImageCompression == "01"
            np.testing.assert_array_equal(file.pixel_array, cube.values(number, [0])[0])


def test_threads_that_read_side_by_side_get_what_one_gets(tmp_path):
    path = tmp_path / "cube.dcbs"
    dicube.load_from_dicom_folder(write_series(SERIES[2], tmp_path / "source")).to_file(path)
    with CubeInstances(path) as alone:
        jobs = [(n, uid) for n in range(len(alone)) for uid in alone.writable_syntaxes(n)]
        expected = [alone.file_bytes(*job) for job in jobs]
        headers = [dict(alone.entries(number)) for number in range(len(alone))]
    for _ in range(5):
        with CubeInstances(path) as cube, ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda job: cube.file_bytes(*job), jobs)
            read = pool.map(cube.entries, range(len(cube)))
            assert list(found) == expected
            assert list(read) == headers
