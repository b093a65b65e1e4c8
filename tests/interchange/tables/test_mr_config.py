"""Rules of a user: in place of ours by path or document, and refused where they are wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dicube.exceptions import MetaDataError
from dicube.interchange.tables import load_mr_rules, mr_rules_text, process_mri_dataframe
from tests.interchange.tables.mr_rows import cleaned, instance

pd = pytest.importorskip("pandas", reason="pandas is not installed (extra tables)")


@pytest.fixture
def config() -> dict[str, Any]:
    return json.loads(mr_rules_text())


def test_a_keyword_of_a_user_decides_and_is_named(config: dict[str, Any], tmp_path: Path) -> None:
    rule = {"name": "our_t1", "value": "T1", "where": {"name": {"matches": ["hausprotokoll"]}}}
    config["classification"]["ruleA"].insert(0, rule)
    row = instance(SeriesDescription="Hausprotokoll 7")
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    assert cleaned(row)[0]["sequenceClass"] == "unknown"
    for options in ({"cfg": config}, {"config_path": path}):
        (found,) = cleaned(row, **options)
        assert found["sequenceClass"] == "T1"
        assert found["sequenceClassRule"] == "classification.ruleA[our_t1]"


def test_a_threshold_of_a_user_decides(config: dict[str, Any]) -> None:
    row = instance(ScanningSequence="SE", RepetitionTime=1200.0, EchoTime=12.0)
    assert cleaned(row)[0]["sequenceClass"] == "unknown"
    for table in config["thresholds"]["field_strength"]:
        table["t1_tr_max"] = 1500
    assert cleaned(row, cfg=config)[0]["sequenceClass"] == "T1"


def test_an_angle_of_a_user_decides_what_is_oblique(config: dict[str, Any]) -> None:
    row = instance(ImageOrientationPatient="1\\0\\0\\0\\0.9063\\-0.4226")  # 25 degrees
    assert cleaned(row)[0]["standardOrientation"] == "axial"
    config["thresholds"]["oblique_degrees"] = 20
    assert cleaned(row, cfg=config)[0]["standardOrientation"] == "oblique"


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(config: dict[str, Any]) -> None:
        *parents, last = (int(p) if p.isdigit() else p for p in path.split("."))
        member: Any = config
        for name in parents:
            member = member[name]
        member[last] = value

    return change


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.pop(name) and None


RULE = {"name": "x", "value": "T1", "where": {"name": {"matches": ["("]}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("dynamic"), "'dynamic' is a required property"),
        (_set("thresholds.oblique_degrees", "20"),
        "thresholds.oblique_degrees: '20' is not of type"),
        (_set("thresholds.field_strength.0.t1_tr_max", "long"), r"field_strength\[0\].t1_tr_max"),
        (_set("classification.ruleA", [RULE]),
        r"ruleA\[0\].where.name.matches\[0\]: '\(' is no regular"),
        (_set("classification.ruleA", [RULE | {"where": {"name": {"match": ["x"]}}}]), "match"),
        (_set("classification.ruleA", [RULE | {"where": {"echoTime": {"min": "@nope"}}}]), "nope"),
        (_set("classification.ruleA", [{"name": "x", "value": "T1"}]),
        "'where' is a required property"),
        (_set("classification.ruleA", [{**RULE, "where": {}}, {**RULE, "where": {}}]), "two rules"),
        (_set("classification.order", ["ruleZ"]), "there is no list 'ruleZ'"),
        (_set("dynamic.keywords", ["[a"]), r"dynamic.keywords\[0\]: '\[a' is no regular"),
        (_set("unheard_of", 1), "unheard_of"),
        (_set("version", 2), "version: 1 was expected"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(
    config: dict[str, Any], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    change(config)
    with pytest.raises(MetaDataError, match=message) as caught:
        load_mr_rules(config)
    assert "--print-mr-config" in str(caught.value)


def test_a_threshold_has_to_exist_at_every_field_strength(config: dict[str, Any]) -> None:
    del config["thresholds"]["field_strength"][1]["stir_ti_max"]
    with pytest.raises(MetaDataError, match="'stir_ti_max' is no threshold of every field"):
        load_mr_rules(config)


def test_files_that_are_no_rules_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    with pytest.raises(MetaDataError, match=r"rules\.json: cannot be read"):
        load_mr_rules(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(MetaDataError, match=r"rules\.json: is no JSON"):
        load_mr_rules(path)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(MetaDataError, match=r"rules\.json: is no JSON"):
        load_mr_rules(path)


def test_a_data_frame_needs_what_nothing_can_do_without() -> None:
    with pytest.raises(MetaDataError, match="no column ImageType"):
        process_mri_dataframe(pd.DataFrame([{"SeriesInstanceUID": "1"}]))
    frame = pd.DataFrame([instance()])
    with pytest.raises(MetaDataError, match="not as both"):
        process_mri_dataframe(frame, cfg={}, config_path="x")
    assert list(process_mri_dataframe(frame[frame.Modality == "CT"]).sequenceClass) == []


def test_rows_of_other_modalities_are_left_out() -> None:
    found = cleaned(instance("1"), {**instance("2"), "Modality": "CT"})
    assert [row["SeriesInstanceUID"] for row in found] == ["1.2.3.1"]
