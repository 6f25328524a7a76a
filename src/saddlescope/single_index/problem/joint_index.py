"""Targets that depend on several hidden directions at once: staircases, parities, any polynomial of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from saddlescope.arguments import ArgumentError, shortened
from saddlescope.gaussian import GaussianFunction, gaussian_function
from saddlescope.single_index.problem.joint_kernel import JointKernel, JointLink
from saddlescope.single_index.problem.joint_target import Terms, leaps, named, terms_of
from saddlescope.single_index.problem.single_index import coefficients

_MOST_REPORTED = 12
_REST = 1e-9  # of E g^2


@dataclass(frozen=True, init=False, eq=False)
class JointIndex:
    """Learn y = g(<v_1, x>, .., <v_k, x>), x ~ N(0, I_d), v_j orthonormal, with f(x) = mean_i a_i sigma(<u_i, x>).

    What a neuron sees of the target is a polynomial of its overlaps with the directions, one term for each Hermite
    coefficient c_alpha of g. Where directions are not known yet is a saddle. Its leap, the sum of their exponents, says
    how its time grows with the dimension d, from a random start: not at all for a leap of 1, like log d for one of 2,
    and like d^(l/2 - 1) for l > 2.

    Args:
        target: g. A polynomial in z1, z2, ... as text; or coefficients in normalised Hermite polynomials, {exponents:
            c_alpha}; or a callable that takes points (..., k) to values (...), of at most three coordinates, whose
            degrees up to 16 are learnt and the rest of which stays as risk.
        activation: sigma; normalised Hermite coefficients, a name, or a callable of one variable.
        directions: k; needed for a callable.

    Raises:
        ArgumentError: if the target or the activation is refused.

    Source: Abbe, Boix-Adsera, Misiakiewicz, arXiv 2202.08658 and 2302.11055 (staircases and leaps).

    Example:
        >>> staircase = JointIndex("z1 + z1*z2 + z1*z2*z3", activation=[0, 1, 1, 1])
        >>> staircase.leaps, JointIndex("z1*z2*z3", activation=[0, 1, 1, 1]).leaps
        ([((1,), 1), ((2,), 1), ((3,), 1)], [((1, 2, 3), 3)])
    """

    summed: ClassVar[bool] = False

    target: str
    activation: GaussianFunction
    terms: Terms
    gram: np.ndarray
    weights: np.ndarray
    target_norm: float  # E y^2
    error: float  # of a coefficient, at most
    is_polynomial: bool

    def __init__(self, target: str | Mapping[Any, float] | Callable[..., Any], activation: Any, directions: Any = None):
        terms, norm, error = terms_of(target, directions)
        k = len(next(iter(terms)))
        if k == 1:
            raise ArgumentError("target", "depend on two directions or more (SingleIndex is for one)", str(target))
        object.__setattr__(self, "target", target if isinstance(target, str) else _name(target))
        object.__setattr__(self, "activation", gaussian_function(activation, "activation"))
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "gram", np.eye(k))
        object.__setattr__(self, "weights", np.full(k, float(k)))  # of the shares in which the kernel gives the target
        object.__setattr__(self, "target_norm", norm)
        object.__setattr__(self, "error", error)
        object.__setattr__(self, "is_polynomial", not callable(target))

    def _repr_html_(self) -> str:
        from saddlescope.summary import pairs

        told = [("target", self.target), ("activation", self.activation), ("leaps", self.leaps)]
        return pairs(type(self).__name__, told)

    @property
    def leaps(self) -> list[tuple[tuple[int, ...], int]]:
        """The order in which directions are found, each group with its leap; those never found are missing."""
        sigma = coefficients(self.activation, max(sum(alpha) for alpha in self.terms))
        return leaps({alpha: c for alpha, c in self.terms.items() if sigma[sum(alpha)] != 0})

    @property
    def reported_degree(self) -> int:
        """Degrees 0..reported_degree are reported one by one; the rest of the risk goes together."""
        return min(max(sum(alpha) for alpha in self.terms), _MOST_REPORTED)

    def seen(self) -> JointKernel:
        """What the target and a neuron have in common, as a function of all overlaps."""
        sigma = coefficients(self.activation, max(sum(alpha) for alpha in self.terms))
        return JointKernel.of(self.terms, sigma, self.error)

    @property
    def link(self) -> Any:
        """The target as a function of the hidden coordinates, (..., k) to (..., k), in equal shares.

        Raises:
            ArgumentError: if it was given as a callable, of which only the coefficients are known.
        """
        if not self.is_polynomial:
            raise ArgumentError("problem", "have a polynomial as its target for descent on samples", self)
        return JointLink(tuple(sorted(self.terms.items())))

    @property
    def pull(self) -> float:
        """What the target does to a neuron with a = 1, at most."""
        seen = self.seen()
        return float(np.sum(np.array([sum(alpha) for alpha in seen.exponents]) * np.abs(np.asarray(seen.weights))))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a result should say of it."""
        rest = 1 - sum(c * c for c in self.terms.values()) / self.target_norm
        unseen = self.unseen
        told = []
        if rest > _REST:
            told.append(f"Of the target {rest:.1e} lies in degrees that are not learnt here, and stays as risk.")
        if unseen:
            lost = 0.5 * sum(c * c for alpha, c in self.terms.items() if any(alpha[j - 1] for j in unseen))
            told.append(f"{lost:.4g} of the risk stays: the activation sees nothing of {named(unseen)}.")
        return tuple(told)

    @property
    def own_directions(self) -> list[int]:
        """Those that the target depends on, counted from 1."""
        return sorted({j + 1 for alpha in self.terms for j, n in enumerate(alpha) if n})

    @property
    def unseen(self) -> list[int]:
        """Directions of the target, counted from 1, that it has in no degree of the activation."""
        seen = {j for group, _ in self.leaps for j in group}
        return [j for j in self.own_directions if j not in seen]

    def target_by_degree(self, degree: int) -> np.ndarray:
        """The share of E y^2 of each degree 0 .. degree, shape (degree + 1,)."""
        parts = np.zeros(degree + 1)
        for alpha, c in self.terms.items():
            if sum(alpha) <= degree:
                parts[sum(alpha)] += c * c
        return parts

    def describe(self) -> dict[str, Any]:
        """What is learnt by what, as plain values."""
        return {
            "target": self.target,
            "activation": self.activation.name,
            "directions": self.gram.tolist(),
            "target_terms": [[list(alpha), c] for alpha, c in sorted(self.terms.items())],
            # the size of each degree of the target
            "link_coefficients": np.sqrt(self.target_by_degree(self.reported_degree)).tolist(),
            "activation_coefficients": coefficients(self.activation, self.reported_degree).tolist(),
        }

    def __repr__(self) -> str:
        return f"JointIndex(target={self.target}, activation={self.activation.name})"


def _name(target: Any) -> str:
    if isinstance(target, Mapping):
        return shortened(str(dict(target)))
    return getattr(target, "__name__", "a function")
