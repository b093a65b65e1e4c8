"""OME-Zarr 0.5: what the attribute says, and what readers of others make of it."""

import json
import subprocess

import numpy as np
import pytest

from dicube import Axis, DicomCubeImage, PixelDataHeader
from tests.peers import PEERS, imports
from tests.series import requires_data, series_folder

zarr = pytest.importorskip("zarr", reason='needs the extra "zarr"')
requires_readers = pytest.mark.skipif(
    not imports("ome_zarr_models", "tensorstore"),
    reason="ome-zarr-models and tensorstore are not installed: `make test` installs them",
)
OBLIQUE = np.array([[0.2, 0, 1.5, 10], [0, -2, 0, 20], [3, 0, -0.1, 30], [0, 0, 0, 1]])
_READ = """
import json, sys
import numpy, tensorstore, zarr
from ome_zarr_models.v05.image import Image
image = Image.from_zarr(zarr.open_group(sys.argv[1], mode="r"))
(scales,) = image.ome_attributes.multiscales
spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": sys.argv[1] + "/0"}}
numpy.save(sys.argv[2], tensorstore.open(spec).result().read().result())
print(json.dumps({"axes": [[axis.name, axis.type, axis.unit] for axis in scales.axes],
                  "scale": list(scales.datasets[0].coordinateTransformations[0].scale)}))
"""


def ome_of(image: DicomCubeImage, folder) -> dict | None:
    image.to_zarr(folder / "x.zarr")
    return zarr.open_group(folder / "x.zarr", mode="r").attrs.get("ome")


def image_with(*names: str, affine=OBLIQUE, samples=()) -> DicomCubeImage:
    axes = [Axis(name, 2, "ms", (5.0, 25.0)) if name == "t" else Axis(name, 2) for name in names]
    shape = (*(2 for _ in names), 4, 5, *samples)
    image = DicomCubeImage(np.zeros(shape, np.uint8), PixelDataHeader(), axes=axes)
    if affine is not None:
        image.affine = affine
    return image


def test_scale_and_offset_are_along_the_axes_of_the_array(tmp_path):
    (scales,) = ome_of(image_with("t", "z"), tmp_path)["multiscales"]
    assert [axis["name"] for axis in scales["axes"]] == ["t", "z", "y", "x"]
    assert scales["axes"][0] == {"name": "t", "type": "time", "unit": "millisecond"}
    assert scales["axes"][2] == {
        "name": "y", "type": "space", "unit": "millimeter",
        "orientation": {"type": "anatomical", "value": "posterior-to-anterior"},
    }  # fmt: skip
    (dataset,) = scales["datasets"]
    scale, translation = dataset["coordinateTransformations"]
    lengths = np.linalg.norm(OBLIQUE[:3, :3], axis=0)
    np.testing.assert_allclose(scale["scale"], [20, *lengths])
    expected = OBLIQUE[:3, 3] @ OBLIQUE[:3, :3] / lengths
    np.testing.assert_allclose(translation["translation"], [5, *expected])


@pytest.mark.parametrize(
    ("names", "samples", "axes"),
    [
        (("z",), (), ["z", "y", "x"]),
        (("echo", "z"), (), ["echo", "z", "y", "x"]),
        (("t", "echo", "z"), (), ["t", "echo", "z", "y", "x"]),
        (("z",), (3,), ["c", "z", "y", "x"]),
        (("t", "z"), (3,), ["t", "c", "z", "y", "x"]),
        (("frame",), (), ["frame", "y", "x"]),
        (("t",), (), ["t", "y", "x"]),
        # What 0.5 has no words for: two axes of other kinds, or time after another axis.
        (("kind", "echo", "z"), (), None),
        (("echo", "t", "z"), (), None),
        (("echo", "z"), (3,), None),
    ],
)
def test_axes_are_told_as_far_as_the_standard_goes(names, samples, axes, tmp_path):
    ome = ome_of(image_with(*names, affine=None, samples=samples), tmp_path)
    assert (ome and [axis["name"] for axis in ome["multiscales"][0]["axes"]]) == axes


def read_by_others(image: DicomCubeImage, folder) -> tuple[dict, np.ndarray]:
    command = [str(PEERS / "python"), "-I", "-c", _READ, str(folder / "x.zarr")]
    done = subprocess.run(
        [*command, str(folder / "read.npy")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), np.load(folder / "read.npy")


@requires_readers
@pytest.mark.parametrize("way", [{}, {"shards": False}, {"chunks": "training"}], ids=str)
@pytest.mark.parametrize(
    ("names", "samples"), [(("z",), ()), (("t", "echo", "z"), ()), (("t", "z"), (3,)), (("t",), ())]
)
def test_others_read_what_is_written(names, samples, way, tmp_path):
    image = image_with(*names, samples=samples)
    image.raw_image[...] = np.random.default_rng(0).integers(0, 255, image.shape)
    image.to_zarr(tmp_path / "x.zarr", **way)
    seen, values = read_by_others(image, tmp_path)
    expected = np.moveaxis(image.raw_image, -1, -4) if samples else image.raw_image
    np.testing.assert_array_equal(values, expected)
    assert len(seen["axes"]) == values.ndim


@requires_data
@requires_readers
@pytest.mark.parametrize("name", ["ct_sts_int16", "mr_fmri_ge_4d", "mr_dwi_philips_classic",
                                  "rgb_series_j2k", "pet_slopes"])  # fmt: skip
def test_others_read_real_series(name, tmp_path):
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    image.to_zarr(tmp_path / "x.zarr")
    seen, values = read_by_others(image, tmp_path)
    assert (
        values.tobytes()
        == (
            np.moveaxis(image.raw_image, -1, 0) if name.startswith("rgb") else image.raw_image
        ).tobytes()
    )
    np.testing.assert_allclose(seen["scale"][-3:], image.space.spacing)
    assert [unit for _, kind, unit in seen["axes"] if kind == "space"] == ["millimeter"] * 3
