"""Gradient flow of the layers, as what the integrator sees: one vector of all weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.deep_linear.dynamics.curvature import StiffCurvature
from saddlescope.deep_linear.dynamics.growth import fastest_growth
from saddlescope.deep_linear.network.layers import Weights, gradients, products_from_input
from saddlescope.deep_linear.problem.cost import Cost
from saddlescope.solve import RKC2, ROCK4, Curve, ExtrapolatedEuler, System
from saddlescope.solve.methods.tsit5 import Tsit5

_LARGEST_SAVED = 1024  # entries of a product that is saved at every step
_LARGEST_COMPARED = 256  # entries of a product that counts in the error of a run, as its rate is saved beside it
_FRAMED, _MODES = 4, 12  # modes of which all entries between them are compared, and those whose own
_LARGEST_IMPLICIT = 400  # entries of a product: the order of six matrices that a step decomposes
_MOST_WEIGHTS = 2**22  # of which an implicit step holds a few dozen copies
_GROWTH = 0.35  # e-folds of a small mode in a step: about what the tolerance allows larger ones


def flat(weights: list[jax.Array] | list[np.ndarray]) -> np.ndarray:
    """All weights in one vector, W_1 first."""
    return np.concatenate([np.asarray(W).ravel() for W in weights])


def layers(y: jax.Array, shapes: tuple[tuple[int, int], ...]) -> Weights:
    """The layers of a vector of weights."""
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(jnp.split(y, cuts), shapes, strict=True)]


def _vector(weights: Weights) -> jax.Array:
    return jnp.concatenate([W.ravel() for W in weights])


class DeepLinearSystem(System):
    """dW_l/dt = -dC/dW_l - weight_decay W_l; the state is the vector of all weights.

    Attributes:
        cost: C(A).
        curvature_bound: largest curvature of C, an upper bound of |d^2 C(A)[dA, dA]| / |dA|^2.
        length: the size of the product that is to be learnt; its error is held beside it.
        imbalance: spectral norms of the conserved W_(l+1)^T W_(l+1) - W_l W_l^T, shape (depth - 1,); with weight decay
            they fall like exp(-2 weight_decay t), and are bounds.
        weight_decay: lambda, of (lambda / 2) sum_l |W_l|^2 beside the cost.
        shapes: of the layers.
        explicit: classical explicit steps instead of stabilised ones.
    """

    stop_on: ClassVar[str] = "cost"

    cost: Cost
    curvature_bound: jax.Array
    length: jax.Array
    imbalance: jax.Array
    weight_decay: jax.Array
    shapes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    explicit: bool = eqx.field(static=True)

    def solver(self):
        if self.explicit:
            return Tsit5()
        return self._implicit() if self._suits_implicit() else ROCK4()

    def other_solvers(self):
        return (ROCK4(), RKC2(), *([self._implicit()] if self._suits_implicit() else []))

    def _suits_implicit(self) -> bool:
        rows, columns = self.cost.shape
        weights = sum(rows * columns for rows, columns in self.shapes)
        return len(self.shapes) > 1 and rows * columns <= _LARGEST_IMPLICIT and weights <= _MOST_WEIGHTS

    def _implicit(self) -> ExtrapolatedEuler:
        return ExtrapolatedEuler(
            split=lambda y: layers(y, self.shapes),
            join=_vector,
            linearise=lambda weights, system: StiffCurvature.at(system.cost, weights),
            factor=lambda curvature, shift: curvature.factor(shift),
            advance=_advance,
        )

    def vector_field(self, y):
        return -_vector(gradients(self.cost, layers(y, self.shapes))) - self.weight_decay * y

    def spectral_radius(self, y: jax.Array) -> jax.Array:
        """An upper bound of the Hessian's spectral radius, for the price of one gradient.

        The Hessian is J^T C'' J, with |J|^2 <= sum_l |S_l|^2 |F_(l-1)|^2 (S_l = W_L .. W_(l+1), F_l = W_l .. W_1),
        plus the second derivative of the product along G, at most (L - 1) |G| times L - 2 layer norms. Layer norms
        need no w x w product: W_(l+1)^T W_(l+1) - W_l W_l^T is conserved, so that |W_(l+1)|^2 <= |W_l|^2 + |D_l|.
        """
        weights = layers(y, self.shapes)
        prefixes = products_from_input(weights)
        suffixes = [weights[-1]]
        for W in weights[-2:0:-1]:
            suffixes.append(suffixes[-1] @ W)
        inner = [jnp.ones(())] + [_norm_squared(F) for F in prefixes[:-1]]
        outer = [*(_norm_squared(S) for S in reversed(suffixes[: len(weights) - 1])), jnp.ones(())]
        gauss_newton = sum(a * b for a, b in zip(inner, outer, strict=True))
        G = self.cost.gradient(prefixes[-1])
        depth, bound = len(weights), self.cost.curvature_bound(prefixes[-1], G, self.curvature_bound)
        if depth == 1:
            return bound * gauss_newton + self.weight_decay
        missing = jnp.sum(self.imbalance)
        largest = jnp.minimum(_norm_squared(weights[0]), _norm_squared(weights[-1])) + missing
        outer_layers = (depth - 1) * jnp.sqrt(_norm_squared(G)) * largest ** ((depth - 2) / 2)
        return bound * gauss_newton + outer_layers + self.weight_decay

    def observables(self, y, rate):
        # of the cost alone: what decay takes from the weights is no descent of it
        cost_rate = -jnp.sum(rate**2) - self.weight_decay * jnp.sum(y * rate)
        results = self.readings(y) | {"cost_rate": cost_rate}
        if self.cost.shape[0] * self.cost.shape[1] <= _LARGEST_COMPARED:
            results["product_rate"] = jax.jvp(self._product, (y,), (rate,))[1]
        return results

    def _product(self, y: jax.Array) -> jax.Array:
        return products_from_input(layers(y, self.shapes))[-1]

    def readings(self, y: jax.Array) -> dict[str, jax.Array]:
        """What is saved of the weights alone."""
        weights = layers(y, self.shapes)
        A = products_from_input(weights)[-1]
        results = {
            "cost": self.cost.value(A),
            "test_error": self.cost.test_error(A),
            "layer_square": jnp.stack([jnp.sum(W**2) for W in weights]),
        }
        if A.size <= _LARGEST_SAVED:
            results["product"] = A
        else:
            results["singular_values"] = singular_values(weights)
        return results

    def error_norm(self, error, before, after, rtol, atol):
        """The larger of the error of the weights and that of the product, beside the size of what is learnt.

        The product of a lazy network moves by far more than its weights do: steps at the edge of stability, whose error
        the weights may have, would leave it in noise.
        """
        of_weights = super().error_norm(error, before, after, rtol, atol)
        A, dA = jax.jvp(self._product, (after,), (error,))
        return jnp.maximum(of_weights, jnp.linalg.norm(dA) / (rtol * (self.length + jnp.linalg.norm(A))))

    def longest_step(self, y, rate, length):
        """No more than a fraction of the time in which a small mode grows, where the step would be longer than that."""
        del rate
        weights = layers(y, self.shapes)
        if len(weights) == 1 or self.cost.shape[0] * self.cost.shape[1] > _LARGEST_IMPLICIT:
            return length
        largest = jnp.minimum(_norm_squared(weights[0]), _norm_squared(weights[-1])) + jnp.sum(self.imbalance)
        G = self.cost.gradient(products_from_input(weights)[-1])
        bound = jnp.sqrt(_norm_squared(G)) * largest ** ((len(weights) - 2) / 2)
        return jax.lax.cond(
            length * bound > _GROWTH,
            lambda: jnp.minimum(length, _GROWTH / jnp.maximum(fastest_growth(self.cost, weights), 1e-300)),
            lambda: length,
        )


def _advance(curvature: StiffCurvature, factor: Any, weights: Weights, system: DeepLinearSystem) -> Weights:
    """One linearly implicit Euler step of the gradient flow, then one of the decay; of first order, to extrapolate."""
    moved = curvature.advance(factor, system.cost, weights)
    return [W / (1 + factor[0] * system.weight_decay) for W in moved]


def product_curves(cost: Cost, observables: dict[str, np.ndarray]) -> list[Curve]:
    """Return the entries of the product in the singular frames of the cost's gradient at the origin, as curves.

    Where data do not mix modes these are the singular values. The cost alone hides them: of a mode of 1e-3 of the
    others it shows a millionth, and nothing at all of what it does not see.

    Args:
        cost: C(A).
        observables: `product` and `product_rate`, shape (time, d_out, d_in); without a rate there are no curves.
    """
    if "product_rate" not in observables:
        return []
    A, rate = observables["product"], observables["product_rate"]
    G = np.asarray(cost.gradient(jnp.zeros(cost.shape)))
    U, _, Vt = np.linalg.svd(G, full_matrices=False)
    A, rate = (U.T @ part @ Vt.T for part in (A, rate))
    size = float(np.linalg.norm(A, axis=(1, 2)).max()) or 1.0
    places = [(i, j) for i, j in np.ndindex(A.shape[1:]) if max(i, j) < _FRAMED or i == j < _MODES]
    return [Curve(A[:, i, j], rate[:, i, j], size) for i, j in places]


def singular_values(weights: Weights) -> jax.Array:
    """All singular values of the product, falling, of a matrix no larger than the narrowest hidden layer."""
    rows, columns = len(weights[-1]), weights[0].shape[1]
    widths = [len(W) for W in weights[:-1]]
    narrow = min(widths, default=rows)
    if 2 * narrow > min(rows, columns):
        return jnp.linalg.svd(products_from_input(weights)[-1], compute_uv=False)
    place = widths.index(narrow) + 1
    into, out = products_from_input(weights[:place])[-1], products_from_input(weights[place:])[-1]
    small = jnp.linalg.qr(out, mode="r") @ jnp.linalg.qr(into.T, mode="r").T
    return jnp.pad(jnp.linalg.svd(small, compute_uv=False), (0, min(rows, columns) - narrow))


def _norm_squared(M: jax.Array) -> jax.Array:
    """An upper bound of |M|^2, at most rank^(1/8) above: the trace of the eighth power of the smaller Gram matrix."""
    gram = M.T @ M if M.shape[1] <= M.shape[0] else M @ M.T
    size = jnp.trace(gram) + jnp.finfo(gram.dtype).tiny
    power = gram / size
    for _ in range(3):
        power = power @ power
    return size * jnp.trace(power) ** (1 / 8)


def imbalance_norms(weights: list[np.ndarray]) -> np.ndarray:
    """Spectral norms of W_(l+1)^T W_(l+1) - W_l W_l^T, shape (depth - 1,)."""
    return np.array([np.linalg.norm(above.T @ above - below @ below.T, 2) for below, above in pairwise(weights)])
