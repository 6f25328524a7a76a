"""The process that computes for the page: it reads one job a line, and answers with events, one a line.

A process and not a thread, so that the page answers while code compiles, that what takes too long or too much memory
can be ended, and that a crash ends no more than one run.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import io
import json
import math
import os
import queue
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from saddlescope.arguments import RefusedError, in_a_sentence
from saddlescope.explorer.limits import MEMORY, SECONDS, as_json
from saddlescope.jax_settings import keep_programs

_KEPT = 3  # finished runs, for exports
_WATCHED = 0.2  # seconds between two looks at the memory
_POINTS = 4000  # of a curve that is shown
_WARM = 2.0  # seconds that a run may go on that only warms up


class _Done(NamedTuple):
    study: Any
    solved: Any
    theory: Any


class CancelledError(Exception):
    """The page wants this no more."""


class Worker:
    """Runs jobs one after the other; `cancel` comes from another thread."""

    def __init__(self, out: io.BufferedWriter):
        self._out = out
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Done] = OrderedDict()
        self._cancelled: set[int] = set()
        self._job = -1
        self._silent = False
        self._controls: list[Any] = []

    def cancel(self, number: int) -> None:
        """End a job, now or before it begins."""
        self._cancelled.add(number)
        if number == self._job:
            for control in list(self._controls):
                control.cancel()

    def do(self, job: dict[str, Any]) -> None:
        """Do one job; whatever happens, its last event is `end`."""
        self._job = int(job["number"])
        try:
            self._check()
            getattr(self, f"_{job['do']}")(job)
        except (CancelledError, KeyboardInterrupt):
            self._tell("cancelled", {})
        except RefusedError as error:
            self._tell("refused", {"sentence": str(error)})
        except MemoryError:
            self._tell("failed", {"sentence": "There is not enough memory for this run."})
        except Exception as error:
            self._tell("failed", {"sentence": in_a_sentence(error)})
        finally:
            self._cancelled.discard(self._job)
            self._tell("end", {})

    def _tell(self, event: str, content: Any) -> None:
        if self._silent:
            return
        with self._lock:
            self._out.write(f"{self._job} {event} {encoded(content)}\n".encode())
            self._out.flush()

    def _check(self) -> None:
        if self._job in self._cancelled:
            raise CancelledError

    @contextlib.contextmanager
    def _controlled(self, *watchers: Any, solved: Any = None) -> Any:
        from saddlescope.solve.control import Control

        control = Control(*watchers, deadline=SECONDS, solved=solved)
        self._controls.append(control)
        try:
            self._check()
            with control:
                yield control
            self._check()
        finally:
            self._controls.remove(control)

    # --- jobs ---------------------------------------------------------------------------------------------------------

    def _run(self, job: dict[str, Any]) -> None:
        """Solve a spec: points while it runs, the picture, functions and states, the prediction, the table."""
        from saddlescope.explorer.shown.lines import named_runs, picture, predicted
        from saddlescope.explorer.shown.states import stands_alone, states
        from saddlescope.study.without_theory import compared, prediction

        study = _study(job["spec"])
        self._tell("begin", {"title": study.title, "doing": study.doing})
        early: dict[str, Any] = {"time": None, "picture": {}}

        def show(run: Any) -> None:
            # who moves a slider sees the run before it is known how far it is off
            early.update(time=run.time, picture=picture({"run": [run]}))
            self._tell("picture", early["picture"])
            self._check()

        with self._controlled(self._points(), solved=show if _single(study) else None):
            solved = study.solve()
        runs = named_runs(study, solved)
        shown = early["picture"]
        if early["time"] is None or _to_show(runs).time is not early["time"]:
            shown = picture(runs)
            self._tell("picture", shown)
        self._check()
        self._tell("functions", _functions(_to_show(runs)))
        alone = stands_alone(_to_show(runs))
        if alone:
            self._tell("states", states(_to_show(runs)))
            self._check()
        with self._controlled():
            theory, doubts = prediction(study.predict)
        if not doubts:
            drawn, doubts = prediction(lambda: predicted(theory, runs, shown["time"]))
            if not doubts:
                self._tell("predicted", drawn)
        self._keep(job["key"], _Done(study, solved, theory))
        self._check()
        doubts += _not_refined(runs)
        comparison, theory, more = compared(study, solved, theory)
        doubts += more
        if not comparison.complete:
            doubts.insert(0, f"This is a part of the run: {_to_show(runs).message}")
        self._tell("table", _table(comparison, doubts))
        if not alone:
            self._check()
            self._tell("states", states(_to_show(runs), theory))

    def _warm(self, job: dict[str, Any]) -> None:
        """Do a run that nobody waits for, so that the next one of its shape finds everything loaded and compiled."""
        self._silent = True
        try:
            self._run(job)
        finally:
            self._silent = False

    def _points(self) -> Any:
        """A watcher that passes on what a run has come to."""
        from saddlescope.solve.progress import Pace

        known: dict[str, Any] = {"run": -1, "pace": None, "since": math.inf}

        def watch(standing: Any) -> None:
            self._check()
            known["since"] = min(known["since"], time.monotonic())
            if self._silent and time.monotonic() - known["since"] > _WARM:
                raise CancelledError
            if known["run"] < 0 or standing.time < known["time"]:
                known["run"] += 1
                known["pace"] = Pace(standing.until, standing.shortest_time)
            known["time"] = standing.time
            known["pace"].seen(time.monotonic(), standing.time)
            level = next((v for k, v in standing.observables.items() if k in ("risk", "cost")), None)
            # a run may be somewhere before it has seen anything
            values = None if level is None or not level.size else level.reshape(len(level), -1).mean(axis=1)
            left = known["pace"].left
            self._tell(
                "points",
                {
                    "run": known["run"],
                    "time": standing.times,
                    "values": values,
                    "done": known["pace"].done,
                    "left": None if math.isnan(left) else left,
                },
            )

        return watch

    def _keep(self, key: str, done: _Done) -> None:
        self._kept[key] = done
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _done(self, job: dict[str, Any]) -> _Done:
        """A finished run of the job's spec, solved here if it is not kept."""
        from saddlescope.study.without_theory import prediction

        if job["key"] not in self._kept:
            study = _study(job["spec"])
            with self._controlled():
                solved = study.solve()
            with self._controlled():
                theory, _ = prediction(study.predict)
            self._keep(job["key"], _Done(study, solved, theory))
        return self._kept[job["key"]]

    def _export(self, job: dict[str, Any]) -> None:
        """A picture or the trajectories of a run, as a file."""
        from saddlescope.explorer.export import netcdf, picture_file

        study, solved, theory = self._done(job)
        if job["what"] == "netcdf":
            name, content = netcdf(study.trajectories(solved))
        else:
            name, content = picture_file(study.pictures(solved, theory), job["what"])
        self._tell("file", {"name": name, "content": base64.b64encode(content).decode()})

    def _open(self, job: dict[str, Any]) -> None:
        """A saved trajectory that the command line named."""
        from saddlescope.explorer.shown.lines import picture
        from saddlescope.explorer.shown.states import states
        from saddlescope.families import study_of
        from saddlescope.trajectory import load

        run = load(job["path"])
        runs = {"run": [run]}
        self._tell("begin", {"title": f"{run.kind}: {run.message}", "doing": "Reading ..."})
        shown = picture(runs)
        self._tell("picture", shown)
        doubts = []
        try:
            with self._controlled():
                self._tell("table", _table(study_of(run).compare_run(run), []))
        except (CancelledError, KeyboardInterrupt):
            raise
        except Exception as error:
            doubts = [f"Nothing is compared: {in_a_sentence(error)}", *run.doubts]
            self._tell("table", {"columns": [], "rows": [], "doubts": doubts, "title": run.kind, "remarks": []})
        self._tell("states", states(run))

    def _curve(self, job: dict[str, Any]) -> None:
        """A training log: its columns, one curve, its plateaus, and how it stands beside a run."""
        from saddlescope.curves.reading import curves_of, log_of_bytes, read_log
        from saddlescope.measure import plateaus

        path = Path(job["path"])
        log = read_log(path) if job["named"] else log_of_bytes(path.read_bytes(), job["name"])
        asked = job.get("y") or None
        curve = curves_of(log, asked, run=job.get("run") or "last")[0]
        self._check()
        stages = plateaus(curve, time_axis=job.get("time_axis") or None)
        self._tell("curve", _curve_shown(log, curve, stages, job["name"]))
        if job.get("key") in self._kept:
            from saddlescope.explorer.shown.lines import named_runs
            from saddlescope.study.curve_beside_run import Model, compare_stages

            study, solved, _ = self._kept[job["key"]]
            run = next(iter(named_runs(study, solved).values()))[0]
            result = compare_stages(stages, Model(run, study.title), curve.head)
            self._tell("beside", _table(result, []) | {"time_scale": result.record.get("time_scale")})


def _study(spec: dict[str, Any]) -> Any:
    from saddlescope import families
    from saddlescope.explorer.limits import checked
    from saddlescope.specs.explaining import named_as_typed
    from saddlescope.specs.run_spec import files_in

    # the server has looked at what may be named
    keys = families.model(spec.get("family", "single_index"))
    read = checked(spec, [holder[name] for _, holder, name in files_in(spec, keys)])
    with named_as_typed(type(read)):
        return families.study(read)


def _single(study: Any) -> bool:
    """Whether one run is all that a study makes, so that a picture of it is the whole one."""
    flows = getattr(study, "flows", None)
    if flows is None:
        return hasattr(study, "flow")
    return sum(len(flow) if isinstance(flow, list) else 1 for flow in flows.values()) == 1


def _to_show(runs: dict[str, list[Any]]) -> Any:
    """The run whose state is shown: the first network where there are several descriptions."""
    every = [run for several in runs.values() for run in several]
    return next((run for run in every if run.kind != "MeanFieldFlow"), every[0]) if len(every) > 1 else every[0]


def _not_refined(runs: dict[str, list[Any]]) -> list[str]:
    """A doubt where the nodes of a law were given, so that nothing is known of their error."""
    for run in (run for several in runs.values() for run in several):
        known = run.accuracy
        if run.kind == "MeanFieldFlow" and known.get("learning_time_change") is None:
            return [
                f"The law is replaced by {known['particles']} particles, which are not refined: late times may be some "
                'per cent off. With particles "auto" they are, and the error is told.'
            ]
    return []


def _table(comparison: Any, doubts: list[str]) -> dict[str, Any]:
    """A comparison as texts: what the command line prints."""
    return {
        "title": comparison.title,
        "subtitle": comparison.subtitle,
        "columns": [{"head": column.head.strip(), "words": column.words} for column in comparison.columns],
        "rows": comparison.printed_rows(),
        "remarks": [list(remark) for remark in comparison.remarks],
        "doubts": list(dict.fromkeys([*comparison.doubts, *doubts])),
        "theory": list(comparison.theory),
        "accuracy": list(comparison.accuracy),
        "references": list(comparison.references),
        "interrupted": comparison.interrupted,
    }


def _functions(run: Any) -> dict[str, Any]:
    """Link and activation on an interval that a standard Gaussian rarely leaves."""
    import numpy as np

    from saddlescope.gaussian import NAMES, gaussian_function

    at = np.linspace(-3.5, 3.5, 141)
    result: dict[str, Any] = {"x": at}
    for name in ("link", "activation"):
        told = run.parameters.get(name)
        if told is None:
            continue
        what = told if told in NAMES else run.parameters.get(f"{name}_coefficients")
        if what is not None:
            result[name] = np.asarray(gaussian_function(what)(at), dtype=float)
    return result


def _curve_shown(log: Any, curve: Any, stages: Any, name: str) -> dict[str, Any]:
    import numpy as np

    from saddlescope.curves.choosing import quantities

    keep = np.unique(np.linspace(0, len(curve.time) - 1, min(_POINTS, len(curve.time))).round().astype(int))
    return {
        "name": name,
        "head": curve.head,
        "y": curve.y,
        "columns": list(dict.fromkeys(one.column.name for one in quantities(log)))[:200],
        "time_label": curve.time_label,
        "time": curve.time[keep],
        "values": curve.value[keep],
        "shown": len(keep),
        "points": len(curve.time),
        "time_axis": stages.time_axis,
        "value_axis": stages.value_axis,
        "plateaus": [
            {"start": p.start, "end": p.end, "height": p.height, "drop": stages.change_of(k), "drop_time": p.drop_time}
            for k, p in enumerate(stages)
        ],
        "table": str(stages),
        "notes": [*curve.notes, *stages.notes],
        "doubts": list(stages.doubts),
    }


def encoded(content: Any) -> str:
    """Return plain values and arrays as JSON on one line; an array is a text of its float32 in base64.

    >>> import numpy as np
    >>> encoded({"time": np.array([1.0, 2.0])})
    '{"time":"f32:AACAPwAAAEA="}'
    """
    return as_json(_with_arrays(content))


def _with_arrays(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        with np.errstate(over="ignore", under="ignore"):
            numbers = "f32:" + base64.b64encode(value.astype("<f4").tobytes()).decode()
        return numbers if value.ndim == 1 else {"shape": list(value.shape), "numbers": numbers}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _with_arrays(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_arrays(inner) for inner in value]
    return value


def _watch_memory() -> None:
    """End this process when it holds more than it may; who started it says why."""
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    statm = Path("/proc/self/statm")
    while statm.exists():
        if int(statm.read_text().split()[1]) * page > MEMORY:
            os._exit(OUT_OF_MEMORY)
        time.sleep(_WATCHED)


OUT_OF_MEMORY = 77  # exit code


def main() -> None:
    """Work until the standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not be taken for an event
    gc.set_threshold(100_000)
    keep_programs()
    jobs: queue.Queue[dict[str, Any]] = queue.Queue()
    worker = Worker(out)

    def read() -> None:
        for line in sys.stdin.buffer:
            told = json.loads(line)
            if "cancel" in told:
                worker.cancel(told["cancel"])
            else:
                jobs.put(told)
        os._exit(0)  # who asked is gone

    threading.Thread(target=read, daemon=True).start()
    threading.Thread(target=_watch_memory, daemon=True).start()
    import saddlescope.families  # noqa: F401

    with contextlib.suppress(ImportError):
        import jax  # noqa: F401  # before the first job

    while True:
        worker.do(jobs.get())


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the server ends this process
    main()
