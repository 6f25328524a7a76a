"""What a network does that infinite width does not: the time of degree 1, the escape in finite dimension."""

import numpy as np
import pytest

import saddlescope as ss

LADDER = ss.SingleIndex([1, -1, 1, 1], [1, 1, 0.5, 0.3])
EDGE = 3**0.5


def network(problem, epsilon, neurons, until):
    """A network of evenly spread weights and orthogonal neurons: no luck of a draw in it."""
    a = EDGE * (2 * (np.arange(neurons) + 0.5) / neurons - 1)
    start = np.hstack([np.zeros((neurons, 1)), np.eye(neurons)])
    return ss.learning_times(ss.solve(ss.NetworkFlow(problem, epsilon, initial=(a, start)), until=until))[1]


@pytest.mark.parametrize(("epsilon", "neurons", "slower"), [(1e-3, 50, 1.5), (1e-4, 50, 3.5)])
def test_a_network_learns_degree_one_later(epsilon, neurons, slower):
    problem = ss.SingleIndex([0, -1], [0, 1, 0.5, 0.3])
    order = ss.canonical_order(problem, levels=1)
    expected = order.width_time(epsilon, neurons)
    assert network(problem, epsilon, neurons, 2 * expected) == pytest.approx(expected, rel=0.05)
    assert expected > slower * order.width_time(epsilon, np.inf)


def test_the_width_that_is_needed():
    order = ss.canonical_order(LADDER, levels=1)
    for epsilon in (1e-3, 1e-8):
        needed = order.needed_width(epsilon, within=0.1)
        ratio = order.width_time(epsilon, needed) / order.width_time(epsilon, np.inf)
        assert ratio == pytest.approx(1.1, rel=1e-6)
    assert order.width_time(1e-4, np.inf) == pytest.approx(order.leading_times(1e-4)[1], rel=1e-12)
    growth = order.needed_width(1e-12) / order.needed_width(1e-8)
    assert growth == pytest.approx(100, rel=0.05)


def test_results_say_so():
    assert ss.NetworkFlow(LADDER, 1e-2, neurons=1000)._doubts() == ()
    # in a low dimension neurons start with overlaps of their own, and level 1 is another
    assert ss.NetworkFlow(LADDER, 1e-2, neurons=10, dimension=100)._doubts() == ()
    run = ss.solve(ss.NetworkFlow(LADDER, 1e-2, neurons=10), until=1e-3)
    assert "10 neurons of a network acts on itself" in run.doubts[0]
    sampled = ss.solve(ss.MeanFieldFlow(LADDER, 1e-2, neurons=10), until=1e-3)
    assert "no network of 10 neurons" in sampled.doubts[0]
    result = ss.compare(run, sampled)
    assert set(result.doubts) == {*run.doubts, *sampled.doubts}
    assert "acts on itself" in str(result)


def test_the_escape_in_finite_dimension():
    """Information exponent 2: T = const + sigma_0 / (4 sigma_2 phi_2 phi_0) log d."""
    problem = ss.SingleIndex([1, 0, 1], [1, 1, 0.5])
    order = ss.canonical_order(problem, levels=2)
    assert order.escape_slope == 0.5
    rng = np.random.default_rng(1)
    m, dimensions = 20, np.array([1e6, 1e10])
    a, overlap = rng.uniform(-EDGE, EDGE, m), rng.normal(size=m)
    times = []
    for d in dimensions:
        # the same neurons but for the size of their overlap with the teacher, orthogonal to each other
        s = overlap / d**0.5
        start = np.column_stack([s, np.diag(np.sqrt(1 - s**2))])
        run = ss.solve(ss.NetworkFlow(problem, 1e-2, initial=(a, start)), until=30.0)
        times.append(ss.learning_times(run)[2])
    slope = np.diff(times)[0] / np.diff(np.log(dimensions))[0]
    assert slope == pytest.approx(order.escape_slope, rel=0.04)
    # particles without r_ii = 1 keep their spread of weights, and the fastest of them leads
    assert np.isnan(ss.canonical_order(LADDER, levels=2).escape_slope)
    assert np.isnan(ss.canonical_order(ss.SingleIndex([1, 0, -1], [1, 1, 0.5]), levels=2).escape_slope)
