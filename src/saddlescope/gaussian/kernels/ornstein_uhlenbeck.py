"""Ornstein-Uhlenbeck (Mehler) smoothing in closed form.

T_s f(z) = E f(s z + tau xi), xi ~ N(0, 1), tau = sqrt(1 - s^2), equals sum_k f_k s^k h_k(z). It turns a
kernel into an average of a product, E f(G) g(G') = E_Z T_s f(Z) T_t g(Z) at correlation s t.
With u = s z / tau:

    relu   s z Phi(u) + tau phi(u)      step   Phi(u)       erf    2 Phi(s z / sqrt(2 - s^2)) - 1
    sin    exp(-tau^2 / 2) sin(s z)     cos    exp(-tau^2 / 2) cos(s z)

and the derivatives follow from d(s/tau)/ds = 1/tau^3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from saddlescope.gaussian.arrays import JAX, namespace
from saddlescope.gaussian.functions.coercion import gaussian_function
from saddlescope.gaussian.functions.elementary import Elementary
from saddlescope.gaussian.functions.hermite_polynomials import hermite_table

# tau is kept above 1e-16: |s| = 1 gives f(s z) to rounding, and no quotient overflows before exp(-u^2/2) is 0
_LEAST = 1e-32

Formula = Callable[[SimpleNamespace, Any, Any], Any]


def _tau(m: SimpleNamespace, s: Any) -> Any:
    return m.sqrt(m.maximum((1.0 - s) * (1.0 + s), _LEAST))


def _relu(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    u = s * z / tau
    return s * z * m.ndtr(u) + tau * m.phi(u)


def _relu_s(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    u = s * z / tau
    return z * m.ndtr(u) - s / tau * m.phi(u)


def _relu_ss(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    return m.phi(s * z / tau) / tau**3 * ((z / tau) ** 2 - 1.0)


def _relu_z(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return s * m.ndtr(s * z / _tau(m, s))


def _relu_sz(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    u = s * z / tau
    return m.ndtr(u) + s * z * m.phi(u) / tau**3


def _step(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.ndtr(s * z / _tau(m, s))


def _step_s(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    return m.phi(s * z / tau) * z / tau**3


def _step_ss(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    return m.phi(s * z / tau) * s * z * (3.0 - (z / tau) ** 2) / tau**5


def _step_z(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    return m.phi(s * z / tau) * s / tau


def _step_sz(m: SimpleNamespace, s: Any, z: Any) -> Any:
    tau = _tau(m, s)
    u = s * z / tau
    return m.phi(u) * (1.0 - u * u) / tau**3


def _erf(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.erf(s * z / m.sqrt(2.0 * (2.0 - s * s)))


def _erf_s(m: SimpleNamespace, s: Any, z: Any) -> Any:
    c = m.sqrt(2.0 - s * s)
    return 4.0 * m.phi(s * z / c) * z / c**3


def _erf_ss(m: SimpleNamespace, s: Any, z: Any) -> Any:
    c = m.sqrt(2.0 - s * s)
    return 4.0 * m.phi(s * z / c) * s * z * (3.0 - 2.0 * (z / c) ** 2) / c**5


def _sin(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.exp(-0.5 * (1.0 - s * s)) * m.sin(s * z)


def _sin_s(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.exp(-0.5 * (1.0 - s * s)) * (s * m.sin(s * z) + z * m.cos(s * z))


def _sin_ss(m: SimpleNamespace, s: Any, z: Any) -> Any:
    wave = (1.0 + s * s - z * z) * m.sin(s * z) + 2.0 * s * z * m.cos(s * z)
    return m.exp(-0.5 * (1.0 - s * s)) * wave


def _cos(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.exp(-0.5 * (1.0 - s * s)) * m.cos(s * z)


def _cos_s(m: SimpleNamespace, s: Any, z: Any) -> Any:
    return m.exp(-0.5 * (1.0 - s * s)) * (s * m.cos(s * z) - z * m.sin(s * z))


def _cos_ss(m: SimpleNamespace, s: Any, z: Any) -> Any:
    wave = (1.0 + s * s - z * z) * m.cos(s * z) - 2.0 * s * z * m.sin(s * z)
    return m.exp(-0.5 * (1.0 - s * s)) * wave


_BLOCKS: dict[str, tuple[Formula, Formula, Formula]] = {
    "relu": (_relu, _relu_s, _relu_ss),
    "step": (_step, _step_s, _step_ss),
    "erf": (_erf, _erf_s, _erf_ss),
    "sin": (_sin, _sin_s, _sin_ss),
    "cos": (_cos, _cos_s, _cos_ss),
}


def _with_safe_slopes(
    formulas: tuple[Formula, Formula, Formula], value_z: Formula, slope_z: Formula
) -> tuple[Callable[[Any, Any], Any], ...]:
    """Return the JAX versions, differentiated by the formulas: autodiff of s z / tau at |s| = 1 gives nan."""
    value, slope = (jax.custom_jvp(partial(formula, JAX)) for formula in formulas[:2])
    curvature = partial(formulas[2], JAX)
    value.defjvps(lambda ds, _, s, z: slope(s, z) * ds, lambda dz, _, s, z: value_z(JAX, s, z) * dz)
    slope.defjvps(lambda ds, _, s, z: curvature(s, z) * ds, lambda dz, _, s, z: slope_z(JAX, s, z) * dz)
    return value, slope, curvature


_TRACED: dict[str, tuple[Callable[[Any, Any], Any], ...]] = {
    name: tuple(partial(formula, JAX) for formula in formulas) for name, formulas in _BLOCKS.items()
}
_TRACED["relu"] = _with_safe_slopes(_BLOCKS["relu"], _relu_z, _relu_sz)
_TRACED["step"] = _with_safe_slopes(_BLOCKS["step"], _step_z, _step_sz)


@dataclass(frozen=True, eq=False)
class Smoothing:
    """T_s f(z) = E f(s z + sqrt(1 - s^2) xi) and its derivatives in s; make one with `smoothing`."""

    elementary: Elementary

    def _at(self, s: Any, z: Any, order: int) -> Any:
        m = namespace(s, z)
        s, z = m.asarray(s), m.asarray(z)
        total = 0.0 * (s * z)
        for name, weight in self.elementary.blocks.items():
            block = _TRACED[name][order](s, z) if m is JAX else _BLOCKS[name][order](m, s, z)
            total = total + weight * block
        series = self.elementary.series
        if series:
            table = hermite_table(z, len(series) - 1)
            for k in range(order, len(series)):
                falling = float(np.prod(np.arange(k - order + 1, k + 1)))
                total = total + series[k] * falling * s ** (k - order) * table[k]
        return total

    def __call__(self, s: Any, z: Any) -> Any:
        """Return T_s f(z), |s| <= 1, of the shape that `s` and `z` broadcast to."""
        return self._at(s, z, 0)

    def derivative(self, s: Any, z: Any) -> Any:
        """Return d T_s f(z) / ds."""
        return self._at(s, z, 1)

    def second_derivative(self, s: Any, z: Any) -> Any:
        """Return d^2 T_s f(z) / ds^2."""
        return self._at(s, z, 2)


def smoothing(f: Any) -> Smoothing | None:
    """Return the smoothing of a function in closed form, or None where none is known.

    T_s f(z) = E_xi f(s z + sqrt(1 - s^2) xi) = sum_k f_k s^k h_k(z) (Mehler's formula).
    Known for finite Hermite series and relu, leaky_relu, abs, step, sign, erf, sin, cos. At |s| = 1 the
    value is f(s z) and the derivatives are finite: where their limits are not (relu and step at z = 0), they
    are large.

    Args:
        f: a function of a Gaussian, or what `gaussian_function` makes one of.

    Raises:
        ArgumentError: if the function is refused.

    Example:
        >>> T = smoothing("relu")
        >>> float(T(1.0, 2.0)), float(T(0.0, 2.0)), float(T.derivative(0.0, 2.0))
        (2.0, 0.3989422804014327, 1.0)
        >>> smoothing("tanh") is None
        True
    """
    elementary = gaussian_function(f, "f").elementary
    return None if elementary is None else Smoothing(elementary)
