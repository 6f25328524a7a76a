"""Modes far smaller than the other weights: they grow like any, and no tolerance or compression may lose them."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

import saddlescope as ss
from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, balanced_mode_time, balanced_start, gaussian_start
from saddlescope.deep_linear.dynamics.growth import fastest_growth
from saddlescope.deep_linear.network.krylov import compress
from saddlescope.trajectory import Trajectory


def when(run: Trajectory, height: float) -> float:
    """The time at which the cost comes down to a height; inf if it never does."""
    last = int(np.argmax(run["cost"] <= height))
    if last == 0:
        return np.inf
    near = slice(last - 1, last + 1)
    curve = CubicHermiteSpline(run.time[near], run["cost"][near] - height, run["cost_rate"][near])
    result = brentq(curve, *run.time[near], xtol=1e-14)
    assert isinstance(result, float)
    return result


@pytest.mark.parametrize("way", ["auto", False])
@pytest.mark.parametrize("small", [1e-4, 3e-8, 1e-11, 1e-40])
def test_a_tiny_mode_beside_a_saddle_is_learnt_on_time(small: float, way: str | bool):
    # the first mode stands at its target, so that the run starts on a saddle but for the second
    flow = DeepLinearFlow(LeastSquares(np.diag([3.0, 0.8])), initial=[np.diag([3**0.5, small])] * 2, compress=way)
    run = ss.solve(flow, 160.0)
    wanted = float(np.log(0.8 / small**2 - 1) / 1.6)
    assert when(run, 0.08) == pytest.approx(wanted, rel=1e-4)  # half of .8 is a cost of .08


@pytest.mark.parametrize("way", ["auto", False])
@pytest.mark.parametrize("small", [1e-5, 2e-9, 1e-12])
def test_tiny_modes_that_mix_neurons_are_learnt_on_time(small: float, way: str | bool):
    random = np.random.default_rng(3)
    P, Q = (np.linalg.qr(random.standard_normal((2, 2)))[0] for _ in range(2))
    hidden = np.linalg.qr(random.standard_normal((5, 2)))[0]
    sizes = np.diag([3**0.5, small])
    start = [hidden @ sizes @ Q.T, P @ sizes @ hidden.T]
    flow = DeepLinearFlow(LeastSquares(P @ np.diag([3.0, 0.8]) @ Q.T), initial=start, compress=way)
    assert flow.compression is not None
    assert flow.compression.width == 2
    run = ss.solve(flow, 160.0)
    first, last = (flow.lift(run["weights"][k]) for k in (0, -1))
    assert all(np.allclose(W, given, atol=1e-14) for W, given in zip(first, start, strict=True))
    assert np.asarray(last[1]) @ np.asarray(last[0]) == pytest.approx(run["product"][-1], abs=1e-9)
    if way is False:  # states are those of the network that was given
        assert run["weights"].shape[1] == 20
        assert "compressed_width" not in run.accuracy
    # rounding of the large mode, 1e-16, is a part of the small one, and moves its time by as much
    wanted = float(balanced_mode_time(0.4, 0.8, small**2, 2))
    assert when(run, 0.08) == pytest.approx(wanted, rel=1e-4 + 1e-16 / small)


@pytest.mark.parametrize("depth", [2, 3])
def test_compression_keeps_what_is_small_and_drops_what_is_rounding(depth: int):
    random = np.random.default_rng(1)
    start = [np.asarray(W) for W in gaussian_start((3, 4), depth, 30, 1.0, seed=2)]
    # outputs that learn through weights far below the others
    start[-1] = start[-1] * np.array([1.0, 1e-10, 1e-30])[:, None]
    narrow = compress(start, 30)
    assert narrow.closed
    assert narrow.width == (7 if depth == 2 else 30)
    # three copies of one neuron are one, whatever their sizes
    neuron, out = random.standard_normal((1, 4)), random.standard_normal((3, 1))
    sizes = np.array([[1.0], [1e-7], [1e-15]])
    copies = [sizes @ neuron, *([np.eye(3)] * (depth - 2)), out @ sizes.T]
    assert compress(copies, 6).width == 1
    assert compress(copies, 6).closed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 1e-200}, "Argument `scale` must leave weights a float can multiply"),
        ({"scale": 1e300}, "Argument `scale` must leave weights a float can multiply"),
        ({"gamma": 200.0}, "Argument `gamma` must leave weights a float can multiply"),
        ({"gamma": -90.0, "depth": 3}, "Argument `gamma` must leave weights a float can multiply"),
    ],
)
def test_starts_that_floats_cannot_multiply_are_refused(arguments: dict, message: str):
    with pytest.raises(ss.ArgumentError, match=message):
        DeepLinearFlow(LeastSquares([[3.0, 0.0], [0.0, 2.0]]), **{"depth": 2, "width": 50, "gamma": 1.5, **arguments})


def test_given_starts_that_floats_cannot_multiply_are_refused():
    cost = LeastSquares([[3.0, 0.0], [0.0, 2.0]])
    with pytest.raises(ss.ArgumentError, match="Argument `initial` must leave weights a float can multiply"):
        DeepLinearFlow(cost, initial=[1e-70 * np.eye(2)] * 2)
    with pytest.raises(ss.ArgumentError, match="Argument `scale` must leave weights a float can multiply"):
        DeepLinearFlow(cost, initial=[np.eye(2)] * 2, scale=1e120)
    # a layer of zeros is a saddle that may be asked for
    assert DeepLinearFlow(cost, initial=[np.zeros((2, 2)), np.eye(2)]).weights


def test_a_long_plateau_beside_what_is_stiff_takes_few_steps():
    # mode 1 stands at its target and is stiff, the others wait for thousands of its times
    random = np.random.default_rng(2)
    frames = [np.linalg.qr(random.standard_normal((size, size)))[0][:, :3] for size in (3, 5, 5, 3)]
    chains = np.array([[2.0 ** (1 / 3), 1e-4, 7e-5], [2.0 ** (1 / 3), 1e-4, -7e-5], [2.0 ** (1 / 3), 1e-4, -7e-5]])
    start = [above @ np.diag(sizes) @ below.T for sizes, below, above in zip(chains, frames, frames[1:], strict=False)]
    target = frames[3] @ np.diag([2.0, 1.5, 1.0]) @ frames[0].T
    run = ss.solve(DeepLinearFlow(LeastSquares(target), initial=start, compress=False), 9000.0)
    assert run.solver["steps_accepted"] < 500
    wanted = float(balanced_mode_time(0.75, 1.5, 1e-12, 3))
    assert when(run, 0.5 + 0.5 * 0.75**2) == pytest.approx(wanted, rel=1e-4)


def test_lazy_runs_do_not_end_in_noise():
    # steps at the edge of stability are far longer than the decay of the fastest mode, whose error they do not damp
    cost = LeastSquares([[0.2, -0.05], [0.1, 0.3]])
    run = ss.solve(DeepLinearFlow(cost, depth=3, width=12, gamma=0.0, scale=1.8, seed=1), 0.5)
    assert run["test_error"][-20:].max() < 10 * run.accuracy["integration_error"]
    assert run["test_error"][-20:].max() < 1e-4


def reference_time(target: np.ndarray, weights: list[np.ndarray], level: float, until: float) -> float:
    """The time at which the cost comes down to a level, by an explicit method of order 8 with a tiny tolerance."""
    cuts = np.cumsum([W.size for W in weights])[:-1]

    def prefixes(y: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        layers = [part.reshape(W.shape) for part, W in zip(np.split(y, cuts), weights, strict=True)]
        results = [layers[0]]
        for W in layers[1:]:
            results.append(W @ results[-1])
        return layers, results

    def flow(_: float, y: np.ndarray) -> np.ndarray:
        layers, results = prefixes(y)
        G, slopes = results[-1] - target, []
        for k in range(len(layers) - 1, -1, -1):
            slopes.append(-(G @ results[k - 1].T if k else G).ravel())
            G = layers[k].T @ G
        return np.concatenate(slopes[::-1])

    def above(_: float, y: np.ndarray) -> float:
        return 0.5 * float(np.sum((prefixes(y)[1][-1] - target) ** 2)) - level

    start = np.concatenate([W.ravel() for W in weights])
    run = solve_ivp(flow, (0, until), start, method="DOP853", rtol=1e-10, atol=1e-20, events=above)
    return float(run.t_events[0][0])


@pytest.mark.parametrize(("depth", "small"), [(2, 1e-8), (3, 1e-5), (3, 1e-9), (4, 1e-7)])
def test_a_neuron_in_use_slides_to_a_larger_mode_on_time(depth: int, small: float):
    # the network rests at the saddle of the weaker mode, but for a perturbation in no special direction
    random = np.random.default_rng(depth)
    P, Q = (np.linalg.qr(random.standard_normal((3, 3)))[0] for _ in range(2))
    target = P @ np.diag([1.8, 1.1, 0.4]) @ Q
    resting = balanced_start(1.1 * np.outer(P[:, 1], Q[1]), depth, 3, seed=1)
    start = [np.asarray(W) + small * random.standard_normal(W.shape) for W in resting]
    level = 0.5 * (1.1**2 + 0.4**2) + 0.5 * 1.1**2  # on the way from 1.8 unlearnt to 1.1 unlearnt
    wanted = reference_time(target, start, level, 100.0)
    run = ss.solve(DeepLinearFlow(LeastSquares(target), initial=start), 2 * wanted)
    assert when(run, level) == pytest.approx(wanted, rel=5e-5)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_growth_of_a_neuron_that_turns_has_its_closed_form(depth: int):
    cost = LeastSquares(np.diag([2.5, 1.2, 0.7]))
    weights = [np.array(W) for W in balanced_start(np.diag([0.0, 1.2, 0.0]), depth, 1)]
    assert float(fastest_growth(cost, [jnp.asarray(W) for W in weights])) == 0.0  # nothing is there to grow
    weights[0][0, 0] += 1e-6
    weights[-1][0, 0] += 1e-6
    # from s = 1.2 towards 2.5 at the rate s^((L - 2)/L) (2.5 - s)
    wanted = 1.2 ** ((depth - 2) / depth) * (2.5 - 1.2)
    assert float(fastest_growth(cost, [jnp.asarray(W) for W in weights])) == pytest.approx(wanted, rel=1e-4)
