"""Results as a file and as a table: `python benchmarks/report.py` runs all benchmarks and writes both."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results.json"
README = FOLDER / "README.md"
_BEGIN, _END = "<!-- table: written by report.py -->", "<!-- end of table -->"


def machine() -> dict[str, Any]:
    """Processor, cores and versions that the numbers come from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )
    names = ("jax", "jaxlib", "diffrax", "equinox", "numpy", "scipy", "scikit-sundae")
    versions = {name: importlib.metadata.version(name) for name in names}
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), **versions}


def write(rows: dict[str, dict[str, Any]]) -> None:
    """Write results.json and the table; earlier rows of the same machine and versions are kept."""
    results = {"machine": machine(), "rows": {}}
    if RESULTS.exists():
        earlier = json.loads(RESULTS.read_text())
        if earlier["machine"] == results["machine"]:
            results["rows"] = earlier["rows"]
    results["rows"] |= rows
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    before, _, rest = README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    README.write_text(f"{before}{_BEGIN}\n\n{table(results)}\n{_END}{after}")


def table(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    rows = results["rows"]
    parts = []
    if "machine" in results:
        parts.append(", ".join(f"{name} {value}" for name, value in results["machine"].items()) + ".\n")
    solvers = [row for row in rows.values() if row["kind"] == "solver"]
    if solvers:
        parts.append(_solver_table(solvers))
    bars = list(_bars(rows))
    if bars:
        parts.append("| what | bar | measured |\n|---|---|---|\n" + "\n".join(bars) + "\n")
    growth = [run | {"of": name} for name, row in rows.items() if row["kind"] == "growth" for run in row["runs"]]
    if growth:
        head = "| neurons | attempted steps | wall s | per step, µs | peak MB |\n|---|---|---|---|---|\n"
        lines = []
        for run in sorted(growth, key=lambda run: run["neurons"]):
            wall = [s[0] for s in run["seconds"]]
            step = 1e6 * min(wall) / run["attempts"]
            lines.append(
                f"| {run['neurons']} | {run['attempts']} | {_spread(wall)} | {step:.0f} | {run['megabytes']:.0f} |"
            )
        parts.append(head + "\n".join(lines) + "\n")
    parts += [_named_table(name, row["rows"]) for name, row in rows.items() if row["kind"] == "named"]
    return "\n".join(parts)


def _named_table(title: str, rows: dict[str, Any]) -> str:
    """One line a name, one column a key; a key that a name lacks leaves a gap."""
    lines = {name: row if isinstance(row, dict) else {"value": row} for name, row in rows.items()}
    columns = list(dict.fromkeys(key for row in lines.values() for key in row))
    cells = [[title, *(key.replace("_", " ") for key in columns)], ["---"] * (len(columns) + 1)]
    cells += [[name, *(_cell(row.get(key, "")) for key in columns)] for name, row in lines.items()]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells) + "\n"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _solver_table(solvers: Iterable[dict[str, Any]]) -> str:
    columns = ["solver", "rtol", "steps", "error of times", "error of risk", "wall s", "cpu s"]
    columns += ["saddlescope: error of times", "error of risk", "wall s", "cpu s", "ratio, wall / cpu"]
    columns += ["saddlescope, at no larger error: rtol", "ratio, wall / cpu"]
    lines = [columns, ["---"] * len(columns)]
    for row in solvers:
        cells = [row["label"], f"{row['rtol']:.0e}"]
        if row["failure"]:
            cells.append(row["failure"])
        else:
            theirs, ours, equal = row["theirs"], row["ours"], row.get("ours_equal")
            cells += [str(theirs["steps"]), *_errors_and_times(theirs), *_errors_and_times(ours)]
            cells.append(_ratio(theirs, ours))
            cells += ["none", ""] if equal is None else [f"{equal['rtol']:.1e}", _ratio(theirs, equal)]
        lines.append(cells + [""] * (len(columns) - len(cells)))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _errors_and_times(run: dict[str, Any]) -> list[str]:
    spent = (_spread([s[i] for s in run["seconds"]]) for i in (0, 1))
    return [f"{run['times']:.1e}", f"{run['risk']:.1e}", *spent]


def _bars(rows: dict[str, dict[str, Any]]) -> Iterable[str]:
    for name, row in rows.items():
        if row["kind"] == "warm":
            yield f"| warm run, m = 256, rtol 1e-6 | < 0.15 s | {_spread(row['seconds'])} s |"
        elif row["kind"] == "growth":
            yield (
                f"| {name}, time exponent | <= 1.15 | {row['time_exponent']:.2f} wall, "
                f"{row['processor_time_exponent']:.2f} cpu, {row['time_per_step_exponent']:.2f} per step |"
            )
            yield (
                f"| {name}, peak memory exponent | <= 1.05 | {row['memory_exponent']:.2f} "
                f"({row['added_memory_exponent']:.2f} of what the run adds, last two sizes) |"
            )
        elif row["kind"] == "smallest":
            end = f"{row['outcome']}, {row['attempts']} attempted steps"
            yield f"| epsilon = 1e-16, m = {row['neurons']} | reaches the end | {end} |"
        elif row["kind"] == "many":
            yield (
                f"| {row['runs']} different runs in one warm process | < 60 s, no compilation "
                f"| {row['seconds']:.1f} s, {row['compilations']} compilations |"
            )
        elif row["kind"] == "cli":
            yield f"| `saddlescope run canonical`, empty cache | < 15 s | {row['cold']:.1f} s |"
            yield f"| `saddlescope run canonical`, again | < 4 s | {_spread(row['warm'])} s |"


def _ratio(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Ratio of the fastest runs: the load of a shared machine only ever adds."""
    return " / ".join(
        f"{min(s[i] for s in theirs['seconds']) / min(s[i] for s in ours['seconds']):.0f}" for i in (0, 1)
    )


def _spread(seconds: list[float]) -> str:
    """Least (median to largest)."""
    return f"{min(seconds):.3g} ({median(seconds):.3g} to {max(seconds):.3g})"


if __name__ == "__main__":
    command = [
        "-m",
        "pytest",
        "benchmarks",
        "--benchmark-enable",
        "-p",
        "no:cacheprovider",
        "--write-results",
    ]
    sys.exit(subprocess.run([sys.executable, *command, *sys.argv[1:]], cwd=FOLDER.parent).returncode)
