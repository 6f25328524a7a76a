"""Minima of a cost among matrices of a fixed rank, by Newton's method from a point in their basin.

A balanced network of full rank is critical exactly when its product is critical among matrices of that rank,
whatever the depth; the depth only decides which of these points a descent reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saddlescope.deep_linear.product_landscape import Landscape, conjugate_gradients


@dataclass(frozen=True)
class Polished:
    """Where Newton's method among matrices of one rank ended.

    `product` A; `cost` C(A); `converged`; `runaway`, the norm passed the guard while the cost still fell.
    Neither: the start was not in a basin where the cost is convex, and the method declined.
    """

    product: np.ndarray
    cost: float
    converged: bool
    runaway: bool


def polish(landscape: Landscape, A: np.ndarray, rank: int, guard: float, slope_scale: float) -> Polished:
    """Descend from A to the minimum of its basin among matrices of `rank`, by Newton–CG on A = P Qᵀ.

    Every step lowers the cost; a direction of negative curvature ends the attempt, so that the method cannot
    cross a ridge into another basin unnoticed. The gradient is brought to rounding of `slope_scale`.
    """
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    root = np.sqrt(s[:rank])
    P, Q = U[:, :rank] * root, Vt[:rank].T * root
    cost, G = landscape.value_and_gradient(P @ Q.T)
    for _ in range(200):
        A = P @ Q.T
        if np.linalg.norm(A) > guard:
            return Polished(A, cost, converged=False, runaway=True)
        weight = np.einsum("ik,ik->k", P, P)
        weight = np.maximum(weight, 1e-10 * np.max(weight))
        slope = np.concatenate([G @ Q, G.T @ P])
        size = float(np.linalg.norm(slope / np.sqrt(weight)))
        if size <= 1e-13 * slope_scale:
            return Polished(A, cost, converged=True, runaway=False)
        step = _newton_step(
            landscape, A, P, Q, G, slope, weight, float(np.clip((size / slope_scale) ** 0.5, 1e-6, 0.1))
        )
        if step is None:  # this close to the end it is rounding in the gauge directions that bends downwards
            return Polished(A, cost, converged=size <= 1e-7 * slope_scale, runaway=False)
        step *= min(1.0, np.sqrt(float(np.sum(P**2) + np.sum(Q**2))) / np.linalg.norm(step))
        for _ in range(30):
            moved = P + step[: len(P)], Q + step[len(P) :]
            after, G_after = landscape.value_and_gradient(moved[0] @ moved[1].T)
            if after < cost:
                break
            # at rounding of the cost only the gradient can still tell progress
            size_after = np.linalg.norm(
                np.concatenate([G_after @ moved[1], G_after.T @ moved[0]]) / np.sqrt(weight)
            )
            if after <= cost + 1e-15 * abs(cost) and size_after < 0.9 * size:
                break
            step *= 0.5
        else:
            return Polished(A, cost, converged=size <= 1e-7 * slope_scale, runaway=False)
        cost, G = after, G_after
        P, Q = _balance(*moved)
    return Polished(P @ Q.T, cost, converged=False, runaway=False)


def _balance(P: np.ndarray, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    left, R = np.linalg.qr(P)
    right, T = np.linalg.qr(Q)
    U, s, Vt = np.linalg.svd(R @ T.T)
    return left @ U * np.sqrt(s), right @ Vt.T * np.sqrt(s)


def _newton_step(
    landscape: Landscape,
    A: np.ndarray,
    P: np.ndarray,
    Q: np.ndarray,
    G: np.ndarray,
    slope: np.ndarray,
    weight: np.ndarray,
    accuracy: float,
) -> np.ndarray | None:
    """Solve Hessian · step = −slope by conjugate gradients; None where the curvature is negative.

    The Hessian is singular along the gauge P → PM, Q → QM^(−ᵀ), to which the slope is orthogonal.
    """

    def hessian(direction: np.ndarray) -> np.ndarray:
        dP, dQ = direction[: len(P)], direction[len(P) :]
        bent = landscape.curvature(A, dP @ Q.T + P @ dQ.T)
        return np.concatenate([bent @ Q + G @ dQ, bent.T @ P + G.T @ dP])

    # the size of a mode is its stiffness
    return conjugate_gradients(hessian, -slope, weight, accuracy)
