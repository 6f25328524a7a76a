"""Sweeps beside what people write: `python benchmarks/sweep/speed.py [--runs 1000] [--tasks 100000]`.

Mean-field runs by a plain loop, by a joblib loop that pickles results, and by `ss.sweep` in processes and on a Dask
cluster, in one session, answers compared; what store and engine cost a task; how long a finished sweep takes to be
resumed, and what memory that takes.
"""

from __future__ import annotations

import argparse
import os
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from saddlescope.arguments import RefusedError

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

LINKS = ([1.0, -1.0, 1.0, 1.0], [1.0, -1.0, 0.5, 1.0], [0.5, 1.0, 1.0, 0.5], [1.0, 0.8, -1.0, 1.0])


def spec() -> dict:
    """The problem of the runs."""
    return {
        "problem": {"link": LINKS[0], "activation": [1.0, 1.0, 0.5, 0.3]},
        "dynamics": {"epsilon": 1e-6, "until": 3.0, "particles": 256},
    }


def learnt(run):
    """When each degree is learnt."""
    import saddlescope as ss

    return {f"T_{k}": float(t) for k, t in enumerate(ss.learning_times(run))}


def one(link, epsilon, folder=None):
    """What people write: solve, measure, pickle."""
    import saddlescope as ss

    problem = ss.SingleIndex(link=link, activation=spec()["problem"]["activation"])
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon, particles=256), until=3.0)
    result = learnt(run)
    if folder is not None:
        name = Path(folder) / f"{LINKS.index(link)}-{epsilon!r}.pkl"
        name.write_bytes(pickle.dumps(result))
    return result


def runs(number: int) -> None:
    """Time `number` runs in every way."""
    import joblib  # pyright: ignore[reportMissingImports]
    from joblib.externals.loky import get_reusable_executor  # pyright: ignore[reportMissingImports]

    import saddlescope as ss

    epsilons = [float(e) for e in np.geomspace(1e-8, 1e-4, number // len(LINKS))]
    points = [(link, epsilon) for link in LINKS for epsilon in epsilons]
    axes = {"problem.link": list(LINKS), "dynamics.epsilon": epsilons}
    table: dict[str, tuple[float, float, float]] = {}
    one(*points[0])  # compiled

    def timed(name, work, end=None):
        begun, processor, load = time.perf_counter(), spent(), os.getloadavg()[0]
        result = work()
        wall = time.perf_counter() - begun
        if end is not None:
            end()  # processes that are over are counted
        table[name] = wall, spent() - processor, load
        return result

    plain = timed("plain loop", lambda: np.array([list(one(*point).values()) for point in points]))
    with tempfile.TemporaryDirectory() as folder, joblib.parallel_config("loky", n_jobs=2):
        timed(
            "joblib, 2 processes, pickles",
            lambda: joblib.Parallel()(joblib.delayed(one)(*point, folder) for point in points),
            lambda: get_reusable_executor().shutdown(wait=True),
        )
    engines = [("serial", {}), ("processes", {"workers": 2})]
    try:
        import distributed  # noqa: F401
    except ImportError:
        pass
    else:
        engines.append(("dask", {"workers": 2}))
    for engine, how in engines:
        with tempfile.TemporaryDirectory() as folder:
            told = {"measure": learnt, "compare": False, "engine": engine, "store": Path(folder) / "s", **how}
            result = timed(f"ss.sweep, {engine}", lambda told=told: ss.sweep(spec(), axes, **told))
        swept = np.stack([result[f"T_{k}"].values.ravel() for k in range(4)], axis=1)
        np.testing.assert_allclose(swept, plain, rtol=1e-9)
    # a machine may change its pace: what all is held against is timed before and after
    timed("plain loop, once more", lambda: [one(*point) for point in points])
    plain_seconds = 0.5 * (table["plain loop"][0] + table["plain loop, once more"][0])
    print(
        f"| {len(points)} mean-field runs, m = 256; start of workers in it "
        "| s | times the plain loop's speed | processor s | load before |\n"
        "|---|---|---|---|---|"
    )
    for name, (wall, processor, load) in table.items():
        print(f"| {name} | {wall:.1f} | {plain_seconds / wall:.2f} | {processor:.1f} | {load:.1f} |")


def spent() -> float:
    """Processor seconds of this process, and of all that it started and that are over."""
    here, there = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return here.ru_utime + here.ru_stime + there.ru_utime + there.ru_stime


def overhead(tasks: int) -> None:
    """Time tasks that do nothing: the difference of two sweeps, so that what each begins and ends with is left out."""
    import saddlescope as ss
    from saddlescope.families import register

    register("relaxation", "campaigns.relaxation")
    toy = {"family": "relaxation", "dynamics": {}}
    sizes = (tasks // 5, tasks)
    print(f"| tasks that do nothing, difference of {sizes[0]} and {sizes[1]} | ms a task | processor ms a task |")
    print("|---|---|---|")
    for engine, workers in (("serial", None), ("processes", 2), ("dask", 2)):
        times = []
        try:
            for size in (10, *sizes):  # the first warms up
                with tempfile.TemporaryDirectory() as folder:
                    begun, processor = time.perf_counter(), spent()
                    axes = {"dynamics.rate": ss.linspace(20, 30, size)}
                    ss.sweep(toy, axes, engine=engine, workers=workers, store=Path(folder) / "s")
                    times.append((time.perf_counter() - begun, spent() - processor))
        except RefusedError as error:
            print(f"| {engine} | {error} | |")
            continue
        wall, processor = (1e3 * (times[2][k] - times[1][k]) / (sizes[1] - sizes[0]) for k in (0, 1))
        print(f"| {engine} | {wall:.2f} | {processor:.2f} |")


def finished(folder: Path, tasks: int) -> None:
    """Write the store of a finished sweep, without the waits for the disk."""
    from saddlescope.sweep.design import spec_version
    from saddlescope.sweep.store.segments import Name, encoded, place
    from saddlescope.sweep.store.store import Store
    from saddlescope.sweep.task import Numbers, Result

    Store(folder, "single_index", spec_version("single_index")).close()
    design = asked(tasks).design
    names = ("target", "predicted_time", "measured_time", "measured_over_predicted", "height")
    table = Numbers("degree", (0, 1, 2, 3), dict.fromkeys(names, (0.1, 0.2, 0.3, 0.4)))
    versions = {"saddlescope": "0.1.0", "jax": "0.10.2", "numpy": "2.4.6"}
    for number, identity in enumerate(design.identities()):
        name = identity.tobytes().hex()
        result = Result(name, 1, "REACHED_END", True, "", (), (table,), 0.1, "none", design.tables(number), versions)
        target = place(folder, Name(name, 1))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encoded(result, {}))


def asked(tasks: int):
    """A sweep of that many tasks."""
    import saddlescope as ss
    from saddlescope.sweep.spec import asked_for

    first = max(tasks // 1000, 2)
    axes = {"dynamics.epsilon": ss.logspace(1e-9, 1e-4, first), "dynamics.seed": ss.seeds(tasks // first)}
    return asked_for("canonical", axes=axes)


_RESUME = """
import resource, sys, time
sys.path.insert(0, {root!r})
from benchmarks_sweep_speed import asked
from saddlescope.sweep.sweep import Sweep
import xarray
from pathlib import Path
def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
asked(1000)
before, begun, cpu = used(), time.perf_counter(), time.process_time()
with Sweep(asked({tasks}), Path({folder!r})) as run:
    known = run.outlook()
    assert not len(known.missing)
    result = run.dataset()
print(time.perf_counter() - begun, time.process_time() - cpu, used() - before, used())
"""


def resumed(sizes: tuple[int, ...]) -> None:
    """Time the second call of finished sweeps of several sizes, and what memory it takes."""
    print(
        "| tasks of a finished sweep | index made, s | resumed, s (processor s), median of 5 | memory more, MB |\n"
        "|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as top:
        (Path(top) / "benchmarks_sweep_speed.py").write_bytes(Path(__file__).read_bytes())
        for tasks in sizes:
            folder = Path(top) / str(tasks)
            finished(folder, tasks)
            code = _RESUME.format(root=top, tasks=tasks, folder=str(folder))
            told = []
            for _ in range(6):
                done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                told.append([float(word) for word in done.stdout.split()])
            wall, processor, memory = np.median(told[1:], axis=0)[:3]
            print(f"| {tasks} | {told[0][0]:.2f} | {wall:.2f} ({processor:.2f}) | {memory:.0f} |")


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--only", choices=("runs", "overhead", "resume"))
    given = parser.parse_args()
    if given.only in (None, "resume"):
        resumed((given.tasks // 100, given.tasks // 10, given.tasks))
    if given.only in (None, "overhead"):
        overhead(1000)
    if given.only in (None, "runs"):
        runs(given.runs)


if __name__ == "__main__":
    main()
