"""The greedy low-rank algorithm: the saddles a deep linear network visits from an infinitesimal start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.deep_linear.landscape.escape import Escape, escape
from saddlescope.deep_linear.landscape.fixed_rank import Factors
from saddlescope.deep_linear.network.layers import Weights, products_from_input, pull_back
from saddlescope.deep_linear.network.starts import balanced_start
from saddlescope.deep_linear.problem.cost import Cost, checked_cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.deep_linear.theory.next_saddle import GreedyOutcome, ending, next_saddle, tie_doubts, with_neuron


@dataclass(frozen=True)
class GreedyPath:
    """The saddles in order, the origin first, and how the path was left.

    `costs` (K + 1,); `ranks` (K + 1,); `test_errors` (K + 1,), nan where unknown; `products` (K + 1, d_out,
    d_in); `escapes` (K,), the escape taken from every saddle but the last; `depth` L; `outcome`; `doubts`, sentences
    on what may be wrong.
    """

    costs: np.ndarray
    ranks: np.ndarray
    test_errors: np.ndarray
    products: np.ndarray
    escapes: tuple[Escape, ...]
    depth: int
    outcome: GreedyOutcome
    doubts: tuple[str, ...] = ()

    @property
    def escape_speeds(self) -> np.ndarray:
        """s₁(−∇C) at every saddle but the last; s* in dρ/dt = s* ρ^(L−1) is L^(−(L−2)/2) times it."""
        return np.array([step.strength for step in self.escapes])

    def weights(self, index: int, width: int) -> Weights:
        """Return the balanced network at saddle number `index`, in layers of `width`."""
        return balanced_start(self.products[index], self.depth, width)

    def __repr__(self) -> str:
        visited = ", ".join(f"rank {r}: {c:.6g}" for r, c in zip(self.ranks, self.costs, strict=True))
        return f"GreedyPath({visited}; {self.outcome.name})"


def greedy_low_rank(
    cost: Cost,
    depth: int,
    *,
    tolerance: float = 1e-12,
    epsilon: float | None = None,
    max_rank: int | None = None,
    norm_guard: float = 100.0,
    steps: int | None = None,
    step_size: float | None = None,
) -> GreedyPath:
    """Return the path A_{ε,T,η}: add the best neuron, descend, repeat until the cost is at its minimum.

    Arguments: `cost`; `depth` L ≥ 2; `tolerance` on the cost above its minimum, relative to that of the
    origin, in the form s₁(∇C) ≤ √tolerance s₁(∇C(0)); `epsilon`, the weight of an added neuron in every
    layer, by default where its product has grown to a hundredth of the mode to come; `max_rank`, by default
    min(d_out, d_in); `norm_guard`, the largest norm of the product allowed, in units of the step that a line
    search along −∇C(0) makes (the norm of the data for least squares). With `steps` T and `step_size` η,
    every descent is T steps of gradient descent, as the algorithm was published. Without them it is run to
    convergence: gradient flow into its basin, then Newton's method at fixed rank for the last digits, and on from
    there if the point it ends at is no minimum among matrices of its rank. Where minimisers of a rank form a
    continuum, the one found is that of the flow to a few per cent only.

    From θ = 0, with (u, s₁, v) the top singular triple of −∇C(A): every hidden layer gets one more neuron,
    with row εvᵀ in W_1, diagonal ε in the middle and column εu in W_L.

    Raises `ArgumentError` on bad arguments, and if the cost is at its minimum at the origin.

    Source: Jacot et al., arXiv 2106.15933, algorithm A_{ε,T,η}; Li, Luo, Lyu, arXiv 2012.09839.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> greedy_low_rank(LeastSquares([[3.0, 0.0], [0.0, 1.0]]), depth=3)
    GreedyPath(rank 0: 5, rank 1: 0.5, rank 2: ...; RECOVERED)
    """
    checked_cost(cost)
    depth = count("depth", depth, 2)
    threshold = positive("tolerance", tolerance) ** 0.5
    largest = min(cost.shape) if max_rank is None else count("max_rank", max_rank)
    size = None if epsilon is None else positive("epsilon", epsilon)
    if (steps is None) != (step_size is None):
        raise ArgumentError("steps", "come together with `step_size`", (steps, step_size))
    published = None
    if steps is not None and step_size is not None:
        if size is None:
            raise ArgumentError("epsilon", "be given with `steps` and `step_size`", epsilon)
        published = count("steps", steps), positive("step_size", step_size)
    numpy_cost = NumpyCost(cost)
    if not np.any(numpy_cost.value_and_gradient(np.zeros(cost.shape))[1]):
        raise ArgumentError("cost", "have a gradient at the origin", 0.0)
    first = escape(cost, depth)
    guard = positive("norm_guard", norm_guard) * numpy_cost.length
    A = np.zeros(cost.shape)
    costs, ranks, products, escapes = [first.cost], [0], [A], [first]
    saddle: Factors | None = None
    weights: list[np.ndarray] = []
    doubts: list[str] = []
    while True:
        if ranks[-1] >= min(largest, *cost.shape):
            outcome = GreedyOutcome.RANK_LIMIT
            break
        if published is None:
            reached = next_saddle(numpy_cost, saddle, escapes[-1], guard, first.strength, size)
            saddle, failure = reached.factors, reached.failure
            doubts += [*tie_doubts(escapes[-1], ranks[-1]), *reached.doubts]
            A = saddle.product
        else:
            weights = with_neuron(weights, escapes[-1], size or 0.0)
            weights, failure = _gradient_descent(numpy_cost, weights, *published, guard)
            A = products_from_input(weights)[-1]
        if failure is not None:
            outcome = failure
            break
        value, G = numpy_cost.value_and_gradient(A)
        costs.append(value)
        products.append(A)
        ranks.append(ranks[-1] + 1)
        U, s, Vt = np.linalg.svd(-G, full_matrices=False)
        if s[0] <= threshold * first.strength:
            outcome = ending(numpy_cost, A, value, costs[0])
            break
        escapes.append(Escape(value, depth, U[:, 0], Vt[0], float(s[0]), float(s[1]) if s.size > 1 else 0.0))
    errors = [float(cost.test_error(product)) for product in products]  # pyright: ignore[reportArgumentType]
    return GreedyPath(
        np.array(costs),
        np.array(ranks),
        np.array(errors),
        np.array(products),
        tuple(escapes[: len(costs) - 1]),
        depth,
        outcome,
        tuple(doubts),
    )


def _gradient_descent(
    numpy_cost: NumpyCost, weights: list[np.ndarray], steps: int, step_size: float, guard: float
) -> tuple[list[np.ndarray], GreedyOutcome | None]:
    for _ in range(steps):
        prefixes = products_from_input(weights)
        if not np.linalg.norm(prefixes[-1]) <= guard:
            return weights, GreedyOutcome.NORM_GUARD
        slopes = pull_back(weights, prefixes, numpy_cost.value_and_gradient(prefixes[-1])[1])
        weights = [W - step_size * slope for W, slope in zip(weights, slopes, strict=True)]
    return weights, None
