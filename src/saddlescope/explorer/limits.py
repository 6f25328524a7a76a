"""What a spec from the page may ask for: checked as a spec file is, and so small that no slider stops the machine."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from saddlescope.arguments import echo
from saddlescope.families import families, model
from saddlescope.specs.explaining import sentence
from saddlescope.specs.refusals import SpecError, nearest
from saddlescope.specs.run_spec import RunSpec, files_in

SPEC_BYTES = 64 * 1024
LOG_BYTES = 64 * 1024**2
SECONDS = 120.0  # that one run may take, compiled first, before it is stopped and shown as far as it came
MEMORY = 4e9  # bytes that one run may hold
_NUMBERS = 4096  # in one spec
_DEPTH = 6  # of tables and lists in each other
_RUNS = 6  # in a list of tables
_WEIGHTS = 5e6  # unknowns of one run
_STEPS = 1e7  # of a dynamics in steps
_COUNT = 10_000  # of what has no range
_TEXT = 200


def checked(content: Any, files: Collection[str] = ()) -> RunSpec:
    """Return the spec that the page asks for.

    Args:
        content: its tables, as they came from the page.
        files: that it may name, as they were given on the command line.

    Raises:
        SpecError: if it is no spec, asks for too much, or names a file; the message is one sentence.

    Example:
        >>> checked({"family": "single_index", "problem": {"link": [1.0], "activation": "relu"},
        ...          "dynamics": {"epsilon": 1e-3, "until": 1.0, "particles": 10**9}})
        Traceback (most recent call last):
        saddlescope.specs.refusals.SpecError: The page runs at most 4096 for `dynamics.particles`, but got 1000000000;
        `saddlescope run` has no such limit.
    """
    if not isinstance(content, dict):
        raise SpecError(f"A spec is a table, but got {echo(content)}.")
    _refuse_shape(content)
    family = content.get("family", "single_index")
    if not isinstance(family, str) or family not in families():
        hint = nearest(str(family), list(families()))
        raise SpecError(f"There is no family {echo(family)}{hint or ''}.")
    keys = model(family)
    try:
        spec = keys.model_validate(content)
    except ValidationError as error:
        raise SpecError(sentence(error, keys, "the page")) from None
    _refuse_files(spec, files)
    _refuse_large(spec)
    return spec


def _refuse_shape(content: dict[str, Any]) -> None:
    numbers = 0
    for depth, value in _walk(content, 0):
        if depth > _DEPTH:
            raise SpecError("The spec from the page is nested too deeply.")
        if isinstance(value, str) and len(value) > _TEXT:
            raise SpecError(f"A text in a spec from the page has at most {_TEXT} letters, but got {echo(value)}.")
        if isinstance(value, list) and any(isinstance(entry, dict) for entry in value) and len(value) > _RUNS:
            raise SpecError(f"The page sets at most {_RUNS} runs side by side, but got {len(value)}.")
        numbers += 1
    if numbers > _NUMBERS:
        raise SpecError(f"A spec from the page holds at most {_NUMBERS} values, but got {numbers}.")


def _walk(value: Any, depth: int) -> Iterator[tuple[int, Any]]:
    yield depth, value
    if depth > _DEPTH:
        return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for entry in inner:
        yield from _walk(entry, depth + 1)


def _refuse_files(spec: RunSpec, files: Collection[str]) -> None:
    for key, holder, name in files_in(spec.plain(), type(spec)):
        if holder[name] not in files:
            raise SpecError(f"The page opens no files: `{key}` can be had by `saddlescope explore SPEC` only.")


def _refuse_large(spec: RunSpec) -> None:
    told: dict[str, list[float]] = {}
    for key, value in _leaves(spec.plain()):
        if not isinstance(value, int | float) or isinstance(value, bool):
            continue
        slider = spec.RANGES.get(key) or spec.RANGES.get(f"{_table_of(spec, key)}.{key.rsplit('.', 1)[-1]}")
        if slider is not None:
            most = 10 * slider.high if slider.most is None else slider.most
        elif isinstance(value, int):
            most = math.inf if key.endswith("seed") else _COUNT
        else:
            most = math.inf
        if value > most and not (math.isinf(value) and key.endswith("dimension")):
            number = f"{most:g}" if most >= 1e6 else f"{most:.10g}"
            raise SpecError(
                f"The page runs at most {number} for `{key}`, but got {value:.10g}; "
                "`saddlescope run` has no such limit."
            )
        told.setdefault(key.rsplit(".", 1)[-1], []).append(float(value))
    most_of = {name: max(values) for name, values in told.items()}
    weights = most_of.get("width", 0.0) ** 2 * most_of.get("depth", 1.0)
    if spec.family == "network":
        told_of = spec.descriptions().values()  # pyright: ignore[reportAttributeAccessIssue]
        weights = max(
            float(how.get("neurons", 1))
            * max(float(how.get("neurons", 1)), _coordinates(kind, how))
            * how.get("runs", 1)
            for kind, how in told_of
        )
    if weights > _WEIGHTS:
        raise SpecError(
            f"The page runs at most {_WEIGHTS:.0e} unknowns at once, but this spec asks for {weights:.0e}; "
            "`saddlescope run` has no such limit."
        )
    steps = most_of.get("until", 0.0) / min(told.get("step_size", [math.inf]))
    if steps > _STEPS:
        raise SpecError(
            f"The page runs at most {_STEPS:.0e} steps, but `dynamics.until` over `step_size` is {steps:.1e}; "
            "`saddlescope run` has no such limit."
        )


def _coordinates(kind: str, how: Mapping[str, Any]) -> float:
    """How many coordinates are drawn for a neuron: those of what is simulated in its dimension."""
    direct = kind == "samples" or how.get("method") == "direct"
    dimension = float(how.get("dimension", 0))
    return dimension if direct and math.isfinite(dimension) else 0.0


def _table_of(spec: RunSpec, key: str) -> str:
    """The table that an entry of a list of tables stands in for."""
    name = key.rsplit(".", 1)[-1]
    return next((known.rsplit(".", 1)[0] for known in spec.RANGES if known.rsplit(".", 1)[-1] == name), "")


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; the entries of a list of tables have its key."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{prefix}.{key}".lstrip("."))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from _leaves(inner, prefix)
    elif not isinstance(value, list):
        yield prefix, value


def as_json(value: Any) -> str:
    """Return plain values as JSON on one line, null for what is not a finite number."""
    from saddlescope.study.comparison import without_nan

    return json.dumps(without_nan(value), separators=(",", ":"), allow_nan=False)
