"""Time left: right for steps of one length, for an adaptive solver, and for a run taken up half way."""

import math

import pytest

from saddlescope.solve.progress import Pace


@pytest.mark.parametrize("begun", [0.0, 40.0])
def test_steps_of_one_length(begun):
    pace = Pace(until=100.0, shortest=1e-3)
    for second in range(20):
        pace.seen(second, begun + 0.5 * second)
    assert pace.done == pytest.approx((begun + 9.5) / 100)
    assert pace.left == pytest.approx((100 - begun - 9.5) / 0.5)


def test_steps_that_grow_with_time():
    pace = Pace(until=100.0, shortest=1e-6)
    for second in range(1, 31):
        pace.seen(second, 1e-6 * 10 ** (0.2 * second))
    # two of eight decades are left, at five seconds a decade
    assert pace.done == pytest.approx(6 / 8)
    assert pace.left == pytest.approx(10.0)


def test_nothing_is_said_of_a_run_that_has_just_begun():
    pace = Pace(until=1.0, shortest=1e-3)
    assert pace.done == 0
    pace.seen(0.0, 0.0)
    assert math.isnan(pace.left)


def test_long_runs_keep_few_marks():
    pace = Pace(until=1e6, shortest=1.0)
    for second in range(5000):
        pace.seen(second, float(second))
    assert len(pace._seen) <= 512
    assert pace.left == pytest.approx(1e6 - 4999, rel=1e-6)
