"""Distances of many starts at once: each entry, the powers of the width, what a stop leaves, bad input."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.deep_linear import DistanceGrid, LeastSquares, distance_grid, distances, gaussian_start
from saddlescope.deep_linear import distance_grid as made
from saddlescope.deep_linear.problem.reference_problems import reference_completion

COST = LeastSquares(np.diag([2.0, 1.5, 1.0, 0.5]))


@pytest.fixture(scope="module")
def grid() -> DistanceGrid:
    return distance_grid(COST, 2, gammas=[1.5, 0.2, 0.75], widths=[64, 256, 1024], seeds=[3, 0, 4])


def test_every_entry_is_the_distance_of_its_own_start(grid: DistanceGrid):
    assert grid.d_m.shape == grid.d_s.shape == grid.converged.shape == (3, 3, 3)
    for (i, j, k), here in np.ndenumerate(grid.d_m):
        width, gamma, seed = int(grid.widths[j]), float(grid.gammas[i]), int(grid.seeds[k])
        one = distances(COST, gaussian_start((4, 4), 2, width, gamma, seed=seed))  # pyright: ignore
        assert (here, grid.d_s[i, j, k], grid.converged[i, j, k]) == pytest.approx((one.minimum, one.saddle, True))


def test_powers_of_the_width_are_those_of_theory(grid: DistanceGrid):
    # below gamma = 1 - 1/L = 1/2 the product at the start grows, and with it what is to be undone: w^(-gamma/2)
    assert grid.predicted_slopes().tolist() == [[0.0, -0.1, -0.125], [-0.25, 0.4, 0.125]]
    # corrections at these widths: -0.117 and -0.184 are measured of d_m, where -0.4 is far off at gamma = 0.2
    assert np.allclose(grid.slopes[:, 1:], grid.predicted_slopes()[:, 1:], atol=0.07)
    assert grid.slopes[1, 0] == pytest.approx(-0.25, abs=0.03)
    # above 1, d_m has no power: it is what is missing to its limit that has
    assert grid.limit == pytest.approx(np.sqrt(2 * 5.0))
    assert grid.shortfall_slopes[0] == pytest.approx(-0.25, abs=0.05)
    assert np.isnan(grid.shortfall_slopes[1:]).all()


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_predictions_are_continuous_where_they_change(depth: int):
    grid = distance_grid(LeastSquares([[1.0]]), depth, gammas=[3.0], widths=[2, 3])
    for gamma in (1 - 1 / depth, 1.0):
        below, above = grid.predicted_slopes([gamma - 1e-9, gamma + 1e-9]).T
        assert np.allclose(below, above, atol=1e-7)
    assert np.allclose(grid.predicted_slopes(1 - 1 / depth), [-(depth - 1) / 2 / depth, 1 / 2 / depth])


def test_slopes_are_of_the_averages_over_seeds(grid: DistanceGrid):
    x = np.log([64, 256, 1024])
    for row, distance in enumerate((grid.d_m, grid.d_s)):
        mean = (distance[..., 0] + distance[..., 1] + distance[..., 2]) / 3
        slopes = [np.sum((x - x.mean()) * np.log(d)) / np.sum((x - x.mean()) ** 2) for d in mean]
        assert np.allclose(grid.slopes[row], slopes, atol=1e-12)


def test_the_dataset_has_names_on_every_axis(grid: DistanceGrid):
    data = grid.dataset
    assert data.d_m.dims == data.d_s.dims == data.converged.dims == ("gamma", "width", "seed")
    assert float(data.d_m.sel(gamma=0.2, width=256, seed=4)) == grid.d_m[1, 1, 2]
    assert data.d_m_slope.values.tolist() == grid.slopes[0].tolist()
    assert data.d_s_predicted_slope.values.tolist() == grid.predicted_slopes()[1].tolist()
    assert data.attrs == {"depth": 2, "limit": grid.limit}


def stopping(monkeypatch, after: int, error: type[BaseException] = KeyboardInterrupt) -> list[int]:
    """Let the search end by an error after some of the starts; return a list that grows with each."""
    import sys

    seen: list[int] = []

    def search(cost, weights):
        if len(seen) == after:
            raise error
        seen.append(len(seen))
        return distances(cost, weights)

    monkeypatch.setattr(sys.modules[made.__module__], "distances", search)
    return seen


def test_a_stop_keeps_the_seeds_that_are_done(monkeypatch):
    whole = distance_grid(COST, 2, gammas=[1.0, 2.0], widths=[8, 16], seeds=range(5, 8))
    assert (whole.interrupted, whole.doubts) == (False, ())
    stopping(monkeypatch, after=2 * 4 + 3)
    part = distance_grid(COST, 2, gammas=[1.0, 2.0], widths=[8, 16], seeds=range(5, 8))
    assert part.interrupted
    assert part.seeds.tolist() == [5, 6]
    assert np.array_equal(part.d_m, whole.d_m[..., :2])
    assert part.doubts == ("Stopped by the user: seed 5, 6 only.",)
    stopping(monkeypatch, after=3)
    with pytest.raises(KeyboardInterrupt):
        distance_grid(COST, 2, gammas=[1.0, 2.0], widths=[8, 16])


def test_an_error_says_at_which_start_it_was_raised(monkeypatch):
    stopping(monkeypatch, after=5, error=ZeroDivisionError)
    with pytest.raises(ZeroDivisionError) as raised:
        distance_grid(COST, 2, gammas=[1.0, 2.0], widths=[8, 16], seeds=[7, 9])
    assert raised.value.__notes__ == ["at gamma = 2, width 8, seed 9"]


def test_a_progress_bar_changes_nothing(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes this for a terminal
    bare, shown = (
        distance_grid(COST, 2, gammas=[1.0], widths=[8, 16], progress=progress) for progress in (False, True)
    )
    assert np.array_equal(bare.d_s, shown.d_s)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Distances" in err


def test_searches_that_did_not_settle_are_doubted(grid: DistanceGrid):
    from dataclasses import replace

    some = grid.converged.copy()
    some[0, :2, 1] = False
    doubts = replace(grid, converged=some, depth=3).doubts
    assert doubts[0] == "2 of the searches did not converge."
    assert "upper bound" in doubts[1]
    assert grid.doubts == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cost": reference_completion()}, "`cost` must be LeastSquares of a target, but got 'MatrixCompletion'"),
        ({"cost": LeastSquares(np.zeros((2, 2)))}, "`cost` must have a target that is not zero, but got 0"),
        ({"depth": 1}, "`depth` must be a whole number of at least 2, but got 1"),
        ({"gammas": []}, "`gammas` must be a non-empty list of numbers"),
        ({"gammas": 1.0}, "`gammas` must be a non-empty list of numbers"),
        ({"gammas": [1.0, np.inf]}, "`gammas` must hold finite numbers only"),
        ({"gammas": [1.0, 1.0]}, r"`gammas` must differ from each other, but got \[1.0, 1.0\]"),
        ({"gammas": [1.0, 200.0]}, "`gammas` must leave weights a float can multiply at width 8"),
        ({"widths": [8]}, r"`widths` must be at least two, and rise from width to width, but got \[8\]"),
        ({"widths": [8, 4]}, "`widths` must be at least two, and rise from width to width"),
        ({"widths": [3, 4]}, "`widths` must be at least the rank 4 of the target"),
        ({"widths": [4, 5.5]}, "`widths` must be a whole number of at least 1, but got 5.5"),
        ({"widths": 8}, "`widths` must be a list of whole numbers, but got 8"),
        ({"widths": "48"}, "`widths` must be a list of whole numbers, but got '48'"),
        ({"seeds": 2}, "`seeds` must be a list of whole numbers, but got 2"),
        ({"seeds": []}, r"`seeds` must be a list of whole numbers, but got \[\]"),
        ({"seeds": [0, -1]}, "`seeds` must be a whole number of at least 0, but got -1"),
        ({"seeds": [2, 2]}, "`seeds` must differ from each other"),
        ({"workers": 0}, "`workers` must be a whole number of at least 1, but got 0"),
    ],
)
def test_bad_input_is_refused_before_any_work(arguments: dict, message: str, monkeypatch):
    seen = stopping(monkeypatch, after=0, error=AssertionError)
    with pytest.raises(ss.ArgumentError, match=message):
        distance_grid(**{"cost": COST, "depth": 2, "gammas": [1.0], "widths": [4, 8], **arguments})
    assert seen == []
