"""The archive of made-up patients, asked by our own client."""

import pytest

pytest.importorskip("pynetdicom", reason='the demo needs the extra "pacs"')

from dicube import find_series
from dicube.pacs import Query, open_client
from dicube.web.demo import demo_server


@pytest.fixture(scope="module")
def client():
    with demo_server() as server, open_client(server) as found:
        yield found


def test_it_answers(client):
    client.echo()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"patient_name": "Demo*"}, 2),
        ({"patient_name": "demo^h?ad"}, 1),
        ({"patient_id": "DEMO-1"}, 1),
        ({"accession_number": "A1002"}, 1),
        ({"modality": "MR"}, 1),
        ({"study_date": "20240101-20240201"}, 1),
        ({"study_date": "-20240101"}, 0),
        ({"study_date": "20240302-"}, 1),
        ({"study_description": "*stroke"}, 1),
        ({"patient_name": "Nobody"}, 0),
    ],
)
def test_studies_are_found_by_their_keys(client, query, count):
    assert len(client.find_studies(Query(**query))) == count


def test_series_come_with_what_is_counted(client):
    counts = {
        series.series_description: series.instance_count for series in client.find_series(Query())
    }
    assert counts == {
        "Chest 2.5 mm": 96, "Chest 10 mm": 24, "T1 sagittal": 128, "Perfusion": 120,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("description", "shape", "axes"),
    [
        ("Chest 10 mm", (24, 256, 256), "z"),
        ("T1 sagittal", (128, 144, 160), "z"),
        ("Perfusion", (12, 10, 80, 64), "tz"),
    ],
)
def test_series_are_volumes_of_one_kind(client, tmp_path, description, shape, axes):
    (series,) = [s for s in client.find_series(Query()) if s.series_description == description]
    retrieved = client.retrieve(series, tmp_path)
    assert retrieved.is_complete
    (found,) = find_series(tmp_path)
    assert found.shape == shape
    assert "".join(axis.name for axis in found.axes) == axes
    assert found.findings == ()
