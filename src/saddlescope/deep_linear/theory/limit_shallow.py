"""Saddle-to-saddle dynamics of two layers in the limit of a vanishing start: jump times from exponents.

The weights Q = [W_1ᵀ; W_2] obey Q' = F Q with F = −[[0, Gᵀ], [G, 0]], linear wherever G = ∇C is constant, that is, at a
saddle. With t = τ ln(1/α) the part of Q along a direction has the size α^e, and along an eigenvector of F the exponent
e falls at the rate λ, its eigenvalue: a singular value of G, minus one, or zero. A mode escapes when e = 0.

A jump takes no time on this scale. It multiplies Q by a matrix X that mixes directions, and what has to be paired with
the new rates are not directions but flags: of exponents e_1 ≤ e_2 ≤ … and rates λ_1 ≥ λ_2 ≥ … the i-th belong together
if all leading minors of X are nonzero. Then mode j escapes when Σ_k s_{j−k}(G_k) (τ_{k+1} − τ_k) = 1, the sum over the
saddles k < j. Where the cost forbids mixing, minors vanish, and the pairing is the permutation Π of X = LΠU.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.deep_linear.landscape.escape import Escape
from saddlescope.deep_linear.landscape.fixed_rank import Factors, polish
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.balanced_descent import BalancedDescent
from saddlescope.deep_linear.theory.graded_weights import GradedWeights, free_eigenmodes, in_use, time_at_saddle
from saddlescope.deep_linear.theory.invariant_subspaces import EQUAL, OVERLAP, Block, blocks, coupling, generator
from saddlescope.deep_linear.theory.next_saddle import GreedyOutcome, descend, ending, neuron_size, with_neuron

_LOST = 1e-6  # singular values, relative to the largest, that are none
_EXPLICIT = 2000  # steps
_SLID = 1e-3  # overlaps at the end of a jump, relative, that its beginning did not have
THRESHOLD = 1e-6  # on the gradient at the end of the path, relative to the one at the origin, as in the greedy path


class LimitOutcome(enum.Enum):
    """Why the path of two layers ended, where it is not as a greedy path ends; the value is the message."""

    NO_MINIMUM = "The next saddle is no minimum of its rank: a mode in use would slide off it."
    MODE_LOST = "A mode in use decayed to nothing in a jump that mixes it with others."


@dataclass(frozen=True)
class ShallowPath:
    """The saddles of two layers, with the attributes of a `SaddleToSaddleLimit`."""

    costs: np.ndarray
    ranks: np.ndarray
    products: np.ndarray
    jump_times: np.ndarray
    exponents: np.ndarray
    segments: tuple[np.ndarray, ...]
    outcome: GreedyOutcome | LimitOutcome
    doubts: tuple[str, ...]


def shallow_limit(cost: Cost, start: list[np.ndarray]) -> ShallowPath:
    """Return the saddles that two layers visit from α times the `start` [W_1, W_2] as α → 0, and when they leave them.

    Jump times are in units of ln(1/α). For generic starts they depend on the cost alone.

    Raises `ArgumentError` on a completion problem whose observed entries fall into parts that share no row and column:
    they learn side by side, each with all hidden neurons, and no saddle of the whole is a minimum of its rank.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> start = [np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [1.0, -1.0]])]
    >>> shallow_limit(LeastSquares([[2.0, 0.0], [0.0, 1.0]]), start).jump_times.round(9).tolist()
    [0.5, 1.0]
    """
    _refuse_separate_parts(cost)
    numpy_cost = NumpyCost(cost)
    free = GradedWeights.of_start(np.concatenate([start[0].T, start[1]]))
    # of a start without full rank some modes do not exist
    most = min(*cost.shape, free.count)
    A = np.zeros(cost.shape)
    value, G = numpy_cost.value_and_gradient(A)
    strongest, guard = float(np.linalg.norm(G, 2)), 100 * numpy_cost.length
    costs, ranks, products, now = [value], [0], [A], 0.0
    times, exponents, segments, doubts = [], [], [], []
    split: list[Block] | None = None
    used: list[np.ndarray] = []
    saddle: Factors | None = None
    while True:
        if np.linalg.norm(G, 2) <= THRESHOLD * strongest:
            outcome = ending(numpy_cost, A, value, costs[0])
            break
        stay = None if ranks[-1] >= most else time_at_saddle(free, free_eigenmodes(A, G, ranks[-1], split), strongest)
        if stay is None:
            outcome = GreedyOutcome.RANK_LIMIT
            break
        right, left = (side / np.linalg.norm(side) for side in np.split(stay.mode, [cost.shape[1]]))
        path = Escape(value, 2, left, right, stay.rate, stay.rate * (1 - stay.gap))
        begun = with_neuron(saddle.network(2) if saddle else [], path, neuron_size(numpy_cost, A, path))
        reached, failure = descend(numpy_cost, begun, guard, strongest)
        if failure is not None:
            outcome = failure
            break
        # a mode that would have to turn round, and nothing can turn, decays instead
        held = np.einsum("ik,ik->k", reached.P, reached.P)
        kept = held > _LOST * held.max()
        if not kept.all():
            reached = polish(numpy_cost, Factors(reached.P[:, kept], reached.Q[:, kept]), guard, strongest).factors
        value, G = numpy_cost.value_and_gradient(reached.product)
        segment = np.stack([A, *_course(numpy_cost, A, begun, value), reached.product])
        # What a jump respects it respects from its first moment on. Only what rounding has brought in does not.
        split = blocks(numpy_cost, segment[: _half_way(numpy_cost, segment) + 1])
        if coupling(split, generator(reached.product)) > _SLID or coupling(split, generator(G), stay.rate) > _SLID:
            outcome = LimitOutcome.NO_MINIMUM
            break
        if stay.gap <= EQUAL:
            doubts.append(f"Two modes leave saddle {len(times)} at the same time: the start decides on the way on.")
        saddle, A, free = reached, reached.product, stay.left
        costs.append(value)
        ranks.append(int(kept.sum()))
        products.append(A)
        times.append(now := now + stay.duration)
        exponents.append(stay.gap_exponent)
        segments.append(segment)
        used.append(stay.mode)
        if not kept.all():
            frame = in_use(A, ranks[-1])
            beside = [float(np.linalg.norm(frame.T @ mode)) <= OVERLAP for mode in used]
            if sum(beside) != int((~kept).sum()):
                outcome = LimitOutcome.MODE_LOST
                break
            lost = np.stack([mode for mode, out in zip(used, beside, strict=True) if out], axis=1)
            used = [mode for mode, out in zip(used, beside, strict=True) if not out]
            free = free.joined(lost, 0.0)
    return ShallowPath(
        np.array(costs),
        np.array(ranks),
        np.array(products),
        np.array(times),
        np.array(exponents),
        tuple(segments),
        outcome,
        tuple(doubts),
    )


def _course(numpy_cost: NumpyCost, A: np.ndarray, begun: list[np.ndarray], end: float) -> list[np.ndarray]:
    """Products along the flow from a saddle A with a small neuron beside it to the cost at the next saddle."""
    walk = BalancedDescent(numpy_cost, begun, tolerance=1e-5)
    fall, peak, points = walk.cost - end, 0.0, []
    for number in range(_EXPLICIT + 1000):
        here = walk.weights[1] @ walk.weights[0]
        if not points or np.linalg.norm(here - points[-1]) > 1e-3 * np.linalg.norm(here - A):
            points.append(here)
        peak = max(peak, walk.power)
        if walk.power <= 1e-9 * peak or walk.cost <= end + 1e-9 * fall:
            break
        # explicit steps keep to the path; what still moves after so many creeps along a valley
        if not (walk.advance() if number < _EXPLICIT else walk.advance_implicitly(reach=5e-3)):
            break
    return points


def _half_way(numpy_cost: NumpyCost, segment: np.ndarray) -> int:
    """The first point of a jump at which half of the fall of the cost is made."""
    first, last = (numpy_cost.value_and_gradient(A)[0] for A in segment[[0, -1]])
    fallen = (numpy_cost.value_and_gradient(A)[0] <= 0.5 * (first + last) for A in segment)
    return next(number for number, enough in enumerate(fallen) if enough)


def _refuse_separate_parts(cost: Cost) -> None:
    parts = cost.components()
    if parts > 1:
        raise ArgumentError(
            "cost",
            "observe entries that hang together by rows and columns (else take each part alone)",
            f"{parts} parts",
        )
