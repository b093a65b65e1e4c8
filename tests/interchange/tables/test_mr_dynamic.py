"""Dynamic series: several times in one series, and several series that show one after another."""

from typing import Any

import pytest

from tests.interchange.tables.mr_rows import cleaned, instance

pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

VIBE = {
    "ScanningSequence": "GR", "SequenceVariant": "SP", "MRAcquisitionType": "3D",
    "RepetitionTime": 4.1, "EchoTime": 1.9, "FlipAngle": 10.0, "Manufacturer": "SIEMENS",
    "ScanOptions": "FS", "AcquisitionDate": "20200101",
}  # fmt: skip


def series(number: int, name: str, time: str, **values: Any) -> list[dict[str, Any]]:
    """A series of three slices."""
    header = {**VIBE, "SeriesDescription": name, "AcquisitionTime": time, **values}
    return [instance(str(number), i, 3.0 * i, **header) for i in range(3)]


def test_phases_of_a_liver_are_one_group() -> None:
    names = ["pre", "art", "pv", "delay_5min"]
    phases = ["pre", "arterial", "portal venous", "delayed"]
    rows = [
        row
        for i, name in enumerate(names)
        for row in series(4 + i, f"t1_vibe_fs_tra_bh_dyn_{name}", f"10{10 + i}00")
    ]
    other = series(9, "t2_tse_tra", "101500", EchoTime=90.0, RepetitionTime=3000.0)
    *liver, t2 = cleaned(*rows, *other)
    assert [row["dynamicPhase"] for row in liver] == phases
    assert {(row["dynamicGroup"], row["isDynamic"], row["sequenceClass"]) for row in liver} == {
        ("D1", "yes", "T1")
    }
    assert [row["isContrastEnhanced"] for row in liver] == ["no", "yes", "yes", "yes"]
    assert (t2["dynamicGroup"], t2["isDynamic"], t2["dynamicPhase"]) == ("none", "no", "none")


def test_phases_in_chinese_are_one_group() -> None:
    names = ("T1平扫", "T1动脉期", "T1门脉期", "T1延迟期")
    rows = [row for i, name in enumerate(names) for row in series(i + 1, name, f"09{i}000")]
    found = cleaned(*rows)
    assert [row["dynamicPhase"] for row in found] == ["pre", "arterial", "portal venous", "delayed"]
    assert {row["dynamicGroup"] for row in found} == {"D1"}


def test_series_without_a_phase_are_numbered_by_their_time() -> None:
    times = ("101200", "101000", "101100")  # the numbers of the series are in another order
    rows = [row for i, time in enumerate(times) for row in series(i + 1, "t1_vibe_dyn", time)]
    assert [row["dynamicPhase"] for row in cleaned(*rows)] == ["3 of 3", "1 of 3", "2 of 3"]


def test_six_times_of_a_breast_in_one_series_are_counted() -> None:
    rows = [
        instance("5", 10 * t + i, 3.0 * i, **VIBE, SeriesDescription="t1_fl3d_tra_dyn_1+5",
                 SOPInstanceUID=f"1.{t}.{i}", ContrastBolusAgent="Dotarem", AcquisitionNumber=t)
        for t in range(1, 7) for i in range(4)
    ]  # fmt: skip
    (row,) = cleaned(*rows)
    assert (row["timepoints"], row["isDynamic"], row["dynamicPhase"]) == (6, "yes", "1-6 of 6")
    assert (row["sequenceClass"], row["contrastPhase"]) == ("T1", "mixed")
    assert row["isContrastEnhanced"] == "mixed"


def test_a_copy_of_an_image_is_no_other_time() -> None:
    rows = series(1, "t1_vibe", "100000")
    assert cleaned(*rows, rows[0])[0]["timepoints"] == 1


def test_before_and_after_are_a_pair_and_no_dynamic_series() -> None:
    rows = series(1, "t1_tse_tra", "100000") + series(2, "t1_tse_tra_KM", "101000")
    found = cleaned(*rows)
    assert [row["dynamicGroup"] for row in found] == ["none", "none"]
    assert [row["contrastPhase"] for row in found] == ["unknown", "post"]


@pytest.mark.parametrize(
    "difference",
    [{"ImageOrientationPatient": "0\\1\\0\\0\\0\\-1"}, {"EchoTime": 4.0}, {"FlipAngle": 30.0},
     {"MRAcquisitionType": "2D"}, {"StudyInstanceUID": "1.2.99"},
     {"ImageType": "DERIVED\\PRIMARY\\W\\M"}],
)  # fmt: skip
def test_series_that_differ_in_more_than_time_are_no_group(difference: dict[str, Any]) -> None:
    rows = series(1, "t1_vibe_art", "100000") + series(2, "t1_vibe_pv", "100100", **difference)
    assert {row["dynamicGroup"] for row in cleaned(*rows)} == {"none"}


def test_dixon_parts_of_a_dynamic_series_are_groups_of_their_own() -> None:
    rows = []
    for i, phase in enumerate(("pre", "art", "pv")):
        for j, part in enumerate("WF"):
            image_type = f"DERIVED\\PRIMARY\\{part}\\M"
            name = f"t1_vibe_dixon_dyn_{phase}_{part}"
            rows += series(10 * i + j + 1, name, f"10{i}000", ImageType=image_type)
    found = cleaned(*rows)
    groups = {row["dynamicGroup"]: row["dixonComponent"] for row in found}
    assert sorted(groups.values()) == ["fat", "water"]
    assert len(groups) == 2


def test_directions_of_diffusion_are_no_times() -> None:
    rows = [
        instance("1", b, 0.0, SeriesDescription="ep2d_diff", DiffusionBValue=float(b > 0) * 1000)
        for b in range(7)
    ]
    (row,) = cleaned(*rows)
    assert (row["isDynamic"], row["isDynamicRule"]) == ("no", "dynamic.excluded_classes")


def test_images_without_positions_leave_it_open() -> None:
    rows = [{**row, "ImagePositionPatient": None} for row in series(1, "t1_vibe", "100000")]
    (row,) = cleaned(*rows)
    assert row["isDynamic"] == "unknown"
