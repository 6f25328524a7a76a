"""Laws of the second layer: Gauss rules, moments, samples, specs."""

import pickle
import time

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import truncnorm

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian import Normal, PointMasses, Rademacher, TruncatedNormal, Uniform, law, spec
from saddlescope.gaussian.laws.gauss_rules import legendre_rule, rule_from_measure

LAWS = [
    Uniform(-(3**0.5), 3**0.5),
    Normal(0.5, 2.0),
    Rademacher(1.5),
    PointMasses([1.0, -2.0, 0.5], [0.2, 0.3, 0.5]),
    TruncatedNormal(0.3, 1.0, -1.0, 2.0),
]


@pytest.mark.parametrize("one", LAWS, ids=repr)
def test_rule_has_the_moments_and_the_sample_agrees(one):
    x, w = one.rule(40)
    assert x.size == w.size == (one.atoms or 40)
    assert np.all(np.diff(x) > 0)
    assert w.min() >= 0
    assert w.sum() == pytest.approx(1.0, abs=1e-14)
    assert w @ x == pytest.approx(one.mean, abs=1e-13)
    assert w @ (x - one.mean) ** 2 == pytest.approx(one.variance, rel=1e-12)
    assert w @ x**2 == pytest.approx(one.second_moment, rel=1e-12)
    draws = one.sample(100_000, seed=3)
    assert abs(draws.mean() - one.mean) < 4 * np.sqrt(one.variance / draws.size)
    fourth = w @ (x - one.mean) ** 4
    assert abs(draws.var() - one.variance) < 4 * np.sqrt(fourth / draws.size)
    assert one.bounded == (not isinstance(one, Normal))
    np.testing.assert_array_equal(one.sample(10, 3), draws[:10])
    np.testing.assert_array_equal(one.sample(10, np.random.default_rng(3)), draws[:10])
    assert not np.array_equal(one.sample(10, 4), draws[:10])


@pytest.mark.parametrize("one", LAWS, ids=repr)
def test_spec_makes_it_again(one):
    assert law(spec(one)) == one == eval(repr(one))
    assert hash(law(spec(one))) == hash(one)
    one.rule(5)
    assert pickle.loads(pickle.dumps(one)) == one
    assert law(one) is one


@settings(max_examples=20, derandomize=True, deadline=None)
@given(st.floats(-3, 3), st.floats(0.1, 5), st.integers(1, 30))
def test_uniform_rule_is_exact_to_degree_2n_minus_1(low, width, n):
    x, w = Uniform(low, low + width).rule(n)
    t = 2 * (x - low) / width - 1
    for degree in range(2 * n):
        exact = 0.0 if degree % 2 else 1.0 / (degree + 1)
        assert w @ t**degree == pytest.approx(exact, abs=1e-11)


def test_large_legendre_rules_agree_with_high_precision():
    # nodes to rounding, weights to 1e-12: SciPy's are good to 2e-8 only at n = 1000
    n = 1000
    x, w = legendre_rule(n)
    with mp.workdps(30):
        for i in (0, 5, 250, 499):
            z, slope = mp.mpf(float(x[i])), mp.mpf(1)
            for _ in range(3):
                before, now = mp.mpf(1), z
                for k in range(1, n):
                    before, now = now, ((2 * k + 1) * z * now - k * before) / (k + 1)
                slope = n * (z * now - before) / (z * z - 1)
                z -= now / slope
            assert abs(float(x[i] - z)) < 2e-16
            assert w[i] == pytest.approx(float(1 / ((1 - z * z) * slope**2)), rel=5e-12)


@pytest.mark.parametrize("one", [LAWS[0], LAWS[1], LAWS[4]], ids=repr)
@pytest.mark.parametrize("n", [4096, 16384])
def test_large_rules_are_fast_and_exact(one, n):
    start = time.process_time()
    x, w = one.rule(n)
    # one second on a free core; twice that leaves room for a busy one
    assert time.process_time() - start < 2.0
    assert x.size == n
    assert np.all(np.isfinite(w))
    assert w.sum() == pytest.approx(1.0, abs=1e-13)
    assert w @ (x - one.mean) ** 2 == pytest.approx(one.variance, rel=1e-12)
    # characteristic function at a frequency that takes hundreds of nodes
    if isinstance(one, Uniform):
        frequency = 0.5 * n
        assert w @ np.cos(frequency * x) == pytest.approx(np.sinc(frequency * one.high / np.pi), abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 60, 300])
@pytest.mark.parametrize(
    "one",
    [
        TruncatedNormal(0, 1, -1, 1),
        TruncatedNormal(0, 1, 3, 9),
        TruncatedNormal(5, 2, -100, 0),
        TruncatedNormal(0, 100, -1, 1),
    ],
    ids=repr,
)
def test_truncated_normal_is_a_gauss_rule(one, n):
    exact = truncnorm(*one._ends, one.parent_mean, one.parent_std)
    assert one.mean == pytest.approx(exact.mean(), abs=1e-12)
    assert one.variance == pytest.approx(exact.var(), rel=1e-9)
    x, w = one.rule(n)
    assert one.low <= x.min()
    assert x.max() <= one.high
    # Chebyshev polynomials to degree 2n - 1 on the support, against many Legendre nodes times the density
    t, v = one._with_density(4000)
    t = one.parent_mean + one.parent_std * t
    low, high = t.min(), t.max()
    for degree in {1, n, 2 * n - 1}:

        def chebyshev(points, degree=degree):
            return np.cos(degree * np.arccos(np.clip(2 * (points - low) / (high - low) - 1, -1, 1)))

        assert w @ chebyshev(x) == pytest.approx(v @ chebyshev(t), abs=5e-13)


def test_truncation_far_out_is_none():
    x, w = TruncatedNormal(0, 1, -60, 60).rule(100)
    exact, weights = Normal().rule(100)
    np.testing.assert_allclose(x, exact, atol=1e-12)
    np.testing.assert_allclose(w, weights, atol=1e-14)


def test_far_tail_samples_stay_inside():
    one = TruncatedNormal(0, 1, 30, 31)
    draws = one.sample(20_000, 0)
    assert 30 <= draws.min() < draws.max() <= 31
    assert draws.mean() == pytest.approx(one.mean, abs=4 * np.sqrt(one.variance / draws.size))


def test_rule_of_a_discrete_measure_gives_it_back():
    points, weights = np.array([-1.0, 0.2, 0.5, 2.0]), np.array([0.1, 0.4, 0.3, 0.2])
    x, w = rule_from_measure(points, weights, 3)
    for degree in range(6):
        assert w @ x**degree == pytest.approx(weights @ points**degree, rel=1e-13)


def test_rules_are_shared_and_read_only():
    x, w = Uniform(-1, 1).rule(10)
    with pytest.raises(ValueError, match="read-only"):
        w[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PointMasses([1, 2], [0.5, 0.6]), "`weights` must be non-negative and sum to one"),
        (lambda: PointMasses([1, 2], [1.5, -0.5]), "`weights` must be non-negative and sum to one"),
        (lambda: PointMasses([1, 2], [1.0]), "`weights` must have one entry for each of the 2 points"),
        (lambda: PointMasses([1, 1]), "`points` must hold each value once"),
        (lambda: PointMasses([]), "`points` must be a non-empty list"),
        (lambda: Uniform(1, 1), "`high` must be greater than `low` = 1.0, but got 1.0"),
        (lambda: Uniform(0, np.inf), "`high` must be a finite number"),
        (lambda: Normal(0, -1), "`std` must be positive"),
        (lambda: Rademacher(0), "`scale` must be positive"),
        (lambda: TruncatedNormal(0, 0, -1, 1), "`std` must be positive"),
        (lambda: TruncatedNormal(0, 1, 2, 1), "`high` must be greater"),
        (lambda: Normal().rule(0), "`n` must be a whole number from 1 to 16384"),
        (lambda: Normal().rule(10**6), "`n` must be a whole number from 1 to 16384"),
        (lambda: Normal().sample(3, -1), "`seed` must be a whole number of at least 0"),
        (lambda: law({"law": "unifrm"}), "`second_layer` must name a known law .did you mean 'uniform'"),
        (lambda: law({"law": "uniform", "low": 0, "hihg": 1}), "did you mean 'high'.*but got 'hihg'"),
        (lambda: law({"law": "uniform", "low": 0}), "must have the keys low, high for 'uniform'"),
        (lambda: law(3.0, "a0"), "`a0` must be a law, such as"),
        (lambda: law({"low": 3.0}), "must be a law, such as"),
    ],
)
def test_bad_laws_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_names_alone_stand_for_defaults():
    assert law("rademacher") == Rademacher()
    assert law({"law": "point_masses", "points": [2, 1]}) == PointMasses((1.0, 2.0), (0.5, 0.5))
    assert law({"law": "truncated_normal", "mean": 0, "std": 1, "low": -1, "high": 1}).bounded
