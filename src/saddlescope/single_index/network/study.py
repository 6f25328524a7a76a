"""How descriptions are run side by side: flows, SGD and its samples, the order that theory predicts."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saddlescope.arguments import ArgumentError
from saddlescope.single_index.problem.rate_ratio import FIXED
from saddlescope.specs import SpecError
from saddlescope.study import Comparison
from saddlescope.study import Study as Base

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from saddlescope.single_index import CanonicalOrder
    from saddlescope.single_index.network.spec import Spec
    from saddlescope.trajectory import Trajectory


class Study(Base):
    """Several descriptions of one problem, or one of them."""

    KINDS = ("NetworkFlow", "OnePassSGD", "SGDLimit", "SampleDescent")
    spec: Spec

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title
        self.flows = spec.flows()
        # the order of degrees is that of a second layer that learns first, and of neurons on the sphere without biases,
        # which see isotropic inputs
        how = spec.dynamics
        told = [told for _, told in spec.descriptions().values()]
        of_theory = any(t.get("sphere", True) and t.get("biases") is None for t in told)
        self._ordered = of_theory and spec.problem.single and how.second_layer != FIXED and how.epsilon != math.inf
        self.doing = "Predicting the learning order and solving ..." if self._ordered else "Solving ..."

    def predict(self) -> CanonicalOrder | None:
        if not self._ordered:
            return None
        from saddlescope.single_index import SingleIndex, canonical_order

        problem = SingleIndex(link=self.spec.problem.link, activation=self.spec.problem.activation)
        levels = min(self.spec.theory.levels, max(problem.reported_degree, 1))
        return canonical_order(problem, second_layer=self.spec.dynamics.second_layer, levels=levels)

    def kept(self, folder: Path) -> tuple[Path, ...]:
        return tuple(self._checkpoints(folder).values())

    def _checkpoints(self, folder: Path) -> dict[str, Path]:
        places = _file_names(list(self.flows), "checkpoint", "npz")
        return {n: folder / f for n, f in places.items() if _in_steps(self.flows[n][0])}

    def solve(self, folder: Path | None = None) -> dict[str, list[Trajectory]]:
        """All runs that there was time for."""
        from saddlescope.solve import solve
        from saddlescope.solve.control import worth_keeping
        from saddlescope.solve.methods.choice import checked

        checkpoints = {} if folder is None else self._checkpoints(folder)
        for name, path in checkpoints.items():
            self._refuse_another(name, path)
        how = self.spec.solver
        if how.method is not None:
            # one for all: that a later flow cannot take it must not cost the runs before it
            for flow in (flow for flows in self.flows.values() for flow in flows if not _in_steps(flow)):
                checked(flow.start()[0], how.method)
        results: dict[str, list[Trajectory]] = {}
        for name, flows in self.flows.items():
            runs: list[Trajectory] = []
            for flow in flows:
                arguments: dict[str, Any] = {"rtol": how.rtol, "method": how.method, "max_steps": how.max_steps}
                if _in_steps(flow):
                    arguments = {"checkpoint": checkpoints.get(name)}
                try:
                    runs.append(solve(flow, self.spec.dynamics.until, states=how.states, **arguments))
                except KeyboardInterrupt:
                    return self._what_there_is(results, name, runs)
                if runs[-1].outcome == "INTERRUPTED":
                    if not worth_keeping(runs[-1]):
                        runs.pop()
                    return self._what_there_is(results, name, runs)
            results[name] = runs
        return results

    def _what_there_is(
        self, results: dict[str, list[Trajectory]], name: str, runs: list[Trajectory]
    ) -> dict[str, list[Trajectory]]:
        if runs:
            results[name] = runs
        if not results:
            raise KeyboardInterrupt
        return results

    def _refuse_another(self, name: str, path: Path) -> None:
        from saddlescope.solve.run import checkpoint_of

        flow = self.flows[name][0]
        steps = round(self.spec.dynamics.until / flow.step_size)
        try:
            checkpoint_of(path, flow, steps, self.spec.solver.states)
        except ArgumentError as error:
            reason = "was written with other settings" if "another" in str(error) else "is damaged"
            raise SpecError(
                f"Unfinished run {path} {reason}: repeat its settings to go on with it, remove the file, or choose "
                "another --out folder."
            ) from None

    def compare(self, solved: dict[str, list[Trajectory]], predicted: CanonicalOrder | None) -> Comparison:
        from saddlescope.single_index.compare.description_table import compare_descriptions
        from saddlescope.single_index.compare.terms import compare_terms

        alone = [run for runs in solved.values() for run in runs] if len(self.flows) == 1 else []
        if len(alone) == 1 and "target_terms" in alone[0].parameters and alone[0].kind == "MeanFieldFlow":
            return compare_terms(alone[0], self.spec.problem.made(), self.spec.theory.fraction, self.title)
        asked = sum(len(flows) for flows in self.flows.values())
        return compare_descriptions(
            solved,
            predicted,
            self.spec.theory.fraction,
            self.title,
            directions=self.spec.problem.p,
            whole=asked == sum(map(len, solved.values())),
        )

    def pictures(
        self, solved: dict[str, list[Trajectory]], predicted: CanonicalOrder | None
    ) -> dict[str, Callable[[], Axes]]:
        from saddlescope import plot
        from saddlescope.plot.parts.canvas import entitle

        shown = self.spec.picture

        def draw_descriptions() -> Axes:
            return entitle(plot.descriptions(solved, predicted, scale=shown.scale), self.spec.title)

        def draw_overlaps() -> Axes:
            first, beside = to_draw(solved)
            return entitle(plot.order_parameters(first, beside), self.spec.title)

        joint = next((runs[0] for runs in solved.values() if "term_residual" in runs[0].observables), None)
        pictures = {"descriptions.png": draw_descriptions}
        if joint is not None:
            pictures["directions.png"] = lambda: entitle(plot.directions(joint), self.spec.title)
        wanted = self.spec.problem.p > 1 if shown.order_parameters is None else shown.order_parameters
        networks = any(run.kind != "MeanFieldFlow" for runs in solved.values() for run in runs)
        return pictures | ({"order_parameters.png": draw_overlaps} if wanted and networks else {})

    def trajectories(self, solved: dict[str, list[Trajectory]]) -> dict[str, Trajectory]:
        """Every run a file; the runs of a network flow are files of their own, named by their seeds."""
        results: dict[str, Trajectory] = {}
        for name, file in _file_names(list(solved), "trajectory", "nc").items():
            for run in solved[name]:
                several = len(solved[name]) > 1
                results[file.replace(".nc", f"_seed{run.parameters['seed']}.nc") if several else file] = run
        return results

    @classmethod
    def compare_run(cls, run: Trajectory, *, flow: Any = None, levels: int = 3, fraction: float = 0.5) -> Comparison:
        """Return learning times of a network, beside those predicted for infinite width and dimension.

        Args:
            run: of a `NetworkFlow`, `OnePassSGD`, `SGDLimit` or `SampleDescent`.
            flow: what made it, where the run does not know; without it, nothing is predicted.
            levels: predict the degrees up to this one.
            fraction: a degree is learnt when its residual is this fraction of its target.
        """
        from saddlescope.single_index import SingleIndex, canonical_order
        from saddlescope.single_index.compare.description_table import compare_descriptions

        made_by = flow or run.flow
        problem, order = getattr(made_by, "problem", None), None
        law = getattr(made_by, "second_layer", None)
        ordered = law is not None and made_by.epsilon != math.inf and getattr(made_by, "sphere", True)
        if isinstance(problem, SingleIndex) and ordered:
            levels = min(levels, max(problem.reported_degree, 1))
            order = canonical_order(problem, second_layer=law, levels=levels)
        directions = len(run.parameters["directions"])
        return compare_descriptions({run.kind: [run]}, order, fraction, directions=directions)


def _in_steps(flow: Any) -> bool:
    from saddlescope.solve import Descent

    return isinstance(flow, Descent)


def to_draw(computed: dict[str, list[Trajectory]]) -> tuple[Trajectory, Trajectory | None]:
    """A network flow and, to go beside it, SGD of its width and dimension; else the first network there is."""
    networks = [runs[0] for runs in computed.values() if runs[0].kind != "MeanFieldFlow"]
    sizes = [(run.parameters["neurons"], run.parameters["dimension"]) for run in networks]
    for flow, size in zip(networks, sizes, strict=True):
        for sgd, other in zip(networks, sizes, strict=True):
            if flow.kind == "NetworkFlow" and sgd.kind == "OnePassSGD" and size == other:
                return flow, sgd
    return networks[0], None


def _file_names(names: list[str], stem: str, suffix: str) -> dict[str, str]:
    """A file name for every run, made of its own name."""
    results: dict[str, str] = {}
    for place, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or str(place + 1)
        file = f"{stem}_{plain}.{suffix}"
        # "a b" and "a/b" are two runs
        results[name] = f"{stem}_{plain}_{place + 1}.{suffix}" if file in results.values() else file
    return results
