"""HTJ2K: vectors of several encoders, headers, what is particular to OpenJPH."""

import subprocess
import sys

import numpy as np
import pytest

from dicube.codecs import get_codec, imdecode_jph, imencode_jph
from dicube.codecs.jpeg2000_markers import check_complete
from dicube.codecs.jph import stream_info
from dicube.codecs.jph.codec import check_openjph
from dicube.exceptions import CodecError


def test_vector_decodes_to_its_samples(jph_vector):
    data = (jph_vector["folder"] / jph_vector["codestream"]).read_bytes()
    expected = np.load(jph_vector["folder"] / jph_vector["expected"])["samples"]
    info = stream_info(data)
    assert info.frame_shape == expected.shape
    assert (info.bits, info.signed) == (jph_vector["bit_depth"], jph_vector["signed"])
    if jph_vector["level"] == "layers":  # OpenJPH reads one quality layer only
        with pytest.raises(CodecError):
            imdecode_jph(data)
        return
    decoded = imdecode_jph(data)
    assert decoded.dtype == expected.dtype
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("name", ["htj2k_rgb_lossless", "htj2k_rgb_lossy"])
def test_colour_of_others_decodes_as_openjpeg_does(dicom_frames, name):
    imagecodecs = pytest.importorskip("imagecodecs")
    _, frames = dicom_frames(name)
    decoded = get_codec("jph").decode_frames(frames)
    expected = imagecodecs.jpeg2k_decode(frames[0], planar=False)
    np.testing.assert_array_equal(decoded[0], expected)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_openjpeg_reads_what_is_written(dtype):
    imagecodecs = pytest.importorskip("imagecodecs")
    rng = np.random.default_rng(3)
    frame = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (70, 50, 3)).astype(dtype)
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(imencode_jph(frame)), frame)


@pytest.mark.parametrize("value", [0, 1, 2**11, 2**15, 2**16 - 1])
@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_flat_last_line_is_not_mistaken_for_damage(dtype, value):
    rng = np.random.default_rng(1)
    frame = rng.integers(0, 2**16, (9, 11, 3)).astype(np.uint16)
    frame[-1] = value
    frame = frame.view(dtype)
    np.testing.assert_array_equal(imdecode_jph(imencode_jph(frame)), frame)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("dtype", ["uint16", "int16"])
def test_damaged_code_block_is_noticed(dtype):
    """imagecodecs ignores this error of OpenJPH and returns zeros for the lines not reached."""
    frame = np.random.default_rng(0).integers(0, 4000, (64, 64)).astype(dtype)
    data = bytearray(imencode_jph(frame))
    end = len(data) - 2
    data[end - 2000 : end] = b"\xff" * 2000
    with pytest.raises(CodecError):
        imdecode_jph(data)


def test_tlm_marker_segment_is_written_unless_declined():
    frame = np.zeros((8, 8), np.uint8)
    assert b"\xff\x55" in imencode_jph(frame)
    assert b"\xff\x55" not in imencode_jph(frame, tlm=False)
    codestreams = get_codec("jph").encode_frames(frame[np.newaxis])
    assert b"\xff\x55" in bytes(codestreams[0])


def test_codestream_in_a_jph_file_is_found():
    frame = np.arange(20, dtype=np.int16).reshape(4, 5)
    codestream = imencode_jph(frame)
    signature = bytes.fromhex("0000000c6a5020200d0a870a")
    box = (len(codestream) + 8).to_bytes(4, "big") + b"jp2c" + codestream
    np.testing.assert_array_equal(imdecode_jph(signature + box), frame)
    with pytest.raises(CodecError, match="jp2c"):
        imdecode_jph(signature + box[:-1])
    with pytest.raises(CodecError, match="no codestream box"):
        imdecode_jph(signature)


@pytest.mark.parametrize("version", ["openjph 0.26.1", "openjph 0.26.2"])
def test_releases_that_are_not_lossless_are_refused(version):
    with pytest.raises(CodecError, match="upgrade imagecodecs"):
        check_openjph(version)


@pytest.mark.parametrize("version", ["openjph 0.21.3", "openjph 0.26.3", "openjph 0.27.0", "n/a"])
def test_other_releases_are_accepted(version):
    check_openjph(version)


def test_budget_is_in_samples():
    data = imencode_jph(np.zeros((4, 5, 3), np.uint8))
    assert stream_info(data, max_pixels=60).frame_shape == (4, 5, 3)
    with pytest.raises(CodecError, match="at most 59"):
        stream_info(data, max_pixels=59)


@pytest.mark.parametrize(
    ("position", "value"),
    [
        (0, b"\x00"),  # no SOC
        (4, b"\xff\xff"),  # length of SIZ
        (16, b"\xff\xff\xff\xff"),  # image offset behind the image
        (24, b"\x00\x00\x00\x00"),  # tiles without width
        (40, b"\x00\x00"),  # no components
        (42, b"\x7f"),  # 128 bits
        (43, b"\x02"),  # subsampled
    ],
)
def test_header_that_makes_no_sense_is_refused(position, value):
    data = bytearray(imencode_jph(np.zeros((4, 5), np.uint8)))
    data[position : position + len(value)] = value
    with pytest.raises(CodecError):
        stream_info(data)


def test_too_many_tiles_are_refused():
    data = bytearray(imencode_jph(np.zeros((500, 500), np.uint8)))
    data[24:32] = b"\0\0\0\1" * 2
    with pytest.raises(CodecError, match="tiles"):
        stream_info(data)


def test_every_truncation_is_noticed_by_structure_alone():
    data = imencode_jph(np.random.default_rng(0).integers(0, 99, (20, 20)).astype(np.uint8))
    check_complete(data)
    for length in range(len(data)):
        check = stream_info if length < 45 else check_complete  # the SIZ segment ends at 45
        with pytest.raises(CodecError):
            check(data[:length])


_FIRST_FRAMES = """
import sys, threading
import numpy as np
from dicube.codecs.jph import codec as jph
calls = []
def recorded(encode):
    def record(*args, **options):
        calls.append((threading.current_thread() is threading.main_thread(), args[1].shape))
        return encode(*args, **options)
    return record
jph.encode_with = recorded(jph.encode_with)
jph.JphCodec().encode_frames(np.zeros((8, 16, 16), np.int16), num_threads=2)
first = [main for main, shape in calls if shape != (16, 16)]
assert first and all(first), calls
assert calls.index(calls[0]) == 0 and calls[0][1] != (16, 16), calls
"""


def test_one_thread_prepares_openjph_before_several_share_it():
    # Its tables are filled by the first frame of a process; two threads at it wrote damaged ones.
    subprocess.run([sys.executable, "-W", "error", "-c", _FIRST_FRAMES], check=True)
