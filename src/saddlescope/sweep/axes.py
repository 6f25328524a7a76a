"""What a sweep goes over: the values of each axis, given in Python or as a table of a spec."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saddlescope.arguments import ArgumentError, count, finite, positive
from saddlescope.specs.refusals import nearest

MOST = 10**7  # points of an axis, and tasks of a sweep unless more are said to be meant
_DIGITS = 14  # of values that are computed: ladders with more or fewer points then share those they have in common
_LISTED = 1000


@dataclass(frozen=True)
class Values:
    """The values of one key, one after the other; `kind` is list, range, linspace, logspace or seeds."""

    values: tuple[Any, ...]
    kind: str = "list"

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Span:
    """An interval that a design draws from, in a linear or a logarithmic measure; whole numbers if asked for."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Zipped:
    """Several keys that change together."""

    keys: tuple[tuple[str, Values], ...]


@dataclass(frozen=True)
class Sampled:
    """Points of a space of several keys: `how` is random or sobol."""

    keys: tuple[tuple[str, Span | Values], ...]
    points: int
    how: str
    seed: int


@dataclass(frozen=True)
class Axis:
    """One dimension of a sweep.

    Attributes:
        name: of the dimension.
        keys: that change along it, one or several.
        points: what they change to, shape (points, keys).
        kind: of a single key that of its `Values`; zip, random or sobol for several.
    """

    name: str
    keys: tuple[str, ...]
    points: tuple[tuple[Any, ...], ...]
    kind: str

    def __len__(self) -> int:
        return len(self.points)


def linspace(low: float, high: float, points: int | None = None, *, whole: bool = False) -> Values | Span:
    """Return evenly spaced values, both ends among them; without `points`, a span for `sampled`.

    Args:
        low, high: the ends.
        points: how many, at least 2.
        whole: round to whole numbers, each once.

    Raises:
        ArgumentError: if the ends are not finite numbers, or the count is refused.

    Example:
        >>> linspace(0, 1, 5).values
        (0.0, 0.25, 0.5, 0.75, 1.0)
    """
    low, high = finite("low", low), finite("high", high)
    if points is None:
        return _span(low, high, log=False, whole=whole)
    size = count("points", points, 2, MOST)
    steps = range(size)
    results = [_rounded(low + (high - low) * i / (size - 1)) for i in steps]
    return Values(_ended(results, low, high, whole), "linspace")


def logspace(low: float, high: float, points: int | None = None, *, whole: bool = False) -> Values | Span:
    """Return values evenly spaced in the logarithm, both ends among them; without `points`, a span for `sampled`.

    Args:
        low, high: the ends themselves, not their exponents; positive.
        points: how many, at least 2.
        whole: round to whole numbers, each once.

    Raises:
        ArgumentError: if an end is not positive, or the count is refused.

    Example:
        >>> logspace(1e-12, 1e-4, 5).values
        (1e-12, 1e-10, 1e-08, 1e-06, 0.0001)
        >>> logspace(50, 400, 4, whole=True).values
        (50, 100, 200, 400)
    """
    low, high = positive("low", low), positive("high", high)
    if points is None:
        return _span(low, high, log=True, whole=whole)
    size = count("points", points, 2, MOST)
    results = [_rounded(low * (high / low) ** (i / (size - 1))) for i in range(size)]
    return Values(_ended(results, low, high, whole), "logspace")


def seeds(number: int, first: int = 0) -> Values:
    """Return consecutive seeds, along which a picture shows mean and band.

    >>> seeds(3, first=10).values
    (10, 11, 12)
    """
    first = count("first", first, 0)
    return Values(tuple(range(first, first + count("seeds", number, 1, MOST))), "seeds")


def zipped(keys: Mapping[str, Any]) -> Zipped:
    """Return several keys that change together, along one dimension.

    Args:
        keys: dotted key -> its values, all of one length.

    Raises:
        ArgumentError: if lengths differ.

    Example:
        >>> dict(zipped({"dynamics.epsilon": [1e-4, 1e-6], "dynamics.until": [1.0, 0.1]}).keys)["dynamics.until"].values
        (1.0, 0.1)
    """
    if not isinstance(keys, Mapping) or not keys:
        raise ArgumentError("zip", "be a table of keys, each with its values", keys)
    result = tuple((key, _values(key, values)) for key, values in keys.items())
    lengths = {key: len(values) for key, values in result}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} for {key}" for key, length in lengths.items())
        raise ArgumentError("zip", f"have as many values for each key (here {told})", list(keys))
    return Zipped(result)


def sampled(keys: Mapping[str, Any], points: int, *, how: str = "sobol", seed: int = 0) -> Sampled:
    """Return points of the space of several keys, along one dimension; more points go on where fewer ended.

    Args:
        keys: dotted key -> `linspace(low, high)`, `logspace(low, high)` or a list to choose from.
        points: how many.
        how: "sobol" fills the space evenly (a scrambled Sobol sequence), "random" draws independently.
        seed: of the sequence.

    Raises:
        ArgumentError: if an argument is refused.

    Example:
        >>> design = sampled({"dynamics.epsilon": logspace(1e-9, 1e-4), "network.gamma": linspace(0.5, 2.0)}, points=64)
        >>> design.points, design.how
        (64, 'sobol')
    """
    if how not in ("sobol", "random"):
        raise ArgumentError("how", 'be "sobol" or "random"', how)
    if not isinstance(keys, Mapping) or not keys:
        raise ArgumentError(how, "be a table of keys, each with a span or a list", keys)
    result = tuple((key, values if isinstance(values, Span) else _values(key, values)) for key, values in keys.items())
    return Sampled(result, count("points", points, 1, MOST), how, count("seed", seed, 0))


def made(axes: Any) -> tuple[Axis, ...]:
    """Return the axes of a sweep.

    Args:
        axes: name -> values: a list, an array, a range, what the functions of this module return, or a table of a spec
            such as {"logspace": [1e-12, 1e-4], "points": 9}. The name is a dotted key, of keys that change together
            any name.

    Raises:
        ArgumentError: if there is none, or the values of one are refused.

    Example:
        >>> [(axis.name, len(axis)) for axis in made({"dynamics.epsilon": [1e-4, 1e-6], "network.seed": {"seeds": 3}})]
        [('dynamics.epsilon', 2), ('network.seed', 3)]
    """
    if not isinstance(axes, Mapping) or not axes:
        must = 'name at least one axis, such as {"dynamics.epsilon": [1e-6, 1e-8]}'
        raise ArgumentError("axes", must, axes)
    result = tuple(_axis(name, values) for name, values in axes.items())
    keys = [key for axis in result for key in axis.keys]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ArgumentError("axes", "name each key once", twice)
    return result


def _axis(name: str, given: Any) -> Axis:
    if not isinstance(name, str):
        raise ArgumentError("axes", "have names that are texts", name)
    if isinstance(given, Mapping):
        given = _from_table(name, given)
    if isinstance(given, Span):
        raise ArgumentError(name, "say how many points it has", "a span without `points`")
    if isinstance(given, Zipped):
        columns = [values.values for _, values in given.keys]
        return Axis(name, tuple(key for key, _ in given.keys), tuple(zip(*columns, strict=True)), "zip")
    if isinstance(given, Sampled):
        return Axis(name, tuple(key for key, _ in given.keys), _drawn(given), given.how)
    values = _values(name, given)
    return Axis(name, (name,), tuple((value,) for value in values.values), values.kind)


_WORDS = {
    "values": {"values"},
    "range": {"range", "step"},
    "linspace": {"linspace", "points", "whole"},
    "logspace": {"logspace", "points", "whole"},
    "seeds": {"seeds", "first"},
    "zip": {"zip"},
    "random": {"random", "points", "seed"},
    "sobol": {"sobol", "points", "seed"},
}


def _from_table(name: str, table: Mapping[str, Any]) -> Any:
    """What a table of a spec says: one word for the kind, others for what it needs."""
    kinds = [word for word in _WORDS if word in table]
    if len(kinds) != 1:
        unknown = next((word for word in table if not kinds and word not in _WORDS), None)
        hint = "" if unknown is None else nearest(str(unknown), list(_WORDS))
        raise ArgumentError(name, f"be a list or a table with one of {', '.join(_WORDS)}{hint}", dict(table))
    kind = kinds[0]
    stray = next((word for word in table if word not in _WORDS[kind]), None)
    if stray is not None:
        must = f"have no key `{stray}` beside `{kind}`{nearest(str(stray), sorted(_WORDS[kind]))}"
        raise ArgumentError(name, must, dict(table))
    rest = {word: value for word, value in table.items() if word != kind}
    try:
        return _of_kind(kind, table[kind], rest, name)
    except ArgumentError as error:
        error.args = (str(error).replace(f"`{error.argument}`", f"`{name}` ({error.argument})", 1),)
        raise


def _of_kind(kind: str, value: Any, rest: dict[str, Any], name: str) -> Any:
    match kind:
        case "values":
            return _values(name, value)
        case "seeds":
            return seeds(value, **rest)
        case "range":
            return _range(*_pair("range", value), **rest)
        case "linspace" | "logspace":
            return (linspace if kind == "linspace" else logspace)(*_pair(kind, value), **rest)
        case "zip":
            if not isinstance(value, Mapping):
                raise ArgumentError("zip", "be a table of keys, each with its values", value)
            return zipped({key: _from_table(key, v) if isinstance(v, Mapping) else v for key, v in value.items()})
        case _:
            if not isinstance(value, Mapping):
                raise ArgumentError(kind, "be a table of keys, each with a span or a list", value)
            if "points" not in rest:
                raise ArgumentError("points", "be given", None)
            parts = {key: _from_table(key, v) if isinstance(v, Mapping) else v for key, v in value.items()}
            return sampled(parts, rest.pop("points"), how=kind, **rest)


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ArgumentError(name, "be two numbers, the ends", value)
    return value[0], value[1]


def _range(low: Any, high: Any, step: Any = 1) -> Values:
    """Values from one end on by steps of one length, the other end among them where they hit it."""
    low, high, step = finite("range", low), finite("range", high), finite("step", step)
    if step == 0 or (high - low) / step < 0:
        raise ArgumentError("step", f"lead from {low:g} to {high:g}", step)
    size = count("range", math.floor((high - low) / step * (1 + 1e-12)) + 1, 1, MOST)
    results = [_rounded(low + i * step) for i in range(size)]
    whole = all(float(number).is_integer() for number in (low, step))
    return Values(tuple(int(v) for v in results) if whole else tuple(results), "range")


def _values(name: str, given: Any) -> Values:
    """A list, an array, a range or `Values` as `Values`."""
    if isinstance(given, Values):
        return given
    if isinstance(given, str | bytes | Mapping | Span | Zipped | Sampled) or not hasattr(given, "__iter__"):
        raise ArgumentError(name, "be a list of values", given)
    if hasattr(given, "tolist"):  # an array, of NumPy or of another library
        given = given.tolist()
    plain = tuple(entry.item() if hasattr(entry, "item") else entry for entry in given)
    if not plain:
        raise ArgumentError(name, "hold at least one value", list(plain))
    if len(plain) <= _LISTED:  # of more, the tasks that they make are compared
        twice = next((value for place, value in enumerate(plain) if value in plain[:place]), None)
        if twice is not None:
            raise ArgumentError(name, "hold each value once", twice)
    return Values(plain)


def _span(low: float, high: float, *, log: bool, whole: bool) -> Span:
    if not low < high:
        raise ArgumentError("high", f"be above {low:g}", high)
    return Span(low, high, log, whole)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _ended(results: list[float], low: float, high: float, whole: bool) -> tuple[Any, ...]:
    results[0], results[-1] = low, high
    if not whole:
        return tuple(results)
    return tuple(dict.fromkeys(round(value) for value in results))


def _drawn(design: Sampled) -> tuple[tuple[Any, ...], ...]:
    """The points of a design, each of which does not depend on how many there are."""
    import numpy as np

    size = len(design.keys)
    generator = np.random.default_rng(design.seed)
    if design.how == "random":
        unit = generator.random((design.points, size))
    else:
        unit = _sobol(size, design.points, generator)
    columns = []
    for column, (_, span) in zip(unit.T, design.keys, strict=True):
        if isinstance(span, Values):
            columns.append([span.values[min(int(u * len(span)), len(span) - 1)] for u in column])
        else:
            columns.append([_placed(span, float(u)) for u in column])
    return tuple(zip(*columns, strict=True))


def _sobol(dimensions: int, points: int, generator: Any) -> Any:
    from scipy.stats import qmc

    try:
        sequence = qmc.Sobol(dimensions, rng=generator)
    except TypeError:  # before SciPy 1.15
        sequence = qmc.Sobol(dimensions, seed=generator)  # pyright: ignore[reportCallIssue]
    # a whole power of two, of which the first are taken: the sequence is balanced there, and SciPy says so if it is not
    return sequence.random_base2((points - 1).bit_length())[:points]


def _placed(span: Span, u: float) -> float | int:
    if span.log:
        value = span.low * (span.high / span.low) ** u
    else:
        value = span.low + (span.high - span.low) * u
    return round(value) if span.whole else _rounded(value)
