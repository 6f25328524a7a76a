"""Programs that are kept for the next process: used without tracing, never a wrong one, and made anew in any doubt."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache.compilation_cache import reset_cache

from saddlescope import jax_settings
from saddlescope.solve.machine import ready

_traces: list[int] = []


def _scaled(x, times: int):
    _traces.append(times)
    return {"scaled": times * x, "sum": (jnp.sum(x), x[0])}


def _unlike(x, times: int):
    return {"scaled": -times * x, "sum": (jnp.sum(x), x[0])}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """An empty folder of programs, and a way to be the next process."""
    monkeypatch.setattr(ready, "_folder", lambda: tmp_path)
    monkeypatch.setattr(ready, "programs_are_kept", lambda: True)
    # what comes from JAX's own cache is not kept
    before = jax.config.values["jax_enable_compilation_cache"]
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()
    monkeypatch.setattr(ready, "_ready", {})
    _traces.clear()
    yield tmp_path
    jax.config.update("jax_enable_compilation_cache", before)
    reset_cache()


def _next_process():
    jax.clear_caches()
    ready.forget()
    _traces.clear()


def test_the_next_process_does_not_trace_and_gets_the_same(kept):
    x = np.arange(1.0, 4.0)
    first = ready.Compiled(_scaled, "times")(x, times=3)
    assert _traces == [3]
    _next_process()
    again = ready.Compiled(_scaled, "times")(x, times=3)
    assert _traces == []
    assert jax.tree.structure(first) == jax.tree.structure(again)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True))


def test_an_option_that_the_compiler_does_not_know_changes_nothing():
    x = np.arange(1.0, 4.0)
    options = {"xla_cpu_multi_thread_eigen": False, "xla_of_another_version": True, **ready.QUICK}
    assert [ready._is_known(*option) for option in options.items()][:2] == [True, False]
    assert np.array_equal(ready.Compiled(_scaled, "times", options=options)(x, times=3)["scaled"], 3 * x)


@pytest.mark.parametrize(
    ("x", "times"),
    [(np.arange(1.0, 5.0), 3), (np.arange(1.0, 4.0), 4), (np.arange(1, 4), 3), (np.arange(1, 4, dtype=np.float32), 3)],
)
def test_another_shape_type_or_setting_is_another_program(kept, x, times):
    ready.Compiled(_scaled, "times")(np.arange(1.0, 4.0), times=3)
    _next_process()
    result = ready.Compiled(_scaled, "times")(x, times=times)
    assert _traces == [times]
    assert np.allclose(result["scaled"], times * x)


def test_another_function_or_text_of_the_package_or_jax_setting_is_another_program(kept, monkeypatch):
    x = np.arange(1.0, 4.0)
    ready.Compiled(_scaled, "times")(x, times=3)
    _next_process()
    assert ready.Compiled(_unlike, "times")(x, times=3)["scaled"][0] == -3
    _next_process()
    with monkeypatch.context() as patched:
        patched.setattr(ready, "_source", lambda: "changed")
        ready.Compiled(_scaled, "times")(x, times=3)
        assert _traces == [3]
        # what tracing gave is what it was: one program serves both texts
        assert len(list(kept.glob("*.program"))) == 2
        assert len(list(kept.glob("*.known"))) == 3
    _next_process()
    ready._surroundings.cache_clear()
    with jax.default_matmul_precision("float32"):
        jax.config.update("jax_numpy_rank_promotion", "warn")
        try:
            ready.Compiled(_scaled, "times")(x, times=3)
        finally:
            jax.config.update("jax_numpy_rank_promotion", "allow")
            ready._surroundings.cache_clear()
    assert _traces == [3]


@pytest.mark.parametrize("damage", [lambda b: b[:-7], lambda b: b[:99] + bytes([b[99] ^ 1]) + b[100:], lambda b: b""])
def test_a_damaged_file_is_made_anew(kept, damage):
    x = np.arange(1.0, 4.0)
    ready.Compiled(_scaled, "times")(x, times=3)
    (path,) = kept.glob("*.program")
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    _next_process()
    assert ready.Compiled(_scaled, "times")(x, times=3)["scaled"][2] == 9
    assert _traces == [3]
    _next_process()
    assert ready.Compiled(_scaled, "times")(x, times=3)["scaled"][2] == 9
    assert _traces == []


def test_a_program_that_cannot_run_here_is_made_anew(kept, monkeypatch):
    x = np.arange(1.0, 4.0)
    ready.Compiled(_scaled, "times")(x, times=3)
    _next_process()

    def broken(*_):
        raise jax.errors.JaxRuntimeError("NOT_FOUND: a function of another machine")

    monkeypatch.setattr(ready, "_load", lambda *_: broken)
    assert ready.Compiled(_scaled, "times")(x, times=3)["scaled"][2] == 9
    assert _traces == [3]


def test_what_has_no_content_that_could_be_told_is_not_kept(kept):
    with open(kept / "open", "w") as file:
        result = ready.Compiled(lambda x, where: 2 * x, "where")(np.ones(2), where=file)
    assert np.array_equal(result, [2.0, 2.0])
    assert not list(kept.glob("*.program"))


def test_a_full_disk_stops_nothing(kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ready, "write", full)
    assert ready.Compiled(_scaled, "times")(np.ones(2), times=3)["scaled"][1] == 3
    assert not list(kept.glob("*"))


def test_those_not_used_for_the_longest_time_go_first(tmp_path, monkeypatch):
    import os

    for age, name in enumerate("cab"):
        path = tmp_path / f"{name}.program"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1000 - age, 1000 - age))
    monkeypatch.setattr(ready, "_MOST_KEPT", 250)
    ready._clear(tmp_path)
    assert sorted(path.stem for path in tmp_path.glob("*.program")) == ["a", "c"]


def test_only_the_program_keeps_them_and_not_a_users_process():
    assert not jax_settings.programs_are_kept()
    told = "import saddlescope.cli as c; from saddlescope import jax_settings as j; {}; print(j.programs_are_kept())"
    for call, kept in (("c.main(['specs'])", "False"), ("import sys; sys.argv[1:] = ['specs']; c.main()", "True")):
        done = subprocess.run([sys.executable, "-c", told.format(call)], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == kept


_RUN = """
import sys
import jax
import saddlescope as ss
from saddlescope.jax_settings import keep_programs
keep_programs(sys.argv[1] == "kept")
traced = []
jax.monitoring.register_event_duration_secs_listener(lambda event, _, **more: traced.append(more.get("fun_name")))
problem = ss.SingleIndex(link=[0, 1], activation=[0, 1])
run = ss.solve(ss.NetworkFlow(problem, 0.1, 2), 1.0, progress=False)
print(sum(str(name).endswith("_advance") for name in traced), *(float(x).hex() for x in run["risk"][[0, 9, -1]]))
"""


@pytest.mark.skipif(jax.__version_info__ < ready._SINCE, reason="an older JAX keeps no programs")
def test_a_solver_with_routines_of_lapack_runs_in_a_process_that_never_traced_one(tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))

    def run(how):
        done = subprocess.run([sys.executable, "-c", _RUN, how], capture_output=True, text=True, check=True)
        traces, *numbers = done.stdout.split()
        return int(traces) > 0, numbers

    # the first, a user's own, leaves it where what is read cannot be written again
    runs = [run(how) for how in ("not", "kept", "kept")]
    for path in tmp_path.glob("*.program"):
        path.write_bytes(b"damaged")
    runs += [run("kept"), run("kept")]
    assert [traced for traced, _ in runs] == [True, True, False, True, False]
    assert all(numbers == runs[0][1] for _, numbers in runs)
