"""WADO-RS metadata against what pydicom reads from the source files."""

import base64
import warnings
from typing import Any

import numpy as np
import pydicom
import pytest
from dicomweb_client import DICOMwebClient

from tests.web.dicomweb.conftest import Served
from tests.web.servers import HTTP

PIXELS = ("7FE00008", "7FE00009", "7FE00010")


def comparable(element: Any) -> Any:
    """As PS3.18 F.2 has it: no group lengths, and no Value where there is nothing (F.2.5)."""
    if not isinstance(element, dict):
        return element
    if "vr" not in element:
        return {key: comparable(e) for key, e in element.items() if key[4:] != "0000"}
    if not element.get("Value", True):
        return {"vr": element["vr"]}
    if element["vr"] == "SQ":
        return element | {"Value": [comparable(item) for item in element.get("Value", [])]}
    return element


def binary(element: dict[str, Any]) -> bytes:
    """The value bytes of an element; of floats, which JSON may have no numbers for, from them."""
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    return np.array(element["Value"], {"FL": "<f4", "FD": "<f8"}[element["vr"]]).tobytes()


def without_bulk(
    served: dict[str, Any], read: dict[str, Any], client: DICOMwebClient | None
) -> None:
    """Compare what is given by its address with the value inside of the file, and drop both."""
    for key in list(served):
        element = served[key]
        if "BulkDataURI" in element:
            if key not in PIXELS and client is not None:
                (found,) = client.retrieve_bulkdata(element["BulkDataURI"])
                assert found == binary(read[key]), key
            del served[key]
            read.pop(key, None)
        elif element["vr"] == "SQ":
            pairs = zip(element.get("Value", []), read[key].get("Value", []), strict=True)
            for item, other in pairs:
                without_bulk(item, other, client)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_metadata_of_a_series_equal_what_pydicom_reads_from_its_files(served: Served, name: str):
    client = served.client()
    found = client.retrieve_series_metadata(*served.uids(name))
    sources = served.sources[name]
    assert sorted(m["00080018"]["Value"][0] for m in found) == sorted(sources)
    for given in found:
        member = given
        path = sources[member["00080018"]["Value"][0]]
        dataset = pydicom.dcmread(path, force=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read = comparable(dataset.to_json_dict())
        is_compressed = dataset.file_meta.get("TransferSyntaxUID", "1.2").is_compressed
        without_bulk(member, read, client if given is found[0] else None)
        if is_compressed:  # decoded pixels are of no YBR that codecs have for themselves
            pixels = ("00280004", "00280006")
            read = {key: e for key, e in read.items() if key not in pixels}
            member = {key: e for key, e in member.items() if key not in pixels}
        assert {key: e for key, e in read.items() if key not in PIXELS} == member
        assert list(member) == sorted(member)


def test_metadata_of_a_study_hold_those_of_all_its_series(served: Served):
    client = served.client()
    study, _ = served.uids("ct")
    found = client.retrieve_study_metadata(study)
    expected = {*served.sources["ct"], *served.sources["multi"]}
    assert {member["00080018"]["Value"][0] for member in found} == expected


def test_metadata_of_one_instance_are_those_among_the_series(served: Served):
    client = served.client()
    study, series = served.uids("ct")
    whole = client.retrieve_series_metadata(study, series)
    for member in whole:
        uid = member["00080018"]["Value"][0]
        assert client.retrieve_instance_metadata(study, series, uid) == member


def test_long_binary_values_and_pixels_are_given_by_an_address(served: Served):
    client = served.client()
    study, series = served.uids("ct")
    (member, *_) = client.retrieve_series_metadata(study, series)
    uid = member["00080018"]["Value"][0]
    base = f"{served.url}/studies/{study}/series/{series}/instances/{uid}/bulkdata"
    assert member["00282000"] == {"vr": "OB", "BulkDataURI": f"{base}/00282000"}
    assert client.retrieve_bulkdata(f"{base}/00282000") == [bytes(3000)]
    nested = member["00082218"]["Value"][0]["00091010"]
    assert nested["BulkDataURI"] == f"{base}/00082218/0/00091010"
    assert client.retrieve_bulkdata(nested["BulkDataURI"]) == [bytes(range(256)) * 8]
    assert member["7FE00010"] == {"vr": "OW", "BulkDataURI": f"{base}/7FE00010"}
    source = pydicom.dcmread(served.sources["ct"][uid])
    assert client.retrieve_bulkdata(member["7FE00010"]["BulkDataURI"]) == [source.PixelData]


def test_bulk_data_of_pixels_are_all_frames_one_after_the_other(served: Served, name: str):
    client = served.client()
    (member, *_) = client.retrieve_series_metadata(*served.uids(name))
    (key,) = [key for key in PIXELS if key in member]
    (found,) = client.retrieve_bulkdata(member[key]["BulkDataURI"])
    source = pydicom.dcmread(served.sources[name][member["00080018"]["Value"][0]], force=True)
    syntax = source.file_meta.get("TransferSyntaxUID", "1.2.840.10008.1.2")
    if syntax.is_compressed or not syntax.is_little_endian:
        count = source.Rows * source.Columns * source.SamplesPerPixel * source.BitsAllocated
        assert len(found) == -(-count * int(source.get("NumberOfFrames", 1)) // 8)
    elif key != "7FE00010" or source.BitsStored == source.BitsAllocated:
        value = source[key].value
        assert found == value[: len(found)]
        assert len(value) - len(found) in (0, 1)


@pytest.mark.parametrize("accept", ["application/dicom+xml", "text/html", "image/png"])
def test_metadata_in_another_form_are_refused_in_plain_words(served: Served, accept: str):
    study, series = served.uids("ct")
    url = f"{served.url}/studies/{study}/series/{series}/metadata"
    answer = HTTP.get(url, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.text == "this can be had as application/dicom+json\n"


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/dicom+json", "application/dicom+json"),
        ("application/json", "application/json"),
        ("text/html, */*;q=0.1", "application/dicom+json"),
        ("application/dicom+json;q=0.1, application/json", "application/json"),
    ],
)
def test_json_comes_under_the_name_that_was_asked_for(served: Served, accept: str, given: str):
    answer = HTTP.get(f"{served.url}/studies", headers={"Accept": accept})
    assert answer.headers["content-type"] == given
