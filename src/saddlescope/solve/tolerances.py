"""Tolerances of a step, as values: what error is allowed beside the size of each component of the state."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import numpy as np

from saddlescope.arguments import fraction, relative_tolerance


@dataclass(frozen=True)
class Tolerance(abc.ABC):
    """A rule for the error that a step may make: at most rtol |y| + atol, component by component.

    Args:
        rtol: relative tolerance of a step, at most 0.01.
    """

    rtol: float = 1e-6

    def __post_init__(self) -> None:
        object.__setattr__(self, "rtol", relative_tolerance("rtol", self.rtol))

    @abc.abstractmethod
    def absolute(self, scale: np.ndarray) -> np.ndarray:
        """Return the absolute tolerance of each component, given the size of each that matters, both of y's shape."""

    def doubts(self, scale: np.ndarray) -> tuple[str, ...]:
        """Return reasons to doubt runs of a flow whose state has this scale; none by default."""
        del scale
        return ()


@dataclass(frozen=True)
class Tied(Tolerance):
    """The default: the absolute tolerance is rtol times the scale of the flow's state, so that no escape is skipped.

    Example:
        >>> Tied(1e-6).absolute(np.array([1.0, 1e-8])).tolist()
        [1e-06, 1e-14]
    """

    def absolute(self, scale: np.ndarray) -> np.ndarray:
        return self.rtol * scale


@dataclass(frozen=True)
class Fixed(Tolerance):
    """One absolute tolerance for all components; a doubt where it is above what `Tied` would take.

    Args:
        atol: in (0, 1).
    """

    atol: float = 1e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "atol", fraction("atol", self.atol))

    def absolute(self, scale: np.ndarray) -> np.ndarray:
        return np.full(np.shape(scale), self.atol)

    def doubts(self, scale: np.ndarray) -> tuple[str, ...]:
        tied = Tied(self.rtol).absolute(scale)
        if self.atol <= tied.min():
            return ()
        return (
            f"Argument `atol` is {self.atol:g}, above {tied.min():.1e}, the scale of this flow's state times "
            "rtol: an escape from a small start may have been skipped.",
        )
