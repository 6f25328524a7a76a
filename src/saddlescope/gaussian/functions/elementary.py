"""Functions written as a finite Hermite series plus multiples of relu, step, erf, sin and cos.

Every closed form of this room (coefficients, kernels, Ornstein-Uhlenbeck smoothing) is stated once for these
five building blocks and carried over to what they add up to: abs = 2 relu - h_1, sign = 2 step - h_0, ...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from saddlescope.gaussian.functions.hermite_polynomials import hermite_at_zero

_PHI0 = 1.0 / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class Elementary:
    """f = sum_k series[k] h_k + sum_block blocks[block] * block."""

    series: tuple[float, ...] = ()
    blocks: Mapping[str, float] = field(default_factory=dict)

    def coefficients(self, degree: int) -> np.ndarray:
        """Return f_0, ..., f_degree in closed form.

        >>> Elementary((0.0, -1.0), {"relu": 2.0}).coefficients(2)     # |x|
        array([0.79788456, 0.        , 0.56418958])
        """
        total = np.zeros(degree + 1)
        head = np.asarray(self.series, dtype=np.float64)[: degree + 1]
        total[: head.size] = head
        for block, weight in self.blocks.items():
            total += weight * block_coefficients(block, degree)
        return total


def block_coefficients(block: str, degree: int) -> np.ndarray:
    """Return the Hermite coefficients of a building block, f_k = E f^(k)(G) / sqrt(k!) by parts.

    relu'' and step' are a Dirac mass at 0, so their coefficients are values of Hermite polynomials there;
    erf' is twice the Gaussian density; the derivatives of sin and cos at a Gaussian average to +-exp(-1/2)
    or 0.
    """
    k = np.arange(degree + 1)
    values = np.zeros(degree + 1)
    at_zero = hermite_at_zero(degree)
    if block == "relu":
        values[0] = _PHI0
        values[1:2] = 0.5
        values[2:] = _PHI0 * at_zero[: max(degree - 1, 0)] / np.sqrt(k[2:] * (k[2:] - 1.0))
    elif block == "step":
        values[0] = 0.5
        values[1:] = _PHI0 * at_zero[:-1] / np.sqrt(k[1:])
    elif block == "erf":
        values[1:] = np.exp2(-0.5 * (k[1:] - 1.0)) * at_zero[:-1] / np.sqrt(np.pi * k[1:])
    else:
        size = np.exp(-0.5) / np.sqrt(np.cumprod(np.maximum(k, 1.0)[:171]))
        start = 1 if block == "sin" else 0
        here = np.arange(start, min(degree, 170) + 1, 2)
        values[here] = np.where((here - start) % 4 == 0, 1.0, -1.0) * size[here]
    return values
