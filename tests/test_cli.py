"""The command line: what it says, what it writes, and how it ends."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner, Result

import dicube
from dicube import DicomCubeImage, PixelDataHeader
from dicube.cli import app
from dicube.cli.export import TransferSyntax
from dicube.cli.text import count_text, printable, ranges_text, size_text
from dicube.core.cube_file import read_description
from dicube.dicom.export import TRANSFER_SYNTAXES
from tests.series import requires_data, series_folder

COMMANDS = ("convert", "info", "verify", "export", "meta", "preview")
PATIENT = "Verysecret^Person"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: object) -> str:
    """What a command prints that has to succeed."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert not result.stderr
    return result.stdout


def refused(code: int, *arguments: object) -> str:
    """The one line on stderr of a command that has to fail with this code."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Verysecret" not in result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def misused(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


@pytest.fixture
def folder(small_image: DicomCubeImage, tmp_path: Path) -> Path:
    """A series of a patient whose name must not turn up in messages."""
    small_image.init_meta("CT", patient_name=PATIENT, patient_id="verysecret-1")
    small_image.to_dicom_folder(tmp_path / "series")
    return tmp_path / "series"


@pytest.fixture
def cube(folder: Path, tmp_path: Path) -> Path:
    return DicomCubeImage.from_dicom_folder(folder).to_file(tmp_path / "series.dcbs")


def same_files(first: Path, second: Path) -> bool:
    names = sorted(path.name for path in first.iterdir())
    return names == sorted(path.name for path in second.iterdir()) and all(
        (first / name).read_bytes() == (second / name).read_bytes() for name in names
    )


def damage_first_frame(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[116 + 200] ^= 0xFF  # frames follow the header of 116 bytes
    path.write_bytes(data)


class TestHelp:
    def test_lists_every_command_with_examples_and_exit_codes(self):
        text = ok("--help")
        for word in (*COMMANDS, "Examples:", "Exit codes:", "130  interrupted"):
            assert word in text

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_each_command_has_an_example(self, command):
        assert f"    dicube {command} " in ok(command, "--help")

    def test_without_arguments_shows_help(self):
        assert "Examples:" in run().output

    def test_version_is_printed(self):
        assert ok("--version") == f"dicube {dicube.__version__}\n"


class TestConvert:
    @pytest.mark.parametrize("suffix", ["dcbs", "dcba"])
    def test_folder_becomes_a_verified_cube_file(self, folder, tmp_path, suffix):
        target = tmp_path / f"ct.{suffix}"
        text = ok("convert", folder, target)
        assert text.startswith(f"{target}: 4 frames, ")
        assert "verified (4 files identical byte for byte)" in text
        assert read_description(target).file_format.suffix == f".{suffix}"

    def test_effort_is_for_archives(self, folder, tmp_path):
        for effort in ("fast", "default", "max"):
            ok("convert", folder, tmp_path / f"{effort}.dcba", "--effort", effort)
        text = misused("convert", folder, tmp_path / "x.dcbs", "--effort", "max")
        assert "only for a .dcba file" in text

    def test_format_option_overrides_the_suffix(self, folder, tmp_path):
        ok("convert", folder, tmp_path / "ct.bin", "--format", "dcba")
        assert read_description(tmp_path / "ct.bin").file_format.suffix == ".dcba"

    def test_files_left_out_are_listed_with_the_reason(self, folder, tmp_path):
        (folder / "notes.txt").write_text("not DICOM")
        text = ok("convert", folder, tmp_path / "ct.dcbs", "--no-verify")
        assert f"skipped {folder / 'notes.txt'}: " in text
        assert "not verified" in text

    def test_findings_are_counted(self, folder, tmp_path):
        (folder / "00002.dcm").unlink()
        assert "2 findings, first: gap_instance_number" in ok(
            "convert", folder, tmp_path / "ct.dcbs"
        )

    @pytest.mark.parametrize("sort", ["instance", "instance-desc", "position", "position-desc"])
    @pytest.mark.parametrize("keep", [[], ["--no-sources"]], ids=["sources", "no sources"])
    def test_every_order_verifies(self, folder, tmp_path, sort, keep):
        target = tmp_path / "ct.dcbs"
        assert "verified" in ok("convert", folder, target, "--sort", sort, *keep, "--threads", 1)
        numbers = dicube.load_meta(target).get("InstanceNumber")
        assert numbers == ([4, 3, 2, 1] if sort.endswith("desc") else [1, 2, 3, 4])

    def test_without_sources_none_are_kept(self, folder, tmp_path):
        ok("convert", folder, tmp_path / "ct.dcbs", "--no-sources")
        assert read_description(tmp_path / "ct.dcbs").sources is None

    def test_existing_target_is_refused_and_untouched(self, folder, tmp_path):
        target = tmp_path / "ct.dcbs"
        target.write_bytes(b"precious")
        assert "--overwrite" in refused(4, "convert", folder, target)
        assert target.read_bytes() == b"precious"
        ok("convert", folder, target, "--overwrite")
        assert target.read_bytes().startswith(b"DCMCUBES")

    def test_target_that_cannot_be_a_file_is_refused(self, folder, tmp_path):
        (tmp_path / "taken.dcbs").mkdir()
        refused(4, "convert", folder, tmp_path / "taken.dcbs", "--overwrite")
        refused(4, "convert", folder, tmp_path / "missing" / "ct.dcbs")

    def test_source_that_is_missing_is_named(self, tmp_path):
        line = refused(3, "convert", tmp_path / "nothing", tmp_path / "ct.dcbs")
        assert str(tmp_path / "nothing") in line

    def test_source_that_is_no_cube_file_is_refused(self, folder, tmp_path):
        assert "no cube file" in refused(3, "convert", folder / "00001.dcm", tmp_path / "ct.dcbs")

    def test_format_that_is_not_supported_is_refused(self, folder, tmp_path):
        assert "not supported" in refused(3, "convert", folder, tmp_path / "ct.dcbr")

    def test_unknown_suffix_is_wrong_usage_and_points_to_export(self, folder, tmp_path):
        assert "dicube export" in misused("convert", folder, tmp_path / "dicom")

    def test_options_without_effect_are_wrong_usage(self, folder, cube, tmp_path):
        target = tmp_path / "ct.dcba"
        assert "--skip-damaged" in misused("convert", cube, target, "--skip-damaged")
        assert "--modality" in misused("convert", folder, target, "--modality", "MR")

    def test_several_series_are_listed_and_one_can_be_picked(self, folder, small_image, tmp_path):
        uid = small_image.init_meta("MR").get("SeriesInstanceUID")
        for path in small_image.to_dicom_folder(tmp_path / "other"):
            shutil.copy(path, folder / f"other-{path.name}")
        target = tmp_path / "ct.dcbs"
        assert uid in refused(4, "convert", folder, target)
        text = ok("convert", folder, target, "--series-uid", uid)
        assert "4 frames" in text
        assert text.count("an image of another series") == 4

    def test_damaged_file_stops_unless_it_may_be_left_out(self, folder, tmp_path):
        damaged, target = folder / "00003.dcm", tmp_path / "ct.dcbs"
        damaged.write_bytes(damaged.read_bytes()[:-50])
        line = refused(3, "convert", folder, target)
        assert "00003.dcm" in line
        assert "--skip-damaged" in line
        assert not target.exists()
        text = ok("convert", folder, target, "--skip-damaged")
        assert "3 frames" in text
        assert f"skipped {damaged}: " in text

    def test_verification_that_fails_is_reported(self, folder, tmp_path, monkeypatch):
        target = tmp_path / "ct.dcbs"
        write = DicomCubeImage.to_file

        def write_damaged(image, path, **options):
            write(image, path, **options)
            damage_first_frame(path)

        monkeypatch.setattr(DicomCubeImage, "to_file", write_damaged)
        result = run("convert", folder, target)
        assert result.exit_code == 1
        assert "VERIFICATION FAILED" in result.stdout
        assert "frame 0 fails its checksum" in result.stderr

    def test_cube_file_to_the_other_format_keeps_the_sources(self, folder, cube, tmp_path):
        ok("convert", cube, tmp_path / "ct.dcba")
        ok("export", tmp_path / "ct.dcba", tmp_path / "copy")
        assert same_files(folder, tmp_path / "copy")

    def test_cube_file_can_replace_itself(self, cube):
        before = dicube.load(cube).raw_image
        ok("convert", cube, cube, "--overwrite", "--no-sources")
        np.testing.assert_array_equal(dicube.load(cube).raw_image, before)

    def test_nifti_there_and_back(self, cube, tmp_path):
        pytest.importorskip("nibabel")
        ok("convert", cube, tmp_path / "ct.nii.gz")
        assert "verified" in ok("convert", tmp_path / "ct.nii.gz", tmp_path / "back.dcbs")
        expected, image = dicube.load(cube), dicube.load(tmp_path / "back.dcbs")
        np.testing.assert_array_equal(image.raw_image, expected.raw_image)
        np.testing.assert_allclose(image.affine, expected.affine)

    def test_nifti_with_modality_can_be_exported(self, cube, tmp_path):
        pytest.importorskip("nibabel")
        nifti, target = tmp_path / "ct.nii", tmp_path / "new.dcbs"
        ok("convert", cube, nifti)
        ok("convert", nifti, target, "--modality", "MR")
        ok("export", target, tmp_path / "new")
        assert {pydicom.dcmread(p).Modality for p in (tmp_path / "new").iterdir()} == {"MR"}


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


class TestEndings:
    def test_interrupt_ends_with_130(self, cube, monkeypatch):
        def interrupted(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("dicube.cli.verify.verify_file", interrupted)
        assert refused(130, "verify", cube) == "error: interrupted"

    def test_debug_adds_the_traceback(self, tmp_path):
        result = run("--debug", "info", tmp_path / "nothing.dcbs")
        assert result.exit_code == 3
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: ")

    def test_line_break_in_a_path_stays_on_one_line(self, tmp_path):
        assert "two\\nlines" in refused(3, "info", tmp_path / "two\nlines.dcbs")

    def test_system_error_is_one_line(self, cube, monkeypatch):
        def failing(*arguments, **options):
            raise PermissionError(13, "Permission denied", "some/file")

        monkeypatch.setattr("dicube.cli.verify.verify_file", failing)
        assert refused(3, "verify", cube) == "error: some/file: Permission denied"


class TestProgram:
    """The program as a shell starts it."""

    def start(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        root = str(Path(dicube.__file__).parents[1])
        return subprocess.run(
            [sys.executable, "-m", "dicube", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
            timeout=120,
            check=False,
        )

    def test_converts_and_keeps_stderr_empty(self, folder, tmp_path):
        done = self.start("convert", folder, tmp_path / "ct.dcbs")
        assert done.returncode == 0
        assert "verified" in done.stdout
        assert done.stderr == ""

    def test_error_is_one_line_and_a_code(self, tmp_path):
        done = self.start("info", tmp_path / "nothing.dcbs")
        assert done.returncode == 3
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1

    @requires_data
    def test_real_series_there_and_back(self, tmp_path):
        source = series_folder("mr_t1_sts")
        assert self.start("convert", source, tmp_path / "mr.dcba").returncode == 0
        assert self.start("export", tmp_path / "mr.dcba", tmp_path / "copy").returncode == 0
        assert same_files(source, tmp_path / "copy")


class TestText:
    def test_sizes(self):
        assert [size_text(n) for n in (0, 999, 1000, 20_940_000)] == [
            "0 bytes",
            "999 bytes",
            "1.0 kB",
            "20.9 MB",
        ]

    def test_counts(self):
        assert [count_text(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]

    def test_runs_of_slices_are_joined_and_many_are_counted(self):
        assert ranges_text([3, 4, 5, 9]) == "3-5, 9"
        assert ranges_text(range(0, 20, 2), limit=3) == "0, 2, 4 and 7 more"

    def test_printable_keeps_letters_of_all_languages(self):
        assert printable("Grüße 山田\t\x07\udc80") == "Grüße 山田\\t\\x07\\udc80"
