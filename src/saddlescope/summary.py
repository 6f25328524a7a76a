"""Results and what makes them at a glance, as HTML for notebooks: small tables, and a line of a curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

_WIDTH, _HEIGHT, _POINTS = 260, 60, 200
_CELL = "padding:1px 12px 1px 0;text-align:left"


def html(
    head: str,
    remarks: Sequence[str],
    table: Mapping[str, tuple[tuple[str, ...], tuple[int, ...], str]],
    time: np.ndarray,
    level: np.ndarray | None,
) -> str:
    """Return a small table with a line of the level over it.

    Args:
        head: one line on what it is and how it ended.
        remarks: sentences to show below it.
        table: name -> axes, sizes and meaning of a curve.
        time: shape (n,).
        level: risk or cost at these times, shape (n, ...), or None if there is none.

    Example:
        >>> page = html("A run & more", ["doubted"], {"risk": (("time",), (3,), "")}, np.arange(3.0), np.ones(3))
        >>> "A run &amp; more" in page, page.count("<tr>"), page.count("<svg")
        (True, 1, 1)
    """
    rows = "".join(
        f"<tr><td style='{_CELL}'><code>{escape(name)}</code></td>"
        f"<td style='{_CELL}'>{escape(', '.join(f'{dim} {size}' for dim, size in zip(dims, sizes, strict=False)))}</td>"
        f"<td style='{_CELL}'>{escape(unit)}</td></tr>"
        for name, (dims, sizes, unit) in table.items()
    )
    told = "".join(f"<div>{escape(remark)}</div>" for remark in remarks)
    line = "" if level is None else sparkline(time, level)
    return f"<div><b>{escape(head)}</b>{told}{line}<table>{rows}</table></div>"


def sparkline(time: np.ndarray, level: np.ndarray, label: str = "risk or cost over log time") -> str:
    """Return a level over log time as a small SVG, log where it is positive over more than a decade; "" without one.

    Args:
        time: shape (n,).
        level: shape (n, ...); several runs are averaged.
        label: what it shows, for who does not see it.
    """
    with np.errstate(all="ignore"):
        value = np.asarray(level, float).reshape(len(level), -1).mean(axis=1)
        seen = (time > 0) & np.isfinite(value) & np.isfinite(np.log(time))
    t, value = np.log(np.asarray(time, float)[seen]), value[seen]
    if len(t) < 2 or t[-1] <= t[0]:
        return ""
    if value.min() > 0 and value.max() > 10 * value.min():
        value = np.log(value)
    marks = np.linspace(t[0], t[-1], _POINTS)
    shown: Any = np.interp(marks, t, value)
    height = float(np.ptp(shown)) or 1.0
    x = (marks - t[0]) / (t[-1] - t[0]) * _WIDTH
    y = 2 + (shown.max() - shown) / height * (_HEIGHT - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' "
        f"aria-label='{escape(label)}' style='display:block;margin:6px 0'>"
        f"<polyline points='{points}' fill='none' stroke='#0072B2' stroke-width='1.6'/></svg>"
    )


def pairs(head: str, made_of: Iterable[tuple[str, Any]], line: str = "") -> str:
    """Return what something is made of as a small table.

    Args:
        head: what it is.
        made_of: names and values.
        line: HTML between the two, such as a sparkline.

    Example:
        >>> pairs("Flow", [("epsilon", 1e-3), ("link", "a < b")]).count("<tr>"), pairs("A & B", [])[:16]
        (2, '<div><b>A &amp; ')
    """
    rows = "".join(
        f"<tr><td style='{_CELL}'><code>{escape(name)}</code></td><td style='{_CELL}'>{escape(_short(value))}</td></tr>"
        for name, value in made_of
    )
    return f"<div><b>{escape(head)}</b>{line}<table>{rows}</table></div>"


def grid(head: str, heads: Sequence[str], rows: Iterable[Sequence[str]], below: Iterable[str], line: str = "") -> str:
    """Return a table with a head for each column, and sentences below it.

    >>> grid("Stages", ["start"], [["1"], ["2"]], ["a note"]).count("<tr>")
    3
    """
    top = "".join(f"<th style='{_CELL}'>{escape(name)}</th>" for name in heads)
    cells = ("".join(f"<td style='{_CELL}'>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    told = "".join(f"<div>{escape(sentence)}</div>" for sentence in below)
    return f"<div><b>{escape(head)}</b>{line}<table><tr>{top}</tr>{body}</table>{told}</div>"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
