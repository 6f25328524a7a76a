"""What a joint target and a neuron have in common, as a function of the neuron's overlaps with all directions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.single_index.problem.joint_target import Terms


class JointKernel(eqx.Module):
    """T(s) = E[g(z) sigma(<u, x>)] = sum_alpha c_alpha sigma_|alpha| sqrt(|alpha|! / alpha!) s^alpha, s = <u, v_j>.

    It goes where the kernel of a link with an activation does, which has a value for each direction: each gets an equal
    share of T, and its own derivative.

    Attributes:
        exponents: alpha of each term.
        weights: of the monomials, shape (terms,).
        error: of a coefficient, at most.
    """

    exponents: tuple[tuple[int, ...], ...] = eqx.field(static=True)
    weights: jax.Array
    error: float = eqx.field(static=True, default=0.0)

    kind: ClassVar[str] = "polynomial"

    @classmethod
    def of(cls, terms: Terms, sigma: np.ndarray, error: float = 0.0) -> JointKernel:
        """Return the kernel of a target with an activation of Hermite coefficients sigma_0, sigma_1, ..."""
        exponents = tuple(sorted(terms))
        weights = [
            terms[alpha]
            * (sigma[sum(alpha)] if sum(alpha) < len(sigma) else 0.0)
            * math.sqrt(math.factorial(sum(alpha)) / math.prod(math.factorial(n) for n in alpha))
            for alpha in exponents
        ]
        return cls(exponents, jnp.asarray(np.array(weights)), error)

    def __call__(self, s: jax.Array) -> jax.Array:
        """T over the number of directions, at each of them; shapes (..., k) and (..., k)."""
        return jnp.broadcast_to(self._monomials(s) @ self.weights[:, None] / s.shape[-1], s.shape)

    def derivative(self, s: jax.Array) -> jax.Array:
        """Return dT / ds_j, shapes (..., k) and (..., k)."""
        return jnp.stack([self._monomials(s, j) @ self.weights for j in range(s.shape[-1])], axis=-1)

    def second_derivative(self, s: jax.Array) -> jax.Array:
        """Return the sums over i of |d^2 T / ds_i ds_j|, a bound of what they do; shapes (..., k) and (..., k)."""
        k = s.shape[-1]
        rows = [sum(jnp.abs(self._monomials(s, i, j) @ self.weights) for i in range(k)) for j in range(k)]
        return jnp.stack([jnp.asarray(row) for row in rows], axis=-1)

    def by_degree(self, s: jax.Array, degrees: int) -> jax.Array:
        """Return the part of T of each degree 0 .. degrees, shape (degrees + 1, ...)."""
        of_degree = np.array([[sum(alpha) == n for alpha in self.exponents] for n in range(degrees + 1)])
        return jnp.moveaxis((self._monomials(s) * self.weights) @ jnp.asarray(of_degree.T, dtype=s.dtype), -1, 0)

    def _monomials(self, s: jax.Array, *along: int) -> jax.Array:
        """Return s^alpha of every term, or its derivatives along these directions, shape (..., terms)."""
        most = max(max(alpha) for alpha in self.exponents)
        powers = [jnp.ones_like(s)]
        for _ in range(most):
            powers.append(powers[-1] * s)
        table = jnp.stack(powers, axis=-1)
        alpha = np.array(self.exponents)
        factor, left = np.ones(len(alpha)), alpha.copy()
        for j in along:
            factor = factor * left[:, j]
            left[:, j] = np.maximum(left[:, j] - 1, 0)
        result = jnp.asarray(factor)
        for j in range(alpha.shape[1]):
            result = result * table[..., j, left[:, j]]
        return result


@dataclass(frozen=True)
class JointLink:
    """A target as a function of hidden coordinates: (..., k) to (..., k), an equal share of g(z) at each of them.

    Attributes:
        terms: ((exponents, coefficient), ...) in normalised Hermite polynomials.
    """

    terms: tuple[tuple[tuple[int, ...], float], ...]

    def __call__(self, z: jax.Array | np.ndarray) -> jax.Array:
        """Return g(z) / k at each coordinate."""
        most = max(max(alpha) for alpha, _ in self.terms)
        z = jnp.asarray(z)
        table = [jnp.ones_like(z), z]
        for n in range(1, most):
            table.append((z * table[n] - math.sqrt(n) * table[n - 1]) / math.sqrt(n + 1))
        total = jnp.zeros(z.shape[:-1])
        for alpha, c in self.terms:
            factor = jnp.asarray(c)
            for j, n in enumerate(alpha):
                factor = factor * table[n][..., j] if n else factor
            total = total + factor
        return jnp.broadcast_to(total[..., None] / z.shape[-1], z.shape)
