"""The program as a whole: help, exit codes, texts, how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dicube
from dicube.cli.text import count_text, printable, ranges_text, size_text
from tests.cli.runs import ok, refused, run, same_files
from tests.series import requires_data, series_folder

COMMANDS = (
    *("archive", "restore", "query", "convert", "info", "verify", "export", "meta", "preview"),
    *("mask", "fix", "scan", "seg"),
)


class TestHelp:
    def test_lists_every_command_with_examples_and_exit_codes(self):
        text = ok("--help")
        for word in (*COMMANDS, "Examples:", "Exit codes:", "130  interrupted"):
            assert word in text

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_each_command_has_an_example(self, command):
        assert f"    dicube {command} " in ok(command, "--help")

    def test_without_arguments_shows_help(self):
        assert "Examples:" in run().output

    def test_version_is_printed(self):
        assert ok("--version") == f"dicube {dicube.__version__}\n"


class TestEndings:
    def test_interrupt_ends_with_130(self, cube, monkeypatch):
        def interrupted(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("dicube.cli.verify.verify_file", interrupted)
        assert refused(130, "verify", cube) == "error: interrupted"

    def test_debug_adds_the_traceback(self, tmp_path):
        result = run("--debug", "info", tmp_path / "nothing.dcbs")
        assert result.exit_code == 3
        assert "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("error: ")

    def test_line_break_in_a_path_stays_on_one_line(self, tmp_path):
        assert "two\\nlines" in refused(3, "info", tmp_path / "two\nlines.dcbs")

    def test_system_error_is_one_line(self, cube, monkeypatch):
        def failing(*arguments, **options):
            raise PermissionError(13, "Permission denied", "some/file")

        monkeypatch.setattr("dicube.cli.verify.verify_file", failing)
        assert refused(3, "verify", cube) == "error: some/file: Permission denied"


class TestProgram:
    """The program as a shell starts it."""

    def start(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        root = str(Path(dicube.__file__).parents[1])
        return subprocess.run(
            [sys.executable, "-m", "dicube", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": root},
            timeout=120,
            check=False,
        )

    def test_converts_and_keeps_stderr_empty(self, folder, tmp_path):
        done = self.start("convert", folder, tmp_path / "ct.dcbs")
        assert done.returncode == 0
        assert "verified" in done.stdout
        assert done.stderr == ""

    def test_error_is_one_line_and_a_code(self, tmp_path):
        done = self.start("info", tmp_path / "nothing.dcbs")
        assert done.returncode == 3
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 1

    @requires_data
    def test_real_series_there_and_back(self, tmp_path):
        source = series_folder("mr_t1_sts")
        assert self.start("convert", source, tmp_path / "mr.dcba").returncode == 0
        assert self.start("export", tmp_path / "mr.dcba", tmp_path / "copy").returncode == 0
        assert same_files(source, tmp_path / "copy")


class TestText:
    def test_sizes(self):
        assert [size_text(n) for n in (0, 999, 1000, 20_940_000)] == [
            "0 bytes",
            "999 bytes",
            "1.0 kB",
            "20.9 MB",
        ]

    def test_counts(self):
        assert [count_text(n, "file") for n in (0, 1, 2)] == ["0 files", "1 file", "2 files"]

    def test_runs_of_slices_are_joined_and_many_are_counted(self):
        assert ranges_text([3, 4, 5, 9]) == "3-5, 9"
        assert ranges_text(range(0, 20, 2), limit=3) == "0, 2, 4 and 7 more"

    def test_printable_keeps_letters_of_all_languages(self):
        assert printable("Grüße 山田\t\x07\udc80") == "Grüße 山田\\t\\x07\\udc80"
