"""A sweep as a whole: what comes out, what is not run again, what is refused before anything runs."""

import math
import threading
import time

import jax
import numpy as np
import pytest

import saddlescope as ss
from saddlescope import families
from saddlescope.arguments import RefusedError
from saddlescope.solve.control import Control
from saddlescope.solve.machine import ready
from saddlescope.sweep.spec import asked_for
from saddlescope.sweep.sweep import Sweep
from saddlescope.sweep.task import Keep


def half(run):
    return {"half": float(np.interp(-0.5, -run["risk"], run.time)), "terms": run.parameters["terms"]}


def segments(folder):
    return sorted(path.name for path in (folder / "results").rglob("*.json"))


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_axes_are_dimensions_and_columns_and_measures_are_variables(relaxation, tmp_path, engine):
    axes = {"dynamics.rate": ss.logspace(1, 100, 5), "dynamics.terms": [1, 3]}
    result = ss.sweep(relaxation, axes, measure=half, engine=engine, store=tmp_path / "store")
    assert result.measured.dims == ("rate", "terms", "term")
    assert result.half.dims == ("rate", "terms")
    assert result.term.values.tolist() == [1, 2, 3]
    exact = math.log(2) / result.rate
    assert np.allclose(result.half.sel(terms=1), exact, rtol=1e-4)
    assert np.allclose(result.predicted.sel(terms=3), exact * result.term)
    # a row that a task does not have is nan
    assert np.isnan(result.predicted.sel(terms=1)).sum() == 2 * 5
    assert result.final_risk.values == pytest.approx(math.exp(-3))
    assert result.outcome.values.ravel().tolist() == ["REACHED_END"] * 10
    assert result.rate.attrs == {"key": "dynamics.rate", "kind": "logspace"}
    assert result.attrs["store"] == str(tmp_path / "store")


def test_what_is_known_is_not_run_again_and_new_values_compute_what_is_new(relaxation, tmp_path):
    calls = tmp_path / "calls"

    def noted(run):
        with calls.open("a") as file:
            file.write(f"{run.parameters['rate']:g}\n")
        return {"rate_again": run.parameters["rate"]}

    def swept(rates, **more):
        calls.write_text("")
        result = ss.sweep(relaxation, {"dynamics.rate": rates}, measure=noted, store=tmp_path / "s", **more)
        return result, calls.read_text().split()

    first, ran = swept([1.0, 2.0])
    assert ran == ["1", "2"]
    again, ran = swept([1.0, 2.0])
    assert ran == []
    assert again.drop_attrs().equals(first.drop_attrs())
    more, ran = swept([3.0, 2.0, 1.0])
    assert ran == ["3"]
    assert more.rate_again.values.tolist() == [3, 2, 1]
    _, ran = swept([1.0, 2.0], again="ALL")
    assert ran == ["1", "2"]
    assert len(segments(tmp_path / "s")) == 5  # nothing that was written changes: the second attempt is a new one
    # which keys are axes, and in which order, does not matter to what a task is
    relaxation["dynamics"]["rate"] = 2.0
    calls.write_text("")
    result = ss.sweep(relaxation, {"dynamics.terms": [1, 2]}, measure=noted, store=tmp_path / "s")
    assert calls.read_text().split() == ["2"]
    assert result.sizes["terms"] == 2


def test_another_measure_is_another_task_and_another_title_is_not(relaxation, tmp_path):
    def tasks(measure, **changes):
        return set(
            asked_for(relaxation | changes, axes={"dynamics.rate": [1.0, 2.0]}, measure=measure)
            .design.identities()
            .tolist()
        )

    one, other = (lambda run: {"x": 1.0}), (lambda run: {"x": 2.0})
    assert tasks(one) == tasks(one, title="Of another name")
    assert not tasks(one) & tasks(other)
    assert not tasks(one) & tasks(None)


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_failures_are_rows_and_stop_nothing(relaxation, tmp_path, engine):
    relaxation["dynamics"] |= {"fault": "raise", "at": 3.0}
    axes = {"dynamics.rate": [1.0, 2.0, 3.0, 4.0, 13.0]}
    with pytest.raises(RefusedError, match=r"`dynamics.rate` must be no unlucky number, but got 13"):
        ss.sweep(relaxation, axes, engine=engine, store=tmp_path / "s")
    assert segments(tmp_path / "s") == []  # nothing ran
    result = ss.sweep(relaxation, {"dynamics.rate": [1.0, 2.0, 3.0, 4.0]}, engine=engine, store=tmp_path / "s")
    assert result.outcome.values.tolist() == ["REACHED_END", "REACHED_END", "FAILED", "FAILED"]
    assert result.complete.values.tolist() == [True, True, False, False]
    assert result.message.values.tolist()[2:] == ["ZeroDivisionError: division by zero."] * 2
    assert np.isfinite(result.measured.sel(rate=2.0)).all()
    assert np.isnan(result.measured.sel(rate=3.0)).all()
    relaxation["dynamics"]["at"] = 1e300
    with Sweep(asked_for(relaxation, axes={"dynamics.rate": [3.0]}), tmp_path / "s") as run:
        assert len(run.outlook().missing) == 1  # other tasks: `at` is a part of what they are


def test_incomplete_tasks_keep_their_numbers_and_are_run_again_when_asked(relaxation, tmp_path):
    relaxation["dynamics"] |= {"fault": "limit", "at": 2.0}
    asked = asked_for(relaxation, axes={"dynamics.rate": [1.0, 2.0]})
    with Sweep(asked, tmp_path / "s") as run:
        assert run.run(engine="serial").failed == 1
        assert run.dataset().outcome.values.tolist() == ["REACHED_END", "STEP_LIMIT"]
        assert np.isfinite(run.dataset().measured).all()
        assert run.run(engine="serial").finished == 0
        assert run.run(engine="serial", again="FAILED").finished == 1
        assert run.outlook().attempts.tolist() == [1, 2]


def test_a_worker_that_dies_takes_one_task_with_it(relaxation, tmp_path):
    relaxation["dynamics"] |= {"fault": "kill", "at": 9.0}
    result = ss.sweep(
        relaxation, {"dynamics.rate": np.arange(1.0, 10.0)}, engine="processes", workers=2, store=tmp_path / "s"
    )
    assert result.outcome.values.tolist() == ["REACHED_END"] * 8 + ["FAILED"]
    assert str(result.message.values[-1]) == "It was tried 3 times, and each time its process was killed by signal 9."


def test_a_worker_that_needs_too_much_memory_is_ended_and_named(relaxation, tmp_path):
    relaxation["dynamics"] |= {"fault": "memory", "at": 4.0}
    result = ss.sweep(
        relaxation,
        {"dynamics.rate": np.arange(1.0, 5.0)},
        engine="processes",
        workers=1,
        memory=1e9,
        store=tmp_path / "s",
    )
    assert result.outcome.values.tolist() == ["REACHED_END"] * 3 + ["FAILED"]
    assert str(result.message.values[-1]) == "It needs more than the 1 GB of memory that a worker may use."


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_cancelled_sweeps_keep_what_is_done_and_go_on(relaxation, tmp_path, engine):
    relaxation["dynamics"]["seconds"] = 0.05
    rates = np.arange(1.0, 13.0)
    control = Control()
    asked = asked_for(relaxation, axes={"dynamics.rate": rates})

    def watch(standing):
        if standing.finished >= 2:
            control.cancel()

    with Sweep(asked, tmp_path / "s") as run:
        standing = run.run(engine=engine, workers=2, control=control, watch=watch)
        assert standing.interrupted
        assert 2 <= standing.finished < 12
        before = segments(tmp_path / "s")
        assert len(before) == standing.finished
        partial = run.dataset()
        assert (partial.outcome == "NOT_RUN").sum() == 12 - standing.finished
        standing = run.run(engine=engine)
        assert (standing.known, standing.finished) == (len(before), 12 - len(before))
        assert set(before) <= set(segments(tmp_path / "s"))
        assert run.dataset().complete.all()
    assert not list((tmp_path / "s" / "claims").iterdir())


def test_a_control_ends_the_task_that_runs_in_this_process(relaxation, tmp_path):
    relaxation["dynamics"]["seconds"] = 60.0
    control = Control()
    threading.Timer(0.5, control.cancel).start()
    began = time.monotonic()
    with Sweep(asked_for(relaxation, axes={"dynamics.rate": [1.0]}), tmp_path / "s") as run:
        assert run.run(engine="serial", control=control).interrupted
    assert time.monotonic() - began < 30
    assert segments(tmp_path / "s") == []


def test_what_another_sweep_finished_meanwhile_is_run_again_if_it_kept_less(relaxation, tmp_path):
    asked = asked_for(relaxation, axes={"dynamics.rate": [1.0, 2.0]}, keep="all")
    with Sweep(asked, tmp_path / "s") as run:
        outlook = run.outlook()  # then the other one comes
        ss.sweep(relaxation, {"dynamics.rate": [1.0]}, store=tmp_path / "s")
        run.outlook = lambda again=None: outlook
        run.run(engine="serial")
        del run.outlook
        assert not len(run.outlook().missing)
        assert all(run.dataset().trajectory.values)


def test_trajectories_are_kept_as_asked(relaxation, tmp_path):
    axes = {"dynamics.rate": [1.0, 2.0]}
    with pytest.raises(RefusedError, match="`store` must name a folder"):
        ss.sweep(relaxation, axes, keep="all")
    kept: tuple[tuple[Keep, set[str]], ...] = (("observables", {"risk"}), ("all", {"risk", "state"}))
    for keep, names in kept:
        result = ss.sweep(relaxation, axes, keep=keep, store=tmp_path / "s")
        for rate in (1.0, 2.0):
            run = ss.load(tmp_path / "s" / str(result.trajectory.sel(rate=rate).item()))
            assert set(run.observables) == names
            assert run.parameters["rate"] == rate
    # what did not come about is not named
    relaxation["dynamics"] |= {"runs": 2, "fault": "raise", "at": 2.0}
    result = ss.sweep(relaxation, axes, keep="observables", store=tmp_path / "s")
    named = [name.split("\n") if name else [] for name in result.trajectory.values.tolist()]
    assert [len(names) for names in named] == [2, 0]
    for place, name in enumerate(named[0]):
        assert name.endswith(f".1.trajectory_{place}.nc")
        assert (tmp_path / "s" / name).exists()
    relaxation["dynamics"] = {}
    # more is there than is asked for
    with Sweep(asked_for(relaxation, axes=axes), tmp_path / "s") as run:
        assert not len(run.outlook().missing)


def test_designs_and_zipped_axes_have_their_keys_as_coordinates(relaxation):
    spans = {"dynamics.rate": ss.logspace(1, 10), "dynamics.amplitude": ss.linspace(1, 2)}
    result = ss.sweep(relaxation, {"point": ss.sampled(spans, 6)}, engine="serial")
    assert result.measured.dims == ("point", "term")
    assert np.allclose(result.measured.sel(term=1), math.log(2) / result.rate, rtol=1e-3)
    assert result.amplitude.dims == ("point",)
    zipped = ss.zipped({"dynamics.rate": [1.0, 2.0], "dynamics.seed": [7, 8]})
    result = ss.sweep(relaxation, {"pair": zipped}, engine="serial")
    assert result.seed.values.tolist() == [7, 8]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"dynamics.rat": [1.0]}, "did you mean `dynamics.rate`"),
        (
            {"dynamics.rate": [1.0, 2.0, -3.0, -4.0]},
            "`dynamics.rate` in sweep of tables must be positive, but got -3.0",
        ),
        (
            {"dynamics.seed": [0.5], "dynamics.rate": [1.0]},
            "`dynamics.seed` in spec of tables must be a whole number",
        ),
        ({"dynamics": [1.0]}, "`dynamics`"),
        ({"title": ["a", "b"], "dynamics.rate": [1.0]}, "`title` cannot be an axis"),
        (
            {"dynamics.rate": ss.linspace(1, 2, 10**4), "dynamics.seed": ss.seeds(10**4)},
            "at most 1e7 tasks, unless you say yes to more (here they make 10000 x 10000 = 100000000)",
        ),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_runs(relaxation, tmp_path, axes, said):
    with pytest.raises(RefusedError) as refused:
        ss.sweep(relaxation, axes, store=tmp_path / "s")
    assert said in str(refused.value)
    assert not (tmp_path / "s").exists()


def test_wrong_arguments_are_refused(relaxation, tmp_path):
    axes = {"dynamics.rate": [1.0]}
    for arguments, said in (
        ({"engine": "threads"}, "`engine` must be auto, serial, processes"),
        ({"keep": "some"}, "`keep` must be one of none, observables, all"),
        ({"again": "SOME"}, "`again` must be FAILED or ALL"),
        ({"measure": 3}, "`measure` must be a function"),
        ({"measure": "degree_on"}, "did you mean `degree_one`"),
        ({"measure": "nowhere.py:f"}, "there is no file"),
    ):
        with pytest.raises(RefusedError) as refused:
            ss.sweep(relaxation, axes, **arguments)  # pyright: ignore[reportArgumentType]
        assert said in str(refused.value)


def test_values_of_several_kinds_of_real_families_are_known_by_what_they_are():
    # a whole number where the family wants a float is that float, and lists are values like others
    def identities(axes):
        return asked_for("canonical", axes=axes).design.identities().tolist()

    assert identities({"dynamics.until": [1, 2]}) == identities({"dynamics.until": [1.0, 2.0]})
    both = identities({"problem.link": [[1, -1, 1], "relu"], "dynamics.second_layer.low": [-1.0, -2.0]})
    assert len(set(both)) == 4
    swapped = identities({"dynamics.second_layer.low": [-1.0, -2.0], "problem.link": [[1, -1, 1], "relu"]})
    assert set(both) == set(swapped)


MEAN_FIELD = {
    "problem": {"link": [0.0, 1.0], "activation": [0.0, 1.0]},
    "dynamics": {"epsilon": 0.1, "until": 1.0, "particles": 2},
}


@pytest.mark.skipif(jax.__version_info__ < ready._SINCE, reason="an older JAX keeps no programs")
def test_worker_processes_keep_programs_until_they_load_code_of_the_users(relaxation, tmp_path, monkeypatch):
    from saddlescope.engines.processes import Processes
    from saddlescope.sweep.engines.tasks import Tasks

    def kept(run):
        from saddlescope.jax_settings import programs_are_kept

        return {"kept": programs_are_kept()}

    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    axes = {"dynamics.epsilon": [0.1, 0.2]}
    families._PACKAGES.pop("relaxation")
    families.packages.cache_clear()
    result = ss.sweep(MEAN_FIELD, axes, measure=kept, engine="processes", workers=1)
    assert result.kept.values.tolist() == [0, 0]
    assert list((tmp_path / "cache").glob("*.program"))
    families.register("relaxation", "campaigns.relaxation")
    assert not Processes(Tasks(tmp_path, None, families.packages()), workers=1)._begin["programs_kept"]


def test_a_measure_that_no_worker_can_load_is_a_sentence(relaxation, tmp_path):
    class Elsewhere:
        """What a worker lacks: a module, or a file."""

        def __reduce__(self):
            return open, ("/nowhere/at/all",)

    lacking = Elsewhere()

    def measured(run):
        return {"x": float(lacking is run)}

    with pytest.raises(RefusedError, match=r"cannot load `measure` \(FileNotFoundError"):
        ss.sweep(relaxation, {"dynamics.rate": [1.0, 2.0]}, measure=measured, engine="processes", store=tmp_path / "s")
