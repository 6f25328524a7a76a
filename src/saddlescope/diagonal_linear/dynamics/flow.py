"""Gradient flow of a diagonal linear network as a `Flow`: the dual variable, integrated by a stiff method."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, fraction, positive
from saddlescope.diagonal_linear.dynamics import dual_flow
from saddlescope.diagonal_linear.labels import LABELS, SUPPORT_SHARE
from saddlescope.diagonal_linear.problem.regression import checked_regression
from saddlescope.memory import check_fits
from saddlescope.solve import Flow, Reading, Rodas5P, System

_LARGEST = 1e6  # of ln(1/alpha): beyond, rounding of the dual variable is seen in the regressor
_LARGEST_REGRESSOR = 1e15  # beyond 1e17 the exponential is continued by its tangent


class _Jacobian(eqx.Module):
    """-X^T X / n diag(d beta / ds): no mode of it ever grows."""

    gram: jax.Array
    slope: jax.Array

    def factor(self, shift: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """Return the function that applies (I - shift J)^-1; its columns are as stiff as the slopes differ."""
        factors = jax.scipy.linalg.lu_factor(jnp.eye(len(self.slope)) + shift * self.gram * self.slope)
        return lambda right: jax.scipy.linalg.lu_solve(factors, right)


class DiagonalSystem(System):
    """ds/dt = -grad L(beta(s)), with time in units of ln(1/alpha).

    Attributes:
        inputs: X, shape (n, d). outputs: y, shape (n,). gram: X^T X / n, shape (d, d).
        log_scale: ln(1/alpha).
    """

    stop_on: ClassVar[str] = "cost"

    inputs: jax.Array
    outputs: jax.Array
    gram: jax.Array
    log_scale: jax.Array

    def solver(self):
        return Rodas5P()

    def linearise(self, y: jax.Array) -> _Jacobian:
        """Return the Jacobian at y."""
        return _Jacobian(self.gram, dual_flow.regressor_slope(y, self.log_scale))

    def vector_field(self, y):
        return dual_flow.velocity(y, self.inputs, self.outputs, self.log_scale)

    def observables(self, y, rate):
        beta = dual_flow.regressor(y, self.log_scale)
        beta_rate = dual_flow.regressor_slope(y, self.log_scale) * rate
        gradient = dual_flow.loss_gradient(beta, self.inputs, self.outputs)
        return {
            "cost": dual_flow.loss(beta, self.inputs, self.outputs),
            "cost_rate": gradient @ beta_rate,
            "regressor": beta,
            "regressor_rate": beta_rate,
            "dual": y,
        }

    def error_norm(self, error, before, after, rtol, atol):
        # What an error of s does to beta does not depend on the size of s: it is 2 ln(1/alpha) times it, of beta.
        del before, after, rtol
        return jnp.max(jnp.abs(error) / atol)

    def change_ahead(self, y, rate, left):
        # Between jumps s moves straight and beta does not move, until s is at the boundary: one implicit step, since
        # coordinates at the boundary follow the others at once.
        ahead = self.linearise(y).factor(left)(left * rate)
        now, then = (
            dual_flow.loss(dual_flow.regressor(s, self.log_scale), self.inputs, self.outputs) for s in (y, y + ahead)
        )
        return jnp.maximum(jnp.abs(then - now), super().change_ahead(y, rate, left))


class DiagonalFlow(Flow):
    """Gradient flow of a diagonal linear network beta = u * v on L = |X beta - y|^2 / (2n).

    u' = -grad L * v, v' = -grad L * u from u = sqrt(2) alpha, v = 0, where * is by coordinates. The clock is the one of
    the jumps: the time t of the trajectory is that of u and v divided by ln(1/alpha), so that the jumps of
    `jump_sequence(X, y).jump_times` come at the same t for every alpha -> 0.

    The state is the dual variable s = arcsinh(beta / alpha^2) / (2 ln(1/alpha)), ds/dt = -grad L, in which alpha never
    appears as a number: a start of e^-1000 is as good as any. A step solves a linear system of d unknowns.

    Args:
        inputs: X, one example a row, shape (n, d).
        outputs: y, shape (n,).
        scale: alpha, in (0, 1).
        log_scale: ln(1/alpha) instead of it, positive and at most 1e6.

    Raises:
        ArgumentError: if the data do not fit each other, leave nothing to learn, or not one of the scales is given.

    Source: Pesme, Flammarion, arXiv 2304.00488.

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.DiagonalFlow([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], log_scale=200.0)
        >>> run = ss.solve(flow, until=3.0)  # jumps at t = 1 and 2
        >>> run["regressor"][-1].round(4).tolist(), run["support_size"].max().item()
        ([2.0, -1.0], 2)
    """

    labels = LABELS
    references = ("pesme2023",)
    descends = True

    def __init__(self, inputs: Any, outputs: Any, scale: float | None = None, *, log_scale: float | None = None):
        self.inputs, self.outputs = checked_regression(inputs, outputs)
        if (scale is None) == (log_scale is None):
            raise ArgumentError("scale", "be given, or else log_scale, not both", (scale, log_scale))
        if scale is not None:
            self.log_scale = -math.log(fraction("scale", positive("scale", scale)))
        else:
            self.log_scale = positive("log_scale", log_scale)
            if self.log_scale > _LARGEST:
                raise ArgumentError("log_scale", f"be at most {_LARGEST:g}", self.log_scale)
        n, d = self.inputs.shape
        check_fits(4 * 8.0 * d * d, dimension=d)
        with np.errstate(over="ignore", invalid="ignore"):
            self._slope = float(np.max(np.abs(self.inputs.T @ self.outputs))) / n
            size = float(np.sum(self.inputs**2)) + float(np.sum(self.outputs**2))
        if self._slope == 0:
            raise ArgumentError("outputs", "leave something to learn: X^T y is zero", self.outputs.tolist())
        if not np.isfinite(self._slope + size):
            raise ArgumentError("inputs", "have, with the outputs, squares that fit into a float", self._slope)

    def start(self) -> tuple[Any, Any]:
        X = self.inputs
        system = DiagonalSystem(
            inputs=jnp.asarray(X),
            outputs=jnp.asarray(self.outputs),
            gram=jnp.asarray(X.T @ X / len(X)),
            log_scale=jnp.asarray(self.log_scale),
        )
        return system, jnp.zeros(X.shape[1])

    def scale(self) -> Any:
        """A change of s by 1 / (2 ln(1/alpha)) changes a coordinate of beta by a factor e."""
        return np.full(self.inputs.shape[1], min(1.0, 0.5 / self.log_scale))

    @property
    def shortest_time(self) -> float:
        """That in which a growing coordinate grows by a factor e, before the first jump."""
        return min(1.0, 0.5 / self.log_scale) / self._slope

    def read(self, record):
        raw = record.observables
        d = self.inputs.shape[1]
        shares = np.abs(raw["regressor"]) * np.linalg.norm(self.inputs, axis=0)
        inside = shares > SUPPORT_SHARE * np.linalg.norm(self.outputs)
        doubts: tuple[str, ...] = ()
        if np.abs(raw["regressor"]).max() > _LARGEST_REGRESSOR:
            doubts += (f"Coefficients beyond {_LARGEST_REGRESSOR:g} are not followed: scale inputs and outputs.",)
        return Reading(
            {
                **{name: raw[name] for name in ("cost", "cost_rate", "regressor", "regressor_rate", "dual")},
                "support_size": inside.sum(axis=1),
                "l1_norm": np.abs(raw["regressor"]).sum(axis=1),
            },
            {"coordinate": np.arange(d)},
            accuracy={
                # relative, of jump times: at log_scale 3 to 1e5 and rtol 1e-4 to 1e-8 at most 6 rtol beside rtol 1e-10,
                # or 7e-7, the error of a cubic through two steps
                "integration_error": max(10 * record.solver["rtol"], 1e-6),
                "gradient_at_the_end": float(np.abs(self._gradient(raw["regressor"][-1])).max() / self._slope),
            },
            doubts=doubts,
        )

    def _gradient(self, beta: np.ndarray) -> np.ndarray:
        return self.inputs.T @ (self.inputs @ beta - self.outputs) / len(self.outputs)

    def describe(self) -> dict[str, Any]:
        """What was asked for, as plain values."""
        examples, dimension = self.inputs.shape
        return {"examples": examples, "dimension": dimension, "log_scale": self.log_scale}
