"""Segments and their masks on the grid of one volume, whatever file they came from.

A mask is kept as its bounding box, so that hundreds of small segments take no more memory than they
cover. Masks come from a sequence that may make them when they are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self, overload

import numpy as np
import numpy.typing as npt
from spacetransformer import Space

from dicube.core.grid_turn import GridTurn
from dicube.core.label_boxes import Box, label_boxes
from dicube.dicom.geometry import space_of
from dicube.exceptions import DataConsistencyError

Array = npt.NDArray[Any]
Affine = npt.NDArray[np.float64]
SegmentationKind = Literal["binary", "fractional", "labelmap"]
Corner = tuple[int, int, int]


class Code(NamedTuple):
    """A coded concept (PS3.3 8.1): Code Value, Coding Scheme Designator, Code Meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Segment:
    """What a segment is (PS3.3 C.8.20.4, Segment Description macro).

    Attributes
    ----------
    number : int
        Segment Number, or the value of a label image; from 1.
    label : str
    category, type : Code
        Segmented Property Category and Type.
    description : str
    type_modifiers : tuple of Code
    anatomic_regions, anatomic_region_modifiers : tuple of Code
        The modifiers are those of the first region.
    algorithm_type : str
        "MANUAL", "SEMIAUTOMATIC" or "AUTOMATIC".
    algorithm_name : str
    tracking_id, tracking_uid : str
        Both or none.
    colour : (red, green, blue) or None
        Recommended for display, sRGB of 8 bits.
    """

    number: int
    label: str
    category: Code
    type: Code
    description: str = ""
    type_modifiers: tuple[Code, ...] = ()
    anatomic_regions: tuple[Code, ...] = ()
    anatomic_region_modifiers: tuple[Code, ...] = ()
    algorithm_type: str = "MANUAL"
    algorithm_name: str = ""
    tracking_id: str = ""
    tracking_uid: str = ""
    colour: tuple[int, int, int] | None = None


class MaskBox(NamedTuple):
    """A mask without the empty voxels around it.

    Attributes
    ----------
    corner : (z, y, x)
        Where its first voxel is in the grid.
    values : (z, y, x) array
        bool, or float32 from 0 to 1; without voxels where the mask is empty.
    """

    corner: Corner
    values: Array

    @classmethod
    def of(cls, mask: Array) -> Self:
        """The box around what is not 0, a view of the mask."""
        spans = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            places = np.flatnonzero(mask.any(axis=others))
            if not places.size:
                return cls((0, 0, 0), mask[:0, :0, :0])
            spans.append(slice(int(places[0]), int(places[-1]) + 1))
        return cls((spans[0].start, spans[1].start, spans[2].start), mask[tuple(spans)])

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return self.values.size == 0

    @property
    def box(self) -> Box:
        """The part of the grid that it covers."""
        z, y, x = (
            slice(start, start + size)
            for start, size in zip(self.corner, self.values.shape, strict=True)
        )
        return z, y, x

    def on(self, shape: Sequence[int]) -> Array:
        """The whole mask on a grid of this shape."""
        mask = np.zeros(shape, self.values.dtype)
        mask[self.box] = self.values
        return mask

    def turned(self, turn: GridTurn) -> "MaskBox":
        """The same voxels on another grid."""
        if self.is_empty:
            return self
        return MaskBox(turn.corner(self.corner, self.values.shape), turn.array(self.values))


class LabelMasks(Sequence[MaskBox]):
    """The masks of a label image, each made of it when it is asked for.

    Parameters
    ----------
    labels : (z, y, x) unsigned integers
    boxes : mapping of int to Box
        Where each label is; see `label_boxes`.
    numbers : sequence of int
        The label of each mask.
    """

    def __init__(self, labels: Array, boxes: Mapping[int, Box], numbers: Sequence[int]) -> None:
        self._labels, self._boxes, self._numbers = labels, boxes, tuple(numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> MaskBox: ...
    @overload
    def __getitem__(self, index: slice) -> "LabelMasks": ...
    def __getitem__(self, index: int | slice) -> "MaskBox | LabelMasks":
        if isinstance(index, slice):
            return LabelMasks(self._labels, self._boxes, self._numbers[index])
        number = self._numbers[index]
        box = self._boxes.get(number, (slice(0, 0),) * 3)
        return MaskBox((box[0].start, box[1].start, box[2].start), self._labels[box] == number)


class _TurnedMasks(Sequence[MaskBox]):
    """Masks on another grid, each turned when it is asked for."""

    def __init__(self, masks: Sequence[MaskBox], turn: GridTurn) -> None:
        self._masks, self._turn = masks, turn

    def __len__(self) -> int:
        return len(self._masks)

    @overload
    def __getitem__(self, index: int) -> MaskBox: ...
    @overload
    def __getitem__(self, index: slice) -> "_TurnedMasks": ...
    def __getitem__(self, index: int | slice) -> "MaskBox | _TurnedMasks":
        if isinstance(index, slice):
            return _TurnedMasks(self._masks[index], self._turn)
        return self._masks[index].turned(self._turn)


class Segmentation:
    """Segments of one volume.

    Parameters
    ----------
    segments : sequence of Segment
        Each with a number of its own.
    masks : sequence of MaskBox
        One for each segment, on the grid.
    shape : (z, y, x)
    affine : (4, 4) float64
        From (z, y, x, 1) to patient coordinates (LPS), mm.
    kind : "binary", "fractional" or "labelmap"
        Fractional masks are float32, others bool. Segments of a label map do not overlap.

    Raises
    ------
    DataConsistencyError
        Segments and masks are not as many, numbers repeat or are below 1.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        masks: Sequence[MaskBox],
        shape: Sequence[int],
        affine: Affine,
        kind: SegmentationKind = "binary",
    ) -> None:
        numbers = [segment.number for segment in segments]
        if len(segments) != len(masks):
            raise DataConsistencyError(f"{len(segments)} segments have {len(masks)} masks")
        if len(set(numbers)) != len(numbers) or min(numbers, default=1) < 1:
            raise DataConsistencyError(
                f"the segments are numbered {numbers}", hint="give each a number of its own, from 1"
            )
        z, y, x = (int(size) for size in shape)
        self.segments = tuple(segments)
        self.masks = masks
        self.shape: Corner = (z, y, x)
        self.affine: Affine = np.array(affine, dtype=np.float64)
        self.kind: SegmentationKind = kind
        self._index = {number: i for i, number in enumerate(numbers)}

    @classmethod
    def from_labels(
        cls, labels: Array, segments: Sequence[Segment], affine: Affine
    ) -> "Segmentation":
        """Segments of a label image; voxels of other labels belong to none.

        Parameters
        ----------
        labels : (z, y, x) unsigned integers
        segments : sequence of Segment
            Their numbers are the labels.
        affine : (4, 4) float64
        """
        masks = LabelMasks(labels, label_boxes(labels), [segment.number for segment in segments])
        return cls(segments, masks, labels.shape, affine, "labelmap")

    @classmethod
    def from_masks(
        cls, masks: Sequence[Array], segments: Sequence[Segment], affine: Affine
    ) -> "Segmentation":
        """Segments from a mask each; they may overlap.

        Parameters
        ----------
        masks : sequence of (z, y, x) array
            bool, or floats from 0 to 1, which make the segmentation a fractional one.
        segments : sequence of Segment
        affine : (4, 4) float64

        Raises
        ------
        DataConsistencyError
            There are no masks, they are of several shapes, or hold other values.
        """
        if not masks or any(mask.ndim != 3 or mask.shape != masks[0].shape for mask in masks):
            raise DataConsistencyError(
                f"the masks are of the shapes {[mask.shape for mask in masks]}",
                hint="give at least one, all (z, y, x) and of one shape",
            )
        is_fractional = any(mask.dtype.kind == "f" for mask in masks)
        kind: SegmentationKind = "fractional" if is_fractional else "binary"
        boxes = [MaskBox.of(_checked_mask(mask, is_fractional=is_fractional)) for mask in masks]
        return cls(segments, boxes, masks[0].shape, affine, kind)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each segment."""
        return tuple(self._index)

    @property
    def space(self) -> Space | None:
        """Geometry in (z, y, x) order; None where the grid is sheared (gantry tilt)."""
        return space_of(self.affine, self.shape)

    def segment(self, number: int) -> Segment:
        """The segment of this number.

        Raises
        ------
        DataConsistencyError
            There is none.
        """
        return self.segments[self._place(number)]

    def mask_box(self, number: int) -> MaskBox:
        """The mask of a segment as the box around it; errors as for `segment`."""
        return self.masks[self._place(number)]

    def mask(self, number: int) -> Array:
        """The mask of a segment; errors as for `segment`.

        Returns
        -------
        (z, y, x) array
            bool, or float32 from 0 to 1 for a fractional segmentation.
        """
        return self.mask_box(number).on(self.shape)

    def __iter__(self) -> Iterator[tuple[Segment, MaskBox]]:
        return zip(self.segments, self.masks, strict=True)

    def __len__(self) -> int:
        return len(self.segments)

    def __repr__(self) -> str:
        return (
            f"Segmentation(shape={self.shape}, segments={list(self.numbers)[:10]}"
            f"{'...' if len(self) > 10 else ''}, kind={self.kind!r})"
        )

    @property
    def overlaps(self) -> bool:
        """Whether any voxel belongs to several segments."""
        if self.kind == "labelmap":
            return False
        taken = np.zeros(self.shape, np.bool_)
        for mask in self.masks:
            inside = mask.values != 0
            if (taken[mask.box] & inside).any():
                return True
            taken[mask.box] |= inside
        return False

    def label_map(self) -> Array:
        """All segments in one array, each voxel with the number of its segment.

        Returns
        -------
        (z, y, x) array
            uint8, uint16 or uint32, whatever holds the numbers; 0 is no segment.

        Raises
        ------
        DataConsistencyError
            Segments overlap, or are fractional: one number for a voxel cannot say that.
        """
        if self.kind == "fractional":
            raise DataConsistencyError(
                "the segments are fractional", hint="compare mask(number) with a threshold"
            )
        labels = np.zeros(self.shape, np.min_scalar_type(max(self.numbers, default=0)))
        for segment, mask in self:
            part = labels[mask.box]
            shared = part[mask.values]
            if shared.any():
                other = int(shared[shared != 0][0])
                raise DataConsistencyError(
                    f"the segments {other} and {segment.number} overlap",
                    hint="take them one by one with mask(number)",
                )
            part[mask.values] = segment.number
        return labels

    def any_mask(self) -> Array:
        """(z, y, x) bool: voxels of any segment, or of any fraction of one."""
        union = np.zeros(self.shape, np.bool_)
        for mask in self.masks:
            union[mask.box] |= mask.values != 0
        return union

    def moved(self, affine: Affine) -> "Segmentation":
        """The same masks on a grid of the same shape that lies elsewhere."""
        return Segmentation(self.segments, self.masks, self.shape, affine, self.kind)

    def turned(
        self, affine: Affine, shape: Sequence[int], tolerance: float | Sequence[float]
    ) -> "Segmentation | None":
        """The same voxels on another grid, which may be larger; None where they do not coincide.

        Parameters
        ----------
        affine : (4, 4) float64
            Of the other grid.
        shape : (z, y, x)
        tolerance : float or three floats
            As for `GridTurn.between`.
        """
        turn = GridTurn.between(self.affine, affine, self.shape, tolerance)
        if turn is None:
            return None
        low = np.array(turn.corner((0, 0, 0), self.shape))
        if (low < 0).any() or (low + turn.shape(self.shape) > shape).any():
            return None
        masks = _TurnedMasks(self.masks, turn)
        return Segmentation(self.segments, masks, shape, affine, self.kind)

    def _place(self, number: int) -> int:
        try:
            return self._index[number]
        except KeyError:
            raise DataConsistencyError(
                f"there is no segment {number}",
                hint=f"there are {', '.join(map(str, self.numbers)) or 'none'}",
            ) from None


def _checked_mask(mask: Array, *, is_fractional: bool) -> Array:
    if mask.dtype.kind not in "biuf":
        raise DataConsistencyError(f"a mask cannot be of dtype {mask.dtype.name}")
    low, high = (mask.min(), mask.max()) if mask.size else (0, 0)
    if not (low >= 0 and high <= 1):  # also refuses NaN
        raise DataConsistencyError(
            f"a mask holds values from {low} to {high}", hint="give 0 and 1, or fractions between"
        )
    return mask.astype(np.float32 if is_fractional else np.bool_, copy=False)
