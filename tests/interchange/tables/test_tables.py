"""Tables of folders, cube files and answers of a PACS; cells that are easily got wrong."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicube import DicomCubeImage
from dicube.exceptions import MetaDataError, MissingDependencyError
from dicube.interchange.tables import MetadataTables, metadata_tables

pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def data_set(number: int = 1, series: str = "1", modality: str = "CT", **values: Any) -> Dataset:
    header = Dataset()
    header.SOPClassUID = CT_STORAGE
    header.SOPInstanceUID = f"1.2.{series}.{number}"
    header.StudyInstanceUID = "1.2"
    header.SeriesInstanceUID = f"1.2.{series}"
    header.Modality = modality
    header.InstanceNumber = number
    for keyword, value in values.items():
        setattr(header, keyword, value)
    return header


def write(header: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = syntax
    header.save_as(path, enforce_file_format=True)
    return path


def only(tables: MetadataTables) -> dict[str, Any]:
    (row,) = tables.instances.to_dict("records")
    return row


def test_a_folder_and_its_cube_give_the_same_cells(small_folder: Path, tmp_path: Path) -> None:
    cube = DicomCubeImage.from_dicom_folder(small_folder).to_file(tmp_path / "a.dcbs")
    folder, again = metadata_tables(small_folder), metadata_tables(cube)
    assert len(folder.instances) == 4
    assert list(again.instances.Folder) == [str(cube)] * 4
    for name in folder.instances.columns.drop(["Folder", "File"]):
        assert (
            folder.instances[name].astype(str).tolist()
            == again.instances[name].astype(str).tolist()
        )
    assert folder.mr_cleaned is None


def test_copies_in_two_places_are_two_series_and_parts_are_one(tmp_path: Path) -> None:
    for number in range(4):
        write(data_set(number), tmp_path / "scattered" / str(number % 2) / f"{number}.dcm")
        write(data_set(number, "2"), tmp_path / "copies" / "a" / f"{number}.dcm")
        write(data_set(number, "2"), tmp_path / "copies" / "b" / f"{number}.dcm")
    series = metadata_tables(tmp_path).series
    assert series.Instances.tolist() == [4, 4, 4]
    assert series.Folder.str.count(r"\|").tolist() == [0, 0, 1]


def test_the_modality_chooses_the_template_and_a_user_may_replace_it(tmp_path: Path) -> None:
    for modality in ("CT", "MR", "MG", "PT"):
        write(data_set(1, str(ord(modality[0])), modality, KVP=120, CompressionForce=90,
                       ImageType=["ORIGINAL", "PRIMARY"]), tmp_path / modality)  # fmt: skip
    rows = metadata_tables(tmp_path).instances.set_index("Modality")
    assert rows.KVP.notna().to_dict() == {"CT": True, "MG": True, "MR": False, "PT": False}
    assert rows.CompressionForce.notna().to_dict() == {
        "CT": False, "MG": True, "MR": False, "PT": False
    }  # fmt: skip
    mine = {"tags": ["SeriesInstanceUID", "Modality", "KVP"]}
    found = metadata_tables(tmp_path, templates={"mr": mine, "PT": mine})
    rows = found.instances.set_index("Modality")
    assert rows.KVP.notna().all()
    assert rows.loc["PT"].ImageType is None
    # The rules have what they ask for, whatever the sheet shows.
    assert found.mr_cleaned.isDerived.tolist() == ["no"]


def test_answers_of_a_pacs_are_rows(tmp_path: Path) -> None:
    series = Dataset()
    series.SpecificCharacterSet = "ISO_IR 192"
    series.SeriesInstanceUID, series.Modality = "1.9", "MR"
    series.SeriesDescription = "轴位T1加权"
    json_answer = data_set(7, "3", "CT").to_json_dict()
    found = metadata_tables([series, data_set(1), data_set(2), json_answer])
    assert found.instances.InstanceNumber.tolist() == [1, 2, 7]
    assert found.series.SeriesInstanceUID.tolist() == ["1.9", "1.2.1", "1.2.3"]
    assert found.series.Instances.isna().tolist() == [True, False, False]
    assert found.series.SeriesDescription[0] == "轴位T1加权"
    assert found.mr_cleaned.sequenceClass.tolist() == ["T1"]
    assert metadata_tables(data_set(1)).series.Instances.tolist() == [1]


def test_answers_with_values_that_are_too_long_are_taken_as_they_are() -> None:
    answer = data_set(1).to_json_dict()
    answer["00080050"] = {"vr": "SH", "Value": ["an accession number that is too long"]}
    answer["00100020"] = {"vr": "LO"}
    row = only(metadata_tables([answer]))
    assert row["AccessionNumber"] == "an accession number that is too long"
    assert row["PatientID"] is None


def test_an_answer_without_series_is_refused() -> None:
    study = Dataset()
    study.StudyInstanceUID = "1.2"
    with pytest.raises(MetaDataError, match="header 1: a header without Series Instance UID"):
        metadata_tables([data_set(1), study])


def test_numbers_stay_the_same_numbers(tmp_path: Path) -> None:
    header = data_set(1)
    header.KVP, header.SliceThickness = "120", "0.10"
    header.PixelSpacing = ["0.5", "1.0"]
    header.TableHeight = "1.00000000000001"
    header.PatientID = "000123"
    header.PatientWeight = "9999999999999999"  # 16 digits, which no 64-bit float has
    header.AcquisitionNumber = "+7"
    tags = ["KVP", "SliceThickness", "PixelSpacing", "TableHeight", "PatientID", "PatientWeight",
            "AcquisitionNumber", "Modality", "ExposureTime"]  # fmt: skip
    write(header, tmp_path / "a.dcm")
    row = only(metadata_tables(tmp_path, templates={"ct": {"tags": tags}}))
    found = {name: row[name] for name in tags}
    assert found == {
        "KVP": 120.0, "SliceThickness": 0.1, "PixelSpacing": "0.5\\1",
        "TableHeight": 1.00000000000001, "PatientID": "000123",
        "PatientWeight": "9999999999999999", "AcquisitionNumber": 7, "Modality": "CT",
        "ExposureTime": None,
    }  # fmt: skip


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_elements_are_found_by_their_creator_in_any_block(
    syntax: str, tmp_path: Path
) -> None:
    private = {
        "creator": "ACME 1.1",
        "group": "0029",
        "element": "07",
        "name": "Answer",
        "vr": "IS",
    }
    for number, others in enumerate(((), ("OTHER",), ("OTHER", "ANOTHER"))):
        header = data_set(number)
        for other in others:
            header.private_block(0x29, other, create=True).add_new(0x07, "IS", "1")
        header.private_block(0x29, "ACME 1.1", create=True).add_new(0x07, "IS", "42")
        write(header, tmp_path / f"{number}.dcm", syntax)
    write(data_set(9), tmp_path / "9.dcm", syntax)
    tags = ["Modality", private]
    found = metadata_tables(tmp_path, templates={"ct": {"tags": tags}})
    assert found.instances.Answer.tolist()[:3] == [42, 42, 42]
    assert found.instances.Answer.isna().tolist() == [False, False, False, True]
    assert found.series.Answer.tolist() == ["42 | (none)"]


def test_elements_of_sequences_are_reached_by_a_path(tmp_path: Path) -> None:
    view = Dataset()
    view.CodeMeaning = "medio-lateral oblique"
    first, second = Dataset(), Dataset()
    first.CodeMeaning, second.CodeMeaning = "Implant Displaced", "Spot Compression"
    view.ViewModifierCodeSequence = [first, second]
    write(data_set(1, modality="MG", ViewCodeSequence=[view]), tmp_path / "a.dcm")
    row = only(metadata_tables(tmp_path))
    assert row["ViewCodeSequence.CodeMeaning"] == "medio-lateral oblique"
    assert row["ViewCodeSequence.ViewModifierCodeSequence.CodeMeaning"] == (
        "Implant Displaced\\Spot Compression"
    )


def test_a_series_lists_values_that_differ_and_counts_many(tmp_path: Path) -> None:
    for number in range(20):
        write(data_set(number, KVP=100 + 20 * (number % 2), SliceLocation=number / 2,
                       ContentTime=f"{100000 + number}"),
                       tmp_path / f"{number:02}.dcm")  # fmt: skip
    (row,) = metadata_tables(tmp_path).series.to_dict("records")
    assert row["KVP"] == "100 | 120"
    assert row["SliceLocation"] == "0 .. 9.5 (20 values)"
    assert row["ContentTime"].startswith("100000 | 100001 | ")
    assert row["ContentTime"].endswith("100015 | ... (20 values)")
    assert "InstanceNumber" not in row


def test_a_claim_of_many_frames_costs_nothing(tmp_path: Path) -> None:
    write(data_set(1, NumberOfFrames=2_000_000_000), tmp_path / "a.dcm")
    found = metadata_tables(tmp_path)
    assert only(found)["NumberOfFrames"] == 2_000_000_000


def test_what_is_no_dicom_is_listed_and_what_is_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    whole = write(data_set(1), tmp_path / "b.dcm").read_bytes()
    (tmp_path / "c.dcm").write_bytes(whole[:-3])
    (tmp_path / "d.dcbs").write_bytes(b"DCMCUBES")
    found = metadata_tables(tmp_path)
    assert [path.name for path, _ in found.left_out] == ["a.txt"]
    assert [path.name for path, _ in found.damaged] == ["c.dcm", "d.dcbs"]
    assert len(found.instances) == 1
    with pytest.raises(MetaDataError, match="no such file or folder"):
        metadata_tables(tmp_path / "nothing")
    assert len(metadata_tables(tmp_path / "b.dcm").instances) == 1


def test_a_file_that_is_in_two_sources_has_one_row(tmp_path: Path) -> None:
    path = write(data_set(1), tmp_path / "a" / "b.dcm")
    assert len(metadata_tables([tmp_path, path, tmp_path / "a", path.parent]).instances) == 1


def test_an_empty_folder_gives_empty_tables(tmp_path: Path) -> None:
    found = metadata_tables(tmp_path)
    assert (len(found.instances), len(found.series), found.mr_cleaned) == (0, 0, None)
    assert found.write(tmp_path / "empty.xlsx")[0].is_file()


@pytest.mark.parametrize(("package", "suffix"), [("xlsxwriter", "xlsx"), ("pyarrow", "parquet")])
def test_a_missing_package_is_named(
    package: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = metadata_tables([data_set(1)])
    for loaded in [each for each in sys.modules if each.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=rf"needs {package} .*dicube\[tables\]"):
        found.write(tmp_path / f"a.{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_all_files(small_folder: Path, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    metadata_tables([small_folder, tmp_path], progress=lambda *call: calls.append(call))
    assert calls[-1][1] == calls[-1][2] == 4
