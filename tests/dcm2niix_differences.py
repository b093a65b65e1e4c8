"""Where the volumes of a folder are not those of dcm2niix, and why; checked by test_dcm2niix.py.

dcm2niix 1.0.20260724. Each folder has the outcome (see `tests.dcm2niix`) and the reason.
"""

EXPLAINED = {
    # One set with an axis here, a file for each of its indices there.
    "derived_4d_interleaved": (
        "split",
        "dcm2niix writes a file for each Trigger Time; here they are one axis, t in ms",
    ),
    "mr_multiecho_mag": (
        "split",
        "dcm2niix writes a file for each echo; here they are one axis, echo in ms",
    ),
    "enh_mr_philips_b0": (
        "split",
        "magnitude and field map are frames of one object; dcm2niix writes two files, here they are"
        " an axis, kind, so that the file stays in one set",
    ),
    # The same volumes in another order.
    "ct_same_position": (
        "another order",
        "Acquisition Numbers descend while Instance Numbers ascend; dcm2niix goes by the latter."
        " Acquisitions are numbered in time (PS3.3 C.7.6.1)",
    ),
    "enh_mr_philips_dti": (
        "another order",
        "dcm2niix puts b = 0 last, by the index of the gradient alone; Dimension Index Values have"
        " the b-value before it, so b = 0 is first",
    ),
    # Frames that are no complete grid.
    "broken_duplicate_file": (
        "differs",
        "dcm2niix drops the second copy of a slice; here it is kept and reported, and left out with"
        ' incomplete="drop"',
    ),
    "mr_multiecho_hole": (
        "differs",
        "2 of 9 slices are missing: dcm2niix writes echoes of 3, 2 and 2 slices, of which the first"
        " are not evenly spaced; here all frames are kept and the empty cells reported",
    ),
    "seg_overlaps": (
        "differs",
        "segments have 1 to 3 frames each; dcm2niix stacks all 7, sorted by position, as if they"
        " were slices. Here they stay frames, with the empty cells reported",
    ),
    "enh_mr_nema_stacks": (
        "only DiCube",
        "stacks of several orientations in one object: dcm2niix refuses it, here they are frames",
    ),
    # Wrong in dcm2niix.
    "broken_empty_slope": (
        "differs",
        "dcm2niix takes an empty Rescale Slope for 0 and writes two slices of zeros; here it"
        " changes nothing",
    ),
    "jls_16bit_signed": (
        "differs",
        "Bits Stored is 15 and values are signed: dcm2niix does not extend the sign, -1 becomes"
        " 32767. pylibjpeg agrees with DiCube",
    ),
    "odd_J2K_pixelrep_mismatch": (
        "differs",
        "Pixel Representation says signed, the codestream does not: dcm2niix takes negative values"
        " for large ones (8191 for -1). They are Hounsfield units, with padding of -2000",
    ),
    "rtdose_uint32": (
        "differs",
        "dcm2niix ignores Grid Frame Offset Vector: planes 1 mm apart instead of 5 mm",
    ),
    "rtdose_uint32_be": ("differs", "as rtdose_uint32"),
    "rtdose_uint32_rle": ("differs", "as rtdose_uint32"),
    "odd_badVR": (
        "differs",
        "Number of Frames has a wrong VR: dcm2niix reads one plane of the 15 that are there",
    ),
    "seg_labelmap": (
        "differs",
        "the frames are 5 mm apart by their positions; dcm2niix takes Spacing Between Slices,"
        " 2.5 mm",
    ),
    "rgb_SC_rgb_32bit": (
        "differs",
        "colour of 32 bits a sample: dcm2niix reads the first third of the bytes as one grey plane",
    ),
    # Decoded differently on purpose.
    "rgb_SC_rgb_jpeg_dcmtk": (
        "differs",
        "the codestream holds YBR_FULL; dcm2niix converts to RGB, here the stored values are kept",
    ),
    "rgb_SC_ybr_full_uncompressed": ("differs", "as rgb_SC_rgb_jpeg_dcmtk"),
    "rgb_examples_ybr_color": ("differs", "as rgb_SC_rgb_jpeg_dcmtk"),
    # Left out by dcm2niix.
    "broken_mixed_transfer_syntax": (
        "differs",
        "dcm2niix leaves out the deflated slice, and takes the hole for uneven spacing",
    ),
    "broken_no_preamble": (
        "differs",
        "dcm2niix leaves out the two slices without file meta information",
    ),
    "derived_bad_text": (
        "differs",
        "dcm2niix takes a slice out of the volume because a byte of its Series Description differs",
    ),
    "broken_truncated_pixels": (
        "only DiCube",
        "one slice is cut short: dcm2niix then writes nothing; here the six others are a set, and"
        " the damaged file is listed",
    ),
    "odd_image_dfl": ("only DiCube", "dcm2niix does not read deflated files"),
    "seg_deflate": ("only DiCube", "as odd_image_dfl"),
    "odd_slicethickness_empty": ("only DiCube", "dcm2niix loses its way in the elements"),
    "rgb_SC_rgb_16bit": ("only DiCube", "colour of 16 bits a sample: refused by dcm2niix"),
    "rgb_SC_rgb_rle_16bit_2frame": ("only DiCube", "as rgb_SC_rgb_16bit"),
    "rgb_SC_ybr_full_422_uncompressed": (
        "only DiCube",
        "dcm2niix expects three samples for each pixel and finds the file too short",
    ),
    "seg_nonbyte_aligned_rle": ("only DiCube", "dcm2niix does not decode RLE of single bits"),
    "wg04_CT1_JLSL": (
        "only DiCube",
        "a frame in several fragments: dcm2niix does not decode it",
    ),
    "wg04_CT1_JLSN": ("only DiCube", "as wg04_CT1_JLSL"),
    "wg04_NM1_JLSL": ("only DiCube", "as wg04_CT1_JLSL"),
    # Left out here.
    "enh_mr_nema_spectro": (
        "only dcm2niix",
        "a spectrum: dcm2niix writes its samples as times of one voxel; it is no image, and listed"
        " as such",
    ),
    "odd_emri_small_jpeg_2k_lossless_too_short": (
        "only dcm2niix",
        "the pixel data is cut short: dcm2niix makes up the rest; here the file is listed as"
        " damaged",
    ),
}
# Folders where dcm2niix agrees once it is told to take the slopes of the standard (-p n).
BY_STANDARD_SLOPES = frozenset(
    ("enh_mr_philips_b0", "enh_mr_philips_dti", "mr_asl_slopes", "mr_dwi_philips_classic")
)
