"""What DiCube does, on a real series: compress, verify, export, compare, look.

Run it with ``make demo`` or ``python examples/demo.py [FOLDER]``. Each run writes into a new
folder, ``demo-output/run-001`` and so on. The series is taken from the folder that the environment
variable DICUBE_TEST_DATA names, or from ``../shared/data``; where there is none, a real MR volume
that comes with nibabel is made into DICOM files first.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from rich.console import Console
from rich.table import Table

import dicube
from dicube.core.verify import verify_file
from dicube.interchange.preview import write_preview

CHECKOUT = Path(__file__).resolve().parent.parent
SERIES = ("ct_philips_private", "mr_t1_sts")  # the first one that is there
FORMATS = ("dcbs", "dcba")

Result = TypeVar("Result")
console = Console()


class Step(NamedTuple):
    """One line of the table."""

    what: str
    size: int
    seconds: float


def main() -> int:
    """Run the demo; 0 if everything came back as it was."""
    output = new_run_folder(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / "demo-output")
    folder = find_series() or make_series(output / "dicom")
    say(f"Series: {folder}\nOutput: {output}\n")

    image, seconds = timed(lambda: dicube.load_from_dicom_folder(folder))
    say(f"{image}\n")
    steps = [Step("DICOM folder, read", size_of(folder), seconds)]
    problems: list[str] = []
    for name in FORMATS:
        problems += round_trip(image, folder, output, name, steps)
    console.print(table_of(steps))

    try:
        write_preview(image, output / "preview.png")
    except dicube.MissingDependencyError as error:
        say(f"No preview: {error}")
    for problem in problems:
        say(problem, style="red")
    print_next(folder, output)
    return 1 if problems else 0


def round_trip(
    image: dicube.DicomCubeImage, folder: Path, output: Path, name: str, steps: list[Step]
) -> list[str]:
    """Write one cube file, prove it, export it; what went wrong, if anything."""
    path = output / f"series.{name}"
    _, seconds = timed(lambda: image.to_file(path))
    steps.append(Step(f"{path.name}, written", path.stat().st_size, seconds))

    proof, seconds = timed(lambda: verify_file(path, against=folder))
    steps.append(Step(f"{path.name}, verified against the folder", path.stat().st_size, seconds))

    export = output / f"export-{name}"
    files, seconds = timed(lambda: dicube.load(path).to_dicom_folder(export))
    steps.append(Step(f"{export.name}, written", size_of(export), seconds))

    same = sum(file.read_bytes() == (folder / file.name).read_bytes() for file in files)
    say(f"{export.name}: {same} of {len(files)} files are identical, byte for byte")
    differing = [] if same == len(files) else [f"{len(files) - same} files of {export.name} differ"]
    return [*(f"{path.name}: {problem}" for problem in proof.problems), *differing]


def new_run_folder(output: Path) -> Path:
    """The first of run-001, run-002... that does not exist yet; nothing is ever deleted."""
    number = 1
    while True:
        run = output / f"run-{number:03d}"
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return run


def find_series() -> Path | None:
    """A real series among the test data, if there are any."""
    data = Path(os.environ.get("DICUBE_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    return next((data / name for name in SERIES if (data / name).is_dir()), None)


def make_series(folder: Path) -> Path:
    """A DICOM folder from the first of the MR volumes that come with nibabel."""
    try:
        import nibabel  # noqa: PLC0415  # an extra
    except ImportError:
        sys.exit("Without test data the demo needs nibabel: pip install 'dicube[nifti]'")
    volumes = dicube.load_from_nifti(
        Path(nibabel.__file__).parent / "tests" / "data" / "example4d.nii.gz"
    )
    image = dicube.DicomCubeImage(volumes.raw_image[0], volumes.pixel_header, space=volumes.space)
    image.init_meta("MR")
    dicube.save_to_dicom_folder(image, folder)
    return folder


def timed(function: Callable[[], Result]) -> tuple[Result, float]:
    """The result of a call, and the seconds it took."""
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def table_of(steps: list[Step]) -> Table:
    """Sizes and times, the first step being what the ratio refers to."""
    table = Table("what", title="One series, two formats")
    for heading in ("size (MB)", "ratio", "seconds"):
        table.add_column(heading, justify="right")
    for step in steps:
        ratio = steps[0].size / step.size
        table.add_row(step.what, f"{step.size / 1e6:.2f}", f"{ratio:.2f}", f"{step.seconds:.2f}")
    return table


def print_next(folder: Path, output: Path) -> None:
    """Commands to go on with."""
    cube = output / "series.dcbs"
    say(f"Preview: {output / 'preview.png'}")
    say("\nTry next:", style="bold")
    # Where the environment is not activated, the command is beside its Python.
    dicube = "dicube" if shutil.which("dicube") else Path(sys.executable).with_name("dicube")
    for command in (
        f"info {cube}",
        f"meta {cube} Modality SliceThickness",
        f"verify {cube} --against {folder}",
        f"export {cube} {output / 'htj2k'} --transfer-syntax htj2k",
        f"preview {cube} {output / 'few.png'} --max-frames 9",
    ):
        say(f"  {dicube} {command}")


def say(text: str, style: str | None = None) -> None:
    """Print text as it is: lines are not wrapped, brackets are no markup."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
