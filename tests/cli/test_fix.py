"""`dicube fix`: what it lists, straightens, refuses and says."""

import nibabel
import numpy as np
import pytest

import dicube
from dicube import DicomCubeImage
from tests.cli.runs import PATIENT, misused, ok, refused, run, same_files

# Slices move by half a row of 0.75 mm each; 2.5 mm along the normal.
SHEARED = np.array(
    [[0, 0, 0.5, -10], [0.375, 0.75, 0, 20], [2.5, 0, 0, -30], [0, 0, 0, 1]], dtype=np.float64
)
ANGLE = "8.5 degrees"


@pytest.fixture
def tilted(small_image, tmp_path):
    """A folder of 4 x 12 x 10, sheared, of a patient whose name must not turn up in messages."""
    small_image.affine = SHEARED
    small_image.init_meta("CT", patient_name=PATIENT)
    small_image.dicom_meta.set_shared_item("GantryDetectorTilt", 8.5)
    small_image.to_dicom_folder(tmp_path / "tilted")
    return tmp_path / "tilted"


class TestList:
    def test_says_what_could_be_fixed_and_writes_nothing(self, tilted, tmp_path):
        before = sorted(tmp_path.rglob("*"))
        result = run("fix", tilted)
        assert result.exit_code == 2
        assert f"--tilt would straighten the stack by {ANGLE}" in result.stdout
        assert "finding: inconsistent: the stack is sheared" in result.stdout
        assert "no repair was asked for" in result.stderr
        assert "Verysecret" not in result.output
        assert sorted(tmp_path.rglob("*")) == before

    def test_names_the_slices_of_findings_that_have_no_repair(self, folder):
        (folder / "00002.dcm").unlink()
        result = run("fix", folder)
        assert result.exit_code == 2
        assert result.stdout.startswith("nothing that could be fixed\n")
        assert "finding: gap_instance_number: " in result.stdout
        assert "(slices 1)" in result.stdout

    def test_of_a_file_without_metadata(self, tilted, tmp_path):
        DicomCubeImage.from_dicom_folder(tilted).to_nifti(tmp_path / "tilted.nii")
        assert f"by {ANGLE}" in run("fix", tmp_path / "tilted.nii").stdout


class TestTilt:
    @pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
    def test_folder_becomes_a_straight_cube_file(self, tilted, tmp_path, suffix):
        target = tmp_path / f"straight.{suffix}"
        text = ok("fix", tilted, target, "--tilt")
        first, second = text.splitlines()
        assert first.startswith(f"{target}: straightened by {ANGLE}, ")
        assert "4 x 12 x 10 to 4 x 14 x 10, 80 voxels outside of the slices filled" in first
        assert second == "values are interpolated: a derived series, no substitute for the source"
        straight = dicube.load(target)
        assert straight.space.shape == straight.shape == (4, 14, 10)
        expected = DicomCubeImage.from_dicom_folder(tilted).resample_tilt()
        np.testing.assert_array_equal(straight.raw_image, expected.raw_image)
        assert straight.dicom_meta.to_json() == expected.dicom_meta.to_json()
        assert straight.dicom_meta.get("GantryDetectorTilt") == 0

    def test_source_stays_as_it_is(self, tilted, tmp_path):
        before = {path.name: path.read_bytes() for path in tilted.iterdir()}
        ok("fix", tilted, tmp_path / "straight.dcbs", "--tilt")
        assert {path.name: path.read_bytes() for path in tilted.iterdir()} == before

    def test_cube_file_and_nifti_give_the_same_values(self, tilted, tmp_path):
        ok("convert", tilted, tmp_path / "tilted.dcba")
        ok("convert", tilted, tmp_path / "tilted.nii.gz")
        ok("fix", tilted, tmp_path / "0.nii", "--tilt")
        expected = nibabel.load(tmp_path / "0.nii")
        for number, name in enumerate(("tilted.dcba", "tilted.nii.gz"), 1):
            ok("fix", tmp_path / name, tmp_path / f"{number}.nii", "--tilt")
            found = nibabel.load(tmp_path / f"{number}.nii")
            np.testing.assert_array_equal(found.get_fdata(), expected.get_fdata())
            np.testing.assert_allclose(found.affine, expected.affine, atol=1e-5)
            assert int(found.header["qform_code"]) == 1

    def test_straight_file_is_exported_as_a_series_of_its_own(self, tilted, tmp_path):
        ok("fix", tilted, tmp_path / "straight.dcbs", "--tilt")
        ok("export", tmp_path / "straight.dcbs", tmp_path / "out")
        again = DicomCubeImage.from_dicom_folder(tmp_path / "out")
        assert again.space is not None
        assert again.findings == []
        ok("convert", tmp_path / "out", tmp_path / "again.dcbs")
        ok("export", tmp_path / "again.dcbs", tmp_path / "copy")
        assert same_files(tmp_path / "out", tmp_path / "copy")

    def test_fill(self, tilted, tmp_path):
        ok("fix", tilted, tmp_path / "x.dcbs", "--tilt", "--fill", "-2000")
        assert (dicube.load(tmp_path / "x.dcbs").raw_image == -2000).sum() == 80
        assert "int16" in refused(4, "fix", tilted, tmp_path / "y.dcbs", "--tilt", "--fill", "1e6")
        assert not (tmp_path / "y.dcbs").exists()

    def test_files_left_out_are_listed(self, tilted, tmp_path):
        (tilted / "notes.txt").write_text("not DICOM")
        text = ok("fix", tilted, tmp_path / "x.dcbs", "--tilt")
        assert f"skipped {tilted / 'notes.txt'}: " in text


class TestRefusals:
    def test_stack_that_is_not_sheared(self, folder, tmp_path):
        line = refused(4, "fix", folder, tmp_path / "x.dcbs", "--tilt")
        assert "nothing to straighten" in line
        assert not (tmp_path / "x.dcbs").exists()

    def test_existing_target(self, tilted, tmp_path):
        (tmp_path / "x.dcbs").write_bytes(b"precious")
        assert "--overwrite" in refused(4, "fix", tilted, tmp_path / "x.dcbs", "--tilt")
        assert (tmp_path / "x.dcbs").read_bytes() == b"precious"
        ok("fix", tilted, tmp_path / "x.dcbs", "--tilt", "--overwrite")

    def test_source_as_target(self, tilted, tmp_path):
        ok("convert", tilted, tmp_path / "x.dcbs")
        before = (tmp_path / "x.dcbs").read_bytes()
        line = refused(4, "fix", tmp_path / "x.dcbs", tmp_path / "x.dcbs", "--tilt", "--overwrite")
        assert "is the source" in line
        assert (tmp_path / "x.dcbs").read_bytes() == before

    @pytest.mark.parametrize(
        ("name", "why"),
        [("x", "none of .dcbs"), ("x.dcm", "`dicube export`"), ("x.dcbr", "needs a region")],
    )
    def test_targets_of_other_kinds(self, tilted, tmp_path, name, why):
        assert why in misused("fix", tilted, tmp_path / name, "--tilt")

    def test_no_target(self, tilted):
        assert "name the file to write" in misused("fix", tilted, "--tilt")

    def test_no_source(self, tmp_path):
        assert "no such file" in refused(3, "fix", tmp_path / "nothing", tmp_path / "x.dcbs")
