"""What every codec of DiCube is and handles: codestreams, their headers, the Codec protocol.

Nothing here compresses. The registry finds a codec; ``frame_codec`` holds what the codecs share.
"""

import mmap
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, overload, runtime_checkable

import numpy as np
import numpy.typing as npt

from dicube.exceptions import CodecError, DataConsistencyError

BytesLike: TypeAlias = bytes | bytearray | memoryview | mmap.mmap
Samples: TypeAlias = npt.NDArray[Any]
Mask: TypeAlias = npt.NDArray[np.bool_]  # True inside of a region of interest

# Largest frame a decoder agrees to unfold: a 16384 x 16384 radiograph, four times the largest
# detector in use. A header that claims more is damaged or hostile.
MAX_SAMPLES_PER_FRAME = 2**28


@dataclass(frozen=True)
class Capabilities:
    """What a codec takes and gives.

    Parameters
    ----------
    dtypes : tuple of str
        Names of the dtypes it encodes without loss, such as "int16"; for a codec that only
        decodes, those that its streams can hold.
    samples : tuple of int
        Numbers of samples per pixel, likewise.
    encodes : bool
        False for a codec that only decodes.
    lossy_decoding : bool
        Whether its transfer syntaxes include lossy ones.
    efforts : tuple of str
        Operating points of the encoder, from fast to small; empty if there is but one.
    """

    dtypes: tuple[str, ...]
    samples: tuple[int, ...]
    encodes: bool
    lossy_decoding: bool
    efforts: tuple[str, ...] = ()

    def check_effort(self, effort: str | None) -> None:
        """Refuse an effort that there is not; None is the one by default.

        Raises
        ------
        CodecError
        """
        if effort is None or effort in self.efforts:
            return
        if not self.efforts:
            raise CodecError(f"effort is {effort!r}, this codec has but one way to encode")
        raise CodecError(f"effort is {effort!r}", hint="take one of " + ", ".join(self.efforts))


@dataclass(frozen=True)
class StreamInfo:
    """What the header of a codestream says, read without decoding it.

    Parameters
    ----------
    rows, columns : int
    samples : int
        Samples per pixel, alpha included.
    bits : int
        Bits per sample, 1 to 32.
    signed : bool
    """

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(rows, columns), followed by samples where a pixel has several."""
        grid = (self.rows, self.columns)
        return grid if self.samples == 1 else (*grid, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The narrowest of 8, 16 and 32 bit integers that holds every sample, native order."""
        width = 1 if self.bits <= 8 else 2 if self.bits <= 16 else 4
        return np.dtype(f"{'i' if self.signed else 'u'}{width}")

    def check_budget(self, max_pixels: int) -> None:
        """Refuse an impossible or too large frame before memory is asked for.

        Raises
        ------
        CodecError
            A dimension or the bit depth is out of range, or the frame has more than `max_pixels`
            samples.
        """
        if min(self.rows, self.columns, self.samples) < 1:
            raise CodecError(f"the codestream announces an empty frame, {self.frame_shape}")
        if not 1 <= self.bits <= 32:
            raise CodecError(f"the codestream has {self.bits} bits per sample, 1 to 32 are read")
        count = self.rows * self.columns * self.samples
        if count > max_pixels:
            raise CodecError(
                f"the codestream announces {count} samples in one frame, at most {max_pixels} "
                "are decoded",
                hint="the header is damaged, or the file was made to exhaust memory",
            )


class Codestreams(Sequence[memoryview]):
    """The codestreams of n frames, all inside one buffer.

    Parameters
    ----------
    buffer : bytes-like
        Kept, not copied; items are views of it.
    offsets, lengths : (n,) int64, bytes
        Where each codestream lies. They may overlap or leave gaps.
    dtype : numpy dtype, optional
        Of the samples that were encoded; None when the codestreams came from elsewhere.
    shape : tuple of int, optional
        (rows, columns[, samples]) of a frame; None when not known.
    sample_offset : int, optional
        What the encoder added to every sample because its format has no signed ones; 0 for none.
        A record: decoders take it off again by themselves.

    Raises
    ------
    DataConsistencyError
        An extent reaches outside the buffer.
    """

    def __init__(
        self,
        buffer: BytesLike,
        offsets: npt.ArrayLike,
        lengths: npt.ArrayLike,
        dtype: npt.DTypeLike | None = None,
        shape: Sequence[int] | None = None,
        sample_offset: int = 0,
    ) -> None:
        self.buffer = buffer
        self.offsets = np.asarray(offsets, dtype=np.int64)
        self.lengths = np.asarray(lengths, dtype=np.int64)
        self.dtype = None if dtype is None else np.dtype(dtype).newbyteorder("=")
        self.shape = None if shape is None else tuple(map(int, shape))
        self.sample_offset = sample_offset
        self._view = bytes_view(buffer)
        self._check_extents()

    @classmethod
    def from_parts(
        cls,
        parts: Iterable[BytesLike],
        dtype: npt.DTypeLike | None = None,
        frame_shape: Sequence[int] | None = None,
        *,
        sample_offset: int = 0,
    ) -> "Codestreams":
        """Join codestreams, one per frame and in frame order, into one buffer."""
        views = [bytes_view(part) for part in parts]
        lengths = np.array([view.nbytes for view in views], dtype=np.int64)
        offsets = np.cumsum(lengths) - lengths
        return cls(b"".join(views), offsets, lengths, dtype, frame_shape, sample_offset)

    @property
    def nbytes(self) -> int:
        """Length of all codestreams together, in bytes."""
        return int(self.lengths.sum())

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> memoryview: ...
    @overload
    def __getitem__(self, index: slice) -> "Codestreams": ...
    def __getitem__(self, index: int | slice) -> "memoryview | Codestreams":
        if isinstance(index, slice):
            return Codestreams(
                self.buffer,
                self.offsets[index],
                self.lengths[index],
                self.dtype,
                self.shape,
                self.sample_offset,
            )
        # IndexError has to leave here as it is: Sequence iterates until it comes.
        position = operator.index(index)
        start = int(self.offsets[position])
        return self._view[start : start + int(self.lengths[position])]

    def __repr__(self) -> str:
        return f"<Codestreams: {len(self)} of {self.dtype} {self.shape}, {self.nbytes} bytes>"

    def _check_extents(self) -> None:
        if self.offsets.ndim != 1 or self.offsets.shape != self.lengths.shape:
            raise DataConsistencyError(
                f"offsets {self.offsets.shape} and lengths {self.lengths.shape} have to be "
                "two vectors of one length"
            )
        inside = (self.offsets >= 0) & (self.lengths >= 0)
        # Written so that no sum can overflow: offsets and lengths may come from a damaged file.
        inside &= self.offsets <= self._view.nbytes - self.lengths
        if not inside.all():
            raise DataConsistencyError(
                f"the codestream reaches outside its buffer of {self._view.nbytes} bytes",
                where=f"frame {int(np.argmin(inside))}",
            )


@runtime_checkable
class Codec(Protocol):
    """Frames to codestreams and back, for one compression format.

    Implementations add keyword options of their own to `encode_frames`.
    """

    @property
    def name(self) -> str:
        """How the codec is asked for, such as "jph"."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """File suffixes of single images, lower case with the dot."""

    @property
    def transfer_syntaxes(self) -> tuple[str, ...]:
        """DICOM transfer syntax UIDs it decodes."""

    @property
    def capabilities(self) -> Capabilities:
        """What it encodes."""

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """What the header of a codestream says, checked against the budget for one frame."""

    def check_header(self, data: BytesLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Make sure by its header that a codestream holds a frame of this shape and dtype.

        Raises CodecError if it does not. Asked before memory is taken for all frames.
        """

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Encode (n, rows, columns[, samples]) integers, losslessly, one codestream a frame.

        Strides and byte order are free. With `verify` what was encoded is decoded and compared.
        Raises CodecError for samples it does not take or did not keep.
        """

    def encode_batches(
        self,
        frames: Samples,
        *,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """As `encode_frames`, but some frames at a time and in order: while the caller deals with
        them, the next ones are being encoded.

        A codec that has to see all frames first gives one batch of all. `effort` is one of its
        capabilities; CodecError if not.
        """

    def encode_pieces(
        self,
        pieces: Iterable[Samples],
        *,
        bits: int,
        num_threads: int | None = None,
        verify: bool = False,
        effort: str | None = None,
    ) -> Iterator[Codestreams]:
        """As `encode_batches`, of a volume that comes in pieces; no more than one is held.

        `bits` hold every sample, with its sign: what is said once for a volume follows from it.
        """

    def decode_frames(
        self,
        codestreams: Codestreams | Sequence[BytesLike],
        *,
        out: Samples | None = None,
        num_threads: int | None = None,
        intact: bool = False,
    ) -> Samples:
        """Decode all frames into `out`, or into a new array, and return it.

        The array is (n, rows, columns[, samples]); `out` may be strided. `intact` says that a
        checksum has proved the bytes to be those that an encoder wrote, so that a codec may leave
        out what it does to notice damage. Raises CodecError, which names the frame, for a
        codestream that is damaged or does not fit, and DataConsistencyError for an `out` of the
        wrong shape.
        """


def bytes_view(data: BytesLike) -> memoryview:
    """See contiguous or strided bytes-like data as (n,) unsigned bytes.

    Raises
    ------
    CodecError
        `data` is not bytes-like.
    """
    try:
        view = memoryview(data)
    except TypeError as error:
        raise CodecError(f"a codestream is bytes-like, got {type(data).__name__}") from error
    # A zero-length view cannot be cast when it has more than one dimension.
    return view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
