"""Commands that write for others: export, preview."""

import sys

import numpy as np
import pydicom
import pytest

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.cli.export import TransferSyntax
from dicube.dicom.export import TRANSFER_SYNTAXES
from tests.cli.runs import PATIENT, misused, ok, refused, same_files


class TestExport:
    def test_source_files_come_back_byte_for_byte(self, cube, folder, tmp_path):
        assert "4 files" in ok("export", cube, tmp_path / "copy")
        assert same_files(folder, tmp_path / "copy")

    def test_option_offers_what_the_library_writes(self):
        assert {syntax.value for syntax in TransferSyntax} == set(TRANSFER_SYNTAXES)

    @pytest.mark.parametrize("name", sorted(TRANSFER_SYNTAXES.keys() - {"jxl"}))
    def test_every_transfer_syntax_is_read_back(self, cube, tmp_path, name):
        target = tmp_path / name
        ok("export", cube, target, "--transfer-syntax", name)
        expected, image = dicube.load(cube), dicube.load_from_dicom_folder(target)
        np.testing.assert_array_equal(image.raw_image, expected.raw_image)
        for path in target.iterdir():
            data_set = pydicom.dcmread(path)
            assert data_set.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[name]
            if name in ("explicit", "rle"):  # what pydicom decodes without plugins
                frame = expected.raw_image[data_set.InstanceNumber - 1]
                np.testing.assert_array_equal(data_set.pixel_array, frame)

    def test_what_a_transfer_syntax_cannot_hold_is_refused(self, cube, tmp_path):
        message = refused(5, "export", cube, tmp_path / "jxl", "--transfer-syntax", "jxl")
        assert "int16 pixels cannot be JPEG XL" in message
        assert not (tmp_path / "jxl").exists()

    def test_existing_files_are_refused_and_untouched(self, cube, folder, tmp_path):
        target = tmp_path / "copy"
        target.mkdir()
        (target / "00002.dcm").write_bytes(b"precious")
        assert "--overwrite" in refused(4, "export", cube, target)
        assert [path.name for path in target.iterdir()] == ["00002.dcm"]
        ok("export", cube, target, "--overwrite")
        assert same_files(folder, target)

    def test_target_that_is_a_file_is_refused(self, cube, tmp_path):
        (tmp_path / "taken").write_text("")
        refused(4, "export", cube, tmp_path / "taken", "--overwrite")

    def test_pixels_that_the_codec_cannot_hold_are_refused(self, tmp_path):
        image = DicomCubeImage(np.ones((2, 8, 8), np.uint32), PixelDataHeader())
        image.init_meta("OT", patient_name=PATIENT)
        path = image.to_file(tmp_path / "wide.dcbs")
        refused(5, "export", path, tmp_path / "j2k", "--transfer-syntax", "jpeg2000")

    def test_file_without_metadata_is_refused(self, tmp_path):
        image = DicomCubeImage(np.ones((2, 8, 8), np.uint8), PixelDataHeader())
        path = image.to_file(tmp_path / "bare.dcbs")
        assert "no DICOM metadata" in refused(3, "export", path, tmp_path / "copy")

    def test_unknown_transfer_syntax_is_wrong_usage(self, cube, tmp_path):
        misused("export", cube, tmp_path / "copy", "--transfer-syntax", "mpeg")


class TestLayouts:
    @pytest.mark.parametrize(("layout", "count"), [("classic", 4), ("per_timepoint", 1),
                                                   ("single_file", 1)])  # fmt: skip
    def test_each_layout_is_a_new_series(self, cube, tmp_path, layout, count):
        target = tmp_path / layout
        word = "1 file" if count == 1 else f"{count} files"
        assert word in ok("export", cube, target, "--layout", layout)
        before = dicube.load_meta(cube)
        for path in target.iterdir():
            data_set = pydicom.dcmread(path)
            assert data_set.SeriesInstanceUID != before.get("SeriesInstanceUID")
            assert data_set.PatientID == "verysecret-1"
        refused(4, "export", cube, target, "--layout", layout)
        ok("export", cube, target, "--layout", layout, "--overwrite")

    def test_floats_need_a_precision_for_classic_files(self, small_image, tmp_path):
        values = np.random.default_rng(1).normal(size=small_image.shape)
        image = DicomCubeImage.from_array(values, small_image)
        path = image.to_file(tmp_path / "floats.dcbs")
        target = tmp_path / "out"
        line = refused(4, "export", path, target, "--layout", "classic")
        assert "--precision int16" in line
        ok("export", path, target, "--layout", "classic", "--precision", "int16")
        ok("export", path, tmp_path / "maps", "--layout", "per_timepoint")

    def test_options_without_effect_are_wrong_usage(self, cube, tmp_path):
        target = tmp_path / "out"
        assert "--layout" in misused("export", cube, target, "--precision", "int16")
        misused("export", cube, target, "--layout", "single_file", "--transfer-syntax", "htj2k")
        misused("export", cube, target, "--layout", "enhanced")
        assert not target.exists()
        ok("export", cube, target, "--layout", "classic", "--transfer-syntax", "htj2k")


class TestPreview:
    def test_sheet_is_written(self, cube, folder, tmp_path):
        pytest.importorskip("PIL")
        assert "4 frames" in ok("preview", cube, tmp_path / "a.png")
        assert "2 frames" in ok(
            "preview", folder, tmp_path / "b.png", "--max-frames", 2, "--window", "-100,300"
        )
        assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")

    def test_existing_picture_is_refused(self, cube, tmp_path):
        pytest.importorskip("PIL")
        (tmp_path / "a.png").write_text("precious")
        refused(4, "preview", cube, tmp_path / "a.png")
        assert (tmp_path / "a.png").read_text() == "precious"
        ok("preview", cube, tmp_path / "a.png", "--overwrite")

    @pytest.mark.parametrize("window", ["40", "40,", "a,b", "40,0", "1,2,3", "0,nan"])
    def test_malformed_window_is_wrong_usage(self, cube, tmp_path, window):
        assert "--window" in misused("preview", cube, tmp_path / "a.png", "--window", window)

    def test_missing_pillow_names_the_extra(self, cube, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL", None)
        assert "pip install 'dicube[preview]'" in refused(6, "preview", cube, tmp_path / "a.png")
