"""The one integrator loop: diffrax's solvers and step controllers, run in compiled chunks strung together by the host.

Chunks give progress, Ctrl-C and partial results without callbacks from compiled code, which would also keep the
programs out of JAX's persistent compilation cache.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import ThreadpoolController

from saddlescope.solve.flow import System
from saddlescope.solve.outcome import Outcome

# Steps and saved states that one chunk can hold. A chunk is cut shorter when steps are slow, so that an interrupt or
# a progress bar waits for a fraction of a second.
_STEPS = 1024
_STATES = 16
_CHUNK_SECONDS = 0.3
# The matrices of a step are small: handing them to a thread pool saves nothing, and on a busy machine the threads wait
# for each other. Measured beside three other processes on two cores: the level flows of the canonical order take 6 s
# with one BLAS thread and 108 s with two.
_OPTIONS: dict[str, Any] = {"xla_cpu_multi_thread_eigen": False}


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """The BLAS behind JAX's LAPACK calls, which is SciPy's; looked up once, since that takes milliseconds."""
    import scipy.linalg.cython_lapack  # noqa: F401  # loaded now, so that it is found

    return ThreadpoolController()


class _Carry(NamedTuple):
    """Where a run stands between two steps; all that is needed to go on."""

    t: jax.Array
    t_next: jax.Array
    y: jax.Array
    controller: Any
    accepted: jax.Array
    attempts: jax.Array
    stop: jax.Array


class _Saved(NamedTuple):
    """What a chunk saves: observables at its accepted steps, states at the times of the grid it passed."""

    steps: jax.Array
    times: jax.Array
    observables: dict[str, jax.Array]
    states: jax.Array
    passed: jax.Array


@dataclass
class Record:
    """The raw result of `integrate`, before names are put on it.

    Attributes:
        times: accepted times, shape (time,), from 0.
        observables: name -> values at `times`.
        state_times: times of the saved states, shape (state_time,), 0 first.
        states: saved states, shape (state_time, *y).
        solver: method, tolerances, steps, seconds.
        outcome: how it ended.
    """

    times: np.ndarray
    observables: dict[str, np.ndarray]
    state_times: np.ndarray
    states: np.ndarray
    outcome: Outcome
    solver: dict[str, Any] = field(default_factory=dict)


def _controller(system: System, rtol: jax.Array, atol: jax.Array) -> diffrax.PIDController:
    # Plain integral control: proportional terms cost 15-20 % more steps on the ladder and rejected no fewer.
    return diffrax.PIDController(rtol=rtol, atol=atol, norm=system.error_norm)  # pyright: ignore[reportArgumentType]


def _term() -> diffrax.ODETerm:
    return diffrax.ODETerm(lambda t, y, system: system.vector_field(y))  # pyright: ignore[reportArgumentType]


@partial(jax.jit, compiler_options=_OPTIONS)
def _begin(system: System, y: jax.Array, dt: jax.Array, rtol: jax.Array, atol: jax.Array):
    solver, term, zero = system.solver(), _term(), jnp.zeros(())
    controller = _controller(system, rtol, atol)
    t_next, state = controller.init(term, zero, zero + jnp.inf, y, dt, system, solver.func, solver.order(term))
    observables = system.observables(y, system.vector_field(y))
    whole = jnp.zeros((), jnp.int64)
    return _Carry(zero, jnp.asarray(t_next), y, state, whole, whole, observables[system.stop_on]), observables


@partial(jax.jit, static_argnames=("capacity",), compiler_options=_OPTIONS)
def _advance(
    system: System,
    carry: _Carry,
    grid: jax.Array,
    rtol: jax.Array,
    atol: jax.Array,
    target: jax.Array,
    limit: jax.Array,
    capacity: int,
) -> tuple[_Carry, _Saved]:
    """Step until the last time of `grid`, the target or `limit` attempts, whichever comes first."""
    solver, term = system.solver(), _term()
    controller = _controller(system, rtol, atol)
    order: Any = solver.error_order(term)
    end = grid[-1]
    shapes = jax.eval_shape(lambda y: system.observables(y, y), carry.y)

    def running(loop):
        c, saved = loop
        return (c.t < end) & (c.stop > target) & (c.attempts < limit) & (c.t_next > c.t) & (saved.steps < capacity)

    def step(loop):
        c, saved = loop
        t1 = jnp.minimum(c.t_next, end)
        y1, error, dense, _, _ = solver.step(term, c.t, t1, c.y, system, None, False)  # pyright: ignore
        keep, t, t_next, _, state, _ = controller.adapt_step_size(
            c.t,
            t1,
            c.y,
            y1,
            system,
            error,
            order,
            c.controller,  # pyright: ignore[reportArgumentType]
        )
        # A step cut short at the end of the grid says nothing against the step length that was proposed.
        t_next = jnp.where(keep & (t1 < c.t_next), jnp.maximum(t_next, t + (c.t_next - c.t)), t_next)
        y, t, t_next = jnp.where(keep, y1, c.y), jnp.asarray(t), jnp.asarray(t_next)
        observed = system.observables(y, term.vf(t, y, system))

        between = solver.interpolation_cls(t0=c.t, t1=t1, **dense)

        def save_state(inner):
            passed, states = inner
            state = jnp.where(grid[passed] >= t1, y1, between.evaluate(grid[passed]))
            return passed + 1, states.at[passed].set(state)

        passed, states = jax.lax.while_loop(
            lambda inner: keep & (inner[0] < len(grid)) & (grid[jnp.minimum(inner[0], len(grid) - 1)] <= t),
            save_state,
            (saved.passed, saved.states),
        )
        n = saved.steps
        saved = _Saved(
            n + keep,
            saved.times.at[n].set(t),
            jax.tree.map(lambda all_, one: all_.at[n].set(one), saved.observables, observed),
            states,
            passed,
        )
        c = _Carry(t, t_next, y, state, c.accepted + keep, c.attempts + 1, observed[system.stop_on])
        return c, saved

    nothing = jnp.zeros((), jnp.int64)
    saved = _Saved(
        nothing,
        jnp.zeros(capacity),
        jax.tree.map(lambda s: jnp.zeros((capacity, *s.shape), s.dtype), shapes),
        jnp.zeros((len(grid), *carry.y.shape)),
        # A chunk that was cut short by its step limit left times of its grid unpassed; those passed are skipped.
        jnp.searchsorted(grid, carry.t, side="right"),
    )
    return jax.lax.while_loop(running, step, (carry, saved))


def integrate(
    system: System,
    y0: jax.Array,
    grid: np.ndarray,
    *,
    first_step: float,
    rtol: float,
    atol: Any,
    max_steps: int,
    stop_below: float = -np.inf,
    is_still: Callable[[float, jax.Array], bool] | None = None,
    watch: Callable[[float, float], None] | None = None,
) -> Record:
    """Integrate y' = F(y) from time 0 to the last time of `grid`.

    Args:
        system: what to integrate.
        y0: initial state.
        grid: rising positive times at which states are saved; the last is the end.
        first_step: length of the first attempted step.
        rtol, atol: local error tolerances; atol of the shape of y0.
        max_steps: limit on attempted steps.
        stop_below: stop when the observable that the system stops on is at or below this.
        is_still: asked between chunks with (time, state); True ends the run.
        watch: called between chunks with (time, the observable that the system stops on), for progress.
    """
    started = time.perf_counter()
    number = partial(jnp.asarray, dtype=jnp.float64)
    tolerances = number(rtol), jnp.broadcast_to(number(atol), y0.shape)
    carry, first = _begin(system, y0, number(first_step), *tolerances)
    times, observables = [np.zeros(1)], [jax.tree.map(lambda x: np.asarray(x)[None], first)]
    state_times, states = [np.zeros(1)], [np.asarray(y0)[None]]
    blocks = [grid[i : i + _STATES] for i in range(0, len(grid), _STATES)]
    outcome, limit, block, last_saved = None, 128, 0, 0.0

    with contextlib.suppress(KeyboardInterrupt), _blas().limit(limits=1, user_api="blas"):
        while outcome is None:
            # The last block is padded by repeating its last time, so that all chunks run the same program.
            own = blocks[block]
            padded = np.concatenate([own, np.full(_STATES - len(own), own[-1])])
            tick = time.perf_counter()
            attempts, accepted = int(carry.attempts), int(carry.accepted)
            carry, saved = _advance(
                system,
                carry,
                number(padded),
                *tolerances,
                number(stop_below),
                jnp.asarray(min(attempts + limit, max_steps), jnp.int64),
                capacity=_STEPS,
            )
            n = int(carry.accepted) - accepted
            t = float(carry.t)
            times.append(np.asarray(saved.times[:n]))
            observables.append(jax.tree.map(lambda x, n=n: np.asarray(x)[:n], saved.observables))
            fresh = (own <= t) & (own > last_saved)
            last_saved = own[fresh][-1] if fresh.any() else last_saved
            state_times.append(own[fresh])
            states.append(np.asarray(saved.states)[: len(own)][fresh])
            if t >= own[-1]:
                block += 1
            outcome = _ending(carry, t, float(grid[-1]), max_steps, stop_below)
            if outcome is None and is_still is not None and is_still(t, carry.y):
                outcome = Outcome.STILL
            if watch is not None:
                watch(t, float(carry.stop))
            seconds = time.perf_counter() - tick
            done = int(carry.attempts) - attempts
            if done == limit:
                limit = int(np.clip(limit * min(4.0, _CHUNK_SECONDS / seconds), 8, _STEPS))
    outcome = outcome or Outcome.INTERRUPTED

    if last_saved < float(carry.t):
        # A run that ended early keeps the state it ended with.
        state_times.append(np.asarray(carry.t)[None])
        states.append(np.asarray(carry.y)[None])
    accepted, attempts = int(carry.accepted), int(carry.attempts)
    return Record(
        times=np.concatenate(times),
        observables={name: np.concatenate([o[name] for o in observables]) for name in first},
        state_times=np.concatenate(state_times),
        states=np.concatenate(states),
        outcome=outcome,
        solver={
            "method": type(system.solver()).__name__,
            "rtol": float(rtol),
            "atol": float(np.max(np.asarray(atol))),
            "atol_least": float(np.min(np.asarray(atol))),
            "steps_accepted": accepted,
            "steps_rejected": attempts - accepted,
            "seconds": time.perf_counter() - started,
        },
    )


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
