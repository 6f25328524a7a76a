"""The list of all keys of a spec, for help texts and for the nearest known key."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from saddlescope.specs.models import RunSpec


class Setting(NamedTuple):
    """A key: its dotted name, meaning, default (None where there is none) and whether it must be given."""

    name: str
    meaning: str
    default: Any
    required: bool


def settings(model: type[BaseModel] = RunSpec, prefix: str = "") -> list[Setting]:
    """Return every key of a spec in the order of the tables.

    >>> [s.name for s in settings()][:4]
    ['title', 'problem.link', 'problem.activation', 'dynamics.kind']
    """
    found: list[Setting] = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += settings(field.annotation, f"{prefix}{name}.")
            continue
        required = field.default is PydanticUndefined
        found.append(Setting(prefix + name, field.description or "", None if required else field.default, required))
    return found


def tables() -> list[str]:
    """Names of the tables of a spec."""
    return list(dict.fromkeys(s.name.split(".")[0] for s in settings() if "." in s.name))
