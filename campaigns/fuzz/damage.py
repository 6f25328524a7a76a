"""Result files and checkpoints that were damaged."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Family
from campaigns.draws import one_of
from campaigns.fuzz.ending import must

_WAYS = ["flip", "cut", "zeros", "block", "insert", "empty", "text", "twice"]


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A kind of file and what happened to it."""
    return {
        "file": one_of(rng, ["result", "checkpoint"], [2, 1]),
        "way": one_of(rng, _WAYS, [6, 2, 2, 2, 1, 0.3, 0.3, 0.5]),
        "place": float(rng.random()),
        "other": float(rng.random()),
        "size": int(rng.integers(1, 64)),
        "bit": int(rng.integers(8)),
    }


def damaged(data: bytes, p: dict[str, Any]) -> bytes:
    """The bytes after the accident."""
    at, other, size = int(p["place"] * len(data)), int(p["other"] * len(data)), p["size"]
    way = p["way"]
    if way == "flip":
        changed = bytearray(data)
        changed[at] ^= 1 << p["bit"]
        return bytes(changed)
    if way == "cut":
        return data[:at]
    if way == "zeros":
        return data[:at] + bytes(min(size, len(data) - at)) + data[at + size :]
    if way == "block":
        return (data[:at] + data[other : other + size] + data[at + size :])[: len(data)]
    if way == "insert":
        return data[:at] + data[other : other + size] + data[at:]
    return {"empty": b"", "text": b"time,risk\n0,1\n" * 50, "twice": data + data}[way]


def _descent() -> ss.GradientDescent:
    return ss.GradientDescent(ss.LeastSquares([[2.0, 0.3], [0.0, 1.0]]), 2, 3, gamma=1.0, learning_rate=0.01)


@functools.lru_cache(maxsize=1)
def _whole() -> tuple[bytes, ss.Trajectory, bytes, ss.Trajectory]:
    """A result file and its content; the checkpoint of a stopped run, and what the run ends with."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flow = ss.MeanFieldFlow(ss.SingleIndex([0.5, 1.0], [1.0, 1.0]), 0.1, initial=([0.4, -1.0], [0.0, 0.0]))
        run = ss.solve(flow, 3.0, states=20)
        run.save(folder / "run.nc")
        result = (folder / "run.nc").read_bytes()
        ended = ss.solve(_descent(), 3.0, states=20)
        ss.solve(_descent(), 3.0, states=20, checkpoint=folder / "run.checkpoint")
        kept = (folder / "run.checkpoint").read_bytes()
    return result, run, kept, ended


def judge(p: dict[str, Any]) -> Answer:
    """A damaged file is refused in a sentence, or what is read from it is what was written."""
    result, run, kept, ended = _whole()
    data = result if p["file"] == "result" else kept
    bad = damaged(data, p)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "damaged"
        path.write_bytes(bad)
        try:
            if p["file"] == "result":
                got, wanted = ss.load(path), run
            else:
                got, wanted = ss.solve(_descent(), 3.0, states=20, checkpoint=path), ended
        except ss.ArgumentError as error:
            said = str(error)
            checks = [
                must("one line", "\n" not in said and len(said) < 600),
                must("the file is still there", path.read_bytes() == bad),
                must("a whole file is read", bad != data),
            ]
            return Answer("REFUSED", (), tuple(checks))
    return Answer("READ", (), tuple(_same(got, wanted)))


def _same(got: ss.Trajectory, wanted: ss.Trajectory) -> list[Any]:
    checks = []
    for name in ("observables", "coords"):
        first, second = getattr(got, name), getattr(wanted, name)
        alike = first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)
        checks.append(must(f"{name} are those that were written", alike))
    for name in ("kind", "outcome", "message", "doubts", "parameters", "accuracy", "units", "dims"):
        checks.append(must(f"{name}: the same", getattr(got, name) == getattr(wanted, name)))
    return checks


FAMILY = Family("damaged files", 2.0, draw, judge)
