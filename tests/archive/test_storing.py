"""What workers do with places and series."""

import pytest

from dicube.archive.sources.staging import Staging
from dicube.archive.storing.scanning import scan_place
from dicube.archive.work import Place, ScannedPlace


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
