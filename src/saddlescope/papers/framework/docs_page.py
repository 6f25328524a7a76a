"""The ledger as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from saddlescope.papers.framework.catalogue import Paper
from saddlescope.papers.framework.ledger import Ledger
from saddlescope.papers.framework.report import BOUNDS, shown, summary, told_power, told_verdict


def markdown(papers: Sequence[Paper], ledger: Ledger) -> str:
    """Return the page: a table for each paper, a line a row, with the criteria below.

    Args:
        papers: in which order.
        ledger: what was found.
    """
    records = [ledger.records[e.id] for paper in papers for e in paper.entries if e.id in ledger.records]
    kinds = sorted({record.version for record in records})
    versions = records[0].versions if records else {}
    lines = [
        "# Claimed beside measured",
        "",
        f"{summary(records)} Written by `saddlescope reproduce` ({' and '.join(kinds)} version, "
        f"{sum(record.seconds for record in records):.0f} s of processor time), with "
        f"{', '.join(f'{name} {value}' for name, value in versions.items())}.",
        f"{BOUNDS} Run a row alone with `saddlescope reproduce --only ROW`.",
    ]
    for paper in papers:
        mine = [ledger.records[e.id] for e in paper.entries if e.id in ledger.records]
        if not mine:
            continue
        lines += ["", f"## {paper.title}", "", paper.reference, ""]
        lines += ["| row | claimed | measured | error | verdict | s |", "|---|---|---|---|---|---|"]
        for record in mine:
            if record.error:
                lines.append(f"| {record.id} | | | | failed: {_cell(record.error)} | {record.seconds:.1f} |")
            for row in record.rows:
                error = "–" if row.error is None else f"{row.error:.2g}"
                cells = (
                    row.id,
                    shown(row.claimed),
                    shown(row.measured),
                    error,
                    told_verdict(row),
                    f"{row.seconds:.1f}",
                )
                lines.append(f"| {' | '.join(map(_cell, cells))} |")
        for record in mine:
            lines += ["", f"### {record.title}", "", f"{record.claim} *{record.source}*", ""]
            lines += [
                f"- `{row.id}`: {row.claim}. {row.criterion[0].upper()}{row.criterion[1:]}{told_power(row)}"
                for row in record.rows
            ]
            lines += [f"- Doubt: {doubt}" for doubt in record.doubts]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
