"""Which pictures a gallery example made: those of its axes, which no global state of matplotlib knows of."""

from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

_SHOWN = "_shown_in_the_gallery"


def _figures(values: Any) -> Iterator[Figure]:
    for value in values:
        if isinstance(value, Axes) and isinstance(value.figure, Figure):
            yield value.figure
        elif isinstance(value, Figure):
            yield value
        elif isinstance(value, tuple):
            yield from _figures(value)


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save every figure that an example holds and that was not saved yet; return the text that shows them."""
    del block
    paths = []
    for figure in _figures(list(block_vars["example_globals"].values())):
        if not getattr(figure, _SHOWN, False):
            setattr(figure, _SHOWN, True)
            path = next(block_vars["image_path_iterator"])
            figure.savefig(path, dpi=110)
            paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])
