"""Cubes as studies and series, and the cubes that stay open."""

from pathlib import Path

import pytest

import dicube
from dicube.core.instances import CubeInstances
from dicube.exceptions import InvalidCubeFileError
from dicube.library import CubeLibrary, LibraryError
from dicube.library.open_cubes import OpenCubes
from dicube.library.studies import Studies
from tests.library.made import SERIES, write_cube

CT, IMPLICIT, MULTI, COLOUR = SERIES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for made in SERIES:
        write_cube(made, tmp_path)
    return tmp_path


def test_cubes_are_grouped_by_study_the_newest_first(folder: Path):
    studies = Studies(CubeLibrary(folder), OpenCubes())
    found = [(study.uid, [series.uid for series in study.series]) for study in studies.studies()]
    assert found == [
        ("1.2.3.2", ["1.2.3.9.2"]),
        ("1.2.3.1", ["1.2.3.9.1", "1.2.3.9.3"]),
        ("1.2.3.3", ["1.2.3.9.4"]),
    ]


def test_an_instance_in_two_cubes_is_given_once_from_the_better_one(folder: Path):
    dicube.load(folder / "ct.dcbs").to_file(folder / "a_smaller.dcba")
    studies = Studies(CubeLibrary(folder), OpenCubes())
    series = studies.series("1.2.3.1", "1.2.3.9.1")
    places = list(studies.instances(series))
    assert [place.uid for place in places] == [f"1.2.3.9.1.{n}" for n in (1, 2, 3, 4)]
    assert {place.entry.relative_path for place in places} == {"ct.dcbs"}
    assert studies.instance_count(series) == 4


def test_what_is_not_there_is_an_error(folder: Path):
    studies = Studies(CubeLibrary(folder), OpenCubes())
    for wanted in (("1.2",), ("1.2.3.1", "1.2"), ("1.2.3.2", "1.2.3.9.1")):
        with pytest.raises(LibraryError):
            studies.study(*wanted) if len(wanted) == 1 else studies.series(*wanted)
    with pytest.raises(LibraryError, match="no such instance"):
        studies.instance("1.2.3.1", "1.2.3.9.1", "1.2.3.9.1.9")


def test_a_new_cube_shows_up(folder: Path):
    (folder / "ct.dcbs").rename(folder / "ct.hidden")
    studies = Studies(CubeLibrary(folder), OpenCubes())
    assert [series.uid for series in studies.study("1.2.3.1").series] == ["1.2.3.9.3"]
    (folder / "ct.hidden").rename(folder / "ct.dcbs")
    studies.refresh()
    assert [s.uid for s in studies.study("1.2.3.1").series] == ["1.2.3.9.1", "1.2.3.9.3"]


def test_no_more_cubes_stay_open_than_allowed(folder: Path):
    cubes = OpenCubes(most=2)
    entries = CubeLibrary(folder).entries
    for entry in (*entries, *entries):
        with cubes.borrow(entry) as cube:
            assert len(cube) == entry.instance_count
            assert len(cubes) <= 2
    cubes.close()
    assert len(cubes) == 0


def test_a_cube_that_is_read_stays_open_however_many_others_are_asked_for(folder: Path):
    cubes = OpenCubes(most=1)
    first, *others = CubeLibrary(folder).entries
    with cubes.borrow(first) as cube:
        for entry in others:
            with cubes.borrow(entry):
                pass
        assert cube.codestreams(0, [0])
    with cubes.borrow(others[0]):
        pass
    with pytest.raises(InvalidCubeFileError):
        cube.codestreams(0, [0])


def test_a_cube_is_opened_once_and_again_when_it_was_replaced(folder: Path):
    library, cubes = CubeLibrary(folder), OpenCubes()
    entry = next(e for e in library.entries if e.relative_path == "ct.dcbs")
    with cubes.borrow(entry) as one, cubes.borrow(entry) as other:
        assert one is other
    image = dicube.load(folder / "ct.dcbs")
    image.dicom_meta.set_shared_item("PatientID", "P9")
    image.to_file(folder / "ct.dcbs")
    library.refresh()
    with cubes.borrow(library.entry(entry.key)) as new:
        assert new.entries(0)["00100020"]["Value"] == ["P9"]


def test_instances_of_a_file_that_is_none_raise(tmp_path: Path):
    (tmp_path / "x.dcbs").write_bytes(b"no cube")
    with pytest.raises(InvalidCubeFileError):
        CubeInstances(tmp_path / "x.dcbs")
