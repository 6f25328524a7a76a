"""How the phase diagram is run: distances of many starts to minima and saddles, and their powers of the width."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.cli.report import Entry, Report, number, titled

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.deep_linear import DistanceGrid
    from saddlescope.specs.families.deep_linear_distances import Spec

_HEADS = ("\ngamma", "d_m\nslope", "\npredicted", "d_s\nslope", "\npredicted")


class Job:
    """One phase diagram."""

    doing = "Looking for the nearest minima and saddles ..."
    record = "distances.json"

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title

    def predict(self) -> None:
        """Predictions are closed forms: see `DistanceGrid`."""

    def compute(self, folder: Path) -> DistanceGrid:
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

    def report(self, computed: DistanceGrid, predicted: None) -> Report:
        from saddlescope.cli.display import doubts, grid

        slopes, theory = computed.slopes, computed.predicted_slopes()
        rows = [
            (f"{g:.4g}", *(number(float(value), ".3f") for pair in zip(s, t, strict=True) for value in pair))
            for g, s, t in zip(computed.gammas, slopes.T, theory.T, strict=True)
        ]
        minimum, saddle = computed.minimum, computed.saddle
        nearest = np.where(minimum[:, -1] < saddle[:, -1], "a minimum", "a saddle")
        sides = "; ".join(
            f"{place} for gamma {', '.join(f'{g:.3g}' for g in computed.gammas[nearest == place])}"
            for place in ("a minimum", "a saddle")
            if (nearest == place).any()
        )

        def draw() -> Axes:
            from saddlescope import plot

            return titled(plot.phase_diagram(computed)[0], self.spec.title)

        return Report(
            title=self.title,
            subtitle=f"depth {computed.depth}, widths {', '.join(map(str, computed.widths))}",
            table=grid(_HEADS, rows, gap=3),
            entries=(
                Entry("Nearest", f"At width {computed.widths[-1]}, {sides}."),
                *_limit(computed),
                *doubts(*computed.doubts),
                Entry("Cite", "jacot2021: saddlescope.references.bibtex(['jacot2021'])"),
            ),
            record={
                "depth": computed.depth,
                "gammas": computed.gammas.tolist(),
                "widths": computed.widths.tolist(),
                "d_m": minimum.tolist(),
                "d_s": saddle.tolist(),
                "slopes": dict(zip(("d_m", "d_s"), slopes.tolist(), strict=True)),
                "predicted_slopes": dict(zip(("d_m", "d_s"), theory.tolist(), strict=True)),
                "doubts": list(computed.doubts),
                "cite": ["jacot2021"],
            },
            pictures={"phase_diagram.png": draw},
            interrupted=computed.interrupted,
            complete=math.isfinite(float(slopes.sum())),
        )


def _limit(found: DistanceGrid) -> tuple[Entry, ...]:
    """For gamma > 1, d_m tends to a constant from below: say how what is missing falls."""
    parts = [
        f"{slope:.3f} ({(1 - gamma) / 2:.3f}) at gamma {gamma:.3g}"
        for gamma, slope in zip(found.gammas, found.shortfall_slopes, strict=True)
        if not math.isnan(slope)
    ]
    if not parts:
        return ()
    text = f"For gamma > 1, d_m rises to {found.limit:.4g}; what is missing has slope (predicted) {', '.join(parts)}."
    return (Entry("Limit", text),)
