"""The state of a run at some of its times, as the page shows it: clouds of neurons, singular vectors, coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescope.trajectory import Trajectory

_FRAMES = 90
_DOTS = 400
_MODES = 3


def states(run: Trajectory, theory: Any = None) -> dict[str, Any] | None:
    """Return the frames of a run, None where it has nothing to show.

    Args:
        run: whose state is shown.
        theory: its prediction, whose saddles are marked where it has any.
    """
    if stands_alone(run):
        return _cloud(run)
    if "product" in run.observables:
        return _vectors(run, theory)
    if "regressor" in run.observables:
        return _coefficients(run, theory)
    return None


def stands_alone(run: Trajectory) -> bool:
    """Return whether the frames of a run show nothing of its prediction."""
    return {"second_layer", "overlap"} <= run.observables.keys()


def _cloud(run: Trajectory) -> dict[str, Any]:
    """Neurons as dots (a, s), of several directions in the plane of the first two; the area of a dot by its weight."""
    time = run["state_time"]
    a = run["second_layer"].reshape(len(time), -1)
    s = run["overlap"].reshape(*a.shape, -1)
    x, y, labels = a, s[..., 0], ["output weight a", "overlap s"]
    if s.shape[2] > 1:
        x, y, labels = s[..., 0], s[..., 1], ["overlap with z1", "overlap with z2"]
    weight = run["weight"].ravel() if "weight" in run.observables else np.full(a.shape[1], 1 / a.shape[1])
    picked = np.unique(np.linspace(0, a.shape[1] - 1, min(_DOTS, a.shape[1])).round().astype(int))
    frames = _some(len(time))
    return {
        "kind": "cloud",
        "times": time[frames],
        "x": x[frames][:, picked],
        "y": y[frames][:, picked],
        "weight": weight[picked] / weight.max() if len(weight) == a.shape[1] else np.ones(len(picked)),
        "colour": a[0][picked],
        "labels": labels,
    }


def _vectors(run: Trajectory, theory: Any) -> dict[str, Any]:
    """Leading singular vectors of the product, and its way in the plane of the saddles."""
    frames = _some(len(run.time))
    products = run["product"][frames]
    left, sizes, right = np.linalg.svd(products, full_matrices=False)
    count = min(_MODES, sizes.shape[1])
    left, right = np.swapaxes(left[:, :, :count], 1, 2), right[:, :count, :]
    for k in range(1, len(frames)):
        # a singular vector is known up to its sign: it keeps that of the frame before
        turned = np.where(np.sum(left[k] * left[k - 1], axis=1) < 0, -1.0, 1.0)[:, None]
        left[k], right[k] = turned * left[k], turned * right[k]
    return {
        "kind": "vectors",
        "times": run.time[frames],
        "left": left,
        "right": right,
        "sizes": sizes[:, :count],
        "largest": float(sizes.max()),
        "plane": _plane(run["product"], products, theory),
    }


def _plane(whole: np.ndarray, frames: np.ndarray, theory: Any) -> dict[str, Any]:
    """The run along the two directions in which the saddles differ most, or it does itself."""
    known = None if theory is None or isinstance(theory, str) else getattr(theory, "products", None)
    saddles = np.asarray(known).reshape(len(known), -1) if known is not None and len(known) > 1 else None
    points = whole.reshape(len(whole), -1)
    spanning = points[_some(len(points))] if saddles is None else saddles
    centre = spanning.mean(axis=0)
    axes = np.linalg.svd(spanning - centre, full_matrices=False)[2][:2]
    if len(axes) < 2:
        axes = np.vstack([axes, np.zeros_like(axes)])
    steps = (spanning[-1] - spanning[0]) @ axes[0], (spanning[min(1, len(spanning) - 1)] - spanning[0]) @ axes[1]
    axes = axes * np.where(np.array(steps) < 0, -1.0, 1.0)[:, None]
    return {
        "run": (points - centre) @ axes.T,
        "frames": (frames.reshape(len(frames), -1) - centre) @ axes.T,
        "saddles": None if saddles is None else (saddles - centre) @ axes.T,
        "names": [] if saddles is None else [f"rank {rank}" for rank in getattr(theory, "ranks", range(len(saddles)))],
    }


def _coefficients(run: Trajectory, theory: Any) -> dict[str, Any]:
    """All coefficients as bars, those at the end of the predicted path beside them."""
    frames = _some(len(run.time))
    end = getattr(theory, "regressors", None)
    return {
        "kind": "bars",
        "times": run.time[frames],
        "bars": run["regressor"][frames],
        "predicted": None if end is None else np.asarray(end)[-1],
        "labels": ["coordinate", "coefficient"],
    }


def _some(count: int) -> np.ndarray:
    """Places of at most so many frames, both ends among them: a run's steps are dense where something happens."""
    return np.unique(np.linspace(0, count - 1, min(_FRAMES, count)).round().astype(int))
