"""Docstrings are plain text with formulas in ASCII: what reStructuredText would take for markup is shown as it is."""

import re
from typing import Any

from sphinx.application import Sphinx

_FIELD = re.compile(r"^(\s*(?::[^:]+:|\.\. \w[\w-]*::.*$|\*\s))")
# code in backticks stays; elsewhere stars, bars and names that end with a line below mean themselves
_PARTS = re.compile(r"(``[^`]+``|`[^`]+`)")
_MARKUP = re.compile(r"([*|\\]|(?<=\w)_(?!\w))")


def plain(lines: list[str]) -> list[str]:
    """Return the lines of a docstring with markup signs escaped outside of code and examples."""
    result, example = [], False
    for line in lines:
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        field = _FIELD.match(line)
        if example or (field and field.group(1).lstrip().startswith("..")):
            result.append(line)
            continue
        head, rest = (field.group(1), line[field.end() :]) if field else ("", line)
        parts = _PARTS.split(rest)
        parts[::2] = [_MARKUP.sub(r"\\\1", part) for part in parts[::2]]
        parts[1::2] = [part if part.startswith("``") else f"`{part}`" for part in parts[1::2]]
        result.append(head + "".join(parts))
    return result


def _process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    del app, what, name, thing, options
    lines[:] = plain(lines)


def setup(app: Sphinx) -> dict[str, object]:
    """Come after napoleon, which makes fields of sections."""
    app.connect("autodoc-process-docstring", _process, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
