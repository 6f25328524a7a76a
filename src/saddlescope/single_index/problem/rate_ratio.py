"""Epsilon, by how much faster the second layer learns than the first."""

from __future__ import annotations

from typing import Any

from saddlescope.arguments import ArgumentError, known_words, positive

_LEAST = 1e-20
FIXED = "fixed"


def rate_ratio(argument: str, value: Any) -> float:
    """Return epsilon as a float; inf, where the second layer stays as it starts, is one.

    What is left of a degree while another is learnt is of order sqrt(epsilon), and a float knows it to 1e-16: below
    1e-20, fewer than six of its digits.

    Raises:
        ArgumentError: if it is not a positive number, or less than 1e-20.

    Example:
        >>> rate_ratio("epsilon", 1e-30)
        Traceback (most recent call last):
        saddlescope.arguments.ArgumentError: Argument `epsilon` must be at least 1e-20 (below, what drives the neurons \
is lost in rounding), but got 1e-30.
    """
    if isinstance(value, float) and value == float("inf"):
        return value
    epsilon = positive(argument, value)
    if epsilon < _LEAST:
        must = f"be at least {_LEAST:g} (below, what drives the neurons is lost in rounding)"
        raise ArgumentError(argument, must, epsilon)
    return epsilon


def second_layer_and_ratio(second_layer: Any, epsilon: Any) -> tuple[Any, float]:
    """Return the law of a(0), or None for the default, and epsilon as a float.

    "fixed" is one more way to say epsilon = inf: weights stay as they start, and start at one unless they are given.

    Args:
        second_layer: a law, its table, None, or "fixed".
        epsilon: a positive number or inf; None with "fixed" only.

    Raises:
        ArgumentError: if epsilon is refused, is missing, or contradicts "fixed".

    Example:
        >>> second_layer_and_ratio("fixed", None)
        ({'law': 'point_masses', 'points': [1.0]}, inf)
        >>> second_layer_and_ratio("fixed", 0.1)
        Traceback (most recent call last):
        saddlescope.arguments.ArgumentError: Argument `epsilon` must be inf or left out beside second_layer="fixed", \
but got 0.1.
    """
    if not (isinstance(second_layer, str) and second_layer == FIXED):
        if epsilon is None:
            raise ArgumentError("epsilon", f'be given (or else second_layer="{FIXED}")', None)
        if isinstance(second_layer, str):
            # here, because specs take their epsilon from this module before anything numerical is wanted
            from saddlescope.gaussian.laws.law_specs import LAWS

            if second_layer not in LAWS:
                must = f'be "{FIXED}" or name a known law ({known_words(second_layer, LAWS)})'
                raise ArgumentError("second_layer", must, second_layer)
        return second_layer, rate_ratio("epsilon", epsilon)
    if epsilon is not None and rate_ratio("epsilon", epsilon) != float("inf"):
        raise ArgumentError("epsilon", f'be inf or left out beside second_layer="{FIXED}"', epsilon)
    return {"law": "point_masses", "points": [1.0]}, float("inf")


def told(epsilon: float) -> str:
    """Epsilon in words.

    Example:
        >>> told(1e-3), told(float("inf"))
        ('epsilon 0.001', 'second layer fixed')
    """
    return "second layer fixed" if epsilon == float("inf") else f"epsilon {epsilon:g}"


def plain(epsilon: float) -> float | str:
    """Epsilon for a record, which holds no infinite numbers.

    Example:
        >>> plain(0.5), plain(float("inf"))
        (0.5, 'infinite')
    """
    return "infinite" if epsilon == float("inf") else epsilon


def shortest_time(epsilon: float, norm_squared: float, pull: float) -> float:
    """Return the shorter of the time in which the second layer relaxes and that in which the first one moves.

    Args:
        epsilon: of the flow.
        norm_squared: of the activation.
        pull: of the target on a neuron, per unit of its overlap.

    Example:
        >>> shortest_time(float("inf"), 2.0, 4.0), shortest_time(1e-3, 2.0, 4.0)
        (0.25, 0.0005)
    """
    return min(epsilon / max(norm_squared, 1.0), 1 / max(pull, 1e-300))
