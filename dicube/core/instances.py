"""The SOP instances of a cube file, one at a time: header, frames, and the DICOM file again.

Only what is asked for is read: codestreams of the frames of one instance, never all of them.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

import numpy as np

from dicube.closing import Closing
from dicube.codecs import codec_for_transfer_syntax
from dicube.codecs.jpeg2000_markers import coding_style
from dicube.core.contents import Array
from dicube.core.cube_file import describe, image_member
from dicube.core.frame_reader import FrameReader
from dicube.dicom.class_pixels import fit_to_class
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.dicom_tags import CommonTags, tag_key
from dicube.dicom.entries import Entry, slice_item
from dicube.dicom.export import (
    JXL_UID,
    TRANSFER_SYNTAXES,
    files_from_meta,
    files_from_sources,
)
from dicube.dicom.file_builder import (
    DECODED_PHOTOMETRIC,
    described_layout,
    fits_layout,
    layout_for_meta,
    layout_of_dtype,
)
from dicube.dicom.instance import EXPLICIT_UID
from dicube.dicom.pixel_layout import PixelLayout, pack_values
from dicube.dicom.series.frame_meta import counts_for
from dicube.dicom.source_files import SourceFile
from dicube.exceptions import CodecError, MetaDataError
from dicube.storage.dcb_file import DcbFile, PathLike
from dicube.storage.formats import DCBA, DCBS

HTJ2K_LOSSLESS_UID: Final = TRANSFER_SYNTAXES["htj2k"]
HTJ2K_RPCL_UID: Final = TRANSFER_SYNTAXES["htj2k-rpcl"]
HTJ2K_UID: Final = "1.2.840.10008.1.2.4.203"
_PHOTOMETRIC: Final = tag_key(CommonTags.PhotometricInterpretation)
_FRAMES: Final = tag_key(CommonTags.NumberOfFrames)
_BATCH_FRAMES: Final = 32


class CubeInstances(Closing):
    """A cube file as its SOP instances, in the order of its metadata.

    Instances are named by their number here, frames by their number in the instance, from 0. Safe
    to share between threads. Use as a context manager, or call `close`.

    Parameters
    ----------
    path : path

    Raises
    ------
    InvalidCubeFileError, CodecError
        No cube file, or a damaged one.
    MetaDataError
        It has no metadata, or they are those of other frames.
    """

    def __init__(self, path: PathLike) -> None:
        self._file = DcbFile(path)
        try:
            self._adopt(self._file)
        except BaseException:
            self.close()
            raise

    def _adopt(self, file: DcbFile) -> None:
        self._image = image_member(file)
        self._about = describe(file, is_kept_open=True)
        self._reader = FrameReader(file, self._image)
        if self._about.meta is None:
            raise MetaDataError(
                "the image has no DICOM metadata",
                where=file.name,
                hint="give it some with image.init_meta(modality=...), and save it",
            )
        self._lock = threading.RLock()  # metadata and source files are unpacked when asked for
        meta = self._about.meta.value
        counts = counts_for(meta, self._about.frames)
        if counts is None:
            raise MetaDataError(
                f"the metadata do not describe the {self._about.frames} frames of the image",
                where=file.name,
            )
        self._counts = counts
        self._starts = np.concatenate([[0], np.cumsum(counts)]).tolist()
        order = self._about.frame_order
        self._places = None if order is None else np.argsort(order)
        self.uids = tuple(str(uid or "") for uid in meta.get_values(CommonTags.SOPInstanceUID))

    # ---- what there is --------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def name(self) -> str:
        """The path of the file."""
        return self._file.name

    @property
    def identity(self) -> str:
        """Tells the file from others, and from itself after it was written again."""
        return self._file.identity

    def frame_count(self, number: int) -> int:
        """Frames of an instance."""
        return self._counts[number]

    def some_entries(self, number: int, keys: Iterable[str]) -> dict[str, Entry]:
        """Those of some elements of an instance that its metadata have; not to be changed."""
        merged = self._merged
        return slice_item({key: merged[key] for key in keys if key in merged}, number)

    def entries(self, number: int) -> Mapping[str, Entry]:
        """The header of an instance by "GGGGEEEE", without its pixel data; not to be changed.

        What describes the pixels is as in the file that `file_bytes` makes uncompressed.

        Raises
        ------
        MetaDataError
            The metadata are malformed.
        """
        entries = slice_item(self._merged, number)
        source = self._source(number)
        if source is None:
            return entries | _pixel_entries(self.layout(number), entries)
        if not source.exact and not source.layout.chroma_422:
            named = entries.get(_PHOTOMETRIC, {}).get("Value") or [""]
            decoded = DECODED_PHOTOMETRIC.get(named[0])
            if decoded is not None:
                return entries | {_PHOTOMETRIC: {"vr": "CS", "shared": True, "Value": [decoded]}}
        return entries

    def layout(self, number: int) -> PixelLayout:
        """How the pixels of an instance lie in native little endian data.

        Raises
        ------
        DataConsistencyError
            Its SOP class holds no such pixels.
        """
        source = self._source(number)
        if source is not None:
            return source.layout.as_native_little(keep_chroma=source.exact)
        meta, frames = self._own_meta(number), range(self.frame_count(number))
        blank = fit_to_class(meta, self._blank(frames))
        layout = layout_of_dtype(blank.shape, blank.dtype)
        described = described_layout(meta, 0, layout)
        if described.bits_stored == layout.bits_stored or fits_layout(described, *self._range):
            return described
        return layout_for_meta(meta, 0, fit_to_class(meta, self.values(number, frames)))

    def stored_syntaxes(self, number: int) -> tuple[str, ...]:
        """Transfer syntaxes that the codestreams of the file are in already, the best known first.

        Empty where they cannot be placed in a DICOM file as they are: floats and bits, samples of
        another width than the instance has, JPEG XL of signed samples, files of the published tool.
        """
        image, file_format = self._image, self._file.file_format
        if image is None or not image.encoding.is_plain:
            return ()
        layout, dtype = self.layout(number), self._about.dtype
        if layout.dtype != dtype or layout.bits_allocated < 8:
            return ()
        if file_format == DCBA:
            return (JXL_UID,) if dtype in (np.dtype("u1"), np.dtype("u2")) else ()
        return self._htj2k_syntaxes if file_format == DCBS else ()

    def source_syntax(self, number: int) -> str | None:
        """The transfer syntax in which the instance comes back byte for byte, if in any."""
        source = self._source(number)
        return source.transfer_syntax if source is not None and source.exact else None

    def source_digest(self, number: int) -> str | None:
        """The digest of the file that an instance comes from; None where that is not known."""
        source = self._source(number)
        return None if source is None else source.digest

    def rescale(self, number: int, frame: int) -> tuple[float, float]:
        """Slope and intercept of a frame of an instance."""
        rescale, header = self._about.rescale, self._about.header
        if rescale is None:
            return header.RescaleSlope, header.RescaleIntercept
        (place,) = self._numbers(number, [frame])
        return float(rescale.slopes[place]), float(rescale.intercepts[place])

    @property
    def window(self) -> tuple[float, float] | None:
        """Centre and width of the window of the series, in output values."""
        header = self._about.header
        if header.WindowCenter is None or not (header.WindowWidth or 0) > 0:
            return None
        return float(header.WindowCenter), float(header.WindowWidth or 0)

    # ---- pixels ---------------------------------------------------------------------------------

    def codestreams(self, number: int, frames: Sequence[int]) -> list[memoryview]:
        """Frames of an instance as they are stored, checked against their checksums.

        Raises
        ------
        InvalidCubeFileError
            A frame is damaged.
        """
        return self._file.frames.take(self._numbers(number, frames))

    def values(self, number: int, frames: Sequence[int]) -> Array:
        """Stored values of frames of an instance, (n, rows, columns[, samples]).

        Raises
        ------
        InvalidCubeFileError, CodecError
            A frame is damaged.
        """
        return self._reader.whole(self._numbers(number, frames), 1)

    def encoded(self, number: int, frames: Sequence[int], uid: str) -> list[memoryview]:
        """Frames as codestreams of a transfer syntax, encoded unless they are stored in it.

        Raises
        ------
        CodecError
            It cannot hold such pixels.
        """
        if uid in self.stored_syntaxes(number):
            return self.codestreams(number, frames)
        values = self.values(number, frames).astype(self.layout(number).dtype, copy=False)
        streams = codec_for_transfer_syntax(uid).encode_frames(values)
        return [memoryview(stream) for stream in streams]

    def native(self, number: int, frames: Sequence[int]) -> bytes:
        """Frames as native little endian pixel data; of bits, without gaps between them.

        Raises
        ------
        InvalidCubeFileError, CodecError
            A frame is damaged.
        """
        layout = replace(self.layout(number), frames=len(frames))
        return pack_values(self.values(number, frames), layout, b"")

    def file_bytes(self, number: int, uid: str) -> bytes:
        """The DICOM file of an instance in a transfer syntax.

        In that of the source it is the source file, byte for byte, if that was uncompressed.

        Raises
        ------
        InvalidCubeFileError
            A frame is damaged.
        CodecError
            The transfer syntax cannot hold such pixels, or is none that can be written.
        MetaDataError
            The metadata lack what a DICOM file needs.
        """
        frames = range(self.frame_count(number))
        source = self._source(number)
        if source is not None and uid == self.source_syntax(number):
            return source.file_bytes(self.values(number, frames))
        if uid not in self.writable_syntaxes(number):
            raise CodecError(f"transfer syntax {uid} cannot be written", where=self.name)
        is_stored = uid in self.stored_syntaxes(number)
        streams = self.codestreams(number, frames) if is_stored else None
        if source is None:
            values = self.values(number, frames)
            (make,) = files_from_meta(self._own_meta(number), values, uid, streams)
            return make()
        # Where codestreams go as they are, only the shape of the values is asked for.
        values = self._blank(frames) if is_stored else self.values(number, frames)
        values = values.astype(source.layout.dtype, copy=False)
        (make,) = files_from_sources([source], values, uid, streams)
        return make()

    def writable_syntaxes(self, number: int) -> tuple[str, ...]:
        """Transfer syntaxes in which an instance can be had, those that need no work first."""
        layout = self.layout(number)
        exact = self.source_syntax(number)
        encodable = (uid for uid in TRANSFER_SYNTAXES.values() if _can_hold(uid, layout))
        found = [*self.stored_syntaxes(number), *((exact,) if exact else ()), *encodable]
        return tuple(dict.fromkeys(found))

    # ---- lifetime and inside --------------------------------------------------------------------

    def close(self) -> None:
        """Give the file back to the system."""
        self._file.close()

    @cached_property
    def _merged(self) -> dict[str, Entry]:
        assert self._about.meta is not None
        with self._lock:
            return self._about.meta.value.merged_entries()

    @cached_property
    def _sources(self) -> list[SourceFile] | None:
        with self._lock:
            return None if self._about.sources is None else self._about.sources.value

    @cached_property
    def _htj2k_syntaxes(self) -> tuple[str, ...]:
        style = coding_style(self._file.frames[0])
        if not style.is_high_throughput:
            return ()
        if not style.is_reversible:
            return (HTJ2K_UID,)
        rpcl = (HTJ2K_RPCL_UID,) if style.has_rpcl_options else ()
        return (HTJ2K_LOSSLESS_UID, *rpcl, HTJ2K_UID)

    def _source(self, number: int) -> SourceFile | None:
        return None if self._sources is None else self._sources[number]

    def _own_meta(self, number: int) -> DicomMeta:
        return DicomMeta(slice_item(self._merged, number), slice_count=1)

    def _numbers(self, number: int, frames: Sequence[int]) -> list[int]:
        """Where frames of an instance are in the image."""
        start = self._starts[number]
        places = [start + range(self._counts[number])[frame] for frame in frames]
        return places if self._places is None else self._places[places].tolist()

    def _blank(self, frames: Sequence[int]) -> Array:
        """An array of the shape and dtype of so many frames, which takes no memory."""
        shape = self._about.shape[len(self._about.axes) :]
        return np.broadcast_to(np.zeros((), self._about.dtype), (len(frames), *shape))

    @cached_property
    def _range(self) -> tuple[int, int]:
        """The smallest and the largest stored value of all frames."""
        count = self._about.frames
        found = []
        for start in range(0, count, _BATCH_FRAMES):
            values = self._reader.whole(range(start, min(start + _BATCH_FRAMES, count)), None)
            found += [int(values.min()), int(values.max())]
        return min(found), max(found)


def _can_hold(uid: str, layout: PixelLayout) -> bool:
    """Whether pixels of this layout can be encoded in a transfer syntax (PS3.5 8.2)."""
    if uid == EXPLICIT_UID:
        return True
    if layout.is_float or layout.bits_allocated < 8 or (uid == JXL_UID and layout.signed):
        return False
    limits = codec_for_transfer_syntax(uid).capabilities
    fits = layout.dtype.name in limits.dtypes and layout.samples in limits.samples
    return fits and not (uid == JXL_UID and layout.dtype.itemsize > 2)


def _pixel_entries(layout: PixelLayout, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The Image Pixel module (PS3.3 C.7.6.3) of an instance that is built from its metadata."""
    numbers = {
        CommonTags.Rows: layout.rows,
        CommonTags.Columns: layout.columns,
        CommonTags.SamplesPerPixel: layout.samples,
        CommonTags.BitsAllocated: layout.bits_allocated,
    }
    if not layout.is_float:
        numbers |= {
            CommonTags.BitsStored: layout.bits_stored,
            CommonTags.HighBit: layout.high_bit,
            CommonTags.PixelRepresentation: int(layout.signed),
        }
    if layout.samples > 1:
        numbers[CommonTags.PlanarConfiguration] = 0
    found = {tag_key(tag): _shared("US", number) for tag, number in numbers.items()}
    if _PHOTOMETRIC not in entries:
        found[_PHOTOMETRIC] = _shared("CS", "MONOCHROME2" if layout.samples == 1 else "RGB")
    if layout.frames > 1 or _FRAMES in entries:
        found[_FRAMES] = _shared("IS", layout.frames)
    return found


def _shared(vr: str, value: object) -> Entry:
    return {"vr": vr, "shared": True, "Value": [value]}
