"""A flow is a value: it does not change, not even with the arrays it was made of, and says what it is."""

import inspect
from typing import Any

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.identity import identity

PROBLEM = ss.SingleIndex([0, 1], [0, 1])
SGD: dict[str, Any] = {"neurons": 4, "dimension": 40, "step_size": 1e-3}
FLOWS: dict[str, Any] = {
    "MeanFieldFlow": lambda: ss.MeanFieldFlow(PROBLEM, 1e-2),
    "NetworkFlow": lambda: ss.NetworkFlow(PROBLEM, 1e-2, 5, 20),
    "OnePassSGD": lambda: ss.OnePassSGD(PROBLEM, 0.5, **SGD),
    "SampleDescent": lambda: ss.SampleDescent(PROBLEM, 0.5, samples=9, **SGD),
    "SGDLimit": lambda: ss.SGDLimit(ss.OnePassSGD(PROBLEM, 0.5, **SGD)),
    "DeepLinearFlow": lambda: ss.DeepLinearFlow(ss.LeastSquares([[2.0]]), 3, 200, gamma=1.5),
    "DiagonalFlow": lambda: ss.DiagonalFlow([[2.0, 1.0]], [1.0], log_scale=30.0),
    "GradientDescent": lambda: ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 4, gamma=1.0, learning_rate=0.25),
}


@pytest.mark.parametrize("name", FLOWS)
def test_nothing_of_a_flow_can_be_changed(name):
    flow = FLOWS[name]()
    for attribute in [*vars(flow), "something_new"]:
        with pytest.raises(AttributeError, match=f"A {name} does not change"):
            setattr(flow, attribute, 1)
        with pytest.raises(AttributeError, match=f"A {name} does not change"):
            delattr(flow, attribute)


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_says_what_it_is_in_a_line(name):
    text = repr(FLOWS[name]())
    assert text.startswith(f"{name}(")
    assert "0x" not in text
    assert "\n" not in text
    assert len(text) < 500
    told = dict(FLOWS[name]().__rich_repr__())
    assert {"depth", "epsilon", "log_scale"} & set(told)


def test_a_learning_rate_is_told_and_the_arguments_stay_known():
    assert "learning_rate=0.25" in repr(FLOWS["GradientDescent"]())
    assert list(inspect.signature(ss.MeanFieldFlow).parameters)[:2] == ["problem", "epsilon"]
    assert "learning_rate" in inspect.signature(ss.GradientDescent).parameters


def given() -> tuple[list[np.ndarray], Any]:
    rng = np.random.default_rng(0)
    layers = [rng.standard_normal((3, 2)), rng.standard_normal((2, 3))]
    a, s, u = rng.standard_normal(4), np.full(4, 0.25), rng.standard_normal((4, 6))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    flows = (
        ss.DeepLinearFlow(ss.LeastSquares(np.eye(2)), initial=layers),
        ss.MeanFieldFlow(PROBLEM, 0.1, initial=(a, s)),
        ss.NetworkFlow(PROBLEM, 0.1, initial=(a, u)),
        ss.OnePassSGD(PROBLEM, 0.1, initial=(a, u), step_size=0.1),
    )
    X, y = rng.standard_normal((2, 3)), np.ones(2)
    flows = (ss.DiagonalFlow(X, y, 0.1), *flows)
    return [*layers, a, s, u, X, y], flows


def test_a_flow_does_not_change_with_the_arrays_it_was_made_of():
    arrays, flows = given()
    before = [identity(flow) for flow in flows]
    starts = [np.asarray(flow.start()[1]).copy() for flow in flows[:4]]
    for array in arrays:
        assert array.flags.writeable  # they are still the user's
        array += 0.5
    assert [identity(flow) for flow in flows] == before
    for flow, start in zip(flows, starts, strict=False):
        assert np.array_equal(np.asarray(flow.start()[1]), start)


def test_a_finer_version_is_another_flow():
    flow = ss.DeepLinearFlow(ss.LeastSquares(np.eye(2)), 3, 200, gamma=1.5)
    before = identity(flow)
    finer = flow.finer()
    assert finer.width == flow.width
    assert len(finer.weights[0]) > len(flow.weights[0])
    assert identity(flow) == before != identity(finer)
    with pytest.raises(AttributeError):
        finer.probing = False
