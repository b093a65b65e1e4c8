"""Other people's readers of DICOM segmentations: dcmqi, and pydicom-seg with its old pydicom."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.peers import PEERS

_DEFAULT = Path(__file__).resolve().parents[1] / ".venv-pydicom-seg" / "bin" / "python"
PYDICOM_SEG = Path(os.environ.get("DICUBE_PYDICOM_SEG", str(_DEFAULT)))


def _imports_pydicom_seg() -> bool:
    if not PYDICOM_SEG.exists():
        return False
    done = subprocess.run(
        [str(PYDICOM_SEG), "-c", "import pydicom_seg"], capture_output=True, check=False
    )
    return done.returncode == 0


requires_dcmqi = pytest.mark.skipif(
    not (PEERS / "segimage2itkimage").exists(),
    reason="dcmqi is not installed: `make test` installs it, or set DICUBE_PEERS_BIN",
)
requires_pydicom_seg = pytest.mark.skipif(
    not _imports_pydicom_seg(),
    reason="pydicom-seg is not installed: `make test` installs it, or set DICUBE_PYDICOM_SEG to a"
    " Python that has it",
)

_READ = """
import json, sys
import numpy, pydicom, pydicom_seg
found = pydicom_seg.SegmentReader().read(pydicom.dcmread(sys.argv[1]))
seen = {}
for number in found.available_segments:
    image = found.segment_image(number)
    numpy.save(f"{sys.argv[2]}/{number}.npy", found.segment_data(number))
    seen[number] = {"origin": image.GetOrigin(), "spacing": image.GetSpacing(),
                    "direction": image.GetDirection()}
print(json.dumps(seen))
"""


def read_by_pydicom_seg(file: Path, scratch: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each segment its mask (z, y, x), and the affine from (z, y, x, 1) to LPS."""
    scratch.mkdir()
    done = subprocess.run(
        [str(PYDICOM_SEG), "-I", "-c", _READ, str(file), str(scratch)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {
        int(number): (np.load(scratch / f"{number}.npy"), _affine(**geometry))
        for number, geometry in json.loads(done.stdout.splitlines()[-1]).items()
    }


def _affine(origin: list[float], spacing: list[float], direction: list[float]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = (np.array(direction).reshape(3, 3) * np.array(spacing))[:, ::-1]
    affine[:3, 3] = origin
    return affine


def read_by_dcmqi(file: Path, scratch: Path) -> list[tuple[np.ndarray, np.ndarray, list[int]]]:
    """The images that segimage2itkimage writes: labels (z, y, x), affine (LPS), their labels."""
    nibabel = pytest.importorskip("nibabel")
    scratch.mkdir()
    done = subprocess.run(
        [str(PEERS / "segimage2itkimage"), "--inputDICOM", str(file), "--outputDirectory",
         str(scratch), "-t", "nii"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    groups = json.loads((scratch / "meta.json").read_text())["segmentAttributes"]
    images = []
    for number, group in enumerate(groups, 1):
        nifti = nibabel.load(scratch / f"{number}.nii.gz")
        affine = np.diag([-1.0, -1, 1, 1]) @ nifti.affine @ np.eye(4)[[2, 1, 0, 3]]
        labels = [segment["labelID"] for segment in group]
        images.append((np.asarray(nifti.dataobj).T, affine, labels))
    return images


def write_by_dcmqi(labels: Path, source: Path, metainfo: Path, out: Path) -> None:
    done = subprocess.run(
        [str(PEERS / "itkimage2segimage"), "--inputImageList", str(labels),
         "--inputDICOMDirectory", str(source), "--inputMetadata", str(metainfo),
         "--outputDICOM", str(out)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


_WRITE = """
import json, pathlib, sys
import numpy, pydicom, pydicom_seg, SimpleITK
labels, source, metainfo, out, geometry = sys.argv[1:6]
geometry = json.loads(geometry)
image = SimpleITK.GetImageFromArray(numpy.load(labels))
image.SetOrigin(geometry["origin"])
image.SetSpacing(geometry["spacing"])
image.SetDirection(geometry["direction"])
files = sorted(pathlib.Path(source).iterdir())
writer = pydicom_seg.MultiClassWriter(
    template=pydicom_seg.template.from_dcmqi_metainfo(metainfo),
    inplane_cropping=geometry["crop"], skip_empty_slices=geometry["skip"],
    skip_missing_segment=False)
images = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
writer.write(image, images).save_as(out)
"""


def write_by_pydicom_seg(
    labels: Path, affine: np.ndarray, source: Path, metainfo: Path, out: Path, **options: bool
) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    geometry = {
        "origin": affine[:3, 3].tolist(),
        "spacing": spacing[::-1].tolist(),
        "direction": (affine[:3, :3] / spacing)[:, ::-1].reshape(-1).tolist(),
        **options,
    }
    done = subprocess.run(
        [str(PYDICOM_SEG), "-I", "-c", _WRITE, str(labels), str(source), str(metainfo), str(out),
         json.dumps(geometry)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
