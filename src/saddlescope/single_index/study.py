"""How a single-index problem is run: degrees, their learning times and plateaus, the ladder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError
from saddlescope.study import Comparison
from saddlescope.study import Study as Base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.single_index import CanonicalOrder, JointIndex, MeanFieldFlow
    from saddlescope.single_index.spec import Spec as SingleIndexSpec
    from saddlescope.trajectory import Trajectory


class Study(Base):
    """One run of a single-index problem."""

    KINDS = ("MeanFieldFlow",)
    doing = "Predicting the learning order and solving ..."
    spec: SingleIndexSpec

    def __init__(self, spec: SingleIndexSpec, title: str):
        self.spec = spec
        self.title = title
        self.flow = spec.flow()

    def predict(self) -> CanonicalOrder:
        order = _order(self.flow, self.spec.theory.levels)
        # worked out here, beside the run, and kept: `compare` would wait for it
        order.times(self.flow.epsilon, self.spec.theory.fraction)
        _ = order.levels
        return order

    def solve(self, folder: Path | None = None) -> Trajectory:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.study.provenance import solved

        return solved(self.flow, **self.spec.solve_arguments())

    def compare(self, solved: Trajectory, predicted: CanonicalOrder | None) -> Comparison:
        from saddlescope.single_index.compare.degrees import compare_degrees

        return compare_degrees(solved, predicted, self.spec.theory.fraction, self.title)

    def pictures(self, solved: Trajectory, predicted: CanonicalOrder | None) -> dict[str, Callable[[], Axes]]:
        from saddlescope.plot import ladder, overlaps
        from saddlescope.plot.parts.canvas import entitle

        def draw_ladder() -> Axes:
            return entitle(ladder(solved, predicted, scale=self.spec.picture.scale), self.spec.title, pad=44)

        def draw_overlaps() -> Axes:
            return entitle(overlaps(solved), self.spec.title, pad=14)

        pictures = {"ladder.png": draw_ladder}
        return pictures | ({"overlaps.png": draw_overlaps} if self.spec.picture.overlaps else {})

    def trajectories(self, solved: Trajectory) -> dict[str, Trajectory]:
        return {"trajectory.nc": solved}

    @classmethod
    def compare_run(cls, run: Trajectory, *, flow: Any = None, levels: int = 3, fraction: float = 0.5) -> Comparison:
        """Return predicted beside measured for a mean-field run.

        Args:
            run: of a `MeanFieldFlow`.
            flow: what made it, where the run does not know (it was loaded from a file, and its link or activation is a
                function without a name).
            levels: predict the degrees up to this one.
            fraction: a degree is learnt when its residual is this fraction of its target.
        """
        from saddlescope.single_index.compare.degrees import compare_degrees

        if "target_terms" in run.parameters:
            from saddlescope.single_index.compare.terms import compare_terms

            made_by = flow or run.flow
            return compare_terms(run, made_by.problem if made_by is not None else _joint(run), fraction)
        made_by = flow or run.flow or _rebuilt(run)
        # the order of degrees is that of a second layer that learns first
        order = None if made_by.epsilon == math.inf else _order(made_by, levels)
        return compare_degrees(run, order, fraction)


def _order(flow: MeanFieldFlow, levels: int) -> CanonicalOrder:
    from saddlescope.single_index import SingleIndex, canonical_order

    assert isinstance(flow.problem, SingleIndex)
    return canonical_order(flow.problem, second_layer=flow.second_layer, levels=levels)


def _joint(run: Trajectory) -> JointIndex:
    """The problem of a run that was loaded from a file."""
    from saddlescope.single_index import JointIndex

    told = run.parameters
    return JointIndex({tuple(alpha): c for alpha, c in told["target_terms"]}, _function(run, "activation"))


def _function(run: Trajectory, name: str) -> Any:
    from saddlescope.gaussian import NAMES

    told = run.parameters
    if told[name] in NAMES:
        return told[name]
    if str(told[name]).startswith("hermite("):
        return told[f"{name}_coefficients"]
    raise ArgumentError("flow", f"be given, since the {name} of this run is a function without a name", None)


def _rebuilt(run: Trajectory) -> MeanFieldFlow:
    """The flow of a run that was loaded from a file; the nodes of its law do not matter to the theory."""
    from saddlescope.single_index import MeanFieldFlow, SingleIndex

    told = run.parameters
    functions = {name: _function(run, name) for name in ("link", "activation")}
    if told["second_layer"] is None:
        raise ArgumentError("flow", "be given, since this run started from particles of its own", None)
    return MeanFieldFlow(SingleIndex(**functions), told["epsilon"], told["second_layer"])
