"""Two layers with whitened data from a λ-balanced start: the exact matrix Riccati solution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from saddlescope.arguments import ArgumentError, positive, vector
from saddlescope.deep_linear.network.layers import checked_weights
from saddlescope.deep_linear.problem.cost import matrix


def lambda_balanced_flow(
    target: ArrayLike, weights: Sequence[ArrayLike], times: ArrayLike, tolerance: float = 1e-9
) -> np.ndarray:
    """Return the product W_2 W_1 along gradient flow of ½‖W_2 W_1 − S‖², from a λ-balanced start.

    Arguments: `target` S (d_out, d_in); `weights` [W_1 (w, d_in), W_2 (d_out, w)] with
    W_2ᵀW_2 − W_1W_1ᵀ = λI, to `tolerance` relative to the size of the weights; `times` (T,), rising, not
    negative. Returns an array (T, d_out, d_in).

    With Q = [W_1ᵀ; W_2] and F = [[−λ/2, Sᵀ], [S, λ/2]], QQᵀ solves P' = FP + PF − P². The closed form loses
    its digits within a few time units, and is therefore applied as a semigroup over steps h of at most 2/(s₁
    + |λ|): CCᵀ = I + Qᵀ(∫₀ʰ e^(2Fs) ds)Q, Q ← e^(Fh) Q C^(−ᵀ).

    Raises `ArgumentError` on any other start, for which the formula is wrong.

    Source: Fukumizu 1998; Braun et al., arXiv 2205.12152; Dominé et al., arXiv 2409.14623.

    >>> lambda_balanced_flow([[3.0]], [[[0.1**0.5]], [[0.1**0.5]]], [1.0]).round(10).item()
    2.798810807
    """
    S = matrix("target", target)
    layers = [np.asarray(W) for W in checked_weights(weights, (S.shape[0], S.shape[1]))]
    if len(layers) != 2:
        raise ArgumentError("weights", "have two layers", len(layers))
    moments = vector("times", times)
    if np.any(np.diff(moments) < 0) or moments[0] < 0:
        raise ArgumentError("times", "rise from a value that is not negative", times)
    W_1, W_2 = layers
    imbalance = W_2.T @ W_2 - W_1 @ W_1.T
    gap = float(np.mean(np.diag(imbalance)))
    defect = float(np.linalg.norm(imbalance - gap * np.eye(len(W_1))))
    size = float(np.linalg.norm(W_1) ** 2 + np.linalg.norm(W_2) ** 2)
    if defect > positive("tolerance", tolerance) * size:
        raise ArgumentError("weights", "have W_2ᵀW_2 − W_1W_1ᵀ = λI", f"a defect of {defect:.3g}")
    d_out, d_in = S.shape
    F = np.block([[-gap / 2 * np.eye(d_in), S.T], [S, gap / 2 * np.eye(d_out)]])
    rates, frame = np.linalg.eigh(F)
    longest = 2 / max(float(np.max(np.abs(rates))) + abs(gap) / 2, np.finfo(float).tiny)
    Q = frame.T @ np.concatenate([W_1.T, W_2])  # in the eigenframe of F, where e^(Fh) is a scaling of rows
    result, now = np.empty((moments.size, d_out, d_in)), 0.0
    for index, moment in enumerate(moments):
        steps = int(np.ceil((moment - now) / longest))
        for _ in range(steps):
            Q = _step(Q, rates, (moment - now) / steps)
        now = moment
        whole = frame @ Q
        result[index] = whole[d_in:] @ whole[:d_in].T
    return result


def _step(Q: np.ndarray, rates: np.ndarray, h: float) -> np.ndarray:
    doubled = 2 * rates * h
    tiny = np.abs(doubled) < 1e-8
    integral = h * np.where(tiny, 1 + doubled / 2, np.expm1(doubled) / np.where(tiny, 1.0, doubled))
    C = np.linalg.cholesky(np.eye(Q.shape[1]) + Q.T @ (integral[:, None] * Q))
    return np.linalg.solve(C, (np.exp(rates * h)[:, None] * Q).T).T
