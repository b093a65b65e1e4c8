"""What the job and its workers tell each other: plain values, sent to other processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

ContainerKind = Literal["zip", "tar"]
Content = Literal["images", "files"]
OutputKind = Literal["cube", "files"]
FileKind = Literal["image", "object", "damaged", "other"]
CubeFormat = Literal["dcbs", "dcba", "dcbr"]


class Place(NamedTuple):
    """Files that are listed and scanned together: those of a folder, or of a container.

    Attributes
    ----------
    place_id : int
        Of the ledger.
    root : str
        Absolute path, or URL, of the source.
    path : str
        Relative to the root, with forward slashes, "" for the root; of a container, its file.
    container : "zip", "tar" or None
        None: a folder.
    """

    place_id: int
    root: str
    path: str
    container: ContainerKind | None


class FileRef(NamedTuple):
    """A file of a source, or a member of a container.

    Attributes
    ----------
    file_id : int
        Of the ledger.
    root, label : str
        The source, and its name in the archive.
    folder : str
        Path of the folder, or of the container, relative to the root.
    name : str
        In there; of a member, its path in the container.
    container : "zip", "tar" or None
    length_bytes : int
    """

    file_id: int
    root: str
    label: str
    folder: str
    name: str
    container: ContainerKind | None
    length_bytes: int

    @property
    def tree_path(self) -> str:
        """Relative to the root; members lie in a folder that has the name of their container."""
        return str(PurePosixPath(self.folder, self.name))


class FileFacts(NamedTuple):
    """What the header of a file says; of files that are no images, the digest of the whole.

    Attributes
    ----------
    name : str
        In its place.
    length_bytes : int
    modified_ns : int
        Since 1970; 0 where nobody knows.
    kind : str
        "image"; "object": DICOM without pixels; "damaged": DICOM that cannot be read;
        "other": no DICOM.
    reason : str
        Why it is no image.
    sop_uid, series_uid : str
        "" where the file does not say.
    digest : str
        XXH3-128, hexadecimal; "" for images.
    """

    name: str
    length_bytes: int
    modified_ns: int
    kind: FileKind
    reason: str = ""
    sop_uid: str = ""
    series_uid: str = ""
    digest: str = ""


class Failure(NamedTuple):
    """What is not archived, and why.

    Attributes
    ----------
    name : str
        In its place.
    reason : str
    is_file : bool
        Whether the next run is to try again; False for links, sockets and the like.
    """

    name: str
    reason: str
    is_file: bool = True


@dataclass(frozen=True)
class ScanTask:
    """Places whose files are to be taken apart."""

    places: tuple[Place, ...]


@dataclass(frozen=True)
class ScannedPlace:
    """What a place holds.

    Attributes
    ----------
    place_id : int
    files : list of FileFacts
    failures : list of Failure
    values : dict
        For each series UID of the place, what its first image says for the keywords.
    problem : str
        Why the place could not be read at all.
    """

    place_id: int
    files: list[FileFacts] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    values: dict[str, Mapping[str, str]] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class SeriesWork:
    """One series to be converted.

    Attributes
    ----------
    series_id : int
        Of the ledger.
    content : str
        "images", or "files" that are kept as they are.
    stem : str
        Path of its outputs relative to the destination, without number and suffix.
    outputs : tuple of str
        Paths of those that it has already.
    files : tuple of FileRef
    known : mapping
        Digests of instances that are stored already, by SOP Instance UID, each with its file.
    begun : bool
        Whether an earlier run may have left outputs that are not in the ledger yet.
    """

    series_id: int
    content: Content
    stem: str
    outputs: tuple[str, ...]
    files: tuple[FileRef, ...]
    known: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    begun: bool = False


def container_of(work: SeriesWork) -> tuple[str, str] | None:
    """Root and path of the tar file that holds all of a series; None where there is no such one.

    A tar file is read from its start to its end, however little of it is wanted.
    """
    places = {(ref.root, ref.folder) for ref in work.files if ref.container == "tar"}
    if len(places) != 1 or not all(ref.container == "tar" for ref in work.files):
        return None
    return places.pop()


@dataclass(frozen=True)
class ConvertTask:
    """Series that one worker converts, one after the other."""

    series: tuple[SeriesWork, ...]


@dataclass(frozen=True)
class Output:
    """A file of the archive that was written, read again and compared.

    Attributes
    ----------
    path : str
        Relative to the destination.
    kind : "cube" or "files"
    length_bytes : int
    digest : str
        XXH3-128 of the file.
    source_bytes : int
    files : list of (file_id, digest)
        What it holds, in the order in which a cube holds its instances.
    facts : mapping
        Columns of the ledger that describe a cube: see `dicube.archive.ledger.schema`.
    findings : list of str
    """

    path: str
    kind: OutputKind
    length_bytes: int
    digest: str
    source_bytes: int
    files: list[tuple[int, str]]
    facts: Mapping[str, str | int | float | None] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


@dataclass
class SeriesResult:
    """What became of a series, or of files that are kept as they are.

    Attributes
    ----------
    series_id : int
    outputs : list of Output
    duplicates : list of (file_id, stored file_id, digest)
        Files that are byte for byte another one.
    failures : list of (file_id, reason)
        Files that could not be read: they are tried again by the next run.
    seconds : float
    error : str
        Why nothing could be done.
    """

    series_id: int
    outputs: list[Output] = field(default_factory=list)
    duplicates: list[tuple[int, int, str]] = field(default_factory=list)
    failures: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""


Task = ScanTask | ConvertTask
Result = list[ScannedPlace] | list[SeriesResult]
