"""Synthetic ladders: curves whose plateaus are known from their clean form, with the noises of real logs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

Array = np.ndarray


@dataclass(frozen=True)
class Curve:
    """One synthetic training curve, its clean form and the number of plateaus the clean form has."""

    time: Array
    value: Array
    clean: Array
    plateaus: int
    heights: tuple[float, ...]


# name: (time grid, noise, keyword arguments of the noise, special form of the curve)
SETTINGS: dict[str, dict[str, Any]] = {
    "log 1%": {"grid": "log", "sigma": 0.01},
    "log 5%": {"grid": "log", "sigma": 0.05},
    "log 15%": {"grid": "log", "sigma": 0.15},
    "log 30%": {"grid": "log", "sigma": 0.30},
    "linear 1%": {"grid": "linear", "sigma": 0.01},
    "linear 5%": {"grid": "linear", "sigma": 0.05},
    "linear 15%": {"grid": "linear", "sigma": 0.15},
    "linear 30%": {"grid": "linear", "sigma": 0.30},
    "additive 1%": {"grid": "linear", "additive": 0.01},
    "additive 5%": {"grid": "linear", "additive": 0.05},
    "AR(1) 0.5": {"grid": "linear", "sigma": 0.15, "rho": 0.5},
    "AR(1) 0.9": {"grid": "linear", "sigma": 0.15, "rho": 0.9},
    "AR(1) 0.9 log": {"grid": "log", "sigma": 0.05, "rho": 0.9},
    "stopped early": {"grid": "linear", "sigma": 0.10, "stop": True},
    "spikes": {"grid": "linear", "sigma": 0.05, "spikes": True},
    "power law": {"grid": "either", "sigma": 0.10, "form": "power"},
    "exponential": {"grid": "either", "sigma": 0.05, "form": "exponential"},
    "constant": {"grid": "either", "sigma": 0.10, "form": "constant"},
    "gentle 1%": {"grid": "log", "sigma": 0.01, "form": "gentle"},
    "gentle 5%": {"grid": "log", "sigma": 0.05, "form": "gentle"},
    "gentle linear 5%": {"grid": "linear", "sigma": 0.05, "form": "gentle"},
}


def _drop(rng: np.random.Generator, time: Array, centre: float) -> Array:
    """Fraction of a step that is still to fall: 1 before `centre`, 0 after."""
    x = np.log(time / centre)
    kind = rng.integers(3)
    if kind == 0:  # escape of a saddle: logistic in time, its rate times the escape time is the logarithm below
        y = rng.uniform(6, 20) * (time / centre - 1)
    elif kind == 1:  # logistic in log time
        y = rng.uniform(8, 20) * x
    else:  # relaxation at one rate: gradual at first
        return np.exp(-time / centre)
    return 1 / (1 + np.exp(np.clip(y, -500, 500)))


def _flat_runs(time: Array, clean: Array, slope: float, decades: float) -> list[tuple[int, int]]:
    """Runs of the clean curve that are flatter than `slope` for at least `decades`."""
    flat = np.abs(np.diff(np.log(clean)) / np.diff(np.log(time))) < slope
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat.astype(int), [0]))))
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [(a, b) for a, b in runs if np.log10(time[b] / time[a]) >= decades]


def _clean(
    rng: np.random.Generator, time: Array, form: str, wanted: int, least_step: float
) -> tuple[Array, int, tuple[float, ...]]:
    """A clean curve whose plateaus cannot be argued about: the strict and the lenient count agree."""
    attempts = 0
    while True:
        attempts += 1
        span = np.log10(time[-1])
        if form == "power":
            return time ** -rng.uniform(0.3, 1.2), 0, ()
        if form == "constant":
            return np.full(time.size, rng.uniform(0.1, 10)), 1, (1.0,)
        if form == "gentle":  # small drops by relaxation: nowhere steep, yet 1.3 to 1.7 apart
            drops = int(rng.integers(1, 4 if span > 6 else 2))
            centres = 10 ** ((np.arange(drops) + rng.uniform(0.45, 0.55, drops)) / drops * span)
            heights = np.concatenate(([1.0], np.cumprod(1 / rng.uniform(1.3, 1.7, drops))))
            clean = heights[-1] - np.diff(heights) @ np.exp(-time / centres[:, None])
            return clean, drops + 1, tuple(heights)
        if form == "exponential":
            floor = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-2, -0.7)
            rate = 10 ** -rng.uniform(0.3 * span, 0.7 * span)
            clean = np.maximum(np.exp(-np.minimum(rate * time, 60)), 1e-12) + floor
            if floor == 0.0:
                keep = rate * time < 12
                time, clean = time[keep], clean[keep]
        else:
            drops = int(rng.integers(max(wanted - 1, 1), wanted + 1))
            centres = 10 ** np.sort(rng.uniform(0.15 * span, span - 0.2, drops))
            factors = 10 ** rng.uniform(np.log10(1.6), np.log10(20), drops)
            heights = np.concatenate(([1.0], np.cumprod(1 / factors)))
            clean = np.full(time.size, heights[-1])
            for k in range(drops):
                clean = clean + (heights[k] - heights[k + 1]) * _drop(rng, time, centres[k])
        strict, lenient = _flat_runs(time, clean, 0.05, 0.45), _flat_runs(time, clean, 0.25, 0.15)
        if len(strict) != len(lenient) or any(b - a < 10 for a, b in strict):
            continue
        levels = tuple(float(np.median(clean[a : b + 1])) for a, b in strict)
        steps = list(itertools.pairwise(levels))
        if any(a / b < 1.4 or a - b < least_step for a, b in steps):
            continue
        if form == "exponential" or len(strict) == wanted or attempts > 400:
            return clean, len(strict), levels


def make_curve(setting: str, seed: int) -> Curve:
    """One curve of a setting; the same seed gives the same curve."""
    spec = SETTINGS[setting]
    rng = np.random.default_rng([seed, list(SETTINGS).index(setting)])
    grid = spec["grid"] if spec["grid"] != "either" else ("log", "linear")[rng.integers(2)]
    if grid == "log":
        time = np.logspace(0, rng.uniform(4, 8), int(rng.integers(200, 2000)))
    else:
        time = np.arange(1.0, 10 ** rng.uniform(3.7, 4.3))
    if spec.get("stop"):
        time = time[time <= time[-1] ** rng.uniform(0.7, 1.0)]
    wanted = int(rng.integers(1, 6 if grid == "log" else 5))
    form, least_step = spec.get("form", "ladder"), spec.get("additive", 0.0)
    clean, count, heights = _clean(rng, time, form, wanted, least_step)
    time = time[: clean.size]
    noise = rng.standard_normal(clean.size)
    rho = spec.get("rho", 0.0)
    for i in range(1, noise.size if rho else 0):
        noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * noise[i]
    if "additive" in spec:
        value = clean + spec["additive"] * clean[0] * noise
    else:
        value = clean * np.exp(spec["sigma"] * noise)
    if spec.get("spikes"):
        for at in np.flatnonzero(rng.random(value.size) < 10 / value.size):
            length = int(rng.integers(1, 20))
            shape = np.exp(-np.arange(length) / (length / 3)) * (10 ** rng.uniform(0.3, 1.3) - 1)
            end = min(at + length, value.size)
            value[at:end] = value[at:end] * (1 + shape[: end - at])
    return Curve(time, value, clean, count, heights)


@pytest.fixture(scope="session")
def settings() -> tuple[str, ...]:
    return tuple(SETTINGS)


@pytest.fixture(scope="session")
def curve_of() -> Callable[[str, int], Curve]:
    return make_curve
