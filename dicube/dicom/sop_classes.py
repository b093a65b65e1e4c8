"""SOP classes of images by modality (PS3.4 B.5)."""

from typing import Final

CLASSIC_CLASSES: Final = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
# What has no class of its own.
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"

ENHANCED_MR: Final = "1.2.840.10008.5.1.4.1.1.4.1"
ENHANCED_CT: Final = "1.2.840.10008.5.1.4.1.1.2.1"
PARAMETRIC_MAP: Final = "1.2.840.10008.5.1.4.1.1.30"
