"""RefusedError of bad input: one clear sentence that names the argument and the value, before any work starts."""

from __future__ import annotations

import difflib
import math
import numbers
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

# NumPy is imported where arrays come in: a command line is refused without it
if TYPE_CHECKING:
    import numpy as np

_LONGEST, _END = 80, 28  # characters of what was given that a message shows, and how many of them from its end
_READ = 1000
_LOOSEST = 1e-2  # of relative tolerances


class RefusedError(ValueError):
    """What a user asked for cannot work; the message is one sentence. The command line prints it and ends with 2."""


class ArgumentError(RefusedError):
    """An argument has a value that cannot work; the message names the argument and the value."""

    def __init__(self, argument: str, must: str, got: object):
        super().__init__(f"Argument `{argument}` must {must}, but got {echo(got)}.")
        self.argument = argument

    def __reduce__(self) -> tuple[Any, ...]:
        # from a worker process it comes back as it is, though its message is made of what is not in `args`
        return type(self).__new__, (type(self), *self.args), self.__dict__


def echo(value: object) -> str:
    """Return what was given as text for a message: one line of at most 80 characters, whatever it is.

    >>> echo([0] * 1000)
    '[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..., 0, 0, 0, 0, 0, 0, 0, 0, 0]'
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python prints no integer of more than 4300 digits
        text = f"a value of type {type(value).__name__} that is too long to print"
    return shortened(text)


def shortened(text: str) -> str:
    """Return a text as one line of at most 80 characters without control characters, which could move a terminal.

    >>> shortened("a\\tb\\x1b[2J")
    'a b?[2J'
    """
    if len(text) > 2 * _READ:
        text = text[:_READ] + text[-_READ:]
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    # a path is known by its end
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3 - _END]}...{line[-_END:]}"


def known_words(word: object, known: Iterable[object]) -> str:
    """Return the known words for a message, after the one that was perhaps meant.

    >>> known_words("tanhh", ["erf", "tanh"])
    "did you mean 'tanh'? known: erf, tanh"
    """
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(word), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}known: {', '.join(names)}"


def in_a_sentence(error: BaseException) -> str:
    """Return what went wrong as one sentence; an error that is no refusal of ours begins with its kind.

    >>> in_a_sentence(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero.'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, RefusedError) else f"{type(error).__name__}: {text[:200].rstrip('.')}."


def _number(argument: str, value: Any, must: str) -> float:
    # bool is an int in Python, but `epsilon=True` is always a slip
    if type(value).__name__ in ("bool", "bool_"):  # Python's, NumPy's and that of NumPy's first version
        raise ArgumentError(argument, must, value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(argument, must, value) from None
    except OverflowError:
        raise ArgumentError(argument, "fit into a float", value) from None
    if math.isnan(number):
        raise ArgumentError(argument, must, number)
    return number


def positive(argument: str, value: Any) -> float:
    """Return `value` as a float; refuse what is not a positive finite number.

    >>> positive("epsilon", -1)
    Traceback (most recent call last):
    saddlescope.arguments.ArgumentError: Argument `epsilon` must be positive, but got -1.0.
    """
    number = _number(argument, value, "be positive")
    if not 0 < number < math.inf:
        raise ArgumentError(argument, "be positive" if number <= 0 else "be finite", number)
    if number < sys.float_info.min:
        # such numbers have lost digits already, and compiled code takes them for zero
        raise ArgumentError(argument, f"be at least {sys.float_info.min:.3g} to be a number of full precision", number)
    return number


def finite(argument: str, value: Any) -> float:
    """Return `value` as a float; refuse what is not a finite number."""
    number = _number(argument, value, "be a finite number")
    if math.isinf(number):
        raise ArgumentError(argument, "be a finite number", number)
    return number


def fraction(argument: str, value: Any) -> float:
    """Return `value` as a float; refuse what is not strictly between 0 and 1."""
    must = "lie strictly between 0 and 1"
    number = _number(argument, value, must)
    if not 0 < number < 1:
        raise ArgumentError(argument, must, number)
    return number


def from_zero(argument: str, value: Any) -> float:
    """Return `value` as a float; refuse what is not a finite number of 0 or more."""
    number = finite(argument, value)
    if number < 0:
        raise ArgumentError(argument, "be at least 0", number)
    return number


def share(argument: str, value: Any) -> float:
    """Return `value` as a float; refuse what is not in [0, 1)."""
    number = finite(argument, value)
    if not 0 <= number < 1:
        raise ArgumentError(argument, "lie in [0, 1)", number)
    return number


def relative_tolerance(argument: str, value: Any) -> float:
    """Return `value`, a relative tolerance of a step, as a float; refuse what is not between 0 and 0.01.

    >>> relative_tolerance("rtol", 0.5)
    Traceback (most recent call last):
    saddlescope.arguments.ArgumentError: Argument `rtol` must be at most 0.01 (looser steps lose the run), but got 0.5.
    """
    number = fraction(argument, value)
    if number > _LOOSEST:
        raise ArgumentError(argument, f"be at most {_LOOSEST:g} (looser steps lose the run)", number)
    return number


def count(argument: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """Return `value` as an int; refuse what is not a whole number from `least` to `most`."""
    must = f"be a whole number of at least {least}" if most is None else f"be a whole number from {least} to {most}"
    number = _number(argument, value, must)
    if math.isinf(number) or number != math.floor(number) or not least <= number <= (most or number):
        raise ArgumentError(argument, must, value)
    return int(number)


def vector(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a one-dimensional float64 array; refuse what is empty, ragged, not finite or not numbers.

    Truth values, complex numbers, dates, texts of digits and masked entries are refused: NumPy would make numbers of
    them in silence.

    >>> vector("value", ["1", "2"])
    Traceback (most recent call last):
    saddlescope.arguments.ArgumentError: Argument `value` must be a list of numbers, but got ['1', '2'].
    """
    import numpy as np

    array = numbers_of(argument, value)
    if array.ndim != 1 or array.size == 0:
        raise ArgumentError(argument, "be a non-empty list of numbers", value)
    missing, infinite = np.isnan(array), np.isinf(array)
    if missing.any() or infinite.any():
        counts = [f"{int(n.sum())} {name}" for n, name in ((missing, "nan"), (infinite, "inf")) if n.any()]
        first = int(np.argmax(missing | infinite))
        raise ArgumentError(argument, "hold finite numbers only", Told(f"{', '.join(counts)}, first at index {first}"))
    return array


def numbers_of(argument: str, value: Any) -> np.ndarray:
    """Return `value` as a float64 array of any shape; refuse what is ragged or holds what are no numbers.

    What is refused is as in `vector`, but for nan and inf.

    >>> numbers_of("rate", [[1, 2], [3, 4]]).shape
    (2, 2)
    """
    import numpy as np

    try:
        raw = np.asarray(value) if not isinstance(value, np.ma.MaskedArray) else value
    except (TypeError, ValueError):
        raise ArgumentError(argument, "be a list of numbers", value) from None
    _refuse_what_is_no_number(argument, value, raw)
    try:
        return np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(argument, "be a list of numbers", value) from None
    except OverflowError:
        raise ArgumentError(argument, "hold numbers that fit into a float", value) from None


class Told(str):
    """What was given, in words: a message shows it without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def path_of(argument: str, value: Any) -> Path:
    """Return a path, or refuse what names no file.

    >>> path_of("path", "run.nc").name
    'run.nc'
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise ArgumentError(argument, "be a path, as text or a Path", value)
    path = Path(value)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, or holds what no name can
        why = getattr(error, "strerror", None) or error
        raise ArgumentError(argument, f"be a name that a file can have ({why})", value) from None
    return path


def _refuse_what_is_no_number(argument: str, value: Any, raw: np.ndarray) -> None:
    import numpy as np

    if isinstance(raw, np.ma.MaskedArray) and np.ma.is_masked(raw):
        masked = np.ma.getmaskarray(raw)
        told = Told(f"{int(masked.sum())} masked, first at index {int(np.argmax(masked))}")
        raise ArgumentError(argument, "hold no masked entries", told)
    if raw.dtype.kind in "bcSUMm" or raw.dtype.names is not None:
        raise ArgumentError(argument, "be a list of numbers", value)
    # a list may mix truth values among numbers, an array of objects anything
    entries = value if isinstance(value, list | tuple) else raw if raw.dtype.kind == "O" else ()
    if raw.ndim == 1 and any(type(entry) is not float and _is_no_number(entry) for entry in entries):
        raise ArgumentError(argument, "be a list of numbers", value)


def _is_no_number(entry: Any) -> bool:
    if type(entry).__name__ in ("bool", "bool_") or isinstance(entry, str | bytes | complex):
        return True
    # Decimal is no Real in Python's sense, and scalars of other libraries need not be: all of them turn into a float
    return not isinstance(entry, numbers.Real) and not hasattr(entry, "__float__")
