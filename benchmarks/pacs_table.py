"""A series of 500 instances pulled from a PACS: ours beside DCMTK and plain pynetdicom, in one run.

    python benchmarks/pacs_table.py [--update-readme] [--rounds 7] [--instances 500]

The server is Orthanc, started on loopback by the script in PACS_START (default
../shared/infra/start_orthanc.sh). The instances are those of a real CT series (512 x 512, 16 bit)
with new UIDs. Each round pulls the series once in each way, in an order of its own; files and bytes
are counted each time. DCMTK's time includes the start of its two programs; ours the search that
says which instances there are.
"""

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import numpy as np
import pydicom
from environments import ROOT
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    StudyRootQueryRetrieveInformationModelGet,
)
from readme_table import update_readme

from dicube.pacs import PacsServer, SeriesMatch, open_client

_DATA = Path(os.environ.get("DICUBE_TEST_DATA", ROOT.parent / "shared" / "data"))
_START = Path(os.environ.get("PACS_START", _DATA.parent / "infra" / "start_orthanc.sh"))
_SERIES = "ct_uint16_thin"
_FAST = {**os.environ, "TCP_NODELAY": "1"}  # DCMTK waits 40 ms a message without it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update-readme", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--instances", type=int, default=500)
    options = parser.parse_args()
    missing = [name for name in ("movescu", "storescp", "storescu") if shutil.which(name) is None]
    if missing or not _START.is_file():
        raise SystemExit(f"needs DCMTK and {_START}: nothing was measured")
    done = subprocess.run([str(_START), "start"], stdout=subprocess.PIPE, text=True, check=True)
    env = dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            table = _measured(Path(scratch), env, options.rounds, options.instances)
    finally:
        subprocess.run([str(_START), "stop", env["PACS_DIR"]], check=True)
    print(table)
    if options.update_readme:
        update_readme(ROOT / "README.md", "pacs", table)


def _measured(scratch: Path, env: dict[str, str], rounds: int, count: int) -> str:
    series, length = _fill(scratch, env, count)
    port, aet = int(env["PACS_DICOM_PORT"]), env["PACS_AET"]
    server = PacsServer("orthanc", "127.0.0.1", port, aet)
    moving = PacsServer(
        "orthanc", "127.0.0.1", port, aet,
        retrieve="move", calling_port=int(env["CLIENT_PORT"]), calling_host="127.0.0.1",
    )  # fmt: skip
    web = PacsServer("orthanc", dicomweb_url=env["PACS_DICOMWEB"])
    ways: dict[str, Callable[[Path], None]] = {
        "DCMTK movescu + storescp": lambda out: _dcmtk(out, env, series),
        "DiCube, C-GET": lambda out: _ours(out, server, series),
        "DiCube, C-MOVE": lambda out: _ours(out, moving, series),
        "DiCube, WADO-RS": lambda out: _ours(out, web, series),
        "pynetdicom alone, C-GET": lambda out: _pynetdicom(out, port, aet, series),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    random = np.random.default_rng(1)
    for number in range(1 + rounds):  # the first one warms up
        for name in random.permutation(list(ways)).tolist():
            out = scratch / "out"
            out.mkdir()
            start = time.perf_counter()
            ways[name](out)
            times[name].append(time.perf_counter() - start)
            files = [path for path in out.iterdir() if not path.name.startswith(".")]
            assert len(files) == count, f"{name}: {len(files)} files"
            assert abs(sum(path.stat().st_size for path in files) / length - 1) < 0.01, name
            shutil.rmtree(out)
        print(f"round {number} of {rounds} done", flush=True)
    peer = median(times["DCMTK movescu + storescp"][1:])
    lines = [
        f"| {count} instances, {length / 1e6:.0f} MB, from Orthanc | rate beside DCMTK | MB/s |",
        "| --- | ---: | ---: |",
    ]
    for name, seconds in times.items():
        took = median(seconds[1:])
        lines.append(f"| {name} | {peer / took:.2f} | {length / 1e6 / took:.0f} |")
    return "\n".join(lines)


def _fill(scratch: Path, env: dict[str, str], count: int) -> tuple[SeriesMatch, int]:
    """Send instances with new UIDs to the server; the series and its bytes."""
    folder = scratch / "files"
    folder.mkdir()
    sources = [pydicom.dcmread(path) for path in sorted((_DATA / _SERIES).iterdir())]
    series = SeriesMatch(str(generate_uid()), str(generate_uid()))
    for number in range(count):
        data_set = sources[number % len(sources)]
        data_set.SOPInstanceUID = generate_uid()
        data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
        data_set.StudyInstanceUID, data_set.SeriesInstanceUID = series.study_uid, series.series_uid
        data_set.InstanceNumber = number + 1
        data_set.save_as(folder / f"{number:04}.dcm")
    command = ["storescu", "-aec", env["PACS_AET"], "-aet", "DICUBE", "+sd", "127.0.0.1"]
    subprocess.run([*command, env["PACS_DICOM_PORT"], str(folder)], check=True, env=_FAST)
    length = sum(path.stat().st_size for path in folder.iterdir())
    shutil.rmtree(folder)
    return series, length


def _ours(out: Path, server: PacsServer, series: SeriesMatch) -> None:
    with open_client(server) as client:
        assert client.retrieve(series, out).is_complete


def _dcmtk(out: Path, env: dict[str, str], series: SeriesMatch) -> None:
    receiver = subprocess.Popen(
        ["storescp", "-aet", "DICUBE", "-od", str(out), env["CLIENT_PORT"]], env=_FAST
    )
    try:
        _wait_for(int(env["CLIENT_PORT"]))
        command = ["movescu", "-S", "-aec", env["PACS_AET"], "-aet", "DICUBE", "-aem", "DICUBE"]
        for key in (
            "QueryRetrieveLevel=SERIES",
            f"StudyInstanceUID={series.study_uid}",
            f"SeriesInstanceUID={series.series_uid}",
        ):
            command += ["-k", key]
        command += ["127.0.0.1", env["PACS_DICOM_PORT"]]
        subprocess.run(command, check=True, env=_FAST)
    finally:
        receiver.terminate()
        receiver.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.002)
    raise SystemExit("storescp does not listen")


def _pynetdicom(out: Path, port: int, aet: str, series: SeriesMatch) -> None:
    def store(event: evt.Event) -> int:
        (out / f"{event.request.AffectedSOPInstanceUID}.dcm").write_bytes(event.encoded_dataset())
        return 0

    def no_delay(event: evt.Event) -> None:
        connection = event.assoc.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    ae = AE("DICUBE")
    ae.maximum_pdu_size = 1 << 18
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(CTImageStorage, ["1.2.840.10008.1.2.1"])
    association = ae.associate(
        "127.0.0.1",
        port,
        ae_title=aet,
        ext_neg=[build_role(CTImageStorage, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_CONN_OPEN, no_delay)],
    )
    keys = Dataset()
    keys.QueryRetrieveLevel = "SERIES"
    keys.StudyInstanceUID, keys.SeriesInstanceUID = series.study_uid, series.series_uid
    for _ in association.send_c_get(keys, StudyRootQueryRetrieveInformationModelGet):
        pass
    association.release()


if __name__ == "__main__":
    main()
