"""`dicube serve` as a program of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session

import dicube
from tests.library.made import SERIES, write_cube


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    write_cube(SERIES[0], folder)
    return folder


@contextmanager
def serving(*arguments: str, token: str = "", left_out: int = 0) -> Iterator[tuple[str, list[str]]]:
    """The address that the program says, and the lines before it listens."""
    environment = {**os.environ, **({"DICUBE_TOKEN": token} if token else {})}
    program = subprocess.Popen(
        [sys.executable, "-u", "-m", "dicube", "serve", *arguments, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip
    assert program.stdout is not None
    try:
        first = program.stdout.readline()
        match = re.search(r"http://\S+/dicomweb", first)
        assert match is not None, first + program.stdout.read()
        lines = [first]
        if "0.0.0.0" in arguments and not token:
            lines.append(program.stdout.readline())
        lines += [program.stdout.readline() for _ in range(left_out)]
        yield match.group(), lines
    finally:
        program.send_signal(signal.SIGINT)
        rest, _ = program.communicate(timeout=30)
    assert program.returncode in (0, 130), rest
    assert "Doe" not in rest
    assert "GET" not in rest


def test_a_library_is_served_until_it_is_interrupted(library: Path):
    with serving(str(library)) as (url, lines):
        assert lines[0].startswith("1 cube at http://127.0.0.1:")
        (found,) = DICOMwebClient(url).search_for_studies(search_filters={"PatientName": "Doe*"})
        assert found["0020000D"]["Value"] == ["1.2.3.1"]


def test_cubes_that_are_left_out_and_those_that_contradict_others_are_named(library: Path):
    image = dicube.load(library / "ct.dcbs")
    image.dicom_meta.set_shared_item("PatientName", "Doe^Other")
    image.to_file(library / "other.dcbs")
    (library / "damaged.dcbs").write_bytes(b"no cube")
    with serving(str(library), left_out=2) as (_, lines):
        assert lines[0].startswith("2 cubes at ")
        assert lines[1].startswith("left out    damaged.dcbs: ")
        assert lines[2] == (
            "left out    other.dcbs: holds other instances under the same SOP Instance UIDs as"
            " ct.dcbs, which is served\n"
        )


def test_a_server_for_other_machines_makes_a_token_and_asks_for_it(library: Path):
    with serving(str(library), "--host", "0.0.0.0") as (address, lines):
        url = address.replace("0.0.0.0", "127.0.0.1")
        token = lines[1].split()[1]
        assert len(token) > 30
        assert httpx.get(f"{url}/studies").status_code == 401
        session = create_session()
        session.headers["Authorization"] = f"Bearer {token}"
        assert len(DICOMwebClient(url, session=session).search_for_studies()) == 1


def test_the_token_of_the_environment_is_never_shown(library: Path):
    token = "a-token-of-the-environment"
    with serving(str(library), token=token) as (url, lines):
        assert token not in "".join(lines)
        assert httpx.get(f"{url}/studies").status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/studies", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nowhere"], 3, "nowhere"),
        ([".", "--origin", "viewer.example"], 2, "no origin"),
        ([".", "--token", "short"], 2, "5 characters"),
        ([".", "--port", "99999"], 2, "65535"),
        ([".", "--host", "203.0.113.7"], 4, "cannot listen"),
    ],
)
def test_what_cannot_be_served_is_said(tmp_path, arguments, code, said):
    done = subprocess.run(
        [sys.executable, "-m", "dicube", "serve", *arguments],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_the_program_and_the_library_start_without_the_web_packages():
    script = "import sys, dicube, dicube.library, dicube.cli.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"starlette", "fastapi", "uvicorn", "anyio"} & set(done.stdout.split())
