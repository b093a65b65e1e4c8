from typing import Literal

from dicube.codecs.base import BytesLike, Samples

_Fault = Literal[
    "none", "damaged", "unsupported", "unfit", "bad_argument", "out_of_memory", "mismatch"
]

def decode_frame(codestream: BytesLike, out: Samples) -> tuple[_Fault, str, int | None]: ...
