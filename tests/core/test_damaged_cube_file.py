"""Damage of cube files is noticed, wherever it is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicube import DicomCubeImage
from dicube.core.verify import verify_file
from dicube.exceptions import InvalidCubeFileError
from dicube.storage.dcb_file import DcbFile
from tests.core.little_memory import little_memory_and_time
from tests.storage.made import rewrite


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
