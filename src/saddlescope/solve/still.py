"""Whether anything can still happen in a run before its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError

_MOST = 2048  # numbers in a state whose Jacobian is taken apart
_AHEAD = (0.0, 0.5, 1.0, 2.0)  # how far along the motion that is left growth is looked for


def still_test(system: Any, until: float, y0: jax.Array) -> Callable[[float, jax.Array], bool]:
    """Return the test that ends a run: at its present rate the risk would not move before `until`, and no mode grows.

    A mode that does not grow where the state is may do so where it drifts to: an escape that is driven by next to
    nothing speeds up as it goes on. So growth is looked for along the way that the state has left, as one linearly
    implicit step of the length of the time left tells it. Where no growth reaches one e-fold along that way, the state
    moves by less than e times as far.

    Args:
        system: what is integrated.
        until: end of the run.
        y0: its start.

    Raises:
        ArgumentError: if the state is too large for its Jacobian.
    """
    size = int(np.prod(y0.shape))
    if size > _MOST:
        raise ArgumentError("stop_when_still", f"be used with at most {_MOST} numbers in the state", size)
    jacobian = jax.jit(lambda system, y: jax.jacfwd(system.vector_field)(y).reshape(size, size))
    change = jax.jit(lambda system, y, left: system.change_ahead(y, system.vector_field(y), left))
    field = jax.jit(lambda system, y: system.vector_field(y).ravel())
    reference = float(system.observables(y0, system.vector_field(y0))[system.stop_on])

    def is_still(t: float, y: jax.Array) -> bool:
        left = until - t
        if float(change(system, y, left)) > 1e-9 * reference:
            return False
        way = np.zeros(size)
        for share in _AHEAD:
            J = np.asarray(jacobian(system, y + jnp.asarray(share * way).reshape(y.shape)))
            if not np.all(np.isfinite(J)) or np.linalg.eigvals(J).real.max() * left >= 1.0:
                return False
            if share == 0:
                way = np.linalg.solve(np.eye(size) - left * J, left * np.asarray(field(system, y)))
        return True

    return is_still
