"""Public functions with arguments that make no sense."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Family
from campaigns.draws import integer
from campaigns.fuzz.ending import must

_MEMORY = 8 * 2**30  # bytes that a call may take

# by name, so that a problem is plain JSON
_VALUES: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "minus one": lambda: -1,
    "zero": lambda: 0,
    "huge": lambda: 10**9,
    "larger than a float": lambda: 10**400,
    "1e300": lambda: 1e300,
    "5e-324": lambda: 5e-324,
    "complex": lambda: 1 + 2j,
    "true": lambda: True,
    "text": lambda: "text",
    "digits": lambda: "1.5",
    "bytes": lambda: b"\x00",
    "empty list": list,
    "ragged": lambda: [[1.0], [1.0, 2.0]],
    "list of text": lambda: ["a", "b"],
    "nan list": lambda: [float("nan"), 1.0],
    "complex list": lambda: [1j, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.01, 0.0],
    "date": lambda: np.datetime64("2020-01-01"),
    "dates": lambda: np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]"),
    "object": object,
    "dict": dict,
    "function": lambda: lambda x: x,
    "raising function": lambda: _raising,
    "array of objects": lambda: np.array([None, 1.0], dtype=object),
    "3-d array": lambda: np.zeros((2, 2, 2)),
    "masked": lambda: np.ma.masked_array(np.linspace(1, 0, 10), mask=np.arange(10) == 5),
    "float32": lambda: np.float32(0.5),
    "long text": lambda: "x" * 5000,
    "control characters": lambda: "\x1b[31mred\x07",
    "class": lambda: int,
}


def _raising(x: Any) -> Any:
    raise RuntimeError("a fault of the user's own function")


def _problem() -> ss.SingleIndex:
    return ss.SingleIndex([0.5, 1.0], [1.0, 1.0])


def _cost() -> ss.LeastSquares:
    return ss.LeastSquares([[2.0, 0.3], [0.0, 1.0]])


_T = [0.0, *np.geomspace(1e-2, 1e2, 30).tolist()]
_CALLS: dict[str, tuple[Callable[..., Any], dict[str, Callable[[], Any]]]] = {
    "SingleIndex": (ss.SingleIndex, {"link": lambda: [0.0, 1.0], "activation": lambda: [0.0, 1.0]}),
    "MultiIndex": (
        ss.MultiIndex,
        {"link": lambda: [0.0, 1.0], "activation": lambda: [0.0, 1.0], "directions": lambda: 2,
         "weights": lambda: [1, 1]},
    ),
    "MeanFieldFlow": (
        ss.MeanFieldFlow,
        {"problem": _problem, "epsilon": lambda: 0.1, "second_layer": lambda: None, "particles": lambda: 8,
         "neurons": lambda: None, "seed": lambda: 0, "tolerance": lambda: 1e-4, "weights": lambda: None},
    ),
    "given particles": (
        ss.MeanFieldFlow,
        {"problem": _problem, "epsilon": lambda: 0.1, "initial": lambda: ([1.0, -1.0], [0.0, 0.1]),
         "weights": lambda: [0.5, 0.5]},
    ),
    "NetworkFlow": (
        ss.NetworkFlow,
        {"problem": _problem, "epsilon": lambda: 0.1, "neurons": lambda: 3, "dimension": lambda: 10,
         "second_layer": lambda: None, "seed": lambda: 0, "start": lambda: "sphere", "initial": lambda: None},
    ),
    "OnePassSGD": (
        ss.OnePassSGD,
        {"problem": _problem, "epsilon": lambda: 0.1, "neurons": lambda: 3, "dimension": lambda: 10,
         "step_size": lambda: 0.1, "batch_size": lambda: 1, "seed": lambda: 0, "runs": lambda: 1,
         "label_noise": lambda: 0.0, "method": lambda: "auto"},
    ),
    "solve": (
        ss.solve,
        {"flow": lambda: ss.MeanFieldFlow(_problem(), 0.1, particles=8), "until": lambda: 1.0, "rtol": lambda: 1e-4,
         "atol": lambda: None, "states": lambda: 5, "risk_below": lambda: None, "max_steps": lambda: 200,
         "checkpoint": lambda: None},
    ),
    "DeepLinearFlow": (
        ss.DeepLinearFlow,
        {"cost": _cost, "depth": lambda: 2, "width": lambda: 3, "gamma": lambda: 1.0, "scale": lambda: 1.0,
         "seed": lambda: 0, "compress": lambda: "auto", "tolerance": lambda: 1e-4},
    ),
    "given layers": (ss.DeepLinearFlow, {"cost": _cost, "initial": lambda: [np.eye(2), np.eye(2)]}),
    "GradientDescent": (
        ss.GradientDescent,
        {"cost": _cost, "depth": lambda: 2, "width": lambda: 3, "gamma": lambda: 1.0, "learning_rate": lambda: 0.1,
         "momentum": lambda: 0.5},
    ),
    "LeastSquares": (ss.LeastSquares, {"target": lambda: [[1.0]]}),
    "MatrixCompletion": (
        ss.MatrixCompletion,
        {"target": lambda: [[1.0, 2.0]], "observed": lambda: [[True, False]]},
    ),
    "GeneralCost": (ss.GeneralCost, {"function": lambda: lambda A: (A**2).sum(), "shape": lambda: (1, 2)}),
    "greedy_low_rank": (
        ss.greedy_low_rank,
        {"cost": _cost, "depth": lambda: 2, "tolerance": lambda: 1e-12, "max_rank": lambda: 1,
         "norm_guard": lambda: 100.0},
    ),
    "saddle_to_saddle_limit": (
        ss.saddle_to_saddle_limit,
        {"cost": _cost, "depth": lambda: 2, "width": lambda: 3, "gamma": lambda: 1.0, "seed": lambda: 0},
    ),
    "plateaus": (
        ss.plateaus,
        {"time": lambda: _T, "value": lambda: [1 / (1 + t) for t in _T], "slope": lambda: 0.2,
         "least_decades": lambda: 0.25, "distinct": lambda: None, "floor": lambda: 1e-12, "bins": lambda: 64,
         "method": lambda: None},
    ),
    "plateaus of times": (ss.plateaus, {"trajectory": lambda: _T}),
    "learning_times": (
        ss.learning_times,
        {"time": lambda: _T, "residual": lambda: [[1 / (1 + t)] for t in _T], "target": lambda: [1.0],
         "fraction": lambda: 0.5, "rate": lambda: None},
    ),
    "exponent": (ss.exponent, {"epsilon": lambda: [1e-4, 1e-6, 1e-8], "times": lambda: [1e-2, 1e-3, 1e-4]}),
    "canonical_order": (ss.canonical_order, {"problem": _problem, "second_layer": lambda: None, "levels": lambda: 1}),
    "distances": (ss.distances, {"cost": _cost, "weights": lambda: [np.eye(2), np.eye(2)]}),
    "Uniform": (ss.Uniform, {"low": lambda: -1.0, "high": lambda: 1.0}),
    "Normal": (ss.Normal, {"mean": lambda: 0.0, "std": lambda: 1.0}),
    "PointMasses": (ss.PointMasses, {"points": lambda: [0.0, 1.0], "weights": lambda: [0.5, 0.5]}),
    "load": (ss.load, {"path": lambda: "/nowhere/run.nc"}),
    "hermite": (ss.hermite, {"coefficients": lambda: [0.0, 1.0]}),
}  # fmt: skip


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A function, and one argument that is not what it should be."""
    names = list(_CALLS)
    name = names[integer(rng, 0, len(names) - 1)]
    keys, values = list(_CALLS[name][1]), list(_VALUES)
    return {
        "call": name,
        "argument": keys[integer(rng, 0, len(keys) - 1)],
        "value": values[integer(rng, 0, len(values) - 1)],
    }


def judge(p: dict[str, Any]) -> Answer:
    """The call is refused in a sentence, or it is answered; any other exception is a crash."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    function, defaults = _CALLS[p["call"]]
    arguments = {name: make() for name, make in defaults.items()}
    arguments[p["argument"]] = _VALUES[p["value"]]()
    try:
        function(**arguments)
    except ss.ArgumentError as error:
        said = str(error)
        checks = (
            must("one line", "\n" not in said),
            must("no control characters", "\x1b" not in said and "\x07" not in said),
            must("no longer than a sentence", len(said) < 600),
            must("ends as a sentence", said.rstrip().endswith((".", "?", ")"))),
        )
        return Answer("REFUSED", (), checks)
    return Answer("ANSWERED", (), (must("answered", True),))


FAMILY = Family("nasty calls", 3.0, draw, judge)
