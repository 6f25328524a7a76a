"""The error that a run states of itself, beside its true one, and what is done about it when the user stops it."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.solve import Curve, control, run
from saddlescope.solve.control import Control
from saddlescope.solve.global_error import Estimate, between, distance, estimate

PROBLEM = ss.SingleIndex([0, -1.9989, 2.0292, -0.0522, -1.3834, -0.0056], [0, 0.336, 0, -0.0427, 0.4552, 0.4026])
# errors of its small degrees grow on the way
SENSITIVE = ss.MeanFieldFlow(PROBLEM, 1.0, initial=([-0.6, -0.1, 0, 0.4], np.zeros(4)))
LADDER = ss.MeanFieldFlow(ss.SingleIndex([1, -1, 1], [1, 1, 0.5]), 1e-3, particles=8)
SADDLES = ss.DeepLinearFlow(ss.LeastSquares([[2.0, 0.5], [0.0, 1.0]]), 3, 3, 1.5, 0.1)
LAZY = ss.DeepLinearFlow(ss.LeastSquares([[2.0, 0.5], [0.0, 1.0]]), 2, 6, 0.0)
NETWORK = ss.NetworkFlow(ss.SingleIndex([0, 1.0, 1.0], [0, 1.0, 1.0]), 0.3, neurons=3, dimension=20)
DIAGONAL = ss.DiagonalFlow([[1.0, 0.3], [0.0, 1.0]], [2.0, -1.0], log_scale=20.0)


def apart(flow, first, second):
    """The distance of two runs, from all points of the first."""
    name = "risk" if "risk" in first.observables else "cost"
    sure = Curve(second[name], second[f"{name}_rate"], float(second[name].max()))
    results = [distance(second.time, sure, first.time, first[name])]
    if isinstance(flow, ss.MeanFieldFlow) and isinstance(flow.problem, ss.SingleIndex):
        for k in np.flatnonzero(flow.problem.link_coefficients * flow.problem.activation_coefficients):
            target = abs(flow.problem.link_coefficients[k])
            sure = Curve(second["residual"][:, k], second["residual_rate"][:, k], target)
            results.append(distance(second.time, sure, first.time, first["residual"][:, k]))
    return max(results)


@pytest.mark.parametrize(
    ("flow", "until", "rtol"),
    [
        (SENSITIVE, 27.08, 1e-6),
        (SENSITIVE, 27.08, 1e-5),
        (LADDER, 3.0, 1e-6),
        (LADDER, 3.0, 1e-4),
        (SADDLES, 60.0, 1e-5),
        (LAZY, 3.0, 1e-5),
        (NETWORK, 10.0, 1e-5),
        (DIAGONAL, 3.0, 1e-5),
    ],
    ids=["sensitive", "sensitive, loose", "ladder", "ladder, loose", "saddles", "lazy", "network", "diagonal"],
)
def test_the_error_stated_is_the_true_one_within_a_factor(flow, until, rtol):
    stated = ss.solve(flow, until, rtol=rtol)
    sure = ss.solve(flow, until, rtol=1e-9 if flow is NETWORK else 1e-11, error_estimate=False)
    true, error = apart(flow, stated, sure), stated.accuracy["integration_error"]
    assert rtol <= error
    assert true < 4 * error
    # what is no more than the tolerance promises is not told apart; a cubic rule of thumb would be off by far more
    promised = rtol ** (2 / 3) if stated.solver["method"] == "RKC2" else rtol
    assert error < max(60 * true, 8 * promised)


@pytest.mark.parametrize("small", [0.011, 0.03])
def test_the_error_stated_holds_for_a_mode_that_waits_beside_a_learnt_one(small):
    # of depth 5: the second mode is small beside the first, and gone half its way at the end
    sizes = small * np.array([1.0, 1.9, 0.8, 3.1, 1.3])
    layers = [np.pad(np.diag([1.8**0.2, size]), ((0, 2 * (k < 4)), (0, 2 * (k > 0)))) for k, size in enumerate(sizes)]
    flow = ss.DeepLinearFlow(ss.LeastSquares(np.diag([1.8, 0.6])), initial=layers)
    half = 0.3

    def rate(_, w):
        rest = np.array([np.prod(np.delete(w, k)) for k in range(5)])
        return (0.6 - np.prod(w)) * rest

    def reached(_, w):
        return np.prod(w) - half

    reached.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    right = solve_ivp(rate, (0, 1e8), sizes, method="LSODA", rtol=1e-12, atol=1e-14 * small, events=reached)
    until = float(right.t_events[0][0])
    run = ss.solve(flow, until)
    speed = np.sum(rate(0, right.y_events[0][0]) * half / right.y_events[0][0])
    shift = abs(run["singular_values"][-1, 1] - half) / (speed * until)
    assert shift < 4 * run.accuracy["integration_error"] < 4e-4
    assert shift < 30e-6


def test_a_mode_that_the_cost_hides_counts_in_the_error():
    flow = ss.DeepLinearFlow(ss.LeastSquares(np.diag([1.0, 1e-3])), 2, 4, 1.0, 0.1)
    A = np.array([np.diag([1.0, x]) for x in (0.0, 5e-4, 1e-3)])
    raw = {"cost": np.array([5e-7, 1e-7, 0.0]), "cost_rate": np.zeros(3), "product": A, "product_rate": 0 * A}
    curves = flow.curves(SimpleNamespace(observables=raw))
    assert sorted(float(np.ptp(curve.values)) for curve in curves[1:])[-1] == pytest.approx(1e-3)
    assert all(curve.size == pytest.approx(1.0, rel=1e-5) for curve in curves[1:])


def test_a_companion_with_as_many_steps_says_little():
    times = np.linspace(0.0, 4.0, 50)

    def made(error, steps):
        values = np.exp(-times * (1 + error))
        return SimpleNamespace(
            times=times,
            observables={"risk": values, "risk_rate": -(1 + error) * values},
            outcome=SimpleNamespace(complete=True),
            solver={"steps_accepted": steps, "steps_rejected": 0},
        )

    def curves(record):
        return [Curve(record.observables["risk"], record.observables["risk_rate"], 1.0)]

    def stated(steps, *, bounded=False):
        again = lambda factor, stretch, most: made(1e-6, steps)  # noqa: E731
        return estimate(made(0.0, 60), again, curves, 1e-7, (6.0, 6.0), bounded=bounded).error  # pyright: ignore

    assert stated(20) < 2e-7
    assert stated(55) > 5e-7
    assert stated(55, bounded=True) < 2e-7


def test_errors_that_grow_are_doubted_and_a_smaller_tolerance_brings_them_down():
    loose, fine = ss.solve(SENSITIVE, 27.08, rtol=1e-5), ss.solve(SENSITIVE, 27.08, rtol=1e-8)
    assert [doubt for doubt in loose.doubts if "grow on the way" in doubt]
    assert loose.accuracy["integration_error"] > 1e-4
    assert fine.accuracy["integration_error"] < 0.02 * loose.accuracy["integration_error"]
    assert ss.solve(LADDER, 3.0).doubts == ()


def test_small_epsilon_raises_no_doubt():
    r = ss.solve(ss.MeanFieldFlow(ss.SingleIndex([1, -1, 1], [1, 1, 0.5]), 1e-17, particles=8), 0.1)
    assert r.doubts == ()
    assert r.accuracy["integration_error"] < 1e-5


def test_no_estimate_where_none_is_asked_for():
    assert "integration_error" not in ss.solve(LADDER, 3.0, error_estimate=False).accuracy


def test_a_run_that_is_stopped_during_its_estimate_stands(monkeypatch):
    whole = ss.solve(LADDER, 3.0)
    calls = []

    def once(*arguments, **named):
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return integrate(*arguments, **named)

    integrate = run.integrate
    monkeypatch.setattr(run, "integrate", once)
    stopped = ss.solve(LADDER, 3.0)
    assert stopped.outcome == "REACHED_END"
    np.testing.assert_allclose(stopped["risk"], whole["risk"], rtol=1e-9)
    assert len(stopped.doubts) == 1
    assert "not known" in stopped.doubts[0]
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        ss.solve(LADDER, 3.0, control=Control(whole=True))


def test_an_interrupt_between_two_chunks_of_the_estimate_ends_all_of_it(monkeypatch):
    pieces = []

    class Interrupting(control._Unwatched):
        def tell(self, standing):
            pieces.append(standing)
            raise KeyboardInterrupt

    def unwatched(above):
        own = Interrupting()
        own._above = (above,)
        return own

    monkeypatch.setattr(run, "unwatched", unwatched)
    stopped = ss.solve(DIAGONAL, 3.0, rtol=1e-10)
    assert stopped.outcome == "REACHED_END"
    assert len(pieces) == 1  # and none of a second companion
    assert "were stopped" in stopped.doubts[0]
    with pytest.raises(KeyboardInterrupt):
        ss.solve(DIAGONAL, 3.0, rtol=1e-10, control=Control(whole=True))


def test_a_companion_that_fails_does_not_make_the_estimate_bold():
    times = np.linspace(0.0, 4.0, 50)

    def made(error, complete=True):
        values = np.exp(-times * (1 + error))
        return SimpleNamespace(
            times=times,
            observables={"risk": values, "risk_rate": -(1 + error) * values},
            outcome=SimpleNamespace(complete=complete),
            solver={"steps_accepted": 10, "steps_rejected": 0},
        )

    def curves(record):
        return [Curve(record.observables["risk"], record.observables["risk_rate"], 1.0)]

    def stated(far_complete):
        again = lambda factor, stretch, most: made(1e-5 * factor**0.6, far_complete or factor < 100)  # noqa: E731
        return estimate(made(0.0), again, curves, 1e-8, (5.0, 5.0)).error  # pyright: ignore[reportArgumentType]

    assert stated(False) >= 0.5 * stated(True)


def test_curves_that_are_not_finite_are_at_no_known_distance():
    t = np.linspace(0.0, 4.0, 60)
    broken = Curve(np.exp(-t), np.full(60, np.nan), 1.0)
    assert distance(t, broken, t, np.exp(-t)) == np.inf


def test_degrees_that_the_risk_hardly_shows_count_in_a_network():
    flow = ss.NetworkFlow(ss.SingleIndex([0, 1.0, 1e-3], [0, 1.0, 1.0]), 0.3, neurons=3, dimension=20)
    moment = np.zeros((5, 3, 1))
    record = SimpleNamespace(
        observables={"risk": np.ones(5), "risk_rate": np.zeros(5), "moment": moment, "moment_rate": moment}
    )
    assert [curve.size for curve in flow.curves(record)] == [1.0, 1.0, 1e-3]


def test_watchers_see_the_run_alone_and_can_end_what_follows_it():
    times = []
    ss.solve(LADDER, 3.0, control=Control(lambda standing: times.append(standing.time)))
    assert np.all(np.diff(times) > 0)
    control = Control(lambda standing: control.cancel() if standing.time == standing.until else None)
    stopped = ss.solve(LADDER, 3.0, control=control)
    assert stopped.outcome == "REACHED_END"
    assert "not known" in stopped.doubts[0]


def test_an_error_that_cannot_be_measured_is_doubted():
    assert "not known" in Estimate(np.inf, 1e-5).doubts[0]
    assert Estimate(9e-6, 1e-5).doubts == ()
    assert "1.2e-05 of its times" in Estimate(1.2e-5, 1e-5).doubts[0]


def test_a_curve_is_interpolated_to_the_order_of_the_methods():
    t = np.concatenate([[0.0], np.geomspace(0.01, 6.0, 49)])
    at = np.linspace(0.0, 6.0, 400)
    fine = np.concatenate([[0.0], np.geomspace(0.01, 6.0, 97)])
    coarse_gap = np.abs(between(t, np.cos(t), -np.sin(t), at) - np.cos(at)).max()
    fine_gap = np.abs(between(fine, np.cos(fine), -np.sin(fine), at) - np.cos(at)).max()
    assert fine_gap < coarse_gap / 18  # a cubic: 16
    # polynomials of degree 5 come back from three points
    t = np.array([0.0, 0.3, 2.0])
    p = np.polynomial.Polynomial([1.0, -2.0, 0.5, 3.0, -1.0, 0.25])
    at = np.linspace(0, 2, 30)
    np.testing.assert_allclose(between(t, p(t), p.deriv()(t), at), p(at), rtol=1e-9, atol=1e-12)


def test_a_risk_that_rises_along_a_gradient_flow_is_doubted(monkeypatch):
    integrate = run.integrate

    def disturbed(*arguments, **named):
        record = integrate(*arguments, **named)
        risk = record.observables["risk"].copy()
        risk[len(risk) // 2 :] += 0.01
        return dataclasses.replace(record, observables=record.observables | {"risk": risk})

    monkeypatch.setattr(run, "integrate", disturbed)
    assert [doubt for doubt in ss.solve(LADDER, 3.0, error_estimate=False).doubts if "never rises" in doubt]


def test_what_is_too_loose_or_too_small_is_refused():
    with pytest.raises(ArgumentError, match=r"`rtol` must be at most 0.01"):
        ss.solve(LADDER, 3.0, rtol=0.02)
    for epsilon in (1e-24, 1e-30):
        with pytest.raises(ArgumentError, match=r"`epsilon` must be at least 1e-20"):
            ss.MeanFieldFlow(ss.SingleIndex([1, -1], [1, 1]), epsilon)
    with pytest.raises(ArgumentError, match=r"neurons of norm one .*but got 2 for that of neuron 1"):
        ss.NetworkFlow(ss.SingleIndex([1, -1], [1, 1]), 0.1, initial=([1.0, 1.0], [[1.0, 0.0], [1.2, 1.6]]))
