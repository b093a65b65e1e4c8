"""Small archives with their ledgers, filled by hand."""

import json
import sqlite3
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

import dicube
from dicube import DicomCubeImage
from dicube.archive.ledger.opened import open_ledger
from dicube.core.rebuilding import CubeSources

MADE_AT = "2026-01-02T03:04:05+00:00"


def digest(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


class SampleLedger:
    """A ledger, row by row; every method returns the id of its row."""

    def __init__(self, path: Path, destination: str) -> None:
        self.path = path
        self._connection = open_ledger(path, create=True)
        self._insert("setting", name="destination", value=destination)
        self._run = self._insert("run", started_at=MADE_AT, version="1", options="{}")

    def root(self, url: str, label: str) -> int:
        return self._insert("root", url=url, label=label)

    def place(self, root_id: int, path: str, container: str | None = None) -> int:
        return self._insert(
            "place", root_id=root_id, path=path, container=container, state="scanned"
        )

    def output(self, folder: Path, path: str, content: str, *, files: int = 1) -> int:
        data = (folder / path).read_bytes()
        series = self._insert(
            "series",
            content="images" if content == "cube" else "files",
            series_uid=path,
            place_id=0,
            stem=path,
            state="done",
        )
        return self._insert(
            "output",
            series_id=series,
            run_id=self._run,
            path=path,
            content=content,
            bytes=len(data),
            digest=digest(data),
            source_bytes=len(data),
            files=files,
            findings=json.dumps([]),
            made_at=MADE_AT,
            verified_at=MADE_AT,
            verified_by="source",
        )

    def file(
        self,
        place_id: int,
        name: str,
        data: bytes,
        *,
        output_id: int | None = None,
        position: int | None = None,
        stored_as: int | None = None,
        modified_ns: int = 0,
        kind: str = "image",
    ) -> int:
        return self._insert(
            "file",
            place_id=place_id,
            name=name,
            bytes=len(data),
            modified_ns=modified_ns,
            kind=kind,
            state="stored" if stored_as is None else "duplicate",
            digest=digest(data),
            output_id=output_id,
            position=position,
            stored_as=stored_as,
        )

    def close(self) -> Path:
        self._connection.close()
        return self.path

    def _insert(self, table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        row = self._connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values())
        )
        return int(row.lastrowid or 0)


@dataclass
class Sample:
    """An archive, its ledger, and what has to come back: contents by path in the restored tree.

    `compressed` are the paths of files that come back with equal values only.
    """

    folder: Path
    ledger: Path
    tree: Mapping[str, bytes]
    compressed: Mapping[str, bytes] = field(default_factory=dict)


MODIFIED_NS = 1_600_000_000_123_456_789


def sample_archive(image: DicomCubeImage, work: Path) -> Sample:
    """Two series (one was compressed), copies of one, files of other kinds, a zip file of a source.

    Outputs: a/ct.dcbs, a/jls.dcbs, other-files/000000.zip, and the ledger as archive.sqlite.
    """
    archive = work / "archive"
    (archive / "other-files").mkdir(parents=True)
    ledger = SampleLedger(archive / "archive.sqlite", str(archive))
    tree: dict[str, bytes] = {}
    compressed: dict[str, bytes] = {}
    first = ledger.root("/data/first", "first")
    second = ledger.root("/data/second.zip", "second")

    plain = work / "plain"
    image.to_dicom_folder(plain)
    output = _cube(ledger, archive, plain, "a/ct.dcbs")
    scan, copies = ledger.place(first, "scan"), ledger.place(second, "", "zip")
    with CubeSources(archive / "a/ct.dcbs") as cube:
        names = [source.name for source in cube.files]
    for position, name in enumerate(names):
        data = (plain / name).read_bytes()
        stored = ledger.file(
            scan, name, data, output_id=output, position=position, modified_ns=MODIFIED_NS
        )
        ledger.file(copies, f"deep/er/{name}", data, stored_as=stored)
        tree[f"first/scan/{name}"] = tree[f"second/deep/er/{name}"] = data

    packed = work / "packed"
    image.to_dicom_folder(packed, transfer_syntax="jpegls")
    output = _cube(ledger, archive, packed, "a/jls.dcbs")
    explicit = work / "explicit"
    DicomCubeImage.from_file(archive / "a/jls.dcbs").to_dicom_folder(explicit)
    place = ledger.place(first, "jls")
    with CubeSources(archive / "a/jls.dcbs") as cube:
        names = [source.name for source in cube.files]
    for position, name in enumerate(names):
        data = (packed / name).read_bytes()
        ledger.file(place, name, data, output_id=output, position=position)
        compressed[f"first/jls/{name}"] = (explicit / name).read_bytes()

    others = {"first/notes.txt": b"some notes", "first/bad.zip": b"no zip at all", "first/e": b""}
    with zipfile.ZipFile(archive / "other-files/000000.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in others.items():
            file.writestr(name, data)
    output = ledger.output(archive, "other-files/000000.zip", "files", files=3)
    top, bad = ledger.place(first, ""), ledger.place(first, "bad.zip", "zip")
    notes = others["first/notes.txt"]
    stored = ledger.file(top, "notes.txt", notes, output_id=output, position=0, kind="other")
    ledger.file(bad, "", others["first/bad.zip"], output_id=output, position=1, kind="other")
    ledger.file(top, "e", b"", output_id=output, position=2, kind="other")
    ledger.file(scan, "notes.txt", notes, stored_as=stored, kind="other")
    tree |= others
    tree["first/scan/notes.txt"] = notes
    return Sample(archive, ledger.close(), tree, compressed)


def _cube(ledger: SampleLedger, archive: Path, folder: Path, path: str) -> int:
    (archive / path).parent.mkdir(parents=True, exist_ok=True)
    dicube.convert(folder, archive / path)
    return ledger.output(archive, path, "cube", files=len(list(folder.iterdir())))


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their paths."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def change(sample: Sample, statement: str, *values: object) -> None:
    """Change rows of the ledger."""
    connection = sqlite3.connect(sample.ledger)
    with connection:
        connection.execute(statement, values)
    connection.close()


def rows(sample: Sample, statement: str) -> list[tuple[object, ...]]:
    """Rows of the ledger."""
    connection = sqlite3.connect(sample.ledger)
    found = connection.execute(statement).fetchall()
    connection.close()
    return found


def flip(path: Path, position: int) -> None:
    """Change a bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)
