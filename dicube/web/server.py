"""Running a web application: what is logged, and how much a client may ask at a time."""

import logging
import os
import socket
import traceback
from types import TracebackType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from dicube.exceptions import DataConsistencyError
from dicube.web.security import SecuritySettings

_MOST_CONNECTIONS: Final = 256
_IDLE_SECONDS: Final = 15
_BACKLOG: Final = 128

ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class PlacesOnly(logging.Formatter):
    """Log messages whose errors come without their text, which may quote a patient's data."""

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802  # the name in logging
        """Kind of the error and the lines of code it went through."""
        kind, _, trace = ei
        frames = traceback.extract_tb(trace)
        places = (f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)
        name = "" if kind is None else kind.__name__
        return "\n".join([name, *places])


def web_server(app: ASGIApp, settings: SecuritySettings) -> uvicorn.Server:
    """A server that is not yet running: `server.run()`.

    Requests are not logged, because addresses and queries hold names and numbers of patients.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(PlacesOnly("%(levelname)s: %(message)s"))
    logger = logging.getLogger("uvicorn")
    logger.handlers = [handler]
    logger.propagate = False
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
        )
    )


def listening_socket(settings: SecuritySettings) -> socket.socket:
    """A socket that listens where the settings say; port 0 takes one that is free.

    Raises
    ------
    DataConsistencyError
        The address is not of this machine, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio turns Nagle's delay of 40 ms off, but only for sockets that name their protocol;
    # those of socket.create_server do not.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host, settings.port))
        listening.listen(_BACKLOG)
        return listening
    except OSError as error:
        listening.close()
        raise DataConsistencyError(
            f"cannot listen: {error.strerror}",
            where=f"{settings.host}:{settings.port}",
            hint="choose another --port, or --host",
        ) from error
