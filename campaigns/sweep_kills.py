"""Kills a sweep at random times and lets it go on, until it is done: nothing may be lost, and nothing run twice.

`python -m campaigns.sweep_kills --kills 100 --tasks 400 --seed 0` is the full count; the tests run a small one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
_SWEEP = """
import sys
sys.path.insert(0, {root!r})
from saddlescope.families import register
register("relaxation", "campaigns.relaxation")
from campaigns.sweep_kills import asked
from saddlescope.sweep.sweep import Sweep
from pathlib import Path
with Sweep(asked({tasks}), Path({folder!r})) as run:
    run.run(engine="processes", workers=2)
"""


@dataclass(frozen=True)
class Found:
    """What a trial led to: kills that hit, segments that were lost or changed, tasks with more than one attempt."""

    kills: int
    lost: int
    changed: int
    twice: int
    equal: bool

    @property
    def good(self) -> bool:
        """Whether nothing was lost."""
        return self.equal and not (self.lost or self.changed or self.twice)


def asked(tasks: int):
    """The sweep of a trial: tasks of a few hundredths of a second."""
    from saddlescope.sweep.spec import asked_for

    spec = {"family": "relaxation", "dynamics": {"seconds": 0.02, "terms": 2}}
    return asked_for(spec, axes={"dynamics.rate": np.linspace(20.0, 30.0, tasks)})


def trial(kills: int, tasks: int, seed: int, *, wait: float = 1.5) -> Found:
    """Kill the parent or a worker, at random, `kills` times; what was written by then must stand.

    Args:
        kills: how many.
        tasks: of the sweep; it is begun afresh in another folder whenever it is done.
        seed: of the times.
        wait: the longest time to a kill, in seconds.
    """
    random = np.random.default_rng(seed)
    hit, lost, changed, twice, equal = 0, 0, 0, 0, True
    with tempfile.TemporaryDirectory() as top:
        whole = _run(Path(top) / "undisturbed", tasks)
        assert whole.wait(timeout=600) == 0
        number = 0
        while hit < kills:
            number += 1
            folder = Path(top) / f"killed-{number}"
            before: dict[str, str] = {}
            while True:
                process = _run(folder, tasks)
                time.sleep(float(random.uniform(0.3, wait)))
                if hit < kills and process.poll() is None:
                    hit += 1
                    _kill(process, random)
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=0.2)
                else:
                    process.wait(timeout=600)
                now = _segments(folder)
                lost += len(set(before) - set(now))
                changed += sum(before[name] != now[name] for name in set(before) & set(now))
                before = now
                if process.poll() == 0:
                    break
                # where a worker was hit, the sweep goes on by itself
                if process.poll() is None and process.wait(timeout=600) == 0:
                    before = _segments(folder)
                    break
            twice += len(before) - len({name.partition(".")[0] for name in before})
            equal = equal and _dataset(folder, tasks) == _dataset(Path(top) / "undisturbed", tasks)
    return Found(hit, lost, changed, twice, equal)


def _run(folder: Path, tasks: int) -> subprocess.Popen[bytes]:
    code = _SWEEP.format(root=str(ROOT), tasks=tasks, folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)


def _kill(process: subprocess.Popen[bytes], random: np.random.Generator) -> None:
    """Kill the process, or one of those that it has started."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    except OSError:
        children = []
    targets = [process.pid, *map(int, children)] if random.random() < 0.5 else [process.pid]
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(random.choice(targets)), signal.SIGKILL)


def _segments(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "results").rglob("*.json")}


def _dataset(folder: Path, tasks: int) -> bytes:
    """Everything of the final dataset but the seconds that it took."""
    from saddlescope.sweep.sweep import Sweep

    with Sweep(asked(tasks), folder, write=False) as run:
        result = run.dataset(lasting=False).drop_vars("seconds")
    return b"".join(result[name].values.tobytes() for name in sorted(map(str, result.variables)))


def main() -> int:
    """Run a trial and say what it led to."""
    from saddlescope.families import register

    register("relaxation", "campaigns.relaxation")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    result = trial(given.kills, given.tasks, given.seed)
    print(result)
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
