"""Features of several overlaps: all products of them up to the degree of the activation.

Of neurons of overlaps s and s', |s|, |s'| <= 1, with k directions, E sigma sigma' = sum_n sigma_n^2 (s . s')^n, and
(s . s')^n is the sum over |alpha| = n of h_alpha(s) h_alpha(s'), h_alpha(s) = (n! / alpha!)^(1/2) s^alpha. The features
sigma_n h_alpha of all alpha, whether the target has them or not, thus make the risk a sum of squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.joint_target import of_degree
from saddlescope.single_index.problem.single_index import coefficients
from saddlescope.single_index.theory.reachable import turned

_MOST_FEATURES = 1000  # a step takes products of matrices of this size
_ENOUGH = 300  # up to which a long series is followed
_LONGEST = 64
_NEGLIGIBLE = 1e-16  # of E sigma^2: a series ends where no more is left


class Layout(NamedTuple):
    """Exponents of all products of k overlaps up to a degree, and where multiplying by an overlap leads.

    Attributes:
        exponents: alpha, by rising degree, shape (N, k).
        degree: |alpha|, shape (N,).
        up: place of alpha + e_j, N where there is none, shape (k, N).
        down: place of alpha - e_j, 0 where there is none, shape (k, N).
        multiplicity: |alpha|! / alpha!, shape (N,).
    """

    exponents: np.ndarray
    degree: np.ndarray
    up: np.ndarray
    down: np.ndarray
    multiplicity: np.ndarray


@lru_cache(maxsize=16)
def layout(k: int, degree: int) -> Layout:
    """Return how products of k overlaps up to a degree are ordered.

    >>> layout(2, 2).exponents.tolist()
    [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]]
    """
    rows = [alpha for n in range(degree + 1) for alpha in of_degree(k, n)]
    place = {alpha: i for i, alpha in enumerate(rows)}
    up, down = np.full((k, len(rows)), len(rows)), np.zeros((k, len(rows)), dtype=int)
    for i, alpha in enumerate(rows):
        for j in range(k):
            above = (*alpha[:j], alpha[j] + 1, *alpha[j + 1 :])
            if above in place:
                up[j, i] = place[above]
                down[j, place[above]] = i
    several = [math.factorial(sum(alpha)) // math.prod(math.factorial(n) for n in alpha) for alpha in rows]
    exponents = np.array(rows)
    return Layout(exponents, exponents.sum(axis=1), up, down, np.array(several, dtype=float))


class JointFeatures(eqx.Module):
    """psi_alpha(s) = sigma_|alpha| h_alpha(s) and its derivatives, for neurons of overlaps s, shape (k, m)."""

    scale: jax.Array  # sigma_|alpha| (|alpha|! / alpha!)^(1/2), shape (N,)
    directions: int = eqx.field(static=True)
    degree: int = eqx.field(static=True)

    @property
    def order(self) -> Layout:
        """How the features are ordered."""
        return layout(self.directions, self.degree)

    def products(self, s: jax.Array) -> jax.Array:
        """s^alpha, shape (N, m)."""
        powers = [jnp.ones_like(s)]
        for _ in range(self.degree):
            powers.append(powers[-1] * s)
        table = jnp.stack(powers)  # (degree + 1, k, m)
        exponents = self.order.exponents
        result = table[exponents[:, 0], 0]
        for j in range(1, self.directions):
            result = result * table[exponents[:, j], j]
        return result

    def slopes(self, products: jax.Array) -> jax.Array:
        """d psi_alpha / d s_j, given the products, shape (k, N, m)."""
        order = self.order
        factor = self.scale * order.exponents.T
        return factor[:, :, None] * products[order.down]

    def value_and_slope(self, products: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """p = sum g_alpha psi_alpha and its gradient, shapes (m,) and (k, m)."""
        rows = jnp.concatenate([(self.scale * g)[None], self._lowered(self.scale * g)]) @ products
        return rows[0], rows[1:]

    def curvature(self, products: jax.Array, g: jax.Array) -> jax.Array:
        """The second derivatives of p, shape (k, k, m)."""
        first = self._lowered(self.scale * g)
        return jnp.stack([self._lowered(row) for row in first]) @ products

    def _lowered(self, c: jax.Array) -> jax.Array:
        """Coefficients of the derivatives of sum c_alpha s^alpha along each direction, shape (k, N)."""
        order = self.order
        return jnp.asarray(order.exponents.T + 1.0) * jnp.append(c, 0.0)[order.up]


@dataclass(frozen=True)
class JointSplit:
    """Features of an activation in the overlaps that neurons can have, and the target's coordinates in them.

    Attributes:
        features: psi.
        target: the target's coefficients where the activation has that degree, else 0, shape (N,).
        terms: the coefficients of each of the target's own terms in the features of its degree, shape (terms, N).
        lacking: risk in degrees of the target that the activation lacks, or that are not followed.
        left_out: sum of sigma_n^2 over the degrees that have no features.
        description: how the activation is represented, in words.
    """

    features: JointFeatures
    target: np.ndarray
    terms: np.ndarray
    lacking: float
    left_out: float
    description: str


def joint_split(problem: JointIndex, space: np.ndarray) -> JointSplit:
    """Return the features of a joint problem in coordinates of a space.

    Args:
        problem: target and activation.
        space: of overlaps, as orthonormal rows, shape (r, k).

    Raises:
        ArgumentError: if its target needs more features than can be held.
    """
    r, least = len(space), max(sum(alpha) for alpha in problem.terms)
    if math.comb(least + r, r) > _MOST_FEATURES:
        must = (
            f"have at most {_MOST_FEATURES} products of overlaps up to the degree of its target for the mean-field "
            f"flow (of {r} directions to degree {least} there are {math.comb(least + r, r)})"
        )
        raise ArgumentError("problem", must, problem)
    degree = _degree(problem, r, least)
    order = layout(r, degree)
    place = {tuple(alpha): i for i, alpha in enumerate(order.exponents.tolist())}
    alphas = sorted(problem.terms)
    terms = np.zeros((len(alphas), len(place)))
    for row, alpha in zip(terms, alphas, strict=True):
        for beta, c in turned(alpha, space).items():
            row[place[beta]] = c
    sigma = coefficients(problem.activation, degree)
    own = sigma[order.degree]
    c = np.array([problem.terms[alpha] for alpha in alphas])
    learnable = np.array([sigma[sum(alpha)] != 0 for alpha in alphas])
    lacking = max(0.5 * (problem.target_norm - float(np.sum(c[learnable] ** 2))), 0.0)
    known = problem.activation.degree
    left_out = 0.0 if known is not None and known <= degree else float(problem.activation.tail(degree) ** 2)
    how = "exact" if left_out == 0 else "cut off there"
    return JointSplit(
        JointFeatures(jnp.asarray(own * np.sqrt(order.multiplicity)), r, degree),
        np.where(own != 0, c @ terms, 0.0),
        terms,
        0.0 if lacking < 1e-14 * problem.target_norm else lacking,
        left_out,
        f"Hermite series of degree {degree} in {r} overlap{'s' if r > 1 else ''}, {how}, {len(own)} features",
    )


def _degree(problem: JointIndex, r: int, least: int) -> int:
    """Up to which degree the activation is followed: all of it, or as far as is affordable."""
    activation = problem.activation
    whole = activation.degree
    if whole is not None and math.comb(max(whole, least) + r, r) <= _MOST_FEATURES:
        return max(whole, least)
    degree = max(least, 1)
    while degree < _LONGEST and math.comb(degree + 1 + r, r) <= _ENOUGH:
        if activation.tail(degree) ** 2 <= _NEGLIGIBLE * activation.norm_squared:
            break
        degree += 1
    return degree
