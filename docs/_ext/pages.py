"""Runs what the pages show: `python docs/_ext/pages.py docs/start.md` prints what does not come out as it says.

Blocks of `python` are run, one after the other in one folder and one namespace a page. A block of `text` after one is
what it prints: words must be the same, numbers within one unit of their last digit, `...` stands for anything. Blocks
of `py` need something that is not installed here and are only compiled. Lines of `sh` blocks that call saddlescope
must be taken by the command line, and the specs that they run must be whole. With --write what is printed goes into
the page where it says something else.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "tests" / "curves" / "cases"
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?(?![\w.]|-\d)", flags=re.IGNORECASE)


class Block(NamedTuple):
    """A fenced block of a page: its language, its text, the line and the places at which the text stands."""

    language: str
    text: str
    line: int
    begin: int
    end: int


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page of Markdown."""
    return [Block(m[1], m[2], page.count("\n", 0, m.start()) + 1, m.start(2), m.end(2)) for m in _BLOCK.finditer(page)]


def same(said: str, got: str) -> bool:
    """Whether a text says what was printed: words alike, numbers within one unit of their last digit.

    >>> same("t = 4.36e-02 and ...", "t =  4.361e-02 and more"), same("t = 4.358e-02", "t = 4.361e-02")
    (True, False)
    """
    said, got = " ".join(said.split()), " ".join(got.split())
    pattern, numbers, place = "", [], 0
    for number in _NUMBER.finditer(said):
        pattern += _words(said[place : number.start()]) + r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)"
        numbers.append(number[0])
        place = number.end()
    result = re.fullmatch(pattern + _words(said[place:]), got)
    return result is not None and all(
        abs(float(one) - float(other.rstrip("."))) <= 1.01 * _unit(one)
        for one, other in zip(numbers, result.groups(), strict=True)
    )


def _words(text: str) -> str:
    return re.escape(text).replace(r"\.\.\.", ".*?")


def _unit(number: str) -> float:
    """The size of one unit of the last digit of a number."""
    mantissa, _, power = number.lower().partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


@contextlib.contextmanager
def _folder() -> Iterator[None]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        for log in LOGS.glob("*"):
            if log.suffix in (".json", ".csv", ".jsonl", ".log"):
                shutil.copy(log, name)
        os.chdir(name)
        try:
            yield
        finally:
            os.chdir(before)


def run(path: Path, *, write: bool = False) -> list[str]:
    """Run a page and return what is wrong with it, a sentence for each fault."""
    page = path.read_text(encoding="utf-8")
    wrong: list[str] = []
    printed: list[tuple[Block, str]] = []
    names: dict[str, object] = {"__name__": "page"}
    last: str | None = None
    with _folder():
        for block in blocks(page):
            where = f"{path.name}, line {block.line}"
            if block.language == "python":
                last, error = _output(block, where, names)
                wrong += error
            elif block.language == "py":
                compile(block.text, where, "exec")
                last = None
            elif block.language == "text" and last is not None:
                if not same(block.text, last):
                    printed.append((block, last))
                if not write and not same(block.text, last):
                    wrong.append(f"{where}: the page says\n{block.text}but the code prints\n{last}")
                last = None
            elif block.language == "sh":
                wrong += [f"{where}: {fault}" for fault in commands(block.text)]
    if write and not wrong:
        for block, text in reversed(printed):
            page = page[: block.begin] + text.rstrip() + "\n" + page[block.end :]
        path.write_text(page, encoding="utf-8")
    return wrong


def _output(block: Block, where: str, names: dict[str, object]) -> tuple[str, list[str]]:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(compile("\n" * block.line + block.text, where, "exec"), names)
        except Exception as error:
            return out.getvalue(), [f"{where}: {type(error).__name__}: {error}"]
    return out.getvalue(), []


def commands(text: str) -> list[str]:
    """Return what the command line does not take among the lines of a shell block."""
    import cyclopts

    from saddlescope.arguments import RefusedError
    from saddlescope.cli.app import app
    from saddlescope.specs import read

    wrong = []
    for line in text.splitlines():
        call = re.search(r"(?:^|\| *)saddlescope ([^|>#]*)", line)
        if call is None:
            continue
        words = shlex.split(call[1])
        if "--help" in words or "--version" in words:
            continue
        try:
            _, bound, _ = app.parse_args(words, print_error=False, exit_on_error=False)
            if words[0] == "run" and not words[1].endswith(".toml"):
                read(bound.args[0], bound.args[1:])
        except (cyclopts.CycloptsError, RefusedError) as error:
            wrong.append(f"{line.strip()}: {error}")
    return wrong


if __name__ == "__main__":
    names = [name for name in sys.argv[1:] if name != "--write"]
    faults = 0
    for name in names:
        found = run(Path(name).resolve(), write="--write" in sys.argv)
        faults += len(found)
        print("\n".join(found) or f"{name}: as it says", flush=True)
    sys.exit(bool(faults))
