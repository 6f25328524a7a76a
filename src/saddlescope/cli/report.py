"""What every family hands back after a run: things to print, to write and to draw."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOTHING = "–"  # in a table, where there is no number


class Entry(NamedTuple):
    """A sentence below the table, under a short head."""

    head: str
    text: str
    style: str = ""


@dataclass(frozen=True)
class Report:
    """The result of a run.

    title, subtitle: above the table; table: anything rich can print; entries: below it.
    record: plain values for the JSON file; files: name -> what writes it; pictures: name -> what draws it.
    interrupted: the user stopped it, this is a part; complete: it answers what was asked.
    kept: files in which the run was kept while it went on, not needed any more once a whole result is written.
    """

    title: str
    subtitle: str
    table: Any
    entries: tuple[Entry, ...]
    record: dict[str, Any]
    files: dict[str, Callable[[Path], Any]] = field(default_factory=dict)
    pictures: dict[str, Callable[[], Axes]] = field(default_factory=dict)
    interrupted: bool = False
    complete: bool = True
    kept: tuple[Path, ...] = ()


class Job(Protocol):
    """One spec being run: made (and refused) before anything is written, computed, then reported."""

    doing: str  # a line for who waits
    record: str  # name of the JSON file

    def predict(self) -> Any:
        """What theory says, computed beside `compute`."""
        ...

    def compute(self, folder: Path) -> Any:
        """The run itself.

        Args:
            folder: where a long run may be kept while it goes on, and is taken up from.

        Raises:
            SpecError: if what is kept there is another run.
            KeyboardInterrupt: if the user stopped it before there was anything to keep.
        """
        ...

    def report(self, computed: Any, predicted: Any) -> Report:
        """Measured beside predicted."""
        ...


def number(value: float, pattern: str) -> str:
    """Return a number as text, a dash for nan."""
    return NOTHING if math.isnan(value) else format(value, pattern)


def titled(ax: Axes, title: str) -> Axes:
    """Put a title over the whole picture of some axes, and return them."""
    from matplotlib.axes._secondary_axes import SecondaryAxis

    figure: Any = ax.figure
    figure.suptitle(title, x=0.01, ha="left", fontsize=15)
    if any(not isinstance(child, SecondaryAxis) for child in ax.child_axes):
        # a layout does not keep a figure's title clear of what stands above the axes
        figure.get_layout_engine().set(rect=(0, 0, 1, 0.92))
    elif ax.child_axes:
        figure.get_layout_engine().set(rect=(0, 0, 1, 0.97))
    return ax


def without_nan(value: Any) -> Any:
    """Return nested lists and tables with null for what is not a finite number, since JSON knows no other.

    >>> without_nan({"a": [1.0, math.nan]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
