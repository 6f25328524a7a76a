"""RefusedError of files without a curve, and names as they may be printed."""

from __future__ import annotations

from collections.abc import Iterable

from saddlescope.arguments import RefusedError

_LONGEST = 80
_LISTED = 12


class CurveError(RefusedError):
    """A file holds no curve as asked for; the message says why, what was found, and what to try next."""


def shown(name: str) -> str:
    """Return a name that is safe to print: control characters escaped, at most 80 characters.

    >>> shown("loss\\x1b[31m")
    'loss\\\\x1b[31m'
    """
    short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
    if short.isprintable():
        return short
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in short)
    return escaped if len(escaped) <= _LONGEST else escaped[: _LONGEST - 1] + "…"


def listed(names: Iterable[str]) -> str:
    """Return names in one line: the first twelve, and how many more there are."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(shown(name) for name in every[:_LISTED]) + more
