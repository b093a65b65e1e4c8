"""Servers that drop, withhold, refuse, answer slowly or send what nobody asked for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pydicom
import pytest

import dicube
from dicube.exceptions import DataConsistencyError
from dicube.pacs import (
    IncompleteSeriesError,
    PacsError,
    PacsServer,
    PullCancelled,
    Query,
    ServerUnavailableError,
    diagnose,
    open_client,
    pull,
)
from dicube.pacs import retry as retry_module
from dicube.pacs.dimse.pdus import PduStream
from tests.pacs.conftest import free_port
from tests.pacs.peers import RawPeer


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(retry_module, "_FIRST_WAIT_S", 0.01)


def uids_of(files):
    return {str(pydicom.dcmread(path).SOPInstanceUID) for path in files}


def test_a_dropped_association_is_taken_up_where_it_broke(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, drops=2, drop_after=1)
    with open_client(peer.server()) as client:
        got = client.retrieve(series, tmp_path / "in")
    assert got.is_complete
    assert sorted(peer.sent) == sorted(uids_of(files))  # none was sent twice
    assert len(peer.requests) == 3


def test_a_server_that_always_drops_is_given_up(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, drops=99, drop_after=0)
    with open_client(peer.server()) as client, pytest.raises(ServerUnavailableError, match="abort"):
        client.retrieve(series, tmp_path / "in")
    assert len(peer.requests) == retry_module.ATTEMPTS


def test_fewer_instances_than_listed_are_no_series(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, withhold=2)
    with (
        open_client(peer.server()) as client,
        pytest.raises(IncompleteSeriesError, match="4 of 6 instances arrived"),
    ):
        pull(client, series, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.dcbs"))
    # What arrived is kept: when the server has the rest, nothing is sent twice.
    better = slice_peer(files)
    with open_client(better.server()) as client:
        pulled = pull(client, series, tmp_path / "out")
    assert not better.sent
    assert pulled.instances == len(files)


def test_an_instance_of_another_series_is_not_kept(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, foreign=True)
    with open_client(peer.server()) as client:
        got = client.retrieve(series, tmp_path / "in")
    assert got.is_complete
    assert {path.stem for path in got.files} == uids_of(files)
    assert any("not asked for" in finding for finding in got.findings)


def test_a_data_set_with_another_uid_than_announced_is_not_kept(make_series, tmp_path):
    from dicube.pacs.inbox import DOES_NOT_FIT, NOT_UNDERSTOOD, Inbox

    files, series = make_series()
    first = pydicom.dcmread(files[0])
    uid = str(first.SOPInstanceUID)
    data = files[1].read_bytes()
    from dicube.dicom.instance import read_instance

    data = data[read_instance(files[1]).data_set_start :]
    with Inbox(tmp_path / "in", series.series_uid, [uid]) as inbox:
        for content, status in ((data, DOES_NOT_FIT), (b"garbage" * 99, NOT_UNDERSTOOD)):
            incoming = inbox.incoming("1.2.840.10008.1.2.1", str(first.SOPClassUID), uid)
            incoming.write(content)
            assert incoming.finish() == status
        assert inbox.missing == (uid,)
        assert len(inbox.findings) == 2
    assert not list((tmp_path / "in").glob("*.dcm"))


def test_two_pulls_of_a_series_at_a_time_are_refused(make_series, tmp_path):
    from dicube.pacs.inbox import Inbox

    _, series = make_series()
    with Inbox(tmp_path / "in", series.series_uid), pytest.raises(PacsError, match="another pull"):
        Inbox(tmp_path / "in", series.series_uid)


def test_a_cancelled_retrieval_stops_and_goes_on_later(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files)
    with open_client(peer.server()) as client:
        there = []
        with pytest.raises(PullCancelled):
            pull(
                client,
                series,
                tmp_path / "out",
                progress=lambda state: there.append(state.done),
                cancelled=lambda: bool(there) and there[-1] >= 2,
            )
        assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2
        pulled = pull(client, series, tmp_path / "out")
    assert pulled.instances == len(files)


def test_c_move_is_used_where_there_is_no_c_get(slice_peer, make_series, tmp_path):
    files, series = make_series()
    port = free_port()
    peer = slice_peer(files, no_get=True, destination=port)
    with open_client(peer.server(calling_port=port, calling_host="127.0.0.1")) as client:
        assert client.retrieve(series, tmp_path / "in").is_complete
    with open_client(peer.server()) as client, pytest.raises(PacsError, match="calling_port"):
        client.retrieve(series, tmp_path / "other")


def test_an_unknown_destination_says_what_to_register(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files)
    server = peer.server(retrieve="move", calling_port=free_port(), calling_host="127.0.0.1")
    with (
        open_client(server) as client,
        pytest.raises(PacsError, match=r"does not know where 'DICUBE' is.*retrieve = \"get\""),
    ):
        client.retrieve(series, tmp_path / "in")


def test_a_port_in_use_is_explained(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, destination=1)
    server = peer.server(retrieve="move", calling_port=peer.port, calling_host="127.0.0.1")
    with open_client(server) as client, pytest.raises(PacsError, match="is in use"):
        client.retrieve(series, tmp_path / "in")


def test_a_slow_server_is_waited_for_and_a_silent_one_not(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, delay_s=0.3)
    with open_client(peer.server(timeout_s=0.9)) as client:
        assert client.retrieve(series, tmp_path / "in").is_complete
    with RawPeer(None) as silent:
        server = PacsServer("silent", "127.0.0.1", silent.port, timeout_s=0.3)
        with open_client(server) as client, pytest.raises(ServerUnavailableError, match=r"0\.3 s"):
            client.echo()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x02\x00\xff\xff\xff\xff",
        b"\x02\x00\x00\x00\x00\x04abcd",
        b"\x02\x00\x00\x00\x00\x50" + bytes(80),
        b"\x03\x00\x00\x00\x00\x04\x00\x01\x09\x63",
        b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00",
        b"\x04\x00\x00\x00\x00\x06\x00\x00\x00\x02\x01\x03",
    ],
)
def test_garbage_instead_of_a_negotiation_is_an_error(answer):
    with RawPeer(answer) as peer:
        server = PacsServer("raw", "127.0.0.1", peer.port, timeout_s=3)
        with open_client(server) as client, pytest.raises(PacsError):
            client.echo()


def test_nobody_there_and_unknown_hosts_are_explained():
    server = PacsServer("gone", "127.0.0.1", free_port())
    with open_client(server) as client, pytest.raises(PacsError, match="nothing listens"):
        client.echo()
    checks = list(diagnose(server))
    assert [check.ok for check in checks] == [False]


def test_the_diagnosis_names_what_fails(slice_peer, make_series):
    files, _ = make_series()
    peer = slice_peer(files, no_get=True)
    port = free_port()
    checks = {
        check.what: check
        for check in diagnose(peer.server(calling_port=port, calling_host="127.0.0.1"))
    }
    assert checks["connection"].ok
    assert checks["association"].ok
    assert checks["C-ECHO"].ok
    assert checks["C-FIND"].ok
    assert checks["C-GET"].ok is False
    assert checks["receiver"].ok
    assert checks["C-MOVE"].ok is False
    assert "register" in (checks["C-MOVE"].hint or "")
    (failed,) = [c for c in diagnose(peer.server(called_aet="WRONG")) if c.ok is False]
    assert failed.what == "association"
    assert "called_aet" in (failed.hint or "")


def test_rows_that_are_repeated_and_limits_are_dealt_with(slice_peer, make_series):
    files, series = make_series()
    with open_client(slice_peer(files).server()) as client:
        (found,) = client.find_series(Query(patient_id="verysecret*"))
        assert found.series_uid == series.series_uid
        assert len(client.find_studies(Query(limit=1))) == 1


def test_a_file_in_the_way_is_never_replaced(slice_peer, make_series, tmp_path):
    files, series = make_series()
    target = tmp_path / "out" / series.study_uid / f"{series.series_uid}.dcbs"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"mine")
    with (
        open_client(slice_peer(files).server()) as client,
        pytest.raises(DataConsistencyError, match="exists already"),
    ):
        pull(client, series, tmp_path / "out")
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("output_format", ["dcbs", "dcba", "dicom", "nifti", "npz"])
def test_every_format_is_written_and_a_transform_gets_each_image(
    slice_peer, make_series, tmp_path, output_format
):
    files, series = make_series()
    seen = []

    def transform(image):
        seen.append(image.shape)
        return image

    with open_client(slice_peer(files).server()) as client:
        plain = pull(client, series, tmp_path / "plain", output_format=output_format)
        changed = pull(
            client, series, tmp_path / "changed", output_format=output_format, transform=transform
        )
    assert seen == [(4, 12, 10)]
    assert all(path.exists() for path in (*plain.files, *changed.files))
    assert plain.instances == changed.instances == len(files)


def test_what_cannot_be_transformed_is_not_copied_past_the_transform(
    slice_peer, make_series, tmp_path
):
    files, series = make_series()
    data_set = pydicom.dcmread(files[0])
    del data_set.PixelData, data_set.Rows, data_set.Columns
    data_set.save_as(files[0])
    with open_client(slice_peer(files).server()) as client:
        plain = pull(client, series, tmp_path / "plain")
        changed = pull(client, series, tmp_path / "changed", transform=lambda image: image)
    assert [path.name for path in plain.files] == [
        f"{series.series_uid}.dcbs",
        f"{series.series_uid}_dcbs_rest",
    ]
    assert len(list(plain.files[1].iterdir())) == 1
    assert [path.suffix for path in changed.files] == [".dcbs"]
    left = list((tmp_path / "changed" / ".dicube-scratch").rglob("*.dcm"))
    assert [path.stem for path in left] == [str(data_set.SOPInstanceUID)]
    assert any("cannot be transformed" in finding for finding in changed.findings)


def test_a_killed_pull_goes_on_where_it_was(slice_peer, make_series, tmp_path):
    files, series = make_series()
    peer = slice_peer(files, delay_s=0.4)
    target = tmp_path / "out"
    command = [sys.executable, "-m", "dicube", "pacs", "pull", str(target)]
    command += ["--series-uid", series.series_uid, "--host", "127.0.0.1", "--port", str(peer.port)]
    command += ["--aet", "PEER"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and len(list(target.rglob("*.dcm"))) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = {path.stem for path in target.rglob("*.dcm")}
    assert 2 <= len(there) < len(files)
    again = slice_peer(files)
    with open_client(again.server()) as client:
        pulled = pull(client, series, target)
    assert set(again.sent) == uids_of(files) - there
    assert (dicube.load(pulled.files[0]).raw_image.shape) == (4, 12, 10)
    assert not list(target.rglob("*.part"))


def test_nothing_of_the_patient_is_logged(slice_peer, make_series, tmp_path, caplog, capsys):
    caplog.set_level("DEBUG")
    files, series = make_series()
    peer = slice_peer(files, withhold=1, drops=1, drop_after=1)
    with open_client(peer.server()) as client:
        with pytest.raises(IncompleteSeriesError) as caught:
            pull(client, series, tmp_path / "out")
        client.store([*files, Path(__file__)])
    mine = [r.getMessage() for r in caplog.records if r.name.startswith("dicube")]
    for text in (*mine, str(caught.value), capsys.readouterr().out):
        assert "verysecret" not in text.lower()


def test_a_pdu_that_arrives_byte_by_byte_is_read_whole():
    import socket
    import threading

    ours, theirs = socket.socketpair()
    pdu = b"\x04\x00" + (300).to_bytes(4, "big") + bytes(300)

    def drip():
        for byte in pdu * 3:
            theirs.send(bytes((byte,)))
        theirs.close()

    thread = threading.Thread(target=drip)
    thread.start()
    stream = PduStream(ours, 4096, "peer")
    for _ in range(3):
        assert stream.read_whole() == (4, pdu)
    with pytest.raises(ServerUnavailableError):
        stream.read()
    thread.join()
    stream.close()
