"""Axes: what they hold, and what is refused in one sentence."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.sweep.axes import made


def points(values):
    (axis,) = made({"a.b": values})
    return [point[0] for point in axis.points]


def test_every_way_to_write_the_same_values():
    ladder = [1e-6, 1e-5, 1e-4]
    for values in (ladder, tuple(ladder), np.array(ladder), ss.logspace(1e-6, 1e-4, 3), {"values": ladder}):
        assert points(values) == ladder
    assert points({"logspace": [1e-6, 1e-4], "points": 3}) == ladder
    assert points({"range": [1, 7], "step": 2}) == points(range(1, 8, 2)) == [1, 3, 5, 7]
    assert points({"range": [1, 0], "step": -0.5}) == [1.0, 0.5, 0.0]
    assert points({"seeds": 3, "first": 4}) == points(ss.seeds(3, 4)) == [4, 5, 6]
    assert points({"linspace": [0, 1], "points": 3}) == [0.0, 0.5, 1.0]
    assert points({"logspace": [10, 1000], "points": 3, "whole": True}) == [10, 100, 1000]


def test_a_finer_ladder_holds_the_values_of_the_coarser_one():
    # a sweep that gets more points computes only the new ones: equal to the last bit, or they are other tasks
    for low, high in ((1e-12, 1e-4), (0.3, 7.0), (50, 400)):
        assert set(points(ss.logspace(low, high, 9))) <= set(points(ss.logspace(low, high, 17)))
        assert set(points(ss.linspace(low, high, 9))) <= set(points(ss.linspace(low, high, 17)))


@pytest.mark.parametrize("how", ["sobol", "random"])
def test_designs_lie_in_their_spans_and_go_on_where_fewer_points_ended(how):
    spans = {"a.x": ss.logspace(1e-6, 1e-2), "a.n": ss.linspace(1, 9, whole=True), "a.k": ["relu", "erf"]}
    (few,) = made({"design": ss.sampled(spans, 10, how=how, seed=1)})
    (many,) = made({"design": {how: {**spans, "a.x": {"logspace": [1e-6, 1e-2]}}, "points": 100, "seed": 1}})
    assert many.points[:10] == few.points
    assert many.keys == ("a.x", "a.n", "a.k")
    x, n, k = zip(*many.points, strict=True)
    assert min(x) >= 1e-6
    assert max(x) <= 1e-2
    assert 30 < sum(value < 1e-4 for value in x) < 70  # half of them, as the measure is logarithmic
    assert set(n) == set(range(1, 10))
    assert all(isinstance(value, int) for value in n)
    assert set(k) == {"relu", "erf"}
    assert made({"design": ss.sampled(spans, 10, how=how, seed=2)})[0].points != few.points


def test_keys_that_change_together():
    table = {"zip": {"a.x": {"logspace": [1e-4, 1e-2], "points": 3}, "a.y": [1, 2, 3]}}
    (axis,) = made({"ladder": table})
    assert axis.points == ((1e-4, 1), (1e-3, 2), (1e-2, 3))
    assert axis.kind == "zip"
    assert made({"ladder": ss.zipped({"a.x": [1e-4, 1e-3, 1e-2], "a.y": [1, 2, 3]})})[0].points == axis.points


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (None, "must name at least one axis"),
        ({}, "must name at least one axis"),
        ({"a.x": []}, "`a.x` must hold at least one value"),
        ({"a.x": 3}, "`a.x` must be a list of values, but got 3"),
        ({"a.x": "relu"}, "`a.x` must be a list of values"),
        ({"a.x": [1, 2, 1]}, "`a.x` must hold each value once, but got 1"),
        ({"a.x": {"logspce": [1, 2]}}, "did you mean `logspace`"),
        ({"a.x": {"logspace": [1, 2], "point": 3}}, "no key `point` beside `logspace` (did you mean `points`?)"),
        ({"a.x": {"logspace": [0, 1], "points": 3}}, "must be positive, but got 0.0"),
        ({"a.x": {"logspace": [1, 2, 3], "points": 3}}, "must be two numbers"),
        ({"a.x": {"linspace": [1, 2]}}, "say how many points"),
        ({"a.x": {"linspace": [1, 2], "points": 10**9}}, "from 2 to 10000000"),
        ({"a.x": {"range": [1, 5], "step": -1}}, "lead from 1 to 5"),
        ({"a.x": {"seeds": 0}}, "`a.x` (seeds) must be a whole number from 1"),
        ({"z": {"zip": {"a.x": [1], "a.y": [1, 2]}}}, "1 for a.x, 2 for a.y"),
        ({"z": {"sobol": {"a.x": {"logspace": [1, 2]}}}}, "`z` (points) must be given"),
        ({"z": {"random": {"a.x": {"linspace": [2, 1]}}, "points": 3}}, "must be above 2"),
        ({"a.x": [1, 2], "z": {"zip": {"a.x": [3]}}}, "each key once, but got 'a.x'"),
    ],
)
def test_what_cannot_be_an_axis_is_said_in_a_sentence(axes, said):
    with pytest.raises(ArgumentError) as refused:
        made(axes)
    assert said in str(refused.value)
