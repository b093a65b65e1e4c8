"""Finding codecs, and the threads they use."""

import subprocess
import sys
import threading

import numpy as np
import pytest

import dicube.codecs
from dicube.codecs import (
    Codec,
    available_codecs,
    codec_for_suffix,
    codec_for_transfer_syntax,
    get_codec,
    get_num_threads,
    set_num_threads,
)
from dicube.codecs.parallel import map_frames, map_in_order
from dicube.exceptions import CodecError

NAMES = {"jph", "jxl", "jxl-roi", "jpeg", "ljpeg", "jpegls", "jpeg2000", "rle"}


def test_every_codec_is_found_by_name_suffix_and_transfer_syntax():
    assert {codec.name for codec in available_codecs()} >= NAMES
    for codec in available_codecs():
        assert isinstance(codec, Codec)
        assert get_codec(codec.name) is codec
        assert all(codec_for_suffix(suffix) is codec for suffix in codec.suffixes)
        assert all(codec_for_transfer_syntax(uid) is codec for uid in codec.transfer_syntaxes)


def test_suffix_case_does_not_matter():
    assert codec_for_suffix(".J2C").name == "jph"


@pytest.mark.parametrize(
    ("find", "key", "known"),
    [
        (get_codec, "zip", "jpeg2000"),
        (codec_for_suffix, ".zip", ".jxl"),
        (codec_for_transfer_syntax, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201"),
    ],
)
def test_unknown_key_raises_and_lists_the_known_ones(find, key, known):
    with pytest.raises(CodecError, match=known):
        find(key)


def test_public_names_exist_and_are_sorted():
    assert all(hasattr(dicube.codecs, name) for name in dicube.codecs.__all__)
    assert dicube.codecs.__all__ == sorted(dicube.codecs.__all__)


def test_importing_the_package_does_not_import_imagecodecs():
    probe = "import sys, dicube.codecs; sys.exit('imagecodecs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def test_codec_that_only_decodes_says_so():
    with pytest.raises(CodecError, match="only decodes"):
        get_codec("jpeg").encode_frames(np.zeros((1, 4, 4), np.uint8))


@pytest.fixture
def default_threads():
    before = get_num_threads()
    yield
    set_num_threads(before)


def test_number_of_threads_set_is_used(default_threads):
    set_num_threads(1)
    assert get_num_threads() == 1
    idents = map_frames(lambda index: threading.get_ident(), 5)
    assert set(idents) == {threading.get_ident()}


@pytest.mark.parametrize("count", [0, -1])
def test_number_of_threads_below_one_raises(count):
    with pytest.raises(ValueError, match="at least 1"):
        set_num_threads(count)
    with pytest.raises(ValueError, match="at least 1"):
        map_frames(abs, 3, count)


def test_one_frame_needs_no_pool():
    assert map_frames(lambda index: threading.get_ident(), 1, 4) == [threading.get_ident()]


def test_results_come_in_frame_order_and_the_lowest_failure_is_raised():
    barrier = threading.Barrier(2, timeout=10)

    def fail(index: int) -> None:
        barrier.wait()  # both run at once; whichever raises first, index 0 has to be reported
        raise LookupError(index)

    assert map_frames(lambda index: index * index, 6, 3) == [0, 1, 4, 9, 16, 25]
    with pytest.raises(LookupError, match=r"^0$"):
        map_frames(fail, 2, 2)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_results_are_made_in_order_and_not_far_ahead(threads):
    asked: list[int] = []
    taken = 0
    for result in map_in_order(lambda item: asked.append(item) or item, range(40), threads):
        assert result == taken
        taken += 1
        assert len(asked) <= taken + 2 * threads + 1
    assert taken == 40
    assert sorted(asked) == list(range(40))


@pytest.mark.parametrize("threads", [1, 3])
def test_failure_ends_the_results_where_it_happened(threads):
    results = []
    with pytest.raises(ZeroDivisionError):
        results.extend(map_in_order(lambda item: 12 // item, [1, 2, 3, 0, 4], threads))
    assert results == [12, 6, 4]
