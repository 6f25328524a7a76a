"""Networks with biases, on the sphere and off it: their gradient, a plain twin, what they learn that others cannot."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems.compiled import field_and_observables, jacobian_and_solve

import saddlescope as ss

PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex(PHI, SIGMA)
X, W = np.polynomial.hermite_e.hermegauss(130)
POINTS = np.stack(np.meshgrid(X, X, indexing="ij"), axis=-1).reshape(-1, 2)
WEIGHTS = np.outer(W, W).ravel() / W.sum() ** 2
BIASES = [0.3, -0.8, 0.1]


def start(seed, sphere, d=2):
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((3, d))
    return rng.standard_normal(3), u / np.linalg.norm(u, axis=1, keepdims=True) if sphere else 0.8 * u


def risk_in_the_plane(problem, a, b, u, sphere):
    """E(y - f)^2 / 2 for x in two dimensions, by a product rule of 130 nodes a variable."""
    u = u / jnp.linalg.norm(u, axis=1, keepdims=True) if sphere else u
    f = problem.activation(jnp.asarray(POINTS) @ u.T + b) @ a / len(a)
    return 0.5 * jnp.asarray(WEIGHTS) @ (np.asarray(problem.link(POINTS[:, 0])) - f) ** 2


@pytest.mark.parametrize("sphere", [True, False])
@pytest.mark.parametrize("activation", [SIGMA, "erf", "tanh", "sin"])
def test_the_field_is_the_gradient_of_the_risk(activation, sphere):
    problem, (a, u), b = ss.SingleIndex(PHI, activation), start(2, sphere), np.array(BIASES)
    system, y = ss.NetworkFlow(problem, 0.1, initial=(a, u), sphere=sphere, biases=b).start()
    risk, slopes = jax.value_and_grad(lambda a, b, u: risk_in_the_plane(problem, a, b, u, sphere), (0, 1, 2))(a, b, u)
    rate, result = field_and_observables(system, y)
    assert np.allclose(rate[:, 0], -3 * slopes[0] / 0.1, atol=1e-6)
    assert np.allclose(rate[:, 1], -3 * slopes[1], atol=1e-6)
    assert np.allclose(rate[:, 2:], -3 * slopes[2], atol=1e-6)
    assert np.isclose(result["risk"], risk, atol=1e-8)
    steepest = -3 * (np.sum(slopes[0] ** 2) / 0.1 + np.sum(slopes[1] ** 2) + np.sum(slopes[2] ** 2))
    assert np.isclose(result["risk_rate"], steepest, rtol=1e-6)


def test_relu_neurons_beside_plain_numbers():
    """By Gauss-Legendre on panels that end at the kinks, in one dimension, where neurons are +-1."""
    a, u, b = np.array([1.0, -0.5, 2.0]), np.array([[1.0], [-1.0], [1.0]]), np.array(BIASES)
    x, w = np.polynomial.legendre.leggauss(40)
    edges = np.array([-11, -4, -0.3, -0.1, -0.8, 0.8, 4, 11.0])
    edges.sort()
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    x, w = (middle + half * x).ravel(), (half * w).ravel()
    w = w * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    z = x[:, None] * u[:, 0] + b
    e = w * (x - np.maximum(z, 0) @ a / 3)
    system, y = ss.NetworkFlow(ss.SingleIndex([0, 1.0], "relu"), 0.5, initial=(a, u), sphere=False, biases=b).start()
    rate, _ = field_and_observables(system, y)
    assert np.allclose(rate[:, 0], e @ np.maximum(z, 0) / 0.5, atol=1e-7)
    assert np.allclose(rate[:, 1], a * (e @ (z > 0)), atol=1e-7)
    assert np.allclose(rate[:, 2], a * ((e * x) @ (z > 0)), atol=1e-7)


@pytest.mark.parametrize("sphere", [True, False])
def test_what_is_stiff_is_solved_with_the_jacobian_as_it_is(sphere):
    flow = ss.NetworkFlow(LADDER, 0.3, initial=start(5, sphere, 5), sphere=sphere, biases=BIASES)
    system, y = flow.start()
    x = np.random.default_rng(1).standard_normal(y.shape)
    jacobian, solved = map(np.array, jacobian_and_solve(system, y, 0.7, x))
    jacobian[:, 1:, :, 1:] = 0  # what does not grow like 1 / epsilon
    if sphere:  # what the second layer sees of a neuron is its direction
        u = np.asarray(y[:, 2:])
        jacobian[:, 0, :, 2:] -= np.einsum("ijk,jk,jl->ijl", jacobian[:, 0, :, 2:], u, u)
    assert np.allclose(solved - 0.7 * np.einsum("abcd,cd->ab", jacobian, solved), x, atol=1e-10)


def plain(t, y, epsilon, sphere):
    """Averages over a product rule that is exact for polynomials of degree 15 in each variable."""
    del t
    a, b, u = y[:3], y[3:6], y[6:].reshape(3, 2)
    u = u / np.linalg.norm(u, axis=1, keepdims=True) if sphere else u
    z = points8 @ u.T + b

    def cubic(c, x):
        return c[0] + c[1] * x + c[2] * (x**2 - 1) / 2**0.5 + c[3] * (x**3 - 3 * x) / 6**0.5

    slope = SIGMA[1] + SIGMA[2] * 2 * z / 2**0.5 + SIGMA[3] * (3 * z**2 - 3) / 6**0.5
    e = weights8 * (cubic(PHI, points8[:, 0]) - cubic(SIGMA, z) @ a / 3)
    force = (a * slope).T @ (e[:, None] * points8)
    force = force - np.sum(force * u, axis=1, keepdims=True) * u if sphere else force
    return np.concatenate([e @ cubic(SIGMA, z) / epsilon, a * (e @ slope), force.ravel()])


x8, w8 = np.polynomial.hermite_e.hermegauss(8)
points8 = np.stack(np.meshgrid(x8, x8, indexing="ij"), axis=-1).reshape(-1, 2)
weights8 = np.outer(w8, w8).ravel() / w8.sum() ** 2


@pytest.mark.parametrize("sphere", [True, False])
def test_agrees_with_averages_over_samples(sphere):
    a, u = start(7, sphere)
    flow = ss.NetworkFlow(LADDER, 0.01, initial=(a, u), sphere=sphere, biases=BIASES)
    run = ss.solve(flow, until=2.0, rtol=1e-7, states=30)
    y0 = np.concatenate([a, BIASES, u.ravel()])
    twin = solve_ivp(plain, (0, 2.0), y0, "LSODA", run["state_time"], args=(0.01, sphere), rtol=1e-10, atol=1e-12).y.T
    assert np.abs(run["second_layer"] - twin[:, :3]).max() < 1e-5
    assert np.abs(run["bias"] - twin[:, 3:6]).max() < 1e-5
    assert np.abs(run["overlap"] - twin[:, 6::2]).max() < 1e-5
    assert np.ptp(run["bias"], axis=0).max() > 0.05
    assert ("norm" in run.observables) is not sphere
    assert np.allclose(run["risk_by_degree"].sum(axis=1), run["risk"], atol=1e-10)
    assert run.accuracy["integration_error"] < 1e-4
    assert not run.doubts


def test_an_odd_activation_learns_an_even_link_by_its_biases():
    """erf neurons have no even part without biases; the floor of the risk is then that of the even degrees."""
    problem = ss.SingleIndex([0.0, 1.0, 0.5], "erf")
    sizes: dict[str, Any] = {"neurons": 8, "dimension": 40, "seed": 1}
    without = ss.solve(ss.NetworkFlow(problem, 0.1, **sizes), until=60.0)
    biased = ss.solve(ss.NetworkFlow(problem, 0.1, **sizes, biases={"law": "normal"}), until=60.0)
    assert without["risk"][-1] > 0.125
    assert biased["risk"][-1] < 0.03


def test_biases_start_as_they_are_told():
    make = lambda **more: ss.NetworkFlow(LADDER, 0.1, 4, 20, seed=2, **more)  # noqa: E731
    starts = [np.asarray(make(biases=b).start()[1])[:, 1] for b in (0.5, [1.0, 2, 3, 4], "rademacher")]
    assert np.array_equal(starts[0], np.full(4, 0.5))
    assert np.array_equal(starts[1], [1, 2, 3, 4])
    assert set(np.abs(starts[2])) == {1.0}
    # a law of biases leaves the rest of the start as it is
    assert np.array_equal(np.asarray(make(biases="rademacher").start()[1])[:, 2:], np.asarray(make().start()[1])[:, 1:])
    for bad, message in (
        ([1.0, 2.0], "Argument `biases` must be one number, a law, or 4 numbers, one a neuron"),
        (float("nan"), "Argument `biases` must be a finite number"),
        ("unifrom", r"Argument `biases` must name a known law \(did you mean 'uniform'"),
    ):
        with pytest.raises(ss.ArgumentError, match=message):
            make(biases=bad)
