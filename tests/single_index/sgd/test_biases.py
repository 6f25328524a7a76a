"""SGD and descent with biases: plain loops, the law in few coordinates, the flow at small steps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss

PROBLEM = ss.SingleIndex([0.2, 1.0, 0.5], "tanh")
A, B = np.array([1.0, -0.5, 0.7]), np.array([0.3, -0.2, 1.0])
U = np.random.default_rng(3).standard_normal((3, 150))
U /= np.linalg.norm(U, axis=1, keepdims=True)
U[:, 0] += 0.3
UNIT = U / np.linalg.norm(U, axis=1, keepdims=True)


def plain_step(a, b, u, x, y, step, epsilon, sphere):
    """One step of descent on (y - f)^2 / 2, averaged over samples, written out."""
    t = np.tanh(x @ u.T + b)
    e = (y - t @ a / len(a)) / len(y)
    pull = step * a * (e[:, None] * (1 - t**2))
    change = pull.T @ x
    if sphere:
        change -= np.sum(change * u, axis=1, keepdims=True) * u
    u = u + change
    return a + step / epsilon * (e @ t), b + pull.sum(axis=0), u / np.linalg.norm(u, axis=1, keepdims=True) ** sphere


@pytest.mark.parametrize("sphere", [True, False])
def test_a_step_is_that_of_a_plain_loop(sphere):
    u = (UNIT if sphere else U)[:, :12]
    u = u / np.linalg.norm(u, axis=1, keepdims=True) ** sphere
    sgd = ss.OnePassSGD(PROBLEM, 0.5, step_size=0.1, batch_size=4, initial=(A, u), sphere=sphere, biases=B)
    steps, (_, _, a, with_biases, x) = sgd.start()
    assert np.all(x[..., 1] == 1)
    a, u_new = steps._step(jax.random.PRNGKey(0), a[0], with_biases[0], x[0])
    x = np.delete(np.asarray(x[0]), 1, axis=1)
    right = plain_step(A, B, u, x, np.asarray(PROBLEM.link(x[:, 0])), 0.1, 0.5, sphere)
    np.testing.assert_allclose(a, right[0], rtol=1e-12)
    np.testing.assert_allclose(u_new[:, 1], right[1], rtol=1e-12)
    np.testing.assert_allclose(np.delete(np.asarray(u_new), 1, axis=1), right[2], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("sphere", [True, False])
def test_descent_on_samples_is_a_plain_loop(sphere):
    u = (UNIT if sphere else U)[:, :8]
    u = u / np.linalg.norm(u, axis=1, keepdims=True) ** sphere
    how: dict[str, Any] = {"samples": 30, "seed": 5, "sphere": sphere, "biases": B}
    descent = ss.SampleDescent(PROBLEM, 0.5, step_size=0.05, initial=(A, u), **how)
    steps, _ = descent.start()
    x, y = np.delete(np.asarray(steps.x), 1, axis=1), np.asarray(steps.y)
    run = ss.solve(descent, until=10.0, states=2)
    a, b = A, B
    for _ in range(200):
        a, b, u = plain_step(a, b, u, x, y, 0.05, 0.5, sphere)
    np.testing.assert_allclose(run["second_layer"][-1], a, rtol=1e-9)
    np.testing.assert_allclose(run["bias"][-1], b, rtol=1e-9)
    np.testing.assert_allclose(run["overlap"][-1], u[:, 0], rtol=1e-9)
    np.testing.assert_allclose(run["train_risk"][-1], 0.5 * np.mean((y - np.tanh(x @ u.T + b) @ a / 3) ** 2), rtol=1e-9)


@pytest.mark.parametrize("sphere", [True, False])
def test_few_coordinates_have_the_law_of_all(sphere):
    runs = []
    for method in ("direct", "gram"):
        how: dict[str, Any] = {"step_size": 4e-3, "runs": 40, "sphere": sphere, "biases": B, "method": method}
        sgd = ss.OnePassSGD(PROBLEM, 1.0, initial=(A, UNIT if sphere else U), **how)
        runs.append(ss.solve(sgd, until=2.0, states=2))
    for name in ("risk", "second_layer", "bias"):
        ends = [run[name][-1].reshape(40, -1) for run in runs]
        error = np.sqrt(sum(end.var(axis=0) / 40 for end in ends))
        assert np.all(np.abs(ends[0].mean(axis=0) - ends[1].mean(axis=0)) < 4 * error), name
        assert np.all(ends[0].std(axis=0) < 2 * ends[1].std(axis=0)), name


def test_small_steps_follow_the_flow():
    sizes: dict[str, Any] = {"neurons": 4, "dimension": 30, "seed": 2, "biases": {"law": "normal"}}
    flow = ss.solve(ss.NetworkFlow(PROBLEM, 0.5, **sizes), until=3.0)
    sgd = ss.solve(ss.OnePassSGD(PROBLEM, 0.5, step_size=2e-4, **sizes), until=3.0, states=2)
    assert np.array_equal(flow["bias"][0], sgd["bias"][0])
    assert np.abs(flow["bias"][-1] - sgd["bias"][-1]).max() < 0.1 < np.ptp(flow["bias"], axis=0).max()
    assert sgd["risk"][-1] == pytest.approx(flow["risk"][-1], rel=0.15)


def test_the_limit_without_a_closed_noise_is_refused():
    sgd = ss.OnePassSGD(PROBLEM, 1.0, step_size=1e-3, initial=(A, UNIT), biases=B)
    with pytest.raises(ss.ArgumentError, match="Argument `sgd` must have neurons without biases"):
        ss.SGDLimit(sgd)
    assert jnp.isfinite(sgd.start()[1][3]).all()
