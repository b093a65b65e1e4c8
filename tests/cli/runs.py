"""Running commands in the tests, and what they have to end with."""

from pathlib import Path

from typer.testing import CliRunner, Result

from dicube.cli import app

PATIENT = "Verysecret^Person"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: object) -> str:
    """What a command prints that has to succeed."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert not result.stderr
    return result.stdout


def refused(code: int, *arguments: object) -> str:
    """The one line on stderr of a command that has to fail with this code."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Verysecret" not in result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def misused(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def same_files(first: Path, second: Path) -> bool:
    names = sorted(path.name for path in first.iterdir())
    return names == sorted(path.name for path in second.iterdir()) and all(
        (first / name).read_bytes() == (second / name).read_bytes() for name in names
    )


def damage_first_frame(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[116 + 200] ^= 0xFF  # frames follow the header of 116 bytes
    path.write_bytes(data)
