"""BibTeX for the papers and the software a result rests on, from `references.bib` beside this file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from saddlescope.arguments import ArgumentError, known_words

_TEXT = (Path(__file__).parent / "references.bib").read_text(encoding="utf-8")
_ENTRIES = {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in _TEXT.strip().split("\n\n")}

KEYS = tuple(_ENTRIES)


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of the given keys, in their order, parted by empty lines.

    Args:
        keys: of entries of `references.bib`, such as "berthier2023"; each counts once.

    Raises:
        ArgumentError: if a key is not known.

    Example:
        >>> print(bibtex(("diffrax",)))
        @phdthesis{diffrax,
          author = {Kidger, Patrick},
          title  = {On neural differential equations},
          school = {University of Oxford},
          year   = {2021},
        }
    """
    wanted = (keys,) if isinstance(keys, str) else tuple(dict.fromkeys(keys))
    for key in wanted:
        if key not in _ENTRIES:
            raise ArgumentError("keys", f"hold known references ({known_words(key, KEYS)})", key)
    return "\n\n".join(_ENTRIES[key] for key in wanted)
