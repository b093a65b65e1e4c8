"""What needs no server: settings, queries, lists, command sets, multipart bodies, QIDO-RS."""

from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube.exceptions import MetaDataError
from dicube.pacs import (
    PacsError,
    PacsServer,
    Query,
    ServerUnavailableError,
    load_servers,
    read_list,
)
from dicube.pacs.dimse.command import Command, Field, decode_command
from dicube.pacs.dimse.identifiers import decode_identifier, encode_identifier
from dicube.pacs.inbox import safe_name
from dicube.pacs.keys import fits, matches_of
from dicube.pacs.matches import StudyMatch
from dicube.pacs.web.multipart import boundary_of, parts_of
from dicube.pacs.web.qido import matches, query_string, without_encoded

CLIENT_VARIABLES = ("PACS_IP", "PACS_PORT", "CALLING_AET", "CALLED_AET", "CALLING_PORT")


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    for name in (*CLIENT_VARIABLES, "PACS_DICOMWEB_URL", "DICUBE_PACS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_an_env_file_of_older_clients_is_a_server(tmp_path):
    (tmp_path / ".env").write_text(
        "# PACS\nPACS_IP=127.0.0.1\nPACS_PORT=1024\nCALLING_AET=cllient\n"
        "CALLED_AET='pacsServer'\nCALLING_PORT=1023\n"
    )
    assert load_servers() == {
        "env": PacsServer(
            "env", "127.0.0.1", 1024, "pacsServer", calling_aet="cllient", calling_port=1023
        )
    }


def test_several_servers_come_from_toml_and_secrets_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_SECRET", "topsecret")
    (tmp_path / "pacs.toml").write_text(
        '[servers.archive]\nhost = "10.0.0.5"\nport = 104\ncalled_aet = "ARCHIVE"\n'
        '[servers.web]\ndicomweb_url = "https://pacs.example/dicom-web"\n'
        'user_env = "HOME"\npassword_env = "WEB_SECRET"\n'
    )
    servers = load_servers()
    assert list(servers) == ["archive", "web"]
    assert servers["web"].password == "topsecret"
    assert "topsecret" not in repr(servers["web"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[servers.a]\nhost = "h"\npassword = "x"', "stands in the file"),
        ('[servers.a]\nhost = "h"\npassword_env = "NOT_SET"', "not set"),
        ('[servers.a]\nhost = "h"\nprot = 104', "not a setting"),
        ('[servers.a]\nhost = "h"\nport = "104"', "wrong type"),
        ('[servers.a]\nhost = "h"\nport = 70000', "1 to 65535"),
        ('[servers.a]\nhost = "h"\ncalled_aet = "SEVENTEEN_LETTERS"', "1 to 16"),
        ("[servers.a]\nport = 104", "neither a host"),
        ("servers = 3", "no tables"),
        ("[[", "no TOML"),
    ],
)
def test_wrong_settings_are_errors_that_name_the_place(tmp_path, text, message):
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(PacsError, match=message):
        load_servers(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    "keys",
    [
        {"study_date": "2020-01-01"},
        {"study_date": "-"},
        {"study_uid": "1.2.x"},
        {"study_time": "noon"},
        {"limit": 0},
    ],
)
def test_queries_that_no_server_can_match_are_refused(keys):
    with pytest.raises(PacsError):
        Query(**keys)


@pytest.mark.parametrize("date", ["20200101", "20200101-", "-20201231", "20200101-20201231"])
def test_dates_and_open_ranges_are_queries(date):
    assert Query(study_date=date).study_date == date


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_lists_keep_leading_zeros_and_their_order(tmp_path, suffix):
    rows = [["Name", "Accession Number"], ["A", "00123"], ["B", "99"], ["C", "00123"], ["D", ""]]
    path = tmp_path / f"list{suffix}"
    if suffix == ".csv":
        path.write_text("\n".join(";".join(row) for row in rows), encoding="utf-8-sig")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.active.append(["E", 2025.0])
        book.save(path)
    listed = read_list(path)
    assert listed.field == "accession_number"
    assert listed.values[:2] == ("00123", "99")
    assert listed.values[2:] == (("2025",) if suffix == ".xlsx" else ())
    assert read_list(path, column="name", field="patient_id").values[:2] == ("A", "B")
    with pytest.raises(PacsError, match="no column"):
        read_list(path, column="Ward")


def test_a_list_without_headings_is_one_column(tmp_path):
    (tmp_path / "list.txt").write_text("A1\nA2\n\nA1\n")
    assert read_list(tmp_path / "list.txt").values == ("A1", "A2")
    (tmp_path / "two.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PacsError, match="--column"):
        read_list(tmp_path / "two.csv")


def test_a_command_set_has_the_bytes_of_the_standard():
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset

    command = Command(
        Field.C_MOVE_RQ, message_id=7, sop_class_uid="1.2.3", priority=0, destination="DICUBE"
    ).with_data_set()
    encoded = command.encode()
    read = read_dataset(DicomBytesIO(encoded), True, True)
    assert read.CommandGroupLength == len(encoded) - 12
    assert (read.AffectedSOPClassUID, read.MoveDestination) == ("1.2.3", "DICUBE")
    assert (read.CommandField, read.MessageID, read.CommandDataSetType) == (0x21, 7, 1)
    assert decode_command(encoded) == command


@given(data=st.binary(max_size=64))
def test_garbage_is_no_command_set(data):
    with suppress(MetaDataError):
        assert decode_command(data).field >= 0


@pytest.mark.parametrize("name", ["Müller^Jörg", "Yamada^Tarou=山田^太郎", "plain"])
def test_identifiers_keep_any_text(name):
    assert decode_identifier(encode_identifier({0x00100010: name}), "here")[0x00100010] == name


@given(
    parts=st.lists(st.binary(max_size=200), max_size=4),
    cut=st.integers(1, 40),
)
def test_multipart_bodies_are_read_whatever_the_pieces(parts, cut):
    boundary = b"qXz19"
    parts = [part.replace(boundary, b"") for part in parts]
    body = b"preamble\r\n"
    for part in parts:
        body += b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n"
    body += b"--" + boundary + b"--\r\n"
    pieces = [body[i : i + cut] for i in range(0, len(body), cut)]
    found = [b"".join(part) for part in parts_of(pieces, boundary, "here")]
    assert found == parts


def test_a_multipart_body_that_is_cut_short_is_an_error():
    body = b"--b\r\n\r\npart one\r\n--b\r\n\r\npart tw"
    parts = parts_of([body], b"b", "here")
    assert b"".join(next(parts)) == b"part one"
    second = next(parts)
    with pytest.raises(ServerUnavailableError):
        b"".join(second)
    with pytest.raises(PacsError, match="not multipart"):
        boundary_of("text/html", "here")


def test_wildcards_stay_literal_in_a_search_and_blanks_have_a_way_round():
    keys = {0x00100010: "M?LLER^J*", 0x00100020: ""}
    query = query_string(keys, limit=10, offset=20)
    assert query == "PatientName=M?LLER%5EJ*&includefield=00100020&limit=10&offset=20"
    assert without_encoded(keys) == {0x00100010: "M?LLER?J*", 0x00100020: ""}
    assert without_encoded({0x00100010: "M*"}) is None
    assert matches({0x00100010: "Müller^Jan"}, {0x00100010: "m?ller^J*"})
    assert not matches({0x00100010: "Müller-Jan"}, {0x00100010: "m?ller^J*"})


@pytest.mark.parametrize("uid", ["../../etc/passwd", "..", "", "a/b", "1" * 65, "1.2\0"])
def test_hostile_uids_are_no_paths(uid):
    assert safe_name(uid).startswith("uid-")
    assert "/" not in safe_name(uid)
    assert safe_name("1.2.840") == "1.2.840"


@pytest.mark.parametrize(
    ("wanted", "found", "is_one"),
    [
        ("A1", "A1", True), ("A1", "a1", True), ("A1", "A12", False), ("A*", "A12", True),
        ("A?2", "A12", True), ("A.2", "A12", False), ("1.2\\1.3", "1.3", True),
        ("1.2\\1.3", "1.4", False), ("(A", "(A", True),
    ],
)  # fmt: skip
def test_wildcards_and_lists_match_as_in_the_standard(wanted, found, is_one):
    assert fits(wanted, found) is is_one


def test_answers_about_others_than_the_query_names_are_left_out():
    rows = [
        {0x0020000D: "1.2", 0x00080050: "A1"},
        {0x0020000D: "1.3", 0x00080050: "A2"},
        {0x0020000D: "1.4"},  # does not say
    ]
    found = matches_of(StudyMatch, rows, "STUDY", Query(accession_number="A1"))
    assert [match.study_uid for match in found] == ["1.2", "1.4"]
