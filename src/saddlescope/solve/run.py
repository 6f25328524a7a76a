"""`solve`: from a flow to its trajectory."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import Any, NamedTuple

import diffrax
import numpy as np

from saddlescope.arguments import ArgumentError, count, positive
from saddlescope.outcome import Outcome
from saddlescope.solve.checkpoint import Checkpoint
from saddlescope.solve.control import Control, in_charge, unwatched
from saddlescope.solve.global_error import estimate
from saddlescope.solve.iterate import iterate
from saddlescope.solve.labels import assembled
from saddlescope.solve.loop import Record, integrate, term_of_fields
from saddlescope.solve.methods.choice import checked, solver_of
from saddlescope.solve.progress import Progress
from saddlescope.solve.protocols import Descent, Flow, Refinement
from saddlescope.solve.still import still_test
from saddlescope.solve.tolerances import Fixed, Tied, Tolerance
from saddlescope.trajectory import Trajectory

_RTOL, _ATTEMPTS = 1e-6, 1_000_000
_MOST_STEPS = 1e14
_MOST_SAVED = 2**25  # numbers in all saved states together, 256 MB


def solve(
    flow: Flow | Descent,
    until: float,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    method: Any = None,
    tolerance: Tolerance | None = None,
    states: int = 100,
    risk_below: float | None = None,
    stop_when_still: bool = False,
    max_steps: int | None = None,
    progress: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    control: Control | None = None,
    error_estimate: bool = True,
) -> Trajectory:
    """Integrate a learning dynamics from time 0 and return its labelled trajectory.

    Observables are saved at every accepted step, states at `states` times spaced evenly in log time. The run can be
    stopped with Ctrl-C and keeps what it has; how it ended is in `trajectory.outcome`.

    Args:
        flow: what to integrate, such as a `MeanFieldFlow`.
        until: end of the time range, in units of the flow's time. Positive.
        rtol: relative tolerance of a step, at most 0.01, of a flow in continuous time; by default 1e-6.
        atol: absolute tolerance of a step, in (0, 1), of a flow in continuous time; by default tied to the scale of the
            flow's state (rtol times that scale), so that no escape from a tiny start is skipped. A larger one is used,
            and doubted.
        method: of a flow in continuous time, a value of `ss.method` such as `ss.method.Tsit5()`, or its name; by
            default that of the flow's structure.
        tolerance: a rule of `ss.tolerance` instead of rtol and atol, which stand for `Tied(rtol)` or, with atol, for
            `Fixed(rtol, atol)`.
        states: number of saved states; fewer are saved where they would take more than 256 MB.
        risk_below: stop when the risk, or the cost of a deep linear network, is at or below this.
        stop_when_still: stop a flow in continuous time when neither motion nor a growing mode can change anything
            before `until`; a plateau, where a mode grows, does not count.
        max_steps: limit on attempted steps, by default 1 000 000 for a flow in continuous time and none for a dynamics
            in steps; the partial trajectory is kept.
        progress: show a progress bar; by default when a run on a terminal takes longer than two seconds.
        checkpoint: a file in which a dynamics in steps (gradient descent) is kept while it goes on; if it exists, the
            run is taken up from there, and ends as it would have without the stop, to the last bit.
        control: who watches the run, and what ends it before its time; those of `with` blocks around count, too.
        error_estimate: measure the error of the whole run of a flow in continuous time, by the same run with looser
            steps, which takes about a third more time: `integration_error` in `accuracy`, relative, of times, or of
            heights beside those at the start.

    Raises:
        ArgumentError: if an argument is out of range, or has no meaning for this dynamics.
        KeyboardInterrupt: if the run was stopped before there was anything to keep.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1.0, 1.0], activation=[1.0, 1.0])
        >>> trajectory = ss.solve(ss.MeanFieldFlow(problem, epsilon=0.01, particles=16), until=2.0)
        >>> trajectory.outcome
        'REACHED_END'
    """
    if not isinstance(flow, Flow | Descent):
        raise ArgumentError("flow", "be a learning dynamics, such as a MeanFieldFlow", flow)
    if control is not None and not isinstance(control, Control):
        raise ArgumentError("control", "be a Control", control)
    until = positive("until", until)
    states = count("states", states, least=2)
    most = None if max_steps is None else count("max_steps", max_steps)
    target = -np.inf if risk_below is None else positive("risk_below", risk_below)
    with Progress(progress, until, flow.shortest_time) as bar:
        asked = in_charge(control, bar)
        if isinstance(flow, Descent):
            of_flows = {"rtol": rtol, "atol": atol, "method": method, "tolerance": tolerance}
            for name, value in {**of_flows, "stop_when_still": stop_when_still or None}.items():
                if value is not None:
                    raise ArgumentError(name, "not be given for a dynamics in steps, which have one length", value)
            return _iterated(flow, until, states, target, most, checkpoint, asked)
        if checkpoint is not None:
            raise ArgumentError("checkpoint", "be given for dynamics in steps only", str(checkpoint))
        how = _How(
            until,
            _tolerance(rtol, atol, tolerance),
            None if method is None else checked(flow.start()[0], method),
            states,
            target,
            stop_when_still,
            _ATTEMPTS if most is None else most,
            error_estimate,
        )
        return dataclasses.replace(_integrated(flow, how, asked), flow=flow)


class _How(NamedTuple):
    """How a flow in continuous time is integrated, see `solve`."""

    until: float
    tolerance: Tolerance
    method: Any
    states: int
    target: float
    stop_when_still: bool
    max_steps: int
    error_estimate: bool


def _tolerance(rtol: float | None, atol: float | None, rule: Tolerance | None) -> Tolerance:
    if rule is None:
        rtol = _RTOL if rtol is None else rtol
        return Tied(rtol) if atol is None else Fixed(rtol, atol)
    if not isinstance(rule, Tolerance):
        raise ArgumentError("tolerance", "be a rule such as ss.tolerance.Tied(1e-8)", rule)
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None:
            raise ArgumentError(name, "not be given together with `tolerance`, which holds it", value)
    return rule


def _integrated(flow: Flow, how: _How, control: Control) -> Trajectory:
    """Integrate a flow, and finer versions of it until the answer stands."""
    runs: list[Trajectory] = []
    while True:
        try:
            record, loose = _integrated_once(flow, how, control)
            trajectory = assembled(flow, record)
            # how a run ended is read before anything is made of it
            if record.outcome in (Outcome.INTERRUPTED, Outcome.DEADLINE) and runs:
                return _not_refined(runs[-1], record.outcome)
            verdict = Refinement()
            if record.outcome.complete:
                runs = [*runs[-2:], trajectory]
                verdict = flow.refined(runs)
        except KeyboardInterrupt:
            if not runs or control.whole:
                raise
            return _not_refined(runs[-1], Outcome.INTERRUPTED)
        if verdict.finer is None:
            trajectory = dataclasses.replace(
                trajectory,
                accuracy=trajectory.accuracy | verdict.accuracy,
                doubts=trajectory.doubts + verdict.doubts + loose,
            )
            if record.outcome.complete and how.error_estimate:
                control.tell_solved(trajectory)
                return _with_error(trajectory, flow, record, how, control)
            return dataclasses.replace(
                trajectory, doubts=trajectory.doubts + _risen(flow, record, 10 * how.tolerance.rtol)
            )
        if control.ended is not None:  # at the very end of the run
            return _not_refined(trajectory, control.ended)
        flow = verdict.finer


def _risen(flow: Flow, record: Record, error: float) -> tuple[str, ...]:
    """A doubt where what a gradient flow stops on rises by more than the error of the run."""
    if not flow.descends:
        return ()
    curve = flow.curves(record)[0]
    risen = float(np.max(curve.values - np.minimum.accumulate(curve.values), initial=0.0))
    if not risen > error * curve.size:
        return ()
    return (
        f"What a gradient flow descends never rises, but in this run it does, by {risen / curve.size:.0e} of its "
        "height: the steps were too loose for it.",
    )


def _with_error(trajectory: Trajectory, flow: Flow, record: Record, how: _How, control: Control) -> Trajectory:
    """The same result with the error of its integration; one that stands, however the work on its error ends."""
    system, y0 = flow.start()
    solver, term, end = solver_of(system, how.method), term_of_fields(), float(record.times[-1])
    rtol, atol = how.tolerance.rtol, how.tolerance.absolute(np.asarray(flow.scale()))

    def again(looser: float, stretch: float, max_steps: int) -> Record:
        return integrate(
            system,
            y0,
            np.array([end]),
            first_step=1e-3 * min(flow.shortest_time, end),
            rtol=looser * rtol,
            atol=looser * atol,
            max_steps=max_steps,
            stretch=stretch,
            control=unwatched(control),
            method=how.method,
        )

    orders = float(solver.order(term)), float(solver.error_order(term))
    expected = float(trajectory.accuracy.get("integration_error", 0.0))
    result = None
    if control.ended is None:
        with contextlib.nullcontext() if control.whole else contextlib.suppress(KeyboardInterrupt):
            bounded = isinstance(solver, diffrax.AbstractERK)
            result = estimate(record, again, flow.curves, rtol, orders, expected, bounded=bounded)
    if result is None or control.ended is not None:
        if control.ended is not None:
            control.refuse_part(control.ended)
        doubt = "How far this run is off is not known: the runs beside it that show it were stopped."
        return dataclasses.replace(trajectory, doubts=(*trajectory.doubts, doubt))
    return dataclasses.replace(
        trajectory,
        accuracy=trajectory.accuracy | {"integration_error": result.error},
        doubts=trajectory.doubts + result.doubts + _risen(flow, record, result.error),
    )


def _integrated_once(flow: Flow, how: _How, control: Control) -> tuple[Record, tuple[str, ...]]:
    """The raw run of one discretisation, and a doubt if its tolerance may have been too loose."""
    system, y0 = flow.start()
    kept = max(2, min(how.states, _MOST_SAVED // y0.size))
    first = min(flow.shortest_time, how.until)
    scale = np.asarray(flow.scale())
    record = integrate(
        system,
        y0,
        _grid(first, how.until, kept),
        first_step=1e-3 * first,
        rtol=how.tolerance.rtol,
        atol=how.tolerance.absolute(scale),
        max_steps=how.max_steps,
        stop_below=how.target,
        is_still=still_test(system, how.until, y0) if how.stop_when_still else None,
        control=control,
        method=how.method,
    )
    return record, how.tolerance.doubts(scale)


def _not_refined(trajectory: Trajectory, outcome: Outcome) -> Trajectory:
    """The last whole run of a flow whose next, finer version was stopped."""
    doubt = "The run was to be repeated with a finer discretisation, and that was stopped: its accuracy is not known."
    doubts = (*trajectory.doubts, outcome.message, doubt)
    return dataclasses.replace(trajectory, outcome=outcome, message=outcome.message, doubts=doubts)


def _iterated(
    flow: Descent,
    until: float,
    states: int,
    target: float,
    max_steps: int | None,
    checkpoint: str | os.PathLike[str] | None,
    control: Control,
) -> Trajectory:
    """Make the steps of a dynamics that comes in steps; the last is the one that ends at `until`."""
    system, state = flow.start()
    step_size = float(system.step_size)
    if until / step_size > _MOST_STEPS:
        must = f"be at most {_MOST_STEPS:.0e} steps of size {step_size:g}, which take years on any machine"
        raise ArgumentError("until", must, until)
    steps = round(until / step_size)
    if steps < 1:
        raise ArgumentError("until", f"be at least one step of size {step_size:g}", until)
    record = iterate(
        system,
        state,
        steps,
        states=states,
        stop_below=target,
        control=control,
        max_steps=max_steps,
        checkpoint=None if checkpoint is None else checkpoint_of(checkpoint, flow, steps, states),
    )
    return assembled(flow, record)


def checkpoint_of(path: str | os.PathLike[str], flow: Descent, steps: int, states: int) -> Checkpoint:
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
