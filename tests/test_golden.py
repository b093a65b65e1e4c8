"""Files of earlier versions and of the published tool give what they gave then."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dicube import DicomCubeImage, load_meta
from dicube.core.verify import verify_file
from tests.series import DATA

OURS = Path(__file__).parent / "golden"
PUBLISHED = DATA.parent / "golden"
PUBLISHED_NAMES = ("ct_philips_3", "ct_single", "fmri_ge_30", "mr_t1_8")


def json_of(path: Path) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(path.read_text())
    return members


@pytest.mark.parametrize("path", sorted(OURS.glob("*.dcb[sa]")), ids=lambda path: path.name)
class TestFilesOfThisPackage:
    @pytest.fixture
    def expected(self, path) -> dict[str, Any]:
        return json_of(path.with_suffix(".json"))

    def test_values(self, path, expected):
        image = DicomCubeImage.from_file(path)
        values = np.array(expected["values"], dtype=expected["dtype"])
        assert image.dtype == values.dtype
        assert image.shape == values.shape
        assert image.raw_image.tobytes() == values.tobytes()
        assert image.get_fdata("float64").tolist() == expected["output_values"]

    def test_description(self, path, expected):
        image = DicomCubeImage.from_file(path)
        axes = [(*axis[:3], axis[3] and tuple(axis[3])) for axis in expected["axes"]]
        assert [tuple(axis[:4]) for axis in image.axes] == axes
        assert (None if image.affine is None else image.affine.tolist()) == expected["affine"]
        assert image.dicom_status.value == expected["status"]
        assert image.pixel_header.Extras == expected["extras"]
        header = image.pixel_header
        assert [header.WindowCenter, header.WindowWidth] == expected["window"]

    def test_metadata_and_source_files(self, path, expected, tmp_path):
        image = DicomCubeImage.from_file(path)
        if "metadata" not in expected:
            assert image.dicom_meta is None
            return
        assert dict(image.dicom_meta.items()) == expected["metadata"]
        digests = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in image.to_dicom_folder(tmp_path / "out")
        }
        assert digests == expected["sha256_of_source_files"]

    def test_segmentations(self, path, expected):
        found = DicomCubeImage.from_file(path).segmentations
        members = [
            {
                "kind": each.kind,
                "segments": [asdict(segment) for segment in each.segments],
                "masks": [each.mask(number).tolist() for number in each.numbers],
            }
            for each in found
        ]
        assert json.loads(json.dumps(members)) == expected.get("segmentations", [])

    def test_file_is_whole(self, path, expected):
        assert verify_file(path).ok
        assert path.stat().st_size < 10_000


def test_both_formats_have_golden_files():
    assert {path.suffix for path in OURS.glob("*.dcb*")} == {".dcbs", ".dcba"}


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="golden files of dicube 0.3.0 not found")
@pytest.mark.parametrize("name", PUBLISHED_NAMES)
class TestFilesOfThePublishedTool:
    @pytest.fixture
    def path(self, name) -> Path:
        return PUBLISHED / f"{name}.dcbs"

    @pytest.fixture
    def expected(self, name) -> dict[str, Any]:
        return json_of(PUBLISHED / f"{name}.json")

    def test_values(self, path, name):
        image = DicomCubeImage.from_file(path)
        with np.load(PUBLISHED / f"{name}.npz") as arrays:
            for ours, theirs in (
                (image.raw_image, arrays["raw_image"]),
                (image.get_fdata(), arrays["fdata"]),
            ):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                np.testing.assert_array_equal(ours, theirs)

    def test_metadata(self, path, expected):
        for meta in (DicomCubeImage.from_file(path).dicom_meta, load_meta(path)):
            assert dict(meta.items()) == expected["merged"]
            assert meta.slice_count == expected["slice_count"]
        assert DicomCubeImage.from_file(path, skip_meta=True).dicom_meta is None

    def test_header_status_and_space(self, path, expected):
        image = DicomCubeImage.from_file(path)
        assert image.dicom_status.value == expected["status"]
        assert image.pixel_header.to_dict() == expected["pixel_header"]
        if expected["space"] is None:
            assert image.space is None
            return
        for member, value in expected["space"].items():  # (z, y, x)
            assert np.asarray(getattr(image.space, member)).tolist() == value, member

    def test_file_is_whole_as_far_as_it_can_be_told(self, path, expected):
        report = verify_file(path)
        assert report.ok
        assert not report.has_checksums
        assert report.frames == expected["slice_count"]

    def test_file_is_written_again_as_one_of_ours(self, path, name, tmp_path):
        old = DicomCubeImage.from_file(path)
        new = DicomCubeImage.from_file(old.to_file(tmp_path / "new.dcba"))
        assert (new.shape, new.dtype) == (old.shape, old.dtype)
        np.testing.assert_array_equal(new.raw_image, old.raw_image)
        np.testing.assert_array_equal(new.get_fdata(), old.get_fdata())
        assert dict(new.dicom_meta.items()) == dict(old.dicom_meta.items())
        assert new.space == old.space
        assert verify_file(tmp_path / "new.dcba").ok


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="golden files of dicube 0.3.0 not found")
def test_no_golden_file_of_the_published_tool_is_left_out():
    assert {path.stem for path in PUBLISHED.glob("*.dcbs")} == set(PUBLISHED_NAMES)
