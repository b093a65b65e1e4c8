"""What the writer refuses, leaves out and copies."""

import logging
import sys

import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    MetaDataError,
    MissingDependencyError,
)
from dicube.interchange import seg
from tests.interchange.seg.conftest import LIVER, METAINFO, TISSUE, segment, template
from tests.series import requires_data, series_folder
from tests.validators import conformance_errors, requires_dciodvfy


class TestSegments:
    def test_label_without_a_template_is_refused_by_name(self, source, labels):
        with pytest.raises(DataConsistencyError, match="labels 3"):
            seg.MultiClassWriter(template(1)).write(labels, source)

    def test_or_left_out_with_a_warning(self, source, labels, caplog):
        writer = seg.MultiClassWriter(template(1), skip_missing_segment=True)
        with caplog.at_level(logging.WARNING, "dicube"):
            made = writer.write(labels, source)
        assert "left out: 3" in caplog.text
        found = seg.read_seg(made, source)
        assert found.numbers == (1,)
        np.testing.assert_array_equal(found.mask(1), labels == 1)

    def test_segments_that_are_not_there_are_dropped(self, source, labels):
        made = seg.MultiClassWriter(template(1, 2, 3, 9)).write(labels, source)
        assert [item.SegmentLabel for item in made.SegmentSequence] == ["Segment 1", "Segment 3"]

    def test_numbers_follow_each_other_and_the_map_is_told(self, labels):
        values = labels.astype(np.uint16)
        values[values == 3] = 900
        writer = seg.MultiClassWriter(template(1, 5, 900))
        assert writer.segment_numbers(values) == {1: 1, 900: 2}
        assert writer.segment_numbers([900, 5]) == {5: 1, 900: 2}
        label_map = seg.MultiClassWriter(template(1, 5, 900), kind="labelmap")
        assert label_map.segment_numbers(values) == {1: 1, 900: 900}

    def test_labels_above_255_make_a_label_map_of_words(self, source, labels):
        values = labels.astype(np.uint16)
        values[values == 3] = 900
        made = seg.MultiClassWriter(template(1, 900), kind="labelmap").write(values, source)
        assert made.BitsAllocated == 16
        np.testing.assert_array_equal(seg.read_seg(made, source).label_map(), values)

    @pytest.mark.parametrize("skip", [True, False])
    def test_empty_segmentation_is_refused(self, source, skip):
        writer = seg.MultiClassWriter(template(1), skip_empty_slices=skip)
        with pytest.raises(DataConsistencyError, match="empty"):
            writer.write(np.zeros((4, 12, 10), np.uint8), source)

    def test_hundreds_of_segments(self, source):
        labels = np.arange(4 * 12 * 10, dtype=np.uint16).reshape(4, 12, 10)
        writer = seg.MultiClassWriter(template(*range(1, 480)))
        found = seg.read_seg(writer.write(labels, source), source)
        np.testing.assert_array_equal(found.label_map(), labels)
        assert sum(mask.values.size for mask in found.masks) == 479

    def test_overlap_and_fractions_need_a_kind_that_holds_them(self, source):
        affine = DicomCubeImage.from_dicom_folder(source).affine
        ones = np.ones((4, 12, 10), bool)
        overlapping = seg.Segmentation.from_masks([ones, ones], [segment(1), segment(2)], affine)
        with pytest.raises(DataConsistencyError, match="overlap"):
            seg.MultiClassWriter(template(1, 2), kind="labelmap").write(overlapping, source)
        fractions = seg.Segmentation.from_masks([ones * 0.5], [segment(1)], affine)
        for kind in ("binary", "labelmap"):
            with pytest.raises(DataConsistencyError, match="fractional"):
                seg.MultiClassWriter(template(1), kind=kind).write(fractions, source)


class TestGrid:
    def test_array_of_another_shape_is_refused(self, source):
        with pytest.raises(DataConsistencyError, match="shape"):
            seg.MultiClassWriter(template(1)).write(np.ones((4, 12, 9), np.uint8), source)

    @pytest.mark.parametrize("shift", [0.2, -1.0, 100.0])
    def test_another_place_is_refused(self, source, labels, shift):
        affine = DicomCubeImage.from_dicom_folder(source).affine
        affine[0, 3] += shift * 0.5
        with pytest.raises(DataConsistencyError, match="another grid"):
            seg.MultiClassWriter(template(1, 3)).write(labels, source, space=affine)

    def test_another_spacing_or_direction_is_refused(self, source, labels):
        affine = DicomCubeImage.from_dicom_folder(source).affine
        finer = affine.copy()
        finer[:3, 1] *= 1.02
        turned = affine.copy()
        turned[:3, :3] = affine[:3, :3] @ [[1, 0, 0], [0, 0.999, 0.045], [0, -0.045, 0.999]]
        for other in (finer, turned):
            with pytest.raises(DataConsistencyError, match="another grid"):
                seg.MultiClassWriter(template(1, 3)).write(labels, source, space=other)

    def test_part_of_the_source_is_placed_in_it(self, source, labels):
        affine = DicomCubeImage.from_dicom_folder(source).affine
        affine[:3, 3] += affine[:3, :3] @ [1, 3, 2]
        made = seg.MultiClassWriter(template(1, 3)).write(labels[1:, 3:, 2:], source, space=affine)
        np.testing.assert_array_equal(seg.read_seg(made, source).mask(1), labels == 1)

    @pytest.mark.parametrize(
        "values", [np.full((4, 12, 10), -1), np.full((4, 12, 10), 0.5),
                   np.full((4, 12, 10), np.nan), np.zeros((2, 4, 12, 10), np.uint8),
                   np.full((4, 12, 10), "a")],
    )  # fmt: skip
    def test_what_is_no_label_image_is_refused(self, source, values):
        with pytest.raises(DataConsistencyError):
            seg.MultiClassWriter(template(1)).write(values, source)

    @requires_data
    def test_volume_of_a_4d_source_has_to_be_named(self):
        folder = series_folder("derived_4d_interleaved")
        image = DicomCubeImage.from_dicom_folder(folder)
        labels = np.zeros(image.volume(0).shape, np.uint8)
        labels[1, 2:4, 2:4] = 1
        writer = seg.MultiClassWriter(template(1))
        with pytest.raises(DataConsistencyError, match="3 volumes"):
            writer.write(labels, folder)
        with pytest.raises(DataConsistencyError, match="no volume 3"):
            writer.write(labels, folder, volume=3)
        uids = image.frame_meta.get_values("SOPInstanceUID")
        made = writer.write(labels, image, volume=1)
        slices = len(labels)
        named = {item.ReferencedSOPInstanceUID for item in made.SourceImageSequence}
        assert named == set(uids[slices : 2 * slices])

    def test_several_series_and_nothing_are_no_source(self, source, labels, tmp_path):
        images = [pydicom.dcmread(path) for path in source.iterdir()]
        images[0].SeriesInstanceUID = "2.25.5"
        with pytest.raises(DataConsistencyError, match="2 series"):
            seg.MultiClassWriter(template(1, 3)).write(labels, images)
        with pytest.raises(MetaDataError, match="no source images"):
            seg.MultiClassWriter(template(1, 3)).write(labels, [])


class TestOptions:
    def test_unknown_ones_are_refused(self):
        with pytest.raises(DataConsistencyError, match="no kind"):
            seg.MultiClassWriter(template(1), kind="surface")
        for kind, syntax in (("binary", "rle"), ("labelmap", "jxl"), ("labelmap", "zip")):
            with pytest.raises(CodecError):
                seg.MultiClassWriter(template(1), kind=kind, transfer_syntax=syntax)

    def test_cropping_leaves_the_common_box(self, source, labels):
        made = seg.MultiClassWriter(template(1, 3), inplane_cropping=True).write(labels, source)
        assert (made.Rows, made.Columns) == (8, 6)

    def test_empty_slices_are_left_out_for_each_segment(self, source, labels):
        assert seg.MultiClassWriter(template(1, 3)).write(labels, source).NumberOfFrames == 4
        writer = seg.MultiClassWriter(template(1, 3), skip_empty_slices=False)
        assert writer.write(labels, source).NumberOfFrames == 8

    def test_missing_highdicom_names_the_extra(self, source, labels, monkeypatch):
        monkeypatch.setitem(sys.modules, "highdicom", None)
        with pytest.raises(MissingDependencyError, match=r"dicube\[seg\]"):
            seg.MultiClassWriter(template(1, 3)).write(labels, source)

    def test_file_appears_whole_or_not_at_all(self, source, labels, tmp_path):
        path = tmp_path / "seg.dcm"
        path.write_bytes(b"before")
        with pytest.raises(DataConsistencyError):
            seg.write_seg(path, labels, source, template(1))
        assert path.read_bytes() == b"before"
        seg.write_seg(path, labels, source, template(1, 3))
        assert [p.name for p in tmp_path.glob("*.dcm")] == ["seg.dcm"]
        with pytest.raises(DataConsistencyError, match="cannot be written"):
            seg.write_seg(tmp_path / "missing" / "seg.dcm", labels, source, template(1, 3))


class TestAttributes:
    def test_patient_and_study_are_copied_and_never_told(self, source, labels, caplog, recwarn):
        for path in source.iterdir():
            image = pydicom.dcmread(path)
            image.PatientName = "Verysecret^Pers\u00f6n"
            image.SpecificCharacterSet = "ISO_IR 100"
            image.AccessionNumber = "verysecret-2"
            image.save_as(path)
        with caplog.at_level(logging.DEBUG):
            made = seg.MultiClassWriter(template(1, 3)).write(labels, source)
            made.save_as(source.parent / "seg.dcm")
        assert not any("Verysecret" in record.getMessage() for record in caplog.records)
        again = pydicom.dcmread(source.parent / "seg.dcm")
        assert str(again.PatientName) == "Verysecret^Pers\u00f6n"
        assert again.SpecificCharacterSet == "ISO_IR 192"
        assert again.StudyInstanceUID == image.StudyInstanceUID
        assert again.FrameOfReferenceUID == image.FrameOfReferenceUID
        assert again.SeriesInstanceUID != image.SeriesInstanceUID
        assert (again.Manufacturer, again.Modality) == ("DiCube", "SEG")

    def test_errors_of_a_damaged_source_quote_nothing(self, source, labels):
        images = [pydicom.dcmread(path) for path in source.iterdir()]
        for image in images:
            image.ImagePositionPatient = [0, 0, 0]
        with pytest.raises((DataConsistencyError, MetaDataError)) as caught:
            seg.MultiClassWriter(template(1, 3)).write(labels, images)
        assert "erysecret" not in str(caught.value)

    def test_names_of_segments_may_be_in_any_script(self, source, labels, tmp_path):
        name = "\u809d\u81d3 L\u00e4sion"
        one = seg.Template.of([seg.Segment(n, name, TISSUE, LIVER) for n in (1, 3)])
        path = seg.write_seg(tmp_path / "seg.dcm", labels, source, one)
        assert seg.read_seg(path).segment(1).label == name
        assert pydicom.dcmread(path).SegmentSequence[0].SegmentLabel == name

    def test_empty_sequences_and_codes_stay_behind(self, source, labels):
        for path in source.iterdir():
            image = pydicom.dcmread(path)
            image.ProcedureCodeSequence = []
            species = pydicom.Dataset()
            species.CodeValue = species.CodingSchemeDesignator = species.CodeMeaning = ""
            image.PatientSpeciesCodeSequence = [species]
            image.save_as(path)
        made = seg.MultiClassWriter(template(1, 3)).write(labels, source)
        assert "ProcedureCodeSequence" not in made
        assert "PatientSpeciesCodeSequence" not in made

    def test_uids_may_be_given(self, source, labels):
        made = seg.MultiClassWriter(template(1, 3)).write(
            labels, source, series_instance_uid="2.25.7", sop_instance_uid="2.25.8"
        )
        assert (made.SeriesInstanceUID, made.SOPInstanceUID) == ("2.25.7", "2.25.8")
        assert made.file_meta.MediaStorageSOPInstanceUID == "2.25.8"


OPTIONS = [
    {"inplane_cropping": crop, "skip_empty_slices": skip, "kind": kind}
    for crop in (False, True)
    for skip in (False, True)
    for kind in ("binary", "fractional", "labelmap")
]
# Of IODs that this dciodvfy is older than; everything else it says counts.
_UNKNOWN_LABEL_MAP = ("Information Object Not found", "SegmentNumber not monotonically increasing")


@requires_dciodvfy
@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_validator_finds_no_error(source, labels, tmp_path, options):
    writer = seg.MultiClassWriter(seg.template.from_dcmqi_metainfo(METAINFO), **options)
    path = writer.write_file(tmp_path / "seg.dcm", labels, source)
    errors = conformance_errors(path)
    if options["kind"] == "labelmap":
        errors = [e for e in errors if not any(known in e for known in _UNKNOWN_LABEL_MAP)]
    assert errors == []


@requires_data
@requires_dciodvfy
@pytest.mark.parametrize("name", ["seg_24x38x3_source", "seg_liver_source", "enh_ct_nema",
                                  "seg_24x38x3_multiframe", "mr_t1_3d", "pet_slopes",
                                  "mr_dwi_philips_classic"])  # fmt: skip
def test_validator_finds_no_error_that_the_source_does_not_have(name, tmp_path):
    folder = series_folder(name)
    image = DicomCubeImage.from_dicom_folder(folder)
    labels = np.zeros(image.volume(0).shape, np.uint8)
    labels[0, 2:9, 3:7] = 1
    writer = seg.MultiClassWriter(template(1), inplane_cropping=True)
    volume = 0 if image.n_timepoints > 1 else None
    path = writer.write_file(tmp_path / "seg.dcm", labels, folder, volume=volume)
    before = {error.split(" - ", 1)[1] for error in conformance_errors(min(folder.iterdir()))}
    new = [e for e in conformance_errors(path) if e.split(" - ", 1)[1] not in before]
    assert new == []
