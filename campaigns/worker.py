"""One process of a campaign: tasks come in as JSON lines, log lines go out."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from typing import Any

import numpy as np


def answered(task: dict[str, Any]) -> dict[str, Any]:
    """Draw the problem of a task (seed, number, family) unless it brings its parameters, run it, and judge."""
    from campaigns.case import Entry, UnsuitableError
    from campaigns.registry import FAMILIES
    from campaigns.verdict import Verdict, verdict
    from saddlescope import ArgumentError

    family = FAMILIES[task["family"]]
    parameters = task.get("parameters")
    if parameters is None:
        parameters = family.draw(np.random.default_rng([task["seed"], task["number"]]))
    since = time.monotonic()
    outcome, doubts, checks, remark = "", [], [], ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = family.judge(parameters)
        outcome, doubts = answer.outcome, list(answer.doubts)
        checks = [
            {"name": c.name, "error": float(c.error), "stated": float(c.stated), "unsure": float(c.unsure)}
            for c in answer.checks
        ]
        result = verdict(answer)
    except ArgumentError as error:
        result, remark = Verdict.REFUSED, str(error)[:300]
    except UnsuitableError as error:
        result, remark = Verdict.UNSURE, str(error)[:300]
    except Exception:
        result, remark = Verdict.CRASHED, traceback.format_exc()[-1500:]
    entry = Entry(
        seed=task["seed"],
        number=task["number"],
        family=family.name,
        parameters=parameters,
        outcome=outcome,
        doubts=doubts,
        checks=checks,
        verdict=result.name,
        seconds=round(time.monotonic() - since, 3),
        remark=remark,
    )
    return entry.plain()


def main() -> None:
    """Answer every line of the standard input."""
    # what a library prints must not end up between the answers
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        out.write(json.dumps(answered(json.loads(line))) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
