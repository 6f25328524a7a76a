"""Fixed problems on which published and measured numbers can be compared, and random ones of their kinds."""

from __future__ import annotations

import numpy as np

from saddlescope.deep_linear.problem.matrix_completion import MatrixCompletion
from saddlescope.deep_linear.problem.matrix_sensing import MatrixSensing
from saddlescope.memory import check_fits


def reference_target() -> np.ndarray:
    """Return the 3 × 4 matrix "S34" with singular values 3, 2, 1, made without random numbers.

    S = U diag(3, 2, 1) Vᵀ with the Householder reflections U of (1, 2, 3) and V of (1, −1, 2, 1).

    >>> reference_target()[0].round(8)
    array([ 1.91836735,  0.08163265, -1.73469388, -0.65306122])
    """
    left, right = _householder([1, 2, 3]), _householder([1, -1, 2, 1])
    return left @ np.diag([3.0, 2.0, 1.0]) @ right[:, :3].T


def reference_completion(seed: int = 0) -> MatrixCompletion:
    """Return the completion problem "MC10": 10 × 10, singular values (6, 4, 2), 70 entries observed.

    >>> import jax.numpy as jnp
    >>> round(float(reference_completion().value(jnp.zeros((10, 10)))), 10)
    23.5349539035
    """
    return random_completion(10, (6.0, 4.0, 2.0), 70, seed)


def random_completion(size: int, singular_values: tuple[float, ...], entries: int, seed: int) -> MatrixCompletion:
    """Return a square completion problem with uniformly random frames and observed entries.

    >>> int(random_completion(5, (1.0,), 20, seed=3).observed.sum())
    20
    """
    check_fits(4.0 * size**2, size=size)
    random = np.random.default_rng(seed)
    # two whole square frames are drawn, whatever the rank, so that problems of one seed differ in nothing
    # else
    left, right = (np.linalg.qr(random.standard_normal((size, size)))[0][:, : len(singular_values)] for _ in range(2))
    observed = np.zeros(size * size, dtype=bool)
    observed[random.permutation(size * size)[:entries]] = True
    return MatrixCompletion((left * singular_values) @ right.T, observed=observed.reshape(size, size))


def random_sensing(size: int, singular_values: tuple[float, ...], measurements: int, seed: int) -> MatrixSensing:
    """Return a square problem of Gaussian measurements <A_i, S> with uniformly random frames of S.

    >>> random_sensing(5, (1.0,), 20, seed=3).target_rank
    1
    """
    check_fits(2.0 * measurements * size**2, measurements=measurements, size=size)
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.standard_normal((size, size)))[0][:, : len(singular_values)] for _ in range(2))
    truth = (left * singular_values) @ right.T
    return MatrixSensing(random.standard_normal((measurements, size, size)), truth=truth)


def _householder(normal: list[int]) -> np.ndarray:
    v = np.asarray(normal, dtype=float)
    return np.eye(v.size) - 2 * np.outer(v, v) / (v @ v)
