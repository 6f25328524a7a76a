"""The Hessian of the cost in the weights: products, extreme eigenvalues, spectrum by structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator, eigsh

from saddlescope.arguments import ArgumentError, count, vector
from saddlescope.deep_linear.network.layers import Weights, checked_weights, gradients, layer_shapes
from saddlescope.deep_linear.problem.cost import Cost, checked_cost

# below this many weights a dense eigensolver is faster than Lanczos iteration
DENSE = 300


def hessian_product(cost: Cost, weights: Sequence[Array], direction: Sequence[Array]) -> Weights:
    """Return the Hessian of C(W_L … W_1) times a direction, layer by layer, forward over reverse.

    Arguments: `weights` and `direction`, layers of equal shapes.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> W, V = [jnp.asarray([[2.0]]), jnp.asarray([[3.0]])], [jnp.asarray([[1.0]]), jnp.asarray([[0.0]])]
    >>> [float(h[0, 0]) for h in hessian_product(LeastSquares([[5.0]]), W, V)]  # 3², and 2·3 + (6 − 5)
    [9.0, 7.0]
    """
    return jax.jvp(lambda W: gradients(cost, W), (list(weights),), (list(direction),))[1]


_gradients = jax.jit(gradients)
_hessian_product = jax.jit(hessian_product)


@jax.jit
def _dense_hessian(cost: Cost, weights: Weights) -> Array:
    flat, layers = ravel_pytree(weights)

    def column(direction: Array) -> Array:
        return ravel_pytree(hessian_product(cost, weights, layers(direction)))[0]

    return jax.vmap(column)(jnp.eye(flat.size))


class LocalHessian:
    """Gradient and Hessian at a point as NumPy functions of flat vectors.

    Arguments: `cost`; `weights` [W_1, …, W_L], which fix the shapes.
    """

    def __init__(self, cost: Cost, weights: Weights):
        self.cost = cost
        flat, self.layers = ravel_pytree(list(weights))
        self.size = int(flat.size)

    def gradient(self, flat: np.ndarray) -> np.ndarray:
        """Return ∇C at the flat weights."""
        return np.asarray(ravel_pytree(_gradients(self.cost, self.layers(jnp.asarray(flat))))[0])

    def product(self, flat: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function that multiplies by the Hessian at the flat weights."""
        weights = self.layers(jnp.asarray(flat))

        def times(direction: np.ndarray) -> np.ndarray:
            moved = self.layers(jnp.asarray(np.ravel(direction), dtype=jnp.float64))
            return np.asarray(ravel_pytree(_hessian_product(self.cost, weights, moved))[0])

        return times

    def operator(self, flat: np.ndarray) -> LinearOperator:
        """Return the same as an operator for SciPy's iterative methods."""
        times = self.product(flat)
        options: dict[str, Any] = {"matvec": times, "rmatvec": times, "dtype": np.float64}
        return LinearOperator((self.size, self.size), **options)

    def dense(self, flat: np.ndarray) -> np.ndarray:
        """Return the whole Hessian, symmetrised."""
        H = np.asarray(_dense_hessian(self.cost, self.layers(jnp.asarray(flat))))
        return 0.5 * (H + H.T)


def hessian_extremes(cost: Cost, weights: Sequence[ArrayLike], number: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest eigenvalues of the Hessian, rising, and the highest, falling.

    Lanczos iteration at either end on its own (dense below 300 weights): at a saddle eigenvalues come in
    pairs ±λ, between which a power iteration cannot choose.

    Raises `ArgumentError` on weights that do not fit the cost.

    >>> from saddlescope.deep_linear.problem.least_squares import LeastSquares
    >>> low, high = hessian_extremes(LeastSquares([[5.0]]), [np.zeros((1, 1)), np.zeros((1, 1))])
    >>> low.tolist(), high.tolist()
    ([-5.0], [5.0])
    """
    layers = checked_weights(weights, checked_cost(cost).shape)
    number = count("number", number)
    local = LocalHessian(cost, layers)
    flat = np.asarray(ravel_pytree(layers)[0])
    number = min(number, local.size)
    if local.size <= max(DENSE, 3 * number):
        values = np.linalg.eigvalsh(local.dense(flat))
        return values[:number], values[::-1][:number]
    times = local.product(flat)
    first = np.random.default_rng(0).standard_normal(local.size)
    if not np.any(times(first)):
        return np.zeros(number), np.zeros(number)  # the origin of a network of three layers or more
    operator = local.operator(flat)
    ends = []
    for which in ("SA", "LA"):
        options: dict[str, Any] = {"k": number, "which": which, "v0": first, "tol": 1e-10}
        values = eigsh(operator, return_eigenvectors=False, **options)
        ends.append(np.sort(np.asarray(values)))
    return ends[0], ends[1][::-1]


def balanced_hessian_spectrum(
    singular_values: ArrayLike, kept: Iterable[int], depth: int, width: int, shape: tuple[int, int]
) -> np.ndarray:
    """Return all Hessian eigenvalues of ½‖A − S‖², rising, at a balanced network that has learnt some modes.

    Arguments: `singular_values` s (min(d_out, d_in),) of the target; `kept`, the modes K learnt, counted
    from 0; `depth` L ≥ 2; `width` w ≥ |K|; `shape` (d_out, d_in). With p = 2(L − 1)/L and q = (L − 2)/L: for
    i, j in K Σ_l s_j^(2(L−l)/L) s_i^(2(l−1)/L), once per pair; for i in K and a mode j outside it s_i^p ±
    s_j s_i^q, negative where s_j > s_i; for i in K and every output or input beyond the modes s_i^p; for L =
    2, every free neuron and mode j outside K, ± s_j; all others are zero. For L ≥ 3 the saddles that have
    learnt the strongest modes have no negative eigenvalue.

    Raises `ArgumentError` if the modes or the width do not fit.

    >>> balanced_hessian_spectrum([2.0, 1.0], [0], depth=2, width=1, shape=(2, 2)).round(12).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    s = vector("singular_values", singular_values)
    depth, width = count("depth", depth, 2), count("width", width)
    if s.size != min(shape) or np.any(s < 0):
        raise ArgumentError("singular_values", f"be {min(shape)} numbers that are not negative", singular_values)
    K = sorted(set(kept))
    if not (all(0 <= mode < s.size for mode in K) and len(K) <= width):
        raise ArgumentError("kept", f"be at most {width} modes out of {s.size}", K)
    if np.any(s[K] == 0):
        raise ArgumentError("kept", "be modes whose singular value is positive", K)
    free = [j for j in range(s.size) if j not in K]
    results: list[float] = []
    layers = np.arange(1, depth + 1)
    for i in K:
        stiff, coupled = s[i] ** (2 * (depth - 1) / depth), s[i] ** ((depth - 2) / depth)
        for j in K:
            powers = s[j] ** (2 * (depth - layers) / depth) * s[i] ** (2 * (layers - 1) / depth)
            results.append(float(np.sum(powers)))
        for j in free:
            results += [stiff - s[j] * coupled, stiff + s[j] * coupled]
        results += [stiff] * (max(shape) - min(shape))
    if depth == 2:
        results += [sign * s[j] for j in free for sign in (-1, 1)] * (width - len(K))
    total = sum(rows * columns for rows, columns in layer_shapes(shape, depth, width))
    return np.sort(np.concatenate([results, np.zeros(total - len(results))]))
