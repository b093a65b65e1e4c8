"""`dicube web`: the web page on a library of cubes."""

import logging
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dicube.cli.text import help_lines
from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.pacs import PacsServer, load_servers

if TYPE_CHECKING:
    import uvicorn

    from dicube.web.security import SecuritySettings

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube web --demo --open  # a small server of its own with made-up patients",
    "dicube web cubes --config servers.toml",
    "DICUBE_TOKEN=... dicube web cubes --host 0.0.0.0  # for other machines, with a token",
)
_TOKEN: Final = "DICUBE_TOKEN"  # noqa: S105  # the name of the variable
_GRACE_S: Final = 3  # for answers under way when the server is told to stop
_MEGABYTE: Final = 1_000_000


def web(
    library: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LIBRARY]",
            help="The folder of cubes; new ones go there, too.",
            show_default="cubes, or a temporary one with --demo",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 5000,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Servers as TOML.", show_default="what .env says, if anything"
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar=_TOKEN,
            help="Asked for in the browser; needed where other machines can connect.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name that this server goes by. Repeatable."),
    ] = None,
    max_upload: Annotated[
        int, typer.Option(min=1, metavar="MB", help="Most megabytes of an upload.")
    ] = 20_000,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start a small server with made-up patients.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser.")] = False,
) -> None:
    """Search, pull, convert and look at series in the browser.

    Works without a network; nothing is loaded from elsewhere. Listens on this machine only, unless
    --host says otherwise. Jobs survive a restart: they are kept in a hidden folder of the library.
    """
    for name in ("fastapi", "jinja2", "uvicorn"):
        extra_module(name, extra="web", purpose="the web page")
    # Here, not above: `dicube --help` need not wait for them.
    from dicube.web.app import create_app  # noqa: PLC0415
    from dicube.web.security import SecuritySettings  # noqa: PLC0415
    from dicube.web.server import PlacesOnly, web_server  # noqa: PLC0415
    from dicube.web.settings import settings_for  # noqa: PLC0415
    from dicube.web.uploads import UploadLimits  # noqa: PLC0415

    try:
        security = SecuritySettings(
            host=host, port=port, token=token, allowed_hosts=tuple(allow_host or ())
        )
    except DataConsistencyError as error:
        raise typer.BadParameter(str(error)) from error
    _log_to_stderr(PlacesOnly("%(levelname)s: %(message)s"))
    with ExitStack() as stack:
        folder = _library(library, demo, stack)
        servers = stack.enter_context(_servers(config, demo))
        settings = settings_for(
            folder,
            security,
            servers=servers,
            limits=UploadLimits(most_bytes=max_upload * _MEGABYTE),
            is_demo=demo,
        )
        app = create_app(settings)
        server = web_server(app, security)
        server.config.timeout_graceful_shutdown = _GRACE_S
        app.state.services.events.is_stopping = lambda: server.should_exit
        _run(server, security, open_browser)


def _log_to_stderr(formatter: logging.Formatter) -> None:
    """What goes wrong with jobs, without what it was about: values belong to patients."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logger = logging.getLogger("dicube.web")
    logger.addHandler(handler)
    logger.propagate = False


def _library(library: Path | None, demo: bool, stack: ExitStack) -> Path:
    if library is None and demo:
        return Path(stack.enter_context(TemporaryDirectory(prefix="dicube-demo-")))
    folder = Path("cubes") if library is None else library
    if library is None or not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise DataConsistencyError("is no folder", where=str(folder))
    return folder


@contextmanager
def _servers(config: Path | None, demo: bool) -> Iterator[dict[str, PacsServer]]:
    """Those of the configuration, and that of the demo while it runs."""
    configured = load_servers(config) if config or not demo else {}
    if not demo:
        yield configured
        return
    from dicube.web.demo import demo_server  # noqa: PLC0415

    with demo_server() as server:
        yield {server.name: server, **configured}


def _run(server: "uvicorn.Server", security: "SecuritySettings", open_browser: bool) -> None:
    """Listen, say where, and serve until interrupted."""
    from dicube.web.server import listening_socket  # noqa: PLC0415

    with listening_socket(security) as listening:
        shown = f"[{security.host}]" if ":" in security.host else security.host
        address = f"http://{shown}:{listening.getsockname()[1]}/"
        typer.echo(f"DiCube is at {address}  (Ctrl+C stops it)")
        if open_browser:
            # The socket listens already: the browser waits until somebody answers.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server.run(sockets=[listening])
