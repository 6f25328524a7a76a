"""Paper, colours and ink shared by all pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, told apart with any colour vision; their vermilion is kept for predictions.
DEGREES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#C9B800")
REST = "#8C8C8C"
PREDICTED = "#B3330D"
INK = "#1A1A1A"
SIZE = (9.6, 5.4)  # inches, the shape of a slide
_DPI = 150


def new_axes(size: tuple[float, float] = SIZE) -> Axes:
    """Return empty axes on a figure of their own, `ax.figure`, which no global state knows of."""
    figure = Figure(figsize=size, layout="constrained")
    ax = figure.add_subplot()
    ax.tick_params(labelsize=12)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def warm_up() -> None:
    """Load what the first picture of a process needs, fonts above all: half a second."""
    ax = new_axes((1, 1))
    ax.set(xscale="log", xlabel=r"$\varepsilon^{1/2}$")
    ax.figure.savefig(io.BytesIO(), dpi=20)  # pyright: ignore[reportAttributeAccessIssue]


def save(ax: Axes, path: str | os.PathLike[str], dpi: int = _DPI) -> Path:
    """Write the figure of `ax` as PNG, PDF or SVG; the file appears whole or not at all."""
    path = Path(path)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        ax.figure.savefig(partial, dpi=dpi)  # pyright: ignore[reportAttributeAccessIssue]
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def colour(degree: int | None) -> str:
    """Return the colour of a degree, the same in every picture; None is what no degree has."""
    return REST if degree is None else DEGREES[degree % len(DEGREES)]


def tint(degree: int | None, strength: float = 0.45) -> tuple[float, float, float]:
    """Return a light shade of a degree's colour, on which dark text can be read."""
    from matplotlib.colors import to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour(degree)))
    return red, green, blue
