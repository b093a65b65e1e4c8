"""QIDO-RS against what the source files say."""

import pydicom
import pytest

from tests.library.made import SERIES
from tests.web.dicomweb.conftest import Served
from tests.web.servers import HTTP

MADE_STUDIES = {made.study for made in SERIES}


def studies(served: Served, query: str) -> set[str]:
    """UIDs of the made studies among those found."""
    answer = HTTP.get(f"{served.url}/studies?{query}")
    assert answer.status_code == 200, answer.text
    return {found["0020000D"]["Value"][0] for found in answer.json()} & MADE_STUDIES


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"1.2.3.1", "1.2.3.2", "1.2.3.3"}),
        ("PatientID=P1", {"1.2.3.1", "1.2.3.3"}),
        ("00100020=P2", {"1.2.3.2"}),
        ("PatientID=p1", set()),
        ("PatientName=doe*", {"1.2.3.1", "1.2.3.3"}),
        ("PatientName=DOE%5EJANE", {"1.2.3.1", "1.2.3.3"}),
        ("PatientName=M%C3%BCller%5EZo%C3%AB", {"1.2.3.2"}),
        ("PatientName=M?ller*", {"1.2.3.2"}),
        ("PatientName=", {"1.2.3.1", "1.2.3.2", "1.2.3.3"}),
        ("StudyDate=20200131", {"1.2.3.1"}),
        ("StudyDate=20200101-20200131", {"1.2.3.1"}),
        ("StudyDate=20200201-", {"1.2.3.2"}),
        ("StudyDate=-20200130", set()),
        ("StudyDate=20200101-20220101&StudyTime=1015-1016", {"1.2.3.1", "1.2.3.2"}),
        ("StudyTime=101530", {"1.2.3.1", "1.2.3.2", "1.2.3.3"}),
        ("StudyTime=1016-", set()),
        ("ModalitiesInStudy=OT", {"1.2.3.1", "1.2.3.3"}),
        ("ModalitiesInStudy=CT", {"1.2.3.1", "1.2.3.2"}),
        ("StudyInstanceUID=1.2.3.1,1.2.3.3", {"1.2.3.1", "1.2.3.3"}),
        ("StudyInstanceUID=1.2.3", set()),
        ("StudyDescription=*special*", {"1.2.3.1", "1.2.3.2", "1.2.3.3"}),
        ("StudyDescription=Chest%20?special?", {"1.2.3.1", "1.2.3.2", "1.2.3.3"}),
        ("StudyDescription=Chest.*", set()),
        ("AccessionNumber=A17&PatientSex=F&PatientID=P2", {"1.2.3.2"}),
        ("SeriesNumber=3&PatientID=P2", {"1.2.3.2"}),
        ("SOPInstanceUID=1.2.3.9.1.4", {"1.2.3.1"}),
        ("AnatomicRegionSequence.CodeValue=113091&PatientID=P2", {"1.2.3.2"}),
        ("AnatomicRegionSequence.CodeValue=113092&PatientID=P2", set()),
        ("00082218.00080104=Spi*&PatientID=P2", {"1.2.3.2"}),
    ],
)
def test_studies_are_matched(served: Served, query: str, expected: set[str]):
    assert studies(served, query) == expected


def test_every_series_is_found_with_what_its_files_say(served: Served, name: str):
    study, series = served.uids(name)
    (found,) = served.client().search_for_series(
        study_instance_uid=study, search_filters={"SeriesInstanceUID": series}
    )
    (path, *_) = served.sources[name].values()
    source = pydicom.dcmread(path, force=True)
    assert found["00201209"]["Value"] == [len(served.sources[name])]
    assert found["00080060"].get("Value", [None])[0] == (source.get("Modality") or None)
    assert found["00081190"]["Value"] == [f"{served.url}/studies/{study}/series/{series}"]
    by_name = str(source.get("PatientName", ""))
    if by_name.isascii() and by_name.strip("^ "):
        again = served.client().search_for_studies(search_filters={"PatientName": by_name})
        assert study in {each["0020000D"]["Value"][0] for each in again}


def test_a_study_is_given_with_its_elements_and_counts(served: Served):
    (found,) = served.client().search_for_studies(search_filters={"StudyInstanceUID": "1.2.3.1"})
    assert found == {
        "00080020": {"vr": "DA", "Value": ["20200131"]},
        "00080030": {"vr": "TM", "Value": ["101530.25"]},
        "00080050": {"vr": "SH", "Value": ["A17"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00080061": {"vr": "CS", "Value": ["CT", "OT"]},
        "00080090": {"vr": "PN"},
        "00081030": {"vr": "LO", "Value": ["Chest *special*"]},
        "00081190": {"vr": "UR", "Value": [f"{served.url}/studies/1.2.3.1"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
        "00100020": {"vr": "LO", "Value": ["P1"]},
        "00100030": {"vr": "DA", "Value": ["19700101"]},
        "00100040": {"vr": "CS", "Value": ["F"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3.1"]},
        "00200010": {"vr": "SH", "Value": ["S"]},
        "00201206": {"vr": "IS", "Value": [2]},
        "00201208": {"vr": "IS", "Value": [6]},
    }


def test_instances_are_found_at_every_level(served: Served):
    client = served.client()
    in_series = client.search_for_instances("1.2.3.1", "1.2.3.9.3")
    assert [found["00080018"]["Value"][0] for found in in_series] == ["1.2.3.9.3.1", "1.2.3.9.3.2"]
    assert in_series[0]["00280008"]["Value"] == [5]
    assert in_series[0]["00280010"]["Value"] == [24]
    assert len(client.search_for_instances("1.2.3.1")) == 6
    (one,) = client.search_for_instances(search_filters={"SOPInstanceUID": "1.2.3.9.3.2"})
    assert one["00100020"]["Value"] == ["P1"]
    numbered = client.search_for_instances("1.2.3.1", search_filters={"InstanceNumber": "2"})
    assert {found["00080018"]["Value"][0] for found in numbered} == {"1.2.3.9.1.2", "1.2.3.9.3.2"}


def test_instances_of_the_whole_library_are_as_many_as_there_are_files(served: Served):
    found = served.client().search_for_instances(get_remaining=True)
    uids = [each["00080018"]["Value"][0] for each in found]
    assert len(uids) == len(set(uids))
    assert set(uids) == {uid for files in served.sources.values() for uid in files}


def test_limit_and_offset_give_a_part_and_say_that_there_is_more(served: Served):
    url = f"{served.url}/studies/1.2.3.1/instances"
    everything = HTTP.get(url).json()
    first = HTTP.get(f"{url}?limit=4")
    assert first.headers["warning"].startswith("299 ")
    assert "additional results" in first.headers["warning"]
    rest = HTTP.get(f"{url}?limit=4&offset=4")
    assert "warning" not in rest.headers
    assert first.json() + rest.json() == everything
    assert HTTP.get(f"{url}?offset=999").json() == []


def test_fuzzy_matching_is_answered_with_a_warning(served: Served):
    answer = HTTP.get(f"{served.url}/studies?fuzzymatching=true&PatientID=P2")
    assert "fuzzymatching parameter is not supported" in answer.headers["warning"]
    assert len(answer.json()) == 1
    assert "warning" not in HTTP.get(f"{served.url}/studies?fuzzymatching=false").headers


@pytest.mark.parametrize(
    ("level", "field", "tag", "value"),
    [
        ("studies", "PatientAge", "00101010", None),
        ("studies", "SliceThickness", "00180050", [2.5]),
        ("studies/1.2.3.1/series", "00180050", "00180050", [2.5]),
        ("studies/1.2.3.1/instances", "PixelSpacing,Rows", "00280030", [0.5, 0.5]),
        ("studies/1.2.3.1/instances", "all", "00280030", [0.5, 0.5]),
        ("studies/1.2.3.1/series", "all", "00080060", ["CT"]),
    ],
)
def test_fields_are_included_on_demand(served: Served, level, field, tag, value):
    url = f"{served.url}/{level}?includefield={field}&StudyInstanceUID=1.2.3.1"
    found = HTTP.get(url).json()[0]
    assert found.get(tag, {}).get("Value") == value


@pytest.mark.parametrize(
    "query",
    ["NoSuchKeyword=1", "limit=-1", "limit=x", "offset=1.5", "PatientName.X=1", "9=1",
     "includefield=Nonsense", "limit=" + "9" * 40, "&".join(["PatientID=x"] * 65)],
)  # fmt: skip
def test_queries_that_cannot_be_understood_are_refused_without_repeating_them(served, query):
    answer = HTTP.get(f"{served.url}/studies?{query}")
    assert answer.status_code == 400
    assert not any(word in answer.text for word in ("Nonsense", "NoSuchKeyword", "99"))


def test_a_long_run_of_wildcards_takes_no_time(served: Served):
    answer = HTTP.get(f"{served.url}/studies?StudyDescription={'*a' * 60}*", timeout=5)
    assert answer.json() == []
