"""`sweep`: from a spec and axes to a dataset, with everything that is known already taken from the store."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from saddlescope.arguments import ArgumentError
from saddlescope.solve.control import Control
from saddlescope.sweep.bar import SweepBar
from saddlescope.sweep.design import spec_version
from saddlescope.sweep.engines import check_engine, engine_of
from saddlescope.sweep.results.dataset import Memory, dataset
from saddlescope.sweep.results.gathering import Frame, Gathering
from saddlescope.sweep.running import Running, Standing, Watch
from saddlescope.sweep.spec import Asked, asked_for
from saddlescope.sweep.store.columns import Columns
from saddlescope.sweep.store.rows import Layout
from saddlescope.sweep.store.store import Store
from saddlescope.sweep.task import KEEPS, Keep

if TYPE_CHECKING:
    import xarray

AGAIN = ("FAILED", "ALL")
LARGE = 2**28  # bytes of a dataset: beyond, it is read from the store as it is used


@dataclass(frozen=True)
class Outlook:
    """What a store knows of a sweep.

    Attributes:
        complete, failed: how many tasks have such a result.
        missing: numbers of the tasks to carry out, shape (n,).
        attempts: number of the latest attempt of each task, 0 where there is none, shape (tasks,).
        layouts: those of these attempts.
    """

    complete: int
    failed: int
    missing: np.ndarray
    attempts: np.ndarray
    layouts: tuple[Layout, ...]


def sweep(
    spec: Any,
    axes: Mapping[str, Any] | None = None,
    *,
    measure: Any = None,
    engine: str = "auto",
    store: Any = None,
    keep: Keep | None = None,
    compare: bool | None = None,
    workers: int | None = None,
    memory: float | None = None,
    again: str | None = None,
    yes: bool = False,
    progress: bool | None = None,
    control: Control | None = None,
) -> xarray.Dataset:
    """Run a spec at every point of some axes, and return what came out with the axes as dimensions.

    What a store knows already is not run again: a sweep that was stopped goes on, and one that gets new values computes
    only what is new. A task that fails does not stop the others: `outcome` and `message` say how each ended.

    Args:
        spec: name of a shipped spec or sweep, path of a TOML file, or what `saddlescope.specs.read` returned.
        axes: dotted key of the spec -> its values: a list, an array, `ss.logspace(1e-12, 1e-4, 9)`, `ss.linspace`,
            `ss.seeds(20)`; any name -> `ss.zipped` or `ss.sampled`, for keys that change together. By default those of
            the file.
        measure: a function of a trajectory that returns a dictionary of numbers, or where to find one:
            "file.py:function", "package.module:function".
        engine: "serial", "processes", "dask", "dask=ADDRESS" of a scheduler; by default processes, unless there is
            little to do.
        store: a folder for the results, which any number of sweeps may write to at once; by default they are not kept.
        keep: of trajectories: "none", "observables" or "all"; `dataset.trajectory` then names the files of each task,
            one a line.
        compare: whether to set each task beside what is predicted; the columns of that table are variables.
        workers: number of processes, by default of processors.
        memory: bytes that each may use.
        again: "FAILED" or "ALL": run these anew.
        yes: allow more than 10^7 tasks.
        progress: show a progress bar; by default on a terminal.
        control: what ends the sweep before its time; with the engine serial it also watches the running tasks, which
            are in other processes otherwise.

    Returns:
        The results; of more than 256 MB, each variable is read from the store when it is used, and of it what is
        selected (without a store they are in memory). After Ctrl-C, what there is.

    Raises:
        ArgumentError, SpecError: for bad input, before anything runs.
        KeyboardInterrupt: if it was stopped before any task was done.

    Example:
        >>> import saddlescope as ss
        >>> problem = {"link": [1.0, -1.0], "activation": [1.0, 1.0]}
        >>> spec = {"problem": problem, "dynamics": {"until": 1.0}, "theory": {"levels": 1}}
        >>> found = ss.sweep(spec, {"dynamics.epsilon": [1e-4, 1e-6]}, engine="serial")
        >>> found.measured_time.dims, bool(abs(found.measured_over_predicted[-1, 1] - 1) < 0.01)
        (('epsilon', 'degree'), True)
    """
    check_engine(engine, workers)
    check_again(again)
    asked = asked_for(spec, axes=axes, measure=measure, keep=keep, compare=compare, yes=yes)
    with contextlib.ExitStack() as stack:
        if store is None:
            if asked.keep != "none":
                raise ArgumentError("store", "name a folder, as trajectories are to be kept", None)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="saddlescope-")))
        else:
            folder = Path(store)
        run = stack.enter_context(Sweep(asked, folder))
        with SweepBar(progress) as bar:
            standing = run.run(
                engine=engine,
                workers=workers,
                memory=memory,
                again=again,
                control=control,
                watch=bar.watch,
            )
        if standing.interrupted and not standing.finished + standing.known:
            raise KeyboardInterrupt
        return run.dataset(lasting=store is not None)


def check_again(again: str | None) -> None:
    """Refuse what is no choice of tasks to run anew."""
    if again is not None and again not in AGAIN:
        raise ArgumentError("again", f"be {' or '.join(AGAIN)}", again)


class Sweep:
    """A sweep and its store, as a context.

    Args:
        asked: what is asked for.
        folder: of the store.
        write: whether results will be written.

    Attributes:
        identities: what the tasks are known by, see `Design.identities`.

    Raises:
        StoreError: if the folder cannot be used.
    """

    def __init__(self, asked: Asked, folder: Path, *, write: bool = True):
        self.asked = asked
        family = asked.design.family
        self.store = Store(folder, family, spec_version(family), write=write)
        self.store.refresh()
        self.identities = asked.design.identities()
        self._places = _Places(self.identities)

    def outlook(self, again: str | None = None) -> Outlook:
        """Return what the store knows of this sweep.

        Args:
            again: "FAILED" or "ALL": count these as missing.

        Raises:
            ArgumentError: if it is something else.
        """
        check_again(again)
        size = len(self.asked.design)
        attempts = np.zeros(size, np.int32)
        state = np.zeros(size, np.int8)
        layouts: dict[Layout, None] = {}
        kept = KEEPS.index(self.asked.keep)
        for numbers, columns, rows in self._results():
            own = columns.own[rows]
            attempts[numbers] = own["attempt"]
            state[numbers] = np.where(~own["complete"], 2, np.where(own["keep"] >= kept, 1, 0))
            layouts |= dict.fromkeys(columns.layouts[place] for place in np.unique(own["layout"]))
        missing = state == 0 if again is None else state != 1 if again == "FAILED" else np.ones(size, bool)
        missing &= self._places.first
        complete, failed = int((state == 1).sum()), int((state == 2).sum())
        return Outlook(complete, failed, np.flatnonzero(missing), attempts, tuple(layouts))

    def run(
        self,
        *,
        engine: str = "auto",
        workers: int | None = None,
        memory: float | None = None,
        again: str | None = None,
        share: tuple[int, int] | None = None,
        control: Control | None = None,
        watch: Watch | None = None,
    ) -> Standing:
        """Carry out what is missing; everything is checked before anything runs.

        Args:
            engine, workers, memory: see `engines.engine_of`.
            again: "FAILED" or "ALL": run these anew.
            share: (n, m): only the n-th of m shares, counted from 1, without waiting for others.
            control: who ends it before its time.
            watch: is called with where the sweep is, several times a second.

        Returns:
            Where it is at the end.

        Raises:
            ArgumentError, SpecError, EngineError: for bad input.
            NotWrittenError: if results cannot be written: the disk is full, say.
        """
        outlook = self.outlook(again)
        missing = outlook.missing
        standing = Standing(len(self.asked.design), len(self.asked.design) - len(missing))
        if share is not None:
            missing = missing[missing % share[1] == share[0] - 1]
        if not len(missing):
            return standing
        self.asked.design.check(missing)
        made = engine_of(
            engine, len(missing), self.store.folder, self.asked.design.measure, workers=workers, memory=memory
        )
        running = Running(self.asked.design, self.identities, self.store, made, self.asked.keep, standing)
        running.carry_out(missing, outlook.attempts, control, watch, wait=share is None)
        self.store.refresh()
        return standing

    def dataset(self, *, lasting: bool = True) -> xarray.Dataset:
        """Return what the store holds of this sweep; see `sweep`.

        Args:
            lasting: whether the store will stay.
        """
        design, folder = self.asked.design, self.store.folder if lasting else None
        if folder is not None and len(design) * Frame(self.store.layouts()).bytes > LARGE:
            from saddlescope.sweep.results.stored import Stored

            outlook = self.outlook()
            frame = Frame(outlook.layouts)
            source = Stored(design, self.identities, outlook.attempts, folder)
        else:
            result = self._gathered()
            frame, source = Frame(result.layouts), Memory(result, design.shape)
        return dataset(design, frame, source, self.asked.title, folder, self.asked.keep)

    def _gathered(self) -> Gathering:
        result = Gathering(self.identities)
        for numbers, columns, rows in self._results():
            result.take(numbers, columns, rows)
        return result

    def _results(self) -> Iterator[tuple[np.ndarray, Columns, np.ndarray]]:
        """Yield numbers of tasks of this sweep, some of the store's results, and where among these theirs stand."""
        for columns in self.store.columns():
            rows, numbers = self._places.of(columns.own["task"][columns.latest])
            yield numbers, columns, columns.latest[rows]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()


class _Places:
    """Where tasks stand in a sweep, by what they are known by.

    Args:
        identities: of the tasks of the sweep, shape (tasks,).

    Attributes:
        first: whether a task is the first of its identity, as the same spec at several points is one task.
    """

    def __init__(self, identities: np.ndarray):
        high, low = _halves(identities)
        self._order = np.lexsort((low, high))
        self._high, self._low = high[self._order], low[self._order]
        self.first = np.ones(len(identities), bool)
        same = (self._high[1:] == self._high[:-1]) & (self._low[1:] == self._low[:-1])
        self.first[self._order[1:]] = ~same

    def of(self, tasks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return places in a list of identities, and the number of a task of each: pairs, shapes (n,) and (n,)."""
        high, low = _halves(tasks)
        start, stop = (np.searchsorted(self._high, high, side) for side in ("left", "right"))
        times = stop - start
        rows = np.repeat(np.arange(len(tasks)), times)
        places = start[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        same = self._low[places] == low[rows]
        return rows[same], self._order[places[same]]


def _halves(identities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Identities as numbers, of which the first almost always tells one from another."""
    both = np.ascontiguousarray(identities).view(">u8").reshape(-1, 2).astype(np.uint64)
    return both[:, 0].copy(), both[:, 1].copy()
