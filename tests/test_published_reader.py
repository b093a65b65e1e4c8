"""dicube 0.3.0, the published tool, reads the .dcbs files we write, or fails; never wrong values.

It runs in an environment of its own, since both packages have one name:

    python -m venv .venv-published && .venv-published/bin/pip install dicube==0.3.0
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader
from tests.series import requires_data, series_folder

PYTHON = Path(
    os.environ.get("DICUBE_PUBLISHED_PYTHON")
    or Path(__file__).resolve().parents[1] / ".venv-published" / "bin" / "python"
)
pytestmark = pytest.mark.skipif(
    not PYTHON.is_file(),
    reason="dicube 0.3.0 not found: set DICUBE_PUBLISHED_PYTHON, or install it in .venv-published",
)
# Loads one file; what it sees goes to NAME.npz and NAME.json, or the error to NAME.error.
SCRIPT = """
import json, sys, warnings
from pathlib import Path
import numpy as np
import dicube
warnings.simplefilter("ignore")
for path in map(Path, sys.argv[1:]):
    try:
        image = dicube.load(str(path))
        seen = {"raw_image": image.raw_image, "fdata": image.get_fdata()}
    except Exception as error:
        path.with_suffix(".error").write_text(f"{type(error).__name__}: {error}")
        continue
    meta, space = image.dicom_meta, image.space
    described = {
        "version": dicube.__version__,
        "status": image.dicom_status.value,
        "extras": sorted(image.pixel_header.Extras),
        "window": [image.pixel_header.WindowCenter, image.pixel_header.WindowWidth],
        "space": None if space is None else json.loads(space.to_json()),
    }
    if meta is not None:
        described["entries"] = dict(meta.items())
        described["shared"] = {
            tag: meta.get_shared_value(tag) for tag in meta.keys() if meta.is_shared(tag)
        }
        described["slices"] = [meta.index(i) for i in range(meta.slice_count)]
    np.savez(path.with_suffix(".npz"), **seen)
    path.with_suffix(".json").write_text(json.dumps(described))
"""


class Seen:
    """What the published tool made of a file."""

    def __init__(self, path: Path) -> None:
        # -I: neither this checkout nor anything else of ours is on its path.
        done = subprocess.run(
            [str(PYTHON), "-I", "-c", SCRIPT, str(path)],
            capture_output=True, text=True, cwd=path.parent, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        error = path.with_suffix(".error")
        self.error = error.read_text() if error.exists() else None
        self.described: dict[str, Any] = {}
        if self.error is None:
            self.described = json.loads(path.with_suffix(".json").read_text())
            with np.load(path.with_suffix(".npz")) as arrays:
                self.raw_image, self.fdata = arrays["raw_image"], arrays["fdata"]


def sees_the_same(image: DicomCubeImage, path: Path) -> Seen:
    image.to_file(path)
    seen = Seen(path)
    assert seen.error is None
    # One slice alone has no leading axis there.
    expected = image.get_fdata().reshape(-1, *image.shape[len(image.axes) :])
    expected = expected if len(expected) > 1 else expected[0]
    assert seen.fdata.shape == expected.shape
    np.testing.assert_array_equal(seen.fdata, expected)
    np.testing.assert_array_equal(seen.raw_image.reshape(image.shape), image.raw_image)
    assert seen.described["version"] == "0.3.0"
    assert seen.described["status"] == image.dicom_status.value
    header = image.pixel_header
    assert seen.described["window"] == [header.WindowCenter, header.WindowWidth]
    if image.space is None or len(image.axes) > 1:
        assert seen.described["space"] is None
    else:
        assert seen.described["space"]["shape"] == list(image.space.shape)
        assert seen.described["space"]["spacing"] == list(image.space.spacing)
    return seen


def sees_the_same_metadata(image: DicomCubeImage, seen: Seen) -> None:
    meta = image.dicom_meta
    assert meta is not None
    entries = dict(meta.items())
    assert seen.described["entries"] == entries
    shared = {tag: e for tag, e in entries.items() if e["shared"] and "Value" in e}
    assert len(shared) > 10
    for tag, entry in shared.items():
        value = seen.described["shared"][tag]
        assert value == (entry["Value"][0] if len(entry["Value"]) == 1 else entry["Value"]), tag
    assert len(seen.described["slices"]) == meta.slice_count
    uids = [one["00080018"]["Value"][0] for one in seen.described["slices"]]
    assert uids == meta.get_values("SOPInstanceUID")


def image_of(values: np.ndarray, **header: Any) -> DicomCubeImage:
    return DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=values.dtype.name, **header))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_integers_with_slope_and_intercept(tmp_path, dtype):
    limits = np.iinfo(dtype)
    values = np.random.default_rng(2).integers(limits.min, limits.max, (3, 40, 50), dtype, True)
    image = image_of(values, RescaleSlope=0.5, RescaleIntercept=-1024.0, WindowCenter=40.0)
    seen = sees_the_same(image, tmp_path / "a.dcbs")
    assert seen.described["extras"] == ["DiCube", "Image"]


def test_series_with_metadata_and_source_files(tmp_path, small_folder):
    image = DicomCubeImage.from_dicom_folder(small_folder)
    sees_the_same_metadata(image, sees_the_same(image, tmp_path / "a.dcbs"))


@requires_data
@pytest.mark.parametrize(
    "name",
    ["ct_philips_private", "ct_uint16_thin", "mr_t1_sts", "mr_fmri_ge_4d", "mr_phase_slope2",
     "derived_metadata_torture", "ct_ge_int16_tilt", "odd_CT_small"],
)  # fmt: skip
def test_real_series(tmp_path, name):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    sees_the_same_metadata(image, sees_the_same(image, tmp_path / "a.dcbs"))


def test_frames_of_four_dimensions_are_one_stack(tmp_path):
    values = np.random.default_rng(3).integers(-99, 99, (2, 3, 20, 30)).astype(np.int16)
    axes = (Axis("t", 2, "ms", (0.0, 40.0)), Axis("z", 3, "mm"))
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="int16"), axes=axes)
    image.to_file(tmp_path / "a.dcbs")
    np.testing.assert_array_equal(Seen(tmp_path / "a.dcbs").raw_image, values.reshape(6, 20, 30))


@requires_data
@pytest.mark.parametrize("name", ["pet_slopes", "mr_asl_slopes", "broken_empty_slope"])
def test_rescale_of_each_frame_makes_it_fail(tmp_path, name):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    assert image.frame_rescale is not None
    image.to_file(tmp_path / "a.dcbs")
    assert Seen(tmp_path / "a.dcbs").error is not None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint64"])
def test_bit_patterns_make_it_fail(tmp_path, dtype):
    image = image_of(np.arange(24).reshape(2, 3, 4).astype(dtype), RescaleSlope=1.0)
    image.to_file(tmp_path / "a.dcbs")
    assert Seen(tmp_path / "a.dcbs").error is not None


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int8"])
def test_other_integers_are_right_or_fail(tmp_path, dtype):
    limits = np.iinfo(dtype)
    values = np.random.default_rng(4).integers(limits.min, limits.max, (2, 9, 8), dtype, True)
    image_of(values).to_file(tmp_path / "a.dcbs")
    seen = Seen(tmp_path / "a.dcbs")
    assert seen.error is not None or np.array_equal(seen.raw_image, values)


def test_colour_is_right_or_fails(tmp_path):
    values = np.random.default_rng(4).integers(0, 256, (2, 9, 8, 3)).astype(np.uint8)
    image_of(values).to_file(tmp_path / "a.dcbs")
    seen = Seen(tmp_path / "a.dcbs")
    assert seen.error is not None or np.array_equal(seen.raw_image, values)


def test_jpeg_xl_makes_it_fail(tmp_path):
    image_of(np.zeros((2, 3, 4), np.uint16)).to_file(tmp_path / "a.dcba")
    assert Seen(tmp_path / "a.dcba").error is not None
