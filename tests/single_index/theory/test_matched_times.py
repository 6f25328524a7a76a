"""Predicted times at a finite epsilon against full runs, and against the theory of level 2 written down once more."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.single_index.theory.matched import MatchedRun
from saddlescope.single_index.theory.particles import Particles, integrate

SIGMA = [1, 1, 0.5, 0.3]
EDGE, LN_2 = 3**0.5, np.log(2)


def drawn(seed):
    """A problem and a uniform law with coefficients of order one, by seed."""
    rng = np.random.default_rng(seed)
    phi, sigma = (rng.choice([-1, 1], 4) * rng.uniform(0.3, 1.5, 4) for _ in range(2))
    return ss.SingleIndex(phi.tolist(), sigma.tolist()), ss.Uniform(*np.sort(2 * rng.normal(size=2)))


CASES = {
    "first": (ss.SingleIndex([1, -1, 1], SIGMA), ss.Uniform(-EDGE, EDGE)),
    "second": (ss.SingleIndex([1, -1, 1, 1], SIGMA), ss.Uniform(-EDGE, EDGE)),
    "no mean": (ss.SingleIndex([0.7, -1, 1, 1], [0, 1, 0.5, 0.3]), ss.Uniform(-1, 2)),
    "skewed": (ss.SingleIndex([0.3, 1, 1, 0.5], SIGMA), ss.TruncatedNormal(0, 1, -0.5, 2)),
    "drawn 1": drawn(1),
    "drawn 2": drawn(2),
}


def measured(case, epsilon, until, fraction=0.5):
    problem, law = CASES[case]
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon, law), until=until)
    return ss.learning_times(run, fraction), run


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("epsilon", "bar"), [(1e-6, 2e-3), (1e-8, 3e-4)])
def test_degrees_one_and_two_come_when_predicted(case, epsilon, bar):
    problem, law = CASES[case]
    order = ss.canonical_order(problem, law, levels=2)
    predicted, errors = order.times(epsilon), order.errors(epsilon)
    result, _ = measured(case, epsilon, 1.1 * predicted[2])
    off = np.abs(result[1:3] / predicted[1:] - 1)
    assert np.all(off < bar)
    # the estimate is no bound, but says the size of the error
    assert np.all(off < 3 * errors[1:])
    assert np.all(errors[1:] < 30 * bar)


LARGE = {
    "a large mean weight": ([0.623, 2.229, 0.906], [0.126, 0.303, 1.189], ss.PointMasses([1.05, 2.15]), 0.0111, 1.2),
    "a slow level 0": ([0.5, 1, 0.5], [0.2, 0.5, 0.8], ss.PointMasses([-1, 2]), 0.01, 2.0),
    "a law with a density": ([0.6, 2.2, 0.9, 0.3], [0.13, 0.3, 1.2, 0.5], ss.Uniform(-1, 2), 0.01, 2.0),
    "epsilon of order one": ([1, -1, 0.5], [1, 1, 0.5], ss.Uniform(-1, 2), 0.5, 3.0),
    "no degree 0": ([0, 1, 0.5], [0, 1, 0.5], ss.Uniform(-1, 2), 0.5, 3.0),
}


@pytest.mark.parametrize("case", LARGE)
def test_where_levels_are_not_separate_the_prediction_is_the_flow_from_its_start(case):
    link, activation, law, epsilon, until = LARGE[case]
    problem = ss.SingleIndex(link, activation)
    order = ss.canonical_order(problem, law, levels=len(link) - 1)
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon, law), until=until)
    learnt = ss.learning_times(run)[: len(link)]
    predicted, errors = order.times(epsilon), order.errors(epsilon)
    known = np.isfinite(learnt)
    assert known.sum() >= 2
    assert np.all(np.abs(predicted[known] - learnt[known]) <= errors[known] * learnt[known])
    assert np.all(errors[known] < 1e-3)
    assert np.abs(order.risk(run.time, epsilon) - run["risk"]).max() < 1e-4 * run["risk"][0]


@pytest.mark.parametrize("fraction", [0.9, 0.2])
def test_any_fraction_of_any_degree(fraction):
    order = ss.canonical_order(CASES["second"][0], CASES["second"][1], levels=3)
    predicted = order.times(1e-8, fraction)
    result, run = measured("second", 1e-8, 0.06, fraction)
    assert result == pytest.approx(predicted, rel=1e-3)
    # the curve of the risk too, through both jumps
    time = run.time[run.time > 0]
    assert np.abs(order.risk(time, 1e-8) - run["risk"][run.time > 0]).max() < 5e-3 * run["risk"][0]


def test_the_error_falls_with_epsilon():
    problem, law = CASES["drawn 1"]
    order = ss.canonical_order(problem, law, levels=2)
    errors = [order.errors(epsilon)[2] for epsilon in (1e-4, 1e-6, 1e-8)]
    # relative errors go like epsilon^(1/2)
    assert 5 < errors[0] / errors[1] < 30
    assert 5 < errors[1] / errors[2] < 30


def matched(epsilon, link, size=1.0, clock=LN_2, state=LN_2, rigid=False):
    """T_2 at one half, from the limit of the layer of level 1 at its centre and the rescaled flow of level 2.

    alpha = kappa_1 a~ + delta [A + (g/G) kappa_1^2 (ln 2 + 1/2) (a~^2 - v)],
    +-beta = kappa_1 a~ + delta [A ln(2 kappa_1 / delta) + (g/G) kappa_1^2 (2 ln 2 - 1/2) (a~^2 - v)]

    on a uniform law, from t_1 on. `size` puts in a wrong kappa_1, `clock` and `state` a wrong ln 2 in t_1 and in the
    start, `rigid` a degree 1 that does not relax.
    """
    phi, sigma, delta = np.pad(np.array(link, float), (0, 4 - len(link))), np.array(SIGMA), epsilon**0.25
    x, v8 = np.polynomial.legendre.leggauss(8)
    ends = np.concatenate([[0], 0.5 ** np.arange(10, 2, -1)])
    ends = np.concatenate([ends, np.arange(2, 7) / 8, 1 - ends[::-1]])
    half, middle = np.diff(ends)[:, None] / 2, (ends[1:] + ends[:-1])[:, None] / 2
    a, w = EDGE * (2 * (middle + half * x).ravel() - 1), (half * v8).ravel()
    m, G, g, sign = len(a), abs(sigma[1] * phi[1]), sigma[2] * phi[2], np.sign(sigma[1] * phi[1])
    kappa, A = size * np.sqrt(abs(phi[1] / sigma[1])), phi[0] / sigma[0]
    square = a**2 - 1
    alpha = kappa * a + delta * (A + g / G * kappa**2 * (state + 0.5) * square)
    beta = kappa * a + delta * (A * np.log(2 * kappa / delta) + g / G * kappa**2 * (2 * state - 0.5) * square)
    begin = epsilon**0.5 / G * (clock + np.log(kappa / delta))
    k = np.arange(4)

    def field(_, y):
        alpha, beta = y[:m], y[m:]
        rows = beta ** k[:, None]
        moments = delta ** (k - 1.0) * (rows @ (w * alpha))
        c = sigma * (phi - sigma * moments) * delta ** (k - 2.0)
        rest = c[2] * beta**2 + c[3] * beta**3
        slope = 2 * c[2] * beta + 3 * c[3] * beta**2
        if rigid:
            spread = w @ beta**2 - (w @ beta) ** 2 + w @ alpha**2
            c[1] = -(w @ (rest * beta) - (w @ rest) * (w @ beta) + w @ (alpha**2 * slope)) / spread
        push = c[1] * beta + rest
        return np.concatenate([push - w @ push, alpha * (1 - delta**2 * beta**2) * (c[1] + slope)])

    def learnt(_, y):
        return abs(delta * (w @ (y[:m] * y[m:] ** 2))) - 0.5 * abs(phi[2] / sigma[2])

    learnt.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    start = np.concatenate([alpha, sign * beta])
    run = solve_ivp(field, (0, 5), start, method="LSODA", rtol=1e-8, atol=1e-8, events=learnt)
    return begin + delta * run.t[-1] if run.status == 1 else np.nan


@pytest.mark.parametrize("case", ["first", "second"])
def test_level_two_written_down_once_more(case):
    problem, law = CASES[case]
    link = problem.link_coefficients
    predicted = ss.canonical_order(problem, law, levels=2).times(1e-8)[2]

    def off(**wrong):
        return abs(matched(1e-8, link, **wrong) / predicted - 1)

    assert off() < 1e-4
    # what must not pass for it
    assert off(clock=0.0) > 3e-3
    assert off(state=0.0) > 3e-3
    assert off(rigid=True) > 3e-3
    # a degree 1 that relaxes forgets its size at the start; one that is held does not
    assert off(rigid=True, size=1.05) > 2e-2


def test_a_wrong_amplitude_or_clock_of_level_one_is_seen():
    problem, law = CASES["second"]
    order = ss.canonical_order(problem, law, levels=1)
    result, _ = measured("second", 1e-10, 1e-4)
    assert order.times(1e-10)[1] == pytest.approx(result[1], rel=3e-5)
    assert order.leading_times(1e-10)[1] == pytest.approx(result[1], rel=1e-4)
    kappa, G = 1.0, 1.0
    for wrong in (np.log(2.1 * kappa), np.log(kappa)):
        assert 1e-5 / G * (wrong + 0.25 * np.log(1e10)) != pytest.approx(result[1], rel=3e-3)


def test_particles_move_as_the_equations_say():
    """Against plain sums and an independent integrator, on a problem that is not stiff."""
    rng = np.random.default_rng(3)
    phi, sigma, epsilon = np.array([0.5, -1.0, 0.4, 0.7]), np.array([0.8, 1.0, 0.5, 0.0]), 0.3
    a, s, w = rng.normal(size=5), rng.uniform(-0.5, 0.5, 5), rng.dirichlet(np.ones(5))

    def field(_, y):
        a, s = y[:5], y[5:]
        c = [sigma[k] * (phi[k] - sigma[k] * sum(w * a * s**k)) for k in range(4)]
        fast = sum(c[k] * s**k for k in range(4)) / epsilon
        return np.concatenate([fast, a * (1 - s**2) * sum(k * c[k] * s ** (k - 1) for k in range(1, 4))])

    particles = Particles(phi, sigma, epsilon, w)
    state = np.stack([a, s])
    assert np.allclose(particles.field(state).ravel(), field(0, state.ravel()))
    jacobian = np.array(
        [(field(0, state.ravel() + h) - field(0, state.ravel() - h)) / 2e-6 for h in 1e-6 * np.eye(10)]
    ).T
    right = rng.normal(size=(2, 5))
    expected = np.linalg.solve(np.eye(10) - 0.3 * jacobian, right.ravel())
    assert np.allclose(particles.factor(state, 0.3)(right).ravel(), expected, rtol=1e-6)
    path = integrate(particles, 0.0, state, 2.0, lambda _: False, 1e-8, 1e-3)
    exact = solve_ivp(field, (0, 2), state.ravel(), method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    assert path.time[-1] == 2.0
    assert np.allclose(path.state[-1].ravel(), exact, rtol=1e-6, atol=1e-7)
    residual_rate = particles.residual_rate(path.state[0], path.rate[0])
    moved = particles.residual(state + 1e-6 * path.rate[0]) - particles.residual(state - 1e-6 * path.rate[0])
    assert np.allclose(residual_rate, moved / 2e-6, atol=1e-8)


@pytest.mark.parametrize("epsilon", [1e-14, 1e-17])
def test_the_curve_between_steps_is_not_led_by_rates_that_are_noise(epsilon):
    """With the rates of tiny epsilon taken as they are the curve rose by .02 at 1e-14, by 1.1 at 1e-17."""
    order = ss.canonical_order(CASES["second"][0], CASES["second"][1], levels=3)
    times = order.times(epsilon)
    risk = order.risk(np.geomspace(epsilon**0.75, 3 * times[3], 20_001), epsilon)
    assert np.max(risk - np.minimum.accumulate(risk)) < 1e-4
    # the plateau before degree 3 creeps to it from half of its square
    plateau = order.risk(times[3] * np.linspace(0.7, 0.95, 300), epsilon)
    assert 0.45 < plateau.min() <= plateau.max() < 0.51


def test_rates_of_a_run_are_used_where_they_are_its_own():
    """A logistic fall in steps of which some take it by a factor of 5, and a column that turns."""
    time = np.linspace(0, 12, 25)
    fall = 1 / (1 + np.exp(3 * (time - 5)))
    curves = np.stack([fall, np.sin(time)], axis=1)
    rates = np.stack([-3 * fall * (1 - fall), np.cos(time)], axis=1)
    at = np.linspace(0, 12, 1001)
    exact = np.stack([1 / (1 + np.exp(3 * (at - 5))), np.sin(at)], axis=1)
    off = np.abs(MatchedRun(time, curves, rates, None, 0.0).at(at) - exact).max(axis=0)
    assert np.all(off < [6e-3, 4e-4])
    noise = 1e3 * np.random.default_rng(0).standard_normal(rates.shape)
    assert np.all(np.abs(MatchedRun(time, curves, rates + noise, None, 0.0).at(at) - exact).max(axis=0) < 0.05)
