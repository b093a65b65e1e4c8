"""Field strength: tesla from the header, and the class that thresholds go by."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dicube.interchange.tables.mr.facts import SeriesFacts
from dicube.interchange.tables.mr.rules import NOTHING_SAID, MrRules, Verdict

_GAUSS_PER_TESLA: Final = 10_000
_PROTON: Final = {"1H", "H1", "H", ""}


class FieldStrength(NamedTuple):
    """Field strength of a series.

    Attributes
    ----------
    tesla : float or None
    verdict : Verdict
        The class, such as "1.5T".
    limits : mapping
        Thresholds that hold there.
    """

    tesla: float | None
    verdict: Verdict
    limits: Mapping[str, float]


def field_strength_of(facts: SeriesFacts, rules: MrRules) -> FieldStrength:
    """From Magnetic Field Strength, which some write in gauss; else from Imaging Frequency."""
    thresholds = rules.at("thresholds")
    common = {name: value for name, value in thresholds.items() if isinstance(value, (int, float))}
    tesla, source = _tesla(facts, thresholds)
    if tesla is None:
        limits = common | thresholds["unknown_field_strength"]
        return FieldStrength(None, NOTHING_SAID, limits)
    for table in thresholds["field_strength"]:
        if tesla < table["below_tesla"]:
            limits = common | {key: value for key, value in table.items() if key != "name"}
            rule = f"thresholds.field_strength[{table['name']}]{source}"
            return FieldStrength(tesla, Verdict(table["name"], rule), limits)
    return FieldStrength(tesla, NOTHING_SAID, common | thresholds["unknown_field_strength"])


def _tesla(facts: SeriesFacts, thresholds: Mapping[str, Any]) -> tuple[float | None, str]:
    strengths = facts.numbers("MagneticFieldStrength")
    if strengths:
        strength = strengths[0]
        is_gauss = strength > thresholds["gauss_above"]
        return (strength / _GAUSS_PER_TESLA if is_gauss else strength), ""
    frequencies = facts.numbers("ImagingFrequency")
    if frequencies and (not facts.words("ImagedNucleus") or facts.words("ImagedNucleus") & _PROTON):
        # Larmor: the frequency of protons is proportional to the field.
        return frequencies[0] / thresholds["mhz_per_tesla"], ", thresholds.mhz_per_tesla"
    return None, ""
