"""Zarr groups beside plain zarr-python, and random patches: `python benchmarks/zarr_table.py`.

zarr-python writes the same array with the same chunks, shards and codec; DiCube writes the
companion as well, and proves what it reads by its digest.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

import nibabel
import numpy as np
import zarr
from bench_data import find_series
from readme_table import show_table, table_parser

import dicube
from dicube.interchange.zarr.chunking import Chunking

_SERIES: Final = ("ct_uint16_thin",)
_TIMES: Final = 4  # the volume is written so many times over, one behind the other
_PATCH: Final = 64
_PATCHES: Final = 40  # of a way that reads in pieces; a twentieth of a way that reads everything


def main() -> None:
    options = table_parser("Measure Zarr groups, and random patches.", rounds=9).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (series,) = find_series(scratch, _SERIES)
        image = dicube.load_from_dicom_folder(series.folder)
        long = _longer(image)
        lines = _rates("series with DICOM", image, scratch, options.rounds)
        lines += _rates(f"array {_TIMES} times as long", long, scratch, options.rounds)[2:]
        lines += ["", *_patches(long, scratch, options.rounds)]
    lines += [
        "",
        f"{series.name}: {image.shape[0]} slices of 512 x 512; the long array has"
        f" {long.shape[0]}. Medians of {options.rounds} rounds, all ways in each, in random order,"
        f" after one that does not count. `1.05x` took 5 % longer, in the median of the rounds."
        f" Patches of {_PATCH} voxels along each edge lie anywhere; each is read on its own, on"
        f" {dicube.get_num_threads()} threads, from files in the cache of the system.",
    ]
    table = "\n".join(lines)
    show_table("zarr", table, options)


def _longer(image: dicube.DicomCubeImage) -> dicube.DicomCubeImage:
    values = np.concatenate([image.raw_image] * _TIMES)
    return dicube.DicomCubeImage(
        values, dicube.PixelDataHeader(OriginalPixelDtype=values.dtype.name)
    )


def _rates(title: str, image: dicube.DicomCubeImage, scratch: Path, rounds: int) -> list[str]:
    lines = [
        "| what | chunks | zarr-python writes | DiCube writes | zarr-python reads | DiCube reads |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    plain, own = scratch / "plain.zarr", scratch / "own.zarr"
    for chunks in ("slices", "training"):
        times = _times(
            {
                "plain write": lambda chunks=chunks: _write_plain(image.raw_image, plain, chunks),
                "own write": lambda chunks=chunks: image.to_zarr(own, chunks=chunks),
                "plain read": lambda: zarr.open_array(plain, mode="r")[...],
                "own read": lambda: dicube.DicomCubeImage.from_zarr(own),
            },
            rounds,
            before={"plain write": plain, "own write": own},
        )
        rate = image.raw_image.nbytes / 1e6
        cells = [
            f"{rate / median(times[f'plain {way}']):.0f} MB/s"
            f" | {rate / median(times[f'own {way}']):.0f} MB/s"
            f" {median(np.divide(times[f'own {way}'], times[f'plain {way}'])):.2f}x"
            for way in ("write", "read")
        ]
        lines.append(f"| {title} | {chunks} | {cells[0]} | {cells[1]} |")
    return lines


def _write_plain(values: np.ndarray, path: Path, chunks: Any) -> None:
    chunking = Chunking.of(values.shape, values.dtype.itemsize, chunks, True)
    blosc = zarr.codecs.BloscCodec(
        cname="zstd", clevel=1, shuffle="bitshuffle", typesize=values.dtype.itemsize
    )
    array = zarr.create_array(
        path, shape=values.shape, dtype=values.dtype, chunks=chunking.chunks,
        shards=chunking.shards, compressors=[blosc], fill_value=0,
    )  # fmt: skip
    array[...] = values


def _patches(image: dicube.DicomCubeImage, scratch: Path, rounds: int) -> list[str]:
    image.to_file(scratch / "x.dcbs")
    image.to_zarr(scratch / "slices.zarr")
    image.to_zarr(scratch / "training.zarr", chunks="training")
    image.to_zarr(scratch / "htj2k.zarr", chunks="training", codec="htj2k")
    image.to_nifti(scratch / "x.nii.gz")
    cube = dicube.open(scratch / "x.dcbs", cache_bytes=0)
    arrays = {
        name: zarr.open_array(scratch / f"{name}.zarr" / "0", mode="r")
        for name in ("training", "slices", "htj2k")
    }
    nifti = nibabel.load(scratch / "x.nii.gz")
    ways: dict[str, tuple[Callable[[Any], Any], int]] = {
        "Zarr, `training`": (lambda place: arrays["training"][place], _PATCHES),
        "Zarr, `training`, HTJ2K": (lambda place: arrays["htj2k"][place], _PATCHES),
        "Zarr, `slices`": (lambda place: arrays["slices"][place], _PATCHES),
        "`.dcbs`, `dicube.open`": (lambda place: cube[place], _PATCHES),
        "`.nii.gz`, nibabel": (
            lambda place: np.asarray(nifti.dataobj[place[::-1]]),
            _PATCHES // 20,
        ),
    }
    random = np.random.default_rng(0)
    corners = [
        [random.integers(0, size - _PATCH + 1) for size in image.shape] for _ in range(_PATCHES)
    ]
    places = [tuple(slice(start, start + _PATCH) for start in corner) for corner in corners]
    for read, _ in ways.values():
        found = read(places[0])
        expected = image.raw_image[places[0]]
        assert np.array_equal(found, expected) or np.array_equal(found.T, expected)
    times = _times(
        {
            name: lambda read=read, count=count: [read(place) for place in places[:count]]
            for name, (read, count) in ways.items()
        },
        rounds,
    )
    lines = ["| random patches from | patches per second | size |", "| --- | ---: | ---: |"]
    files = ("training.zarr", "htj2k.zarr", "slices.zarr", "x.dcbs", "x.nii.gz")
    for (name, (_, count)), file in zip(ways.items(), files, strict=True):
        size = sum(
            p.stat().st_size for p in [scratch / file, *(scratch / file).rglob("*")] if p.is_file()
        )
        lines.append(f"| {name} | {count / median(times[name]):.1f} | {size / 1e6:.1f} MB |")
    return lines


def _times(
    ways: dict[str, Callable[[], Any]], rounds: int, before: dict[str, Path] | None = None
) -> dict[str, list[float]]:
    """Seconds of each way in each round; `before` are targets that have to go first."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    random = np.random.default_rng(1)
    for number in range(1 + rounds):
        names = random.permutation(list(ways)).tolist() if number else list(ways)
        for name in names:
            call = ways[name]
            if before and name in before:
                shutil.rmtree(before[name], ignore_errors=True)
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: each[1:] for name, each in times.items()}


if __name__ == "__main__":
    main()
