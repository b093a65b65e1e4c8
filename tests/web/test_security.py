"""Who is let in: hosts, origins, tokens, sizes; and what browsers are told."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dicube.exceptions import DataConsistencyError
from dicube.web.security import (
    CONTENT_SECURITY_POLICY,
    COOKIE_NAME,
    SecuritySettings,
    is_loopback,
    secure,
)
from tests.web.servers import running

TOKEN = "0123456789abcdef"
VIEWER = "https://viewer.example"


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client_of() -> Iterator[Callable[..., httpx.Client]]:
    """Makes clients of servers that are on this machine, whatever they are told of it."""
    with ExitStack() as stack:

        def make(host: str = "127.0.0.1", **settings: Any) -> httpx.Client:
            routes = [Route("/", _echo, methods=["GET", "POST", "PUT"])]
            app = Starlette(routes=routes)
            secure(app, SecuritySettings(host, 8042, **settings))
            address = stack.enter_context(running(app, SecuritySettings("127.0.0.1", 0)))
            return stack.enter_context(httpx.Client(base_url=address, verify=False))

        yield make


@pytest.mark.parametrize(
    ("host", "name", "status"),
    [
        ("127.0.0.1", "127.0.0.1:8042", 200),
        ("127.0.0.1", "localhost:8042", 200),
        ("127.0.0.1", "LOCALHOST", 200),
        ("127.0.0.1", "[::1]:8042", 200),
        ("127.0.0.1", "evil.example:8042", 421),
        ("127.0.0.1", "127.0.0.1.evil.example", 421),
        ("127.0.0.1", "192.168.1.7:8042", 421),
        ("127.0.0.1", "", 421),
        ("127.0.0.1", "[x", 421),
        ("0.0.0.0", "192.168.1.7:8042", 200),
        ("0.0.0.0", "cubes.example", 200),
        ("0.0.0.0", "evil.example", 421),
    ],
)
def test_only_names_of_the_server_are_answered(client_of, host, name, status):
    client = client_of(host, token=TOKEN, allowed_hosts=("cubes.example",))
    headers = {"Host": name, "Authorization": f"Bearer {TOKEN}"}
    assert client.get("/", headers=headers).status_code == status


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "x"])
def test_requests_of_other_sites_are_refused(client_of, method, origin):
    client = client_of(allowed_origins=(VIEWER,))
    answer = client.request(method, "/", headers={"Origin": origin})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_requests_of_the_own_pages_and_of_programs_are_answered(client_of):
    client = client_of()
    own = str(client.base_url).rstrip("/")
    assert client.post("/", headers={"Origin": own}).status_code == 200
    assert client.post("/").status_code == 200


def test_a_form_of_another_site_without_origin_is_refused(client_of):
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client_of().post("/", headers=headers).status_code == 403


def test_a_site_that_is_allowed_may_read_and_asks_before_without_a_token(client_of):
    client = client_of(allowed_origins=(VIEWER,), token=TOKEN)
    asked = client.options("/", headers={"Origin": VIEWER, "Access-Control-Request-Method": "GET"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == VIEWER
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    assert client.get("/", headers={"Origin": VIEWER}).status_code == 401
    headers = {"Origin": VIEWER, "Authorization": f"Bearer {TOKEN}"}
    given = client.get("/", headers=headers)
    assert given.status_code == 200
    assert given.headers["access-control-allow-origin"] == VIEWER
    assert "Origin" in given.headers["vary"]
    assert "access-control-allow-credentials" not in given.headers


@pytest.mark.parametrize(
    "field", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_without_the_token_nothing_is_answered(client_of, field):
    answer = client_of(token=TOKEN).get("/", headers={"Authorization": field})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_browser_logs_in_by_a_form_and_gets_a_cookie_that_scripts_cannot_see(client_of):
    client = client_of(token=TOKEN)
    sent = client.get("/", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/login")
    form = client.get("/login")
    assert form.status_code == 200
    assert TOKEN not in form.text
    assert not re.search(r"<script|<style|style=|onload|https?://", form.text)
    wrong = client.post("/login", data={"token": "wrong"})
    assert wrong.status_code == 403
    assert "set-cookie" not in wrong.headers
    right = client.post("/login", data={"token": TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/").status_code == 200
    client.cookies.clear()
    assert client.get("/", headers={"Cookie": f"{COOKIE_NAME}={TOKEN}"}).status_code == 401


def test_another_site_cannot_log_somebody_in(client_of):
    headers = {"Origin": "https://evil.example"}
    answer = client_of(token=TOKEN).post("/login", data={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_bodies_have_a_largest_length_whether_or_not_they_say_so(client_of):
    client = client_of(max_body_bytes=1000)
    assert client.post("/", content=bytes(1000)).text == "1000"
    assert client.post("/", content=bytes(1001)).status_code == 413
    assert client.post("/", content=(bytes(300) for _ in range(4))).status_code == 413
    login = client_of(token=TOKEN).post("/login", data={"token": "x" * 5000})
    assert login.status_code == 413


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere"])
def test_every_answer_tells_browsers_to_be_careful(client_of, path):
    headers = client_of(token=TOKEN).get(path).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},
        {"host": "192.168.1.7"},
        {"host": "::"},
        {"host": "127.0.0.1", "token": "short"},
        {"host": "127.0.0.1", "allowed_origins": ("viewer.example",)},
        {"host": "127.0.0.1", "allowed_origins": ("https://viewer.example/",)},
        {"host": "127.0.0.1", "allowed_origins": ("*",)},
    ],
)
def test_settings_that_protect_nothing_are_refused(wrong):
    with pytest.raises(DataConsistencyError):
        SecuritySettings(port=8042, **wrong)


def test_loopback_is_this_machine_alone():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "")))
