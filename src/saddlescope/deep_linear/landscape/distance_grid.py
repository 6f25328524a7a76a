"""The phase diagram at the start: distances to minima and saddles, over gamma and width, and their powers."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, vector
from saddlescope.deep_linear.landscape.distances import distances
from saddlescope.deep_linear.network.starts import gaussian_start
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.least_squares import LeastSquares
from saddlescope.engines.calls import calls
from saddlescope.solve.control import DeadlineError
from saddlescope.solve.progress import CountBar

if TYPE_CHECKING:
    import xarray

_LARGEST = 100  # decades that the product of all layers may be away from one


@dataclass(frozen=True)
class DistanceGrid:
    """Distances of Gaussian starts to the global minima and to the saddles, over gamma and width.

    Attributes:
        depth: number of layers L.
        gammas: shape (gamma,).
        widths: of the hidden layers, rising, shape (width,).
        seeds: of the starts, shape (seed,).
        d_m: distance to the global minima, shape (gamma, width, seed).
        d_s: distance to the saddles, an upper bound for L > 2, shape (gamma, width, seed).
        converged: whether both searches did, shape (gamma, width, seed).
        limit: (L sum_i s_i^(2/L))^(1/2), d_m of layers of zeros: for gamma > 1, d_m rises to it with the width.
        interrupted: whether Ctrl-C left out some of the seeds that were asked for.
    """

    depth: int
    gammas: np.ndarray
    widths: np.ndarray
    seeds: np.ndarray
    d_m: np.ndarray
    d_s: np.ndarray
    converged: np.ndarray
    limit: float
    interrupted: bool = False

    @property
    def minimum(self) -> np.ndarray:
        """d_m, averaged over the seeds, shape (gamma, width)."""
        return self.d_m.mean(axis=-1)

    @property
    def saddle(self) -> np.ndarray:
        """d_s, averaged over the seeds, shape (gamma, width)."""
        return self.d_s.mean(axis=-1)

    @property
    def slopes(self) -> np.ndarray:
        """Fitted powers of the width, of d_m and of d_s, shape (2, gamma)."""
        return np.array([[self._slope(row) for row in rows] for rows in (self.minimum, self.saddle)])

    def predicted_slopes(self, gammas: ArrayLike | None = None) -> np.ndarray:
        """Powers of the width as it grows without end, of d_m and of d_s, shape (2, gamma).

        For d_m, -(1 - gamma)(L - 1)/2 from gamma = 1 - 1/L to 1, and 0 above; below, the product at the start grows
        with the width, and what is learnt is to undo it: -gamma/2. For d_s, (1 - gamma)/2.

        Args:
            gammas: by default those of the grid.

        Source: Jacot et al., arXiv 2106.15933, from gamma = 1 - 1/L on; below, the linearised distance
        |A(0)| / (L (w sigma^2)^(L-1))^(1/2).
        """
        g, L = np.asarray(self.gammas if gammas is None else gammas, dtype=float), self.depth
        lazy = np.maximum(-(1 - g) * (L - 1) / 2, -g / 2)
        return np.array([np.where(g < 1, lazy, 0.0), (1 - g) / 2])

    @property
    def shortfall_slopes(self) -> np.ndarray:
        """Fitted powers of the width of `limit` - d_m, (1 - gamma)/2 in theory, shape (gamma,).

        nan for gamma <= 1, and where d_m is not under its limit at every width.
        """
        missing = self.limit - self.minimum
        there = (self.gammas > 1) & (missing > 0).all(axis=1)
        return np.array([self._slope(row) if seen else math.nan for row, seen in zip(missing, there, strict=True)])

    def _slope(self, values: np.ndarray) -> float:
        return float(np.polyfit(np.log(self.widths), np.log(values), 1)[0])

    @property
    def doubts(self) -> tuple[str, ...]:
        """Sentences on what may be wrong with this grid; empty for a clean one."""
        done = ", ".join(map(str, self.seeds))
        unsettled = int(np.sum(~self.converged))
        bound = "For depth over 2 the distance to a saddle is an upper bound with the same power."
        return (
            *((f"{unsettled} of the searches did not converge.",) if unsettled else ()),
            *((bound,) if self.depth > 2 else ()),
            *((f"Stopped by the user: seed {done} only.",) if self.interrupted else ()),
        )

    @property
    def dataset(self) -> xarray.Dataset:
        """The same data as an `xarray.Dataset`, with theory's slopes beside the fitted ones, built on each call."""
        import xarray  # here, since it costs half a second that a run without it need not pay

        every = ("gamma", "width", "seed")
        variables: dict[str, Any] = {name: (every, getattr(self, name)) for name in ("d_m", "d_s", "converged")}
        for name, fitted, theory in zip(("d_m", "d_s"), self.slopes, self.predicted_slopes(), strict=True):
            variables |= {f"{name}_slope": ("gamma", fitted), f"{name}_predicted_slope": ("gamma", theory)}
        coords = {"gamma": self.gammas, "width": self.widths, "seed": self.seeds}
        return xarray.Dataset(variables, coords, {"depth": self.depth, "limit": self.limit})


def distance_grid(
    cost: LeastSquares,
    depth: int,
    *,
    gammas: ArrayLike,
    widths: Sequence[int],
    seeds: Sequence[int] = (0,),
    progress: bool | None = None,
    workers: int | None = None,
) -> DistanceGrid:
    """Measure how far Gaussian starts are from a global minimum and from a saddle, over gamma, width and seed.

    A wide lazy start lies next to a minimum, one with small weights next to a saddle; how near, to the power of the
    width, is the phase diagram of deep linear networks. Ctrl-C keeps the seeds that are done.

    Args:
        cost: a whitened `LeastSquares`, C(A) = |A - S|^2 / 2.
        depth: L >= 2.
        gammas: no two the same; entries of a start are N(0, width^(-gamma)).
        widths: of the hidden layers, at least two, rising, none under the rank of S.
        seeds: of the starts, no two the same.
        progress: show a progress bar; by default on a terminal.
        workers: number of processes, by default of processors, that share what is left once it is seen to take long.

    Raises:
        ArgumentError: if an argument is refused.
        KeyboardInterrupt: after Ctrl-C, if no seed is done.

    Source: Jacot et al., arXiv 2106.15933 (the phase diagram in gamma); see `distances` for how they are found.

    Example:
        >>> import saddlescope as ss
        >>> grid = ss.distance_grid(ss.LeastSquares([[4.0]]), 2, gammas=[0.5, 4.0], widths=[100, 10000])
        >>> grid.predicted_slopes().tolist()
        [[-0.25, 0.0], [0.25, -1.5]]
        >>> grid.slopes[:, 1].round(1).tolist()
        [0.0, -1.5]
        >>> round(float(grid.minimum[1, 1]) ** 2, 2)  # weights of almost nothing: to two layers of norm 2
        8.0
    """
    if not isinstance(cost, Cost) or cost.whitened_target is None:
        raise ArgumentError("cost", "be LeastSquares of a target", type(cost).__name__)
    depth, rank = count("depth", depth, 2), cost.target_rank
    if not rank:
        raise ArgumentError("cost", "have a target that is not zero", 0)
    g, w = vector("gammas", gammas), _whole_numbers("widths", widths, 1)
    s = _whole_numbers("seeds", seeds, 0)
    for name, values in (("gammas", g), ("seeds", s)):
        if len(np.unique(values)) < len(values):
            raise ArgumentError(name, "differ from each other", values.tolist())
    if len(w) < 2 or np.any(np.diff(w) <= 0):
        raise ArgumentError("widths", "be at least two, and rise from width to width", w.tolist())
    if w[0] < rank:
        raise ArgumentError("widths", f"be at least the rank {rank} of the target", w.tolist())
    if np.abs(g).max() / 2 * math.log10(w[-1]) * depth > _LARGEST:
        raise ArgumentError("gammas", f"leave weights a float can multiply at width {w[-1]}", g.tolist())
    if workers is not None:
        count("workers", workers)
    result = np.full((3, len(g), len(w), len(s)), math.nan)
    places = list(product(range(len(s)), range(len(w)), range(len(g))))
    points = [(int(w[j]), float(g[i]), int(s[k])) for k, j, i in places]
    one = functools.partial(_measured, cost, depth)
    # an engine gives each one thread, the fastest for matrices as narrow as these up to width 1024
    with contextlib.suppress(KeyboardInterrupt, DeadlineError), CountBar("Distances", len(places), progress) as bar:
        for number, measured in calls(one, points, workers=workers):
            k, j, i = places[number]
            if isinstance(measured, Exception):
                measured.add_note(f"at gamma = {g[i]:g}, width {w[j]}, seed {s[k]}")
                raise measured
            result[:, i, j, k] = measured
            bar.advance()
    done = np.isfinite(result).all(axis=(0, 1, 2))
    if not done.any():
        raise KeyboardInterrupt  # there is nothing to keep
    d_m, d_s, converged = result[..., done]
    singular_values = np.linalg.svd(np.asarray(cost.target), compute_uv=False)[:rank]
    limit = math.sqrt(depth * float(np.sum(singular_values ** (2 / depth))))
    return DistanceGrid(depth, g, w, s[done], d_m, d_s, converged.astype(bool), limit, not done.all())


def _measured(cost: Cost, depth: int, width: int, gamma: float, seed: int) -> tuple[float, float, bool]:
    start = gaussian_start(cost.shape, depth, width, gamma, seed=seed)
    one = distances(cost, start)  # pyright: ignore[reportArgumentType]
    return one.minimum, one.saddle, one.converged


def _whole_numbers(name: str, values: Sequence[int], least: int) -> np.ndarray:
    try:
        entries = [] if isinstance(values, str) else list(values)
    except TypeError:
        entries = []
    if not entries:
        raise ArgumentError(name, "be a list of whole numbers", values)
    return np.array([count(name, entry, least) for entry in entries])
