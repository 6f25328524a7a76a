"""Clean curves with plateaus known in closed form."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.measure.slopes import crossing, steepest

TIME = np.logspace(-8, 6, 4001)


@dataclass
class Run:
    """As much of a trajectory as plateaus need."""

    time: np.ndarray
    observables: dict[str, Any] = field(default_factory=dict)


def ladder(time, centres, heights, sharpness):
    """Drops that are logistic in log time, so that the plateaus in between have exactly the given heights."""
    value = np.full_like(time, heights[-1])
    for centre, above, below in zip(centres, heights, heights[1:], strict=False):
        x = np.clip(sharpness * np.log(time / centre), -700, 700)
        value += (above - below) / (1 + np.exp(x))
    return value


@pytest.mark.parametrize("sharpness", [6, 20, 2000])
@pytest.mark.parametrize("size", [300, 4001, 20000])
def test_ladder_over_twelve_decades(sharpness, size):
    time = np.logspace(-8, 6, size)
    centres = np.array([1e-6, 1e-3, 1.0, 1e2, 1e4])
    heights = np.array([4.0, 3.0, 2.0, 0.5, 0.1, 1e-3])
    stages = plateaus(time=time, value=ladder(time, centres, heights, sharpness))
    assert stages.method == "slope"
    assert stages.scale == "log"
    np.testing.assert_allclose([p.height for p in stages], heights, rtol=1e-3 if sharpness == 6 else 1e-6)
    # a drop sharper than the spacing of the points is known to half a spacing
    spacing = math.log10(time[1] / time[0])
    result = np.log10([p.drop_time for p in stages.plateaus[:-1]])
    np.testing.assert_allclose(result, np.log10(centres), atol=max(0.6 * spacing, 0.004))
    np.testing.assert_allclose([p.factor for p in stages.plateaus[:-1]], heights[:-1] / heights[1:], rtol=2e-3)
    for before, centre, after in zip(stages, centres, stages.plateaus[1:], strict=False):
        assert before.end < centre < after.start
    assert math.isnan(stages[-1].drop_time)
    assert not stages[-1].over
    assert stages[0].start == pytest.approx(time[0])
    assert any("may not be over" in doubt for doubt in stages.doubts)


def test_solver_steps_crowd_around_each_drop():
    centres, heights = [1e-4, 1.0], [2.0, 1.5, 1.0]
    near = [c * (1 + np.linspace(-1e-6, 1e-6, 3000)) for c in centres]
    time = np.unique(np.concatenate([np.logspace(-8, 3, 300), *near]))
    value = ladder(time, centres, heights, 30)
    value *= 1 + 1e-6 * np.random.default_rng(0).standard_normal(time.size)  # errors of the solver
    stages = plateaus(time=time, value=value)
    np.testing.assert_allclose([p.height for p in stages], heights, rtol=1e-5)


@pytest.mark.parametrize("levels", [(2.0, 1.5), (4.0, 3.5, 3.0, 2.5), (2.0, 1.5, 1.0, 0.5)])
def test_gentle_relaxation_parts_plateaus_though_it_is_nowhere_steep(levels):
    # the first window of the canonical order: R relaxes at one rate from 2 to 1.5
    time = np.logspace(-6, 3 * len(levels) - 1, 4000)
    value = np.full_like(time, levels[-1])
    for k, (above, below) in enumerate(itertools.pairwise(levels)):
        value += (above - below) * np.exp(-time / 1000.0**k)
    steepness = np.abs(np.gradient(np.log(value), np.log(time)))
    assert steepness[time < 1e1].max() < 0.15
    stages = plateaus(time=time, value=value)
    np.testing.assert_allclose([p.height for p in stages], levels, rtol=3e-2)
    # (above - below) t e^{-t}, the fall per log time, is largest at t = 1
    assert stages[0].drop_time == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0, 3.0])
def test_power_law_has_no_plateau(power):
    assert len(plateaus(time=TIME, value=TIME**-power)) == 0
    assert len(plateaus(time=TIME, value=TIME**power)) == 0


@pytest.mark.parametrize("height", [0.0, 3.0, -2.0])
@pytest.mark.parametrize("time", [TIME, np.arange(50.0)], ids=["log", "linear from zero"])
def test_constant_is_one_plateau(height, time):
    stages = plateaus(time=time, value=np.full(time.size, height))
    assert len(stages) == 1
    assert stages[0].height == pytest.approx(height, abs=1e-12)
    assert stages[0].start == pytest.approx(time[time > 0][0])
    assert stages[0].end == pytest.approx(time[-1])
    assert stages[0].spread == pytest.approx(0, abs=1e-12)


def test_exponential_decay_leaves_one_plateau_and_is_learnt():
    stages = plateaus(time=TIME, value=np.exp(-np.minimum(TIME, 700)))
    assert len(stages) == 1
    assert stages[0].drop_time == pytest.approx(1.0, rel=0.01)  # t e^{-t} is largest at 1
    assert stages[0].factor == math.inf
    assert stages.learnt == pytest.approx(math.log(1e12), rel=0.01)
    assert math.isnan(plateaus(time=TIME, value=np.exp(-np.minimum(TIME, 700)), floor=0.0).learnt)


def test_risk_of_exactly_zero_at_the_end_is_learnt():
    value = np.where(TIME < 1, 1.0, 0.0)
    stages = plateaus(time=TIME, value=value, floor=0.0)
    assert [p.height for p in stages] == [1.0]
    assert stages.learnt == pytest.approx(1.0, rel=0.01)
    assert stages.scale == "log"


def test_a_short_flat_stretch_is_no_plateau_unless_asked_for():
    value = ladder(TIME, [1.0, 10**0.3], [3.0, 2.0, 1.0], 40)
    assert len(plateaus(time=TIME, value=value)) == 2
    assert len(plateaus(time=TIME, value=value, least_decades=0.1)) == 3


def test_distinct_decides_whether_a_small_drop_counts():
    value = ladder(TIME, [1.0], [1.1, 1.0], 20)
    assert len(plateaus(time=TIME, value=value)) == 2
    assert len(plateaus(time=TIME, value=value, distinct=1.2)) == 1


def test_a_bump_does_not_split_a_plateau():
    value = 1 + 5 * np.exp(-((np.log10(TIME) / 0.1) ** 2))
    stages = plateaus(time=TIME, value=value)
    assert len(stages) == 1
    assert stages[0].height == pytest.approx(1.0)


def test_value_whose_sign_changes_counts_as_fraction_of_the_range():
    stages = plateaus(time=TIME, value=ladder(TIME, [1.0], [1.0, -3.0], 20))
    assert stages.scale == "linear"
    np.testing.assert_allclose([p.height for p in stages], [1.0, -3.0], rtol=1e-6)
    assert math.isnan(stages[0].factor)
    assert stages[0].drop_time == pytest.approx(1.0, rel=0.02)
    assert any("fractions of the range" in doubt for doubt in stages.doubts)


@given(st.floats(-30, 30), st.floats(-30, 30), st.integers(1, 4), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_units_of_time_and_value_do_not_matter(time_decades, value_decades, drops, seed):
    rng = np.random.default_rng(seed)
    centres = 10.0 ** (-6 + np.cumsum(rng.uniform(1.5, 2.5, drops)))
    heights = np.concatenate(([1.0], np.cumprod(rng.uniform(0.2, 0.85, drops))))
    value = ladder(TIME, centres, heights, rng.uniform(10, 100))
    plain = plateaus(time=TIME, value=value)
    other = plateaus(time=TIME * 10.0**time_decades, value=value * 10.0**value_decades)
    assert len(plain) == len(other) == drops + 1
    for p, q in zip(plain, other, strict=True):
        assert q.start == pytest.approx(p.start * 10.0**time_decades, rel=0.05)
        assert q.height == pytest.approx(p.height * 10.0**value_decades, rel=1e-4)
        assert q.decades == pytest.approx(p.decades, abs=0.05)


def test_both_methods_agree_on_a_clean_curve():
    value = ladder(TIME, [1e-3, 10.0], [3.0, 1.0, 0.1], 15)
    slope, partition = (plateaus(time=TIME, value=value, method=m) for m in ("slope", "partition"))
    assert (slope.method, partition.method) == ("slope", "partition")
    np.testing.assert_allclose([p.height for p in slope], [p.height for p in partition], rtol=1e-3)
    drops = [[p.drop_time for p in stages.plateaus[:-1]] for stages in (slope, partition)]
    np.testing.assert_allclose(np.log10(drops[0]), np.log10(drops[1]), atol=0.04)


def test_trajectory_and_arrays_give_the_same():
    time = np.concatenate(([0.0], TIME))
    value = np.concatenate(([2.0], ladder(TIME, [1.0], [2.0, 1.0], 20)))
    for name in ("risk", "cost"):
        trajectory = Run(time=time, observables={"moment": np.zeros((time.size, 3)), name: value})
        assert plateaus(trajectory) == plateaus(time=time, value=value)
    trajectory.observables["norm"] = 7 * value
    assert plateaus(trajectory, observable="norm")[0].height == pytest.approx(14.0)


def test_table_shows_every_plateau_and_every_doubt():
    stages = plateaus(time=TIME, value=ladder(TIME, [1.0], [2.0, 1.0], 20))
    lines = str(stages).splitlines()
    assert repr(stages) == str(stages)
    assert lines[0].startswith("2 plateaus (local slope")
    assert len(lines) == 2 + len(stages) + len(stages.doubts)
    assert "× 2" in lines[2]
    assert [p.height for p in stages] == [stages[0].height, stages[1].height]


def test_steepest_point_of_a_wide_and_of_a_sharp_fall():
    grid = np.linspace(-1, 1, 201)
    x = np.linspace(-1, 1, 5001)
    for width, place in ((0.2, 0.123), (1e-4, 0.1234)):
        y = -np.tanh((x - place) / width)
        assert steepest(x, y, grid, np.interp(grid, x, y), 0, 200) == pytest.approx(
            place, abs=2e-3 if width > 0.1 else 4e-4
        )
    assert crossing(x, np.ones_like(x), -1.0, 1.0) == 0.0


def test_points_closer_than_the_logarithm_resolves_are_no_trouble():
    time = np.sort(np.concatenate([TIME, np.nextafter(TIME[1000:1100], np.inf)]))
    assert len(plateaus(time=time, value=ladder(time, [1.0], [2.0, 1.0], 20))) == 2


GOOD = np.arange(1.0, 21.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time": GOOD[::-1], "value": GOOD}, "Argument `time` must increase strictly"),
        ({"time": np.repeat(GOOD, 2), "value": np.repeat(GOOD, 2)}, "Argument `time` must increase strictly"),
        ({"time": GOOD - 5, "value": GOOD}, "Argument `time` must not be negative"),
        ({"time": GOOD, "value": GOOD[1:]}, "Argument `value` must have one entry for each of the 20 times"),
        ({"time": GOOD, "value": np.where(GOOD == 3, np.nan, 1)}, "Argument `value` must hold finite"),
        ({"time": GOOD * math.inf, "value": GOOD}, "Argument `time` must hold finite"),
        ({"time": GOOD[:7], "value": GOOD[:7]}, "Argument `time` must hold at least 8 positive times"),
        ({"time": GOOD}, "Argument `value` must be given"),
        ({"value": GOOD}, "Argument `time` must be given"),
        ({"time": GOOD, "value": GOOD, "slope": 0}, "Argument `slope` must be positive"),
        ({"time": GOOD, "value": GOOD, "least_decades": -1}, "Argument `least_decades` must be positive"),
        ({"time": GOOD, "value": GOOD, "distinct": 1.0}, "Argument `distinct` must be a factor above 1"),
        ({"time": GOOD, "value": GOOD, "floor": -1.0}, "Argument `floor` must not be negative"),
        ({"time": GOOD, "value": GOOD, "bins": 3}, "Argument `bins` must be a whole number of at least 16"),
        ({"time": GOOD, "value": GOOD, "method": "guess"}, "Argument `method` must be"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        plateaus(**arguments)


def test_bad_trajectory_is_refused():
    trajectory = Run(time=GOOD, observables={"risk": GOOD})
    with pytest.raises(ArgumentError, match="Argument `observable` must be one of"):
        plateaus(trajectory, observable="lost")
    with pytest.raises(ArgumentError, match="Argument `trajectory` must be given without"):
        plateaus(trajectory, time=GOOD)
    with pytest.raises(ArgumentError, match="Argument `observable` must be one of"):
        plateaus(Run(time=GOOD, observables={"moment": GOOD}))
