"""The HTJ2K codecs that are measured beside each other."""

import functools
import json
import subprocess
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
from codec_peer import CodecPeer, mapped
from codec_volumes import Frames
from environments import PUBLISHED, EnvironmentUnavailableError, interpreter_of

from dicube.codecs.jph import JphCodec

_SERVER = Path(__file__).with_name("published_codec.py")


class Native(CodecPeer):
    """Ours."""

    name = "dicube"

    def encode(self, threads: int) -> int:
        self._encoded = JphCodec().encode_frames(self.frames, num_threads=threads)
        return self._encoded.nbytes

    def decode(self, threads: int) -> Frames:
        return JphCodec().decode_frames(self._encoded, num_threads=threads)


class Imagecodecs(CodecPeer):
    """OpenJPH through imagecodecs, with the parameters that ours has by itself."""

    name = f"imagecodecs {imagecodecs.__version__}"

    def encode(self, threads: int) -> int:
        encode = functools.partial(
            imagecodecs.htj2k_encode, reversible=True, rgb=False, planar=False, tlm=True
        )
        self._encoded = mapped(encode, self.frames, threads)
        return sum(map(len, self._encoded))

    def decode(self, threads: int) -> Frames:
        out = np.empty_like(self.frames)

        def decode(index: int) -> None:
            imagecodecs.htj2k_decode(self._encoded[index], planar=False, out=out[index])

        mapped(decode, range(len(out)), threads)
        return out


class Published(CodecPeer):
    """The codec of dicube 0.3.0, in a process of its environment; asking costs about 0.1 ms."""

    name = "dicube 0.3.0"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self._process = subprocess.Popen(
            [str(interpreter_of(PUBLISHED)), str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self._folder,
        )

    def prepare(self, frames: Frames) -> None:
        np.save(self._folder / "frames.npy", frames)
        self._ask("load", 1)
        super().prepare(frames)

    def encode(self, threads: int) -> int:
        return self._ask("encode", threads)

    def decode(self, threads: int) -> None:
        self._ask("decode", threads)

    def decoded(self) -> Frames:
        self._ask("save", 1)
        return np.load(self._folder / "decoded.npy")

    def _ask(self, operation: str, threads: int) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([operation, threads]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@functools.cache
def available_peers() -> tuple[CodecPeer, ...]:
    """Ours first; the published codec only where its environment can be made."""
    try:
        return Native(), Imagecodecs(), Published()
    except EnvironmentUnavailableError as error:
        print(f"without dicube 0.3.0: {error}", flush=True)
        return Native(), Imagecodecs()
