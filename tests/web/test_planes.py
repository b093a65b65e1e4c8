"""Which way round the planes of a volume are shown."""

import numpy as np
import pytest

from dicube.web.viewing.planes import direction_letters, planes_of

SHAPE = (10, 20, 30)
L, P, H = np.eye(3)  # the axes of LPS


def affine(z, y, x):
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([z, y, x], axis=1)
    return matrix


@pytest.mark.parametrize(
    ("z", "y", "x", "names"),
    [
        (2 * H, P, L, ["axial", "coronal", "sagittal"]),
        (-2 * H, P, L, ["axial", "coronal", "sagittal"]),
        (L, -H, P, ["sagittal", "axial", "coronal"]),
        (P, -H, L, ["coronal", "axial", "sagittal"]),
        (-P, H, -L, ["coronal", "axial", "sagittal"]),
    ],
)
def test_head_is_up_left_is_right_back_is_down_in_planes_that_are_cut_across(z, y, x, names):
    planes = planes_of(SHAPE, affine(z, y, x))
    assert [plane.name for plane in planes] == names
    for plane in planes[1:]:
        expected = {
            "axial": ("A", "P", "R", "L"),
            "coronal": ("H", "F", "R", "L"),
            "sagittal": ("H", "F", "A", "P"),
        }[plane.name]
        assert tuple(plane.labels[side] for side in ("top", "bottom", "left", "right")) == expected


@pytest.mark.parametrize("z", [2 * H, -3 * H])
@pytest.mark.parametrize("y", [P, -0.5 * P, -H])
@pytest.mark.parametrize("x", [L, -4 * L])
def test_the_matrix_puts_voxels_where_the_labels_say(z, y, x):
    """Moving along an axis of the slice moves on the screen as far, and to the named side."""
    if abs(z @ y):
        z = 2 * P
    steps = affine(z, y, x)[:3, :3]
    for plane in planes_of(SHAPE, affine(z, y, x)):
        row_axis, column_axis = (axis for axis in range(3) if axis != plane.axis)
        a, b, c, d = plane.matrix
        for axis, (dx, dy) in ((column_axis, (a, b)), (row_axis, (c, d))):
            direction = steps[:, axis]
            assert np.hypot(dx, dy) == pytest.approx(np.linalg.norm(direction))
            side = ("right" if dx > 0 else "left") if dx else ("bottom" if dy > 0 else "top")
            assert plane.labels[side] == direction_letters(direction)
        assert plane.slices == SHAPE[plane.axis]
        assert plane.thickness_mm == pytest.approx(np.linalg.norm(steps[:, plane.axis]))


def test_the_acquired_plane_stays_as_it_is_stored():
    acquired = planes_of(SHAPE, affine(H, -P, -L))[0]
    assert acquired.matrix == (1.0, 0.0, 0.0, 1.0)
    assert acquired.labels == {"left": "L", "right": "R", "top": "P", "bottom": "A"}


def test_without_geometry_or_with_one_slice_there_is_one_plane():
    (plane,) = planes_of(SHAPE, None, (2.0, 3.0))
    assert (plane.name, plane.matrix, plane.labels) == ("acquired", (3.0, 0.0, 0.0, 2.0), {})
    assert len(planes_of((1, 20, 30), affine(H, P, L))) == 1


@pytest.mark.parametrize(
    ("direction", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0.1), "R"),
        ((0, 1, 0.5), "PH"),
        ((0, 0, -2), "F"),
        ((0, 0, 0), ""),
    ],
)
def test_directions_have_up_to_three_letters_the_longest_part_first(direction, letters):
    assert direction_letters(np.array(direction, dtype=float)) == letters
