"""References of paths, jumps and descents on samples: closed forms, exact enumeration, and each other."""

import numpy as np
import pytest
from campaigns.references.costs import Masked
from campaigns.references.diagonal import flow, jumps, minimiser
from campaigns.references.fixed_rank import curvature, rested
from campaigns.references.network import Network, polynomial_kernels
from campaigns.references.sgd_limit import SGDLimitFlow, full_batch, hermite_slope, hermite_sum, sgd_runs

ALL = np.ones((3, 3), bool)


def test_hermite_functions():
    x = np.linspace(-2, 2, 9)
    c = np.array([0.3, -1.0, 0.5, 0.2])
    right = 0.3 - x + 0.5 * (x**2 - 1) / 2**0.5 + 0.2 * (x**3 - 3 * x) / 6**0.5
    assert hermite_sum(c, x) == pytest.approx(right)
    assert hermite_slope(c, x) == pytest.approx((hermite_sum(c, x + 1e-6) - hermite_sum(c, x - 1e-6)) / 2e-6, abs=1e-8)


def _limit(delta, tau, activation=(0.0, 1.0), s=0.3):
    u = np.array([[s, (1 - s * s) ** 0.5, 0.0]])
    pair = polynomial_kernels(np.array(activation), np.array(activation))
    net = Network.of(pair, 0.5, np.array([0.8]), u, np.ones((1, 1)), np.ones(1))
    return SGDLimitFlow(net, np.array(activation), np.array(activation), delta, tau)


def test_noise_of_linear_functions_is_the_risk():
    # sigma' = 1: N = a^2 (2 R + tau^2), R = (1 - 2 a s + a^2) / 2
    noise = _limit(0.1, 0.4).noise(np.array([0.8]), np.array([0.3]), np.ones((1, 1)))
    assert noise == pytest.approx(np.array([[0.64 * (1 - 2 * 0.8 * 0.3 + 0.64 + 0.16)]]))


def test_noise_is_an_average_over_samples():
    flow_ = _limit(0.1, 0.0, (0.2, 0.5, 0.7))
    v, z = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], 1_000_000).T
    c = np.array([0.2, 0.5, 0.7])
    samples = 0.64 * ((hermite_sum(c, v) - 0.8 * hermite_sum(c, z)) * hermite_slope(c, z)) ** 2
    noise = flow_.noise(np.array([0.8]), np.array([0.3]), np.ones((1, 1)))[0, 0]
    assert abs(noise - samples.mean()) < 5 * samples.std() / 1e3


def test_sgd_in_high_dimension_follows_its_limit():
    link = activation = np.array([0.0, 1.0])
    d, delta, runs, until = 400, 0.4, 200, 1.0
    limit = _limit(delta, 0.5)
    u = np.zeros((runs, 1, d))
    u[..., 0], u[..., 1] = 0.3, (1 - 0.09) ** 0.5
    step = delta / d
    rng = np.random.default_rng(1)
    a, u = sgd_runs(link, activation, 0.5, np.full((runs, 1), 0.8), u, step, 1, round(until / step), 0.5, rng)
    right = limit.solve(until).states[-1]
    for got, wanted in ((a[:, 0], right[0]), (u[:, 0, 0], right[1])):
        # corrections are of order 1 / d
        assert abs(got.mean() - wanted) < 5 * got.std() / runs**0.5 + 2 / d
    # the noise terms are seen: without them the overlap would be another
    assert abs(_limit(0.0, 0.5).solve(until).states[-1][1] - right[1]) > 0.02


def test_full_batch_descends_its_train_risk():
    rng = np.random.default_rng(2)
    x, c = rng.standard_normal((30, 4)), np.array([0.1, 1.0, 0.3])
    y = hermite_sum(c, x[:, 0])
    a, u = rng.standard_normal(2), rng.standard_normal((2, 4))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    step = 1e-4
    risks, a1, u1 = full_batch(c, c, 0.5, a, u, step, 1, x, y)

    def risk(a, u):
        u = u / np.linalg.norm(u, axis=1, keepdims=True)
        return 0.5 * np.mean((y - hermite_sum(c, x @ u.T) @ a / 2) ** 2)

    da = np.array([(risk(a + h, u) - risk(a - h, u)) / 2e-6 for h in 1e-6 * np.eye(2)])
    assert (a1 - a) / step == pytest.approx(-2 * da / 0.5, rel=1e-5)
    for i in range(2):
        for k in range(4):
            h = np.zeros((2, 4))
            h[i, k] = 1e-6
            slope = (risk(a, u + h) - risk(a, u - h)) / 2e-6
            assert (u1 - u)[i, k] / step == pytest.approx(-2 * slope, rel=1e-3, abs=1e-3)
    assert risks[1] < risks[0]


def test_jumps_of_one_coordinate_and_of_orthogonal_ones():
    # |s| = 1 after n / |x y|: each coordinate for itself
    times, losses = jumps(np.diag([1.0, 2.0]), np.array([3.0, -1.0]))
    assert times == pytest.approx([2 / 3, 1.0])
    assert losses == pytest.approx([2.5, 0.25, 0.0])


def test_jumps_of_the_published_reference():
    # docs of the paper's example: default_rng(0), 5 x 7, beta = (1.5, -1, 0 ..)
    X = np.random.default_rng(0).standard_normal((5, 7))
    times, losses = jumps(X, X @ np.array([1.5, -1.0, 0, 0, 0, 0, 0]))
    assert times == pytest.approx([0.5870543196, 0.8322652248, 3.3449887570], abs=1e-9)
    assert losses == pytest.approx([1.4100481387, 0.4387761975, 0.1252157019, 0.0], abs=1e-9)


def test_jumps_are_the_limit_of_the_flow():
    X = np.array([[1.0, 0.4, -0.3], [0.2, 1.1, 0.5]])
    y = np.array([1.0, -0.7])
    times, losses = jumps(X, y)
    solution, run = flow(X, y, 300.0, float(times[-1]) * 1.3)
    for k, time in enumerate(times):
        middle = 0.5 * (losses[k] + losses[k + 1])
        assert solution.times[np.argmax(run < middle)] == pytest.approx(time, rel=0.03)


def test_minimiser_obeys_signs():
    X, y = np.eye(2), np.array([1.0, -2.0])
    assert minimiser(X, y, np.array([1.0, 1.0])).tolist() == [1.0, 0.0]
    assert minimiser(X, y, np.array([0.0, -1.0])).tolist() == [0.0, -2.0]


def test_curvature_at_fixed_rank_tells_saddles_from_minima():
    target = np.diag([3.0, 2.0, 1.0])
    cost = Masked(target, ALL)
    best, wrong = np.diag([3.0, 0, 0]), np.diag([0.0, 2.0, 0])
    # second derivative along a rotation from s_i to s_j at fixed rank: 1 - s_j / s_i at its least
    assert curvature(cost, best, 1) == pytest.approx(1 - 2 / 3, abs=1e-9)
    assert curvature(cost, wrong, 1) == pytest.approx(1 - 3 / 2, abs=1e-9)
    rng = np.random.default_rng(0)
    value, A = rested(cost, wrong, 1, 1e-3, rng)
    assert value == pytest.approx(2.5, abs=1e-9)
    assert pytest.approx(best, abs=1e-5) == A


def test_curvature_is_a_second_difference():
    rng = np.random.default_rng(3)
    mask = np.array([[True, False, True], [True, True, False], [False, True, True]])
    cost = Masked(rng.standard_normal((3, 3)), mask)
    _, A = rested(cost, rng.standard_normal((3, 3)), 1, 0.1, rng)
    U, s, Vt = np.linalg.svd(A)
    least = np.inf
    for _ in range(4000):
        x, y = rng.standard_normal(3), rng.standard_normal(3)
        # along curves of rank one through A, A + h X + h^2 X A^+ X
        X = np.outer(x, Vt[0]) + np.outer(U[:, 0], y)
        X /= np.linalg.norm(X)
        P, Q = np.outer(U[:, 0], U[:, 0]), np.outer(Vt[0], Vt[0])
        second_order = (np.eye(3) - P) @ X @ Q @ (np.outer(Vt[0], U[:, 0]) / s[0]) @ P @ X @ (np.eye(3) - Q)
        h = 1e-3
        ends = [cost.value(A + w * X + w * w * second_order) for w in (h, -h)]
        least = min(least, (sum(ends) - 2 * cost.value(A)) / h**2)
    bound = curvature(cost, A, 1)
    assert bound - 1e-4 < least < bound + 0.1
