"""Folders in and out: edits, transfer syntaxes, and what must never happen to files."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
import zstandard
from pydicom.encaps import generate_frames

import dicube
from dicube.codecs import Codestreams, codec_for_transfer_syntax
from dicube.codecs.jxl import JxlCodec, imencode_jxl
from dicube.core.cube_file import SOURCE_FILES
from dicube.core.verify import verify_file
from dicube.dicom.export import TRANSFER_SYNTAXES, write_files
from dicube.exceptions import CodecError, DataConsistencyError, MetaDataError
from dicube.storage import DcbFile
from tests.dicom.made import write_slice
from tests.series import requires_data, series_folder

OLD, NEW = "Secret^Patient", "Anon^Ymous"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three CT slices of one patient, with a deliberately odd text element."""
    return made_folder(tmp_path / "source", "int16")


@pytest.fixture
def unsigned_folder(tmp_path: Path) -> Path:
    """The same, of pixels without a sign."""
    return made_folder(tmp_path / "unsigned", "uint16")


def made_folder(source: Path, dtype: str) -> Path:
    source.mkdir()
    generator = np.random.default_rng(1)
    for number in range(3):
        values = {
            "PatientName": OLD,
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [0, 0, 2.0 * number],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": ["0.500", "0.50"],
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
        }
        pixels = generator.integers(-1000, 3000, (16, 20), dtype=np.int16)
        pixels = (pixels + (1000 if dtype == "uint16" else 0)).astype(dtype)
        write_slice(source / f"{OLD[:6]}{number}.dcm", values, pixels)
    return source


def everything_in(path: Path) -> bytes:
    """All bytes of a cube file, compressed sections unfolded."""
    with DcbFile(path) as file:
        parts = [path.read_bytes()]
        for _, extent in file.extents():
            part = path.read_bytes()[extent.offset : extent.end]
            if part[:4] == b"\x28\xb5\x2f\xfd":
                parts.append(zstandard.ZstdDecompressor().decompressobj().decompress(part))
    return b"".join(parts)


@pytest.mark.parametrize("suffix", [".dcbs", ".dcba"])
@pytest.mark.parametrize("through_file", [False, True])
def test_edited_name_is_gone_from_file_and_export(
    folder: Path, tmp_path: Path, suffix: str, through_file: bool
) -> None:
    image = dicube.load_from_dicom_folder(folder)
    if through_file:
        image = dicube.load(image.to_file(tmp_path / f"unedited{suffix}"))
        assert OLD.encode() in everything_in(tmp_path / f"unedited{suffix}")
    assert not image.is_edited
    image.dicom_meta.set_shared_item("PatientName", NEW)
    assert image.is_edited

    path = image.to_file(tmp_path / f"edited{suffix}")
    content = everything_in(path)
    assert OLD.encode() not in content
    assert OLD[:6].encode() not in content  # nor in a file name
    assert NEW.encode() in content
    with DcbFile(path) as file:
        assert not file.has_section(SOURCE_FILES)

    for source in (image, dicube.load(path)):
        target = tmp_path / f"export-{id(source)}"
        files = source.to_dicom_folder(target)
        assert OLD.encode() not in b"".join(file.read_bytes() for file in files)
        assert not any(OLD[:6] in file.name for file in files)
        data_set = pydicom.dcmread(files[0])
        assert data_set.PatientName == NEW
    assert verify_file(path).ok


def test_edited_series_keeps_all_other_elements(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    image.dicom_meta.set_shared_item("PatientName", NEW)
    files = dicube.load(image.to_file(tmp_path / "x.dcbs")).to_dicom_folder(tmp_path / "out")
    for source, exported in zip(sorted(folder.iterdir()), files, strict=True):
        before, after = pydicom.dcmread(source), pydicom.dcmread(exported)
        assert list(before.keys()) == list(after.keys())
        for tag in before.keys():  # noqa: SIM118  # raw values are wanted
            if tag != 0x00100010:
                assert before.get_item(tag).value == after.get_item(tag).value
    np.testing.assert_array_equal(
        dicube.load_from_dicom_folder(tmp_path / "out").raw_image, image.raw_image
    )


@requires_data
@pytest.mark.parametrize(
    "name",
    ["derived_metadata_torture", "derived_bad_text", "ct_philips_private", "charset_chrH31",
     "mr_multiecho_hole", "enh_emri_small", "mr_siemens_csa", "odd_MR_small_bigendian"],
)  # fmt: skip
def test_export_from_metadata_keeps_every_value_byte_for_byte(name: str, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(series_folder(name))
    image.dicom_meta.set_shared_item("InstitutionName", "Elsewhere")
    loaded = dicube.load(image.to_file(tmp_path / "edited.dcbs"))
    files = loaded.to_dicom_folder(tmp_path / "out")
    changed = {0x00080080, 0x7FE00010}
    # With one exception: group lengths are retired and would be wrong.
    sources = sorted(series_folder(name).iterdir())
    by_uid = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in sources:
            data_set = pydicom.dcmread(source, force=True)
            by_uid[data_set.SOPInstanceUID] = data_set
        for file in files:
            after = pydicom.dcmread(file)
            before = by_uid[after.SOPInstanceUID]
            little = before.original_encoding[1]
            tags = {t for t in before.keys() if t & 0xFFFF} - changed  # noqa: SIM118
            assert tags == set(after.keys()) - changed
            for tag in tags:
                one, other = before.get_item(tag), after.get_item(tag)
                if other.VR != "SQ" and little and isinstance(one.value, bytes):
                    assert one.value == other.value, tag
                else:
                    assert (
                        before[tag].to_json(1 << 30, lambda e: "")
                        == after[tag].to_json(1 << 30, lambda e: "")
                        if other.VR != "SQ"
                        else len(before[tag].value) == len(after[tag].value)
                    )


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("name", TRANSFER_SYNTAXES)
def test_every_transfer_syntax_gives_the_values_back(
    folder: Path, unsigned_folder: Path, tmp_path: Path, name: str, edited: bool
) -> None:
    image = dicube.load_from_dicom_folder(unsigned_folder if name == "jxl" else folder)
    if edited:
        image.dicom_meta.set_shared_item("PatientName", NEW)
    files = image.to_dicom_folder(tmp_path / "out", transfer_syntax=name)
    for file, values in zip(files, image.raw_image, strict=True):
        data_set = pydicom.dcmread(file)
        assert data_set.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[name]
        assert data_set.PatientName == (NEW if edited else OLD)
        if name == "jxl":  # pydicom has no decoder for it
            (frame,) = generate_frames(data_set.PixelData, number_of_frames=1)
            np.testing.assert_array_equal(imagecodecs.jpegxl_decode(frame), values)
        else:
            np.testing.assert_array_equal(data_set.pixel_array, values)
    again = dicube.load_from_dicom_folder(tmp_path / "out")
    np.testing.assert_array_equal(again.raw_image, image.raw_image)


@pytest.mark.parametrize("name", ["htj2k", "htj2k-rpcl"])
def test_export_to_htj2k_copies_the_codestreams(folder: Path, tmp_path: Path, name: str) -> None:
    path = dicube.load_from_dicom_folder(folder).to_file(tmp_path / "x.dcbs")
    files = dicube.load(path).to_dicom_folder(tmp_path / "out", transfer_syntax=name)
    with DcbFile(path) as cube:
        for file, codestream in zip(files, cube.frames, strict=True):
            (frame,) = generate_frames(pydicom.dcmread(file).PixelData, number_of_frames=1)
            assert frame[: len(codestream)] == codestream
            assert b"\xff\x55" in frame  # TLM, which .202 asks for


def test_export_to_jpeg_xl_copies_the_codestreams(unsigned_folder: Path, tmp_path: Path) -> None:
    path = dicube.load_from_dicom_folder(unsigned_folder).to_file(tmp_path / "x.dcba")
    files = dicube.load(path).to_dicom_folder(tmp_path / "out", transfer_syntax="jxl")
    with DcbFile(path) as cube:
        for file, codestream in zip(files, cube.frames, strict=True):
            (frame,) = generate_frames(pydicom.dcmread(file).PixelData, number_of_frames=1)
            assert frame[: len(codestream)] == codestream


def test_signed_pixels_are_not_exported_as_jpeg_xl(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    with pytest.raises(CodecError, match="int16 pixels cannot be JPEG XL") as caught:
        image.to_dicom_folder(tmp_path / "out", transfer_syntax="jxl")
    assert "htj2k" in str(caught.value)


def test_codestreams_are_not_copied_once_pixels_changed(folder: Path, tmp_path: Path) -> None:
    path = dicube.load_from_dicom_folder(folder).to_file(tmp_path / "x.dcbs")
    image = dicube.load(path)
    image.raw_image[0, 0, 0] += 1
    files = image.to_dicom_folder(tmp_path / "out", transfer_syntax="htj2k")
    np.testing.assert_array_equal(pydicom.dcmread(files[0]).pixel_array, image.raw_image[0])


@pytest.mark.parametrize("suffix", [".dcbs", ".dcba"])
def test_changed_pixels_drop_the_source_files(folder: Path, tmp_path: Path, suffix: str) -> None:
    image = dicube.load_from_dicom_folder(folder)
    image.raw_image[1, 2, 3] += 1
    path = image.to_file(tmp_path / f"x{suffix}")
    with DcbFile(path) as file:
        assert not file.has_section(SOURCE_FILES)
    assert verify_file(path).ok
    np.testing.assert_array_equal(dicube.load(path).raw_image, image.raw_image)


def test_sources_can_be_left_out(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    path = image.to_file(tmp_path / "x.dcbs", keep_sources=False)
    with DcbFile(path) as file:
        assert not file.has_section(SOURCE_FILES)
    files = dicube.load(path).to_dicom_folder(tmp_path / "out")
    np.testing.assert_array_equal(pydicom.dcmread(files[2]).pixel_array, image.raw_image[2])


def test_metadata_sorted_behind_the_pixels_is_refused(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    order = image.dicom_meta.sort_files(dicube.SortMethod.INSTANCE_NUMBER_DESC)
    with pytest.raises(DataConsistencyError, match="sorted after"):
        image.to_file(tmp_path / "x.dcbs")
    image.raw_image = image.raw_image[order]
    loaded = dicube.load(image.to_file(tmp_path / "x.dcbs"))
    expected = dicube.DicomCubeImage.from_dicom_folder(
        folder, dicube.SortMethod.INSTANCE_NUMBER_DESC
    )
    np.testing.assert_array_equal(loaded.raw_image, expected.raw_image)
    assert loaded.dicom_meta.get("InstanceNumber") == [3, 2, 1]


def test_export_never_replaces_or_removes_what_it_did_not_write(
    folder: Path, tmp_path: Path
) -> None:
    image = dicube.load_from_dicom_folder(folder)
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    existing = target / sorted(folder.iterdir())[1].name
    existing.write_text("precious")
    with pytest.raises(DataConsistencyError, match="1 of 3 files exist already"):
        image.to_dicom_folder(target)
    assert sorted(path.name for path in target.iterdir()) == sorted(["mine.txt", existing.name])
    assert existing.read_text() == "precious"
    image.to_dicom_folder(target, overwrite=True)
    assert (target / "mine.txt").read_text() == "mine"
    assert existing.read_bytes() == (folder / existing.name).read_bytes()


@pytest.mark.parametrize("name", ["../outside", "/etc/x", "a/../../b", "", "a\\..\\b", "x\0y"])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataConsistencyError, match="leads out"):
        write_files(tmp_path / "out", [name], iter([lambda: b"x"]), overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataConsistencyError, match="same name"):
        write_files(tmp_path, ["a", "a"], iter([bytes, bytes]), overwrite=True)


def test_unknown_transfer_syntax_lists_the_known(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    with pytest.raises(CodecError, match="htj2k-rpcl"):
        image.to_dicom_folder(tmp_path / "out", transfer_syntax="jpeg")


def test_image_without_metadata_says_how_to_get_some(tmp_path: Path) -> None:
    image = dicube.DicomCubeImage(np.zeros((2, 4, 4), np.uint16), dicube.PixelDataHeader())
    with pytest.raises(MetaDataError, match="init_meta"):
        image.to_dicom_folder(tmp_path / "out")


COMPRESSIBLE = (
    "rgb_SC_rgb", "mr_12bit_signed", "rgb_SC_ybr_full_422_uncompressed", "odd_MR_small_implicit",
    "odd_MR_small_bigendian", "enh_emri_small",
)  # fmt: skip


@requires_data
@pytest.mark.parametrize("syntax", ["rle", "jpeg2000", "jpegls", "htj2k"])
@pytest.mark.parametrize("name", COMPRESSIBLE)
def test_real_series_survive_every_compression(name: str, syntax: str, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(series_folder(name))
    files = image.to_dicom_folder(tmp_path / "out", transfer_syntax=syntax)
    again = dicube.load_from_dicom_folder(tmp_path / "out")
    np.testing.assert_array_equal(again.raw_image, image.raw_image)
    assert codec_for_transfer_syntax(pydicom.dcmread(files[0]).file_meta.TransferSyntaxUID)


def test_float_and_bit_pixels_are_not_compressed(tmp_path: Path) -> None:
    image = dicube.DicomCubeImage(np.zeros((2, 4, 4), np.float32), dicube.PixelDataHeader())
    with pytest.raises(MetaDataError, match="integers"):
        image.init_meta()


def test_several_series_are_listed_and_one_can_be_picked(folder: Path) -> None:
    write_slice(folder / "other.dcm", {"SeriesInstanceUID": "9.9"}, np.zeros((4, 4), np.uint8))
    with pytest.raises(DataConsistencyError, match=r"1\.2\.3 \(3 files\), 9\.9 \(1 files\)"):
        dicube.load_from_dicom_folder(folder)
    image = dicube.DicomCubeImage.from_dicom_folder(folder, series_uid="9.9")
    assert image.shape == (1, 4, 4)
    assert len(image.skipped_files) == 3
    with pytest.raises(DataConsistencyError, match="no images of series 7"):
        dicube.DicomCubeImage.from_dicom_folder(folder, series_uid="7")


def test_damaged_files_are_refused_or_skipped_on_request(folder: Path) -> None:
    victim = sorted(folder.iterdir())[1]
    victim.write_bytes(victim.read_bytes()[:-100])
    with pytest.raises(MetaDataError, match=victim.name):
        dicube.load_from_dicom_folder(folder)
    image = dicube.DicomCubeImage.from_dicom_folder(folder, on_damaged="skip")
    assert len(image.raw_image) == 2
    assert [path for path, _ in image.skipped_files] == [victim]
    assert image.dicom_status is dicube.DicomStatus.GAP_INSTANCE_NUMBER


def test_codec_that_loses_something_is_caught_before_the_file_appears(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = dicube.load_from_dicom_folder(folder)

    def lose(
        codec: JxlCodec,
        frames: npt.NDArray[Any],
        *,
        num_threads: int | None,
        verify: bool,
        effort: str | None,
    ) -> Iterator[Codestreams]:
        yield codec._encode_each(
            frames, lambda frame: imencode_jxl(frame & ~1), num_threads, verify=verify
        )

    monkeypatch.setattr(JxlCodec, "encode_batches", lose)
    with pytest.raises(CodecError, match="did not keep the samples") as caught:
        image.to_file(tmp_path / "x.dcba")
    assert caught.value.where == "frame 0"
    assert not (tmp_path / "x.dcba").exists()
    image.to_file(tmp_path / "x.dcba", check=False)
    assert verify_file(tmp_path / "x.dcba").problems == (
        "the stored values do not have the digest that was recorded",
    )


def test_effort_reaches_the_codec(folder: Path, tmp_path: Path) -> None:
    image = dicube.load_from_dicom_folder(folder)
    frames = {}
    for effort in ("fast", "max"):
        path = image.to_file(tmp_path / f"{effort}.dcba", effort=effort)
        np.testing.assert_array_equal(dicube.load(path).raw_image, image.raw_image)
        with DcbFile(path) as cube:
            frames[effort] = [bytes(frame) for frame in cube.frames]
    assert frames["fast"] != frames["max"]
    with pytest.raises(CodecError, match="fast, default, max"):
        image.to_file(tmp_path / "x.dcba", effort="best")
    with pytest.raises(CodecError, match="but one way"):
        image.to_file(tmp_path / "x.dcbs", effort="max")


@pytest.mark.parametrize("keep_sources", [True, False])
def test_verify_against_the_folder_does_not_depend_on_the_order(
    folder: Path, tmp_path: Path, keep_sources: bool
) -> None:
    method = dicube.SortMethod.INSTANCE_NUMBER_DESC
    image = dicube.DicomCubeImage.from_dicom_folder(folder, method)
    path = image.to_file(tmp_path / "x.dcbs", keep_sources=keep_sources)
    assert verify_file(path, against=folder).ok
    victim = sorted(folder.iterdir())[0]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    assert not verify_file(path, against=folder).ok


@requires_data
@pytest.mark.parametrize("edited", [False, True])
def test_bits_are_not_exported_as_codestreams_of_bytes(tmp_path: Path, edited: bool) -> None:
    image = dicube.load_from_dicom_folder(series_folder("seg_24x38x3"))
    image = dicube.load(image.to_file(tmp_path / "seg.dcbs"))
    if edited:
        image.dicom_meta.set_shared_item("PatientName", NEW)
    with pytest.raises(CodecError, match="1-bit"):
        image.to_dicom_folder(tmp_path / "out", transfer_syntax="htj2k")
    files = image.to_dicom_folder(tmp_path / "native")
    np.testing.assert_array_equal(pydicom.dcmread(files[0]).pixel_array, image.raw_image)


def test_folder_that_cannot_be_made_is_an_error_of_ours(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataConsistencyError, match="cannot be written"):
        dicube.load_from_dicom_folder(folder).to_dicom_folder(tmp_path / "file" / "out")
