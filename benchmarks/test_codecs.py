"""Our codecs beside each other: on frames of a CT, and on frames so small that calls cost most."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bench_data import GENERATED, find_series, generated_frames
from pytest_benchmark.fixture import BenchmarkFixture

import dicube
from dicube.codecs import Codec, get_codec

# Name of the series, how many of its frames, rows and columns of each.
_VOLUMES = {"CT 512x512": ("ct_uint16_thin", 8, 512), "tiny 64x64": ("mr_fmri_ge_4d", 64, 64)}
_CODECS = [get_codec(name) for name in ("jph", "jxl", "jpegls", "jpeg2000")]

Frames = npt.NDArray[Any]


@pytest.fixture(scope="session", params=_VOLUMES)
def volume(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Frames]:
    """Name and frames; of a real series where there is one."""
    series_name, count, size = _VOLUMES[request.param]
    series = find_series(tmp_path_factory.mktemp("series"), [series_name])[0]
    if series.name == GENERATED:
        return f"{request.param} made up", generated_frames(count, size)
    values = dicube.load_from_dicom_folder(series.folder).raw_image
    frames = values.reshape(-1, *values.shape[-2:])
    # The middle: the first slices of a series are the emptiest.
    middle = len(frames) // 2 - count // 2
    return request.param, np.ascontiguousarray(frames[middle : middle + count])


@pytest.mark.parametrize("codec", _CODECS, ids=lambda codec: codec.name)
class TestCodecs:
    def test_encode(
        self, benchmark: BenchmarkFixture, codec: Codec, volume: tuple[str, Frames]
    ) -> None:
        name, frames = volume
        benchmark.group = f"encode {len(frames)} frames, {name}, {frames.dtype}"
        encoded = benchmark(codec.encode_frames, frames)
        benchmark.extra_info["ratio"] = frames.nbytes / encoded.nbytes
        np.testing.assert_array_equal(codec.decode_frames(encoded), frames)

    def test_decode(
        self, benchmark: BenchmarkFixture, codec: Codec, volume: tuple[str, Frames]
    ) -> None:
        name, frames = volume
        benchmark.group = f"decode {len(frames)} frames, {name}, {frames.dtype}"
        encoded = codec.encode_frames(frames)
        benchmark.extra_info["ratio"] = frames.nbytes / encoded.nbytes
        np.testing.assert_array_equal(benchmark(codec.decode_frames, encoded), frames)

    def test_decode_one_frame(
        self, benchmark: BenchmarkFixture, codec: Codec, volume: tuple[str, Frames]
    ) -> None:
        name, frames = volume
        benchmark.group = f"decode one frame, {name}, {frames.dtype}"
        encoded = codec.encode_frames(frames)
        benchmark.extra_info["ratio"] = frames[0].nbytes / len(encoded[0])
        np.testing.assert_array_equal(benchmark(codec.decode_frames, encoded[:1])[0], frames[0])
