"""Exit times: Kaplan and Meier's estimate by hand, censored runs, and the law near a saddle beside simulations."""

from types import SimpleNamespace

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.measure import EscapeLaw, ExitTimes, exit_times


def test_the_example_of_a_textbook():
    # remission times of Freireich et al. (1963), 6-MP arm, as in Cox and Oakes (1984): S and Greenwood errors by hand
    times = np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], dtype=float)
    exited = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
    result = ExitTimes(times, exited, 0.5)
    assert result.survival([5.9, 6, 7, 10, 13, 16, 22, 23, 35]) == pytest.approx(
        [1.0, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448], abs=5e-4
    )
    assert np.isnan(result.survival(35.1))
    assert result.quantile(0.5) == 23.0
    assert np.isnan(result.quantile(0.6))
    steps, low, high = result.band()
    assert steps.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert np.all(low < result.survival(steps))
    assert np.all(result.survival(steps) < high)
    assert (low[-1], high[-1]) == (pytest.approx(0.188, abs=2e-3), pytest.approx(0.680, abs=2e-3))


def test_without_censored_runs_all_is_what_it_is_of_a_sample():
    times = np.random.default_rng(0).gamma(3.0, size=40)
    result = ExitTimes(times, np.ones(40, dtype=bool), 0.1)
    assert result.mean == pytest.approx(times.mean())
    assert result.mean_error == pytest.approx(times.std() / 40**0.5)
    assert result.survival(np.median(times)) == pytest.approx(0.5)
    assert result.quantile(0.25) == np.sort(times)[9]


def test_runs_that_have_not_left_do_not_pull_the_median():
    truth = EscapeLaw(rate=1.0, start=1e-3, level=1.0)
    random = np.random.default_rng(3)
    times = np.log(1.0 / np.abs(1e-3 * random.standard_normal(4000)))
    ends = random.uniform(4.0, 12.0, 4000)  # runs end at any time, whatever their exit
    result = ExitTimes(np.minimum(times, ends), times <= ends, 1.0)
    assert result.quantile(0.5) == pytest.approx(truth.quantile(0.5), abs=0.1)
    naive = np.median(result.times[result.exited])
    assert abs(naive - truth.quantile(0.5)) > 0.15
    steps, low, high = result.band()
    inside = (low <= truth.survival(steps)) & (truth.survival(steps) <= high)
    assert inside.mean() > 0.8


def test_the_law_near_a_saddle_with_noise():
    rate, start, diffusion, level, k = 1.5, 2e-3, 3e-6, 0.5, 2
    random, n, step = np.random.default_rng(1), 4000, 2e-3
    x = start * random.standard_normal((n, k))
    times = np.full(n, np.inf)
    for number in range(1, 6000):
        x = x * np.exp(rate * step) + np.sqrt(diffusion / rate * np.expm1(2 * rate * step)) * random.standard_normal(
            (n, k)
        )
        times[(np.linalg.norm(x, axis=1) >= level) & np.isinf(times)] = number * step
    law = EscapeLaw(rate, start, level, components=k, diffusion=diffusion)
    assert np.isfinite(times).all()
    assert times.mean() == pytest.approx(law.mean, abs=4 * law.std / n**0.5 + step)
    assert times.std() == pytest.approx(law.std, rel=0.06)
    assert np.median(times) == pytest.approx(law.quantile(0.5), abs=0.04)
    assert np.mean(times > law.quantile(0.9)) == pytest.approx(0.1, abs=0.02)
    # without the noise it would be later by far more than the error
    assert EscapeLaw(rate, start, level, components=k).mean - times.mean() > 0.1


def test_a_neuron_on_the_sphere_leaves_when_the_law_says_for_its_start():
    problem, one = ss.SingleIndex(link=[0, 0, 1], activation=[0, 0, 1]), ss.PointMasses([1.0])
    for seed in (0, 1):
        flow = ss.NetworkFlow(problem, np.inf, neurons=1, dimension=10_000, second_layer=one, seed=seed)
        run = ss.solve(flow, until=8.0)
        s = abs(float(run["overlap"][0, 0]))
        # of s' = 2 s (1 - s^2) the ratio s / sqrt(1 - s^2) grows as e^(2t); risk 1 - s^2 is .5 where it is one
        expected = np.log(np.sqrt(1 - s * s) / s) / 2
        assert exit_times(run, 0.5).times[0] == pytest.approx(expected, rel=2e-3)
    law = EscapeLaw(2.0, 0.01, 1.0)
    assert law.mean == pytest.approx((np.log(100) + 0.635181422730739) / 2)
    assert EscapeLaw(2.0, 0.001, 1.0).mean - law.mean == pytest.approx(np.log(10) / 2)


def test_runs_side_by_side_and_one_by_one():
    problem = ss.SingleIndex([0, 1], [0, 1])
    sgd = ss.OnePassSGD(problem, 1.0, neurons=4, dimension=50, step_size=1e-2, runs=3)
    together = ss.solve(sgd, until=3.0)
    result = exit_times(together, 0.2)
    assert result.times.shape == (3,)
    for k in range(3):
        risk = together["risk"][:, k]
        i = int(np.argmax(risk <= 0.2))
        assert together.time[i - 1] < result.times[k] <= together.time[i]
    late = exit_times(together, 1e-12)
    assert late.exited.tolist() == [False] * 3
    assert "lower bound" in late.doubts[0]
    assert np.isnan(late.quantile(0.5))
    assert late.mean == pytest.approx(3.0)
    assert np.isnan(late.mean_error)


def test_arguments():
    run = ss.solve(ss.NetworkFlow(ss.SingleIndex([0, 1], [0, 1]), 1.0, 2, 50), 0.1)
    with pytest.raises(ss.ArgumentError, match=r"`observable` must be one of the run.s .known: risk"):
        exit_times(run, 0.5, "cost")
    with pytest.raises(ss.ArgumentError, match="`observable` must have the axes"):
        exit_times(run, 0.5, "overlap")
    with pytest.raises(ss.ArgumentError, match="`runs` must be trajectories"):
        exit_times([SimpleNamespace()], 0.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ss.ArgumentError, match="`start` must be positive"):
        EscapeLaw(1.0, 0.0, 1.0)
    with pytest.raises(ss.ArgumentError, match="`diffusion` must be at least 0"):
        EscapeLaw(1.0, 0.1, 1.0, diffusion=-1.0)
