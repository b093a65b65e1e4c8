"""Real servers, started for the tests on loopback and stopped by their pid."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest

from dicube import DicomCubeImage
from dicube.pacs import PacsServer, SeriesMatch
from tests.pacs.peers import SlicePeer
from tests.series import DATA

INFRA = DATA.parent / "infra"
SECRET = "Verysecret^Person"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the server does not listen")


@contextmanager
def running(command: list[str], port: int, **options: object) -> Iterator[None]:
    """A process that listens at a port while the block runs."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )  # type: ignore[call-overload]
    try:
        wait_until_listening(port, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Pacs:
    """A running server: over DIMSE, perhaps over DICOMweb, and where its C-MOVE goes to."""

    name: str
    port: int
    aet: str
    move_port: int
    web: str | None = None

    def server(self, retrieve: str = "get", **options: Any) -> PacsServer:
        values: dict[str, Any] = {"timeout_s": 20}
        if retrieve == "web":
            if self.web is None:
                pytest.skip(f"{self.name} has no DICOMweb")
            return PacsServer(self.name, **values | {"dicomweb_url": self.web} | options)
        values |= {"host": "127.0.0.1", "port": self.port, "called_aet": self.aet}
        if retrieve == "move":
            values |= {"calling_port": self.move_port, "calling_host": "127.0.0.1"}
        return PacsServer(self.name, **values | {"retrieve": retrieve} | options)


@pytest.fixture(scope="session")
def orthanc() -> Iterator[Pacs]:
    script = INFRA / "start_orthanc.sh"
    if not script.is_file():
        pytest.skip("the script that starts Orthanc is not there")
    done = subprocess.run([str(script), "start"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("Orthanc is not installed (Debian: orthanc orthanc-dicomweb)")
    assert done.returncode == 0
    env = dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    try:
        yield Pacs(
            "orthanc",
            int(env["PACS_DICOM_PORT"]),
            env["PACS_AET"],
            int(env["CLIENT_PORT"]),
            env["PACS_DICOMWEB"],
        )
    finally:
        subprocess.run([str(script), "stop", env["PACS_DIR"]], check=True)


@pytest.fixture(scope="session")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    config = INFRA / "dcmqrscp.cfg"
    if shutil.which("dcmqrscp") is None or not config.is_file():
        pytest.skip("dcmqrscp is not installed (Debian: dcmtk)")
    if shutil.which("cc") is None:
        pytest.skip("a C compiler is needed to keep dcmqrscp on loopback")
    folder = tmp_path_factory.mktemp("dcmqrscp")
    (folder / "db").mkdir()
    move_port, port = free_port(), free_port()
    text = config.read_text().replace("127.0.0.1, 11113", f"127.0.0.1, {move_port}")
    (folder / "dcmqrscp.cfg").write_text(text)
    shim = folder / "loopback_bind.so"
    source = INFRA / "loopback_bind.c"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(source), "-ldl"]
    subprocess.run(command, check=True)
    environment = {**os.environ, "TCP_NODELAY": "1", "LD_PRELOAD": str(shim)}
    command = ["dcmqrscp", "-dhl", "-c", "dcmqrscp.cfg", str(port)]
    with running(command, port, cwd=folder, env=environment):
        yield Pacs("dcmqrscp", port, "DCMQRSCP", move_port)


@pytest.fixture(scope="session")
def qrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    """The PACS of pynetdicom, which moves HTJ2K."""
    pytest.importorskip("sqlalchemy", reason="the PACS of pynetdicom needs SQLAlchemy")
    config = INFRA / "qrscp.ini"
    if not config.is_file():
        pytest.skip("the settings of the PACS of pynetdicom are not there")
    folder = tmp_path_factory.mktemp("qrscp")
    (folder / "instances").mkdir()
    move_port, port = free_port(), free_port()
    text = config.read_text().replace("port: 11113", f"port: {move_port}")
    (folder / "qrscp.ini").write_text(text)
    command = [sys.executable, "-m", "pynetdicom", "qrscp", "-c", str(folder / "qrscp.ini")]
    command += ["--port", str(port), "--instance-location", str(folder / "instances")]
    command += ["--database-location", str(folder / "instances.sqlite")]
    with running(command, port, cwd=folder):
        yield Pacs("qrscp", port, "QRSCP", move_port)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def make_series(
    small_image: DicomCubeImage, tmp_path: Path
) -> Callable[..., tuple[list[Path], SeriesMatch]]:
    """Make series of a patient whose name must not turn up: files, and how a server finds them."""

    def make(name: str = "made", **elements: str) -> tuple[list[Path], SeriesMatch]:
        small_image.init_meta("CT", patient_name=SECRET, patient_id="verysecret-1")
        files = small_image.to_dicom_folder(tmp_path / name)
        for path in files:
            data_set = pydicom.dcmread(path)
            for keyword, value in {"AccessionNumber": f"A-{name}", **elements}.items():
                setattr(data_set, keyword, value)
            data_set.save_as(path)
        first = pydicom.dcmread(files[0])
        series = SeriesMatch(str(first.StudyInstanceUID), str(first.SeriesInstanceUID), "CT")
        return files, series

    return make


@pytest.fixture
def slice_peer() -> Iterator[Callable[..., SlicePeer]]:
    """Start in-process peers that serve files, well or badly."""
    started: list[SlicePeer] = []

    def start(files: list[Path], **behaviour: object) -> SlicePeer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            started.append(SlicePeer(files, **behaviour))
        return started[-1]

    yield start
    for peer in started:
        peer.stop()
