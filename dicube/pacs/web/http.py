"""HTTP requests to one DICOMweb server, their failures as `PacsError`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any, Final

from dicube.exceptions import PacsError, ServerUnavailableError
from dicube.extras import extra_module
from dicube.pacs.server import PacsServer
from dicube.version import __version__

_PIECE_BYTES: Final = 1 << 18
_BUSY: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_HINTS: Final = {
    401: "set user and password, or authorization, in the environment",
    403: "the account may not do this at the server",
    404: "check dicomweb_url: it ends where /studies begins",
    413: "the server takes no bodies of this size",
}


class HttpSession:
    """Requests to one server, a bounded number at a time.

    Parameters
    ----------
    server : PacsServer
    """

    def __init__(self, server: PacsServer) -> None:
        self._requests = extra_module("requests", extra="pacs", purpose="a DICOMweb client")
        self._server = server
        self._slots = BoundedSemaphore(server.associations)
        self._session = self._requests.Session()
        self._session.headers["User-Agent"] = f"DiCube/{__version__}"
        if server.authorization is not None:
            self._session.headers["Authorization"] = server.authorization
        elif server.user is not None:
            self._session.auth = (server.user, server.password or "")
        if server.tls_ca_file is not None:
            self._session.verify = str(server.tls_ca_file)
        if server.tls_cert_file is not None:
            key = server.tls_key_file or server.tls_cert_file
            self._session.cert = (str(server.tls_cert_file), str(key))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (),
    ) -> Iterator[Any]:
        """The response of a request, whose body is still to be read.

        Parameters
        ----------
        method, path : str
            The path is added to the address of the server.
        accept : str
        query : str
            Encoded already: it is sent as it is.
        body : bytes or sized iterable of bytes, optional
        headers : mapping, optional
        allowed : tuple of int
            Statuses other than 2xx that the caller understands.

        Raises
        ------
        ServerUnavailableError
            The connection failed or broke, or the server is busy.
        PacsError
            The server refuses.
        """
        assert self._server.dicomweb_url is not None
        url = self._server.dicomweb_url.rstrip("/") + path
        plain = self._requests.Request(
            method, url, headers={"Accept": accept, **(headers or {})}, data=body
        )
        prepared = self._session.prepare_request(plain)
        if query:
            # requests would encode it once more, and not all servers decode.
            prepared.url = f"{prepared.url}?{query}"
        try:
            with self._slots:
                settings = self._session.merge_environment_settings(
                    prepared.url, {}, True, None, None
                )
                settings["stream"] = True
                with self._session.send(
                    prepared, timeout=self._server.timeout_s, **settings
                ) as response:
                    self._check(response, allowed)
                    yield response
        except self._requests.exceptions.SSLError as error:
            raise PacsError(
                "no encrypted connection: the certificate or the TLS version does not fit",
                where=self._server.where,
                hint="tls_ca_file names who is trusted",
            ) from error
        except self._requests.exceptions.Timeout as error:
            raise ServerUnavailableError(
                f"no answer within {self._server.timeout_s:g} s", where=self._server.where
            ) from error
        except (
            self._requests.exceptions.ConnectionError,
            self._requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise ServerUnavailableError(
                "cannot be reached, or the connection broke",
                where=self._server.where,
                hint="check dicomweb_url, and that the server runs",
            ) from error
        except self._requests.exceptions.RequestException as error:
            raise PacsError(
                f"the request failed: {type(error).__name__}",
                where=self._server.where,
                hint="check dicomweb_url",
            ) from error

    def pieces(self, response: Any) -> Iterator[bytes]:
        """The body of a response as it comes."""
        pieces: Iterator[bytes] = response.iter_content(_PIECE_BYTES)
        return pieces

    def _check(self, response: Any, allowed: tuple[int, ...]) -> None:
        status = response.status_code
        if 200 <= status < 300 or status in allowed:
            return
        kind = ServerUnavailableError if status in _BUSY else PacsError
        raise kind(
            f"the server answered with HTTP status {status}",
            where=self._server.where,
            hint=_HINTS.get(status),
        )
