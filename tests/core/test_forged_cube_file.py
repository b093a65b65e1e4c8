"""Cube files that no writer makes, with checksums that are right, are refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dicube import DicomCubeImage, DicomMeta, load_meta
from dicube.core.verify import verify_file
from dicube.exceptions import CodecError, DicomCubeError, InvalidCubeFileError
from dicube.storage.compression import compress
from dicube.storage.dcb_file import DcbFile
from tests.core.little_memory import little_memory_and_time
from tests.storage.made import rewrite

LAX_ENCODER = json.JSONEncoder(allow_nan=True)


def cases(table: dict[str, Any]) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in table.items()]


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
