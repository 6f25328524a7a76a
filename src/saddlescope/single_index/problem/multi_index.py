"""Targets with more than one index: a teacher network, the soft committee machine among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from saddlescope.arguments import ArgumentError, count, vector
from saddlescope.gaussian import GaussianFunction, Kernel, gaussian_function, kernel
from saddlescope.memory import check_fits
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.single_index import SingleIndex, coefficients


@dataclass(frozen=True, init=False, eq=False)
class MultiIndex:
    """Learn y = (1/p) sum_r b_r phi(<v_r, x>), x ~ N(0, I_d), |v_r| = 1, with f(x) = mean_i a_i sigma(<u_i, x>).

    Args:
        link: phi; normalised Hermite coefficients, a name, or a callable of one variable.
        activation: sigma, in the same ways.
        directions: the number p of orthogonal teacher directions, or their Gram matrix (p, p) with unit diagonal.
        weights: b, shape (p,); all one by default.

    Raises:
        ArgumentError: if a function or the Gram matrix is refused.

    Source: Saad & Solla, Phys. Rev. E 52 (1995), 4225 (soft committee machine); Berthier, Montanari, Zhou,
        arXiv 2303.00055 (p = 1).

    Example:
        >>> MultiIndex(link="erf", activation="erf", directions=2)
        MultiIndex(link=erf, activation=erf, directions=2)
    """

    summed: ClassVar[bool] = True  # a sum of functions of one direction each

    link: GaussianFunction
    activation: GaussianFunction
    gram: np.ndarray
    weights: np.ndarray

    def __init__(self, link: Any, activation: Any, directions: Any = 1, weights: Any = None):
        single = SingleIndex(link=link, activation=activation)
        if np.ndim(directions) == 0:
            p = count("directions", directions)
            check_fits(4 * 8.0 * p * p, directions=p)
            gram = np.eye(p)
        else:
            gram = _gram(directions)
        b = np.ones(len(gram)) if weights is None else vector("weights", weights)
        if b.shape != (len(gram),):
            raise ArgumentError("weights", f"have one entry a direction, {len(gram)}", b.shape)
        object.__setattr__(self, "link", gaussian_function(link, "link"))
        object.__setattr__(self, "activation", gaussian_function(activation, "activation"))
        object.__setattr__(self, "gram", gram)
        object.__setattr__(self, "weights", b)
        object.__setattr__(self, "_single", single)

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        told = [("link", self.link), ("activation", self.activation), ("directions", len(self.gram))]
        return pairs(type(self).__name__, told)

    @property
    def reported_degree(self) -> int:
        """Degrees 0..reported_degree are reported one by one; the rest of the risk goes together."""
        return self.single.reported_degree

    @property
    def single(self) -> SingleIndex:
        """The same link and activation with one direction."""
        return self._single  # pyright: ignore[reportAttributeAccessIssue]

    def seen(self) -> Kernel:
        """What the link in a direction and a neuron have in common, as a function of their overlap."""
        return kernel(self.link, self.activation)

    @property
    def target_norm(self) -> float:
        """E y^2."""
        b = self.weights / len(self.gram)
        return float(b @ np.asarray(kernel(self.link)(np.clip(self.gram, -1, 1))) @ b)

    def target_by_degree(self, degree: int) -> np.ndarray:
        """The share of E y^2 of each degree 0 .. degree, shape (degree + 1,)."""
        b, phi = self.weights / len(self.gram), coefficients(self.link, degree)
        return np.array([phi[k] ** 2 * float(b @ self.gram**k @ b) for k in range(degree + 1)])

    @property
    def pull(self) -> float:
        """What the target does to a neuron with a = 1, at most."""
        degree = self.reported_degree
        phi, sigma = coefficients(self.link, degree), coefficients(self.activation, degree)
        return float(np.mean(np.abs(self.weights)) * np.sum(np.arange(len(phi)) * np.abs(sigma * phi)))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a result should say of it."""
        return ()

    def describe(self) -> dict[str, Any]:
        """What is learnt by what, as plain values."""
        degree = self.reported_degree
        return {
            "link": self.link.name,
            "activation": self.activation.name,
            "directions": self.gram.tolist(),
            "direction_weights": self.weights.tolist(),
            "link_coefficients": coefficients(self.link, degree).tolist(),
            "activation_coefficients": coefficients(self.activation, degree).tolist(),
        }

    def __repr__(self) -> str:
        names = f"link={self.link.name}, activation={self.activation.name}"
        return f"MultiIndex({names}, directions={len(self.gram)})"


def _gram(value: Any) -> np.ndarray:
    try:
        gram = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("directions", "be a number or a Gram matrix", value) from None
    if gram.ndim != 2 or gram.shape[0] != gram.shape[1] or not np.all(np.isfinite(gram)):
        raise ArgumentError("directions", "be a number or a square Gram matrix of finite numbers", value)
    if not np.allclose(gram, gram.T, atol=1e-12) or not np.allclose(np.diag(gram), 1, atol=1e-12):
        raise ArgumentError("directions", "have a symmetric Gram matrix with unit diagonal", value)
    if np.linalg.eigvalsh(gram)[0] < -1e-12:
        raise ArgumentError("directions", "have a Gram matrix without negative eigenvalue", value)
    return gram


Problem = SingleIndex | MultiIndex | JointIndex


def as_multi_index(problem: Any) -> MultiIndex | JointIndex:
    """Return a problem with its directions and weights; a single-index one has one of each."""
    if isinstance(problem, MultiIndex | JointIndex):
        return problem
    if isinstance(problem, SingleIndex):
        return MultiIndex(problem.link, problem.activation)
    raise ArgumentError("problem", "be a SingleIndex, a MultiIndex or a JointIndex", problem)
