"""A whole accession number, with and without names, and tables of what was pulled."""

import gzip
import json

import openpyxl
import pydicom
import pytest

import dicube
from dicube import DeidentifyKey, DeidentifyOptions, Retain
from dicube.exceptions import DataConsistencyError, PacsError
from dicube.pacs import DICOMDownloadClient, open_client, pull
from tests.leaks import readable_bytes
from tests.pacs.conftest import SECRET

SUFFIXES = {"nifti": ".nii.gz", "npz": ".npz", "dcbs": ".dcbs", "dcba": ".dcba", "dicom": ""}


@pytest.fixture
def served(slice_peer, make_series):
    files, series = make_series("visit")
    return slice_peer(files).server(), series, files


@pytest.mark.parametrize(("output_format", "suffix"), SUFFIXES.items())
def test_a_whole_accession_number_is_written_with_its_table(
    served, tmp_path, output_format, suffix
):
    server, series, files = served
    with DICOMDownloadClient(server) as client:
        (pulled,) = client.process_complete_workflow(
            "A-visit", tmp_path / "out", output_format, table=tmp_path / "all.xlsx"
        )
    assert pulled.files == (tmp_path / "out" / series.study_uid / f"{series.series_uid}{suffix}",)
    book = openpyxl.load_workbook(tmp_path / "all.xlsx", read_only=True)
    rows = list(book["DICOM_Metadata"].values)
    column = rows[0].index("SOPInstanceUID")
    uids = {str(pydicom.dcmread(path).SOPInstanceUID) for path in files}
    assert {row[column] for row in rows[1:]} == uids
    assert len(list(book["Series_Summary"].values)) == 2


def test_an_unknown_accession_number_is_an_error(served, tmp_path):
    with DICOMDownloadClient(served[0]) as client, pytest.raises(PacsError, match="no series"):
        client.process_complete_workflow("A-other", tmp_path)


def test_without_a_server_the_settings_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PACS_IP", "PACS_PORT", "CALLED_AET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PacsError, match="no server is configured"):
        DICOMDownloadClient()


@pytest.mark.parametrize("output_format", SUFFIXES)
def test_a_deidentified_pull_leaves_nothing_that_identifies(served, tmp_path, output_format):
    server, series, _ = served
    options = DeidentifyOptions(key=DeidentifyKey.random())
    with open_client(server) as client:
        pulled = pull(
            client, series, tmp_path / "out", output_format=output_format, deidentify=options
        )
        again = pull(
            client, series, tmp_path / "out", output_format=output_format, deidentify=options
        )
    assert again.bytes == 0
    assert again.files == pulled.files
    secrets = [SECRET, "verysecret", series.study_uid, series.series_uid, "A-visit"]
    for path in (tmp_path / "out").rglob("*"):
        assert not any(secret in str(path) for secret in secrets)
        if path.is_dir():
            continue
        data = readable_bytes(path) if path.suffix in (".dcbs", ".dcba") else path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        assert not any(secret.encode() in data for secret in secrets), path.name
    report = json.loads(pulled.files[-1].read_text())
    assert "PatientName" in {row["keyword"] for row in report[0]["rows"]}


def test_uids_that_are_retained_name_the_outputs(served, tmp_path):
    server, series, _ = served
    options = DeidentifyOptions(frozenset((Retain.UIDS,)), DeidentifyKey.random())
    with open_client(server) as client:
        pulled = pull(client, series, tmp_path, deidentify=options)
    assert pulled.files[0].stem == series.series_uid
    assert dicube.load_meta(pulled.files[0]).get("PatientIdentityRemoved") == "YES"


def test_two_series_of_a_visit_stay_linked(slice_peer, make_series, tmp_path):
    options = DeidentifyOptions(key=DeidentifyKey.random())
    names = []
    for name in ("one", "two"):
        files, series = make_series(name, StudyInstanceUID="1.2.3.4")
        with open_client(slice_peer(files).server()) as client:
            pulled = pull(client, series, tmp_path / "out", deidentify=options)
        meta = dicube.load_meta(pulled.files[0])
        names.append((meta.get("StudyInstanceUID"), meta.get("PatientID"), pulled.files[0].parent))
    assert names[0] == names[1]
    assert names[0][0] == names[0][2].name


def test_a_random_key_is_refused(served, tmp_path):
    server, series, _ = served
    with open_client(server) as client, pytest.raises(DataConsistencyError, match="key"):
        pull(client, series, tmp_path, deidentify=DeidentifyOptions())


def test_a_table_of_deidentified_series_needs_a_format_with_metadata(served, tmp_path):
    options = DeidentifyOptions(key=DeidentifyKey.random())
    with DICOMDownloadClient(served[0]) as client:
        with pytest.raises(DataConsistencyError, match="not in npz"):
            client.process_complete_workflow(
                "A-visit", tmp_path, "npz", deidentify=options, table=tmp_path / "t.csv"
            )
        client.process_complete_workflow(
            "A-visit", tmp_path, "dcbs", deidentify=options, table=tmp_path / "t.csv"
        )
    text = (tmp_path / "t.DICOM_Metadata.csv").read_text()
    assert "verysecret" not in text.lower()
    assert len(text.splitlines()) == 5


def test_a_table_that_exists_is_refused_before_anything_is_fetched(served, tmp_path):
    (tmp_path / "t.xlsx").write_text("mine")
    with (
        DICOMDownloadClient(served[0]) as client,
        pytest.raises(DataConsistencyError, match="exists"),
    ):
        client.process_complete_workflow(
            "A-visit", tmp_path / "out", "dcbs", table=tmp_path / "t.xlsx"
        )
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "t.xlsx").read_text() == "mine"
