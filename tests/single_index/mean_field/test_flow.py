"""The mean-field flow: gradient of its risk, exact cases, invariances, refinement, bad input."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import saddlescope as ss
from saddlescope.single_index.mean_field.system import MeanFieldSystem

SIGMA = [1, 1, 0.5, 0.3]
LADDER = ss.SingleIndex(link=[1, -1, 1, 1], activation=SIGMA)


def random_state(seed, m=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=m), rng.uniform(-0.9, 0.9, size=m), rng.dirichlet(np.ones(m))


@jax.jit
def slopes_of(system, y):
    """The field, the rate of the risk that is observed and by its derivative, its gradient, the Jacobian twice."""

    def risk(y):
        return system.observables(y, y)["risk"]

    field = system.vector_field(y)
    told, along = system.observables(y, field)["risk_rate"], jax.jvp(risk, (y,), (field,))[1]
    return field, told, along, jax.grad(risk)(y), jax.jacfwd(system.vector_field)(y), system.linearise(y).dense()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
@pytest.mark.parametrize("activation", [SIGMA, "relu", "tanh"])
def test_the_field_is_the_gradient_of_the_risk_and_the_jacobian_its_own(activation, seed):
    a, s, w = random_state(seed)
    flow = ss.MeanFieldFlow(ss.SingleIndex([1, -1, 1, 1], activation), 0.1, initial=(a, s), weights=w)
    system, y = flow.start()
    assert isinstance(system, MeanFieldSystem)
    field, told, along, gradient, jacobian, linear = map(np.asarray, slopes_of(system, y))
    m = len(a)
    expected = -gradient[:, :m] / w
    expected[0] /= 0.1
    expected[1] /= 1 - s**2  # the state holds z, s = tanh z, and ds/dz is 1 - s^2
    assert np.allclose(field[:, :m], expected, rtol=1e-7, atol=1e-8)
    assert np.allclose(linear, jacobian.reshape(y.size, y.size), rtol=1e-6, atol=1e-6)
    assert np.isclose(told, along, rtol=1e-9)


@pytest.mark.parametrize("activation", [SIGMA, "relu", "tanh", "step"])
def test_risk_is_the_mean_squared_error_by_monte_carlo(activation):
    """In infinite dimension <u_i, x> = s_i z + sqrt(1 - s_i^2) xi_i, with independent xi_i."""
    a, s, w = random_state(3)
    problem = ss.SingleIndex([1, -1, 1, 1], activation)
    system, y = ss.MeanFieldFlow(problem, 1.0, initial=(a, s), weights=w).start()
    risk = float(system.observables(y, y)["risk"])
    rng = np.random.default_rng(0)
    z = rng.normal(size=200_000)

    # the width is infinite: each particle stands for many neurons, and the network averages over their xi; two
    # independent copies of that average give an unbiased square
    def network():
        return sum(
            wi * ai * np.asarray(problem.activation(si * z + np.sqrt(1 - si**2) * rng.normal(size=z.shape)))
            for ai, si, wi in zip(a, s, w, strict=True)
        )

    target = np.asarray(problem.link(z))
    sample = 0.5 * (target - network()) * (target - network())
    assert abs(sample.mean() - risk) < 4 * sample.std() / np.sqrt(len(z))


@pytest.mark.parametrize("activation", [SIGMA, "relu"])
def test_risk_never_rises_and_is_the_sum_of_its_degrees(activation):
    problem = ss.SingleIndex([1, -1, 1, 1], activation)
    run = ss.solve(ss.MeanFieldFlow(problem, 1e-4, particles=64), until=3.0)
    risk = run["risk"]
    assert np.all(np.diff(risk) <= 1e-9 * risk[0])
    assert np.all(run["risk_rate"] <= 1e-9)
    assert np.allclose(run["risk_by_degree"].sum(axis=1) + run["risk_rest"], risk)
    assert run["risk_rest"].min() > -1e-9


def test_permuting_splitting_and_flipping_change_nothing():
    law = ss.Uniform(-(3**0.5), 3**0.5)
    a, w = law.rule(20)
    zero = np.zeros_like(a)

    def times(problem, a, s, w):
        return ss.learning_times(ss.solve(ss.MeanFieldFlow(problem, 1e-6, initial=(a, s), weights=w), until=3.0))

    plain = times(LADDER, a, zero, w)
    assert np.all(np.isfinite(plain))
    order = np.random.default_rng(0).permutation(len(a))
    assert np.allclose(times(LADDER, a[order], zero, w[order]), plain, rtol=1e-6)
    a2, w2 = np.append(a, a[3]), np.append(w, 0.5 * w[3])
    w2[3] *= 0.5
    assert np.allclose(times(LADDER, a2, np.zeros_like(a2), w2), plain, rtol=1e-6)
    flipped = ss.SingleIndex([1, -1, 1, 1], [-c for c in SIGMA])
    assert np.allclose(times(flipped, -a, zero, w), plain, rtol=1e-6)


def test_level_zero_is_exact():
    """With sigma = phi = constants only, mean(a) relaxes exactly exponentially."""
    flow = ss.MeanFieldFlow(ss.SingleIndex([2.0], [0.5]), 1e-3, ss.Uniform(0, 2), particles=8)
    run = ss.solve(flow, until=0.05, rtol=1e-9)
    residual = (2.0 - 0.5 * 1.0) * np.exp(-0.25 * run.time / 1e-3)
    assert np.abs(run["residual"][:, 0] - residual).max() < 1e-7


def test_refined_nodes_beat_a_global_rule():
    """T_3 at epsilon = 1e-8: 0.04800828 from panels refined to 1e-9, which 4096 Gauss nodes only approach."""
    run = ss.solve(ss.MeanFieldFlow(LADDER, 1e-8), until=1.0)
    times = ss.learning_times(run)
    assert run.accuracy["learning_time_change"] <= run.accuracy["learning_time_tolerance"]
    assert run.accuracy["particles"] < 1000
    assert times[3] == pytest.approx(0.0480082806, rel=2e-4)
    coarse = ss.learning_times(ss.solve(ss.MeanFieldFlow(LADDER, 1e-8, particles=64), until=1.0))
    assert abs(coarse[3] / 0.0480082806 - 1) > 0.05


def test_halving_the_tolerance_moves_learning_times_by_less_than_it_says():
    flow = ss.MeanFieldFlow(LADDER, 1e-6, particles=64)
    for rtol in (1e-4, 1e-6):
        coarse, fine = (ss.learning_times(ss.solve(flow, until=3.0, rtol=r)) for r in (rtol, rtol / 2))
        # local errors of every step add up over a few hundred steps
        assert np.abs(coarse / fine - 1).max() < 100 * rtol


def test_very_small_epsilon_reaches_the_end():
    run = ss.solve(ss.MeanFieldFlow(LADDER, 1e-16, particles=256), until=3.0)
    assert run.outcome == "REACHED_END"
    assert run["risk"][-1] < 1e-8


def test_target_and_stillness_do_not_mistake_a_plateau_for_the_end():
    flow = ss.MeanFieldFlow(LADDER, 1e-6, particles=32)
    reached = ss.solve(flow, until=3.0, risk_below=0.6)
    assert reached.outcome == "REACHED_TARGET"
    assert reached["risk"][-1] <= 0.6 < reached["risk"][-2]
    still = ss.solve(flow, until=1e6, stop_when_still=True)
    assert still.outcome in ("STILL", "REACHED_END")
    assert still["risk"][-1] < 1e-6


def test_loose_absolute_tolerance_is_doubted():
    flow = ss.MeanFieldFlow(LADDER, 1e-8, particles=32)
    run = ss.solve(flow, until=1e-3, atol=0.1)
    assert any("atol" in doubt for doubt in run.doubts)


def test_sampled_neurons_depend_on_the_seed_alone():
    flows = [ss.MeanFieldFlow(LADDER, 1e-3, neurons=40, seed=seed) for seed in (1, 1, 2)]
    risks = [ss.solve(flow, until=1.0)["risk"][-1] for flow in flows]
    assert risks[0] == risks[1] != risks[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": -1}, "Argument `epsilon` must be positive, but got -1.0."),
        ({"epsilon": "small"}, "Argument `epsilon` must be positive, but got 'small'."),
        ({"epsilon": float("-inf")}, "Argument `epsilon` must be positive, but got -inf."),
        ({"particles": 0}, "Argument `particles` must be a whole number from 1 to 16384, but got 0."),
        ({"neurons": 2.5}, "Argument `neurons` must be a whole number of at least 1, but got 2.5."),
        ({"particles": "many"}, "Argument `particles` must be a whole number from 1 to 16384, but got 'many'."),
        ({"tolerance": 1.0}, "Argument `tolerance` must lie strictly between 0 and 1, but got 1.0."),
        ({"weights": [0.5, 0.5]}, "Argument `weights` must be given together with `initial`"),
        (
            {"initial": ([1, 2], [0, 0]), "weights": [0.5, 0.6]},
            "Argument `weights` must be non-negative and sum to one",
        ),
        ({"initial": ([1, 2], [0, 2])}, "Argument `initial` must hold overlaps s in [-1, 1], but got 2.0."),
        ({"initial": ([1, 2], [0])}, "Argument `initial` must hold a and s of one shape"),
        ({"second_layer": {"law": "unifrom"}}, "Argument `second_layer` must name a known law"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        ss.MeanFieldFlow(**{"problem": LADDER, "epsilon": 0.1, **change})
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("link", [[], [np.nan], lambda x: np.exp(x**2), lambda x: 1 / x, "rellu"])
def test_bad_links_are_refused(link):
    with pytest.raises(ss.ArgumentError, match="Argument `link` must"):
        ss.SingleIndex(link=link, activation="relu")


def test_at_infinite_epsilon_the_second_layer_stays_and_the_first_moves_from_its_own_time_on():
    # one degree, one particle: s' = a (1 - s^2) g, g = 1 - a s with a = 1/2, so that s' = (1 - s^2) (2 - s) / 4
    flow = ss.MeanFieldFlow(ss.SingleIndex([0, 1.0], [0, 1.0]), float("inf"), initial=([0.5], [0.0]))
    run = ss.solve(flow, 4.0)
    s = run["overlap"][-1, 0]
    # the integral of 4 / ((1 - s^2) (2 - s)) by partial fractions
    taken = -2 * np.log(1 - s) + 2 / 3 * np.log(1 + s) + 4 / 3 * np.log((2 - s) / 2)
    assert taken == pytest.approx(4.0, rel=1e-6)
    assert np.all(run["second_layer"] == pytest.approx(0.5, abs=1e-15))
    assert run["state_time"][1] < 0.3
    for epsilon in (1e4, float("inf")):
        network = ss.NetworkFlow(ss.SingleIndex([0, 1.0], [0, 1.0]), epsilon, neurons=2, dimension=10)
        assert network.shortest_time < 10
