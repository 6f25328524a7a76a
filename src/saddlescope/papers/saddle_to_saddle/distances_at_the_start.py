"""The phase diagram: how far a start is from the minima and from the saddles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.deep_linear import LeastSquares, distances, gaussian_start
from saddlescope.papers.experiment import Criterion, Experiment, Found

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TARGET = (2.0, 1.5, 1.0, 0.5)


@dataclass(frozen=True)
class _Diagram:
    depth: int
    gammas: np.ndarray
    widths: np.ndarray
    minimum: np.ndarray
    saddle: np.ndarray
    unsettled: int

    @property
    def slopes(self) -> np.ndarray:
        x = np.log(self.widths)
        return np.array([[np.polyfit(x, np.log(d), 1)[0] for d in rows] for rows in (self.minimum, self.saddle)])

    def predicted_slopes(self, gammas: np.ndarray) -> np.ndarray:
        g = np.asarray(gammas, dtype=float)
        return np.array([np.where(g < 1, -(1 - g) * (self.depth - 1) / 2, 0.0), (1 - g) / 2])


def _diagram(depth: int, gammas: list[float], widths: list[int], samples: int) -> _Diagram:
    cost = LeastSquares(np.diag(_TARGET))
    found = np.zeros((2, len(gammas), len(widths)))
    unsettled = 0
    for g, gamma in enumerate(gammas):
        for k, width in enumerate(widths):
            for seed in range(samples):
                start = gaussian_start((4, 4), depth, width, gamma, seed=seed)
                one = distances(cost, start)  # pyright: ignore[reportArgumentType]
                unsettled += not one.converged
                found[:, g, k] += np.array([one.minimum, one.saddle]) / samples
    return _Diagram(depth, np.array(gammas), np.array(widths), found[0], found[1], unsettled)


def _run(parameters: Mapping[str, Any]) -> Found:
    seen: dict[str, Any] = {}
    shown = _diagram(2, parameters["gammas"], parameters["widths"], parameters["samples"])
    unsettled = shown.unsettled
    for depth in (2, 3, 4):
        found = _diagram(depth, [1 - 1 / depth, 1.5], parameters["widths"], parameters["samples"])
        unsettled += found.unsettled
        (near, _), (lazy, rich) = found.slopes
        # for gamma > 1 the distance to a minimum tends to a constant from below: what is missing falls
        limit = (depth * sum(s ** (2 / depth) for s in _TARGET)) ** 0.5
        missing = np.log(np.maximum(limit - found.minimum[1], 1e-12))
        seen |= {
            f"lazy-minimum-{depth}": float(near),
            f"lazy-saddle-{depth}": float(lazy),
            f"rich-saddle-{depth}": float(rich),
            f"rich-minimum-{depth}": float(np.polyfit(np.log(found.widths), missing, 1)[0]),
        }
    doubts = (f"{unsettled} of the searches for the nearest point did not converge.",) if unsettled else ()
    return Found(seen, curves=shown, doubts=doubts)


def _draw(found: Found) -> Axes:
    from saddlescope.plot import phase_diagram

    return phase_diagram(found.curves)[0]


_SIZE = (
    "widths 32 to 512 (full: 64 to 1024), corrections of relative order width^(-1/2), and 12 starts (8), a scatter "
    "of 0.03 in a slope; slopes from width 16 on are off by up to 0.12"
)


def _criteria(depth: int) -> tuple[Criterion, ...]:
    gamma = 1 - 1 / depth
    wordings = (
        ("lazy-minimum", f"gamma = {gamma:.3g}: power of the width in d_m", -(1 - gamma) * (depth - 1) / 2),
        ("lazy-saddle", f"gamma = {gamma:.3g}: power of the width in d_s", (1 - gamma) / 2),
        ("rich-saddle", "gamma = 1.5: power of the width in d_s", -0.25),
        ("rich-minimum", "gamma = 1.5: power of the width in what d_m lacks to its limit", -0.25),
    )
    return tuple(
        Criterion(
            f"{name}-{depth}",
            f"depth {depth}, {words}",
            "absolute",
            0.06,
            "a relative correction of width^(-1/2) moves a fitted slope over a factor of 16 in width by up to 0.06",
            claimed=value,
            finite_size=_SIZE,
        )
        for name, words, value in wordings
    )


EXPERIMENT = Experiment(
    title="Distances at the start",
    claim="Entries N(0, w^-gamma): for gamma < 1 a start is nearer to a minimum, at w^(-(1-gamma)(L-1)/2), than to a "
    "saddle, at w^((1-gamma)/2); for gamma > 1 nearer to a saddle, at w^(-(gamma-1)/2), than to a minimum, at order 1.",
    source="Jacot et al. (2021), phase diagram",
    criteria=tuple(criterion for depth in (2, 3, 4) for criterion in _criteria(depth)),
    quick={"gammas": [0.5, 0.75, 1.0, 1.25, 1.5], "widths": [32, 128, 512], "samples": 12},
    full={
        "gammas": [0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5],
        "widths": [64, 128, 256, 512, 1024],
        "samples": 8,
    },
    run=_run,
    draw=_draw,
)
