"""The result of a run on a terminal of 80 columns, or in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from saddlescope.cli.report import Entry, Report

_HEAD = 10  # width of the words that open a line below the table


def show(report: Report, files: list[Path], console: Console) -> None:
    """Print the table, how the run ended, what is doubted, how accurate it is, and what was written."""
    console.print(Text(report.title, style="bold"))
    console.print(Text(report.subtitle, style="dim"))
    console.print()
    console.print(report.table)
    console.print()
    for entry in report.entries:
        _print(console, entry)
    for path in files:
        # a path is to be copied: never broken over lines
        console.print(Text(f"{'Wrote':<{_HEAD}}{path}"), soft_wrap=True)


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 0, gap: int = 1) -> Table:
    """Return a table of numbers, `gap` characters apart, the first `left` columns of words."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    for place, head in enumerate(heads):
        shown.add_column(head, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        shown.add_row(*row)
    return shown


def doubts(*sentences: str) -> tuple[Entry, ...]:
    """Return the entries of what may be wrong, each sentence once."""
    return tuple(Entry("Doubt", sentence, "yellow") for sentence in dict.fromkeys(sentences))


def citations(references: Sequence[str]) -> Entry:
    """Return the entry that says what a result rests on."""
    return Entry("Cite", f"{', '.join(references)}; BibTeX: saddlescope.load(FILE).citations()")


def _print(console: Console, entry: Entry) -> None:
    line = Table.grid(padding=(0, 0))
    line.add_column(width=_HEAD, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(entry.head, style="dim"), Text(entry.text, style=entry.style))
    console.print(line)
