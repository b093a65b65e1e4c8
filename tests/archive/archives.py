"""Archives made by the program itself, interrupted and checked from outside."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from pydicom.pixels import pixel_array

from dicube.archive.destination import digest_of
from dicube.archive.location import is_own_file
from tests.archive.corpus import Corpus, members_of, tree_digest
from tests.same_files import assert_same_elements, assert_same_values, is_uncompressed

LEDGER = "archive.sqlite"
# The order of other files in their zip files is that in which places were scanned.
CUBES = "SELECT path, digest, files FROM output WHERE path NOT LIKE 'other-files/%' ORDER BY path"


def archive_command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "dicube", "archive", *map(str, arguments)]


def archived(*arguments: object, code: int = 0, seconds: float = 280) -> str:
    """Run the command to its end; what it printed."""
    done = tried(*arguments, seconds=seconds)
    assert done.returncode == code, done.stderr
    return done.stdout


def tried(*arguments: object, seconds: float = 280) -> subprocess.CompletedProcess[str]:
    """Run the command, however it ends."""
    return subprocess.run(
        archive_command(*arguments), capture_output=True, text=True, timeout=seconds, check=False
    )


def killed_after(seconds: float, *arguments: object, worker: bool = False) -> bool:
    """Start the command and kill it, or one of its workers, by SIGKILL; whether it was still there.

    Where a worker is killed the command goes on to its end.
    """
    process = subprocess.Popen(
        archive_command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        if worker:
            for child in children(process.pid)[:1]:
                os.kill(child, signal.SIGKILL)
            process.wait(280)
            return True
        process.kill()
        process.wait()
        return True
    return False


def children(pid: int) -> list[int]:
    """Processes that a process started, the youngest first."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sorted(map(int, found), reverse=True)


def rows(ledger: Path, question: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(question).fetchall()


def stored_outputs(archive: Path) -> dict[str, tuple[int, int]]:
    """Outputs that the ledger counts, each with what would change if it were written again."""
    ledger = archive / LEDGER
    if not ledger.exists():
        return {}
    try:
        paths = [row["path"] for row in rows(ledger, "SELECT path FROM output")]
    except sqlite3.OperationalError:
        return {}  # killed before it had tables
    found = {path: (archive / path).stat() for path in paths}
    return {path: (about.st_ino, about.st_mtime_ns) for path, about in found.items()}


def assert_nothing_left(ledger: Path) -> None:
    assert not rows(ledger, "SELECT * FROM file WHERE state IN ('found', 'failed')")
    assert not rows(ledger, "SELECT * FROM series WHERE state != 'done'")
    assert not rows(ledger, "SELECT * FROM place WHERE state != 'scanned'")
    assert not rows(ledger, "SELECT * FROM run WHERE ended_at IS NULL")


def assert_consistent(archive: Path) -> None:
    """Ledger and files say the same, and nothing is left to do."""
    ledger = archive / LEDGER
    assert_nothing_left(ledger)
    assert not rows(
        ledger,
        "SELECT * FROM file WHERE (state = 'stored') != (output_id IS NOT NULL)"
        " OR (state = 'duplicate') != (stored_as IS NOT NULL)",
    )
    assert not rows(
        ledger,
        "SELECT output_id, position FROM file WHERE output_id IS NOT NULL"
        " GROUP BY 1, 2 HAVING COUNT(*) > 1",
    )
    assert not rows(
        ledger,
        "SELECT * FROM output WHERE files !="
        " (SELECT COUNT(*) FROM file WHERE output_id = output.id)",
    )
    outputs = rows(ledger, "SELECT path, bytes, digest FROM output")
    for output in outputs:
        assert digest_of(archive / output["path"]) == (output["bytes"], output["digest"])
    known = {archive / output["path"] for output in outputs}
    found = {path for path in archive.rglob("*") if path.is_file()}
    assert not sorted(path for path in found - known if not is_own_file(ledger, path))


def assert_restored(corpus: Corpus, restored: Path, scratch: Path) -> None:
    """Every file came back, byte for byte; those that were compressed, equal."""
    found = tree_digest(restored)
    assert found.keys() == corpus.contents.keys()
    for path, digest in found.items():
        if digest != corpus.contents[path]:
            source = original(corpus, path, scratch)
            assert not is_uncompressed(source), path
            assert_same_elements(source, restored / path)
            assert_same_values(source, restored / path, pixel_array(restored / path, raw=True))


def original(corpus: Corpus, path: str, scratch: Path) -> Path:
    """A file of the corpus; a member of a container as a file of its own."""
    plain = corpus.folder / path
    if plain.is_file():
        return plain
    (container,) = [name for name in corpus.containers if path.startswith(f"{name}/")]
    copy = scratch / "member.dcm"
    scratch.mkdir(exist_ok=True)
    copy.write_bytes(members_of(corpus.folder / container)[path.removeprefix(f"{container}/")])
    return copy
