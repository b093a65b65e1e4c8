"""Templates: ours are complete and valid, those of a user replace them, wrong ones are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from dicube.exceptions import MetaDataError
from dicube.interchange.tables import Template, load_template, template_text, templates

pytest.importorskip("jsonschema", reason="jsonschema is not installed (extra tables)")

CSA = {"creator": "SIEMENS CSA HEADER", "group": "0029", "element": "10", "name": "CSA"}


def test_ours_are_for_the_modalities_that_they_name() -> None:
    modalities = {name: template.modalities for name, template in templates().items()}
    assert modalities == {
        "mr": ("MR",), "ct": ("CT",), "dx": ("DX", "DR", "CR"), "mg": ("MG",), "general": (),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["mr", "ct", "dx", "mg", "general"])
def test_ours_can_be_printed_and_read_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(template_text(name), encoding="utf-8")
    assert load_template(path) == load_template(name)
    names = {column.name for column in load_template(name).columns}
    assert names >= {"SeriesInstanceUID", "SOPInstanceUID", "Modality", "ImageType"}


def test_a_tag_has_many_spellings() -> None:
    template = Template.of(
        {"tags": ["EchoTime", "0018,0080", "(0018,0082)", {"tag": "0018,1314", "name": "Flip"},
                  "ViewCodeSequence.CodeMeaning", CSA]}
    )  # fmt: skip
    assert [column.name for column in template.columns] == [
        "EchoTime",
         "RepetitionTime", "InversionTime", "Flip", "ViewCodeSequence.CodeMeaning", "CSA",
    ]  # fmt: skip
    private = template.columns[-1].private
    assert private is not None
    assert (private.creator, private.group, private.element) == ("SIEMENS CSA HEADER", 0x29, 0x10)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "'tags' is a required property"),
        ({"tags": []}, "tags: .*non-empty"),
        ({"tags": ["EchoTym"]}, r"tags\[0\]: 'EchoTym' is no tag"),
        ({"tags": ["EchoTime", "EchoTime"]}, "two columns are called EchoTime"),
        ({"tags": ["0029,1010"]}, r"\(0029,1010\) is private"),
        ({"tags": ["ViewCodeSequence"]}, "ViewCodeSequence has no value for a cell"),
        ({"tags": ["EchoTime.CodeMeaning"]}, "EchoTime is no sequence"),
        ({"tags": ["PixelData"]}, "PixelData has no value for a cell"),
        ({"tags": [{"name": "x"}]}, r"tags\[0\]: 'tag' is a required property"),
        ({"tags": [{k: v for k, v in CSA.items() if k != "name"}]},
        "'name' is a required property"),
        ({"tags": [CSA | {"group": "0028"}]}, r"tags\[0\].group: '0028' does not match"),
        ({"tags": [CSA | {"element": "1010"}]}, r"tags\[0\].element"),
        ({"tags": [CSA | {"colour": "red"}]}, "colour"),
        ({"tags": [3]}, r"tags\[0\]: 3 is not of type"),
        ([], "the document: \\[\\] is not of type 'object'"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_named(document: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(MetaDataError, match=message) as caught:
        load_template(path)
    assert "mine.json" in str(caught.value)


def test_names_that_do_not_exist_are_refused_with_those_that_do() -> None:
    with pytest.raises(MetaDataError, match="ours are mr, ct, dx, mg, general"):
        load_template("mri")
    with pytest.raises(MetaDataError, match="ours are mr, ct, dx, mg, general"):
        template_text("mri")
