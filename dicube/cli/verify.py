"""`dicube verify`: prove that a cube file is whole, and that it is the folder it was made from."""

from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.cli.exit_codes import ExitCode
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable
from dicube.core.verify import Verification, verify_file

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube verify ct.dcbs",
    "dicube verify ct.dcbs --against ct_folder",
)


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .dcbs, .dcba or .dcbr file.")],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="FOLDER",
            help="The DICOM folder it was made from: every file is rebuilt and compared.",
        ),
    ] = None,
) -> None:
    """Check a cube file, or compare it with its folder.

    Tests every checksum, decodes every frame, and with --against rebuilds every source file.
    Exits with 1 where anything is damaged or different, and says what.
    """
    check_exists(file)
    if against is not None:
        check_exists(against)
    with stages() as progress, progress.busy("verifying"):
        result = verify_file(file, against=against, progress=progress)
    if result.ok:
        typer.echo(f"{printable(str(file))}: {verification_text(result)}")
        return
    print_problems(file, result)
    raise typer.Exit(ExitCode.DIFFERENT)


def verification_text(result: Verification) -> str:
    """What a successful verification proved, on one line."""
    proofs = [f"{count_text(result.frames, 'frame')} decoded"]
    proofs.append("all checksums match" if result.has_checksums else "the file has no checksums")
    if result.identical_files:
        proofs.append(f"{count_text(result.identical_files, 'file')} identical byte for byte")
    if result.equal_files:
        proofs.append(f"{count_text(result.equal_files, 'compressed file')} with equal pixels")
    if result.largest_error is not None:
        proofs.append(f"exact in the region, off by up to {result.largest_error} elsewhere")
    return "intact: " + ", ".join(proofs)


def print_problems(file: Path, result: Verification) -> None:
    """Name everything that is wrong, one line each."""
    for problem in result.problems:
        typer.echo(f"error: {printable(f'{file}: {problem}')}", err=True)
