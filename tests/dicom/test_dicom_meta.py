"""DicomMeta against pydicom on real series, and its own promises on made ones."""

import json
import warnings
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicube.dicom.dicom_io import read_series
from dicube.dicom.dicom_meta import DicomMeta, Presence
from dicube.dicom.folder_scan import scan_folder
from dicube.dicom.slice_order import SortMethod
from dicube.exceptions import DicomCubeError, MetaDataError
from tests.dicom.made import meta_of
from tests.series import SERIES, requires_data, series_folder

ALL_FOLDERS = [series.name for series in SERIES]


def plain(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of one slice as the DICOM JSON model has it."""
    if entry["vr"] == "SQ":
        items = [{key: plain(nested) for key, nested in item.items()} for item in entry["Value"]]
        return {"vr": "SQ", "Value": items}
    return {name: entry[name] for name in ("vr", "Value", "InlineBinary") if name in entry}


def expected(element: pydicom.DataElement) -> dict[str, Any]:
    if element.VR == "SQ":
        items = [{f"{int(e.tag):08X}": expected(e) for e in item} for item in element.value]
        return {"vr": "SQ", "Value": items}
    return element.to_json_dict(None, 1 << 40)


@requires_data
@pytest.mark.parametrize("name", ALL_FOLDERS)
def test_each_slice_reads_as_pydicom_reads_it(name: str) -> None:
    images = scan_folder(series_folder(name)).images
    if not images:
        pytest.skip("the folder holds no readable image")
    meta = DicomMeta.from_instances(images)
    compared = 0
    for number, instance in enumerate(images):
        if number % max(1, len(images) // 5):
            continue  # a few slices of each series: the point is variety
        ours = dict(meta.index(number).items())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data_set = pydicom.dcmread(instance.path, force=True)
        for tag in data_set.keys():  # noqa: SIM118  # iterating the data set itself converts values
            if tag in (0x7FE00010, 0x7FE00008, 0x7FE00009):
                continue
            key = f"{int(tag):08X}"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    theirs = expected(data_set[tag])
                except (ValueError, TypeError, IndexError, OverflowError, NotImplementedError):
                    continue  # pydicom cannot read the value; test_values.py has these
            assert key in ours
            if agrees(plain(ours[key]), theirs):
                compared += 1
                continue
            pytest.fail(f"{instance.path.name} {key}: {plain(ours[key])} is not {theirs}"[:400])
    assert compared


def agrees(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    if ours["vr"] == "SQ" and theirs["vr"] == "SQ":
        return len(ours["Value"]) == len(theirs["Value"]) and all(
            one.keys() == other.keys() and all(agrees(one[k], other[k]) for k in one)
            for one, other in zip(ours["Value"], theirs["Value"], strict=True)
        )
    if ours == theirs:
        return True
    if ours["vr"] == "UL" and theirs["vr"] == "UN":
        return True  # the length of a private group (PS3.5 7.2), which pydicom takes for unknown
    # NaN and infinity are null here; malformed numbers stay text (see values.py).
    return json.dumps(ours.get("Value")) != json.dumps(theirs.get("Value")) and (
        any(v is None or isinstance(v, str) for v in ours.get("Value", []))
        and theirs["vr"] in ("DS", "IS", "FD", "FL", "PN")
    )


@requires_data
@pytest.mark.parametrize("name", ALL_FOLDERS)
def test_json_round_trip_keeps_everything(name: str) -> None:
    images = scan_folder(series_folder(name)).images
    if not images:
        pytest.skip("the folder holds no readable image")
    meta = DicomMeta.from_instances(images)
    again = DicomMeta.from_json(meta.to_json())
    assert dict(again.items()) == dict(meta.items())
    assert again.slice_count == meta.slice_count == len(images)


def test_shared_and_differing_values_are_told_apart() -> None:
    meta = meta_of([{"Modality": "CT", "InstanceNumber": n} for n in (1, 2, 3)])
    assert meta.is_shared("Modality")
    assert not meta.is_shared("InstanceNumber")
    assert meta.get("Modality") == "CT"
    assert meta.get("InstanceNumber") == [1, 2, 3]
    assert meta.get("Modality", force_nonshared=True) == ["CT"] * 3
    assert meta.get_values((0x0008, 0x0060)) == ["CT"] * 3
    assert meta.get_shared_value("00080060") == "CT"
    assert meta["Modality"] == ("CT", "shared")
    assert meta["InstanceNumber"] == ([1, 2, 3], "non_shared")
    with pytest.raises(MetaDataError, match="do not share"):
        meta.get_shared_value("InstanceNumber")


def test_absent_empty_and_present_are_three_things() -> None:
    meta = meta_of([{"PatientID": "7"}, {"PatientID": ""}, {}])
    assert meta.presence("PatientID") == [Presence.PRESENT, Presence.EMPTY, Presence.ABSENT]
    assert meta.get("PatientID") == ["7", None, None]
    again = DicomMeta.from_json(meta.to_json())
    assert again.presence("PatientID") == meta.presence("PatientID")
    assert "PatientID" not in again.index(2)
    assert again.index(1).get("PatientID") == []
    assert not again.is_missing("PatientID")
    assert again.get("StudyID", default="none") == "none"
    assert again["StudyID"] == (None, None)


def test_empty_everywhere_is_shared_and_missing() -> None:
    meta = meta_of([{"PatientID": ""}, {"PatientID": ""}])
    assert meta.is_shared("PatientID")
    assert meta.is_missing("PatientID")
    assert meta.get("PatientID") == []


def sequence(*items: dict[str, Any]) -> Sequence:
    result = []
    for values in items:
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        result.append(item)
    return Sequence(result)


def test_sequences_keep_every_item_at_any_depth() -> None:
    deep = sequence({"CodeValue": "a"}, {"CodeValue": "b"})
    slices = [
        {"ReferencedImageSequence": sequence({"PurposeOfReferenceCodeSequence": deep}, {})},
        {"ReferencedImageSequence": sequence({"PurposeOfReferenceCodeSequence": deep})},
        {"ReferencedImageSequence": sequence()},
        {},
    ]
    meta = DicomMeta.from_json(meta_of(slices).to_json())
    items = [meta.index(i).get("ReferencedImageSequence") for i in range(3)]
    nested = items[0][0]["0040A170"]["Value"] if len(items[0]) == 2 else None
    assert [entry["00080100"]["Value"] for entry in nested] == [["a"], ["b"]]
    assert len(items[0]) == 2
    assert items[0][1] == {}
    assert "ReferencedImageSequence" in meta.index(2)
    assert items[2] == []
    assert "ReferencedImageSequence" not in meta.index(3)


def test_large_binary_and_private_elements_survive() -> None:
    data_set = Dataset()
    block = data_set.private_block(0x0099, "DICUBE TEST", create=True)
    block.add_new(0x01, "OB", bytes(range(256)) * 100)
    meta = DicomMeta.from_json(meta_of([data_set, data_set]).to_json())
    import base64

    assert base64.b64decode(meta.get((0x0099, 0x1001))) == bytes(range(256)) * 100


def test_setting_items_replaces_them_and_counts_as_a_change() -> None:
    meta = meta_of([{"PatientName": "Old^Name"}, {"PatientName": "Old^Name"}])
    before = meta.revision
    meta.set_shared_item("PatientName", "New^Name")
    meta.set_nonshared_item("InstanceNumber", [1, 2])
    assert meta.revision == before + 2
    assert meta.get("PatientName") == {"Alphabetic": "New^Name"}
    assert meta.get_vr("InstanceNumber") == "IS"
    meta.remove_item("PatientName")
    assert "PatientName" not in meta


@pytest.mark.parametrize(
    ("tag", "value"),
    [("Rows", -1), ("Rows", "many"), ("SliceThickness", "thick"), ((0x0099, 0x1001), 1)],
)
def test_values_that_do_not_fit_are_refused_without_quoting_them(tag: Any, value: Any) -> None:
    meta = meta_of([{"Modality": "CT"}])
    with pytest.raises(MetaDataError) as caught:
        meta.set_shared_item(tag, value)
    assert str(value) not in str(caught.value) or value in (-1, 1)


def test_setting_needs_one_value_for_each_slice() -> None:
    with pytest.raises(MetaDataError, match="2 values for 1 slices"):
        meta_of([{"Modality": "CT"}]).set_nonshared_item("InstanceNumber", [1, 2])


def test_handed_out_values_are_copies() -> None:
    meta = meta_of([{"ImageType": ["A", "B"]}])
    meta.get("ImageType").append("C")
    dict(meta.items())["00080008"]["Value"].append("C")
    assert meta.get("ImageType") == ["A", "B"]
    assert meta.revision == 0


@pytest.mark.parametrize(
    ("method", "order"),
    [
        (SortMethod.INSTANCE_NUMBER_ASC, [1, 2, 0, 3]),
        (SortMethod.INSTANCE_NUMBER_DESC, [0, 2, 1, 3]),
        (SortMethod.POSITION_RIGHT_HAND, [2, 0, 1, 3]),
        (SortMethod.POSITION_LEFT_HAND, [1, 0, 2, 3]),
    ],
)
def test_sorting_reorders_all_that_differs(method: SortMethod, order: list[int]) -> None:
    slices: list[dict[str, Any]] = [
        {
            "InstanceNumber": n,
            "ImagePositionPatient": [0, 0, z],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        }
        for n, z in ((3, 5.0), (1, 9.0), (2, 1.0))
    ]
    slices.append({"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]})
    meta = meta_of(slices)
    assert meta.sort_files(method) == order
    assert meta.get("InstanceNumber") == [[3, 1, 2, None][i] for i in order]
    assert meta.order == tuple(order)
    assert meta.presence("InstanceNumber")[3] is Presence.ABSENT


def test_sorting_by_position_needs_an_orientation() -> None:
    with pytest.raises(MetaDataError, match="Image Orientation"):
        meta_of([{"InstanceNumber": 1}]).sort_files(SortMethod.POSITION_RIGHT_HAND)


def test_display_shows_both_tables(capsys: pytest.CaptureFixture[str]) -> None:
    meta_of([{"Modality": "CT", "InstanceNumber": n} for n in (1, 2)]).display()
    printed = capsys.readouterr().out
    assert "Modality: CT" in printed
    assert "InstanceNumber" in printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"_merged_data": []}',
        '{"_merged_data": {"00200013": {"vr": "IS", "shared": false, "Value": [1]}},'
        ' "slice_count": 2}',
    ],
)
def test_malformed_json_is_refused(text: str) -> None:
    with pytest.raises(MetaDataError):
        DicomMeta.from_json(text).to_json()  # entries are read when they are asked for


def test_unknown_tags_are_refused_by_name() -> None:
    with pytest.raises(MetaDataError, match="NoSuchKeyword"):
        meta_of([{"Modality": "CT"}]).get("NoSuchKeyword")


def test_folder_that_does_not_exist_is_named() -> None:
    with pytest.raises(DicomCubeError, match="no such folder"):
        read_series("does/not/exist")


def test_nan_of_the_published_tool_becomes_null_with_its_bytes() -> None:
    text = (
        '{"_merged_data": {"00189087": {"vr": "FD", "shared": false, "Value": [NaN, 2.0]},'
        ' "00189073": {"vr": "FD", "shared": true, "Value": [Infinity, 1.0]}}, "slice_count": 2}'
    )
    meta = DicomMeta.from_json(text)
    entries = dict(meta.items())
    assert entries["00189087"]["Value"] == [[None], 2.0]
    assert entries["00189087"]["Raw"] == ["AAAAAAAA+H8=", None]
    assert entries["00189073"]["Value"] == [None, 1.0]
    assert entries["00189073"]["Raw"] == "AAAAAAAA8H8AAAAAAADwPw=="
    assert meta.presence("00189087") == [Presence.PRESENT, Presence.PRESENT]
    assert dict(DicomMeta.from_json(meta.to_json()).items()) == entries
