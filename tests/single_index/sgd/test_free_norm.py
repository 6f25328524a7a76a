"""SGD with a first layer of free norm: plain loops, its law in few coordinates, its limit as published."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline

import saddlescope as ss
from saddlescope.single_index.sgd.four_point import erf_average, polynomial_average

COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2, weights=[1.0, -0.6])
A, U = np.array([1.0, -0.5, 0.7]), np.random.default_rng(3).standard_normal((3, 1000)) * [[0.02], [0.03], [0.04]]


def test_a_step_is_that_of_a_plain_loop():
    """u_i += eta a_i e sigma'(z_i) x and a_i += (eta / epsilon) e sigma(z_i), averaged over a batch; no noise."""
    sgd = ss.OnePassSGD(COMMITTEE, 0.5, step_size=0.1, batch_size=4, initial=(A, U[:, :12]), sphere=False)
    steps, _ = sgd.start()
    x = np.random.default_rng(1).standard_normal((4, 12))
    a, u = steps._step(jax.random.PRNGKey(0), jnp.asarray(A), jnp.asarray(U[:, :12]), jnp.asarray(x))
    erf = ss.gaussian_function("erf")
    right_a, right_u = A.copy(), U[:, :12].copy()
    for sample in x:
        z = U[:, :12] @ sample
        e = (erf(sample[0]) - 0.6 * erf(sample[1])) / 2 - np.mean(A * erf(z))
        right_a += 0.1 / 0.5 * e * erf(z) / 4
        right_u += 0.1 * (A * e * erf.derivative(z))[:, None] * sample / 4
    np.testing.assert_allclose(a, right_a, rtol=1e-12)
    np.testing.assert_allclose(u, right_u, rtol=1e-12)


def test_learning_rates_of_a_sum_are_a_step_and_an_epsilon():
    """Plain gradient descent of mean (sum_i v_i sigma(<u_i, x>) - y)^2 / 2 with a rate for each layer, 300 steps."""
    m, d, n, first, second = 3, 8, 40, 0.06, 0.02
    problem = ss.SingleIndex("tanh", "tanh")
    v, u = A / m, 25 * U[:, :d]
    how = {"step_size": first / m, "epsilon": first / (m * m * second), "samples": n, "seed": 5}
    descent = ss.SampleDescent(problem, initial=(A, u), sphere=False, **how)
    steps, _ = descent.start()
    x, y = np.asarray(steps.x), np.asarray(steps.y)
    assert np.allclose(y, np.tanh(x[:, 0]))
    for _ in range(300):
        t = np.tanh(x @ u.T)
        e = (t @ v - y) / n
        v, u = v - second * (e @ t), u - first * ((e[:, None] * (1 - t**2) * v).T @ x)
    run = ss.solve(descent, until=300 * first / m, states=2)
    np.testing.assert_allclose(run["second_layer"][-1] / m, v, rtol=1e-10)
    np.testing.assert_allclose(run["norm"][-1], np.linalg.norm(u, axis=1), rtol=1e-10)
    np.testing.assert_allclose(run["train_risk"][-1], 0.5 * np.mean((np.tanh(x @ u.T) @ v - y) ** 2), rtol=1e-10)


def test_few_coordinates_have_the_law_of_all():
    runs = []
    for method in ("direct", "gram"):
        sgd = ss.OnePassSGD(
            COMMITTEE, 1.0, step_size=4e-3, runs=48, initial=(A, U[:, :150] * 3), sphere=False, method=method
        )
        runs.append(ss.solve(sgd, until=3.0, states=2))
    for name in ("risk", "norm", "second_layer"):
        ends = [run[name][-1].reshape(48, -1) for run in runs]
        error = np.sqrt(sum(end.var(axis=0) / 48 for end in ends))
        assert np.all(np.abs(ends[0].mean(axis=0) - ends[1].mean(axis=0)) < 4 * error), name
        assert np.all(ends[0].std(axis=0) < 2 * ends[1].std(axis=0)), name


def published(t, y, delta, noise, epsilon, v_teacher, T):
    """Equations (S10) ff. of Goldt et al. (2019) for erf(x / sqrt 2), in sums with v = a / m; time as in the code."""
    del t
    m, p = 3, len(v_teacher)
    v, R, Q = y[:m], y[m : m + m * p].reshape(m, p), y[m + m * p :].reshape(m, m)
    C = np.block([[Q, R], [R.T, T]])
    w = np.concatenate([v, -v_teacher])

    def arcsine(a, b):
        return 2 / np.pi * np.arcsin(C[a, b] / np.sqrt((1 + C[a, a]) * (1 + C[b, b])))

    def with_field(a, b, c):
        root = np.sqrt((1 + C[a, a]) * (1 + C[c, c]) - C[a, c] ** 2)
        return 2 / np.pi / root * (C[b, c] * (1 + C[a, a]) - C[a, b] * C[a, c]) / (1 + C[a, a])

    def with_slopes(a, b, c, d):
        L4 = (1 + C[a, a]) * (1 + C[b, b]) - C[a, b] ** 2
        L0 = L4 * C[c, d] - C[b, c] * C[b, d] * (1 + C[a, a]) - C[a, c] * C[a, d] * (1 + C[b, b])
        L0 += C[a, b] * C[a, c] * C[b, d] + C[a, b] * C[a, d] * C[b, c]
        L1 = L4 * (1 + C[c, c]) - C[b, c] ** 2 * (1 + C[a, a]) - C[a, c] ** 2 * (1 + C[b, b])
        L1 += 2 * C[a, b] * C[a, c] * C[b, c]
        L2 = L4 * (1 + C[d, d]) - C[b, d] ** 2 * (1 + C[a, a]) - C[a, d] ** 2 * (1 + C[b, b])
        L2 += 2 * C[a, b] * C[a, d] * C[b, d]
        return 4 / np.pi**2 / np.sqrt(L4) * np.arcsin(L0 / np.sqrt(L1 * L2))

    everything = range(m + p)
    dv = np.array([-sum(w[j] * arcsine(i, j) for j in everything) for i in range(m)]) / (m * epsilon)
    dR = np.array(
        [[-m * v[i] * sum(w[j] * with_field(i, m + n, j) for j in everything) for n in range(p)] for i in range(m)]
    )
    dQ = np.zeros((m, m))
    for i in range(m):
        for k in range(m):
            step = -v[i] * sum(w[j] * with_field(i, k, j) for j in everything)
            step -= v[k] * sum(w[j] * with_field(k, i, j) for j in everything)
            squares = sum(w[j] * w[l] * with_slopes(i, k, j, l) for j in everything for l in everything)  # noqa: E741
            slopes = 2 / np.pi / np.sqrt((1 + Q[i, i]) * (1 + Q[k, k]) - Q[i, k] ** 2)
            dQ[i, k] = m * step + m * m * delta * v[i] * v[k] * (squares + noise**2 * slopes)
    return np.concatenate([dv, dR.ravel(), dQ.ravel()])


@pytest.mark.parametrize(("epsilon", "step"), [(1.0, 2e-3), (float("inf"), 2e-3), (0.3, 1e-12)])
def test_the_limit_is_that_of_the_published_equations(epsilon, step):
    teachers = [[1.0, 0.2], [0.2, 1.0]]
    problem = ss.MultiIndex("erf", "erf", directions=teachers, weights=[1.0, -0.6])
    sgd = ss.OnePassSGD(problem, epsilon, step_size=step, label_noise=0.3, initial=(A, U), sphere=False)
    limit = ss.SGDLimit(sgd)
    run = ss.solve(limit, until=6.0, rtol=1e-8, states=12)
    frame = np.linalg.cholesky(np.array(teachers))
    y0 = np.concatenate([A / 3, (U[:, :2] @ frame.T).ravel(), (U @ U.T).ravel()])
    told = (step * 1000, 0.3, epsilon, np.array([0.5, -0.3]), np.array(teachers))
    twin = solve_ivp(published, (0, 6.0), y0, "DOP853", run["state_time"], args=told, rtol=1e-10, atol=1e-12).y.T
    assert np.abs(run["second_layer"] / 3 - twin[:, :3]).max() < 1e-6
    assert np.abs(run["overlap"].reshape(-1, 6) - twin[:, 3:9]).max() < 1e-6
    assert np.abs(run["mutual_overlap"].reshape(-1, 9) - twin[:, 9:]).max() < 1e-6
    assert np.ptp(run["norm"][:, 0]) > 0.05
    if step < 1e-6:  # vanishing steps leave the flow
        flow = ss.solve(ss.NetworkFlow(problem, epsilon, initial=(A, U), sphere=False), until=6.0, rtol=1e-8)
        assert flow["risk"][-1] == pytest.approx(run["risk"][-1], rel=1e-5)


def at(run, times):
    return CubicHermiteSpline(run.time, run["risk"], run["risk_rate"])(times)


@pytest.mark.parametrize("problem", [COMMITTEE, ss.SingleIndex([0.2, 1.0, 0.5], [0.1, 1.0, 0.3])])
def test_sgd_in_dimension_1000_stays_within_its_standard_errors(problem):
    sgd = ss.OnePassSGD(
        problem, 1.0, step_size=1e-3, runs=64, label_noise=0.3, initial=(A, U), sphere=False, method="gram"
    )
    run = ss.solve(sgd, until=2.0, states=2)
    mean, error = run["risk"].mean(axis=1), run["risk"].std(axis=1) / 8
    limit = ss.solve(ss.SGDLimit(sgd), until=2.0, rtol=1e-9)
    flow = ss.solve(ss.NetworkFlow(problem, 1.0, initial=(A, U), sphere=False), until=2.0, rtol=1e-8)
    seen = np.searchsorted(run.time, [0.1, 0.3, 1.0, 2.0 - 1e-9])
    assert np.all(np.abs(mean - at(limit, run.time))[seen] < 3.5 * error[seen] + 1e-3 * mean[seen])
    assert np.abs(mean - at(flow, run.time))[seen[-1]] > 10 * error[seen[-1]]
    # the rate that is saved is the slope of the risk
    fallen = np.diff(limit.time) * (limit["risk_rate"][1:] + limit["risk_rate"][:-1]) / 2
    assert np.diff(limit["risk"]) == pytest.approx(fallen, rel=0.01, abs=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_averages_of_four_functions_at_any_variance(seed):
    rng = np.random.default_rng(seed)
    C = np.cov(rng.standard_normal((4, 9))) * 0.6
    x, w = np.polynomial.hermite_e.hermegauss(24)
    grid = np.stack(np.meshgrid(*[x] * 4, indexing="ij"), axis=-1).reshape(-1, 4) @ np.linalg.cholesky(C).T
    weight = np.einsum("i,j,k,l->ijkl", w, w, w, w).ravel() / w.sum() ** 4
    pairs = [C[i, j] for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))]
    erf = ss.gaussian_function("erf")
    right = weight @ (erf(grid[:, 0]) * erf(grid[:, 1]) * erf.derivative(grid[:, 2]) * erf.derivative(grid[:, 3]))
    assert float(erf_average(tuple(pairs), tuple(np.diag(C)))) == pytest.approx(right, abs=1e-6)
    from saddlescope.gaussian import norm_kernel

    terms, length = [rng.standard_normal(3) for _ in range(4)], np.sqrt(np.diag(C))
    scaled = [norm_kernel(f).coefficients(np.array(s), 2) for f, s in zip(terms, length, strict=True)]
    R = C / np.outer(length, length)
    correlations = tuple(R[i, j] for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)))
    values = np.prod([ss.hermite(f)(grid[:, k]) for k, f in enumerate(terms)], axis=0)
    assert float(polynomial_average(tuple(scaled), correlations)) == pytest.approx(weight @ values, abs=1e-10)


def test_phase_retrieval_on_the_sphere_escapes_along_its_logistic_curve():
    """One neuron, squares, no label noise: q = s^2 obeys q' = (8 - 48 delta) q (1 - q), and the risk is 2 (1 - q)."""
    d, delta, level = 3000, 0.1, 0.99
    u = np.zeros((1, d))
    u[0, :2] = d**-0.5, (1 - 1 / d) ** 0.5
    sgd = ss.OnePassSGD(
        ss.SingleIndex("square", "square"), second_layer="fixed", step_size=delta / d, initial=([1.0], u)
    )
    run = ss.solve(ss.SGDLimit(sgd), until=3.0, rtol=1e-8)
    q = 1 - level * (1 - 1 / d)
    right = np.log(q / (1 - q) * (d - 1)) / (8 - 48 * delta)
    times = np.linspace(right - 0.05, right + 0.05, 2001)
    assert np.interp(-level * run["risk"][0], -at(run, times), times) == pytest.approx(right, rel=1e-5)
