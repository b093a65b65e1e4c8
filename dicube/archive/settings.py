"""What a job is told, and what each worker has to know of it."""

from dataclasses import dataclass
from pathlib import Path

from dicube.archive.work import CubeFormat


@dataclass(frozen=True)
class StoreSettings:
    """How workers store series; the same for all of a job.

    Attributes
    ----------
    destination : str
        A folder or a URL.
    file_format : "dcbs", "dcba" or "dcbr"
    effort : "fast", "default", "max" or None
        Of JPEG XL.
    roi : str or None
        Of .dcbr: "body", or a file with a mask.
    background_error : int or None
        Of .dcbr: how far stored values outside of the region may be off.
    memory_bytes : int
        What one worker may use for pixels and for files that are not on a disk.
    threads : int
        Of one worker.
    scratch : Path or None
        For what is too large for the memory.
    keywords : tuple of str
        What the layout is made of.
    may_repeat : bool
        Whether a task whose worker died may be done again without anybody here knowing, as Dask
        does it.
    """

    destination: str
    file_format: CubeFormat
    memory_bytes: int
    threads: int = 1
    effort: str | None = None
    roi: str | None = None
    background_error: int | None = None
    scratch: Path | None = None
    keywords: tuple[str, ...] = ()
    may_repeat: bool = False
