"""The tools that are measured, one module each, behind one interface.

A module here holds a class `Peer`. It has the operations that its tool has: one that is missing
there is a dash in the table. Operations do what a user of the tool would write, and nothing else:
`worker` times them. Arrays come back as (frames, rows, columns), with the first axis over the
slices in the order of the tool, and with values as `Peer.values` says.

Each module is imported in the environment of its own tool, so nothing else imports any of them.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Values: TypeAlias = Literal["stored", "output"]

# In the order of the columns of the table.
OPERATIONS: Final = (
    "folder_to_image", "convert", "save", "load", "load_meta", "one_slice", "export"
)  # fmt: skip


class Peer(Protocol):
    """What every tool has; the operations come on top.

    ::

        folder_to_image(folder: Path) -> Array      pixels and metadata of a DICOM folder
        convert(folder: Path, path: Path) -> None   from a DICOM folder into a file, in one go
        save(path: Path) -> None                    the image read last, into a file or store
        load(path: Path) -> Array                   all pixels of it
        load_meta(path: Path) -> object             all DICOM metadata, no pixels
        one_slice(path: Path, number: int) -> Array (1, rows, columns), without reading all of them
        export(path: Path, folder: Path) -> None    from the file to a folder of DICOM files

    A tool that reads no DICOM has `adopt(image)` instead of `folder_to_image`, which is not timed,
    and one with `load_meta` has `sop_instance_uids(meta)`, which is the proof that it did its work.
    """

    values: Values

    def __init__(self, threads: int) -> None: ...

    def versions(self) -> dict[str, str]:
        """Version of the tool and of what does the work beneath it, by distribution name."""


def find_operation(peer: Peer, name: str) -> Callable[..., Any] | None:
    """The method of this name, if the tool has that operation."""
    return getattr(peer, name, None)


def as_frames(values: Array) -> Array:
    """Leading axes as one: (frames, rows, columns). A view wherever numpy can."""
    return np.asarray(values).reshape(-1, *np.shape(values)[-2:])
