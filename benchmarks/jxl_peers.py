"""The JPEG XL codecs that are measured beside each other, and JPEG-LS."""

import functools
from typing import Any

import imagecodecs
import numpy as np
from codec_peer import CodecPeer, mapped
from codec_volumes import Frames

from dicube.codecs.jxl import JxlCodec


class Native(CodecPeer):
    """Ours."""

    def __init__(self, effort: str) -> None:
        self.name = f"dicube, {effort}"
        self._effort = effort

    def encode(self, threads: int) -> int:
        self._encoded = JxlCodec().encode_frames(
            self.frames, num_threads=threads, effort=self._effort
        )
        return self._encoded.nbytes

    def decode(self, threads: int) -> Frames:
        return JxlCodec().decode_frames(self._encoded, num_threads=threads)


class Libjxl(CodecPeer):
    """libjxl through imagecodecs, told how many bits a sample has."""

    def __init__(self, effort: int) -> None:
        self.name = f"libjxl, effort {effort}"
        self._effort = effort
        self.is_slow = effort > 3
        self.most_rounds = 1 if self.is_slow else CodecPeer.most_rounds

    def prepare(self, frames: Frames) -> None:
        """Take frames, as unsigned numbers: it has no others."""
        self._offset = min(0, int(frames.min()))
        stored = (frames.astype(np.int32) - self._offset).astype(f"u{frames.itemsize}")
        least = 9 if frames.itemsize > 1 else 1
        self._bits = max(least, int(stored.max()).bit_length())
        self._dtype = frames.dtype
        if self.is_slow:
            self.frames = stored
        else:
            super().prepare(stored)

    def encode(self, threads: int) -> int:
        encode = functools.partial(
            imagecodecs.jpegxl_encode,
            lossless=True,
            effort=self._effort,
            bitspersample=self._bits,
            numthreads=1,
        )
        self._encoded = mapped(encode, self.frames, threads)
        return sum(map(len, self._encoded))

    def decode(self, threads: int) -> Frames:
        out = np.empty_like(self.frames)

        def decode(index: int) -> None:
            imagecodecs.jpegxl_decode(self._encoded[index], index=0, numthreads=1, out=out[index])

        mapped(decode, range(len(out)), threads)
        return out

    def decoded(self) -> Frames:
        return (super().decoded().astype(np.int32) + self._offset).astype(self._dtype)


class JpegLs(CodecPeer):
    """CharLS through imagecodecs."""

    name = "JPEG-LS (CharLS)"

    def encode(self, threads: int) -> int:
        self._encoded = mapped(imagecodecs.jpegls_encode, self.frames, threads)
        return sum(map(len, self._encoded))

    def decode(self, threads: int) -> Any:
        return np.stack(mapped(imagecodecs.jpegls_decode, self._encoded, threads))


def peers(*, with_effort_9: bool, with_jpegls: bool) -> list[CodecPeer]:
    """Ours, then those that are the reference for it."""
    found: list[CodecPeer] = [Native(effort) for effort in ("fast", "default", "max")]
    found += [Libjxl(effort) for effort in ((1, 3, 7, 9) if with_effort_9 else (1, 3, 7))]
    return [*found, JpegLs()] if with_jpegls else found
