"""Descriptions side by side: learning times of each degree, samples, distances between risks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saddlescope.plot.single_index._descriptions import together
from saddlescope.plot.single_index.order_parameters import specialised
from saddlescope.single_index.compare.descriptions import side_by_side
from saddlescope.trajectory import Trajectory

# what a description is an approximation of, or approximated by
_NEARER = {"OnePassSGD": "NetworkFlow", "SampleDescent": "NetworkFlow", "NetworkFlow": "MeanFieldFlow"}
_GRID = 400


@dataclass(frozen=True)
class DescriptionRow:
    """What one description shows.

    name: of the run; kind: of its trajectories; neurons, dimension: inf where there is no end to them.
    seeds: one a run, None for what has none; times: learning time of each degree, shape (run, degree), nan where a
    degree is not learnt or has nothing to learn. samples_per_time: fresh samples in a unit of time, nan for flows.
    reference: the run its risk is held against, "" for none; runs of one seed start alike.
    largest_gap, mean_gap: largest distance of their mean risks, and its mean over log time, over the risk at the start.
    specialised: when neurons have parted, see `specialisation`; nan for one teacher or never.
    """

    name: str
    kind: str
    neurons: float
    dimension: float
    seeds: tuple[int | None, ...]
    times: np.ndarray
    samples_per_time: float
    reference: str
    largest_gap: float
    mean_gap: float
    specialised: float

    @property
    def median_times(self) -> np.ndarray:
        """Median learning time of each degree, nan where more than half of the runs do not learn it."""
        late = np.quantile(np.where(np.isnan(self.times), np.inf, self.times), 0.5, axis=0, method="lower")
        return np.where(np.isinf(late), np.nan, late)

    @property
    def samples(self) -> np.ndarray:
        """Fresh samples seen by then."""
        return self.median_times * self.samples_per_time

    def plain(self) -> dict[str, Any]:
        """As numbers, texts, lists and tables."""
        return {
            "kind": self.kind,
            "neurons": "infinite" if math.isinf(self.neurons) else int(self.neurons),
            "dimension": "infinite" if math.isinf(self.dimension) else int(self.dimension),
            "seeds": list(self.seeds),
            "learning_times": self.median_times.tolist(),
            "learning_times_of_runs": self.times.tolist(),
            "samples_needed": None if math.isnan(self.samples_per_time) else self.samples.tolist(),
            "gap_to": self.reference or None,
            "largest_gap": self.largest_gap,
            "mean_gap": self.mean_gap,
            "specialised": self.specialised,
        }


def description_rows(descriptions: Mapping[str, Sequence[Trajectory]], fraction: float) -> list[DescriptionRow]:
    """Measure every description, and its distance from the one that it is nearest to.

    SGD and descent on samples are held against the first network flow of as many neurons in the same dimension, over
    the seeds that both have, if they share any; a network flow is held against the first mean-field flow.
    """
    rows = []
    for name, runs in descriptions.items():
        other = _reference(name, descriptions)
        largest, mean = (math.nan, math.nan) if other is None else _gap(runs, descriptions[other])
        about = runs[0].parameters
        rows.append(
            DescriptionRow(
                name=name,
                kind=runs[0].kind,
                neurons=_size(runs[0], "neurons"),
                dimension=_size(runs[0], "dimension"),
                seeds=tuple(seed for run in runs for seed in _seeds(run)),
                times=np.concatenate([times_of_runs(run, fraction) for run in runs]),
                samples_per_time=about["batch_size"] / about["step_size"] if _fresh(runs[0]) else math.nan,
                reference=other or "",
                largest_gap=largest,
                mean_gap=mean,
                specialised=float(np.median([specialisation(run) for run in runs])),
            )
        )
    return rows


def times_of_runs(run: Trajectory, fraction: float) -> np.ndarray:
    """Return the learning time of each degree in each run of a trajectory, shape (run, degree)."""
    return np.concatenate([side_by_side(one, fraction=fraction).learning_times for one in single_runs(run)])


def single_runs(trajectory: Trajectory) -> list[Trajectory]:
    """Return the runs of a trajectory as trajectories of one run each."""
    if "run" not in trajectory.coords:
        return [trajectory]
    axes = {name: dims.index("run") for name, dims in trajectory.dims.items() if "run" in dims}
    dims = {name: tuple(d for d in dims if d != "run") for name, dims in trajectory.dims.items()}
    coords = {name: values for name, values in trajectory.coords.items() if name != "run"}
    return [
        dataclasses.replace(
            trajectory,
            observables={
                name: np.take(values, i, axis=axes[name]) if name in axes else values
                for name, values in trajectory.observables.items()
            },
            dims=dims,
            coords=coords,
            parameters=trajectory.parameters | {"seed": int(seed), "runs": 1},
        )
        for i, seed in enumerate(trajectory.coords["run"])
    ]


def specialisation(run: Trajectory) -> float:
    """Return when neurons have parted for good, in the sense of `plot.order_parameters.specialised`.

    nan for one teacher, for a run in which that never comes to stay, and for the mean-field limit.
    """
    if "direction" not in run.dims.get("overlap", ()):
        return math.nan
    parted = specialised(run)
    if not parted[-1]:
        return math.nan
    together_last = np.flatnonzero(~parted)
    at = int(together_last[-1]) + 1 if together_last.size else 0
    return float(run["state_time"][at])


def escape_by_dimension(rows: Sequence[DescriptionRow], degree: int) -> tuple[float, float] | None:
    """Return (slope, worst deviation) of the learning time of a degree against log d, of flows that differ in d alone.

    None where there are fewer than three.
    """
    flows = [row for row in rows if row.kind == "NetworkFlow" and math.isfinite(row.dimension)]
    points = [(math.log(row.dimension), row.median_times[degree]) for row in flows]
    points = [point for point in points if math.isfinite(point[1])]
    if len({row.neurons for row in flows}) != 1 or len({x for x, _ in points}) < 3:
        return None
    x, y = np.array(points).T
    slope, start = np.polyfit(x, y, 1)
    return float(slope), float(np.abs(y - start - slope * x).max())


def _fresh(run: Trajectory) -> bool:
    return run.kind == "OnePassSGD"


def _size(run: Trajectory, name: str) -> float:
    value = run.parameters.get(name)
    return math.inf if value is None or value == "infinite" else float(value)


def _seeds(run: Trajectory) -> list[int | None]:
    if "run" in run.coords:
        return [int(seed) for seed in run.coords["run"]]
    return [run.parameters.get("seed")]


def _reference(name: str, descriptions: Mapping[str, Sequence[Trajectory]]) -> str | None:
    own = descriptions[name][0]
    wanted = _NEARER.get(own.kind)
    for other, runs in descriptions.items():
        if runs[0].kind != wanted:
            continue
        if _neurons(own) != _neurons(runs[0]):
            continue
        if wanted == "MeanFieldFlow" or all(_size(own, s) == _size(runs[0], s) for s in ("neurons", "dimension")):
            return other
    return None


def _neurons(run: Trajectory) -> tuple[bool, bool, Any]:
    """Whether neurons are on the sphere, whether they have biases, and what inputs they see."""
    told = run.parameters
    return bool(told.get("sphere", True)), told.get("biases") is not None, told.get("inputs")


def _gap(runs: Sequence[Trajectory], others: Sequence[Trajectory]) -> tuple[float, float]:
    every = [*runs, *others]
    # before the second layer has moved, or, where it never does, the first
    ratios = [float(run.parameters["epsilon"]) for run in every]
    begin = max(e / 10 if math.isfinite(e) else float(r.time[1]) for e, r in zip(ratios, every, strict=True))
    begin = max(begin, *(float(run.time[1]) for run in every if "step_size" in run.parameters), begin)
    end = min(float(run.time[-1]) for run in every)
    if end <= begin:
        return math.nan, math.nan
    at = np.geomspace(begin, end, _GRID)
    mine, theirs = _alike(runs, others, at)
    gap = np.abs(mine.mean(axis=1) - theirs.mean(axis=1)) / np.mean([run["risk"][0].mean() for run in others])
    return float(gap.max()), float(gap.mean())


def _alike(runs: Sequence[Trajectory], others: Sequence[Trajectory], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Risks at these times of the runs whose seeds both have, or of all where they share none."""
    mine, theirs = together(runs, at), together(others, at)
    own, other = ([seed for run in group for seed in _seeds(run)] for group in (runs, others))
    shared = [seed for seed in own if seed is not None and seed in other]
    if not shared:
        return mine, theirs
    return mine[:, [own.index(s) for s in shared]], theirs[:, [other.index(s) for s in shared]]
