"""Options that name a server, the same for all commands of `dicube pacs`."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dicube.exceptions import PacsError
from dicube.pacs import PacsServer, load_servers
from dicube.pacs.server import RetrieveBy


@dataclass(frozen=True)
class ServerOptions:
    """What was asked for; None is what the configuration says."""

    name: str | None
    config: Path | None
    given: dict[str, Any]

    def server(self) -> PacsServer:
        """The server: a configured one, with what the options say instead.

        Raises
        ------
        PacsError
            It is not configured.
        """
        # Other servers of the configuration do not matter where one is given by its address.
        is_given = "host" in self.given or "dicomweb_url" in self.given
        if is_given and self.name is None and self.config is None:
            return PacsServer("command line", **self.given)
        servers = load_servers(self.config)
        if self.name is not None and self.name not in servers:
            raise PacsError(
                f"no server {self.name!r} is configured",
                hint=f"there are: {', '.join(servers)}" if servers else "see docs/pacs.md",
            )
        if not servers:
            raise PacsError(
                "no server is configured",
                hint="give --host, --port and --aet, or write a pacs.toml or .env",
            )
        chosen = servers[self.name] if self.name is not None else next(iter(servers.values()))
        return replace(chosen, **self.given)


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a server, which it takes as `options`."""

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        given = {field: value for field in _FIELDS if (value := arguments.pop(field)) is not None}
        options = ServerOptions(arguments.pop("server"), arguments.pop("config"), given)
        command(options=options, **arguments)

    own = [p for p in inspect.signature(command).parameters.values() if p.name != "options"]
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    with_options.__signature__ = inspect.Signature([*keyword_only, *ours])  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in (*keyword_only, *ours)}
    return with_options


_FIELDS: Final[dict[str, Any]] = {
    "host": Annotated[str | None, typer.Option(help="Name or address.")],
    "port": Annotated[int | None, typer.Option(min=1, max=65535, help="Its DICOM port.")],
    "called_aet": Annotated[str | None, typer.Option("--aet", help="Its AE title.")],
    "calling_aet": Annotated[str | None, typer.Option("--calling-aet", help="Ours.")],
    "calling_port": Annotated[
        int | None,
        typer.Option(
            "--calling-port",
            min=1,
            max=65535,
            help="Where we receive what a C-MOVE sends.",
        ),
    ],
    "dicomweb_url": Annotated[
        str | None,
        typer.Option("--web", metavar="URL", help="Root of DICOMweb."),
    ],
    "retrieve": Annotated[RetrieveBy | None, typer.Option(help="How to fetch.")],
    "timeout_s": Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds to wait."),
    ],
}
_OPTIONS: Final[dict[str, Any]] = {
    "server": Annotated[
        str | None,
        typer.Option(
            "--server",
            "-s",
            metavar="NAME",
            help="A configured server; by default the first.",
        ),
    ],
    "config": Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="A file of [servers.NAME]."),
    ],
    **_FIELDS,
}
