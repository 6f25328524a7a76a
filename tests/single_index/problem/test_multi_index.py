"""Teacher networks: kernels against quadrature, symmetries of teachers and neurons, plateau and specialisation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf
from systems.compiled import field_and_observables

import saddlescope as ss
from saddlescope.single_index.network.sphere import teacher_frame

COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2)
PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]


def random_network(seed, m=4, d=7):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(m, d))
    return rng.normal(size=m), u / np.linalg.norm(u, axis=1, keepdims=True)


def random_gram(seed, p):
    v = np.random.default_rng(seed).normal(size=(p, p))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    return v @ v.T


def correlated_mean(f, g, correlation):
    """E f(x) g(y) of two Gaussians of unit variance, by a trapezoidal rule, exponentially exact for smooth ones."""
    t = np.linspace(-9, 9, 361)
    weight = np.exp(-0.5 * t**2)
    weight /= weight.sum()
    y = correlation * t[:, None] + np.sqrt(max(1 - correlation**2, 0.0)) * t[None, :]
    return float(weight @ (f(t)[:, None] * g(y)) @ weight)


@pytest.mark.parametrize("gram_seed", [0, 1])
def test_risk_of_an_erf_committee_by_quadrature(gram_seed):
    """Saad & Solla's g(x) = erf(x / sqrt 2), with teachers at any angle and weights of both signs."""

    def g(x):
        return erf(x / np.sqrt(2))

    gram, b = random_gram(gram_seed, 3), np.array([1.0, -0.5, 2.0])
    a, u = random_network(2)
    problem = ss.MultiIndex("erf", "erf", gram, b)
    system, y = ss.NetworkFlow(problem, 0.5, initial=(a, u)).start()
    rate, result = field_and_observables(system, y)
    v = np.zeros((3, 7))
    v[:, :3] = teacher_frame(gram)
    assert np.allclose(v @ v.T, gram, atol=1e-12)
    vectors, weights = np.vstack([u, v]), np.concatenate([a / 4, -b / 3])
    pairs = np.array([[correlated_mean(g, g, float(np.clip(x @ w, -1, 1))) for w in vectors] for x in vectors])
    assert float(result["risk"]) == pytest.approx(0.5 * weights @ pairs @ weights, abs=1e-12)
    # the second layer's rate is -m dR/da / epsilon, from the same integrals
    assert np.allclose(rate[:, 0], -4 * (pairs @ weights)[:4] / 4 / 0.5, atol=1e-11)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_the_first_layers_rate_is_the_slope_of_the_risk(seed):
    problem = ss.MultiIndex("erf", SIGMA, random_gram(seed, 2), [1.0, -2.0])
    a, u = random_network(seed)
    system, y = ss.NetworkFlow(problem, 1.0, initial=(a, u)).start()
    rate, result = field_and_observables(system, y)
    step, direction = 1e-6, np.random.default_rng(seed).normal(size=y.shape)

    def risk(t):  # neurons are read as u / |u|, so that only what is tangent counts
        return float(field_and_observables(system, y + t * direction)[1]["risk"])

    slope = (risk(step) - risk(-step)) / (2 * step)
    assert slope == pytest.approx(-float(np.sum(np.asarray(rate) * direction)) / 4, rel=1e-6, abs=1e-8)
    assert float(result["risk_rate"]) == pytest.approx(-float(np.sum(np.square(rate))) / 4, rel=1e-12)


def observed(problem, a, u, epsilon=0.3):
    return field_and_observables(*ss.NetworkFlow(problem, epsilon, initial=(a, u)).start())


def test_one_direction_is_the_single_index_and_two_that_coincide_are_one():
    a, u = random_network(0)
    single = observed(ss.SingleIndex(PHI, SIGMA), a, u)
    one = observed(ss.MultiIndex(PHI, SIGMA), a, u)
    # for two, u must have its second axis, which no teacher uses
    twice = observed(ss.MultiIndex(PHI, SIGMA, [[1.0, 1.0], [1.0, 1.0]]), a, u)
    for other in (one, twice):
        assert np.allclose(other[1]["risk"], single[1]["risk"], rtol=1e-12)
        assert np.allclose(other[1]["risk_by_degree"], single[1]["risk_by_degree"], atol=1e-12)
        assert np.allclose(other[1]["risk_rate"], single[1]["risk_rate"], rtol=1e-12)
        assert np.allclose(other[0][:, 0], single[0][:, 0], atol=1e-12)
        assert np.allclose(other[1]["moment"][..., 0], single[1]["moment"][..., 0], atol=1e-12)


def test_weights_scale_the_target():
    a, u = random_network(0)
    plain = observed(ss.MultiIndex(PHI, SIGMA, 2), 0 * a, u)[1]
    double = observed(ss.MultiIndex(PHI, SIGMA, 2, [2.0, 2.0]), 0 * a, u)[1]
    # E ((phi(x_1) + phi(x_2)) / 2)^2 / 2 = (phi_0^2 + sum_{k >= 1} phi_k^2 / 2) / 2
    assert float(plain["risk"]) == pytest.approx(0.5 * (1 + 3 / 2))
    assert np.allclose(plain["risk_by_degree"], [0.5, 0.25, 0.25, 0.25])
    assert np.allclose(double["risk_by_degree"], 4 * plain["risk_by_degree"])


def test_teachers_and_neurons_can_be_exchanged():
    a, u = random_network(4)
    b = np.array([1.0, -0.5])
    rate, result = observed(ss.MultiIndex("erf", "erf", 2, b), a, u)
    order, swapped = [2, 0, 3, 1], [1, 0, *range(2, 7)]
    other, same = observed(ss.MultiIndex("erf", "erf", 2, b[::-1]), a[order], u[order][:, swapped])
    assert np.allclose(same["risk"], result["risk"], rtol=1e-12)
    assert np.allclose(other[:, 0], rate[order, 0], atol=1e-12)
    assert np.allclose(other[:, 1:3], np.asarray(rate)[order][:, [2, 1]], atol=1e-12)
    assert np.allclose(same["moment"][:, ::-1], result["moment"], atol=1e-12)


def test_a_committee_waits_on_the_symmetric_plateau_then_specialises():
    """Neurons that start alike stay alike for ever; a start beside that leaves the plateau, one neuron a teacher."""
    u = np.zeros((2, 4))
    u[:, :2], u[:, 2:] = 1e-3, [[1.0, 0.1], [0.1, 1.0]]
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    epsilon = 1e5  # the second layer stays: Saad & Solla's committee
    u[0] = u[1]
    alike = ss.solve(ss.NetworkFlow(COMMITTEE, epsilon, initial=([1.0, 1.0], u)), until=200.0)
    overlap = alike["overlap"]
    assert np.allclose(overlap[:, 0], overlap[:, 1], atol=1e-9)
    # both neurons along v_1 + v_2: with g(x) g(y) -> (2/pi) arcsin(r / 2), r = 1 with each other, 1/sqrt 2 with both
    plateau = 0.5 * (2 / np.pi) * (np.arcsin(0.5) * (1 + 0.5) - 2 * np.arcsin(0.5**1.5))
    assert alike["risk"][-1] == pytest.approx(plateau, rel=5e-3)
    assert np.allclose(overlap[-1], 0.5**0.5, atol=0.01)
    u[0, 0] += 1e-4
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    apart = ss.solve(ss.NetworkFlow(COMMITTEE, epsilon, initial=([1.0, 1.0], u)), until=200.0)
    near = np.abs(np.log(apart["risk"] / plateau)) < 0.05
    assert apart.time[near].max() > 3 * apart.time[near].min()
    assert apart["risk"][-1] < 1e-3 * plateau
    assert np.allclose(apart["overlap"][-1], np.eye(2), atol=0.05)


@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize("rank", ["full", "deficient"])
def test_teacher_frames_have_their_gram_matrix(p, rank):
    gram = random_gram(p, p)
    if rank == "deficient":
        gram[:, -1], gram[-1, :] = gram[:, 0], gram[0, :]
        gram[-1, -1] = 1.0
    frame = teacher_frame(gram)
    assert np.allclose(frame @ frame.T, gram, atol=1e-7 if rank == "deficient" else 1e-12)
    assert np.allclose(frame, np.tril(frame), atol=1e-12)
    assert np.allclose(frame[0], np.eye(p)[0], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"directions": 0}, "Argument `directions` must be a whole number of at least 1, but got 0."),
        ({"directions": "two"}, "Argument `directions` must be a whole number of at least 1, but got 'two'."),
        ({"directions": [[1.0, 0.0]]}, "Argument `directions` must be a number or a square Gram matrix"),
        ({"directions": [[1.0, "x"], [0, 1]]}, "Argument `directions` must be a number or a Gram matrix"),
        ({"directions": [[1.0, np.nan], [np.nan, 1]]}, "Argument `directions` must be a number or a square Gram"),
        ({"directions": [[2.0, 0], [0, 1]]}, "Argument `directions` must have a symmetric Gram matrix with unit"),
        ({"directions": [[1.0, 0.2], [0.1, 1]]}, "Argument `directions` must have a symmetric Gram matrix"),
        ({"directions": [[1.0, 1.1], [1.1, 1]]}, "Argument `directions` must have a Gram matrix without negative"),
        ({"directions": 2, "weights": [1.0]}, "Argument `weights` must have one entry a direction, 2, but got (1,)."),
        ({"weights": [np.nan]}, "Argument `weights` must hold finite numbers only"),
        ({"link": "rellu"}, "Argument `link` must"),
        ({"activation": []}, "Argument `activation` must"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        ss.MultiIndex(**{"link": "erf", "activation": "erf", **change})
    assert str(refusal.value).startswith(message)


def test_fewer_dimensions_than_directions_are_refused():
    with pytest.raises(ss.ArgumentError, match="Argument `dimension` must be a whole number of at least 2"):
        ss.NetworkFlow(COMMITTEE, 1.0, neurons=2, dimension=1)
    with pytest.raises(ss.ArgumentError, match="Argument `initial` must hold neurons of at least 2 coordinates"):
        ss.NetworkFlow(COMMITTEE, 1.0, initial=([1.0], [[1.0]]))
