"""Descriptions side by side: SGD, network flow, mean-field flow and theory on one axis of log time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from saddlescope.arguments import ArgumentError
from saddlescope.arguments import fraction as open_fraction
from saddlescope.measure import learning_times
from saddlescope.single_index.problem.mixture import where
from saddlescope.single_index.theory.canonical_order import CanonicalOrder
from saddlescope.trajectory import Trajectory

_POINTS = 400
_BAND = (0.1, 0.9)
_SAME = ("link_coefficients", "activation_coefficients", "epsilon")
_NAMES = {
    "MeanFieldFlow": "mean-field flow",
    "NetworkFlow": "network flow",
    "OnePassSGD": "SGD",
    "SGDLimit": "limit of SGD",
    "SampleDescent": "descent",
}


@dataclass(frozen=True, eq=False)
class Descriptions:
    """What several descriptions of one problem say, n of them.

    Attributes:
        labels: their names.
        time: common times, evenly spaced in log time, shape (T,).
        risk: excess risk, the mean over runs where there are several, shape (n, T).
        low, high: 10 % and 90 % quantiles of the runs, shape (n, T).
        gaps: max over log time of |difference of risks|, over the larger risk at the start, shape (n, n).
        noise: max over time of the standard error of the risk's mean, over the risk at the start, shape (n,): a gap of
            this size is none. 0 where there is no noise, nan where one run does not tell.
        learning_times: when each degree is learnt, the median over runs, shape (n, degrees); nan for never.
        samples: fresh samples used until then, steps times batch, shape (n, degrees); nan where there are no samples.
        fraction: of its target to which a degree that is learnt has fallen.
        doubts: of the runs and predictions, each once.
    """

    labels: tuple[str, ...]
    time: np.ndarray
    risk: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gaps: np.ndarray
    noise: np.ndarray
    learning_times: np.ndarray
    samples: np.ndarray
    fraction: float
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max(len(label) for label in self.labels) + 4
        names = [f"{i + 1:2d}  {label}".ljust(width) for i, label in enumerate(self.labels)]
        degrees = "".join(f"{f'degree {k}':>11}" for k in range(self.learning_times.shape[1]))
        lines = [f"{'learnt at time':{width}}{degrees}"]
        lines += [name + _cells(row, "11.4g") for name, row in zip(names, self.learning_times, strict=True)]
        if np.any(np.isfinite(self.samples)):
            lines.append(f"{'samples until then':{width}}{degrees}")
            rows = zip(names, self.samples, strict=True)
            lines += [name + _cells(row, "11.3g") for name, row in rows if np.any(np.isfinite(row))]
        numbers = "".join(f"{i + 1:11d}" for i in range(len(names)))
        lines.append(f"{'largest gap of risks':{width}}{numbers}      noise")
        for name, row, noise in zip(names, self.gaps, self.noise, strict=True):
            lines.append(name + _cells([*row, noise], "11.2g"))
        lines += [f"doubt: {doubt}" for doubt in self.doubts]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def side_by_side(
    *descriptions: Trajectory | CanonicalOrder, labels: Sequence[str] | None = None, fraction: float = 0.5
) -> Descriptions:
    """Put several descriptions of one problem on one time axis, and measure how far apart they are.

    Args:
        descriptions: results of `solve` of MeanFieldFlow, NetworkFlow, SGDLimit, OnePassSGD or SampleDescent, one at
            least, of the same problem and epsilon; a `canonical_order` may stand among them.
        labels: their names; by default what they are, with width, dimension and step size.
        fraction: a degree is learnt when its residual has fallen to this fraction of its target; for several
            directions the square root of its part of the risk.

    Returns:
        The comparison, over the times that all of them have. Runs of SGD that begin at several seeds spread by their
        starts as well as by their samples; given `initial`, by their samples alone.

    Raises:
        ArgumentError: if there is no trajectory, or one of another problem or epsilon, or they share no time.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
        >>> flow = ss.solve(ss.NetworkFlow(problem, epsilon=1.0, neurons=4, dimension=50), until=20.0)
        >>> sgd = ss.OnePassSGD(problem, epsilon=1.0, neurons=4, dimension=50, step_size=1e-3)
        >>> result = side_by_side(flow, ss.solve(sgd, until=20.0))
        >>> result.labels
        ('network flow, m = 4, d = 50', 'SGD, m = 4, d = 50, step 0.001')
        >>> bool(result.gaps[0, 1] < 0.1)
        True
    """
    runs = [description for description in descriptions if isinstance(description, Trajectory)]
    if not runs or not all(isinstance(description, Trajectory | CanonicalOrder) for description in descriptions):
        raise ArgumentError(
            "descriptions",
            "be trajectories, at least one, or canonical orders",
            [type(x).__name__ for x in descriptions],
        )
    fraction = open_fraction("fraction", fraction)
    first = runs[0].parameters
    for run in runs:
        _refuse_another_problem(first, run)
    epsilon = float(first["epsilon"])
    if labels is None:
        labels = _distinct([_label(description) for description in descriptions])
    if len(labels) != len(descriptions):
        raise ArgumentError("labels", f"be {len(descriptions)} names, one for each description", list(labels))
    begin = max(float(run.time[1]) for run in runs)
    end = min(float(run.time[-1]) for run in runs)
    if not begin < end:
        raise ArgumentError(
            "descriptions", "share a range of times", [(float(r.time[1]), float(r.time[-1])) for r in runs]
        )
    time = np.geomspace(begin, end, _POINTS)
    time[-1] = end
    rows = [_risks(description, time, epsilon) for description in descriptions]
    starts = np.array([_start(description, epsilon) for description in descriptions])
    risk = np.array([row.mean(axis=1) for row in rows])
    low, high = (np.array([np.quantile(row, q, axis=1) for row in rows]) for q in _BAND)
    distance = np.abs(risk[:, None] - risk[None]).max(axis=-1)
    learnt = np.array(
        [_learnt(description, epsilon, fraction, len(first["link_coefficients"])) for description in descriptions]
    )
    rates = np.array([_samples_per_time(description) for description in descriptions])
    return Descriptions(
        labels=tuple(labels),
        time=time,
        risk=risk,
        low=low,
        high=high,
        gaps=distance / np.maximum(starts[:, None], starts[None]),
        noise=np.array([_noise(description, row) for description, row in zip(descriptions, rows, strict=True)])
        / starts,
        learning_times=learnt,
        samples=learnt * rates[:, None],
        fraction=fraction,
        doubts=tuple(dict.fromkeys(doubt for description in descriptions for doubt in description.doubts)),
    )


def _refuse_another_problem(first: dict, run: Trajectory) -> None:
    for name in ("risk", "risk_by_degree"):
        if name not in run.observables:
            raise ArgumentError("descriptions", f"hold {name}, as those of single-index problems do", run.kind)
    if run.parameters.get("target_terms") != first.get("target_terms"):
        targets = first.get("target"), run.parameters.get("target")
        raise ArgumentError("descriptions", "have one target", targets)
    inputs = tuple(told.get("inputs", "isotropic") for told in (first, run.parameters))
    if inputs[0] != inputs[1]:
        raise ArgumentError("descriptions", "have inputs of one law", inputs)
    for name in _SAME:
        if name not in run.parameters or not np.array_equal(run.parameters[name], first[name]):
            raise ArgumentError(
                "descriptions", f"have one {name.replace('_', ' ')}", (first.get(name), run.parameters.get(name))
            )


def _several(run: Trajectory) -> bool:
    return "run" in run.dims["risk"]


def _risks(description: Trajectory | CanonicalOrder, time: np.ndarray, epsilon: float) -> np.ndarray:
    """Risk of every run at common times, shape (T, runs)."""
    if isinstance(description, CanonicalOrder):
        return description.risk(time, epsilon)[:, None]
    risk = description["risk"].reshape(len(description.time), -1)
    return PchipInterpolator(np.log(description.time[1:]), risk[1:])(np.log(time))


def _start(description: Trajectory | CanonicalOrder, epsilon: float) -> float:
    if isinstance(description, CanonicalOrder):
        return float(description.risk(np.zeros(1), epsilon)[0])
    return float(np.mean(description["risk"][0]))


def _noise(description: Trajectory | CanonicalOrder, risks: np.ndarray) -> float:
    if isinstance(description, CanonicalOrder) or description.kind != "OnePassSGD":
        return 0.0
    n = risks.shape[1]
    return float((risks.std(axis=1, ddof=1) / np.sqrt(n)).max()) if n > 1 else float("nan")


def _learnt(description: Trajectory | CanonicalOrder, epsilon: float, fraction: float, degrees: int) -> np.ndarray:
    """Learning time of every degree, the median over runs, shape (degrees,)."""
    if isinstance(description, CanonicalOrder):
        times = np.full(degrees, np.nan)
        result = description.times(epsilon, fraction)[:degrees]
        times[: len(result)] = result
        return times
    phi = np.asarray(description.parameters["link_coefficients"])
    if "residual" in description.observables:
        residual, target, rate = description["residual"], phi, description.observables.get("residual_rate")
    else:
        target, rate = np.abs(phi), None
        if "direction_weights" in description.parameters:  # a sum over directions, of which phi is the link
            gram = np.asarray(description.parameters["directions"])
            b = np.asarray(description.parameters["direction_weights"])
            size = [float(b @ gram**k @ b) / len(b) ** 2 for k in range(len(phi))]
            target = target * np.sqrt(np.maximum(size, 0.0))
        if "target_by_degree" in description.parameters:
            target = np.sqrt(2 * np.asarray(description.parameters["target_by_degree"]))
        residual = np.sqrt(2 * np.maximum(description["risk_by_degree"], 0.0))
    if not _several(description):
        return learning_times(fraction=fraction, time=description.time, residual=residual, target=target, rate=rate)
    each = [
        learning_times(fraction=fraction, time=description.time, residual=residual[:, run], target=target)
        for run in range(residual.shape[1])
    ]
    # a run that never learns counts as later than all others
    middle = np.quantile(np.where(np.isnan(each), np.inf, each), 0.5, axis=0, method="lower")
    return np.where(np.isinf(middle), np.nan, middle)


def _samples_per_time(description: Trajectory | CanonicalOrder) -> float:
    if isinstance(description, CanonicalOrder) or description.kind != "OnePassSGD":
        return float("nan")
    return description.parameters["batch_size"] / description.parameters["step_size"]


def _label(description: Trajectory | CanonicalOrder) -> str:
    if isinstance(description, CanonicalOrder):
        return "theory"
    told, name = description.parameters, _NAMES.get(description.kind, description.kind)
    if description.kind == "MeanFieldFlow":
        return name
    parts = [name, f"m = {told['neurons']}", f"d = {told['dimension']}"]
    if "step_size" in told:
        parts.append(f"step {told['step_size']:g}")
    if told.get("batch_size", 1) > 1:
        parts.append(f"batch {told['batch_size']}")
    if "samples" in told:
        parts.append(f"{told['samples']} samples")
    if not told.get("sphere", True):
        parts.append("free norm")
    if told.get("biases") is not None:
        parts.append("biases")
    if "distance" in told.get("inputs", {}):
        parts.append(f"two clouds, {where(told['inputs']['distance'], told['inputs']['teacher'])}")
    elif "inputs" in told:
        parts.append(f"{len(told['inputs']['eigenvalues'])} eigenvalues")
    if _several(description):
        parts.append(f"{description['risk'].shape[1]} runs")
    return ", ".join(parts)


def _distinct(labels: list[str]) -> list[str]:
    return [
        label if labels.count(label) == 1 else f"{label} ({labels[: i + 1].count(label)})"
        for i, label in enumerate(labels)
    ]


def _cells(values: Sequence[float] | np.ndarray, form: str) -> str:
    width = int(form.split(".")[0])
    return "".join(f"{'-':>{width}}" if np.isnan(value) else f"{value:{form}}" for value in values)
