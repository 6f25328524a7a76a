"""Smooth curves through the accepted steps of a run, which are long where little happens."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator


def between(at: np.ndarray, time: np.ndarray, value: np.ndarray, rate: np.ndarray | None = None) -> np.ndarray:
    """Return values at the times `at` on monotone cubics in log time.

    Args:
        at: positive times, shape (n,).
        time: times of the values, rising from 0, shape (T,).
        value: shape (T, k).
        rate: time derivative of the value, shape (T, k), where it is known. It is limited as by Fritsch and
            Carlson (1980): on a stiff stretch, rates are rounding errors over epsilon.

    Returns shape (n, k).

    >>> t = np.array([0.0, 1.0, 2.0, 4.0])
    >>> between(np.array([2.0, 3.0]), t, t[:, None] ** 2, 2 * t[:, None]).ravel().round(2)
    array([4.  , 8.92])
    """
    late = time > 0
    x, y = np.log(time[late]), value[late]
    where = np.log(np.maximum(at, time[late][0]))
    if rate is None:
        return PchipInterpolator(x, y, axis=0)(where)
    secant = np.diff(y, axis=0) / np.diff(x)[:, None]
    before, after = np.vstack([secant[:1], secant]), np.vstack([secant, secant[-1:]])
    slope = rate[late] * time[late, None]
    most = 3 * np.minimum(np.abs(before), np.abs(after))
    agree = (np.sign(before) == np.sign(after)) & (np.sign(slope) == np.sign(after))
    return CubicHermiteSpline(x, y, np.where(agree, np.clip(slope, -most, most), 0.0), axis=0)(where)
