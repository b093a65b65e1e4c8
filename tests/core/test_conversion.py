"""From a folder into a file without an image: the same file, in bounded memory."""

import math
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage, verify_file
from dicube.codecs import get_codec
from dicube.core import conversion
from dicube.dicom.dicom_io import read_series
from dicube.dicom.slice_order import SortMethod
from dicube.dicom.volume import VolumePlan, runs_within
from dicube.exceptions import DataConsistencyError, DicomCubeError, InvalidCubeFileError
from tests.dicom.made import write_slice
from tests.series import UNCOMPRESSED, requires_data, series_folder


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch) -> None:
    """So that a small series comes in many pieces."""
    monkeypatch.setattr(conversion, "_PIECE_BYTES", 100_000)


def same_files(first: Path, second: Path) -> bool:
    names = sorted(path.name for path in first.iterdir())
    return names == sorted(path.name for path in second.iterdir()) and all(
        (first / name).read_bytes() == (second / name).read_bytes() for name in names
    )


@requires_data
@pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
@pytest.mark.parametrize(
    "name",
    ["ct_sts_int16", "mr_b0map_ge", "pet_slopes", "rgb_SC_rgb_2frame", "mr_j2k_series",
     "broken_mixed_dtype", "enh_mr_siemens_xa10", "paramap_float32", "mr_12bit_signed"],
)  # fmt: skip
def test_file_holds_what_an_image_would_hold(tmp_path, name, suffix):
    folder = series_folder(name)
    done = dicube.convert(folder, tmp_path / f"x.{suffix}")
    image = DicomCubeImage.from_dicom_folder(folder)
    loaded = dicube.load(done.path)
    np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
    assert loaded.dtype == image.dtype
    by_image = dicube.load(image.to_file(tmp_path / f"y.{suffix}"))
    assert loaded.pixel_header.to_json() == by_image.pixel_header.to_json()
    assert loaded.axes == image.axes
    assert loaded.dicom_meta.to_json() == image.dicom_meta.to_json()
    assert done.frames == math.prod(axis.size for axis in image.axes)
    assert verify_file(done.path, against=folder).ok
    if name in UNCOMPRESSED:
        loaded.to_dicom_folder(tmp_path / "back")
        assert same_files(tmp_path / "back", folder)


@requires_data
def test_fast_files_are_the_same_byte_for_byte(tmp_path):
    folder = series_folder("ct_sts_int16")
    dicube.convert(folder, tmp_path / "a.dcbs")
    DicomCubeImage.from_dicom_folder(folder).to_file(tmp_path / "b.dcbs")
    assert (tmp_path / "a.dcbs").read_bytes() == (tmp_path / "b.dcbs").read_bytes()


@requires_data
def test_archive_has_one_offset_and_hardly_more_bytes(tmp_path, monkeypatch):
    folder = series_folder("ct_uint16_thin")
    monkeypatch.setattr(conversion, "_PIECE_BYTES", 8 << 20)
    dicube.convert(folder, tmp_path / "a.dcba")
    DicomCubeImage.from_dicom_folder(folder).to_file(tmp_path / "b.dcba")
    sizes = [(tmp_path / f"{name}.dcba").stat().st_size for name in "ab"]
    assert sizes[0] < 1.005 * sizes[1]


def test_pieces_of_signed_samples_have_one_depth(tmp_path):
    for number, value in enumerate((0, 5, -3000)):
        pixels = np.full((60, 60), value, np.int16)
        write_slice(tmp_path / f"{number}.dcm", {"InstanceNumber": number}, pixels)
    path = tmp_path / "x.dcba"
    conversion._PIECE_BYTES = 1
    dicube.convert(tmp_path, path)
    with dicube.open(path) as cube:
        assert [int(cube[z, 3, 3]) for z in range(3)] == [0, 5, -3000]
        streams = [bytes(frame) for frame in cube._file.frames[:]]
    assert {get_codec("jxl").stream_info(stream).bits for stream in streams} == {16}


@pytest.mark.parametrize("options", [
    {"sort_method": SortMethod.INSTANCE_NUMBER_DESC}, {"keep_sources": False}, {"check": False},
    {"num_threads": 1}, {"file_format": "dcba", "effort": "fast"},
])  # fmt: skip
def test_options_are_those_of_the_image(small_folder, tmp_path, options):
    done = dicube.convert(small_folder, tmp_path / "x.dcbs", **options)
    read = {key: options[key] for key in ("sort_method",) if key in options}
    image = DicomCubeImage.from_dicom_folder(small_folder, **read)
    loaded = dicube.load(done.path)
    np.testing.assert_array_equal(loaded.raw_image, image.raw_image)
    assert loaded.is_edited is (options.get("keep_sources") is False)


def test_conversion_says_what_it_did(small_folder, tmp_path):
    (small_folder / "notes.txt").write_text("no DICOM")
    stages = set()
    done = dicube.convert(
        small_folder, tmp_path / "x.dcbs", progress=lambda stage, done, total: stages.add(stage)
    )
    files = [path for path in small_folder.iterdir() if path.suffix == ".dcm"]
    assert done.source_bytes == sum(path.stat().st_size for path in files)
    assert [file.path.name for file in done.skipped] == ["notes.txt"]
    assert done.findings == DicomCubeImage.from_dicom_folder(small_folder).findings
    assert stages == {"scanning", "reading pixels"}


def test_nothing_appears_where_something_is_wrong(small_folder, tmp_path):
    victim = sorted(small_folder.iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:-10])
    with pytest.raises(DicomCubeError):
        dicube.convert(small_folder, tmp_path / "x.dcbs")
    assert not list(tmp_path.glob("*.dcbs"))
    assert not list(tmp_path.glob(".*part*"))


def test_formats_without_a_stream_are_refused(small_folder, tmp_path):
    with pytest.raises(DataConsistencyError, match="region"):
        dicube.convert(small_folder, tmp_path / "x.dcbr")
    with pytest.raises(InvalidCubeFileError, match="unknown"):
        dicube.convert(small_folder, tmp_path / "x.png")


@pytest.mark.parametrize(
    ("frames_of", "most", "expected"),
    [
        ([1, 1, 1, 1], 20, [(0, 2), (2, 4)]),
        ([1, 1, 1], 5, [(0, 1), (1, 2), (2, 3)]),
        ([9, 1, 1], 20, [(0, 1), (1, 3)]),
        ([1], 1000, [(0, 1)]),
    ],
)
def test_runs_are_as_long_as_they_may_be(frames_of, most, expected):
    runs = runs_within(frames_of, 10, most)
    assert [(run.start, run.stop) for run in runs] == expected


def test_plan_reads_any_run(small_folder):
    plan = VolumePlan.of(read_series(small_folder))
    whole = plan.read(range(4)).values
    parts = [plan.read(run).values for run in (range(1), range(1, 3), range(3, 4))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert plan.shape == whole.shape
    assert plan.bits == 16


MEMORY_SCRIPT = """
import resource, sys, dicube
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dicube.convert(sys.argv[1], sys.argv[2])
assert dicube.verify_file(sys.argv[2], against=sys.argv[1]).ok
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="needs getrusage")
@pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
def test_memory_does_not_grow_with_the_series(tmp_path, suffix):
    """400 slices of 512 x 512 are 210 MB; converted and verified in less than half of that."""
    folder = tmp_path / "series"
    folder.mkdir()
    write_slice(folder / "0000.dcm", {"InstanceNumber": 10000}, np.zeros((512, 512), np.uint16))
    template = (folder / "0000.dcm").read_bytes()
    for number in range(400):
        (folder / f"{number:04d}.dcm").write_bytes(
            template.replace(b"10000 ", f"{number:<6d}".encode(), 1)
        )
    command = [sys.executable, "-c", MEMORY_SCRIPT, str(folder), str(tmp_path / f"x.{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000, "kB"
