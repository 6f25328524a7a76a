"""Checks of single values and the base of all tables: what every family of specs is built from.

Only types and ranges are checked here; names of functions and laws are checked when the flow is made, still
before any work starts.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from saddlescope.arguments import ArgumentError, count, finite, fraction, positive, relative_tolerance
from saddlescope.method import named


def checked(check: Any, **limits: Any) -> BeforeValidator:
    """Make a check of `saddlescope.arguments` one of a key."""

    def run(value: Any, info: ValidationInfo) -> Any:
        return check(info.field_name, value, **limits)

    return BeforeValidator(run)


def _flag(value: Any, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(str(info.field_name), "be true or false", value)
    return value


def _text(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise ArgumentError(str(info.field_name), "be a text in quotes", value)
    if not value.isprintable():  # it goes to terminals, which letters that do not print can steer
        raise ArgumentError(str(info.field_name), "be one line of letters that print", value)
    return value


def numbers(name: str, value: Any, must: str = "be a list of numbers") -> list[float]:
    """Return a list of finite numbers as floats; refuse what is none, or empty."""
    if not isinstance(value, list) or any(isinstance(entry, bool | str) for entry in value):
        raise ArgumentError(name, must, value)
    if not value:
        raise ArgumentError(name, "be a non-empty list of numbers", value)
    try:
        results = [float(entry) for entry in value]
    except (TypeError, ValueError):
        raise ArgumentError(name, must, value) from None
    except OverflowError:
        raise ArgumentError(name, "hold numbers that fit into a float", value) from None
    if not all(map(math.isfinite, results)):
        raise ArgumentError(name, "hold finite numbers only", value)
    return results


def _numbers(value: Any, info: ValidationInfo) -> list[float]:
    return numbers(str(info.field_name), value)


def _matrix(value: Any, info: ValidationInfo) -> list[list[float]]:
    name, must = str(info.field_name), "be a list of rows of numbers, all of one length"
    if not isinstance(value, list) or not value or not all(isinstance(row, list) and row for row in value):
        raise ArgumentError(name, must, value)
    rows = [numbers(name, row, must) for row in value]
    if any(len(row) != len(rows[0]) for row in rows):
        raise ArgumentError(name, must, value)
    return rows


def _method(value: Any, info: ValidationInfo) -> str:
    return named(str(info.field_name), value)


Positive = Annotated[float, checked(positive)]
Finite = Annotated[float, checked(finite)]
RelativeTolerance = Annotated[float, checked(relative_tolerance)]
Fraction = Annotated[float, checked(fraction)]
Count = Annotated[int, checked(count)]
CountFromZero = Annotated[int, checked(count, least=0)]
CountFromTwo = Annotated[int, checked(count, least=2)]
Flag = Annotated[bool, BeforeValidator(_flag)]
SolverMethod = Annotated[str, BeforeValidator(_method)]
Text = Annotated[str, BeforeValidator(_text)]
Numbers = Annotated[list[float], BeforeValidator(_numbers)]
Matrix = Annotated[list[list[float]], BeforeValidator(_matrix)]


class Table(BaseModel):
    """A table of a spec: no unknown keys, not to be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
