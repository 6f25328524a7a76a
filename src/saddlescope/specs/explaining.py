"""One clear sentence for the first thing that is wrong in a spec."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from saddlescope.arguments import ArgumentError, echo
from saddlescope.specs.refusals import nearest
from saddlescope.specs.settings import settings, tables, within


def sentence(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """Say what is wrong first: an unknown key before a missing one, since it often explains the other."""
    errors = error.errors()
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path, number = within(model, first["loc"])
    if number is not None:
        source = f"[[{path.split('.')[0]}]] number {number + 1} of {source}"
    got = first.get("input")
    context = first.get("ctx", {})
    match first["type"]:
        case "extra_forbidden":
            known = [s.name for s in settings(model)] if not isinstance(got, dict) else tables(model)
            return f"Key `{path}` in {source} is not known{nearest(path, [k for k in known if k != path])}."
        case "missing":
            what = "Table" if path in tables(model) else "Key"
            return f"{what} `{path}` is missing in {source}."
        case "union_tag_not_found":
            return f"Key `{path}.kind` is missing in {source}."
        case "union_tag_invalid":
            kinds = str(context.get("expected_tags"))
            return _must(f"{path}.kind", f"be {' or '.join(kinds.rsplit(', ', 1))}", context.get("tag"), source)
        case "literal_error":
            return _must(path, f"be {context.get('expected')}", got, source)
        case "value_error":
            cause = context.get("error")
            if isinstance(cause, ArgumentError):
                full = path if path.endswith(cause.argument) else f"{path}.{cause.argument}".lstrip(".")
                return str(cause).replace(f"`{cause.argument}`", f"`{full}` in {source}", 1)
        case "model_type" | "dict_type" | "model_attributes_type":
            return _must(path, "be a table", got, source)
        case "list_type":
            return _must(path, f"be a list of tables, [[{path}]]", got, source)
    return f"Argument `{path}` in {source} is refused: {first['msg']}."


def _must(path: str, must: str, got: Any, source: str) -> str:
    return f"Argument `{path}` in {source} must {must}, but got {echo(got)}."


@contextlib.contextmanager
def named_as_typed(model: type[BaseModel]) -> Iterator[None]:
    """Make the refusals of what a spec asks for name its keys: `dynamics.particles`, not `particles`.

    Args:
        model: the class of the spec.
    """
    try:
        yield
    except ArgumentError as error:
        known = [setting.name for setting in settings(model) if "[[" not in setting.only]
        same = [name for name in known if name.rsplit(".", 1)[-1] == error.argument]
        if len(same) == 1:
            error.args = (str(error).replace(f"`{error.argument}`", f"`{same[0]}`", 1),)
            error.argument = same[0]
        raise
