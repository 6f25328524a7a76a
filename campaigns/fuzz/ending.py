"""What a good ending looks like."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from campaigns.case import Check

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
_LONGEST = 600  # characters of a sentence


class Exited(BaseException):
    """Stands for the end of a process that the command line asks for."""

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


def command(words: Sequence[str], folder: Path) -> tuple[int, str, str]:
    """Run the command line in this process, in a folder; its exit code and what it wrote on both streams."""
    from saddlescope.cli import main

    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch("os._exit", side_effect=lambda code: _raise(code)),
        ):
            code = main(list(words))
    except Exited as exited:
        code = exited.code
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


def _raise(code: int) -> None:
    raise Exited(code)


def must(name: str, good: bool) -> Check:
    """A yes or no as a number for the gate."""
    return Check(name, 0.0 if good else 1.0, 0.01)


def sentence(text: str) -> list[Check]:
    """What holds for a refusal on the standard error."""
    return [
        must("one line", text.count("\n") == 1),
        must("says who speaks", text.startswith("saddlescope: ")),
        must("ends as a sentence", text.rstrip().endswith((".", "?"))),
        must("no control characters", not _CONTROL.search(text.rstrip("\n"))),
        must("no longer than a sentence", len(text) <= _LONGEST),
        must("no traceback", "Traceback" not in text),
    ]


def files(folder: Path) -> dict[str, bytes]:
    """All files of a folder with their content."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
