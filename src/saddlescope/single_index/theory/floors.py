"""The risk that stays: what an activation cannot make, and what noise of labels leaves of SGD.

Near a network that fits, u_i = u_i* + w_i, the error of a sample is its label's noise. Outside of the span of neurons
and teachers each coordinate of w obeys dw = -A w dt + (delta / d)^(1/2) N^(1/2) dW with N = m tau^2 A and
A_ij = a_i a_j E sigma'_i sigma'_j / m, so that <w_i, w_j> settles at delta m tau^2 / 2 in what A sees, and

    R = tr(A <w w>) / (2 m) = delta tau^2 / 4 mean_i a_i^2 E sigma'(z_i)^2,   delta = step size x d / batch,

up to a relative order delta, on the sphere as off it. The second layer adds in the same way
step size / (epsilon batch) tau^2 / 4 mean_i E sigma(z_i)^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescope.gaussian import norm_kernel
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.multi_index import MultiIndex
from saddlescope.single_index.problem.single_index import coefficients


def noise_floor(
    problem: MultiIndex | JointIndex,
    delta: float,
    label_noise: float,
    a: Any,
    norm: Any = 1.0,
    bias: Any = None,
    *,
    second: float = 0.0,
) -> float:
    """Return the excess risk that noise of labels leaves of one-pass SGD once all is learnt, to first order in delta.

    Args:
        problem: link and activation.
        delta: step size x dimension / batch size.
        label_noise: standard deviation tau.
        a: weights at the end, any shape.
        norm: of the neurons, of that shape or one number.
        bias: of the neurons; None without.
        second: step size / (epsilon x batch size), zero in the limit of high dimension.

    Example:
        >>> problem = MultiIndex(link="identity", activation="identity")
        >>> noise_floor(problem, 0.1, 0.2, a=[1.0])  # delta tau^2 / 4
        0.001
    """
    weights, size = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(norm, dtype=float))
    biases = () if bias is None else (np.asarray(bias, dtype=float),) * 2
    own = norm_kernel(problem.activation, biased=bias is not None)(np.ones(size.shape), size, size, *biases)
    return round(float(label_noise**2 / 4 * np.mean(delta * weights**2 * own.slope + second * own.value)), 15)


def unlearnable(problem: MultiIndex | JointIndex) -> float:
    """Return the part of the risk in reported degrees of the target that the activation lacks on the sphere.

    Example:
        >>> unlearnable(MultiIndex(link=[0, 1, 0.5], activation="erf"))
        0.125
    """
    sigma = coefficients(problem.activation, problem.reported_degree)
    return float(0.5 * np.sum(problem.target_by_degree(problem.reported_degree)[sigma == 0]))
