"""The real series that tests run on, what is special about each, and where they are.

The folders are not part of the repository. They are looked for in the folder that the environment
variable DICUBE_TEST_DATA names, else in ``../shared/data`` beside the checkout. Their README says
where each came from and under which licence.

>>> next(series.quirk for series in SERIES if series.name == "ct_sts_int16")
'implicit VR, cropped'
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

_CHECKOUT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DICUBE_TEST_DATA", _CHECKOUT.parent / "shared" / "data"))
requires_data = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="real series not found: set DICUBE_TEST_DATA to the folder that holds them",
)

Kind = Literal["uncompressed", "compressed", "broken", "no image"]


@dataclass(frozen=True)
class Series:
    """One folder of the test data.

    Attributes
    ----------
    name : str
        The folder.
    kind : str
        "uncompressed": every file has to come back byte for byte.
        "compressed": at least one file went through a codec or deflate; values and elements count.
        "broken": reading the folder as it is has to fail with an error that says why.
        "no image": DICOM without pixels; the same.
    modality : str
        "" where the files have none.
    dtype : str
        Of the stored values of the whole series; "" without an image.
    quirk : str
    """

    name: str
    kind: Kind
    modality: str
    dtype: str
    quirk: str


def series_folder(name: str) -> Path:
    """The folder of a series, which may be missing: use `requires_data`."""
    return DATA / name


def _series(kind: Kind, table: str) -> tuple[Series, ...]:
    """One series a line: name, modality, dtype, quirk; "-" for what there is not."""
    rows = (line.split(maxsplit=3) for line in table.strip().splitlines())
    return tuple(
        Series(name, kind, modality.replace("-", ""), dtype.replace("-", ""), quirk)
        for name, modality, dtype, quirk in rows
    )


# Every file is head + native pixels + tail. Many that are called broken are readable all the same.
_UNCOMPRESSED = _series(
    "uncompressed",
    """
    broken_duplicate_file             MR     int16   one file twice under two names
    broken_duplicate_instance_number  MR     int16   Instance Number is 1 everywhere
    broken_empty_slope                MR     int16   Rescale Slope absent, empty, 1 and 2
    broken_gap                        MR     int16   two slices of ten are missing
    broken_junk                       MR     int16   files that are not DICOM, and a subfolder
    broken_missing_ipp                MR     int16   two slices without a position
    broken_mixed_dtype                MR     int32   int16, uint16 and uint8 in one series
    broken_no_instance_number         MR     int16   no Instance Number, names in another order
    broken_no_preamble                MR     int16   files without preamble, or without file meta
    charset_chrFren                   OT     uint8   ISO_IR 100
    charset_chrGreek                  OT     uint8   ISO_IR 126
    charset_chrH31                    OT     uint8   ISO 2022 IR 87
    charset_chrI2                     OT     uint8   ISO 2022 IR 149
    charset_chrX1                     OT     uint8   ISO_IR 192
    ct_ge_int16_tilt                  CT     int16   gantry tilt: a sheared stack
    ct_philips_private                CT     uint16  190 elements a slice, private sequences
    ct_same_position                  CT     uint16  bolus tracking: three times one position
    ct_sts_int16                      CT     int16   implicit VR, cropped
    ct_uint16_thin                    CT     uint16  intercept -1024, 50 slices of 512 x 512
    derived_4d_interleaved            MR     int16   5 positions x 3 phases, numbers interleaved
    derived_bad_text                  MR     int16   text in the wrong character set
    derived_metadata_torture          MR     int16   every VR, odd lengths, elements in some slices
    derived_pn_empty_component        MR     int16   an empty name between two others
    dx_8bit_mono1                     DX     uint8   MONOCHROME1
    enh_ct_nema                       CT     uint16  2 frames in one file
    enh_emri_small                    MR     uint16  10 frames in one file
    enh_emri_small_big_endian         MR     uint16  the same in big endian
    enh_mr_nema_stacks                MR     int16   12 frames in several stacks
    enh_mr_philips_b0                 MR     uint16  64 frames, a rescale for each
    enh_mr_philips_dti                MR     uint16  32 frames
    enh_mr_siemens_xa10               MR     uint16  4 files of 6 frames
    modality_lut                      OT     int16   a table instead of slope and intercept
    mr_12bit_signed                   MR     int16   12 bits stored, signed
    mr_12bit_unsigned                 MR     uint16  12 bits stored, unsigned
    mr_asl_slopes                     MR     uint16  6 slices x 8 phases, a slope for each phase
    mr_b0map_ge                       MR     int16   negative values, two images a position
    mr_dwi_philips_classic            MR     uint16  3 volumes, deep private sequences
    mr_fmri_ge_4d                     MR     int16   15 slices x 10 times, in instance order only
    mr_fmri_ge_trigger                MR     int16   8 slices x 16, Trigger Time
    mr_ge_implicit                    MR     int16   private elements in implicit VR
    mr_hitachi_frame1                 MR     int16   Number of Frames is 1
    mr_mosaic_siemens                 MR     uint16  36 tiles in one image
    mr_mosaic_siemens_nih             MR     uint16  tiles, 216 x 216
    mr_multiecho_hole                 MR     uint16  7 of the 9 cells of position x echo
    mr_multiecho_mag                  MR     uint16  two echoes, instance numbers repeat
    mr_orientation_mixed              MR     uint16  a localizer: slices of different orientation
    mr_phase_slope2                   MR     uint16  slope 2, intercept -4096
    mr_siemens_csa                    MR     uint16  large private headers in OB
    mr_t1_3d                          MR     int16   implicit VR, 90 slices of 384 x 274
    mr_t1_sts                         MR     int16   cropped, 35 slices
    odd_CT_small                      CT     int16   trailing padding after the pixels
    odd_MR_small_bigendian            MR     int16   big endian with a private block
    odd_MR_small_implicit             MR     int16   implicit VR
    odd_MR_small_padded               MR     int16   bytes after the pixel data
    odd_badVR                         RTDOSE uint32  VRs that do not exist, 15 frames
    overlay_us                        MR     uint16  overlay planes
    palette_ot                        OT     uint8   PALETTE COLOR
    palette_us                        US     uint8   PALETTE COLOR
    paramap_float32                   OT     float32 Float Pixel Data
    pet_pmod_slopes                   MR     int16   slope and intercept of each slice
    pet_slopes                        PT     int16   114 slices, each with its slope
    rgb_SC_rgb                        OT     uint8   RGB
    rgb_SC_rgb_16bit                  OT     uint16  RGB
    rgb_SC_rgb_2frame                 OT     uint8   RGB, 2 frames
    rgb_SC_rgb_32bit                  OT     uint32  RGB
    rgb_SC_rgb_small_odd              OT     uint8   RGB of 3 x 3: an odd number of bytes
    rgb_SC_ybr_full_422_uncompressed  OT     uint8   two pixels share their chrominance
    rgb_SC_ybr_full_uncompressed      OT     uint8   YBR_FULL
    rgb_color_pl                      US     uint8   Planar Configuration 1
    rgb_enh_colfa                     MR     uint8   RGB, 39 frames
    rgb_examples_rgb_color            US     uint8   RGB
    rtdose_uint32                     RTDOSE uint32  15 frames
    rtdose_uint32_be                  RTDOSE uint32  15 frames in big endian
    seg_24x38x3                       SEG    uint8   1 bit
    seg_24x38x3_multiframe            CT     uint16  the source of it as one enhanced CT
    seg_24x38x3_source                CT     uint16  the source of it
    seg_labelmap                      SEG    uint8   8 bit labels
    seg_liver                         SEG    uint8   1 bit, 512 x 512
    seg_liver_source                  CT     int16   the source of it
    seg_overlaps                      SEG    uint8   1 bit, overlapping segments
    sm_tiles                          SM     uint8   25 RGB tiles of 10 x 10
    ts_siemens_1                      MR     uint16  mosaic, explicit VR little endian
    ts_siemens_2                      MR     uint16  the same in implicit VR
    ts_siemens_3                      MR     uint16  the same in big endian
    voi_lut                           OT     uint8   VOI LUT Sequence
    wg04_CT1_UNC                      CT     int16   the reference of wg04_CT1_*
    wg04_NM1_UNC                      NM     int16   the reference of wg04_NM1_*
    wg04_US1_UNC                      US     uint8   the reference of wg04_US1_*
    """,
)
_COMPRESSED = _series(
    "compressed",
    """
    broken_mixed_transfer_syntax      MR     int16   7 transfer syntaxes; 4 of 8 files are exact
    cr_j2k_10bit                      CR     uint16  JPEG 2000, 1760 x 1760
    enh_emri_small_RLE                MR     uint16  RLE, 10 frames
    enh_emri_small_jpeg_2k_lossless   MR     uint16  JPEG 2000, 10 frames
    enh_emri_small_jpeg_ls_lossless   MR     uint16  JPEG-LS, 10 frames
    htj2k_rgb_lossless                -      uint8   HTJ2K
    htj2k_rgb_lossy                   -      uint8   HTJ2K, lossy
    jls_16bit_signed                  -      int16   JPEG-LS of signed values
    mg_12bit                          MG     uint16  lossless JPEG, an overlay larger than the image
    mr_j2k_series                     MR     uint16  JPEG 2000, 4 slices
    mr_rle_series                     MR     uint16  RLE, 4 slices
    odd_693_J2KI                      CT     int16   lossy JPEG 2000, cut short
    odd_J2K_pixelrep_mismatch         CT     int16   the codestream says unsigned
    odd_bad_sequence                  CT     uint16  a sequence with a wrong length
    odd_explicit_VR_UN                CT     int16   elements of VR UN
    odd_image_dfl                     OT     uint8   deflated data set
    odd_slicethickness_empty          MR     uint16  Slice Thickness is empty
    rgb_SC_rgb_gdcm_KY                OT     uint8   JPEG 2000 with its colour transform
    rgb_SC_rgb_jls_lossy_sample       -      uint8   near-lossless JPEG-LS
    rgb_SC_rgb_jpeg_dcmtk             OT     uint8   baseline JPEG
    rgb_SC_rgb_rle_16bit_2frame       OT     uint16  RLE, 2 frames
    rgb_examples_ybr_color            US     uint8   baseline JPEG, 30 frames
    rgb_series_j2k                    MR     uint8   JPEG 2000, 4 colour slices
    rtdose_uint32_rle                 RTDOSE uint32  RLE, 15 frames
    seg_deflate                       SEG    uint8   1 bit, each frame deflated
    seg_nonbyte_aligned_rle           SEG    uint8   1 bit, frames that are no whole bytes
    ts_siemens_4                      MR     uint16  RLE
    ts_siemens_5                      MR     uint16  lossless JPEG
    ts_siemens_6                      MR     uint16  lossless JPEG
    ts_siemens_7                      MR     uint16  JPEG-LS
    ts_siemens_8                      MR     uint16  JPEG-LS
    ts_siemens_9                      MR     uint16  JPEG 2000
    us_8bit_jpegll                    US     uint8   lossless JPEG
    wg04_CT1_J2KI                     CT     int16   lossy JPEG 2000
    wg04_CT1_J2KR                     CT     int16   JPEG 2000
    wg04_CT1_JLSL                     CT     int16   JPEG-LS
    wg04_CT1_JLSN                     CT     int16   near-lossless JPEG-LS
    wg04_CT1_JPLL                     CT     int16   lossless JPEG
    wg04_CT1_RLE                      CT     int16   RLE
    wg04_NM1_J2KI                     NM     int16   lossy JPEG 2000
    wg04_NM1_J2KR                     NM     int16   JPEG 2000
    wg04_NM1_JLSL                     NM     int16   JPEG-LS
    wg04_NM1_JLSN                     NM     int16   near-lossless JPEG-LS
    wg04_NM1_JPLL                     NM     int16   lossless JPEG
    wg04_NM1_RLE                      NM     int16   RLE
    wg04_US1_J2KI                     US     uint8   lossy JPEG 2000
    wg04_US1_J2KR                     US     uint8   JPEG 2000
    wg04_US1_RLE                      US     uint8   RLE
    xa_cine_jpeg                      XA     uint8   baseline JPEG in fragments, 96 frames
    """,
)
_BROKEN = _series(
    "broken",
    """
    broken_missing_pixeldata          MR     int16   one slice without Pixel Data
    broken_mixed_series               -      int16   two series and an RTSTRUCT
    broken_mixed_shape                MR     int16   two slices of another size
    broken_truncated_header           MR     int16   one file cut short in its header
    broken_truncated_pixels           MR     int16   one file cut short in its pixels
    odd_JPEG2000_embedded_sequence_delimiter NM int16 the SIZ marker segment is overwritten
    odd_MR_truncated                  MR     int16   pixels shorter than declared
    odd_emri_small_jpeg_2k_lossless_too_short MR uint16 encapsulated pixels cut short
    """,
)
_NO_IMAGE = _series(
    "no image",
    """
    ct_rtstruct                       RTSTRUCT - contours of ct_sts_int16
    enh_mr_nema_spectro               MR     -       Spectroscopy Data
    odd_UN_sequence                   -      -       a sequence of VR UN
    odd_csa_slice_norm                MR     -       a Siemens header without its pixels
    odd_meta_missing_tsyntax          -      -       file meta without Transfer Syntax UID
    odd_no_meta                       -      -       a stray byte before the data set
    sr_no_pixels                      SR     -       structured report
    waveform_ecg                      ECG    -       waveform
    """,
)

SERIES = _UNCOMPRESSED + _COMPRESSED + _BROKEN + _NO_IMAGE
UNCOMPRESSED = tuple(series.name for series in _UNCOMPRESSED)
COMPRESSED = tuple(series.name for series in _COMPRESSED)
BROKEN = tuple(series.name for series in _BROKEN)
NO_IMAGE = tuple(series.name for series in _NO_IMAGE)
ALL_FOLDERS = tuple(sorted(series.name for series in SERIES))
