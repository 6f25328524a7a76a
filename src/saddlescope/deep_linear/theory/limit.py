"""Saddle-to-saddle dynamics in the limit of a vanishing start: saddles, the times of the jumps, the path.

This file is of three layers and more; two are in `limit_shallow`. A start of scale alpha leaves the first saddle along
the escape path of rank one, after a time tau_1 alpha^-(L-2). Meanwhile all other neurons have moved too, at scale
alpha. The jump itself takes no time on that scale, but turns the row and column spaces that are in use, and the free
neurons are carried along. So on to the next saddle.

Near a saddle the free neurons follow the gradient flow of H(theta) = tr(G^T W_L ... W_1), which is homogeneous: scale
and time drop out, and tau is the time in which H's flow from alpha = 1 runs to infinity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import block_diag

from saddlescope.arguments import ArgumentError, count, finite, positive
from saddlescope.deep_linear.dynamics.system import DeepLinearSystem, flat, imbalance_norms, layers
from saddlescope.deep_linear.landscape.escape import Escape, escape
from saddlescope.deep_linear.landscape.fixed_rank import Factors
from saddlescope.deep_linear.network.krylov import compress
from saddlescope.deep_linear.network.layers import checked_weights, include, products_from_input
from saddlescope.deep_linear.network.starts import gaussian_start, refuse_beyond_floats
from saddlescope.deep_linear.problem.cost import Cost, checked_cost
from saddlescope.deep_linear.problem.linear_cost import LinearCost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.limit_shallow import THRESHOLD, LimitOutcome, shallow_limit
from saddlescope.deep_linear.theory.next_saddle import TIED, GreedyOutcome, Side, ending, neuron_size, next_saddle
from saddlescope.solve import Outcome, integrate

_GROWTH = 1e4  # of the free neurons, until the rest of the escape is its closed form
_ROUNDS = 6
_RTOL = 1e-8
_EQUAL = 1e-7  # share of the largest singular value within which others are one with it
_WIDTHS = 4
_NEARER = 1e-2  # product of the new neuron of a path, of that of a greedy step
_SMALL_STARTS = 1e-2, 1e-3  # sizes of layers, of those of what is learnt, that are followed where the start decides
_ARRIVED = 1e-3  # share of the fall of the cost that is left where such a run has shown its side
_NEAREST = 0.3  # share of the distance to the other end at which it has
_LONGEST = 1e6  # times the shortest time that a jump may take
_POINTS, _APART = 500, 1e-3  # of a segment of the path; least distance of two that it is drawn through, relative


class _Course(DeepLinearSystem):
    """A run of which all weights are kept: the network of a jump is narrow, however large its product."""

    def observables(self, y, rate):
        return {"cost": super().observables(y, rate)["cost"], "weights": y}


@dataclass(frozen=True)
class SaddleToSaddleLimit:
    """The limit of scale alpha -> 0.

    Attributes:
        costs: at the saddles visited, the origin first, shape (jumps + 1,).
        ranks: of the saddles, shape (jumps + 1,).
        products: A at the saddles, shape (jumps + 1, d_out, d_in).
        jump_times: tau_k = lim alpha^(L-2) T_k, or lim T_k / log(1/alpha) for two layers, shape (jumps,), rising.
        exponents: 1 - s_2 / s_1 at the saddles left: a run of scale alpha stays within a distance of order alpha to
            this power of the path, shape (jumps,). For two layers alpha to this power is the size of the largest other
            mode when the saddle is left; runs also cut corners, where the way into a saddle is slow.
        segments: A along the path from saddle to saddle, one array (points, d_out, d_in) a jump.
        depth: L.
        outcome: how the path ended.
        size: of theta_0 along one direction of input or output, root mean square over all.
        doubts: sentences on what may be wrong.
    """

    costs: np.ndarray
    ranks: np.ndarray
    products: np.ndarray
    jump_times: np.ndarray
    exponents: np.ndarray
    segments: tuple[np.ndarray, ...]
    depth: int
    outcome: GreedyOutcome | LimitOutcome
    size: float = 1.0
    doubts: tuple[str, ...] = ()

    def times(self, scale: float) -> np.ndarray:
        """Jump times of a run of that scale, to leading order, shape (jumps,).

        For two layers they are tau_k log(1 / (scale size)), and off by times of order one / s_1 however small the
        scale; `size` makes them less.

        Raises:
            ArgumentError: if the scale is not positive, or for two layers so large that there is no escape to wait for.
        """
        alpha = positive("scale", scale)
        if self.depth > 2:
            return self.jump_times * alpha ** (2 - self.depth)
        if alpha * self.size >= 1:
            raise ArgumentError("scale", f"be under {1 / self.size:.3g} for a start next to the first saddle", scale)
        return -np.log(alpha * self.size) * self.jump_times

    def cost(self, time: Any, scale: float) -> np.ndarray:
        """Cost along time: constant at the saddles, falling at the jump times."""
        visited = np.searchsorted(self.times(scale), np.asarray(time, dtype=float))
        return self.costs[visited]

    def distances(self, products: np.ndarray) -> np.ndarray:
        """Largest distance |A - path| of a run's products to the path, over each of its segments, shape (jumps,).

        Args:
            products: A(t) of a run, shape (time, d_out, d_in). A product belongs to the segment it is nearest to.
        """
        if not self.segments:  # the first saddle has no next one
            return np.zeros(0)
        flat_products = np.asarray(products).reshape(len(products), -1)
        each = np.array([_distance_to_polyline(flat_products, s.reshape(len(s), -1)) for s in self.segments])
        nearest = each.argmin(axis=0)
        return np.array([each[k, nearest == k].max(initial=0.0) for k in range(len(self.segments))])

    def __repr__(self) -> str:
        visited = ", ".join(f"rank {r}: {c:.6g}" for r, c in zip(self.ranks, self.costs, strict=True))
        jumps = ", ".join(f"{tau:.6g}" for tau in self.jump_times)
        unit = f"scale^-{self.depth - 2}" if self.depth > 2 else "log(1/scale)"
        return f"SaddleToSaddleLimit({visited}; jumps at {jumps} times {unit}; {self.outcome.name})"


def saddle_to_saddle_limit(
    cost: Cost,
    depth: int | None = None,
    width: int | None = None,
    gamma: float = 2.0,
    seed: int = 0,
    *,
    initial: Any = None,
) -> SaddleToSaddleLimit:
    """Return what the flow from theta = scale theta_0 tends to as scale -> 0, without any small number.

    Jumps come at times of order scale^-(L-2), for two layers of order log(1/scale). Three layers or more take the
    fastest escape from every saddle. Two layers take the mode that is first to grow to order one; with s_i(k) the
    singular values of the gradient at saddle k and tau_0 = 0, mode j escapes when
    sum_(k<j) s_(j-k)(k) (tau_(k+1) - tau_k) = 1 if the cost mixes all modes, and whatever the start.

    Args:
        cost: C(A).
        depth: L >= 2.
        width: of the hidden layers; the path of two layers ends at this rank.
        gamma: entries of theta_0 are N(0, width^(-gamma)).
        seed: of theta_0.
        initial: theta_0 given, [W_1, .., W_L], instead of depth, width, gamma and seed.

    Raises:
        ArgumentError: if an argument is refused, or theta_0 is not in the basin of any escape (a layer is zero).

    Source: Jacot et al., arXiv 2106.15933; for two layers own derivation, which for costs of the diagonal of A is
    the algorithm of Pesme, Flammarion, arXiv 2304.00488.

    Example:
        >>> import saddlescope as ss
        >>> cost = ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]])
        >>> limit = ss.saddle_to_saddle_limit(cost, depth=3, width=20, seed=1)
        >>> limit.costs.round(6).tolist(), bool(limit.jump_times[0] < limit.jump_times[1])
        ([2.5, 0.5, 0.0], True)
    """
    checked_cost(cost)
    if initial is None:
        if depth is None or width is None:
            raise ArgumentError("depth" if depth is None else "width", "be given (or else `initial`)", None)
        sizes = count("depth", depth), count("width", width)
        start = gaussian_start(cost.shape, *sizes, finite("gamma", gamma), 1.0, seed)
    else:
        start = checked_weights(initial, cost.shape)
        refuse_beyond_floats("initial", "such layers", start)
    if len(start) < 2:
        raise ArgumentError("depth", "be at least 2 (one layer has no saddle)", len(start))
    wide = [np.asarray(W) for W in start]
    if any(not np.any(W) for W in wide):
        raise ArgumentError("initial", "hold no layer of zeros", "one")
    size = float(np.sqrt((np.sum(wide[0] ** 2) + np.sum(wide[-1] ** 2)) / sum(cost.shape)))
    if len(start) == 2:
        return SaddleToSaddleLimit(**vars(shallow_limit(cost, wide)), depth=2, size=size)
    narrow = compress(wide, _ROUNDS)
    free = narrow.weights if 2 * narrow.width <= max(W.shape[0] for W in wide) else wide
    return _deep_limit(cost, free, size, min(W.shape[0] for W in wide[:-1]))


def _deep_limit(cost: Cost, free: list[np.ndarray], size: float, width: int) -> SaddleToSaddleLimit:
    """Go from saddle to saddle as a greedy path does, with the free neurons to say when, and which way at a tie."""
    numpy_cost, depth = NumpyCost(cost), len(free)
    A, saddle, now = np.zeros(cost.shape), None, 0.0
    path = escape(cost, depth)
    strongest, guard = path.strength, 100 * numpy_cost.length
    costs, ranks, products = [path.cost], [0], [A]
    times, exponents, segments, doubts = [], [], [], []
    while True:
        if ranks[-1] >= min(*cost.shape, width):
            outcome = GreedyOutcome.RANK_LIMIT
            break
        time, mode, after = _escape(path, -numpy_cost.value_and_gradient(A)[1], free)
        way = replace(path, left=mode[0], right=mode[1])
        # the drawn path begins where the new neuron does: that must be nearer to the saddle than runs are to the path
        begin = neuron_size(numpy_cost, A, way) * _NEARER ** (1 / depth)
        side = _side_of(cost, saddle, free, time, path.cost)
        reached = next_saddle(numpy_cost, saddle, way, guard, strongest, begin, side)
        if reached.failure is not None:
            outcome = reached.failure
            break
        if _EQUAL < path.exponent <= TIED:
            doubts.append(
                f"The two largest singular values of the gradient at saddle {len(times)} differ by a share of "
                f"{path.exponent:.1g}: the way on is that of starts of {1 / _GROWTH:.0e}, and other starts may differ."
            )
        doubts += reached.doubts
        segment = [A[None]]
        for begun, end in zip(reached.legs, reached.costs, strict=True):
            segment.append(_jump(cost, begun, end, path.cost if len(segment) == 1 else reached.costs[len(segment) - 2]))
        saddle, A = reached.factors, reached.factors.product
        segment = _smooth(np.concatenate([*segment, A[None]]))
        value, G = numpy_cost.value_and_gradient(A)
        costs.append(value)
        ranks.append(ranks[-1] + 1)
        products.append(A)
        times.append(now := now + time)
        exponents.append(path.exponent)
        segments.append(segment)
        free = _carried(after, segment[1:], ranks[-1])
        U, s, Vt = np.linalg.svd(-G, full_matrices=False)
        if s[0] <= THRESHOLD * strongest:
            outcome = ending(numpy_cost, A, value, costs[0])
            break
        path = Escape(value, depth, U[:, 0], Vt[0], float(s[0]), float(s[1]) if s.size > 1 else 0.0)
    return SaddleToSaddleLimit(
        np.array(costs),
        np.array(ranks),
        np.array(products),
        np.array(times),
        np.array(exponents),
        tuple(segments),
        depth,
        outcome,
        size,
        tuple(doubts),
    )


def _escape(
    path: Escape, downhill: np.ndarray, free: list[np.ndarray]
) -> tuple[float, tuple[np.ndarray, np.ndarray], list[np.ndarray]]:
    """Run the free neurons to infinity: the time it takes, the mode (left, right) that escapes, and what is left.

    Where the largest singular values of -G, `downhill`, are one, or so near that no start tells them apart, any mode of
    theirs may escape, and the start decides.
    """
    shapes = tuple((W.shape[0], W.shape[1]) for W in free)
    system = DeepLinearSystem(
        cost=LinearCost(jnp.asarray(-downhill)),
        curvature_bound=jnp.zeros(()),
        length=jnp.asarray(jnp.inf),  # only the weights matter
        imbalance=jnp.asarray(imbalance_norms(free)),
        weight_decay=jnp.zeros(()),
        shapes=shapes,
        explicit=True,
    )
    y0 = flat(free)
    depth, size = len(free), float(np.linalg.norm(y0))
    unit = 1 / (path.strength * size ** (depth - 2))
    entry = size / np.sqrt(len(y0))
    record = integrate(
        system,
        jnp.asarray(y0),
        np.geomspace(1e-2, 1e6, 8) * unit,
        first_step=1e-3 * unit,
        rtol=_RTOL,
        atol=_RTOL * entry,
        max_steps=200_000,
        stop_below=-path.steepness * (_GROWTH * size) ** depth,
    )
    if record.outcome is not Outcome.REACHED_TARGET:
        raise ArgumentError("initial", "escape from every saddle", f"no escape: {record.outcome.message}")
    layers_now = [np.asarray(W) for W in layers(jnp.asarray(record.states[-1]), shapes)]
    singular = [np.linalg.svd(W) for W in layers_now]
    rho = float(np.sqrt(sum(s[0] ** 2 for _, s, _ in singular)))
    left = []
    for W, (U, s, Vt) in zip(layers_now, singular, strict=True):
        left.append(W - s[0] * np.outer(U[:, 0], Vt[0]))
    U, s, Vt = np.linalg.svd(downhill)
    tied = int(np.sum(s >= (1 - TIED) * s[0]))
    # of both ends of the mode that escaped: along each pair of singular vectors they grow together
    U, V = U[:, :tied], Vt[:tied].T
    share = U.T @ singular[-1][0][:, 0]
    back = V.T @ singular[0][2][0]
    share = share + np.copysign(1.0, share @ back) * back
    share = share / np.linalg.norm(share)
    return float(record.times[-1]) + path.time(rho), (U @ share, V @ share), left


def _side_of(cost: Cost, saddle: Factors | None, free: list[np.ndarray], time: float, top: float) -> Side:
    """Return which side of a saddle on its way a small start takes, by two runs of such starts; None if they differ.

    Where the way from a saddle of cost `top`, left at `time` by the `free` neurons of size one, keeps a symmetry that
    the start has not, what is left of the start decides: no limit without a small number tells that.
    """
    depth = len(free)
    held = [np.zeros((0, free[0].shape[1])), *([np.zeros((0, 0))] * (depth - 2)), np.zeros((free[-1].shape[0], 0))]
    held = held if saddle is None else saddle.network(depth)
    size = NumpyCost(cost).length ** (1 / depth) / max(float(np.linalg.norm(W, 2)) for W in free)

    def course(small: float, end: float) -> np.ndarray:
        beside = [block_diag(W, small * size * V) for W, V in zip(held[1:-1], free[1:-1], strict=True)]
        first, last = (small * size * free[k] for k in (0, -1))
        layers_now = [np.vstack([held[0], first]), *beside, np.hstack([held[-1], last])]
        return _products(cost, layers_now, end + _ARRIVED * (top - end), 2 * time * (small * size) ** (2 - depth))

    def side(first: np.ndarray, second: np.ndarray, end: float) -> int | None:
        sides = set()
        for small in _SMALL_STARTS:
            points = course(small, end)
            near = [float(np.linalg.norm(points - A, axis=(1, 2)).min()) for A in (first, second)]
            sides.add(int(near[1] < near[0]) if min(near) < _NEAREST * max(near) else None)
        return sides.pop() if len(sides) == 1 else None

    return side


def _jump(cost: Cost, begun: list[np.ndarray], end: float, top: float) -> np.ndarray:
    """Products along the flow of a narrow network until its cost has fallen from `top` to `end`, (points, ...)."""
    return _products(cost, begun, end + 1e-8 * (top - end))


def _products(cost: Cost, begun: list[np.ndarray], stop_below: float, until: float | None = None) -> np.ndarray:
    """Products along the flow of a narrow network until its cost has fallen to `stop_below`, (points, ...)."""
    from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow

    # a few widths for all ranks: each is a program of its own
    width = -(-len(begun[0]) // _WIDTHS) * _WIDTHS
    flow = DeepLinearFlow(cost, initial=include([jnp.asarray(W) for W in begun], width), compress=False)
    system, y0 = flow.start()
    system = _Course(
        system.cost,
        system.curvature_bound,
        system.length,
        system.imbalance,
        system.weight_decay,
        system.shapes,
        explicit=False,
    )
    record = integrate(
        system,
        y0,
        np.geomspace(1e-3 * flow.shortest_time, until or _LONGEST * flow.shortest_time, 8),
        first_step=1e-3 * flow.shortest_time,
        rtol=1e-5,
        atol=1e-5 * np.sqrt(np.mean(np.asarray(begun[0][-1]) ** 2)),
        max_steps=100_000,
        stop_below=stop_below,
    )
    runs = (layers(y, system.shapes) for y in record.observables["weights"])
    return np.stack([np.asarray(products_from_input(weights)[-1]) for weights in runs])


def _smooth(path: np.ndarray) -> np.ndarray:
    """The curve through the points of a path, as many points at equal distances as a polygon needs to look like it.

    The points of a run are few. Chords between them are off by more than runs from small starts are off the path.
    """
    flat_path = path.reshape(len(path), -1)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(flat_path, axis=0), axis=1))])
    # points that crowd at the saddles say nothing of the curve, and rounding between them bends it
    apart = [0]
    for k in range(1, len(length) - 1):
        if length[k] - length[apart[-1]] > _APART * length[-1] < length[-1] - length[k]:
            apart.append(k)
    apart.append(len(length) - 1)
    curve = CubicSpline(length[apart], flat_path[apart])
    inside = curve(np.linspace(0.0, length[-1], _POINTS)[1:-1]).reshape(-1, *path.shape[1:])
    return np.concatenate([path[:1], inside, path[-1:]])


def _carried(free: list[np.ndarray], products: np.ndarray, rank: int) -> list[np.ndarray]:
    """Carry the free neurons' inputs and outputs along, parallel to the row and column spaces in use."""
    first, last = free[0], free[-1]
    U0 = V0 = None
    for A in products:
        U, _, Vt = np.linalg.svd(A)
        U, V = U[:, :rank], Vt[:rank].T
        if U0 is None or V0 is None:
            last, first = last - U @ (U.T @ last), first - (first @ V) @ V.T
        else:
            last, first = _rotation(U0, U) @ last, first @ _rotation(V0, V).T
        U0, V0 = U, V
    return [first, *free[1:-1], last]


def _rotation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation that takes the span of the columns of a to that of b, shape (d, d)."""
    X, _, Yt = np.linalg.svd(a.T @ b)
    b = b @ (Yt.T @ X.T)  # the frame of b that is nearest to a
    both = a + b
    return np.eye(len(a)) - both @ np.linalg.solve(np.eye(a.shape[1]) + a.T @ b, both.T) + 2 * b @ a.T


def _distance_to_polyline(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distance of every point to the broken line through the rows of `line`, shape (points,)."""
    best = np.full(len(points), np.inf)
    for a, b in pairwise(line):
        step = b - a
        square = float(step @ step)
        share = np.clip((points - a) @ step / square, 0, 1) if square > 0 else np.zeros(len(points))
        best = np.minimum(best, np.linalg.norm(points - a - share[:, None] * step, axis=1))
    return best
