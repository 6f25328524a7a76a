"""Methods and tolerances are values: every flow by every method that serves it, and refusals where one cannot."""

from typing import Any

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.solve.methods.choice import serving

PROBLEM = ss.SingleIndex([0, 1], [0, 1])
LINEAR = [[1.0, 0.0], [0.0, 0.5]]
COST = ss.LeastSquares(LINEAR)
START = [np.array([[0.3, 0.1], [0.0, 0.2]]), np.array([[0.2, 0.0], [0.1, 0.3]])]
# flow, end, methods beside its own, and what of the run to compare
FLOWS: dict[str, tuple[Any, float, set[str], str]] = {
    "mean field": (lambda: ss.MeanFieldFlow(PROBLEM, 0.1, particles=4), 3.0, {"Rodas5P"}, "risk"),
    "network": (lambda: ss.NetworkFlow(PROBLEM, 0.3, 2, 6), 3.0, {"RKC2"}, "risk"),
    "layers": (lambda: ss.DeepLinearFlow(COST, initial=START), 4.0, {"RKC2", "ROCK4", "ExtrapolatedEuler"}, "cost"),
    "diagonal": (lambda: ss.DiagonalFlow(LINEAR, [1.0, -1.0], scale=0.1), 2.0, {"Rodas5P"}, "cost"),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
def test_all_methods_that_serve_a_flow_agree_with_its_own(name: str):
    make, until, others, what = FLOWS[name]
    flow = make()
    system, _ = flow.start()
    names = set(serving(system))
    assert names >= others | {"Tsit5", "Dopri8"}
    own = ss.solve(flow, until, rtol=1e-7)
    assert own.solver["method"] == next(iter(serving(system)))
    for method in sorted(names - {own.solver["method"]} - (set() if name == "diagonal" else {"Dopri8"})):
        run = ss.solve(flow, until, rtol=1e-7, method=method)
        assert run.solver["method"] == method
        # RKC2 is of order 2: its error falls more slowly than the tolerance
        bound = 3e-4 if "RKC2" in (method, own.solver["method"]) else 1e-5
        at = np.linspace(0.1, 1.0, 10) * until
        a, b = (np.interp(at, r.time, r[what]) for r in (own, run))
        # curves are compared between steps too, where they are straight lines here
        grid = max(np.diff(r.time).max() for r in (own, run))
        curved = np.abs(np.gradient(np.gradient(own[what], own.time), own.time)).max() * grid**2
        assert np.abs(a - b).max() <= bound * np.abs(own[what]).max() + curved
        assert run[what][-1] == pytest.approx(own[what][-1], abs=bound * own[what][0])


def test_a_method_is_cited_by_the_run_that_it_made():
    flow = ss.DiagonalFlow(LINEAR, [1.0, -1.0], scale=0.1)
    run = ss.solve(flow, 0.1, method=ss.method.Dopri8())
    assert run.references == ("pesme2023", "prince1981", "diffrax", "jax")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            ss.method.RKC2(),
            "Argument `method` must be one that this flow has the structure for (Rodas5P, Tsit5, Dopri8)",
        ),
        ("euler", "Argument `method` must be a method of ss.method (BDF, RKC2, ROCK4, Dopri8, "),
        (5, "Argument `method` must be a method of ss.method (BDF, RKC2, ROCK4, Dopri8, "),
    ],
)
def test_a_method_that_cannot_serve_is_refused(method: Any, message: str):
    with pytest.raises(ss.ArgumentError) as refusal:
        ss.solve(ss.MeanFieldFlow(PROBLEM, 0.1, particles=4), 1.0, method=method)
    assert str(refusal.value).startswith(message)


def test_steps_have_no_method_and_no_tolerance():
    descent = ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 4, gamma=1.0, learning_rate=0.25)
    given: dict[str, Any] = {"method": ss.method.Tsit5(), "tolerance": ss.tolerance.Tied()}
    for name, value in given.items():
        with pytest.raises(ss.ArgumentError, match=f"`{name}` must not be given for a dynamics in steps"):
            ss.solve(descent, 1.0, **{name: value})


def test_tolerances_are_what_rtol_and_atol_stand_for():
    flow = ss.DiagonalFlow(LINEAR, [1.0, -1.0], scale=0.1)
    tied, fixed = ss.tolerance.Tied(1e-4), ss.tolerance.Fixed(1e-4, 1e-5)
    assert np.array_equal(ss.solve(flow, 1.0, tolerance=tied)["cost"], ss.solve(flow, 1.0, rtol=1e-4)["cost"])
    a, b = ss.solve(flow, 1.0, tolerance=fixed), ss.solve(flow, 1.0, rtol=1e-4, atol=1e-5)
    assert np.array_equal(a["cost"], b["cost"])
    assert a.doubts == b.doubts
    with pytest.raises(ss.ArgumentError, match="`rtol` must not be given together with `tolerance`"):
        ss.solve(flow, 1.0, rtol=1e-4, tolerance=tied)


def test_parts_given_to_a_method_are_refused_and_not_dropped():
    flow = ss.NetworkFlow(ss.SingleIndex([0, 1.0], [0, 1.0]), 0.3, neurons=2, dimension=5)
    given = ss.method.BDF(factor=lambda y, step, args: None)
    with pytest.raises(ss.ArgumentError, match=r"`method` must be given without parts of its own, as ss\.method\.BDF"):
        ss.solve(flow, 1.0, method=given)
