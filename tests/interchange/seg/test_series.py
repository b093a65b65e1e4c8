"""Every real series as the source of a segmentation: there and back, or refused with a reason."""

import numpy as np
import pytest

from dicube.exceptions import DataConsistencyError, DicomCubeError
from dicube.interchange import seg
from dicube.interchange.seg.source import SourceVolume, source_volume
from tests.interchange.seg.conftest import template
from tests.series import ALL_FOLDERS, requires_data, series_folder

# Of the regular stacks in the test data; fewer would mean that some are refused for nothing.
AT_LEAST = 78


def stack_of(name: str) -> tuple[SourceVolume, int | None]:
    """The second volume of a 4D series, else the only one."""
    try:
        return source_volume(series_folder(name)), None
    except DataConsistencyError as error:
        if "volumes" not in error.what:
            raise
        return source_volume(series_folder(name), 1), 1


@requires_data
# Some have UIDs that are none; they are copied, as a reference has to name what there is.
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(
    "options", [{}, {"inplane_cropping": True, "kind": "labelmap"}], ids=["plain", "cropped"]
)
def test_series_comes_back_or_is_refused(tmp_path, options):
    done = []
    for name in ALL_FOLDERS:
        try:
            stack, volume = stack_of(name)
        except DicomCubeError:
            continue
        random = np.random.default_rng(1)
        labels = (random.random(stack.shape) < 0.02).astype(np.uint8)
        labels[:, :2] = 0
        labels[-1, -1, -1], labels[0, -1, 0] = 2, 1
        writer = seg.MultiClassWriter(template(1, 2), **options)
        path = writer.write_file(tmp_path / "seg.dcm", labels, series_folder(name), volume=volume)
        found = seg.read_seg(path, series_folder(name), volume=volume)
        np.testing.assert_array_equal(found.label_map(), labels, err_msg=name)
        done.append(name)
    assert len(done) >= AT_LEAST
