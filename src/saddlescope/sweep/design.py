"""The tasks of a sweep: one spec for each point of the axes, checked before anything runs, known by its content."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from saddlescope.arguments import ArgumentError, echo, shortened
from saddlescope.families import families, model, study
from saddlescope.identity import identity
from saddlescope.specs.explaining import named_as_typed, sentence
from saddlescope.specs.refusals import SpecError, nearest
from saddlescope.specs.run_spec import RunSpec
from saddlescope.specs.settings import settings, tables
from saddlescope.sweep.axes import MOST, Axis

if TYPE_CHECKING:
    from saddlescope.trajectory import Trajectory

_WIDE = 64  # bits of each half of a task's identity
_LOOKED_AT = 1000  # values of an axis for which the dynamics are made before anything runs
_NOT_COMPUTED = ("title", "picture")  # of a spec, what no number depends on

Measure = Callable[["Trajectory"], Mapping[str, float]]


@dataclass(frozen=True)
class Design:
    """All tasks of a sweep.

    Attributes:
        base: tables of the first task.
        axes: what changes; the tasks are their product, the last axis fastest.
        source: what to call the sweep in a refusal.
        measure: numbers of the user's, from a trajectory.
        compare: whether each task is set beside what is predicted.
    """

    base: dict[str, Any]
    axes: tuple[Axis, ...]
    source: str
    measure: Measure | None = None
    compare: bool = True
    _normal: tuple[tuple[tuple[Any, ...], ...], ...] = field(repr=False, default=())
    _digests: tuple[tuple[int, ...], ...] = field(repr=False, default=())
    _rest: int = field(repr=False, default=0)

    @property
    def family(self) -> str:
        """Name of the family of problems."""
        return self.base["family"]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points of each axis."""
        return tuple(len(axis) for axis in self.axes)

    def __len__(self) -> int:
        return math.prod(self.shape)

    def points(self) -> tuple[tuple[tuple[Any, ...], ...], ...]:
        """Return the values along each axis as the family takes them, shape (axes, points, keys)."""
        return self._normal

    def point(self, task: int) -> tuple[tuple[str, Any], ...]:
        """Return the key and the value of everything that changes, for the task of this number."""
        places = np.unravel_index(task, self.shape)
        return tuple(
            pair
            for axis, points, place in zip(self.axes, self._normal, places, strict=True)
            for pair in zip(axis.keys, points[int(place)], strict=True)
        )

    def tables(self, task: int) -> dict[str, Any]:
        """Return the tables of the spec of a task."""
        content = self.base
        for key, value in self.point(task):
            content = placed(content, key, value)
        return content

    def identities(self) -> np.ndarray:
        """Return what each task is known by: 16 bytes, shape (tasks,); the same for the same spec in any sweep.

        It is the sum of the digests of all keys with their values, so that neither the order of the axes nor which keys
        are axes plays a part, and that of a product of axes is a sum of few.
        """
        low = np.array([self._rest & (2**_WIDE - 1)], np.uint64)
        high = np.array([self._rest >> _WIDE], np.uint64)
        for digests in self._digests:
            own_low = np.array([d & (2**_WIDE - 1) for d in digests], np.uint64)
            own_high = np.array([d >> _WIDE for d in digests], np.uint64)
            total = (low[:, None] + own_low[None, :]).ravel()
            carry = total < np.repeat(low, len(digests))
            high = (high[:, None] + own_high[None, :]).ravel() + carry.astype(np.uint64)
            low = total
        both = np.empty((len(low), 2), ">u8")
        both[:, 0], both[:, 1] = high, low
        return both.view("V16").ravel()

    def check(self, tasks: Sequence[int] | np.ndarray) -> None:
        """Refuse the first task that cannot be run.

        Raises:
            SpecError, ArgumentError: naming its key and its value.
        """
        keys = model(self.family)
        for task in tasks:
            self._checked(keys, self.tables(int(task)))
        wanted = {int(task) for task in tasks}
        for task in self._lines():
            if task in wanted:
                spec = self._checked(keys, self.tables(task))
                with named_as_typed(keys):
                    study(spec, spec.title or self.source)

    def _lines(self) -> Iterator[int]:
        """Tasks along each axis where all others are at their first value."""
        strides = [math.prod(self.shape[place + 1 :]) for place in range(len(self.shape))]
        yield 0
        for stride, length in zip(strides, self.shape, strict=True):
            yield from (stride * place for place in range(1, min(length, _LOOKED_AT)))

    def _checked(self, keys: type[RunSpec], content: dict[str, Any]) -> RunSpec:
        return checked_spec(keys, content, self.source)


def designed(
    content: dict[str, Any],
    axes: tuple[Axis, ...],
    *,
    source: str,
    folder: Path = Path(),
    measure: Measure | None = None,
    compare: bool = True,
    yes: bool = False,
) -> Design:
    """Return the tasks that a spec and axes make; the values of the axes are looked at one by one.

    Args:
        content: tables of the spec; keys that are axes may be missing.
        axes: what changes.
        source: what to call the sweep in a refusal.
        folder: what names of files among the values are relative to.
        measure: numbers of the user's.
        compare: whether to set tasks beside what is predicted.
        yes: go on with more than 10^7 tasks.

    Raises:
        SpecError, ArgumentError: for an unknown key, a value that the family refuses, or too many tasks.
    """
    size = math.prod(len(axis) for axis in axes)
    if size > MOST and not yes:
        told = " x ".join(str(len(axis)) for axis in axes)
        must = f"make at most {MOST:.0e} tasks, unless you say yes to more (here they make {told} = {size})"
        raise ArgumentError("axes", must.replace("e+0", "e"), [axis.name for axis in axes])
    family = content.get("family", families()[0])
    keys = model(family)
    for axis in axes:
        for key in axis.keys:
            _refuse_unknown(key, keys, family, source)
    axes = tuple(_anchored(axis, keys, folder) for axis in axes)
    first = content
    for axis in axes:
        for key, value in zip(axis.keys, axis.points[0], strict=True):
            first = placed(first, key, value)
    base = checked_spec(keys, first, source).plain()
    normal, digests = [], []
    for axis in axes:
        points = tuple(_normal(axis, point, base, keys, source) for point in axis.points)
        normal.append(points)
        digests.append(tuple(_total(zip(axis.keys, point, strict=True), keys) for point in points))
    swept = {key for axis in axes for key in axis.keys}
    rest = _total(((k, v) for k, v in leaves(base) if not _lies_in(k, swept)), keys)
    extra = {"compare": compare} | ({} if measure is None else {"measure": identity(measure, "measure")})
    rest = (rest + sum(_digest(key, value) for key, value in extra.items())) % 2 ** (2 * _WIDE)
    return Design(base, axes, source, measure, compare, tuple(normal), tuple(digests), rest)


def checked_spec(keys: type[RunSpec], content: Mapping[str, Any], source: str) -> RunSpec:
    """Return the spec that tables make.

    Raises:
        SpecError: if a value is refused.
    """
    try:
        return keys.model_validate(content)
    except ValidationError as error:
        raise SpecError(sentence(error, keys, f"sweep {source}")) from None


def placed(content: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return tables with one key changed, sharing what is the same.

    >>> placed({"dynamics": {"epsilon": 1e-8, "until": 3.0}}, "dynamics.until", 1.0)
    {'dynamics': {'epsilon': 1e-08, 'until': 1.0}}
    """
    name, _, inner = key.partition(".")
    if not inner:
        return {**content, name: value}
    table = content.get(name, {})
    if not isinstance(table, Mapping):
        table = {"law": table}  # a law may be a name alone
    return {**content, name: placed(table, inner, value)}


def leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of everything in nested tables.

    >>> list(leaves({"family": "single_index", "dynamics": {"epsilon": 1e-8}}))
    [('family', 'single_index'), ('dynamics.epsilon', 1e-08)]
    """
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, value


def spec_version(family: str) -> str:
    """Return a digest of all keys of a family with their defaults, as results are known by the whole spec."""
    told = [(s.name, s.only, repr(s.default)) for s in settings(model(family))]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _refuse_unknown(key: str, keys: type[RunSpec], family: str, source: str) -> None:
    known = settings(keys)
    listed = [s.name for s in known if "[[" in s.only]
    names = [s.name for s in known if s.name not in listed]
    if key in ("family", *_NOT_COMPUTED) or key.partition(".")[0] in _NOT_COMPUTED:
        raise SpecError(f"`{key}` cannot be an axis of sweep {source}: no number depends on it within one family.")
    if key in tables(keys):
        raise SpecError(f"`{key}` is a table: an axis of sweep {source} is one of its keys, as in {key}.key.")
    if key in listed:
        raise SpecError(f"`{key}` stands in a list of tables and cannot be an axis of sweep {source}.")
    if key not in names and not key.startswith("dynamics.second_layer."):
        hint = nearest(key, names) or f"; `saddlescope settings {family}` lists the keys of the family"
        raise SpecError(f"There is no key {echo(key).replace(chr(39), '`')} for an axis of sweep {source}{hint}.")


def _anchored(axis: Axis, keys: type[RunSpec], folder: Path) -> Axis:
    """Make names of files absolute."""
    if not set(axis.keys) & set(keys.PATHS):
        return axis
    points = tuple(
        tuple(
            str((folder / v).absolute()) if k in keys.PATHS and isinstance(v, str) else v
            for k, v in zip(axis.keys, point, strict=True)
        )
        for point in axis.points
    )
    return Axis(axis.name, axis.keys, points, axis.kind)


def _normal(
    axis: Axis, point: tuple[Any, ...], base: dict[str, Any], keys: type[RunSpec], source: str
) -> tuple[Any, ...]:
    """The values of one point as the family takes them: 1 as 1.0 where it wants a float."""
    results = []
    for key, value in zip(axis.keys, point, strict=True):
        adapter = _adapter(keys, key)
        try:
            results.append(value if adapter is None else adapter.validate_python(value))
        except (ValidationError, ArgumentError):
            changed = base
            for k, v in zip(axis.keys, point, strict=True):
                changed = placed(changed, k, v)
            checked_spec(keys, changed, source)  # it says what is wrong, and where
            raise SpecError(f"Axis `{key}` of sweep {source} has a value that cannot work: {echo(value)}.") from None
    return tuple(results)


_adapters: dict[tuple[type[RunSpec], str], TypeAdapter[Any] | None] = {}


def _adapter(keys: type[RunSpec], key: str) -> TypeAdapter[Any] | None:
    """What checks the values of a single key; None for one inside a table that is checked as a whole."""
    if (keys, key) not in _adapters:
        *path, last = key.split(".")
        tables: list[Any] = [keys]
        for name in path:
            fields = [table.model_fields[name] for table in tables if name in getattr(table, "model_fields", {})]
            tables = [kind for f in fields for kind in (getattr(f.annotation, "__args__", None) or (f.annotation,))]
        fields = [table.model_fields[last] for table in tables if last in getattr(table, "model_fields", {})]
        made = None
        if len(fields) == 1:
            kind: Any = fields[0].annotation
            for check in fields[0].metadata:
                kind = Annotated[kind, check]
            made = TypeAdapter(kind)
        _adapters[keys, key] = made
    return _adapters[keys, key]


def _lies_in(key: str, swept: set[str]) -> bool:
    return key in swept or any(key.startswith(f"{name}.") for name in swept)


def _total(pairs: Any, keys: type[RunSpec]) -> int:
    """The sum of the digests of keys with their values, without what no number depends on."""
    total = 0
    for key, value in pairs:
        if key.partition(".")[0] in _NOT_COMPUTED or value is None:
            continue
        if isinstance(value, Mapping):
            total += _total(leaves(value, f"{key}."), keys)
        elif key in keys.PATHS and isinstance(value, str):
            total += _digest(key, _content(key, value))
        else:
            total += _digest(key, value)
    return total % 2 ** (2 * _WIDE)


def _content(key: str, path: str) -> str:
    """What tells a file from another: its content, wherever it lies."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        raise ArgumentError(key, "name an existing file that can be read", shortened(path)) from None


def _digest(key: str, value: Any) -> int:
    text = json.dumps([key, value], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[: 2 * _WIDE // 8])
