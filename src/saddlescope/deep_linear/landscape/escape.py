"""Escape from a saddle: the fastest direction, its speed, and the course of the norm along it."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.deep_linear.network.layers import Weights, layer_shapes
from saddlescope.deep_linear.problem.cost import Cost, checked_cost, matrix


@dataclass(frozen=True)
class Escape:
    """The escape path of a deep linear network from a saddle, to leading order in the distance ρ from it.

    `cost` C at the saddle; `depth` L; `left` u (d_out,) and `right` v (d_in,), the top singular vectors of
    −∇C; `strength` s₁, their singular value; `runner_up` s₂. The path is W_1 = (ρ/√L) e vᵀ, W_l = (ρ/√L) e
    eᵀ, W_L = (ρ/√L) u eᵀ with any unit vector e of the free hidden neurons.
    """

    cost: float
    depth: int
    left: np.ndarray
    right: np.ndarray
    strength: float
    runner_up: float

    @property
    def steepness(self) -> float:
        """Largest decrease of the cost at ρ = 1 to leading order, s₁ L^(−L/2)."""
        return self.strength * self.depth ** (-self.depth / 2)

    @property
    def speed(self) -> float:
        """The speed s* = s₁ L^(−(L−2)/2) in dρ/dt = s* ρ^(L−1)."""
        return self.strength * self.depth ** (-(self.depth - 2) / 2)

    @property
    def exponent(self) -> float:
        """1 − s₂/s₁: the flow from scale α stays within a distance of order α to this power of the path."""
        return 1 - self.runner_up / self.strength

    @property
    def remarks(self) -> tuple[str, ...]:
        """Says so when the fastest direction is not unique."""
        if self.exponent > 1e-8:
            return ()
        return ("The two largest singular values are equal: the direction of escape is not unique.",)

    def time(self, distance: float) -> float:
        """Return the time T from `distance` ρ₀ at which ρ diverges, ρ₀^(−(L−2)) / ((L−2) s*); inf for L = 2.

        >>> from saddlescope.deep_linear.problem.reference_problems import reference_target
        >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
        >>> round(escape(LeastSquares(reference_target()), depth=4).time(0.1), 6)
        66.666667
        """
        start = positive("distance", distance)
        if self.depth == 2:
            return float("inf")
        return start ** (2 - self.depth) / ((self.depth - 2) * self.speed)

    def rho(self, time: ArrayLike, distance: float) -> np.ndarray:
        """Return ρ(t) from ρ(0) = `distance`: ρ₀ e^(s₁t) for L = 2, else ((L−2) s* (T − t))^(−1/(L−2)).

        From the time T on it is inf.
        """
        t, start = np.asarray(time, dtype=float), positive("distance", distance)
        if self.depth == 2:
            return start * np.exp(self.speed * t)
        order = self.depth - 2
        left = 1 - order * self.speed * start**order * t
        with np.errstate(divide="ignore"):
            return start * np.maximum(left, 0.0) ** (-1 / order)

    def time_between(self, distance: float, end: float) -> float:
        """Return the time in which ρ grows from `distance` to `end`.

        Raises `ArgumentError` unless 0 < distance ≤ end.
        """
        start, end = positive("distance", distance), positive("end", end)
        if end < start:
            raise ArgumentError("end", f"be at least the distance at the start, {start}", end)
        if self.depth == 2:
            return float(np.log(end / start) / self.speed)
        order = self.depth - 2
        # expm1 keeps the digits when end and start are close
        growth = -np.expm1(-order * np.log(end / start))
        return float(start**-order * growth / (order * self.speed))

    def mode(self, rho: ArrayLike) -> np.ndarray:
        """Return the singular value of the product on the path, (ρ/√L)^L."""
        return (np.asarray(rho, dtype=float) / np.sqrt(self.depth)) ** self.depth

    def weights(self, distance: float, width: int) -> Weights:
        """Return the network at `distance` ρ from the origin on the path, in the first hidden neurons.

        Around a saddle other than the origin, these are the weights of the free neurons, to stand beside the
        saddle's own.
        """
        size = positive("distance", distance) / np.sqrt(self.depth)
        shapes = layer_shapes((self.left.size, self.right.size), self.depth, width)
        layers = [np.zeros(shape) for shape in shapes]
        layers[0][0], layers[-1][:, 0] = size * self.right, size * self.left
        for W in layers[1:-1]:
            W[0, 0] = size
        return [jnp.asarray(W) for W in layers]


def escape(cost: Cost, depth: int, at: ArrayLike | None = None) -> Escape:
    """Return the escape from the saddle with product `at`, the origin if it is not given.

    Arguments: `depth` L ≥ 2; `at` (d_out, d_in), the product matrix of the saddle. The direction is the top
    singular pair of −∇C(at), whatever the depth: near the saddle the cost of the free neurons is Tr(∇CᵀW_L …
    W_1), whose minimum on the unit sphere is −s₁ L^(−L/2).

    Raises `ArgumentError` if the gradient vanishes (nothing to escape from), or if `at` is no critical point
    of its rank, that is, if the gradient acts on the row or column space of `at`.

    Source: Jacot et al., arXiv 2106.15933, on optimal escape paths.

    >>> from saddlescope.deep_linear.problem.reference_problems import reference_target
    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> path = escape(LeastSquares(reference_target()), depth=3)
    >>> round(path.strength, 12), round(path.speed, 12), round(path.time(0.1), 6)
    (3.0, 1.732050807569, 5.773503)
    """
    checked_cost(cost)
    depth = count("depth", depth, 2)
    A = np.zeros(cost.shape) if at is None else matrix("at", at)
    if A.shape != cost.shape:
        raise ArgumentError("at", f"have the shape of the cost, {cost.shape}", A.shape)
    product = jnp.asarray(A)
    G = np.asarray(cost.gradient(product))
    U, s, Vt = np.linalg.svd(-G, full_matrices=False)
    scale = float(np.linalg.norm(cost.gradient(jnp.zeros(cost.shape))))
    if s[0] <= 1e-12 * scale or s[0] == 0:
        raise ArgumentError("at", "be a saddle, where the gradient of the cost is not zero", float(s[0]))
    if np.any(A):
        leak = max(np.linalg.norm(A.T @ G), np.linalg.norm(G @ A.T)) / (np.linalg.norm(A) * s[0])
        if leak > 1e-4:
            raise ArgumentError("at", "be a critical point of its rank", f"a relative gradient of {leak:.3g}")
    runner_up = float(s[1]) if s.size > 1 else 0.0
    return Escape(float(cost.value(product)), depth, U[:, 0], Vt[0], float(s[0]), runner_up)
