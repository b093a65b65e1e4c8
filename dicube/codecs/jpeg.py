"""JPEG as DICOM sends it: baseline, extended and lossless. Decoding only, by libjpeg-turbo."""

from dicube.codecs.base import (
    MAX_SAMPLES_PER_FRAME,
    BytesLike,
    Capabilities,
    Codestreams,
    Samples,
    StreamInfo,
)
from dicube.codecs.frame_codec import FrameCodec
from dicube.codecs.imagecodecs_calls import decode_with
from dicube.codecs.jpeg_markers import check_complete, stream_info
from dicube.codecs.sample_rules import check_frames
from dicube.exceptions import CodecError

# Naming one colour space as that of the stream and of the result leaves the components alone,
# whatever an Adobe or JFIF segment says: Photometric Interpretation tells what they mean.
_UNCONVERTED = {1: "GRAYSCALE", 3: "YCBCR", 4: "CMYK"}


class JpegCodec(FrameCodec):
    """JPEG streams, their components as they are: YBR stays YBR and RGB stays RGB.

    Subsampled chroma is brought to full size; components of one pixel come together.
    """

    name = "jpeg"
    suffixes: tuple[str, ...] = (".jpg", ".jpeg")
    transfer_syntaxes: tuple[str, ...] = (
        "1.2.840.10008.1.2.4.50",  # baseline, 8 bits
        "1.2.840.10008.1.2.4.51",  # extended, 8 and 12 bits
    )
    capabilities = Capabilities(
        dtypes=("uint8", "uint16"), samples=(1, 3, 4), encodes=False, lossy_decoding=True
    )

    def encode_frames(
        self, frames: Samples, *, num_threads: int | None = None, verify: bool = False
    ) -> Codestreams:
        """Not possible: raises CodecError."""
        check_frames(frames, self.capabilities, self.name)
        raise AssertionError("check_frames lets no frame pass to a codec that only decodes")

    def stream_info(self, data: BytesLike) -> StreamInfo:
        """See `dicube.codecs.jpeg_markers.stream_info`."""
        info = stream_info(data, max_pixels=MAX_SAMPLES_PER_FRAME)
        if info.samples not in _UNCONVERTED:
            raise CodecError(f"JPEG with {info.samples} components is not supported, 1, 3 or 4 are")
        return info

    def _decode_stream(
        self, data: memoryview, info: StreamInfo, out: Samples | None, *, intact: bool = False
    ) -> Samples:
        check_complete(data)
        space = _UNCONVERTED[info.samples]
        return decode_with("jpeg8_decode", data, out, colorspace=space, outcolorspace=space)


class LosslessJpegCodec(JpegCodec):
    """JPEG process 14 (T.81 Annex H), 2 to 16 bits, any predictor."""

    name = "ljpeg"
    suffixes = (".ljpeg",)
    transfer_syntaxes = (
        "1.2.840.10008.1.2.4.57",  # lossless, any predictor
        "1.2.840.10008.1.2.4.70",  # lossless, first-order prediction
    )
    capabilities = Capabilities(
        dtypes=("uint8", "uint16"), samples=(1, 3, 4), encodes=False, lossy_decoding=False
    )
