"""What was found, for people: one table a curve, or all curves in one table where files are set side by side."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from saddlescope.cli.curves.characters import drawn
from saddlescope.cli.curves.judging import Judged
from saddlescope.curves.choosing import quantities
from saddlescope.curves.refusals import shown
from saddlescope.curves.tables import Log
from saddlescope.measure import Plateau, Stages
from saddlescope.study.rendering import grid, show

_HEADS = ("", "start", "end", "decades", "of the run", "first → last", "height", "then", "at")
_DROPPED = ("decades", "first → last", "of the run")  # where the terminal is narrow, in this order
_LEAST_WIDTH = 72


def tell(results: list[Judged], side_by_side: bool) -> None:
    """Print heads, plots in characters, tables, notes and doubts."""
    console = Console(highlight=False)
    if side_by_side and len(results) > 1:
        _side_by_side(results, console)
    else:
        for number, one in enumerate(results):
            if number:
                console.print()
            _one(one, console)
    for one in results:
        if one.comparison is not None:
            console.print()
            show(one.comparison, console)


def _one(one: Judged, console: Console) -> None:
    curve, stages = one.curve, one.stages
    _line(console, curve.head, "bold")
    _line(console, axes(stages), "dim")
    if console.is_terminal and console.width >= _LEAST_WIDTH and _can_show_dots():
        console.print(Text("\n".join(["", *drawn(curve, stages, console.width)])))
    if len(stages):
        console.print()
        _table(console, _HEADS, [[str(k + 1), *cells(stages, k)] for k in range(len(stages))])
    console.print()
    for note in stages.notes:
        _line(console, note)
    for note in curve.notes:
        _line(console, note, "dim")
    for doubt in stages.doubts:
        _line(console, f"! {doubt}", "yellow")


def _side_by_side(results: list[Judged], console: Console) -> None:
    rows = []
    labels = _labels(results)
    for label, one in zip(labels, results, strict=True):
        if not len(one.stages):
            rows.append([label, "–", *[""] * (len(_HEADS) - 1)])
        judged_here = range(len(one.stages))
        rows += [[label if k == 0 else "", str(k + 1), *cells(one.stages, k)] for k in judged_here]
    _table(console, ("curve", *_HEADS), rows, left=1)
    for label, one in zip(labels, results, strict=True):
        console.print()
        _line(console, f"{label}: {one.curve.head}", "bold")
        _line(console, axes(one.stages), "dim")
        for note in one.stages.notes:
            _line(console, note)
        for note in one.curve.notes:
            _line(console, note, "dim")
        for doubt in one.stages.doubts:
            _line(console, f"! {doubt}", "yellow")


def _table(console: Console, heads: Sequence[str], rows: list[list[str]], left: int = 0) -> None:
    """Print a table; a narrow terminal gets fewer columns, and what is no terminal gets them all."""
    heads = list(heads)
    # Rich marks numbers of cells by brackets: a name such as metrics[0] must stay as it is
    rows = [[escape(cell) for cell in row] for row in rows]
    for name in _DROPPED:
        needed = sum(max(len(row[k]) for row in [heads, *rows]) + 2 for k in range(len(heads)))
        if not console.is_terminal or needed <= console.width or name not in heads:
            continue
        place = heads.index(name)
        heads, rows = heads[:place] + heads[place + 1 :], [row[:place] + row[place + 1 :] for row in rows]
    if not console.is_terminal:
        console = Console(highlight=False, width=100_000, file=console.file)
    console.print(grid(heads, rows, left=range(left), gap=2))


def _labels(results: list[Judged]) -> list[str]:
    """Return short names: the file, with the column or the run where a file has several curves."""
    sources = [one.curve.source for one in results]
    labels = []
    for one in results:
        curve = one.curve
        label = curve.source
        if sources.count(curve.source) > 1:
            label += (
                f" {curve.run or curve.y}" if labels.count(f"{label} {curve.run}") == 0 else f" {curve.run} {curve.y}"
            )
        label = label if len(label) <= 32 else f"…{label[-31:]}"
        labels.append(label if label not in labels else f"{label} ({labels.count(label) + 1})")
    return labels


def axes(stages: Stages) -> str:
    """Say on which axes the curve was judged."""
    values = {
        "log": "values log (factors)",
        "linear": "values linear (fractions of the range)",
        "log above the noise": "values log above the noise",
    }[stages.value_axis]
    if stages.time_axis == "log":
        return f"{values}, time log: flat is a slope below {stages.slope:g} for {stages.least_decades:g} decades"
    return f"{values}, time linear"


def cells(stages: Stages, k: int) -> list[str]:
    """Return the cells of one plateau, after its number."""
    plateau = stages[k]
    digits = digits_of(plateau)
    at = "" if math.isnan(plateau.drop_time) else f"{plateau.drop_time:.4g}"
    return [
        f"{plateau.start:.4g}",
        f"{plateau.end:.4g}",
        f"{plateau.decades:.2f}" if math.isfinite(plateau.decades) else "–",
        "" if math.isnan(plateau.share) else f"{100 * plateau.share:.3g} %",
        f"{plateau.first:.{digits}g} → {plateau.last:.{digits}g}",
        f"{plateau.height:.{digits}g}",
        stages.change_of(k) or "end",
        at,
    ]


def digits_of(plateau: Plateau) -> int:
    """Return how many digits the height of a plateau has a right to: two of its spread, 3 to 6."""
    size, spread = abs(plateau.height), plateau.spread
    if not (size > 0 and spread > 0):
        return 4
    return min(max(2 + math.floor(math.log10(size)) - math.floor(math.log10(spread)), 3), 6)


def tell_columns(logs: list[Log]) -> None:
    """Print every column that may be drawn, with its number, its points and its run."""
    console = Console(highlight=False)
    for log in logs:
        offered = {id(chosen.column) for chosen in quantities(log)}
        _line(console, f"{log.source} ({log.format})", "bold")
        rows = []
        for table in log.tables:
            for column in table.columns:
                use = "curve" if id(column) in offered else "counter, time or setting"
                where = " ".join(part for part in (table.run, table.kind) if part)
                rows.append([str(column.number), shown(column.name), str(len(column)), use, shown(where)])
        _table(console, ("--y", "column", "values", "use", "run or kind"), rows, left=5)
        for note in log.notes:
            _line(console, note, "dim")


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def _can_show_dots() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32")
