"""The one integrator loop: diffrax's solvers and step controllers, run in compiled chunks strung together by the host.

Chunks give progress, Ctrl-C and partial results without callbacks from compiled code, which would also keep the
programs out of JAX's persistent compilation cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from saddlescope.outcome import Outcome
from saddlescope.solve.control import Control, Standing, in_charge
from saddlescope.solve.machine.programs import make_room
from saddlescope.solve.machine.ready import QUICK, Compiled
from saddlescope.solve.machine.threads import one_blas_thread
from saddlescope.solve.methods.choice import solver_of
from saddlescope.solve.methods.step_length import adapted
from saddlescope.solve.protocols import System

# Steps and saved states that one chunk can hold. A chunk is cut shorter when steps are slow, so that an interrupt or
# a progress bar waits for a fraction of a second.
_STEPS = 1024
_STATES = 128
_STATES_OF_LARGE, _SMALL = 16, 2**14  # numbers in a state
_CHUNK_SECONDS = 0.3
_MOST_STRETCH = 10.0  # of a step beyond the last, for a solver that remembers
_UNSTABLE = 2.0  # stable lengths from which on a step is refused: Tsit5 makes rounding 60 times larger there
# The matrices of a step are small, see `one_blas_thread`; those of a large state are not.
_ONE_THREAD = 2**17
_OPTIONS: dict[str, Any] = {"xla_cpu_multi_thread_eigen": False}


class _Carry(NamedTuple):
    """Where a run stands between two steps; all that is needed to go on."""

    t: jax.Array
    t_next: jax.Array
    y: jax.Array
    rate: jax.Array
    accepted: jax.Array
    attempts: jax.Array
    stop: jax.Array
    history: Any = None  # of a solver that remembers past steps


class _Saved(NamedTuple):
    """What a chunk saves: observables in and after its accepted steps, states at the times of the grid it passed."""

    rows: jax.Array
    times: jax.Array
    observables: dict[str, jax.Array]
    states: jax.Array
    passed: jax.Array


@dataclass
class Record:
    """The raw result of `integrate`, before names are put on it.

    Attributes:
        times: at which observables were taken, those after the accepted steps among them, shape (time,), from 0.
        observables: name -> values at `times`.
        state_times: times of the saved states, shape (state_time,), 0 first.
        states: saved states, shape (state_time, *y).
        solver: method, tolerances, steps, seconds.
        outcome: how it ended.
        doubts: sentences on what went wrong on the way.
        references: of the method and the libraries that made it.
    """

    times: np.ndarray
    observables: dict[str, np.ndarray]
    state_times: np.ndarray
    states: np.ndarray
    outcome: Outcome
    solver: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


def term_of_fields() -> diffrax.ODETerm:
    """Return the vector field of whatever system a solver is given as its args."""
    return diffrax.ODETerm(lambda t, y, system: system.vector_field(y))  # pyright: ignore[reportArgumentType]


def _begin(y: jax.Array, length: Any) -> _Carry:
    zero, whole = np.zeros(()), np.zeros((), np.int64)
    length, rate = np.asarray(length, np.float64), np.zeros(y.shape)
    return _Carry(zero, length, y, rate, whole, whole, np.asarray(np.inf))  # pyright: ignore


def _begun(
    system: System, y: jax.Array, length: jax.Array, rtol: jax.Array, atol: jax.Array, method: str | None
) -> Any:
    solver = solver_of(system, method)
    return solver.begin(y, system.vector_field(y), length, rtol, atol, system)


_history = Compiled(_begun, "method", options=_OPTIONS | QUICK)


def _advance(
    system: System,
    carry: _Carry,
    grid: jax.Array,
    rtol: jax.Array,
    atol: jax.Array,
    target: jax.Array,
    limit: jax.Array,
    stretch: jax.Array,
    capacity: int,
    method: Any,
) -> tuple[_Carry, _Saved]:
    """Step until the last time of `grid`, the target or `limit` attempts, whichever comes first."""
    solver, term = solver_of(system, method), term_of_fields()
    order: Any = solver.error_order(term)
    end = grid[-1]
    rate = jnp.where(carry.accepted > 0, carry.rate, term.vf(carry.t, carry.y, system))
    begun = system.observables(carry.y, rate)
    carry = carry._replace(stop=begun[system.stop_on], rate=rate)
    # A solver of long steps asks for observations within a step, of its dense output.
    observations = getattr(solver, "observations", 1)
    remembers = getattr(solver, "remembers", False)
    shares = jnp.arange(1, observations) / observations
    capacity *= observations

    def observe(t, y):
        return system.observables(y, term.vf(t, y, system))

    def running(loop):
        c, saved, _ = loop
        return (c.t < end) & (c.stop > target) & (c.attempts < limit) & (c.t_next > c.t) & (saved.rows < capacity)

    def step(loop):
        c, saved, held = loop
        length = stretch * system.longest_step(c.y, c.rate, (c.t_next - c.t) / stretch)
        t1 = jnp.minimum(c.t + length, end)
        y1, error, dense, held1, _ = solver.step(term, c.t, t1, c.y, system, held, jnp.asarray(False))  # pyright: ignore
        norm = system.error_norm(error, c.y, y1, rtol, atol)  # pyright: ignore[reportArgumentType]
        # a state that is no longer a number has no size that could excuse its error
        norm = jnp.where(jnp.all(jnp.isfinite(y1)), norm, jnp.inf)
        between: Any = solver.interpolation_cls(t0=c.t, t1=t1, **dense)
        # What follows is of the new state even if that is refused, so that its features are computed once.
        if remembers:
            keep, next_length, after = solver.settle(
                norm, lambda error: system.error_norm(error, c.y, y1, rtol, atol), held1
            )
            rate = between.rate
        else:
            keep, next_length = adapted(norm, t1 - c.t, order)
            if hasattr(solver, "stable_length"):
                # of a step that its error refuses the stages may lie anywhere
                stable = solver.stable_length(dense, t1 - c.t)
                next_length = jnp.where(keep, jnp.minimum(next_length, stable), next_length)
                keep &= t1 - c.t < _UNSTABLE * stable
            after = jax.tree.map(lambda new, old: jnp.where(keep, new, old), held1, held)
            rate = term.vf(t1, y1, system)
            if hasattr(between, "end_rate"):
                rate = between.end_rate(rate)
        # A step cut short at the end of the grid says nothing against the step length that was proposed.
        proposed = jnp.minimum(length, _MOST_STRETCH * (t1 - c.t)) if remembers else length
        next_length = jnp.where(keep & (t1 < c.t + length), jnp.maximum(next_length, proposed), next_length)
        observed = system.observables(y1, rate)
        y, t, rate = jnp.where(keep, y1, c.y), jnp.where(keep, t1, c.t), jnp.where(keep, rate, c.rate)

        seen_at = jnp.append(c.t + shares * (t1 - c.t), t1)
        seen = jax.tree.map(lambda one: one[None], observed)
        if observations > 1:
            within = jax.lax.cond(
                keep,
                lambda: jax.vmap(observe)(seen_at[:-1], jax.vmap(between.evaluate)(seen_at[:-1])),
                lambda: jax.tree.map(lambda one: jnp.zeros((observations - 1, *one.shape), one.dtype), observed),
            )
            seen = jax.tree.map(lambda some, one: jnp.concatenate([some, one]), within, seen)

        def save_state(inner):
            passed, states = inner
            state = jnp.where(grid[passed] >= t1, y1, between.evaluate(grid[passed]))
            return passed + 1, states.at[passed].set(state)

        passed, states = jax.lax.while_loop(
            lambda inner: keep & (inner[0] < len(grid)) & (grid[jnp.minimum(inner[0], len(grid) - 1)] <= t),
            save_state,
            (saved.passed, saved.states),
        )
        n = saved.rows

        def kept(all_, some, start):
            return jax.lax.dynamic_update_slice_in_dim(all_, some, start, 0)

        saved = _Saved(
            n + keep * observations,
            kept(saved.times, seen_at, n),
            jax.tree.map(lambda all_, some: kept(all_, some, n + 1), saved.observables, seen),
            states,
            passed,
        )
        stop = jnp.where(keep, observed[system.stop_on], c.stop)
        c = _Carry(t, t + next_length, y, rate, c.accepted + keep, c.attempts + 1, stop)
        return c, saved, after

    nothing = jnp.zeros((), jnp.int64)
    saved = _Saved(
        nothing,
        jnp.zeros(capacity),
        # the first row is where the chunk starts: a run's first observables come with its first chunk
        jax.tree.map(lambda x: jnp.zeros((capacity + 1, *x.shape), x.dtype).at[0].set(x), begun),
        jnp.zeros((len(grid), *carry.y.shape)),
        # A chunk that was cut short by its step limit left times of its grid unpassed; those passed are skipped.
        jnp.searchsorted(grid, carry.t, side="right"),
    )
    # what else a solver keeps from step to step (the field at its start, say) is made anew for every chunk
    held = carry.history if remembers else solver.init(term, carry.t, carry.t_next, carry.y, system)
    carry, saved, held = jax.lax.while_loop(running, step, (carry._replace(history=None), saved, held))
    return carry._replace(history=held if remembers else None), saved


_advance_small = Compiled(_advance, "capacity", "method", options=_OPTIONS | QUICK)
_advance_some = Compiled(_advance, "capacity", "method", options=_OPTIONS)
_advance_large = Compiled(_advance, "capacity", "method")


def integrate(
    system: System,
    y0: jax.Array,
    grid: np.ndarray,
    *,
    first_step: float,
    rtol: float,
    atol: Any,
    max_steps: int,
    stretch: float = 1.0,
    stop_below: float = -np.inf,
    is_still: Callable[[float, jax.Array], bool] | None = None,
    control: Control | None = None,
    method: Any = None,
) -> Record:
    """Integrate y' = F(y) from time 0 to the last time of `grid`.

    Args:
        system: what to integrate.
        y0: initial state.
        grid: rising positive times at which states are saved; the last is the end.
        first_step: length of the first attempted step.
        rtol, atol: local error tolerances; atol of the shape of y0.
        max_steps: limit on attempted steps.
        stretch: factor on the longest step that the system allows.
        stop_below: stop when the observable that the system stops on is at or below this.
        is_still: asked between chunks with (time, state); True ends the run.
        control: asked and told between chunks; without one, an interrupt raises, as no part of the run is of use.
        method: name of one of the methods that serve the system; by default that of its structure.

    Raises:
        KeyboardInterrupt: if the run was interrupted before there was anything to keep, or no part is of use.
        DeadlineError: if its time is over and no part is of use.
    """
    started = time.perf_counter()
    make_room()
    control = in_charge(whole=True) if control is None else control
    # NumPy numbers go straight into compiled code; a jnp.asarray for each costs as much as a step.
    number = partial(np.asarray, dtype=np.float64)
    tolerances = number(rtol), jnp.asarray(np.broadcast_to(number(atol), y0.shape))
    carry = _begin(y0, first_step)
    if getattr(solver_of(system, method), "remembers", False):
        carry = carry._replace(history=_history(system, y0, number(first_step), *tolerances, method=method))
    chunks: list[tuple[np.ndarray, dict[str, np.ndarray], np.ndarray, np.ndarray]] = []
    advance = _advance_small if y0.size <= _SMALL else _advance_some if y0.size <= _ONE_THREAD else _advance_large
    room = _STATES if y0.size <= _SMALL else _STATES_OF_LARGE
    blocks = [grid[i : i + room] for i in range(0, len(grid), room)]
    outcome, limit, block, last_saved = None, 128, 0, 0.0

    with control.interrupts(), one_blas_thread():
        while outcome is None and (chunks or control.ended is not Outcome.INTERRUPTED):
            # The last block is padded by repeating its last time, so that all chunks run the same program.
            own = blocks[block]
            padded = np.concatenate([own, np.full(room - len(own), own[-1])])
            tick = time.perf_counter()
            attempts = int(carry.attempts)
            carry, saved = advance(
                system,
                carry,
                number(padded),
                *tolerances,
                number(stop_below),
                np.asarray(min(attempts + limit, max_steps), np.int64),
                number(stretch),
                capacity=_STEPS,
                method=method,
            )
            n = int(saved.rows)
            t = float(carry.t)
            # cut by NumPy: JAX would compile a slice for every new n
            rows = slice(1 if chunks else 0, n + 1)
            observed = {name: np.asarray(values)[rows] for name, values in saved.observables.items()}
            fresh = (own <= t) & (own > last_saved)
            last_saved = own[fresh][-1] if fresh.any() else last_saved
            # all at once: an interrupt comes before or after
            chunks.append(
                (np.asarray(saved.times)[:n], observed, own[fresh], np.asarray(saved.states)[: len(own)][fresh])
            )
            if t >= own[-1]:
                block += 1
            outcome = _ending(carry, t, float(grid[-1]), max_steps, stop_below)
            if outcome is None and is_still is not None and is_still(t, carry.y):
                outcome = Outcome.STILL
            at, values = chunks[-1][:2]
            at = at if len(chunks) > 1 else np.concatenate([np.zeros(1), at])
            control.tell(Standing(t, float(grid[-1]), float(grid[0]), float(carry.stop), at, values))
            outcome = outcome or control.ended
            seconds = time.perf_counter() - tick
            done = int(carry.attempts) - attempts
            if done == limit:
                limit = int(np.clip(limit * min(4.0, _CHUNK_SECONDS / seconds), 8, _STEPS))
    if not chunks:
        raise KeyboardInterrupt  # there is nothing to keep
    outcome = outcome or Outcome.INTERRUPTED
    control.refuse_part(Outcome.INTERRUPTED if control.ended is Outcome.INTERRUPTED else outcome)

    times, observables, state_times, states = zip(*chunks, strict=True)
    state_times, states = [np.zeros(1), *state_times], [np.asarray(y0)[None], *states]
    if last_saved < float(carry.t):
        # A run that ended early keeps the state it ended with.
        state_times.append(np.asarray(carry.t)[None])
        states.append(np.asarray(carry.y)[None])
    accepted, attempts = int(carry.accepted), int(carry.attempts)
    return Record(
        times=np.concatenate([np.zeros(1), *times]),
        observables={name: np.concatenate([o[name] for o in observables]) for name in observables[0]},
        state_times=np.concatenate(state_times),
        states=np.concatenate(states),
        outcome=outcome,
        references=(*getattr(solver_of(system, method), "references", ()), "diffrax", "jax"),
        solver={
            "method": type(solver_of(system, method)).__name__,
            "rtol": float(rtol),
            "atol": float(np.max(np.asarray(atol))),
            "atol_least": float(np.min(np.asarray(atol))),
            "steps_accepted": accepted,
            "steps_rejected": attempts - accepted,
            **({} if carry.history is None else _work(carry.history)),
            "seconds": time.perf_counter() - started,
        },
    )


def _work(history: Any) -> dict[str, int]:
    return {"evaluations": int(history.evaluations), "factorisations": int(history.factors)}


def _ending(carry: _Carry, t: float, end: float, max_steps: int, stop_below: float) -> Outcome | None:
    if not np.isfinite(float(carry.stop)):
        return Outcome.NOT_FINITE
    if float(carry.stop) <= stop_below:
        return Outcome.REACHED_TARGET
    if t >= end:
        return Outcome.REACHED_END
    if not float(carry.t_next) > t:
        return Outcome.STEP_UNDERFLOW
    if int(carry.attempts) >= max_steps:
        return Outcome.STEP_LIMIT
    return None
