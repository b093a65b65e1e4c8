"""Who may talk to the server, and what browsers are told about its pages.

One layer in front of the DICOMweb services and of the web page. It knows nothing of DICOM.

* Host: a page of another site whose name was pointed at this machine (DNS rebinding) has that name
  in its requests, and is refused.
* Origin: a request that a page of another site makes is refused, unless the site is allowed.
* Token: asked for in each request where there is one; there has to be one where other machines can
  connect.
* Bodies and addresses have a largest length; answers are neither cached by others nor framed.
"""

import hashlib
import hmac
import ipaddress
import socket
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dicube.exceptions import DataConsistencyError
from dicube.web.login import login_page

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
LOGIN_PATH: Final = "/login"
COOKIE_NAME: Final = "dicube_session"
SHORTEST_TOKEN: Final = 16  # characters

_SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_LONGEST_TARGET: Final = 8192  # bytes of path and query; RFC 9110 4.1 asks for 8000 at least
_LOGIN_BODY_BYTES: Final = 4096
_EXPOSED: Final = "Content-Length, Content-Type, ETag, Warning, Content-Location"
_ALLOWED_HEADERS: Final = "Accept, Authorization, Content-Type, If-None-Match"
_ALLOWED_METHODS: Final = "GET, HEAD, POST, PUT, DELETE, OPTIONS"


@dataclass(frozen=True)
class SecuritySettings:
    """How a server is protected.

    Attributes
    ----------
    host : str
        The address it listens on; "0.0.0.0" and "::" are all of them.
    port : int
    token : str or None
        At least 16 characters. Needed where the address is not of this machine alone.
    allowed_origins : tuple of str
        Other sites whose pages may read from the server, such as "https://viewer.example".
    allowed_hosts : tuple of str
        Names of the server, besides its addresses and the name the system gives it.
    max_body_bytes : int
        Longest body of a request.

    Raises
    ------
    DataConsistencyError
        There is no token and other machines can connect, the token is short, or an origin is none.
    """

    host: str
    port: int
    token: str | None = None
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_body_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise DataConsistencyError(
                f"other machines can connect to {self.host}, and there is no token",
                hint="set a token, or listen on 127.0.0.1",
            )
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise DataConsistencyError(
                f"the token has {len(self.token)} characters, it needs {SHORTEST_TOKEN}",
                hint="make one with: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        for origin in self.allowed_origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise DataConsistencyError(
                    f"{origin!r} is no origin", hint="such as https://viewer.example, no path"
                )

    @property
    def cookie(self) -> str | None:
        """What the cookie holds: not the token, which it would give away to whoever reads it."""
        if self.token is None:
            return None
        return hmac.new(self.token.encode(), b"dicube cookie", hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def secure(app: Starlette, settings: SecuritySettings) -> None:
    """Put the checks and headers in front of an application; FastAPI's are Starlette's, too.

    Also answers /login: a form for the token that sets an HttpOnly, SameSite=Strict cookie.
    """
    app.add_middleware(SecurityMiddleware, settings=settings)


class SecurityMiddleware:
    """The layer itself, an ASGI application around another."""

    def __init__(self, app: ASGIApp, settings: SecuritySettings) -> None:
        self._app = app
        self._settings = settings
        named = {"localhost", settings.host, *settings.allowed_hosts}
        if not is_loopback(settings.host):
            named.add(socket.gethostname())
        self._names = frozenset(name.lower().strip("[]") for name in named)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request and hand it on, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = self._foreign_origin(headers)
        send = _with_headers(send, origin)
        limited = _Limited(receive, self._settings.max_body_bytes)
        refusal = self._refusal(scope, headers, origin)
        if refusal is None and origin is not None and scope["method"] == "OPTIONS":
            refusal = _preflight()
        if refusal is None and self._settings.token is not None:
            if scope["path"] == LOGIN_PATH:
                refusal = await self._login(scope, headers, limited)
            elif not self._is_known(headers):
                refusal = _who_are_you(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            await self._app(scope, limited, send)
        except _TooLongError:
            await _too_long()(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers, origin: str | None) -> Response | None:
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > _LONGEST_TARGET:
            return _plain("The address is too long.", 414)
        if not self._is_own_name(headers.get("host", "")):
            return _plain("This server goes by another name; see --allow-host.", 421)
        if origin is not None and origin not in self._settings.allowed_origins:
            return _plain("Pages of other sites may not use this server; see --origin.", 403)
        unsafe = scope["method"] not in _SAFE_METHODS
        if unsafe and origin is None and headers.get("sec-fetch-site") == "cross-site":
            return _plain("Pages of other sites may not use this server; see --origin.", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._settings.max_body_bytes:
            return _too_long()
        return None

    def _is_own_name(self, host: str) -> bool:
        """An address cannot be pointed elsewhere, so on a public server any of them will do."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not is_loopback(self._settings.host)

    def _foreign_origin(self, headers: Headers) -> str | None:
        """The Origin of a request (RFC 6454) unless it is the server itself."""
        origin = headers.get("origin")
        if origin is None:
            return None
        own = {f"{scheme}://{headers.get('host', '')}".lower() for scheme in ("http", "https")}
        return None if origin.lower() in own else origin

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(given.strip(), self._settings.token):
            return True
        return _same(_cookie(headers), self._settings.cookie)

    async def _login(self, scope: Scope, headers: Headers, receive: Receive) -> Response:
        if scope["method"] != "POST":
            return login_page(wrong=False)
        try:
            body = await _body(receive, _LOGIN_BODY_BYTES)
        except _TooLongError:
            return _too_long()
        fields = parse_qs(body.decode("latin-1"), max_num_fields=16)
        if not _same(fields.get("token", [""])[0], self._settings.token):
            return login_page(wrong=True)
        answer = RedirectResponse("/", 303)
        secure_cookie = headers.get("x-forwarded-proto", scope["scheme"]) == "https"
        answer.set_cookie(
            COOKIE_NAME,
            self._settings.cookie or "",
            httponly=True,
            samesite="strict",
            secure=secure_cookie,
        )
        return answer


class _TooLongError(Exception):
    """The body of a request is longer than allowed."""


class _Limited:
    """Receives the body of a request as long as it is not too long."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLongError
        return message


async def _body(receive: Receive, limit: int) -> bytes:
    parts = bytearray()
    more = True
    while more:
        message = await receive()
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise _TooLongError
        more = message.get("more_body", False)
    return bytes(parts)


def _with_headers(send: Send, origin: str | None) -> Send:
    """Add to each answer what browsers are to be told."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers["X-Frame-Options"] = "DENY"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers.setdefault("Cache-Control", "no-store")
            is_refused = message["status"] in (403, 421)
            if origin is None or is_refused:
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            else:
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return sending


def _preflight() -> Response:
    """What a browser asks before a page of an allowed site sends its request."""
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": _ALLOWED_METHODS,
            "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
            "Access-Control-Max-Age": "600",
        },
    )


def _who_are_you(scope: Scope, headers: Headers) -> Response:
    if scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse(LOGIN_PATH, 303)
    answer = _plain("The token is missing or wrong: Authorization: Bearer TOKEN", 401)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="dicube"'
    return answer


def _too_long() -> Response:
    return _plain("The body of the request is too long.", 413)


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text + "\n", status)


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE_NAME)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _same(given: str, expected: str | None) -> bool:
    """Compare in a time that tells nothing; nothing is never the same."""
    if not expected:
        return False
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
