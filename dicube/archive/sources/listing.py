"""What there is at a source: its folders and containers, one after the other."""

from collections.abc import Collection, Iterator
from pathlib import Path

from dicube.archive.sources.listed import ListedFile, ListedPlace
from dicube.archive.sources.local_tree import LocalTree
from dicube.archive.sources.remote_tree import RemoteTree
from dicube.archive.work import Place
from dicube.storage.remote import is_url

__all__ = [
    "ListedFile", "ListedPlace", "check_reachable", "list_place", "list_places", "tree_of",
]  # fmt: skip


def tree_of(root: str) -> LocalTree | RemoteTree:
    """What reads a source.

    Raises
    ------
    SourceError
        There is no such folder or file, or nobody knows such URLs.
    MissingDependencyError
        A package for such URLs is not installed.
    """
    if is_url(root) and not root.startswith("file://"):
        return RemoteTree(root)
    return LocalTree(root)


def check_reachable(root: str) -> None:
    """See that the server of a source answers, if there is one.

    Raises
    ------
    UnreachableError
    """
    tree = tree_of(root)
    if isinstance(tree, RemoteTree):
        tree.check_reachable()


def list_places(root: str, *, leave_out: Collection[Path] = ()) -> Iterator[ListedPlace]:
    """All places of a source that hold something.

    Parameters
    ----------
    root : str
        A folder or a container of this machine, or a URL: of a bucket or a part of one, of a page
        that lists files, of one container.
    leave_out : collection of Path
        Folders that are not entered.

    Yields
    ------
    ListedPlace
        Each before those below it, in the order of names. A folder that cannot be listed is a place
        without files and with a failure.

    Raises
    ------
    SourceError
        The root itself cannot be listed.
    MissingDependencyError
        A package for such URLs is not installed.
    """
    yield from tree_of(root).places(leave_out)


def list_place(place: Place) -> ListedPlace:
    """One place as it is now.

    Raises
    ------
    SourceError
        The root, or the container, cannot be read.
    """
    tree = tree_of(place.root)
    if place.container is not None:
        return tree.container(place.path, place.container)
    return tree.folder(place.path)
