"""How the phase diagram is run: distances of many starts to minima and saddles, and their powers of the width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from saddlescope.cli.report import Entry, Report, number, titled

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.specs.families.deep_linear_distances import Spec

_HEADS = ("\ngamma", "d_m\nslope", "\npredicted", "d_s\nslope", "\npredicted")


@dataclass(frozen=True)
class Diagram:
    """Distances over gamma and width, averaged over starts.

    Attributes:
        depth: L.
        gammas, widths: of shape (gammas,) and (widths,).
        minimum, saddle: d_m and d_s, shape (gammas, widths).
        unsettled: how many of the searches did not converge.
    """

    depth: int
    gammas: np.ndarray
    widths: np.ndarray
    minimum: np.ndarray
    saddle: np.ndarray
    unsettled: int

    @property
    def slopes(self) -> np.ndarray:
        """Fitted powers of the width, of d_m and of d_s, shape (2, gammas)."""
        x = np.log(self.widths)
        return np.array([[np.polyfit(x, np.log(d), 1)[0] for d in rows] for rows in (self.minimum, self.saddle)])

    def predicted_slopes(self, gammas: np.ndarray) -> np.ndarray:
        """Powers of the width as it grows without end, of d_m and of d_s, shape (2, gammas).

        Source: Jacot et al., arXiv 2106.15933.
        """
        g = np.asarray(gammas, dtype=float)
        return np.array([np.where(g < 1, -(1 - g) * (self.depth - 1) / 2, 0.0), (1 - g) / 2])


class Job:
    """One phase diagram."""

    doing = "Looking for the nearest minima and saddles ..."
    record = "distances.json"

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title

    def predict(self) -> None:
        """Predictions are closed forms: see `Diagram`."""

    def compute(self, folder: Path) -> Diagram:
        del folder  # no run of this family is long enough to be kept while it goes on
        from rich.console import Console
        from rich.progress import track

        from saddlescope.deep_linear import LeastSquares, distances, gaussian_start

        spec = self.spec
        cost = LeastSquares(np.diag(spec.problem.singular_values))
        gammas, widths = np.array(spec.grid.gammas), np.array(spec.grid.widths)
        found = np.zeros((2, len(gammas), len(widths)))
        unsettled = 0
        places = list(product(range(spec.network.samples), range(len(widths)), range(len(gammas))))
        console = Console(stderr=True)
        for sample, w, g in track(
            places, "Distances", console=console, transient=True, disable=not console.is_terminal
        ):
            start = gaussian_start(
                cost.shape, spec.network.depth, int(widths[w]), float(gammas[g]), seed=spec.network.seed + sample
            )
            one = distances(cost, start)  # pyright: ignore[reportArgumentType]
            found[:, g, w] += np.array([one.minimum, one.saddle]) / spec.network.samples
            unsettled += not one.converged
        return Diagram(spec.network.depth, gammas, widths, found[0], found[1], unsettled)

    def _limits(self, found: Diagram) -> tuple[Entry, ...]:
        """For gamma > 1, d_m tends to a constant from below: say how what is missing falls."""
        limit = (found.depth * sum(s ** (2 / found.depth) for s in self.spec.problem.singular_values)) ** 0.5
        parts = []
        for gamma, d in zip(found.gammas, found.minimum, strict=True):
            if gamma > 1 and (d < limit).all():
                slope = np.polyfit(np.log(found.widths), np.log(limit - d), 1)[0]
                parts.append(f"{slope:.3f} ({(1 - gamma) / 2:.3f}) at gamma {gamma:.3g}")
        if not parts:
            return ()
        text = f"For gamma > 1, d_m rises to {limit:.4g}; what is missing has slope (predicted) {', '.join(parts)}."
        return (Entry("Limit", text),)

    def report(self, computed: Diagram, predicted: None) -> Report:
        from saddlescope.cli.display import doubts, grid

        slopes, theory = computed.slopes, computed.predicted_slopes(computed.gammas)
        rows = [
            (f"{g:.4g}", *(number(float(value), ".3f") for pair in zip(s, t, strict=True) for value in pair))
            for g, s, t in zip(computed.gammas, slopes.T, theory.T, strict=True)
        ]
        nearest = np.where(computed.minimum[:, -1] < computed.saddle[:, -1], "a minimum", "a saddle")
        sides = "; ".join(
            f"{place} for gamma {', '.join(f'{g:.3g}' for g in computed.gammas[nearest == place])}"
            for place in ("a minimum", "a saddle")
            if (nearest == place).any()
        )
        worries = []
        if computed.unsettled:
            worries.append(f"{computed.unsettled} of the searches did not converge.")
        if self.spec.network.depth > 2:
            worries.append("For depth over 2 the distance to a saddle is an upper bound with the same power.")

        def draw() -> Axes:
            from saddlescope import plot

            return titled(plot.phase_diagram(computed)[0], self.spec.title)

        return Report(
            title=self.title,
            subtitle=f"depth {computed.depth}, widths {', '.join(map(str, computed.widths))}",
            table=grid(_HEADS, rows, gap=3),
            entries=(
                Entry("Nearest", f"At width {computed.widths[-1]}, {sides}."),
                *self._limits(computed),
                *doubts(*worries),
                Entry("Cite", "jacot2021: saddlescope.references.bibtex(['jacot2021'])"),
            ),
            record={
                "depth": computed.depth,
                "gammas": computed.gammas.tolist(),
                "widths": computed.widths.tolist(),
                "d_m": computed.minimum.tolist(),
                "d_s": computed.saddle.tolist(),
                "slopes": dict(zip(("d_m", "d_s"), slopes.tolist(), strict=True)),
                "predicted_slopes": dict(zip(("d_m", "d_s"), theory.tolist(), strict=True)),
                "doubts": worries,
                "cite": ["jacot2021"],
            },
            pictures={"phase_diagram.png": draw},
            complete=math.isfinite(float(slopes.sum())),
        )
