"""`dicube serve`: a folder of cube files as DICOMweb."""

import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.paths import check_exists
from dicube.cli.text import count_text, help_lines, printable
from dicube.exceptions import DataConsistencyError
from dicube.extras import extra_module
from dicube.library import CubeLibrary

TOKEN_VARIABLE: Final = "DICUBE_TOKEN"  # noqa: S105  # a name, no secret
EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube serve cubes  # http://127.0.0.1:8042/dicomweb, for this machine alone",
    "dicube serve cubes --origin https://viewer.example  # a viewer in the browser may read",
    "DICUBE_TOKEN=$(cat token) dicube serve cubes --host 0.0.0.0  # other machines, with a token",
)


def serve(
    library: Annotated[
        Path, typer.Argument(metavar="LIBRARY", help="A folder with cube files, at any depth.")
    ],
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 is everywhere.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="0 takes one that is free.")
    ] = 8042,
    token: Annotated[
        str | None,
        typer.Option(
            envvar=TOKEN_VARIABLE,
            metavar="TEXT",
            help="What clients have to send: Authorization: Bearer TEXT. Other users of this"
            " machine see options, so better set the variable.",
            show_default="none on this machine, else one is made",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="https://SITE", help="A site whose pages may read. Repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name that this server goes by. Repeatable."),
    ] = None,
) -> None:
    """Serve a library of cubes to viewers and archives: QIDO-RS and WADO-RS, read-only.

    HTJ2K frames go out as they are stored; other transfer syntaxes are made on demand. New files
    show up by themselves. Needs the extra: pip install 'dicube[web]'.
    """
    check_exists(library)
    for module in ("starlette", "uvicorn"):
        extra_module(module, extra="web", purpose="the server")
    from dicube.web.dicomweb import PREFIX, dicomweb_app  # noqa: PLC0415  # an extra
    from dicube.web.security import SecuritySettings, is_loopback  # noqa: PLC0415
    from dicube.web.server import listening_socket, web_server  # noqa: PLC0415

    made = secrets.token_urlsafe(32) if token is None and not is_loopback(host) else None
    try:
        settings = SecuritySettings(
            host, port, token or made, tuple(origin or ()), tuple(allow_host or ())
        )
    except DataConsistencyError as error:
        raise typer.BadParameter(str(error)) from error
    cubes = CubeLibrary(library)
    with listening_socket(settings) as listening:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listening.getsockname()[1]}{PREFIX}"
        _announce(cubes, address, made)
        web_server(dicomweb_app(cubes, settings), settings).run(sockets=[listening])


def _announce(cubes: CubeLibrary, address: str, made: str | None) -> None:
    typer.echo(f"{count_text(len(cubes.entries), 'cube')} at {address}")
    if made is not None:
        typer.echo(f"token       {made}")
    for finding in cubes.findings:
        typer.echo(f"left out    {printable(finding.relative_path)}: {finding.reason}", err=True)
