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
from saddlescope.diagonal_linear.dynamics.parametrization import (
    Parametrization,
    TwoLayers,
    checked,
    parametrization,
    time_unit,
)
from saddlescope.diagonal_linear.labels import LABELS, SUPPORT_SHARE
from saddlescope.diagonal_linear.problem.regression import checked_regression
from saddlescope.memory import check_fits
from saddlescope.solve import Flow, Reading, Rodas5P, System

_LARGEST = 1e6  # of ln(1/alpha): beyond, rounding of the dual variable is seen in the regressor
_LARGEST_REGRESSOR = 1e15  # beyond 1e17 the exponential is continued by its tangent


class _Jacobian(eqx.Module):
    """-diag(speed) X^T X / n diag(d beta / dz) - diag(gradient speed'): at depth 2 no mode of it ever grows."""

    gram: jax.Array
    slope: jax.Array
    speed: jax.Array
    growth: jax.Array

    def factor(self, shift: jax.Array) -> Callable[[jax.Array], jax.Array]:
        """Return the function that applies (I - shift J)^-1; its columns are as stiff as the slopes differ."""
        coupling = self.speed[:, None] * self.gram * self.slope
        factors = jax.scipy.linalg.lu_factor(jnp.diag(1 - shift * self.growth) + shift * coupling)
        return lambda right: jax.scipy.linalg.lu_solve(factors, right)


class DiagonalSystem(System):
    """dz/dt = -speed(z) grad L(beta(z)), one number z a coordinate.

    Attributes:
        inputs: X, shape (n, d). outputs: y, shape (n,). gram: X^T X / n, shape (d, d).
        form: how the weights make the coefficients.
    """

    stop_on: ClassVar[str] = "cost"

    inputs: jax.Array
    outputs: jax.Array
    gram: jax.Array
    form: Parametrization

    def solver(self):
        return Rodas5P()

    def linearise(self, y: jax.Array) -> _Jacobian:
        """Return the Jacobian at y."""
        form = self.form
        growth = -self._gradient(form.regressor(y)) * form.speed_slope(y)
        return _Jacobian(self.gram, form.slope(y), form.speed(y), growth)

    def _gradient(self, beta: jax.Array) -> jax.Array:
        return dual_flow.loss_gradient(beta, self.inputs, self.outputs)

    def vector_field(self, y):
        return -self.form.speed(y) * self._gradient(self.form.regressor(y))

    def observables(self, y, rate):
        beta = self.form.regressor(y)
        beta_rate = self.form.slope(y) * rate
        return {
            "cost": dual_flow.loss(beta, self.inputs, self.outputs),
            "cost_rate": self._gradient(beta) @ beta_rate,
            "regressor": beta,
            "regressor_rate": beta_rate,
            "dual": self.form.dual(y),
        }

    def error_norm(self, error, before, after, rtol, atol):
        # What an error of z does to beta does not depend on the size of z: it is a share of beta.
        del before, after, rtol
        return jnp.max(jnp.abs(error) / atol)

    def change_ahead(self, y, rate, left):
        now = self.observables(y, rate)
        if not isinstance(self.form, TwoLayers):
            # between jumps s moves straight: no coordinate may come to the boundary that is not there, or leave it
            s = self.form.dual(y)
            moves = jnp.abs(s - left * self._gradient(now["regressor"]))
            jumps = jnp.any(moves >= 1.0) | jnp.any((jnp.abs(s) > 0.5) & (moves < 0.5 * jnp.abs(s)))
            return jnp.where(jumps, now["cost"], super().change_ahead(y, rate, left))
        # Between jumps s moves straight and beta does not move, until s is at the boundary: one implicit step, since
        # coordinates at the boundary follow the others at once.
        ahead = self.linearise(y).factor(left)(left * rate)
        then = dual_flow.loss(self.form.regressor(y + ahead), self.inputs, self.outputs)
        return jnp.maximum(jnp.abs(then - now["cost"]), super().change_ahead(y, rate, left))


class DiagonalFlow(Flow):
    """Gradient flow of a diagonal linear network on L = |X beta - y|^2 / (2n), of any depth.

    By coordinates, either the product beta = u_1 * ... * u_L from u_l = sqrt(2) alpha and u_L = 0 (u * v for two
    layers), or the difference beta = u^L - v^L from u = v = alpha. The clock is the one of the jumps: the time t of the
    trajectory is that of the weights divided by `time_unit`, ln(1/alpha) of u * v and of order alpha^(2-L) for L > 2.
    The jumps of `jump_sequence(X, y).jump_times` then come at the same t for every depth and alpha -> 0.

    The flow keeps a function of the weights of each coordinate; the state is the one number that is left, in which
    alpha never appears: of two layers, a start of e^-1000 is as good as any. Its dual variable s moves by
    ds/dt = -grad L, and |s| = 1 where a coordinate is learnt. A step solves a linear system of d unknowns.

    Args:
        inputs: X, one example a row, shape (n, d).
        outputs: y, shape (n,).
        scale: alpha, in (0, 1).
        log_scale: ln(1/alpha) instead of it, positive and at most 1e6, over depth 2 at most 690 / depth.
        depth: L, 2 or more.
        parametrization: "product" or "difference".

    Raises:
        ArgumentError: if the data do not fit each other, leave nothing to learn, or not one of the scales is given.

    Source: Pesme, Flammarion, arXiv 2304.00488; Woodworth et al., arXiv 2002.09277 (differences of powers).

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

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        scale: float | None = None,
        *,
        log_scale: float | None = None,
        depth: int = 2,
        parametrization: str = "product",
    ):
        self.inputs, self.outputs = checked_regression(inputs, outputs)
        self.log_scale = checked_scale(scale, log_scale)
        self.parametrization, self.depth = checked(parametrization, depth, self.log_scale)
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
            form=parametrization(self.parametrization, self.depth, self.log_scale),
        )
        return system, jnp.zeros(X.shape[1])

    @property
    def time_unit(self) -> float:
        """The time of the weights that is 1 in the trajectory."""
        return time_unit(self.parametrization, self.depth, self.log_scale)

    def _grown(self) -> float:
        """The change of the state that changes a coefficient by a factor e."""
        return min(1.0, 0.5 / self.log_scale) if self.depth == 2 else 1 / self.depth

    def scale(self) -> Any:
        """What changes a coefficient by a factor e."""
        return np.full(self.inputs.shape[1], self._grown())

    @property
    def shortest_time(self) -> float:
        """That in which a growing coordinate grows by a factor e, before the first jump."""
        return self._grown() / self._slope

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
        told = {"examples": examples, "dimension": dimension, "log_scale": self.log_scale}
        return told | {"depth": self.depth, "parametrization": self.parametrization, "time_unit": self.time_unit}


def checked_scale(scale: Any, log_scale: Any) -> float:
    """Return ln(1/alpha) of one of the two; refuse both, and what is out of range.

    >>> checked_scale(None, 3.0)
    3.0
    """
    if (scale is None) == (log_scale is None):
        raise ArgumentError("scale", "be given, or else log_scale, not both", (scale, log_scale))
    if scale is not None:
        return -math.log(fraction("scale", positive("scale", scale)))
    result = positive("log_scale", log_scale)
    if result > _LARGEST:
        raise ArgumentError("log_scale", f"be at most {_LARGEST:g}", result)
    return result
