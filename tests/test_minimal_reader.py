"""The example reader, which knows only docs/format.md, agrees with the library."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader
from tests.series import DATA, requires_data, series_folder

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "minimal_reader.py"
FORMATS = ("dcbs", "dcba")
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64",
          "float16", "float32", "float64")  # fmt: skip
SHAPES = {"3D": (3, 7, 6), "one slice": (1, 4, 5), "4D": (2, 3, 5, 4), "colour": (2, 5, 4, 3)}
# Small ones of every kind that the example rebuilds: byte order, 1 bit, planes, floats, padding.
REBUILT = (
    "broken_empty_slope", "broken_mixed_dtype", "broken_no_preamble", "ct_same_position",
    "ct_sts_int16", "derived_metadata_torture", "enh_emri_small_big_endian", "enh_mr_philips_dti",
    "enh_mr_siemens_xa10",
    "mr_12bit_signed", "mr_12bit_unsigned", "mr_fmri_ge_4d", "mr_hitachi_frame1",
    "odd_CT_small", "odd_MR_small_bigendian", "odd_MR_small_padded", "overlay_us",
    "paramap_float32", "pet_pmod_slopes", "rgb_SC_rgb_16bit", "rgb_SC_rgb_32bit",
    "rgb_SC_rgb_small_odd", "rgb_color_pl", "rtdose_uint32", "rtdose_uint32_be",
    "seg_24x38x3", "sm_tiles", "wg04_US1_UNC",
)  # fmt: skip
GOLDEN = DATA.parent / "golden"


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("minimal_reader", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["minimal_reader"] = module
    spec.loader.exec_module(module)
    return module


def agrees(reader: ModuleType, path: Path) -> None:
    ours, theirs = DicomCubeImage.from_file(path), reader.read_cube(path)
    assert theirs.values.dtype == ours.dtype
    assert theirs.values.shape == ours.shape
    assert theirs.values.tobytes() == np.ascontiguousarray(ours.raw_image).tobytes()
    np.testing.assert_array_equal(theirs.output_values(), ours.get_fdata("float64"))
    assert [axis["Name"] for axis in theirs.axes] == [axis.name for axis in ours.axes]
    assert theirs.status == ours.dicom_status.value
    if ours.dicom_meta is not None:
        assert theirs.meta["_merged_data"] == dict(ours.dicom_meta.items())
    if ours.space is not None:
        assert theirs.space["shape"][::-1] == list(ours.space.shape)
        assert theirs.space["spacing"][::-1] == list(ours.space.spacing)


def test_example_does_not_import_the_library():
    code = f"import runpy, sys; runpy.run_path({str(EXAMPLE)!r}); print('dicube' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_example_is_short_enough_to_be_read():
    assert len(EXAMPLE.read_text().splitlines()) < 360


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32"])
def test_region_of_interest(reader, tmp_path, dtype, shape):
    rng = np.random.default_rng(12)
    values = rng.integers(0, 120, shape).astype(dtype) - np.array(dtype[0] == "i").astype(dtype)
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=dtype))
    mask = rng.random(shape[: len(image.axes) + 2]) < 0.5
    path = image.to_file(tmp_path / "x.dcbr", roi=mask, background_error=6)
    agrees(reader, path)
    np.testing.assert_array_equal(reader.read_cube(path).mask, mask.reshape(-1, *mask.shape[-2:]))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", FORMATS)
def test_values_of_every_dtype(reader, tmp_path, suffix, dtype, shape):
    rng = np.random.default_rng(11)
    if dtype.startswith("float"):
        values = rng.normal(size=shape).astype(dtype)
        values[0, 0] = (
            [np.nan, np.inf, -0.0, *[1] * 10][: values.shape[2]] if len(shape) == 3 else 0
        )
    else:
        limits = np.iinfo(dtype)
        values = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    header = PixelDataHeader(RescaleSlope=2.0, RescaleIntercept=-7.5, OriginalPixelDtype=dtype)
    path = DicomCubeImage(values, header).to_file(tmp_path / f"a.{suffix}")
    agrees(reader, path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_few_bits_are_stored_with_a_smaller_offset(reader, tmp_path, suffix):
    for low, high in ((-3, 4), (-300, 200), (0, 1), (-1, 0), (-32768, 0)):
        values = np.random.default_rng(1).integers(low, high + 1, (2, 6, 6)).astype(np.int16)
        path = DicomCubeImage(values, PixelDataHeader()).to_file(tmp_path / f"a.{suffix}")
        agrees(reader, path)


def test_axes_and_affine(reader, tmp_path):
    values = np.arange(120, dtype=np.uint16).reshape(2, 3, 4, 5)
    axes = (Axis("t", 2, "ms", (0.0, 40.0)), Axis("z", 3, "mm"))
    image = DicomCubeImage(values, PixelDataHeader(), axes=axes)
    image.affine = np.diag([2.0, 1.0, 0.5, 1.0])
    path = image.to_file(tmp_path / "a.dcba")
    agrees(reader, path)
    assert reader.read_cube(path).axes[0]["Coordinates"] == [0.0, 40.0]


@pytest.mark.parametrize("suffix", FORMATS)
def test_metadata_and_source_files(reader, small_folder, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    agrees(reader, path)
    files = dict(reader.source_files(reader.read_cube(path)))
    assert files == {file.name: file.read_bytes() for file in small_folder.iterdir()}


def test_segmentations(reader):
    golden = Path(__file__).parent / "golden" / "r1c_segments"
    expected = json.loads(golden.with_suffix(".json").read_text())["segmentations"]
    for suffix in (".dcbs", ".dcba"):
        found = list(reader.masks(reader.read_cube(golden.with_suffix(suffix))))
        assert [segment["Label"] for segment, _ in found] == ["Liver", "Third", "Part"]
        masks = [mask for each in expected for mask in each["masks"]]
        for (_, mask), wanted in zip(found, masks, strict=True):
            assert mask.tolist() == wanted


def test_rescale_of_each_frame(reader, small_image, tmp_path):
    small_image.dicom_meta.set_nonshared_item("RescaleSlope", [1.0, 2.0, 0.5, 3.0])
    small_image.to_dicom_folder(tmp_path / "series")
    image = DicomCubeImage.from_dicom_folder(tmp_path / "series")
    assert image.frame_rescale is not None
    agrees(reader, image.to_file(tmp_path / "a.dcbs"))


@requires_data
@pytest.mark.parametrize("name", REBUILT)
def test_real_series_is_rebuilt_without_the_library(reader, tmp_path, name):
    folder = series_folder(name)
    path = tmp_path / "a.dcbs"
    DicomCubeImage.from_dicom_folder(folder).to_file(path)
    agrees(reader, path)
    files = dict(reader.source_files(reader.read_cube(path)))
    assert all(content == (folder / name).read_bytes() for name, content in files.items())
    assert len(files) == len([file for file in folder.iterdir() if file.is_file()])


@requires_data
@pytest.mark.parametrize("name", ["ct_sts_int16", "pet_slopes", "rtdose_uint32", "wg04_US1_UNC"])
def test_real_series_as_jpeg_xl(reader, tmp_path, name):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    agrees(reader, image.to_file(tmp_path / "a.dcba"))


@requires_data
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rgb_SC_ybr_full_422_uncompressed", "does not rebuild YBR_FULL_422"),
        ("mr_rle_series", "was compressed"),
    ],
)
def test_what_the_example_does_not_rebuild_it_says(reader, tmp_path, name, reason):
    path = DicomCubeImage.from_dicom_folder(series_folder(name)).to_file(tmp_path / "a.dcbs")
    agrees(reader, path)
    with pytest.raises(ValueError, match=reason):
        dict(reader.source_files(reader.read_cube(path)))


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="golden files of dicube 0.3.0 not found")
def test_files_of_the_published_tool(reader):
    paths = sorted(GOLDEN.glob("*.dcbs"))
    assert paths
    for path in paths:
        agrees(reader, path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_damage_is_noticed(reader, small_folder, tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    intact = path.read_bytes()
    for position in range(0, len(intact), 17):
        damaged = bytearray(intact)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises((ValueError, KeyError)):
            reader.read_cube(path)


def test_missing_directory_is_noticed(reader, small_folder, tmp_path):
    path = tmp_path / "a.dcbs"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    path.write_bytes(path.read_bytes().replace(b'"DiCube"', b'"DiCubf"'))
    with pytest.raises(ValueError, match="directory"):
        reader.read_cube(path)


def test_command_line(reader, small_folder, tmp_path, capsys):
    path = tmp_path / "a.dcbs"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    reader.main([str(path), "--dicom", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "(4, 12, 10) int16" in printed
    assert "z (4)" in printed
    for file in small_folder.iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    with pytest.raises(FileExistsError):
        reader.main([str(path), "--dicom", str(tmp_path / "out")])
