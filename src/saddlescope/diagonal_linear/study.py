"""How diagonal linear networks are run: the flow from a small start beside the exact sequence of its jumps."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError
from saddlescope.study import Comparison
from saddlescope.study import Study as Base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.diagonal_linear import DiagonalDescent, DiagonalFlow, DiagonalPath
    from saddlescope.diagonal_linear.spec import Spec
    from saddlescope.trajectory import Trajectory


class Study(Base):
    """One diagonal linear network."""

    KINDS = ("DiagonalFlow", "DiagonalDescent")
    spec: Spec

    def __init__(self, spec: Spec, title: str):
        from saddlescope.diagonal_linear import jump_sequence

        self.spec = spec
        self.title = title
        self.flow = spec.flow()
        # fast beside the flow, and `until` needs it
        self.path = jump_sequence(self.flow.inputs, self.flow.outputs)

    def predict(self) -> DiagonalPath | None:
        """The saddles and when they are left, in units of ln(1/alpha)."""
        return self.path if self.spec.theory.jumps else None

    @property
    def until(self) -> float:
        """The end of the time range: a fifth beyond the last jump, and some e-folds of what grows."""
        asked = self.spec.dynamics.until
        if not isinstance(asked, str):
            return asked
        return float(self.path.jump_times[-1]) * (1.2 + 5 / self.flow.log_scale)

    def solve(self, folder: Path | None = None) -> Trajectory:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.study.provenance import solved

        return solved(self.flow, until=self.until, **self.spec.solve_arguments())

    def compare(self, solved: Trajectory, predicted: DiagonalPath | None) -> Comparison:
        from saddlescope.diagonal_linear.compare.saddle_table import compare_saddles

        return _of_steps(compare_saddles(solved, predicted, self.title, _subtitle(self.flow)), self.flow)

    def pictures(self, solved: Trajectory, predicted: DiagonalPath | None) -> dict[str, Callable[[], Axes]]:
        from saddlescope import plot
        from saddlescope.plot.parts.canvas import entitle

        shown = self.spec.picture
        return {
            "jumps.png": lambda: entitle(plot.jumps(solved, predicted, scale=shown.scale)[0], self.spec.title),
        }

    def trajectories(self, solved: Trajectory) -> dict[str, Trajectory]:
        return {"trajectory.nc": solved}

    @classmethod
    def compare_run(cls, run: Trajectory, *, flow: DiagonalFlow | DiagonalDescent | None = None) -> Comparison:
        """Return the saddles that a run visits beside the predicted ones.

        Args:
            run: of a `DiagonalFlow` or `DiagonalDescent`.
            flow: what made it, where the run does not know because it was loaded from a file.

        Raises:
            ArgumentError: if it is not known what made the run.
        """
        from saddlescope.diagonal_linear import jump_sequence
        from saddlescope.diagonal_linear.compare.saddle_table import compare_saddles

        made_by: Any = flow or run.flow
        if made_by is None:
            raise ArgumentError(
                "flow", "be given: a run that was loaded from a file does not hold its regression", None
            )
        path = jump_sequence(made_by.inputs, made_by.outputs)
        return _of_steps(compare_saddles(run, path, subtitle=_subtitle(made_by)), made_by)


def _of_steps(table: Comparison, flow: Any) -> Comparison:
    """The same table, with a doubt where the steps have a time of their own."""
    optimizer = getattr(flow, "optimizer", None)
    if optimizer is None or optimizer.turns:
        return table
    doubt = f"Jumps are predicted for gradient flow: {optimizer} may make others, on a clock of its own."
    return dataclasses.replace(table, doubts=(*table.doubts, doubt))


def _subtitle(flow: DiagonalFlow | DiagonalDescent) -> str:
    examples, dimension = flow.inputs.shape
    form = (
        "" if (flow.depth, flow.parametrization) == (2, "product") else f", {flow.parametrization}, depth {flow.depth}"
    )
    return f"{examples} examples in {dimension} dimensions, ln(1/alpha) {flow.log_scale:g}{form}"
