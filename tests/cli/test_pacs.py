"""`dicube pacs` against a server in this process."""

import json
import signal
import subprocess
import sys

import pydicom
import pytest

import dicube
from tests.cli.runs import misused, ok, refused, run
from tests.pacs.conftest import (
    free_port,
    make_series,
    orthanc,
    slice_peer,
    wait_until_listening,
)

__all__ = ["make_series", "orthanc", "slice_peer"]


@pytest.fixture
def served(slice_peer, make_series):
    files, series = make_series()
    peer = slice_peer(files)
    return files, series, ("--host", "127.0.0.1", "--port", peer.port, "--aet", "PEER")


def test_echo_says_that_the_server_answers_and_explain_names_each_step(served):
    _, _, server = served
    assert "answers" in ok("pacs", "echo", *server)
    text = ok("pacs", "echo", "--explain", *server)
    assert [line.split()[0] for line in text.splitlines()] == [
        "connection", "association", "C-ECHO", "C-FIND", "C-GET", "C-MOVE",
    ]  # fmt: skip
    gone = ("--host", "127.0.0.1", "--port", free_port())
    assert "nothing listens" in refused(7, "pacs", "echo", *gone)
    assert run("pacs", "echo", "--explain", *map(str, gone)).exit_code == 7


@pytest.mark.parametrize("level", ["patient", "study", "series"])
def test_find_prints_a_table_json_or_csv(served, level):
    _, _, server = served
    asked = ("pacs", "find", "--patient-id", "verysecret*", "--level", level, *server)
    assert "1 match" in ok(*asked)
    (found,) = json.loads(ok(*asked, "--json"))
    assert found["patient_id"] == "verysecret-1"
    assert ok(*asked, "--csv").count("\n") == 2
    misused(*asked, "--csv", "--json")


def test_pull_writes_verified_files_and_is_done_the_second_time(served, tmp_path):
    _, series, server = served
    asked = ("pacs", "pull", tmp_path / "out", "--patient-id", "verysecret-1", *server)
    assert f"{series.series_uid}.dcbs: 4 instances" in ok(*asked)
    assert "already there" in ok(*asked)
    image = dicube.load(tmp_path / "out" / series.study_uid / f"{series.series_uid}.dcbs")
    assert image.shape == (4, 12, 10)


def test_pull_takes_a_list_and_names_the_lines_without_a_match(served, tmp_path):
    _, series, server = served
    (tmp_path / "list.csv").write_text("PatientID\nverysecret-1\n")
    out = ok("pacs", "pull", tmp_path / "out", "--list", tmp_path / "list.csv", *server)
    assert series.series_uid in out
    misused("pacs", "pull", tmp_path / "out", *server)


def test_send_sends_files_and_cubes(served, tmp_path):
    files, _, server = served
    cube = dicube.load_from_dicom_folder(files[0].parent).to_file(tmp_path / "series.dcbs")
    assert "8 instances sent" in ok("pacs", "send", files[0].parent, cube, *server)
    other = tmp_path / "no.dcm"
    other.write_text("no DICOM")
    result = run("pacs", "send", other, *server)
    assert result.exit_code == 7
    assert "not sent" in result.stderr


def test_servers_shows_what_is_configured_without_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_SECRET", "topsecret")
    config = tmp_path / "pacs.toml"
    config.write_text(
        '[servers.web]\ndicomweb_url = "https://x.example/dicom-web"\nuser_env = "WEB_SECRET"\n'
    )
    text = ok("pacs", "servers", "--config", config)
    assert "https://x.example/dicom-web" in text
    assert "topsecret" not in text


def test_an_unknown_server_is_refused_and_the_known_ones_are_named(tmp_path):
    config = tmp_path / "pacs.toml"
    config.write_text('[servers.one]\nhost = "10.0.0.1"\n')
    line = refused(7, "pacs", "echo", "--config", config, "--server", "two")
    assert "there are: one" in line


def test_pull_deidentifies_and_writes_a_table(served, tmp_path):
    _, series, server = served
    key, table = tmp_path / "study.key", tmp_path / "out.csv"
    asked = ("pacs", "pull", tmp_path / "out", "--series-uid", series.series_uid, *server)
    misused(*asked, "--retain", "uids")
    out = ok(*asked, "--deidentify", key, "--retain", "modified-dates", "--table", table)
    assert "_deidentified.json" in out
    assert series.series_uid not in out
    assert key.stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "out.DICOM_Metadata.csv").read_text().splitlines()) == 5


def test_find_is_narrowed_by_what_the_options_say(slice_peer, make_series):
    files, series = make_series(SeriesDescription="Thorax", StudyDate="20240131")
    peer = slice_peer(files)
    server = ("--host", "127.0.0.1", "--port", peer.port, "--aet", "PEER")
    options = {
        "StudyInstanceUID": ("--study-uid", series.study_uid),
        "StudyDate": ("--study-date", "20240101-20240131"),
        "SeriesDescription": ("--series-description", "Tho*"),
    }
    for keyword, option in options.items():
        peer.searches.clear()
        assert "1 match" in ok("pacs", "find", *option, *server)
        assert option[1] in {keys.get(keyword) for keys in peer.searches}
    ok("pacs", "find", "--calling-aet", "OTHER", "--limit", 1, "--timeout", 5, *server)
    assert "OTHER" in peer.callers
    wrong = refused(7, "pacs", "find", "--study-date", "last week", *server)
    assert "study_date has another form" in wrong


def test_series_are_pulled_side_by_side_through_another_folder(slice_peer, make_series, tmp_path):
    files, series = make_series()
    server = ("--host", "127.0.0.1", "--port", slice_peer(files).port, "--aet", "PEER")
    scratch = tmp_path / "scratch"
    ok("pacs", "pull", tmp_path / "out", "--study-uid", series.study_uid, *server, "--jobs", 2,
       "--scratch", scratch, "--modality", "CT")  # fmt: skip
    assert not list(scratch.rglob("*.dcm"))
    assert not (tmp_path / "out" / ".dicube-scratch").exists()


def test_instances_come_by_c_move_to_the_port_that_is_said(slice_peer, make_series, tmp_path):
    files, series = make_series()
    port = free_port()
    peer = slice_peer(files, destination=port)
    out = ok(
        "pacs", "pull", tmp_path, "--series-uid", series.series_uid, "--host", "127.0.0.1",
        "--port", peer.port, "--aet", "PEER", "--calling-port", port, "--retrieve", "move",
    )  # fmt: skip
    assert "4 instances" in out


def test_a_dicomweb_server_is_named_by_its_address(orthanc, make_series, tmp_path):
    files, series = make_series("web")
    server = ("--web", orthanc.web)
    assert "4 instances sent" in ok("pacs", "send", files[0].parent, *server)
    out = ok("pacs", "pull", tmp_path / "out", "--series-uid", series.series_uid, *server)
    assert f"{series.series_uid}.dcbs: 4 instances" in out


def test_receive_keeps_what_it_is_sent_until_it_is_interrupted(make_series, tmp_path):
    files, _ = make_series()
    port = free_port()
    command = [sys.executable, "-m", "dicube", "pacs", "receive", str(tmp_path / "in")]
    command += ["--host", "127.0.0.1", "--calling-aet", "KEEPER", "--calling-port", str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            wait_until_listening(port, process)
            server = ("--host", "127.0.0.1", "--port", port, "--aet", "KEEPER")
            ok("pacs", "echo", *server)
            assert "4 instances sent" in ok("pacs", "send", files[0].parent, *server)
            wrong = refused(7, "pacs", "echo", *server[:4], "--aet", "OTHER")
            assert "not called 'OTHER'" in wrong
            process.send_signal(signal.SIGINT)
            printed, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "4 instances received" in printed
    assert "erysecret" not in printed + said
    arrived = {path.stem: path for path in (tmp_path / "in").rglob("*.dcm")}
    sent = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in files}
    assert arrived.keys() == sent.keys()
    for uid, path in sent.items():
        assert pydicom.dcmread(arrived[uid]) == pydicom.dcmread(path)


def test_receive_needs_a_port(tmp_path):
    assert "--calling-port" in refused(
        7, "pacs", "receive", tmp_path, "--host", "127.0.0.1", "--port", 11112
    )
