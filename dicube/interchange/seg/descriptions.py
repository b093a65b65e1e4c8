"""Segments as highdicom wants them described (PS3.3 C.8.20.4)."""

from collections.abc import Sequence
from typing import Any, Final

from pydicom.dataset import Dataset

from dicube.core.segmentation import Code, Segment
from dicube.exceptions import MetaDataError
from dicube.interchange.seg.colour import cielab_of_rgb

_UNKNOWN: Final = "unknown"  # the name of an algorithm, which has to be there (type 1C)


def segment_description(hd: Any, segment: Segment, number: int) -> Any:
    """The item of the Segment Sequence for one segment.

    Parameters
    ----------
    hd : module
        highdicom.
    segment : Segment
    number : int
        Segment Number, which may differ from that of the segment.

    Raises
    ------
    MetaDataError
        A code or text does not fit its element.
    """
    try:
        item = hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=segment.label,
            segmented_property_category=_concept(hd, segment.category),
            segmented_property_type=_concept(hd, segment.type),
            algorithm_type="MANUAL",  # see `name_algorithm`
            tracking_id=segment.tracking_id or None,
            tracking_uid=segment.tracking_uid or None,
            anatomic_regions=_concepts(hd, segment.anatomic_regions) or None,
        )
    except (TypeError, ValueError) as error:
        raise MetaDataError(
            f"the segment cannot be described: {error}", where=f"segment {segment.number}"
        ) from error
    if segment.description:
        item.SegmentDescription = segment.description
    if segment.colour is not None:
        item.RecommendedDisplayCIELabValue = cielab_of_rgb(segment.colour)
    # Modifiers are part of the code that they modify (PS3.3 C.8.20.4, table 10-5).
    if segment.type_modifiers:
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = _concepts(hd, segment.type_modifiers)
    if segment.anatomic_region_modifiers and segment.anatomic_regions:
        region = item.AnatomicRegionSequence[0]
        region.AnatomicRegionModifierSequence = _concepts(hd, segment.anatomic_region_modifiers)
    return item


def name_algorithm(item: Dataset, segment: Segment) -> None:
    """Say how a segment was made.

    highdicom wants to know the family of an algorithm as well, which nobody has told us: so this is
    said when it is done.
    """
    item.SegmentAlgorithmType = segment.algorithm_type
    if segment.algorithm_type != "MANUAL" or segment.algorithm_name:
        item.SegmentAlgorithmName = segment.algorithm_name or _UNKNOWN


def _concepts(hd: Any, codes: Sequence[Code]) -> list[Dataset]:
    return [_concept(hd, code) for code in codes]


def _concept(hd: Any, code: Code) -> Any:
    return hd.sr.CodedConcept(code.value, code.scheme, code.meaning)
