"""Mixed trees for tests and benchmarks: the test data many times over, as archives meet it.

Every copy of the test data has UIDs of its own, of the same length and at the same place in the
file, so that all else of a file stays, broken files broken in the same way too. Around them lies
what lies in such trees: junk, zip and tar files, copies of copies, links. The same arguments make
the same bytes.
"""

import gzip
import io
import random
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

import xxhash
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

# Study, Series, SOP Instance and Frame of Reference UID, of data set and file meta, and what refers
# to them: Referenced SOP Instance UID, and the frames of reference of structure sets.
_UID_TAGS: Final = (
    (0x0020, 0x000D), (0x0020, 0x000E), (0x0008, 0x0018), (0x0020, 0x0052), (0x0002, 0x0003),
    (0x0008, 0x1155), (0x3006, 0x0024), (0x3006, 0x00C2),
)  # fmt: skip
_UID: Final = re.compile(rb"[0-9]+(\.[0-9]+){2,}")
_WELL_KNOWN: Final = b"1.2.840.10008."
# The data set is compressed, so UIDs of the file meta alone would contradict it.
_DEFLATED: Final = re.compile(rb"UI\x16\x001\.2\.840\.10008\.1\.2\.1\.99")
_DOT, _ZERO = b".0"
_KEPT_DIGITS: Final = 4  # of long UIDs, the last: they tell instances apart, and say their order
_LEAST_DIGITS: Final = 8  # that have to change, so that no two copies have a UID in common
_MANUFACTURER: Final = re.compile(rb"\x08\0\x70\0LO.\0[A-Za-z]*[A-Za-z]")
_SUFFIXES: Final = ("stored.zip", "deflated.zip", "tar", "tar.gz")
_CONTAINERS: Final = (".zip", ".tar", ".tar.gz", ".tgz")


class Digest(NamedTuple):
    """Length in bytes, and XXH3-128 in hexadecimal, of a file."""

    length_bytes: int
    xxh3: str

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        return cls(len(data), xxhash.xxh3_128_hexdigest(data))


@dataclass
class Corpus:
    """What was put where; paths are relative to the folder, with forward slashes.

    Attributes
    ----------
    folder : Path
    contents : dict
        Every file, as `tree_digest(folder, members=True)` finds it: a container that can be read
        is a folder of its members, one that cannot is a file.
    series : dict
        Folders, or containers, that hold a copy of a folder of the test data, with its name.
    containers : list of str
        Zip and tar files that can be read.
    broken_containers : list of str
        Those that cannot: damaged, encrypted.
    junk : list of str
        Files that were made up, which no copy of the test data holds.
    copied : dict
        Files that are byte for byte another one, on purpose, each with the other.
    changed : dict
        Files that differ from another one in one byte of a text element, each with the other.
    same_in_all_copies : list of str
        Files without a UID that could be changed, relative to the test data.
    links : list of str
        Symbolic links, which `contents` does not know.
    """

    folder: Path
    contents: dict[str, Digest] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=dict)
    containers: list[str] = field(default_factory=list)
    broken_containers: list[str] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)
    copied: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    same_in_all_copies: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    @property
    def files(self) -> int:
        """How many there are, with members of containers."""
        return len(self.contents)

    @property
    def length_bytes(self) -> int:
        """Length of all of them, unpacked."""
        return sum(digest.length_bytes for digest in self.contents.values())

    @property
    def duplicates(self) -> int:
        """How many are byte for byte another one that is not counted."""
        return self.files - len(set(self.contents.values()))

    def write(self, path: str, data: bytes) -> None:
        """Write a file that is no container, or none that can be read."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.contents[path] = Digest.of(data)

    def write_container(self, path: str, data: bytes, members: Mapping[str, bytes]) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self.containers.append(path)
        for name, content in members.items():
            self.contents[f"{path}/{name}"] = Digest.of(content)


class UidPlace(NamedTuple):
    """Where in a file a UID stands."""

    offset: int
    uid: bytes


@dataclass
class _Source:
    """A file of the test data."""

    name: str  # relative to the folder of its series
    data: bytes
    uids: list[UidPlace]

    def with_uids(self, other: Mapping[bytes, bytes]) -> bytes:
        data = bytearray(self.data)
        for offset, uid in self.uids:
            data[offset : offset + len(uid)] = other[uid]
        return bytes(data)


def make_corpus(
    source: Path,
    target: Path,
    copies: int,
    *,
    seed: int = 0,
    junk: bool = True,
    zips: bool = True,
    duplicates: bool = True,
    names: Iterable[str] | None = None,
) -> Corpus:
    """Make a mixed tree of DICOM files, containers and junk.

    Parameters
    ----------
    source : Path
        Folder with a folder for each series, as `tests.series.DATA`.
    target : Path
        A folder that is not there yet.
    copies : int
        Of the test data; no two of them have a UID in common.
    seed : int
    junk : bool
        Put files that are no DICOM between the others, and links.
    zips : bool
        Put an eighth of the series, at least four, into zip and tar files, and add some that are
        damaged, encrypted or in another one.
    duplicates : bool
        Put some series a second time elsewhere under other file names, and one file that differs
        in one byte.
    names : iterable of str, optional
        Folders of `source`; by default all.

    Raises
    ------
    FileExistsError
        `target` is there.
    """
    target.mkdir(parents=True)
    corpus = Corpus(target)
    chance = random.Random(seed)
    folders = sorted(path.name for path in source.iterdir() if path.is_dir())
    sources = {name: _sources(source / name) for name in (folders if names is None else names)}
    corpus.same_in_all_copies += [
        f"{name}/{file.name}" for name, files in sources.items() for file in files if not file.uids
    ]
    tables = _uid_tables(sources, copies, seed)
    slots = [(copy, name) for copy in range(copies) for name in sources]
    packed = _packed(slots, chance) if zips else {}
    again = set(chance.sample(slots, min(3, len(slots)))) if duplicates else set()
    for number, (copy, name) in enumerate(slots):
        files = {file.name: file.with_uids(tables[copy]) for file in sources[name]}
        folder = f"copy_{copy:02d}/patient_{number % len(sources) // 8:02d}/{name}"
        path = _put_series(corpus, folder, files, packed.get((copy, name)))
        corpus.series[path] = name
        if (copy, name) in again:
            _put_again(corpus, path, files)
        if duplicates and not corpus.changed:
            _put_changed(corpus, path, files)
    if zips:
        _put_odd_containers(corpus)
    if junk:
        _put_junk(corpus, copies)
    return corpus


def tree_digest(folder: Path, *, members: bool = False) -> dict[str, Digest]:
    """Length and XXH3-128 of every regular file below a folder, by its relative path.

    Parameters
    ----------
    folder : Path
    members : bool
        Instead of a zip or tar file that can be read, give its members as
        ``archive.zip/member``.
    """
    found: dict[str, Digest] = {}
    for path in sorted(folder.rglob("*")):  # follows no links
        if path.is_symlink() or not path.is_file():
            continue
        name, data = path.relative_to(folder).as_posix(), path.read_bytes()
        inside = _members(name, data) if members else None
        if inside is None:
            found[name] = Digest.of(data)
        else:
            found |= {f"{name}/{member}": Digest.of(content) for member, content in inside}
    return found


def members_of(container: Path) -> dict[str, bytes]:
    """The files of a container that can be read."""
    return dict(_members(container.name, container.read_bytes()) or ())


def find_uids(data: bytes) -> list[UidPlace]:
    """Where Study, Series, SOP Instance and Frame of Reference UIDs, and references to them, are.

    Elements are found by their bytes, so also in sequences and in files that are damaged; in
    little and big endian, in implicit and explicit VR. There are none in deflated data sets, nor
    in files with one that is too short to be replaced by another.
    """
    if _DEFLATED.search(data, 0, 1024):
        return []
    found = []
    for tag in _UID_TAGS:
        for order in ("little", "big"):
            encoded = tag[0].to_bytes(2, order) + tag[1].to_bytes(2, order)  # type: ignore[arg-type]
            start = data.find(encoded)
            while start >= 0:
                place = _uid_at(data, start + len(encoded), order)
                found += [place] if place else []
                start = data.find(encoded, start + 1)
    return sorted(found) if all(_can_change(place.uid) for place in found) else []


def uid_shifts(copy: int, seed: int = 0) -> list[int]:
    """What a copy adds to each of the 64 digits that a UID may have."""
    chance = random.Random(f"{seed} {copy}")
    return [chance.randrange(10) for _ in range(64)]


def shifted_uid(uid: bytes, shifts: list[int]) -> bytes:
    """The UID with each digit moved on by that of its place, so that different ones stay so.

    UIDs that begin in the same way still do; that keeps what compression makes of them.
    """
    changed = bytearray(uid)
    for i in _free_digits(uid):
        changed[i] = _ZERO + (uid[i] - _ZERO + shifts[i]) % 10
    return bytes(changed)


def _can_change(uid: bytes) -> bool:
    return len(_free_digits(uid)) >= _LEAST_DIGITS


def _uid_at(data: bytes, start: int, order: str) -> UidPlace | None:
    """The UID whose VR, or length in implicit VR, starts here."""
    vr = data[start : start + 2]
    size, begin = (2, start + 4) if vr == b"UI" else (4, start + (8 if vr == b"UN" else 4))
    end = begin + int.from_bytes(data[begin - size : begin], order)  # type: ignore[arg-type]
    if end > min(begin + 64, len(data)):
        return None
    uid = data[begin:end].rstrip(b"\0 ")
    if _UID.fullmatch(uid) is None or uid.startswith(_WELL_KNOWN):
        return None
    return UidPlace(begin, uid)


def _sources(folder: Path) -> list[_Source]:
    files = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        files.append(_Source(path.relative_to(folder).as_posix(), data, find_uids(data)))
    return files


def _uid_tables(
    sources: Mapping[str, list[_Source]], copies: int, seed: int
) -> list[dict[bytes, bytes]]:
    """For each copy, what stands for each UID: as long, and of no other copy."""
    uids = {place.uid for files in sources.values() for file in files for place in file.uids}
    tables = []
    for copy in range(copies):
        shifts = uid_shifts(copy, seed)
        tables.append({uid: shifted_uid(uid, shifts) for uid in uids})
    made = [new for table in tables for new in table.values()]
    assert len(set(made)) == len(made), "two copies have a UID in common: take another seed"
    return tables


def _free_digits(uid: bytes) -> list[int]:
    """Those that become others: not of the root, nor the first ones of a component."""
    root = uid.index(b".", uid.index(b".") + 1)
    free = [i for i in range(root + 1, len(uid)) if uid[i] != _DOT and uid[i - 1] != _DOT]
    return free if len(free) < 2 * _LEAST_DIGITS else free[:-_KEPT_DIGITS]


def _packed(slots: list[tuple[int, str]], chance: random.Random) -> dict[tuple[int, str], str]:
    """Which series go into a container, and its suffix; at least one stays a folder."""
    count = min(max(len(_SUFFIXES), len(slots) // 8), len(slots) - 1)
    chosen = chance.sample(slots, count)
    return {slot: _SUFFIXES[i % len(_SUFFIXES)] for i, slot in enumerate(chosen)}


def _put_series(corpus: Corpus, folder: str, files: Mapping[str, bytes], suffix: str | None) -> str:
    """Write a series as a folder, or as a container with this suffix; its path."""
    if suffix is None:
        for name, data in files.items():
            corpus.write(f"{folder}/{name}", data)
        return folder
    path = f"{folder}.{suffix}"
    corpus.write_container(path, _packed_bytes(files, suffix), files)
    return path


def _packed_bytes(files: Mapping[str, bytes], suffix: str) -> bytes:
    if suffix.endswith("zip"):
        how = zipfile.ZIP_STORED if suffix == "stored.zip" else zipfile.ZIP_DEFLATED
        return _zip(files, how)
    packed = _tar(files)
    return gzip.compress(packed, 1, mtime=0) if suffix == "tar.gz" else packed


def _zip(files: Mapping[str, bytes], how: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)  # of 1980
            info.external_attr = 0o644 << 16
            archive.writestr(info, data, how, 1)
    return packed.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)  # of 1970
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _put_again(corpus: Corpus, path: str, files: Mapping[str, bytes]) -> None:
    """The same files in another folder under other names."""
    folder = f"copied/{PurePosixPath(path).parts[0]}/Übertragung {len(corpus.copied)}"
    for number, (name, data) in enumerate(files.items()):
        again = f"{folder}/{number:05d}"
        corpus.write(again, data)
        corpus.copied[again] = f"{path}/{name}"


def _put_changed(corpus: Corpus, path: str, files: Mapping[str, bytes]) -> None:
    """The first file with a manufacturer, which is called a little different."""
    for name, data in files.items():
        element = _MANUFACTURER.search(data)
        if element is not None:
            other = bytearray(data)
            other[element.end() - 1] ^= 0x20  # the other case of the letter
            changed = f"changed/{PurePosixPath(name).name}"
            corpus.write(changed, bytes(other))
            corpus.changed[changed] = f"{path}/{name}"
            return


def _put_odd_containers(corpus: Corpus) -> None:
    text = {"report.txt": b"kept in a zip file\n" * 50, "more/notes.txt": b"and more of it\n" * 50}
    whole = _zip(text, zipfile.ZIP_DEFLATED)
    outer = {"readme.txt": b"there is a zip file in this zip file\n", "inner.zip": whole}
    corpus.write_container("containers/nested.zip", _zip(outer, zipfile.ZIP_STORED), outer)
    encrypted = bytearray(whole)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for header in re.finditer(re.escape(signature), whole):
            encrypted[header.start() + flags] |= 1
    damaged = bytearray(whole)
    damaged[40 + len("report.txt")] ^= 0xFF  # in the compressed bytes of the first member
    for name, data in {
        "encrypted.zip": bytes(encrypted),
        "damaged.zip": bytes(damaged),
        "cut_short.zip": whole[: len(whole) // 2],
        "cut_short.tar.gz": gzip.compress(_tar(text), mtime=0)[:-40],
    }.items():
        corpus.write(f"containers/{name}", data)
        corpus.broken_containers.append(f"containers/{name}")


def _put_junk(corpus: Corpus, copies: int) -> None:
    made = {
        "DICOMDIR": _dicomdir(),
        "empty": b"",
        "empty.dcm": b"",
        "notes.txt": "Notizen: 覚え書き\r\n".encode(),
        "viewer/preview.png": _png(),
        "viewer/Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
        "viewer/autorun.inf": b"[autorun]\r\nopen=viewer.exe\r\n",
        "looks_like.dcm": bytes(128) + b"DICM",
        f"{'long_name_' * 24}.txt": b"a name of 244 characters\n",
        "Übersicht 画像 ☃.txt": b"a name beyond ASCII\n",
        "U\u0308bersicht.txt": b"the same letter as two characters\n",
        "/".join(f"level_{level:02d}" for level in range(30)) + "/deep.txt": b"far down\n",
    }
    for copy in range(copies):
        made[f"copy_{copy:02d}/.DS_Store"] = b"\0\0\0\1Bud1" + bytes(504)  # the same in each
        made[f"copy_{copy:02d}/protocol.txt"] = f"protocol of copy {copy}\n".encode()
    for name, data in made.items():
        corpus.write(name, data)
        corpus.junk.append(name)
    for link, to in (("link.txt", "notes.txt"), ("loop", "."), ("leads_nowhere", "missing")):
        (corpus.folder / link).symlink_to(to)
        corpus.links.append(link)


def _dicomdir() -> bytes:
    file_meta = FileMetaDataset()
    file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.7"
    file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set = FileDataset("DICOMDIR", {}, file_meta=file_meta, preamble=bytes(128))
    data_set.FileSetID = "CORPUS"
    data_set.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    data_set.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    data_set.FileSetConsistencyFlag = 0
    data_set.DirectoryRecordSequence = []
    written = io.BytesIO()
    data_set.save_as(written, enforce_file_format=True)
    return written.getvalue()


def _png() -> bytes:
    """A grey image of 4 x 4."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = (4).to_bytes(4) + (4).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress(4 * bytes([0, 128, 128, 128, 128]))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _members(name: str, data: bytes) -> list[tuple[str, bytes]] | None:
    """Every file of a container; None for another file, and where one of them cannot be read."""
    if not name.endswith(_CONTAINERS):
        return None
    try:
        return _zip_members(data) if name.endswith(".zip") else _tar_members(data)
    # RuntimeError: encrypted. EOFError: the gzip stream is cut short.
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, tarfile.TarError):
        return None


def _zip_members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(i.filename, archive.read(i)) for i in archive.infolist() if not i.is_dir()]


def _tar_members(data: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        read = ((member.name, archive.extractfile(member)) for member in archive)
        return [(name, file.read()) for name, file in read if file is not None]
