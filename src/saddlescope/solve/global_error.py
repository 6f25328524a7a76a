"""How far a whole run is off: a companion of the same flow with looser steps is set beside it.

The tolerance of a step holds the error of that step; what the flow makes of it over a run - an escape from a saddle
multiplies it, a rest forgets it - only another run tells. The errors of two runs whose tolerances differ by a factor f
differ by f^q, so that the distance of the two is f^q - 1 times the error of the finer one. A factor of 300 costs a
third of the steps of a method of order 5. Where the error so found is more than the tolerance promises, a second
companion at a factor of ten measures q, which the first one takes from the order of the method: runs that far apart are
no longer close enough for it. A companion whose steps are hardly fewer, since something else than its tolerance holds
them, stands for the factor that they show: its errors may be as small as those of the run, or alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from saddlescope.solve.loop import Record
from saddlescope.solve.protocols import Curve

_FAR, _NEAR = 300.0, 10.0
_LEAST_LOOSER = 2.0  # that a companion's tolerance is taken for, however few its steps are fewer by
_LOOSEST = 0.05  # no tolerance of a companion is larger
# Share of the power of the tolerance with which errors are taken to grow: small parts of a result, by luck, grow with
# less; a run that this makes look bad is looked at again.
_CAUTION = 0.6
_ALLOWED = 10.0  # times what the tolerance promises: beyond, a result is doubted
_CLOSE = 30.0  # times that: beyond, the error is measured once more
_EVER = 0.01  # beyond this a result is doubted whatever a flow expects of such runs
_POINTS = 300
_SHIFTS = np.geomspace(1e-9, 0.5, 40)
_SHIFTS = np.concatenate([-_SHIFTS[::-1], [0.0], _SHIFTS])


@dataclass(frozen=True)
class Estimate:
    """The error of a run.

    Attributes:
        error: the larger of a relative error of times and one of heights beside their size, at the worst place, and no
            less than what the method promises; inf if no companion came to the end.
        allowed: what goes without a doubt.
    """

    error: float
    allowed: float

    @property
    def doubts(self) -> tuple[str, ...]:
        """A sentence, if the error is more than that."""
        if self.error <= self.allowed:
            return ()
        if not np.isfinite(self.error):
            return ("How far this run is off is not known: beside it, no run with looser steps came to the end.",)
        error, allowed = _told_apart(self.error, self.allowed)
        return (
            "Its errors grow on the way: the same run with looser steps shows that this one is off by "
            f"{error} of its times or of the height of its curves, more than the {allowed} that its "
            "tolerance lets expect. A smaller rtol brings them down.",
        )


def _told_apart(first: float, second: float) -> tuple[str, str]:
    """Two numbers that differ in as few digits as show it.

    >>> _told_apart(3e-4, 1e-5), _told_apart(1.04e-5, 1e-5)
    (('3e-04', '1e-05'), ('1.04e-05', '1.00e-05'))
    """
    pairs = ((f"{first:.{digits}e}", f"{second:.{digits}e}") for digits in range(17))
    return next((pair for pair in pairs if pair[0] != pair[1]), (f"{first:.0e}", f"{second:.0e}"))


def estimate(
    record: Record,
    again: Callable[[float, float, int], Record],
    curves: Callable[[Record], Sequence[Curve]],
    rtol: float,
    orders: tuple[float, float],
    expected: float = 0.0,
    *,
    bounded: bool = False,
) -> Estimate:
    """Return the error of a run.

    Args:
        record: the run.
        again: (factor on the tolerances, factor on the longest steps, limit on steps) -> the same run with these.
        curves: what to compare of a run.
        rtol: relative tolerance of the run.
        orders: of the method and of its error of a step; errors of a run go with this ratio of powers of rtol.
        expected: what the flow itself says of such runs, where that is more than ten times what the method promises.
        bounded: whether steps of the method have a longest length of their own, the stable one, so that their number
            tells nothing of the tolerance.
    """
    order, of_step = orders
    power = order / of_step
    promised = rtol**power
    allowed = max(_ALLOWED * promised, min(expected, _EVER))
    steps = record.solver["steps_accepted"]
    most = 2 * (steps + record.solver["steps_rejected"]) + 100
    right = curves(record)

    def apart(factor: float) -> tuple[float, float]:
        """How far off a companion is, and by which factor its tolerance is really looser."""
        other = again(factor, factor ** (1 / of_step), most)
        if not other.outcome.complete:
            return np.inf, factor
        # the first curve is the one that runs stop on; the others share as many points
        pairs = enumerate(zip(right, curves(other), strict=True))
        gap = max(
            (
                distance(record.times, one, other.times, two.values, _POINTS if k == 0 else _POINTS // (len(right) - 1))
                for k, (one, two) in pairs
                if one.size > 0
            ),
            default=0.0,
        )
        if bounded:
            return gap, factor
        # where something else than the tolerance holds its steps, its errors are not those of such a tolerance
        longer = steps / max(other.solver["steps_accepted"], 1)
        return gap, float(np.clip(longer**of_step, _LEAST_LOOSER, factor))

    far = min(_FAR, max(_LOOSEST / rtol, 2.0))
    gap, looser = apart(far)
    error = gap / (looser ** (_CAUTION * power) - 1)
    if error <= min(allowed, _CLOSE * promised) or far <= _NEAR:
        return Estimate(max(error, promised), allowed)
    near, _ = apart(_NEAR)
    if not np.isfinite(gap):
        # with what power errors grow is not known
        return Estimate(max(near / (_NEAR ** (_CAUTION * power) - 1), promised), allowed)
    # f^q - 1 at both factors
    powers = np.linspace(0.2, 1.0, 81) * power
    shares = (far**powers - 1) / (_NEAR**powers - 1)
    result = powers[np.searchsorted(shares, min(gap, 1.0) / near)] if near > 0 and gap / near < shares[-1] else power
    return Estimate(max(near / (_NEAR**result - 1), promised), allowed)


def distance(times: np.ndarray, curve: Curve, at: np.ndarray, values: np.ndarray, most: int = _POINTS) -> float:
    """The largest distance of points (t, v) to a curve.

    A point at distance d lies on the curve after its time is moved by a relative d and its height by d times the size:
    near a jump it is the time that is right or wrong, on a plateau the height.

    Args:
        times: of the curve, shape (time,).
        curve: which one.
        at: times of the points, shape (n,); those out of the range of the curve are passed over.
        values: v, shape (n,).
        most: points that are looked at, evenly chosen.

    Example:
        >>> t = np.linspace(0.0, 4.0, 60)
        >>> curve = Curve(np.exp(-t), -np.exp(-t), 1.0)
        >>> round(distance(t, curve, t, np.exp(-1.01 * t)), 4)  # 0.0027 but for the grid of shifts
        0.0029
    """
    within = np.flatnonzero((at > 0) & (at <= times[-1]))
    if not within.size or len(times) < 2:
        return 0.0
    chosen = within[np.unique(np.linspace(0, len(within) - 1, min(most, len(within))).astype(int))]
    t, v = at[chosen], values[chosen]
    if not np.all(np.isfinite(v)):
        return np.inf
    moved = np.minimum(t[:, None] * (1 + _SHIFTS), times[-1])
    gap = (between(times, curve.values, curve.rates, moved) - v[:, None]) / curve.size
    shift = np.abs(moved / t[:, None] - 1)
    best = np.maximum(shift, np.abs(gap)).min(axis=1)
    # between two shifts at which the curve lies on either side of the point, it passes through its height
    crossed = gap[:, :-1] * gap[:, 1:] < 0
    share = np.where(crossed, gap[:, :-1] / np.where(crossed, gap[:, :-1] - gap[:, 1:], 1.0), 0.0)
    there = np.abs(_SHIFTS[:-1] + share * np.diff(_SHIFTS))
    apart = float(np.minimum(best, np.where(crossed, there, np.inf).min(axis=1)).max())
    return apart if np.isfinite(apart) else np.inf


def between(times: np.ndarray, values: np.ndarray, rates: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A curve between its points: polynomials of degree 5 with the values, rates and second derivatives at two.

    A cubic is off by 1e-5 over the long steps of a method of order 5. Second derivatives are those of the polynomial
    through three points with their rates.

    Args:
        times: rising, shape (time,).
        values, rates: of the curve, shape (time,).
        at: where, within the times, of any shape.

    Example:
        >>> t = np.linspace(0.0, 4.0, 10)
        >>> x = np.array([0.2, 1.0, 3.9])
        >>> bool(np.abs(between(t, np.exp(-t), -np.exp(-t), x) - np.exp(-x)).max() < 1e-5)
        True
    """
    i = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    bends = _bends(times, values, rates)
    h = times[i + 1] - times[i]
    x = (at - times[i]) / h
    y0, y1 = values[i], values[i + 1]
    r0, r1 = h * rates[i], h * rates[i + 1]
    b0, b1 = 0.5 * h**2 * bends[i], 0.5 * h**2 * bends[i + 1]
    rise = y1 - y0
    c3 = 10 * rise - 6 * r0 - 4 * r1 - 3 * b0 + b1
    c4 = -15 * rise + 8 * r0 + 7 * r1 + 3 * b0 - 2 * b1
    c5 = 6 * rise - 3 * r0 - 3 * r1 - b0 + b1
    return y0 + x * (r0 + x * (b0 + x * (c3 + x * (c4 + x * c5))))


def _bends(times: np.ndarray, values: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Second derivatives at the points: of the polynomial of degree 5 through three points with their rates."""
    h = np.diff(times)
    if len(h) == 1:  # a cubic
        slope = np.diff(values) / h
        return (
            np.concatenate([6 * slope - 4 * rates[:-1] - 2 * rates[1:], 2 * rates[:-1] + 4 * rates[1:] - 6 * slope]) / h
        )
    unit = h[:-1] + h[1:]
    left, right = h[:-1] / unit, h[1:] / unit
    y, slope = values[1:-1], unit * rates[1:-1]
    # y + slope x + a x^2 + b x^3 + c x^4 + d x^5, at x = right and at x = -left
    above, turned = (values[2:] - y - slope * right) / right**2, (unit * rates[2:] - slope) / right
    below, turned_back = (values[:-2] - y + slope * left) / left**2, (slope - unit * rates[:-2]) / left
    no_d, no_d_back = 5 * above - turned, 5 * below - turned_back  # 3 a + 2 b x + c x^2
    no_c, no_c_back = 4 * above - turned, 4 * below - turned_back  # 2 a + b x - d x^3
    k1, k2, k3 = right**-3 + left**-3, right**-2 - left**-2, 1 / right + 1 / left
    free_of_d, free_of_c = no_c / right**3 + no_c_back / left**3, no_d / right**2 - no_d_back / left**2
    det = 4 * k1 * k3 - 3 * k2**2
    a = (2 * k3 * free_of_d - k2 * free_of_c) / det
    b = (2 * k1 * free_of_c - 3 * k2 * free_of_d) / det
    c = (no_d - 3 * a - 2 * b * right) / right**2
    d = (2 * a + b * right - no_c) / right**3

    def at(x: np.ndarray, place: int) -> float:
        return float((2 * a + 6 * b * x + 12 * c * x**2 + 20 * d * x**3)[place] / unit[place] ** 2)

    return np.concatenate([[at(-left, 0)], 2 * a / unit**2, [at(right, -1)]])
