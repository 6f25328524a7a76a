"""Nested tables as TOML text: the standard library reads TOML but does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(tables: Mapping[str, Any]) -> str:
    """Return nested tables as TOML; lists of tables as [[name]], tables inside a table inline.

    Raises:
        TypeError: for a value that is not a text, number, flag, list or table.

    Example:
        >>> print(toml({"title": "a run", "dynamics": {"epsilon": 1e-08, "law": {"low": -1.0}}}))
        title = "a run"
        <BLANKLINE>
        [dynamics]
        epsilon = 1e-08
        law = { low = -1.0 }
    """
    lines = _entries({k: v for k, v in tables.items() if not isinstance(v, Mapping) and not _list_of_tables(v)})
    for name, table in tables.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{_key(name)}]", *_entries(table)]
        elif _list_of_tables(table):
            for one in table:
                lines += ["", f"[[{_key(name)}]]", *_entries(one)]
    return "\n".join(lines).lstrip("\n")


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(k)} = {_value(v)}" for k, v in table.items()]


def _list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, except for the delete character, which JSON leaves as it is
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return repr(value)  # shortest text that reads back to the same number; inf and nan are TOML too
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"no TOML for {type(value).__name__}")
