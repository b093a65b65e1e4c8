"""What segments mean, and what their series is called: the template of a segmentation.

The web editor of dcmqi writes such templates as metainfo.json, and many pipelines have one.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dicube.core.segmentation import Code, Segment
from dicube.exceptions import MetaDataError
from dicube.interchange.seg.colour import rgb_of_cielab

PathLike = str | os.PathLike[str]

ALGORITHM_TYPES: Final = ("AUTOMATIC", "MANUAL", "SEMIAUTOMATIC")
_LARGEST_LABEL: Final = 65535  # of an unsigned short
_CODE_STRING: Final = re.compile(r"[A-Z0-9_ ]{1,16}")  # CS, PS3.5 6.2
_LONGEST_STRING: Final = 64  # characters of LO and PN, PS3.5 6.2


@dataclass(frozen=True)
class Template:
    """Segments by the label that they have in images, and the attributes of the series.

    Attributes
    ----------
    segments : dict of int to Segment
        By label; the number of each segment is its label.
    content_label : str
        A code string: capitals, digits, blank and underscore, up to 16.
    content_description, content_creator_name : str
    series_description : str
    series_number, instance_number : int
    body_part_examined : str
    clinical_trial_series_id, clinical_trial_time_point_id, clinical_trial_coordinating_center : str
        Written where the source belongs to a clinical trial.
    """

    segments: Mapping[int, Segment]
    content_label: str = "SEGMENTATION"
    content_description: str = "Image segmentation"
    content_creator_name: str = ""
    series_description: str = "Segmentation"
    series_number: int = 300
    instance_number: int = 1
    body_part_examined: str = ""
    clinical_trial_series_id: str = ""
    clinical_trial_time_point_id: str = ""
    clinical_trial_coordinating_center: str = ""

    def __post_init__(self) -> None:
        if not self.segments:
            raise MetaDataError("a template needs at least one segment")
        for label, segment in self.segments.items():
            if not 1 <= label <= _LARGEST_LABEL or segment.number != label:
                raise MetaDataError(
                    f"the segment of label {label} has the number {segment.number}",
                    hint=f"both are the value in the image, 1 to {_LARGEST_LABEL}",
                )
            if segment.algorithm_type not in ALGORITHM_TYPES:
                raise MetaDataError(
                    f"an algorithm is {', '.join(ALGORITHM_TYPES)}, not {segment.algorithm_type!r}",
                    where=f"segment {label}",
                )
        if not _CODE_STRING.fullmatch(self.content_label):
            raise MetaDataError(
                f"{self.content_label!r} is no content label",
                where="ContentLabel",
                hint="up to 16 capitals, digits, blanks and underscores",
            )
        if min(self.series_number, self.instance_number) < 1:
            raise MetaDataError(
                "series and instance numbers begin with 1",
                where="SeriesNumber, InstanceNumber",
            )
        for name in ("content_description", "content_creator_name", "series_description"):
            if len(getattr(self, name)) > _LONGEST_STRING:
                raise MetaDataError(
                    f"the text is longer than {_LONGEST_STRING} characters", where=name
                )

    @classmethod
    def of(cls, segments: Iterable[Segment]) -> "Template":
        """A template of these segments, everything else by default."""
        return cls({segment.number: segment for segment in segments})


def from_dcmqi_metainfo(metainfo: PathLike | Mapping[str, Any]) -> Template:
    """Read a metainfo.json as the web editor of dcmqi writes it.

    Parameters
    ----------
    metainfo : path or dict
        The file, or what is in it.

    Raises
    ------
    MetaDataError
        The file cannot be read, lacks something, or describes several files.
    """
    where = None if isinstance(metainfo, Mapping) else str(metainfo)
    members = metainfo if isinstance(metainfo, Mapping) else _load(Path(metainfo))
    try:
        return _template(members)
    except MetaDataError as error:
        place = f"{where}, {error.where}" if where and error.where else where or error.where
        raise MetaDataError(error.what, where=place, hint=error.hint) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        missing = f": {error.args[0]} is missing" if isinstance(error, KeyError) else ""
        raise MetaDataError(
            f"no metainfo of dcmqi{missing}",
            where=where,
            hint="write it with the editor at qiicr.org/dcmqi",
        ) from error


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MetaDataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise MetaDataError("no JSON", where=str(path)) from error


def _template(members: Mapping[str, Any]) -> Template:
    groups = members["segmentAttributes"]
    if len(groups) != 1:
        raise MetaDataError(
            f"segmentAttributes has {len(groups)} lists, one for each file of masks",
            hint="put all segments into one list, each with a labelID of its own",
        )
    segments: dict[int, Segment] = {}
    for attributes in groups[0]:
        segment = _segment(attributes)
        if segment.number in segments:
            raise MetaDataError(f"labelID {segment.number} comes twice")
        segments[segment.number] = segment
    return Template(
        segments=segments,
        content_label=members.get("ContentLabel") or "SEGMENTATION",
        content_description=members.get("ContentDescription") or "Image segmentation",
        content_creator_name=members.get("ContentCreatorName") or "",
        series_description=members.get("SeriesDescription") or "Segmentation",
        series_number=int(members.get("SeriesNumber") or 300),
        instance_number=int(members.get("InstanceNumber") or 1),
        body_part_examined=members.get("BodyPartExamined") or "",
        clinical_trial_series_id=members.get("ClinicalTrialSeriesID") or "",
        clinical_trial_time_point_id=members.get("ClinicalTrialTimePointID") or "",
        clinical_trial_coordinating_center=members.get("ClinicalTrialCoordinatingCenterName") or "",
    )


def _segment(attributes: Mapping[str, Any]) -> Segment:
    number = attributes["labelID"]
    if type(number) is not int:
        raise MetaDataError(f"labelID is {number!r}, no integer")
    kind = _code(attributes["SegmentedPropertyTypeCodeSequence"])
    algorithm = attributes.get("SegmentAlgorithmType") or "SEMIAUTOMATIC"
    return Segment(
        number=number,
        label=attributes.get("SegmentLabel") or kind.meaning,
        category=_code(attributes["SegmentedPropertyCategoryCodeSequence"]),
        type=kind,
        description=attributes.get("SegmentDescription") or "",
        type_modifiers=_codes(attributes, "SegmentedPropertyTypeModifierCodeSequence"),
        anatomic_regions=_codes(attributes, "AnatomicRegionSequence"),
        anatomic_region_modifiers=_codes(attributes, "AnatomicRegionModifierSequence"),
        algorithm_type=algorithm,
        algorithm_name=attributes.get("SegmentAlgorithmName") or "",
        tracking_id=attributes.get("TrackingIdentifier") or "",
        tracking_uid=attributes.get("TrackingUniqueIdentifier") or "",
        colour=_colour(attributes),
    )


def _codes(attributes: Mapping[str, Any], key: str) -> tuple[Code, ...]:
    """The codes of a sequence: dcmqi has one of each, and no list around it."""
    value = attributes.get(key)
    if not value:
        return ()
    return tuple(_code(item) for item in (value if isinstance(value, list) else [value]))


def _code(item: Mapping[str, Any]) -> Code:
    code = Code(item["CodeValue"], item["CodingSchemeDesignator"], item["CodeMeaning"])
    if not all(isinstance(text, str) and text for text in code):
        raise MetaDataError(f"the code {tuple(code)} is not complete")
    return code


def _colour(attributes: Mapping[str, Any]) -> tuple[int, int, int] | None:
    if "RecommendedDisplayCIELabValue" in attributes:
        return rgb_of_cielab(attributes["RecommendedDisplayCIELabValue"])
    rgb = attributes.get("recommendedDisplayRGBValue")
    if rgb is None:
        return None
    red, green, blue = (int(number) for number in rgb)
    if not all(0 <= number <= 255 for number in (red, green, blue)):
        raise MetaDataError(f"the colour {rgb} is not three numbers from 0 to 255")
    return red, green, blue
