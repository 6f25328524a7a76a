"""Every kind of picture takes axes and returns them; axes of our own show themselves in a notebook."""

import inspect

import pytest

from saddlescope import plot
from saddlescope.plot.parts.canvas import pair_of_axes

KINDS = sorted(set(plot.__all__) - {"new_axes", "save"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_takes_axes_and_returns_axes(kind):
    signature = inspect.signature(getattr(plot, kind))
    assert signature.parameters["ax"].default is None
    assert "Axes" in str(signature.return_annotation)


def test_axes_of_our_own_show_their_whole_figure():
    ax = plot.new_axes()
    ax.set_title("a $ that is no formula")
    assert ax._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"  # pyright: ignore[reportAttributeAccessIssue]
    left, right = pair_of_axes()
    assert left.figure is right.figure
    assert right._repr_png_()[:4] == b"\x89PNG"  # pyright: ignore[reportAttributeAccessIssue]
