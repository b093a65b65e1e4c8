"""Write docs/dcm2niix.md: all series beside dcm2niix: `python benchmarks/dcm2niix_table.py`."""

import collections
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from environments import ROOT

sys.path.insert(0, str(ROOT))
from tests.dcm2niix import Comparison, compare
from tests.dcm2niix_differences import EXPLAINED
from tests.peers import PEERS
from tests.series import DATA

_INTRODUCTION = """\
# Beside dcm2niix

What DiCube and {version} make of each folder of the test data. Compared are
shape, number and order of volumes, output values of every voxel, and, where there is an affine,
where each corner lies (within 0.02 of a voxel; positions are written with few digits). NIfTI files
that dcm2niix makes by resampling (`_Eq`, `_Tilt`) or of overlays (`_ROI`) are left out. Mosaics are
unpacked.

{counts}

*The same*: one NIfTI file for each volume set, with the same volumes in the same order. *Split*:
the same volumes in the same order, in more files. A star: dcm2niix had to be told to rescale as the
standard says (`-p n`); by default it uses private slopes of Philips. `tests/test_dcm2niix.py` runs
the comparison, and `python benchmarks/dcm2niix_table.py` writes this page.

| folder | DiCube | dcm2niix | outcome | why |
| --- | --- | --- | --- | --- |
"""


def main() -> None:
    warnings.simplefilter("ignore")
    rows = []
    for folder in sorted(path for path in DATA.iterdir() if path.is_dir()):
        with tempfile.TemporaryDirectory() as scratch:
            rows.append(compare(folder, Path(scratch)))
    counts = collections.Counter(row.outcome for row in rows)
    listed = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    said = subprocess.run([PEERS / "dcm2niix", "-v"], capture_output=True, text=True, check=False)
    version = " ".join(said.stdout.split()[-1:])
    text = _INTRODUCTION.format(
        version=f"dcm2niix {version}", counts=f"Of {len(rows)} folders: {listed}."
    )
    text += "".join(map(_row, rows))
    (ROOT / "docs" / "dcm2niix.md").write_text(text, encoding="utf-8")
    print(listed)


def _row(row: Comparison) -> str:
    why = EXPLAINED.get(row.folder, ("", ""))[1]
    star = " *" if row.by_standard_slopes else ""
    return f"| {row.folder} | {row.ours} | {row.theirs} | {row.outcome}{star} | {why} |\n"


if __name__ == "__main__":
    main()
