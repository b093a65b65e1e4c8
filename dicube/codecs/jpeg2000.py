"""JPEG 2000 Part 1, by OpenJPEG through imagecodecs."""

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
from dicube.codecs.jpeg2000_markers import stream_info, unwrap_jp2


class Jpeg2000Codec(FrameCodec):
    """JPEG 2000 codestreams; encodes without loss, decodes lossy ones too.

    Colour comes out as the components behind the inverse component transform of the stream; none
    is used when encoding. A JP2 file in place of a codestream is read, its colour boxes are not.
    """

    name = "jpeg2000"
    suffixes = (".j2k", ".jp2", ".jpc")
    transfer_syntaxes = (
        "1.2.840.10008.1.2.4.90",  # lossless only
        "1.2.840.10008.1.2.4.91",  # lossless or lossy
    )
    # OpenJPEG takes 32 bit arrays but loses what exceeds its coding range.
    capabilities = Capabilities(
        dtypes=("uint8", "int8", "uint16", "int16"),
        samples=(1, 3, 4),
        encodes=True,
        lossy_decoding=True,
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Encode without loss, one codestream a frame; see `dicube.codecs.base.Codec`."""
        return self._encode_each(frames, _encode, num_threads, verify=verify)

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jpeg2000_markers.stream_info`."""
        return stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        return decode_with("jpeg2k_decode", unwrap_jp2(data), out, planar=False, numthreads=1)


def _encode(frame: Samples) -> bytes:
    return encode_with(
        "jpeg2k_encode",
        frame,
        level=0,
        reversible=True,
        codecformat="J2K",
        mct=False,
        planar=False,
        numthreads=1,
    )
