"""VRs and character sets by what their values are."""

DEFAULT = ("iso8859",)
UTF8 = ("UTF8",)
JAPANESE = ("iso8859", "iso2022_jp")

CODE_VRS = ("AE", "AS", "CS", "DA", "DT", "TM")
TEXT_VRS = ("LO", "SH", "UC")
LONG_TEXT_VRS = ("LT", "ST", "UT")
BINARY_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")
NUMBERS = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
VALUE_VRS = (
    *CODE_VRS, *TEXT_VRS, *LONG_TEXT_VRS, *NUMBERS, "AT", "DS", "IS", "PN", "SQ", "UI", "UR"
)  # fmt: skip
ALL_VRS = (*VALUE_VRS, *BINARY_VRS, "??", "ox", "US or SS")
MULTIPLE_CHARSETS = (
    DEFAULT,
    UTF8,
    ("latin_1",),
    ("iso_ir_126",),
    ("shift_jis",),
    ("GB18030",),
    ("GBK",),
    JAPANESE,
    ("shift_jis", "iso2022_jp"),
    ("iso8859", "euc_kr"),
    ("iso8859", "iso_ir_58"),
    ("iso8859", "iso2022_jp", "iso2022_jp_2"),
    ("latin_1", "iso_ir_126", "iso_ir_144"),
)
