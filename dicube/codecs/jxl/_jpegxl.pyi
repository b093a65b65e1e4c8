from collections.abc import Iterable
from typing import Literal

from dicube.codecs.base import BytesLike, Samples

_Fault = Literal[
    "none", "damaged", "unsupported", "unfit", "bad_argument", "out_of_memory", "mismatch"
]

class VolumeReport:
    fault: _Fault
    what: str
    position: int | None
    frame: int
    unsupported_frames: list[int]

class EncodedVolume:
    offsets: list[int]
    lengths: list[int]
    def __buffer__(self, flags: int, /) -> memoryview: ...

class VolumeModel:
    bits: int

def learn_model(frames: Samples, effort: str, bits: int) -> tuple[VolumeReport, VolumeModel]: ...
def encode_volume(
    frames: Samples, model: VolumeModel, *, verify: bool, threads: int
) -> tuple[VolumeReport, EncodedVolume]: ...
def decode_volume(
    buffer: BytesLike,
    offsets: Iterable[int],
    lengths: Iterable[int],
    out: Samples,
    *,
    decodes_all: bool,
    threads: int,
) -> VolumeReport: ...
def simd_levels() -> list[str]: ...
def simd_level() -> str: ...
def set_simd_level(name: str) -> None: ...
