"""A file appears whole or not at all, whatever happens to the process that writes it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dicube.storage.atomic import replacing
from dicube.storage.dcb_file import DcbFile
from dicube.storage.header import Section
from dicube.storage.verify import find_damage
from tests.storage.made import write_file

KILLS = 20
# Rewrites one file for ever with contents that say which version they are.
WRITER = """
import sys
from pathlib import Path
from tests.storage.made import write_file
path, version = Path(sys.argv[1]), 0
while True:
    version += 1
    text = str(version).encode()
    write_file(path, frames=[text * 50_000] * 8, status=text, meta=text * 1000)
    print(version, flush=True)
"""


def test_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "a.dcbs"
    with replacing(target) as file:
        file.write(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.dcbs"]


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
    with pytest.raises(error), replacing(target) as file:
        file.write(b"half of the new")
        raise error
    assert target.read_bytes() == b"the old content"
    assert os.listdir(tmp_path) == ["a.dcbs"]


def test_error_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(ValueError, match="stop"), replacing(tmp_path / "a.dcbs") as file:
        file.write(b"half of the new")
        raise ValueError("stop")
    assert os.listdir(tmp_path) == []


def test_disk_that_fails_at_the_last_moment_leaves_the_old_file(tmp_path, monkeypatch):
    target = write_file(tmp_path / "a.dcbs", status=b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_file(target, status=b"new")
    with DcbFile(target) as file:
        assert file.section(Section.STATUS) == b"old"
    assert os.listdir(tmp_path) == ["a.dcbs"]


def test_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "a.dcbs"):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the platform has no SIGKILL")
def test_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path):
    target = write_file(tmp_path / "a.dcbs", status=b"0")
    seen = set()
    for number in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target)],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        assert child.stdout is not None
        first = child.stdout.readline()  # it writes from now on
        time.sleep(0.0007 * number)  # 0 to 14 ms: several times what one file takes
        child.kill()
        last = (first + child.stdout.read()).split()[-1]
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        with DcbFile(target) as file:
            assert list(find_damage(file)) == []
            version = file.section(Section.STATUS)
            # What was reported as written is there; the one in work may be, too.
            assert int(version) - int(last) in (0, 1)
            assert bytes(file.frames[-1]) == version * 50_000
            assert file.section(Section.META) == version * 1000
        seen.add(version)
    assert len(seen) > 1
    # What was in work when the process died stays hidden, and nothing takes it for a cube file.
    others = [name for name in os.listdir(tmp_path) if name != "a.dcbs"]
    assert all(name.startswith(".a.dcbs.") and name.endswith(".part") for name in others)
