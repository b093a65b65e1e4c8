"""Masks as boxes, label images taken apart, and grids that are turned against each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.core.grid_turn import GridTurn
from dicube.core.label_boxes import label_boxes, labels_in
from dicube.core.segmentation import Code, MaskBox, Segment, Segmentation
from dicube.exceptions import DataConsistencyError

TISSUE = Code("85756007", "SCT", "Tissue")
AFFINE = np.diag([3.0, 2.0, 1.0, 1.0])


def segments(*numbers):
    return [Segment(number, f"segment {number}", TISSUE, TISSUE) for number in numbers]


@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([1, 3, 40, 300, 70000]),
       density=st.floats(0, 1))  # fmt: skip
def test_boxes_are_those_of_each_label(seed, most, density):
    random = np.random.default_rng(seed)
    labels = random.integers(0, most + 1, (3, 17, 19)).astype(np.min_scalar_type(most))
    labels[random.random(labels.shape) > density] = 0
    boxes = label_boxes(labels)
    assert list(boxes) == labels_in(labels) == [n for n in np.unique(labels) if n]
    for label, box in boxes.items():
        places = np.argwhere(labels == label)
        assert [s.start for s in box] == places.min(axis=0).tolist()
        assert [s.stop for s in box] == (places.max(axis=0) + 1).tolist()


def test_mask_is_its_box_and_nothing_else():
    mask = np.zeros((5, 6, 7), bool)
    mask[2, 3:5, 6] = True
    box = MaskBox.of(mask)
    assert (box.corner, box.values.shape) == ((2, 3, 6), (1, 2, 1))
    np.testing.assert_array_equal(box.on(mask.shape), mask)
    assert MaskBox.of(np.zeros((2, 2, 2), bool)).is_empty


class TestSegmentation:
    @pytest.fixture
    def overlapping(self):
        masks = np.zeros((2, 4, 5, 6), bool)
        masks[0, 1:3, 1:4, 1:4] = masks[1, 2, 2:5, 2:6] = True
        return Segmentation.from_masks(list(masks), segments(1, 7), AFFINE), masks

    def test_masks_come_back_by_number(self, overlapping):
        segmentation, masks = overlapping
        assert segmentation.numbers == (1, 7)
        np.testing.assert_array_equal(segmentation.mask(7), masks[1], strict=True)
        np.testing.assert_array_equal(segmentation.any_mask(), masks.any(axis=0))
        with pytest.raises(DataConsistencyError, match="no segment 2"):
            segmentation.mask(2)

    def test_label_map_needs_segments_apart(self, overlapping):
        segmentation, masks = overlapping
        assert segmentation.overlaps
        with pytest.raises(DataConsistencyError, match="1 and 7 overlap"):
            segmentation.label_map()
        apart = Segmentation.from_masks([masks[0], masks[1] & ~masks[0]], segments(1, 300), AFFINE)
        labels = apart.label_map()
        assert labels.dtype == np.uint16
        np.testing.assert_array_equal(labels == 300, masks[1] & ~masks[0])

    def test_fractions_are_no_labels(self):
        values = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4)
        fractional = Segmentation.from_masks([values], segments(1), AFFINE)
        assert fractional.kind == "fractional"
        np.testing.assert_array_equal(fractional.mask(1), values, strict=True)
        with pytest.raises(DataConsistencyError, match="fractional"):
            fractional.label_map()

    @pytest.mark.parametrize("value", [2, -1, np.nan, 1.5])
    def test_other_values_are_refused(self, value):
        with pytest.raises(DataConsistencyError, match="from"):
            Segmentation.from_masks([np.full((2, 2, 2), value)], segments(1), AFFINE)

    def test_numbers_are_distinct_and_above_0(self):
        mask = np.ones((2, 2, 2), bool)
        for numbers in ((1, 1), (0, 1)):
            with pytest.raises(DataConsistencyError, match="numbered"):
                Segmentation.from_masks([mask, mask], segments(*numbers), AFFINE)
        with pytest.raises(DataConsistencyError, match="2 segments have 1"):
            Segmentation.from_masks([mask], segments(1, 2), AFFINE)

    def test_hundreds_of_small_segments_take_little_memory(self):
        labels = np.zeros((10, 200, 200), np.uint16)
        labels[5, ::10, ::10] = np.arange(1, 401).reshape(20, 20)
        segmentation = Segmentation.from_labels(labels, segments(*range(1, 401)), AFFINE)
        assert sum(mask.values.nbytes for mask in segmentation.masks) == 400
        np.testing.assert_array_equal(segmentation.label_map(), labels)


@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3), st.integers(0, 2**32 - 1))
def test_any_turn_is_found_and_undone(order, flips, seed):
    random = np.random.default_rng(seed)
    values = random.integers(0, 99, (3, 4, 5))
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    other = np.eye(4)
    other[:3, :3] = rotation * random.uniform(0.3, 4, 3)
    other[:3, 3] = random.normal(size=3) * 100
    # The same voxels with axes exchanged and reversed.
    own = other[:, [*order, 3]].copy()
    turned = values.transpose(order)
    for axis, flip in enumerate(flips):
        if flip:
            own[:3, 3] += own[:3, axis] * (turned.shape[axis] - 1)
            own[:3, axis] *= -1
            turned = np.flip(turned, axis)
    turn = GridTurn.between(own, other, turned.shape, 1e-6)
    np.testing.assert_array_equal(turn.array(turned), values)
    assert turn.corner((0, 0, 0), turned.shape) == (0, 0, 0)
    mask = np.zeros(turned.shape, bool)
    mask[1, 1:3, 1:3] = True
    moved = MaskBox.of(mask).turned(turn).on(values.shape)
    np.testing.assert_array_equal(moved, turn.array(mask))


@pytest.mark.parametrize("change", ["shift", "scale", "rotate", "degenerate"])
def test_other_grids_are_none(change):
    other = AFFINE.copy()
    if change == "shift":
        other[0, 3] += 1.5
    elif change == "scale":
        other[:3, 1] *= 1.1
    elif change == "rotate":
        other[:3, :3] = [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]] @ AFFINE[:3, :3]
    else:
        other[:3, 0] = 0
    assert GridTurn.between(other, AFFINE, (4, 5, 6), 0.05) is None
    assert GridTurn.between(AFFINE, other, (4, 5, 6), 0.05) is None
