"""What `plateaus` is given: a trajectory, a curve, or two arrays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from saddlescope.arguments import ArgumentError, known_words, vector

_BOUNDED = re.compile(
    r"(^|[^a-z])(acc|accuracy|score|reward|rew|return|map|f1|auc|auroc|precision|recall|iou|miou|bleu|rouge|top[-_]?[15])"
    r"($|[^a-z])",
    re.IGNORECASE,
)


class HasObservables(Protocol):
    """What is needed of a trajectory: its times and its named observables, time first."""

    @property
    def time(self) -> Any:
        """Times, shape (T,)."""
        ...

    @property
    def observables(self) -> Mapping[str, Any]:
        """Arrays by name, leading axis time."""
        ...


class HasValue(Protocol):
    """What is needed of a curve: its times and values; `bounded`, `name` and `held_out` are used where given."""

    @property
    def time(self) -> Any:
        """Times, shape (T,)."""
        ...

    @property
    def value(self) -> Any:
        """Values, shape (T,)."""
        ...


@dataclass(frozen=True)
class Given:
    """Times and values, both of shape (T,), and what is known of them.

    kind: "trajectory", "curve" or "arrays". rate: time derivative, shape (T,), or None. bounded: whether the values are
    an accuracy, a score or a reward. held_out: whether they were taken on data that was not trained on.
    rests: whether the dynamics rests in linear time, as a deep linear network does.
    """

    time: np.ndarray
    value: np.ndarray
    kind: str
    rate: np.ndarray | None = None
    bounded: bool = False
    held_out: bool = False
    rests: bool = False


def increasing_times(argument: str, value: Any) -> np.ndarray:
    """Return times as a float64 array; refuse what is not strictly increasing from zero or later."""
    time = vector(argument, value)
    if np.any(np.diff(time) <= 0):
        place = int(np.flatnonzero(np.diff(time) <= 0)[0])
        raise ArgumentError(argument, "increase strictly", [float(time[place]), float(time[place + 1])])
    if time[0] < 0:
        raise ArgumentError(argument, "not be negative", float(time[0]))
    return time


def given(subject: Any, value: Any, time: Any, observable: str | None) -> Given:
    """Sort out the arguments of `plateaus`; refuse what contradicts itself or is missing."""
    kind, rate, bounded, held_out, rests = "arrays", None, False, False, False
    if hasattr(subject, "observables"):
        if time is not None or value is not None:
            raise ArgumentError("trajectory", "be given without `time` and `value`", subject)
        kind, observables = "trajectory", subject.observables
        name = observable or next((n for n in ("risk", "cost") if n in observables), "risk")
        if name not in observables:
            raise ArgumentError("observable", f"be one of the run's ({known_words(name, sorted(observables))})", name)
        time, value, rate = subject.time, observables[name], observables.get(f"{name}_rate")
        # from a small start, layers that multiply leave one saddle after the other by steps of linear time
        rests = name == "cost" and rate is not None and "depth" in getattr(subject, "parameters", {})
    elif observable is not None:
        raise ArgumentError("observable", "be given with a trajectory only", observable)
    elif hasattr(subject, "time") and hasattr(subject, "value"):
        if time is not None or value is not None:
            raise ArgumentError("curve", "be given without `time` and `value`", subject)
        kind, time, value = "curve", subject.time, subject.value
        known = getattr(subject, "bounded", None)
        bounded = bool(_BOUNDED.search(str(getattr(subject, "name", "")))) if known is None else bool(known)
        held_out = bool(getattr(subject, "held_out", False))
    elif subject is not None:
        if time is not None:
            raise ArgumentError("time", "be given once, by its place or by its name", time)
        if value is None:
            raise ArgumentError("value", "be given beside the times, as in plateaus(time, value)", None)
        time = subject
    elif time is None or value is None:
        missing = "time" if time is None else "value"
        raise ArgumentError(missing, "be given where there is no trajectory", None)
    times, values = increasing_times("time", time), vector("value", value)
    if values.size != times.size:
        raise ArgumentError("value", f"have one entry for each of the {times.size} times", values.size)
    known_rate = None
    if rate is not None:
        slope = np.asarray(rate, dtype=np.float64)
        known_rate = slope if slope.shape == times.shape and np.all(np.isfinite(slope)) else None
    return Given(times, values, kind, known_rate, bounded, held_out, rests)
