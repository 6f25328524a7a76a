"""From one saddle to the next: the way of a network of one more neuron to a minimum among matrices of its rank."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saddlescope.deep_linear.landscape.escape import Escape
from saddlescope.deep_linear.landscape.fixed_rank import Factors, polish
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.balanced_descent import BalancedDescent
from saddlescope.deep_linear.theory.falling_direction import falling_direction

_ASIDE = 1e-3  # share of the weights by which a network is moved off a saddle among matrices of its rank
_SAME = 1e-6  # share of the fall of the cost within which two ends are one
# share of the largest singular value within which another is one with it for any start that can be run: a start of 1e-8
# to this power is still .7
TIED = 0.02
_MOST_LEGS = 50
_RECOVERED, _ZERO = 1e-3, 1e-6  # test error, and share of the cost at the origin, of a matrix that is recovered
_FLAT = 1e-6  # share of the fall of the cost on the way to a product that is no rise of it beyond


class GreedyOutcome(enum.Enum):
    """Why the path ended; the value is the message."""

    RECOVERED = "The cost is zero to tolerance, and so is the error on what the cost does not see."
    TOLERANCE_REACHED = "The gradient of the cost is zero to tolerance."
    RANK_LIMIT = "The largest rank allowed was reached."
    NO_MINIMISER = "No minimiser at this rank: the cost creeps down while the norm grows without end."
    NORM_GUARD = "The norm passed its guard while the cost was still falling fast."
    NOT_CONVERGED = "The descent at this rank did not settle within its steps."


# from two products at which a way may end, and the higher of their costs, to the place of the one, if it is known
Side = Callable[[np.ndarray, np.ndarray, float], int | None]


@dataclass(frozen=True)
class NextSaddle:
    """Where a network of one more neuron goes.

    `factors` of the product it reaches, a minimum among matrices of its rank unless there is a `failure`; `legs`, the
    weights it set out from: next to the saddle before, and next to every critical point among matrices of its rank
    that it passed on the way; `costs` at the end of each leg; `doubts`.
    """

    factors: Factors
    failure: GreedyOutcome | None
    legs: tuple[list[np.ndarray], ...]
    costs: tuple[float, ...]
    doubts: tuple[str, ...]


def next_saddle(
    numpy_cost: NumpyCost,
    saddle: Factors | None,
    path: Escape,
    guard: float,
    slope_scale: float,
    epsilon: float | None = None,
    side: Side | None = None,
) -> NextSaddle:
    """Follow the flow from a saddle (None is the origin) along its escape `path` to a minimum of one rank more.

    Descent from a saddle keeps every symmetry of the saddle, and may so end at a point that is critical but no minimum
    among matrices of its rank: where data fall into parts, for one, a neuron that has learnt one part can learn a mode
    of each of the others too. The flow of a network leaves such a point at an exponential rate, in a time that for
    three layers or more is nothing beside that of an escape; here it is left to both sides of the direction in which
    the cost falls fastest. Which side a network takes depends on its start, and so do the times of later jumps, even
    where both sides end at one cost, as mirror images.

    Arguments: `numpy_cost`; `saddle`; `path`; `guard` on the norm of the product; `slope_scale`, a natural size of
    the gradient; `epsilon`, weight of the new neuron; `side`, which of two ends the network takes, where that is known.
    """
    A = np.zeros(numpy_cost.shape) if saddle is None else saddle.product
    begun = with_neuron(saddle.network(path.depth) if saddle else [], path, epsilon or neuron_size(numpy_cost, A, path))
    legs, costs, doubts = [begun], [], []
    at, failure = descend(numpy_cost, begun, guard, slope_scale)
    while True:
        costs.append(numpy_cost.value_and_gradient(at.product)[0])
        if failure is not None or len(legs) > _MOST_LEGS:
            break
        network = at.network(path.depth)
        direction = falling_direction(numpy_cost, network)
        if direction is None:
            break
        step = _ASIDE * np.sqrt(sum(float(np.sum(W**2)) for W in network))
        ends = []
        for sign in (step, -step):
            aside = [W + sign * dW for W, dW in zip(network, direction, strict=True)]
            end, trouble = descend(numpy_cost, aside, guard, slope_scale)
            ends.append((numpy_cost.value_and_gradient(end.product)[0], aside, end, trouble))
        first, second = ends
        level = _SAME * (path.cost - costs[-1])
        differ = abs(first[0] - second[0]) > level or first[3] is not second[3]
        chosen = int(first[0] > second[0] + level)
        if differ or (side is not None and _apart(first[2].product, second[2].product)):
            known = None if side is None else side(first[2].product, second[2].product, max(first[0], second[0]))
            if known is None:
                doubts.append(
                    f"At rank {len(at.P.T)} the cost falls to both sides of a saddle of cost {costs[-1]:.6g}, to "
                    f"{first[0]:.6g} and {second[0]:.6g}: the start decides, and "
                    + ("the lower is taken." if differ else "one of the two is taken: later jumps may come at others.")
                )
            chosen = chosen if known is None else known
        _, aside, at, failure = ends[chosen]
        legs.append(aside)
    if len(legs) > _MOST_LEGS:
        failure = GreedyOutcome.NOT_CONVERGED
    cost, rank = numpy_cost.cost, at.P.shape[1]
    if failure is None and cost.has_minimiser(rank) is None and cost.has_minimiser(min(cost.shape)) is False:
        doubts.append(
            f"The cost has no minimiser among all products, and whether it has one at rank {rank} is not known: the "
            "product taken for it may lie on a way to infinity."
        )
    return NextSaddle(at, failure, tuple(legs), tuple(costs), tuple(doubts))


def _apart(A: np.ndarray, B: np.ndarray) -> bool:
    return bool(np.linalg.norm(A - B) > _ASIDE * max(np.linalg.norm(A), np.linalg.norm(B)))


def ending(numpy_cost: NumpyCost, A: np.ndarray, value: float, first: float) -> GreedyOutcome:
    """Return the outcome of a path that ends where the gradient is zero.

    Args:
        numpy_cost: C(A).
        A: the last product.
        value: its cost.
        first: the cost of the origin.
    """
    error = float(numpy_cost.cost.test_error(A))  # pyright: ignore[reportArgumentType]
    recovered = error < _RECOVERED and value <= _ZERO * first
    return GreedyOutcome.RECOVERED if recovered else GreedyOutcome.TOLERANCE_REACHED


def neuron_size(numpy_cost: NumpyCost, A: np.ndarray, path: Escape) -> float:
    """Return the weight ε at which the new neuron's product is 1e-2 of the mode that a line search finds.

    Until then the neuron stays on its escape path to the same relative accuracy, and following it there
    would take a plateau's worth of steps.
    """
    mode = np.outer(path.left, path.right)
    curvature = float(np.sum(mode * numpy_cost.curvature(A, mode)))
    length = path.strength / curvature if curvature > 1e-3 * path.strength else max(1.0, np.linalg.norm(A))
    return float((1e-2 * length) ** (1 / path.depth))


def with_neuron(weights: list[np.ndarray], path: Escape, epsilon: float) -> list[np.ndarray]:
    """Return the network with one more neuron in every hidden layer, of weights ε along the escape path."""
    neuron = [epsilon * path.right[None, :]]
    neuron += [np.full((1, 1), epsilon) for _ in range(path.depth - 2)]
    neuron += [epsilon * path.left[:, None]]
    if not weights:
        return neuron
    grown = [np.vstack([weights[0], neuron[0]])]
    for W, new in zip(weights[1:-1], neuron[1:-1], strict=True):
        wider = np.zeros((len(W) + 1, len(W) + 1))
        wider[:-1, :-1], wider[-1, -1] = W, new[0, 0]
        grown.append(wider)
    return [*grown, np.hstack([weights[-1], neuron[-1]])]


def descend(
    numpy_cost: NumpyCost, weights: list[np.ndarray], guard: float, slope_scale: float
) -> tuple[Factors, GreedyOutcome | None]:
    """Follow the flow until Newton's method ends where it stands, or return the failure and the place."""
    if numpy_cost.cost.has_minimiser(len(weights[0])) is False:
        return Factors.of_network(weights), GreedyOutcome.NO_MINIMISER
    descent = BalancedDescent(numpy_cost, weights)
    top, peak, level, half_way, runaways = descent.cost, 0.0, 1e-4, np.nan, 0
    earlier = (np.inf, -np.inf)
    for number in range(2_000):
        # Measured against the steepest moment so far, the start, itself next to a saddle, never counts as
        # the end. Explicit steps follow the rise of the new mode; past the steepest moment implicit ones
        # cross the valleys.
        peak = max(peak, descent.power)
        rising = descent.power > 0.1 * peak and number < 1_500
        moved = descent.advance() if rising else descent.advance_implicitly()
        here = Factors.of_network(descent.weights)
        norm = float(np.linalg.norm(here.product))
        if norm < 0.5 * guard:
            half_way = descent.cost
        elif not norm <= guard:
            creeping = half_way - descent.cost < 0.1 * (top - half_way)
            return here, GreedyOutcome.NO_MINIMISER if creeping else GreedyOutcome.NORM_GUARD
        if number % 100 == 0 and not rising:
            creeping = earlier[1] - descent.cost < 0.02 * (top - descent.cost)
            if creeping and norm > 1.01 * earlier[0]:
                return here, GreedyOutcome.NO_MINIMISER
            earlier = norm, descent.cost
        if moved and descent.power > level * peak:
            continue
        end = polish(numpy_cost, here, guard, slope_scale)
        distance = np.linalg.norm(end.factors.product - here.product)
        if end.converged and distance <= 1e-2 * norm:
            flat = _is_flat_outwards(numpy_cost, end.factors.product, end.cost)
            return end.factors, GreedyOutcome.NO_MINIMISER if flat else None
        # a valley that leads to infinity gets ever slower: three times the method ran off along it
        runaways = runaways + 1 if not end.converged and distance > norm else 0
        if runaways == 3:
            return here, GreedyOutcome.NO_MINIMISER
        if not moved:
            break
        level *= 0.1
    return Factors.of_network(descent.weights), GreedyOutcome.NOT_CONVERGED


def _is_flat_outwards(numpy_cost: NumpyCost, A: np.ndarray, cost: float) -> bool:
    """Whether the cost does not rise from A to 2A: it has fallen to the rounding of an infimum that is at infinity.

    A minimum among matrices of its rank is one along its ray. A quadratic cost rises by as much as it fell on the way.
    """
    value = numpy_cost.value_and_gradient
    return value(2 * A)[0] - cost < _FLAT * (value(0 * A)[0] - cost)


def tie_doubts(path: Escape, rank: int) -> tuple[str, ...]:
    """Say so when the two largest singular values of the gradient are so close that no run can tell them apart."""
    if path.exponent > TIED:
        return ()
    return (
        f"The two largest singular values of the gradient at the saddle of rank {rank} differ by a share of "
        f"{max(path.exponent, 0.0):.1g}: the start decides which mode is learnt first, and on the path from there.",
    )
