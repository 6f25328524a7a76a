"""What a mean-field flow needs to know of its problem, and what differs with the number of its directions."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import jax
import numpy as np

from saddlescope.single_index.mean_field.nodes import Panels
from saddlescope.solve import Curve, Reading, System
from saddlescope.trajectory import Trajectory

Particles = tuple[np.ndarray, np.ndarray, np.ndarray]  # a, s and the law's weights


class Residuals(NamedTuple):
    """What is left of each target, of shape (N,), over time, by which two discretisations are compared.

    Attributes:
        target: its size, zero where there is none.
        learnable: whether the activation has it.
        left, rate: the residual and its derivative, shape (time, N).
    """

    target: np.ndarray
    learnable: np.ndarray
    left: np.ndarray
    rate: np.ndarray


class Directions(abc.ABC):
    """The side of a mean-field flow that depends on the hidden directions of its problem."""

    @abc.abstractmethod
    def resting(self, a: np.ndarray) -> np.ndarray:
        """Return overlaps of zero for neurons of these weights."""

    @abc.abstractmethod
    def given(self, initial: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return (a, s) as they are given.

        Raises:
            ArgumentError: if they are refused.
        """

    @abc.abstractmethod
    def system(self, epsilon: float, particles: Particles) -> tuple[System, jax.Array]:
        """Return the system of these particles and its state."""

    @abc.abstractmethod
    def rows(self, s: np.ndarray) -> int:
        """Return how many numbers the state of a particle has, for particles of these overlaps at the start."""

    @property
    @abc.abstractmethod
    def numbers(self) -> float:
        """Numbers that are held at once for a particle that starts at zero."""

    @property
    @abc.abstractmethod
    def pull(self) -> float:
        """What the target does to a neuron with a = 1, at most."""

    @abc.abstractmethod
    def read(self, record: Any, particles: Particles) -> Reading:
        """Return what a raw record says."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """What is learnt by what, as plain values."""

    @abc.abstractmethod
    def curves(self, record: Any) -> list[Curve]:
        """Return what is compared of two runs beside the risk."""

    @abc.abstractmethod
    def residuals(self, run: Trajectory) -> Residuals:
        """Return what is left of each target in a run."""

    @abc.abstractmethod
    def unresolved(self, panels: Panels, run: Trajectory) -> np.ndarray:
        """How much each panel may be missing of what moves the largest target, relative to it."""
