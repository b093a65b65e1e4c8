"""The table MR_Cleaned: standardised features of MR series, each with the rule that decided it."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Final

from dicube.exceptions import MetaDataError
from dicube.interchange.tables.cells import Cell, several
from dicube.interchange.tables.data_frame import data_frame
from dicube.interchange.tables.mr.dynamic import Candidate, dynamic_features
from dicube.interchange.tables.mr.facts import Row, SeriesFacts
from dicube.interchange.tables.mr.field_strength import field_strength_of
from dicube.interchange.tables.mr.orientation import orientation_of
from dicube.interchange.tables.mr.rules import (
    NOTHING_SAID,
    UNKNOWN,
    MrRules,
    Verdict,
    load_mr_rules,
)
from dicube.interchange.tables.mr.timepoints import seconds_after_agent, timepoints_of

# What tells whose row it is.
IDENTITY: Final = (
    "Series", "Folder", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "SeriesDescription", "ProtocolName",
)  # fmt: skip
# Each is followed by a column of the same name with "Rule" behind it.
FEATURES: Final = (
    "sequenceClass", "sequenceSubtype", "sequenceFamily", "imageComponent", "dixonComponent",
    "standardOrientation", "plane", "is3D", "isFatSuppressed", "isContrastEnhanced",
    "contrastPhase", "isMultiEcho", "isDiffusion", "fieldStrengthClass", "isDynamic",
    "dynamicGroup", "dynamicPhase", "isDerived",
)  # fmt: skip
NUMBERS: Final = (
    "obliqueAngle", "echoCount", "maxBValue", "fieldStrength", "timepoints", "instances"
)  # fmt: skip
_NEEDED: Final = ("SeriesInstanceUID", "ImageType")
_NONE: Final = "none"


def process_mri_dataframe(
    df: Any,
    cfg: Mapping[str, Any] | None = None,
    config_path: str | PathLike[str] | None = None,
) -> Any:
    """Normalise the MR series of a table of instances.

    Parameters
    ----------
    df : pandas.DataFrame
        One row an instance, columns by keyword as in `DICOM_Metadata`; those of the template "mr"
        are what the rules ask for. Rows of other modalities, or of none, are left out; without a
        column Modality all are taken for MR.
    cfg : mapping, optional
        Rules in place of ours, as the document of `mr_clean_config.json`.
    config_path : path, optional
        Rules in place of ours, as a file.

    Returns
    -------
    pandas.DataFrame
        One row a series: `sequenceClass`, `standardOrientation`, `isFatSuppressed`... each followed
        by the rule that decided, as `sequenceClassRule`. What headers do not tell is "unknown".

    Raises
    ------
    MetaDataError
        A column is missing that nothing can do without, both kinds of rules are given, or they
        are malformed.
    """
    if cfg is not None and config_path is not None:
        raise MetaDataError("give the rules as cfg or as config_path, not as both")
    missing = [name for name in _NEEDED if name not in df.columns]
    if missing:
        raise MetaDataError(
            f"the table has no column {missing[0]}",
            hint="add it to the template; the template mr has all that the rules ask for",
        )
    records, names = features_of(
        _rows_of(df), load_mr_rules(cfg if config_path is None else config_path)
    )
    return data_frame(records, names)


def features_of(rows: Sequence[Row], rules: MrRules) -> tuple[list[dict[str, Cell]], list[str]]:
    """Records of MR_Cleaned and the names of its columns, from the rows of MR instances."""
    series = [_described(facts, rules) for facts in _series(rows, rules)]
    dynamic = dynamic_features([Candidate(facts, _values(v)) for facts, v in series], rules)
    records = []
    for (facts, verdicts), found in zip(series, dynamic, strict=True):
        verdicts |= {
            "isDynamic": found.is_dynamic,
            "dynamicGroup": found.group,
            "dynamicPhase": found.phase,
        }
        records.append(_record(facts, verdicts))
    columns = [column for name in FEATURES for column in (name, f"{name}Rule")]
    identity = [name for name in IDENTITY if any(name in row for row in rows)]
    return records, [*identity, *columns, *NUMBERS]


def _rows_of(df: Any) -> list[Row]:
    """The MR rows of a data frame, with None for cells without a value."""
    missing = df.isna()
    rows = [
        {
            str(name): None if is_missing else cell
            for name, cell, is_missing in zip(df.columns, cells, absent, strict=True)
        }
        for cells, absent in zip(
            df.itertuples(index=False, name=None),
            missing.itertuples(index=False, name=None),
            strict=True,
        )
    ]
    return [row for row in rows if row.get("Modality", "MR") == "MR"]


def _series(rows: Sequence[Row], rules: MrRules) -> Iterator[SeriesFacts]:
    """The facts of each series: by the column Series, else by Series Instance UID."""
    by_series: dict[Cell, list[Row]] = {}
    for row in rows:
        key = row.get("Series")
        by_series.setdefault(row.get("SeriesInstanceUID") if key is None else key, []).append(row)
    for members in by_series.values():
        yield SeriesFacts(members, rules.at("fields"))


def _described(facts: SeriesFacts, rules: MrRules) -> tuple[SeriesFacts, dict[str, Verdict]]:
    """All features that a series has on its own, in the order in which one needs the other."""
    field = field_strength_of(facts, rules)
    b_values = [
        b % field.limits.get("b_value_offset", float("inf")) for b in facts.numbers("bValue")
    ]
    facts = SeriesFacts(facts.rows, facts.fields, field.limits).knowing(
        fieldStrength=field.tesla,
        bMax=max(b_values, default=None),
        echoCount=len(facts.numbers("echoTime")) or None,
        timepoints=timepoints_of(facts),
        secondsAfterAgent=seconds_after_agent(facts),
    )
    orientation = orientation_of(facts, rules)
    verdicts = {
        "fieldStrengthClass": field.verdict,
        "standardOrientation": orientation.standard,
        "plane": orientation.plane,
    }
    facts = facts.knowing(obliqueAngle=orientation.tilt_degrees)

    def decided(feature: str, verdict: Verdict, known_as: str = "") -> None:
        nonlocal facts
        verdicts[feature] = verdict
        facts = facts.knowing(**{known_as or feature: verdict.value})

    decided("sequenceFamily", rules.decide("classification.sequence_family", facts), "family")
    decided("sequenceClass", _class(facts, rules), "class")
    decided("sequenceSubtype", _or_none(rules.decide("classification.subtype", facts)))
    decided("imageComponent", rules.decide("image.component", facts))
    decided("dixonComponent", _or_none(rules.decide("image.dixon", facts)), "dixon")
    decided("is3D", rules.decide("image.three_d", facts))
    decided("isDerived", rules.decide("image.derived", facts))
    decided("isFatSuppressed", rules.decide("fat_suppression", facts))
    decided("contrastPhase", _contrast(facts, rules, "contrast.phase"))
    decided("isContrastEnhanced", _contrast(facts, rules, "contrast.enhanced"))
    decided("isMultiEcho", rules.decide("echo", facts))
    decided("isDiffusion", rules.decide("diffusion", facts))
    return facts, verdicts


def _class(facts: SeriesFacts, rules: MrRules) -> Verdict:
    """The first list of rules that decides, in the order that the rules give."""
    for name in rules.at("classification.order"):
        verdict = rules.decide(f"classification.{name}", facts)
        if verdict.rule:
            return verdict
    return NOTHING_SAID


def _contrast(facts: SeriesFacts, rules: MrRules, path: str) -> Verdict:
    """A feature of contrast; unknown for classes in which "post" or "late" mean other things."""
    if facts.known["class"] not in rules.at("contrast.classes"):
        return Verdict(UNKNOWN, "contrast.classes")
    return rules.decide(path, facts)


def _or_none(verdict: Verdict) -> Verdict:
    return verdict if verdict.rule else Verdict(_NONE)


def _values(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    return {name: verdict.value for name, verdict in verdicts.items()}


def _record(facts: SeriesFacts, verdicts: Mapping[str, Verdict]) -> dict[str, Cell]:
    record: dict[str, Cell] = {
        name: several(row.get(name) for row in facts.rows) for name in IDENTITY
    }
    for name in FEATURES:
        record[name], record[f"{name}Rule"] = verdicts[name]
    known = facts.known
    return record | {
        "obliqueAngle": known["obliqueAngle"],
        "echoCount": known["echoCount"],
        "maxBValue": known["bMax"],
        "fieldStrength": known["fieldStrength"],
        "timepoints": known["timepoints"],
        "instances": len(facts.rows),
    }
