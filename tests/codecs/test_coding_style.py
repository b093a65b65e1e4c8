"""What the markers of a JPEG 2000 codestream say of how it was made (T.800 A.6.1)."""

import imagecodecs
import numpy as np
import pytest

from dicube.codecs import get_codec
from dicube.codecs.jpeg2000_markers import CodingStyle, coding_style
from dicube.exceptions import CodecError

FRAME = np.random.default_rng(1).integers(0, 4096, (64, 80)).astype(np.uint16)


def test_our_codestreams_are_reversible_with_the_rpcl_options():
    (stream,) = get_codec("jph").encode_frames(FRAME[None])
    assert coding_style(stream) == CodingStyle(True, True, True)


def test_codestreams_of_openjph_are_told_apart_by_their_wavelet():
    assert coding_style(imagecodecs.htj2k_encode(FRAME)).is_reversible
    lossy = coding_style(imagecodecs.htj2k_encode(FRAME, level=0.01))
    assert lossy.is_high_throughput
    assert not lossy.is_reversible


def test_jpeg_2000_part_1_is_no_htj2k():
    style = coding_style(
        imagecodecs.jpeg2k_encode(FRAME, codecformat="j2k", reversible=True, level=0)
    )
    assert (style.is_high_throughput, style.is_reversible) == (False, True)


@pytest.mark.parametrize("keep", range(2, 110, 9))
def test_a_header_that_is_cut_short_raises(keep):
    (stream,) = get_codec("jph").encode_frames(FRAME[None])
    header = bytes(stream).index(b"\xff\x90")
    with pytest.raises(CodecError):
        coding_style(bytes(stream)[: min(keep, header)])
