"""How the phase diagram is run: distances of many starts to minima and saddles, and their powers of the width."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.study import Column, Comparison, Remark
from saddlescope.study import Study as Base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.deep_linear import DistanceGrid
    from saddlescope.deep_linear.landscape.spec import Spec

_COLUMNS = (
    Column("gamma", "\ngamma", ".4g"),
    Column("minimum_slope", "d_m\nslope", ".3f"),
    Column("minimum_predicted", "\npredicted", ".3f"),
    Column("saddle_slope", "d_s\nslope", ".3f"),
    Column("saddle_predicted", "\npredicted", ".3f"),
)


class Study(Base):
    """One phase diagram."""

    RECORD = "distances.json"
    doing = "Looking for the nearest minima and saddles ..."
    spec: Spec

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title

    def predict(self) -> None:
        """Predictions are closed forms: see `DistanceGrid`."""

    def solve(self, folder: Path | None = None) -> DistanceGrid:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.deep_linear import LeastSquares, distance_grid

        spec = self.spec
        network = spec.network
        return distance_grid(
            LeastSquares(np.diag(spec.problem.singular_values)),
            network.depth,
            gammas=spec.grid.gammas,
            widths=spec.grid.widths,
            seeds=range(network.seed, network.seed + network.samples),
        )

    def compare(self, solved: DistanceGrid, predicted: None) -> Comparison:
        slopes, theory = solved.slopes, solved.predicted_slopes()
        keys = [column.key for column in _COLUMNS[1:]]
        rows = [
            {"gamma": float(g)}
            | dict(zip(keys, (float(value) for pair in zip(s, t, strict=True) for value in pair), strict=True))
            for g, s, t in zip(solved.gammas, slopes.T, theory.T, strict=True)
        ]
        minimum, saddle = solved.minimum, solved.saddle
        nearest = np.where(minimum[:, -1] < saddle[:, -1], "a minimum", "a saddle")
        sides = "; ".join(
            f"{place} for gamma {', '.join(f'{g:.3g}' for g in solved.gammas[nearest == place])}"
            for place in ("a minimum", "a saddle")
            if (nearest == place).any()
        )
        return Comparison(
            title=self.title,
            subtitle=f"depth {solved.depth}, widths {', '.join(map(str, solved.widths))}",
            columns=_COLUMNS,
            rows=tuple(rows),
            remarks=(Remark("Nearest", f"At width {solved.widths[-1]}, {sides}."), *_limit(solved)),
            doubts=tuple(solved.doubts),
            references=("jacot2021",),
            cite_by="saddlescope.references.bibtex(['jacot2021'])",
            record={
                "depth": solved.depth,
                "gammas": solved.gammas.tolist(),
                "widths": solved.widths.tolist(),
                "d_m": minimum.tolist(),
                "d_s": saddle.tolist(),
                "slopes": dict(zip(("d_m", "d_s"), slopes.tolist(), strict=True)),
                "predicted_slopes": dict(zip(("d_m", "d_s"), theory.tolist(), strict=True)),
                "doubts": list(solved.doubts),
                "cite": ["jacot2021"],
            },
            interrupted=solved.interrupted,
            complete=math.isfinite(float(slopes.sum())),
            gap=3,
        )

    def pictures(self, solved: DistanceGrid, predicted: None) -> dict[str, Callable[[], Axes]]:
        from saddlescope import plot
        from saddlescope.plot.parts.canvas import entitle

        return {"phase_diagram.png": lambda: entitle(plot.phase_diagram(solved)[0], self.spec.title)}


def _limit(result: DistanceGrid) -> tuple[Remark, ...]:
    """For gamma > 1, d_m tends to a constant from below: say how what is missing falls."""
    parts = [
        f"{slope:.3f} ({(1 - gamma) / 2:.3f}) at gamma {gamma:.3g}"
        for gamma, slope in zip(result.gammas, result.shortfall_slopes, strict=True)
        if not math.isnan(slope)
    ]
    if not parts:
        return ()
    text = f"For gamma > 1, d_m rises to {result.limit:.4g}; what is missing has slope (predicted) {', '.join(parts)}."
    return (Remark("Limit", text),)
