"""Learning rates that change with the number of steps."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from saddlescope.arguments import ArgumentError, count, from_zero, positive


class Schedule(eqx.Module):
    """A learning rate that changes with the number of steps made."""

    @abc.abstractmethod
    def __call__(self, step: Any) -> Any:
        """Return the rate of the step after `step` others."""

    @property
    @abc.abstractmethod
    def largest(self) -> float:
        """The largest rate: in units of it times are counted."""


class Piecewise(Schedule):
    """Learning rates that are switched at given steps.

    Args:
        rates: positive, one more than there are switches.
        steps: at which the next rate begins, rising whole numbers.

    Raises:
        ArgumentError: if rates and steps do not fit.

    Example:
        >>> rate = Piecewise([0.1, 0.01], [100])
        >>> [float(rate(step)) for step in (0, 99, 100)]
        [0.1, 0.1, 0.01]
    """

    rates: tuple[float, ...]
    steps: tuple[int, ...]

    def __init__(self, rates: Sequence[float], steps: Sequence[int]):
        self.rates = tuple(positive("rates", rate) for rate in rates)
        self.steps = rising("steps", steps)
        if len(self.rates) != len(self.steps) + 1:
            raise ArgumentError("rates", "be one more than there are steps to switch at", list(rates))

    def __call__(self, step: Any) -> Any:
        return jnp.asarray(self.rates)[jnp.sum(jnp.asarray(step) >= jnp.asarray(self.steps))]

    @property
    def largest(self) -> float:
        return max(self.rates)


class Cosine(Schedule):
    """A rate that rises straight for some steps, and then falls along half a cosine.

    Args:
        peak: the largest rate, positive.
        steps: after which the last rate is reached, and stays.
        warmup: of these, so many at the beginning, from peak / warmup up.
        last: the last rate, at least 0.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> rate = Cosine(0.1, 100)
        >>> [round(float(rate(step)), 9) for step in (0, 50, 100, 1000)]
        [0.1, 0.05, 0.0, 0.0]
    """

    peak: float
    steps: int
    warmup: int
    last: float

    def __init__(self, peak: float, steps: int, *, warmup: int = 0, last: float = 0.0):
        self.peak, self.steps, self.last = positive("peak", peak), count("steps", steps), from_zero("last", last)
        self.warmup = count("warmup", warmup, 0)
        if self.warmup >= self.steps:
            raise ArgumentError("warmup", f"be under all {steps} steps", warmup)
        if self.last > self.peak:
            raise ArgumentError("last", f"be at most the peak, {self.peak:g}", last)

    def __call__(self, step: Any) -> Any:
        step = jnp.asarray(step, jnp.float64)  # counts of optax are of 32 bits, and so would their quotients be
        share = jnp.clip((step - self.warmup) / (self.steps - self.warmup), 0.0, 1.0)
        fallen = self.last + (self.peak - self.last) * 0.5 * (1 + jnp.cos(jnp.pi * share))
        rise = (step + 1) / jnp.maximum(self.warmup, 1)
        return jnp.where(step < self.warmup, self.peak * rise, fallen)

    @property
    def largest(self) -> float:
        return self.peak


def rising(argument: str, steps: Sequence[int]) -> tuple[int, ...]:
    """Return rising whole numbers of 1 or more, or refuse them."""
    results = tuple(count(argument, step) for step in steps)
    if not results or any(after <= before for before, after in pairwise(results)):
        raise ArgumentError(argument, "be rising whole numbers, one at least", list(steps))
    return results
