"""What is said when a spec cannot be read or run."""

from __future__ import annotations

import difflib

from saddlescope.arguments import RefusedError


class SpecError(RefusedError):
    """A spec cannot be read or run; the message is one sentence."""


def nearest(word: str, known: list[str]) -> str:
    """Return " (did you mean `x`?)" for the nearest known word, else an empty string.

    >>> nearest("dynamics.epsilom", ["dynamics.epsilon", "solver.rtol"])
    ' (did you mean `dynamics.epsilon`?)'
    """
    # a key in the wrong table, or without one, is nearer than any misspelling
    moved = [name for name in known if name.rsplit(".", 1)[-1] == word.lstrip("-").rsplit(".", 1)[-1]]
    near = moved or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean `{near[0]}`?)" if near else ""
