"""Panels that resolve a function of a Gaussian, and the kinks and jumps they reveal.

The line is cut into panels; on each the function is expanded in Legendre polynomials, and a panel is halved
until the last coefficients, times exp(-x^2/4), are negligible. Where an analytic function is resolved the
coefficients collapse within a few halvings; towards a kink or a jump they fall by a fixed factor each time.
That difference tells a breakpoint from a steep but smooth passage.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.gaussian.piecewise.panels import NODES, Panels, legendre_rule, legendre_sum

Evaluate = Callable[[np.ndarray], np.ndarray]

_WIDTH = 0.5
_MOST_PANELS = 6000
# |f| exp(-x^2/4) must fall below 1e-17 of its maximum at one of these: else E f^2 is out of reach of doubles
_REACHES = (14.0, 20.0, 28.0, 37.0)
# Rounding in the caller's function (float32, cancellation) can forbid the first: `coefficient_error` shows.
_TOLERANCES = (1e-14, 1e-12, 1e-9, 1e-6)
_LOOK_BACK = 4


class _Shown(str):
    """Text that an error message shows as it is, without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


def resolve(evaluate: Evaluate, argument: str, breakpoints: tuple[float, ...] = ()) -> Panels:
    """Return panels that resolve `evaluate`, with the given breakpoints and those found.

    Raises:
        ArgumentError: if the function is not finite, not square-integrable under a standard Gaussian, or has
            no resolution in finitely many panels.
    """
    reach, scale = _reach(evaluate, argument)
    for tolerance in _TOLERANCES:
        result = _bisect(evaluate, argument, breakpoints, reach, scale * tolerance)
        if result is None:
            continue
        edges, table, suspects = result
        if suspects:
            points = sorted({_locate(edges, table, *suspect) for suspect in suspects})
            new = tuple(p for p in points if all(abs(p - b) > 1e-6 for b in breakpoints))
            breakpoints = tuple(sorted((*breakpoints, *new)))
            _refuse_unbounded(evaluate, argument, new)
            result = _bisect(evaluate, argument, breakpoints, reach, scale * tolerance)
            if result is None:
                continue
            edges, table, _ = result
        return Panels(edges, table, breakpoints)
    raise ArgumentError(
        argument,
        "be smooth between finitely many breakpoints",
        _Shown("values random at every scale"),
    )


def _weight(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.25 * x * x)


def _reach(evaluate: Evaluate, argument: str) -> tuple[float, float]:
    """Return where |f| exp(-x^2/4) has died out, and its maximum; refuse what never dies out."""
    start, scale, fading = 0.0, 1e-300, True
    for reach in _REACHES:
        # whole and half numbers, where user functions have their poles, and points between
        x = np.append(np.arange(start, reach + 0.25, 0.5), np.linspace(start, reach, 41)[1:-1] + 0.0137)
        # of the two zeros the positive one, whichever a machine's sort keeps: 1/x has another value at the other
        x = np.unique(np.concatenate([-x, x])) + 0.0
        values = evaluate(x)
        bad = ~np.isfinite(values)
        if bad.any():
            if not fading:
                break
            at = x[bad][np.argmin(np.abs(x[bad]))]
            shown = _Shown(f"f({at:g}) = {values[x == at][0]}")
            raise ArgumentError(argument, "be finite at every real number", shown)
        size = np.abs(values) * _weight(x)
        scale = max(scale, float(size.max()))
        if size[np.abs(x) > reach - 1.0].max() < 1e-17 * scale:
            return reach, scale
        start, fading = reach, False
    raise ArgumentError(
        argument,
        "be square-integrable under a standard Gaussian",
        _Shown(f"|f(x)| exp(-x^2/4) that still counts at |x| = {start:g}"),
    )


def _bisect(
    evaluate: Evaluate,
    argument: str,
    breakpoints: tuple[float, ...],
    reach: float,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float]]] | None:
    """Halve panels until resolved; return edges, coefficients, suspect intervals; None if too many."""
    x, _, to_coefficients = legendre_rule()
    # the odd shift keeps kinks at round numbers off the panel ends, where they would not show
    start = np.arange(-reach - 0.1372, reach + _WIDTH, _WIDTH)
    given = np.asarray([b for b in breakpoints if abs(b) < reach], dtype=np.float64)
    far = np.abs(start[:, None] - given).min(axis=1) > 1e-3 if given.size else np.ones(start.size, dtype=bool)
    edges = np.unique(np.concatenate([start[far], given]))
    low, high = edges[:-1], edges[1:]
    history = np.full((low.size, _LOOK_BACK), np.inf)
    done_low, done_high, done_table, suspects = [], [], [], []
    for depth in range(60):
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        values = evaluate((middle[:, None] + half[:, None] * x).ravel())
        if not np.all(np.isfinite(values)):
            at = (middle[:, None] + half[:, None] * x).ravel()[~np.isfinite(values)][0]
            shown = _Shown(f"f({float(at)!r}) = {values[~np.isfinite(values)][0]}")
            raise ArgumentError(argument, "be finite at every real number", shown)
        table = values.reshape(-1, NODES) @ to_coefficients.T
        weight = _weight(np.maximum(np.abs(middle) - half, 0.0))
        last = np.abs(table[:, -4:]).max(axis=1) * weight
        # the second test: an unresolved panel too narrow to matter in any integral
        resolved = (last <= tolerance) | (last * half <= 1e-3 * tolerance)
        smallest = half <= 4e-16 * np.maximum(np.abs(middle), 1.0)
        finished = resolved | smallest
        with np.errstate(divide="ignore", invalid="ignore"):
            fall = history[:, 0] / last
        # nothing smooth is that narrow: a panel end has met a jump exactly, and both sides look smooth
        slow = finished & ((depth > _LOOK_BACK) & ~(fall > 2.0 ** (5 * _LOOK_BACK)) | (half < 1e-11))
        suspects += list(zip(low[slow], high[slow], strict=True))
        done_low.append(low[finished])
        done_high.append(high[finished])
        done_table.append(table[finished])
        keep = ~finished
        if not keep.any():
            break
        if sum(map(len, done_low)) + 2 * keep.sum() > _MOST_PANELS:
            return None
        history = np.repeat(np.column_stack([history[keep, 1:], last[keep]]), 2, axis=0)
        low, middle, high = low[keep], middle[keep], high[keep]
        low, high = np.column_stack([low, middle]).ravel(), np.column_stack([middle, high]).ravel()
    lows = np.concatenate(done_low)
    order = np.argsort(lows)
    edges = np.append(lows[order], np.concatenate(done_high).max())
    return edges, np.concatenate(done_table)[order], _merge(suspects)


def _merge(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join intervals that touch; of those that lie closer than 1e-5 keep the narrowest."""
    joined: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    apart: list[tuple[float, float]] = []
    for low, high in joined:
        if apart and low - apart[-1][1] < 1e-5:
            apart[-1] = min(apart[-1], (low, high), key=lambda interval: interval[1] - interval[0])
        else:
            apart.append((low, high))
    return apart


def _locate(edges: np.ndarray, table: np.ndarray, low: float, high: float) -> float:
    """Return the breakpoint in a suspect interval: a round number that fits, else where both sides meet."""
    width = high - low
    for digits in range(4):
        rounded = round(0.5 * (low + high), digits)
        if low - 2.0 * width <= rounded <= high + 2.0 * width:
            return float(rounded) + 0.0
    left, right = np.searchsorted(edges, low) - 1, np.searchsorted(edges, high)
    if left >= 0 and right < len(table):

        def line(panel: int, at: float) -> tuple[float, float]:
            a, b = edges[panel], edges[panel + 1]
            t = np.float64(np.clip((2 * at - a - b) / (b - a), -1.0, 1.0))
            value, slope = legendre_sum(table[panel], t)
            return float(value), float(2 * slope / (b - a))

        (value_left, slope_left), (value_right, slope_right) = line(int(left), low), line(int(right), high)
        turn = slope_left - slope_right
        if abs(turn) > 1e-6 * (abs(slope_left) + abs(slope_right)):
            meet = (value_right - slope_right * high - value_left + slope_left * low) / turn
            if low <= meet <= high:
                return float(meet)
    return float(0.5 * (low + high))


def square_diverges(evaluate: Evaluate, point: float, near: float) -> bool:
    """Tell whether |f|^2 grows like 1/distance or faster, from a distance `near` to `near`^2 of a point."""
    nearer = near * near
    for side in (-1.0, 1.0):
        f = np.abs(evaluate(point + side * np.asarray([near, nearer])))
        if f[1] > 30.0 * f[0] and f[1] ** 2 * nearer > 0.5 * f[0] ** 2 * near:
            return True
    return False


def _refuse_unbounded(evaluate: Evaluate, argument: str, points: tuple[float, ...]) -> None:
    for point in points:
        if square_diverges(evaluate, point, 2.0**-20):
            shown = _Shown(f"a pole at x = {point:g}")
            raise ArgumentError(argument, "be square-integrable under a standard Gaussian", shown)
