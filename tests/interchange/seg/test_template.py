"""metainfo.json of dcmqi as a template, and what is wrong with some."""

import copy
import json
from itertools import product

import pytest

from dicube.exceptions import MetaDataError
from dicube.interchange import seg
from dicube.interchange.seg.colour import cielab_of_rgb, rgb_of_cielab
from tests.interchange.seg.conftest import METAINFO, segment


def changed(**members):
    metainfo = copy.deepcopy(METAINFO)
    for key, value in members.items():
        metainfo[key] = value
    return metainfo


def test_everything_in_the_file_is_in_the_template(tmp_path):
    path = tmp_path / "metainfo.json"
    path.write_text(json.dumps(METAINFO))
    template = seg.template.from_dcmqi_metainfo(path)
    assert list(template.segments) == [1, 3]
    liver, mass = template.segments.values()
    assert (liver.label, liver.description) == ("Liver", "The whole liver")
    assert (liver.algorithm_type, liver.algorithm_name) == ("AUTOMATIC", "net 1.0")
    assert liver.colour == (221, 130, 101)
    assert mass.label == "Mass"  # the meaning of its type, as it has none of its own
    assert mass.type == ("4147007", "SCT", "Mass")
    assert mass.type_modifiers == (seg.Code("24028007", "SCT", "Right"),)
    assert mass.anatomic_regions == (seg.Code("64033007", "SCT", "Kidney"),)
    assert mass.anatomic_region_modifiers == (seg.Code("7771000", "SCT", "Left"),)
    assert (mass.tracking_id, mass.tracking_uid) == ("mass 1", "2.25.1234567")
    assert (template.series_number, template.content_creator_name) == (300, "Reader1")


def test_dictionary_is_taken_as_well():
    template = seg.template.from_dcmqi_metainfo(METAINFO)
    assert list(template.segments) == [1, 3]


@pytest.mark.parametrize(
    ("metainfo", "match"),
    [
        (changed(segmentAttributes=[METAINFO["segmentAttributes"][0]] * 2), "2 lists"),
        (changed(segmentAttributes=[METAINFO["segmentAttributes"][0] * 2]), "1 comes twice"),
        (changed(segmentAttributes=[[{"labelID": 1}]]), "is missing"),
        (changed(segmentAttributes=[[]]), "at least one"),
        (changed(ContentLabel="not a code string"), "content label"),
        (changed(SeriesNumber="none"), "no metainfo"),
        ({}, "segmentAttributes is missing"),
    ],
)  # fmt: skip
def test_incomplete_metainfo_is_refused(metainfo, match):
    with pytest.raises(MetaDataError, match=match):
        seg.template.from_dcmqi_metainfo(metainfo)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("labelID", "1", "no integer"),
        ("labelID", 0, "1 to 65535"),
        ("labelID", 70000, "1 to 65535"),
        ("SegmentAlgorithmType", "GUESSED", "AUTOMATIC, MANUAL"),
        ("recommendedDisplayRGBValue", [0, 0, 256], "0 to 255"),
        ("SegmentedPropertyTypeCodeSequence", {"CodeValue": "1"}, "is missing"),
    ],
)
def test_wrong_attribute_of_a_segment_is_refused(key, value, match):
    metainfo = copy.deepcopy(METAINFO)
    metainfo["segmentAttributes"][0][0][key] = value
    with pytest.raises(MetaDataError, match=match):
        seg.template.from_dcmqi_metainfo(metainfo)


def test_files_that_are_no_json_are_refused(tmp_path):
    path = tmp_path / "metainfo.json"
    with pytest.raises(MetaDataError, match="cannot be read"):
        seg.template.from_dcmqi_metainfo(path)
    path.write_text("no json")
    with pytest.raises(MetaDataError, match="no JSON"):
        seg.template.from_dcmqi_metainfo(path)


def test_number_of_a_segment_is_its_label():
    with pytest.raises(MetaDataError, match="label 2"):
        seg.Template({2: segment(1)})


def test_colours_come_back_and_are_those_of_highdicom():
    highdicom = pytest.importorskip("highdicom")
    for rgb in product(range(0, 256, 51), repeat=3):
        value = cielab_of_rgb(rgb)
        assert rgb_of_cielab(value) == rgb
        theirs = highdicom.color.CIELabColor.from_rgb(*rgb).value
        assert max(abs(a - b) for a, b in zip(value, theirs, strict=True)) <= 4  # of 65535
