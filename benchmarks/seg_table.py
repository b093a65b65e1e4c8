"""DICOM segmentations beside highdicom alone and pydicom-seg: `python benchmarks/seg_table.py`.

All write the same 20 segments of 512 x 512 x 300 voxels from the same headers in memory, in turn in
each round. Every file is read back and compared before its time counts.
"""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pydicom
from environments import PYDICOM_SEG, EnvironmentUnavailableError, interpreter_of
from readme_table import show_table, table_parser

import dicube
from dicube.interchange import seg

_SHAPE: Final = (300, 512, 512)
_SEGMENTS: Final = 20
_SPACING: Final = (1.0, 0.7, 0.7)  # mm: z, y, x
_TISSUE: Final = {
    "CodeValue": "85756007",
    "CodingSchemeDesignator": "SCT",
    "CodeMeaning": "Tissue",
}


class Job(NamedTuple):
    """What to write: labels, headers of the source, and what the labels mean."""

    labels: np.ndarray
    headers: list[pydicom.Dataset]
    metainfo: dict[str, Any]


class Way(NamedTuple):
    """One way to write the file."""

    name: str
    write: Callable[[Path], float]  # seconds


def main() -> None:
    options = table_parser("Measure writers of DICOM segmentations.", rounds=5).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        job = _job(scratch)
        table = _table(_ways(job, scratch), job, scratch, options.rounds)
    show_table("seg", table, options)


def _job(scratch: Path) -> Job:
    image = dicube.DicomCubeImage(
        np.broadcast_to(np.int16(0), _SHAPE), dicube.PixelDataHeader(OriginalPixelDtype="int16")
    )
    affine = np.zeros((4, 4))
    affine[[2, 1, 0, 3], [0, 1, 2, 3]] = (*_SPACING, 1)
    affine[:3, 3] = (-179.2, -179.2, -300)
    image.affine = affine
    image.init_meta("CT")
    paths = image.to_dicom_folder(scratch / "source")
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]
    segments = [
        {
            "labelID": label,
            "SegmentLabel": f"Segment {label}",
            "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": _TISSUE,
            "SegmentedPropertyTypeCodeSequence": _TISSUE,
        }
        for label in range(1, _SEGMENTS + 1)
    ]
    return Job(_balls(), headers, {"segmentAttributes": [segments]})


def _balls() -> np.ndarray:
    """Segments as large as organs: balls of 20 to 60 voxels, some of which cut others."""
    random = np.random.default_rng(0)
    labels = np.zeros(_SHAPE, np.uint8)
    z, y, x = np.ogrid[: _SHAPE[0], : _SHAPE[1], : _SHAPE[2]]
    for label in range(1, _SEGMENTS + 1):
        centre = random.uniform(0.2, 0.8, 3) * _SHAPE
        radius = random.uniform(20, 60)
        near = slice(max(0, int(centre[0] - radius)), int(centre[0] + radius) + 2)
        inside = (z[near] - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2
        labels[near][inside < radius**2] = label
    return labels


def _ways(job: Job, scratch: Path) -> list[Way]:
    template = seg.template.from_dcmqi_metainfo(job.metainfo)

    def ours(**options: Any) -> Callable[[Path], float]:
        writer = seg.MultiClassWriter(template, **options)

        def write(path: Path) -> float:
            start = time.perf_counter()
            writer.write_file(path, job.labels, job.headers)
            return time.perf_counter() - start

        return write

    ways = [
        Way("DiCube", ours()),
        Way("DiCube, cropped", ours(inplane_cropping=True)),
        Way("DiCube, label map, RLE", ours(kind="labelmap", transfer_syntax="rle")),
        Way("highdicom alone", lambda path: _write_by_highdicom(path, job)),
    ]
    try:
        old = _PydicomSeg(interpreter_of(PYDICOM_SEG), job, scratch)
    except EnvironmentUnavailableError as error:
        print(f"pydicom-seg is left out: {error}")
        return ways
    return [
        *ways,
        Way("pydicom-seg", lambda path: old.write(path, crop=False)),
        Way("pydicom-seg, cropped", lambda path: old.write(path, crop=True)),
    ]


def _write_by_highdicom(path: Path, job: Job) -> float:
    import highdicom as hd
    from pydicom.sr.coding import Code

    start = time.perf_counter()
    code = Code(*_TISSUE.values())
    made = hd.seg.Segmentation(
        source_images=job.headers,
        pixel_array=job.labels,
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(label, f"Segment {label}", code, code, "MANUAL")
            for label in range(1, _SEGMENTS + 1)
        ],
        series_instance_uid=hd.UID(),
        series_number=300,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="highdicom",
        manufacturer_model_name="highdicom",
        software_versions=hd.__version__,
        device_serial_number="1",
    )
    made.save_as(path)
    return time.perf_counter() - start


class _PydicomSeg:
    """pydicom-seg in its own process, which has read everything before it is asked to write."""

    _SCRIPT = """
import json, sys, time
import numpy, pathlib, pydicom, pydicom_seg, SimpleITK
job = json.loads(sys.argv[1])
image = SimpleITK.GetImageFromArray(numpy.load(job["labels"]))
image.SetOrigin(job["origin"])
image.SetSpacing(job["spacing"])
files = sorted(pathlib.Path(job["source"]).iterdir())
headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in files]
template = pydicom_seg.template.from_dcmqi_metainfo(job["metainfo"])
for line in sys.stdin:
    asked = json.loads(line)
    start = time.perf_counter()
    writer = pydicom_seg.MultiClassWriter(template, inplane_cropping=asked["crop"])
    writer.write(image, headers).save_as(asked["path"])
    print(json.dumps(time.perf_counter() - start), flush=True)
"""

    def __init__(self, python: Path, job: Job, scratch: Path) -> None:
        np.save(scratch / "labels.npy", job.labels)
        facts = {
            "labels": str(scratch / "labels.npy"),
            "source": str(scratch / "source"),
            "origin": (-179.2, -179.2, -300.0),
            "spacing": _SPACING[::-1],
            "metainfo": job.metainfo,
        }
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", "-c", self._SCRIPT, json.dumps(facts)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def write(self, path: Path, *, crop: bool) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"crop": crop, "path": str(path)}) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def _table(ways: list[Way], job: Job, scratch: Path, rounds: int) -> str:
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    sizes: dict[str, int] = {}
    for number in range(1 + rounds):
        for way in ways:
            path = scratch / "seg.dcm"
            taken = way.write(path)
            if number == 0:
                sizes[way.name] = path.stat().st_size
                found = seg.read_seg(path, job.headers).label_map()
                np.testing.assert_array_equal(found, job.labels, err_msg=way.name)
            else:
                seconds[way.name].append(taken)
            path.unlink()
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    base = medians["DiCube"]
    lines = ["| writer | file | time |", "| --- | ---: | ---: |"]
    lines += [
        f"| {name} | {sizes[name] / 1e6:.2f} MB | {1000 * median:.0f} ms {median / base:.2f}x |"
        for name, median in medians.items()
    ]
    covered = float((job.labels > 0).mean())
    lines += [
        "",
        f"{_SEGMENTS} segments of 512 x 512 x 300 voxels, {covered:.0%} of them in a segment, to a"
        " file, from labels and headers in memory. Every file was read back equal. Medians of"
        f" {rounds} rounds, in turn. `2.00x` took twice as long as DiCube.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
