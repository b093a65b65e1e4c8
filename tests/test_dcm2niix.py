"""All real series beside dcm2niix: the same volumes, or a reason why not."""

import pytest

from tests.dcm2niix import compare
from tests.dcm2niix_differences import BY_STANDARD_SLOPES, EXPLAINED
from tests.peers import requires_dcm2niix
from tests.series import DATA, requires_data

FOLDERS = sorted(path.name for path in DATA.iterdir() if path.is_dir()) if DATA.is_dir() else []


@requires_data
@requires_dcm2niix
@pytest.mark.parametrize("name", FOLDERS)
def test_volumes_are_those_of_dcm2niix(name, tmp_path):
    found = compare(DATA / name, tmp_path)
    expected = (EXPLAINED[name][0],) if name in EXPLAINED else ("the same", "no image")
    assert found.outcome in expected, found
    assert found.by_standard_slopes == (name in BY_STANDARD_SLOPES)


@requires_data
def test_every_explained_folder_is_there():
    assert set(EXPLAINED) <= set(FOLDERS)
