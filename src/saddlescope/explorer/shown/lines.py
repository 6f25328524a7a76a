"""What the page draws, as plain arrays on one axis of time: of any family, by what its trajectories hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from saddlescope.plot.parts.between import between
from saddlescope.study import Study
from saddlescope.trajectory import Trajectory

Runs = dict[str, list[Trajectory]]

_POINTS = 600  # of each axis of time, log and linear
_STEPS = 600  # of the run's own
_MOST = 6  # layers or lines with a colour of their own
_NEURONS = 9  # drawn one by one
_SEEN = 1e-6  # of the largest: a smaller layer is not drawn
# what is drawn below the risk or cost, in the order in which it is offered
_BELOW = ("overlap", "singular_values", "regressor", "second_layer", "moment", "test_error", "layer_norm", "l1_norm")
_NAMES = {
    "overlap": "overlaps s of neurons with the target",
    "second_layer": "output weights a of neurons",
    "singular_values": "singular values of the product",
    "regressor": "coefficients",
    "moment": "moments M_k",
    "test_error": "test error",
    "layer_norm": "norms of the layers",
    "l1_norm": "l1 norm of the coefficients",
}
_LETTERS = {"singular_values": ("s", 1), "regressor": ("β", 0), "moment": ("M", 0), "layer_norm": ("layer ", 1)}


def named_runs(study: Study, solved: Any) -> Runs:
    """Return the runs of a study by name, each a list of one or of several seeds."""
    if isinstance(solved, Trajectory):
        return {"run": [solved]}
    if isinstance(solved, dict):
        several = {name or "run": run if isinstance(run, list) else [run] for name, run in solved.items()}
        if all(isinstance(one, Trajectory) for runs in several.values() for one in runs):
            return several
    return {name.removesuffix(".nc"): [run] for name, run in study.trajectories(solved).items()}


def level_of(run: Trajectory) -> str:
    """Return the name of what a run lowers: risk or cost."""
    return "cost" if "cost" in run.observables else "risk"


def picture(runs: Runs) -> dict[str, Any]:
    """Return the measured part of the picture: layers or lines of the level, and what moves below.

    Args:
        runs: one or several, by name.

    Returns:
        A table: `time`, shape (n,), positive; `main` and `below` with lines over it; `view`, its useful range.
    """
    every = [run for several in runs.values() for run in several]
    first = every[0]
    time, view = _times(every)
    if len(every) == 1:
        layers = _layers(first, time)
        total = np.sum([layer["values"] for layer in layers], axis=0)
        lines = []
    else:
        layers, total = [], None
        lines = [_line(name, number, several, time) for number, (name, several) in enumerate(runs.items())]
    panels = [panel for name in _BELOW for panel in _panel(name, runs, time)]
    return {
        "time": time,
        "view": view,
        "time_label": _time_label(first),
        "log_time": level_of(first) == "risk",
        "main": {"label": _label(first), "layers": layers, "total": total, "lines": lines},
        "below": panels,
    }


def predicted(theory: Any, runs: Runs, time: np.ndarray) -> dict[str, Any] | None:
    """Return the dashed line of the prediction and its times, None where there is none.

    Args:
        theory: what `Study.predict` returned.
        runs: whose scale it is for.
        time: axis of the picture.
    """
    run = next(iter(runs.values()))[0]
    if theory is None or isinstance(theory, str):
        return None
    if hasattr(theory, "risk") and "epsilon" in run.parameters:
        epsilon = float(run.parameters["epsilon"])
        times = np.asarray(theory.times(epsilon), dtype=float)
        known = np.flatnonzero(np.isfinite(times))
        if not known.size:
            return None
        degrees = np.flatnonzero(run.parameters.get("link_coefficients", []))
        # beyond the last predicted degree theory is silent, which a flat line would hide
        until = math.inf if degrees.size and degrees[-1] <= known[-1] else float(np.nanmax(times)) * 10**0.5
        values = np.where(time <= until, theory.risk(time, epsilon), np.nan)
        marks = [{"time": float(times[k]), "name": f"degree {k}"} for k in known]
        return {"values": values, "marks": marks, "below": {}}
    heights = getattr(theory, "costs", getattr(theory, "losses", None))
    jumps = getattr(theory, "jump_times", None)
    if heights is None or jumps is None:
        return None
    jumps, heights = np.asarray(jumps, dtype=float), np.asarray(heights, dtype=float)
    if not np.isfinite(jumps).all():
        return {"values": None, "marks": [], "levels": heights.tolist(), "below": {}}
    visited = np.searchsorted(jumps, time)
    values = np.where(visited < len(heights), heights[np.minimum(visited, len(heights) - 1)], np.nan)
    below = {}
    if hasattr(theory, "regressors"):
        below["regressor"] = [theory.regressors[visited, k] for k in _largest(run["regressor"])]
    elif hasattr(theory, "products"):
        spectra = np.linalg.svd(np.asarray(theory.products), compute_uv=False)
        below["singular_values"] = [spectra[visited, k] for k in range(min(_MOST, spectra.shape[1]))]
    marks = [{"time": float(t), "name": f"jump {k + 1}"} for k, t in enumerate(jumps)]
    return {"values": values, "marks": marks, "below": below}


def _times(every: Sequence[Trajectory]) -> tuple[np.ndarray, tuple[float, float]]:
    """An axis that is fine on log and on linear time, and its useful range."""
    end = max(float(run.time[-1]) for run in every)
    begin, useful = end / 100, 0.0
    for run in every:
        level = run[level_of(run)].reshape(len(run.time), -1).mean(axis=1)
        scale = max(abs(float(level[0])), 1e-300)
        moved = np.flatnonzero(np.abs(level - level[0]) > 0.02 * scale)
        moving = np.flatnonzero(np.abs(level - level[-1]) > 5e-3 * scale)
        if moved.size:
            begin = min(begin, float(run.time[moved[0]]) / 30)
        useful = max(useful, 1.2 * float(run.time[moving[-1]]) if moving.size else 0.0)
    begin = max(begin, 1e-18 * end, 1e-300)
    useful = min(max(useful, 10 * begin), end) if useful else end
    own = np.concatenate([run.time[(run.time > begin) & (run.time < end)] for run in every])
    own = own[:: max(1, len(own) // _STEPS)]
    parts = np.geomspace(begin, end, _POINTS), np.linspace(begin, useful, _POINTS // 2), own
    # float32 goes to the page: times that are one there would break its axis
    return np.unique(np.concatenate(parts).astype(np.float32)).astype(float), (begin, useful)


def _layers(run: Trajectory, time: np.ndarray) -> list[dict[str, Any]]:
    """The parts of the level, the highest degree or mode first, which is the bottom of the stack."""
    level = between(time, run.time, run[level_of(run)].reshape(len(run.time), -1))[:, 0]
    names, parts = _parts(run, time)
    if not len(parts):
        return [{"name": level_of(run), "colour": 0, "values": level}]
    peak = parts.max(axis=1)
    shown = np.flatnonzero(peak > _SEEN * peak.max())
    shown = np.sort(shown[np.argsort(-peak[shown], kind="stable")[:_MOST]])[::-1]
    layers = [{"name": names[k], "colour": int(k), "values": parts[k]} for k in shown]
    if "risk_rest" in run.observables:
        rest = np.interp(time, run.time, run["risk_rest"]) + parts.sum(axis=0) - parts[shown].sum(axis=0)
    else:
        rest = np.maximum(level - parts[shown].sum(axis=0), 0.0)
    if rest.max() > _SEEN * max(level.max(), 1e-300):
        layers.insert(0, {"name": "rest", "colour": None, "values": rest})
    return layers


def _parts(run: Trajectory, time: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Degrees of a risk, or modes of a least-squares cost in the frames of its target; shape (part, time)."""
    if {"residual", "residual_rate"} <= run.observables.keys() and run["residual"].ndim == 2:
        parts = 0.5 * between(time, run.time, run["residual"], run["residual_rate"]).T ** 2
        return [f"degree {k}" for k in range(len(parts))], parts
    if "risk_by_degree" in run.observables and run["risk_by_degree"].ndim == 2:
        parts = between(time, run.time, run["risk_by_degree"]).T
        return [f"degree {k}" for k in range(len(parts))], np.maximum(parts, 0.0)
    target = getattr(getattr(run.flow, "cost", None), "target", None)
    if target is not None and type(run.flow.cost).__name__ == "LeastSquares" and "product" in run.observables:
        U, s, Vt = np.linalg.svd(np.asarray(target), full_matrices=False)
        learnt = np.einsum("tij,ik,kj->tk", run["product"], U, Vt)
        parts = 0.5 * (s[:, None] - between(time, run.time, learnt).T) ** 2
        return [f"mode {k + 1}" for k in range(len(parts))], parts
    return [], np.zeros((0, len(time)))


def _line(name: str, number: int, several: list[Trajectory], time: np.ndarray) -> dict[str, Any]:
    values = []
    for run in several:
        level = run[level_of(run)].reshape(len(run.time), -1)
        line = between(time, run.time, level).mean(axis=1)
        # before the first look of what comes in steps nothing is known
        first = run.time[1] if "step_size" in run.parameters else 0.0
        values.append(np.where((time >= first) & (time <= run.time[-1] * (1 + 1e-6)), line, np.nan))
    count = sum(run[level_of(run)].reshape(len(run.time), -1).shape[1] for run in several)
    shown = name if count == 1 else f"{name}, mean of {count}"
    return {"name": shown, "colour": number, "values": np.mean(values, axis=0)}


def _panel(name: str, runs: Runs, time: np.ndarray) -> list[dict[str, Any]]:
    """The lines of one observable: of a single run, or of each run where it is one number."""
    holders = [(label, several[0]) for label, several in runs.items() if name in several[0].observables]
    if not holders:
        return []
    lines: list[dict[str, Any]] = []
    panels = []
    title = _NAMES.get(name, name.replace("_", " "))
    for number, (label, run) in enumerate(holders):
        axis = run.dims[name][0]
        for direction, values in _by_direction(run, name):
            if values.shape[1] == 1:
                lines.append({"name": label, "colour": number, "values": _on(time, run[axis], values)[:, 0]})
                continue
            shown, names, colours = _columns(name, run, values)
            over = _on(time, run[axis], values[:, shown])
            own = [{"name": n, "colour": c, "values": v} for n, c, v in zip(names, colours, over.T, strict=True)]
            told = title if direction is None else f"{title}, z{direction + 1}"
            told = told if len(holders) == 1 else f"{told}: {label}"
            panels.append({"key": name if direction is None else f"{name} {direction}", "label": told, "lines": own})
    if lines:
        panels.append({"key": name, "label": title, "lines": lines})
    return panels


def _by_direction(run: Trajectory, name: str) -> list[tuple[int | None, np.ndarray]]:
    """The columns of an observable, of each hidden direction by itself where there are several."""
    values, time = run[name], len(run[run.dims[name][0]])
    several = run.dims[name][-1] == "direction" and values.shape[-1] > 1
    if not several:
        return [(None, values.reshape(time, -1))]
    return [(k, values[..., k].reshape(time, -1)) for k in range(min(_MOST, values.shape[-1]))]


def _columns(name: str, run: Trajectory, values: np.ndarray) -> tuple[list[int], list[str], list[int]]:
    if name in ("overlap", "second_layer"):
        start = (
            run["second_layer"].reshape(len(run["state_time"]), -1)[0] if "second_layer" in run.observables else None
        )
        count = values.shape[1]
        order = np.argsort(start, kind="stable") if start is not None and len(start) == count else np.arange(count)
        picked = order[np.unique(np.linspace(0, count - 1, min(_NEURONS, count)).round().astype(int))]
        names = [f"a(0) = {start[k]:.2g}" if start is not None and len(start) == count else str(k) for k in picked]
        return picked.tolist(), names, list(range(len(picked)))
    shown = _largest(values) if name == "regressor" else list(range(min(_MOST, values.shape[1])))
    letter, first = _LETTERS.get(name, (f"{name} ", 0))
    return shown, [f"{letter}{k + first}" for k in shown], list(range(len(shown)))


def _largest(values: np.ndarray) -> list[int]:
    """The columns that become largest, at most as many as there are colours, in their order."""
    largest = np.abs(values).max(axis=0)
    picked = [int(k) for k in np.argsort(-largest, kind="stable")[:_MOST] if largest[k] > 0.03 * largest.max()]
    return sorted(picked)


def _on(time: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at other times, straight in log time; nan after the end."""
    late = own > 0
    x = np.log(own[late])
    at = np.log(time)
    columns = [np.interp(at, x, values[late, k]) for k in range(values.shape[1])]
    return np.where((time <= own[-1] * (1 + 1e-6))[:, None], np.stack(columns, axis=1), np.nan)


def _time_label(run: Trajectory) -> str:
    if run.kind not in ("DiagonalFlow", "DiagonalDescent"):
        return "time t"
    told = run.parameters
    if told.get("depth", 2) == 2 and told.get("parametrization", "product") == "product":
        return "time, in units of ln(1/α)"
    return f"time, in units of {told['time_unit']:.4g}"


def _label(run: Trajectory) -> str:
    return "excess risk" if level_of(run) == "risk" else "cost"
