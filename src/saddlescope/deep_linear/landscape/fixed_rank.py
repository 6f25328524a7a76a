"""Minima of a cost among matrices of a fixed rank, by Newton's method from a point in their basin.

A balanced network of full rank is critical exactly when its product is critical among matrices of that rank,
whatever the depth; the depth only decides which of these points a descent reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saddlescope.deep_linear.problem.numpy_cost import NumpyCost, conjugate_gradients


@dataclass(frozen=True)
class Factors:
    """A matrix of rank r as P Qᵀ with PᵀP = QᵀQ diagonal: P (d_out, r), Q (d_in, r)."""

    P: np.ndarray
    Q: np.ndarray

    @classmethod
    def balanced(cls, P: np.ndarray, Q: np.ndarray) -> Factors:
        """Balance any pair of factors, without forming their product."""
        left, R = np.linalg.qr(P)
        right, T = np.linalg.qr(Q)
        U, s, Vt = np.linalg.svd(R @ T.T)
        return cls(left @ U * np.sqrt(s), right @ Vt.T * np.sqrt(s))

    @classmethod
    def of_network(cls, weights: list[np.ndarray]) -> Factors:
        """Factor the product W_L … W_1 through the first hidden layer."""
        upper = weights[-1]
        for W in weights[-2:0:-1]:
            upper = upper @ W
        return cls.balanced(upper, weights[0].T)

    @property
    def product(self) -> np.ndarray:
        """P Qᵀ."""
        return self.P @ self.Q.T

    def network(self, depth: int) -> list[np.ndarray]:
        """Return the balanced layers of the product, r neurons wide."""
        s = np.einsum("ik,ik->k", self.P, self.P)
        # a mode of strength zero has no direction, and keeps none
        share = np.where(s > 0, s, 1.0) ** (1 / depth - 0.5)
        middle = [np.diag(s ** (1 / depth)) for _ in range(depth - 2)]
        return [(self.Q * share).T, *middle, self.P * share]


@dataclass(frozen=True)
class Polished:
    """Where Newton's method among matrices of one rank ended.

    `factors` of A; `cost` C(A); `converged`, False also when the start was not in a basin where the cost is
    convex and the method declined, or when it ran off beyond the guard.
    """

    factors: Factors
    cost: float
    converged: bool


def polish(numpy_cost: NumpyCost, start: Factors, guard: float, slope_scale: float) -> Polished:
    """Descend to the minimum of the basin of `start` among matrices of its rank, by Newton–CG on A = P Qᵀ.

    Every step lowers the cost; a direction of negative curvature ends the attempt, so that the method cannot
    cross a ridge into another basin unnoticed. The gradient is brought to rounding of `slope_scale`.
    """
    at = start
    cost, G = numpy_cost.value_and_gradient(at.product)
    for _ in range(200):
        if np.linalg.norm(at.product) > guard:
            return Polished(at, cost, converged=False)
        weight = np.einsum("ik,ik->k", at.P, at.P)
        weight = np.maximum(weight, 1e-10 * np.max(weight))
        slope = np.concatenate([G @ at.Q, G.T @ at.P])
        size = float(np.linalg.norm(slope / np.sqrt(weight)))
        if size <= 1e-13 * slope_scale:
            return Polished(at, cost, converged=True)
        accuracy = float(np.clip((size / slope_scale) ** 0.5, 1e-6, 0.1))
        step = _newton_step(numpy_cost, at, G, slope, weight, accuracy)
        if step is None:  # this close to the end it is rounding in the gauge directions that bends downwards
            return Polished(at, cost, converged=size <= 1e-7 * slope_scale)
        step *= min(1.0, np.sqrt(float(np.sum(at.P**2) + np.sum(at.Q**2))) / np.linalg.norm(step))
        for _ in range(30):
            P, Q = at.P + step[: len(at.P)], at.Q + step[len(at.P) :]
            after, G_after = numpy_cost.value_and_gradient(P @ Q.T)
            if after < cost:
                break
            # at rounding of the cost only the gradient can still tell progress
            slope_after = np.concatenate([G_after @ Q, G_after.T @ P])
            shrunk = np.linalg.norm(slope_after / np.sqrt(weight)) < 0.9 * size
            if after <= cost + 1e-15 * abs(cost) and shrunk:
                break
            step *= 0.5
        else:
            return Polished(at, cost, converged=size <= 1e-7 * slope_scale)
        cost, G = after, G_after
        at = Factors.balanced(P, Q)
    return Polished(at, cost, converged=False)


def _newton_step(
    numpy_cost: NumpyCost,
    at: Factors,
    G: np.ndarray,
    slope: np.ndarray,
    weight: np.ndarray,
    accuracy: float,
) -> np.ndarray | None:
    """Solve Hessian · step = −slope by conjugate gradients; None where the curvature is negative.

    The Hessian is singular along the gauge P → PM, Q → QM^(−ᵀ), to which the slope is orthogonal.
    """
    P, Q, A = at.P, at.Q, at.product

    def hessian(direction: np.ndarray) -> np.ndarray:
        dP, dQ = direction[: len(P)], direction[len(P) :]
        bent = numpy_cost.curvature(A, dP @ Q.T + P @ dQ.T)
        return np.concatenate([bent @ Q + G @ dQ, bent.T @ P + G.T @ dP])

    # the size of a mode is its stiffness
    return conjugate_gradients(hessian, -slope, weight, accuracy)
