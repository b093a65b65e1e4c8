"""What Orthanc takes from a served library, and whether it is the same there."""

import io
from collections.abc import Iterator

import httpx
import pydicom
import pytest
from dicomweb_client import DICOMwebClient

from tests.web.dicomweb.conftest import NAMES, Served
from tests.web.orthanc import orthanc

EXPLICIT, HTJ2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201"
# A series of each kind: single frames, many frames, colour, floats, bits, private, big endian.
SENT = tuple(
    name
    for name in ("ct", "multi", "colour", "derived_metadata_torture", "enh_mr_siemens_xa10",
                 "mr_asl_slopes", "mr_j2k_series", "odd_MR_small_bigendian", "paramap_float32",
                 "pet_slopes", "seg_24x38x3", "sm_tiles")
    if name in NAMES
)  # fmt: skip


@pytest.fixture(scope="module")
def pacs() -> Iterator[dict[str, str]]:
    with orthanc() as settings:
        yield settings


def received(pacs: dict[str, str], uid: str) -> pydicom.Dataset:
    """The file that Orthanc has of an instance."""
    found = httpx.post(f"{pacs['PACS_URL']}/tools/lookup", content=uid).json()
    (identifier,) = [each["ID"] for each in found if each["Type"] == "Instance"]
    data = httpx.get(f"{pacs['PACS_URL']}/instances/{identifier}/file").content
    return pydicom.dcmread(io.BytesIO(data))


def comparable(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """Without group lengths, the one thing that Orthanc does not keep."""
    for element in list(dataset):
        if element.tag.element == 0:
            del dataset[element.tag]
        elif element.VR == "SQ":
            for item in element.value:
                comparable(item)
    return dataset


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("syntax", [EXPLICIT, "*"])
@pytest.mark.parametrize("name", SENT)
def test_orthanc_takes_served_instances_by_stow_and_has_them_unchanged(
    served: Served, pacs: dict[str, str], name: str, syntax: str
):
    study, series = served.uids(name)
    answer = httpx.get(
        f"{served.url}/studies/{study}/series/{series}",
        headers={
            "Accept": f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        },
    )
    # The answer of one server is the request of the other, as it is.
    stored = httpx.post(
        f"{pacs['PACS_DICOMWEB']}/studies",
        content=answer.content,
        headers={
            "Content-Type": answer.headers["content-type"],
            "Accept": "application/dicom+json",
        },
        timeout=60,
    )
    assert stored.status_code == 200, stored.text
    assert len(stored.json()["00081199"]["Value"]) == len(served.sources[name])
    client = served.client()
    media_type = (("application/dicom", syntax if syntax == "*" else EXPLICIT),)
    for sent in client.retrieve_series(study, series, media_types=media_type):
        there = received(pacs, sent.SOPInstanceUID)
        assert there.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert comparable(there) == comparable(sent)


def test_both_servers_find_the_same(served: Served, pacs: dict[str, str]):
    made = [name for name in SENT if name in ("ct", "multi")]
    for name in made:
        study, series = served.uids(name)
        for dataset in served.client().retrieve_series(study, series):
            DICOMwebClient(pacs["PACS_DICOMWEB"]).store_instances([dataset])
    ours, theirs = served.client(), DICOMwebClient(pacs["PACS_DICOMWEB"])
    keys = ("0020000D", "00100010", "00100020", "00080020", "00201206", "00201208")
    filters = {"PatientID": "P1", "StudyDate": "20200101-20200201"}
    (one,), (other,) = (c.search_for_studies(search_filters=filters) for c in (ours, theirs))
    assert [one[key].get("Value") for key in keys] == [
        [int(v) if key.startswith("002012") else v for v in other[key]["Value"]] for key in keys
    ]
