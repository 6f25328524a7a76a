"""Hermite coefficients by quadrature on panels, with error estimates from two levels of refinement."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from saddlescope.gaussian.piecewise.panels import Panels, legendre_rule
from saddlescope.gaussian.piecewise.resolution import Evaluate, square_diverges

_EPS = float(np.finfo(np.float64).eps)


class Projection:
    """Hermite coefficients of a function that panels resolve.

    f_k = int f(x) h_k(x) exp(-x^2/2) dx / sqrt(2 pi), with one half of the weight in the function and one
    half in the polynomial: h_k exp(-x^2/4) is bounded and its recurrence is stable at every degree.
    Every panel of the second level is half of a panel of the first, with new values of the function on it.
    """

    def __init__(self, evaluate: Evaluate, panels: Panels):
        self._evaluate = evaluate
        self._panels = panels
        self._known: tuple[np.ndarray, float] | None = None
        self._rules: dict[tuple[float, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def _rule(self, width: float, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return nodes, weights and f on panels no wider than `width`, all halved once at level 1."""
        if (width, level) not in self._rules:
            low, high = self._panels.edges[:-1], self._panels.edges[1:]
            pieces = np.maximum(np.ceil((high - low) / width * (1.0 - 1e-9)).astype(int), 1) * (level + 1)
            size = np.repeat((high - low) / pieces, pieces)
            index = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
            start = np.repeat(low, pieces) + index * size
            x, w, _ = legendre_rule()
            nodes = (start[:, None] + 0.5 * size[:, None] * (1.0 + x)).ravel()
            self._rules[width, level] = nodes, (0.5 * size[:, None] * w).ravel(), self._evaluate(nodes)
        return self._rules[width, level]

    def _project(self, degree: int, level: int) -> np.ndarray:
        # half a panel spans at most 8 radians of the fastest oscillation: 32 nodes integrate that to rounding
        x, w, values = self._rule(min(0.5, 16.0 / np.sqrt(degree + 1.0)), level)
        weighted = values * w * np.exp(-0.25 * x * x) / np.sqrt(2.0 * np.pi)
        now, before = np.exp(-0.25 * x * x), np.zeros_like(x)
        coefficients = np.empty(degree + 1)
        k = np.arange(degree + 1)
        up, down = 1.0 / np.sqrt(k + 1.0), np.sqrt(k / (k + 1.0))
        work = np.empty_like(x)
        for k in range(degree + 1):
            coefficients[k] = weighted @ now
            np.multiply(x, now, out=work)
            work *= up[k]
            before *= down[k]
            np.subtract(work, before, out=before)
            now, before = before, now
        return coefficients

    def coefficients(self, degree: int) -> tuple[np.ndarray, float]:
        """Return f_0..f_degree (possibly more) and an estimate of their largest absolute error."""
        if self._known is None or len(self._known[0]) <= degree:
            size = 128
            while size < degree:
                size *= 2
            fine, coarse = self._project(size, 1), self._project(size, 0)
            fine.flags.writeable = False
            error = float(np.abs(fine - coarse).max()) + 4 * _EPS * float(np.sqrt(self.norm_squared))
            self._known = fine, error
        return self._known

    @cached_property
    def norm_squared(self) -> float:
        """E f(G)^2 by the same quadrature."""
        x, w, values = self._rule(0.5, 1)
        return float(np.sum(w * np.square(values * np.exp(-0.25 * x * x)))) / np.sqrt(2.0 * np.pi)

    @cached_property
    def derivative_norm_squared(self) -> float:
        """E f'(G)^2; infinite if f jumps at a breakpoint."""
        panels = self._panels
        if panels.breakpoints:
            at = np.asarray(panels.breakpoints)
            step = 1e-7 * np.maximum(1.0, np.abs(at))
            left, right = panels(at - step), panels(at + step)
            # the slopes explain what differs across a kink; what they leave is a jump
            slopes = np.abs(panels(at - step, 1)) + np.abs(panels(at + step, 1))
            if np.any(np.abs(right - left) > 4 * step * slopes + 1e-8 * np.sqrt(self.norm_squared)):
                return np.inf
            if any(square_diverges(lambda x: panels(x, 1), point, 2.0**-12) for point in panels.breakpoints):
                return np.inf
        x, w, _ = self._rule(0.5, 1)
        slope = panels(x, 1) * np.exp(-0.25 * x * x)
        return float(np.sum(w * slope * slope)) / np.sqrt(2.0 * np.pi)

    def tail(self, degree: int) -> float:
        """Return an upper estimate of sqrt(sum_{k > degree} f_k^2)."""
        values = self.coefficients(max(512, 2 * degree))[0]
        last = len(values) - 1
        beyond = np.abs(values[degree + 1 :])
        envelope = float(beyond[-(last // 4) :].max())
        norm = np.sqrt(self.norm_squared)
        if envelope < 1e-13 * norm:
            # converged: the rest is no larger than the last coefficients, repeated as often as there are any
            rest = last * envelope**2
        else:
            rest = max(self.norm_squared - float(values @ values), 0.0) + 16 * _EPS * self.norm_squared
        return float(np.sqrt(beyond @ beyond + rest))
