"""The fields of the page, made from the keys of each family's spec: labels, help, kinds, sliders."""

from __future__ import annotations

import functools
import importlib
import tomllib
import types
import typing
from importlib import resources
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from saddlescope.families import families, model, packages
from saddlescope.specs.run_spec import Range, RunSpec
from saddlescope.specs.shipping import shipped

# what says nothing about the run: titles and pictures of files
_LEFT_OUT = ("family", "title", "picture")
_FOLDED = ("solver", "theory")  # tables that few people change


@functools.cache
def form(family: str) -> dict[str, Any]:
    """Return the form of a family as plain values: its name, its tables and their fields, the spec it opens with.

    >>> [table["name"] for table in form("single_index")["tables"]]
    ['problem', 'dynamics', 'solver', 'theory']
    >>> field = form("single_index")["tables"][1]["fields"][1]
    >>> field["key"], field["low"], field["log"]
    ('dynamics.epsilon', 1e-14, True)
    """
    keys = model(family)
    tables = []
    for name, field in keys.model_fields.items():
        kinds = _tables(field.annotation)
        if name in _LEFT_OUT or not kinds:
            continue
        listed = typing.get_origin(field.annotation) is list
        tables.append(
            {
                "name": name,
                "help": field.description or ((kinds[0].__doc__ or "").strip() if len(kinds) == 1 else ""),
                "folded": name in _FOLDED,
                "listed": listed,
                "fields": _fields(name, kinds, keys),
            }
        )
    return {
        "family": family,
        "name": keys.NAME or family.replace("_", " "),
        "help": (keys.__doc__ or "").strip().splitlines()[0],
        "tables": tables,
        "specs": list(starting_specs(family)),
    }


def shown_families() -> tuple[str, ...]:
    """Return the families that have a tab, those whose study makes runs over time, in the order of their registry.

    >>> shown_families()[0], "deep_linear_distances" in shown_families()
    ('single_index', False)
    """
    from saddlescope.study import Study

    known = [name for name in packages() if name in families()]
    order = sorted(known, key=lambda name: name != "single_index")
    studies = {name: importlib.import_module(f"{packages()[name]}.study").Study for name in order}
    return tuple(name for name in order if studies[name].trajectories is not Study.trajectories)


@functools.cache
def starting_specs(family: str) -> dict[str, dict[str, Any]]:
    """Return the specs a tab can start from, name -> tables: the page's own, which is quick, then the shipped ones."""
    own = resources.files("saddlescope.explorer") / "starts" / f"{family}.toml"
    result = {"start": tomllib.loads(own.read_text(encoding="utf-8"))} if own.is_file() else {}
    for name, text in shipped().items():
        tables = tomllib.loads(text)
        if tables.get("family", "single_index") == family:
            result[name] = tables
    return result or {"start": {"family": family}}


def lessons() -> list[dict[str, Any]]:
    """Return the lessons in their order: a name, a title, steps of a state (what follows # in the address) and a text.

    >>> [lesson["name"] for lesson in lessons()]
    ['ladder', 'not-canonical', 'width-and-dimension', 'saddle-to-saddle', 'lazy-to-rich']
    """
    text = (resources.files("saddlescope.explorer") / "lessons.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["lesson"]


def _fields(table: str, kinds: list[type[BaseModel]], keys: type[RunSpec]) -> list[dict[str, Any]]:
    """The fields of a table; where it has several kinds, those of each, told apart by `only`."""
    result: dict[tuple[str, str], dict[str, Any]] = {}
    tags = [_tag(kind) for kind in kinds]
    if len(kinds) > 1:
        result[table, "kind"] = {
            "key": f"{table}.kind",
            "label": "kind",
            "kind": "choice",
            "choices": tags,
            "help": "; ".join(
                f"{tag}: {kind.model_fields['kind'].description}" for tag, kind in zip(tags, kinds, strict=True)
            ),
            "required": True,
        }
    for kind, tag in zip(kinds, tags, strict=True):
        for name, field in kind.model_fields.items():
            key = f"{table}.{name}"
            if (len(kinds) > 1 and name == "kind") or key in keys.PATHS:
                continue
            one = _field(key, name, field, keys.RANGES)
            if len(kinds) > 1:
                one["only"] = {"key": f"{table}.kind", "value": tag}
            result[table, f"{tag}.{name}"] = one
    return list(result.values())


def _field(key: str, name: str, field: Any, ranges: typing.Mapping[str, Range]) -> dict[str, Any]:
    members = _members(field.annotation)
    required = field.default is PydanticUndefined
    one: dict[str, Any] = {
        "key": key,
        "label": name.replace("_", " "),
        "help": field.description or "",
        "required": required,
        "default": None if required or isinstance(field.default, BaseModel) else field.default,
    }
    words = [word for member in members if typing.get_origin(member) is typing.Literal for word in member.__args__]
    lists = [member for member in members if typing.get_origin(member) is list]
    if bool in members:
        return one | {"kind": "flag"}
    if lists and str in members:
        return one | {"kind": "function"}
    if lists:
        return one | {"kind": "numbers"}
    if dict in [typing.get_origin(member) for member in members]:
        return one | {"kind": "value"}
    if int in members or float in members:
        number = one | {"kind": "number", "whole": float not in members, "words": words}
        slider = ranges.get(key) or next((r for k, r in ranges.items() if k.rsplit(".", 1)[-1] == name), None)
        default = one["default"]
        # a key may mean a count for one kind of table and a share for another
        if slider is not None and not (isinstance(default, float) and not slider.low <= default <= slider.high):
            number |= {"low": slider.low, "high": slider.high, "log": slider.log, "unit": slider.unit}
        return number
    if words:
        return one | {"kind": "choice", "choices": words}
    return one | {"kind": "text"}


def _members(annotation: Any) -> list[Any]:
    """The types that a key may have, without their checks and None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(annotation) for member in _members(part)]
    return [] if annotation is type(None) else [annotation]


def _tables(annotation: Any) -> list[type[BaseModel]]:
    inner = typing.get_args(annotation) or (annotation,)
    return [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _tag(kind: type[BaseModel]) -> str:
    return typing.get_args(kind.model_fields["kind"].annotation)[0] if "kind" in kind.model_fields else ""
