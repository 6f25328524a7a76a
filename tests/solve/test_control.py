"""Runs are watched, cancelled and held to a deadline between chunks; how a run ended is read before it is refined."""

import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.deep_linear.dynamics import refinement as krylov
from saddlescope.deep_linear.dynamics.training import train
from saddlescope.single_index.mean_field import refinement as nodes
from saddlescope.solve.control import Control, DeadlineError, Standing, in_charge, worth_keeping

COST = ss.LeastSquares(np.diag([2.0, 1.0, 0.0]))
SLOW = ss.SingleIndex([0, 1], [0, 1])


def compressed() -> ss.DeepLinearFlow:
    """A network of which three, five, seven ... Krylov rounds are run."""
    return ss.DeepLinearFlow(COST, depth=3, width=300, gamma=1.5, seed=1)


def refined() -> ss.MeanFieldFlow:
    return ss.MeanFieldFlow(ss.SingleIndex([1, -1, 1], [1, 1, 0.5]), 1e-8, tolerance=1e-7)


def steps() -> ss.GradientDescent:
    return ss.GradientDescent(COST, 2, 6, gamma=1.0, learning_rate=1e-3)


def sgd(**changes: Any) -> ss.OnePassSGD:
    return ss.OnePassSGD(SLOW, 0.5, **({"neurons": 3, "dimension": 20, "step_size": 1e-3} | changes))


def small() -> ss.MeanFieldFlow:
    return ss.MeanFieldFlow(SLOW, 0.1, particles=8)


class Ending:
    """Ends a run at its n-th chunk, by Ctrl-C or by `cancel`."""

    def __init__(self, at: int, how: str):
        self.told: list[Standing] = []
        self.at, self.how = at, how
        self.control = Control(self.watch)

    def watch(self, standing: Standing) -> None:
        self.told.append(standing)
        if len(self.told) == self.at:
            signal.raise_signal(signal.SIGINT) if self.how == "Ctrl-C" else self.control.cancel()


@pytest.mark.parametrize("how", ["Ctrl-C", "cancel"])
@pytest.mark.parametrize(("flow", "until"), [(compressed, 60.0), (refined, 1.0), (steps, 50.0), (sgd, 20.0)])
def test_a_run_that_is_stopped_ends_there_and_says_so(flow, until, how, monkeypatch):
    for module in (krylov, nodes):
        monkeypatch.setattr(module, "refine", lambda flow, runs: pytest.fail("a run that was stopped is refined"))
    ending = Ending(1, how)
    trajectory = ss.solve(flow(), until, control=ending.control)
    assert trajectory.outcome == "INTERRUPTED"
    assert trajectory.message == "Stopped by the user."
    assert any("Stopped by the user" in doubt for doubt in trajectory.doubts)
    assert trajectory.time[-1] == ending.told[0].time < until
    assert len(ending.told) == 1


def rounds(flow: Any, until: float) -> list[int]:
    """How many chunks the runs of a refined flow had come to when each of them began."""
    ends: list[int] = []
    told: list[Standing] = []

    def watch(standing: Standing) -> None:
        if standing.times[0] == 0:
            ends.append(len(told))
        told.append(standing)

    ss.solve(flow, until, control=Control(watch))
    return ends


@pytest.mark.parametrize("how", ["Ctrl-C", "cancel"])
@pytest.mark.parametrize(("flow", "until"), [(compressed, 60.0), (refined, 1.0)])
def test_a_stop_in_a_later_round_keeps_the_last_whole_run_and_says_so(flow, until, how):
    begun = rounds(flow(), until)
    assert len(begun) >= 3
    ending = Ending(begun[1] + 1, how)
    trajectory = ss.solve(flow(), until, control=ending.control)
    assert len(ending.told) == begun[1] + 1
    assert trajectory.outcome == "INTERRUPTED"
    assert trajectory.time[-1] == until
    assert "finer discretisation" in trajectory.doubts[-1]


@pytest.mark.parametrize(("flow", "until"), [(small, 1e7), (steps, 1e7), (sgd, 1e7)])
def test_a_deadline_ends_a_run_that_would_go_on(flow, until):
    ss.solve(flow(), until, max_steps=10)  # compiled
    begun = time.monotonic()
    trajectory = ss.solve(flow(), until, control=Control(lambda _: time.sleep(0.01), deadline=0.3))
    assert trajectory.outcome == "DEADLINE" or flow is small
    assert trajectory.time[-1] <= until
    assert time.monotonic() - begun < 20
    if trajectory.outcome == "DEADLINE":
        assert "deadline" in trajectory.message
        assert any("deadline" in doubt for doubt in trajectory.doubts)


def test_a_deadline_that_is_over_still_gives_what_one_chunk_has():
    control = Control(deadline=1e-9)
    time.sleep(0.01)
    trajectory = ss.solve(ss.MeanFieldFlow(SLOW, 1e-4, particles=8), 1e6, rtol=1e-9, control=control)
    assert trajectory.outcome == "DEADLINE"
    assert len(trajectory.time) > 1


def test_a_run_can_be_cancelled_from_another_thread():
    control = Control(lambda _: started.set())
    started = threading.Event()
    thread = threading.Thread(target=lambda: (started.wait(60), control.cancel()))
    thread.start()
    trajectory = ss.solve(steps(), 1e9, control=control)
    thread.join()
    assert trajectory.outcome == "INTERRUPTED"


def test_the_control_of_a_with_block_holds_for_all_that_runs_inside():
    told: list[float] = []
    with Control(lambda standing: told.append(standing.until)) as control:
        ss.solve(small(), 1.0)
        with Control(lambda standing: told.append(-standing.until)):
            ss.solve(steps(), 2.0)
        control.cancel()
        assert ss.solve(steps(), 1.0).outcome == "INTERRUPTED"
        with pytest.raises(KeyboardInterrupt):
            ss.solve(small(), 1.0)  # there is nothing to keep
    assert {1.0, 2.0, -2.0} == set(told)
    assert ss.solve(small(), 1.0).outcome == "REACHED_END"


@pytest.mark.parametrize("flow", [small, steps, compressed])
def test_where_no_part_is_of_use_a_stop_raises(flow):
    def stop(_: Standing) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), Control(whole=True):
        ss.solve(flow(), 60.0, control=Control(stop))
    with Control() as control:
        control.cancel()
        with pytest.raises(KeyboardInterrupt), Control(whole=True):
            assert control.ended  # the work itself did not look
    with pytest.raises(DeadlineError), Control(whole=True, deadline=1e-9):
        ss.solve(steps(), 1e9)


def test_an_order_is_not_checked_on_runs_that_were_stopped():
    ending = Ending(1, "cancel")
    with ending.control, pytest.raises(KeyboardInterrupt):
        ss.check_canonical_order(ss.SingleIndex([1, -1], [1, 1]), levels=1, epsilons=[1e-3, 1e-4])
    assert len(ending.told) == 1


def test_training_that_is_stopped_is_not_taken_up_by_a_longer_run():
    ending = Ending(1, "cancel")
    with ending.control:
        trajectory = train(ss.DeepLinearFlow(COST, 3, 8, gamma=2.0), until=1e5)
    assert trajectory.outcome == "INTERRUPTED"
    assert len(ending.told) == 1


def test_what_is_told_joins_to_the_curves_of_the_result():
    told: list[Standing] = []
    trajectory = ss.solve(ss.MeanFieldFlow(SLOW, 1e-4, particles=8), 2.0, rtol=1e-8, control=Control(told.append))
    assert np.array_equal(np.concatenate([standing.times for standing in told]), trajectory.time)
    assert np.array_equal(np.concatenate([standing.observables["risk"] for standing in told]), trajectory["risk"])
    assert {standing.until for standing in told} == {2.0}
    assert told[-1].level == trajectory["risk"][-1]


def test_a_watcher_that_fails_is_not_silent():
    def broken(_: Standing) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ss.solve(small(), 1.0, control=Control(broken))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"rtol": 0.5}, "rtol"), ({"atol": 0.1}, "atol"), ({"stop_when_still": True}, "stop_when_still")],
)
@pytest.mark.parametrize("flow", [steps, sgd])
def test_no_argument_is_given_that_is_then_dropped(flow, arguments, name):
    with pytest.raises(ss.ArgumentError, match=f"Argument `{name}` must not be given for a dynamics in steps"):
        ss.solve(flow(), 1.0, **arguments)


@pytest.mark.parametrize("flow", [steps, sgd])
@pytest.mark.parametrize("most", [1, 3, 100])
def test_a_dynamics_in_steps_makes_no_more_steps_than_it_may(flow, most, tmp_path):
    limited = ss.solve(flow(), 1.0, max_steps=most, checkpoint=tmp_path / "run")
    assert limited.outcome == "STEP_LIMIT"
    assert limited.solver["steps"] == most
    assert limited.time[-1] == pytest.approx(most * 1e-3)
    whole, resumed = ss.solve(flow(), 1.0), ss.solve(flow(), 1.0, checkpoint=tmp_path / "run")
    assert np.array_equal(resumed.time, whole.time)
    name = "cost" if "cost" in whole.observables else "risk"
    assert np.array_equal(resumed[name], whole[name])
    assert ss.solve(flow(), 1.0, max_steps=1000).outcome == "REACHED_END"


def test_what_is_no_control_is_refused():
    with pytest.raises(ss.ArgumentError, match="Argument `control` must be a Control"):
        ss.solve(small(), 1.0, control=print)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ss.ArgumentError, match="Argument `deadline` must be positive"):
        Control(deadline=0)


def test_only_an_interrupted_run_of_a_few_observations_is_not_worth_keeping():
    assert worth_keeping(ss.solve(steps(), 0.003))
    control = in_charge()
    control.cancel()
    assert not worth_keeping(ss.solve(steps(), 1.0, control=control))
