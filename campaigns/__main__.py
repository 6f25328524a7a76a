"""`python -m campaigns`: draw problems, run them beside their references, print the table of verdicts."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

from campaigns.case import Entry
from campaigns.pool import answers
from campaigns.registry import FAMILIES, FUZZ, tasks
from campaigns.verdict import DOUBTED, ENOUGH, doubted_share, faults, table


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign; 1 where the gate is closed, that is where a clean result was wrong, or a run crashed or hung."""
    parser = argparse.ArgumentParser(prog="campaigns", description=__doc__)
    parser.add_argument("--problems", type=int, default=100, help="number of problems")
    parser.add_argument("--seed", type=int, default=int(time.strftime("%Y%m%d")), help="by default today's date")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them: go on where one was stopped")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which a problem counts as hung")
    parser.add_argument("--fuzz", action="store_true", help="broken input and hostile surroundings instead of problems")
    parser.add_argument("--only", action="append", choices=list(FAMILIES), help="only this family; may be repeated")
    parser.add_argument("--log", type=Path, default=None, help="JSON lines of all problems; by default in build/")
    parser.add_argument(
        "--replay", type=Path, help="run the problems of these JSON lines instead; those marked as open fail nothing"
    )
    parser.add_argument("--report", action="store_true", help="print faults, but exit with 0")
    asked = parser.parse_args(arguments)
    if asked.first < 0:
        parser.error(f"--first must be a number from 0, but got {asked.first}.")
    log = asked.log or Path("build") / f"campaign-{asked.seed}.jsonl"
    log.parent.mkdir(parents=True, exist_ok=True)
    drawn = tasks(asked.problems, asked.seed, asked.only or (list(FUZZ) if asked.fuzz else None))
    given, known = itertools.islice(drawn, asked.first, None), set[int]()
    if asked.replay:
        given, known = _replayed(asked.replay)
    print(f"seed {asked.seed}; every problem is a line of {log}", flush=True)
    entries = []
    with log.open("a" if asked.first else "w") as file:
        for line in answers(given, asked.jobs, asked.limit):
            file.write(json.dumps(line) + "\n")
            file.flush()
            entries.append(Entry(**line))
            bad, open_ = bool(faults(entries[-1:])), line["number"] in known
            if bad:
                print(("known, open: " if open_ else "") + told(entries[-1]), flush=True)
            elif open_:
                print(f"line {line['number'] + 1} is marked as open, but is {line['verdict']} now", flush=True)
    print(table(entries))
    wrong = [entry for entry in faults(entries) if entry.number not in known]
    print(f"{len(wrong)} of {len(entries)} problems ended in what the gate does not let pass.")
    too_many = not asked.replay and not asked.fuzz and doubted_share(entries) > DOUBTED and len(entries) >= ENOUGH
    if too_many:
        print(
            f"Doubts stand on {doubted_share(entries):.1%} of the right results; at most {DOUBTED:.0%} may carry one."
        )
    return 1 if (wrong or too_many) and not asked.report else 0


def told(entry: Entry) -> str:
    """A fault with what repeats it."""
    result = "; ".join(
        f"{c['name']}: off by {c['error']:.3g}, stated {c['stated']:.1g}, reference sure to {c['unsure']:.1g}"
        for c in entry.checks
        if not c["error"] <= c["stated"]
    )
    what = json.dumps({"family": entry.family, "parameters": entry.parameters})
    return f"{entry.verdict} number {entry.number}: {result or entry.remark.strip()[-200:]}\n  {what}"


def _replayed(path: Path) -> tuple[list[dict[str, Any]], set[int]]:
    """The tasks of a file, and the numbers of those that are known to fail."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    results = [
        {"seed": 0, "number": n, "family": line["family"], "parameters": line["parameters"]}
        for n, line in enumerate(lines)
    ]
    return results, {n for n, line in enumerate(lines) if line.get("open")}


if __name__ == "__main__":
    sys.exit(main())
