"""Servers that want TLS, certificates or passwords."""

import base64
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import which

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from dicube.exceptions import PacsError
from dicube.pacs import PacsServer, Query, open_client

SECRET = "correct-horse"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Certificate and key of a server on loopback, and of a client."""
    if which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificates")
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name, subject in (("server", "/CN=pacs"), ("client", "/CN=dicube")):
        made[name] = folder / f"{name}.crt", folder / f"{name}.key"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", subject, "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-out", str(made[name][0]), "-keyout", str(made[name][1])]
        subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture
def tls_port(certificates):
    """A server of pynetdicom that demands a certificate of whoever calls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates["server"])
    context.load_verify_locations(certificates["client"][0])
    context.verify_mode = ssl.CERT_REQUIRED
    ae = AE("SECURED")
    ae.add_supported_context(Verification)
    server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
    yield server.socket.getsockname()[1]
    server.shutdown()


def secured(port, certificates, **options):
    certificate, key = certificates["client"]
    values = {
        "called_aet": "SECURED", "timeout_s": 3, "tls": True,
        "tls_ca_file": certificates["server"][0], "tls_cert_file": certificate,
        "tls_key_file": key,
    }  # fmt: skip
    return PacsServer("secured", "127.0.0.1", port, **values | options)


def test_a_server_is_spoken_to_over_tls(tls_port, certificates):
    with open_client(secured(tls_port, certificates)) as client:
        client.echo()


@pytest.mark.parametrize(
    "options",
    [{"tls": False}, {"tls_ca_file": None}, {"tls_cert_file": None, "tls_key_file": None}],
    ids=["plain", "unknown authority", "no certificate"],
)
def test_what_does_not_fit_is_an_error(tls_port, certificates, options):
    with (
        open_client(secured(tls_port, certificates, **options)) as client,
        pytest.raises(PacsError) as failure,
    ):
        client.echo()
    assert failure.value.hint


class _Guarded(BaseHTTPRequestHandler):
    wanted = ""

    def do_GET(self):
        is_allowed = self.headers.get("Authorization") == self.wanted
        self.send_response(200 if is_allowed else 401)
        body = b"[]" if is_allowed else b""
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def guarded():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("wanted", "options"),
    [
        (
            "Basic " + base64.b64encode(f"reader:{SECRET}".encode()).decode(),
            {"user": "reader", "password": SECRET},
        ),
        (f"Bearer {SECRET}", {"authorization": f"Bearer {SECRET}"}),
    ],
    ids=["password", "token"],
)
def test_a_dicomweb_server_gets_what_it_demands(guarded, monkeypatch, wanted, options):
    monkeypatch.setattr(_Guarded, "wanted", wanted)
    url = f"http://127.0.0.1:{guarded.server_address[1]}/dicom-web"
    server = PacsServer("guarded", dicomweb_url=url, timeout_s=3, **options)
    assert SECRET not in repr(server)
    with open_client(server) as client:
        assert client.find_studies(Query()) == []
    with (
        open_client(PacsServer("guarded", dicomweb_url=url, timeout_s=3)) as client,
        pytest.raises(PacsError, match="401") as failure,
    ):
        client.find_studies(Query())
    assert "environment" in failure.value.hint
