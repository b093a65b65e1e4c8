"""`dicube verify`: prove that a cube file is whole, and its folder; or that an archive is."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from dicube.archive.checking import CheckSummary, verify_ledger
from dicube.cli.exit_codes import ExitCode
from dicube.cli.paths import check_exists
from dicube.cli.progress import stages
from dicube.cli.text import count_text, help_lines, printable, size_text
from dicube.core.verify import Verification, verify_file

EXAMPLES: Final = help_lines(
    "Examples:",
    "dicube verify ct.dcbs",
    "dicube verify ct.dcbs --against ct_folder",
    "dicube verify --ledger archive/archive.sqlite  # every file of an archive",
    "dicube verify --ledger archive/archive.sqlite --deep --older-than 30d --limit 500",
)


def verify(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A .dcbs, .dcba or .dcbr file.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="FOLDER",
            help="The DICOM folder it was made from: every file is rebuilt and compared.",
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            metavar="LEDGER", help="Instead of a file: all files of the archive of this ledger."
        ),
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Decode every frame, too. Without, digests are compared."),
    ] = False,
    older_than: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS", help='Only files that were last found right so long ago: "30d".'
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="At most N files, those verified longest ago first."),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URL",
            help="Where the archive is now, if it was moved without its ledger.",
            show_default="where it was written",
        ),
    ] = None,
) -> None:
    """Check a cube file, compare it with its folder, or check an archive.

    Tests every checksum, decodes every frame, and with --against rebuilds every source file.
    Exits with 1 where anything is damaged or different, and says what.

    With --ledger the files of an archive are compared with the ledger, and the result is written
    into it. It can be interrupted; with --older-than the next run goes on, so that a timer can
    check a part each night. Files that had a problem are decoded each time. Files of which the
    ledger knows nothing are listed. Nothing but the ledger is changed.
    """
    if ledger is not None:
        if file is not None or against is not None:
            raise typer.BadParameter("not with a file or --against", param_hint="--ledger")
        _verify_archive(ledger, archive, deep, older_than, limit)
        return
    if deep or archive is not None or older_than is not None or limit is not None:
        raise typer.BadParameter(
            "only with --ledger", param_hint="--deep, --older-than, --limit, --archive"
        )
    if file is None:
        raise typer.BadParameter("name a file, or a ledger with --ledger", param_hint="FILE")
    _verify_file(file, against)


def _verify_file(file: Path, against: Path | None) -> None:
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


def _verify_archive(
    ledger: Path, archive: str | None, deep: bool, older_than: str | None, limit: int | None
) -> None:
    days = None if older_than is None else _days(older_than)
    with stages() as progress:
        summary = verify_ledger(
            ledger,
            archive=archive,
            deep=deep,
            older_than_days=days,
            limit=limit,
            progress=progress,
        )
    typer.echo(printable(f"{ledger}: {_check_text(summary)}"))
    for path in summary.unknown:
        typer.echo(f"not in the ledger: {printable(path)}")
    for problem in summary.problems:
        typer.echo(f"error: {printable(problem)}", err=True)
    if summary.known_problems:
        known = count_text(summary.known_problems, "file")
        typer.echo(f"error: {known} not checked now had a problem when last checked", err=True)
    if not summary.ok:
        raise typer.Exit(ExitCode.DIFFERENT)


def _check_text(summary: CheckSummary) -> str:
    parts = [f"{count_text(summary.intact, 'file')} intact"]
    if summary.problems:
        parts.append(f"{len(summary.problems)} with problems")
    parts.append(f"{size_text(summary.length_bytes)} checked")
    if summary.not_checked:
        parts.append(f"{count_text(summary.not_checked, 'file')} not checked")
    return ", ".join(parts)


def _days(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,5})d?", text)
    if match is None:
        raise typer.BadParameter('a number of days, such as "30d"', param_hint="--older-than")
    return float(match[1])


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
