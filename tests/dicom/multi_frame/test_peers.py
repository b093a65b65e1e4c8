"""What other readers, and a PACS, make of the layouts."""

import json
import os
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dicube import DicomCubeImage
from dicube.core.layouts import LAYOUTS
from tests.dicom.multi_frame.conftest import AFFINE, made_series
from tests.peers import converted, requires_dcm2niix, requires_simpleitk, series_of_simpleitk
from tests.series import DATA

_START = DATA.parent / "infra" / "start_orthanc.sh"
_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_REVERSED = np.eye(4)[[2, 1, 0, 3]]


def scaled(image: DicomCubeImage, kind: str) -> np.ndarray:
    """Values (t, z, y, x) that are stored as integers, integers with a slope, or floats."""
    if kind == "integers":
        return image.raw_image
    if kind == "slope":
        return (image.raw_image * 0.1).astype(np.float32)
    return np.random.default_rng(5).normal(size=image.shape).astype(np.float32)


def on_grid(values: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """An array of dcm2niix as (z, y, x), once its geometry is that of the image.

    dcm2niix turns axes round as it likes; its affine says where voxels are.
    """
    to_index = np.linalg.inv(AFFINE) @ _RAS @ affine @ _REVERSED  # (z, y, x) theirs to ours
    signs = np.sign(np.diag(to_index[:3, :3]))
    ends = [0 if sign > 0 else size - 1 for sign, size in zip(signs, values.T.shape, strict=True)]
    expected = np.eye(4)
    expected[:3, :3], expected[:3, 3] = np.diag(signs), ends
    np.testing.assert_allclose(to_index, expected, atol=1e-3)
    return values.T[tuple(slice(None, None, int(sign)) for sign in signs)]


@requires_dcm2niix
@pytest.mark.parametrize("kind", ["integers", "slope", "floats"])
def test_dcm2niix_reads_a_volume_from_each_file(tmp_path, kind):
    image = made_series()
    values = scaled(image, kind)
    DicomCubeImage.from_array(values, image).to_dicom_folder(
        tmp_path / "out", layout="per_timepoint"
    )
    seen = converted(tmp_path / "out", tmp_path / "nifti")
    assert len(seen) == 3
    for (array, member), expected in zip(seen, values, strict=True):
        turned = on_grid(array, np.array(member["affine"]))
        np.testing.assert_allclose(turned, expected, rtol=4e-7, atol=1e-5)


@requires_dcm2niix
@pytest.mark.parametrize(("layout", "kind"), [("classic", "integers"), ("classic", "slope"),
                                              ("single_file", "integers")])  # fmt: skip
def test_dcm2niix_makes_one_series_of_volumes(tmp_path, layout, kind):
    image = made_series()
    values = scaled(image, kind)
    DicomCubeImage.from_array(values, image).to_dicom_folder(tmp_path / "out", layout=layout)
    ((array, member),) = converted(tmp_path / "out", tmp_path / "nifti")
    assert array.shape == (12, 10, 4, 3)
    for volume in range(3):
        turned = on_grid(array[..., volume], np.array(member["affine"]))
        np.testing.assert_allclose(turned, values[volume], rtol=4e-7, atol=1e-5)
    if layout == "classic":
        assert member["step"] == 1.5


@requires_simpleitk
@pytest.mark.parametrize("kind", ["integers", "slope"])
def test_series_reader_of_simpleitk_joins_the_volumes(tmp_path, kind):
    image = made_series()
    values = scaled(image, kind)
    DicomCubeImage.from_array(values, image).to_dicom_folder(
        tmp_path / "out", layout="per_timepoint"
    )
    array, seen = series_of_simpleitk(tmp_path / "out", tmp_path)
    np.testing.assert_allclose(array, values, rtol=1e-7)
    np.testing.assert_allclose(seen["origin"][:3], AFFINE[:3, 3], atol=1e-5)
    spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)[::-1]
    np.testing.assert_allclose(seen["spacing"][:3], spacing, rtol=1e-5)
    directions = np.array(seen["direction"]).reshape(4, 4)[:3, :3]
    np.testing.assert_allclose(directions, (AFFINE[:3, :3] / spacing[::-1])[:, ::-1], atol=1e-5)


@pytest.fixture(scope="module")
def orthanc() -> Iterator[str]:
    """Address of the REST interface of a throw-away PACS."""
    if not _START.exists():
        pytest.skip(f"no script to start Orthanc: {_START.name} is not beside the test data")
    done = subprocess.run([str(_START), "start"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb, gcc, libc6-dev)")
    done.check_returncode()
    told = dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    yield told["PACS_URL"]
    subprocess.run([str(_START), "stop", told["PACS_DIR"]], check=True, env=os.environ)


def ask(url: str, data: bytes | None = None) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=data), timeout=30) as answer:
        return answer.read()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["integers", "slope", "floats"])
def test_a_pacs_takes_the_files_and_gives_them_back(orthanc, tmp_path, layout, kind):
    image = made_series()
    precision = "int16" if layout == "classic" else "exact"
    derived = DicomCubeImage.from_array(scaled(image, kind), image)
    paths: list[Path] = derived.to_dicom_folder(tmp_path, layout=layout, precision=precision)
    series = set()
    for path in paths:
        stored = json.loads(ask(f"{orthanc}/instances", path.read_bytes()))
        assert stored["Status"] == "Success"
        series.add(stored["ParentSeries"])
        assert ask(f"{orthanc}/instances/{stored['ID']}/file") == path.read_bytes()
    (one,) = series
    assert len(json.loads(ask(f"{orthanc}/series/{one}"))["Instances"]) == len(paths)
