"""What workers are asked to do in the tests: a task is the name of an act, and its argument."""

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from dicube.exceptions import InvalidCubeFileError

Act = tuple[str, Any]


class WithLock(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("a lock is held")
        self.lock = threading.Lock()


class OfTwoWords(Exception):
    """Can be pickled, but not read again."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def perform(act: Act) -> object:
    name, argument = act
    return _ACTS[name](argument)


def double(number: int) -> int:
    return 2 * number


def big(length: int) -> bytes:
    return bytes(length)


def refuse(where: str) -> NoReturn:
    raise InvalidCubeFileError("cut short", where=where, hint="copy it again")


def refuse_with_lock(_: object) -> NoReturn:
    raise WithLock


def refuse_in_two_words(_: object) -> NoReturn:
    raise OfTwoWords("no", "way")


def give_lock(_: object) -> threading.Lock:
    return threading.Lock()


def meet(own_and_other: tuple[Path, Path]) -> str:
    """Come back when the other has come as well."""
    own, other = own_and_other
    own.touch()
    await_file(other)
    return own.name


def wait_for(path: Path) -> int:
    """Leave the process id at `<path>.pid`, and come back when there is a file at the path."""
    tell_pid(path)
    await_file(path)
    return os.getpid()


def compute(path: Path) -> bytes:
    """Leave the process id as `wait_for` does, and stay in native code for minutes."""
    tell_pid(path)
    return hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


def end(code: int) -> NoReturn:
    os._exit(code)


def kill_self(after_s: float | None) -> None:
    time.sleep(after_s or 0)
    os.kill(os.getpid(), signal.SIGKILL)


def kill_self_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        kill_self(None)
    return "the second time"


def tell_pid(path: Path) -> None:
    begun = path.with_name(f"{path.name}.begun")
    begun.write_text(str(os.getpid()))
    begun.replace(path.with_name(f"{path.name}.pid"))


def told_pid(path: Path) -> int:
    """Of the process that works on a `wait_for` or `compute`, when it does."""
    pid_file = path.with_name(f"{path.name}.pid")
    await_file(pid_file)
    return int(pid_file.read_text())


def await_file(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


_ACTS: dict[str, Callable[[Any], object]] = {
    act.__name__: act
    for act in (
        double, big, refuse, refuse_with_lock, refuse_in_two_words, give_lock, meet, wait_for,
        compute, end, kill_self, kill_self_once,
    )
}  # fmt: skip
