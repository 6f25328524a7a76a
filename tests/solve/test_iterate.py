"""The loop for dynamics in steps: exact powers, endings, interrupts, checkpoints taken up to the last bit."""

import os
import signal
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.files import NotWrittenError
from saddlescope.solve import Iteration, Outcome, Record
from saddlescope.solve import iterate as of_iterate
from saddlescope.solve.checkpoint import Checkpoint
from saddlescope.solve.control import Control, Standing
from saddlescope.solve.iterate import iterate


class Decay(Iteration):
    """y <- factor * y + noise * (a fresh normal number), for two runs at once; saves y."""

    factor: jax.Array
    noise: jax.Array

    def advance(self, state):
        key, y = state
        key, draw = jax.random.split(key)
        return key, self.factor * y + self.noise * jax.random.normal(draw, y.shape)

    def observables(self, state):
        return {"cost": state[1] ** 2, "value": state[1]}

    def saved(self, state):
        return state[1]


def system(factor: float = 0.99, noise: float = 0.0) -> Decay:
    return Decay(step_size=jnp.asarray(0.5), factor=jnp.asarray(factor), noise=jnp.asarray(noise))


def start() -> tuple[jax.Array, jax.Array]:
    return jax.random.PRNGKey(5), jnp.array([1.0, -2.0])


def interrupted_at(call: int) -> Control:
    """A watcher sends Ctrl-C at its n-th call."""
    calls = 0

    def watch(standing: Standing) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            signal.raise_signal(signal.SIGINT)

    return Control(watch)


def same(one: Record, other: Record) -> bool:
    return (
        np.array_equal(one.times, other.times)
        and np.array_equal(one.state_times, other.state_times)
        and np.array_equal(one.states, other.states)
        and all(np.array_equal(one.observables[name], other.observables[name]) for name in other.observables)
        and one.outcome is other.outcome
    )


@pytest.mark.parametrize("steps", [1, 7, 20_000])
def test_what_is_seen_at_a_step_is_the_exact_power(steps):
    record = iterate(system(0.9999), start(), steps, states=10)
    n = record.times / 0.5
    assert np.array_equal(n, np.round(n))
    assert n[0] == 0
    assert n[-1] == steps
    assert np.all(np.diff(n) > 0)
    exact = 0.9999 ** n[:, None] * np.array([1.0, -2.0])
    assert np.allclose(record.observables["value"], exact, rtol=1e-11)
    kept = np.searchsorted(record.times, record.state_times)
    assert np.array_equal(record.times[kept], record.state_times)
    assert np.array_equal(record.states, record.observables["value"][kept])
    assert record.state_times[0] == 0
    assert record.state_times[-1] == record.times[-1]
    assert len(record.state_times) <= 11
    assert record.outcome is Outcome.REACHED_END
    assert record.solver["steps"] == steps


def test_the_target_is_for_the_mean_of_several_runs_and_the_last_state_is_kept():
    record = iterate(system(0.99), start(), 5000, states=5, stop_below=0.25)
    mean = record.observables["cost"].mean(axis=1)
    assert record.outcome is Outcome.REACHED_TARGET
    assert mean[-1] <= 0.25 < mean[-2]
    assert record.state_times[-1] == record.times[-1]
    assert np.array_equal(record.states[-1], record.observables["value"][-1])


def test_a_run_that_diverges_ends_with_its_last_finite_state():
    """Squares of 2^n and 2^(n + 1): the second overflows at n = 511, which does not end the first, that one at 512."""
    record = iterate(system(2.0), start(), 100_000, states=20)
    assert record.outcome is Outcome.NOT_FINITE
    assert record.solver["steps"] == 511
    assert record.times[-1] == 511 * 0.5
    assert np.all(np.isfinite(record.observables["cost"][:-1]))
    assert np.array_equal(np.isfinite(record.observables["cost"][-1]), [True, False])
    assert np.array_equal(record.states[-1], [2.0**511, -(2.0**512)])


def test_the_watcher_is_told_time_and_level():
    told: list[Standing] = []
    record = iterate(system(0.99), start(), 300, states=5, control=Control(told.append))
    times, levels = np.array([(standing.time, standing.level) for standing in told]).T
    observed = np.concatenate([standing.times for standing in told])
    assert np.array_equal(observed, record.times[: len(observed)])
    assert np.array_equal(
        np.concatenate([standing.observables["value"] for standing in told]),
        record.observables["value"][: len(observed)],
    )
    assert np.all(np.diff(times) > 0)
    assert times[-1] == 150.0
    assert np.allclose(levels, 2.5 * 0.99 ** (4 * times), rtol=1e-9)


def test_ctrl_c_keeps_what_there_is():
    record = iterate(system(0.99), start(), 300, states=5, control=interrupted_at(20))
    assert record.outcome is Outcome.INTERRUPTED
    assert 0 < record.solver["steps"] < 300
    assert record.times[-1] == record.solver["steps"] * 0.5
    assert record.state_times[-1] == record.times[-1]
    assert np.allclose(record.observables["value"][-1], 0.99 ** (2 * record.times[-1]) * np.array([1.0, -2.0]))


# with one step a call, most stops lie between two steps that are looked at
@pytest.mark.parametrize("call", [1, 30, 401, 666])
def test_a_run_taken_up_again_ends_as_if_it_had_not_stopped(call, tmp_path, monkeypatch):
    monkeypatch.setattr(of_iterate, "_FIRST_CALL", 1)
    monkeypatch.setattr(of_iterate, "_CALL_SECONDS", 0.0)
    whole = iterate(system(0.999, 0.1), start(), 700, states=9)
    file = tmp_path / "run"

    def run(control: Any = None) -> Record:
        checkpoint = Checkpoint(file, {"x": 1})
        return iterate(system(0.999, 0.1), start(), 700, states=9, control=control, checkpoint=checkpoint)

    stopped = run(interrupted_at(call))
    assert stopped.outcome is Outcome.INTERRUPTED
    assert 0 < stopped.solver["steps"] < 700
    again = run()
    assert same(again, whole)
    # a finished run taken up again is itself
    assert same(run(), whole)


def test_ctrl_c_between_a_step_and_its_observation_loses_nothing(tmp_path, monkeypatch):
    whole = iterate(system(0.999, 0.1), start(), 700, states=9)
    calls, observe = 0, of_iterate._observe

    def slow(system, state):
        nonlocal calls
        calls += 1
        if calls == 50:
            raise KeyboardInterrupt
        return observe(system, state)

    file = tmp_path / "run"
    monkeypatch.setattr(of_iterate, "_observe", slow)
    checkpoint = Checkpoint(file, {})
    stopped = iterate(system(0.999, 0.1), start(), 700, states=9, control=Control(), checkpoint=checkpoint)
    assert stopped.outcome is Outcome.INTERRUPTED
    again = iterate(system(0.999, 0.1), start(), 700, states=9, checkpoint=Checkpoint(file, {}))
    assert same(again, whole)


def test_a_killed_run_has_what_was_written_last_and_never_a_state_that_is_not_finite(tmp_path, monkeypatch):
    monkeypatch.setattr(of_iterate, "_FIRST_CALL", 1)
    monkeypatch.setattr(of_iterate, "_CALL_SECONDS", 0.0)
    file = tmp_path / "run"

    def killed(standing: Standing) -> None:
        if standing.time >= 40.0:
            raise SystemExit

    checkpoint = Checkpoint(file, {}, every=0.0)
    with pytest.raises(SystemExit):
        iterate(system(0.999, 0.1), start(), 700, states=9, control=Control(killed), checkpoint=checkpoint)
    again = iterate(system(0.999, 0.1), start(), 700, states=9, checkpoint=Checkpoint(file, {}))
    assert same(again, iterate(system(0.999, 0.1), start(), 700, states=9))

    diverged = tmp_path / "diverged"

    def late(standing: Standing) -> None:
        if standing.time >= 512 * 0.5:
            raise SystemExit

    checkpoint = Checkpoint(diverged, {}, every=0.0)
    with pytest.raises(SystemExit):
        iterate(system(2.0), start(), 10**6, states=9, control=Control(late), checkpoint=checkpoint)
    again = iterate(system(2.0), start(), 10**6, states=9, checkpoint=Checkpoint(diverged, {}))
    assert again.outcome is Outcome.NOT_FINITE
    assert again.solver["steps"] == 511


def written(path: Path) -> Path:
    iterate(system(), start(), 50, states=5, checkpoint=Checkpoint(path, {"epsilon": 0.1}))
    return path


def test_a_checkpoint_of_another_run_is_refused_and_left_as_it_is(tmp_path):
    file = written(tmp_path / "run")
    before = file.read_bytes()
    with pytest.raises(ArgumentError, match=r"Argument `checkpoint` must belong to this run"):
        Checkpoint(file, {"epsilon": 0.2})
    assert file.read_bytes() == before


@pytest.mark.parametrize("size", [0, 10, 500, -30])
def test_a_truncated_checkpoint_is_refused(tmp_path, size):
    file = written(tmp_path / "run")
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ArgumentError, match=r"Argument `checkpoint` must name a whole checkpoint"):
        Checkpoint(file, {"epsilon": 0.1})


def test_foreign_files_and_missing_folders_are_refused(tmp_path):
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, format=np.array("another"), run=np.array(""))
    with pytest.raises(ArgumentError, match=r"Argument `checkpoint` must name a checkpoint of saddlescope"):
        Checkpoint(foreign, {})
    with pytest.raises(ArgumentError, match=r"Argument `checkpoint` must lie in an existing folder"):
        Checkpoint(tmp_path / "nowhere" / "run", {})


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one_and_the_run_goes_on(tmp_path, monkeypatch):
    file = written(tmp_path / "run")
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotWrittenError, match="No space left"):
        Checkpoint(file, {"epsilon": 0.1}).save(start(), 1, [(0, {"cost": np.zeros(2)}, np.zeros(2))])
    assert file.read_bytes() == before
    record = iterate(system(), start(), 50, states=5, checkpoint=Checkpoint(tmp_path / "other", {}, every=0.0))
    assert record.outcome is Outcome.REACHED_END
    assert "No space left" in record.doubts[0]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
