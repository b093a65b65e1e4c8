"""How the search for series grows with the number of files: `python benchmarks/grouping_table.py`.

Series of 100 slices of a tiny image, every fourth one a 4D series of 10 x 10, shuffled in one
folder. Each size is searched in a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage
from readme_table import show_table, table_parser

_SLICES = 100
_TIMES = 10


def write_series(folder: Path, first: int, count: int) -> None:
    """Write series `first` to `first + count`, files of all of them mixed in one folder."""
    for series in range(first, first + count):
        times = _TIMES if series % 4 == 3 else 1
        data_set = _data_set(series)
        for number in range(_SLICES):
            # z runs faster than t, and is numbered against the normal in every other series.
            t, z = divmod(number, _SLICES // times)
            data_set.SOPInstanceUID = UID(f"1.2.826.0.1.3680043.8.498.{series}.{number + 1}")
            data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
            data_set.InstanceNumber = number + 1
            data_set.ImagePositionPatient = [-20.5, -30.25, (-3.0 if series % 2 else 3.0) * z]
            data_set.SliceLocation = 3.0 * z
            data_set.TemporalPositionIdentifier = t + 1
            data_set.AcquisitionTime = f"12{t:02d}{z % 60:02d}"
            scattered = (number * 7919 + series * 104729) % 1_000_003
            data_set.save_as(folder / f"{scattered:07d}-{series}.dcm", enforce_file_format=True)


def _data_set(series: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    data_set = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data_set.SOPClassUID = MRImageStorage
    data_set.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.{series // 5}.0"
    data_set.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.{series}.0.1"
    data_set.Modality = "MR"
    data_set.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    data_set.SeriesDescription = f"made up {series}"
    data_set.EchoTime, data_set.RepetitionTime, data_set.FlipAngle = 2.5, 7.5, 12
    data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data_set.PixelSpacing, data_set.SliceThickness = [1.5, 1.5], 3
    data_set.Rows = data_set.Columns = 8
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
    data_set.PixelRepresentation = 0
    data_set.PixelData = np.arange(64, dtype=np.uint16).tobytes()
    return data_set


def search(folder: Path) -> dict[str, float]:
    """Search a folder in this process: seconds, peak of memory, and what was found."""
    import dicube

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found = dicube.find_series(folder)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    complete = sum(each.axes[-1].name == "z" and each.affine is not None for each in found)
    volumes = sum(each.n_timepoints for each in found)
    return {
        "seconds": seconds, "mebibytes": (peak - before) / 1024,
        "sets": len(found), "complete": complete, "volumes": volumes,
    }  # fmt: skip


def main() -> None:
    parser = table_parser("Measure how the search for series grows.")
    parser.add_argument("--series", type=int, nargs="+", default=[125, 250, 500, 1000])
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search is not None:
        print(json.dumps(search(options.search)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        table = _table(Path(scratch), sorted(options.series))
    show_table("grouping", table, options)


def _table(scratch: Path, sizes: list[int]) -> str:
    lines = [
        "| files | volume sets | time | a file | memory | a file |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    folder, written = scratch / "series", 0
    folder.mkdir()
    for size in sizes:
        write_series(folder, written, size - written)
        written = size
        command = [sys.executable, __file__, "--search", str(folder)]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(3)]
        run = sorted(runs, key=lambda each: each["seconds"])[1]
        expected = sum(_TIMES if series % 4 == 3 else 1 for series in range(size))
        assert run["sets"] == run["complete"] == size
        assert run["volumes"] == expected
        files = size * _SLICES
        lines.append(
            f"| {files:,} | {run['sets']:,} | {run['seconds']:.1f} s "
            f"| {1e6 * run['seconds'] / files:.0f} µs | {run['mebibytes']:.0f} MiB "
            f"| {1024 * run['mebibytes'] / files:.1f} KiB |"
        )
    lines += [
        "",
        "All files in one folder, in no order, every fourth series of 10 volumes; medians of 3 "
        "runs from a warm cache. Every series came out as one set in the right order.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
