"""The Dask engine: a cluster on this machine, a scheduler by its address, workers that die."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.arguments import RefusedError

ROOT = Path(__file__).parents[2]
distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own, on this machine's network and its threads


@pytest.fixture(scope="module")
def address():
    """A scheduler with two workers, processes that know where the family lies."""
    import os

    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), before])
    try:
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        ) as cluster:
            yield cluster.scheduler_address
    finally:
        os.environ["PYTHONPATH"] = before


def test_results_are_those_of_the_serial_engine_and_poison_is_named(relaxation, address, tmp_path):
    relaxation["dynamics"] |= {"fault": "kill", "at": 60.0}
    axes = {"dynamics.rate": np.arange(21.0, 61.0)}

    def twice(run):
        return {"twice": 2 * run.parameters["rate"]}

    result = ss.sweep(relaxation, axes, measure=twice, engine=f"dask={address}", store=tmp_path / "dask")
    assert result.outcome.values.tolist() == ["REACHED_END"] * 39 + ["FAILED"]
    assert "its worker died" in str(result.message.values[-1])
    there = {"dynamics.rate": np.arange(21.0, 60.0)}
    serial = ss.sweep(relaxation, there, measure=twice, engine="serial", store=tmp_path / "serial")
    timing = ["seconds"]
    assert (
        result.isel(rate=slice(39))
        .drop_vars([*timing, "message"])
        .drop_attrs()
        .equals(serial.drop_vars([*timing, "message"]).drop_attrs())
    )


def test_a_scheduler_that_is_not_there_is_one_sentence(relaxation, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.import_module("saddlescope.sweep.engines.dask"), "_PATIENCE", 1.0)
    axes = {"dynamics.rate": [1.0, 2.0]}
    with pytest.raises(RefusedError, match=r"There is no Dask scheduler at tcp://127.0.0.1:9 \(.*\)\."):
        ss.sweep(relaxation, axes, engine="dask=tcp://127.0.0.1:9", store=tmp_path / "s")
    with pytest.raises(RefusedError, match="give neither"):
        ss.sweep(relaxation, axes, engine="dask=tcp://127.0.0.1:9", workers=3, store=tmp_path / "s")


def test_a_scheduler_that_goes_away_is_one_sentence_and_the_sweep_goes_on(relaxation, tmp_path):
    from saddlescope.sweep.spec import asked_for
    from saddlescope.sweep.sweep import Sweep

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
