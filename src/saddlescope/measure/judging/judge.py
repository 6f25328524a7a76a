"""Plateaus of a learning curve."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from saddlescope.arguments import ArgumentError, count, finite, positive
from saddlescope.measure.judging.doubts import doubts_about
from saddlescope.measure.judging.excursions import with_excursions
from saddlescope.measure.judging.inputs import HasObservables, HasValue, given
from saddlescope.measure.judging.search import Settings, search
from saddlescope.measure.judging.telling import notes_about
from saddlescope.measure.stages import Clock, Stages

Values = Literal["auto", "log", "linear"]
_MOST_BINS = 10_000  # the partition takes time in proportion to their square


def plateaus(
    trajectory: HasObservables | HasValue | Any = None,
    value: Any = None,
    *,
    time: Any = None,
    observable: str | None = None,
    values: Values | None = None,
    time_axis: Clock | None = None,
    slope: float = 0.2,
    least_decades: float = 0.25,
    distinct: float | None = None,
    floor: float = 1e-12,
    bins: int = 256,
    method: Literal["slope", "partition"] | None = None,
) -> Stages:
    """Return the plateaus of a learning curve: stretches of log time over which its log hardly moves.

    Arguments:
        trajectory: has `.time` of shape (T,) and `.observables`; its "risk" (else "cost") is used. Or a curve, which
            has `.time` and `.value` of shape (T,). Or the times, shape (T,), with `value` after them.
        time, value: any curve, both of shape (T,), at least 8 positive times; noise, linear
            logging and values that are not positive are all right.
        observable: name of another observable of the trajectory, of shape (T,).
        values: "log": slopes are of log value; "linear": of the value as a fraction of its range (from the 1 % to the
            99 % quantile); "auto": linear where these quantiles differ by a factor below 30 and where the curve is
            an accuracy, a score or a reward (its `.bounded`, else its `.name`), else log. With None, curves are judged
            as "auto", trajectories and arrays as "log", which turns linear where values change sign.
        time_axis: "log", or "linear": a plateau lasts a twelfth of the run or more. With None it is "log", and "linear"
            for the cost of a deep linear network, which leaves its saddles by steps of linear time.
        slope: a plateau has |d log value / d log time| below this.
        least_decades: and lasts at least this many decades of time; on linear time, thirds of the run.
        distinct: two plateaus count as two when their heights differ by this factor; by default 1.05 on a
            clean curve and up to 1.25 with noise (three of its standard deviations).
        floor: where the value stays for good below `floor` times its largest size, all is learnt and
            nothing is counted. The default is the square of the solver's usual relative tolerance.
        bins: number of bins of log time for a noisy curve, at most 10 000.
        method: "slope" or "partition"; chosen by the noise of the curve where it is None.

    On a clean curve the local slope over 0.02 decades is compared with `slope`. On a noisy curve the
    medians over bins of log time are parted into flat and sloped lines that minimise
    Σ (y - line)² / variance + 1.5 · log(bins) · (number of parameters); noise and its memory are estimated
    from the curve. In both, a plateau is parted at gradual drops that lie below `slope` themselves, where
    what lies on either side is three times flatter and stands at distinct heights.
    Values that are not positive are compared on a log scale that turns linear within the noise; or, when
    their sign is no noise, as fractions of the range, which `slope` and log10(`distinct`) then count.
    The stretch before the first drop is a plateau too; on a log axis it starts at the first positive time.
    Where `values` are chosen for the curve, noise is judged over bins of time and not over points, a stretch whose last
    fifth differs from its first by more than 0.4 of the range is no plateau, and the result has `notes`.
    A clean curve on linear time rests where it is ten times slower than at its fastest before and after.

    Raises: ArgumentError for times that do not increase, values that are not finite, lengths that differ,
    fewer than 8 positive times, or thresholds out of range.

    >>> import numpy as np
    >>> t = np.logspace(-3, 5, 801)
    >>> risk = 0.1 + 0.9 / (1 + t**8) + 2 / (1 + (t / 1e-2) ** 8)
    >>> stages = plateaus(time=t, value=risk)
    >>> [round(p.height, 3) for p in stages], [round(p.drop_time, 2) for p in stages]
    ([3.0, 1.0, 0.1], [0.01, 1.0, nan])

    A loss that never comes near zero, over a range of 4 %:

    >>> stages = plateaus(t, 2.1 + 0.05 / (1 + t**8) + 0.05 / (1 + (t / 1e-2) ** 8), values="auto")
    >>> [round(p.height, 3) for p in stages], stages.change_of(0)
    ([2.2, 2.15, 2.1], 'drop by 0.05')
    """
    slope, least_decades = positive("slope", slope), positive("least_decades", least_decades)
    bins = count("bins", bins, least=16)
    if bins > _MOST_BINS:
        raise ArgumentError("bins", f"be at most {_MOST_BINS}", bins)
    if finite("floor", floor) < 0:
        raise ArgumentError("floor", "not be negative", floor)
    if distinct is not None and finite("distinct", distinct) <= 1:
        raise ArgumentError("distinct", "be a factor above 1", distinct)
    if method not in (None, "slope", "partition"):
        raise ArgumentError("method", 'be "slope", "partition" or None', method)
    if values not in (None, "auto", "log", "linear"):
        raise ArgumentError("values", 'be "auto", "log", "linear" or None', values)
    if time_axis not in (None, "log", "linear"):
        raise ArgumentError("time_axis", 'be "log", "linear" or None', time_axis)
    known = given(trajectory, value, time, observable)
    if values is None and known.kind == "curve":
        values = "auto"
    own: Clock = "linear" if known.rests and method is None else "log"
    settings = Settings(time_axis or own, values, slope, least_decades, distinct, floor, bins, method)
    result = search(known, settings)
    stages = doubts_about(result.stages, result.axes.time, values is not None)
    if values is None:
        return stages
    counted, excursions = with_excursions(result.axes, stages.plateaus)
    result = dataclasses.replace(result, stages=dataclasses.replace(stages, plateaus=counted))
    return dataclasses.replace(result.stages, notes=notes_about(result, known, settings, excursions))
