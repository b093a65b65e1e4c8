"""What can be chosen when a frame is encoded."""

from dataclasses import dataclass

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError

PROGRESSIONS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
_MAX_LEVELS = 32  # T.800 table A.15
_USUAL_LEVELS = 5
_LOWEST_SIDE = 5  # rows and columns of the lowest resolution
_BLOCK_SIDES = tuple(1 << exponent for exponent in range(2, 11))  # T.800 A.6.1: xcb, ycb
_MAX_BLOCK = 1 << 12


@dataclass(frozen=True)
class EncodeOptions:
    """Parameters of a lossless codestream; the defaults are those of cube files.

    Parameters
    ----------
    levels : int, optional
        Decompositions, 0 to 32. By default 5, or so many that the lowest resolution of a small
        frame keeps five rows and columns: beyond, headers cost more than is won.
    block_size : (int, int)
        Rows and columns of a code-block: powers of two from 4 to 1024, 4096 samples at most.
    progression : str
        Order of the packets: "LRCP", "RLCP", "RPCL", "PCRL" or "CPRL".
    tlm : bool
        Write a TLM marker segment, an index of the tile-parts (T.800 A.7.1). With it and RPCL the
        codestream also is one of transfer syntax .202.
    colour_transform : bool
        Apply the RCT to the first three samples. dicube 0.3.0 decodes such streams wrongly.
    bit_depth : int, optional
        Declared in the header, 1 to the width of the dtype; by default that width.
    """

    levels: int | None = None
    block_size: tuple[int, int] = (64, 64)
    progression: str = "RPCL"
    tlm: bool = True
    colour_transform: bool = False
    bit_depth: int | None = None

    def check(self, frames: Samples) -> None:
        """Refuse what no codestream can have, or not one of these frames.

        Raises
        ------
        CodecError
            Names the value and the range.
        """
        if self.levels is not None and not 0 <= self.levels <= _MAX_LEVELS:
            raise CodecError(f"levels is {self.levels}, HTJ2K takes 0 to {_MAX_LEVELS}")
        rows, columns = self.block_size
        if not {rows, columns} <= set(_BLOCK_SIDES) or rows * columns > _MAX_BLOCK:
            raise CodecError(
                f"code-blocks are {rows} x {columns}, HTJ2K takes powers of two from "
                f"{_BLOCK_SIDES[0]} to {_BLOCK_SIDES[-1]} and at most {_MAX_BLOCK} samples"
            )
        if self.progression not in PROGRESSIONS:
            raise CodecError(
                f"progression is {self.progression!r}, expected one of {', '.join(PROGRESSIONS)}"
            )
        if self.colour_transform and (frames.ndim != 4 or frames.shape[3] < 3):
            raise CodecError("the colour transform needs three samples per pixel")
        width = 8 * frames.dtype.itemsize
        if self.bit_depth is not None and not 1 <= self.bit_depth <= width:
            raise CodecError(
                f"bit_depth is {self.bit_depth}, frames of {frames.dtype.name} have 1 to {width}"
            )

    def levels_for(self, frames: Samples) -> int:
        """Decompositions of these (n, rows, columns[, samples]) frames."""
        if self.levels is not None:
            return self.levels
        side = int(min(frames.shape[1:3]))
        return min(_USUAL_LEVELS, max(1, (side // _LOWEST_SIDE).bit_length() - 1))
