"""Functions given as a Python callable: vectorised, JAX, or of one float only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, count
from saddlescope.gaussian.arrays import JAX, namespace
from saddlescope.gaussian.functions.function import GaussianFunction
from saddlescope.gaussian.piecewise.panels import Panels
from saddlescope.gaussian.piecewise.projection import Projection
from saddlescope.gaussian.piecewise.resolution import resolve

# a JAX callable is compiled for one shape only, and longer inputs come in pieces
_CHUNK = 2048
# off the round numbers, where a user's function may have a pole
_PROBE = np.asarray([-1.3171, -0.4243, 0.3187, 0.9133, 2.1079])


@dataclass(frozen=True, repr=False)
class CustomFunction(GaussianFunction):
    """A function given as a callable; make one with `gaussian_function`.

    Equal if made of the same callable and the same breakpoints.
    """

    function: Callable[[Any], Any]
    name: str = field(compare=False)
    breakpoints: tuple[float, ...]
    panels: Panels = field(compare=False)
    evaluate: Callable[[np.ndarray], np.ndarray] = field(compare=False)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return custom_function, (self.function, self.breakpoints, "activation")

    @cached_property
    def _projection(self) -> Projection:
        return Projection(self.evaluate, self.panels)

    @cached_property
    def _traced(self) -> Callable[[Any], Any]:
        """The callable if JAX can trace it (as it is or one number at a time), else its panels."""
        shape = jax.ShapeDtypeStruct((7,), jnp.float64)
        for candidate in (self.function, jnp.vectorize(self.function)):
            try:
                out = jax.eval_shape(candidate, shape)
            except Exception:
                continue
            if isinstance(out, jax.ShapeDtypeStruct) and out.shape == (7,):
                return lambda x, f=candidate: jnp.asarray(f(x), dtype=jnp.float64)
        return self.panels

    def __call__(self, x: Any) -> Any:
        """Return f(x), of the shape of `x`; what JAX cannot trace is replaced by its piecewise polynomial."""
        m = namespace(x)
        x = m.asarray(x)
        return self._traced(x) if m is JAX else self.evaluate(x.ravel()).reshape(x.shape)

    def derivative(self, x: Any) -> Any:
        """Return f'(x), by JAX where it can trace f, else from the piecewise polynomial that resolves it."""
        m = namespace(x)
        x = m.asarray(x)
        if m is JAX and self._traced is not self.panels:
            return jax.jvp(self._traced, (x,), (jnp.ones_like(x),))[1]
        return self.panels(x, 1)

    def coefficients(self, degree: int) -> np.ndarray:
        """Return f_0, ..., f_degree."""
        degree = count("degree", degree, least=0)
        return self._projection.coefficients(degree)[0][: degree + 1]

    def coefficient_error(self, degree: int) -> float:
        """Return an estimate of the largest absolute error of `coefficients(degree)`."""
        return self._projection.coefficients(degree)[1]

    def tail(self, degree: int) -> float:
        """Return an upper estimate of sqrt(sum_{k > degree} f_k^2)."""
        degree = count("degree", degree, least=0)
        return self._projection.tail(degree)

    @property
    def norm_squared(self) -> float:
        """E f(G)^2."""
        return self._projection.norm_squared

    @property
    def derivative_norm_squared(self) -> float:
        """E f'(G)^2; infinite if f jumps."""
        return self._projection.derivative_norm_squared

    @property
    def degree(self) -> None:
        """None: whether the series ends is not known."""

    @property
    def elementary(self) -> None:
        """None: no closed forms are known."""


def custom_function(function: Callable[[Any], Any], breakpoints: tuple[float, ...], argument: str) -> CustomFunction:
    """Resolve a callable on panels; refuse what is not a finite, square-integrable function of one
    variable."""
    evaluate = _evaluator(function, argument)
    panels = resolve(evaluate, argument, breakpoints)
    name = getattr(function, "__name__", type(function).__name__)
    return CustomFunction(function, name, panels.breakpoints, panels, evaluate)


def _evaluator(function: Callable[[Any], Any], argument: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the callable as a quiet function from a float64 vector to a float64 vector."""

    def one(x: float) -> float:
        try:
            return float(function(x))
        except OverflowError:
            return np.inf
        except (ZeroDivisionError, ValueError):
            return np.nan

    must = "be a function of one real variable with real values"
    try:
        with np.errstate(all="ignore"):
            single, again = ([float(function(x)) for x in _PROBE.tolist()] for _ in range(2))
    except Exception as error:
        raise ArgumentError(argument, must, function) from error
    if not np.array_equal(single, again, equal_nan=True):
        raise ArgumentError(argument, "give the same value for the same number", function)

    def one_by_one(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray([one(point) for point in x.tolist()], dtype=np.float64)

    try:
        with np.errstate(all="ignore"):
            together = function(_PROBE.copy())
        array = np.asarray(together, dtype=np.float64)
        if array.shape == ():
            array = np.broadcast_to(array, _PROBE.shape)
        alike = array.shape == _PROBE.shape and np.allclose(array, single, 1e-6, 1e-9, equal_nan=True)
    except Exception:
        return one_by_one
    if not alike:
        return one_by_one
    if isinstance(together, jax.Array):
        return _in_chunks(function)

    def vectorised(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.array(np.broadcast_to(np.asarray(function(x), dtype=np.float64), x.shape))

    return vectorised


def _in_chunks(function: Callable[[Any], Any]) -> Callable[[np.ndarray], np.ndarray]:
    compiled = jax.jit(lambda x: jnp.broadcast_to(jnp.asarray(function(x), dtype=jnp.float64), x.shape))

    def evaluate(x: np.ndarray) -> np.ndarray:
        padded = np.zeros(-(-max(x.size, 1) // _CHUNK) * _CHUNK)
        padded[: x.size] = x
        pieces = [np.asarray(compiled(piece)) for piece in padded.reshape(-1, _CHUNK)]
        return np.concatenate(pieces)[: x.size]

    return evaluate
