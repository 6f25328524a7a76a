"""The command `reproduce`: progress over experiments, and the ledger as a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from saddlescope.cli import caches
from saddlescope.cli.signals import when_asked
from saddlescope.papers.framework.catalogue import ROOT, Entry, catalogue, chosen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from saddlescope.papers.framework.ledger import Record
    from saddlescope.papers.framework.reproduction import Reproduction

FOLDER = "reproduction"


def reproduce_papers(
    paper: str | None, only: Sequence[str], full: bool, out: Path | None, root: str = ROOT, workers: int = 1
) -> int:
    """Run experiments and show claimed beside measured; return the exit code.

    Args:
        paper: name of a paper, or None for all.
        only: ids of experiments or rows; these are run afresh.
        full: the full versions.
        out: the folder to write to.
        root: package of the papers.
        workers: how many experiments run at a time.

    Raises:
        ArgumentError: for an unknown paper or id, or a folder that cannot be used.
    """
    # names are refused before anything else is loaded
    papers = catalogue(root)
    entries = chosen(papers, paper, only)
    folder = Path(FOLDER) if out is None else out
    caches.check()

    from saddlescope.cli.terminal import Terminal
    from saddlescope.papers.framework.reproduction import reproduce
    from saddlescope.solve.control import Control
    from saddlescope.solve.progress import CountBar

    with CountBar("", len(entries)) as bar, Control() as control, when_asked(control.cancel):

        def watch(entry: Entry, record: Record | None) -> None:
            if record is None:
                bar.begin(entry.id)
            else:
                bar.advance()
                bar.say(_line(record))

        result = reproduce(papers, entries, folder, full=full, afresh=bool(only), workers=workers, watch=watch)
    _show(result, Terminal())
    if result.interrupted:
        print("saddlescope: stopped by the user; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0 if result.as_expected else 1


def _line(record: Record) -> str:
    if record.error:
        return f"{record.id}: failed: {record.error}"
    wrong = [row.id.split("/")[1] for row in record.rows if not row.expected]
    told = f"differs in {', '.join(wrong)}" if wrong else f"{len(record.rows)} rows as expected"
    return f"{record.id}: {told} ({record.seconds:.1f} s)"


def _ended(record: Record) -> Text:
    from rich.text import Text

    if record.error:
        return Text(f"failed: {record.error}", style="bold red")
    return Text(f"{record.seconds:.1f} s", style="dim")


def _show(result: Reproduction, console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from saddlescope.papers.framework.experiment import Verdict
    from saddlescope.papers.framework.report import shown, summary, told_verdict

    styles = {Verdict.AGREES.value: "green", Verdict.WITHIN.value: "cyan", Verdict.DIFFERS.value: "bold red"}
    styles |= {Verdict.REFUTED.value: "cyan", Verdict.UNNOTICED.value: "bold red"}
    short = {Verdict.WITHIN.value: "agrees within finite size"}
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for head in ("experiment / row", "claimed", "measured", "error", "verdict"):
        number = head in ("claimed", "measured", "error")
        table.add_column(head, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for record in result.records:
        table.add_row(Text(record.id, style="bold"), "", "", "", _ended(record))
        for row in record.rows:
            error = "–" if row.error is None else f"{row.error:.2g}"
            verdict = Text(short.get(row.verdict, told_verdict(row)), style=styles[row.verdict])
            table.add_row("  " + row.id.split("/")[1], shown(row.claimed), shown(row.measured), error, verdict)
    console.print(table)
    console.print()
    console.print(Text(summary(result.records)))
    if result.taken:
        console.print(Text(f"{result.taken} of them were taken from an earlier run in this folder."))
    for path in result.files:
        console.print(Text(f"Wrote     {path}"), soft_wrap=True)
