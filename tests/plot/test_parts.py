"""What every picture is made of."""

import pytest

from saddlescope.plot.parts.canvas import entitle, new_axes, save


@pytest.mark.parametrize(
    ("title", "math"),
    [(r"$x^{bad$", False), ("$t$ = 1\nand more", True), ("5 $ and 6 $", True), (r"$\varepsilon$", True)],
)
def test_a_title_that_is_no_math_is_shown_as_it_is_written(tmp_path, title, math):
    for pad in (None, 14):
        ax = entitle(new_axes(), title, pad=pad)
        figure = ax.figure
        shown = figure.get_suptitle() if pad is None else ax.get_title(loc="left")  # pyright: ignore
        assert shown == title
        text = figure._suptitle if pad is None else ax._left_title  # pyright: ignore
        assert save(ax, tmp_path / "picture.png").stat().st_size > 0
        assert text.get_parse_math() is math
