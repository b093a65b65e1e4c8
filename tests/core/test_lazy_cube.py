"""Cubes that stay in their file: parts, lower resolutions, threads, forks and pickles."""

import multiprocessing
import os
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import dicube
from dicube import CodecError, DicomCubeImage, LazyCube, PixelDataHeader
from dicube.core.frame_cache import FrameCache
from dicube.core.lazy_index import LazyIndex
from dicube.exceptions import (
    DataConsistencyError,
    InvalidCubeFileError,
    MissingDependencyError,
)
from tests.series import DATA, requires_data, series_folder

quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = {
    "3D": (5, 90, 70),
    "4D": (2, 3, 40, 33),
    "colour": (3, 30, 20, 3),
    "4D colour": (2, 2, 9, 8, 4),
}


def values_of(shape: tuple[int, ...], dtype: str = "int16") -> np.ndarray:
    rng = np.random.default_rng(6)
    if dtype.startswith("float"):
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


def written(values: np.ndarray, path, **options) -> np.ndarray:
    image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=values.dtype.name))
    image.to_file(path, **options)
    return values


@pytest.fixture(params=["dcbs", "dcba"])
def suffix(request) -> str:
    return request.param


@pytest.fixture
def cube(tmp_path):
    """(5, 90, 70) int16 with a geometry, as .dcbs."""
    image = DicomCubeImage(
        values_of(SHAPES["3D"]),
        PixelDataHeader(RescaleSlope=2.0, RescaleIntercept=-5.0, OriginalPixelDtype="int16"),
    )
    image.affine = np.diag([2.5, 0.75, 0.5, 1.0])[[2, 1, 0, 3]]
    image.init_meta("CT")
    with dicube.open(image.to_file(tmp_path / "x.dcbs")) as opened:
        yield opened


class TestIndex:
    @quick
    @given(data=st.data())
    def test_basic_indices_give_what_numpy_gives(self, tmp_path, suffix, data):
        shape = data.draw(st.sampled_from(list(SHAPES.values())))
        path = tmp_path / f"{'x'.join(map(str, shape))}.{suffix}"
        if not path.exists():
            written(values_of(shape), path)
        key = data.draw(arrays.basic_indices(shape, allow_newaxis=False))
        with dicube.open(
            path, cache_bytes=data.draw(st.sampled_from([0, 20_000, 1 << 20]))
        ) as cube:
            for _ in range(2):  # the second time out of the cache
                part = cube[key]
                np.testing.assert_array_equal(part, values_of(shape)[key])
                assert part.dtype == np.int16
                assert np.shape(part) == values_of(shape)[key].shape

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", "float32", "float64"])
    def test_every_encoding(self, tmp_path, suffix, dtype):
        values = written(values_of((4, 60, 50), dtype), tmp_path / f"x.{suffix}")
        with dicube.open(tmp_path / f"x.{suffix}") as cube:
            np.testing.assert_array_equal(cube[1:3, 5:9, 40:], values[1:3, 5:9, 40:])
            np.testing.assert_array_equal(np.asarray(cube), values)
            assert cube.dtype == values.dtype

    def test_region_of_interest(self, tmp_path):
        values = values_of((4, 60, 50))
        written(values, tmp_path / "x.dcbr", roi=np.ones((60, 50)))
        with dicube.open(tmp_path / "x.dcbr") as cube:
            np.testing.assert_array_equal(cube[2, 7:30], values[2, 7:30])

    def test_lists_along_the_leading_axes(self, cube):
        values = values_of(SHAPES["3D"])
        np.testing.assert_array_equal(cube[[3, 0, 3], 4:9], values[[3, 0, 3], 4:9])
        np.testing.assert_array_equal(cube[np.array([1, 2])], values[[1, 2]])
        assert cube[[], 3].shape == (0, 70)

    @pytest.mark.parametrize(
        "key", [(0, 0, 0, 0), 5, -6, (0, 90), (0, 0, -71), (..., ...), None, (0, [1, 2]), "x", 1.5]
    )
    def test_indices_that_do_not_fit_are_refused(self, cube, key):
        with pytest.raises(IndexError):
            cube[key]

    def test_rectangle_is_as_small_as_can_be(self):
        index = LazyIndex.of((slice(1, 4, 2), slice(30, 10, -5), 7), (5, 90, 70), leading=1)
        assert index.frames.tolist() == [1, 3]
        assert index.rectangle == (15, 7, 16, 1)


@requires_data
@pytest.mark.parametrize("path", sorted((DATA.parent / "golden").glob("*.dcb[as]")), ids=str)
def test_files_of_the_published_tool(path):
    values = dicube.load(path).raw_image
    with dicube.open(path) as cube:
        assert cube.shape == values.shape
        np.testing.assert_array_equal(cube[...], values)
        part = (*(0,) * (values.ndim - 2), slice(3, 20), slice(5, 9))
        with dicube.open(path) as fresh:
            np.testing.assert_array_equal(fresh[part], values[part])


class TestLevels:
    @pytest.mark.parametrize("level", [0, 1, 2, 3])
    def test_lower_resolutions_are_smaller_and_alike(self, tmp_path, level):
        y, x = np.mgrid[:100, :81]
        values = np.stack([1000 + 3 * y + 2 * x + 50 * z for z in range(3)]).astype(np.int16)
        written(values, tmp_path / "x.dcbs")
        with dicube.open(tmp_path / "x.dcbs") as full, full.at_level(level) as cube:
            step = 1 << level
            assert cube.shape == (3, -(-100 // step), -(-81 // step))
            assert cube.level == level
            # A slope is what the low-pass band keeps; at the ends it is mirrored.
            inner = np.s_[:, 2:-2, 2:-2]
            expected = values[:, ::step, ::step]
            np.testing.assert_allclose(cube[...][inner], expected[inner], atol=4)
            np.testing.assert_array_equal(cube[1, 3:5, 4:6], cube[...][1, 3:5, 4:6])

    def test_geometry_follows(self, cube):
        half = cube.at_level(1)
        assert half.space.spacing == (2.5, 1.5, 1.0)
        assert tuple(half.space.shape) == half.shape
        np.testing.assert_allclose(half.affine[:3, 3], cube.affine[:3, 3])
        np.testing.assert_allclose(half.affine @ [1, 2, 3, 1], cube.affine @ [1, 4, 6, 1])

    def test_levels_that_there_are_not_are_refused(self, cube, tmp_path):
        with pytest.raises(CodecError):
            cube.at_level(9)
        with pytest.raises(DataConsistencyError, match="at least 0"):
            cube.at_level(-1)
        written(values_of((2, 60, 50)), tmp_path / "x.dcba")
        with dicube.open(tmp_path / "x.dcba") as archive:
            with pytest.raises(CodecError, match="no lower resolutions"):
                archive.at_level(1)
            assert archive.at_level(0).shape == archive.shape


class TestFacts:
    def test_what_is_known_without_decoding(self, cube):
        assert cube.shape == (5, 90, 70)
        assert (cube.ndim, len(cube), cube.size, cube.nbytes) == (3, 5, 31500, 63000)
        assert cube.space.spacing == (2.5, 0.75, 0.5)
        assert cube.dicom_meta.get("Modality") == "CT"
        assert cube.dicom_status is dicube.DicomStatus.CONSISTENT
        assert [axis.name for axis in cube.axes] == ["z"]
        assert repr(cube) == "LazyCube(x.dcbs, shape=(5, 90, 70), dtype=int16)"
        assert repr(cube.at_level(1)).endswith("level=1)")

    def test_output_values(self, cube):
        expected = values_of(SHAPES["3D"])[2:4, 5] * 2.0 - 5.0
        np.testing.assert_array_equal(cube.get_fdata(np.s_[2:4, 5]), expected)
        assert cube.get_fdata().shape == cube.shape

    @requires_data
    def test_output_values_with_a_rescale_for_each_frame(self, tmp_path):
        image = DicomCubeImage.from_dicom_folder(series_folder("pet_slopes"))
        expected = image.get_fdata("float64")
        with dicube.open(image.to_file(tmp_path / "x.dcbs")) as cube:
            for key in (..., 3, np.s_[[5, 2], 4:6], np.s_[7:70:9, :, 3], np.s_[-1, 2, 2]):
                np.testing.assert_array_equal(cube.get_fdata(key, "float64"), expected[key])

    def test_array_protocol(self, cube):
        assert np.asarray(cube, dtype=np.float32).dtype == np.float32
        with pytest.raises(ValueError, match="copy"):
            np.asarray(cube, copy=False)


class TestSharing:
    def test_many_threads_read_at_once(self, cube):
        values, wrong = values_of(SHAPES["3D"]), []

        def read(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(60):
                z, y, x = rng.integers(0, (5, 60, 50))
                part = np.s_[z, y : y + 30, x : x + rng.integers(1, 20)]
                if not np.array_equal(cube[part], values[part]):
                    wrong.append(part)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    @pytest.mark.parametrize("method", ["spawn", "fork"])
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_other_processes_read_it(self, cube, method):
        cube[0]
        with multiprocessing.get_context(method).Pool(2) as pool:
            sums = pool.map(cube.__getitem__, range(5))
        np.testing.assert_array_equal(np.stack(sums), values_of(SHAPES["3D"]))

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    def test_fork_while_another_thread_holds_the_cache(self, cube):
        with cube._cache._lock:
            child = os.fork()
            if child == 0:
                # Would wait for ever if the lock had come along.
                os._exit(0 if cube[1].shape == (90, 70) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    def test_pickle_opens_the_file_again(self, cube):
        copy = pickle.loads(pickle.dumps(cube.at_level(1)))
        assert copy.shape == (5, 45, 35)
        assert copy._cache is not cube._cache
        np.testing.assert_array_equal(copy[2], cube.at_level(1)[2])

    def test_pickle_of_a_file_that_was_written_again_is_refused(self, cube):
        data = pickle.dumps(cube)
        written(values_of(SHAPES["3D"]) + 1, cube.name)
        with pytest.raises(InvalidCubeFileError, match="pickled"):
            pickle.loads(data)

    def test_closed_cube_says_so(self, cube):
        cube.close()
        with pytest.raises(InvalidCubeFileError):
            cube[0]


class TestCache:
    def test_frames_that_were_used_last_stay(self):
        cache = FrameCache(3000)
        frames = [np.full(1000, number, np.uint8) for number in range(5)]
        for number in (0, 1, 2):
            cache.put(number, frames[number])
        assert cache.get(0) is frames[0]
        cache.put(3, frames[3])
        assert cache.get(1) is None
        assert [cache.get(number) is not None for number in (0, 2, 3)] == [True] * 3
        assert cache.nbytes == 3000

    def test_too_large_frames_are_not_kept(self):
        cache = FrameCache(100)
        cache.put(0, np.zeros(101, np.uint8))
        assert cache.nbytes == 0

    def test_cube_keeps_no_more_than_it_may(self, cube):
        small = LazyCube(cube.name, cache_bytes=2 * 90 * 70 * 2)
        for z in (0, 1, 2, 3, 4, 0):
            np.testing.assert_array_equal(small[z], values_of(SHAPES["3D"])[z])
        assert small._cache.nbytes == small._cache.most_bytes


class TestOtherLibraries:
    def test_dask(self, cube):
        lazy = cube.to_dask()
        assert lazy.shape == cube.shape
        assert lazy.dtype == cube.dtype
        np.testing.assert_array_equal(lazy[1:, ::7].compute(), values_of(SHAPES["3D"])[1:, ::7])
        assert int(lazy.max().compute()) == values_of(SHAPES["3D"]).max()

    def test_xarray(self, cube):
        array = cube.at_level(1).to_xarray()
        assert array.dims == ("z", "y", "x")
        np.testing.assert_allclose(array.coords["z"], np.arange(5) * 2.5)
        np.testing.assert_allclose(array.coords["x"][:3], [0, 1.0, 2.0])
        assert array.coords["y"].attrs["units"] == "mm"
        assert array.attrs["rescale_slope"] == 2.0
        np.testing.assert_array_equal(array.sel(z=5.0).values, cube.at_level(1)[2])

    def test_xarray_of_colour_and_time(self, tmp_path):
        for name, dims in (("4D", ("t", "z", "y", "x")), ("colour", ("z", "y", "x", "sample"))):
            written(values_of(SHAPES[name]), tmp_path / "x.dcbs")
            with dicube.open(tmp_path / "x.dcbs") as cube:
                assert cube.to_xarray().dims == dims

    @pytest.mark.parametrize("library", ["dask.array", "xarray"])
    def test_missing_library_is_named(self, cube, monkeypatch, library):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[lazy\]"):
            cube.to_xarray()


class TestDamage:
    def test_frame_that_fails_its_checksum_is_named(self, cube):
        data = bytearray(Path(cube.name).read_bytes())
        data[300] ^= 1
        Path(cube.name).write_bytes(data)
        with dicube.open(cube.name) as damaged:
            damaged[3]
            with pytest.raises(InvalidCubeFileError, match="frame 0 fails its checksum"):
                damaged[0, 2:4, 2:4]

    def test_no_cube_file(self, tmp_path):
        (tmp_path / "x.dcbs").write_bytes(b"nothing of the kind")
        with pytest.raises(InvalidCubeFileError):
            dicube.open(tmp_path / "x.dcbs")
