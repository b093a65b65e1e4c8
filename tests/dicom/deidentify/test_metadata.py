"""De-identified metadata: patients, dates, private elements, marks and the report."""

import base64
import csv
import json
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from dicube import (
    DataConsistencyError,
    DeidentifyKey,
    DeidentifyOptions,
    DicomMeta,
    MetaDataError,
    Retain,
)
from dicube.dicom.deidentify import DeidentifiedMeta, Deidentifier, SafePrivate
from dicube.dicom.entries import Entry
from tests.dicom.made import meta_of

KEY = DeidentifyKey(bytes(range(32)))
SLICES = [
    {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
        "SOPInstanceUID": f"1.2.3.{number}",
        "StudyInstanceUID": "1.2.9",
        "StudyDate": "20200229",
        "StudyTime": "101112.5",
        "AcquisitionDateTime": f"2020022923595{number}.25+0100",
        "PatientName": "Verysecret^Person",
        "PatientID": "P-4711 ",
        "PatientBirthDate": "19500101",
        "PatientSex": "F",
        "PatientAge": "070Y",
        "BodyPartExamined": "KNEE",
        "ImageComments": "seen by the doctor",
        "SequenceName": "VERYSECRET ax",
        "DeviceSerialNumber": "SN-1",
        "InstanceNumber": number,
    }
    for number in range(4)
]


def run(meta: DicomMeta, *retain: Retain, **options: object) -> DeidentifiedMeta:
    chosen = DeidentifyOptions(frozenset(retain), KEY, **options)  # type: ignore[arg-type]
    return Deidentifier(meta, chosen).run()


def private(creator: str, element: str, vr: str, value: object) -> dict[str, Entry]:
    group = element[:4]
    return {
        f"{group}0011": {"vr": "LO", "shared": True, "Value": [creator]},
        f"{group}11{element[4:]}": {"vr": vr, "shared": True, "Value": [value]},
    }


def test_the_patient_gets_a_pseudonym_that_padding_does_not_change() -> None:
    meta = run(meta_of(SLICES)).meta
    assert meta.get("PatientID") == KEY.pseudonym("P-4711")
    assert meta.get("PatientName") == {"Alphabetic": KEY.pseudonym("P-4711")}
    assert meta.get("PatientBirthDate") == meta.get("PatientSex") == []
    assert "PatientAge" not in meta
    assert meta.get("BodyPartExamined") == "KNEE"
    assert meta.get("InstanceNumber") == [0, 1, 2, 3]


def test_the_patient_may_be_called_otherwise() -> None:
    meta = run(meta_of(SLICES), patient_id="STUDY-1", patient_name="Doe^J").meta
    assert (meta.get("PatientID"), meta.get("PatientName")) == ("STUDY-1", {"Alphabetic": "Doe^J"})


def test_patients_of_a_mixed_series_stay_apart() -> None:
    slices = [{**values, "PatientID": f"P{number % 2}"} for number, values in enumerate(SLICES)]
    ids = run(meta_of(slices)).meta.get("PatientID")
    assert ids == [KEY.pseudonym("P0"), KEY.pseudonym("P1")] * 2


def test_without_a_patient_id_the_name_and_then_the_study_tells_patients_apart() -> None:
    unnamed = [{**values, "PatientID": ""} for values in SLICES]
    assert run(meta_of(unnamed)).meta.get("PatientID") == KEY.pseudonym("Verysecret^Person")
    nobody = [{**values, "PatientName": ""} for values in unnamed]
    assert run(meta_of(nobody)).meta.get("PatientID") == KEY.pseudonym("1.2.9")


def test_a_name_in_an_element_that_the_profile_keeps_is_found() -> None:
    result = run(meta_of(SLICES))
    assert result.meta.get("SequenceName") == "ANONYMIZED"
    assert [row.keyword for row in result.report.rows if row.action == "cleaned"] == [
        "SequenceName"
    ]


def test_a_patient_id_that_is_used_as_another_number_is_found() -> None:
    slices = [{**values, "PatientID": "471142", "SeriesNumber": 471142} for values in SLICES]
    assert run(meta_of(slices)).meta.get("SeriesNumber") == 0
    short = [{**values, "PatientID": "4711", "SeriesNumber": 4711} for values in SLICES]
    assert run(meta_of(short)).meta.get("SeriesNumber") == 4711


def test_a_name_in_an_element_that_an_option_keeps_is_found() -> None:
    slices = [{**values, "StationName": "room Verysecret"} for values in SLICES]
    meta = run(meta_of(slices), Retain.DEVICE).meta
    assert meta.get("StationName") == "ANONYMIZED"
    assert meta.get("DeviceSerialNumber") == "SN-1"


def test_a_name_behind_the_end_of_a_value_is_found() -> None:
    hidden = base64.b64encode(b"HFS\0Verysecret ").decode()
    entries = {
        **meta_of(SLICES[:1]).merged_entries(),
        "00185100": {"vr": "CS", "shared": True, "Value": ["HFS"], "Raw": hidden},
    }
    meta = run(DicomMeta(entries, slice_count=1)).meta
    assert hidden not in meta.to_json()
    assert meta.get("PatientPosition") == "ANONYMIZED"


@pytest.mark.parametrize("value", [7, "text", {"a": 1}, [{"b": [2]}], None])
@pytest.mark.parametrize("key", ["00080018", "00080020", "00081030", "00080060", "00081140"])
def test_forged_metadata_end_in_an_error_or_say_nothing(key: str, value: object) -> None:
    for vr in ("UI", "DA", "SQ", "LO"):
        meta = DicomMeta({key: {"vr": vr, "shared": True, "Value": value}}, slice_count=1)
        with suppress(MetaDataError):
            run(meta, Retain.MODIFIED_DATES)


def test_dates_move_back_by_the_days_of_the_patient_and_times_stay() -> None:
    result = run(meta_of(SLICES), Retain.MODIFIED_DATES)
    days = KEY.days_back("P-4711")
    moved = result.meta.get("StudyDate")
    assert moved < "20200229"
    before = date(2020, 2, 29) - date(int(moved[:4]), int(moved[4:6]), int(moved[6:]))
    assert before.days == days
    assert result.meta.get("StudyTime") == "101112.5"
    assert result.meta.get("AcquisitionDateTime") == [
        f"{moved}23595{number}.25+0100" for number in range(4)
    ]
    assert result.meta.get("PatientBirthDate") == []
    assert result.meta.get("LongitudinalTemporalInformationModified") == "MODIFIED"


def test_a_date_that_cannot_be_moved_becomes_a_dummy() -> None:
    meta = meta_of(SLICES)
    meta.set_shared_item("StudyDate", "2020")
    assert run(meta, Retain.MODIFIED_DATES).meta.get("StudyDate") == "19000101"


@pytest.mark.parametrize(
    ("retain", "value"),
    [((), "REMOVED"), ((Retain.DATES,), "UNMODIFIED"), ((Retain.MODIFIED_DATES,), "MODIFIED")],
)
def test_the_object_says_what_was_done(retain: tuple[Retain, ...], value: str) -> None:
    meta = run(meta_of(SLICES), *retain, Retain.DEVICE).meta
    assert meta.get("PatientIdentityRemoved") == "YES"
    assert meta.get("LongitudinalTemporalInformationModified") == value
    assert "PS3.15" in meta.get("DeidentificationMethod")
    items = meta.get("DeidentificationMethodCodeSequence")
    codes = [item["00080100"]["Value"][0] for item in items]
    assert codes[0] == "113100"
    assert codes[-1] == "113109"
    assert len(codes) == 2 + len(retain)
    assert {item["00080102"]["Value"][0] for item in items} == {"DCM"}


def test_a_second_run_adds_nothing_twice() -> None:
    once = run(meta_of(SLICES)).meta
    twice = run(once).meta
    name = "DeidentificationMethodCodeSequence"
    assert twice.get(name) == once.get(name)
    assert twice.get("DeidentificationMethod") == once.get("DeidentificationMethod")


def test_dates_that_were_moved_before_are_not_called_unmodified() -> None:
    once = run(meta_of(SLICES), Retain.MODIFIED_DATES).meta
    twice = run(once, Retain.DATES).meta
    assert twice.get("LongitudinalTemporalInformationModified") == "MODIFIED"


def test_private_elements_go_unless_the_list_knows_them_by_their_creator() -> None:
    entries = {
        **private("SIEMENS MR HEADER", "00190C", "IS", 1000),
        "00191199": {"vr": "LO", "shared": True, "Value": ["SECRET"]},
        **private("SIEMENS CSA HEADER", "002910", "LO", "SECRET"),
    }
    meta = DicomMeta(entries, slice_count=1)
    plain, safe = run(meta).meta, run(meta, Retain.SAFE_PRIVATE).meta
    assert not any(int(key[3], 16) & 1 for key, _ in plain.items())
    assert [key for key, _ in safe.items() if int(key[3], 16) & 1] == ["00190011", "0019110C"]
    assert safe.get("0019110C") == 1000
    assert "SECRET" not in safe.to_json()


def test_another_creator_of_the_same_tag_is_not_trusted() -> None:
    meta = DicomMeta(private("OTHER", "00190C", "IS", 1000), slice_count=1)
    assert "0019110C" not in run(meta, Retain.SAFE_PRIVATE).meta


def test_uids_and_names_in_safe_private_elements_are_treated_as_elsewhere() -> None:
    mine = SafePrivate(frozenset({("MINE", 0x0011, element) for element in range(1, 5)}))
    entries = {
        **private("MINE", "001101", "UI", "1.2.3"),
        "00111102": {"vr": "PN", "shared": True, "Value": [{"Alphabetic": "Verysecret"}]},
        "00111103": {"vr": "DA", "shared": True, "Value": ["20200101"]},
        "00111104": {"vr": "SQ", "shared": None, "Value": [
            {"00100010": {"vr": "PN", "shared": True, "Value": [{"Alphabetic": "Verysecret"}]}}
        ]},
    }  # fmt: skip
    meta = run(DicomMeta(entries, slice_count=1), Retain.SAFE_PRIVATE, safe_private=mine).meta
    assert meta.get("00111101") == KEY.uid("1.2.3")
    assert "00111102" not in meta
    text = meta.to_json()
    assert "20200101" not in text
    assert "Verysecret" not in text


def test_the_list_of_the_standard_is_whole() -> None:
    elements = SafePrivate.of_standard().elements
    assert len(elements) == 479  # as published for 2026d, of 20 creators
    assert len({creator for creator, _, _ in elements}) == 20


def test_a_list_of_ones_own_is_read_and_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# ours\n\n0019,xx0C SIEMENS MR HEADER\n(0029,xx1f)  MY CREATOR 1.0 \n")
    listed = SafePrivate.from_file(path)
    assert listed.holds("SIEMENS MR HEADER ", 0x0019100C)
    assert listed.holds("MY CREATOR 1.0", 0x0029421F)
    assert not listed.holds("MY CREATOR 1.0", 0x0019100C)
    for line in ("0018,xx0C X", "0019,100C X", "0019,xx0C", "nonsense"):
        path.write_text(f"0019,xx0C OK\n{line}\n")
        with pytest.raises(MetaDataError, match=r"line 2"):
            SafePrivate.from_file(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(MetaDataError, match="UTF-8"):
        SafePrivate.from_file(path)
    with pytest.raises(MetaDataError, match="cannot be read"):
        SafePrivate.from_file(tmp_path / "missing")


def test_slices_that_lack_an_element_go_on_lacking_it() -> None:
    slices = [dict(values) for values in SLICES]
    del slices[1]["PatientSex"]
    slices[2]["PatientSex"] = ""
    before = meta_of(slices)
    after = run(before, Retain.CHARACTERISTICS).meta
    assert after.presence("PatientSex") == before.presence("PatientSex")
    dates = [{**values, "FrameOfReferenceUID": "1.7"} for values in SLICES]
    del dates[3]["FrameOfReferenceUID"]
    meta = run(meta_of(dates)).meta
    assert meta.get_values("FrameOfReferenceUID") == [KEY.uid("1.7")] * 3 + [None]
    assert [each.value for each in meta.presence("FrameOfReferenceUID")][3] == "absent"


def test_the_report_counts_and_holds_no_value() -> None:
    report = run(meta_of(SLICES), Retain.DEVICE).report
    rows = {row.keyword: row for row in report.rows}
    assert (rows["SOPInstanceUID"].action, rows["SOPInstanceUID"].values) == ("mapped", 4)
    assert rows["StudyDate"].tag == "0008,0020"
    assert (rows["DeviceSerialNumber"].action, rows["DeviceSerialNumber"].instances) == ("kept", 4)
    assert sum(report.counts().values()) == len(report.rows)
    text = report.to_json() + report.to_csv()
    for values in SLICES:
        assert not [v for v in values.values() if isinstance(v, str) and len(v) > 4 and v in text]
    assert json.loads(report.to_json())["profile"][0].startswith("Basic")
    assert len(list(csv.DictReader(report.to_csv().splitlines()))) == len(report.rows)


def test_the_source_is_not_changed() -> None:
    meta = meta_of(SLICES)
    before, revision = meta.to_json(), meta.revision
    run(meta, Retain.MODIFIED_DATES)
    assert (meta.to_json(), meta.revision) == (before, revision)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(DataConsistencyError, match="kept or moved"):
        DeidentifyOptions(frozenset({Retain.DATES, Retain.MODIFIED_DATES}))
    for name in ("", "  ", "a\\b", "é", "x" * 65, "a\nb"):
        with pytest.raises(MetaDataError, match="patient ID"):
            DeidentifyOptions(patient_id=name)
        with pytest.raises(MetaDataError, match="patient name"):
            DeidentifyOptions(patient_name=name)
