"""Plateaus and learning times of clean curves whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family
from campaigns.draws import flip, integer, one_of, size


def draw_stairs(rng: np.random.Generator) -> dict[str, Any]:
    """Two to four stairs that are well apart, in log time or in linear time."""
    clock = one_of(rng, ["log", "linear"])
    count = integer(rng, 1, 3)
    heights = [size(rng, 0.5, 2)]
    for _ in range(count):
        heights.append(heights[-1] / size(rng, 2.0, 30))
    if clock == "log":
        first = size(rng, 1e-6, 10)
        times = [first * 10 ** (k * float(np.round(rng.uniform(1.5, 3), 1))) for k in range(count)]
        times = sorted(times)
    else:
        times = [100.0 * (k + 1) for k in range(count)]
    return {
        "clock": clock,
        "heights": heights,
        "times": times,
        "sharpness": one_of(rng, [6.0, 12.0, 40.0]),
        "points": one_of(rng, [400, 1500]),
        "unit": size(rng, 1e-9, 1e6),
    }


def judge_stairs(p: dict[str, Any]) -> Answer:
    """Number, heights and drops beside those that the curve was made with."""
    heights, times = np.array(p["heights"]), np.array(p["times"])
    drops = heights[:-1] - heights[1:]

    def curve(t: np.ndarray) -> np.ndarray:
        if p["clock"] == "log":
            falls = 1 / (1 + (t[:, None] / times) ** p["sharpness"])
        else:
            falls = 1 / (1 + np.exp(np.clip((t[:, None] - times) * p["sharpness"] / 10, -500, 500)))
        return p["unit"] * (heights[-1] + falls @ drops)

    if p["clock"] == "log":
        t = np.geomspace(times[0] / 100, times[-1] * 100, p["points"])
    else:
        t = np.linspace(0, times[-1] + 100, p["points"])
    result = ss.plateaus(time=t, value=curve(t), time_axis=p["clock"])
    # that a curve ends is no doubt about its stairs
    doubts = tuple(doubt for doubt in result.doubts if "end of the curve" not in doubt)
    checks = [Check("number", abs(len(result) - len(heights)), 0.01)]
    if len(result) == len(heights):
        for k, (stage, height) in enumerate(zip(result, heights, strict=True)):
            checks.append(Check(f"height {k}", abs(stage.height / (height * p["unit"]) - 1), 0.01))
            if k < len(times):
                checks.append(Check(f"drop {k}", abs(float(np.log(stage.drop_time / _steepest(curve, p, k)))), 0.02))
    return Answer("DONE", doubts, tuple(checks))


def _steepest(curve: Any, p: dict[str, Any], k: int) -> float:
    """Where the curve falls fastest per decade around drop k."""
    wide = 10 ** (3 / p["sharpness"]) if p["clock"] == "log" else 1 + 0.4 / (k + 1)
    t = np.geomspace(p["times"][k] / wide, p["times"][k] * wide, 20_001)
    slope = np.gradient(curve(t), np.log(t))
    return float(t[np.argmin(slope)])


def draw_times(rng: np.random.Generator) -> dict[str, Any]:
    """Residuals of known shape on coarse and fine grids, with rates, without, or with rates that are noise."""
    shape = one_of(rng, ["exponential", "logistic", "overshoot", "slow"])
    return {
        "shape": shape,
        "scale": size(rng, 1e-10, 1e6),
        "target": float(rng.choice([-1, 1])) * size(rng, 1e-9, 1e3),
        "grid": one_of(rng, ["log", "linear", "uneven"]),
        "points": one_of(rng, [40, 200, 1000]),
        "rate": one_of(rng, ["exact", "none", "noisy"]),
        "fraction": one_of(rng, [0.5, 0.1, 0.9]),
        "late": flip(rng, 0.2),
        "seed": integer(rng, 0, 9999),
    }


def judge_times(p: dict[str, Any]) -> Answer:
    """The first time at a fraction of the target, beside the inverse of the curve."""
    T, x, level = p["scale"], p["target"], p["fraction"]
    if p["shape"] == "exponential":
        share, slope, right = (lambda t: np.exp(-t)), (lambda t: -np.exp(-t)), -np.log(level)
    elif p["shape"] == "logistic":
        # one over one plus (t)^8 has an inverse in closed form and a flat start
        share, slope = (lambda t: 1 / (1 + t**8)), (lambda t: -8 * t**7 / (1 + t**8) ** 2)
        right = (1 / level - 1) ** (1 / 8)
    elif p["shape"] == "overshoot":
        share, slope = (lambda t: np.cos(2 * t)), (lambda t: -2 * np.sin(2 * t))
        right = np.arccos(level) / 2
    else:
        share, slope, right = (lambda t: 1 / (1 + t)), (lambda t: -1 / (1 + t) ** 2), 1 / level - 1
    rng, n = np.random.default_rng(p["seed"]), p["points"]
    end = right * (1.001 if p["late"] else 4.0)
    if p["shape"] == "overshoot":
        end = min(end, 1.5)
    if p["grid"] == "log":
        t = np.concatenate([[0.0], np.geomspace(1e-3 * right, end, n - 1)])
    else:
        t = np.linspace(0, end, n)
        if p["grid"] == "uneven":
            t[1:-1] += rng.uniform(-0.4, 0.4, n - 2) * t[1]
    rate = None if p["rate"] == "none" else x * slope(t) / T
    if p["rate"] == "noisy":
        rate = rate + rng.standard_normal(n) * abs(x) / T * 1e4
    got = ss.learning_times(
        time=t * T,
        residual=(x * share(t))[:, None],
        target=[x],
        rate=None if rate is None else rate[:, None],
        fraction=level,
    )[0]
    i = int(np.clip(np.searchsorted(t, right), 1, n - 1))
    gap = float(t[i] - t[max(i - 2, 0)]) / right
    # a cubic through points this far apart, or a chord
    stated = min(gap**4 + 1e-9, 0.5 * gap) if p["rate"] == "exact" else min(gap**2 + 1e-9, 0.5 * gap)
    return Answer("DONE", (), (Check("time", abs(float(got) / (right * T) - 1), stated),))


STAIRS = Family("plateaus", 2.0, draw_stairs, judge_stairs)
TIMES = Family("learning times", 2.0, draw_times, judge_times)
