"""Laws written as tables of a spec file."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from saddlescope.arguments import ArgumentError, known_words
from saddlescope.gaussian.laws.law import Law, Normal, PointMasses, Rademacher, Uniform
from saddlescope.gaussian.laws.truncated_normal import TruncatedNormal

LAWS: dict[str, type[Law]] = {
    "uniform": Uniform,
    "normal": Normal,
    "rademacher": Rademacher,
    "point_masses": PointMasses,
    "truncated_normal": TruncatedNormal,
}


def law(value: Any, argument: str = "second_layer") -> Law:
    """Return `value` as a law.

    Args:
        value: a `Law` (returned as it is), a table such as {"law": "uniform", "low": -1.7, "high": 1.7},
            whose other keys are the arguments of the class, or the name alone if these have defaults.
            Names: uniform, normal, rademacher, point_masses, truncated_normal.
        argument: name used in messages.

    Raises:
        ArgumentError: if the law or a key is not known, a key is missing, or a value is refused.

    Example:
        >>> law({"law": "uniform", "low": -1.7, "high": 1.7})
        Uniform(low=-1.7, high=1.7)
        >>> law({"law": "normal", "sdt": 2.0})
        Traceback (most recent call last):
        saddlescope.arguments.ArgumentError: Argument `second_layer` must have known keys only ...
    """
    if isinstance(value, Law):
        return value
    table = {"law": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or "law" not in table:
        raise ArgumentError(argument, 'be a law, such as Uniform(-1, 1) or {"law": "uniform", ...}', value)
    name = str(table["law"])
    if name not in LAWS:
        raise ArgumentError(argument, f"name a known law ({known_words(name, LAWS)})", name)
    kind = LAWS[name]
    parameters = inspect.signature(kind).parameters
    keys = [key for key in table if key != "law"]
    for key in keys:
        if key not in parameters:
            raise ArgumentError(argument, f"have known keys only ({known_words(key, parameters)})", key)
    missing = [key for key, p in parameters.items() if p.default is inspect.Parameter.empty and key not in keys]
    if missing:
        raise ArgumentError(argument, f"have the keys {', '.join(parameters)} for {name!r}", dict(table))
    return kind(**{key: table[key] for key in keys})


def spec(value: Law) -> dict[str, Any]:
    """Return the table from which `law` makes this law again, for provenance.

    >>> spec(Normal(std=2.0))
    {'law': 'normal', 'mean': 0.0, 'std': 2.0}
    """
    name = next(name for name, kind in LAWS.items() if type(value) is kind)
    fields = [getattr(value, field.name) for field in dataclasses.fields(value)]  # pyright: ignore[reportArgumentType]
    return {"law": name, **dict(zip(inspect.signature(type(value)).parameters, fields, strict=True))}
