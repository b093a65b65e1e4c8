"""Servers from a TOML file, a .env file or the environment."""

import os

from dicube.pacs.server import PacsServer


def load_servers(
    path: str | os.PathLike[str] | None = None, *, env_file: str | os.PathLike[str] | None = None
) -> dict[str, PacsServer]:
    """Read the servers that are configured."""
    raise NotImplementedError
