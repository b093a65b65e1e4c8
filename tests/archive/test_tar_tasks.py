"""Series of one tar file, which is read once for all of them."""

import tarfile

import pytest

from dicube import DicomCubeImage
from dicube.archive.ledger.series_queue import SeriesQueue
from dicube.archive.settings import StoreSettings
from dicube.archive.sources import staging
from dicube.archive.storing.worker import work_on
from dicube.archive.work import ConvertTask, FileRef, SeriesWork
from tests.archive.ledgers import LedgerBuilder


@pytest.fixture
def series(small_image, tmp_path) -> tuple[SeriesWork, ...]:
    """Three series in one tar.gz."""
    works = []
    with tarfile.open(tmp_path / "all.tar.gz", "w:gz") as archive:
        for number in range(3):
            folder = tmp_path / f"series{number}"
            DicomCubeImage.from_contents(small_image.contents()).to_dicom_folder(folder)
            refs = []
            for path in sorted(folder.iterdir()):
                name = f"{folder.name}/{path.name}"
                archive.add(path, name)
                refs.append(
                    FileRef(
                        10 * number + len(refs), str(tmp_path), "root", "all.tar.gz", name, "tar",
                        path.stat().st_size,
                    )
                )  # fmt: skip
            works.append(SeriesWork(number, "images", f"s{number}", (), tuple(refs)))
    return tuple(works)


def test_tar_file_is_read_once_for_a_task(series, tmp_path, monkeypatch):
    opened = []
    read = staging.opened_members

    def counted(*arguments, **more):
        opened.append(arguments)
        return read(*arguments, **more)

    monkeypatch.setattr(staging, "opened_members", counted)
    settings = StoreSettings(str(tmp_path / "dest"), "dcbs", 1 << 30)
    results = work_on(settings, ConvertTask(series))
    assert [(result.error, len(result.outputs)) for result in results] == [("", 1)] * 3
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("container", "limit", "taken"), [("tar", 10_000, 3), ("tar", 6_000, 2), (None, 10_000, 1)]
)
def test_series_of_a_tar_file_are_taken_together(tmp_path, container, limit, taken):
    with LedgerBuilder(tmp_path / "ledger") as ledger:
        ledger.run()
        place = ledger.place(ledger.root("/data"), "all.tar", container=container)
        for number in range(3):
            series_id = ledger.series(f"1.{number}", "found")
            ledger.file(place, f"{number}", "found", series_id=series_id, bytes=3000)
        queue = SeriesQueue(ledger.connection, 1)
        assert len(queue.take(64, 4000, limit)) == taken
