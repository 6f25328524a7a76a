"""One task: what is a result, and what is none."""

import pytest

from saddlescope.solve.control import Control
from saddlescope.sweep.task import Task, carried_out


@pytest.fixture
def task(relaxation):
    return Task("0" * 32, relaxation | {"dynamics": {"rate": 2.0, "seconds": 0.3}})


def test_a_task_that_had_no_time_is_not_done(task):
    with Control(deadline=0.05):
        assert carried_out(task) is None
    with Control(deadline=0.05, whole=True):
        assert carried_out(task) is None
    result = carried_out(task)
    assert result is not None
    assert result.outcome == "REACHED_END"


@pytest.mark.parametrize("fails", [False, True])
def test_what_ended_after_the_run_is_not_done(task, fails):
    def measure(run):
        control.cancel()
        return {"rate": 1.0 / 0.0 if fails else run.parameters["rate"]}

    with Control() as control:
        assert carried_out(task, measure) is None


def test_a_run_stands_without_its_prediction(task, monkeypatch):
    from campaigns.relaxation.study import Study

    monkeypatch.setattr(Study, "predict", lambda self: 1 / 0)
    result = carried_out(task)
    assert result is not None
    assert result.complete
    assert result.doubts == ("Nothing is predicted: ZeroDivisionError: division by zero.",)
