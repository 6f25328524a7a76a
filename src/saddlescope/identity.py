"""A canonical hash of everything that a result depends on: equal for equal problems, different for different ones.

Checkpoints, stores and caches know by it whose result they hold; `describe()` of a flow is for people.
"""

from __future__ import annotations

import dataclasses
import dis
import enum
import functools
import hashlib
import inspect
import struct
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError

_FORMAT = "saddlescope identity 1"
_OWN = "saddlescope"
# what Python itself keeps in a class beside what its author wrote
_BOOKKEEPING = frozenset({"_abc_impl"})
# Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_IMMUTABLETYPE: what is written in Python has the first and not the second
_HEAP, _IMMUTABLE = 1 << 9, 1 << 8


def identity(value: Any, argument: str = "value") -> str:
    """Return a hash of a value by its content: data, types, code; the same in every process.

    Numbers count by their bits, except that -0.0 is 0.0 and all nan are one; arrays of NumPy and JAX alike by dtype,
    shape and content; dictionaries and sets in whatever order; dataclasses, equinox modules and plain objects by type
    and fields; Python functions by their compiled code, defaults, closure and the globals that they read (of one
    version of Python), functions of installed libraries by name.

    Args:
        value: a flow, a cost, any nest of plain values and arrays.
        argument: what to call it in a refusal.

    Returns:
        64 hexadecimal digits.

    Raises:
        ArgumentError: if some part cannot be told from another by its content, such as an open file.

    Example:
        >>> identity({"a": 1.0, "b": -0.0}) == identity({"b": 0.0, "a": 1.0})
        True
        >>> identity([1.0]) == identity([1]) or identity(lambda x: x + 1) == identity(lambda x: x + 2)
        False
    """
    return _Identity(argument).of(value, "").hex()


class _Identity:
    """The digest of each part is made of those of its parts; a part met again inside itself counts by how far up."""

    def __init__(self, argument: str):
        self._argument = argument
        self._above: list[int] = []

    def of(self, value: Any, where: str) -> bytes:
        """The digest of a part; `where` it is, for a refusal."""
        plain = _plain(value)
        if plain is not None:
            return _digest(*plain)
        if id(value) in self._above:
            return _digest("above", str(len(self._above) - self._above.index(id(value))))
        self._above.append(id(value))
        try:
            return _digest(*self._parts(value, where))
        except (AttributeError, TypeError, ValueError, OSError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise self._refusal(value, where) from error
        finally:
            self._above.pop()

    def _refusal(self, value: Any, where: str) -> ArgumentError:
        place = f" (its part {where.lstrip('.')})" if where else ""
        must = f"be known by its content{place}: numbers, arrays, modules, functions written in Python"
        return ArgumentError(self._argument, must, type(value).__qualname__)

    def _parts(self, value: Any, where: str) -> Iterator[str | bytes]:
        """The tag of a kind of value, and what tells one of them from another."""
        if isinstance(value, type):
            yield from self._class(value, where)
        elif isinstance(value, enum.Enum):
            yield from ("enum", self.of(type(value), where), value.name)
        elif dataclasses.is_dataclass(value):
            yield from self._fields(value, where)
        elif isinstance(value, Mapping):
            yield from ("mapping", self.of(type(value), where), *sorted(self._items(value, where)))
        elif isinstance(value, Set):
            yield from ("set", *sorted(self.of(item, f"{where}{{}}") for item in value))
        elif isinstance(value, list | tuple):
            yield from ("sequence", self.of(type(value), where))
            yield from (self.of(item, f"{where}[{place}]") for place, item in enumerate(value))
        elif _is_array(value):
            yield from self._array(value, where)
        elif isinstance(value, functools.partial):
            state = value.func, value.args, value.keywords
            yield from ("partial", self.of(type(value), where), self.of(state, where))
        elif isinstance(value, types.ModuleType):
            yield from ("module", *_module(value))
        elif isinstance(value, types.MethodType):
            yield from ("method", self.of(value.__func__, where), self.of(value.__self__, f"{where}.__self__"))
        elif _is_named(value):
            # a ufunc of an older NumPy has neither
            module, name = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", value.__name__)
            yield from ("library", module, name)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value, where)
        elif callable(getattr(value, "__wrapped__", None)):
            # what a library made of a function and keeps in compiled code: jax.jit, functools.lru_cache
            yield from ("wrapped", self.of(type(value), where), self.of(value.__wrapped__, where))
        else:
            yield from self._object(value, where)

    def _items(self, mapping: Mapping, where: str) -> Iterator[bytes]:
        for key, item in mapping.items():
            yield _digest("item", self.of(key, where), self.of(item, f"{where}[{key!r:.40}]"))

    def _array(self, value: Any, where: str) -> Iterator[str | bytes]:
        if _is_random_key(value):
            import jax

            value = np.asarray(jax.random.key_data(value))
            yield "random key"
        elif isinstance(value, np.ma.MaskedArray):
            yield from ("masked", self.of(np.ma.getmaskarray(value), where))
            value = value.filled(0)
        array = np.asarray(value)
        if array.dtype == object:
            yield from ("objects", str(array.shape))
            yield from (self.of(item, f"{where}[{place}]") for place, item in enumerate(array.flat))
            return
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).reshape(array.shape)
        if array.dtype.kind not in "biufcSUmM" or (
            array.dtype.itemsize > 8 * (1 + (array.dtype.kind == "c")) and (array.dtype.kind in "fc")
        ):
            raise self._refusal(value, where)  # the bits of a long double are not all its value
        if array.dtype.kind in "fc":
            array = array + 0.0
            parts = array.reshape(-1).view(array.real.dtype)
            parts[np.isnan(parts)] = np.nan
        yield from ("array", array.dtype.str, str(array.shape), array.tobytes())

    def _fields(self, value: Any, where: str) -> Iterator[str | bytes]:
        # in this package, a field left out of comparisons follows from the others
        own = _top(type(value)) == _OWN
        names = [field.name for field in dataclasses.fields(value) if field.compare or not own]
        yield from ("fields", self.of(type(value), where))
        for name in names:
            if hasattr(value, name):
                yield from (name, self.of(getattr(value, name), f"{where}.{name}"))

    def _object(self, value: Any, where: str) -> Iterator[str | bytes]:
        kind = type(value)
        slots = [name for base in kind.__mro__ for name in _slots(base) if hasattr(value, name)]
        compiled = not kind.__flags__ & _HEAP or bool(kind.__flags__ & _IMMUTABLE)
        if compiled or (not hasattr(value, "__dict__") and not slots and _is_library(kind)):
            raise self._refusal(value, where)  # what it holds does not show
        cached = {
            name
            for base in kind.__mro__
            for name, kept in vars(base).items()
            if isinstance(kept, functools.cached_property)
        }
        held = {name: getattr(value, name) for name in slots} | getattr(value, "__dict__", {})
        yield from ("object", self.of(kind, where))
        for name in sorted(set(held) - cached):
            yield from (name, self.of(held[name], f"{where}.{name}"))

    def _class(self, value: type, where: str) -> Iterator[str | bytes]:
        yield from ("class", value.__module__, value.__qualname__)
        if _is_library(value):
            return
        for base in value.__mro__[1:]:
            yield self.of(base, where)
        for name, kept in sorted(vars(value).items()):
            if isinstance(kept, staticmethod | classmethod):
                kept = kept.__func__
            elif isinstance(kept, property):
                kept = [kept.fget, kept.fset]
            elif isinstance(kept, functools.cached_property):
                kept = kept.func
            elif not isinstance(kept, types.FunctionType):
                # a descriptor of a library shows the function that it wraps
                shown = getattr(value, name, None)
                kept = shown if isinstance(shown, types.FunctionType) else kept
            written = not isinstance(kept, types.FunctionType) or kept.__code__.co_filename != "<string>"
            special = name.startswith("__") and not isinstance(kept, types.FunctionType)
            if special or name in _BOOKKEEPING or not written or isinstance(kept, types.MemberDescriptorType):
                continue
            yield from (name, self.of(kept, f"{where}.{name}"))

    def _function(self, value: types.FunctionType, where: str) -> Iterator[str | bytes]:
        yield from ("function", sys.implementation.cache_tag or sys.version)
        yield from self._code(value.__code__)
        yield self.of([value.__defaults__, value.__kwdefaults__ or {}], f"{where}.defaults")
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:  # a name that is not yet bound
                continue
            yield from (name, self.of(held, f"{where}.{name}"))
        for name in sorted(_globals(value.__code__)):
            if name in value.__globals__:
                yield from (name, self.of(value.__globals__[name], f"{where}.{name}"))

    def _code(self, code: types.CodeType) -> Iterator[str | bytes]:
        yield from ("code", code.co_code, str((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)))
        yield from ("names", *code.co_names, "variables", *code.co_varnames, "free", *code.co_freevars)
        yield f"flags {code.co_flags}"
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                yield _digest(*self._code(constant))
            else:
                yield _digest("constant", _constant(constant))


def _digest(*parts: str | bytes) -> bytes:
    """One hash of parts, each with its length, so that no two lists of parts run together."""
    whole = hashlib.sha256(_FORMAT.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        whole.update(struct.pack("<cQ", b"s" if isinstance(part, str) else b"b", len(data)))
        whole.update(data)
    return whole.digest()


def _plain(value: Any) -> tuple[str, str | bytes] | None:
    """Tag and content of a value without parts; None of any other."""
    return _plain_of_python(_of_python(value))


def _of_python(value: Any) -> Any:
    """A number of NumPy as Python's, where they are the same number."""
    if isinstance(value, np.generic) and value.dtype.kind in "biufc" and value.dtype.itemsize <= 16:
        single: Any = value.item()
        return value if isinstance(single, np.generic) else single
    return value


def _plain_of_python(value: Any) -> tuple[str, str | bytes] | None:
    kind = type(value)
    if value is None or value is Ellipsis or value is NotImplemented or kind is bool:
        return "constant", repr(value)
    if kind is int:
        return "int", hex(value)
    if kind is float:
        return "float", _bits(value)
    if kind is complex:
        return "complex", _bits(value.real) + _bits(value.imag)
    if kind is str:
        return "str", value
    if kind in (bytes, bytearray):
        return "bytes", bytes(value)
    if isinstance(value, PurePath):
        return "path", str(value)
    if kind in (range, slice) or isinstance(value, np.dtype):
        return kind.__name__, repr(value)
    return None


def _bits(value: float) -> bytes:
    return struct.pack("<d", np.nan if value != value else value + 0.0)


def _constant(value: Any) -> str:
    """A constant of compiled code, sets of constants in one order."""
    if isinstance(value, frozenset):
        return f"frozenset {sorted(map(_constant, value))}"
    if isinstance(value, tuple):
        return f"tuple {[_constant(item) for item in value]}"
    return f"{type(value).__name__} {value!r}"


def _globals(code: types.CodeType) -> set[str]:
    """Names that a function and the functions inside it look up outside."""
    results = {
        step.argval for step in dis.get_instructions(code) if "GLOBAL" in step.opname or step.opname == "LOAD_NAME"
    }
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            results |= _globals(constant)
    return results


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) or (
        "jax" in sys.modules and isinstance(value, sys.modules["jax"].Array)
    )


def _is_random_key(value: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)


def _slots(kind: type) -> Iterable[str]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def _top(value: Any) -> str:
    return (getattr(value, "__module__", None) or "").partition(".")[0]


@functools.lru_cache(maxsize=1024)
def _library_module(name: str) -> bool:
    """Whether a module is Python's, installed, or this package: its code is known by its name."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or top == _OWN:
        return top != "__main__"
    module = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(module, "__file__", None)
    if file is None:
        return top in sys.builtin_module_names
    paths = sysconfig.get_paths()
    return any(Path(file).is_relative_to(paths[kind]) for kind in ("purelib", "platlib", "stdlib", "platstdlib"))


def _is_library(value: Any) -> bool:
    name = getattr(value, "__module__", None)
    return isinstance(name, str) and _library_module(name) and "<locals>" not in getattr(value, "__qualname__", "")


def _is_named(value: Any) -> bool:
    """Whether a function is what its library has under its name."""
    name, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(value, np.ufunc):
        return (
            getattr(np, value.__name__, None) is value
            or getattr(sys.modules.get("scipy.special"), value.__name__, None) is value
        )
    if isinstance(value, types.BuiltinFunctionType):
        return isinstance(value.__self__, types.ModuleType | type | None)
    if not isinstance(name, str) or not isinstance(qualified, str) or not _library_module(name):
        return False
    result: Any = sys.modules.get(name)
    for part in qualified.split("."):
        result = inspect.getattr_static(result, part, None)
    return result is value


def _module(value: types.ModuleType) -> Iterator[str | bytes]:
    """The name of a library; of a user's own module also its text and that of those of the user's it uses."""
    seen: dict[str, bytes] = {}
    left = [value]
    while left:
        module = left.pop()
        if module.__name__ in seen:
            continue
        seen[module.__name__] = b""
        file = getattr(module, "__file__", None)
        if _library_module(module.__name__) or file is None:
            continue
        seen[module.__name__] = Path(file).read_bytes()
        for used in list(vars(module).values()):
            name = used.__name__ if isinstance(used, types.ModuleType) else getattr(used, "__module__", None)
            if isinstance(name, str) and name in sys.modules and not _library_module(name):
                left.append(sys.modules[name])
    for name in sorted(seen):
        yield from (name, seen[name])
