"""JSON files of users: read, and checked against a schema, with errors that name the place."""

import json
import os
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dicube.exceptions import MetaDataError
from dicube.extras import extra_module


def read_json(path: str | os.PathLike[str]) -> Any:
    """The document in a file of a user.

    Raises
    ------
    MetaDataError
        There is no such file, or it is no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise MetaDataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:  # JSON, or UTF-8
        raise MetaDataError(f"is no JSON: {error}", where=str(path)) from error


@cache
def packaged_text(name: str) -> str:
    """A data file of this package, such as "templates/mr.json"."""
    return files("dicube.interchange.tables").joinpath(name).read_text(encoding="utf-8")


def check_schema(document: Any, schema_name: str, *, where: str, hint: str) -> None:
    """Refuse a document that is not as a schema of this package says.

    Raises
    ------
    MetaDataError
        The message names the first member that is wrong, and what it should be.
    MissingDependencyError
        jsonschema is not installed.
    """
    jsonschema = extra_module("jsonschema", extra="tables", purpose="checking a JSON file")
    schema = json.loads(packaged_text(schema_name))
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(document)
    )
    if error is not None:
        raise MetaDataError(
            f"{json_path(error.absolute_path)}: {error.message}", where=where, hint=hint
        )


def json_path(parts: Sequence[str | int]) -> str:
    """A place in a document as it is written in JavaScript: "tags[3].name"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "the document"
