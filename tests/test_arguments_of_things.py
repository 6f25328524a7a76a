"""What is no cost, path, trajectory or table of numbers is refused with its argument's name, wherever one is taken."""

from typing import Any

import numpy as np
import pytest

import saddlescope as ss

NO_THING = [None, 3, [1], np.datetime64("2020-01-01")]
COSTS = {
    "greedy_low_rank": lambda cost: ss.greedy_low_rank(cost, 3),
    "saddle_to_saddle_limit": lambda cost: ss.saddle_to_saddle_limit(cost, 3, 4),
    "escape": lambda cost: ss.escape(cost, 3),
    "regime": lambda cost: ss.regime(cost, 3, 8, 2.0),
    "critical_point": lambda cost: ss.critical_point(cost, [np.eye(2)] * 2),
    "hessian_extremes": lambda cost: ss.deep_linear.hessian_extremes(cost, [np.eye(2)] * 2),
    "lazy_limit": lambda cost: ss.deep_linear.lazy_limit(cost, [[1.0]], 2, 1.0, [1.0]),
    "DeepLinearFlow": lambda cost: ss.DeepLinearFlow(cost, 2, 2, 1.0),
    "WideLinearFlow": ss.WideLinearFlow,
}
RUN = ss.solve(ss.DiagonalFlow([[1.0]], [1.0], scale=0.1), 0.1)
PATHS = {
    "load": ss.load,
    "read_curve": ss.read_curve,
    "CurveLog": ss.CurveLog,
    "Trajectory.save": RUN.save,
    "plot.save": lambda path: ss.plot.save(ss.plot.new_axes(), path),
}


@pytest.mark.parametrize("thing", NO_THING, ids=str)
@pytest.mark.parametrize("name", COSTS)
def test_no_cost(name, thing):
    with pytest.raises(ss.ArgumentError, match="`cost` must be a cost of the product matrix"):
        COSTS[name](thing)


@pytest.mark.parametrize("thing", [*NO_THING, b"bytes"], ids=str)
@pytest.mark.parametrize("name", PATHS)
def test_no_path(name, thing):
    with pytest.raises(ss.ArgumentError, match="`path` must be a path"):
        PATHS[name](thing)


@pytest.mark.parametrize("thing", NO_THING[1:], ids=str)
def test_no_trajectory(thing):
    with pytest.raises(ss.ArgumentError, match="`trajectory` must be a trajectory"):
        ss.learning_times(thing)
    with pytest.raises(ss.ArgumentError, match="`runs` must be trajectories"):
        ss.measure.exit_times(thing, 0.1)


@pytest.mark.parametrize("name", ["residual", "target", "rate"])
@pytest.mark.parametrize("entry", [1j, "1", True], ids=str)
def test_no_numbers(name, entry):
    time = np.linspace(0, 1, 9)
    given = {"residual": [[1 - t] for t in time], "target": [1.0], "rate": [[-1.0]] * 9}
    given[name] = [entry] if name == "target" else [[entry]] * 9
    with pytest.raises(ss.ArgumentError, match=f"`{name}` must be a list of numbers"):
        ss.learning_times(time=time, **given)


@pytest.mark.parametrize("path", ["a" * 300, "a\0b"], ids=["long", "zero byte"])
def test_a_path_that_cannot_exist(path):
    with pytest.raises(ss.ArgumentError, match=r"`path` must (be a name that a file can have|name an existing)"):
        ss.load(path)


@pytest.mark.parametrize("layers", [None, "text", [["a"]], [None], {1: 2}, len], ids=str)
def test_no_layers(layers: Any):
    if layers is not None:
        with pytest.raises(ss.ArgumentError, match=r"`(weights|initial)` must"):
            ss.DeepLinearFlow(ss.LeastSquares([[1.0]]), initial=layers)
    with pytest.raises(ss.ArgumentError, match="`weights` must"):
        ss.distances(ss.LeastSquares([[1.0]]), layers)  # pyright: ignore[reportArgumentType]


def test_other_things():
    with pytest.raises(ss.ArgumentError, match="`target` must hold numbers that fit into a float"):
        ss.MatrixCompletion([[10**400, 1.0]], observed=np.array([[True, False]]))
    with pytest.raises(ss.ArgumentError, match="`times` must be a list of numbers"):
        ss.exponent([1.0, 2.0, 3.0], [1.0, 2.0, 1j])
    with pytest.raises(ss.ArgumentError, match="`start` must be"):
        ss.NetworkFlow(ss.SingleIndex([0, 1], [0, 1]), 1.0, 2, 10, start=np.array([1]))  # pyright: ignore
    with pytest.raises(ss.ArgumentError, match=r"`directions` .* fit|memory"):
        ss.MultiIndex([0, 1], [0, 1], directions=100_000)
