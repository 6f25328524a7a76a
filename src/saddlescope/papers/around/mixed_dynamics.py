"""Two layers between lazy and active: wide networks beside the closed equation of their product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import sqrtm

from saddlescope.deep_linear import DeepLinearFlow, LeastSquares, WideLinearFlow, mixed_mode
from saddlescope.deep_linear.problem.reference_problems import reference_target
from saddlescope.measure import exponent
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = np.linspace(0.1, 1.0, 10)  # of the time range, at which products are compared


def _limit(S: np.ndarray, k: float, times: np.ndarray, active_only: bool = False) -> np.ndarray:
    """Products of the closed equation as it is written, with matrix roots; without k^2 in them if `active_only`."""
    rows, columns = S.shape
    more = 0.0 if active_only else k * k
    start = 1e-3 * k * S if active_only else np.zeros_like(S)  # without k^2 nothing leaves the origin

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        A = y.reshape(S.shape)
        left = np.real(sqrtm(A @ A.T + more * np.eye(rows)))
        right = np.real(sqrtm(A.T @ A + more * np.eye(columns)))
        return -(left @ (A - S) + (A - S) @ right).ravel()

    result = solve_ivp(velocity, (0.0, times[-1]), start.ravel(), "DOP853", times, rtol=1e-9, atol=1e-12)
    return result.y.T.reshape(len(times), *S.shape)


def _run(parameters: Mapping[str, Any]) -> Result:
    S = reference_target()
    strength = np.linalg.svd(S, compute_uv=False)
    size, widths = np.linalg.norm(S), np.array(parameters["widths"], dtype=float)
    seen: dict[str, Any] = {}
    curves = []
    for k in parameters["k"]:
        times = parameters["until"] * _POINTS
        limit = _limit(S, k, times)
        gaps = np.zeros((len(widths), parameters["seeds"]))
        for place, width in enumerate(parameters["widths"]):
            for seed in range(parameters["seeds"]):
                flow = DeepLinearFlow(LeastSquares(S), 2, width, gamma=1.0, scale=k**0.5, seed=seed)
                run = solve(flow, parameters["until"], error_estimate=False)
                learnt = run["product"][np.searchsorted(run.time, times[:-1])]
                there = _limit(S, k, run.time[np.searchsorted(run.time, times[:-1])])
                gaps[place, seed] = np.linalg.norm(learnt - there, axis=(1, 2)).max() / size
        name = f"{k:g}"
        seen[f"power-{name}"] = exponent(widths, gaps.mean(axis=1)).value
        seen[f"widest-{name}"] = float(gaps[-1].mean())
        wide = solve(WideLinearFlow(LeastSquares(S), scale=k**0.5), parameters["until"])
        exact = mixed_mode(wide.time[:, None], strength, k)
        seen[f"modes-{name}"] = float(np.abs(wide["singular_values"] - exact).max())
        curves.append((k, widths, gaps.mean(axis=1)))
        if k == parameters["k"][-1]:
            lazy = S * -np.expm1(-2 * k * times)[:, None, None]
            active = _limit(S, k, times, active_only=True)
            for control, other in (("lazy", lazy), ("active", active)):
                seen[f"control-{control}"] = float(np.linalg.norm(other - limit, axis=(1, 2)).max() / size)
    return Result(seen, curves=curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (k, widths, gaps) in enumerate(result.curves):
        measured(ax, widths, gaps, number, f"k = {k:g}")
        predicted(ax, widths, gaps[-1] * (widths / widths[-1]) ** -0.5, "width$^{-1/2}$")
    return finished(ax, "width", "largest distance of the product to the limit", log="xy")


_BOTH = (1.0, 0.1)

EXPERIMENT = Experiment(
    title="Between lazy and active",
    claim="As the width of a two-layer linear network grows with k = sigma^2 width held, its product follows "
    "A' = -(A A^T + k^2)^(1/2) G - G (A^T A + k^2)^(1/2), lazy for large k and active for small k.",
    source="Tu, Aranguri, Jacot (2024)",
    criteria=(
        *(
            Criterion(
                f"power-{k:g}",
                f"k = {k:g}: power of the width in the distance to the equation",
                "absolute",
                0.1,
                "a mean over seeds of a random distance, with corrections of relative order width^(-1/2)",
                claimed=-0.5,
                finite_size="widths from 100 to 6400",
                power="an equation that misses a term of order one: the distance would end at a constant",
            )
            for k in _BOTH
        ),
        *(
            Criterion(
                f"widest-{k:g}",
                f"k = {k:g}: that distance at the largest width, as a share of the target",
                "absolute",
                0.03,
                "about one over the root of the width, 0.0125, times a factor of order one",
                claimed=0.0,
                finite_size="width 6400",
                power="another constant beside A A^T, such as k in place of k^2",
            )
            for k in _BOTH
        ),
        *(
            Criterion(
                f"modes-{k:g}",
                f"k = {k:g}: largest distance of a singular value to its closed form",
                "absolute",
                1e-4,
                "integrated at 1e-6, slopes up to 30",
                claimed=0.0,
                power="a factor of two in the rate",
            )
            for k in _BOTH
        ),
        *(
            Criterion(
                f"control-{name}",
                f"k = 0.1: distance of the equation to the {name} one, which is not it",
                "absolute",
                0.03,
                "the bound of the true rows",
                claimed=0.0,
                control=True,
            )
            for name in ("lazy", "active")
        ),
    ),
    quick={"k": list(_BOTH), "widths": [100, 400, 1600, 6400], "seeds": 4, "until": 1.5},
    full={"k": list(_BOTH), "widths": [100, 400, 1600, 6400, 25600], "seeds": 12, "until": 1.5},
    run=_run,
    draw=_draw,
)
