"""Tag templates by name: those of the package to read, the user's own to change.

The user's are files of one folder. Names are checked, so that no name leads out of it, and what is
saved is a template: nothing else gets a file.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from dicube.exceptions import DataConsistencyError, MetaDataError
from dicube.extras import extra_module
from dicube.storage.atomic import replacing

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_CHARACTERS: Final = 500_000


class StoredTemplate(NamedTuple):
    """A template as text.

    Attributes
    ----------
    name : str
    text : str
        JSON.
    is_own : bool
        Whether the user may change it.
    """

    name: str
    text: str
    is_own: bool


class TemplateStore:
    """The templates.

    Parameters
    ----------
    folder : Path
        Made when the first one is saved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> dict[str, bool]:
        """All names, and whether each is the user's own."""
        own = sorted(path.stem for path in self._folder.glob("*.json"))
        return dict.fromkeys(_tables().templates(), False) | dict.fromkeys(own, True)

    def read(self, name: str) -> StoredTemplate:
        """One template.

        Raises
        ------
        MetaDataError
            There is none of this name.
        """
        if name in _tables().templates():
            return StoredTemplate(name, _tables().template_text(name), False)
        path = self._path(name)
        if not path.is_file():
            raise MetaDataError("there is no template of this name", hint="reload the list")
        return StoredTemplate(name, path.read_text(encoding="utf-8"), True)

    def save(self, name: str, text: str, *, is_new: bool) -> None:
        """Save one of the user's own.

        Raises
        ------
        MetaDataError
            It is no template; the message says where.
        DataConsistencyError
            The name is not acceptable, or taken.
        """
        path = self._path(name)
        if is_new and path.exists():
            raise DataConsistencyError("there is a template of this name", hint="choose another")
        self._check(text)
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())

    def remove(self, name: str) -> None:
        """Remove one of the user's own.

        Raises
        ------
        MetaDataError, DataConsistencyError
            There is none, or it is one of the package.
        """
        path = self._path(name)
        if not path.is_file():
            raise MetaDataError("there is no template of this name", hint="reload the list")
        path.unlink()

    def chosen(self, names: Mapping[str, str]) -> dict[str, Any]:
        """By modality or name of a template of ours, the documents of the templates named."""
        return {key: json.loads(self.read(name).text) for key, name in names.items()}

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise DataConsistencyError(
                "a template cannot be called that", hint="small letters, digits, - and _, up to 40"
            )
        if name in _tables().templates():
            raise DataConsistencyError("that is a template of DiCube", hint="copy it")
        return self._folder / f"{name}.json"

    def _check(self, text: str) -> None:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nesting"
            raise MetaDataError(f"the template is no JSON: {place}") from error
        _tables().Template.of(document)


def _tables() -> Any:
    extra_module("jsonschema", extra="tables", purpose="checking templates")
    return extra_module("dicube.interchange.tables", extra="tables", purpose="templates")
