"""Checks of single values and the base of all tables: what every family of specs is built from.

Only types and ranges are checked here; names of functions and laws are checked when the flow is made, still
before any work starts.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from saddlescope.arguments import ArgumentError, count, finite, fraction, positive, vector


def checked(check: Any, **limits: Any) -> BeforeValidator:
    """Make a check of `saddlescope.arguments` one of a key."""

    def run(value: Any, info: ValidationInfo) -> Any:
        try:
            return check(info.field_name, value, **limits)
        except OverflowError:
            raise ArgumentError(str(info.field_name), "fit into a float", f"{str(value)[:8]}...") from None

    return BeforeValidator(run)


def _flag(value: Any, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(str(info.field_name), "be true or false", value)
    return value


def _text(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise ArgumentError(str(info.field_name), "be a text in quotes", value)
    return value


def _numbers(value: Any, info: ValidationInfo) -> list[float]:
    name = str(info.field_name)
    if not isinstance(value, list) or any(isinstance(entry, bool) for entry in value):
        raise ArgumentError(name, "be a list of numbers", value)
    return vector(name, value).tolist()


def _matrix(value: Any, info: ValidationInfo) -> list[list[float]]:
    name, must = str(info.field_name), "be a list of rows of numbers, all of one length"
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(name, must, value) from None
    if array.ndim != 2 or array.size == 0 or isinstance(value, str):
        raise ArgumentError(name, must, value)
    if not np.all(np.isfinite(array)):
        raise ArgumentError(name, "hold finite numbers only", value)
    return array.tolist()


Positive = Annotated[float, checked(positive)]
Finite = Annotated[float, checked(finite)]
Fraction = Annotated[float, checked(fraction)]
Count = Annotated[int, checked(count)]
CountFromZero = Annotated[int, checked(count, least=0)]
CountFromTwo = Annotated[int, checked(count, least=2)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Numbers = Annotated[list[float], BeforeValidator(_numbers)]
Matrix = Annotated[list[list[float]], BeforeValidator(_matrix)]


class Table(BaseModel):
    """A table of a spec: no unknown keys, not to be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
