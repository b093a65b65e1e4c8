"""What the web page is started with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dicube.pacs import PacsServer
from dicube.web.security import SecuritySettings
from dicube.web.uploads import UploadLimits

STATE_FOLDER: Final = ".dicube"  # hidden, so that it is no part of the library


@dataclass(frozen=True)
class WebSettings:
    """Of one server.

    Attributes
    ----------
    library : Path
        The folder whose cubes are shown, and that new ones go to.
    security : SecuritySettings
    state : Path
        For jobs, uploads and series that are not yet complete; by default a hidden folder in the
        library, so that what is finished is moved within one file system.
    servers : mapping of name to PacsServer
    templates : Path
        The user's own tag templates.
    limits : UploadLimits
    job_threads : int
        Series pulled or converted at a time.
    is_demo : bool
        Whether to say on each page that the patients are made up.
    """

    library: Path
    security: SecuritySettings
    state: Path
    templates: Path
    servers: Mapping[str, PacsServer] = field(default_factory=dict)
    limits: UploadLimits = field(default_factory=UploadLimits)
    job_threads: int = 2
    is_demo: bool = False


def settings_for(
    library: Path,
    security: SecuritySettings,
    *,
    servers: Mapping[str, PacsServer] | None = None,
    limits: UploadLimits | None = None,
    is_demo: bool = False,
) -> WebSettings:
    """Settings with everything that is kept in the hidden folder of the library."""
    state = library / STATE_FOLDER
    return WebSettings(
        library=library,
        security=security,
        state=state,
        templates=state / "templates",
        servers=dict(servers or {}),
        limits=limits or UploadLimits(),
        is_demo=is_demo,
    )
