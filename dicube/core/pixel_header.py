"""PixelDataHeader: what has to be known about the stored values beside the array."""

import json
from dataclasses import dataclass, field, fields
from typing import Any, Self

from dicube.exceptions import MetaDataError


@dataclass
class PixelDataHeader:
    """Rescale, dtypes and display window of a cube.

    Attributes
    ----------
    RescaleSlope, RescaleIntercept : float
        Output value = stored value x slope + intercept (PS3.3 C.11.1.1). NaN where frames differ;
        `DicomCubeImage.frame_rescale` then has those of each frame.
    OriginalPixelDtype : str
        Dtype of the stored values.
    PixelDtype : str
        Dtype of the samples in the codestreams; the same except for floats and 64-bit integers.
    WindowCenter, WindowWidth : float or None
        First display window of the first slice (PS3.3 C.11.2.1.2).
    MaxVal, MinVal : float or None
        Range of the stored values, if known.
    Extras : dict
        All other members of the JSON object; they survive a round trip.
    """

    RescaleSlope: float = 1.0
    RescaleIntercept: float = 0.0
    OriginalPixelDtype: str = "uint16"
    PixelDtype: str = "uint16"
    WindowCenter: float | None = None
    WindowWidth: float | None = None
    MaxVal: float | None = None
    MinVal: float | None = None
    Extras: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The header as one JSON object, extras beside the named members."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "Extras"}
        return {**named, **self.Extras}

    @classmethod
    def from_dict(cls, members: dict[str, Any]) -> Self:
        """The inverse of `to_dict`; members without a name of their own become extras.

        Raises
        ------
        MetaDataError
            A number is no number.
        """
        names = {f.name for f in fields(cls)} - {"Extras"}
        known = {name: value for name, value in members.items() if name in names}
        extras = {name: value for name, value in members.items() if name not in names}
        for name in ("RescaleSlope", "RescaleIntercept"):
            if known.get(name, 0) is None:
                del known[name]  # the published tool takes null for "none"
            elif not isinstance(known.get(name, 0.0), (int, float)):
                raise MetaDataError(f"{name} of the PixelDataHeader is no number")
        return cls(**known, Extras=extras)

    def to_json(self) -> str:
        """The header as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> Self:
        """The inverse of `to_json`.

        Raises
        ------
        MetaDataError
            Not a JSON object.
        """
        try:
            members = json.loads(json_str)
        except ValueError as error:
            raise MetaDataError("the PixelDataHeader is not JSON") from error
        if not isinstance(members, dict):
            raise MetaDataError("the PixelDataHeader is no JSON object")
        return cls.from_dict(members)
