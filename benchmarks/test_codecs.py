"""HTJ2K codecs beside each other, and our codecs beside each other.

Times are those of a call for the whole volume. Results of one group are comparable, and only those
of one run: look at the ratios.
"""

import itertools

import numpy as np
import pytest
from codec_peer import CodecPeer
from codec_volumes import NAMES, Frames, codec_volume
from htj2k_peers import available_peers
from pytest_benchmark.fixture import BenchmarkFixture

from dicube.codecs import Codec, get_codec, get_num_threads

_CODECS = [get_codec(name) for name in ("jph", "jxl", "jpegls", "jpeg2000")]
_THREADS = sorted({1, get_num_threads()})
_ROUNDS = {"rounds": 7, "warmup_rounds": 1}

Volume = tuple[str, Frames]


@pytest.fixture(scope="session", params=NAMES)
def volume(request: pytest.FixtureRequest) -> Volume:
    """Name and frames."""
    return codec_volume(request.param)


@pytest.mark.parametrize("threads", _THREADS, ids=lambda count: f"{count} threads")
@pytest.mark.parametrize("peer", available_peers(), ids=lambda peer: peer.name)
class TestHtj2k:
    """The first of each group is ours."""

    @pytest.fixture(autouse=True)
    def prepared(self, peer: CodecPeer, volume: Volume) -> None:
        peer.prepare(volume[1])

    def test_encode(
        self, benchmark: BenchmarkFixture, peer: CodecPeer, volume: Volume, threads: int
    ) -> None:
        name, frames = volume
        benchmark.group = f"HTJ2K encode {len(frames)} x {name} {frames.dtype}, {threads} threads"
        length = benchmark.pedantic(peer.encode, (threads,), **_ROUNDS)
        benchmark.extra_info["ratio"] = frames.nbytes / length
        peer.decode(1)
        np.testing.assert_array_equal(peer.decoded(), frames)

    def test_decode(
        self, benchmark: BenchmarkFixture, peer: CodecPeer, volume: Volume, threads: int
    ) -> None:
        name, frames = volume
        benchmark.group = f"HTJ2K decode {len(frames)} x {name} {frames.dtype}, {threads} threads"
        benchmark.pedantic(peer.decode, (threads,), **_ROUNDS)
        np.testing.assert_array_equal(peer.decoded(), frames)


@pytest.mark.parametrize(
    ("codec", "volume"),
    list(itertools.product(_CODECS, ("CT 512x512", "fMRI 64x64"))),
    ids=lambda value: value if isinstance(value, str) else value.name,
    indirect=["volume"],
)
class TestCodecs:
    def test_encode(self, benchmark: BenchmarkFixture, codec: Codec, volume: Volume) -> None:
        name, frames = volume
        benchmark.group = f"encode {len(frames)} frames, {name}, {frames.dtype}"
        encoded = benchmark(codec.encode_frames, frames)
        benchmark.extra_info["ratio"] = frames.nbytes / encoded.nbytes
        np.testing.assert_array_equal(codec.decode_frames(encoded), frames)

    def test_decode(self, benchmark: BenchmarkFixture, codec: Codec, volume: Volume) -> None:
        name, frames = volume
        benchmark.group = f"decode {len(frames)} frames, {name}, {frames.dtype}"
        encoded = codec.encode_frames(frames)
        benchmark.extra_info["ratio"] = frames.nbytes / encoded.nbytes
        np.testing.assert_array_equal(benchmark(codec.decode_frames, encoded), frames)

    def test_decode_one_frame(
        self, benchmark: BenchmarkFixture, codec: Codec, volume: Volume
    ) -> None:
        name, frames = volume
        benchmark.group = f"decode one frame, {name}, {frames.dtype}"
        encoded = codec.encode_frames(frames)
        benchmark.extra_info["ratio"] = frames[0].nbytes / len(encoded[0])
        np.testing.assert_array_equal(benchmark(codec.decode_frames, encoded[:1])[0], frames[0])
