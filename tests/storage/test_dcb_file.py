"""Files as sections and frames: the layout, lazy reading, and what is refused."""

import json
import os
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xxhash

from dicube.exceptions import InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from dicube.storage.formats import DCBA, DCBS
from dicube.storage.header import HEADER_LENGTH_BYTES, Section
from dicube.storage.verify import find_damage
from tests.storage.made import FRAMES, write_file

HEADER = struct.Struct("<8sI13Q")


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def path(tmp_path):
    return write_file(tmp_path / "a.dcbs")


@pytest.fixture
def bytes_read(monkeypatch):
    """Counts the bytes that are read from any file from now on."""
    counts = []
    pread = os.pread

    def counting(descriptor, length, offset):
        data = pread(descriptor, length, offset)
        counts.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counting)
    return counts


class TestWhatWasWrittenComesBack:
    def test_sections(self, path):
        with DcbFile(path) as file:
            assert file.file_format == DCBS
            assert file.section(Section.STATUS) == b"consistent"
            assert file.section(Section.META) == b"meta"
            assert file.section(Section.SPACE) == b"space"
            assert file.named_section("SourceFiles") == b"sources"
            assert file.has_checksums
            assert file.length == path.stat().st_size

    def test_unknown_section_is_a_key_error(self, path):
        with DcbFile(path) as file:
            assert file.has_section("SourceFiles")
            assert not file.has_section("Overlays")
            with pytest.raises(KeyError):
                file.named_section("Overlays")

    def test_pixel_header_keeps_members_nobody_knows(self, tmp_path):
        members = {"RescaleSlope": 2, "Vendor": {"nested": [1, None, "Ä"]}, "": 0}
        with DcbFile(write_file(tmp_path / "a.dcbs", pixel_header=members)) as file:
            assert {k: v for k, v in file.pixel_header.items() if k != "DiCube"} == members

    def test_empty_sections_and_no_frames(self, tmp_path):
        empty = write_file(
            tmp_path / "a.dcba",
            frames=(), status=b"", meta=b"", space=b"", sections={}, file_format=DCBA,
        )  # fmt: skip
        with DcbFile(empty) as file:
            assert file.file_format == DCBA
            assert len(file.frames) == 0
            assert file.frames[:] == []
            assert file.section(Section.META) == b""
            assert list(find_damage(file)) == []

    def test_intact_file_has_no_damage(self, path):
        with DcbFile(path) as file:
            assert list(find_damage(file)) == []


class TestFrames:
    @pytest.mark.parametrize("number", [0, 1, 2, 3, -1, -4, np.int64(1)])
    def test_one_frame(self, path, number):
        with DcbFile(path) as file:
            assert bytes(file.frames[number]) == FRAMES[number]

    @pytest.mark.parametrize(
        "chosen",
        [slice(None), slice(1, 3), slice(-2, None), slice(None, None, 2), slice(None, None, -1),
         slice(3, 1), slice(2, 3), slice(0, 100)],
        ids=str,
    )  # fmt: skip
    def test_slice_of_frames(self, path, chosen):
        with DcbFile(path) as file:
            assert [bytes(frame) for frame in file.frames[chosen]] == list(FRAMES[chosen])

    def test_iteration_and_length(self, path):
        with DcbFile(path) as file:
            assert len(file.frames) == 4
            assert [bytes(frame) for frame in file.frames] == list(FRAMES)

    @pytest.mark.parametrize("number", [4, -5, 2**70])
    def test_frame_that_does_not_exist_is_an_index_error(self, path, number):
        with DcbFile(path) as file, pytest.raises(IndexError):
            file.frames[number]

    def test_damaged_frame_is_named_and_the_others_are_read(self, path):
        with DcbFile(path) as file:
            extent = dict(file.extents())["frame 1"]
        data = bytearray(path.read_bytes())
        data[extent.offset] ^= 1
        path.write_bytes(data)
        with DcbFile(path) as file:
            assert bytes(file.frames[0]) == FRAMES[0]
            for chosen in (1, slice(0, 3)):
                with pytest.raises(InvalidCubeFileError, match=r"a\.dcbs: frame 1 fails its check"):
                    file.frames[chosen]
            assert list(find_damage(file)) == ["frame 1 fails its checksum"]

    def test_reading_after_close_is_refused(self, path):
        with DcbFile(path) as file:
            pass
        file.close()
        with pytest.raises(InvalidCubeFileError, match="cannot be read"):
            file.frames[0]


class TestReadingIsLazy:
    FRAMES = tuple(bytes([i]) * 50_000 for i in range(20))

    @pytest.fixture
    def large(self, tmp_path):
        return write_file(
            tmp_path / "a.dcbs",
            frames=self.FRAMES, meta=bytes(300_000), sections={"SourceFiles": bytes(400_000)},
        )  # fmt: skip

    def test_opening_reads_header_and_tables_only(self, large, bytes_read):
        with DcbFile(large) as file:
            parts = dict(file.extents())
        tables = ("pixel header", "frame offsets", "frame lengths", "FrameChecksums")
        expected = sum(parts[name].length for name in ("header", "checksum block", *tables))
        # The PixelDataHeader is read once more when its checksum is known.
        assert sum(bytes_read) <= expected + parts["pixel header"].length
        assert sum(bytes_read) < 3000 < large.stat().st_size // 100

    def test_a_frame_reads_that_frame(self, large, bytes_read):
        with DcbFile(large) as file:
            bytes_read.clear()
            file.frames[7]
            assert sum(bytes_read) == 50_000
            bytes_read.clear()
            file.frames[3:6]
            assert bytes_read == [150_000]  # neighbours in one go

    def test_frames_far_apart_are_read_one_by_one(self, large, bytes_read):
        with DcbFile(large) as file:
            bytes_read.clear()
            file.frames[::10]
            assert sum(bytes_read) == 100_000

    def test_a_section_reads_that_section(self, large, bytes_read):
        with DcbFile(large) as file:
            bytes_read.clear()
            file.section(Section.META)
            assert sum(bytes_read) == 300_000


class TestLayout:
    """The file against docs/format.md, read here with struct alone."""

    def test_parts_cover_the_file_without_gap_or_overlap(self, path):
        with DcbFile(path) as file:
            extents = sorted(extent for _, extent in file.extents() if extent.length)
            assert extents[0].offset == 0
            assert all(a.end == b.offset for a, b in pairwise(extents))
            assert extents[-1].end == file.length

    def test_checksums_come_in_the_documented_order(self, path):
        data = path.read_bytes()
        fields = HEADER.unpack_from(data)
        pairs = list(zip(fields[2:14:2], fields[3:14:2], strict=True))
        directory = json.loads(data[pairs[3][0] :][: pairs[3][1]])["DiCube"]
        pairs += directory["Sections"].values()
        parts = [data[:HEADER_LENGTH_BYTES], *(data[start : start + n] for start, n in pairs)]
        expected = [xxhash.xxh3_64_intdigest(part) for part in parts]
        start, length = directory["Checksums"]
        block = data[start : start + length]
        assert block[:8] == b"DCBXXH3\0"
        assert list(struct.unpack("<10Q", block[8:-8])) == [9, *expected]

    def test_pixel_header_is_the_last_part(self, path):
        fields = HEADER.unpack_from(path.read_bytes())
        assert fields[8] + fields[9] == path.stat().st_size


class TestRefused:
    @pytest.mark.parametrize(
        ("magic", "message"),
        [
            (b"DCMCUBEL", r"\.dcbl .*not supported"),
            (b"DCMCUBE\0", "no cube file"),
            (b"GIF89a\0\0", "no cube file"),
        ],
    )
    def test_other_magic(self, path, magic, message):
        path.write_bytes(magic + path.read_bytes()[8:])
        with pytest.raises(InvalidCubeFileError, match=message) as caught:
            DcbFile(path)
        assert caught.value.where == str(path)

    @pytest.mark.parametrize("version", [0, 2, 2**32 - 1])
    def test_other_version(self, path, version):
        data = path.read_bytes()
        path.write_bytes(data[:8] + struct.pack("<I", version) + data[12:])
        with pytest.raises(InvalidCubeFileError, match=f"version {version}"):
            DcbFile(path)

    def test_missing_file_and_folder(self, tmp_path):
        with pytest.raises(InvalidCubeFileError, match="cannot be opened: No such file"):
            DcbFile(tmp_path / "no.dcbs")
        with pytest.raises(InvalidCubeFileError, match="cannot be read"):
            DcbFile(tmp_path)

    @pytest.mark.parametrize("length", [0, 1, 50])
    def test_file_shorter_than_the_header(self, path, length):
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(InvalidCubeFileError, match="header takes 116 bytes"):
            DcbFile(path)

    @pytest.mark.parametrize("field", range(2, 15))
    @pytest.mark.parametrize("value", [2**64 - 1, 2**63, 2**40])
    def test_header_field_that_points_outside(self, path, field, value):
        data = path.read_bytes()
        fields = list(HEADER.unpack_from(data))
        fields[field] = value
        path.write_bytes(HEADER.pack(*fields) + data[HEADER.size :])
        with pytest.raises(InvalidCubeFileError):
            DcbFile(path)

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"[" * 100_000])
    def test_pixel_header_that_is_no_json_object(self, path, text):
        data = path.read_bytes()
        fields = list(HEADER.unpack_from(data))
        fields[8:10] = len(data), len(text)
        path.write_bytes(HEADER.pack(*fields) + data[HEADER.size :] + text)
        with pytest.raises(InvalidCubeFileError, match="PixelDataHeader is not"):
            DcbFile(path)

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc here")
    def test_no_descriptor_is_left_open_by_a_refused_file(self, path):
        path.write_bytes(b"no cube file at all" * 10)
        before = open_descriptors()
        for _ in range(20):
            with pytest.raises(InvalidCubeFileError):
                DcbFile(path)
        assert open_descriptors() == before

    def test_file_that_becomes_shorter_while_it_is_open(self, path):
        with DcbFile(path) as file:
            os.truncate(path, HEADER_LENGTH_BYTES + 3)
            with pytest.raises(InvalidCubeFileError, match="shorter"):
                file.frames[0]

    def test_more_than_the_parts_is_reported(self, path):
        length = path.stat().st_size
        path.write_bytes(path.read_bytes() + b"tail")
        with DcbFile(path) as file:
            assert list(find_damage(file)) == [
                f"bytes {length} to {length + 4} belong to no part of the file"
            ]


class TestWriter:
    @pytest.mark.parametrize(
        "value",
        [float("nan"), float("inf"), b"bytes", object(), np.float32(1)],
        ids=lambda value: type(value).__name__,
    )
    def test_pixel_header_that_json_cannot_hold_is_refused(self, tmp_path, value):
        with pytest.raises(InvalidCubeFileError, match="PixelDataHeader cannot be written as JSON"):
            write_file(tmp_path / "a.dcbs", pixel_header={"Extra": value})
        assert list(tmp_path.iterdir()) == []

    def test_directory_of_another_file_is_not_taken_over(self, tmp_path):
        members = {"DiCube": {"Revision": 7}, "RescaleSlope": 1.0}
        with DcbFile(write_file(tmp_path / "a.dcbs", pixel_header=members)) as file:
            assert file.pixel_header["DiCube"]["Revision"] == 1
