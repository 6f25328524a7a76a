"""Rows of results: collected during the session, shown at its end, and kept with `--write-results`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import report

ROOT = Path(__file__).resolve().parent.parent
_Result = tuple[dict[str, Any] | None, str | None]
_ROWS: dict[str, dict[str, Any]] = {}


def pytest_addoption(parser):
    parser.addoption("--write-results", action="store_true", help="write benchmarks/results.json and the table")


@pytest.fixture(scope="session")
def record():
    """record(name, row) keeps one row of the results."""

    def keep(name: str, row: dict[str, Any]) -> None:
        _ROWS[name] = row

    return keep


@pytest.fixture(scope="session")
def measured():
    """measured(module, *arguments, limit=): (JSON of `python -m benchmarks.MODULE`, None) or (None, why not).

    BLAS is held to `threads`: on a shared machine two of them wait for each other.
    """

    def run(module: str, *arguments: object, limit: float, threads: int | None = 1) -> _Result:
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if threads else ()
        environment = os.environ | dict.fromkeys(names, str(threads))
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return None, f"did not finish in {limit:g} s"
        if done.returncode:
            told = done.stderr.strip().splitlines()
            return None, told[-1] if told else f"ended with exit code {done.returncode}"
        return json.loads(done.stdout), None

    return run


def pytest_terminal_summary(terminalreporter, config):
    if _ROWS:
        terminalreporter.section("saddlescope against the clock")
        terminalreporter.write(report.table({"rows": _ROWS}))
        if config.getoption("--write-results"):
            report.write(_ROWS)
            terminalreporter.write_line(f"written: {report.RESULTS}, {report.README}")
