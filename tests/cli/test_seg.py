"""`dicube seg`: label images to DICOM segmentations and back, on the command line."""

import json

import nibabel
import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage, PixelDataHeader, load
from dicube.interchange import seg
from tests.cli.runs import misused, ok, refused, run, same_files
from tests.interchange.seg.conftest import METAINFO

pytest.importorskip("highdicom", reason="highdicom is not installed (extra seg)")


@pytest.fixture
def values():
    """(4, 12, 10) with the labels 1 and 3."""
    values = np.zeros((4, 12, 10), np.uint8)
    values[1:3, 3:9, 2:7] = 1
    values[2:4, 5:11, 4:8] = 3
    return values


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "metainfo.json"
    path.write_text(json.dumps(METAINFO))
    return path


@pytest.fixture
def labels(folder, values, tmp_path):
    """A NIfTI file, its slices in the other direction than those of the series."""
    image = DicomCubeImage(values[::-1], PixelDataHeader(OriginalPixelDtype="uint8"))
    affine = DicomCubeImage.from_dicom_folder(folder).affine
    affine[:3, 3] += 3 * affine[:3, 0]
    affine[:3, 0] *= -1
    image.affine = affine
    image.to_nifti(tmp_path / "labels.nii.gz")
    return tmp_path / "labels.nii.gz"


@pytest.fixture
def file(labels, folder, template, tmp_path):
    ok("seg", "write", labels, folder, tmp_path / "seg.dcm", "--template", template)
    return tmp_path / "seg.dcm"


class TestWrite:
    def test_says_what_is_in_the_file(self, labels, folder, template, tmp_path, values):
        out = tmp_path / "seg.dcm"
        text = ok("seg", "write", labels, folder, out, "--template", template)
        assert "seg.dcm: 2 segments, " in text
        assert "  1  Liver\n  2  Mass" in text
        np.testing.assert_array_equal(seg.read_seg(out, folder).mask(2), values == 3)

    @pytest.mark.parametrize("form", ["npy", "cube"])
    def test_labels_in_other_files(self, folder, cube, template, tmp_path, values, form):
        if form == "npy":
            path = tmp_path / "labels.npy"
            np.save(path, values)
        else:
            image = DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype="uint8"))
            image.affine = load(cube).affine
            path = image.to_file(tmp_path / "labels.dcba")
        ok("seg", "write", path, cube, tmp_path / "seg.dcm", "--template", template)
        np.testing.assert_array_equal(
            seg.read_seg(tmp_path / "seg.dcm", folder).mask(1), values == 1
        )

    @pytest.mark.parametrize("kind", ["binary", "fractional", "labelmap"])
    def test_options_reach_the_writer(self, labels, folder, template, tmp_path, kind):
        out = tmp_path / "seg.dcm"
        ok("seg", "write", labels, folder, out, "--template", template, "--type", kind, "--crop",
           "--keep-empty-slices")  # fmt: skip
        made = pydicom.dcmread(out)
        assert made.SegmentationType == kind.upper()
        assert (made.Rows, made.Columns) == (8, 6)
        assert made.NumberOfFrames == (4 if kind == "labelmap" else 8)

    def test_compressed_label_map(self, labels, folder, template, tmp_path):
        out = tmp_path / "seg.dcm"
        ok("seg", "write", labels, folder, out, "--template", template, "--type", "labelmap",
           "--transfer-syntax", "rle")  # fmt: skip
        assert pydicom.dcmread(out).file_meta.TransferSyntaxUID.is_compressed

    def test_unknown_labels(self, labels, folder, template, tmp_path):
        known = json.loads(template.read_text())
        known["segmentAttributes"][0].pop()
        template.write_text(json.dumps(known))
        call = ("seg", "write", labels, folder, tmp_path / "seg.dcm", "--template", template)
        assert "labels 3" in refused(4, *call)
        assert not (tmp_path / "seg.dcm").exists()
        assert "1 segment," in ok(*call, "--skip-missing")

    def test_what_is_missing_or_in_the_way(self, labels, folder, template, file, tmp_path):
        call = ("seg", "write", labels, folder, file, "--template", template)
        assert "--overwrite" in refused(4, *call)
        ok(*call, "--overwrite")
        new = tmp_path / "new.dcm"
        refused(3, "seg", "write", tmp_path / "no.nii", folder, new, "--template", template)
        refused(3, "seg", "write", labels, tmp_path / "no", new, "--template", template)
        refused(3, "seg", "write", labels, folder, new, "--template", tmp_path / "no.json")
        assert "--template" in misused("seg", "write", labels, folder, new)
        assert "--type" in misused("seg", "write", labels, folder, new, "--template", template,
                                   "--type", "surface")  # fmt: skip

    def test_another_series_is_refused(self, folder, template, tmp_path):
        np.save(tmp_path / "labels.npy", np.ones((4, 12, 9), np.uint8))
        line = refused(4, "seg", "write", tmp_path / "labels.npy", folder, tmp_path / "x.dcm",
                       "--template", template)  # fmt: skip
        assert "(4, 12, 9)" in line


class TestRead:
    def test_labels_on_the_grid_of_the_source(self, file, folder, values, tmp_path):
        text = ok("seg", "read", file, tmp_path / "out.nii.gz", "--source", folder)
        assert "labels, 4 x 12 x 10" in text
        image = DicomCubeImage.from_nifti(tmp_path / "out.nii.gz")
        np.testing.assert_array_equal(image.raw_image, np.where(values == 3, 2, values))
        np.testing.assert_allclose(image.affine, DicomCubeImage.from_dicom_folder(folder).affine)
        assert nibabel.load(tmp_path / "out.nii.gz").get_data_dtype() == np.uint8

    def test_grid_of_the_frames(self, file, tmp_path):
        assert "3 x 12 x 10" in ok("seg", "read", file, tmp_path / "out.npy")

    def test_one_segment(self, file, cube, values, tmp_path):
        ok("seg", "read", file, tmp_path / "out.npy", "--source", cube, "--segment", 2)
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), values == 3)
        assert "no segment 9" in refused(4, "seg", "read", file, tmp_path / "x.npy", "--segment", 9)

    def test_what_is_wrong(self, file, folder, tmp_path):
        refused(3, "seg", "read", min(folder.iterdir()), tmp_path / "out.npy")
        refused(4, "seg", "read", file, tmp_path / "out.txt")
        refused(3, "seg", "read", tmp_path / "no.dcm", tmp_path / "out.npy")
        (tmp_path / "out.npy").touch()
        assert "--overwrite" in refused(4, "seg", "read", file, tmp_path / "out.npy")


class TestInfo:
    def test_lists_segments(self, file):
        text = ok("seg", "info", file)
        assert "type        binary\n" in text
        assert "grid        3 x 12 x 10 (z, y, x)" in text
        assert "Liver: 48 voxels, Liver, automatic" in text
        assert "Mass: 48 voxels, Mass, manual" in text
        assert "Verysecret" not in text

    def test_as_json(self, file):
        facts = json.loads(ok("seg", "info", file, "--json"))
        assert facts["shape"] == [3, 12, 10]
        assert [s["voxels"] for s in facts["segments"]] == [48, 48]
        assert facts["segments"][0]["type"]["value"] == "10200004"

    def test_without_a_command_shows_help(self):
        assert "Examples:" in run("seg").output
        for command in ("write", "read", "info"):
            assert f"    dicube seg {command} " in ok("seg", command, "--help")


class TestRegion:
    def test_segments_are_a_region(self, file, folder, values, tmp_path):
        ok("convert", folder, tmp_path / "x.dcbr", "--roi", file)
        np.testing.assert_array_equal(load(tmp_path / "x.dcbr").roi.mask, values != 0)

    def test_in_memory_as_well(self, file, folder, values, tmp_path):
        image = DicomCubeImage.from_dicom_folder(folder)
        image.to_file(tmp_path / "x.dcbr", roi=seg.read_seg(file))
        np.testing.assert_array_equal(load(tmp_path / "x.dcbr").roi.mask, values != 0)

    def test_of_another_grid_is_refused(self, file, small_image, tmp_path):
        affine = small_image.affine
        affine[0, 3] += 0.2
        small_image.affine = affine
        small_image.to_file(tmp_path / "moved.dcbs")
        for region in (file, seg.read_seg(file)):
            with pytest.raises(Exception, match="grid"):
                small_image.to_file(tmp_path / "x.dcbr", roi=region)
        assert "grid" in refused(
            4, "convert", tmp_path / "moved.dcbs", tmp_path / "x.dcbr", "--roi", file
        )


class TestAdd:
    def test_a_cube_keeps_them_and_gives_them_back(self, file, folder, tmp_path, values):
        cube = tmp_path / "ct.dcbs"
        assert "ct.dcbs: 1 segmentation, " in ok("seg", "add", folder, file, cube)
        np.testing.assert_array_equal(load(cube).segmentations[0].mask(2), values == 3)
        assert "segments     2, binary: Liver, Mass" in ok("info", cube)
        ok("seg", "read", cube, tmp_path / "labels.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "labels.npy") == 2, values == 3)
        ok("export", cube, tmp_path / "copy")
        assert same_files(folder, tmp_path / "copy")

    def test_others_are_added_beside(self, file, folder, tmp_path):
        ok("seg", "add", folder, file, tmp_path / "one.dcbs")
        assert "2 segmentations" in ok(
            "seg", "add", tmp_path / "one.dcbs", file, tmp_path / "two.dcba"
        )
        two = tmp_path / "two.dcba"
        assert "--which, 0 to 1" in refused(4, "seg", "read", two, tmp_path / "x.npy")
        ok("seg", "read", two, tmp_path / "x.npy", "--which", 1)

    def test_what_has_no_effect_or_cannot_be_is_refused(self, file, folder, tmp_path):
        assert "name the file .dcbs or .dcba" in misused(
            "seg", "add", folder, file, tmp_path / "x.dcbr"
        )
        assert "only for a cube file" in misused(
            "seg", "read", file, tmp_path / "x.npy", "--which", 0
        )
        ok("convert", folder, tmp_path / "ct.dcbs")
        assert "has 0 segmentations" in refused(
            4, "seg", "read", tmp_path / "ct.dcbs", tmp_path / "x.npy"
        )
        assert "only for a DICOM segmentation" in misused(
            "seg", "read", tmp_path / "ct.dcbs", tmp_path / "x.npy", "--source", folder
        )
