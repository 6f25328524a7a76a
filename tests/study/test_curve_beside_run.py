"""A measured curve beside a run: curves made from a run on a known scale of time, and curves that no run fits."""

from types import SimpleNamespace

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.specs import read
from saddlescope.study.drops import free_scale

SCALE = 1234.0


@pytest.fixture(scope="module")
def spec():
    return read("canonical", ["--dynamics.epsilon", "1e-6", "--dynamics.until", "1.0"])


@pytest.fixture(scope="module")
def run(spec):
    return ss.solve(ss.MeanFieldFlow(ss.SingleIndex(spec.problem.link, spec.problem.activation), 1e-6), until=1.0)


def curve(time, value):
    return SimpleNamespace(time=time, value=value)


def measured(run, power=1.0, noise=0.02, factor=1.0, seed=3):
    """The run with its time scaled and raised to a power, its risk by a factor, 2000 points with noise."""
    grid = np.logspace(np.log10(run.time[1]), np.log10(run.time[-1]), 2000)
    risk = np.interp(grid, run.time, run["risk"])
    rough = np.exp(noise * np.random.default_rng(seed).standard_normal(grid.size))
    return curve(SCALE * grid**power, factor * risk * rough)


def told(result):
    return " ".join(f"{head} {text}" for head, text in result.remarks)


def test_the_scale_of_time_is_found_from_a_spec(spec, run):
    result = ss.compare(measured(run, factor=7.0), spec)
    assert result.record["compared"]
    assert result.record["time_scale"] == pytest.approx(SCALE, rel=0.1)
    # drops of a noisy curve are placed to some ten per cent; a curve that does not fit scatters by factors
    assert result.record["spread"] < 1.25
    assert result.record["misfits"] == []
    numbers = result.values()
    assert len(result.rows) == 3
    # ratios of heights need no scale: they are those of the run
    for what in ("height_ratio", "share"):
        np.testing.assert_allclose(numbers[f"measured_{what}"], numbers[f"predicted_{what}"], rtol=0.15)
    # and so are ratios of times; one curve's noise moves its first drop by a fifth, hence the median of several
    several = [
        ss.compare(measured(run, factor=7.0, seed=seed), spec).values()["measured_time_ratio"] for seed in range(7)
    ]
    np.testing.assert_allclose(np.median(several, axis=0), numbers["predicted_time_ratio"], rtol=0.3)
    # phi = 1, -1, 1, 1 over risk 2 with half of each square: a quarter, a quarter, and degrees 2 and 3 together
    np.testing.assert_allclose(numbers["predicted_share"], [0.25, 0.25, 0.5], atol=0.02)
    assert "a real network is not the model" in told(result)
    assert max(map(len, str(result).splitlines())) <= 80


def test_stages_and_a_trajectory_will_do(run):
    given = measured(run)
    result = ss.compare(ss.plateaus(given), run)
    assert result.record["time_scale"] == ss.compare(given, run).record["time_scale"]


def test_times_that_do_not_fit_are_said(run):
    result = ss.compare(measured(run, power=1.3), run)
    misfits = result.record["misfits"]
    assert any(text.startswith("Drop 1 comes at t = ") for text in misfits)
    assert "Misfit" in told(result)
    assert "Fits" not in told(result)
    assert result.record["spread"] > 2


def test_heights_that_do_not_fit_are_said(run):
    # the same times, and most of the fall in the first drop
    times = [float(p.drop_time) for p in ss.plateaus(run) if p.over]
    grid = np.logspace(np.log10(run.time[1]), np.log10(run.time[-1]), 2000)
    steps = sum(h / (1 + (grid / t) ** 4) for h, t in zip((60.0, 1.0, 0.5), times, strict=True))
    rough = np.exp(0.02 * np.random.default_rng(1).standard_normal(grid.size))
    result = ss.compare(curve(SCALE * grid, (steps + 0.1) * rough), run)
    assert result.record["time_scale"] == pytest.approx(SCALE, rel=0.15)
    assert not any("comes" in text for text in result.record["misfits"])
    assert any(text.startswith("Drop 1 is 0.9") for text in result.record["misfits"])


def test_a_curve_of_one_drop_has_nothing_to_compare(run):
    grid = np.logspace(0, 5, 500)
    result = ss.compare(curve(grid, 1 + 99 / (1 + (grid / 300) ** 8)), run)
    assert not result.complete
    assert result.rows == ()
    assert "There are 1 drop measured, 3 drops of the run: the curve has fewer than two" in told(result)


def test_a_curve_that_ends_early_is_matched_with_the_first_drops(run):
    whole = measured(run)
    early = whole.time < 0.5 * SCALE * ss.plateaus(run)[2].drop_time
    result = ss.compare(curve(whole.time[early], whole.value[early]), run)
    assert len(result.rows) == 2
    assert result.record["time_scale"] == pytest.approx(SCALE, rel=0.1)
    assert "The last drop of the curve is under way at its end, and left out." in result.doubts
    assert any("of the run at t = " in text for text in result.record["misfits"])


def test_a_log_that_begins_late():
    predicted = np.array([1.0, 7.0, 21.0, 400.0])
    late = free_scale(3 * predicted[1:], predicted)
    assert (late.measured, late.predicted, late.count, late.ways) == (0, 1, 3, 2)
    assert late.factor == pytest.approx(3)
    assert late.spread == pytest.approx(0, abs=1e-12)
    more = free_scale(3 * predicted, predicted[:3])
    assert (more.measured, more.predicted, more.factor) == (0, 0, pytest.approx(3))


def test_what_cannot_be_compared_is_refused(run, monkeypatch):
    given = measured(run)
    with pytest.raises(ss.ArgumentError, match="a curve and one spec"):
        ss.compare(given)
    with pytest.raises(ss.ArgumentError, match="a curve and one spec"):
        ss.compare(given, run, labels=["a", "b"])
    # a map of distances is no run, which is known before it is computed
    from saddlescope.deep_linear.landscape.study import Study

    monkeypatch.setattr(Study, "solve", lambda *_: pytest.fail("solved in vain"))
    with pytest.raises(ss.ArgumentError, match="`spec` must make a run over time"):
        ss.compare(given, "distances")
