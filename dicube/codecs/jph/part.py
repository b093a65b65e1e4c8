"""Which part of a frame is decoded: a lower resolution, a region, or a region of one."""

from typing import NamedTuple

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError


class Region(NamedTuple):
    """Part of a frame, in pixels of the resolution that is decoded."""

    row: int
    column: int
    rows: int
    columns: int

    def check(self, grid: tuple[int, int]) -> None:
        """Refuse a region that is empty or reaches outside the frame of `grid` rows and columns.

        Raises
        ------
        CodecError
            Names the region and the frame.
        """
        empty = self.rows < 1 or self.columns < 1
        outside = self.row + self.rows > grid[0] or self.column + self.columns > grid[1]
        if empty or outside or min(self.row, self.column) < 0:
            raise CodecError(f"{self} is no part of a frame of {grid[0]} x {grid[1]}")

    def crop(self, frames: Samples) -> Samples:
        """See this part of (n, rows, columns[, samples]) frames."""
        return frames[:, self.row : self.row + self.rows, self.column : self.column + self.columns]


class Part(NamedTuple):
    """What to decode of each frame; by default all of it.

    Attributes
    ----------
    discard_levels : int
        1 halves rows and columns, rounded up, 2 quarters them, and so on.
    region : Region or None
        None for the whole resolution.
    """

    discard_levels: int = 0
    region: Region | None = None
