"""De-identified images: nothing of the source is left in any file, and the pixels are the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dicube
from dicube import DeidentifyKey, DeidentifyOptions, DicomCubeImage, Retain
from dicube.core.deidentified import deidentified, write_report
from dicube.core.segmentation import Code, Segment, Segmentation
from dicube.exceptions import DataConsistencyError
from tests.leaks import header_bytes, identifying_texts, leaks, readable_bytes
from tests.series import COMPRESSED, UNCOMPRESSED, requires_data, series_folder
from tests.validators import conformance_errors, requires_dciodvfy

KEY = DeidentifyKey(bytes(range(32)))
OPTIONS = DeidentifyOptions(key=KEY)


@pytest.fixture
def source(small_image: DicomCubeImage, tmp_path: Path) -> DicomCubeImage:
    """With source files, of a patient whose name must not be found."""
    small_image.init_meta("CT", patient_name="Verysecret^Person", patient_id="verysecret-1")
    small_image.to_dicom_folder(tmp_path / "series")
    return DicomCubeImage.from_dicom_folder(tmp_path / "series")


def stored(image: DicomCubeImage, folder: Path) -> bytes:
    """All that can be read in the files that an image is written to."""
    cube = image.to_file(folder / "clean.dcbs")
    files = image.to_dicom_folder(folder / "clean")
    return readable_bytes(cube) + b"".join(map(header_bytes, files))


@requires_data
@pytest.mark.parametrize("name", UNCOMPRESSED + COMPRESSED)
def test_nothing_that_identifies_is_left_of_any_real_series(name: str, tmp_path: Path) -> None:
    folder = series_folder(name)
    image = DicomCubeImage.from_dicom_folder(folder)
    clean, report = image.deidentified(OPTIONS)
    assert clean.raw_image.dtype == image.raw_image.dtype
    assert np.array_equal(clean.raw_image, image.raw_image, equal_nan=image.dtype.kind == "f")
    assert clean.shape == image.shape
    meta = clean.dicom_meta
    assert meta is not None
    has_uids = all(meta.get_values("SOPClassUID"))  # some samples have none
    if name == "odd_badVR" or not has_uids:  # its Number of Frames is no number
        written = readable_bytes(clean.to_file(tmp_path / "clean.dcbs"))
    else:
        written = stored(clean, tmp_path)
    texts = identifying_texts(folder)
    assert not leaks(texts, written)
    assert not leaks(texts, (report.to_json() + report.to_csv()).encode())


SOME = ("ct_ge_int16_tilt", "ct_philips_private", "enh_mr_philips_dti", "enh_mr_siemens_xa10",
        "mr_siemens_csa", "mr_fmri_ge_4d", "pet_slopes", "mg_12bit", "us_8bit_jpegll", "seg_liver",
        "rgb_examples_ybr_color", "sm_tiles", "paramap_float32", "enh_ct_nema", "wg04_NM1_RLE",
        "xa_cine_jpeg", "dx_8bit_mono1", "cr_j2k_10bit")  # fmt: skip


@requires_data
@requires_dciodvfy
@pytest.mark.parametrize("name", SOME)
def test_dicom_files_have_no_errors_that_their_sources_have_not(name: str, tmp_path: Path) -> None:
    image = DicomCubeImage.from_dicom_folder(series_folder(name))
    # What the export of edited metadata changes is not the question here.
    assert image.dicom_meta is not None
    same = DicomCubeImage.from_contents(replace(image.contents(), sources=None))
    before = same.to_dicom_folder(tmp_path / "before")[0]
    after = image.deidentified(OPTIONS)[0].to_dicom_folder(tmp_path / "after")[0]
    assert set(conformance_errors(after)) <= set(conformance_errors(before))


@requires_data
def test_files_are_read_again_as_the_same_volumes(tmp_path: Path) -> None:
    image = DicomCubeImage.from_dicom_folder(series_folder("mr_multiecho_mag"))
    clean, _ = image.deidentified(OPTIONS)
    clean.to_dicom_folder(tmp_path / "clean")
    again = DicomCubeImage.from_dicom_folder(tmp_path / "clean")
    assert again.axes == image.axes
    assert np.array_equal(again.raw_image, image.raw_image)
    assert np.allclose(again.affine, image.affine)
    clean.to_file(tmp_path / "clean.dcbs")
    cube = dicube.load(tmp_path / "clean.dcbs")
    assert cube.axes == image.axes
    assert cube.is_edited
    assert np.array_equal(cube.raw_image, image.raw_image)
    clean.to_nifti(tmp_path / "clean.nii.gz", embed=True, sidecar=True)
    assert np.array_equal(
        DicomCubeImage.from_nifti(tmp_path / "clean.nii.gz").raw_image, image.raw_image
    )


@requires_data
def test_references_between_series_of_a_study_still_resolve() -> None:
    segments = DicomCubeImage.from_dicom_folder(series_folder("seg_24x38x3"))
    source = DicomCubeImage.from_dicom_folder(series_folder("seg_24x38x3_source"))
    clean_segments, clean_source = (each.deidentified(OPTIONS)[0] for each in (segments, source))
    other = source.deidentified(DeidentifyOptions())[0]
    assert clean_segments.dicom_meta is not None
    text = clean_segments.dicom_meta.to_json()
    for tag in ("SOPInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert all(uid in text for uid in clean_source.dicom_meta.get_values(tag))
        assert not any(uid in text for uid in other.dicom_meta.get_values(tag))
    assert clean_segments.dicom_meta.get("PatientID") == clean_source.dicom_meta.get("PatientID")


@requires_data
def test_with_moved_dates_a_time_axis_is_found_again(tmp_path: Path) -> None:
    image = DicomCubeImage.from_dicom_folder(series_folder("enh_mr_philips_dti"))
    options = DeidentifyOptions(frozenset({Retain.MODIFIED_DATES}), KEY)
    clean, _ = image.deidentified(options)
    clean.to_dicom_folder(tmp_path / "clean")
    assert DicomCubeImage.from_dicom_folder(tmp_path / "clean").axes == image.axes


def test_an_image_loses_its_source_files_and_all_that_names_the_patient(
    source: DicomCubeImage, tmp_path: Path
) -> None:
    assert b"erysecret" in readable_bytes(source.to_file(tmp_path / "source.dcbs"))
    source.pixel_header.Extras["Comment"] = "Verysecret"
    clean, report = deidentified(source, OPTIONS)
    assert "source files" in report.dropped
    assert "extras of the pixel header" in report.dropped
    assert b"erysecret" not in stored(clean, tmp_path)
    assert clean.skipped_files == []
    assert clean.dicom_meta is not None
    assert clean.dicom_meta.filenames is None
    assert clean.space == source.space
    assert clean.segmentations == ()
    assert not source.is_edited or source.contents().sources is not None


def test_segmentations_stay_without_names_and_with_other_tracking_uids(
    source: DicomCubeImage, tmp_path: Path
) -> None:
    code = Code("M-01000", "SRT", "Morphologically Altered Structure")
    segment = Segment(1, "Lesion of Verysecret", code, code, tracking_id="verysecret-1 lesion",
                      tracking_uid="1.2.3.4.5.6", description="as is")  # fmt: skip
    mask = np.zeros(source.shape, bool)
    mask[1, 2:4, 3:5] = True
    assert source.affine is not None
    source.segmentations = [Segmentation.from_masks([mask], [segment], source.affine)]
    clean, _ = source.deidentified(OPTIONS)
    data = stored(clean, tmp_path)
    assert b"erysecret" not in data
    assert b"1.2.3.4.5.6" not in data
    (kept,) = dicube.load(tmp_path / "clean.dcbs").segmentations
    assert kept.segments[0].tracking_uid == KEY.uid("1.2.3.4.5.6")
    assert (kept.segments[0].label, kept.segments[0].description) == ("ANONYMIZED", "as is")
    assert np.array_equal(kept.mask(1), mask)


def test_an_image_without_metadata_stays_without(small_image: DicomCubeImage) -> None:
    small_image.dicom_meta = None
    clean, report = small_image.deidentified()
    assert clean.dicom_meta is None
    assert report.rows == ()


def test_without_a_key_two_runs_cannot_be_linked(source: DicomCubeImage) -> None:
    first, second = (source.deidentified()[0].dicom_meta for _ in range(2))
    assert first is not None
    assert second is not None
    for tag in ("PatientID", "StudyInstanceUID"):
        assert first.get(tag) != second.get(tag)


def test_a_lossy_file_of_a_clean_image_is_clean(source: DicomCubeImage, tmp_path: Path) -> None:
    clean, _ = source.deidentified(OPTIONS)
    roi = np.zeros(source.shape, bool)
    roi[:, 3:6, 3:6] = True
    data = readable_bytes(clean.to_file(tmp_path / "clean.dcbr", roi=roi))
    uids = source.dicom_meta.get_values("SOPInstanceUID")
    assert not leaks({"Verysecret", "verysecret-1", *uids}, data)


def test_reports_are_written_as_json_or_csv(source: DicomCubeImage, tmp_path: Path) -> None:
    report = source.deidentified(OPTIONS)[1]
    write_report(report, tmp_path / "report.json")
    write_report(report, tmp_path / "report.csv")
    assert len(json.loads((tmp_path / "report.json").read_text())["rows"]) == len(report.rows)
    assert (tmp_path / "report.csv").read_text().count("\n") == len(report.rows) + 1
    with pytest.raises(DataConsistencyError, match="cannot be written"):
        write_report(report, tmp_path / "missing" / "report.json")
