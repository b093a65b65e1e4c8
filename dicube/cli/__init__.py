"""The command line: arguments, progress and messages; the work is done in the layers below.

One module for each command. What a command cannot do it raises as an error of `dicube.exceptions`;
`exit_codes` turns that into one line and a number.
"""

from dicube.cli.app import app, main

__all__ = ["app", "main"]
