"""What a reader should doubt about the plateaus of a curve, in plain sentences."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from saddlescope.measure.judging.axes import FEW
from saddlescope.measure.stages import Stages

_REMEMBERS = 0.5  # lag-1 autocorrelation from which the exact count on synthetic ladders falls
_FEW_POINTS = 15


def doubts_about(stages: Stages, time: np.ndarray, judged: bool) -> Stages:
    """Return the stages with their doubts; `time` of shape (T,) holds the times they were found on.

    judged: whether the scale of the values was chosen for the curve, and not taken as the last resort.
    """
    doubts: list[str] = []
    on_log = stages.time_axis == "log"
    decades = math.log10(time[-1]) - math.log10(time[0]) if time[0] > 0 else math.inf
    if judged and time.size <= FEW:
        doubts.append(f"The curve has {time.size} points only.")
    if on_log and decades < 1:
        doubts.append(f"The curve spans only {decades:.2f} decades of time.")
    if stages.plateaus and not stages.plateaus[-1].over and stages.method != "rests":
        doubts.append("The last plateau runs to the end of the curve: it may not be over.")
    if stages.correlation > _REMEMBERS:
        doubts.append(
            f"Noise is correlated (lag-1 autocorrelation {stages.correlation:.2f}): plateau counts are less reliable."
        )
    if stages.method == "partition" and stages.noise > 0.1:
        doubts.append(
            f"Noise is {100 * stages.noise:.0f} % of the "
            f"{'value' if stages.scale == 'log' else 'range'}: small drops may be missed."
        )
    if stages.scale == "log above the noise":
        doubts.append("Some values are not positive: the lowest plateau may be the noise floor, and its height noise.")
    if stages.scale == "linear" and not judged and stages.method != "rests":
        doubts.append("Values change sign beyond the noise: slopes count fractions of the range per decade of time.")
    for number, plateau in enumerate(stages.plateaus, start=1):
        if stages.method == "partition" and plateau.points < _FEW_POINTS:
            doubts.append(f"Plateau {number} rests on {plateau.points} points.")
        if on_log and plateau.decades < 1.3 * stages.least_decades:
            doubts.append(
                f"Plateau {number} lasts {plateau.decades:.2f} decades, hardly more than the "
                f"{stages.least_decades:g} asked for."
            )
    for number, plateau in enumerate(stages.plateaus[:-1], start=1):
        if judged and stages.scale == "linear":
            continue
        ratio = max(plateau.factor, 1 / plateau.factor) if plateau.factor > 0 else math.nan
        if ratio < stages.distinct**1.5:
            doubts.append(f"Plateaus {number} and {number + 1} differ by a factor {ratio:.2f} only.")
    return dataclasses.replace(stages, doubts=tuple(doubts))
