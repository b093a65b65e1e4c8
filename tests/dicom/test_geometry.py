"""Positions, affines and spaces, checked by hand against PS3.3 C.7.6.2."""

from typing import Any

import numpy as np
import pytest

from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.findings import DicomStatus
from dicube.dicom.geometry import affine_of, slice_locations, space_of, stack_geometry
from tests.dicom.made import meta_of

AXIAL = [1, 0, 0, 0, 1, 0]


def stack(positions: list[list[float]], orientation: list[float], **more: Any) -> DicomMeta:
    return meta_of(
        [
            {
                "ImagePositionPatient": position,
                "ImageOrientationPatient": orientation,
                "PixelSpacing": [0.5, 0.25],  # between rows, then between columns
            }
            | more
            for position in positions
        ]
    )


def test_axial_stack_has_the_affine_of_the_standard() -> None:
    geometry = stack_geometry(stack([[10, 20, 30], [10, 20, 33], [10, 20, 36]], AXIAL))
    assert geometry.findings == ()
    expected = [[0, 0, 0.25, 10], [0, 0.5, 0, 20], [3, 0, 0, 30], [0, 0, 0, 1]]
    np.testing.assert_allclose(geometry.affine, expected)


def test_pixel_at_row_and_column_lies_where_the_standard_says() -> None:
    # PS3.3 C.7.6.2.1.1: P = X dj j + Y di i + S, with j the column and i the row.
    row, column = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.0, -1.0])
    geometry = stack_geometry(stack([[1, 2, 3], [2, 2, 3]], [*row, *column]))
    point = geometry.affine @ [0, 7, 5, 1]
    np.testing.assert_allclose(point[:3], row * 0.25 * 5 + column * 0.5 * 7 + [1, 2, 3])


def test_affine_and_space_agree() -> None:
    geometry = stack_geometry(stack([[1, 2, 3], [1, 2, 5]], AXIAL))
    space = space_of(geometry.affine, (2, 4, 6))
    assert space.shape == (2, 4, 6)
    assert space.spacing == (2, 0.5, 0.25)
    assert space.origin == (1, 2, 3)
    np.testing.assert_allclose(affine_of(space), geometry.affine)
    world = space.to_world_transform.apply_point([[1, 3, 5]])
    np.testing.assert_allclose(world[0], (geometry.affine @ [1, 3, 5, 1])[:3])


def test_gantry_tilt_gives_a_sheared_affine_and_no_space() -> None:
    positions = [[0, k * np.tan(np.radians(18.5)) * 5, k * 5.0] for k in range(4)]
    geometry = stack_geometry(stack(positions, AXIAL))
    np.testing.assert_allclose(geometry.affine @ [3, 0, 0, 1], [*positions[3], 1])
    assert space_of(geometry.affine, (4, 8, 8)) is None
    (finding,) = geometry.findings
    assert finding.status is DicomStatus.INCONSISTENT
    assert "18.5 degrees" in finding.message


def test_descending_stack_keeps_its_order() -> None:
    geometry = stack_geometry(stack([[0, 0, 9], [0, 0, 6], [0, 0, 3]], AXIAL))
    np.testing.assert_allclose(geometry.affine[:3, 0], [0, 0, -3])
    assert space_of(geometry.affine, (3, 4, 4)) is not None


def test_single_slice_takes_its_thickness() -> None:
    geometry = stack_geometry(stack([[0, 0, 0]], AXIAL, SliceThickness=2.5))
    np.testing.assert_allclose(geometry.affine[:3, 0], [0, 0, 2.5])


def test_locations_are_measured_along_the_normal() -> None:
    meta = stack([[5, 0, 1], [9, 0, 4]], AXIAL)
    assert slice_locations(meta) == [1.0, 4.0]


@pytest.mark.parametrize(
    ("positions", "changes", "status"),
    [
        ([[0, 0, 0], [0, 0, 1], [0, 0, 5]], {}, DicomStatus.INCONSISTENT),
        ([[0, 0, 0], [0, 0, 0]], {}, DicomStatus.INCONSISTENT),
        ([[0, 0, 0]], {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "missing_orientation"),
        ([[0, 0, 0]], {"ImageOrientationPatient": [2, 0, 0, 0, 1, 0]}, "missing_orientation"),
        ([[0, 0, 0]], {"PixelSpacing": [0, 1]}, "missing_spacing"),
    ],
)
def test_what_has_no_regular_geometry_says_why(
    positions: list[list[float]], changes: dict[str, Any], status: DicomStatus | str
) -> None:
    meta = stack(positions, AXIAL)
    for keyword, value in changes.items():
        meta.set_shared_item(keyword, value)
    geometry = stack_geometry(meta)
    assert geometry.affine is None
    (finding,) = geometry.findings
    assert finding.status is DicomStatus(status)
    assert finding.message.startswith("no space")
