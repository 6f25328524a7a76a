"""Numbers as people's programs write them."""

from __future__ import annotations

import re

_WRAPPED = re.compile(r"(?:tensor|array|np\.float\d+|float\d*)\(\s*([^,()\s]+)")
EMPTY = frozenset(("", "null", "none", "na", "n/a", "-", "--", "—", "?", "missing"))


def number(cell: str) -> float | None:
    """Return the number in a cell, None where it is empty or holds none.

    >>> number(" 1e-3 "), number("NaN"), number(""), number("97.5%"), number("tensor(0.25)"), number("run_1")
    (0.001, nan, None, 97.5, 0.25, None)
    """
    cell = cell.strip()
    if "_" in cell or len(cell) > 400:
        return None
    try:
        return float(cell)
    except ValueError:
        pass
    if cell.endswith("%"):
        try:
            return float(cell[:-1])
        except ValueError:
            return None
    wrapped = _WRAPPED.match(cell)
    if wrapped is None:
        return None
    try:
        return float(wrapped[1])
    except ValueError:
        return None


def is_empty(cell: str) -> bool:
    """Return whether a cell holds nothing, in one of the ways in which programs write that."""
    return cell.strip().lower() in EMPTY
