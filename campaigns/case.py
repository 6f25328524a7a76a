"""What a family of problems hands in: numbers beside the right ones, and what the result said of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


class UnsuitableError(Exception):
    """The problem drawn has no reference that can be trusted, or nothing to look at; it counts for nothing."""


@dataclass(frozen=True)
class Check:
    """One number of a result beside the right one.

    Attributes:
        name: which number.
        error: its distance from the reference, in the units of `stated`.
        stated: the error that the result itself leaves open.
        unsure: how far the reference may be off.
    """

    name: str
    error: float
    stated: float
    unsure: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A result of saddlescope as the gate sees it.

    Attributes:
        outcome: name of the outcome.
        doubts: sentences of the result about itself; a result without any is clean.
        checks: its numbers beside the right ones.
        due: whether the problem itself leaves the answer open (a tie, a run cut short), so that a doubt is right.
    """

    outcome: str
    doubts: tuple[str, ...]
    checks: tuple[Check, ...]
    due: bool = False


@dataclass(frozen=True)
class Family:
    """A family of problems.

    Attributes:
        name: of the family.
        share: how many of a campaign's problems are of it, relative to the others.
        draw: parameters of a problem, plain JSON values, from a random generator.
        judge: runs the problem with these parameters and compares.
    """

    name: str
    share: float
    draw: Callable[[np.random.Generator], dict[str, Any]]
    judge: Callable[[dict[str, Any]], Answer]


@dataclass(frozen=True)
class Entry:
    """A line of the log: one problem, what came out, and the verdict on it."""

    seed: int
    number: int
    family: str
    parameters: dict[str, Any]
    outcome: str
    doubts: list[str]
    checks: list[dict[str, Any]]
    verdict: str
    seconds: float
    remark: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the line as plain values."""
        return asdict(self)
