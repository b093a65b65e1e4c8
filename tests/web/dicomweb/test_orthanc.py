"""What Orthanc takes from a served library, and whether it is the same there."""

import io
from collections.abc import Iterator

import httpx
import pydicom
import pytest
from dicomweb_client import DICOMwebClient

from tests.web.dicomweb.conftest import NAMES, Served
from tests.web.dicomweb.test_retrieve import parts
from tests.web.orthanc import orthanc
from tests.web.servers import HTTP

EXPLICIT, HTJ2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201"
# A series of each kind: single frames, many frames, colour, floats, bits, private, big endian.
SENT = tuple(
    name
    for name in ("ct", "multi", "colour", "enh_mr_siemens_xa10", "mr_siemens_csa",
                 "mr_j2k_series", "ct_ge_int16_tilt", "odd_MR_small_bigendian", "paramap_float32",
                 "seg_24x38x3", "sm_tiles")
    if name in NAMES
)  # fmt: skip


@pytest.fixture(scope="module")
def pacs() -> Iterator[dict[str, str]]:
    with orthanc() as settings:
        yield settings


def received(pacs: dict[str, str], uid: str) -> pydicom.Dataset:
    """The file that Orthanc has of an instance."""
    found = HTTP.post(f"{pacs['PACS_URL']}/tools/lookup", content=uid).json()
    (identifier,) = [each["ID"] for each in found if each["Type"] == "Instance"]
    data = HTTP.get(f"{pacs['PACS_URL']}/instances/{identifier}/file").content
    return pydicom.dcmread(io.BytesIO(data))


def stow(pacs: dict[str, str], files: list[bytes]) -> httpx.Response:
    """Store files as they are; Orthanc passes over parts that name a transfer syntax."""
    head = b"--part\r\nContent-Type: application/dicom\r\n\r\n"
    body = b"".join([head + data + b"\r\n" for data in files] + [b"--part--\r\n"])
    content_type = 'multipart/related; type="application/dicom"; boundary=part'
    return HTTP.post(
        f"{pacs['PACS_DICOMWEB']}/studies",
        content=body,
        headers={"Content-Type": content_type, "Accept": "application/dicom+json"},
    )


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
    answer = HTTP.get(
        f"{served.url}/studies/{study}/series/{series}",
        headers={
            "Accept": f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'
        },
    )
    sent = {str(pydicom.dcmread(io.BytesIO(f)).SOPInstanceUID): f for _, _, f in parts(answer)}
    assert set(sent) == set(served.sources[name])
    stored = stow(pacs, list(sent.values()))
    assert stored.status_code == 200, stored.text
    assert len(stored.json()["00081199"]["Value"]) == len(served.sources[name])
    for uid, data in sent.items():
        ours, there = pydicom.dcmread(io.BytesIO(data)), received(pacs, uid)
        assert there.file_meta.TransferSyntaxUID == ours.file_meta.TransferSyntaxUID
        assert comparable(there) == comparable(ours)


def test_both_servers_find_the_same(served: Served, pacs: dict[str, str]):
    made = [name for name in SENT if name in ("ct", "multi")]
    for name in made:
        study, series = served.uids(name)
        DICOMwebClient(pacs["PACS_DICOMWEB"]).store_instances(
            served.client().retrieve_series(study, series)
        )
    ours, theirs = served.client(), DICOMwebClient(pacs["PACS_DICOMWEB"])
    keys = ("0020000D", "00100010", "00100020", "00080020", "00201206", "00201208")
    filters = {"PatientID": "P1", "StudyDate": "20200101-20200201"}
    (one,), (other,) = (c.search_for_studies(search_filters=filters) for c in (ours, theirs))
    assert [one[key].get("Value") for key in keys] == [
        [int(v) if key.startswith("002012") else v for v in other[key]["Value"]] for key in keys
    ]
