"""A comparison as text of 80 columns, for a terminal or a pipe, and as HTML, for a notebook."""

from __future__ import annotations

import html
import io
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from saddlescope.study.comparison import Column, Comparison

_HEAD = 10  # width of the words that open a line below the table
_WIDTH = 80


def show(comparison: Comparison, console: Console) -> None:
    """Print the table, how the run ended, what is doubted, how accurate it is, and what to cite."""
    console.print(Text(comparison.title, style="bold"))
    console.print(Text(comparison.subtitle, style="dim"))
    console.print()
    console.print(_grid(comparison, console))
    console.print()
    for head, text in comparison.remarks:
        _print(console, head, text)
    for doubt in dict.fromkeys(comparison.doubts):
        _print(console, "Doubt", doubt, "yellow")
    for place, text in enumerate(comparison.theory):
        _print(console, "" if place else "Theory", text)
    for text in comparison.accuracy:
        _print(console, "Accuracy", text)
    if comparison.references:
        _print(console, "Cite", f"{', '.join(comparison.references)}; BibTeX: {comparison.cite_by}")


def show_files(paths: list, console: Console) -> None:
    """Print the files that were written, one a line."""
    for path in paths:
        # a path is to be copied: never broken over lines
        console.print(Text(f"{'Wrote':<{_HEAD}}{path}"), soft_wrap=True)


def as_text(comparison: Comparison, width: int = _WIDTH) -> str:
    """Return what `show` prints, without colours."""
    file = io.StringIO()
    show(comparison, Console(file=file, width=width, highlight=False, color_system=None))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def as_html(comparison: Comparison) -> str:
    """Return the table and the sentences below it as HTML."""
    heads = "".join(f"<th>{html.escape(c.head.strip()).replace(chr(10), '<br>')}</th>" for c in comparison.columns)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        for cells in comparison.printed_rows()
    ]
    said = [*comparison.remarks, *(("Doubt", d) for d in dict.fromkeys(comparison.doubts))]
    below = "".join(f"<li><b>{html.escape(head)}</b> {html.escape(text)}</li>" for head, text in said)
    title = f"<caption><b>{html.escape(comparison.title)}</b><br>{html.escape(comparison.subtitle)}</caption>"
    return f"<table>{title}<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table><ul>{below}</ul>"


def _grid(comparison: Comparison, console: Console) -> Table:
    columns, rows = comparison.columns, comparison.printed_rows()
    widest = sum(_wide(column, [row[place] for row in rows]) + comparison.gap for place, column in enumerate(columns))
    # on a terminal too narrow for the table, one value a line: a number that is cut is a wrong number
    if widest - comparison.gap > console.width:
        return _list(columns, rows)
    left = [place for place, column in enumerate(columns) if column.words]
    return grid([column.head for column in columns], rows, left, comparison.gap)


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (), gap: int = 1) -> Table:
    """Return a table of numbers, `gap` characters apart, the columns `left` of words."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
    for place, head in enumerate(heads):
        shown.add_column(head, justify="left" if place in left else "right", no_wrap=True)
    for row in rows:
        shown.add_row(*row)
    return shown


def _wide(column: Column, cells: list[str]) -> int:
    return max(map(len, [*column.head.split("\n"), *cells]))


def _list(columns: tuple[Column, ...], rows: list[list[str]]) -> Table:
    shown = Table.grid(padding=(0, 1, 0, 0))
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    names: list[str] = []
    group = ""
    for column in columns:
        first, _, own = column.head.rpartition("\n")
        group = first or group if "\n" in column.head else ""
        names.append(f"{group} {own}".strip())
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            if cell:
                shown.add_row(Text(name), Text(cell))
        shown.add_row("", "")
    return shown


def _print(console: Console, head: str, text: str, style: str = "") -> None:
    line = Table.grid(padding=(0, 0))
    line.add_column(width=_HEAD, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(head, style="dim"), Text(text, style=style))
    console.print(line)
