"""What one leaves the page with: Python code, TOML, a sweep, pictures, netCDF, one HTML file."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import math
import re
import zipfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from saddlescope.arguments import ArgumentError
from saddlescope.specs.explaining import sentence
from saddlescope.specs.refusals import SpecError
from saddlescope.specs.run_spec import RunSpec
from saddlescope.specs.writing import toml

if TYPE_CHECKING:
    from saddlescope.trajectory import Trajectory

_VALUES = 9  # of a sweep
# the modules of the page that the exported file shows its data with, each after those that it imports
VIEWER = ("colours.js", "numbers.js", "plot.js", "state.js", "table.js", "show.js", "viewer.js")


def as_toml(spec: RunSpec) -> str:
    """Return the spec as `saddlescope run` takes it, without what is its default anyway.

    >>> from saddlescope.specs import read
    >>> print(as_toml(read("canonical")).splitlines()[3])
    [problem]
    """
    return toml(given(spec)) + "\n"


def given(spec: RunSpec) -> dict[str, Any]:
    """Return the tables of a spec without what is its default anyway."""
    return {"family": spec.family} | spec.model_dump(exclude_none=True, exclude_defaults=True)


def as_sweep(spec: RunSpec, key: str) -> str:
    """Return a sweep of the spec over one key, as `saddlescope sweep` takes it.

    Args:
        spec: what is swept.
        key: dotted, of a number that has a slider.

    Raises:
        ArgumentError: if it has none.
        SpecError: if fewer than two values of it go with the rest of the spec.
    """
    slider = spec.RANGES.get(key)
    if slider is None:
        raise ArgumentError("key", f"have a slider: {', '.join(spec.RANGES)}", key)
    low, high = slider.low, slider.high
    share = [k / (_VALUES - 1) for k in range(_VALUES)]
    if slider.log:
        values = [float(f"{math.exp(math.log(low) + s * math.log(high / low)):.3g}") for s in share]
    else:
        values = [float(f"{low + s * (high - low):.6g}") for s in share]
    held: Any = spec.plain()
    for part in key.split("."):
        held = held.get(part) if isinstance(held, dict) else None
    if isinstance(low, int) and isinstance(high, int):
        values = sorted({round(value) for value in values})
    values = _accepted(spec, key, values)
    axes = toml({"sweep.axes": {key: values}}).replace('["sweep.axes"]', "[sweep.axes]")
    return f"# saddlescope sweep FILE: this run over {key}, {held} on the page\n{as_toml(spec)}\n{axes}\n"


def _accepted(spec: RunSpec, key: str, values: list[Any]) -> list[Any]:
    """Those values that go with the rest of the spec: a slider knows nothing of other keys."""
    accepted, refusal = [], ""
    for value in values:
        tables = copy.deepcopy(given(spec))
        *path, last = key.split(".")
        held: Any = tables
        for part in path:
            held = held.setdefault(part, {})
        held[last] = value
        try:
            type(spec).model_validate(tables)
            accepted.append(value)
        except ValidationError as error:
            refusal = sentence(error, type(spec), "the sweep")
    if len(accepted) < 2:
        raise SpecError(f"There is no sweep over `{key}` here: {refusal}")
    return accepted


def as_python(spec: RunSpec) -> str:
    """Return code that repeats the run and prints the same table.

    >>> from saddlescope.specs import read
    >>> "ss.MeanFieldFlow(" in as_python(read("canonical"))
    True
    """
    write = {"single_index": _mean_field, "deep_linear": _deep_linear, "diagonal_linear": _diagonal}.get(spec.family)
    code = None if write is None else write(spec)
    return _any(spec) if code is None else code


def _mean_field(spec: Any) -> str:
    how, solver = spec.dynamics, spec.solver
    extra = {"neurons": how.neurons, "seed": how.seed} if how.neurons is not None else {}
    flow = _call("ss.MeanFieldFlow", "problem", epsilon=how.epsilon, second_layer=how.second_layer,
                 particles=how.particles, tolerance=how.tolerance, **extra)  # fmt: skip
    told = {k: v for k, v in spec.solve_arguments().items() if v is not None}
    told = {k: v for k, v in told.items() if k == "until" or v != type(solver)().model_dump().get(k)}
    return f"""import saddlescope as ss

problem = ss.SingleIndex(link={spec.problem.link!r}, activation={spec.problem.activation!r})
flow = {flow}
run = {_call("ss.solve", "flow", **told)}
print(ss.compare(run, levels={spec.theory.levels}, fraction={spec.theory.fraction!r}))
run.save("trajectory.nc")
"""


def _deep_linear(spec: Any) -> str | None:
    if spec.problem.kind != "target" or spec.compare or spec.dynamics.until == "auto" or spec.dynamics.kind != "flow":
        return None
    told = {k: v for k, v in spec.solve_arguments().items() if v is not None}
    told = {k: v for k, v in told.items() if v != type(spec.solver)().model_dump().get(k) or k == "states"}
    compress = {} if spec.solver.compress else {"compress": False}
    how = spec.network
    if how.limit:
        flow = _call("ss.WideLinearFlow", "cost", scale=(how.scale**2 * how.width ** (1 - how.gamma)) ** 0.5)
    else:
        flow = _call("ss.DeepLinearFlow", "cost", **how.model_dump(exclude={"limit"}), **compress)
    return f"""import saddlescope as ss

cost = ss.LeastSquares({spec.problem.matrix!r})
flow = {flow}
run = {_call("ss.solve", "flow", until=spec.dynamics.until, **told)}
print(ss.compare(run))
run.save("trajectory.nc")
"""


def _diagonal(spec: Any) -> str | None:
    plain = spec.network == type(spec.network)() and spec.dynamics.kind == "flow"
    if spec.problem.kind != "given" or spec.dynamics.until == "auto" or not plain:
        return None
    told = {k: v for k, v in spec.solve_arguments().items() if v is not None}
    told = {k: v for k, v in told.items() if v != type(spec.solver)().model_dump().get(k) or k == "states"}
    return f"""import saddlescope as ss

flow = ss.DiagonalFlow({spec.problem.inputs!r}, {spec.problem.outputs!r}, log_scale={spec.start.log_scale!r})
run = {_call("ss.solve", "flow", until=spec.dynamics.until, **told)}
print(ss.compare(run))
run.save("trajectory.nc")
"""


def _any(spec: RunSpec) -> str:
    """The spec itself, run as the command line runs it."""
    text = as_toml(spec).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'''import tomllib

from saddlescope.families import model, study

spec = """
{text}"""
tables = tomllib.loads(spec)
job = study(model(tables.get("family", "single_index")).model_validate(tables))
solved = job.solve()
print(job.compare(solved, job.predict()))
for name, run in job.trajectories(solved).items():
    run.save(name)
'''


def _call(name: str, *values: str, **arguments: Any) -> str:
    words = [*values, *(f"{key}={value!r}" for key, value in arguments.items())]
    line = f"{name}({', '.join(words)})"
    if len(line) <= 110:
        return line
    return f"{name}(\n    " + ",\n    ".join(words) + ",\n)"


def picture_file(pictures: Mapping[str, Callable[[], Any]], kind: str) -> tuple[str, bytes]:
    """Return name and content of the main picture, as `saddlescope run` draws it.

    Args:
        pictures: what draws each, by the name of its file; the first is the main one.
        kind: png or svg.
    """
    from saddlescope.plot.parts.canvas import show_as_typed

    name, draw = next(iter(pictures.items()))
    figure: Any = draw().figure
    show_as_typed(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=150)
    return f"{Path(name).stem}.{kind}", buffer.getvalue()


def netcdf(trajectories: Mapping[str, Trajectory]) -> tuple[str, bytes]:
    """Return name and content of the trajectories of a run: one netCDF file, or several in a zip file.

    Args:
        trajectories: by the names of their files.
    """
    contents = {name: run.content() for name, run in trajectories.items()}
    if len(contents) == 1:
        return next(iter(contents.items()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return "trajectories.zip", buffer.getvalue()


def viewer() -> str:
    """Return one HTML file that shows a run without a server; the page puts its data where `"DATA"` stands."""
    static = resources.files("saddlescope.explorer") / "static"

    def text(name: str) -> str:
        return (static / name).read_text(encoding="utf-8")

    script = text("uPlot.iife.min.js") + "\n" + joined([text(name) for name in VIEWER])
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{allowed}'; style-src 'unsafe-inline'; img-src data: blob:"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>saddlescope</title>
<style>
{text("uPlot.min.css")}
{text("page.css")}
</style>
</head>
<body class="viewer">
<main id="viewer"></main>
<script type="application/json" id="data">"DATA"</script>
<script>{script}</script>
</body>
</html>
"""


def joined(modules: list[str]) -> str:
    """Return modules as one script: what they export has names of its own, so that they need no imports.

    >>> joined(["export const a = 1;", "import { a } from './a.js';\\nexport function b() { return a; }"])
    '(() => {\\n"use strict";\\nconst a = 1;\\n\\nfunction b() { return a; }\\n})();\\n'
    """
    parts = [
        re.sub(r"^export (?=(async )?(const|let|function|class)\b)", "",
               re.sub(r"^import [^;]*;\n?", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
        for text in modules
    ]  # fmt: skip
    return '(() => {\n"use strict";\n' + "\n\n".join(parts) + "\n})();\n"
