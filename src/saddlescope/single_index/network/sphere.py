"""Starts of a finite network: neurons in few coordinates that carry the same Gram matrix as in dimension d."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, Told, count, finite, positive, vector
from saddlescope.gaussian import Law, law

_ROUNDED = 1e-6  # off one, as a norm of 32-bit numbers is


def dimension(value: Any, least: int = 1) -> float:
    """Return a dimension as a float, infinity allowed; refuse what is neither that nor a whole number."""
    if isinstance(value, float) and math.isinf(value) and value > 0:
        return value
    return float(count("dimension", value, least=least))


def teacher_frame(gram: np.ndarray) -> np.ndarray:
    """Return unit vectors of that Gram matrix, shape (p, p), lower triangular: the first is the first axis."""
    # a singular Gram matrix has no Cholesky factor, but always this one
    values, vectors = np.linalg.eigh(gram)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    R = np.linalg.qr(root)[1]
    return (R * np.sign(np.where(np.diag(R) == 0, 1.0, np.diag(R)))[:, None]).T


def sphere_start(p: int, m: int, d: float, rng: np.random.Generator) -> np.ndarray:
    """Draw m independent uniform directions in dimension d, beside p fixed axes.

    Returns:
        Coordinates, shape (m, min(d, p + m)), whose first p axes are those of the teachers. Exact in law for every d:
        in d > p + m dimensions the part outside the first axes is rotated into m more, by Bartlett's decomposition.
    """
    u = gaussian_start(p, m, d, rng)
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def gaussian_start(p: int, m: int, d: float, rng: np.random.Generator) -> np.ndarray:
    """Draw m neurons of d independent Gaussian coordinates of variance 1/d; coordinates as of `sphere_start`."""
    if math.isinf(d):
        return np.hstack([np.zeros((m, p)), np.eye(m)])
    if d <= p + m:
        return rng.standard_normal((m, int(d))) / math.sqrt(d)
    inside = rng.standard_normal((m, p))
    outside = np.tril(rng.standard_normal((m, m)), -1)
    np.fill_diagonal(outside, np.sqrt(rng.chisquare(d - p - np.arange(m))))
    return np.hstack([inside, outside]) / math.sqrt(d)


def orthogonal_start(p: int, m: int, d: float, rng: np.random.Generator) -> np.ndarray:
    """Draw m orthonormal directions that are orthogonal to the p teachers too, shape (m, p + m).

    Raises:
        ArgumentError: if d has no room for them.
    """
    del rng
    if d < p + m:
        raise ArgumentError("dimension", f"be at least {p + m} for an orthogonal start of {m} neurons", d)
    return np.hstack([np.zeros((m, p)), np.eye(m)])


def reduced(u: np.ndarray, p: int) -> np.ndarray:
    """Return coordinates (m, min(d, p + m)) with the same Gram matrix, the first p axes kept."""
    m, d = u.shape
    if d <= p + m:
        return u
    R = np.linalg.qr(u[:, p:].T)[1]
    return np.hstack([u[:, :p], R.T])


def free_norm(sphere: Any, norm: Any) -> tuple[bool, float]:
    """Return whether norms are one and that of a start, or refuse them."""
    if not isinstance(sphere, bool):
        raise ArgumentError("sphere", "be True or False", sphere)
    size = positive("norm", norm)
    if sphere and size != 1:
        raise ArgumentError("norm", "be 1 on the sphere (sphere=False frees it)", norm)
    return sphere, size


def given(initial: tuple[Any, Any], p: int, *, sphere: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return a given start (a, u), on the sphere with neurons of norm one, or refuse it."""
    try:
        a, u = initial
        u = np.asarray(u, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("initial", "be a pair (a, u) of arrays of shapes (m,) and (m, d)", initial) from None
    a = vector("initial", a)
    if u.ndim != 2 or len(u) != len(a):
        raise ArgumentError("initial", "hold a and u of shapes (m,) and (m, d)", (a.shape, u.shape))
    if u.shape[1] < p:
        raise ArgumentError("initial", f"hold neurons of at least {p} coordinates", u.shape)
    norms = np.linalg.norm(u, axis=1, keepdims=True)
    if not np.all(np.isfinite(u)):
        raise ArgumentError("initial", "hold finite neurons", "one that is not")
    if not sphere:
        return a, u
    off = np.abs(norms[:, 0] - 1)
    if off.max() > _ROUNDED:
        # rescaled in silence, they would be another network
        worst = int(np.argmax(off))
        told = Told(f"{norms[worst, 0]:.6g} for that of neuron {worst}")
        raise ArgumentError("initial", "hold neurons of norm one (sphere=False frees it)", told)
    return a, u / norms


def start_of_biases(biases: Any, neurons: int, seed: int) -> np.ndarray | None:
    """Return biases at the start, shape (m,), of a number, one a neuron or a law; None for a network without.

    Raises:
        ArgumentError: if they are none of these, or not one a neuron.
    """
    if biases is None:
        return None
    if isinstance(biases, Law | str | Mapping):
        return law(biases, "biases").sample(neurons, np.random.default_rng([seed, 3]))
    if np.ndim(biases) == 0:
        return np.full(neurons, finite("biases", biases))
    values = vector("biases", biases)
    if len(values) != neurons:
        raise ArgumentError("biases", f"be one number, a law, or {neurons} numbers, one a neuron", values.shape)
    return values


def extras(sphere: bool, norm: float, biases: np.ndarray | None) -> dict[str, Any]:
    """What is told of a network beside the settings that all have."""
    told: dict[str, Any] = {} if sphere else {"norm": norm}
    return told if biases is None else told | {"biases": biases.tolist()}
