"""Folders behind URLs, through fsspec (extra "remote"): buckets, and pages that list files."""

import html
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote, unquote, urlsplit

from dicube.archive.sources.containers import kind_of_suffix
from dicube.archive.sources.errors import NoRangesError, SourceError
from dicube.archive.sources.listed import (
    ListedFile,
    ListedPlace,
    below,
    fingerprint,
    is_utf8,
    shown_name,
)
from dicube.archive.work import ContainerKind, Failure
from dicube.exceptions import DicomCubeError, InvalidCubeFileError, MissingDependencyError
from dicube.extras import extra_module
from dicube.storage.remote import file_system, unreachable

#: Requests that are under way at a time.
REQUESTS: Final = 16
_BLOCK_BYTES: Final = 4 << 20  # fetched at a time; files no longer than it take one request
_MOST_NAME_BYTES: Final = 255
_SILENCE_S: Final = 60.0  # of a server that is taken for dead
_NO_LENGTH: Final = "the server does not say how long the file is"
# Where file systems say when a file was changed, and which version it is.
_TIMES: Final = ("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "created")
_MARKS: Final = ("ETag", "etag", "Content-MD5", "Digest")

_Info = Mapping[str, Any]


class RemoteTree:
    """A folder behind a URL, or one container.

    Attributes
    ----------
    shown : str
        What paths of places are relative to, for messages: a URL without credentials.

    Raises
    ------
    SourceError
        Nobody knows such URLs, or there is nothing.
    MissingDependencyError
        A package for such URLs is not installed.
    """

    def __init__(self, root: str) -> None:
        self.shown = _without_credentials(root)
        self._is_http = root.startswith(("http://", "https://"))
        try:
            self._files, path = file_system(root, **(_patience() if self._is_http else {}))
        except InvalidCubeFileError as error:
            raise SourceError("no such kind of URL", where=self.shown) from error
        self._base = path.rstrip("/")
        self._single: str | None = None
        last = self._base.rpartition("/")[2]
        if kind_of_suffix(last) and not root.endswith("/") and self._is_file(self._base):
            self._single = unquote(last) if self._is_http else last
            self._base = self._base.rpartition("/")[0]
            self.shown = self.shown.rpartition("/")[0]

    def check_reachable(self) -> None:
        """See that the server answers.

        Raises
        ------
        UnreachableError
        """
        with suppress(SourceError):
            self._ask("info", self._base)

    def places(self, leave_out: Collection[Path]) -> Iterator[ListedPlace]:
        """See `LocalTree.places`; `leave_out` says nothing about other machines.

        What a container is, is told by its name alone: asking for the first bytes of each would
        take a request. Whoever reads it will see.
        """
        if self._single is not None:
            kind = kind_of_suffix(self._single)
            assert kind is not None
            yield self.container(self._single, kind)
            return
        waiting: list[str | ListedPlace] = [""]
        while waiting:
            path = waiting.pop()
            if isinstance(path, ListedPlace):
                yield path
                continue
            place, inner = self._folder(path)
            waiting.extend(reversed(inner))
            if place.files or place.failures:
                yield place

    def folder(self, path: str) -> ListedPlace:
        """See `LocalTree.folder`."""
        return self._folder(path)[0]

    def container(self, path: str, kind: ContainerKind) -> ListedPlace:
        """See `LocalTree.container`."""
        info = self._ask("info", self._full(path))
        return _container(path, kind, info)

    def open(self, path: str) -> tuple[BinaryIO, int]:
        """See `LocalTree.open`; only what is read is fetched.

        Raises
        ------
        NoRangesError
            The server gives the whole file only.
        """
        full = self._full(path)
        length = self.length(path)
        file = self._ask("open", full, block_size=_BLOCK_BYTES, cache_type="readahead")
        if self._is_http:
            self._check_ranges(path, file, length)
        return cast(BinaryIO, file), length

    def open_stream(self, path: str) -> tuple[BinaryIO, int, bool]:
        """The same for what is read from its start to its end; and whether it can be sought in."""
        if not self._is_http:
            return *self.open(path), True
        length = self.length(path)
        return self._open_http(path, length), length, False

    def length(self, path: str) -> int:
        """Bytes of a file.

        Raises
        ------
        SourceError
            It is not there, or the server does not say it.
        """
        length = self._ask("info", self._full(path)).get("size")
        if length is None:
            raise SourceError(_NO_LENGTH, where=f"{self.shown}/{path}")
        return int(length)

    def pieces(self, path: str, length_bytes: int) -> Iterator[bytes]:
        """The content of a file that is listed with this length, and a bit more if it grew.

        Raises
        ------
        SourceError
            It cannot be fetched.
        """
        try:
            if not self._is_http and 0 < length_bytes <= _BLOCK_BYTES:
                # One byte more than there should be shows that the file has grown.
                yield self._files.cat_file(self._full(path), start=0, end=length_bytes + 1)
                return
            with (
                self._open_http(path, length_bytes) if self._is_http else self.open(path)[0] as file
            ):
                while piece := file.read(_BLOCK_BYTES):
                    yield piece
        except DicomCubeError:
            raise
        except Exception as error:  # each file system has errors of its own
            raise self._failure(path, error) from error

    def _is_file(self, full: str) -> bool:
        # Not `isfile`, for which a server that does not answer has no such file.
        try:
            return bool(self._ask("info", full)["type"] == "file")
        except SourceError:
            return False

    def _folder(self, path: str) -> tuple[ListedPlace, list[str | ListedPlace]]:
        """A folder, and the containers and folders in it in the order of their names."""
        files: list[ListedFile] = []
        failures: list[Failure] = []
        inner: list[tuple[str, str | ListedPlace]] = []
        marks = []
        try:
            entries = self._entries(path)
        except SourceError as error:
            if not path:
                raise
            entries = []
            failures.append(Failure("", f"the folder {error.what}"))
        folders = {name for name, info in entries if info["type"] == "directory"}
        for name, info in self._described(path, entries):
            problem = _problem(name, info, folders)
            if problem is not None:
                failures.append(Failure(shown_name(name), problem))
            elif info["type"] == "directory":
                inner.append((name, below(path, name)))
            elif (kind := kind_of_suffix(name)) is not None:
                inner.append((name, _container(below(path, name), kind, info)))
            else:
                files.append(ListedFile(name, int(info["size"]), _modified_ns(info)))
                marks.append((name, int(info["size"]), _mark(info)))
        failures.sort()
        inner.sort(key=lambda item: item[0])
        place = ListedPlace(
            path, None, fingerprint(sorted(marks)), tuple(sorted(files)), tuple(failures)
        )
        return place, [item for _, item in inner]

    def _entries(self, path: str) -> list[tuple[str, _Info]]:
        """Names in a folder, with what is known of them."""
        folder = self._full(path)
        found: dict[tuple[str, str], _Info] = {}
        listed = self._ask("ls", folder + "/" if self._is_http else folder, detail=True)
        if not path and self._is_no_folder(listed):
            raise SourceError(
                "neither a folder, nor a page that lists files, nor a zip or tar file",
                where=self.shown,
                hint="check the URL",
            )
        for info in listed:
            name = self._name(folder, info)
            if name is not None:
                found[name, info["type"]] = info
        return [(name, info) for (name, _), info in sorted(found.items(), key=lambda item: item[0])]

    def _is_no_folder(self, listed: list[_Info]) -> bool:
        """Whether the root is a file, or a page without links."""
        if self._is_http:
            return not listed
        return [info["name"] for info in listed] == [self._base]

    def _name(self, folder: str, info: _Info) -> str | None:
        """The name of what is listed; None where it is the folder itself, or elsewhere."""
        full = str(info["name"])
        if not self._is_http:
            if (
                full.rstrip("/") == folder.rstrip("/")
                and info["type"] == "file"
                and not info["size"]
            ):
                return None  # stands for a folder
            return full[len(folder) :].removeprefix("/") if folder else full
        full = html.unescape(full)
        if not full.startswith(folder + "/"):
            return None
        name = full.removeprefix(folder + "/")
        name = name.removesuffix("/")
        if not name or name in (".", "..") or any(mark in name for mark in "/?#"):
            return None  # such as links that sort the page
        return unquote(name, errors="surrogateescape")

    def _described(
        self, path: str, entries: list[tuple[str, _Info]]
    ) -> Iterator[tuple[str, _Info]]:
        """Entries with lengths and dates; pages that list files do not say them."""

        def described(entry: tuple[str, _Info]) -> tuple[str, _Info]:
            name, info = entry
            if info["type"] == "directory" or info.get("size") is not None:
                return entry
            try:
                return name, {**self._ask("info", self._full(below(path, name))), "type": "file"}
            except SourceError as error:
                return name, {**info, "problem": error.what}

        if all(info.get("size") is not None for _, info in entries):
            yield from entries
            return
        with ThreadPoolExecutor(REQUESTS) as threads:
            yield from threads.map(described, entries)

    def _full(self, path: str) -> str:
        if not path:
            return self._base
        return f"{self._base}/{quote(path) if self._is_http else path}"

    def _open_http(self, path: str, length_bytes: int) -> BinaryIO:
        # No block size: one request, whose answer is read bit by bit. The length saves another.
        file = self._ask("open", self._full(path), block_size=0, size=max(1, length_bytes))
        return cast(BinaryIO, file)

    def _check_ranges(self, path: str, file: Any, length_bytes: int) -> None:
        try:
            file.seek(max(0, length_bytes - 1))
            file.read(1)
            file.seek(0)
        except ValueError as error:
            file.close()
            raise NoRangesError(
                "the server ignores ranges", where=f"{self.shown}/{path}"
            ) from error
        except Exception as error:  # of aiohttp
            file.close()
            raise self._failure(path, error) from error

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        # Listings that are kept would fill the memory, and be out of date.
        self._files.invalidate_cache()
        try:
            return getattr(self._files, method)(*arguments, **options)
        except Exception as error:  # each file system has errors of its own
            path = str(arguments[0]).removeprefix(self._base).lstrip("/")
            raise self._failure(unquote(path) if self._is_http else path, error) from error

    def _failure(self, path: str, error: BaseException) -> DicomCubeError:
        where = f"{self.shown}/{path}".rstrip("/")
        if isinstance(error, ImportError):
            return MissingDependencyError(
                "URLs need a package for them", where=where, hint="pip install 'dicube[remote]'"
            )
        # What the error says may hold the URL with its credentials.
        return unreachable(error, where=where) or SourceError(
            f"cannot be read: {type(error).__name__}",
            where=where,
            hint="check the URL and the rights to read it",
        )


def _patience() -> dict[str, Any]:
    """A large file takes longer than the five minutes that aiohttp waits; silence does not."""
    aiohttp = extra_module("aiohttp", extra="remote", purpose="reading http:// URLs")
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
    return {"client_kwargs": {"timeout": timeout}}


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _problem(name: str, info: _Info, folders: Collection[str]) -> str | None:
    """Why there can be no file, or folder, with what is listed."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        return "no file or folder can have this name"
    if not is_utf8(name):
        return "its name is no UTF-8"
    if len(name.encode()) > _MOST_NAME_BYTES:
        return f"its name is longer than {_MOST_NAME_BYTES} bytes"
    if info["type"] == "directory":
        return None
    if name in folders:
        return "there is a folder of the same name"
    if "problem" in info:
        return str(info["problem"])
    return _NO_LENGTH if info.get("size") is None else None


def _container(path: str, kind: ContainerKind, info: _Info) -> ListedPlace:
    size = info.get("size")
    return ListedPlace(path, kind, fingerprint([("", -1 if size is None else size, _mark(info))]))


def _mark(info: _Info) -> str:
    """What changes with the content of a file."""
    return "/".join(str(info[key]) for key in (*_TIMES, *_MARKS) if key in info)


def _modified_ns(info: _Info) -> int:
    for key in _TIMES:
        value = info.get(key)
        if isinstance(value, str):
            value = _parsed(value)
        if isinstance(value, datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=UTC)
            return int(aware.timestamp() * 1e6) * 1000
        if isinstance(value, int | float):
            return int(value * 1e6) * 1000
    return 0


def _parsed(text: str) -> datetime | None:
    """A date as HTTP or as ISO 8601 has it."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return parse(text)
        except (TypeError, ValueError):
            continue
    return None
