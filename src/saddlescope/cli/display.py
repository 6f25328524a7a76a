"""The result of a run on a terminal of 80 columns, or in a pipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from saddlescope.cli.stages import StageTable
from saddlescope.measure import Plateau
from saddlescope.trajectory import Trajectory

_NOTHING = "–"
_HEAD = 10  # width of the words that open a line below the table


def show(trajectory: Trajectory, table: StageTable, title: str, files: list[Path], console: Console) -> None:
    """Print the stages, how the run ended, what is doubted, how accurate it is, and what was written."""
    asked = trajectory.parameters
    console.print(Text(title, style="bold"))
    console.print(
        Text(
            f"link {asked['link']}, activation {asked['activation']}, epsilon {asked['epsilon']:g}",
            style="dim",
        )
    )
    console.print()
    console.print(_rungs(table, trajectory))
    console.print()
    remarks = {row.degree: row.remark for row in table.rows if row.remark} | table.nothing_to_learn
    for remark in dict.fromkeys(remarks.values()):
        degrees = [degree for degree in sorted(remarks) if remarks[degree] == remark]
        _entry(console, "Degree", f"{_listed(degrees)}: {remark}")
    _entry(console, "Outcome", trajectory.message)
    for doubt in (*trajectory.doubts, *table.doubts):
        if doubt != trajectory.message:
            _entry(console, "Doubt", doubt, "yellow")
    _entry(console, "Accuracy", accuracy(trajectory))
    for path in files:
        # a path is to be copied: never broken over lines
        console.print(Text(f"{'Wrote':<{_HEAD}}{path}"), soft_wrap=True)


def _entry(console: Console, head: str, text: str, style: str = "") -> None:
    grid = Table.grid(padding=(0, 0))
    grid.add_column(width=_HEAD, no_wrap=True)
    grid.add_column()
    grid.add_row(Text(head, style="dim"), Text(text, style=style))
    console.print(grid)


def _rungs(table: StageTable, trajectory: Trajectory) -> Table:
    # nine columns in 80 characters leave one between them
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, header_style="bold")
    for head in (
        "\ndegree",
        "\nphi_k",
        "learnt at\npredicted",
        "\nmeasured",
        "\nratio",
        "plateau\nfrom t",
        "\nto t",
        "\nrisk",
        "\npredicted",
    ):
        shown.add_column(head, justify="right", no_wrap=True)
    first = float(trajectory.time[1])
    for row in table.rows:
        plateau = row.plateau
        shown.add_row(
            str(row.degree),
            f"{row.target:.3g}",
            _time(row.predicted_time),
            _time(row.measured_time),
            _number(row.ratio, ".4f" if row.ratio < 10 else ".3g"),
            *((_NOTHING,) * 3 if plateau is None else _stretch(plateau, first)),
            _number(row.predicted_height, ".3g"),
        )
    if table.last is not None:
        shown.add_row("end", *[""] * 4, *_stretch(table.last, first), "")
    elif not math.isnan(table.stages.learnt):
        shown.add_row("end", *[""] * 4, _time(table.stages.learnt, 1), _time(float(trajectory.time[-1]), 1), "0", "")
    return shown


def _stretch(plateau: Plateau, first: float) -> tuple[str, str, str]:
    # a plateau that is there at the first step was there from the start
    start = "0" if plateau.start < 1.001 * first else _time(plateau.start, 1)
    return start, _time(plateau.end, 1), _number(plateau.height, ".3g")


def _time(value: float, digits: int = 3) -> str:
    return _number(value, f".{digits}e")


def _number(value: float, pattern: str) -> str:
    return _NOTHING if math.isnan(value) else format(value, pattern)


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def accuracy(trajectory: Trajectory) -> str:
    """Say in a few words what the result rests on: particles, their refinement, steps, kernel."""
    known = trajectory.accuracy
    count = known.get("particles")
    parts = [] if count is None else [f"{count} particle{'' if count == 1 else 's'}"]
    if math.isfinite(known.get("learning_time_change", math.nan)):
        parts[-1:] = [
            f"{parts[-1]}; refining them moved the learning times by {known['learning_time_change']:.1e} "
            f"(tolerance {known['learning_time_tolerance']:g})"
        ]
    solver = trajectory.solver
    parts.append(
        f"{solver['method']}, rtol {solver['rtol']:g}: {solver['steps_accepted']} steps, "
        f"{solver['steps_rejected']} rejected"
    )
    if known.get("kernel_error") is not None:
        parts.append(f"activation: {known['activation']}, kernel error {known['kernel_error']:.1e}")
    return "; ".join(parts) + "."
