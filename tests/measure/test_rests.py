"""Rests in linear time: steps of a deep linear network, evenly spaced in time and crowded in its logarithm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from saddlescope.measure import plateaus
from saddlescope.measure.judging.rests import Rest, find_rests


@dataclass
class Run:
    """As much of a trajectory as plateaus need."""

    time: np.ndarray
    observables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def stairs(time, centres, heights, sharpness):
    """A cost that falls by logistics in time, and its rate."""
    cost, rate = np.full_like(time, heights[-1]), np.zeros_like(time)
    for centre, above, below in zip(centres, heights, heights[1:], strict=False):
        left = 1 / (1 + np.exp(np.clip(sharpness * (time - centre), -700, 700)))
        cost += (above - below) * left
        rate -= (above - below) * sharpness * left * (1 - left)
    return cost, rate


TIME = np.linspace(0, 40, 6001)
CENTRES, HEIGHTS = [10.0, 13.0, 16.0, 19.0], np.array([612.0, 240.0, 41.0, 6.0, 0.0])


def run(sharpness=6.0, **parameters):
    cost, rate = stairs(TIME, CENTRES, HEIGHTS, sharpness)
    return Run(TIME, {"cost": cost, "cost_rate": rate}, parameters)


def test_evenly_spaced_steps_of_a_deep_linear_network_are_all_found():
    result = plateaus(run(depth=3))
    assert result.method == "rests"
    assert result.time_axis == "linear"
    np.testing.assert_allclose([p.height for p in result], HEIGHTS, rtol=1e-3, atol=1e-9)
    # half way between two heights, as the command line measures a jump
    np.testing.assert_allclose([p.drop_time for p in result.plateaus[:-1]], CENTRES, rtol=2e-3)
    assert result[0].start == 0
    assert result[-1].end == TIME[-1]
    # in log time three of these stretches are shorter than a quarter of a decade
    assert len(plateaus(run(depth=3), time_axis="log")) < 4
    assert len(plateaus(run())) < 4


def test_arrays_on_linear_time_rest_at_the_same_heights():
    deep = run(depth=4)
    result = plateaus(deep.time, deep.observables["cost"], time_axis="linear")
    assert result.method == "rests"
    np.testing.assert_allclose([p.height for p in result.plateaus[:4]], HEIGHTS[:4], rtol=1e-3)


def test_steps_that_run_into_each_other_are_no_rest():
    # at a sharpness of 1.2 the valley between two falls is a quarter of their height
    assert len(plateaus(run(1.2, depth=3))) == 2


def test_the_errors_of_a_solver_at_a_minimum_are_no_rests():
    deep = run(depth=3)
    noise = 1e-9 * np.random.default_rng(0).standard_normal(TIME.size)
    deep.observables["cost"] = np.maximum(deep.observables["cost"] + 40 * noise, 1e-12)
    deep.observables["cost_rate"] = deep.observables["cost_rate"] + noise
    assert len(plateaus(deep)) == 5


@pytest.mark.parametrize(
    ("rate", "rests"),
    [
        ([1.0, 1.0, 1.0], []),
        ([0.0, 0.0], [Rest(0, 0, 1)]),
        ([1.0, 0.05], [Rest(1, 1, 1)]),
        ([0.05, 1.0], [Rest(0, 0, 0)]),
        ([1.0, 0.2, 1.0], []),
        ([1.0, 0.02, 0.15, 0.3, 0.02, 1.0], [Rest(1, 1, 1), Rest(4, 4, 4)]),
        ([1.0, 0.02, 0.15, 0.02, 1.0], [Rest(1, 1, 1)]),
        ([-1.0, -0.05, 1.0], [Rest(1, 1, 1)]),
    ],
)
def test_a_rest_is_ten_times_slower_than_its_two_sides(rate, rests):
    assert find_rests(np.array(rate)) == rests
