"""How deep linear networks are run: saddle after saddle, or several starts side by side."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.study import Comparison
from saddlescope.study import Study as Base

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes

    from saddlescope.deep_linear import DeepLinearFlow
    from saddlescope.deep_linear.compare.saddles import SaddlePath
    from saddlescope.deep_linear.spec import Spec
    from saddlescope.trajectory import Trajectory


_LARGE = 100_000  # entries of a product from which memory is told, and saddles are predicted if asked for
_COPIES, _TABLES = 30, 10  # of all weights, and of matrices of the product's shape, that a run holds


class Study(Base):
    """One deep linear network, or several side by side."""

    KINDS = ("DeepLinearFlow", "WideLinearFlow", "GradientDescent")
    spec: Spec

    def __init__(self, spec: Spec, title: str):
        self.spec = spec
        self.title = title
        self.cost = spec.problem.cost()
        if not np.any(np.asarray(self.cost.gradient(np.zeros(self.cost.shape)))):  # pyright: ignore[reportArgumentType]
            raise ArgumentError(
                "problem", "leave something to learn: the cost has no slope at A = 0", spec.problem.kind
            )
        self.networks = spec.networks()
        self.flows: dict[str, Any] = {
            name: spec.flow(self.cost, network) for name, (network, _) in self.networks.items()
        }
        network = next(iter(self.networks.values()))[0]
        small = meets_saddles(network.depth, network.width, network.gamma, network.scale)
        self.decays = spec.dynamics.weight_decay > 0
        self.by_saddles = not spec.compare and small and not self.decays and not spec.network.limit
        large = math.prod(self.cost.shape) > _LARGE
        # every saddle of a large product takes as long as a run
        self.predicts = self.by_saddles and not (large and spec.theory.max_rank is None)
        self.doing = "Predicting the saddles and solving" if self.predicts else "Solving"
        held = 8.0 * (_COPIES * sum(W.size for W in flow_weights(self.flows)) + _TABLES * math.prod(self.cost.shape))
        self.doing += f", in about {held / 1e9:.2g} GB of memory ..." if large else " ..."

    def predict(self) -> SaddlePath | str | None:
        """The saddles of a single run from a small start, or why there are none; regimes are told by closed forms."""
        from saddlescope.deep_linear.compare.saddles import predict

        if not self.by_saddles or not self.spec.theory.saddles:
            return None
        if not self.predicts:
            rows, columns = self.cost.shape
            return (
                f"No saddles are predicted for a product of {rows} x {columns}, unless theory.max_rank says how many."
            )
        how = self.networks[""][0]
        try:
            return predict(
                self.cost, how.depth, how.width, how.gamma, how.scale, how.seed, max_rank=self.spec.theory.max_rank
            )
        except ArgumentError as error:
            return f"No saddles are predicted: {error}"

    def solve(self, folder: Path | None = None) -> dict[str, Trajectory]:
        del folder  # no run of this family is long enough to be kept while it goes on
        from saddlescope.deep_linear.until_learnt import solve_until_learnt
        from saddlescope.study.provenance import solved

        results: dict[str, Trajectory] = {}
        for name, (_, until) in self.networks.items():
            arguments = self.spec.solve_arguments()
            try:
                if until == "auto":
                    flow: Any = self.flows[name]  # of descent in steps a spec gives the end
                    results[name] = solve_until_learnt(flow, self.spec.solver.learnt, **arguments)
                else:
                    results[name] = solved(self.flows[name], until=until, **arguments)
            except KeyboardInterrupt:
                if not results:
                    raise
                break
            if results[name].outcome == "INTERRUPTED":
                break
        return results

    def compare(self, solved: dict[str, Trajectory], predicted: SaddlePath | str | None) -> Comparison:
        from saddlescope.deep_linear.compare.regime_table import compare_regimes
        from saddlescope.deep_linear.compare.saddle_table import compare_saddles

        if self.decays:
            from saddlescope.deep_linear.compare.decay_table import compare_decayed

            return compare_decayed(self.flows[""], solved[""], self.title, self._subtitle())
        if self.spec.network.limit:
            from saddlescope.deep_linear.compare.mode_table import compare_modes

            return compare_modes(self.flows[""], solved[""], self.title, self._subtitle())
        if self.by_saddles:
            table = compare_saddles(solved[""], predicted, self.title, self._subtitle())
            return _of_steps(table, self.flows[""], predicted)
        if self.spec.dynamics.kind != "flow":
            reason = "No saddles are predicted: the start is not a small Gaussian one."
            return compare_saddles(solved[""], reason, self.title, self._subtitle())
        return compare_regimes(self.flows, solved, self.title, self._subtitle())

    def pictures(
        self, solved: dict[str, Trajectory], predicted: SaddlePath | str | None
    ) -> dict[str, Callable[[], Axes]]:
        from saddlescope import plot
        from saddlescope.plot.parts.canvas import entitle

        shown = self.spec.picture
        path = None if isinstance(predicted, str) else predicted

        def drawn(draw: Callable[[], Axes]) -> Callable[[], Axes]:
            return lambda: entitle(draw(), self.spec.title)

        if self.decays:
            return {"singular_values.png": drawn(lambda: plot.decay(solved[""], self.flows[""].target_modes()))}
        if self.spec.network.limit:
            return {"singular_values.png": drawn(lambda: plot.mixed_modes(solved[""], self.flows[""].exact_modes()))}
        if not self.by_saddles:
            pictures = {"regimes.png": drawn(lambda: plot.regimes({n or "run": r for n, r in solved.items()})[0])}
            if not self.spec.compare and shown.singular_values:
                pictures["singular_values.png"] = drawn(lambda: plot.singular_values(solved[""]))
            return pictures
        run = solved[""]
        pictures = {"descent.png": drawn(lambda: plot.descent(run, path, time=shown.time, scale=shown.scale))}
        if shown.singular_values:
            pictures["singular_values.png"] = drawn(lambda: plot.singular_values(run, path))
        if shown.plane and path is not None and len(path.ranks) > 1 and "product" in run.observables:
            pictures["plane.png"] = drawn(lambda: plot.plane(run, path))
        return pictures

    def trajectories(self, solved: dict[str, Trajectory]) -> dict[str, Trajectory]:
        """Every run under a file name made of its own name."""
        results: dict[str, Trajectory] = {}
        for place, (name, run) in enumerate(solved.items()):
            plain = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or str(place + 1)
            file = f"trajectory_{plain}.nc" if name else "trajectory.nc"
            # "a b" and "a/b" are two runs
            results[f"trajectory_{plain}_{place + 1}.nc" if file in results else file] = run
        return results

    def _subtitle(self) -> str:
        network = next(iter(self.networks.values()))[0]
        shown = {"depth": network.depth, "width": network.width, "gamma": network.gamma, "scale": network.scale}
        same = {key for key in shown if len({getattr(n, key) for n, _ in self.networks.values()}) == 1}
        rows, columns = self.cost.shape
        what = f"{self.spec.problem.kind} {rows} x {columns}"
        if network.limit:
            return f"{what}, infinite width, k {self.flows[''].k:.4g}"
        return ", ".join([what, *(f"{key} {value:g}" for key, value in shown.items() if key in same)])

    @classmethod
    def compare_run(
        cls, run: Trajectory, *, flow: DeepLinearFlow | None = None, max_rank: int | None = None
    ) -> Comparison:
        """Return the saddles that a run visits beside the predicted ones, or its regime where its start is not small.

        Args:
            run: of a `DeepLinearFlow` or `GradientDescent`.
            flow: what made it, where the run does not know because it was loaded from a file.
            max_rank: predict the saddles up to this rank, without times.

        Raises:
            ArgumentError: if it is not known what made the run.
        """
        from saddlescope.deep_linear.compare.regime_table import compare_regimes
        from saddlescope.deep_linear.compare.saddle_table import compare_saddles
        from saddlescope.deep_linear.compare.saddles import predict

        made_by: Any = flow or run.flow
        if made_by is None:
            raise ArgumentError("flow", "be given: a run that was loaded from a file does not hold its cost", None)
        rows, columns = made_by.cost.shape
        if run.kind == "WideLinearFlow":
            from saddlescope.deep_linear.compare.mode_table import compare_modes

            subtitle = f"{type(made_by.cost).__name__} {rows} x {columns}, scale {made_by.scale_factor:g}"
            return compare_modes(made_by, run, subtitle=subtitle)
        subtitle = f"{type(made_by.cost).__name__} {rows} x {columns}, depth {made_by.depth}, width {made_by.width}"
        if made_by.weight_decay > 0:
            from saddlescope.deep_linear.compare.decay_table import compare_decayed

            return compare_decayed(made_by, run, subtitle=f"{subtitle}, weight decay {made_by.weight_decay:g}")
        gaussian = made_by.gamma is not None
        if not gaussian or not meets_saddles(made_by.depth, made_by.width, made_by.gamma, made_by.scale_factor):
            if run.kind == "DeepLinearFlow" and gaussian:
                return compare_regimes({"": made_by}, {"": run}, "Regime of a deep linear network", subtitle)
            reason = "No saddles are predicted: the start is not a small Gaussian one."
            return compare_saddles(run, reason, subtitle=subtitle)
        subtitle += f", gamma {made_by.gamma:g}, scale {made_by.scale_factor:g}"
        start = made_by.depth, made_by.width, made_by.gamma, made_by.scale_factor, made_by.seed
        try:
            path: Any = predict(made_by.cost, *start, max_rank=max_rank)
        except ArgumentError as error:
            path = f"No saddles are predicted: {error}"
        return _of_steps(compare_saddles(run, path, subtitle=subtitle), made_by, path)


def _of_steps(table: Comparison, flow: Any, predicted: Any) -> Comparison:
    """The same table, with a doubt where the saddles predicted are those of another dynamics."""
    kind = None if isinstance(predicted, str | None) else getattr(flow, "own_clock", None)
    if kind is None:
        return table
    doubt = (
        f"Saddles and times are predicted for gradient flow: {kind} may pass others, and its time is the number of its "
        "steps times its learning rate."
    )
    return dataclasses.replace(table, doubts=(*table.doubts, doubt))


def flow_weights(flows: dict[str, Any]) -> list[np.ndarray]:
    """The layers of the largest of some networks, as they are integrated."""
    return max((getattr(flow, "weights", []) for flow in flows.values()), key=lambda held: sum(W.size for W in held))


def meets_saddles(depth: int, width: int, gamma: float, scale: float) -> bool:
    """Return whether a Gaussian start is small, in the sense that layers shrink what passes through them."""
    return depth > 1 and scale**2 * width ** (1 - gamma) < 1
