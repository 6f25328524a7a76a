"""What `plateaus` accepts: trajectories, curves, arrays by place and by name, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus

TIME = np.logspace(0, 5, 500)
VALUE = 2.0 + 0.5 / (1 + (TIME / 300) ** 8)


@dataclass
class Column:
    """A curve as a reader of files hands it over."""

    time: Any
    value: Any
    name: str = "loss"
    bounded: bool | None = None


@dataclass
class Run:
    """As much of a trajectory as plateaus need."""

    time: np.ndarray
    observables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)


def test_arrays_by_place_and_by_name_are_the_same():
    assert plateaus(TIME, VALUE) == plateaus(time=TIME, value=VALUE) == plateaus(TIME, value=VALUE)


def test_a_curve_is_judged_on_the_axes_that_fit_and_arrays_as_always():
    # a loss that never comes near zero: its logarithm hardly moves
    assert plateaus(Column(TIME, VALUE)) == plateaus(TIME, VALUE, values="auto")
    assert plateaus(Column(TIME, VALUE)).value_axis == "linear"
    assert plateaus(TIME, VALUE).value_axis == "log"
    assert plateaus(Column(TIME, VALUE), values="log").value_axis == "log"


@pytest.mark.parametrize("name", ["accuracy", "test_acc", "rollout/ep_rew_mean", "metrics/mAP50(B)", "eval/score"])
def test_what_is_bounded_is_judged_by_fractions_of_its_range(name):
    value = 0.01 + 0.98 / (1 + (TIME / 300) ** -8)
    assert plateaus(Column(TIME, value, name)).value_axis == "linear"
    assert plateaus(Column(TIME, value, name, bounded=False)).value_axis == "log"
    assert plateaus(Column(TIME, value, "trace", bounded=True)).value_axis == "linear"
    for other in ("train/loss", "mapped_loss", "accumulated"):
        assert plateaus(Column(TIME, value, other)).value_axis == "log"


def test_time_zero_has_a_place_on_the_linear_axis_only():
    time, value = np.concatenate(([0.0], TIME)), np.concatenate(([2.5], VALUE))
    linear = plateaus(time, value, values="auto", time_axis="linear")
    assert linear.time_axis == "linear"
    assert linear[0].start == 0
    assert plateaus(time, value, values="auto")[0].start == TIME[0]


@pytest.mark.parametrize(
    ("positional", "named", "message"),
    [
        ((TIME,), {}, "Argument `value` must be given beside the times"),
        ((TIME, VALUE), {"time": TIME}, "Argument `time` must be given once"),
        ((Column(TIME, VALUE), VALUE), {}, "Argument `curve` must be given without"),
        ((Run(TIME, {"risk": VALUE}), VALUE), {}, "Argument `trajectory` must be given without"),
        ((TIME, VALUE), {"observable": "risk"}, "Argument `observable` must be given with a trajectory only"),
        ((TIME, VALUE), {"values": "sqrt"}, "Argument `values` must be"),
        ((TIME, VALUE), {"time_axis": "sqrt"}, "Argument `time_axis` must be"),
        ((TIME, VALUE - 2.2), {"values": "log"}, "Argument `values` must be"),
        ((TIME, VALUE), {"bins": 10**9}, "Argument `bins` must be at most 10000"),
        ((), {}, "Argument `time` must be given"),
    ],
)
def test_what_contradicts_itself_is_refused(positional, named, message):
    with pytest.raises(ArgumentError, match=message):
        plateaus(*positional, **named)
