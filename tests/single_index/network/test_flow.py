"""The population flow of finite networks: its gradient, a plain twin in Gram matrices, its limits and invariances."""

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from campaigns.references.network import Network, polynomial_kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from systems.compiled import field_and_observables

import saddlescope as ss

INF = float("inf")
PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex(PHI, SIGMA)
M = 4
network = partial(ss.NetworkFlow, problem=LADDER, epsilon=0.1)


def random_network(seed: int, m: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(m, d))
    return rng.normal(size=m), u / np.linalg.norm(u, axis=1, keepdims=True)


def closed_form_risk(activation, a, u):
    """E(y - f)^2 / 2 with the kernels written out, u free of constraint; phi = h_0 - h_1 + h_2 + h_3."""
    u = u / jnp.linalg.norm(u, axis=1, keepdims=True)
    s, r = u[:, 0], u @ u.T
    m = len(a)
    k = np.arange(4)
    off = ~np.eye(m, dtype=bool)
    if activation == "relu":
        r = jnp.where(off, r, 0.0)  # arc cosines have no gradient at one
        U = (jnp.sqrt(1 - r**2) + r * (np.pi - jnp.arccos(r))) / (2 * np.pi)
        sigma = np.array([1 / np.sqrt(2 * np.pi), 0.5, 1 / np.sqrt(4 * np.pi), 0.0])
        U = jnp.where(off, U, 0.5)
    elif activation == "erf":
        U = 2 / np.pi * jnp.arcsin(r / 2)
        # odd degrees 1 and 3 of erf(x / sqrt 2), by integrating by parts
        sigma = np.array([0.0, 1 / np.sqrt(np.pi), 0.0, -1 / (2 * np.sqrt(6 * np.pi))])
    else:
        sigma = np.array(SIGMA)
        U = jnp.sum(sigma**2 * r[..., None] ** k, axis=-1)
    V = jnp.sum(np.array(PHI) * sigma * s[:, None] ** k, axis=-1)
    return 0.5 * np.sum(np.square(PHI)) - jnp.mean(a * V) + a @ (jnp.where(off, U, jnp.diag(U)) @ a) / (2 * m * m)


risk_gradient = jax.jit(jax.value_and_grad(closed_form_risk, (1, 2)), static_argnums=0)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(size=st.sampled_from([(3, 2), (4, 7)]), seed=st.integers(0, 1000))
@pytest.mark.parametrize("activation", ["hermite", "relu", "erf"])
def test_the_field_is_the_gradient_of_the_closed_form_risk(activation, size, seed):
    (m, d), epsilon = size, 0.1
    a, u = random_network(seed, m, d)
    problem = ss.SingleIndex(PHI, SIGMA if activation == "hermite" else activation)
    system, y = ss.NetworkFlow(problem, epsilon, initial=(a, u)).start()
    coordinates = np.asarray(y[:, 1:])
    risk, (along_a, along_u) = risk_gradient(activation, a, coordinates)
    along_u = along_u - np.sum(along_u * coordinates, axis=1, keepdims=True) * coordinates
    rate, result = field_and_observables(system, y)
    assert np.allclose(rate[:, 1:], -m * along_u, atol=1e-9)
    assert np.allclose(rate[:, 0], -m * along_a / epsilon, atol=1e-9)
    assert np.isclose(result["risk"], risk, rtol=1e-10)
    steepest = -m * (np.sum(np.square(along_a)) / epsilon + np.sum(np.square(along_u)))
    assert np.isclose(result["risk_rate"], steepest, rtol=1e-8)


def gram_flow(t, y, m, epsilon):
    """Section 2(b) of the theory in plain loops over what it says: a, s = <u*, u_i>, r = <u_i, u_j>."""
    a, s, r = y[:m], y[m : 2 * m], y[2 * m :].reshape(m, m)
    k = np.arange(1, 4)
    c, q = np.multiply(PHI, SIGMA), np.square(SIGMA)
    V = sum(c[i] * s**i for i in range(4))
    U = sum(q[i] * r**i for i in range(4))
    dV = np.sum([i * c[i] * s ** (i - 1) for i in k], axis=0)
    dU = np.sum([i * q[i] * r ** (i - 1) for i in k], axis=0)
    da = (V - U @ a / m) / epsilon
    ds, dr = np.zeros(m), np.zeros((m, m))
    for i in range(m):
        ds[i] = a[i] * (dV[i] * (1 - s[i] ** 2) - np.sum(a * dU[i] * (s - r[i] * s[i])) / m)
    for i, j in product(range(m), range(m)):
        x = a[i] * (dV[i] * (s[j] - s[i] * r[i, j]) - np.sum(a * dU[i] * (r[j] - r[i] * r[i, j])) / m)
        dr[i, j] += x
        dr[j, i] += x
    return np.concatenate([da, ds, dr.ravel()])


@pytest.mark.parametrize(("dimension", "seed"), [(2, 1), (9, 2), (30, 3), (10**9, 4), (INF, 5), ("given", 6)])
def test_agrees_with_the_flow_of_gram_matrices(dimension, seed):
    epsilon, rtol = 0.1, 1e-7
    if dimension == "given":
        # 40 coordinates, of which the flow keeps m + 1
        flow = ss.NetworkFlow(LADDER, epsilon, initial=random_network(seed, M, 40))
        assert flow.start()[1].shape == (M, 1 + M + 1)
        u = random_network(seed, M, 40)[1]
    else:
        flow = ss.NetworkFlow(LADDER, epsilon, neurons=M, dimension=dimension, seed=seed)
        u = np.asarray(flow.start()[1])[:, 1:]
    run = ss.solve(flow, until=3.0, rtol=rtol, states=30)
    start = np.concatenate([run["second_layer"][0], u[:, 0], (u @ u.T).ravel()])
    twin = solve_ivp(
        gram_flow, (0, 3.0), start, "DOP853", run["state_time"], args=(M, epsilon), rtol=1e-11, atol=1e-12
    ).y.T
    error = 10 * rtol
    assert np.abs(run["second_layer"] - twin[:, :M]).max() < error
    assert np.abs(run["overlap"] - twin[:, M : 2 * M]).max() < error
    assert np.abs(run["mutual_overlap"] - twin[:, 2 * M :].reshape(-1, M, M)).max() < error
    assert run.accuracy["norm_drift"] < error
    assert np.abs(run["overlap"]).max() > 0.3  # the first layer has moved


@jax.jit
def radius_and_bound(system, y):
    jacobian = jax.jacfwd(system.vector_field)(y).reshape(y.size, y.size)
    return jacobian, system.spectral_radius(y)


@jax.jit
def a_while_later(system, y):
    def step(_, y):
        y = y + 0.5 / system.spectral_radius(y) * system.vector_field(y)
        return y.at[:, 1:].divide(jnp.linalg.norm(y[:, 1:], axis=1, keepdims=True))

    return jax.lax.fori_loop(0, 40, step, y)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), epsilon=st.sampled_from([1e-4, 0.1, 10.0]))
@pytest.mark.parametrize(("activation", "d"), [("hermite", 6), ("relu", 3), ("erf", 1000)])
def test_the_spectral_radius_is_a_bound_along_runs(activation, d, seed, epsilon):
    problem = ss.SingleIndex(PHI, SIGMA if activation == "hermite" else activation)
    system, y = ss.NetworkFlow(problem, epsilon, neurons=5, dimension=d, seed=seed).start()
    for _ in range(4):
        jacobian, bound = radius_and_bound(system, y)
        radius = np.abs(np.linalg.eigvals(np.asarray(jacobian))).max()
        # a step costs the square root of it: too large by ten would make steps three times dearer
        assert radius <= bound * (1 + 1e-9) <= 10 * radius
        y = a_while_later(system, y)


@pytest.mark.parametrize("activation", [SIGMA, "relu"])
def test_risk_never_rises_and_degrees_add_up(activation):
    run = ss.solve(ss.NetworkFlow(ss.SingleIndex(PHI, activation), 1e-3, neurons=M, dimension=9, seed=2), until=30.0)
    risk = run["risk"]
    assert np.all(np.diff(risk) <= 1e-9 * risk[0])
    assert risk[-1] < 0.5 * risk[0]
    assert np.all(run["risk_rate"] <= 0)
    assert np.allclose(run["risk_by_degree"].sum(axis=1) + run["risk_rest"], risk)
    assert run["risk_by_degree"].min() > -1e-9
    if activation == SIGMA:
        assert np.abs(run["risk_rest"]).max() < 1e-12 * risk[0]
    else:
        assert run["risk_rest"].min() > 0


@pytest.mark.parametrize("activation", [SIGMA, "relu", "erf"])
def test_risk_and_its_degrees_by_monte_carlo(activation):
    a, u = random_network(3, M, 6)
    problem = ss.SingleIndex(PHI, activation)
    _, result = field_and_observables(*ss.NetworkFlow(problem, 1.0, initial=(a, u)).start())
    x = np.random.default_rng(0).normal(size=(200_000, 6))
    f = np.asarray(problem.activation(x @ u.T)) @ a / M
    sample = 0.5 * np.square(np.asarray(problem.link(x[:, 0])) - f)
    assert abs(sample.mean() - result["risk"]) < 4 * sample.std() / np.sqrt(len(x))
    # degree one of y - f, as a linear function of x, which has 6 coefficients
    linear = x.T @ (np.asarray(problem.link(x[:, 0])) - f) / len(x)
    assert np.isclose(0.5 * linear @ linear, result["risk_by_degree"][1], rtol=0.05)


@pytest.mark.parametrize(("phi1", "until"), [(1e-4, 6.0), (1e-10, 16.0)])
def test_an_escape_driven_by_next_to_nothing_comes_in_its_time(phi1, until):
    """At the default tolerance, against the flow of Gram matrices by an explicit method of order 8."""
    link, activation, m = [0.0, phi1, 1.0, 0.1], [0.0, 1.0, 1.0, 0.5], 12
    law = ss.Normal(1.5, 0.5)
    run = ss.solve(ss.NetworkFlow(ss.SingleIndex(link, activation), 1.0, m, seed=2, second_layer=law), until)
    kernels = polynomial_kernels(np.array(link), np.array(activation))
    orthogonal = np.eye(m, m + 1, 1)
    exact = Network.of(kernels, 1.0, run["second_layer"][0], orthogonal, np.eye(1), np.ones(1))
    risk = exact.risk(exact.solve(until, "DOP853", 1e-10)(run.time))
    escapes = (run["risk"] < 0.8 * run["risk"][0]) & (run["risk"] > 0.2 * run["risk"][0])
    assert np.sum(escapes) > 20
    # what is too late by a time is too high by that time's share of the fall
    late = (run["risk"] - risk)[escapes] / (run["risk_rate"] * run.time)[escapes]
    assert np.abs(late).max() < 2e-5


def test_residual_rates_are_those_of_the_residual():
    run = ss.solve(ss.NetworkFlow(LADDER, 0.1, neurons=M, dimension=9, seed=2), until=2.0, rtol=1e-8)
    time, residual, rate = run.time, run["residual"], run["residual_rate"]
    # Simpson's rule would need the middle; the trapezium is off by h^2
    h = np.diff(time)[:, None]
    assert np.diff(residual, axis=0) == pytest.approx(h * (rate[1:] + rate[:-1]) / 2, abs=2e-5)
    assert np.abs(rate).max() > 0.1


def test_tends_to_the_mean_field_flow_at_rate_one_over_m():
    """Same initial weights at both, so that only the finite width differs; d = infinity. Measured -0.93."""
    epsilon, until, gaps = 0.1, 2.0, []
    widths = [4, 16]
    for m in widths:
        a = 3**0.5 * (2 * (np.arange(m) + 0.5) / m - 1)
        start = np.hstack([np.zeros((m, 1)), np.eye(m)])
        network = ss.solve(ss.NetworkFlow(LADDER, epsilon, initial=(a, start)), until=until)
        # particles more than once change nothing, and all limits are of one size
        limit = ss.solve(ss.MeanFieldFlow(LADDER, epsilon, initial=(np.repeat(a, 16 // m), np.zeros(16))), until=until)
        at = np.linspace(0.02, until, 300)
        risks = [np.interp(at, run.time, run["risk"]) for run in (network, limit)]
        gaps.append(np.abs(risks[0] - risks[1]).max())
    slopes = np.diff(np.log(gaps)) / np.diff(np.log(widths))
    assert np.all(np.abs(slopes + 1) < 0.25), slopes


def test_without_degree_one_only_a_finite_dimension_escapes_at_a_time_that_grows_like_log_d():
    """With phi = sigma = h_2 and a = 1 held fast, s_i doubles its log at rate 2: T = log(d) / 4 + constant."""
    problem = ss.SingleIndex([0, 0, 1.0], [0, 0, 1.0])
    options = {"epsilon": 1e6, "neurons": M, "second_layer": {"law": "point_masses", "points": [1.0]}, "seed": 0}
    still = ss.solve(ss.NetworkFlow(problem, **options), until=20.0)
    assert np.abs(still["overlap"]).max() == 0
    assert np.ptp(still["risk"]) < 1e-4
    dimensions, times = [1e4, 1e6, 1e8], []
    for d in dimensions:
        run = ss.solve(ss.NetworkFlow(problem, dimension=d, **options), until=20.0, rtol=1e-8)
        times.append(ss.learning_times(run)[2])
    slopes = np.diff(times) / np.diff(np.log(dimensions))
    assert np.allclose(slopes, 0.25, rtol=0.02), slopes


def test_neurons_can_be_exchanged():
    a, u = random_network(1, M, 5)
    order = [2, 0, 3, 1]
    system, y = ss.NetworkFlow(LADDER, 0.1, initial=(a, u)).start()
    rate, result = field_and_observables(system, y)
    of_exchanged, same = field_and_observables(system, y[np.array(order)])
    assert np.allclose(of_exchanged, rate[np.array(order)], atol=1e-12)
    assert np.isclose(same["risk"], result["risk"], rtol=1e-13)


def test_random_starts_have_the_law_of_uniform_directions():
    """Below and above d = m + 1, E s^2 = E r_12^2 = 1 / d, and fourth moments 3 / (d (d + 2))."""
    from saddlescope.single_index.network.sphere import orthogonal_start, sphere_start

    rng = np.random.default_rng(0)
    for d in (3, 8, 1000):
        drawn = [sphere_start(1, 4, d, rng) for _ in range(4000)]
        assert drawn[0].shape == (4, min(d, 5))
        for values in ([u[0, 0] for u in drawn], [u[0] @ u[1] for u in drawn], [u[2] @ u[3] for u in drawn]):
            second, fourth = np.mean(np.power(values, 2)), np.mean(np.power(values, 4))
            assert abs(second * d - 1) < 5 * np.sqrt(2 / 4000)
            assert abs(fourth * d * (d + 2) / 3 - 1) < 5 * np.sqrt(32 / 3 / 4000)
    u = orthogonal_start(1, 4, 5, rng)
    assert np.array_equal(u @ u.T, np.eye(4))
    assert not u[:, 0].any()


def test_the_same_seed_gives_the_same_run_and_another_law_the_same_directions():
    changes = [{}, {"second_layer": "rademacher"}, {}, {"seed": 2}]
    flows = [network(**{"neurons": M, "dimension": 7, "seed": 1} | change) for change in changes]
    states = [np.asarray(flow.start()[1]) for flow in flows]
    assert np.array_equal(states[0], states[2])
    assert np.array_equal(states[0][:, 1:], states[1][:, 1:])
    assert not np.array_equal(states[0][:, 0], states[1][:, 0])
    assert not np.array_equal(states[0], states[3])


def test_a_run_saves_and_loads_whole(tmp_path):
    flow = ss.NetworkFlow(LADDER, 0.1, neurons=M, dimension=9, seed=2)
    run = ss.solve(flow, until=1.0)
    result = ss.load(run.save(tmp_path / "run.nc"))
    assert result.parameters == run.parameters
    assert all(np.array_equal(result[name], run[name]) for name in run.observables)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": "ladder"}, "Argument `problem` must be a SingleIndex, a MultiIndex or a JointIndex"),
        ({"epsilon": 0}, "Argument `epsilon` must be positive, but got 0.0."),
        ({}, "Argument `neurons` must be given"),
        ({"neurons": 0}, "Argument `neurons` must be a whole number of at least 1, but got 0."),
        ({"neurons": 4, "dimension": 0}, "Argument `dimension` must be a whole number of at least 1, but got 0."),
        ({"neurons": 4, "dimension": 2.5}, "Argument `dimension` must be a whole number of at least 1, but got 2.5."),
        ({"neurons": 4, "dimension": -INF}, "Argument `dimension` must be a whole number of at least 1, but got -inf."),
        ({"neurons": 4, "seed": -1}, "Argument `seed` must be a whole number of at least 0, but got -1."),
        ({"neurons": 4, "second_layer": "unifrom"}, "Argument `second_layer` must"),
        (
            {"neurons": 4, "start": "cube"},
            'Argument `start` must be "sphere", "orthogonal" or "gaussian", but got \'cu',
        ),
        ({"neurons": 4, "dimension": 4, "start": "orthogonal"}, "Argument `dimension` must be at least 5 for an orth"),
        ({"neurons": 4, "initial": ([1], [[1, 0]])}, "Argument `initial` must be given without neurons, dimension and"),
        ({"dimension": 9, "initial": ([1], [[1, 0]])}, "Argument `initial` must be given without neurons, dimension"),
        ({"initial": [1.0]}, "Argument `initial` must be a pair (a, u)"),
        ({"initial": ([1.0], [["x"]])}, "Argument `initial` must be a pair (a, u)"),
        ({"initial": ([1.0, 2.0], [[1, 0]])}, "Argument `initial` must hold a and u of shapes (m,) and (m, d)"),
        ({"initial": ([1.0], [1.0])}, "Argument `initial` must hold a and u of shapes (m,) and (m, d)"),
        (
            {"initial": ([1.0], [[0.0, 0.0]])},
            "Argument `initial` must hold neurons of norm one (sphere=False frees it), but got 0",
        ),
        ({"initial": ([1.0], [[np.nan, 0.0]])}, "Argument `initial` must hold finite neurons"),
        ({"initial": ([np.inf], [[1.0, 0.0]])}, "Argument `initial` must hold finite numbers only"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        network(**change)
    assert str(refusal.value).startswith(message)
