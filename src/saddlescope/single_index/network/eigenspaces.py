"""Coordinates of neurons and teachers in the eigenspaces of the inputs' covariance, in any dimension.

In the eigenspace b of dimension n_b, the teachers span the first p_b = min(n_b, p) axes, and the flow of neurons stays
in min(n_b, p + m). A row of coordinates has those of the teachers' axes of all eigenspaces first, then all others.
With one eigenvalue these are the teachers' axes and the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.single_index.network.sphere import gaussian_start, orthogonal_start, reduced, teacher_frame
from saddlescope.single_index.problem.covariance import Covariance
from saddlescope.single_index.problem.inputs import Inputs
from saddlescope.single_index.problem.mixture import Mixture


@dataclass(frozen=True, eq=False)
class Eigenspaces:
    """The eigenspaces of Sigma and the teachers' parts in them.

    Attributes:
        eigenvalues: shape (B,).
        counts: dimensions n_b, shape (B,), all inf at d = inf.
        shares: n_b / d.
        teachers: of each eigenspace, coordinates of the p teachers in its first axes, shape (p, p_b).
        overlap: <v_r, Sigma v_q>, shape (p, p).
    """

    eigenvalues: np.ndarray
    counts: np.ndarray
    shares: np.ndarray
    teachers: tuple[np.ndarray, ...]
    overlap: np.ndarray

    @classmethod
    def of(cls, inputs: Inputs, gram: np.ndarray, dimension: float) -> Eigenspaces:
        """Return those of inputs and teachers of this Gram matrix in dimension d.

        Clouds of a mixture are isotropic, and their centre is one more direction beside the teachers, the last.

        Raises:
            ArgumentError: if an eigenspace is too small for the teachers, or has no dimension.
        """
        gram = inputs.directions(gram)
        if isinstance(inputs, Mixture):
            inputs = Covariance([1.0])
        counts = inputs.counts(dimension)
        shares = inputs.shares if math.isinf(dimension) else counts / dimension
        if inputs.drawn and not math.isinf(dimension):
            teachers = _drawn(counts, gram, np.random.default_rng([inputs.seed, 4]))
            overlap = sum(
                (value * part @ part.T for value, part in zip(inputs.eigenvalues, teachers, strict=True)), 0.0 * gram
            )
        else:
            weights = shares if inputs.weights is None else inputs.weights
            small = counts[weights > 0].min()
            if small < len(gram):
                must = (
                    f"leave {len(gram)} directions to every eigenvalue for as many teachers, not {small:.0f} "
                    '(or Covariance(..., teacher="random") draws them)'
                )
                raise ArgumentError("dimension", must, int(dimension))
            frame = teacher_frame(gram)
            teachers = tuple(
                math.sqrt(weight) * frame[:, : int(min(n, len(gram)))]
                for weight, n in zip(weights, counts, strict=True)
            )
            overlap = float(weights @ inputs.eigenvalues) * gram
        return cls(inputs.eigenvalues, counts, shares, teachers, overlap)

    def widths(self, neurons: float) -> np.ndarray:
        """Coordinates in each eigenspace that the flow of m neurons needs; inf neurons for all that there are."""
        return np.minimum(self.counts, len(self.overlap) + neurons)

    def joined(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return rows of coordinates from those in each eigenspace."""
        first = [own.shape[1] for own in self.teachers]
        of_teachers = [part[:, :k] for part, k in zip(parts, first, strict=True)]
        return np.hstack([*of_teachers, *(part[:, k:] for part, k in zip(parts, first, strict=True))])

    def frame(self, widths: np.ndarray) -> np.ndarray:
        """The teachers, shape (p, coordinates)."""
        parts = zip(self.teachers, widths, strict=True)
        return self.joined([np.pad(own, [(0, 0), (0, int(k) - own.shape[1])]) for own, k in parts])

    def places(self, widths: np.ndarray) -> np.ndarray:
        """Of each coordinate, the number of its eigenspace, shape (coordinates,)."""
        return self.joined([np.full((1, int(k)), b) for b, k in enumerate(widths)])[0]

    @property
    def axes(self) -> np.ndarray:
        """Of the first coordinates, which of the teachers' axes in its eigenspace each is."""
        return np.concatenate([np.arange(own.shape[1]) for own in self.teachers])

    def start(self, kind: str, neurons: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a start of m neurons of norm one, or on average so where it is "gaussian", shape (m, coordinates).

        Directions are isotropic, whatever the inputs: no law of them knows Sigma.
        """
        p = len(self.overlap)
        if kind == "orthogonal" and len(self.counts) > 1 and self.counts.min() < p + neurons:
            must = f"leave {p + neurons} directions to every eigenvalue for an orthogonal start of {neurons} neurons"
            raise ArgumentError("dimension", must, int(self.counts.sum()))
        draw = orthogonal_start if kind == "orthogonal" else gaussian_start
        parts = [
            math.sqrt(share) * draw(own.shape[1], neurons, n, rng)
            for share, n, own in zip(self.shares, self.counts, self.teachers, strict=True)
        ]
        u = self.joined(parts)
        return u / np.linalg.norm(u, axis=1, keepdims=True) if kind == "sphere" else u

    def placed(self, u: np.ndarray, *, whole: bool = False) -> np.ndarray:
        """Return coordinates of neurons given in all d of them, one eigenspace after the other.

        Args:
            u: shape (m, d).
            whole: whether to keep all d.
        """
        parts = np.split(u, np.cumsum(self.counts.astype(int))[:-1], axis=1)
        if not whole:
            parts = [reduced(part, own.shape[1]) for part, own in zip(parts, self.teachers, strict=True)]
        return self.joined(parts)

    def widened(self, u: np.ndarray) -> np.ndarray:
        """Return neurons (m, coordinates) that the flow has, in all d coordinates."""
        of_few, of_all = self.places(self.widths(len(u))), self.places(self.counts)
        result = np.zeros((len(u), len(of_all)))
        for b in range(len(self.counts)):
            own = np.flatnonzero(of_few == b)
            result[:, np.flatnonzero(of_all == b)[: len(own)]] = u[:, own]
        return result


def _drawn(counts: np.ndarray, gram: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Isotropic teachers of this Gram matrix: what their axes have in each eigenspace, exact in law."""
    p = len(gram)
    parts = [gaussian_start(0, p, n, rng)[:, : int(min(n, p))] * math.sqrt(n) for n in counts]
    squares = sum((part @ part.T for part in parts), np.zeros((p, p)))
    values, vectors = np.linalg.eigh(squares)
    turned = teacher_frame(gram) @ (vectors / np.sqrt(values)) @ vectors.T
    return tuple(turned @ part for part in parts)
