"""The high-dimensional limit of SGD: its noise terms, and SGD itself."""

from itertools import product

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

import saddlescope as ss
from saddlescope.single_index.sgd.four_point import erf_average, polynomial_average

ORDER = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def correlations(seed, variables=5):
    vectors = np.random.default_rng(seed).standard_normal((4, variables))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T


def by_quadrature(functions, C, nodes):
    """E of the product of four functions on a full grid of Gauss-Hermite nodes."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    w = w / w.sum()
    grid = np.array(list(product(x, repeat=4)))
    weight = np.prod(np.array(list(product(w, repeat=4))), axis=1)
    z = grid @ np.linalg.cholesky(C).T
    return float(weight @ np.prod([f(z[:, k]) for k, f in enumerate(functions)], axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_average_of_polynomials_is_that_of_a_quadrature_exact_for_them(seed):
    rng, C = np.random.default_rng(seed), correlations(seed)
    coefficients = [rng.standard_normal(k) for k in (4, 3, 3, 2)]
    functions = [ss.hermite(c) for c in coefficients]
    result = float(polynomial_average(tuple(coefficients), tuple(C[p] for p in ORDER)))
    assert result == pytest.approx(by_quadrature(functions, C, 6), abs=1e-11)


@pytest.mark.parametrize("seed", range(3))
def test_average_of_erfs_is_that_of_a_quadrature(seed):
    erf, C = ss.gaussian_function("erf"), correlations(seed)
    functions = [erf, erf, erf.derivative, erf.derivative]
    result = float(erf_average(tuple(C[p] for p in ORDER)))
    assert result == pytest.approx(by_quadrature(functions, C, 24), abs=1e-6)


COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2)


@pytest.fixture(scope="module")
def start():
    u = np.random.default_rng(3).standard_normal((3, 1000))
    return np.array([1.0, -0.5, 0.7]), u / np.linalg.norm(u, axis=1, keepdims=True)


def at(run, times):
    return CubicHermiteSpline(run.time, run["risk"], run["risk_rate"])(times)


def test_sgd_in_dimension_1000_stays_within_its_standard_errors(start):
    sgd = ss.OnePassSGD(COMMITTEE, 1.0, step_size=1e-3, runs=64, label_noise=0.3, initial=start, method="gram")
    run = ss.solve(sgd, until=3.0, states=2)
    mean, error = run["risk"].mean(axis=1), run["risk"].std(axis=1) / 8
    limit = at(ss.solve(ss.SGDLimit(sgd), until=3.0, rtol=1e-9), run.time)
    without = at(ss.solve(ss.NetworkFlow(COMMITTEE, 1.0, initial=start), until=3.0, rtol=1e-8), run.time)
    seen = np.searchsorted(run.time, [0.1, 0.3, 1.0, 2.0, 3.0 - 1e-9])
    assert np.all(np.abs(mean - limit)[seen] < 3 * error[seen])
    # the noise terms are what makes the difference
    assert np.abs(mean - without)[seen[-1]] > 20 * error[seen[-1]]


def test_vanishing_steps_leave_the_network_flow(start):
    sgd = ss.OnePassSGD(COMMITTEE, 1.0, step_size=1e-12, initial=start)
    limit = ss.solve(ss.SGDLimit(sgd), until=3.0, rtol=1e-9)
    flow = ss.solve(ss.NetworkFlow(COMMITTEE, 1.0, initial=start), until=3.0, rtol=1e-8)
    assert limit["risk"][-1] == pytest.approx(flow["risk"][-1], rel=1e-5)
    np.testing.assert_allclose(limit["mutual_overlap"][-1].diagonal(), 1.0, atol=1e-9)


def test_batches_and_steps_enter_as_one_number(start):
    one = ss.OnePassSGD(COMMITTEE, 1.0, step_size=1e-3, initial=start)
    other = ss.OnePassSGD(COMMITTEE, 1.0, step_size=4e-3, batch_size=4, initial=start)
    ends = [ss.solve(ss.SGDLimit(sgd), until=1.0)["risk"][-1] for sgd in (one, other)]
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)


def test_functions_without_closed_noise_are_refused(start):
    sgd = ss.OnePassSGD(ss.SingleIndex(link="erf", activation="relu"), 1.0, step_size=1e-3, initial=start)
    with pytest.raises(ss.ArgumentError, match=r"Argument `sgd` must have polynomials, or erf, .* got 'erf and relu'"):
        ss.SGDLimit(sgd)
    with pytest.raises(ss.ArgumentError, match="Argument `sgd` must be a OnePassSGD"):
        ss.SGDLimit("sgd")  # pyright: ignore[reportArgumentType]


def test_phase_retrieval_leaves_at_its_published_time():
    """Square on square on the sphere, step x d = gamma = .1, noise of variance 1e-4: s^2 is a logistic curve,

    d(s^2)/dt = s^2 [(8 - 48 gamma) (1 - s^2) - 4 gamma tau^2]. The run of Arnaboldi et al. (2023), "Escaping
    mediocrity", starts at a drawn risk 1.99931708 = 2 (1 - s^2), not at s^2 = 1/d, and has lost 1 % of it by 1.06889.
    """
    gamma, variance, d = 0.1, 1e-4, 3000
    start = 1 - 1.9993170768076014 / 2
    rate, rest = 8 - 48 * gamma, 4 * gamma * variance
    end = 1 - rest / rate
    left = 0.01 + 0.99 * start
    exit_time = np.log(left / start * (end - start) / (end - left)) / (rate - rest)
    assert exit_time == pytest.approx(1.06889, abs=1e-5)
    square = ss.SingleIndex([1.0, 0.0, 2**0.5], [1.0, 0.0, 2**0.5])
    u = np.zeros((1, d))
    u[0, :2] = np.sqrt([start, 1 - start])
    told = {"step_size": gamma / d, "label_noise": variance**0.5, "second_layer": "fixed"}
    run = ss.solve(ss.SGDLimit(ss.OnePassSGD(square, initial=([1.0], u), **told)), until=10.0, rtol=1e-9)
    assert run["risk"][0] == pytest.approx(1.9993170768, abs=1e-9)
    assert np.interp(-0.99 * run["risk"][0], -run["risk"], run.time) == pytest.approx(exit_time, rel=2e-3)
    assert run["overlap"][-1] ** 2 == pytest.approx(end, abs=1e-7)
    assert run["risk"][-1] == pytest.approx(2.5e-5, rel=1e-2)  # where the published run ends, too
