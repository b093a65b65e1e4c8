"""What the callers of the native modules share: arrays they take, errors, instruction sets."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

from dicube.codecs.base import Samples
from dicube.exceptions import CodecError, MissingDependencyError

_HINTS = {
    "damaged": "the codestream is cut short or damaged; export the image again",
    "out_of_memory": "take fewer frames at a time",
}


class SimdModule(Protocol):
    """A native module with kernels for several instruction sets."""

    def simd_levels(self) -> list[str]: ...
    def simd_level(self) -> str: ...
    def set_simd_level(self, name: str) -> None: ...


class Report(Protocol):
    """What a native module says about a call."""

    @property
    def fault(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def position(self) -> int | None: ...
    @property
    def frame(self) -> int: ...


def failure(report: Report, first: int = 0) -> CodecError:
    """The error for a report with a fault; it names the frame, if there is one.

    `first` is the number of the first frame of the call.
    """
    place = "" if report.position is None else f", at byte {report.position} of the codestream"
    where = f"frame {first + report.frame}" if report.frame >= 0 else None
    return CodecError(report.what + place, where=where, hint=_HINTS.get(report.fault))


def native_order(frames: Samples) -> Samples:
    """The frames as the native modules take them, copied only if need be."""
    native = frames.dtype.newbyteorder("=")
    plain = frames.dtype == native and frames.flags.aligned
    return frames if plain else frames.astype(native)


def check_built(name: str, missing: ImportError | None) -> None:
    """Raise MissingDependencyError where the import of the native module `name` failed."""
    if missing is not None:
        raise MissingDependencyError(
            f"the native module {name} cannot be imported: {missing}",
            hint="install a wheel of dicube, or build it: `pip install .` with a C++ compiler",
        ) from missing


@contextlib.contextmanager
def forced_simd_level(module: SimdModule, name: str) -> Iterator[None]:
    """Use one of its `simd_levels`, in all threads, to compare them; the best is used otherwise.

    Raises
    ------
    ValueError
        There is none of this name here.
    """
    before = module.simd_level()
    module.set_simd_level(name)
    try:
        yield
    finally:
        module.set_simd_level(before)
