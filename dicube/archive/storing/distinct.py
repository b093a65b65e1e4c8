"""Which files of a series are copies of another, and which belong together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dicube.archive.destination import digest_of
from dicube.dicom.dicom_tags import CommonTags
from dicube.dicom.find_series import hold_copies
from dicube.dicom.folder_scan import uid_of
from dicube.dicom.instance import Instance

Known = Mapping[str, Sequence[tuple[str, int]]]  # digest and file of stored instances by UID


class Duplicate(NamedTuple):
    """A file that is byte for byte another one.

    Attributes
    ----------
    path : Path
    same : Path or int
        The other one: of this series, or a file of the ledger that is stored already.
    digest : str
    """

    path: Path
    same: Path | int
    digest: str


def without_duplicates(
    images: Sequence[Instance], known: Known
) -> tuple[list[Instance], list[Duplicate]]:
    """Images of which each content is there once, and what was left out.

    Only files with one SOP Instance UID can be equal, so only those are read.
    """
    alike: dict[str, list[Instance]] = {}
    for image in images:
        alike.setdefault(uid_of(image, CommonTags.SOPInstanceUID), []).append(image)
    duplicates: dict[Path, Duplicate] = {}
    for uid, same in alike.items():
        seen: dict[str, Path | int] = dict(known.get(uid, ()))
        if len(same) + len(seen) == 1 or not uid:
            continue
        for image in same:
            digest = digest_of(image.path)[1]
            if digest in seen:
                duplicates[image.path] = Duplicate(image.path, seen[digest], digest)
            else:
                seen[digest] = image.path
    return [i for i in images if i.path not in duplicates], list(duplicates.values())


def copies_apart(images: Sequence[Instance]) -> list[list[Instance]]:
    """The images together, or folder by folder where those hold copies of each other."""
    if images and not hold_copies(images):
        return [list(images)]
    folders: dict[Path, list[Instance]] = {}
    for image in images:
        folders.setdefault(image.path.parent, []).append(image)
    return list(folders.values())
