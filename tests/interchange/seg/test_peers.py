"""What dcmqi, pydicom-seg and a PACS make of our files, and we of theirs."""

import itertools
import json
import os
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Iterator

import nibabel
import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage, PixelDataHeader
from dicube.interchange import seg
from tests.interchange.seg.conftest import METAINFO, segment, template
from tests.seg_peers import (
    read_by_dcmqi,
    read_by_pydicom_seg,
    requires_dcmqi,
    requires_pydicom_seg,
    write_by_dcmqi,
    write_by_pydicom_seg,
)
from tests.series import DATA

_START = DATA.parent / "infra" / "start_orthanc.sh"
OPTIONS = [
    {"kind": kind, "inplane_cropping": crop, "skip_empty_slices": skip}
    for kind, crop, skip in itertools.product(
        ("binary", "fractional", "labelmap"), (False, True), (True, False)
    )
]
# pydicom-seg knows no label maps.
OLD_OPTIONS = [options for options in OPTIONS if options["kind"] != "labelmap"]


def ids(options):
    return "-".join(str(value) for value in options.values())


def on_grid(array: np.ndarray, affine: np.ndarray, image: DicomCubeImage) -> np.ndarray:
    """An array of a peer on the grid of the image, by nothing but their two affines."""
    to_index = np.linalg.solve(image.affine, affine)
    whole = np.zeros(image.shape, array.dtype)
    for index in np.argwhere(array):
        place = (to_index @ [*index, 1])[:3]
        np.testing.assert_allclose(place, np.rint(place), atol=0.02)
        whole[tuple(np.rint(place).astype(int))] = array[tuple(index)]
    return whole


@requires_dcmqi
@pytest.mark.parametrize("options", OPTIONS, ids=ids)
@pytest.mark.parametrize("used", [(1, 3), (3,)], ids=str)
def test_dcmqi_reads_what_we_write(source, labels, tmp_path, options, used):
    labels[~np.isin(labels, used)] = 0
    writer = seg.MultiClassWriter(seg.template.from_dcmqi_metainfo(METAINFO), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    image = DicomCubeImage.from_dicom_folder(source)
    numbers = writer.segment_numbers(labels)
    seen = np.zeros(labels.shape, int)
    for array, affine, numbered in read_by_dcmqi(path, tmp_path / "dcmqi"):
        if options["kind"] == "fractional":  # an image of its own for each segment, 0 to 255
            (number,) = numbered
            assert set(np.unique(array)) <= {0, 255}
            seen += on_grid(array, affine, image).astype(int) // 255 * number
        else:
            seen += on_grid(array, affine, image).astype(int)
    expected = np.zeros(labels.shape, int)
    for label, number in numbers.items():
        expected[labels == label] = number
    np.testing.assert_array_equal(seen, expected)


@requires_dcmqi
def test_dcmqi_keeps_segments_that_overlap_apart(source, tmp_path):
    masks = np.zeros((2, 4, 12, 10), bool)
    masks[0, 1:3, 2:8, 2:8] = masks[1, 2:4, 5:11, 5:9] = True
    image = DicomCubeImage.from_dicom_folder(source)
    given = seg.Segmentation.from_masks(list(masks), [segment(1), segment(2)], image.affine)
    path = seg.write_seg(tmp_path / "seg.dcm", given, source, template(1, 2))
    seen = read_by_dcmqi(path, tmp_path / "dcmqi")
    arrays = [on_grid(array, affine, image) for array, affine, _ in seen]
    for number, mask in enumerate(masks, 1):
        assert any(np.array_equal(array == number, mask) for array in arrays)


@requires_pydicom_seg
@pytest.mark.parametrize("options", OLD_OPTIONS, ids=ids)
@pytest.mark.parametrize("used", [(1, 3), (3,)], ids=str)
def test_pydicom_seg_reads_what_we_write(source, labels, tmp_path, options, used):
    labels[~np.isin(labels, used)] = 0
    writer = seg.MultiClassWriter(seg.template.from_dcmqi_metainfo(METAINFO), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    image = DicomCubeImage.from_dicom_folder(source)
    seen = read_by_pydicom_seg(path, tmp_path / "pydicom_seg")
    numbers = writer.segment_numbers(labels)
    assert set(seen) == set(numbers.values())
    for label, number in numbers.items():
        array, affine = seen[number]
        np.testing.assert_array_equal(on_grid(array, affine, image) != 0, labels == label)


@requires_dcmqi
def test_we_read_what_dcmqi_writes(source, labels, tmp_path):
    image = DicomCubeImage.from_dicom_folder(source)
    label_image = DicomCubeImage(labels, PixelDataHeader(OriginalPixelDtype="uint8"))
    label_image.affine = image.affine
    label_image.to_nifti(tmp_path / "labels.nii.gz")
    (tmp_path / "metainfo.json").write_text(json.dumps(METAINFO))
    path = tmp_path / "seg.dcm"
    write_by_dcmqi(tmp_path / "labels.nii.gz", source, tmp_path / "metainfo.json", path)
    found = seg.read_seg(path, source)
    # dcmqi numbers segments as they come, and keeps the order of the labels.
    for number, label in zip(found.numbers, (1, 3), strict=True):
        np.testing.assert_array_equal(found.mask(number), labels == label)
    original = seg.template.from_dcmqi_metainfo(METAINFO).segments
    for name in ("label", "category", "type", "type_modifiers", "anatomic_regions",
                 "anatomic_region_modifiers", "algorithm_type"):  # fmt: skip
        assert [getattr(s, name) for s in found.segments] == [
            getattr(s, name) for s in original.values()
        ], name
    assert found.segments[0].colour == original[1].colour  # the other one gets one of dcmqi's


@requires_pydicom_seg
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_we_read_what_pydicom_seg_writes(source, labels, tmp_path, crop, skip):
    """Its positions have seven digits, and its numbers are the labels, with gaps."""
    image = DicomCubeImage.from_dicom_folder(source)
    np.save(tmp_path / "labels.npy", labels)
    (tmp_path / "metainfo.json").write_text(json.dumps(METAINFO))
    path = tmp_path / "seg.dcm"
    write_by_pydicom_seg(
        tmp_path / "labels.npy", image.affine, source, tmp_path / "metainfo.json", path,
        crop=crop, skip=skip,
    )  # fmt: skip
    found = seg.read_seg(path, source)
    np.testing.assert_array_equal(found.label_map(), labels)
    assert pydicom.dcmread(path).Rows == (8 if crop else 12)


# ---- a PACS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def orthanc() -> Iterator[dict[str, str]]:
    """Addresses of a throw-away PACS."""
    if not _START.exists():
        pytest.skip(f"no script to start Orthanc: {_START.name} is not beside the test data")
    done = subprocess.run([str(_START), "start"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb, gcc, libc6-dev)")
    done.check_returncode()
    told = dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    yield told
    subprocess.run([str(_START), "stop", told["PACS_DIR"]], check=True, env=os.environ)


def ask(url: str, data: bytes | None = None, **headers: str) -> tuple[bytes, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=data, headers=named)
    with opener.open(request, timeout=60) as answer:
        return answer.read(), answer.headers.get("Content-Type", "")


def parts_of(body: bytes, content_type: str) -> list[bytes]:
    """The parts of a multipart/related answer (RFC 2387), without their headers."""
    boundary = re.search('boundary="?([^";]+)', content_type).group(1).encode()
    pieces = body.split(b"--" + boundary)[1:-1]
    return [piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for piece in pieces]


@pytest.mark.parametrize("options", OPTIONS, ids=ids)
def test_stow_to_a_dicomweb_server_and_back(orthanc, source, labels, tmp_path, options):
    writer = seg.MultiClassWriter(template(1, 3), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    made = pydicom.dcmread(path)
    address = orthanc["PACS_DICOMWEB"].rstrip("/")
    boundary = "segmentation-boundary"
    body = b"".join((
        f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(), path.read_bytes(),
        f"\r\n--{boundary}--\r\n".encode(),
    ))  # fmt: skip
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    answer, _ = ask(f"{address}/studies", body, Content_Type=kind, Accept="application/dicom+json")
    stored = json.loads(answer)
    assert not stored.get("00081198", {}).get("Value")  # Failed SOP Sequence
    (reference,) = stored["00081199"]["Value"]
    assert reference["00081155"]["Value"] == [made.SOPInstanceUID]
    body, content_type = ask(
        f"{address}/studies/{made.StudyInstanceUID}/series/{made.SeriesInstanceUID}"
        f"/instances/{made.SOPInstanceUID}",
        Accept='multipart/related; type="application/dicom"; transfer-syntax=*',
    )
    (back,) = parts_of(body, content_type)
    (tmp_path / "back.dcm").write_bytes(back)
    one, other = seg.read_seg(path, source), seg.read_seg(tmp_path / "back.dcm", source)
    assert one.segments == other.segments
    for number in one.numbers:
        np.testing.assert_array_equal(one.mask(number), other.mask(number))
    assert pydicom.dcmread(tmp_path / "back.dcm") == made


def test_peers_are_given_real_niftis(tmp_path):
    """`read_by_dcmqi` trusts nibabel with affines: LPS and (z, y, x) by hand, once."""
    affine = np.diag([-2.0, -3, 4, 1])
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), affine), tmp_path / "x.nii")
    image = DicomCubeImage.from_nifti(tmp_path / "x.nii")
    np.testing.assert_allclose(np.abs(image.affine[:3, :3]), [[0, 0, 2], [0, 3, 0], [4, 0, 0]])
