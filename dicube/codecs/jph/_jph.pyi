from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dicube.codecs.base import BytesLike

_Fault = Literal[
    "none", "damaged", "unsupported", "unfit", "bad_argument", "out_of_memory", "mismatch"
]
_Int64Array = npt.NDArray[np.int64]

class VolumeReport:
    """The lowest frame that failed, and how; and the frames outside the scope of the codec."""

    @property
    def fault(self) -> _Fault: ...
    @property
    def what(self) -> str: ...
    @property
    def position(self) -> int | None:
        """Byte of the codestream."""
    @property
    def frame(self) -> int:
        """-1 where the fault is in no single frame."""
    @property
    def unsupported_frames(self) -> list[int]: ...
    @property
    def unsupported_reason(self) -> str: ...

class EncodedVolume:
    """Read-only bytes, by the buffer protocol, and where in them each codestream lies."""

    def __buffer__(self, flags: int, /) -> memoryview: ...
    @property
    def offsets(self) -> _Int64Array: ...
    @property
    def lengths(self) -> _Int64Array: ...

class FrameInfo:
    """What a main header says."""

    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def bits(self) -> int: ...
    @property
    def is_signed(self) -> bool: ...
    @property
    def levels(self) -> int:
        """Decompositions, the least of all components."""
    @property
    def reversible(self) -> bool: ...

# (frames, rows, columns[, samples]) integers of 8, 16 or 32 bits, native and aligned. What does not
# even look like that raises TypeError or ValueError; what the codec refuses is in the report.
def encode_volume(
    frames: npt.NDArray[Any],
    *,
    levels: int,
    block_width_log2: int,
    block_height_log2: int,
    progression: str,
    tlm: bool,
    colour_transform: bool,
    bit_depth: int,
    verify: bool,
    threads: int,
) -> tuple[VolumeReport, EncodedVolume]: ...

# The region is (row, column, rows, columns), in pixels of the resolution that is left.
def decode_volume(
    buffer: BytesLike,
    offsets: _Int64Array,
    lengths: _Int64Array,
    out: npt.NDArray[Any],
    *,
    discard_levels: int,
    region: tuple[int, int, int, int] | None,
    threads: int,
) -> VolumeReport: ...
def read_frame_info(codestream: BytesLike) -> tuple[VolumeReport, FrameInfo]: ...
def simd_levels() -> list[str]: ...
def simd_level() -> str: ...
def set_simd_level(name: str) -> None: ...
