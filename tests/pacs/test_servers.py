"""What a client promises, whatever the server and the protocol: against real servers."""

import re
from pathlib import Path

import pydicom
import pytest

import dicube
from dicube.dicom.instance import read_instance
from dicube.pacs import PacsError, Query, SeriesMatch, open_client, pull
from tests.series import requires_data, series_folder

WAYS = [
    ("orthanc", "get"),
    ("orthanc", "move"),
    ("orthanc", "web"),
    ("dcmqrscp", "get"),
    ("dcmqrscp", "move"),
    ("qrscp", "get"),
    ("qrscp", "move"),
]
SERIES = "mr_fmri_ge_trigger"

pytestmark = requires_data


def files_of(name: str) -> list[Path]:
    return sorted(path for path in series_folder(name).iterdir() if path.is_file())


def match_of(path: Path) -> SeriesMatch:
    first = pydicom.dcmread(path, stop_before_pixels=True)
    return SeriesMatch(str(first.StudyInstanceUID), str(first.SeriesInstanceUID))


def uid_of(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)


def elements_of(path: Path) -> pydicom.Dataset:
    """The data set; servers encode sequences anew, and some leave group lengths out."""
    data_set = pydicom.dcmread(path)
    for tag in [tag for tag in data_set if tag.tag.element == 0]:
        del data_set[tag.tag]
    return data_set


@pytest.fixture(params=WAYS, ids="-".join)
def client(request):
    name, way = request.param
    pacs = request.getfixturevalue(name)
    with open_client(pacs.server(way)) as opened:
        yield opened


@pytest.fixture(scope="module")
def servers_filled():
    """Names of the servers that have the series."""
    return set()


@pytest.fixture
def stored(client, servers_filled):
    """The files of a series that the server has: some volumes of a long one."""
    files = files_of(SERIES)[:24]
    if client.server.name not in servers_filled:
        done = client.store(files)
        assert done.stored == len(files)
        assert not done.failed
        servers_filled.add(client.server.name)
    return files


def test_echo_is_answered(client):
    client.echo()


def test_a_series_is_found_by_its_keys_once_and_with_its_study(client, stored):
    source = pydicom.dcmread(stored[0], stop_before_pixels=True)
    expected = match_of(stored[0])
    for query in (
        Query(study_uid=expected.study_uid),
        Query(patient_id=source.PatientID),
        Query(patient_id=source.PatientID[:-2] + "*", modality="MR"),
        Query(accession_number=source.AccessionNumber),
        Query(study_date=f"{source.StudyDate}-{source.StudyDate}", modality="MR"),
    ):
        found = [s for s in client.find_series(query) if s.series_uid == expected.series_uid]
        assert len(found) == 1, query
        assert found[0].study_uid == expected.study_uid
        assert found[0].modality == "MR"
        assert found[0].patient_id == source.PatientID
        assert found[0].study_date == source.StudyDate
    assert not client.find_series(Query(patient_id="nobody has this"))


def test_patients_studies_and_instances_are_found_once(client, stored):
    source = pydicom.dcmread(stored[0], stop_before_pixels=True)
    patients = client.find_patients(Query(patient_id=source.PatientID))
    assert [patient.patient_id for patient in patients] == [source.PatientID]
    studies = client.find_studies(Query(study_uid=source.StudyInstanceUID))
    assert [study.study_uid for study in studies] == [source.StudyInstanceUID]
    instances = client.find_instances(match_of(stored[0]))
    assert {i.sop_instance_uid for i in instances} == {uid_of(path) for path in stored}
    assert len(instances) == len(stored)


def test_a_limit_is_kept(client, stored):
    assert len(client.find_studies(Query(limit=1))) == 1


def test_a_series_comes_back_with_equal_elements_and_pixels(client, stored, tmp_path):
    seen = []
    got = client.retrieve(
        match_of(stored[0]),
        tmp_path / "in",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert got.is_complete
    assert got.expected == got.received == len(got.files) == len(stored)
    assert seen[-1] == (len(stored), len(stored))
    sources = {uid_of(path): path for path in stored}
    for path in got.files:
        source = sources[path.stem]
        assert read_instance(path).pixel_bytes() == read_instance(source).pixel_bytes()
        assert elements_of(path) == elements_of(source)


def test_only_what_is_missing_is_fetched_again(client, stored, tmp_path):
    series = match_of(stored[0])
    first = client.retrieve(series, tmp_path / "in")
    gone = first.files[::3]
    kept = {path: path.stat().st_mtime_ns for path in set(first.files) - set(gone)}
    for path in gone:
        path.unlink()
    again = client.retrieve(series, tmp_path / "in")
    assert again.is_complete
    assert again.received == len(gone)
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


def test_a_pulled_series_is_a_verified_cube_of_what_was_sent(client, stored, tmp_path):
    series = match_of(stored[0])
    stages = []
    pulled = pull(
        client, series, tmp_path / "out", progress=lambda state: stages.append(state.stage)
    )
    (cube,) = pulled.files
    assert cube == tmp_path / "out" / series.study_uid / f"{series.series_uid}.dcbs"
    assert pulled.instances == len(stored)
    image = dicube.load(cube)
    image.to_dicom_folder(tmp_path / "again")
    sources = {uid_of(path): read_instance(path).pixel_bytes() for path in stored}
    back = {uid_of(p): read_instance(p).pixel_bytes() for p in (tmp_path / "again").iterdir()}
    assert back == sources
    assert list(dict.fromkeys(stages)) == ["query", "receive", "convert", "done"]
    assert not (tmp_path / "out" / ".dicube-scratch").exists()
    again = pull(client, series, tmp_path / "out")
    assert again.bytes == 0
    assert again.files == pulled.files


@pytest.mark.parametrize(
    "name", ["mr_j2k_series", "mr_rle_series", "broken_mixed_transfer_syntax", "ct_philips_private"]
)
@pytest.mark.parametrize("way", ["get", "move", "web"])
def test_compressed_instances_come_as_they_are_stored(orthanc, way, name, tmp_path):
    files = files_of(name)
    with open_client(orthanc.server(way)) as client:
        assert client.store(files).stored == len(files)
        got = client.retrieve(match_of(files[0]), tmp_path / "in")
    assert got.is_complete
    sources = {uid_of(path): path for path in files}
    for path in got.files:
        source, arrived = read_instance(sources[path.stem]), read_instance(path)
        assert arrived.transfer_syntax == source.transfer_syntax
        assert arrived.pixel_bytes() == source.pixel_bytes()


@pytest.mark.parametrize("way", ["get", "move"])
def test_htj2k_comes_over_dimse_from_a_server_that_knows_it(qrscp, way, tmp_path, small_image):
    small_image.init_meta("CT")
    files = small_image.to_dicom_folder(tmp_path / "htj2k", transfer_syntax="htj2k")
    with open_client(qrscp.server(way)) as client:
        assert client.store(files).stored == len(files)
        pulled = pull(client, match_of(files[0]), tmp_path / "out")
    assert (dicube.load(pulled.files[0]).raw_image == small_image.raw_image).all()


def test_what_a_server_does_not_take_is_listed_with_the_reason(dcmqrscp, tmp_path):
    files = [*files_of("mr_j2k_series"), tmp_path / "no.dcm"]
    files[-1].write_bytes(b"this is no DICOM file" * 20)
    with open_client(dcmqrscp.server()) as client:
        done = client.store(files)
    assert done.stored == 0
    assert [failure.path for failure in done.failed].count(files[-1]) == 1
    assert len(done.failed) == len(files)
    reasons = " ".join(failure.reason for failure in done.failed)
    assert re.search(r"takes no such object in 1\.2\.840", reasons)


def test_a_wrong_called_ae_title_is_explained(orthanc):
    with (
        open_client(orthanc.server(called_aet="SOMEBODY")) as client,
        pytest.raises(PacsError, match=r"not called 'SOMEBODY'.*called_aet"),
    ):
        client.echo()


def test_an_unknown_caller_is_explained(orthanc):
    with (
        open_client(orthanc.server(calling_aet="STRANGER")) as client,
        pytest.raises(PacsError, match="refused"),
    ):
        client.find_studies(Query())


@pytest.mark.parametrize("name", ["orthanc", "dcmqrscp"])
def test_an_unknown_move_destination_is_an_error_or_nothing_arrives(request, name, tmp_path):
    pacs = request.getfixturevalue(name)
    files = files_of("mr_t1_sts")[:3]
    # DICUBE2 is known to both, but listens elsewhere: nothing can arrive at this port.
    server = pacs.server("move", calling_aet="DICUBE2", timeout_s=3)
    with open_client(pacs.server()) as client:
        client.store(files)
    with open_client(server) as client:
        got = client.retrieve(match_of(files[0]), tmp_path / "in")
    assert not got.is_complete
    assert any("C-MOVE ended with status" in finding for finding in got.findings) or got.missing
