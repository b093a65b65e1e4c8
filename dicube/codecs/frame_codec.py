"""What the codecs share: whole volumes, output arrays, checks before decoding, frame numbers.

A codec derives from `FrameCodec` and adds what it knows: how to read a header and how to decode
one codestream. The order of a decode is the same for all: read the header, compare it with the
budget and with the place the frame has to go, and only then let the library work.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from dicube.codecs.base import (
    BytesLike,
    Capabilities,
    Codestreams,
    Samples,
    StreamInfo,
    bytes_view,
)
from dicube.codecs.parallel import map_frames, useful_threads
from dicube.codecs.sample_rules import (
    check_frames,
    is_plain,
    native_frame,
    place,
    without_single_sample,
)
from dicube.exceptions import CodecError, DataConsistencyError

Result = TypeVar("Result")


class FrameCodec(ABC):
    """Base of the codecs that work frame by frame. See the `Codec` protocol for the promises."""

    name: str
    suffixes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]
    capabilities: Capabilities

    def __repr__(self) -> str:
        return f"<codec {self.name}>"

    @abstractmethod
    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """See `dicube.codecs.base.Codec`."""

    def encode_batches(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """See `dicube.codecs.base.Codec`; one batch of all frames."""
        self.capabilities.check_effort(effort)
        yield self.encode_frames(frames, num_threads=num_threads, verify=verify)

    def encode_pieces(
        self,
        pieces: Iterable[Samples],
        *,
        bits: int,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """See `dicube.codecs.base.Codec`."""
        for piece in pieces:
            yield from self.encode_batches(
                piece, num_threads=num_threads, verify=verify, effort=effort
            )

    def decode_frames(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        *,
        out: Samples | None = None,
        num_threads: int | None = None,
        intact: bool = False,
    ) -> Samples:
        """Decode every frame; see `dicube.codecs.base.Codec`.

        Parameters
        ----------
        codestreams : Codestreams or sequence of n bytes-like
        out : (n, rows, columns[, samples]) integers, optional
            Filled and returned. A sample of the same width is copied as bit pattern whatever its
            sign, a narrower one widened, a wider one narrowed if it fits.
        num_threads : int, optional
        intact : bool
            A checksum has proved the bytes to be those that an encoder wrote.

        Returns
        -------
        (n, rows, columns[, samples]) integers
            `out`; or a new array of the dtype and shape that the Codestreams remember, else of
            those in the header of the first codestream.

        Raises
        ------
        CodecError
            A codestream is damaged, too large or does not fit; `where` names the frame.
        DataConsistencyError
            `out` has the wrong shape or dtype.
        """
        if out is None:
            out = self._new_frames(codestreams)
        else:
            self._check_out(codestreams, out)
        self._decode_all(codestreams, out, num_threads, intact=intact)
        return out

    @abstractmethod
    def stream_info(self, data: BytesLike) -> StreamInfo:
        """Read the header of one codestream, within the budget, without decoding it.

        Raises
        ------
        CodecError
            The header is damaged, beyond the budget or of a kind that is not decoded.
        """

    def check_header(self, data: BytesLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """See `dicube.codecs.base.Codec`."""
        info = self.stream_info(data)
        if not self._fits(info, single_sample_dropped(shape), dtype):
            raise CodecError(f"holds a frame of shape {info.frame_shape}, expected {shape}")

    @abstractmethod
    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        """Decode one codestream, into `out` (of just this shape and dtype) if given."""

    def _decode_all(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        frames: Samples,
        num_threads: int | None,
        *,
        intact: bool,
    ) -> None:
        """Decode every codestream into its frame of `frames`, whose shape and dtype are checked."""
        sample_dtype = codestreams.dtype if isinstance(codestreams, Codestreams) else None

        def decode(index: int) -> None:
            data = bytes_view(codestreams[index])
            target = without_single_sample(frames[index])
            self._decode_into(data, target, sample_dtype, intact=intact)

        threads = useful_threads(math.prod(frames.shape[1:]), num_threads)
        map_frames(naming_frames(decode), len(codestreams), threads)

    def _encode_each(
        self,
        frames: Samples,
        encode: Callable[[Samples], BytesLike],
        num_threads: int | None,
        *,
        verify: bool,
        sample_offset: int = 0,
    ) -> Codestreams:
        """Check the frames, encode each as native (rows, columns[, samples]), join the results."""
        check_frames(frames, self.capabilities, self.name)

        def encode_one(index: int) -> BytesLike:
            frame = native_frame(frames[index])
            data = encode(frame)
            if verify:
                decoded = np.empty_like(frame)
                # Intact: whatever is wrong shows in the comparison.
                self._decode_into(bytes_view(data), decoded, frame.dtype, intact=True)
                if not np.array_equal(decoded, frame):
                    raise samples_not_kept(self.name)
            return data

        parts = map_frames(
            naming_frames(encode_one),
            len(frames),
            useful_threads(math.prod(frames.shape[1:]), num_threads),
        )
        return Codestreams.from_parts(
            parts, frames.dtype, frames.shape[1:], sample_offset=sample_offset
        )

    def _decode_into(
        self,
        data: memoryview,
        target: Samples,
        sample_dtype: np.dtype[Any] | None,
        *,
        intact: bool = False,
    ) -> None:
        """Decode one codestream into its place.

        `sample_dtype` is what went into the encoder, where that is known: a format without sign
        gives the bit patterns of signed samples, which have to get it back before any widening.
        """
        info = self.stream_info(data)
        if not self._fits(info, target.shape, sample_dtype or target.dtype):
            raise CodecError(f"holds a frame of shape {info.frame_shape}, expected {target.shape}")
        direct = target if is_plain(target, info.dtype) else None
        frame = self._decode_stream(data, info, direct, intact=intact)
        if frame is direct:
            return
        if sample_dtype is not None and frame.dtype.itemsize == sample_dtype.itemsize:
            frame = frame.view(sample_dtype)
        place(frame, target)

    def _fits(self, info: StreamInfo, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Whether a stream with this header can hold a frame of `shape` and `dtype`."""
        return info.frame_shape == shape

    def _first_layout(self, data: BytesLike) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Frame shape and dtype of codestreams that come without, told by the first of them."""
        info = self.stream_info(data)
        return info.frame_shape, info.dtype

    def _new_frames(self, codestreams: Codestreams | Sequence[BytesLike]) -> Samples:
        shape, dtype = None, None
        if isinstance(codestreams, Codestreams):
            shape, dtype = codestreams.shape, codestreams.dtype
        if shape is None or dtype is None:
            if not len(codestreams):
                raise CodecError(
                    "no codestreams, and nothing tells the shape of a frame", hint="give out="
                )
            first = naming_frames(lambda index: self._first_layout(codestreams[index]))(0)
            shape = shape or first[0]
            dtype = dtype or first[1]
        elif len(codestreams):
            # The shape remembered may come from a file: no memory before one header confirms it.
            naming_frames(lambda index: self.check_header(codestreams[index], shape, dtype))(0)
        try:
            return np.empty((len(codestreams), *shape), dtype)
        except (MemoryError, ValueError) as error:
            raise CodecError(
                f"no memory for {len(codestreams)} frames of {shape} {dtype}",
                hint="decode fewer frames at a time",
            ) from error

    def _check_out(self, codestreams: Codestreams | Sequence[BytesLike], out: Samples) -> None:
        if out.ndim not in (3, 4) or len(out) != len(codestreams):
            raise DataConsistencyError(
                f"out has shape {out.shape}, expected {len(codestreams)} frames of "
                "(rows, columns[, samples])"
            )
        if out.dtype.kind not in "iu" or out.dtype.itemsize > 4 or not out.flags.writeable:
            raise DataConsistencyError(
                f"out is {out.dtype.name}, expected a writable array of 8, 16 or 32 bit integers"
            )
        expected = codestreams.shape if isinstance(codestreams, Codestreams) else None
        given = single_sample_dropped(out.shape[1:])
        if expected is None:
            self._check_out_by_header(codestreams, out, given)
        elif single_sample_dropped(expected) != given:
            raise DataConsistencyError(f"out has frames of shape {given}, expected {expected}")

    def _check_out_by_header(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        out: Samples,
        given: tuple[int, ...],
    ) -> None:
        if not len(codestreams):
            return
        info = naming_frames(lambda index: self.stream_info(codestreams[index]))(0)
        if not self._fits(info, given, out.dtype):
            raise DataConsistencyError(
                f"out has frames of shape {given}, the codestreams hold {info.frame_shape}"
            )


def single_sample_dropped(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:2] if shape[2:] == (1,) else shape


def naming_frames(function: Callable[[int], Result]) -> Callable[[int], Result]:
    """Let a CodecError say in which frame it came up."""

    def named(index: int) -> Result:
        try:
            return function(index)
        except CodecError as error:
            raise CodecError(error.what, where=f"frame {index}", hint=error.hint) from error

    return named


def joined(codestreams: Codestreams | Sequence[BytesLike]) -> Codestreams:
    """All codestreams in one buffer; a single one is not copied for it."""
    if isinstance(codestreams, Codestreams):
        return codestreams
    view = naming_frames(lambda index: bytes_view(codestreams[index]))
    views = [view(index) for index in range(len(codestreams))]
    if len(views) == 1:
        return Codestreams(views[0], [0], [views[0].nbytes])
    return Codestreams.from_parts(views)


def samples_not_kept(codec: str, where: str | None = None) -> CodecError:
    """The error for a codec that is not lossless."""
    return CodecError(
        f"the {codec} codec did not keep the samples",
        where=where,
        hint="please report this, with the versions that `pip list` shows",
    )
