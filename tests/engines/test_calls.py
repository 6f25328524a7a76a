"""Calls over engines beside the plain loop: the same values, whoever makes them; what goes wrong comes back."""

import functools
import importlib
import math
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import ArgumentError, positive
from saddlescope.engines import EngineError, processors
from saddlescope.engines.calls import LostError, calls
from saddlescope.solve.control import Control, DeadlineError
from saddlescope.solve.progress.bars import watched

POINTS = [(9.0,), (-1.0,), (16.0,), (4.0,)]


def told(results):
    return {number: result if isinstance(result, float) else str(result) for number, result in results}


@pytest.mark.parametrize("how", [{"workers": 1}, {"workers": 2, "apart": True}])
def test_values_and_what_was_raised_are_those_of_the_plain_loop(how):
    plain: dict[int, object] = {}
    for number, point in enumerate(POINTS):
        try:
            plain[number] = math.sqrt(*point)
        except ValueError as error:
            plain[number] = str(error)
    begun = []
    assert told(calls(math.sqrt, POINTS, begin=begun.append, **how)) == plain
    assert sorted(begun) == [0, 1, 2, 3]
    assert list(calls(math.sqrt, [], **how)) == []


def test_what_is_seen_to_take_long_goes_on_in_other_processes(monkeypatch):
    monkeypatch.setattr(importlib.import_module("saddlescope.engines.calls"), "_WORTH", 0.0)
    where = [pid for _, pid in calls(os.getpid, [()] * 5, workers=2)]
    assert where.count(os.getpid()) == 1
    assert len(set(where)) <= 3
    assert {pid for _, pid in calls(os.getpid, [()] * 3, workers=1)} == {os.getpid()}


def test_one_call_that_is_left_starts_no_process(monkeypatch):
    monkeypatch.setattr(importlib.import_module("saddlescope.engines.calls"), "_WORTH", 0.0)
    assert {pid for _, pid in calls(os.getpid, [()] * 2, workers=2)} == {os.getpid()}


@pytest.mark.parametrize("apart", [True, False])
def test_a_task_starts_no_workers_and_shows_no_bar(monkeypatch, apart):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert watched()
    assert [value for _, value in calls(processors, [()], apart=apart)] == [1]
    assert [value for _, value in calls(watched, [()], apart=apart)] == [False]
    assert processors() == len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else True


@pytest.mark.parametrize("apart", [True, False])
def test_a_refusal_comes_back_as_it_was_raised(apart):
    ((_, error),) = calls(positive, [("epsilon", -1.0)], apart=apart)
    assert type(error) is ArgumentError
    assert (str(error), error.argument) == ("Argument `epsilon` must be positive, but got -1.0.", "epsilon")


def test_a_call_that_takes_its_process_down_ends_no_other():
    results = dict(calls(functools.partial(os._exit), [(3,)], apart=True))
    assert isinstance(results[0], LostError)
    assert "ended with code 3" in str(results[0])


def test_what_cannot_be_sent_back_is_a_sentence():
    (result,) = (value for _, value in calls(threading.Lock, [()], apart=True))
    assert isinstance(result, RuntimeError)
    assert "lock" in str(result)


def test_a_function_that_cannot_be_sent_stays_here_or_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.import_module("saddlescope.engines.calls"), "_WORTH", 0.0)
    take = threading.Lock().acquire  # no pickle holds it
    with pytest.raises(EngineError, match="`function` cannot be sent"):
        next(calls(take, [()], apart=True))
    assert [value for _, value in calls(take, [(False,)] * 3, workers=2)] == [True, False, False]


def test_a_control_ends_calls_in_other_processes_at_once():
    began = time.monotonic()
    with pytest.raises(DeadlineError), Control(deadline=3.0):
        list(calls(time.sleep, [(300.0,)] * 2, workers=2, apart=True))
    control = Control()
    control.cancel()
    with pytest.raises(KeyboardInterrupt), control:
        list(calls(time.sleep, [(300.0,)], workers=1))
    assert time.monotonic() - began < 150


def test_a_run_that_has_no_time_left_is_told_from_one_that_was_stopped():
    descent = ss.GradientDescent(ss.LeastSquares([[2.0]]), 2, 3, gamma=1.0, learning_rate=1e-3)

    def whole(until):
        with Control(whole=True):
            return ss.solve(descent, until)

    with pytest.raises(DeadlineError), Control(deadline=1.0):
        list(calls(whole, [(1e9,)], workers=1))


SLEEPERS = """
import sys, time
sys.path[:] = {path!r}
from saddlescope.engines.calls import calls
for _ in calls(time.sleep, [(300.0,)] * 2, workers=2, apart=True, begin=lambda number: print(number, flush=True)):
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for child processes where Linux lists them")
def test_ctrl_c_ends_everything_at_once():
    code = SLEEPERS.format(path=sys.path)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert [parent.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
    with open(f"/proc/{parent.pid}/task/{parent.pid}/children") as file:
        children = file.read().split()
    assert len(children) == 2
    parent.send_signal(signal.SIGINT)
    _, said = parent.communicate(timeout=100)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert not [child for child in children if os.path.exists(f"/proc/{child}")]


OWN = """
import functools, importlib, operator, os, sys
sys.path[:] = {path!r}
from saddlescope.engines.calls import calls
importlib.import_module("saddlescope.engines.calls")._WORTH = 0.0
sys.modules["cloudpickle"] = None
class Mine:
    def __call__(self): return os.getpid()
print(len({{pid for _, pid in calls(functools.partial(operator.call, Mine()), [()] * 3, workers=2)}}))
"""


def test_what_a_script_made_stays_in_it_without_cloudpickle():
    # another process would not know the class: it is not sent there, though the function that holds it has a name
    done = subprocess.run([sys.executable, "-c", OWN.format(path=sys.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_a_grid_and_a_ladder_are_the_same_in_other_processes(monkeypatch):
    cost = ss.LeastSquares(np.diag([2.0, 1.0]))
    problem = ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0])

    def both(workers):
        grid = ss.distance_grid(cost, 2, gammas=[0.5, 1.5], widths=[4, 8], seeds=[0, 3], workers=workers)
        order = ss.check_canonical_order(problem, levels=1, epsilons=[1e-4, 1e-5, 1e-6], workers=workers)
        return grid, order

    here, order = both(1)
    monkeypatch.setattr(importlib.import_module("saddlescope.engines.calls"), "_WORTH", 0.0)
    there, other = both(2)
    for name in ("d_m", "d_s", "converged", "seeds"):
        np.testing.assert_allclose(getattr(there, name), getattr(here, name), rtol=1e-9)
    assert other.doubts == order.doubts
    np.testing.assert_allclose(other.final_risk, order.final_risk, rtol=1e-9)
    for one, two in zip(order.rows, other.rows, strict=True):
        np.testing.assert_allclose(two.measured, one.measured, rtol=1e-9)
        assert (two.verdict, two.degree) == (one.verdict, one.degree)
    # and what the functions say is what their parts say, called plainly
    flow = ss.MeanFieldFlow(problem, 1e-5, order.order.second_layer, tolerance=1e-3)
    times = ss.learning_times(ss.solve(flow, 3.0), fraction=0.5)
    np.testing.assert_allclose([row.measured[1] for row in order.rows], times[:2], rtol=1e-9)
    start = ss.deep_linear.gaussian_start((2, 2), 2, 8, 1.5, seed=3)
    apart = ss.distances(cost, start)
    np.testing.assert_allclose((here.d_m[1, 1, 1], here.d_s[1, 1, 1]), (apart.minimum, apart.saddle), rtol=1e-9)
