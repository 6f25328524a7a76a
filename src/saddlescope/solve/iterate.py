"""The loop for dynamics that come in steps: gradient descent, stochastic gradient descent."""

from __future__ import annotations

import abc
import time
from typing import Any, ClassVar

import equinox as eqx
import jax
import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.files import NotWrittenError
from saddlescope.outcome import Outcome
from saddlescope.solve.checkpoint import Checkpoint
from saddlescope.solve.control import Control, Standing, in_charge
from saddlescope.solve.loop import Record
from saddlescope.solve.machine.programs import make_room
from saddlescope.solve.machine.ready import QUICK, Compiled

_OBSERVED = 400  # log-spaced steps at which observables are saved
_FIRST_CALL = 64  # steps
_CALL_SECONDS = 0.3
_OPTIONS: dict[str, Any] = {"xla_cpu_multi_thread_eigen": False}


class Iteration(eqx.Module):
    """A map from one state to the next, with its numbers as array leaves, so that new numbers never compile again.

    The state is any pytree of arrays; a random key is part of it.
    """

    stop_on: ClassVar[str] = "cost"  # the observable that a target or a progress bar looks at

    step_size: jax.Array  # time of one step

    @property
    def references(self) -> tuple[str, ...]:
        """What the steps rest on, beside JAX."""
        return ()

    @abc.abstractmethod
    def advance(self, state: Any) -> Any:
        """Return the state one step later."""

    def advance_by(self, state: Any, steps: int) -> Any:
        """Return the state `steps` steps later, by `advance` compiled; a system may know a faster way."""
        return _advance(self, state, np.asarray(steps, np.int64))

    @abc.abstractmethod
    def observables(self, state: Any) -> dict[str, jax.Array]:
        """Return what is saved of a state. Holds at least `stop_on`; of several runs at once, one value each."""

    @abc.abstractmethod
    def saved(self, state: Any) -> jax.Array:
        """Return what is kept of a state on the coarser grid of states."""


def _made(system: Iteration, state: Any, steps: jax.Array) -> Any:
    return jax.lax.fori_loop(0, steps, lambda _, state: system.advance(state), state)


def _observables(system: Iteration, state: Any) -> dict[str, jax.Array]:
    return system.observables(state)


def _saved(system: Iteration, state: Any) -> jax.Array:
    return system.saved(state)


_advance = Compiled(_made, options=_OPTIONS)
_observe, _save = Compiled(_observables, options=QUICK), Compiled(_saved, options=QUICK)


def iterate(
    system: Iteration,
    state: Any,
    steps: int,
    *,
    states: int,
    stop_below: float = -np.inf,
    control: Control | None = None,
    max_steps: int | None = None,
    checkpoint: Checkpoint | None = None,
) -> Record:
    """Make `steps` steps and return what was seen at log-spaced ones, 0 and the last among them.

    Args:
        system: the map.
        state: where it starts.
        steps: to make.
        states: how many states to keep.
        stop_below: stop when the observable that the system stops on (its mean over several runs) is at or below this.
        control: asked and told now and then; without one, an interrupt raises, as no part of the run is of use.
        max_steps: of these steps, at most so many are made; a run that is taken up counts those made before.
        checkpoint: where to keep the run while it goes on, and to take it up from.

    Raises:
        KeyboardInterrupt: if the run was interrupted and no part is of use.
        DeadlineError: if its time is over and no part is of use.
    """
    started = time.perf_counter()
    make_room()
    step_size = float(system.step_size)
    control = in_charge(whole=True) if control is None else control
    most = steps if max_steps is None else min(steps, max_steps)
    marks = np.unique(np.round(np.geomspace(1, steps, _OBSERVED)).astype(np.int64))
    kept_marks = set(np.unique(np.round(np.geomspace(1, steps, max(states - 1, 1))).astype(np.int64)).tolist()) | {0}
    # a kept state is one that is observed, so that the two grids share their steps
    marks = np.unique(np.concatenate([marks, np.array(sorted(kept_marks - {0}))]))
    seen: list[tuple[int, dict[str, np.ndarray], np.ndarray | None]] = []
    done, outcome = 0, None
    advance_by = system.advance_by  # once: a method of a pytree is made anew each time it is asked for

    def observe(step: int, state: Any) -> float:
        values = {name: np.asarray(value) for name, value in _observe(system, state).items()}
        seen.append((step, values, np.asarray(_save(system, state)) if step in kept_marks else None))
        return _level(system, values)

    if checkpoint is not None and checkpoint.exists():
        state, done, seen = checkpoint.load(state)
        checkpoint.refuse_other_steps(seen, done, marks)
        level = _level(system, seen[-1][1])
        if done in marks and seen[-1][0] < done:
            level = observe(done, state)  # the stop came between this step and its observation
    else:
        level = observe(0, state)
    limit, written, told = _FIRST_CALL, time.perf_counter(), 0
    finite = state, done
    doubts: tuple[str, ...] = ()
    with control.interrupts():
        while outcome is None:
            outcome = _ending(level, done, steps, most, stop_below) or control.ended
            if outcome is Outcome.NOT_FINITE:
                # what is kept ends with the last state that means something
                state, done = _last_finite(system, *finite, done)
                while seen and seen[-1][0] >= done:
                    seen.pop()
                observe(done, state)
            if outcome is not None:
                break
            finite = (state, done) if done == seen[-1][0] else finite
            mark = int(marks[np.searchsorted(marks, done, side="right")])
            count = min(limit, mark - done, most - done)
            tick = time.perf_counter()
            # blocked on, so that an interrupt finds the state and the count of steps together
            after = jax.block_until_ready(advance_by(state, count))
            seconds = time.perf_counter() - tick
            state, done = after, done + count
            if done == mark:
                level = observe(done, state)
            if count == limit:
                limit = int(np.clip(limit * min(4.0, _CALL_SECONDS / max(seconds, 1e-9)), 1, 2**40))
            fresh = seen[told:]
            told = len(seen)
            times = np.array([step for step, _, _ in fresh]) * step_size
            observed = {name: np.array([values[name] for _, values, _ in fresh]) for name in seen[0][1]}
            control.tell(Standing(done * step_size, steps * step_size, step_size, level, times, observed))
            due = checkpoint is not None and time.perf_counter() - written > checkpoint.every
            if checkpoint is not None and due and _is_finite(system, state):
                doubts = _kept(checkpoint, state, done, seen)
                written = time.perf_counter()
    outcome = outcome or Outcome.INTERRUPTED
    if checkpoint is not None and _is_finite(system, state):
        doubts = _kept(checkpoint, state, done, seen)
    control.refuse_part(Outcome.INTERRUPTED if control.ended is Outcome.INTERRUPTED else outcome)
    if seen[-1][0] < done:
        observe(done, state)
    if seen[-1][2] is None:
        # a run that ended early keeps the state it ended with
        seen[-1] = (*seen[-1][:2], np.asarray(_save(system, state)))
    kept = [(step, saved) for step, _, saved in seen if saved is not None]
    return Record(
        times=np.array([step for step, _, _ in seen]) * step_size,
        observables={name: np.stack([values[name] for _, values, _ in seen]) for name in seen[0][1]},
        state_times=np.array([step for step, _ in kept]) * step_size,
        states=np.stack([saved for _, saved in kept]),
        outcome=outcome,
        solver={
            "method": "steps",
            "step_size": step_size,
            "steps": done,
            "steps_accepted": done,
            "steps_rejected": 0,
            "seconds": time.perf_counter() - started,
        },
        doubts=doubts,
        references=(*system.references, "jax"),
    )


def _kept(checkpoint: Checkpoint, state: Any, done: int, seen: list) -> tuple[str, ...]:
    """Write a checkpoint, or say that it could not be written: a full disk must not end a run that goes well."""
    try:
        checkpoint.save(state, done, seen)
    except (NotWrittenError, ArgumentError) as error:
        return (f"The last checkpoint was not kept: {error}",)
    return ()


def _level(system: Iteration, values: dict[str, Any]) -> float:
    """The observable that the system stops on, its mean over the runs that have not diverged."""
    of_runs = np.ravel(values[system.stop_on])
    alive = of_runs[np.isfinite(of_runs)]
    return float(np.sum(alive / len(alive))) if len(alive) else np.nan


def _is_finite(system: Iteration, state: Any) -> bool:
    return bool(np.isfinite(_level(system, _observe(system, state))))


def _last_finite(system: Iteration, state: Any, done: int, lost: int) -> tuple[Any, int]:
    """The last state whose observable is finite, between step `done`, where it is, and step `lost`, where it is not."""
    while lost - done > 1:
        middle = (done + lost) // 2
        tried = system.advance_by(state, middle - done)
        if _is_finite(system, tried):
            state, done = tried, middle
        else:
            lost = middle
    return state, done


def _ending(level: float, done: int, steps: int, most: int, stop_below: float) -> Outcome | None:
    if not np.isfinite(level):
        return Outcome.NOT_FINITE
    if level <= stop_below:
        return Outcome.REACHED_TARGET
    if done >= steps:
        return Outcome.REACHED_END
    if done >= most:
        return Outcome.STEP_LIMIT
    return None
