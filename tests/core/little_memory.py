"""Reading a file that is damaged takes neither time nor memory."""

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import imagecodecs

# Reading a file that is damaged asks for no more than its own size and a little.
FEW_BYTES = 4 << 20


@contextmanager
def little_memory_and_time(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer, or more memory than reading a damaged file may take."""
    imagecodecs.htj2k_version()  # what is imported on first use is not counted
    imagecodecs.jpegxl_version()
    tracemalloc.start()
    started = time.perf_counter()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < FEW_BYTES
        assert time.perf_counter() - started < seconds
    finally:
        tracemalloc.stop()
