"""Paths at which the files of sources can be read, whether or not they are on this machine."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from dicube.archive.sources.errors import ContainerError, NoRoomError, SourceError
from dicube.archive.sources.listed import ListedFile, ListedPlace, below
from dicube.archive.sources.listing import list_place, tree_of
from dicube.archive.sources.local_tree import LocalTree
from dicube.archive.sources.reading import Tree, opened_members
from dicube.archive.sources.remote_tree import REQUESTS, RemoteTree
from dicube.archive.sources.room import Room, Stage, room_bytes
from dicube.archive.work import ContainerKind, Failure, FileRef, Place
from dicube.closing import Closing

_BATCH_SHARE: Final = 2  # a batch takes one of so many parts of the budget, or is one file
_CHANGED: Final = "its length is not the one that it had when it was listed"
_GONE: Final = "it is not in its container any more"

Batch = list[tuple[ListedFile, Path]]


class Brought(NamedTuple):
    """Files that can be read.

    Attributes
    ----------
    folder : Path
        What their names are relative to.
    paths : list of Path or None
        In the order in which files were asked for; None for those that failed.
    failures : list of (FileRef, str)
        Files that cannot be read, and why.
    """

    folder: Path
    paths: list[Path | None]
    failures: list[tuple[FileRef, str]]


class Staging(Closing):
    """Gives files of sources paths, with copies in memory of those that have none here.

    Parameters
    ----------
    budget_bytes : int
        Of memory for copies.
    scratch : Path, optional
        A folder for copies that exceed it. Without it they raise.

    Attributes
    ----------
    failures : list of Failure
        Files of the place that `batches` went through last that cannot be read, and why.

    Raises
    ------
    SourceError
        The folders for copies cannot be made.
    """

    def __init__(self, budget_bytes: int, *, scratch: Path | None = None) -> None:
        self.failures: list[Failure] = []
        self._room = Room(budget_bytes, scratch)
        self._brought: Stage | None = None
        self._found: dict[FileRef, Path | str] = {}  # of what was brought, or why it was not
        self._true_names: dict[str, str] = {}
        self._trees: dict[str, Tree] = {}

    def batches(self, place: Place, listed: ListedPlace | None = None) -> Iterator[Batch]:
        """The files of a place, some at a time.

        Parameters
        ----------
        place : Place
        listed : ListedPlace, optional
            What `list_place` says of it, if that is known.

        Yields
        ------
        list of (ListedFile, Path)
            Copies vanish when the next ones are asked for. What can be read where it is comes in
            one list.

        Raises
        ------
        ContainerError
            A container cannot be read to its end; what was given before does not count.
        NoRoomError
            Memory has no room for a file.
        SourceError
            The place cannot be read.
        """
        self.failures = []
        tree = self._tree(place.root)
        if place.container is not None:
            yield from self._member_batches(tree, place.path, place.container)
            return
        listed = list_place(place) if listed is None else listed
        self.failures.extend(listed.failures)
        if isinstance(tree, RemoteTree):
            yield from self._fetched_batches(tree, place.path, listed.files)
        elif listed.files:
            folder = tree.base / place.path
            yield [(file, folder / file.name) for file in listed.files]

    def bring(self, files: Sequence[FileRef]) -> Brought:
        """Make files readable; others that were brought before are released.

        Files of one root of this machine stay where they are. Others are copied, or linked to,
        below a new folder: at their `tree_path`, or where they come from several roots at
        `<label>/<tree_path>`. Containers are read once, each in one pass. A file whose length is
        not that of its reference is a failure; so are all members of a container that cannot be
        read.

        Raises
        ------
        NoRoomError
            Memory has no room for the copies.
        SourceError
            A root cannot be reached.
        """
        if self._brought is not None and all(ref in self._found for ref in files):
            return _brought(self._brought.folder, files, self._found)
        self.release()
        trees = {ref.root: self._tree(ref.root) for ref in files}
        roots = list(trees.values())
        if len(roots) == 1 and isinstance(roots[0], LocalTree) and all(map(_is_plain, files)):
            return _brought(roots[0].base, files, dict(_looked_at(roots[0], files)))
        self._room.check(
            ref.length_bytes
            for ref in files
            if not (_is_plain(ref) and isinstance(trees[ref.root], LocalTree))
        )
        self._brought = stage = self._room.stage()
        names = {}
        for ref in files:
            label = f"{ref.label}/" if len(roots) > 1 else ""
            names[ref] = label + ref.tree_path
            self._true_names[f"{stage.folder}/{label}"] = f"{trees[ref.root].shown}/"
        for group in _by_origin(files):
            self._found.update(self._placed(trees[group[0].root], stage, group, names))
        return _brought(stage.folder, files, self._found)

    def true_names(self, text: str) -> str:
        """A message in which copies have the names of what they are copies of."""
        for folder, name in self._true_names.items():
            text = text.replace(folder, name)
        return text

    def release(self) -> None:
        """Remove the copies of what was brought."""
        if self._brought is not None:
            self._clear(self._brought)
            self._brought = None
            self._found = {}

    def close(self) -> None:
        """Remove all copies."""
        self._true_names.clear()
        self._room.close()

    def _tree(self, root: str) -> Tree:
        if root not in self._trees:
            self._trees[root] = tree_of(root)
        return self._trees[root]

    def _stage_for(self, shown: str) -> Stage:
        """A stage whose files are those of a place."""
        stage = self._room.stage()
        self._true_names[f"{stage.folder}/"] = f"{shown}/"
        return stage

    def _clear(self, stage: Stage) -> None:
        stage.clear()
        for folder in [each for each in self._true_names if each.startswith(f"{stage.folder}/")]:
            del self._true_names[folder]

    def _member_batches(self, tree: Tree, path: str, kind: ContainerKind) -> Iterator[Batch]:
        where = f"{tree.shown}/{path}"
        most_bytes = self._room.budget_bytes // _BATCH_SHARE
        stage = self._stage_for(where)
        batch: Batch = []
        taken_bytes = 0
        try:
            with opened_members(tree, path, kind, self._room) as members:
                for file, pieces in members:
                    wanted_bytes = room_bytes(file.length_bytes)
                    if batch and taken_bytes + wanted_bytes > most_bytes:
                        yield batch
                        self._clear(stage)
                        stage = self._stage_for(where)
                        batch, taken_bytes = [], 0
                    batch.append((file, stage.put(file.name, file.length_bytes, pieces)))
                    taken_bytes += wanted_bytes
                if batch:
                    yield batch
        finally:
            self._clear(stage)

    def _fetched_batches(
        self, tree: RemoteTree, folder: str, files: Sequence[ListedFile]
    ) -> Iterator[Batch]:
        for some in _in_shares(files, self._room.budget_bytes // _BATCH_SHARE):
            stage = self._stage_for(f"{tree.shown}/{folder}" if folder else tree.shown)
            try:
                wanted = [(below(folder, f.name), f.length_bytes, f.name) for f in some]
                batch = []
                for file, result in zip(some, _fetched(tree, stage, wanted), strict=True):
                    if isinstance(result, Path):
                        batch.append((file, result))
                    else:
                        self.failures.append(Failure(file.name, result))
                if batch:
                    yield batch
            finally:
                self._clear(stage)

    def _placed(
        self, tree: Tree, stage: Stage, group: Sequence[FileRef], names: Mapping[FileRef, str]
    ) -> Iterable[tuple[FileRef, Path | str]]:
        """Files of one origin with their paths, or why they have none."""
        if not _is_plain(group[0]):
            return self._placed_members(tree, stage, group, names)
        if isinstance(tree, RemoteTree):
            wanted = [(ref.tree_path, ref.length_bytes, names[ref]) for ref in group]
            return zip(group, _fetched(tree, stage, wanted), strict=True)
        return _linked(stage, names, _looked_at(tree, group))

    def _placed_members(
        self, tree: Tree, stage: Stage, group: Sequence[FileRef], names: Mapping[FileRef, str]
    ) -> Iterable[tuple[FileRef, Path | str]]:
        path, kind = group[0].folder, group[0].container
        assert kind is not None
        refs = {ref.name: ref for ref in group}
        found: dict[FileRef, Path | str] = dict.fromkeys(group, _GONE)
        try:
            with opened_members(tree, path, kind, self._room, wanted=set(refs)) as members:
                for file, pieces in members:
                    ref = refs[file.name]
                    if file.length_bytes == ref.length_bytes:
                        found[ref] = stage.put(names[ref], ref.length_bytes, pieces)
                    else:
                        found[ref] = _CHANGED
        except NoRoomError:
            raise
        except (ContainerError, SourceError) as error:
            return [(ref, f"its container: {error.what}") for ref in group]
        return found.items()


def _is_plain(ref: FileRef) -> bool:
    """Whether it is a file of its own; a container itself is one."""
    return ref.container is None or not ref.name


def _by_origin(files: Sequence[FileRef]) -> Iterable[list[FileRef]]:
    """Members of one container together, and plain files of one root."""
    groups: dict[tuple[str, str | None], list[FileRef]] = {}
    for ref in dict.fromkeys(files):
        groups.setdefault((ref.root, None if _is_plain(ref) else ref.folder), []).append(ref)
    return groups.values()


def _looked_at(tree: LocalTree, files: Sequence[FileRef]) -> Iterator[tuple[FileRef, Path | str]]:
    """Files of this machine with their paths, or what is wrong with them."""
    for ref in files:
        path = tree.base / ref.tree_path
        try:
            about = os.lstat(path)
        except OSError as error:
            yield ref, f"cannot be read: {error.strerror}"
            continue
        is_same = stat.S_ISREG(about.st_mode) and about.st_size == ref.length_bytes
        yield ref, path if is_same else _CHANGED


def _linked(
    stage: Stage, names: Mapping[FileRef, str], files: Iterable[tuple[FileRef, Path | str]]
) -> Iterator[tuple[FileRef, Path | str]]:
    for ref, found in files:
        try:
            yield ref, stage.link(names[ref], found) if isinstance(found, Path) else found
        except SourceError as error:
            yield ref, error.what


def _fetched(
    tree: RemoteTree, stage: Stage, wanted: Sequence[tuple[str, int, str]]
) -> list[Path | str]:
    """Remote files (path, length in bytes, name in the stage): their copies, or why there is none.

    Several are fetched at a time.
    """

    def fetch(file: tuple[str, int, str]) -> Path | str:
        path, length_bytes, name = file
        try:
            return stage.put(name, length_bytes, tree.pieces(path, length_bytes))
        except NoRoomError:
            raise
        except SourceError as error:
            return error.what

    with ThreadPoolExecutor(REQUESTS) as threads:
        return list(threads.map(fetch, wanted))


def _in_shares(files: Sequence[ListedFile], most_bytes: int) -> Iterator[list[ListedFile]]:
    """Files in runs that take no more than so much, or are one file."""
    some: list[ListedFile] = []
    taken_bytes = 0
    for file in files:
        wanted_bytes = room_bytes(file.length_bytes)
        if some and taken_bytes + wanted_bytes > most_bytes:
            yield some
            some, taken_bytes = [], 0
        some.append(file)
        taken_bytes += wanted_bytes
    if some:
        yield some


def _brought(
    folder: Path, files: Sequence[FileRef], found: Mapping[FileRef, Path | str]
) -> Brought:
    results = [found[ref] for ref in files]
    return Brought(
        folder,
        [result if isinstance(result, Path) else None for result in results],
        [
            (ref, found_)
            for ref, found_ in zip(files, results, strict=True)
            if isinstance(found_, str)
        ],
    )
