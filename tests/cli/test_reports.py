"""Commands that say what is in a file: info, verify, meta."""

import json
import math

import numpy as np
import pydicom
import pytest

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.core.cube_file import read_description
from tests.cli.runs import PATIENT, damage_first_frame, misused, ok, refused
from tests.series import requires_data, series_folder


class TestInfo:
    def test_text_names_everything(self, cube):
        text = ok("info", cube)
        for words in (
            "dcbs, codec jph",
            "checksums    yes",
            "series       CT, 4 slices",
            "shape        4 x 12 x 10 int16",
            "z 4, rows 12, columns 10",
            "spacing      2.5, 0.75, 0.5 mm",
            "origin       ",
            "slope 1, intercept -24",
            "status       consistent",
            "4, all come back byte for byte",
        ):
            assert words in text

    def test_json_can_be_parsed(self, cube):
        facts = json.loads(ok("info", cube, "--json"))
        assert facts["shape"] == [4, 12, 10]
        assert facts["dtype"] == "int16"
        assert facts["series"]["Modality"] == "CT"
        assert facts["spacing_mm"] == [2.5, 0.75, 0.5]
        assert facts["byte_identical_files"] == facts["source_files"] == 4
        assert facts["file_bytes"] == cube.stat().st_size
        assert facts["ratio"] == round(4 * 12 * 10 * 2 / cube.stat().st_size, 3)

    def test_no_frame_is_read(self, cube):
        damage_first_frame(cube)
        assert "4 x 12 x 10" in ok("info", cube)

    def test_findings_name_the_slices(self, folder, tmp_path):
        (folder / "00002.dcm").unlink()
        ok("convert", folder, tmp_path / "gap.dcbs")
        text = ok("info", tmp_path / "gap.dcbs")
        assert "gap_instance_number: Instance Numbers are missing before slices (slices 1)" in text
        findings = json.loads(ok("info", tmp_path / "gap.dcbs", "--json"))["findings"]
        assert findings[0]["slices"] == [1]

    def test_file_without_metadata_and_geometry(self, tmp_path):
        image = DicomCubeImage(np.zeros((2, 4, 5), np.float32), PixelDataHeader())
        text = ok("info", image.to_file(tmp_path / "bare.dcbs"))
        assert "no DICOM metadata" in text
        assert "space        none" in text
        assert "2 x 4 x 5 float32" in text
        assert "export writes new files" in text

    def test_sheared_stack_has_an_affine_and_no_space(self, small_image, tmp_path):
        small_image.affine = np.array(
            [[0, 0, 1, 0], [0.5, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64
        )
        path = small_image.to_file(tmp_path / "tilt.dcbs")
        assert "sheared stack" in ok("info", path)
        assert json.loads(ok("info", path, "--json"))["affine"][1][0] == 0.5

    def test_control_characters_of_a_value_reach_no_terminal(self, small_image, tmp_path):
        small_image.dicom_meta.set_shared_item("SeriesDescription", "red\x1b[31m")
        path = small_image.to_file(tmp_path / "red.dcbs")
        assert "red\\x1b[31m" in ok("info", path)

    @pytest.mark.parametrize("content", [b"", b"DCMCUBES", b"not a cube file" * 20])
    def test_file_that_is_invalid_is_refused(self, tmp_path, content):
        (tmp_path / "bad.dcbs").write_bytes(content)
        refused(3, "info", tmp_path / "bad.dcbs")


class TestDescription:
    """`read_description`, which `info` is made of, against the image itself."""

    @requires_data
    @pytest.mark.parametrize(
        "name", ["ct_philips_private", "ct_ge_int16_tilt", "pet_slopes", "rgb_SC_rgb_2frame"]
    )
    def test_agrees_with_the_decoded_image(self, name, tmp_path):
        image = DicomCubeImage.from_dicom_folder(series_folder(name))
        found = read_description(image.to_file(tmp_path / "x.dcbs"))
        assert (found.shape, found.dtype, found.axes) == (image.shape, image.dtype, image.axes)
        assert found.frames == math.prod(axis.size for axis in image.axes)
        assert found.status is image.dicom_status
        assert (found.affine is None) == (image.affine is None)
        if image.affine is not None:
            np.testing.assert_allclose(found.affine, image.affine)

    def test_agrees_for_files_of_the_published_tool(self):
        golden = sorted(series_folder("").parent.joinpath("golden").glob("*.dcb?"))
        if not golden:
            pytest.skip("no files of the published tool beside the test data")
        for path in golden:
            found, image = read_description(path), dicube.load(path)
            assert (found.shape, found.dtype, found.axes) == (image.shape, image.dtype, image.axes)
            assert not found.has_checksums


class TestVerify:
    def test_intact_file(self, cube):
        assert "intact: 4 frames decoded, all checksums match" in ok("verify", cube)

    def test_file_against_its_folder(self, cube, folder):
        assert "4 files identical byte for byte" in ok("verify", cube, "--against", folder)

    def test_damage_is_found(self, cube):
        damage_first_frame(cube)
        assert "frame 0 fails its checksum" in refused(1, "verify", cube)

    def test_difference_from_the_folder_is_found(self, cube, folder):
        path = folder / "00001.dcm"
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        assert "00001.dcm differs" in refused(1, "verify", cube, "--against", folder)

    def test_missing_file_or_folder_is_no_difference(self, cube, tmp_path):
        refused(3, "verify", tmp_path / "nothing.dcbs")
        refused(3, "verify", cube, "--against", tmp_path / "nothing")


class TestMeta:
    def test_all_elements_are_shown_shared_ones_first(self, cube):
        text = ok("meta", cube)
        shared, differing = text.split("Different between slices:")
        assert "(0008,0060) CS Modality: CT" in shared
        assert "(0020,0013) IS InstanceNumber:\n    0: 1\n    1: 2" in differing

    @pytest.mark.parametrize("tag", ["Modality", "00080060", "0008,0060", "(0008,0060)"])
    def test_tag_may_be_spelled_in_several_ways(self, cube, tag):
        assert ok("meta", cube, tag) == "(0008,0060) CS Modality: CT\n"

    def test_dicom_folder_is_read_as_well(self, folder):
        assert ok("meta", folder, "Modality") == "(0008,0060) CS Modality: CT\n"

    def test_absent_and_empty_are_told_apart(self, cube):
        text = ok("meta", cube, "AccessionNumber", "EchoTime")
        assert text == (
            "(0008,0050) SH AccessionNumber: <empty>\n(0018,0081) -- EchoTime: <absent>\n"
        )
        members = json.loads(ok("meta", cube, "AccessionNumber", "EchoTime", "--json"))
        assert members["00080050"]["presence"] == "empty"
        assert members["00180081"]["presence"] == "absent"

    def test_absent_in_some_slices_is_shown_for_each(self, folder):
        data_set = pydicom.dcmread(folder / "00002.dcm")
        del data_set.RescaleType
        data_set.save_as(folder / "00002.dcm")
        text = ok("meta", folder, "RescaleType")
        assert text.splitlines()[1:3] == ["    0: US", "    1: <absent>"]

    def test_one_slice_can_be_picked(self, cube):
        assert ok("meta", cube, "InstanceNumber", "--slice", 2).endswith("InstanceNumber: 3\n")

    def test_slice_that_is_not_there_is_wrong_usage(self, cube):
        assert "there are 4 slices" in misused("meta", cube, "--slice", 4)

    @pytest.mark.parametrize("tag", ["NoSuchKeyword", "0008", "0008006", "0008,006G"])
    def test_unknown_tag_is_wrong_usage(self, cube, tag):
        assert "is no tag" in misused("meta", cube, tag)

    def test_json_holds_values_in_full(self, cube):
        members = json.loads(ok("meta", cube, "--json"))
        assert members["00100010"]["value"] == {"Alphabetic": PATIENT}
        assert members["00200013"]["values"] == [1, 2, 3, 4]
        assert members["00280030"]["keyword"] == "PixelSpacing"

    def test_file_without_metadata_is_refused(self, tmp_path):
        image = DicomCubeImage(np.ones((2, 8, 8), np.uint8), PixelDataHeader())
        refused(3, "meta", image.to_file(tmp_path / "bare.dcbs"))
