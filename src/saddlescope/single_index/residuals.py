"""Residuals of the degrees, as curves by which two runs are compared."""

from __future__ import annotations

import numpy as np

from saddlescope.solve import Curve


def residual_curves(phi: np.ndarray, sigma: np.ndarray, moment: np.ndarray, rate: np.ndarray) -> list[Curve]:
    """Return phi_k - sigma_k E[a s^k] of each degree that both functions have, each beside its target.

    In the risk alone a degree of a thousandth would hide: whenever it is learnt, the risk moves by a millionth.

    Args:
        phi, sigma: coefficients of link and activation, shape (degree,).
        moment, rate: E[a s^k] and its derivative in time, shape (time, degree).

    Example:
        >>> one = residual_curves(np.array([0, 2.0]), np.array([1.0, 0.5]), np.ones((3, 2)), np.zeros((3, 2)))
        >>> len(one), one[0].values[0].item(), one[0].size
        (1, 1.5, 2.0)
    """
    return [
        Curve(phi[k] - sigma[k] * moment[:, k], -sigma[k] * rate[:, k], abs(float(phi[k])))
        for k in np.flatnonzero(phi * sigma)
    ]
