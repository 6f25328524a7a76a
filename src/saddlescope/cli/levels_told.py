"""What is printed of levels of description: the table, and sentences below it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.cli.report import NOTHING, Entry, number

if TYPE_CHECKING:
    from saddlescope.cli.levels import LevelRow
    from saddlescope.single_index import CanonicalOrder
    from saddlescope.specs.families.network import Spec
    from saddlescope.trajectory import Trajectory

_NAME, _COLUMNS = 16, 4  # letters of a name and degrees that fit into a table of 80 characters


def table(rows: list[LevelRow], run: Trajectory, order: CanonicalOrder | None, spec: Spec) -> Any:
    """Return the printed table: theory first, then one row a level, with samples below those that see them."""
    from saddlescope.cli.display import grid

    several = spec.problem.p > 1
    degrees = [int(k) for k in np.flatnonzero(run.parameters["link_coefficients"])][: _COLUMNS - several]
    learnt = (f"{'' if place else 'learnt at'}\ndegree {k}" for place, k in enumerate(degrees))
    heads = ["\nlevel", "\nm", "\nd", *learnt, *(["special-\nised at"] if several else []), "\ngap"]
    printed: list[tuple[str, ...]] = []
    if order is not None:
        times = order.times(spec.dynamics.epsilon, spec.theory.fraction)
        own = [float(times[k]) if k < len(times) else math.nan for k in degrees]
        if np.isfinite(own).any():
            printed.append(("theory", "inf", "inf", *(number(t, ".3g") for t in own), ""))
    for row in rows:
        shown = (row.name if len(row.name) <= _NAME else f"{row.name[: _NAME - 1]}.", _size(row.neurons))
        special = [number(row.specialised, ".3g")] if several else []
        times = (number(row.median_times[k], ".3g") for k in degrees)
        printed.append((*shown, _size(row.dimension), *times, *special, number(row.largest_gap, ".2g")))
        if math.isfinite(row.samples_per_time):
            samples = (_rounded(row.samples[k]) for k in degrees)
            printed.append(("  samples", "", "", *samples, *([""] * several), ""))
    return grid(heads, printed, left=1, gap=1)


def _size(value: float) -> str:
    return "inf" if math.isinf(value) else _rounded(value)


def _rounded(value: float) -> str:
    """A count in at most eight characters."""
    if math.isnan(value):
        return NOTHING
    return f"{value:.0f}" if value < 1e5 else f"{value:.3g}".replace("e+0", "e").replace("e+", "e")


def remarks(rows: list[LevelRow], run: Trajectory, order: CanonicalOrder | None) -> list[Entry]:
    """Say what is never learnt, what theory does not predict, how the escape depends on d, what gaps are."""
    from saddlescope.cli.levels import escape_by_dimension

    found = []
    targets = np.asarray(run.parameters["link_coefficients"])
    for row in rows:
        never = [str(k) for k in np.flatnonzero(targets) if math.isnan(row.median_times[k])]
        if never:
            which = "degree" if len(never) == 1 else "degrees"
            found.append(Entry("Unlearnt", f"{row.name}: {which} {', '.join(never)}."))
    silent = [v for v in (() if order is None else order.levels) if not v.canonical]
    found += [Entry("Theory", f"degree {v.degree}: {v.reason}.") for v in silent[:1]]
    learnt = [int(k) for k in np.flatnonzero(targets)]
    slopes = {k: escape_by_dimension(rows, k) for k in learnt if k > 0}
    for degree, fitted in slopes.items():
        if fitted is not None:
            slope, off = fitted
            expected = math.nan if order is None or degree != 2 else order.escape_slope
            theory = "" if math.isnan(expected) else f" (theory: {expected:.3g} log d)"
            text = (
                f"degree {degree} is learnt at t = const + {slope:.3g} log d{theory}, within {off:.2g} of every flow."
            )
            found.append(Entry("Escape", text))
            break
    if any(row.reference for row in rows):
        other = " (with other directions at the start)"
        pairs = "; ".join(f"{r.name} from {r.reference}{other * (not r.alike)}" for r in rows if r.reference)
        what = "largest distance of mean risks, over the risk at the start"
        found.append(Entry("Gap", f"{what}: {pairs}."))
    return found


def outcomes(computed: dict[str, list[Trajectory]], of: Callable[[str], str]) -> list[Entry]:
    """Say how every level ended, once if they all ended alike."""
    messages = {name: runs[-1].message for name, runs in computed.items()}
    if len(set(messages.values())) == 1:
        return [Entry("Outcome", next(iter(messages.values())))]
    return [Entry("Outcome", f"{of(name)}{message}") for name, message in messages.items()]


def mixed(rows: list[LevelRow]) -> list[str]:
    """Say which degrees only some of the runs have learnt."""
    found: list[str] = []
    for row in rows:
        learnt = np.isfinite(row.times)
        found += [
            f"{row.name}: degree {k} was learnt in {learnt[:, k].sum()} of {len(learnt)} runs."
            for k in np.flatnonzero(learnt.any(axis=0) & ~learnt.all(axis=0))
        ]
    return found


def accuracy(runs: list[Trajectory]) -> str:
    """Say in a few words what a level rests on: steps and samples of SGD, tolerances and errors of a flow."""
    from saddlescope.cli.solving import steps

    run, count = runs[0], len(runs)
    told, known = run.parameters, run.accuracy
    if "step_size" in told:
        size = told["step_size"]
        noise = size * told["dimension"]
        second = size / told["epsilon"] * float(np.square(told["activation_coefficients"]).sum())
        text = f"{run.solver['steps']} steps of {size:g}"
        if "samples" in told:
            return f"{text} on {told['samples']} samples (step / epsilon x |sigma|^2 = {second:.2g})."
        each = f" in each of {told['runs']} runs" if told["runs"] > 1 else ""
        text += f", {run.solver['samples']} fresh samples{each}"
        return f"{text}, {told['method']} (step x d = {noise:.2g}, step / epsilon x |sigma|^2 = {second:.2g})."
    parts = [steps(run)]
    if "coordinates" in known:
        parts.append(f"{known['coordinates']} coordinates a neuron")
    if known.get("kernel_error"):
        parts.append(f"kernel error {known['kernel_error']:.1e}")
    if count > 1:
        parts[0] = f"{count} runs, the first: {parts[0]}"
    return "; ".join(parts) + "."
