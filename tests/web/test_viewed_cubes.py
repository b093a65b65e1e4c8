"""Blocks of stored values, as the viewer asks for them."""

import threading

import numpy as np
import pytest

from dicube import Axis, DataConsistencyError, DicomCubeImage, PixelDataHeader, find_series
from dicube.web.viewing.description import viewer_description
from dicube.web.viewing.elements import element_rows
from dicube.web.viewing.viewed_cubes import ViewedCubes
from tests.series import requires_data, series_folder
from tests.web.conftest import made_image

REAL = [
    "ct_philips_private",
    "mr_fmri_ge_4d",
    "mr_dwi_philips_classic",
    "pet_slopes",
    "enh_mr_philips_dti",
    "rgb_examples_ybr_color",
    "xa_cine_jpeg",
    "rtdose_uint32",
    "paramap_float32",
    "cr_j2k_10bit",
    "ct_ge_int16_tilt",
]


def every_slice(cubes: ViewedCubes, path, description):
    """(volumes, slices along z, rows, columns[, samples]) from blocks of three along each axis."""
    for plane in description["planes"]:
        volumes = []
        for volume in range(description["volumes"]):
            blocks = [
                cubes.block(path, volume, plane["axis"], first, min(3, plane["slices"] - first))
                for first in range(0, plane["slices"], 3)
            ]
            volumes.append(np.moveaxis(np.concatenate(blocks), 0, plane["axis"]))
        yield np.stack(volumes)


@pytest.mark.parametrize("volume_bytes", [1 << 30, 0], ids=["kept", "from the file"])
@pytest.mark.parametrize("shape", [(5, 8, 9), (2, 3, 8, 9), (2, 2, 3, 8, 9)], ids=str)
@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32", "int64"])
def test_blocks_along_all_axes_are_the_stored_values(tmp_path, shape, dtype, volume_bytes):
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    axes = [Axis(name, size) for name, size in zip("et", shape[:-3], strict=False)]
    image = DicomCubeImage(values, PixelDataHeader(), axes=(*axes, Axis("z", shape[-3], "mm")))
    image.affine = np.diag([3.0, 2.0, 1.0, 1.0])[[2, 1, 0, 3]]
    path = image.to_file(tmp_path / "x.dcbs")
    cubes = ViewedCubes(volume_bytes=volume_bytes)
    with cubes.view(path) as view:
        description = viewer_description(view)
    assert len(description["planes"]) == 3
    for found in every_slice(cubes, path, description):
        np.testing.assert_array_equal(found.reshape(shape), values)
    cubes.close()


@requires_data
@pytest.mark.parametrize("name", REAL)
def test_real_series_are_shown_value_for_value(name, tmp_path):
    found = find_series(series_folder(name))[0]
    image = DicomCubeImage.from_volume_set(found)
    path = image.to_file(tmp_path / "x.dcbs")
    cubes = ViewedCubes()
    with cubes.view(path) as view:
        description = viewer_description(view)
        meta = view.frames_meta
        rows = list(element_rows(meta, 0))
    assert {"SOPClassUID", "Rows", "Columns"} <= {row["keyword"] for row in rows}
    for values in every_slice(cubes, path, description):
        np.testing.assert_array_equal(values.reshape(image.shape), image.raw_image)
    rescale = description["rescale"]
    slopes = np.array(rescale.get("slopes", rescale.get("slope")), dtype=float)
    intercepts = np.array(rescale.get("intercepts", rescale.get("intercept")), dtype=float)
    tail = (1,) * (image.ndim - len(image.axes))
    if slopes.ndim:
        leading = image.shape[: len(image.axes)]
        slopes, intercepts = slopes.reshape(*leading, *tail), intercepts.reshape(*leading, *tail)
    np.testing.assert_array_equal(
        image.raw_image.astype(np.float64) * slopes + intercepts, image.get_fdata("float64")
    )
    cubes.close()


def test_elements_are_those_of_the_frame(tmp_path):
    image = made_image()
    image.dicom_meta.set_nonshared_item("ImageComments", [f"slice {z}" for z in range(6)])
    path = image.to_file(tmp_path / "x.dcbs")
    with ViewedCubes().view(path) as view:
        rows = {row["keyword"]: row for row in element_rows(view.frames_meta, 4)}
    assert rows["ImageComments"]["value"] == "slice 4"
    assert not rows["ImageComments"]["shared"]
    assert rows["PatientName"]["value"] == "Test^Person"
    assert rows["PatientID"]["shared"]


@pytest.mark.parametrize(
    ("volume", "axis", "first", "count"), [(1, 0, 0, 1), (0, 0, 5, 2), (0, 1, 20, 1), (0, 2, 0, 25)]
)
def test_slices_that_are_not_there_are_an_error(tmp_path, volume, axis, first, count):
    path = made_image().to_file(tmp_path / "x.dcbs")
    for _ in range(2):  # also when the volume is kept
        with pytest.raises(DataConsistencyError):
            ViewedCubes().block(path, volume, axis, first, count)


def test_a_file_that_is_replaced_is_opened_anew(tmp_path):
    cubes = ViewedCubes()
    for seed in (1, 2):
        image = made_image(seed=seed)
        path = image.to_file(tmp_path / "x.dcbs")
        np.testing.assert_array_equal(cubes.block(path, 0, 0, 0, 6), image.raw_image)
        np.testing.assert_array_equal(
            cubes.block(path, 0, 1, 0, 20), image.raw_image.swapaxes(0, 1)
        )
    cubes.close()


def test_many_cubes_at_once_stay_within_bounds_and_right(tmp_path):
    images = [made_image(seed=seed) for seed in range(6)]
    paths = [image.to_file(tmp_path / f"{n}.dcbs") for n, image in enumerate(images)]
    cubes = ViewedCubes(most_open=2, volume_bytes=3 * images[0].raw_image.nbytes)
    wrong = []

    def read(start):
        for turn in range(24):
            n = (start + turn) % 6
            for axis in (0, 2):
                block = cubes.block(paths[n], 0, axis, 1, 2)
                expected = np.moveaxis(images[n].raw_image, axis, 0)[1:3]
                if not np.array_equal(block, expected):
                    wrong.append((n, axis))

    threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(cubes) <= 2
    cubes.close()
