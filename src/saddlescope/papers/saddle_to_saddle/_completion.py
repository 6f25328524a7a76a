"""The completion problems of these experiments."""

from __future__ import annotations

from saddlescope.deep_linear import MatrixCompletion
from saddlescope.deep_linear.problem.reference_problems import random_completion


def small_completion() -> MatrixCompletion:
    """Return the problem of the regimes: 10 x 10, singular values 3 and 2, 60 entries observed."""
    return random_completion(10, (3.0, 2.0), 60, 0)
