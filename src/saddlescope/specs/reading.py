"""From the name or the path of a spec, and changes on the command line, to a checked `RunSpec`."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from saddlescope.arguments import echo, shortened
from saddlescope.families import DEFAULT, families, model
from saddlescope.specs.explaining import sentence
from saddlescope.specs.refusals import SpecError, nearest
from saddlescope.specs.run_spec import RunSpec, files_in
from saddlescope.specs.settings import settings, tables
from saddlescope.specs.shipping import shipped

_LARGEST = 10**6  # bytes of a spec


def read(spec: str, changes: Sequence[str] = ()) -> Any:
    """Return a checked spec, an instance of its family's class of `RunSpec`.

    Args:
        spec: the name of a shipped spec, or the path of a TOML file. A name that is both is the shipped one.
        changes: pairs such as ("--dynamics.epsilon", "1e-6") or single words "--dynamics.epsilon=1e-6".
            Values are TOML; a bare word is a text, and 1,-1,1,1 is a list.

    Raises:
        SpecError: if the spec is not found, is no TOML, has an unknown or missing key, or a value that cannot
            work.

    Example:
        >>> read("canonical", ["--dynamics.epsilon", "1e-6"]).dynamics.epsilon
        1e-06
        >>> read("canonical", ["--dynamics.epsilom", "1e-6"])
        Traceback (most recent call last):
        saddlescope.specs.refusals.SpecError: There is no setting `--dynamics.epsilom` (did you mean ...
    """
    return checked(*tables_of(spec), changes)


def tables_of(spec: str) -> tuple[dict[str, Any], str, Path]:
    """Return the tables of a spec as they are written, what to call it, and the folder that its files are relative to.

    Args:
        spec: the name of a shipped spec, or the path of a TOML file.

    Raises:
        SpecError: if the spec is not found, or is no TOML.
    """
    text, source, folder = _text(spec)
    try:
        return _loaded(text, f"Spec {source}"), source, folder
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"Spec {source} is not valid TOML: {shortened(str(error))}.") from None


def checked(content: dict[str, Any], source: str, folder: Path, changes: Sequence[str] = ()) -> Any:
    """Return the spec that tables make, an instance of its family's class of `RunSpec`.

    Args:
        content: the tables; changed in place.
        source: what to call them in a refusal.
        folder: what names of files are relative to.
        changes: as for `read`.

    Raises:
        SpecError: for an unknown or missing key, or a value that cannot work.
    """
    words = _pairs(changes)
    family = next((value for key, value in words if key == "family"), content.get("family", DEFAULT))
    if family not in families():
        hint = nearest(shortened(str(family)), list(families())) or f" (families: {', '.join(families())})"
        raise SpecError(f"There is no family {echo(family)}, asked for in spec {source}{hint}.")
    keys = model(family)
    _rename(content, keys)
    _anchor(content, keys, folder)
    for key, value in ((keys.FORMER.get(key, key), value) for key, value in words):
        _refuse_unknown(key, keys, family)
        _put(content, key, value)
    _anchor(content, keys, Path())
    try:
        return keys.model_validate(content)
    except ValidationError as error:
        raise SpecError(sentence(error, keys, f"spec {source}")) from None


def _rename(content: dict[str, Any], keys: type[RunSpec]) -> None:
    """Give keys of earlier versions the names that they have now."""
    for former, now in keys.FORMER.items():
        table, name = former.split(".")
        holder = content.get(table)
        if isinstance(holder, dict) and name in holder:
            holder.setdefault(now.split(".")[1], holder.pop(name))


def _anchor(content: dict[str, Any], keys: type[RunSpec], folder: Path) -> None:
    """Make names of files absolute, so that a spec works from anywhere and after it is saved elsewhere."""
    for _, holder, name in files_in(content, keys):
        if isinstance(holder[name], str):
            holder[name] = str((folder / holder[name]).absolute())


def _text(spec: str) -> tuple[str, str, Path]:
    known = shipped()
    if spec in known:
        return known[spec], spec, Path()
    path, name = Path(spec), shortened(spec)
    try:
        result = path.stat()
        if stat.S_ISDIR(result.st_mode):
            hint = f"; did you mean {name}/spec.toml?" if (path / "spec.toml").is_file() else "."
            raise SpecError(f"Spec {name} is a folder, not a TOML file{hint}")
        # a device can be read for ever, a pipe may never be written to
        if not stat.S_ISREG(result.st_mode):
            raise SpecError(f"Spec {name} is not a regular file.")
        if result.st_size > _LARGEST:
            raise SpecError(f"Spec {name} has {result.st_size} bytes; a spec has at most {_LARGEST}.")
        return path.read_text(encoding="utf-8"), name, path.parent
    except (FileNotFoundError, NotADirectoryError):
        hint = nearest(spec, list(known)) or f" (shipped specs: {', '.join(known)})"
        raise SpecError(f"There is no file and no shipped spec {echo(spec)}{hint}.") from None
    except UnicodeDecodeError:
        raise SpecError(f"Spec {name} is not a text file in UTF-8.") from None
    except OSError as error:
        raise SpecError(f"Spec {name} cannot be read: {error.strerror}.") from None
    except ValueError as error:  # a zero byte in its name
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"Spec {name} cannot be read: {error}.") from None


def _pairs(changes: Sequence[str]) -> list[tuple[str, str]]:
    """Part the words of a command line into keys and the texts of their values."""
    results: list[tuple[str, str]] = []
    words = list(changes)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            raise SpecError(f"There is no place for {echo(word)}: settings are given as --table.key value.")
        key, equals, value = word[2:].partition("=")
        if not equals:
            # a lone flag, such as --picture.overlaps, means true; a negative number is a value, not a flag
            value = words.pop(0) if words and not words[0].startswith("--") else "true"
        results.append((key, value))
    return results


def _refuse_unknown(key: str, keys: type[RunSpec], family: str) -> None:
    known = settings(keys)
    if key in tables(keys):
        raise SpecError(f"`--{key}` is a table: give one of its keys, as in --{key}.key value.")
    listed = [s.name for s in known if "[[" in s.only]
    if key in listed:
        raise SpecError(f"`--{key}` stands in a list of tables: it can only be given in a spec file.")
    names = [s.name for s in known if s.name not in listed]
    if key not in names and not key.startswith("dynamics.second_layer."):
        hint = nearest(f"--{key}", [f"--{name}" for name in [*names, "out"]])
        other = next((f for f in families() if f != family and any(s.name == key for s in settings(model(f)))), None)
        if not hint and other:
            hint = f" in the family {family!r}, only in {other!r}"
        raise SpecError(f"There is no setting `--{shortened(key)}`{hint}.")


def _loaded(text: str, what: str) -> dict[str, Any]:
    """Read TOML; its errors are left to the caller, as a word on a command line need not be TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise SpecError(f"{what} is nested too deeply.") from None
    except ValueError:  # the only other one: Python reads no integer of more than 4300 digits
        raise SpecError(f"{what} holds a number of too many digits.") from None


def _value(key: str, text: str) -> Any:
    for attempt in (text, f"[{text}]") if "," in text else (text,):
        try:
            return _loaded(f"value = {attempt}", f"The value of `--{shortened(key)}`")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text


def _put(content: dict[str, Any], key: str, text: str) -> None:
    *path, last = key.split(".")
    table = content
    for name in path:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            # a law may be a name alone
            inner = table[name] = {"law": inner} if name == "second_layer" else {}
        table = inner
    table[last] = text if key in ("title", "family") else _value(key, text)
