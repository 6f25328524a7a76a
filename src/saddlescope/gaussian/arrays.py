"""The one place that decides whether a formula runs in NumPy or in JAX."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as jsp
import numpy as np
import scipy.special as sp

_SHARED = (
    "arccos arcsin clip concatenate cos cosh exp logaddexp maximum searchsorted sign sin sinh sqrt stack tanh".split()  # noqa: SIM905
)
_SQRT_TWO_PI = float(np.sqrt(2.0 * np.pi))

NUMPY = SimpleNamespace(
    **{name: getattr(np, name) for name in _SHARED},
    asarray=lambda x: np.asarray(x, dtype=np.float64),
    erf=sp.erf,
    expit=sp.expit,
    ndtr=sp.ndtr,
    phi=lambda x: np.exp(-0.5 * x * x) / _SQRT_TWO_PI,
    heaviside=lambda x: np.heaviside(x, 0.5),
)

JAX = SimpleNamespace(
    **{name: getattr(jnp, name) for name in _SHARED},
    asarray=lambda x: jnp.asarray(x, dtype=jnp.float64),
    erf=jsp.erf,
    expit=jsp.expit,
    ndtr=jsp.ndtr,
    phi=lambda x: jnp.exp(-0.5 * x * x) / _SQRT_TWO_PI,
    heaviside=lambda x: jnp.heaviside(x, 0.5),
)


def namespace(*values: Any) -> SimpleNamespace:
    """Return the JAX functions if any value is a JAX array or tracer, else the NumPy ones.

    >>> namespace(np.ones(3)) is NUMPY
    True
    """
    return JAX if any(isinstance(value, jax.Array) for value in values) else NUMPY
