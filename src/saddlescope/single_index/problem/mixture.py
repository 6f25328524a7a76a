"""Inputs in two Gaussian clouds: where their centres lie, for the teachers and for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, Told, finite, vector

_ROUNDED = 1e-9


class Mixture:
    """Inputs x = c mu + xi, xi ~ N(0, I_d): Gaussian clouds around mu and -mu, c = 1 or -1 at random.

    Labels are phi(<v, x>), whatever the cloud. A network feels of this where mu lies: neurons see <u, xi> + c <u, mu>,
    as if they had biases, one in each cloud, that move with them. Weights (1, 0) give one cloud, off the origin.

    Args:
        distance: |mu|, of each centre from the origin; half of that between centres.
        teacher: cosine of mu and the teacher, or of mu and each of several, shape (p,); 0 by default.
        weights: probabilities of the clouds around mu and -mu; by default alike.

    Raises:
        ArgumentError: if the distance is negative, a cosine beyond 1, or weights are no probabilities.

    Example:
        >>> clouds = Mixture(2.0, teacher=0.6)
        >>> clouds
        Mixture(two clouds, 2 from the origin, teacher cosine 0.6)
        >>> clouds.offsets(1)  # <v, mu>
        array([1.2])
        >>> clouds.directions(np.eye(1))
        array([[1. , 0.6],
               [0.6, 1. ]])
    """

    signs = (1.0, -1.0)

    def __init__(self, distance: float, teacher: Any = 0.0, weights: Any = (0.5, 0.5)):
        self.distance = finite("distance", distance)
        if self.distance < 0:
            raise ArgumentError("distance", "not be negative", self.distance)
        self.teacher = np.array([finite("teacher", teacher)]) if np.ndim(teacher) == 0 else vector("teacher", teacher)
        if np.abs(self.teacher).max() > 1:
            raise ArgumentError("teacher", "be a cosine with the teacher, from -1 to 1", teacher)
        shares = vector("weights", weights)
        if len(shares) != 2 or shares.min() < 0 or abs(shares.sum() - 1) > 1e-6:
            raise ArgumentError("weights", "be two numbers from 0 on of sum one", weights)
        self.weights = shares / shares.sum()

    @property
    def isotropic(self) -> bool:
        """Whether both clouds are one, around the origin."""
        return self.distance == 0

    @property
    def largest(self) -> float:
        """The largest second moment of x in a direction, 1 + |mu|^2."""
        return 1 + self.distance**2

    def cosines(self, teachers: int) -> np.ndarray:
        """Return those of mu and each teacher, shape (p,).

        Raises:
            ArgumentError: if there is another number of them.
        """
        if len(self.teacher) not in (1, teachers):
            raise ArgumentError("teacher", f"be one cosine, or one for each of the {teachers} teachers", self.teacher)
        return np.broadcast_to(self.teacher, (teachers,))

    def offsets(self, teachers: int) -> np.ndarray:
        """Return <v_r, mu>, what teachers see of the centre, shape (p,)."""
        return self.distance * self.cosines(teachers)

    def directions(self, gram: np.ndarray) -> np.ndarray:
        """Return the Gram matrix of teachers and, last, mu / |mu|; that of teachers alone where mu is zero.

        Raises:
            ArgumentError: if no mu has these cosines with these teachers.
        """
        if self.isotropic:
            return gram
        own = self.cosines(len(gram))[:, None]
        result = np.block([[gram, own], [own.T, np.ones((1, 1))]])
        if np.linalg.eigvalsh(result)[0] < -_ROUNDED:
            must = (
                f"be cosines that one direction has with these {len(gram)} teachers "
                "(orthogonal ones: squares of sum one at most)"
            )
            raise ArgumentError("teacher", must, Told(", ".join(f"{each:.4g}" for each in own[:, 0])))
        return result

    def describe(self) -> dict[str, Any]:
        """What it is, as plain values."""
        return {"distance": self.distance, "teacher": self.teacher.tolist(), "weights": self.weights.tolist()}

    def __repr__(self) -> str:
        one, other = self.weights
        clouds = "two clouds" if one == other else f"clouds of weights {one:.3g} and {other:.3g}"
        return f"Mixture({clouds}, {where(self.distance, self.teacher)})"


def where(distance: float, teacher: Sequence[float] | np.ndarray) -> str:
    """Say where the centres of clouds lie, for the teachers.

    >>> where(0.0, [0.6]), where(1.5, [0.6, 0.0])
    ('around the origin', '1.5 from the origin, teacher cosines 0.6, 0')
    """
    if distance == 0:
        return "around the origin"
    told = ", ".join(f"{cosine:.3g}" for cosine in teacher)
    return f"{distance:.3g} from the origin, teacher cosine{'s' if len(teacher) > 1 else ''} {told}"
