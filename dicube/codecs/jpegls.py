"""JPEG-LS (ITU-T T.87), by CharLS through imagecodecs."""

from dicube.codecs.base import (
    MAX_SAMPLES_PER_FRAME,
    BytesLike,
    Capabilities,
    Codestreams,
    Samples,
    StreamInfo,
)
from dicube.codecs.frame_codec import FrameCodec
from dicube.codecs.imagecodecs_calls import decode_with, encode_with
from dicube.codecs.jpeg_markers import check_complete, stream_info

_HEADER_CAPACITY = 4096  # generous: marker segments take about 90 bytes


class JpegLsCodec(FrameCodec):
    """JPEG-LS streams; encodes without loss, decodes near-lossless ones too.

    The format has no signed samples. As in DICOM, signed ones are stored as bit patterns, which
    costs some compression where values cross zero.
    """

    name = "jpegls"
    suffixes = (".jls",)
    transfer_syntaxes = (
        "1.2.840.10008.1.2.4.80",  # lossless
        "1.2.840.10008.1.2.4.81",  # near-lossless
    )
    capabilities = Capabilities(
        dtypes=("uint8", "int8", "uint16", "int16"),
        samples=(1, 3, 4),
        encodes=True,
        lossy_decoding=True,
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Encode without loss, one stream a frame; see `dicube.codecs.base.Codec`."""
        return self._encode_each(frames, _encode, num_threads, verify=verify)

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jpeg_markers.stream_info`."""
        return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        # Without its end, CharLS 2.4.3 can spend ten seconds on a small stream before it gives up.
        check_complete(data)
        # For components in scans of their own, imagecodecs wants another shape than it returns.
        return decode_with("jpegls_decode", data, out if info.samples == 1 else None)


def _encode(frame: Samples) -> bytes:
    # CharLS's own estimate is too small for small noisy frames. A sample takes at most 32 bits of
    # 8, or 64 of 16 (the LIMIT of T.87 A.5.3), and bit stuffing adds an eighth.
    capacity = 5 * frame.nbytes + _HEADER_CAPACITY
    return encode_with("jpegls_encode", frame.view(f"u{frame.itemsize}"), out=capacity)
