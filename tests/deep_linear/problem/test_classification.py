from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.problem.separation import separate, widest
from saddlescope.deep_linear.theory.greedy import GreedyOutcome

LOSSES = {
    "logistic": (ss.LogisticLoss, lambda m: np.logaddexp(0, -m)),
    "exponential": (ss.ExponentialLoss, lambda m: np.exp(-m)),
}


def examples(outputs: int, *, noise: float = 0.0, count: int = 30, seed: int = 0):
    random = np.random.default_rng(seed)
    X = random.standard_normal((4, count))
    y = np.sign(random.standard_normal((outputs, 4)) @ X)
    return X, np.where(random.random(y.shape) < noise, -y, y)


@pytest.mark.parametrize("name", LOSSES)
def test_the_cost_is_a_mean_over_examples_and_a_sum_over_outputs(name):
    make, loss = LOSSES[name]
    X, y = examples(2, noise=0.3)
    A = np.random.default_rng(1).standard_normal((2, 4))
    plain = sum(loss(y[k, n] * A[k] @ X[:, n]) for k, n in product(range(2), range(30))) / 30
    assert float(make(X, y).value(jnp.asarray(A))) == pytest.approx(plain, rel=1e-12)
    tested = make(X, y, test_inputs=X[:, :10], test_labels=-y[:, :10])
    wrong = np.mean(np.sign(A @ X[:, :10]) != -y[:, :10])
    assert float(tested.test_error(jnp.asarray(A))) == pytest.approx(wrong)
    assert np.isnan(make(X, y).test_error(jnp.asarray(A)))


@pytest.mark.parametrize("seed", range(6))
def test_separation_agrees_with_a_search_over_directions(seed):
    """In a plane every open cone of directions is met by a fine enough fan, ends of cones by normals of the data."""
    random = np.random.default_rng(seed)
    Z = random.integers(-2, 3, (2, 6)).astype(float)
    angles = np.concatenate([np.linspace(0, 2 * np.pi, 721), np.arctan2(Z[0], -Z[1]), np.arctan2(-Z[0], Z[1])])
    fan = np.array([np.cos(angles), np.sin(angles)]).T @ Z
    fan[np.abs(fan) < 1e-9] = 0
    allowed = fan[(fan >= 0).all(axis=1)]
    result = separate(Z)
    assert result is not None
    assert result.separated.tolist() == (allowed > 0).any(axis=0).tolist()
    assert np.all(result.direction @ Z >= -1e-9)
    assert np.all((result.direction @ Z)[result.separated] >= 1 - 1e-9)


def test_kinds_of_separation():
    assert ss.LogisticLoss([[1.0, 2.0]], [1, 1]).separation == "complete"
    assert ss.LogisticLoss([[1.0, -1.0, 1.0]], [1, 1, 1]).separation == "overlap"
    # the second input separates the last example, the first none of the others
    partly = ss.LogisticLoss([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]], [1, 1, -1, 1])
    assert partly.separation == "quasi-complete"
    assert partly.least_cost == pytest.approx((2 * np.log(1.5) + np.log(3)) / 4, abs=1e-12)  # odds 2 : 1 among three
    assert "towards 0.477" in partly.remarks[0]
    assert ss.LogisticLoss([[1.0, -1.0, 1.0]], [1, 1, 1]).remarks == ()


@pytest.mark.parametrize("name", LOSSES)
def test_the_least_cost_is_that_of_a_general_minimiser(name):
    make, loss = LOSSES[name]
    X, y = examples(2, noise=0.3)
    cost = make(X, y)
    assert cost.separation == "overlap"
    assert all(cost.has_minimiser(rank) for rank in (1, 2))
    result = minimize(lambda w: np.sum(loss(y * (w.reshape(2, 4) @ X))) / 30, np.zeros(8), options={"gtol": 1e-9})
    assert cost.least_cost == pytest.approx(result.fun, abs=1e-10)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("depth", [2, 3])
def test_the_path_of_separable_examples_is_told_to_have_no_minimiser(name, depth):
    make, _ = LOSSES[name]
    cost = make(*examples(1))
    assert cost.separation == "complete"
    assert ss.greedy_low_rank(cost, depth).outcome is GreedyOutcome.NO_MINIMISER
    start = [0.1 * np.ones((2, 4))] + [0.1 * np.eye(2)] * (depth - 2) + [0.1 * np.ones((1, 2))]
    assert ss.saddle_to_saddle_limit(cost, initial=start).outcome is GreedyOutcome.NO_MINIMISER
    run = ss.solve(ss.DeepLinearFlow(cost, initial=start), until=50.0, error_estimate=False)
    assert any("no minimiser" in doubt for doubt in run.doubts)
    assert run["cost"][-1] < 0.2


def test_a_general_cost_without_a_minimiser_is_told_from_the_fall_along_its_ray():
    X, y = examples(1)
    cost = ss.GeneralCost(lambda A: jnp.mean(jnp.logaddexp(0.0, -jnp.asarray(y) * (A @ X))), (1, 4))
    assert cost.has_minimiser(1) is None
    assert ss.greedy_low_rank(cost, 2).outcome is GreedyOutcome.NO_MINIMISER


def test_the_path_of_examples_that_overlap_ends_at_the_minimum():
    X, y = examples(2, noise=0.3)
    cost = ss.LogisticLoss(X, y, test_inputs=X, test_labels=y)
    path = ss.greedy_low_rank(cost, 2)
    assert path.outcome is GreedyOutcome.TOLERANCE_REACHED  # a cost that is not zero, however few labels are wrong
    assert path.costs[-1] == pytest.approx(cost.least_cost, abs=1e-9)
    assert path.doubts == ()


def test_a_low_rank_of_which_nothing_is_known_is_doubted():
    X, y = examples(3, seed=4)
    cost = ss.LogisticLoss(X, y)
    assert [cost.has_minimiser(rank) for rank in (1, 2, 3)] == [None, None, False]
    path = ss.greedy_low_rank(cost, 2)
    assert path.outcome is GreedyOutcome.NO_MINIMISER
    assert len(path.costs) == 1 or any("whether it has one at rank 1 is not known" in doubt for doubt in path.doubts)


def test_the_flow_turns_to_the_widest_margin():
    X, y = examples(1, count=12, seed=2)
    w = ss.LogisticLoss(X, y).widest_margin()
    assert w is not None
    # a support vector machine, by a general optimiser
    machine = minimize(
        lambda v: 0.5 * v @ v,
        separate(X * y).direction,  # type: ignore[union-attr]
        jac=lambda v: v,
        constraints={"type": "ineq", "fun": lambda v: v @ (X * y) - 1, "jac": lambda v: (X * y).T},
        method="SLSQP",
    )
    assert np.allclose(w[0], machine.x, atol=1e-8)
    assert widest(np.array([[1.0, -1.0]])) is None
    start = [0.3 * np.random.default_rng(0).standard_normal(shape) for shape in ((3, 4), (1, 3))]
    run = ss.solve(ss.DeepLinearFlow(ss.ExponentialLoss(X, y), initial=start), until=1e7, error_estimate=False)
    A = run["product"][:, 0]
    turned = A @ w[0] / (np.linalg.norm(A, axis=1) * np.linalg.norm(w))
    late = np.searchsorted(run.time, 1e3)
    assert turned[-1] > turned[late] > turned[0]
    assert turned[-1] > 0.98


@pytest.mark.parametrize("make", [ss.LogisticLoss, ss.ExponentialLoss])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]], [1, 0]), "of -1 and 1"),
        (([[1.0, 2.0]], [1]), "one column per example"),
        (([[1.0, np.nan]], [1, 1]), "finite"),
        (([[1.0, 1.0]], [1, -1]), "leave something to learn"),
    ],
)
def test_bad_input_is_refused(make, arguments, message: str):
    with pytest.raises(ArgumentError, match=message):
        make(*arguments)
    with pytest.raises(ArgumentError, match="test_labels"):
        make([[1.0]], [1], test_inputs=[[1.0]])


def test_a_general_cost_takes_a_test_error():
    cost = ss.GeneralCost(lambda A: jnp.sum((A - 1.0) ** 2), (2, 2), test=lambda A: jnp.sum(A) - 4.0)
    run = ss.solve(ss.DeepLinearFlow(cost, initial=[0.1 * np.eye(2), 0.1 * np.ones((2, 2))]), until=5.0)
    assert np.allclose(run["test_error"], run["product"].sum(axis=(1, 2)) - 4)
    for test in (3, lambda A: A, lambda A: np.linalg.det(A), lambda A: jnp.sum(A) * 1j):
        with pytest.raises(ArgumentError, match="`test` must be a function"):
            ss.GeneralCost(jnp.sum, (2, 2), test=test)  # type: ignore[arg-type]
