"""Specs through the command line, in this process: the saved trajectory against the reference, and the exit code."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import saddlescope as ss
from campaigns.case import Answer, Check, Family, UnsuitableError
from campaigns.curves import graph_distance, thinned
from campaigns.draws import integer, numbers, one_of, size
from campaigns.families.mean_field import Course, compared
from campaigns.references.costs import Masked
from campaigns.references.integration import ReferenceFailedError
from campaigns.references.layers import LayersFlow
from campaigns.references.mean_field import MeanField
from campaigns.stated import stated_error
from saddlescope.cli import main
from saddlescope.deep_linear import gaussian_start


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A mean-field spec of few atoms or a deep linear spec of a small target."""
    if rng.random() < 0.6:
        degree = integer(rng, 1, 3)
        link, activation = numbers(rng, degree + 1), numbers(rng, degree + 1)
        link[-1], activation[-1] = link[-1] or 1.0, activation[-1] or 1.0
        link[1], activation[1] = link[1] or 1.0, activation[1] or 1.0
        return {
            "family": "single_index",
            "link": link,
            "activation": activation,
            "epsilon": size(rng, 1e-6, 1),
            "a": sorted({x or 0.5 for x in numbers(rng, integer(rng, 1, 3), 2)}),
            "until": size(rng, 0.1, 20),
        }
    return {
        "family": "deep_linear",
        "matrix": np.round(rng.standard_normal((2, 2)), 2).tolist(),
        "depth": one_of(rng, [2, 3]),
        "width": 3,
        "gamma": one_of(rng, [0.5, 1.0, 2.0]),
        "scale": size(rng, 0.05, 1),
        "seed": integer(rng, 0, 99),
        "until": size(rng, 0.5, 50),
    }


def spec(p: dict[str, Any]) -> str:
    """The spec as TOML."""
    if p["family"] == "single_index":
        law = f'{{ law = "point_masses", points = {p["a"]} }}'
        return (
            f"[problem]\nlink = {p['link']}\nactivation = {p['activation']}\n\n[dynamics]\nepsilon = {p['epsilon']}\n"
            f"until = {p['until']}\nsecond_layer = {law}\n\n[theory]\nlevels = 1\n"
        )
    return (
        f'family = "deep_linear"\n[problem]\nkind = "target"\nmatrix = {p["matrix"]}\n\n'
        f"[network]\ndepth = {p['depth']}\n"
        f"width = {p['width']}\ngamma = {p['gamma']}\nscale = {p['scale']}\nseed = {p['seed']}\n\n"
        f"[dynamics]\nuntil = {p['until']}\n"
    )


def judge(p: dict[str, Any]) -> Answer:
    """What lies in the folder afterwards is what the reference says."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.toml"
        file.write_text(spec(p))
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["run", str(file), "--out", str(Path(folder) / "out")])
        if code == 2:
            raise ss.ArgumentError("spec", "be taken", said.getvalue().strip()[-200:])
        (saved, *_) = sorted((Path(folder) / "out").glob("*.nc"))
        run = ss.load(saved)
    ended = Check("exit code", float(code != 0), 0.01)
    try:
        answer = _single_index(p, run) if p["family"] == "single_index" else _deep_linear(p, run)
    except ReferenceFailedError as error:
        raise UnsuitableError(str(error)) from None
    return Answer(answer.outcome, answer.doubts, (*answer.checks, ended))


def _single_index(p: dict[str, Any], run: ss.Trajectory) -> Answer:
    a = np.array(p["a"])
    model = MeanField(
        np.array(p["link"]), np.array(p["activation"]), p["epsilon"], a, 0 * a, np.full(len(a), 1 / len(a))
    )
    end = 1.05 * float(run.time[-1])
    return compared((run, 1.0), Course(model, model.solve(end)), Course(model, model.solve(end, "Radau", 1e-9)))


def _deep_linear(p: dict[str, Any], run: ss.Trajectory) -> Answer:
    target = np.array(p["matrix"])
    exact = Masked(target, np.ones((2, 2), bool))
    start = gaussian_start((2, 2), p["depth"], p["width"], p["gamma"], p["scale"], p["seed"])
    flow = LayersFlow(exact, [np.asarray(W) for W in start])
    right = flow.solve(1.05 * float(run.time[-1]))

    def curve(t: np.ndarray) -> np.ndarray:
        return exact.values(flow.products(right(t)))

    scale = max(float(curve(np.zeros(1))[0]), exact.value(np.zeros((2, 2))))
    error = graph_distance(*thinned(run.time, run["cost"], 30), curve, scale, right.end)
    return Answer(run.outcome, tuple(run.doubts), (Check("cost", error, stated_error(run)),))


FAMILY = Family("command line", 1.0, draw, judge)
