"""Random numbers of many sizes, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def size(rng: np.random.Generator, low: float, high: float) -> float:
    """A positive number whose log is uniform."""
    return float(f"{10 ** rng.uniform(np.log10(low), np.log10(high)):.4g}")


def sign(rng: np.random.Generator) -> float:
    """1 or -1."""
    return float(rng.choice([-1.0, 1.0]))


def numbers(rng: np.random.Generator, count: int, digits: int = 3) -> list[float]:
    """Normal numbers of few digits."""
    return [float(x) for x in np.round(rng.standard_normal(count), digits)]


def one_of(rng: np.random.Generator, choices: Sequence[Any], shares: Sequence[float] | None = None) -> Any:
    """One of the choices, with shares that need not sum to one."""
    p = None if shares is None else np.asarray(shares) / np.sum(shares)
    return choices[int(rng.choice(len(choices), p=p))]


def flip(rng: np.random.Generator, chance: float) -> bool:
    """Whether something of this chance happens."""
    return bool(rng.random() < chance)


def integer(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))
