"""The saddles a deep linear network visits, predicted and measured, one row a saddle."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.measure import plateaus
from saddlescope.measure.judging.axes import LEAST_POINTS
from saddlescope.measure.jumps import first_below, slowest

if TYPE_CHECKING:
    from saddlescope.deep_linear import Cost, Escape, SaddleToSaddleLimit
    from saddlescope.trajectory import Trajectory


@dataclass(frozen=True)
class SaddlePath:
    """The predicted saddles, the origin first and the minimum last.

    Attributes:
        costs, ranks: shape (saddles,). products: shape (saddles, d_out, d_in).
        jump_times: at which each saddle but the last is left, nan where not predicted, shape (saddles - 1,).
        escapes: from each saddle but the last.
        limit: the limit of a vanishing start, which knows the way between the saddles; None where not predicted.
        whole: whether the last saddle is a minimum that the network can reach.
        message: how the path ended.
        doubts: sentences on what may be wrong.
    """

    costs: np.ndarray
    ranks: np.ndarray
    products: np.ndarray
    jump_times: np.ndarray
    escapes: tuple[Escape, ...]
    limit: SaddleToSaddleLimit | None
    whole: bool
    message: str
    doubts: tuple[str, ...]

    @property
    def segments(self) -> tuple[np.ndarray, ...]:
        """A along the path from saddle to saddle, arrays (points, d_out, d_in); none where not predicted."""
        return () if self.limit is None else self.limit.segments[: len(self.jump_times)]

    def cost(self, time: np.ndarray) -> np.ndarray:
        """Predicted cost along time, which jumps; nan where no times are predicted."""
        if np.isnan(self.jump_times).any():
            return np.full(np.shape(time), math.nan)
        return self.costs[np.searchsorted(self.jump_times, time)]


@dataclass(frozen=True)
class SaddleRow:
    """One saddle: predicted beside measured.

    Attributes:
        rank: of the saddle.
        predicted_cost: there. measured_cost: of the run where it is slowest between two jumps.
        predicted_time, measured_time: at which the saddle is left; measured when the cost is half way to the next.
        strength: s_1 of the gradient at the saddle, to which the speed of escape is proportional.
        exponent: 1 - s_2 / s_1: a start of scale alpha stays within alpha to this power of the path.
        off_path: distance |A - path| of the run until the next saddle.
        flat: whether the run rests here: whether this is one of its `plateaus`.
    """

    rank: int
    predicted_cost: float
    measured_cost: float
    predicted_time: float
    measured_time: float
    strength: float
    exponent: float
    off_path: float
    flat: bool

    @property
    def ratio(self) -> float:
        """Measured over predicted time; nan where it is predicted for the very start."""
        return self.measured_time / self.predicted_time if self.predicted_time else math.nan

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "measured_over_predicted": self.ratio}


def predict(
    cost: Cost, depth: int, width: int, gamma: float, scale: float, seed: int, *, max_rank: int | None = None
) -> SaddlePath:
    """Return the saddles of a vanishing start and when a run of this start leaves them.

    Args:
        cost: C(A).
        depth, width, gamma, scale, seed: of the network and its Gaussian start.
        max_rank: stop there, without times; None goes all the way.

    Raises:
        ArgumentError: if there is no saddle, for depth 1 or a cost at its minimum.
    """
    from saddlescope.deep_linear import escape, greedy_low_rank, saddle_to_saddle_limit

    doubts: tuple[str, ...] = ()
    limit, predicted = None, np.zeros(0)
    if depth > 1 and max_rank is None:
        try:
            limit = saddle_to_saddle_limit(cost, depth, width, gamma, seed)
            predicted = limit.times(scale)
            doubts += limit.doubts
        except ArgumentError as error:
            limit = None
            doubts += (f"No jump times are predicted: {str(error)[0].lower()}{str(error)[1:]}",)
    if limit is not None and depth == 2:
        doubts += ("At depth 2 jump times are predicted to leading order in log(1/scale), whatever the seed.",)
    path = limit or greedy_low_rank(cost, depth, max_rank=max_rank)
    if limit is None:
        doubts += path.doubts
    # a network that is too narrow for the last saddles ends at the one that it can hold
    held = int(np.sum(path.ranks <= width))
    escapes = tuple(escape(cost, depth, at=A) for A in path.products[: min(held, len(path.costs) - 1)])
    jumps = held - 1
    times = np.full(jumps, math.nan) if limit is None else predicted[:jumps]
    filled = path.outcome.name == "RANK_LIMIT" and int(path.ranks[-1]) == width
    whole = held < len(path.costs) or filled or path.outcome.name in ("RECOVERED", "TOLERANCE_REACHED")
    if not whole:
        doubts += (f"The predicted path is not whole. {path.outcome.value}",)
    return SaddlePath(
        costs=path.costs[:held],
        ranks=path.ranks[:held],
        products=path.products[:held],
        jump_times=times,
        escapes=escapes[:jumps],
        limit=limit,
        whole=whole,
        message=path.outcome.value,
        doubts=doubts,
    )


def saddle_rows(trajectory: Trajectory, path: SaddlePath) -> list[SaddleRow]:
    """Put what a run did near each saddle beside what was predicted.

    A jump is measured where the cost is half way between the costs of two saddles, the cost of a plateau where the cost
    falls slowest between two jumps.

    Args:
        trajectory: of a deep linear network.
        path: the predicted saddles.
    """
    time, cost, rate = trajectory.time, trajectory["cost"], np.abs(trajectory["cost_rate"])
    jumps = [
        first_below(time, cost, trajectory["cost_rate"], level) for level in (path.costs[:-1] + path.costs[1:]) / 2
    ]
    off = _off_path(trajectory, path)
    rests = [slowest(time, rate, begin, end) for begin, end in pairwise([0.0, *jumps, math.inf])]
    # a run of fewer steps moves straight, and rests nowhere
    stages = plateaus(trajectory, time_axis="linear") if np.sum(time > 0) >= LEAST_POINTS else ()
    if not path.whole:
        rests[-1] = None  # the run went on, theory does not say when
    rows = []
    for k, rank in enumerate(path.ranks):
        last = k == len(path.ranks) - 1
        rest = rests[k]
        path_from = None if last else path.escapes[k]
        rows.append(
            SaddleRow(
                rank=int(rank),
                predicted_cost=float(path.costs[k]),
                measured_cost=math.nan if rest is None else float(cost[rest]),
                predicted_time=math.nan if last else float(path.jump_times[k]),
                measured_time=math.nan if last else jumps[k],
                strength=math.nan if path_from is None else path_from.strength,
                exponent=math.nan if path_from is None else path_from.exponent,
                off_path=math.nan if last or math.isnan(jumps[k]) else off[k],
                flat=rest is not None and any(p.start <= time[rest] <= p.end for p in stages),
            )
        )
    return rows


def _off_path(trajectory: Trajectory, path: SaddlePath) -> list[float]:
    """Largest distance of the run to each predicted segment; nan where there is none."""
    if path.limit is None or not path.segments or "product" not in trajectory.observables:
        return [math.nan] * (len(path.ranks) - 1)
    return [float(d) for d in path.limit.distances(trajectory["product"])[: len(path.ranks) - 1]]
