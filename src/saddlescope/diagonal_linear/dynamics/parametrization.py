"""How the weights of a diagonal network make its coefficients: products, or differences of powers, of any depth.

Gradient flow of each keeps a function of the weights of every coordinate, so that one number z a coordinate is left,
z' = -speed(z) dL/dbeta. In the dual variable s(z), odd and between -1 and 1, that is ds/dt = -dL/dbeta for every
parametrization, on a clock of its own: the jumps of a vanishing start come at the same times for all of them.
"""

from __future__ import annotations

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from scipy.special import beta as beta_function

from saddlescope.arguments import ArgumentError, count
from saddlescope.diagonal_linear.dynamics import dual_flow

NAMES = ("product", "difference")
_LARGEST_EXPONENT = 690.0  # of a number that a float holds


Coordinates = Float[Array, " coordinates"]


class Parametrization(eqx.Module):
    """Coefficients, and the speed of the state, as functions of the state z; all by coordinates.

    Attributes:
        log_scale: ln(1/alpha).
    """

    log_scale: Array

    @abc.abstractmethod
    def regressor(self, z: Coordinates) -> Coordinates:
        """Return beta(z)."""

    @abc.abstractmethod
    def slope(self, z: Coordinates) -> Coordinates:
        """Return d beta / dz, positive."""

    @abc.abstractmethod
    def speed(self, z: Coordinates) -> Coordinates:
        """Return -z' over the gradient of the loss, in units of time of the trajectory."""

    @abc.abstractmethod
    def speed_slope(self, z: Coordinates) -> Coordinates:
        """Return its derivative."""

    @abc.abstractmethod
    def dual(self, z: Coordinates) -> Coordinates:
        """Return s(z), of which the derivative is 1 / speed(z)."""


class TwoLayers(Parametrization):
    """Depth 2, where z is s: beta = amplitude (e^(2 l (s - 1)) - e^(2 l (-s - 1))), l = ln(1/alpha).

    Attributes:
        amplitude: 1/2 of u * v, 1 of u^2 - v^2.
    """

    amplitude: Array

    def regressor(self, z: Array) -> Array:
        return 2 * self.amplitude * dual_flow.regressor(z, self.log_scale)

    def slope(self, z: Array) -> Array:
        return 2 * self.amplitude * dual_flow.regressor_slope(z, self.log_scale)

    def speed(self, z: Array) -> Array:
        return jnp.ones_like(z)

    def speed_slope(self, z: Array) -> Array:
        return jnp.zeros_like(z)

    def dual(self, z: Array) -> Array:
        return z


class Product(Parametrization):
    """beta = u_1 * ... * u_L, L >= 3, from u_l = sqrt(2) alpha for l < L and u_L = 0.

    The first L - 1 stay equal, and u_1^2 - u_L^2 = a^2 with a = sqrt(2) alpha: u_1 = a cosh z, u_L = a sinh z, and
    u_L' = -g u_1^(L-1) makes z' = -g (a cosh z)^(L-2).
    """

    depth: int = eqx.field(static=True)

    def regressor(self, z: Array) -> Array:
        return jnp.tanh(z) * self._power(z, self.depth)

    def slope(self, z: Array) -> Array:
        return (1 + (self.depth - 1) * jnp.tanh(z) ** 2) * self._power(z, self.depth)

    def speed(self, z: Array) -> Array:
        return _half(self.depth) * jnp.exp((self.depth - 2) * _log_cosh(z))

    def speed_slope(self, z: Array) -> Array:
        return (self.depth - 2) * jnp.tanh(z) * self.speed(z)

    def dual(self, z: Array) -> Array:
        return jnp.sign(z) * jax.scipy.special.betainc(0.5, 0.5 * (self.depth - 2), jnp.tanh(z) ** 2)

    def _power(self, z: Array, power: int) -> Array:
        """(a cosh z)^power, of which no part overflows."""
        return _exp(power * (_log_cosh(z) - self.log_scale + 0.5 * math.log(2)))


class Difference(Parametrization):
    """beta = u^L - v^L, L >= 3, from u = v = alpha.

    u' = -L g u^(L-1) and v' = L g v^(L-1) keep u^(2-L) + v^(2-L): with s = tanh(z / 2) they are
    u = alpha (1 - s)^(-1/(L-2)) and v = alpha (1 + s)^(-1/(L-2)).
    """

    depth: int = eqx.field(static=True)

    def regressor(self, z: Array) -> Array:
        return self._power(z) - self._power(-z)

    def slope(self, z: Array) -> Array:
        up, down = (jax.nn.sigmoid(side) * self._power(side) for side in (z, -z))
        return self.depth / (self.depth - 2) * (up + down)

    def speed(self, z: Array) -> Array:
        return 1 + jnp.cosh(z)  # 2 cosh^2(z / 2)

    def speed_slope(self, z: Array) -> Array:
        return jnp.sinh(z)

    def dual(self, z: Array) -> Array:
        return jnp.tanh(0.5 * z)

    def _power(self, z: Array) -> Array:
        """u^L, and of -z v^L."""
        grown = (jax.nn.softplus(z) - math.log(2)) / (self.depth - 2)
        return _exp(self.depth * (grown - self.log_scale))


def parametrization(name: str, depth: int, log_scale: float) -> Parametrization:
    """Return the parametrization of a checked name and depth."""
    scale = jnp.asarray(log_scale)
    if depth == 2:
        return TwoLayers(scale, amplitude=jnp.asarray(0.5 if name == "product" else 1.0))
    return Product(scale, depth=depth) if name == "product" else Difference(scale, depth=depth)


def time_unit(name: str, depth: int, log_scale: float) -> float:
    """Return the time of the weights that is 1 on the clock of the jumps: of a gradient of 1 from s = 0 to 1.

    >>> time_unit("product", 2, 10.0), time_unit("difference", 2, 10.0), round(time_unit("difference", 4, 2.0), 3)
    (10.0, 5.0, 6.825)
    """
    if depth == 2:
        return log_scale if name == "product" else 0.5 * log_scale
    if name == "difference":
        return math.exp((depth - 2) * log_scale) / (depth * (depth - 2))
    return _half(depth) * math.exp((depth - 2) * (log_scale - 0.5 * math.log(2)))


def checked(name: Any, depth: Any, log_scale: float) -> tuple[str, int]:
    """Return a parametrization's name and depth, or refuse them.

    Args:
        name: "product" or "difference".
        depth: 2 or more.
        log_scale: ln(1/alpha), which beyond depth 2 floats bound.

    Raises:
        ArgumentError: if there is no such parametrization, or its times are beyond floats.
    """
    if name not in NAMES:
        raise ArgumentError("parametrization", 'be "product", u * v, or "difference", u^2 - v^2', name)
    layers = count("depth", depth, 2)
    if layers > 2 and log_scale * layers > _LARGEST_EXPONENT:
        must = f"be at most {_LARGEST_EXPONENT / layers:.4g} at depth {layers}, as floats hold no smaller coefficients"
        raise ArgumentError("log_scale", must, log_scale)
    return str(name), layers


def _half(depth: int) -> float:
    """The integral of cosh(z)^(2 - L) over z > 0."""
    return 0.5 * float(beta_function(0.5, 0.5 * (depth - 2)))


def _log_cosh(z: Array) -> Array:
    size = jnp.abs(z)
    return size + jnp.log1p(jnp.exp(-2 * size)) - math.log(2)


def _exp(exponent: Array) -> Array:
    """e^exponent, continued by its tangent where no coefficient is but trial steps of an integrator land."""
    most = 40.0
    return jnp.exp(jnp.minimum(exponent, most)) * (1 + jnp.maximum(exponent - most, 0.0))
