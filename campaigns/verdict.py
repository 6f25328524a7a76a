"""The gate: what a result says of its own error, held against its true error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import Enum

from campaigns.case import Answer, Check, Entry

ALLOWED = 10.0  # a clean result may be off by this many times the error that it states
SLOW = 20.0  # seconds of a problem, beyond which it counts as slow whatever came out
DOUBTED = 0.05  # of the results within their stated error, the share that may carry a doubt
ENOUGH = 500  # problems, from which that share is more than chance


class Verdict(Enum):
    """The value is the head of a column in the table."""

    CLEAN_RIGHT = "clean, right"
    CLEAN_LOOSE = "clean, within 10x"
    CLEAN_WRONG = "clean, WRONG"
    DOUBT_DUE = "doubt is due"
    DOUBTED_RIGHT = "doubted, right"
    DOUBTED_WRONG = "doubted, off"
    UNSURE = "no reference"
    REFUSED = "refused"
    CRASHED = "CRASHED"
    HUNG = "hung"


def worst(checks: Iterable[Check]) -> float:
    """The largest true error that is sure, in units of the stated one; inf where a number is missing or not finite."""
    ratios = [0.0]
    for check in checks:
        ratio = (check.error - check.unsure) / check.stated
        ratios.append(math.inf if math.isnan(ratio) else ratio)
    return max(ratios)


def verdict(answer: Answer) -> Verdict:
    """Hold a result against its reference."""
    checks = [check for check in answer.checks if not math.isnan(check.unsure)]
    ratio = worst(checks)
    if answer.doubts and (answer.due or answer.outcome == "STEP_LIMIT"):
        return Verdict.DOUBT_DUE
    if answer.doubts:
        return Verdict.DOUBTED_RIGHT if ratio <= 1 else Verdict.DOUBTED_WRONG
    if ratio > ALLOWED:
        return Verdict.CLEAN_WRONG
    # a reference that is itself no better than the gate proves nothing
    if not checks or any(check.unsure > ALLOWED * check.stated for check in checks):
        return Verdict.UNSURE
    return Verdict.CLEAN_RIGHT if ratio <= 1 else Verdict.CLEAN_LOOSE


def faults(entries: Iterable[Entry]) -> list[Entry]:
    """What the gate does not let pass: clean results over ten times their stated error, and crashes."""
    closed = {Verdict.CLEAN_WRONG.name, Verdict.CRASHED.name, Verdict.HUNG.name}
    return [entry for entry in entries if entry.verdict in closed]


def table(entries: Sequence[Entry]) -> str:
    """The verdicts as a table, one line a family."""
    families = sorted({entry.family for entry in entries})
    heads = ["family", "problems", *(v.value for v in Verdict), "slow", "doubted of right", "s each"]
    rows = [_row(name, [e for e in entries if e.family == name]) for name in families]
    rows.append(_row("all", list(entries)))
    widths = [max(len(line[i]) for line in [heads, *rows]) for i in range(len(heads))]
    lines = []
    for name, *cells in [heads, *rows]:
        shown = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *shown]))
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(name: str, entries: list[Entry]) -> list[str]:
    counts = [sum(e.verdict == v.name for e in entries) for v in Verdict]
    slow = sum(e.seconds > SLOW for e in entries)
    seconds = sum(e.seconds for e in entries) / max(len(entries), 1)
    cells = [str(c) if c else "." for c in (*counts, slow)]
    return [name, str(len(entries)), *cells, f"{100 * doubted_share(entries):.1f} %", f"{seconds:.2f}"]


def doubted_share(entries: Iterable[Entry]) -> float:
    """Share of doubted results among those whose true error is within what they state."""
    names = [entry.verdict for entry in entries]
    doubted = names.count(Verdict.DOUBTED_RIGHT.name)
    right = doubted + names.count(Verdict.CLEAN_RIGHT.name)
    return doubted / right if right else 0.0
