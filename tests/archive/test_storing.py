"""What workers do with places and series."""

import errno

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from dicube.archive.destination import open_destination
from dicube.archive.settings import StoreSettings
from dicube.archive.sources.staging import Staging
from dicube.archive.storing import series
from dicube.archive.storing.scanning import scan_place
from dicube.archive.storing.series import store_series
from dicube.archive.work import FileRef, Place, ScannedPlace, SeriesWork


@pytest.fixture
def staging():
    with Staging(1 << 26) as opened:
        yield opened


class TestScanning:
    @pytest.mark.parametrize("container", [None, "zip"])
    def test_place_that_is_gone_holds_nothing(self, tmp_path, staging, container):
        place = Place(7, str(tmp_path), "gone.zip", container)
        assert scan_place(place, staging, []) == ScannedPlace(7)

    def test_root_that_is_gone_is_a_problem(self, tmp_path, staging):
        for container in (None, "zip"):
            place = Place(7, str(tmp_path / "unmounted"), "a.zip", container)
            assert "unmounted: no such folder" in scan_place(place, staging, []).problem


def test_series_whose_files_are_gone_is_done(staging, tmp_path):
    work = SeriesWork(1, "images", "CT/1", (), ())
    settings = StoreSettings(str(tmp_path), "dcbs", 1 << 30)
    with open_destination(settings.destination) as destination:
        result = store_series(work, staging, destination, settings)
    assert (result.outputs, result.failures, result.error) == ([], [], "")


def test_image_that_is_damaged_since_it_was_scanned_is_kept(small_folder, staging, tmp_path):
    path = sorted(small_folder.iterdir())[0]
    path.write_bytes(path.read_bytes()[:-10])
    file = FileRef(1, str(small_folder), "s", "", path.name, None, path.stat().st_size)
    settings = StoreSettings(str(tmp_path / "dest"), "dcbs", 1 << 30)
    with open_destination(settings.destination) as destination:
        work = SeriesWork(1, "images", "CT/1", (), (file,))
        result = store_series(work, staging, destination, settings)
    assert [(output.path, len(output.files)) for output in result.outputs] == [
        ("CT/1.files.zip", 1)
    ]


def test_copies_are_not_counted_before_what_they_are_copies_of(
    small_folder, staging, tmp_path, monkeypatch
):
    data = pydicom.dcmread(sorted(small_folder.iterdir())[0])
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data.PixelData = encapsulate([b"no codestream"])
    data["PixelData"].VR = "OB"
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a", "b"):
        data.save_as(source / name)
    length = (source / "a").stat().st_size
    files = [
        FileRef(number, str(source), "source", "", name, None, length)
        for number, name in enumerate(("a", "b"), 1)
    ]

    def failing(*_):
        raise OSError(errno.EIO, "Input/output error")

    work = SeriesWork(1, "images", "CT/1", (), tuple(files))
    settings = StoreSettings(str(tmp_path / "dest"), "dcbs", 1 << 30)
    with open_destination(settings.destination) as destination:
        with monkeypatch.context() as patch:
            patch.setattr(series, "write_kept_files", failing)
            result = store_series(work, staging, destination, settings)
        assert result.error == "Input/output error"
        assert (result.outputs, result.duplicates) == ([], [])
        result = store_series(work, staging, destination, settings)
    assert [len(output.files) for output in result.outputs] == [1]
    assert [(copy, same) for copy, same, _ in result.duplicates] == [(2, 1)]
