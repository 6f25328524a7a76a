"""Pictures of training curves: what stands on the axes is what was judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.plot import save, stages

TIME = np.arange(1.0, 6001.0)
NOISE = np.random.default_rng(0).standard_normal(TIME.size)


def curve(low=1.0, name="train/loss"):
    value = low + 2 / (1 + (TIME / 40) ** 8) + 1 / (1 + (TIME / 900) ** 8)
    return SimpleNamespace(time=TIME, value=value * (1 + 0.01 * NOISE), name=name, x="step")


def bars(ax) -> list[Any]:
    return [line for line in ax.lines if line.get_linewidth() == 7]


def test_a_bar_for_each_plateau_at_its_height_and_a_line_for_each_change():
    result = plateaus(curve())
    ax = stages(curve(), result)
    assert len(result) == len(bars(ax)) == 3
    for bar, plateau in zip(bars(ax), result, strict=True):
        np.testing.assert_allclose(bar.get_xdata(), [plateau.start, plateau.end])
        np.testing.assert_allclose(bar.get_ydata(), plateau.height)
    lines: Any = ax.lines
    dotted = [line for line in lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose([line.get_xdata()[0] for line in dotted], [p.drop_time for p in result.plateaus[:-1]])
    texts = [text.get_text() for text in ax.texts]
    assert result.change_of(0) in texts
    assert f"{result[2].height:.3g}" in texts
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "train/loss")


@pytest.mark.parametrize(("low", "values"), [(1.0, "linear"), (0.001, "log")])
@pytest.mark.parametrize("clock", ["log", "linear"])
def test_axes_are_those_of_the_judging(low, values, clock):
    ax = stages(curve(low), plateaus(curve(low), time_axis=clock))
    assert (ax.get_xscale(), ax.get_yscale()) == (clock, values)


def test_further_curves_take_further_colours_on_the_same_axes():
    ax = stages(curve(), label="one")
    again = stages(curve(2.0), ax=ax, label="two")
    assert again is ax
    assert len({bar.get_color() for bar in bars(ax)}) == 2
    legend: Any = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]


def test_names_with_dollars_values_out_of_range_and_time_zero_can_be_drawn(tmp_path):
    time, value = np.concatenate(([0.0], TIME)), np.concatenate(([9.0], curve().value - 1.5))
    strange = SimpleNamespace(time=time, value=value, name="cost $x^{bad$ 50%", x="$t")
    for clock in ("log", "linear"):
        assert save(stages(strange, plateaus(strange, time_axis=clock)), tmp_path / f"{clock}.png").stat().st_size > 0


def test_what_is_no_curve_is_refused():
    with pytest.raises(ArgumentError, match="Argument `curve` must have times and values"):
        stages(TIME)
