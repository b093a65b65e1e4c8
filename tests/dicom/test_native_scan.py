"""The native scanner gives what the scanner in Python gives, and pydicom; or it leaves the file."""

import copy
import pickle
import struct
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement

from dicube.dicom import native_scan
from dicube.dicom.dicom_meta import DicomMeta
from dicube.dicom.folder_scan import scan_folder
from dicube.dicom.instance import Instance, NotDicomError, read_instance
from dicube.dicom.merge_utils import Scope, item_scopes, merge_tags, resolve_vr
from dicube.dicom.native_scan import ScannedElements, read_pixels, scan_files
from dicube.dicom.part10 import EXPLICIT_LITTLE, iter_elements, iter_items
from dicube.exceptions import MetaDataError
from tests.dicom.made import write_slice
from tests.series import DATA, requires_data

FILES = sorted(path for path in DATA.rglob("*") if path.is_file()) if DATA.is_dir() else []
# Folders with readable files that are left to Python: deflated, no preamble, no transfer syntax.
LEFT_IN = {
    "broken_mixed_transfer_syntax", "broken_no_preamble", "odd_image_dfl",
    "odd_meta_missing_tsyntax", "palette_ot",
}  # fmt: skip


def agree(scanned: Instance, expected: Instance) -> None:
    """Both are the same file, taken apart in the same way."""
    for name in ("head", "tail", "syntax", "transfer_syntax", "data_set_start", "path"):
        assert getattr(scanned, name) == getattr(expected, name), name
    assert dict(scanned.elements) == dict(expected.elements)
    assert (scanned.pixels is None) == (expected.pixels is None)
    if scanned.pixels is not None and expected.pixels is not None:
        for name in ("start", "tag", "vr", "offset", "length", "encapsulated"):
            assert getattr(scanned.pixels, name) == getattr(expected.pixels, name), name
        assert scanned.pixel_bytes() == expected.pixel_bytes()


@pytest.fixture
def slices(tmp_path) -> list[Path]:
    """Five files with three elements that differ, one of them missing in a file."""
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.dcm")
        pixels = np.full((6, 4), 100 * number, np.uint16)
        values = {"InstanceNumber": number, "PatientName": f"Name^{number}"}
        if number != 3:
            values["SeriesDescription"] = "a series"
        write_slice(paths[-1], values, pixels)
    return paths


@requires_data
def test_every_file_of_the_data_is_scanned_as_python_does() -> None:
    left = set()
    for path, scanned in zip(FILES, scan_files(FILES, 2), strict=True):
        try:
            expected = read_instance(path)
        except MetaDataError:
            assert scanned is None, path
            continue
        if scanned is None:
            left.add(path.parent.name)
        else:
            agree(scanned, expected)
    assert left == LEFT_IN


@requires_data
def test_every_file_of_the_data_has_the_elements_that_pydicom_finds() -> None:
    compared = 0
    for path, scanned in zip(FILES, scan_files(FILES, 2), strict=True):
        if scanned is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
        found = {
            int(tag): element
            for tag, element in dataset._dict.items()
            if scanned.pixels is None or int(tag) != scanned.pixels.tag
        }
        assert set(scanned.elements) == found.keys(), path
        for tag, element in found.items():
            raw = scanned.elements[tag]
            # pydicom has made objects of sequences of undefined length already.
            if isinstance(element, RawDataElement) and not raw.undefined_length:
                assert (element.value or b"") == raw.value, (path, hex(tag))
                assert raw.vr in (element.VR, None), (path, hex(tag))
                compared += 1
    assert compared > 50000


class TestFiles:
    def test_files_are_scanned(self, slices):
        for scanned, path in zip(scan_files(slices, 3), slices, strict=True):
            assert scanned is not None
            agree(scanned, read_instance(path))

    def test_elements_are_a_mapping(self, slices):
        (scanned,) = scan_files(slices[:1], 1)
        assert scanned is not None
        elements = scanned.elements
        assert isinstance(elements, ScannedElements)
        assert 0x00100010 in elements
        assert 0x00100011 not in elements
        assert "PatientName" not in elements
        assert elements[0x00100010].value == b"Name^0"
        assert elements[0x00100010].syntax == EXPLICIT_LITTLE
        assert elements.get(0x00100011) is None
        with pytest.raises(KeyError):
            elements[0x00100011]
        assert list(elements) == sorted(elements)
        assert len(elements) == len(list(elements))

    def test_missing_files_and_folders_are_left(self, tmp_path):
        assert scan_files([tmp_path / "nothing", tmp_path], 2) == [None, None]

    def test_names_need_not_be_text(self, slices):
        odd = Path(bytes(slices[0].parent).decode() + "/\udcff\udcfe.dcm")
        slices[0].rename(odd)
        (scanned,) = scan_files([odd], 1)
        assert scanned is not None
        assert scanned.pixel_bytes() == bytes(48)

    def test_without_the_native_module_all_is_left_to_python(self, slices, monkeypatch):
        monkeypatch.setattr(native_scan, "_missing", ImportError("not built"))
        assert scan_files(slices, 2) == [None] * 5
        place = np.empty((1, 6, 4), np.uint16)
        assert read_pixels([read_instance(slices[0])], place, unused_bits=0, threads=1) == [0]

    @settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_damaged_files_are_the_same_or_left(self, slices, data):
        content = bytearray(slices[0].read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(132, len(content) - 1))
            change = data.draw(st.sampled_from(["byte", "cut", "length", "repeat"]))
            if change == "byte":
                content[place] = data.draw(st.integers(0, 255))
            elif change == "cut":
                del content[place : place + data.draw(st.integers(1, 9))]
            elif change == "length":
                content[place : place + 4] = b"\xff\xff\xff\xff"
            else:
                content[place:place] = content[place : place + data.draw(st.integers(1, 40))]
        path = slices[0].with_name("damaged.dcm")
        path.write_bytes(content)
        (scanned,) = scan_files([path], 1)
        if scanned is not None:
            agree(scanned, read_instance(path))

    @pytest.mark.parametrize("depth", [1, 63, 64, 65, 66, 200])
    def test_nesting_has_the_same_bound(self, slices, tmp_path, depth):
        head, pixels = slices[0].read_bytes().split(b"\xe0\x7f\x10\x00OW")
        nested = b""
        for _ in range(depth):
            item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + nested + b"\xfe\xff\x0d\xe0\0\0\0\0"
            header = struct.pack("<HH2sHL", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
            nested = header + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
        path = tmp_path / "nested.dcm"
        path.write_bytes(head + nested + b"\xe0\x7f\x10\x00OW" + pixels)
        (scanned,) = scan_files([path], 1)
        if depth > 65:
            assert scanned is None
            with pytest.raises(MetaDataError, match="deep"):
                read_instance(path)
        else:
            assert scanned is not None
            agree(scanned, read_instance(path))


class TestSharedTags:
    def test_scanned_files_share_what_files_in_python_share(self, slices):
        scanned = [scan.elements for scan in scan_files(slices, 2) if scan is not None]
        parsed = [read_instance(path).elements for path in slices]
        for some in (slice(0, 3), slice(2, 5), slice(0, 1), slice(0, 5)):
            native = merge_tags([Scope.of(e, EXPLICIT_LITTLE) for e in scanned[some]])
            plain = merge_tags([Scope.of(e, EXPLICIT_LITTLE) for e in parsed[some]])
            assert native == plain
            assert list(native) == list(plain)

    def test_files_of_both_kinds_are_merged_in_python(self, slices):
        scanned = scan_files(slices[:1], 1)[0]
        assert scanned is not None
        mixed = [scanned.elements, *(read_instance(path).elements for path in slices[1:])]
        assert native_scan.shared_tags(mixed) is None
        assert merge_tags([Scope.of(e, EXPLICIT_LITTLE) for e in mixed])[0x00100010] is False


def test_metadata_of_scanned_files_can_be_copied_and_pickled(slices):
    meta = DicomMeta.from_instances([scan for scan in scan_files(slices, 2) if scan is not None])
    expected = meta.to_json()
    for made in (copy.deepcopy, lambda meta: pickle.loads(pickle.dumps(meta))):
        fresh = DicomMeta.from_instances([s for s in scan_files(slices, 2) if s is not None])
        assert made(fresh).to_json() == expected
        assert fresh.get("InstanceNumber") == [0, 1, 2, 3, 4]


class TestPixels:
    """Reading straight into the volume."""

    def files(self, folder: Path, frames: np.ndarray) -> list[Instance]:
        paths = [folder / f"{number}.dcm" for number in range(len(frames))]
        for path, frame in zip(paths, frames, strict=True):
            write_slice(path, {}, frame)
        return [scan for scan in scan_files(paths, 1) if scan is not None]

    @pytest.mark.parametrize("threads", [1, 2, 7])
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32"])
    def test_all_files_come_to_their_places(self, tmp_path, dtype, threads):
        rng = np.random.default_rng(3)
        frames = rng.integers(0, 100, (9, 30, 20)).astype(dtype)
        out = np.zeros_like(frames)
        instances = self.files(tmp_path, frames)
        assert read_pixels(instances, out, unused_bits=0, threads=threads) == []
        np.testing.assert_array_equal(out, frames)

    def test_bits_outside_of_the_value_are_noticed(self, tmp_path):
        frames = np.full((4, 8, 8), 0x0FFF, np.uint16)
        frames[2, 7, 7] = 0x1FFF
        instances = self.files(tmp_path, frames)
        assert read_pixels(instances, np.empty_like(frames), unused_bits=4, threads=1) == [2]
        assert read_pixels(instances, np.empty_like(frames), unused_bits=5, threads=2) == [
            0,
            1,
            2,
            3,
        ]

    def test_signs_that_are_not_extended_are_noticed(self, tmp_path):
        frames = np.full((3, 8, 8), -2048, np.int16)
        frames[1, 0, 0] = 0x0800  # -2048 in 12 bits without its sign
        instances = self.files(tmp_path, frames)
        assert read_pixels(instances, np.empty_like(frames), unused_bits=4, threads=1) == [1]

    def test_files_that_became_short_or_vanished_are_noticed(self, tmp_path):
        frames = np.ones((4, 8, 8), np.uint16)
        instances = self.files(tmp_path, frames)
        instances[1].path.write_bytes(instances[1].path.read_bytes()[:-5])
        instances[3].path.unlink()
        assert read_pixels(instances, np.empty_like(frames), unused_bits=0, threads=2) == [1, 3]

    def test_array_that_does_not_fit_is_refused(self, tmp_path):
        frames = np.ones((4, 8, 8), np.uint16)
        instances = self.files(tmp_path, frames)
        with pytest.raises(ValueError, match="equal size"):
            read_pixels(instances, np.empty((3, 7, 7), np.uint16), unused_bits=0, threads=1)
        with pytest.raises(ValueError, match="C-contiguous"):
            read_pixels(instances, np.empty((8, 8, 4), np.uint16).T, unused_bits=0, threads=1)


def test_no_dicom_is_told_from_damage(tmp_path):
    (tmp_path / "text").write_text("nothing of the kind")
    assert scan_files([tmp_path / "text"], 1) == [None]
    with pytest.raises(NotDicomError):
        read_instance(tmp_path / "text")


@requires_data
def test_items_of_all_sequences_are_those_of_python(monkeypatch):
    """Every sequence at the top of every file, and those inside of its items."""
    images = [i for folder in DATA.iterdir() if folder.is_dir() for i in scan_folder(folder).images]

    def collected() -> list[object]:
        return [_nested(Scope.of(i.elements, i.syntax)) for i in images]

    native = collected()
    monkeypatch.setattr(native_scan, "_missing", ImportError("not built"))
    assert collected() == native
    assert len(repr(native)) > 1_000_000


def _nested(scope: Scope) -> dict[int, object]:
    found: dict[int, object] = {}
    for tag, raw in scope.elements.items():
        if resolve_vr(tag, raw, scope) != "SQ":
            continue
        try:
            items = item_scopes(raw, scope)
        except MetaDataError as error:
            found[tag] = str(error)
        else:
            found[tag] = [(sorted(item.elements.items()), _nested(item)) for item in items]
    return found


@given(st.binary(max_size=64))
def test_damaged_sequences_are_left_to_python(noise):
    """What the native reader takes, Python takes alike."""
    value = b"\xfe\xff\x00\xe0" + noise
    native = native_scan.sequence_items(value, EXPLICIT_LITTLE)
    if native is None:
        return
    expected = [
        [e.tag for e in iter_elements(value, start, stop, EXPLICIT_LITTLE)]
        for start, stop in iter_items(value, 0, len(value), EXPLICIT_LITTLE)
    ]
    assert [sorted(item) for item in native] == [sorted(set(tags)) for tags in expected]
