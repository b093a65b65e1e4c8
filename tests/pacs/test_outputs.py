"""What a pull wrote is read again: a file with another value than was pulled is no output."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from dicube import DicomCubeImage
from dicube.pacs import open_client, pull

pytest.importorskip("nibabel", reason="nibabel is not installed (extra nifti)")

PLACE = (1, 2, 3)  # of the one voxel that is changed


def change_nifti(path: Path) -> None:
    data = bytearray(gzip.decompress(path.read_bytes()))
    # int16 in the order of the image, (4, 12, 10), behind the header of 352 bytes.
    data[352 + 2 * int(np.ravel_multi_index(PLACE, (4, 12, 10)))] ^= 1
    path.write_bytes(gzip.compress(data))


def change_npz(path: Path) -> None:
    with np.load(path) as archive:
        entries = dict(archive)
    entries["data"][PLACE] += 1
    np.savez_compressed(path, **entries)


@pytest.mark.parametrize(
    ("output_format", "change", "suffix"),
    [("nifti", change_nifti, ".nii.gz"), ("npz", change_npz, ".npz")],
)
def test_a_file_that_is_off_by_one_voxel_is_said_and_dicom_is_kept(
    slice_peer,
    make_series,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output_format: str,
    change: Callable[[Path], None],
    suffix: str,
) -> None:
    files, series = make_series()
    write = getattr(DicomCubeImage, f"to_{output_format}")

    def write_badly(image: DicomCubeImage, path: Path) -> None:
        write(image, path)
        before = path.read_bytes()
        change(path)
        assert path.read_bytes() != before

    monkeypatch.setattr(DicomCubeImage, f"to_{output_format}", write_badly)
    with open_client(slice_peer(files).server()) as client:
        pulled = pull(client, series, tmp_path / "out", output_format=output_format)
    assert pulled.findings == (
        f"4 instances are no {output_format}: what was written is not what was read",
    )
    folder = tmp_path / "out" / series.study_uid / f"{series.series_uid}_{output_format}_rest"
    assert pulled.files == (folder,)
    assert not list((tmp_path / "out").rglob(f"*{suffix}"))
    kept = {str(pydicom.dcmread(path).SOPInstanceUID) for path in folder.iterdir()}
    assert kept == {str(pydicom.dcmread(path).SOPInstanceUID) for path in files}
