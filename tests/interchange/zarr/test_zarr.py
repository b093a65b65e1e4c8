"""Zarr groups: the series comes back, others can read them, interrupted writes go on."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicube import Axis, DicomCubeImage, PixelDataHeader
from dicube.exceptions import CodecError, DataConsistencyError, InvalidCubeFileError
from tests.core.made import DTYPES, every_bit_pattern, image_of
from tests.interchange.placed import placed_images

zarr = pytest.importorskip("zarr", reason='needs the extra "zarr"')
CODECS = ["blosc", "htj2k"]
WAYS = [
    {},
    {"shards": False},
    {"chunks": "training"},
    {"chunks": (1, 5, 7), "shards": (2, 10, 14)},
    {"chunks": (3, 100, 4), "shards": False},
]


@pytest.fixture
def series(small_folder) -> DicomCubeImage:
    return DicomCubeImage.from_dicom_folder(small_folder)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_series_comes_back_as_its_files(way, codec, series, small_folder, tmp_path):
    series.to_zarr(tmp_path / "x.zarr", codec=codec, **way)
    found = DicomCubeImage.from_zarr(tmp_path / "x.zarr")
    assert found.axes == series.axes
    assert not found.is_edited
    for file in found.to_dicom_folder(tmp_path / "copy"):
        assert file.read_bytes() == (small_folder / file.name).read_bytes()


def test_default_is_what_any_zarr_reads(series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr")
    array = zarr.open_array(tmp_path / "x.zarr" / "0", mode="r")
    np.testing.assert_array_equal(array[...], series.raw_image)
    assert array.metadata.zarr_format == 3
    assert array.chunks == (1, *series.shape[1:])
    (blosc,) = array.compressors
    assert blosc.to_dict()["configuration"] == {
        "typesize": 2, "cname": "zstd", "clevel": 1, "shuffle": "bitshuffle", "blocksize": 0,
    }  # fmt: skip
    assert array.metadata.dimension_names == ("z", "y", "x")


def test_attributes_say_where_voxels_lie(series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr")
    attribute = zarr.open_group(tmp_path / "x.zarr", mode="r").attrs["dicube"]
    np.testing.assert_array_equal(attribute["affine"], series.affine)
    assert (attribute["slope"], attribute["intercept"]) == ([1.0], [-24.0])
    assert attribute["acquisition"]["Modality"] == "CT"


def test_without_dicom_nothing_of_the_patient_is_there(series, tmp_path):
    series.dicom_meta.set_shared_item("PatientName", "Somebody^Known")
    series.to_zarr(tmp_path / "x.zarr", embed=False)
    for path in (tmp_path / "x.zarr").rglob("*"):
        assert path.is_dir() or b"Somebody" not in path.read_bytes()
    found = DicomCubeImage.from_zarr(tmp_path / "x.zarr")
    assert found.dicom_meta is None
    np.testing.assert_array_equal(found.raw_image, series.raw_image)
    np.testing.assert_array_equal(found.affine, series.affine)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5, 7), (2, 5, 7), (2, 3, 5, 7), (2, 2, 3, 5, 7)], ids=str)
def test_every_dtype_and_number_of_axes(shape, dtype, codec, tmp_path):
    values = every_bit_pattern(shape, dtype)
    names = ["t", "echo", "z"][3 - len(shape) + 2 :]
    axes = [Axis(name, size) for name, size in zip(names, shape[:-2], strict=True)]
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=dtype), axes=axes)
    image.to_zarr(tmp_path / "x.zarr", codec=codec)
    found = DicomCubeImage.from_zarr(tmp_path / "x.zarr")
    assert (found.shape, found.dtype, found.axes) == (shape, dtype, tuple(axes))
    assert found.raw_image.tobytes() == values.tobytes()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (3, 2, 5, 7, 4)], ids=str)
def test_colour_lies_before_space(shape, codec, tmp_path):
    values = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    DicomCubeImage(values, PixelDataHeader()).to_zarr(tmp_path / "x.zarr", codec=codec)
    array = zarr.open_array(tmp_path / "x.zarr" / "0", mode="r")
    np.testing.assert_array_equal(array[...], np.moveaxis(values, -1, -4))
    assert array.metadata.dimension_names[-4:] == ("c", "z", "y", "x")
    np.testing.assert_array_equal(DicomCubeImage.from_zarr(tmp_path / "x.zarr").raw_image, values)


@pytest.mark.parametrize("name", ["t", "frame"])
def test_colour_of_frames_that_are_no_stack_has_its_name(name, tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3)).astype(np.uint8)
    image = DicomCubeImage(values, PixelDataHeader(), axes=[Axis(name, 6)])
    image.to_zarr(tmp_path / "x.zarr")
    array = zarr.open_array(tmp_path / "x.zarr" / "0", mode="r")
    sizes = dict(zip(array.metadata.dimension_names, array.shape, strict=True))
    assert sizes == {name: 6, "c": 3, "y": 5, "x": 7}
    np.testing.assert_array_equal(array[...], np.moveaxis(values, -1, 1))
    found = DicomCubeImage.from_zarr(tmp_path / "x.zarr")
    np.testing.assert_array_equal(found.raw_image, values)


@pytest.mark.parametrize("sign", [0.0, -0.0])
def test_empty_parts_keep_the_sign_of_zero(sign, tmp_path):
    values = np.full((3, 4, 5), sign, np.float32)
    image_of(values).to_zarr(tmp_path / "x.zarr")
    assert DicomCubeImage.from_zarr(tmp_path / "x.zarr").raw_image.tobytes() == values.tobytes()


# ---- what is there already ----------------------------------------------------------------------


def test_a_group_that_is_there_stays(series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr")
    before = {
        path: path.read_bytes() for path in (tmp_path / "x.zarr").rglob("*") if path.is_file()
    }
    with pytest.raises(DataConsistencyError, match="exists already"):
        series.to_zarr(tmp_path / "x.zarr")
    after = {path: path.read_bytes() for path in (tmp_path / "x.zarr").rglob("*") if path.is_file()}
    assert after == before


def test_folders_and_groups_of_others_stay(series, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("more")
    zarr.create_group(tmp_path / "group.zarr", attributes={"mine": 1})
    zarr.create_array(tmp_path / "array.zarr", shape=(2,), dtype="i2")
    for name in ("folder", "file", "group.zarr", "array.zarr"):
        with pytest.raises(DataConsistencyError, match=name):
            series.to_zarr(tmp_path / name)
        with pytest.raises(DataConsistencyError, match=name):
            DicomCubeImage.from_zarr(tmp_path / name)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["thesis.txt"]
    assert [path.name for path in (tmp_path / "group.zarr").iterdir()] == ["zarr.json"]


def test_an_empty_folder_is_taken(series, tmp_path):
    (tmp_path / "x.zarr").mkdir()
    series.to_zarr(tmp_path / "x.zarr")
    assert not DicomCubeImage.from_zarr(tmp_path / "x.zarr").is_edited


def test_nothing_is_there(tmp_path):
    with pytest.raises(DataConsistencyError, match="no Zarr group"):
        DicomCubeImage.from_zarr(tmp_path / "missing.zarr")
    assert not (tmp_path / "missing.zarr").exists()


# ---- interrupted --------------------------------------------------------------------------------

_KILLED = """
import os, sys
import numpy as np
import zarr.storage._local as local
from dicube import DicomCubeImage

put, left = local._put, int(sys.argv[3])
def count(*arguments, **options):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return put(*arguments, **options)
local._put = count
DicomCubeImage.from_file(sys.argv[1]).to_zarr(sys.argv[2], shards=False)
"""


@pytest.mark.parametrize("puts", range(9))
def test_a_killed_write_goes_on_where_it_stopped(puts, series, tmp_path):
    """Of 4 slices, two arrays, the companion and the attributes, which are written thrice."""
    series.to_file(tmp_path / "x.dcbs")
    target = tmp_path / "x.zarr"
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "x.dcbs"), str(target), str(puts)]
    assert subprocess.run(command, check=False).returncode == 9
    image = DicomCubeImage.from_file(tmp_path / "x.dcbs")
    message = "no Zarr group" if puts == 0 else "interrupted"
    with pytest.raises(DataConsistencyError, match=message):
        DicomCubeImage.from_zarr(target)
    chunks = {
        path: path.stat().st_mtime_ns for path in target.glob("0/c/*/*/*") if path.suffix == ""
    }
    image.to_zarr(target, shards=False)
    assert all(path.stat().st_mtime_ns == time for path, time in chunks.items())
    assert not DicomCubeImage.from_zarr(target).is_edited


@pytest.fixture
def unfinished(series, tmp_path) -> Path:
    target = tmp_path / "unfinished.zarr"
    series.to_zarr(target, shards=False)
    group = zarr.open_group(target)
    group.attrs["dicube"] = {**group.attrs["dicube"], "complete": False}
    return target


def test_parts_that_are_wrong_are_written_again(series, unfinished):
    (unfinished / "0" / "c" / "1" / "0" / "0").write_bytes(b"no blosc")
    zarr.open_group(unfinished)["0"][2] = 7
    shutil.rmtree(unfinished / "0" / "c" / "3")
    series.to_zarr(unfinished, shards=False)
    found = DicomCubeImage.from_zarr(unfinished)
    np.testing.assert_array_equal(found.raw_image, series.raw_image)


def test_an_unfinished_write_of_another_image_stays(series, unfinished):
    other = image_of(series.raw_image + 1)
    with pytest.raises(DataConsistencyError, match="of another image"):
        other.to_zarr(unfinished, shards=False)
    with pytest.raises(DataConsistencyError, match="other chunks"):
        series.to_zarr(unfinished, chunks="training")


# ---- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shards", [True, False])
def test_a_damaged_chunk_is_noticed(shards, codec, series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr", shards=shards, codec=codec)
    chunk = min(path for path in (tmp_path / "x.zarr" / "0" / "c").rglob("*") if path.is_file())
    data = bytearray(chunk.read_bytes())
    for position in range(0, len(data), max(1, len(data) // 40)):
        chunk.write_bytes(data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :])
        try:
            found = DicomCubeImage.from_zarr(tmp_path / "x.zarr")
        except DataConsistencyError:
            continue
        np.testing.assert_array_equal(found.raw_image, series.raw_image)  # a byte without meaning
    for length in (0, 1, 7, 8, len(data) - 1):
        chunk.write_bytes(data[:length])
        with pytest.raises(DataConsistencyError):
            DicomCubeImage.from_zarr(tmp_path / "x.zarr")


def test_edited_values_are_not_taken_for_the_series(series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr")
    zarr.open_array(tmp_path / "x.zarr" / "0")[0, 0, 0] += 1
    with pytest.raises(DataConsistencyError, match="not those that were written"):
        DicomCubeImage.from_zarr(tmp_path / "x.zarr")


def test_damaged_companion_is_an_error(series, tmp_path):
    series.to_zarr(tmp_path / "x.zarr")
    array = zarr.open_array(tmp_path / "x.zarr" / "companion")
    array[300] = array[300] ^ 1
    with pytest.raises(InvalidCubeFileError):
        DicomCubeImage.from_zarr(tmp_path / "x.zarr")
    shutil.rmtree(tmp_path / "x.zarr" / "companion")
    with pytest.raises(DataConsistencyError, match="companion is missing"):
        DicomCubeImage.from_zarr(tmp_path / "x.zarr")


# ---- arguments, stores --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunks": "tiles"}, "chunks='tiles' is unknown"),
        ({"chunks": (1, 5)}, "do not fit"),
        ({"chunks": (1, 0, 5)}, "do not fit"),
        ({"chunks": (2, 4, 5), "shards": (3, 4, 5)}, "whole chunks"),
        ({"codec": "gzip"}, "codec='gzip' is unknown"),
    ],
    ids=str,
)
def test_wrong_arguments_leave_nothing_behind(options, message, series, tmp_path):
    with pytest.raises(DataConsistencyError, match=message):
        series.to_zarr(tmp_path / "x.zarr", **options)
    assert not (tmp_path / "x.zarr").exists()


def test_stores_of_zarr_python_are_taken(series):
    store = zarr.storage.MemoryStore()
    series.to_zarr(store)
    assert not DicomCubeImage.from_zarr(store).is_edited


def test_a_zip_file_is_a_store(series, tmp_path):
    with (
        zarr.storage.ZipStore(tmp_path / "x.zarr.zip", mode="w") as store,
        pytest.warns(UserWarning, match="Duplicate name"),  # the attributes, once more
    ):
        series.to_zarr(store)
    with zarr.storage.ZipStore(tmp_path / "x.zarr.zip", mode="r") as store:
        assert not DicomCubeImage.from_zarr(store).is_edited


def test_dtypes_without_a_cube_are_refused(tmp_path):
    image = DicomCubeImage(np.zeros((2, 3, 4), np.complex64), PixelDataHeader())
    with pytest.raises(CodecError, match="complex64"):
        image.to_zarr(tmp_path / "x.zarr")
    assert not (tmp_path / "x.zarr").exists()


def test_htj2k_is_a_codec_that_zarr_finds_by_itself(tmp_path):
    """By the entry point, in a process that never imported dicube."""
    values = np.arange(2 * 30 * 40, dtype=np.int32).reshape(2, 30, 40)
    target = tmp_path / "x.zarr"
    image_of(values).to_zarr(target, codec="htj2k", chunks="training")
    script = """
import sys, zarr
assert "dicube" not in sys.modules
print(int(zarr.open_array(sys.argv[1], mode="r")[1, 20:, 3].sum()))
"""
    command = [sys.executable, "-c", script, str(target / "0")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) == int(values[1, 20:, 3].sum())


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    image=placed_images(DTYPES),
    codec=st.sampled_from(CODECS),
    chunks=st.sampled_from(["slices", "training"]),
    shards=st.booleans(),
)
def test_any_image_goes_round_unchanged(image, codec, chunks, shards):
    store = zarr.storage.MemoryStore()
    image.to_zarr(store, codec=codec, chunks=chunks, shards=shards)
    found = DicomCubeImage.from_zarr(store)
    assert (found.shape, found.dtype, found.axes) == (image.shape, image.dtype, image.axes)
    assert found.raw_image.tobytes() == image.raw_image.tobytes()
    np.testing.assert_array_equal(found.affine, image.affine)
