"""Which axes are found, in which order the frames come, and what is done about holes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.dicom.series.arrangement import arrange
from dicube.dicom.series.grid import Rival
from dicube.dicom.slice_order import SortMethod
from dicube.exceptions import DataConsistencyError, MetaDataError
from tests.dicom.series.made_frames import arranged, slice_of, table_of


def names_and_sizes(found):
    return [(axis.name, axis.size) for axis in found.axes]


def volumes_of(found):
    """Frames by volume."""
    return np.array(found.order).reshape(-1, found.axes[-1].size).tolist()


class TestSlices:
    def test_positions_decide_the_order(self):
        found = arranged([slice_of(z, n) for n, z in enumerate([6.0, 0.0, 9.0, 3.0])])
        assert found.order == (1, 3, 0, 2)
        assert names_and_sizes(found) == [("z", 4)]
        assert found.rule == ""

    def test_numbers_decide_the_direction(self):
        found = arranged([slice_of(-3.0 * n, n) for n in range(4)])
        assert found.order == (0, 1, 2, 3)

    @pytest.mark.parametrize(
        ("method", "order"),
        [
            (SortMethod.INSTANCE_NUMBER_ASC, (0, 1, 2)),
            (SortMethod.INSTANCE_NUMBER_DESC, (2, 1, 0)),
            (SortMethod.POSITION_RIGHT_HAND, (2, 1, 0)),
            (SortMethod.POSITION_LEFT_HAND, (0, 1, 2)),
        ],
    )
    def test_direction_is_what_was_asked_for(self, method, order):
        slices = [slice_of(-3.0 * n, n) for n in range(3)]
        assert arranged(slices, sort_method=method).order == order

    def test_slices_without_positions_are_ordered_by_number(self):
        slices = [{"InstanceNumber": n, "Rows": 4} for n in (3, 1, 2)]
        found = arranged(slices)
        assert found.order == (1, 2, 0)
        assert names_and_sizes(found) == [("z", 3)]

    def test_sorting_by_position_needs_positions(self):
        with pytest.raises(MetaDataError, match="position"):
            arranged([{"Rows": 4}], sort_method=SortMethod.POSITION_RIGHT_HAND)

    def test_slices_beside_each_other_are_places_of_their_own(self):
        slices = [slice_of(0.0, 1), slice_of(0.0, 2, ImagePositionPatient=[50.0, 0.0, 0.0])]
        assert names_and_sizes(arranged(slices)) == [("z", 2)]


class TestAxes:
    @pytest.mark.parametrize(
        ("keyword", "values", "axis", "unit"),
        [
            ("TemporalPositionIdentifier", [1, 2, 3], "t", ""),
            ("TriggerTime", [0.0, 40.5, 81.0], "t", "ms"),
            ("EchoTime", [2.5, 5.0, 7.5], "echo", "ms"),
            ("InversionTime", [100.0, 500.0, 900.0], "inversion", "ms"),
            ("FlipAngle", [2.0, 10.0, 15.0], "flip", "deg"),
            ("DiffusionBValue", [0.0, 500.0, 1000.0], "diffusion", "s/mm2"),
            ("NominalPercentageOfCardiacPhase", [0.0, 30.0, 60.0], "phase", "%"),
            ("AcquisitionNumber", [4, 5, 6], "t", ""),
            ("FrameReferenceTime", [0.0, 5000.0, 20000.0], "t", "ms"),
        ],
    )
    def test_element_that_tells_volumes_apart_is_an_axis(self, keyword, values, axis, unit):
        cells = [(v, z) for z in range(4) for v in values]
        slices = [slice_of(z, n, **{keyword: v}) for n, (v, z) in enumerate(cells)]
        found = arranged(slices)
        assert names_and_sizes(found) == [(axis, 3), ("z", 4)]
        assert found.rule == keyword
        assert found.axes[0].unit == unit
        assert found.axes[0].coordinates == tuple(map(float, values))
        expected = [[cells.index((v, z)) for z in range(4)] for v in values]
        assert volumes_of(found) == expected

    def test_two_axes_are_found_together(self):
        cells = [(t, e, z) for z in range(2) for e in (3.0, 6.0) for t in (1, 2, 3)]
        found = arranged(
            slice_of(z, n, EchoTime=e, TemporalPositionIdentifier=t)
            for n, (t, e, z) in enumerate(cells)
        )
        assert names_and_sizes(found) == [("t", 3), ("echo", 2), ("z", 2)]
        assert found.rule == "TemporalPositionIdentifier x EchoTime"
        expected = [cells.index((t, e, z)) for t in (1, 2, 3) for e in (3.0, 6.0) for z in range(2)]
        assert list(found.order) == expected

    def test_echo_and_unnamed_time_are_found_together(self):
        """No temporal element at all: times are the order of the numbers of one echo and place."""
        cells = [(t, e, z) for t in range(3) for e in (3.0, 6.0) for z in range(2)]
        found = arranged(slice_of(z, n, EchoTime=e) for n, (t, e, z) in enumerate(cells))
        assert names_and_sizes(found) == [("t", 3), ("echo", 2), ("z", 2)]
        assert found.order == tuple(range(12))

    def test_times_that_differ_from_slice_to_slice_count_by_their_order(self):
        """Slice timing: each slice of a volume has a trigger time of its own."""
        cells = [(t, z) for t in range(3) for z in range(4)]
        found = arranged(
            slice_of(z, 100 - n, TriggerTime=300.0 * t + 60 * z) for n, (t, z) in enumerate(cells)
        )
        assert found.rule == "TriggerTime"
        assert found.axes[0].coordinates == (0.0, 300.0, 600.0)
        assert Rival("InstanceNumber", "another order") in found.rivals
        assert [[frame // 4 for frame in volume] for volume in volumes_of(found)] == [
            [0] * 4, [1] * 4, [2] * 4
        ]  # fmt: skip

    def test_clock_gives_coordinates_in_ms_to_numbered_times(self):
        moments = ["101500.5", "101502.500", "101505.25"]
        found = arranged(
            slice_of(z, TemporalPositionIdentifier=t + 1, AcquisitionTime=moments[t])
            for t in range(3)
            for z in range(2)
        )
        axis = found.axes[0]
        assert (axis.unit, axis.coordinates) == ("ms", (0.0, 2000.0, 4750.0))
        assert axis.along[0].name == "TemporalPositionIdentifier"
        assert axis.along[0].values == (1.0, 2.0, 3.0)

    def test_midnight_does_not_turn_times_round(self):
        days = [("20240101", "235950"), ("20240102", "000010")]
        found = arranged(
            slice_of(z, AcquisitionDate=days[t][0], AcquisitionTime=days[t][1], InstanceNumber=9)
            for t in (1, 0)
            for z in range(2)
        )
        assert found.axes[0].coordinates == (0.0, 20000.0)
        assert found.order == (2, 3, 0, 1)

    def test_directions_of_one_b_value_are_volumes_in_the_order_of_the_series(self):
        gradients = [(0.0, None), (1000.0, [0.0, 1.0, 0.0]), (1000.0, [1.0, 0.0, 0.0])]
        slices = []
        for n, ((b, direction), z) in enumerate((g, z) for g in gradients for z in range(3)):
            more = {} if direction is None else {"DiffusionGradientOrientation": direction}
            slices.append(slice_of(z, n, DiffusionBValue=b, **more))
        found = arranged(slices)
        axis = found.axes[0]
        assert (axis.name, axis.coordinates) == ("diffusion", (0.0, 1000.0, 1000.0))
        assert axis.along[0].name == "direction"
        assert axis.along[0].values == ((0, 0, 0), (0, 1, 0), (1, 0, 0))

    def test_repeated_b_values_are_still_diffusion(self):
        """Averages: the same b-value twice, told apart by their order only."""
        found = arranged(
            slice_of(z, n * 2 + z, DiffusionBValue=b)
            for n, b in enumerate([0.0, 0.0, 800.0])
            for z in range(2)
        )
        assert found.rule == "InstanceNumber"
        assert (found.axes[0].name, found.axes[0].coordinates) == ("diffusion", (0.0, 0.0, 800.0))

    def test_one_place_at_several_times_is_a_series_of_volumes(self):
        found = arranged(slice_of(5.0, n, AcquisitionNumber=n) for n in range(3))
        assert names_and_sizes(found) == [("t", 3), ("z", 1)]

    def test_without_any_element_numbers_tell_times_apart(self):
        found = arranged(slice_of(n % 3, n) for n in range(12))
        assert names_and_sizes(found) == [("t", 4), ("z", 3)]
        assert found.axes[0].coordinates is None
        assert found.rule == "InstanceNumber"

    def test_meanings_win_over_times_and_rivals_are_recorded(self):
        found = arranged(
            slice_of(z, n, EchoTime=3.0 * e, AcquisitionNumber=2 - e, TriggerTime=1.0 * (n % 3))
            for n, (e, z) in enumerate((e, z) for e in (1, 2) for z in range(3))
        )
        assert found.rule == "EchoTime"
        assert set(found.rivals) == {
            Rival("AcquisitionNumber", "another order"),
            Rival("TriggerTime", "incomplete"),
            Rival("InstanceNumber", "agrees"),
        }

    @given(
        t=st.integers(1, 4), e=st.integers(1, 3), z=st.integers(1, 5), seed=st.integers(0, 1 << 32)
    )  # fmt: skip
    def test_shuffled_files_give_the_same_volumes(self, t, e, z, seed):
        cells = [(i, j, k) for i in range(t) for j in range(e) for k in range(z)]
        shuffled = np.random.default_rng(seed).permutation(len(cells))
        found = arranged(
            slice_of(2.5 * cells[n][2], int(n), EchoTime=5.0 + cells[n][1],
                     TemporalPositionIdentifier=cells[n][0] + 1)
            for n in shuffled
        )  # fmt: skip
        assert [int(shuffled[frame]) for frame in found.order] == list(range(len(cells)))


class TestHoles:
    @pytest.fixture
    def aborted(self):
        """Three volumes of four slices; the last one was stopped after two."""
        cells = [(t, z) for t in range(3) for z in range(4)][:10]
        return [slice_of(z, n, TemporalPositionIdentifier=t + 1) for n, (t, z) in enumerate(cells)]

    def test_all_frames_are_kept_in_the_order_of_the_series(self, aborted):
        found = arranged(aborted)
        assert found.order == tuple(range(10))
        assert names_and_sizes(found) == [("frame", 10)]
        assert found.rule == "TemporalPositionIdentifier"

    def test_incomplete_volumes_are_left_out_on_request(self, aborted):
        found = arranged(aborted, incomplete="drop")
        assert names_and_sizes(found) == [("t", 2), ("z", 4)]
        assert found.order == tuple(range(8))
        assert found.left_out == (8, 9)
        assert found.axes[0].coordinates == (1.0, 2.0)

    def test_empty_cells_are_filled_on_request(self, aborted):
        found = arranged(aborted, incomplete="pad")
        assert names_and_sizes(found) == [("t", 3), ("z", 4)]
        assert found.order == (*range(10), -1, -1)

    def test_one_volume_that_is_left_is_a_stack(self, aborted):
        found = arranged(aborted[2:8], incomplete="drop")
        assert names_and_sizes(found) == [("z", 4)]
        assert found.order == (2, 3, 4, 5)

    def test_dropping_needs_something_complete(self, aborted):
        with pytest.raises(DataConsistencyError, match="no volume is complete"):
            arranged([*aborted[:3], *aborted[5:]], incomplete="drop")

    def test_repeated_slice_is_left_out_on_request(self):
        slices = [slice_of(z, n) for n, z in enumerate([0, 1, 1, 2])]
        assert names_and_sizes(arranged(slices)) == [("frame", 4)]
        found = arranged(slices, incomplete="drop")
        assert (found.order, found.left_out) == ((0, 1, 3), (2,))

    def test_missing_slices_of_a_stack_are_filled_on_request(self):
        slices = [slice_of(2.5 * z, z) for z in (0, 1, 2, 5, 6)]
        assert arranged(slices).order == (0, 1, 2, 3, 4)
        assert arranged(slices, incomplete="pad").order == (0, 1, 2, -1, -1, 3, 4)

    def test_uneven_steps_are_not_taken_for_missing_slices(self):
        slices = [slice_of(z, n) for n, z in enumerate([0.0, 1.0, 2.0, 3.4, 4.4])]
        assert -1 not in arranged(slices, incomplete="pad").order

    def test_no_frame_is_ever_lost(self):
        generator = np.random.default_rng(3)
        for count in range(1, 30):
            places = generator.integers(0, 4, count)
            table = table_of(
                slice_of(float(z), int(generator.integers(0, 9)), EchoTime=float(n % 2))
                for n, z in enumerate(places)
            )
            found = arrange(table, np.arange(count))
            assert sorted(found.order) == list(range(count))
