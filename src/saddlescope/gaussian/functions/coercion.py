"""From what a user types to a function of a Gaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from saddlescope.arguments import ArgumentError, known_words, vector
from saddlescope.gaussian.functions.custom import custom_function
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.functions.named import NAMES, named_function
from saddlescope.gaussian.functions.series import hermite


def gaussian_function(
    value: Any, argument: str = "activation", *, breakpoints: Sequence[float] = ()
) -> GaussianFunction:
    """Return `value` as a function of a standard Gaussian.

    Args:
        value: a `GaussianFunction` (returned as it is), a list of normalised Hermite coefficients, a name
            (relu, leaky_relu with slope 0.01, abs, step, sign, erf, tanh, sigmoid, softplus, gelu, silu,
            sin, cos, identity, square), or any callable of one real variable: NumPy, JAX or plain Python.
            "erf" is erf(x / sqrt(2)), as in Saad and Solla (1995); "gelu" is x times the normal distribution
            function.
        argument: name used in messages.
        breakpoints: points where a callable or its derivative jumps, if known; others are found.

    Raises:
        ArgumentError: if the name is not known, or the callable is not finite everywhere, or not
            square-integrable under a standard Gaussian.

    Example:
        >>> gaussian_function("relu").coefficients(2)
        array([0.39894228, 0.5       , 0.28209479])
        >>> gaussian_function(lambda x: abs(x - 1)).breakpoints
        (1.0,)
        >>> gaussian_function("rleu")
        Traceback (most recent call last):
        saddlescope.arguments.ArgumentError: Argument `activation` must be a known name (did you mean 'relu...
    """
    points = tuple(sorted({float(b) for b in vector("breakpoints", breakpoints)})) if len(breakpoints) else ()
    if isinstance(value, GaussianFunction):
        return value
    if isinstance(value, str):
        name = value.strip().lower().replace("-", "_")
        if name not in NAMES:
            raise ArgumentError(argument, f"be a known name ({known_words(name, NAMES)})", value)
        return named_function(name)
    if callable(value):
        return custom_function(value, points, argument)
    if isinstance(value, Mapping | Set) or value is None:
        raise ArgumentError(argument, "be a list of Hermite coefficients, a name, or a function of one variable", value)
    return hermite(value, argument=argument)
