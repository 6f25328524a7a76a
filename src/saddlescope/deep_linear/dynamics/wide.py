"""Two linear layers of infinite width: a closed equation of the product, between lazy and active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, positive
from saddlescope.deep_linear.dynamics.system import product_curves
from saddlescope.deep_linear.labels import LABELS
from saddlescope.deep_linear.problem.cost import Cost, checked_cost
from saddlescope.deep_linear.problem.numpy_cost import NumpyCost
from saddlescope.memory import check_fits
from saddlescope.solve import Flow, Reading, System
from saddlescope.solve.methods.tsit5 import Tsit5

_SMALLEST = 1e-9  # of k beside the product: below, rounding of what is learnt drives what is not


class WideSystem(System):
    """dA/dt = -(A A^T + k^2)^(1/2) G - G (A^T A + k^2)^(1/2); the state is A, shape (rows, columns).

    Attributes:
        cost: C(A), with gradient G.
        k: sigma^2 width.
        length: the size of the product that is to be learnt.
    """

    stop_on: ClassVar[str] = "cost"

    cost: Cost
    k: jax.Array
    length: jax.Array

    def solver(self):
        return Tsit5()

    def vector_field(self, y):
        U, s, Vt = jnp.linalg.svd(y, full_matrices=False)
        G = self.cost.gradient(y)
        # a root is k on what a singular vector does not span
        more = jnp.hypot(s, self.k) - self.k
        return -2 * self.k * G - (U * more) @ (U.T @ G) - (G @ Vt.T) @ (more[:, None] * Vt)

    def observables(self, y, rate):
        return {
            "cost": self.cost.value(y),
            "cost_rate": jnp.sum(self.cost.gradient(y) * rate),
            "test_error": self.cost.test_error(y),
            "product": y,
            "product_rate": rate,
        }

    def error_norm(self, error, before, after, rtol, atol):
        """In the frames of A, beside its singular values: small modes are as right as large ones."""
        del before, atol
        U, s, Vt = jnp.linalg.svd(after, full_matrices=True)
        rows, columns = after.shape
        size = jnp.hypot(jnp.pad(s, (0, max(rows, columns) - len(s))), jnp.minimum(self.k, self.length))
        sizes = jnp.sqrt(size[:rows, None] * size[None, :columns])
        return jnp.sqrt(jnp.mean((U.T @ error @ Vt.T / sizes) ** 2)) / rtol


class WideLinearFlow(Flow):
    """Gradient flow of a two-layer linear network of infinite width, with the gamma of mean field.

    The product of W_2 W_1 whose entries start as N(0, scale^2 / width) obeys a closed equation as width -> infinity,

        dA/dt = -(A A^T + k^2)^(1/2) G - G (A^T A + k^2)^(1/2),  A(0) = 0,  G the gradient of C,  k = scale^2.

    Where k is large beside the singular values of A all is lazy, where it is small they grow one after another as from
    a small start, and in between each singular value is in its own regime. `DeepLinearFlow(cost, 2, width, gamma=1,
    scale=scale)` tends to it like width^(-1/2); there is no cheaper way to see that network.

    A step decomposes a matrix of the size of the product six times.

    Args:
        cost: C(A), such as `LeastSquares` or `MatrixCompletion`.
        scale: sqrt(k), positive; k at least 1e-9 of the size of what is to be learnt.

    Raises:
        ArgumentError: if an argument is refused.

    Source: Tu, Aranguri, Jacot, arXiv 2405.17580.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.WideLinearFlow(ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]]), scale=0.1)
        >>> run = ss.solve(flow, until=10.0)
        >>> run["singular_values"][-1].round(4).tolist()
        [2.0, 1.0]
    """

    labels = LABELS
    references = ("tu2024",)
    descends = True

    def __init__(self, cost: Cost, scale: float = 1.0):
        self.cost = checked_cost(cost)
        self.scale_factor = positive("scale", scale)
        self.k = self.scale_factor**2
        rows, columns = cost.shape
        check_fits(40 * 8.0 * max(rows, columns) ** 2, rows=rows, columns=columns)
        self._length = NumpyCost(cost).length
        if not _SMALLEST * self._length <= self.k < np.inf:
            least = (_SMALLEST * self._length) ** 0.5
            raise ArgumentError("scale", f"be at least {least:.1e} for this cost, and have a finite square", scale)

    def start(self) -> tuple[Any, Any]:
        return WideSystem(self.cost, jnp.asarray(self.k), jnp.asarray(self._length)), jnp.zeros(self.cost.shape)

    def scale(self):
        return np.full(self.cost.shape, min(self.k, self._length))

    @property
    def shortest_time(self) -> float:
        curvature = self.cost.largest_curvature([np.zeros(self.cost.shape)])
        return 1 / (2 * float(np.hypot(self._length, self.k)) * max(curvature, 1e-300))

    def curves(self, record):
        """The cost, and the modes of the product."""
        return [*super().curves(record), *product_curves(self.cost, record.observables)]

    def read(self, record):
        raw = record.observables
        observables = {name: raw[name] for name in ("cost", "cost_rate", "test_error", "product")}
        observables["singular_values"] = np.linalg.svd(raw["product"], compute_uv=False)
        rows, columns = self.cost.shape
        coords = {"mode": np.arange(min(rows, columns)), "row": np.arange(rows), "column": np.arange(columns)}
        return Reading(observables, coords, doubts=self.cost.remarks)

    def exact_modes(self) -> Callable[[np.ndarray], np.ndarray] | None:
        """Return the closed form of all singular values, from times (T,) to (T, mode); None where data mix them."""
        from saddlescope.deep_linear.exact.mixed_mode import mixed_mode

        target = self.cost.whitened_target
        if target is None:
            return None
        strength = np.linalg.svd(target, compute_uv=False)
        return lambda time: mixed_mode(np.asarray(time)[:, None], strength, self.k)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        return {"cost": type(self.cost).__name__, "shape": list(self.cost.shape), "scale": self.scale_factor}
