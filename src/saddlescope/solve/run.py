"""`solve`: from a flow to its trajectory."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import os
import platform
from typing import Any

import jax
import numpy as np

from saddlescope.arguments import ArgumentError, count, fraction, positive
from saddlescope.solve.checkpoint import Checkpoint
from saddlescope.solve.iterate import Iteration, iterate
from saddlescope.solve.loop import integrate
from saddlescope.solve.progress import Progress
from saddlescope.solve.protocols import Flow
from saddlescope.trajectory import Trajectory

_MOST_STEPS = 1e14
_MOST_SAVED = 2**25  # numbers in all saved states together, 256 MB


def solve(
    flow: Flow,
    until: float,
    *,
    rtol: float = 1e-6,
    atol: float | None = None,
    states: int = 100,
    risk_below: float | None = None,
    stop_when_still: bool = False,
    max_steps: int = 1_000_000,
    progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Trajectory:
    """Integrate a learning dynamics from time 0 and return its labelled trajectory.

    Observables are saved at every accepted step, states at `states` times spaced evenly in log time. The run can be
    stopped with Ctrl-C and keeps what it has; how it ended is in `trajectory.outcome`.

    Args:
        flow: what to integrate, such as a `MeanFieldFlow`.
        until: end of the time range, in units of the flow's time. Positive.
        rtol: relative tolerance of a step, in (0, 1).
        atol: absolute tolerance of a step, in (0, 1); by default tied to the scale of the flow's state (rtol times that
            scale), so that no escape from a tiny start is skipped. A larger one is used, and doubted.
        states: number of saved states; fewer are saved where they would take more than 256 MB.
        risk_below: stop when the risk, or the cost of a deep linear network, is at or below this.
        stop_when_still: stop when neither motion nor a growing mode can change anything before `until`; a plateau,
            where a mode grows, does not count.
        max_steps: limit on attempted steps; the partial trajectory is kept.
        progress: show a progress bar; by default when a run on a terminal takes longer than two seconds.
        checkpoint: a file in which a dynamics in steps (gradient descent) is kept while it goes on; if it exists, the
            run is taken up from there, and ends as it would have without the stop, to the last bit.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, 1.0], activation=[1.0, 1.0])
        >>> trajectory = ss.solve(ss.MeanFieldFlow(problem, epsilon=0.01, particles=16), until=2.0)
        >>> trajectory.outcome
        'REACHED_END'
    """
    if not isinstance(flow, Flow):
        raise ArgumentError("flow", "be a learning dynamics, such as a MeanFieldFlow", flow)
    until = positive("until", until)
    rtol = fraction("rtol", rtol)
    states = count("states", states, least=2)
    max_steps = count("max_steps", max_steps)
    target = -np.inf if risk_below is None else positive("risk_below", risk_below)
    if atol is not None:
        atol = fraction("atol", atol)
    system, y0 = flow.start()
    if isinstance(system, Iteration):
        return _iterated(flow, system, y0, until, states, target, progress, checkpoint)
    if checkpoint is not None:
        raise ArgumentError("checkpoint", "be given for dynamics in steps only", str(checkpoint))
    asked, coarser = flow, None
    with Progress(progress, until, flow.shortest_time) as shown:
        while True:
            kept = max(2, min(states, _MOST_SAVED // y0.size))
            first = min(flow.shortest_time, until)
            tied = rtol * np.asarray(flow.scale())
            record = integrate(
                system,
                y0,
                _grid(first, until, kept),
                first_step=1e-3 * first,
                rtol=rtol,
                atol=tied if atol is None else atol,
                max_steps=max_steps,
                stop_below=target,
                is_still=_still_test(system, until, y0) if stop_when_still else None,
                watch=shown.update,
            )
            trajectory = flow.trajectory(record)
            verdict = flow.refined(trajectory, coarser)
            if verdict.finer is not None:
                flow, coarser = verdict.finer, trajectory
                system, y0 = flow.start()
                continue
            doubts = trajectory.doubts + verdict.doubts
            if atol is not None and atol > tied.min():
                doubts += (
                    f"Argument `atol` is {atol:g}, above {tied.min():.1e}, the scale of this flow's state times "
                    "rtol: an escape from a small start may have been skipped.",
                )
            accuracy = trajectory.accuracy | verdict.accuracy
            return dataclasses.replace(trajectory, accuracy=accuracy, doubts=doubts, flow=asked)


def _iterated(
    flow: Flow,
    system: Iteration,
    state: Any,
    until: float,
    states: int,
    target: float,
    progress: bool | None,
    checkpoint: str | os.PathLike[str] | None,
) -> Trajectory:
    """Make the steps of a dynamics that comes in steps; the last is the one that ends at `until`."""
    step_size = float(system.step_size)
    if until / step_size > _MOST_STEPS:
        must = f"be at most {_MOST_STEPS:.0e} steps of size {step_size:g}, which take years on any machine"
        raise ArgumentError("until", must, until)
    steps = round(until / step_size)
    if steps < 1:
        raise ArgumentError("until", f"be at least one step of size {step_size:g}", until)
    with Progress(progress, until, step_size) as shown:
        record = iterate(
            system,
            state,
            steps,
            states=states,
            stop_below=target,
            watch=shown.update,
            checkpoint=None if checkpoint is None else checkpoint_of(checkpoint, flow, steps, states),
        )
    trajectory = flow.trajectory(record)
    return dataclasses.replace(trajectory, doubts=trajectory.doubts + record.doubts, flow=flow)


def checkpoint_of(path: str | os.PathLike[str], flow: Flow, steps: int, states: int) -> Checkpoint:
    """Return the checkpoint of a dynamics in steps.

    Args:
        path: of the file.
        flow: the dynamics.
        steps: that the whole run makes.
        states: saved of it.

    Raises:
        ArgumentError: if the file is damaged or belongs to another run.
    """
    return Checkpoint(path, (flow, steps, states), flow.describe() | {"steps": steps, "states": states})


def _grid(first: float, until: float, states: int) -> np.ndarray:
    """Times of saved states: a log grid from a tenth of the shortest time-scale, ending exactly at `until`."""
    grid = np.geomspace(0.1 * first, until, states - 1)
    grid[-1] = until
    return grid


def _still_test(system: Any, until: float, y0: jax.Array) -> Any:
    """Nothing can happen before `until`: the risk would not move at its present rate, and no mode can grow."""
    size = int(np.prod(y0.shape))
    if size > 2048:
        raise ArgumentError("stop_when_still", "be used with at most 2048 numbers in the state", size)
    jacobian = jax.jit(lambda system, y: jax.jacfwd(system.vector_field)(y).reshape(size, size))
    observe = jax.jit(lambda system, y: system.observables(y, system.vector_field(y)))
    reference = float(observe(system, y0)[system.stop_on])

    def is_still(t: float, y: jax.Array) -> bool:
        left = until - t
        observed = observe(system, y)
        if abs(float(observed[f"{system.stop_on}_rate"])) * left > 1e-9 * reference:
            return False
        growth = np.linalg.eigvals(np.asarray(jacobian(system, y))).real.max()
        return bool(growth * left < 1.0)

    return is_still


@functools.lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    names = ("saddlescope", "jax", "diffrax", "equinox", "numpy", "scipy")
    found = {name: importlib.metadata.version(name) for name in names}
    return found | {"python": platform.python_version(), "device": jax.default_backend()}


def versions() -> dict[str, str]:
    """Versions of what makes a result, for its provenance."""
    return dict(_versions())  # looked up once: reading them takes as long as a hundred steps
