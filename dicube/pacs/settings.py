"""Servers from a TOML file, a .env file and the environment."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from dicube.exceptions import PacsError
from dicube.pacs.server import PacsServer

PathLike = str | os.PathLike[str]

CONFIG_VARIABLE: Final = "DICUBE_PACS_CONFIG"
ENV_SERVER: Final = "env"  # the name of the server that the environment describes
_SECRETS: Final = ("user", "password", "authorization")
_PATHS: Final = ("tls_ca_file", "tls_cert_file", "tls_key_file")
_OF_ANNOTATION: Final[dict[str, type | tuple[type, ...]]] = {
    str(annotation): kind
    for annotation, kind in (
        (int, int), (int | None, int), (float, (int, float)), (bool, bool),
    )
}  # fmt: skip
# Variables of a .env file; the first five are those of older clients.
_VARIABLES: Final = {
    "PACS_IP": ("host", str),
    "PACS_PORT": ("port", int),
    "CALLING_AET": ("calling_aet", str),
    "CALLED_AET": ("called_aet", str),
    "CALLING_PORT": ("calling_port", int),
    "PACS_DICOMWEB_URL": ("dicomweb_url", str),
    "PACS_RETRIEVE": ("retrieve", str),
    "PACS_TIMEOUT": ("timeout_s", float),
    "PACS_USER": ("user", str),
    "PACS_PASSWORD": ("password", str),
    "PACS_AUTHORIZATION": ("authorization", str),
}
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    field.name: _OF_ANNOTATION.get(str(field.type), str) for field in fields(PacsServer)
}


def load_servers(
    path: PathLike | None = None, *, env_file: PathLike | None = None
) -> dict[str, PacsServer]:
    """Read the servers that are configured.

    Parameters
    ----------
    path : path, optional
        A TOML file with a table ``[servers.NAME]`` for each server, whose keys are the fields of
        `PacsServer`. Secrets are in the environment: ``password_env = "ARCHIVE_PASSWORD"`` names
        the variable, and so do ``user_env`` and ``authorization_env``. By default the file that
        the variable DICUBE_PACS_CONFIG names, else ``pacs.toml`` in this folder, else
        ``~/.config/dicube/pacs.toml``, as far as there is one.
    env_file : path, optional
        A file of variables: PACS_IP, PACS_PORT, CALLING_AET, CALLED_AET, CALLING_PORT,
        PACS_DICOMWEB_URL, PACS_RETRIEVE, PACS_TIMEOUT, PACS_USER, PACS_PASSWORD and
        PACS_AUTHORIZATION; those of the environment come first. By default ``.env`` in this folder,
        if there is one.

    Returns
    -------
    dict of str to PacsServer
        By name; the server of the variables is called "env" and comes first.

    Raises
    ------
    PacsError
        A file is missing or malformed, or describes no server.
    """
    variables = {**_env_file(env_file), **os.environ}
    servers: dict[str, PacsServer] = {}
    if variables.get("PACS_IP") or variables.get("PACS_DICOMWEB_URL"):
        servers[ENV_SERVER] = _of_variables(variables)
    source = _config_file(path, variables)
    if source is not None:
        servers.update(_of_toml(source, variables))
    return servers


def _config_file(path: PathLike | None, variables: Mapping[str, str]) -> Path | None:
    given = path or variables.get(CONFIG_VARIABLE)
    if given:
        return Path(given)
    usual = (Path("pacs.toml"), Path("~/.config/dicube/pacs.toml").expanduser())
    return next((each for each in usual if each.is_file()), None)


def _of_toml(path: Path, variables: Mapping[str, str]) -> dict[str, PacsServer]:
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise PacsError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PacsError(f"is no TOML: {error}", where=str(path)) from error
    tables = content.get("servers")
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise PacsError("has no tables [servers.NAME]", where=str(path))
    return {name: _of_table(name, table, path, variables) for name, table in tables.items()}


def _of_table(
    name: str, table: Mapping[str, Any], path: Path, variables: Mapping[str, str]
) -> PacsServer:
    where = f"{path}, [servers.{name}]"
    values: dict[str, Any] = {}
    for key, value in table.items():
        secret = key.removesuffix("_env")
        if key in _SECRETS:
            raise PacsError(
                f"{key} stands in the file",
                where=where,
                hint=f'put it into the environment and name the variable: {key}_env = "..."',
            )
        if key != secret and secret in _SECRETS:
            values[secret] = _secret(str(value), where, variables)
        elif key in _PATHS:
            values[key] = path.parent / str(value)
        elif key in _KINDS and key != "name":
            kind = _KINDS[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise PacsError(f"{key} has a value of the wrong type", where=where)
            values[key] = value
        else:
            known = ", ".join(sorted({*_KINDS} - {"name", *_SECRETS}))
            raise PacsError(f"{key} is not a setting; there are {known}", where=where)
    return PacsServer(name, **values)


def _secret(variable: str, where: str, variables: Mapping[str, str]) -> str:
    value = variables.get(variable)
    if value is None:
        raise PacsError(
            f"the variable {variable} is not set", where=where, hint="set it in the environment"
        )
    return value


def _of_variables(variables: Mapping[str, str]) -> PacsServer:
    values: dict[str, Any] = {}
    for variable, (name, kind) in _VARIABLES.items():
        text = variables.get(variable)
        if not text:
            continue
        try:
            values[name] = kind(text)
        except ValueError as error:
            raise PacsError(
                f"{variable} is no number", where="environment or .env", hint="correct it"
            ) from error
    return PacsServer(ENV_SERVER, **values)


def _env_file(path: PathLike | None) -> dict[str, str]:
    source = Path(".env" if path is None else path)
    if path is None and not source.is_file():
        return {}
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PacsError("cannot be read as text", where=str(source)) from error
    found = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.split(" #", 1)[0].rstrip()
