"""The codecs of DICOM transfer syntaxes on real files, against decoders that are not ours."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, RLELossless

from dicube.codecs import codec_for_transfer_syntax, get_codec
from dicube.codecs.jpeg_markers import stream_info
from dicube.exceptions import CodecError

# Which pydicom decodes by itself (RLE) or by Pillow; for JPEG raw, before any colour conversion.
KNOWN_TO_PYDICOM = [
    "wg04_CT1_RLE",
    "wg04_NM1_RLE",
    "wg04_US1_RLE",
    "ts_siemens_4",
    "mr_rle_series",
    "enh_emri_small_RLE",
    "rgb_SC_rgb_rle_16bit_2frame",
    "rtdose_uint32_rle",
    "wg04_CT1_J2KR",
    "wg04_CT1_J2KI",
    "wg04_NM1_J2KR",
    "wg04_US1_J2KR",
    "wg04_US1_J2KI",
    "ts_siemens_9",
    "mr_j2k_series",
    "cr_j2k_10bit",
    "rgb_series_j2k",
    "rgb_SC_rgb_gdcm_KY",
    "odd_explicit_VR_UN",
    "rgb_SC_rgb_jpeg_dcmtk",
    "rgb_examples_ybr_color",
    "xa_cine_jpeg",
]
# Pairs of a compressed file without loss and an uncompressed one of the same image.
TWINS = [
    ("wg04_CT1_RLE", "wg04_CT1_UNC"),
    ("wg04_CT1_JPLL", "wg04_CT1_UNC"),
    ("wg04_CT1_JLSL", "wg04_CT1_UNC"),
    ("wg04_CT1_J2KR", "wg04_CT1_UNC"),
    ("wg04_NM1_RLE", "wg04_NM1_UNC"),
    ("wg04_NM1_JPLL", "wg04_NM1_UNC"),
    ("wg04_NM1_JLSL", "wg04_NM1_UNC"),
    ("wg04_NM1_J2KR", "wg04_NM1_UNC"),
    ("wg04_US1_RLE", "wg04_US1_UNC"),
    ("wg04_US1_J2KR", "wg04_US1_UNC"),
    ("ts_siemens_4", "ts_siemens_1"),
    ("ts_siemens_5", "ts_siemens_1"),
    ("ts_siemens_6", "ts_siemens_1"),
    ("ts_siemens_7", "ts_siemens_1"),
    ("ts_siemens_8", "ts_siemens_1"),
    ("ts_siemens_9", "ts_siemens_1"),
    ("enh_emri_small_RLE", "enh_emri_small"),
    ("enh_emri_small_jpeg_2k_lossless", "enh_emri_small"),
    ("enh_emri_small_jpeg_ls_lossless", "enh_emri_small"),
    ("rtdose_uint32_rle", "rtdose_uint32"),
]
NEAR_LOSSLESS = [("wg04_CT1_JLSN", "wg04_CT1_UNC", 10), ("wg04_NM1_JLSN", "wg04_NM1_UNC", 10)]


def _out_for(dataset, count: int) -> np.ndarray:
    kind = "i" if dataset.PixelRepresentation else "u"
    shape = (count, dataset.Rows, dataset.Columns)
    shape += (dataset.SamplesPerPixel,) if dataset.SamplesPerPixel > 1 else ()
    return np.empty(shape, f"{kind}{dataset.BitsAllocated // 8}")


def _decode(dataset, frames) -> np.ndarray:
    codec = codec_for_transfer_syntax(dataset.file_meta.TransferSyntaxUID)
    return codec.decode_frames(frames, out=_out_for(dataset, len(frames)))


@pytest.mark.parametrize("name", KNOWN_TO_PYDICOM)
def test_frames_are_those_of_pydicom(dicom_frames, name):
    dataset, frames = dicom_frames(name)
    frames = frames[:5]
    decoded = _decode(dataset, frames)
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    # Decoders of lossy JPEG may round the inverse DCT either way (T.81 does not fix it).
    tolerance = 1 if syntax == "1.2.840.10008.1.2.4.50" else 0
    for index, frame in enumerate(decoded):
        expected, _ = get_decoder(syntax).as_array(dataset, index=index, raw=True)
        assert np.abs(frame.astype(np.int64) - expected).max() <= tolerance


@pytest.mark.parametrize(("name", "twin"), TWINS)
def test_frames_are_those_of_the_uncompressed_twin(dicom_frames, series, name, twin):
    dataset, frames = dicom_frames(name)
    expected = pydicom.dcmread(series(twin)[0]).pixel_array
    np.testing.assert_array_equal(_decode(dataset, frames).squeeze(), expected)


@pytest.mark.parametrize(("name", "twin", "tolerance"), NEAR_LOSSLESS)
def test_near_lossless_frames_are_near(dicom_frames, series, name, twin, tolerance):
    dataset, frames = dicom_frames(name)
    expected = pydicom.dcmread(series(twin)[0]).pixel_array.astype(int)
    decoded = _decode(dataset, frames)[0].astype(int)
    assert abs(decoded - expected).max() <= tolerance


@pytest.mark.parametrize(
    "name", ["us_8bit_jpegll", "mg_12bit", "odd_bad_sequence", "wg04_CT1_JPLL", "ts_siemens_5"]
)
def test_lossless_jpeg_is_what_two_other_decoders_give(dicom_frames, name):
    imagecodecs = pytest.importorskip("imagecodecs")
    _, frames = dicom_frames(name)
    frames = frames[:3]
    decoded = get_codec("ljpeg").decode_frames(frames)
    for frame, stream in zip(decoded, frames, strict=True):
        np.testing.assert_array_equal(frame, imagecodecs.ljpeg_decode(stream))
        np.testing.assert_array_equal(frame, imagecodecs.jpegsof3_decode(stream))


def test_sign_that_the_stream_lacks_comes_from_out(dicom_frames):
    dataset, frames = dicom_frames("jls_16bit_signed")
    natural = get_codec("jpegls").decode_frames(frames)
    signed = _decode(dataset, frames)
    assert (natural.dtype, signed.dtype) == (np.uint16, np.int16)
    np.testing.assert_array_equal(natural.view(np.int16), signed)


def test_sign_of_the_stream_gives_way_to_that_of_out(dicom_frames):
    dataset, frames = dicom_frames("odd_J2K_pixelrep_mismatch")
    assert dataset.PixelRepresentation == 1
    natural = get_codec("jpeg2000").decode_frames(frames)
    assert natural.dtype == np.uint16
    np.testing.assert_array_equal(_decode(dataset, frames).view(np.uint16), natural)


def test_lossy_streams_keep_the_components_of_the_stream(dicom_frames):
    dataset, frames = dicom_frames("rgb_SC_rgb_jls_lossy_sample")
    decoded = _decode(dataset, frames)
    assert decoded.shape == (1, 100, 100, 3)
    # The picture is known: pure red, green, blue, black and white bars, within the tolerance.
    assert decoded[0, 5, 50].tolist()[0] > 200
    assert max(decoded[0, 5, 50].tolist()[1:]) < 50


def test_pydicom_reads_the_rle_written_here():
    volume = np.random.default_rng(0).integers(0, 9, (3, 21, 34, 3)).astype(np.uint16)
    volume[1] = 0
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 21, 34, 3
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation, dataset.PlanarConfiguration = 0, 0
    dataset.PhotometricInterpretation, dataset.NumberOfFrames = "RGB", 3
    streams = get_codec("rle").encode_frames(volume)
    dataset.PixelData = encapsulate([bytes(stream) for stream in streams])
    decoder = get_decoder(RLELossless)
    for index in range(3):
        np.testing.assert_array_equal(decoder.as_array(dataset, index=index)[0], volume[index])


def test_packed_bits_in_rle_come_out_as_bytes(dicom_frames):
    _, frames = dicom_frames("seg_nonbyte_aligned_rle")
    size = -(-510 * 510 // 8)
    packed = get_codec("rle").decode_frames(frames, out=np.empty((len(frames), 1, size), "u1"))
    masks = np.unpackbits(packed[:, 0], axis=1, bitorder="little")[:, : 510 * 510]
    assert 0 < masks.mean() < 1


def test_rle_without_shape_asks_for_out():
    streams = list(get_codec("rle").encode_frames(np.zeros((2, 3, 4), np.uint8)))
    with pytest.raises(CodecError, match="give out="):
        get_codec("rle").decode_frames(streams)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_twelve_bit_extended_jpeg_decodes(shape):
    imagecodecs = pytest.importorskip("imagecodecs")
    rows = np.linspace(0, 4095, 20).astype(np.uint16)
    frame = np.ascontiguousarray(np.broadcast_to(rows.reshape(20, *[1] * (len(shape) - 1)), shape))
    options = {} if len(shape) == 2 else {"colorspace": "RGB", "outcolorspace": "RGB"}
    stream = imagecodecs.jpeg8_encode(frame, 98, bitspersample=12, **options)
    assert stream_info(stream).bits == 12
    decoded = get_codec("jpeg").decode_frames([stream])[0]
    assert decoded.dtype == np.uint16
    np.testing.assert_allclose(decoded.astype(int), frame.astype(int), atol=40)


@pytest.mark.parametrize("marker", ["adobe rgb", "jfif ycbcr"])
def test_jpeg_components_are_not_converted(marker):
    imagecodecs = pytest.importorskip("imagecodecs")
    frame = np.zeros((16, 16, 3), np.uint8)
    frame[...] = (200, 100, 50)
    space = "RGB" if marker == "adobe rgb" else "YCBCR"
    stream = imagecodecs.jpeg8_encode(frame, 100, colorspace=space, outcolorspace=space)
    decoded = get_codec("jpeg").decode_frames([stream])[0]
    np.testing.assert_allclose(decoded.astype(int), frame.astype(int), atol=2)


@pytest.mark.parametrize("name", ["jpeg", "ljpeg"])
def test_truncated_jpeg_raises_codec_error(name):
    imagecodecs = pytest.importorskip("imagecodecs")
    frame = np.random.default_rng(0).integers(0, 255, (24, 31)).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(frame, lossless=name == "ljpeg")
    codec = get_codec(name)
    assert codec.decode_frames([stream]).shape == (1, 24, 31)
    for length in range(len(stream) - 1):
        with pytest.raises(CodecError, match="frame 0"):
            codec.decode_frames([stream[:length]])


def test_jpeg_ls_of_three_scans_comes_out_by_pixel():
    codec = get_codec("jpegls")
    frame = np.random.default_rng(0).integers(0, 255, (7, 9, 3)).astype(np.uint8)
    scans = []
    for component in range(3):
        stream = bytes(codec.encode_frames(frame[np.newaxis, :, :, component])[0])
        scan = bytearray(stream[stream.index(b"\xff\xda") : -2])
        scan[5] = component + 1
        scans.append(bytes(scan))
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    header = b"\xff\xf7\x00\x11\x08\x00\x07\x00\x09\x03" + components
    stream = b"\xff\xd8" + header + b"".join(scans) + b"\xff\xd9"
    np.testing.assert_array_equal(codec.decode_frames([stream])[0], frame)
