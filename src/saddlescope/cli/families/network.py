"""How levels of description are run side by side: flows, SGD and its samples, the order that theory predicts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.cli.report import Entry, Report, titled
from saddlescope.specs import SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.cli.levels import LevelRow
    from saddlescope.single_index import CanonicalOrder
    from saddlescope.specs.families.network import Spec
    from saddlescope.trajectory import Trajectory

_COMPLETE = ("REACHED_END", "REACHED_TARGET", "STILL")


class Job:
    """Several levels of description of one problem, or one of them."""

    record = "stages.json"

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title
        self.flows = spec.flows()
        self.kept: list[Path] = []
        single = spec.problem.single
        self.doing = "Predicting the learning order and solving ..." if single else "Solving ..."

    def predict(self) -> CanonicalOrder | None:
        if not self.spec.problem.single:
            return None
        from saddlescope.single_index import SingleIndex, canonical_order

        problem = SingleIndex(link=self.spec.problem.link, activation=self.spec.problem.activation)
        levels = min(self.spec.theory.levels, max(problem.reported_degree, 1))
        return canonical_order(problem, second_layer=self.spec.dynamics.second_layer, levels=levels)

    def compute(self, folder: Path) -> dict[str, list[Trajectory]]:
        """All runs that there was time for."""
        from saddlescope.solve import solve

        places = _file_names(list(self.flows), "checkpoint", "npz")
        checkpoints = {n: folder / f for n, f in places.items() if hasattr(self.flows[n][0], "step_size")}
        for name, path in checkpoints.items():
            self._refuse_another(name, path)
        self.kept = list(checkpoints.values())
        how = self.spec.solver
        found: dict[str, list[Trajectory]] = {}
        for name, flows in self.flows.items():
            runs: list[Trajectory] = []
            for flow in flows:
                arguments: dict[str, Any] = {"rtol": how.rtol, "max_steps": how.max_steps}
                if name in checkpoints:
                    arguments = {"checkpoint": checkpoints[name]}
                try:
                    runs.append(solve(flow, self.spec.dynamics.until, states=how.states, **arguments))
                except KeyboardInterrupt:
                    return self._what_there_is(found, name, runs)
                if runs[-1].outcome == "INTERRUPTED":
                    # what can be taken up again, or has come far enough to be drawn
                    if len(runs[-1].time) < 3:
                        runs.pop()
                    return self._what_there_is(found, name, runs)
            found[name] = runs
        return found

    def _what_there_is(
        self, found: dict[str, list[Trajectory]], name: str, runs: list[Trajectory]
    ) -> dict[str, list[Trajectory]]:
        if runs:
            found[name] = runs
        if not found:
            raise KeyboardInterrupt
        return found

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

    def report(self, computed: dict[str, list[Trajectory]], predicted: CanonicalOrder | None) -> Report:
        from saddlescope.cli.display import citations, doubts
        from saddlescope.cli.levels import level_rows
        from saddlescope.cli.levels_told import accuracy, mixed, outcomes, remarks, table

        rows = level_rows(computed, self.spec.theory.fraction)
        every = [run for runs in computed.values() for run in runs]
        alone = len(self.flows) == 1
        of = (lambda name: "") if alone else (lambda name: f"{name}: ")
        asked = sum(len(flows) for flows in self.flows.values())
        interrupted = len(every) < asked or every[-1].outcome == "INTERRUPTED"
        cited = list(dict.fromkeys(key for run in every for key in run.references))
        doubted = [f"{of(n)}{d}" for n, runs in computed.items() for r in runs for d in r.doubts if d != r.message]
        doubted += [] if predicted is None else list(predicted.doubts)
        doubted += mixed(rows)
        return Report(
            title=self.title,
            subtitle=self._subtitle(every[0]),
            table=table(rows, every[0], predicted, self.spec),
            entries=(
                *remarks(rows, every[0], predicted),
                *outcomes(computed, of),
                *doubts(*doubted),
                *(Entry("Accuracy", f"{of(name)}{accuracy(runs)}") for name, runs in computed.items()),
                citations(cited),
            ),
            record=self._record(rows, computed, predicted, doubted, cited),
            files=_files(computed),
            pictures=self._pictures(computed, predicted),
            interrupted=interrupted,
            complete=all(run.outcome in _COMPLETE for run in every),
            kept=tuple(self.kept),
        )

    def _subtitle(self, run: Trajectory) -> str:
        told, p = run.parameters, self.spec.problem.p
        teachers = f", {p} directions" if p > 1 else ""
        return f"link {told['link']}, activation {told['activation']}{teachers}, epsilon {told['epsilon']:g}"

    def _record(
        self,
        rows: list[LevelRow],
        computed: dict[str, list[Trajectory]],
        order: CanonicalOrder | None,
        doubted: list[str],
        cited: list[str],
    ) -> dict[str, Any]:
        from saddlescope.cli.solving import provenance

        how = self.spec
        levels = {}
        for row in rows:
            runs = computed[row.name]
            levels[row.name] = {
                "outcome": runs[-1].outcome,
                "message": runs[-1].message,
                **row.plain(),
                "initial_risk": float(np.mean([run["risk"][0].mean() for run in runs])),
                "final_risk": float(np.mean([run["risk"][-1].mean() for run in runs])),
                "of_runs": [provenance(run) for run in runs],
            }
        theory = None if order is None else order.times(how.dynamics.epsilon, how.theory.fraction).tolist()
        return {
            "epsilon": how.dynamics.epsilon,
            "learning_time_fraction": how.theory.fraction,
            "predicted_times": theory,
            "levels": levels,
            "doubts": doubted,
            "cite": cited,
        }

    def _pictures(self, computed: dict[str, list[Trajectory]], order: CanonicalOrder | None) -> dict[str, Any]:
        shown = self.spec.picture

        def draw_levels() -> Axes:
            from saddlescope import plot

            return titled(plot.levels(computed, order, scale=shown.scale), self.spec.title)

        def draw_overlaps() -> Axes:
            from saddlescope import plot

            first, beside = _to_draw(computed)
            return titled(plot.order_parameters(first, beside), self.spec.title)

        pictures = {"levels.png": draw_levels}
        wanted = self.spec.problem.p > 1 if shown.order_parameters is None else shown.order_parameters
        networks = any(run.kind != "MeanFieldFlow" for runs in computed.values() for run in runs)
        return pictures | ({"order_parameters.png": draw_overlaps} if wanted and networks else {})


def _to_draw(computed: dict[str, list[Trajectory]]) -> tuple[Trajectory, Trajectory | None]:
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
    found: dict[str, str] = {}
    for place, name in enumerate(names):
        plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or str(place + 1)
        file = f"{stem}_{plain}.{suffix}"
        # "a b" and "a/b" are two runs
        found[name] = f"{stem}_{plain}_{place + 1}.{suffix}" if file in found.values() else file
    return found


def _files(computed: dict[str, list[Trajectory]]) -> dict[str, Any]:
    """What writes each trajectory; the runs of a network flow are files of their own, named by their seeds."""
    found: dict[str, Any] = {}
    for name, file in _file_names(list(computed), "trajectory", "nc").items():
        for run in computed[name]:
            several = len(computed[name]) > 1
            found[file.replace(".nc", f"_seed{run.parameters['seed']}.nc") if several else file] = run.save
    return found
