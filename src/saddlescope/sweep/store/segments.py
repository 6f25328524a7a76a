"""A segment: the result of one task in one file, whole or not there, never changed, with a checksum.

Two lines of JSON: the format with the checksum of the second line, and the result. Trajectories that are kept are
netCDF files beside it, written before, with their checksums in the result.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from saddlescope import files
from saddlescope.sweep.task import KEEPS, Numbers, Result

FORMAT = "saddlescope segment 1"
_NAME = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]*)\.json")


class DamagedError(ValueError):
    """A file is no whole segment."""


class Name(NamedTuple):
    """What the name of a segment says."""

    task: str
    attempt: int


def name_of(file: str) -> Name | None:
    """Return what the name of a file says, None if it is no segment's.

    >>> name_of("00112233445566778899aabbccddeeff.1.json").attempt
    1
    """
    result = _NAME.fullmatch(file)
    return None if result is None else Name(result[1], int(result[2]))


def file_of(name: Name) -> str:
    """Return the name of the file of a segment."""
    return f"{name.task}.{name.attempt}.json"


def place(folder: Path, name: Name) -> Path:
    """Where a segment lies in the folder of a store; 256 folders, as one of a million files is slow to list."""
    return folder.joinpath("results", name.task[:2], file_of(name))


def trajectories(folder: Path) -> dict[Name, list[str]]:
    """Return the files of all trajectories in a store, relative to its folder, by the segments that they belong to."""
    results: dict[Name, list[str]] = {}
    for path in sorted((folder / "results").glob("??/*.nc")):
        task, _, end = path.name.partition(".")
        attempt = end.partition(".")[0]
        if attempt.isdigit():
            results.setdefault(Name(task, int(attempt)), []).append(path.relative_to(folder).as_posix())
    return results


def write(folder: Path, result: Result) -> Path:
    """Write a result; once this returns it is on the disk.

    Raises:
        NotWrittenError: if the system fails to.
    """
    name = Name(result.task, result.attempt)
    target = place(folder, name)
    contents = {f"{name.task}.{name.attempt}.{file}": content for file, content in result.trajectories.items()}
    checksums = {file: hashlib.sha256(content).hexdigest() for file, content in result.trajectories.items()}
    # the segment last: its trajectories are there when it is
    for file, content in {**contents, target.name: encoded(result, checksums)}.items():
        try:
            files.write_into(str(target.parent), file, content)
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            files.write_into(str(target.parent), file, content)
    return target


def encoded(result: Result, trajectories: Mapping[str, str]) -> bytes:
    """The content of a segment.

    Args:
        result: of a task.
        trajectories: name -> checksum of those that are kept.
    """
    record = {
        "task": result.task,
        "attempt": result.attempt,
        "outcome": result.outcome,
        "complete": result.complete,
        "message": result.message,
        "doubts": list(result.doubts),
        "seconds": round(result.seconds, 6),
        "keep": result.keep,
        "numbers": [
            {
                "index": table.index,
                "labels": list(table.labels),
                "columns": {name: [_plain(v) for v in values] for name, values in table.columns.items()},
            }
            for table in result.tables
        ],
        "trajectories": dict(trajectories),
        "spec": _plain(dict(result.spec)),
        "versions": dict(result.versions),
    }
    text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    head = json.dumps({"format": FORMAT, "sha256": hashlib.sha256(text).hexdigest()}).encode()
    return head + b"\n" + text + b"\n"


def read(path: Path) -> tuple[Result, dict[str, str]]:
    """Return the result in a segment, and name -> checksum of its trajectories.

    Raises:
        DamagedError: if the file is not as it was written.
        OSError: if it cannot be read.
    """
    head, _, rest = path.read_bytes().partition(b"\n")
    text = rest.removesuffix(b"\n")
    try:
        told = json.loads(head)
        whole = told["format"] == FORMAT and told["sha256"] == hashlib.sha256(text).hexdigest()
        if not whole:
            raise DamagedError(f"{path} is not as it was written")
        record = json.loads(text)
        tables = tuple(
            Numbers(t["index"], tuple(t["labels"]), {k: tuple(float(v) for v in vs) for k, vs in t["columns"].items()})
            for t in record["numbers"]
        )
        result = Result(
            record["task"],
            record["attempt"],
            record["outcome"],
            record["complete"],
            record["message"],
            tuple(record["doubts"]),
            tables,
            record["seconds"],
            record["keep"],
            record["spec"],
            record["versions"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is no whole segment ({type(error).__name__})") from None
    if (result.task, result.attempt) != name_of(path.name) or result.keep not in KEEPS:
        raise DamagedError(f"{path} holds the result of another task")
    return result, record["trajectories"]


def _plain(value: Any) -> Any:
    """Numbers that JSON does not know as texts, which Python reads as numbers again."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
