"""A file appears whole or not at all, whatever happens to the process that writes it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dicube.storage.atomic import replacing
from dicube.storage.dcb_file import DcbFile
from dicube.storage.header import Section
from dicube.storage.verify import find_damage
from tests.storage.made import write_file

KILLS = 20
# For each delay that comes in: starts a process that rewrites one file for ever with contents that
# say which version they are, kills it in the middle, and answers with the last version it finished.
# A process of its own, because forking one that has threads, as that of pytest, is not safe.
KILLER = """
import os, signal, sys, time
from pathlib import Path
from tests.storage.made import write_file

path = Path(sys.argv[1])
for delay in sys.stdin:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        for version in range(1, 1 << 30):
            text = str(version).encode()
            write_file(path, frames=[text * 50_000] * 8, status=text, meta=text * 1000)
            os.write(writer, text + b" ")
    os.close(writer)
    finished = os.read(reader, 1)  # it is at work from now on
    time.sleep(float(delay))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    while part := os.read(reader, 1 << 16):
        finished += part
    os.close(reader)
    print(finished.split()[-1].decode(), flush=True)
"""


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def write_half(target: Path, error: BaseException) -> None:
    with replacing(target) as file:
        file.write(b"half of the new")
        raise error


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "a.dcbs"
    with replacing(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names_in(tmp_path) == ["a.dcbs"]


def test_existing_file_is_replaced(tmp_path):
    target = tmp_path / "a.dcbs"
    target.write_bytes(b"the old content")
    with replacing(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"the old content"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.dcbs"
    target.write_bytes(b"the old content")
    with pytest.raises(error):
        write_half(target, error())
    assert target.read_bytes() == b"the old content"
    assert names_in(tmp_path) == ["a.dcbs"]


def test_error_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(ValueError, match="stop"):
        write_half(tmp_path / "a.dcbs", ValueError("stop"))
    assert names_in(tmp_path) == []


def test_disk_that_fails_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    target = write_file(tmp_path / "a.dcbs", status=b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_file(target, status=b"new")
    with DcbFile(target) as file:
        assert file.section(Section.STATUS) == b"old"
    assert names_in(tmp_path) == ["a.dcbs"]


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the platform has no such advice")
def test_all_of_a_large_file_is_sent_to_the_disk_while_it_is_written(tmp_path, monkeypatch):
    advice = os.posix_fadvise
    sent = []

    def record(descriptor, offset, length, kind):
        assert os.fstat(descriptor).st_size >= offset + length  # nothing is left in a buffer
        sent.append((offset, length))
        advice(descriptor, offset, length, kind)

    monkeypatch.setattr(os, "posix_fadvise", record)
    content = np.random.default_rng(1).bytes(9_000_000)
    with replacing(tmp_path / "a.dcbs") as file:
        for start in range(0, len(content), 70_001):
            file.write(content[start : start + 70_001])
        file.seek(0)
        file.write(content[:10])
    assert (tmp_path / "a.dcbs").read_bytes() == content
    ends = [offset + length for offset, length in sent]
    assert [offset for offset, _ in sent] == [0, *ends[:-1]]
    assert len(content) - ends[-1] < 1 << 21


def test_no_advice_no_matter(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    with replacing(tmp_path / "a.dcbs") as file:
        file.write(b"x" * 3_000_000)
    assert (tmp_path / "a.dcbs").stat().st_size == 3_000_000


def test_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "a.dcbs"):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
def test_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path):
    target = write_file(tmp_path / "a.dcbs", status=b"0")
    versions = set()
    with subprocess.Popen(
        [sys.executable, "-c", KILLER, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    ) as killer:
        assert killer.stdin is not None
        assert killer.stdout is not None
        for number in range(KILLS):
            print(0.0007 * number, file=killer.stdin, flush=True)  # one file takes a few ms
            finished = int(killer.stdout.readline())
            with DcbFile(target) as file:
                assert list(find_damage(file)) == []
                version = file.section(Section.STATUS)
                # What was reported as written is there; the one in work may be, too.
                assert int(version) - finished in (0, 1)
                assert bytes(file.frames[-1]) == version * 50_000
                assert file.section(Section.META) == version * 1000
            versions.add(version)
    assert killer.returncode == 0
    assert len(versions) > 1
    # What was in work when the process died stays hidden, and nothing takes it for a cube file.
    others = [name for name in names_in(tmp_path) if name != "a.dcbs"]
    assert all(name.startswith(".") and name.endswith(".part.a.dcbs") for name in others)
