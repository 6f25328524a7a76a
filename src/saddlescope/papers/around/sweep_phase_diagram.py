"""The shipped sweep `phase_diagram`: movement, kernel change and test error of trained deep linear networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saddlescope.measure import exponent
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.sweep import sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DEPTH = 3
_WIDE = 100  # from here on powers of the width are seen: the matrices at the ends have 10 rows
_POWERS = {"lazy": 0.7, "mean-field": 1.0, "between": 1.5, "rich": 2.0}


def _run(parameters: Mapping[str, Any]) -> Result:
    axes = {"network.gamma": parameters["gammas"], "network.width": parameters["widths"]}
    swept = sweep("phase_diagram", axes, engine="serial", progress=False)
    wide = swept.sel(width=swept.width >= _WIDE)

    def power(name: str, gamma: float) -> float:
        return exponent(wide.width.values, wide[name].sel(gamma=gamma, method="nearest").values).value

    rich, lazy = (wide.test_error.sel(gamma=gamma, method="nearest") for gamma in (2.0, 0.7))
    seen = {f"kernel-{name}": power("kernel_change", gamma) for name, gamma in _POWERS.items() if gamma >= 1}
    return Result(
        seen
        | {
            "movement-lazy": power("movement", 0.7),
            "test-rich": float(rich.max()),
            "test-lazy": float(lazy.min()),
            "control-kernel": seen["kernel-rich"],
            "control-movement": power("movement", 0.7),
            "control-test": float(lazy.min()),
        },
        curves=swept,
        doubts=tuple(dict.fromkeys(text for text in swept.doubts.values.ravel() if text)),
    )


def _draw(result: Result) -> Axes:
    from saddlescope import plot

    return plot.sweep(result.curves, "kernel_change")


def _kernel(name: str, gamma: float) -> Criterion:
    return Criterion(
        f"kernel-{name}",
        f"gamma = {gamma:g}: power of the width in the relative change of the tangent kernel",
        "absolute",
        0.15,
        "the first and last matrix have 10 rows: corrections of order 10 / w, 0.1 to 0.03",
        claimed=(gamma - 1) * (_DEPTH - 1),
        finite_size=f"widths from {_WIDE}",
        power="a kernel that changes by as much at any width" if gamma > 1 else "a kernel that freezes at large width",
    )


EXPERIMENT = Experiment(
    title="Sweep: regimes of deep linear networks, trained",
    claim="With weights of variance w^-gamma the kernel begins like w^((1 - gamma) (L - 1)) and ends at order one "
    "where gamma >= 1, so that its relative change goes like w^((gamma - 1) (L - 1)); where gamma < 1 weights move by "
    "w^(-(1 - gamma) (L - 1) / 2), which is w^(-(1 - gamma) (L - 1) / 2 - 1 + gamma / 2) of their norm. Lazy training "
    "learns nothing of the entries that are not observed, rich training finds them.",
    source="powers counted by us; regimes of Jacot et al. (2021), by the shipped sweep `phase_diagram`",
    criteria=(
        *(_kernel(name, gamma) for name, gamma in _POWERS.items() if gamma >= 1),
        Criterion(
            "movement-lazy",
            "gamma = 0.7: power of the width in the relative movement of the weights",
            "absolute",
            0.2,
            "corrections of order 10 / w, 0.1 to 0.03, and the luck of one draw of the start",
            claimed=-0.95,
            finite_size=f"widths from {_WIDE}",
            power="movement by as much at any width, or by w^(-1/2)",
        ),
        Criterion(
            "test-rich",
            f"gamma = 2: largest relative error on entries not observed, widths from {_WIDE}",
            "at most",
            0.0,
            "recovered to a few percent",
            claimed=0.05,
            finite_size=f"widths from {_WIDE}",
        ),
        Criterion(
            "test-lazy",
            f"gamma = 0.7: smallest relative error on entries not observed, widths from {_WIDE}",
            "at least",
            0.0,
            "a kernel that does not move knows nothing of these entries; predicting 0 has error 1",
            claimed=1.0,
        ),
        Criterion(
            "control-kernel",
            "gamma = 2: the same power, for (gamma - 1) L",
            "absolute",
            0.15,
            "the bound of the true row",
            claimed=3.0,
            control=True,
        ),
        Criterion(
            "control-movement",
            "gamma = 0.7: the same power, for weights that move by as much at any width",
            "absolute",
            0.2,
            "the bound of the true row",
            claimed=0.0,
            control=True,
        ),
        Criterion(
            "control-test",
            "gamma = 0.7: smallest relative error on entries not observed, for that of rich training",
            "at most",
            0.0,
            "the bound of the true row",
            claimed=0.05,
            control=True,
        ),
    ),
    quick={"gammas": [0.7, 1.0, 1.5, 2.0], "widths": [100, 200, 400]},
    full={"gammas": [0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 1.7, 2.0], "widths": [25, 50, 100, 200, 400, 800]},
    run=_run,
    draw=_draw,
)
