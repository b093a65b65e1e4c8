"""What the native module takes and gives: arrays, buffers, options, SIMD levels, errors."""

import mmap
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube.codecs import Codestreams
from dicube.codecs.jph import JphCodec, _jph, native
from dicube.codecs.jph.options import EncodeOptions
from dicube.exceptions import CodecError, MissingDependencyError
from tests.codecs.jph_frames import Case, cases

CODEC = JphCodec()
thorough = settings(max_examples=100)


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 3000, (5, 70, 90)).astype(np.uint16)


class TestSimdLevels:
    """The plain C++ of every kernel is the reference."""

    @thorough
    @given(case=cases())
    def test_write_and_read_the_same(self, case: Case):
        with native.forced_simd_level("scalar"):
            expected = CODEC.encode_frames(case.frames, **case.options)
        for level in native.simd_levels():
            with native.forced_simd_level(level):
                streams = CODEC.encode_frames(case.frames, **case.options)
                assert list(streams) == list(expected)
                np.testing.assert_array_equal(CODEC.decode_frames(expected), case.frames)

    def test_scalar_is_always_there_and_a_better_one_is_chosen(self):
        assert native.simd_levels()[0] == "scalar"
        probe = "from dicube.codecs.jph import native; print(native._jph.simd_level())"
        chosen = subprocess.run(
            [sys.executable, "-c", probe], check=True, capture_output=True, text=True
        )
        assert chosen.stdout.strip() in (native.simd_levels()[1:] or ["scalar"])

    def test_unknown_level_raises_value_error(self):
        with pytest.raises(ValueError, match="avx9"), native.forced_simd_level("avx9"):
            pass

    def test_vector_decodes_to_its_samples_at_every_level(self, jph_vector):
        data = (jph_vector["folder"] / jph_vector["codestream"]).read_bytes()
        expected = np.load(jph_vector["folder"] / jph_vector["expected"])["samples"]
        for level in native.simd_levels():
            with native.forced_simd_level(level):
                np.testing.assert_array_equal(CODEC.decode_frames([data])[0], expected)


VIEWS = {
    "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1, ::-1])[::-1, ::-1, ::-1],
    "every other": lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
    "Fortran order": np.asfortranarray,
    "transposed": lambda a: np.ascontiguousarray(a.transpose(2, 0, 1)).transpose(1, 2, 0),
    "columns apart": lambda a: np.stack([a, a], axis=-1)[..., 0],
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "explicitly little endian": lambda a: a.astype(a.dtype.newbyteorder("<"), copy=True),
    "not aligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


class TestArrays:
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32"])
    @pytest.mark.parametrize("view", VIEWS)
    def test_view_encodes_like_a_plain_array(self, frames, view, dtype):
        plain = frames.astype(dtype)
        expected = CODEC.encode_frames(plain)
        assert list(CODEC.encode_frames(VIEWS[view](plain))) == list(expected)

    @pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32"])
    @pytest.mark.parametrize("view", [name for name in VIEWS if name != "read-only"])
    @pytest.mark.parametrize("remembered", [True, False])
    def test_view_is_decoded_into(self, frames, view, dtype, remembered):
        streams = CODEC.encode_frames(frames)
        out = VIEWS[view](np.zeros(frames.shape, dtype))
        if not out.flags.writeable:
            out = np.frombuffer(bytearray(out.nbytes + 1), out.dtype, offset=1).reshape(out.shape)
        given = streams if remembered else [bytes(stream) for stream in streams]
        assert CODEC.decode_frames(given, out=out) is out
        np.testing.assert_array_equal(out, frames)

    def test_colour_planes_apart_are_taken_and_given(self):
        planes = np.random.default_rng(1).integers(0, 255, (2, 3, 20, 30)).astype(np.uint8)
        frames = planes.transpose(0, 2, 3, 1)
        for transform in (False, True):
            streams = CODEC.encode_frames(frames, colour_transform=transform)
            out = np.zeros_like(planes)
            CODEC.decode_frames(streams, out=out.transpose(0, 2, 3, 1))
            np.testing.assert_array_equal(out, planes)


class TestBuffers:
    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
    def test_any_buffer_is_read_where_it_is(self, frames, kind):
        streams = CODEC.encode_frames(frames)
        data = bytes(streams.buffer)
        buffer = np.frombuffer(data, np.uint8) if kind is np.frombuffer else kind(data)
        held = Codestreams(buffer, streams.offsets, streams.lengths)
        np.testing.assert_array_equal(CODEC.decode_frames(held), frames)

    def test_mapped_file_is_read_where_it_is(self, frames, tmp_path):
        streams = CODEC.encode_frames(frames)
        path = tmp_path / "streams"
        path.write_bytes(streams.buffer)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as map_:
            held = Codestreams(map_, streams.offsets, streams.lengths)
            np.testing.assert_array_equal(CODEC.decode_frames(held), frames)
            del held  # a mapping that someone looks at cannot be closed

    def test_codestreams_outlive_what_made_them(self, frames):
        streams = CODEC.encode_frames(frames)
        view = streams[2]
        expected = bytes(view)
        del streams
        CODEC.encode_frames(frames[::-1])
        assert bytes(view) == expected

    def test_order_gaps_and_overlaps_are_free(self, frames):
        streams = CODEC.encode_frames(frames)
        order = [3, 0, 0, 4]
        held = Codestreams(streams.buffer, streams.offsets[order], streams.lengths[order])
        np.testing.assert_array_equal(CODEC.decode_frames(held), frames[order])

    def test_written_bytes_cannot_be_changed(self, frames):
        assert memoryview(CODEC.encode_frames(frames).buffer).readonly


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"levels": -1}, "levels is -1"),
            ({"levels": 33}, "0 to 32"),
            ({"block_size": (64, 128)}, "4096"),
            ({"block_size": (2, 64)}, "powers of two"),
            ({"block_size": (48, 64)}, "powers of two"),
            ({"progression": "rpcl"}, "RPCL"),
            ({"colour_transform": True}, "three samples"),
            ({"bit_depth": 0}, "1 to 16"),
            ({"bit_depth": 17}, "1 to 16"),
        ],
    )
    def test_out_of_range_raises_codec_error(self, frames, options, told):
        with pytest.raises(CodecError, match=told):
            CODEC.encode_frames(frames, **options)

    @pytest.mark.parametrize(("dtype", "value"), [("uint16", 4096), ("int16", 2048)])
    def test_sample_beyond_the_bit_depth_raises_codec_error(self, dtype, value):
        frames = np.zeros((4, 20, 30), dtype)
        frames[2:, 7, 9] = value
        for threads in (1, 4):
            with pytest.raises(CodecError, match="frame 2"):
                CODEC.encode_frames(frames, bit_depth=12, num_threads=threads)
        frames[2:, 7, 9] = value - 1
        decoded = CODEC.decode_frames(CODEC.encode_frames(frames, bit_depth=12))
        np.testing.assert_array_equal(decoded, frames)

    def test_failure_of_a_batch_names_the_frame_of_the_volume(self):
        frames = np.zeros((5, 8, 8), np.uint16)
        frames[3] = 5000
        options = EncodeOptions(bit_depth=12)
        with pytest.raises(CodecError) as caught:
            native.encode_volume(frames, options, verify=False, threads=1, first=40)
        assert caught.value.where == "frame 43"

    def test_header_tells_what_was_chosen(self):
        frames = np.zeros((1, 20, 30, 3), np.uint16)
        stream = CODEC.encode_frames(frames, levels=3, bit_depth=10)[0]
        info = native.frame_info(stream)
        assert (info.rows, info.columns, info.samples) == (20, 30, 3)
        assert (info.bits, info.is_signed, info.levels, info.reversible) == (10, False, 3, True)

    @pytest.mark.parametrize(
        ("rows", "columns", "levels"),
        [
            (512, 512, 5),
            (160, 300, 5),
            (159, 300, 4),
            (80, 300, 4),
            (64, 64, 3),
            (20, 64, 2),
            (7, 9, 1),
            (1, 1, 1),
        ],
    )
    def test_lowest_resolution_of_a_small_frame_keeps_five_rows(self, rows, columns, levels):
        stream = CODEC.encode_frames(np.zeros((1, rows, columns), np.uint8))[0]
        assert native.frame_info(stream).levels == levels

    @pytest.mark.parametrize("number", range(5))
    def test_progression_and_blocks_are_in_the_cod_segment(self, number):
        name = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")[number]
        frames = np.zeros((1, 20, 30), np.uint8)
        stream = bytes(CODEC.encode_frames(frames, progression=name, block_size=(8, 256))[0])
        cod = stream[stream.index(b"\xff\x52") :]
        assert cod[5] == number
        assert (cod[10], cod[11]) == (8 - 2, 3 - 2)  # xcb is the width

    def test_tlm_segment_holds_the_length_of_the_tile_part(self, frames):
        stream = bytes(CODEC.encode_frames(frames[:1])[0])
        tlm = stream.index(b"\xff\x55")
        sot = stream.index(b"\xff\x90")
        assert tlm < sot
        psot = stream[sot + 6 : sot + 10]
        segment = stream[tlm + 2 : tlm + 2 + int.from_bytes(stream[tlm + 2 : tlm + 4], "big")]
        assert segment.endswith(psot)
        assert sot + int.from_bytes(psot, "big") == len(stream) - 2
        assert stream.endswith(b"\xff\xd9")


class TestThreads:
    @pytest.mark.parametrize("threads", [0, -3])
    def test_number_below_one_raises_value_error(self, frames, threads):
        streams = CODEC.encode_frames(frames)
        with pytest.raises(ValueError, match="at least 1"):
            CODEC.encode_frames(frames, num_threads=threads)
        with pytest.raises(ValueError, match="at least 1"):
            CODEC.decode_frames(streams, num_threads=threads)

    def test_more_threads_than_frames_do_no_harm(self, frames):
        streams = CODEC.encode_frames(frames, num_threads=64)
        np.testing.assert_array_equal(CODEC.decode_frames(streams, num_threads=64), frames)

    def test_interpreter_runs_on_while_a_volume_is_encoded(self):
        frame = np.random.default_rng(1).integers(0, 3000, (256, 256)).astype(np.uint16)
        # So many that the volume takes hundreds of ticks, however busy the machine is.
        frames = np.broadcast_to(frame, (600, 256, 256))
        done = threading.Event()
        ticks = 0

        def work() -> None:
            CODEC.encode_frames(frames, num_threads=1)
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        while not done.is_set():
            ticks += 1
            time.sleep(0.0005)
        worker.join()
        assert ticks > 10

    @settings(max_examples=20)
    @given(case=cases(max_frames=1), seed=st.integers(0, 99))
    def test_callers_on_several_threads_do_not_meet(self, case: Case, seed):
        expected = bytes(CODEC.encode_frames(case.frames, **case.options)[0])
        wrong = []

        def work() -> None:
            stream = CODEC.encode_frames(case.frames, num_threads=2, **case.options)
            if bytes(stream[0]) != expected:
                wrong.append("stream")
            if not np.array_equal(CODEC.decode_frames(stream, num_threads=2), case.frames):
                wrong.append("frame")

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not wrong


class TestModule:
    """What Python has checked before is checked again where memory is at stake."""

    def decode(self, out: object, *, buffer: object = b"0123456789", extent=(0, 10)) -> None:
        offsets, lengths = (np.array([value], np.int64) for value in extent)
        _jph.decode_volume(buffer, offsets, lengths, out, discard_levels=0, region=None, threads=1)

    @pytest.mark.parametrize("extent", [(0, 11), (11, 0), (-1, 2), (2, -1), (2**62, 2**62)])
    def test_extent_outside_the_buffer_raises(self, extent):
        with pytest.raises(ValueError, match="outside"):
            self.decode(np.zeros((1, 2, 2), np.uint8), extent=extent)

    @pytest.mark.parametrize(
        "out",
        [
            np.zeros((1, 2, 2), np.float32),
            np.zeros((1, 2, 2), np.int64),
            np.zeros((1, 2, 2), ">u2"),
            np.zeros((2, 2), np.uint8),
            np.zeros((2, 2, 2), np.uint8),
            np.frombuffer(b"0000", np.uint8).reshape(1, 2, 2),
            np.frombuffer(bytearray(9), np.uint16, offset=1).reshape(1, 2, 2),
            [[[1, 2]]],
        ],
        ids=["float32", "int64", "big endian", "2-D", "frames", "read-only", "not aligned", "list"],
    )
    def test_array_that_cannot_be_written_raises(self, out):
        with pytest.raises((ValueError, TypeError)):
            self.decode(out)

    def test_buffer_of_words_raises(self):
        with pytest.raises(ValueError, match="run of bytes"):
            self.decode(np.zeros((1, 2, 2), np.uint8), buffer=np.zeros(10, np.uint16))


_NO_IMAGECODECS = """
import sys
import numpy as np
from dicube.codecs import imdecode_jph, imencode_jph
frame = np.arange(60, dtype=np.int16).reshape(6, 10)
assert (imdecode_jph(imencode_jph(frame)) == frame).all()
sys.exit("imagecodecs" in sys.modules)
"""


def test_round_trip_does_not_import_imagecodecs():
    assert subprocess.run([sys.executable, "-c", _NO_IMAGECODECS], check=False).returncode == 0


def test_module_that_is_not_built_is_named_with_the_build_step(monkeypatch, frames):
    monkeypatch.setattr(native, "_missing", ImportError("no module"))
    with pytest.raises(MissingDependencyError, match=r"_jph.*pip install \."):
        CODEC.encode_frames(frames)
