"""Descriptions of one problem beside theory: the table of their learning times, and sentences below it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.single_index.compare.description_rows import DescriptionRow, description_rows, escape_by_dimension
from saddlescope.single_index.compare.terms import told_times
from saddlescope.single_index.problem import rate_ratio
from saddlescope.single_index.problem.mixture import where
from saddlescope.study import NOTHING, Column, Comparison, Remark
from saddlescope.study.provenance import provenance, steps

if TYPE_CHECKING:
    from saddlescope.single_index.theory.canonical_order import CanonicalOrder
    from saddlescope.trajectory import Trajectory

_NAME, _DEGREES = 16, 4  # letters of a name and degrees that fit into a table of 80 characters


def compare_descriptions(
    runs: Mapping[str, Sequence[Trajectory]],
    order: CanonicalOrder | None,
    fraction: float = 0.5,
    title: str = "Descriptions of one problem",
    *,
    directions: int = 1,
    whole: bool = True,
) -> Comparison:
    """Return when each degree is learnt in each description of a problem, beside what theory predicts.

    Args:
        runs: name -> the runs of one description.
        order: what is predicted for infinite width and dimension; None for nothing.
        fraction: a degree is learnt when its residual is this fraction of its target.
        title: above the table.
        directions: number of teacher directions.
        whole: whether these are all runs that were asked for.
    """
    rows = description_rows(runs, fraction)
    every = [run for group in runs.values() for run in group]
    of = (lambda name: "") if len(runs) == 1 and whole else (lambda name: f"{name}: ")
    references = tuple(dict.fromkeys(key for run in every for key in run.references))
    doubts = [f"{of(n)}{d}" for n, group in runs.items() for r in group for d in r.doubts if d != r.message]
    doubts += [] if order is None else list(order.doubts)
    doubts += mixed(rows)
    told = every[0].parameters
    learnt = f"target {told['target']}" if "target" in told else f"link {told['link']}"
    teachers = f", {directions} directions" if directions > 1 else ""
    columns, printed, asides = _table(rows, every[0], order, fraction, directions > 1)
    return Comparison(
        title=title,
        subtitle=f"{learnt}, activation {told['activation']}{teachers}, {rate_ratio.told(told['epsilon'])}",
        columns=columns,
        rows=printed,
        asides=asides,
        remarks=(*remarks(rows, every[0], order), *_terms(runs, fraction), *floors(runs, of), *outcomes(runs, of)),
        doubts=tuple(doubts),
        accuracy=tuple(f"{of(name)}{accuracy(group)}" for name, group in runs.items()),
        references=references,
        record=_record(rows, runs, order, doubts, references, fraction),
        interrupted=not whole or every[-1].outcome == "INTERRUPTED",
        complete=all(run.outcome in ("REACHED_END", "REACHED_TARGET", "STILL") for run in every),
    )


def _table(
    rows: list[DescriptionRow], run: Trajectory, order: CanonicalOrder | None, fraction: float, several: bool
) -> tuple[tuple[Column, ...], tuple[dict[str, Any], ...], dict[int, tuple[dict[str, Any], ...]]]:
    """Theory first, then one row a description, with samples below those that see them."""
    degrees = [int(k) for k in np.flatnonzero(run.parameters["link_coefficients"])][: _DEGREES - several]
    columns = (
        Column("description", "\ndescription", words=True),
        Column("neurons", "\nm", _size),
        Column("dimension", "\nd", _size),
        *(Column(f"degree {k}", f"{'' if place else 'learnt at'}\ndegree {k}") for place, k in enumerate(degrees)),
        *([Column("specialised", "special-\nised at")] if several else []),
        Column("gap", "\ngap", ".2g"),
    )
    printed, asides = [], {}
    if order is not None:
        times = order.times(float(run.parameters["epsilon"]), fraction)
        own = {f"degree {k}": float(times[k]) if k < len(times) else math.nan for k in degrees}
        if np.isfinite(list(own.values())).any():
            asides[-1] = ({"description": "theory", "neurons": math.inf, "dimension": math.inf, **own},)
    for place, row in enumerate(rows):
        name = row.name if len(row.name) <= _NAME else f"{row.name[: _NAME - 1]}."
        learnt = {f"degree {k}": float(row.median_times[k]) for k in degrees}
        special = {"specialised": row.specialised} if several else {}
        sizes = {"neurons": row.neurons, "dimension": row.dimension}
        printed.append({"description": name, **sizes, **learnt, **special, "gap": row.largest_gap})
        if math.isfinite(row.samples_per_time):
            samples = {f"degree {k}": _rounded(row.samples[k]) for k in degrees}
            asides[place] = ({"description": "  samples", **samples},)
    return columns, tuple(printed), asides


def _size(value: float) -> str:
    return "inf" if math.isinf(value) else _rounded(value)


def _rounded(value: float) -> str:
    """A count in at most eight characters."""
    if math.isnan(value):
        return NOTHING
    return f"{value:.0f}" if value < 1e5 else f"{value:.3g}".replace("e+0", "e").replace("e+", "e")


def remarks(rows: list[DescriptionRow], run: Trajectory, order: CanonicalOrder | None) -> list[Remark]:
    """Say what is never learnt, what theory does not predict, how the escape depends on d, what gaps are."""
    results = []
    targets = np.asarray(run.parameters["link_coefficients"])
    for row in rows:
        never = [str(k) for k in np.flatnonzero(targets) if math.isnan(row.median_times[k])]
        if never:
            which = "degree" if len(never) == 1 else "degrees"
            results.append(Remark("Unlearnt", f"{row.name}: {which} {', '.join(never)}."))
    silent = [v for v in (() if order is None else order.levels) if not v.canonical]
    results += [Remark("Theory", f"degree {v.degree}: {v.reason}.") for v in silent[:1]]
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
            results.append(Remark("Escape", text))
            break
    if any(row.reference for row in rows):
        pairs = "; ".join(f"{r.name} from {r.reference}" for r in rows if r.reference)
        what = "largest distance of mean risks, over the risk at the start"
        results.append(Remark("Gap", f"{what}: {pairs}."))
    return results


def _terms(runs: Mapping[str, Sequence[Trajectory]], fraction: float) -> list[Remark]:
    """Say when each term of a joint target is learnt, where that is known."""
    return [
        Remark("Terms", f"{name}: {told_times(group[0], fraction)}.")
        for name, group in runs.items()
        if "term_residual" in group[0].observables
    ]


def floors(computed: Mapping[str, Sequence[Trajectory]], of: Callable[[str], str]) -> list[Remark]:
    """Say what stays of the risk: degrees that the activation lacks, and what noise of labels leaves of SGD."""
    results = []
    lacking = {name: float(runs[0].accuracy.get("unlearnable_risk", 0.0)) for name, runs in computed.items()}
    most = max(lacking.values(), default=0.0)
    if most > 0:
        of_all = len(set(lacking.values())) == 1
        whose = "" if of_all else f" ({', '.join(name for name, value in lacking.items() if value > 0)})"
        results.append(Remark("Floor", f"{most:.4g} of the risk is in degrees that the activation lacks{whose}."))
    for name, runs in computed.items():
        told = runs[0].parameters
        if told.get("label_noise"):
            known = told["label_noise"] ** 2 / 2
            text = f"labels have noise of {told['label_noise']:g}; risks are without its {known:.3g}"
            left = runs[0].accuracy.get("noise_floor")
            text += "." if left is None else f", and it leaves about {left:.2g} where all is learnt."
            results.append(Remark("Noise", f"{of(name)}{text}"))
    return results


def outcomes(computed: Mapping[str, Sequence[Trajectory]], of: Callable[[str], str]) -> list[Remark]:
    """Say how every description ended, once if they all ended alike."""
    messages = {name: runs[-1].message for name, runs in computed.items()}
    if len(set(messages.values())) == 1:
        return [Remark("Outcome", next(iter(messages.values())))]
    return [Remark("Outcome", f"{of(name)}{message}") for name, message in messages.items()]


def mixed(rows: list[DescriptionRow]) -> list[str]:
    """Say which degrees only some of the runs have learnt."""
    results: list[str] = []
    for row in rows:
        learnt = np.isfinite(row.times)
        results += [
            f"{row.name}: degree {k} was learnt in {learnt[:, k].sum()} of {len(learnt)} runs."
            for k in np.flatnonzero(learnt.any(axis=0) & ~learnt.all(axis=0))
        ]
    return results


def accuracy(runs: Sequence[Trajectory]) -> str:
    """Say in a few words what a description rests on: steps and samples of SGD, tolerances and errors of a flow."""
    run, count = runs[0], len(runs)
    told, known = run.parameters, run.accuracy
    if "step_size" in told:
        size = told["step_size"]
        variance = told["inputs"]["mean"] if "inputs" in told else 1.0
        noise = size * told["dimension"] * variance
        second = size / told["epsilon"] * float(np.square(told["activation_coefficients"]).sum())
        text = f"{run.solver['steps']} steps of {size:g}"
        if "samples" in told:
            return f"{text} on {told['samples']} samples (step / epsilon x |sigma|^2 = {second:.2g})."
        each = f" in each of {told['runs']} runs" if told["runs"] > 1 else ""
        text += f", {run.solver['samples']} fresh samples{each}"
        of = "d" if "inputs" not in told else "trace of covariance"
        return f"{text}, {told['method']} (step x {of} = {noise:.2g}, step / epsilon x |sigma|^2 = {second:.2g})."
    parts = [steps(run)]
    if "coordinates" in known:
        parts.append(f"{known['coordinates']} coordinates a neuron")
    if not told.get("sphere", True):
        parts.append("norms free")
    if told.get("biases") is not None:
        parts.append("biases")
    if "distance" in told.get("inputs", {}):
        parts.append(f"inputs in two clouds, {where(told['inputs']['distance'], told['inputs']['teacher'])}")
    elif "inputs" in told:
        values = told["inputs"]["eigenvalues"]
        spread = f"{len(values)} from {min(values):.3g} to {max(values):.3g}" if len(values) > 1 else f"{values[0]:.3g}"
        parts.append(f"eigenvalues of inputs {spread}")
    if known.get("kernel_error"):
        parts.append(f"kernel error {known['kernel_error']:.1e}")
    if count > 1:
        parts[0] = f"{count} runs, the first: {parts[0]}"
    return "; ".join(parts) + "."


def _record(
    rows: list[DescriptionRow],
    runs: Mapping[str, Sequence[Trajectory]],
    order: CanonicalOrder | None,
    doubts: list[str],
    references: tuple[str, ...],
    fraction: float,
) -> dict[str, Any]:
    epsilon = next(iter(runs.values()))[0].parameters["epsilon"]
    told = {}
    for row in rows:
        group = runs[row.name]
        told[row.name] = {
            "outcome": group[-1].outcome,
            "message": group[-1].message,
            **row.plain(),
            "initial_risk": float(np.mean([run["risk"][0].mean() for run in group])),
            "final_risk": float(np.mean([run["risk"][-1].mean() for run in group])),
            "of_runs": [provenance(run) for run in group],
        }
    return {
        "epsilon": rate_ratio.plain(epsilon),
        "learning_time_fraction": fraction,
        "predicted_times": None if order is None else order.times(epsilon, fraction).tolist(),
        "descriptions": told,
        "doubts": doubts,
        "cite": list(references),
    }
