"""What of a job may lie in what, and what of its names may be recorded."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from dicube.archive.settings import StoreSettings
from dicube.exceptions import DataConsistencyError
from dicube.storage.remote import is_url


def own_folders(sources: Sequence[str], store: StoreSettings, ledger: Path) -> list[Path]:
    """Folders of a job, which are not archived where they lie in a source.

    Raises
    ------
    DataConsistencyError
        That would be a whole source; or the ledger lies among the files of one.
    """
    own = [] if is_url(store.destination) else [_real(store.destination)]
    own += [] if store.scratch is None else [_real(store.scratch)]
    for source in map(_real, (each for each in sources if Path(each).is_dir())):
        if source in own:
            raise DataConsistencyError(
                "a source is the destination or the scratch folder as well",
                where=str(source),
                hint="name a folder in it, or another one",
            )
        inner = [folder for folder in own if folder.is_relative_to(source)]
        place = _real(ledger.parent)
        if place.is_relative_to(source) and not any(map(place.is_relative_to, inner)):
            raise DataConsistencyError(
                "the ledger lies in a source, and would be archived while it is written",
                where=str(ledger),
                hint="name a --ledger elsewhere",
            )
    return own


def check_urls(urls: Sequence[str]) -> None:
    """Refuse URLs with passwords or tokens: ledger and report would show them.

    Raises
    ------
    DataConsistencyError
        There is one.
    """
    for url in filter(is_url, urls):
        scheme, _, rest = url.partition("://")
        user, _, host = rest.partition("/")[0].rpartition("@")
        if ":" in user or (user and scheme.startswith("http")):
            raise DataConsistencyError(
                "a URL with a password would be recorded in the ledger",
                where=f"{scheme}://{host}{urlsplit(url).path}",
                hint="leave it out, and put it where fsspec finds it: its configuration",
            )


def _real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))
