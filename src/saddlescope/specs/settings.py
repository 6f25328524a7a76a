"""The list of all keys of a family, for help texts and for the nearest known key."""

from __future__ import annotations

import typing
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined


class Setting(NamedTuple):
    """A key: its dotted name, meaning, default (None where there is none) and whether it must be given.

    `only` says where the key belongs if not in every spec of the family: `kind = "completion"`, `[[compare]]`.
    """

    name: str
    meaning: str
    default: Any
    required: bool
    only: str = ""


def settings(model: type[BaseModel], prefix: str = "", only: str = "") -> list[Setting]:
    """Return every key of a spec in the order of the tables.

    >>> from saddlescope.families import model
    >>> [s.name for s in settings(model("single_index"))][:4]
    ['family', 'title', 'problem.link', 'problem.activation']
    """
    results: list[Setting] = []
    for name, field in model.model_fields.items():
        kinds = _tables(field.annotation)
        if not kinds:
            required = field.default is PydanticUndefined
            default = None if required else field.default
            results.append(Setting(prefix + name, field.description or "", default, required, only))
        elif typing.get_origin(field.annotation) is list:
            results += settings(kinds[0], f"{prefix}{name}.", f"in [[{name}]]")
        elif len(kinds) == 1:
            results += settings(kinds[0], f"{prefix}{name}.", only)
        else:
            for kind in kinds:
                results += settings(kind, f"{prefix}{name}.", f'for kind = "{_tag(kind)}"')
    return results


def tables(model: type[BaseModel]) -> list[str]:
    """Names of the tables of a spec."""
    return list(dict.fromkeys(s.name.split(".")[0] for s in settings(model) if "." in s.name))


def within(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, int | None]:
    """Return the dotted name of a place that pydantic names, and its number in a list of tables if it is in one.

    Pydantic's names hold the tag of a kind, which a user does not write.
    """
    names: list[str] = []
    number = None
    tags: list[str] = []
    here: list[type[BaseModel]] = [model]
    for part in location:
        if isinstance(part, int):
            number = part if len(names) == 1 else number
        elif part in tags:
            tags = []
        else:
            names.append(part)
            field = next((m.model_fields[part] for m in here if part in m.model_fields), None)
            here = [] if field is None else _tables(field.annotation)
            tags = [_tag(kind) for kind in here] if len(here) > 1 else []
    return ".".join(names), number


def _tables(annotation: Any) -> list[type[BaseModel]]:
    """The tables a key may hold: none for a plain value, several where kinds are told apart."""
    inner = typing.get_args(annotation) or (annotation,)
    return [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _tag(kind: type[BaseModel]) -> str:
    return typing.get_args(kind.model_fields["kind"].annotation)[0] if "kind" in kind.model_fields else ""
