"""From errors to exit codes, in one place and documented in the help."""

import errno
import traceback
from enum import IntEnum
from typing import Any, Final

import typer
from typer.core import TyperGroup

from dicube.cli.text import printable
from dicube.exceptions import (
    CodecError,
    DataConsistencyError,
    DestinationFullError,
    DicomCubeError,
    InvalidCubeFileError,
    MetaDataError,
    MissingDependencyError,
    PacsError,
    PullCancelled,
    UnreachableError,
)


class ExitCode(IntEnum):
    """What the program tells the shell; 2, wrong usage, comes from typer."""

    OK = 0
    DIFFERENT = 1
    USAGE = 2
    INPUT = 3
    CONFLICT = 4
    CODEC = 5
    MISSING_DEPENDENCY = 6
    SERVER = 7
    DISK_FULL = 8
    INTERRUPTED = 130


EXIT_CODES_HELP: Final = (
    "0    all is well",
    "1    verification found damage or a difference",
    "2    wrong usage: an unknown option, a value that is not allowed",
    "3    the input is missing, unreadable or invalid",
    "4    the data do not fit together, or the target exists already",
    "5    pixels cannot be encoded or decoded",
    "6    an optional package is missing",
    "7    a server cannot be reached, refuses, or has less than was asked for",
    "8    the disk is full",
    "130  interrupted",
)

_CODES: Final[tuple[tuple[type[DicomCubeError], ExitCode], ...]] = (
    (InvalidCubeFileError, ExitCode.INPUT),
    (MetaDataError, ExitCode.INPUT),
    (DataConsistencyError, ExitCode.CONFLICT),
    (CodecError, ExitCode.CODEC),
    (MissingDependencyError, ExitCode.MISSING_DEPENDENCY),
    (PullCancelled, ExitCode.INTERRUPTED),
    (PacsError, ExitCode.SERVER),
    (DestinationFullError, ExitCode.DISK_FULL),
    (UnreachableError, ExitCode.SERVER),
)


def exit_code_of(error: DicomCubeError) -> ExitCode:
    """The exit code that stands for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.INPUT)


class ReportingGroup(TyperGroup):
    """Commands whose errors become one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (DicomCubeError, OSError, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # `dicube meta FILE | head` is no error
            if ctx.params.get("debug"):
                traceback.print_exc()
            message, code = _report_of(error)
            typer.echo(f"error: {printable(message)}", err=True)
            raise typer.Exit(code) from error


def _report_of(error: DicomCubeError | OSError | KeyboardInterrupt) -> tuple[str, ExitCode]:
    """The line and the exit code for an error."""
    if isinstance(error, DicomCubeError):
        return str(error), exit_code_of(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or 'cannot be read or written'}", ExitCode.INPUT
    return "interrupted", ExitCode.INTERRUPTED
