"""The stages between a folder and an image: scan, merge, conversion to JSON, status, pixels.

A stage starts from what the one before left behind, and the metadata are new in every round: they
keep what was once converted.
"""

import pytest
from bench_data import SERIES, Series, data_folder, find_series
from pytest_benchmark.fixture import BenchmarkFixture

import dicube
from dicube.dicom.dicom_io import read_series
from dicube.dicom.folder_scan import scan_folder
from dicube.dicom.volume import read_volume

_ROUNDS = 7
_NAMES = tuple(SERIES) if data_folder().is_dir() else ("generated",)


@pytest.fixture(scope="session", params=_NAMES)
def series(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Series:
    """A series of the data folder, or the one that is made up where there is none."""
    names = () if request.param == "generated" else (request.param,)
    return find_series(tmp_path_factory.mktemp("series"), names)[0]


def _new_meta(series: Series) -> dicube.DicomMeta:
    meta = dicube.DicomMeta.from_instances(scan_folder(series.folder).images)
    meta.sort_files()
    return meta


def _header_bytes(series: Series) -> int:
    """Length of everything in the files that is not pixel data, bytes."""
    images = scan_folder(series.folder).images
    return sum(len(image.head) + len(image.tail) for image in images)


@pytest.mark.benchmark(group="scan: every file of the folder taken apart")
def test_scan(benchmark: BenchmarkFixture, series: Series) -> None:
    scan = benchmark(scan_folder, series.folder)
    benchmark.extra_info["files"] = len(series.files)
    assert sorted(image.path for image in scan.images) == series.files


@pytest.mark.benchmark(group="merge: data sets into one table, sorted")
def test_merge(benchmark: BenchmarkFixture, series: Series) -> None:
    images = scan_folder(series.folder).images

    def merge() -> dicube.DicomMeta:
        meta = dicube.DicomMeta.from_instances(images)
        meta.sort_files()
        return meta

    meta = benchmark(merge)
    shared = sum(meta.is_shared(key) for key, _ in meta.items())
    benchmark.extra_info["ratio"] = shared / len(meta)
    numbers = meta.get_values("InstanceNumber")
    assert meta.slice_count == len(images)
    assert numbers == sorted(numbers)


@pytest.mark.benchmark(group="to_json: every value converted")
def test_to_json(benchmark: BenchmarkFixture, series: Series) -> None:
    text = benchmark.pedantic(
        dicube.DicomMeta.to_json, setup=lambda: ((_new_meta(series),), {}), rounds=_ROUNDS
    )
    benchmark.extra_info["ratio"] = _header_bytes(series) / len(text.encode())
    assert dicube.DicomMeta.from_json(text).to_json() == text


@pytest.mark.benchmark(group="status: the series judged")
def test_status(benchmark: BenchmarkFixture, series: Series) -> None:
    status = benchmark.pedantic(
        dicube.get_dicom_status, setup=lambda: ((_new_meta(series),), {}), rounds=_ROUNDS
    )
    findings = dicube.get_dicom_findings(_new_meta(series))
    benchmark.extra_info["status"] = status.value
    assert status == (findings[0].status if findings else dicube.DicomStatus.CONSISTENT)


@pytest.mark.benchmark(group="pixels: all frames into one array")
def test_pixels(benchmark: BenchmarkFixture, series: Series) -> None:
    found = read_series(series.folder)
    volume = benchmark(read_volume, found)
    benchmark.extra_info["ratio"] = series.nbytes / volume.values.nbytes
    first = volume.source_files[0]
    original = (series.folder / first.name).read_bytes()
    assert first.file_bytes(volume.values[: first.layout.frames]) == original
