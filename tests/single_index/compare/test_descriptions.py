"""Levels of description side by side, on made-up curves with known answers and on a small real ladder."""

import dataclasses

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.single_index.compare.descriptions import side_by_side
from saddlescope.solve import Outcome
from saddlescope.trajectory import Trajectory

SIGMA = [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex([1, -1, 1, 1], SIGMA)
TIME = np.concatenate([[0.0], np.geomspace(1e-3, 10.0, 200)])


def made_up(rates, kind="NetworkFlow", size=2.0, **parameters):
    """Residual 2 exp(-rate t) of one degree, one run a rate; a network flow with no runs axis for a single rate."""
    residual = 2 * np.exp(-np.outer(TIME, rates))
    several = len(rates) > 1
    told = {"link_coefficients": [2.0], "activation_coefficients": [1.0], "epsilon": 0.1, "neurons": 3, "dimension": 5}
    values = residual if several else residual[:, 0]
    of = ("time", "run") if several else ("time",)
    return Trajectory(
        kind=kind,
        observables={
            "risk": size / 4 * values**2,
            "risk_by_degree": 0.5 * values[..., None] ** 2,
            "residual": values[..., None],
        },
        dims={"risk": of, "risk_by_degree": (*of, "degree"), "residual": (*of, "degree")},
        coords={"time": TIME, "degree": np.arange(1)},
        parameters=told | parameters,
        outcome=Outcome.REACHED_END,
    )


def test_risks_bands_times_and_samples_of_known_curves():
    rates = np.linspace(1.0, 3.0, 11)
    sgd = made_up(rates, "OnePassSGD", step_size=1e-3, batch_size=4)
    result = side_by_side(made_up([2.0]), sgd, fraction=0.5)
    curves = 2 * np.exp(-2 * np.outer(result.time, rates))
    assert result.time[0] == TIME[1]
    assert result.time[-1] == 10.0
    assert np.allclose(np.diff(np.log(result.time)), np.log(1e4) / 399)
    assert np.allclose(result.risk[0], 2 * np.exp(-4 * result.time), atol=1e-3)
    assert np.allclose(result.risk[1], curves.mean(axis=1), atol=1e-3)
    assert np.allclose(result.low[1], np.quantile(curves, 0.1, axis=1), atol=1e-3)
    assert np.allclose(result.high[1], np.quantile(curves, 0.9, axis=1), atol=1e-3)
    assert np.array_equal(result.low[0], result.high[0])
    gap = np.abs(curves.mean(axis=1) - 2 * np.exp(-4 * result.time)).max() / 2
    assert result.gaps[0, 1] == pytest.approx(gap, rel=0.02)
    assert np.array_equal(result.gaps, result.gaps.T)
    assert np.array_equal(np.diag(result.gaps), [0, 0])
    assert result.noise[0] == 0
    assert result.noise[1] == pytest.approx((curves.std(axis=1, ddof=1) / np.sqrt(11)).max() / 2, rel=0.02)
    # the median of the runs' times is that of the median rate
    assert result.learning_times[:, 0] == pytest.approx(np.log(2) / 2, rel=1e-3)
    assert result.samples[1, 0] == pytest.approx(np.log(2) / 2 / 1e-3 * 4, rel=1e-3)
    assert np.isnan(result.samples[0, 0])
    assert result.labels == ("network flow, m = 3, d = 5", "SGD, m = 3, d = 5, step 0.001, batch 4, 11 runs")
    table = str(result).splitlines()
    assert table[0].split() == ["learnt", "at", "time", "degree", "0"]
    assert len(table) == 2 * 3 + 2
    assert table[1].split()[-1] == "0.3466"
    assert table[-1].split()[-2] == "0"


def test_a_degree_that_most_runs_never_learn_is_not_learnt():
    rates = [1.0, 0.01, 0.01]
    result = side_by_side(made_up(rates, "OnePassSGD", step_size=1e-3, batch_size=1))
    assert np.isnan(result.learning_times).all()
    assert "-" in str(result)
    some = side_by_side(made_up([1.0, 1.0, 0.01], "OnePassSGD", step_size=1e-3, batch_size=1))
    assert some.learning_times[0, 0] == pytest.approx(np.log(2), rel=1e-3)


def test_several_directions_go_by_the_risk_of_a_degree():
    """(h(x_1) - h(x_2)) phi_1 / 2 with phi_1 = 2 has size sqrt 2: exp(-t) gets to half of that from 2 at log(8) / 2."""
    run = made_up([1.0])
    observables = {name: values for name, values in run.observables.items() if name != "residual"}
    told = run.parameters | {"directions": [[1.0, 0.0], [0.0, 1.0]], "direction_weights": [1.0, -1.0]}
    told |= {"link_coefficients": [0.0, 2.0], "activation_coefficients": [0.0, 1.0]}
    observables["risk_by_degree"] = run["risk_by_degree"] * np.array([0.0, 1.0])
    result = side_by_side(dataclasses.replace(run, observables=observables, parameters=told))
    assert np.isnan(result.learning_times[0, 0])
    assert result.learning_times[0, 1] == pytest.approx(np.log(8) / 2, rel=1e-3)


def test_names_are_told_apart_and_times_are_those_that_all_have():
    short = made_up([1.0])
    keep = TIME < 1.0
    short = dataclasses.replace(
        short,
        coords=short.coords | {"time": TIME[keep]},
        observables={name: values[keep] for name, values in short.observables.items()},
    )
    result = side_by_side(made_up([1.0]), short)
    assert result.labels == ("network flow, m = 3, d = 5 (1)", "network flow, m = 3, d = 5 (2)")
    assert result.time[-1] == TIME[keep][-1]
    assert result.gaps.max() < 1e-5
    assert side_by_side(short, labels=["short"]).labels == ("short",)


def test_the_levels_of_a_ladder_draw_together():
    """Mean-field flow, networks of 4 and 16 neurons and theory at epsilon = 1e-3: the wider network is nearer."""
    epsilon, until = 1e-3, 3.0
    runs = [ss.solve(ss.MeanFieldFlow(LADDER, epsilon, particles=16), until=until)]
    for m in (4, 16):
        a = 3**0.5 * (2 * (np.arange(m) + 0.5) / m - 1)
        start = np.hstack([np.zeros((m, 1)), np.eye(m)])
        runs.append(ss.solve(ss.NetworkFlow(LADDER, epsilon, initial=(a, start)), until=until))
    order = ss.canonical_order(LADDER, levels=1)
    result = side_by_side(*runs, order)
    assert result.gaps[0, 2] < result.gaps[0, 1]
    assert result.labels[0] == "mean-field flow"
    assert result.labels[3] == "theory"
    assert np.allclose(result.learning_times[0], ss.learning_times(runs[0]), equal_nan=True)
    assert np.allclose(result.learning_times[3], np.append(order.times(epsilon), [np.nan] * 2), equal_nan=True)
    assert np.allclose(result.risk[3], order.risk(result.time, epsilon))


@pytest.mark.parametrize(
    ("descriptions", "change", "message"),
    [
        ([], {}, "Argument `descriptions` must be trajectories, at least one, or canonical orders, but got []."),
        ([3], {}, "Argument `descriptions` must be trajectories, at least one, or canonical orders, but got ['int']."),
        ([made_up([1.0]), made_up([1.0], epsilon=0.2)], {}, "Argument `descriptions` must have one epsilon"),
        (
            [made_up([1.0]), made_up([1.0], link_coefficients=[3.0])],
            {},
            "Argument `descriptions` must have one link coeff",
        ),
        ([made_up([1.0])], {"labels": ["a", "b"]}, "Argument `labels` must be 1 names, one for each description"),
        ([made_up([1.0])], {"fraction": 1.0}, "Argument `fraction` must lie strictly between 0 and 1, but got 1.0."),
        (
            [dataclasses.replace(made_up([1.0]), observables={})],
            {},
            "Argument `descriptions` must hold risk, as those of",
        ),
    ],
)
def test_bad_input_is_refused(descriptions, change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        side_by_side(*descriptions, **change)
    assert str(refusal.value).startswith(message)
