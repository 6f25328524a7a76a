"""The Dask engine: a cluster on this machine, a scheduler by its address, workers that die."""

import concurrent.futures
import importlib
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import RefusedError
from saddlescope.engines import EngineError
from saddlescope.sweep.spec import asked_for
from saddlescope.sweep.sweep import Sweep
from saddlescope.sweep.task import Task

ROOT = Path(__file__).parents[2]
dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
rooms = importlib.import_module("saddlescope.sweep.engines.dask")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own, on this machine's network and its threads


def _ways():
    """What a worker gives back, how many threads it uses, and whether it samples itself."""
    import os

    from dask import config

    environ = (os.environ.get(name) for name in ("MALLOC_TRIM_THRESHOLD_", "OMP_NUM_THREADS"))
    return *environ, config.get("distributed.worker.profile.enabled")


@pytest.fixture(scope="module")
def address():
    """A scheduler with two workers, processes that know where the family lies."""
    import os

    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), before])
    try:
        # one death more than is allowed, twice, is what poison takes: new workers take seconds to come
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 1}),
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
            ) as cluster,
        ):
            yield cluster.scheduler_address
    finally:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def sent(monkeypatch):
    """Numbers of tasks that were sent together, of few that are given ahead."""
    monkeypatch.setattr(rooms, "_LEAST", 8)
    monkeypatch.setattr(rooms, "_SHORT", 1.0)  # of a machine that may be slow
    sizes: list[int] = []
    send = distributed.cfexecutor.ClientExecutor.submit

    def noted(self, function, tasks, *rest):
        sizes.append(len(tasks))
        return send(self, function, tasks, *rest)

    monkeypatch.setattr(distributed.cfexecutor.ClientExecutor, "submit", noted)
    return sizes


def test_long_tasks_are_sent_alone(relaxation, address, sent, monkeypatch):
    relaxation["dynamics"]["seconds"] = 0.2
    monkeypatch.setattr(rooms, "_SHORT", 0.1)
    result = ss.sweep(relaxation, {"dynamics.rate": np.arange(21.0, 33.0)}, engine=f"dask={address}")
    assert result.complete.all()
    assert sent == [1] * 12


def test_a_worker_gives_back_what_it_has_not_begun(relaxation, monkeypatch):
    tables = {**relaxation, "dynamics": {"rate": 20.0}}
    tasks = [Task(f"{place:032x}", tables) for place in range(3)]
    for short, number in ((1e9, 3), (0.0, 2)):
        monkeypatch.setattr(rooms, "_SHORT", short)
        results = rooms._carried_out(tasks, None, "stop", {})
        assert [result.task for result in results if result] == [task.identity for task in tasks[:number]]


def test_what_comes_back_is_sent_again_before_what_waits(relaxation):
    tables = {**relaxation, "dynamics": {"rate": 20.0}}
    first, second, third, later = (Task(f"{place:032x}", tables) for place in range(4))
    engine = rooms.Dask("tcp://127.0.0.1:9", None)
    engine.submit(later)
    future: concurrent.futures.Future = concurrent.futures.Future()
    engine._sent[future] = [first, second, third]
    future.set_result(rooms._carried_out([first], None, "stop", {}))
    (event,) = engine._events_of(future)
    assert (event.task, event.result.outcome, event.written) == (first, "REACHED_END", False)
    assert list(engine._waiting) == [second, third, later]
    assert not engine._sent
    # of some that were sent together an error ends none: each is tried alone
    future = concurrent.futures.Future()
    engine._client = SimpleNamespace(status="running")
    engine._sent[future] = [second, third]
    future.set_exception(ValueError("of one of them"))
    assert engine._events_of(future) == []
    assert engine._suspects == [second, third]


def test_a_sweep_on_dask_that_is_stopped_leaves_no_claim_and_goes_on(relaxation, address, tmp_path, sent):
    from saddlescope.solve.control import Control

    control = Control()
    relaxation["dynamics"]["seconds"] = 0.02
    axes = {"dynamics.rate": np.arange(21.0, 321.0)}
    asked = asked_for(relaxation, axes=axes)

    def watch(standing):
        if standing.finished > 40:
            control.cancel()

    with Sweep(asked, tmp_path / "s") as run:
        standing = run.run(engine=f"dask={address}", control=control, watch=watch)
        assert standing.interrupted
        assert 40 < standing.finished < 300
        assert not list((tmp_path / "s" / "claims").iterdir())
        again = run.run(engine="serial")
        assert (again.known, again.finished) == (standing.finished, 300 - standing.finished)
        assert run.dataset().complete.all()
    assert max(sent) > 1


def test_a_scheduler_that_is_not_there_is_one_sentence(relaxation, tmp_path, monkeypatch):
    monkeypatch.setattr(rooms, "_PATIENCE", 1.0)
    axes = {"dynamics.rate": [1.0, 2.0]}
    with pytest.raises(RefusedError, match=r"There is no Dask scheduler at tcp://127.0.0.1:9 \(.*\)\."):
        ss.sweep(relaxation, axes, engine="dask=tcp://127.0.0.1:9", store=tmp_path / "s")
    with pytest.raises(RefusedError, match="give neither"):
        ss.sweep(relaxation, axes, engine="dask=tcp://127.0.0.1:9", workers=3, store=tmp_path / "s")


def test_a_scheduler_that_goes_away_is_one_sentence_and_the_sweep_goes_on(relaxation, tmp_path):
    relaxation["dynamics"]["seconds"] = 0.05
    asked = asked_for(relaxation, axes={"dynamics.rate": np.arange(21.0, 51.0)})
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=50
    )
    closed = False

    def watch(standing):
        nonlocal closed
        if standing.finished >= 3 and not closed:
            closed = True
            cluster.close(timeout=5)

    with Sweep(asked, tmp_path / "s") as run:
        with pytest.raises(RefusedError, match="went away: the same command goes on once it is back"):
            run.run(engine=f"dask={cluster.scheduler_address}", watch=watch)
        run.store.refresh()
        done = run.outlook().complete
        assert 3 <= done < 30
        standing = run.run(engine="serial")
        assert (standing.known, standing.finished) == (done, 30 - done)
        assert run.dataset().complete.all()


def test_a_cluster_here_without_workers_is_one_sentence_and_does_not_wait_for_ever(relaxation, monkeypatch):
    monkeypatch.setattr(rooms, "_WITHOUT", 0.5)
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)  # that an earlier cluster left in this process
    monkeypatch.setattr(rooms, "_LOOK", 0.1)
    task = Task(f"{0:032x}", {**relaxation, "dynamics": {"rate": 20.0}})
    with rooms.Dask("", None, workers=1) as engine:
        # its own ways, with which tasks take half as long again
        (told,) = engine._client.run(_ways).values()
        assert told == (None, "1", False)
        engine._cluster.scale(0)
        while engine._client.nthreads():
            time.sleep(0.05)
        engine.submit(task)
        with pytest.raises(EngineError, match="All workers of the Dask cluster died and none came back"):  # noqa: PT012
            for _ in range(1000):
                engine.events(0.05)
    # of a cluster elsewhere workers may come at any time
    engine = rooms.Dask("tcp://127.0.0.1:9", None)
    engine._client, engine._manned = SimpleNamespace(nthreads=dict), -1e9
    engine._look_at_workers()


def test_results_are_those_of_the_serial_engine_and_poison_among_them_is_named(relaxation, address, tmp_path, sent):
    # the last one here, as Dask does not always replace workers that die one after the other
    relaxation["dynamics"] |= {"fault": "kill", "at": 100.0}
    axes = {"dynamics.rate": np.arange(21.0, 101.0)}

    def twice(run):
        return {"twice": 2 * run.parameters["rate"]}

    result = ss.sweep(relaxation, axes, measure=twice, engine=f"dask={address}", store=tmp_path / "dask")
    assert result.outcome.values.tolist() == ["REACHED_END"] * 79 + ["FAILED"]
    assert "its worker died" in str(result.message.values[-1])
    assert max(sent) > 1
    assert len(list((tmp_path / "dask" / "results").rglob("*.json"))) == 80
    assert not list((tmp_path / "dask" / "claims").iterdir())
    there = {"dynamics.rate": np.arange(21.0, 100.0)}
    serial = ss.sweep(relaxation, there, measure=twice, engine="serial", store=tmp_path / "serial")
    timing = ["seconds"]
    assert (
        result.isel(rate=slice(79))
        .drop_vars([*timing, "message"])
        .drop_attrs()
        .equals(serial.drop_vars([*timing, "message"]).drop_attrs())
    )
