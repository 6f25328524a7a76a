"""The report: one HTML page with everything in it, figures included, that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from saddlescope import files
from saddlescope.papers.framework.catalogue import Paper
from saddlescope.papers.framework.experiment import Row, Verdict
from saddlescope.papers.framework.ledger import Ledger, Record

NAME = "report.html"
BOUNDS = (
    "Bounds come from the correction that theory predicts at the size of the run, about three times it, or from the "
    "tolerance of the integration where the claim is exact; authors who knew the papers' numbers set them. Three were "
    "widened after a first run, their corrections having been estimated too small: the width of the jump of degree 2, "
    "the height of the first plateau, and the leap past a degree that the activation lacks; and a control that these "
    "sizes cannot refute, the power of the width at another depth, was taken out. Rows named control claim something "
    "wrong on purpose, and must fail by the bound of the true row beside them, or by a wider one."
)
_PLURAL = {
    verdict: verdict.value.replace("agrees", "agree")
    .replace("differs", "differ")
    .replace("fails, as it", "fail, as they")
    for verdict in Verdict
}
_LARGEST = 600_000  # bytes of an SVG that is put into the page; beyond, its PNG

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { margin-top: 3rem; border-bottom: 2px solid #1a1a1a; } h3 { margin: 2.5rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: .6rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #ddd; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.agrees { color: #00664b; } .within { color: #0b5394; } .differs { color: #b3330d; font-weight: 600; }
.source, .criterion, .run { color: #555; font-size: .85rem; } .run { margin-top: 0; }
img { max-width: 100%; height: auto; } pre { background: #f5f5f5; padding: .6rem; overflow-x: auto; font-size: .8rem; }
a { color: inherit; }
"""


def write(path: Path, papers: Sequence[Paper], ledger: Ledger, figures: Path) -> Path:
    """Write the page, whole or not at all, and return its path.

    Args:
        path: of the page.
        papers: in which order things come.
        ledger: what was found.
        figures: folder with ID.svg and ID.png.
    """
    return files.write(path, page(papers, ledger, figures), argument="--out")


def page(papers: Sequence[Paper], ledger: Ledger, figures: Path) -> str:
    """Return the text of the page."""
    records = [ledger.records[e.id] for paper in papers for e in paper.entries if e.id in ledger.records]
    versions = records[-1].versions if records else {}
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><title>saddlescope: claimed beside measured</title>',
        f"<style>{_STYLE}</style></head><body>",
        "<h1>Claimed beside measured</h1>",
        f"<p>{escape(summary(records))} {BOUNDS}</p>",
        f'<p class="run">{escape(", ".join(f"{name} {value}" for name, value in versions.items()))}</p>',
    ]
    for paper in papers:
        mine = [ledger.records[e.id] for e in paper.entries if e.id in ledger.records]
        if mine:
            parts.append(f"<h2>{escape(paper.title)}</h2><p class='source'>{escape(paper.reference)}</p>")
            parts.append(_overview(mine))
            parts += [_section(record, figures) for record in mine]
    return "\n".join([*parts, "</body></html>", ""])


def summary(records: Sequence[Record]) -> str:
    """Return how many rows agree and differ, and which experiments failed, in a sentence or two."""
    rows = [row for record in records for row in record.rows]
    counts = {verdict: sum(row.verdict == verdict.value for row in rows) for verdict in Verdict}
    told = f"{len(rows)} rows of {len(records)} experiments: " + ", ".join(
        f"{number} {verdict.value if number == 1 else _PLURAL[verdict]}"
        for verdict, number in counts.items()
        if number or verdict in (Verdict.AGREES, Verdict.WITHIN)
    )
    wrong = [row.id for row in rows if not row.expected]
    failed = [record.id for record in records if record.error]
    told += "."
    if wrong:
        told += f" Should agree and do not: {', '.join(wrong)}."
    if failed:
        told += f" Failed: {', '.join(failed)}."
    return told


def shown(value: object) -> str:
    """Return a value of a row as text.

    >>> shown(0.25000001), shown("lazy"), shown(True)
    ('0.25', 'lazy', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _class(row: Row) -> str:
    fine = {Verdict.AGREES.value: "agrees", Verdict.WITHIN.value: "within", Verdict.REFUTED.value: "within"}
    return fine.get(row.verdict, "differs")


def told_verdict(row: Row) -> str:
    """Return the verdict of a row, with the reason of a difference."""
    return f"{row.verdict}: {row.why}" if row.why else row.verdict


def told_power(row: Row) -> str:
    """Return what wrong theory the row would have caught, as a sentence of its own, or nothing."""
    return f" Would have caught: {row.power}." if row.power else ""


def _overview(records: Sequence[Record]) -> str:
    lines = ["<table><tr><th>experiment</th><th>rows</th><th>verdict</th><th>seconds</th></tr>"]
    for record in records:
        worst, name = "agrees", "agrees"
        if record.error:
            worst, name = "differs", "failed"
        elif any(row.verdict in (Verdict.DIFFERS.value, Verdict.UNNOTICED.value) for row in record.rows):
            worst, name = "differs", Verdict.DIFFERS.value
        elif any(row.verdict == Verdict.WITHIN.value for row in record.rows):
            worst, name = "within", Verdict.WITHIN.value
        lines.append(
            f'<tr><td><a href="#{record.id}">{escape(record.title)}</a></td><td>{len(record.rows)}</td>'
            f'<td class="{worst}">{name}</td><td class="number">{record.seconds:.1f}</td></tr>'
        )
    return "".join([*lines, "</table>"])


def _section(record: Record, figures: Path) -> str:
    parts = [
        f'<section id="{record.id}"><h3>{escape(record.title)}</h3>',
        f'<p>{escape(record.claim)}</p><p class="source">{escape(record.source)}</p>',
    ]
    if record.error:
        parts.append(f'<p class="differs">Failed: {escape(record.error)}</p><pre>{escape(record.trace)}</pre>')
    if record.rows:
        parts.append(
            "<table><tr><th>what</th><th>claimed</th><th>measured</th><th>error</th><th>verdict</th></tr>"
            + "".join(_line(row) for row in record.rows)
            + "</table>"
        )
    parts += [f"<p>Doubt: {escape(doubt)}</p>" for doubt in record.doubts]
    picture = _picture(record, figures)
    if picture:
        parts.append(f'<img alt="{escape(record.title)}" src="{picture}">')
    settings = ", ".join(f"{name} = {value}" for name, value in record.parameters.items())
    parts.append(
        f'<p class="run">{record.version} version, {record.seconds:.1f} s of processor time; {escape(settings)}. '
        f"Alone: <code>saddlescope reproduce --only {record.id}{' --full' * (record.version == 'full')}</code></p>"
        "</section>"
    )
    return "\n".join(parts)


def _line(row: Row) -> str:
    error = "–" if row.error is None else f"{row.error:.2g}"
    return (
        f'<tr><td>{escape(row.claim)}<div class="criterion">{escape(row.id)}: '
        f"{escape(row.criterion)}{escape(told_power(row))}</div></td>"
        f'<td class="number">{escape(shown(row.claimed))}</td><td class="number">{escape(shown(row.measured))}</td>'
        f'<td class="number">{error}</td><td class="{_class(row)}">{escape(told_verdict(row))}</td></tr>'
    )


def _picture(record: Record, figures: Path) -> str:
    svg, png = figures / f"{record.id}.svg", figures / f"{record.id}.png"
    if svg.is_file() and svg.stat().st_size <= _LARGEST:
        return "data:image/svg+xml;base64," + base64.b64encode(svg.read_bytes()).decode()
    if png.is_file():
        return "data:image/png;base64," + base64.b64encode(png.read_bytes()).decode()
    return ""
