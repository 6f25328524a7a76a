"""Paper, colours and ink shared by all pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saddlescope import files
from saddlescope.arguments import ArgumentError, path_of
from saddlescope.plot.parts.palette import DEGREES as DEGREES
from saddlescope.plot.parts.palette import INK as INK
from saddlescope.plot.parts.palette import PREDICTED as PREDICTED
from saddlescope.plot.parts.palette import REST as REST

if TYPE_CHECKING:
    from matplotlib.axis import Axis

SIZE = (9.6, 5.4)  # inches, the shape of a slide
_DPI = 150


class Picture(Axes):
    """Axes that a notebook shows as the picture of their whole figure."""

    def _repr_png_(self) -> bytes:
        content, figure = io.BytesIO(), self.get_figure(root=True)
        assert figure is not None
        show_as_typed(figure)
        figure.savefig(content, format="png", dpi=100)
        return content.getvalue()


def new_axes(size: tuple[float, float] = SIZE) -> Axes:
    """Return empty axes on a figure of their own, `ax.figure`, which no global state knows of.

    What is drawn on them takes the colours of all other pictures in turn.
    """
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.add_subplot(axes_class=Picture)
    ax.tick_params(labelsize=12)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_fontsize(13)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_prop_cycle(color=DEGREES)
    return ax


def pair_of_axes(size: tuple[float, float] = SIZE) -> tuple[Axes, Axes]:
    """Return two empty axes side by side on a figure of their own."""
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subplots(1, 2, subplot_kw={"axes_class": Picture})
    for ax in (left, right):
        ax.tick_params(labelsize=12)
        ax.spines[["top", "right"]].set_visible(False)
    return left, right


def log_time(axis: Axis, begin: float, end: float) -> None:
    """Mark a log axis of time: whole powers of ten, on less than two decades plain numbers in between, too."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if end < 100 * begin:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def spread(places: list[float], gap: float) -> list[float]:
    """Return falling places, moved apart as little as needed to keep a gap.

    >>> [round(place, 3) for place in spread([0.9, 0.88, 0.2], 0.1)]
    [0.94, 0.84, 0.2]
    """
    result = list(places)
    for _ in range(100):
        for k in range(len(result) - 1):
            missing = gap - (result[k] - result[k + 1])
            if missing > 0:
                result[k], result[k + 1] = result[k] + missing / 2, result[k + 1] - missing / 2
    return result


def warm_up() -> None:
    """Load what the first picture of a process needs, fonts above all: half a second."""
    ax = new_axes((3, 2))
    ax.set(xscale="log", xlabel=r"$\varepsilon^{1/2}$")
    ax.figure.savefig(io.BytesIO(), dpi=20)  # pyright: ignore[reportAttributeAccessIssue]


def save(ax: Axes, path: str | os.PathLike[str], dpi: int = _DPI) -> Path:
    """Write the figure of `ax` as PNG, PDF or SVG; the file appears whole or not at all.

    Raises:
        ArgumentError: if the path cannot be written to, or its ending is not that of a kind of picture.
        NotWrittenError: an `OSError`, if the disk is full, say; what was there before is unchanged.
    """
    path = path_of("path", path)
    kind = path.suffix.removeprefix(".").lower()
    figure: Any = ax.figure
    if kind not in figure.canvas.get_supported_filetypes():
        raise ArgumentError("path", "end as a picture does: .png, .pdf, .svg", str(path))
    show_as_typed(figure)
    with files.replaced(path) as partial:
        figure.savefig(partial, format=kind, dpi=dpi)
    return path


def show_as_typed(figure: Figure) -> None:
    """Show texts that are no formulas as they are: a title or a name of a user's with `$` in it stops no picture."""
    from matplotlib.mathtext import MathTextParser
    from matplotlib.text import Text

    parser = MathTextParser("path")
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if "$" in text.get_text() and text.get_parse_math():
            try:
                for line in text.get_text().split("\n"):  # as matplotlib draws it
                    parser.parse(line)
            except ValueError:
                text.set_parse_math(False)


def colour(degree: int | None) -> str:
    """Return the colour of a degree, the same in every picture; None is what no degree has."""
    return REST if degree is None else DEGREES[degree % len(DEGREES)]


def tint(degree: int | None, strength: float = 0.45) -> tuple[float, float, float]:
    """Return a light shade of a degree's colour, on which dark text can be read."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour(degree)))
    return red, green, blue


def clear_above(ax: Axes, height: float = 0.95) -> None:
    """Keep the top of a new figure free: a layout makes no room for names that stand above inset axes."""
    figure: Any = ax.figure
    figure.get_layout_engine().set(rect=(0, 0, 1, height))


def entitle(ax: Axes, title: str, *, pad: float | None = None) -> Axes:
    """Put a title of the user's over the axes, or with no `pad` over the whole figure; return the axes."""
    if pad is not None:
        ax.set_title(title, loc="left", fontsize=15, pad=pad)
        return ax
    from matplotlib.axes._secondary_axes import SecondaryAxis

    figure: Any = ax.figure
    figure.suptitle(title, x=0.01, ha="left", fontsize=15)
    if any(not isinstance(child, SecondaryAxis) for child in ax.child_axes):
        # a layout does not keep a figure's title clear of what stands above the axes
        figure.get_layout_engine().set(rect=(0, 0, 1, 0.92))
    elif ax.child_axes:
        figure.get_layout_engine().set(rect=(0, 0, 1, 0.97))
    return ax
