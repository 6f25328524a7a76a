"""The limit of a vanishing start: saddles, jump times and the path, against runs from small starts."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.deep_linear import (
    DeepLinearFlow,
    LeastSquares,
    escape,
    gaussian_start,
    saddle_to_saddle_limit,
)
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target

JUMPS = (10.46499, 21.74460, 40.7526)
COST = LeastSquares(reference_target())


@pytest.fixture(scope="module")
def limit():
    return saddle_to_saddle_limit(reference_completion(), 4, 100, 2.0, 100)


@pytest.fixture(scope="module")
def run():
    flow = DeepLinearFlow(reference_completion(), 4, 100, 2.0, 0.25, seed=100, compress=5)
    return ss.solve(flow, until=50 * 16.0)


def test_jump_times_of_the_reference_completion(limit):
    assert limit.jump_times == pytest.approx(JUMPS, rel=2e-4)
    assert limit.costs == pytest.approx([23.5349539035, 6.1812766576, 1.2389269774, 0.0], abs=1e-8)
    assert limit.ranks.tolist() == [0, 1, 2, 3]
    assert limit.exponents == pytest.approx([0.488, 0.313, 0.585], abs=6e-4)
    assert limit.outcome.name == "RECOVERED"
    assert "jumps at 10.46" in repr(limit)


def test_a_run_from_a_small_start_jumps_there(limit, run):
    middles = 0.5 * (limit.costs[1:] + limit.costs[:-1])
    measured = np.interp(-middles, -run["cost"], run.time)
    # the last jump converges slowest, with the power .29 of the scale at worst
    assert measured * 0.25**2 == pytest.approx(limit.jump_times, rel=1e-3)
    assert limit.times(0.25) == pytest.approx(limit.jump_times * 16)


def test_runs_tend_to_the_path_with_the_predicted_power_of_the_scale(limit):
    scales, apart = (4.0**-3, 4.0**-4), []
    for scale in scales:
        flow = DeepLinearFlow(reference_completion(), 4, 100, 2.0, scale, seed=100, compress=7)
        apart.append(limit.distances(ss.solve(flow, 1.3 * limit.times(scale)[-1], rtol=1e-8)["product"]))
    assert np.log(apart[0] / apart[1]) / np.log(4) == pytest.approx(limit.exponents, abs=0.03)


def test_the_cost_between_the_jumps(limit, run):
    before, after = limit.times(0.25)[:-1] * 1.2, limit.times(0.25)[1:] * 0.8
    middle = 0.5 * (before + after)
    assert limit.cost(middle, 0.25) == pytest.approx(limit.costs[1:-1])
    assert np.interp(middle, run.time, run["cost"]) == pytest.approx(limit.costs[1:-1], rel=1e-5)
    assert limit.cost([0.0, 1e9], 0.25) == pytest.approx(limit.costs[[0, -1]])


def test_the_path_is_where_the_run_goes(limit, run):
    apart = limit.distances(run["product"])
    assert apart.shape == (3,)
    # the jumps are as long as the singular values, 2 to 6; the run at scale 1/4 keeps near
    assert np.all(apart < 0.5)
    assert np.all(limit.distances(np.concatenate(limit.segments)) < 1e-12)
    for segment, start, end in zip(limit.segments, limit.products[:-1], limit.products[1:], strict=True):
        assert np.array_equal(segment[0], start)
        assert np.array_equal(segment[-1], end)
        assert np.linalg.norm(np.diff(segment, axis=0), axis=(1, 2)).max() < 0.5 * np.linalg.norm(end - start)


def test_a_start_on_the_escape_path_takes_its_closed_form():
    # nearly all the weights are in the neuron that escapes, along the direction it escapes in
    path = escape(COST, 3)
    start = [np.asarray(W) for W in path.weights(1.0, 3)]
    nudged = [W + 1e-3 * np.asarray(g) for W, g in zip(start, gaussian_start((3, 4), 3, 3, 0.0), strict=True)]
    result = saddle_to_saddle_limit(COST, initial=nudged)
    assert result.jump_times[0] == pytest.approx(path.time(1.0), rel=5e-3)
    assert np.all(np.diff(result.jump_times) > 0)
    assert result.costs == pytest.approx([7.0, 2.5, 0.5, 0.0], abs=1e-8)


def test_jump_times_scale_as_the_start_does():
    start = gaussian_start((3, 4), 3, 3, 1.0, seed=2)
    one = saddle_to_saddle_limit(COST, initial=start)
    half = saddle_to_saddle_limit(COST, initial=[0.5 * W for W in start])
    assert half.jump_times == pytest.approx(2 * one.jump_times, rel=1e-5)  # depth - 2 = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cost": None}, "Argument `cost` must be a cost of the product matrix, such as LeastSquares, but got None."),
        ({"depth": 1}, "Argument `depth` must be at least 2 (one layer has no saddle), but got 1."),
        ({"depth": None}, "Argument `depth` must be given (or else `initial`), but got None."),
        ({"width": None}, "Argument `width` must be given (or else `initial`), but got None."),
        ({"width": 0}, "Argument `width` must be a whole number of at least 1, but got 0."),
        ({"gamma": np.nan}, "Argument `gamma` must be a finite number, but got nan."),
        ({"seed": -1}, "Argument `seed` must be a whole number of at least 0, but got -1."),
        (
            {"initial": [np.ones((2, 4)), np.zeros((2, 2)), np.ones((3, 2))], "depth": None, "width": None},
            "Argument `initial` must hold no layer of zeros, but got 'one'.",
        ),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str):
    with pytest.raises(ss.ArgumentError) as refusal:
        saddle_to_saddle_limit(**{"cost": COST, "depth": 3, "width": 4, **arguments})
    assert str(refusal.value) == message


def test_products_of_many_entries_have_a_path_too():
    # 33 x 33 entries; direct runs by DOP853 at scales .1, .01, .001 pass half of the modes at 2.13539, 2.16494, 2.16797
    # and at 4.44103, 4.51378, 4.52136 over the scale, which tend to 2.1683 and 4.5222
    target = np.zeros((33, 33))
    target[0, 0], target[1, 1] = 2.0, 1.0
    limit = saddle_to_saddle_limit(LeastSquares(target), 3, 10, 2.0, seed=0)
    assert limit.jump_times == pytest.approx([2.1683, 4.5222], rel=1e-4)
    assert limit.segments[0].shape[1:] == (33, 33)
    assert limit.costs == pytest.approx([2.5, 0.5, 0.0], abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_path_that_parts_at_a_symmetric_saddle_goes_where_its_start_goes(seed):
    # the symmetric saddle of rank 1 is left to either side, to a product or to its transpose
    matrix = np.array([[np.nan, 0.5, -0.4], [0.5, 1.0, np.nan], [-0.4, np.nan, -0.6]])
    cost = ss.MatrixCompletion(np.nan_to_num(matrix), observed=np.isfinite(matrix))
    limit = saddle_to_saddle_limit(cost, 3, 4, 1.0, seed)
    assert limit.doubts == ()
    learnt = limit.products[1]
    assert np.abs(learnt - learnt.T).max() > 0.1
    run = ss.solve(DeepLinearFlow(cost, 3, 4, 1.0, 1e-3, seed), until=2e3 * limit.jump_times[-1], error_estimate=False)
    after = np.searchsorted(run.time, 500 * limit.jump_times[:2].sum())
    assert run["product"][after] == pytest.approx(learnt, abs=0.02)
    second = np.interp(-0.5 * limit.costs[1:].sum(), -np.minimum.accumulate(run["cost"]), run.time)
    assert 1e-3 * second == pytest.approx(limit.jump_times[1], rel=0.02)
