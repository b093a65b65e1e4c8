"""Images as files: what was written comes back, and what was damaged or forged is noticed."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacetransformer import Space

from dicube import Axis, DicomCubeImage, DicomMeta, DicomStatus, PixelDataHeader, load_meta
from dicube.core.contents import values_digest
from dicube.core.verify import verify_file
from dicube.exceptions import CodecError, DicomCubeError, InvalidCubeFileError
from dicube.storage.compression import compress
from dicube.storage.dcb_file import DcbFile
from tests.storage.made import rewrite

FORMATS = ("dcbs", "dcba")
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
DTYPES = (*INTEGERS, "int64", "uint64", "float16", "float32", "float64")
SHAPES = {
    "one slice": (1, 5, 7),
    "3D": (3, 8, 6),
    "4D": (2, 3, 6, 5),
    "colour": (2, 6, 5, 3),
    "4D colour": (2, 2, 4, 5, 3),
    "alpha": (2, 5, 4, 4),
    "one row": (2, 1, 9),
    "one pixel": (1, 1, 1),
}
# Reading a file that is damaged asks for no more than its own size and a little.
FEW_BYTES = 4 << 20
LAX_ENCODER = json.JSONEncoder(allow_nan=True)


def every_bit_pattern(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Random bytes seen as `dtype`; for floats that includes NaN, infinity and subnormals."""
    size = np.dtype(dtype).itemsize
    words = np.random.default_rng(5).integers(0, 256, (*shape[:-1], shape[-1] * size))
    return words.astype(np.uint8).view(dtype)


def image_of(values: np.ndarray, **header: Any) -> DicomCubeImage:
    return DicomCubeImage(values, PixelDataHeader(OriginalPixelDtype=values.dtype.name, **header))


def copied(image: DicomCubeImage, path: Path, **options: Any) -> DicomCubeImage:
    image.to_file(path, **options)
    return DicomCubeImage.from_file(path)


def same_values(first: np.ndarray, second: np.ndarray) -> bool:
    """Equal bit patterns: unlike `==` it tells zeros and NaNs apart."""
    return (first.dtype, first.shape) == (second.dtype, second.shape) and (
        first.tobytes() == second.tobytes()
    )


@pytest.fixture(params=FORMATS)
def cube(request, small_folder, tmp_path) -> Path:
    """A file with everything in it: metadata, space, source files, checksums."""
    path = tmp_path / f"series.{request.param}"
    DicomCubeImage.from_dicom_folder(small_folder).to_file(path)
    return path


@pytest.fixture
def tiny(tmp_path) -> Path:
    """The smallest file there is."""
    path = tmp_path / "tiny.dcbs"
    image_of(np.arange(8, dtype=np.uint8).reshape(2, 2, 2)).to_file(path)
    return path


class TestRoundTrip:
    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_values_of_every_dtype_and_shape(self, tmp_path, suffix, dtype, shape):
        values = every_bit_pattern(shape, dtype)
        path = tmp_path / f"a.{suffix}"
        image = image_of(values)
        back = copied(image, path)
        assert same_values(back.raw_image, values)
        assert back.axes == image.axes
        assert back.pixel_header.OriginalPixelDtype == dtype
        assert verify_file(path).ok

    @pytest.mark.parametrize("dtype", INTEGERS)
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_extreme_values(self, tmp_path, suffix, dtype):
        limits = np.iinfo(dtype)
        for low, high in ((limits.min, limits.max), (limits.min, limits.min), (0, 0), (0, 1)):
            values = np.full((2, 6, 6), low, dtype)
            values[0, ::2] = high
            assert same_values(copied(image_of(values), tmp_path / f"a.{suffix}").raw_image, values)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_strided_and_big_endian_arrays(self, tmp_path, suffix):
        values = every_bit_pattern((4, 6, 8), "int16")
        views = (values[::2, ::-1, 1:], values.transpose(2, 0, 1), values.astype(">i2"))
        for view in views:
            back = copied(image_of(view), tmp_path / f"a.{suffix}")
            assert same_values(back.raw_image, view.astype("=i2"))

    def test_header_with_extras(self, tmp_path):
        extras = {"Vendor": {"nested": [1, 2.5, None, "Ä"]}, "Count": 3, "": ""}
        header = PixelDataHeader(
            RescaleSlope=0.1, RescaleIntercept=-1e-3, OriginalPixelDtype="int16",
            PixelDtype="int16", WindowCenter=40.5, WindowWidth=400.0, MaxVal=7.0, MinVal=-3.0,
            Extras=extras,
        )  # fmt: skip
        values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        back = copied(DicomCubeImage(values, header), tmp_path / "a.dcbs")
        assert back.pixel_header == header
        again = copied(back, tmp_path / "b.dcba")
        assert again.pixel_header == header
        np.testing.assert_array_equal(again.get_fdata("float64"), values * 0.1 - 1e-3)

    def test_space_keeps_its_order(self, tmp_path):
        image = image_of(np.zeros((3, 4, 5), np.uint8))
        image.space = Space(
            shape=(3, 4, 5), origin=(1.0, 2.0, 3.0), spacing=(2.5, 0.75, 0.5),
            x_orientation=(0, 0, 1), y_orientation=(0, 1, 0), z_orientation=(1, 0, 0),
        )  # fmt: skip
        back = copied(image, tmp_path / "a.dcbs")
        assert back.space == image.space
        with DcbFile(tmp_path / "a.dcbs") as file:
            stored = json.loads(file.section(list(file.header.extents)[2]))
        assert stored["shape"] == [5, 4, 3]  # (x, y, z) in the file
        assert stored["spacing"] == [0.5, 0.75, 2.5]

    def test_sheared_affine_and_axes(self, tmp_path):
        image = image_of(np.zeros((2, 3, 4, 5), np.uint16))
        affine = np.array([[0, 0, 0.5, -1], [0.3, 0.75, 0, 2], [2.5, 0, 0, 3], [0, 0, 0, 1]])
        image.affine = affine
        assert image.space is None
        axes = (Axis("t", 2, "ms", (0.0, 33.25)), Axis("z", 3, "mm"))
        moving = DicomCubeImage(image.raw_image, image.pixel_header, axes=axes)
        moving.affine = affine
        back = copied(moving, tmp_path / "a.dcba")
        assert back.axes == axes
        assert back.space is None
        np.testing.assert_array_equal(back.affine, affine)

    @pytest.mark.parametrize("status", DicomStatus)
    def test_status(self, tmp_path, status):
        image = image_of(np.zeros((1, 2, 2), np.uint8))
        image.dicom_status = status
        assert copied(image, tmp_path / "a.dcbs").dicom_status == status

    def test_the_format_document_lists_every_status(self):
        document = Path(__file__).resolve().parents[2] / "docs" / "format.md"
        text = document.read_text()
        assert all(f"`{status.value}`" in text for status in DicomStatus)

    def test_metadata_and_source_files(self, cube, small_folder, tmp_path):
        original = DicomCubeImage.from_dicom_folder(small_folder)
        back = DicomCubeImage.from_file(cube)
        assert dict(back.dicom_meta.items()) == dict(original.dicom_meta.items())
        assert load_meta(cube).slice_count == 4
        for written in back.to_dicom_folder(tmp_path / "out"):
            assert written.read_bytes() == (small_folder / written.name).read_bytes()
        assert verify_file(cube, against=small_folder).identical_files == 4

    def test_rescale_of_each_frame(self, tmp_path, small_image):
        slopes = [1.0, 2.0, 0.5, 3.0]
        small_image.dicom_meta.set_nonshared_item("RescaleSlope", slopes)
        small_image.to_dicom_folder(tmp_path / "series")
        image = DicomCubeImage.from_dicom_folder(tmp_path / "series")
        back = copied(image, tmp_path / "a.dcbs")
        assert back.frame_rescale.slopes.tolist() == slopes
        expected = image.raw_image * np.array(slopes).reshape(-1, 1, 1) - 24
        np.testing.assert_array_equal(back.get_fdata("float64"), expected)
        with DcbFile(tmp_path / "a.dcbs") as file:  # no number that an old reader could apply
            assert file.pixel_header["RescaleSlope"] == "per frame"
            assert file.pixel_header["RescaleIntercept"] == "per frame"

    def test_bit_patterns_carry_no_slope_for_old_readers(self, tmp_path):
        image = image_of(np.ones((1, 2, 2), np.float32), RescaleSlope=2.0)
        back = copied(image, tmp_path / "a.dcbs")
        assert back.pixel_header.RescaleSlope == 2.0
        assert back.get_fdata().max() == 2.0
        with DcbFile(tmp_path / "a.dcbs") as file:
            assert file.pixel_header["RescaleSlope"] == "bit patterns"
            assert file.pixel_header["PixelDtype"] == "uint32"

    def test_without_metadata_and_without_source_files(self, cube, tmp_path):
        image = DicomCubeImage.from_file(cube, skip_meta=True)
        assert image.dicom_meta is None
        image = DicomCubeImage.from_file(cube)
        copied(image, tmp_path / "less.dcbs", keep_sources=False)
        with DcbFile(tmp_path / "less.dcbs") as file:
            assert not file.has_section("SourceFiles")

    def test_digest_is_that_of_the_values(self, cube):
        with DcbFile(cube) as file:
            recorded = file.pixel_header["Image"]["ValuesDigest"]
        assert recorded == values_digest(DicomCubeImage.from_file(cube).raw_image)

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_file_is_the_same_every_time(self, small_folder, tmp_path, suffix):
        image = DicomCubeImage.from_dicom_folder(small_folder)
        first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        image.to_file(first, num_threads=1)
        DicomCubeImage.from_file(first).to_file(second, num_threads=3)
        assert first.read_bytes() == second.read_bytes()

    def test_header_that_json_cannot_hold_is_refused_and_the_old_file_stays(self, tiny):
        before = tiny.read_bytes()
        with pytest.raises(InvalidCubeFileError, match="JSON"):
            image_of(np.zeros((1, 2, 2), np.uint8), WindowCenter=float("nan")).to_file(tiny)
        assert tiny.read_bytes() == before


def cases(table: dict[str, Any]) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in table.items()]


@contextmanager
def little_memory_and_time(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer, or more memory than reading a damaged file may take."""
    imagecodecs.htj2k_version()  # what is imported on first use is not counted
    imagecodecs.jpegxl_version()
    tracemalloc.start()
    started = time.perf_counter()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < FEW_BYTES
        assert time.perf_counter() - started < seconds
    finally:
        tracemalloc.stop()


@contextmanager
def flipped(path: Path, position: int, mask: int) -> Iterator[None]:
    """The file with the bits of `mask` turned round in one byte."""
    with open(path, "r+b", buffering=0) as file:
        file.seek(position)
        original = file.read(1)
        file.seek(position)
        file.write(bytes([original[0] ^ mask]))
        try:
            yield
        finally:
            file.seek(position)
            file.write(original)


def positions_of(path: Path, *, everything_in: tuple[str, ...], samples: int) -> Iterator[int]:
    """Every byte of some parts, and `samples` spread over each of the others."""
    with DcbFile(path) as file:
        parts = list(file.extents())
    for name, extent in parts:
        step = 1 if name in everything_in else max(1, extent.length // samples)
        yield from range(extent.offset, extent.end, step)
        if extent.length:
            yield extent.end - 1


STRUCTURE = (
    "header", "pixel header", "frame offsets", "frame lengths", "FrameChecksums", "checksum block",
    "status", "space",
)  # fmt: skip


class TestDamageIsNoticed:
    @pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
    def test_any_flipped_byte_is_reported(self, cube, mask):
        for position in positions_of(cube, everything_in=STRUCTURE, samples=25):
            with flipped(cube, position, mask):
                assert not verify_file(cube).ok, f"byte {position} of {cube.name}"
        assert verify_file(cube).ok

    @settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
    def test_any_flipped_byte_anywhere_is_reported(self, cube, place, mask):
        with flipped(cube, int(place * cube.stat().st_size), mask):
            assert not verify_file(cube).ok

    def test_reading_a_file_with_a_flipped_byte_raises(self, cube):
        for position in positions_of(cube, everything_in=STRUCTURE, samples=25):
            with flipped(cube, position, 0x01), pytest.raises(InvalidCubeFileError):
                DicomCubeImage.from_file(cube)

    def test_damage_names_the_part(self, cube):
        with DcbFile(cube) as file:
            parts = dict(file.extents())
        for name in ("status", "meta", "space", "SourceFiles", "frame 2"):
            with flipped(cube, parts[name].offset, 0xFF):
                assert f"{name} fails its checksum" in verify_file(cube).problems

    def test_exchanged_frames_are_reported(self, cube, tmp_path):
        with DcbFile(cube) as file:
            frames = [bytes(frame) for frame in file.frames]
        swapped = rewrite(cube, tmp_path / "b", frames=[frames[1], frames[0], *frames[2:]])
        assert verify_file(swapped).problems == (
            "the stored values do not have the digest that was recorded",
        )

    def test_appended_bytes_are_reported(self, cube):
        for extra in (b"\0", b"DCMCUBES" * 20):
            with open(cube, "ab") as file:
                file.write(extra)
            assert any("belong to no part" in problem for problem in verify_file(cube).problems)

    def test_every_length_of_a_tiny_file_is_refused(self, tiny):
        length = tiny.stat().st_size
        self._shorten(tiny, range(length - 1, -1, -1))

    def test_any_length_of_a_file_is_refused(self, cube):
        length = cube.stat().st_size
        step = length // 150
        self._shorten(cube, [*range(length - 1, length - 60, -1), *range(length - 60, 0, -step)])

    def _shorten(self, path: Path, lengths: Any) -> None:
        with little_memory_and_time(0.05 * len(lengths)):
            for length in lengths:
                os.truncate(path, length)
                with pytest.raises(InvalidCubeFileError):
                    DicomCubeImage.from_file(path)
                assert not verify_file(path).ok


def image_member(path: Path, **changes: Any) -> dict[str, Any]:
    with DcbFile(path) as file:
        members = file.pixel_header["Image"] | changes
    return {"Image": {name: value for name, value in members.items() if value is not None}}


HUGE = 10**30
# Members of "Image" that no writer makes, in files whose checksums are right.
FORGED_IMAGES: dict[str, dict[str, Any]] = {
    "no shape": {"Shape": None},
    "shape is a number": {"Shape": 4},
    "shape of text": {"Shape": ["4", "12", "10"]},
    "shape of floats": {"Shape": [4.0, 12.0, 10.0]},
    "empty shape": {"Shape": []},
    "negative shape": {"Shape": [4, -12, -10]},
    "zero rows": {"Shape": [4, 0, 10]},
    "other rows": {"Shape": [4, 13, 10]},
    "colour": {"Shape": [4, 12, 10, 3]},
    "many rows": {"Shape": [4, 1 << 30, 1 << 30]},
    "rows beyond 64 bits": {"Shape": [4, HUGE, HUGE]},
    "two gigabytes": {"Shape": [4, 1 << 15, 1 << 14]},
    "half a gigabyte": {"Shape": [4, 1 << 13, 1 << 13]},
    "no axes": {"Axes": None},
    "axes are a number": {"Axes": 5},
    "axes of text": {"Axes": ["z"]},
    "axis without a name": {"Axes": [{"Size": 4, "Unit": "mm", "Coordinates": None}]},
    "axis of another size": {"Axes": [{"Name": "z", "Size": 5, "Unit": "mm", "Coordinates": None}]},
    "axis of infinite size": {
        "Axes": [{"Name": "z", "Size": float("inf"), "Unit": "mm", "Coordinates": None}]
    },
    "axis with coordinates of text": {
        "Axes": [{"Name": "z", "Size": 4, "Unit": "mm", "Coordinates": ["a"] * 4}]
    },
    "axis with too few coordinates": {
        "Axes": [{"Name": "z", "Size": 4, "Unit": "mm", "Coordinates": [1.0]}]
    },
    "axis with coordinates beyond float64": {
        "Axes": [{"Name": "z", "Size": 4, "Unit": "mm", "Coordinates": [10**400] * 4}]
    },
    "rescale is a number": {"Rescale": 5},
    "rescale of three": {"Rescale": [1, 2, 3]},
    "rescale of text": {"Rescale": ["1", "0"]},
    "frame rescale is a list": {"FrameRescale": [1, 2]},
    "frame rescale of too few": {"FrameRescale": {"Slope": [1.0], "Intercept": [0.0]}},
    "frame rescale of text": {"FrameRescale": {"Slope": ["a"] * 4, "Intercept": [0.0] * 4}},
    "frame rescale beyond float64": {
        "FrameRescale": {"Slope": [10**400] * 4, "Intercept": [0.0] * 4}
    },
    "affine of 3 x 3": {"Affine": [[1, 0, 0]] * 3},
    "affine of text": {"Affine": "identity"},
    "ragged affine": {"Affine": [[1, 0, 0, 0], [1]]},
    "affine beyond float64": {"Affine": [[10**400] * 4] * 4},
}
FORGED_HEADERS: dict[str, dict[str, Any]] = {
    "image is a list": {"Image": [1]},
    "no dtype": {"OriginalPixelDtype": 5},
    "dtype of Python objects": {"OriginalPixelDtype": "O"},
    "dtype that is no dtype": {"OriginalPixelDtype": ","},
    "encoding of another dtype": {"OriginalPixelDtype": "float32"},
    "codec dtype of another": {"PixelDtype": "float32"},
}
# Other sections, likewise.
FORGED_SECTIONS: dict[str, dict[str, bytes]] = {
    "unknown status": {"status": b"excellent"},
    "status is not text": {"status": b"\xff\xfe"},
    "space is a list": {"space": b"[]"},
    "space is a number": {"space": b"5"},
    "space without a shape": {"space": b"{}"},
    "space is not JSON": {"space": b"{"},
    "space is not text": {"space": b"\xff\xfe"},
    "space of another shape": {
        "space": b'{"shape": [7, 7, 7], "origin": [0, 0, 0], "spacing": [1, 1, 1],'
        b' "x_orientation": [1, 0, 0], "y_orientation": [0, 1, 0], "z_orientation": [0, 0, 1]}'
    },
}


def meta_bytes(entries: Any, slice_count: Any = 4) -> bytes:
    text = json.dumps({"_merged_data": entries, "slice_count": slice_count})
    return compress(text.encode())


FORGED_META = {
    "no zstd": b"nothing of the kind",
    "no JSON": compress(b"{"),
    "deep JSON": compress(b"[" * 100_000),
    "no object": compress(b"[]"),
    "no entries": compress(b"{}"),
    "entries are a list": meta_bytes([1]),
    "entry is text": meta_bytes({"00100010": "text"}),
    "too few values": meta_bytes({"00200013": {"vr": "IS", "shared": False, "Value": [1]}}),
    "slice count of text": meta_bytes({}, "4"),
    "slice count below zero": meta_bytes({}, -1),
    "slice count beyond any series": meta_bytes({}, 10**12),
    "slice count is a fraction": meta_bytes({}, 2.5),
    "values are a number": meta_bytes({"00200013": {"vr": "IS", "shared": False, "Value": 5}}),
}


class TestForgedFilesAreRefused:
    """Checksums detect damage, not malice: what they vouch for is checked all the same."""

    def _refused(self, path: Path) -> None:
        with little_memory_and_time(1), pytest.raises((InvalidCubeFileError, CodecError)):
            DicomCubeImage.from_file(path)
        assert not verify_file(path).ok

    @pytest.mark.parametrize("changes", cases(FORGED_IMAGES))
    def test_image_member(self, cube, tmp_path, changes, monkeypatch):
        # JSON has no infinity, but Python writes and reads one.
        monkeypatch.setattr("json.dumps", lambda members, **_: LAX_ENCODER.encode(members))
        header = image_member(cube, **changes)
        self._refused(rewrite(cube, tmp_path / "b", pixel_header=header))

    @pytest.mark.parametrize("changes", cases(FORGED_HEADERS))
    def test_pixel_header(self, cube, tmp_path, changes):
        self._refused(rewrite(cube, tmp_path / "b", pixel_header=changes))

    @pytest.mark.parametrize("changes", cases(FORGED_SECTIONS))
    def test_sections(self, cube, tmp_path, changes):
        self._refused(rewrite(cube, tmp_path / "b", **changes))

    @pytest.mark.parametrize("meta", cases(FORGED_META))
    def test_metadata(self, cube, tmp_path, meta):
        path = rewrite(cube, tmp_path / "b", meta=meta)
        assert not verify_file(path).ok
        with pytest.raises(DicomCubeError):
            load_meta(path).to_json()  # entries are read when they are asked for

    @pytest.mark.parametrize(
        "frame", [b"", b"\0", b"\xff\x4f\xff\x51", b"\xff\x0a", b"\xff" * 100], ids=repr
    )
    def test_codestream(self, cube, tmp_path, frame):
        self._refused(rewrite(cube, tmp_path / "b", frames=[frame] * 4))

    def test_other_number_of_frames(self, cube, tmp_path):
        with DcbFile(cube) as file:
            frames = [bytes(frame) for frame in file.frames]
        for other in ([], frames[:3], frames * 2):
            self._refused(rewrite(cube, tmp_path / "b", frames=other))

    def test_directory_that_was_taken_out(self, cube):
        # Without it there are no checksums; a file of the published tool has no "Image" either.
        data = cube.read_bytes()
        assert data.count(b'"DiCube"') == 1
        cube.write_bytes(data.replace(b'"DiCube"', b'"DiCubf"'))
        self._refused(cube)

    def test_source_files_that_are_malformed(self, cube, tmp_path):
        for data in (b"no zstd", compress(b""), compress(b"\xff" * 8), compress(bytes(9) + b"{}")):
            path = rewrite(cube, tmp_path / "b", sections={"SourceFiles": data})
            assert not verify_file(path).ok

    def test_forged_files_fit_into_little_memory(self, cube, tmp_path):
        """In a process that may not grow by more than 200 MB."""
        paths = [
            rewrite(
                cube, tmp_path / "rows", pixel_header=image_member(cube, Shape=[4, 1 << 13, 8000])
            ),
            rewrite(cube, tmp_path / "b", meta=meta_bytes({}, 10**12)),
        ]
        done = subprocess.run(
            [sys.executable, "-c", LITTLE_MEMORY, *map(str, paths)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout.split() == ["False"] * len(paths), done.stderr


LITTLE_MEMORY = """
import resource, sys
from dicube.core.verify import verify_file
import imagecodecs
imagecodecs.htj2k_version(), imagecodecs.jpegxl_version()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)
for path in sys.argv[1:]:
    print(verify_file(path).ok)
"""


def test_nan_in_metadata_of_the_published_tool_is_read(cube, tmp_path):
    entry = {"vr": "FD", "shared": True, "Value": [float("nan")]}
    path = rewrite(cube, tmp_path / "b", meta=meta_bytes({"00189087": entry}))
    assert verify_file(path).ok
    meta = DicomMeta.from_json(load_meta(path).to_json())
    assert dict(meta.items())["00189087"]["Value"] == [None]
