"""What kind of file it is, by its content; the name only breaks ties."""

from __future__ import annotations

import re
from pathlib import Path

from saddlescope.curves.formats.delimited import check_forced, read_delimited
from saddlescope.curves.formats.events import is_events, read_events
from saddlescope.curves.formats.unpacking import as_text, refuse_unread, unpacked
from saddlescope.curves.refusals import CurveError, listed
from saddlescope.curves.tables import Log

_READ = "a CSV, JSON, TensorBoard or printed log with one row for each step or epoch"


def read_bytes(data: bytes, name: str, path: Path | None, separator: str | None, decimal: str | None) -> Log:
    """Return all that the bytes of a file hold.

    Args:
        data: the whole file.
        name: of the file; path: of the file, for formats that are opened by their library.
        separator, decimal: of a table of text, where they are forced.

    Raises: CurveError for what is no log, with the next thing to try.
    """
    check_forced(separator, decimal)
    if not data:
        raise CurveError(f"{name} is empty; name {_READ}.")
    packed = data[:2] == b"\x1f\x8b"
    data = unpacked(data, name)
    if separator is None and decimal is None:
        binary = _binary(data, name, None if packed else path)
        if binary is not None:
            return binary
    refuse_unread(data, name)
    text = as_text(data, name)
    del data
    if not text.strip():
        raise CurveError(f"{name} is empty; name {_READ}.")
    return _text(text, name, separator, decimal)


def _binary(data: bytes, name: str, path: Path | None) -> Log | None:
    if is_events(data):
        return read_events(data, name)
    if data.startswith(b"\x93NUMPY"):
        from saddlescope.curves.formats.arrays import read_npy

        return read_npy(data, name)
    if data.startswith(b"\x89HDF\r\n\x1a\n"):
        from saddlescope.curves.formats.netcdf import read_netcdf

        return read_netcdf(data, name)
    if data.startswith(b"PAR1"):
        from saddlescope.curves.formats.parquet import read_parquet

        return read_parquet(data, name)
    if data.startswith(b"SQLite format 3\x00"):
        if path is None:
            raise CurveError(f"{name} is a packed SQLite database; unpack it and name the file.")
        from saddlescope.curves.formats.mlflow import read_database

        return read_database(path, name)
    if data.startswith(b"PK\x03\x04"):
        refuse_unread(data, name)
        from saddlescope.curves.formats.arrays import read_npz

        return read_npz(data, name)
    return None


def _by_its_first_letters(text: str, name: str) -> Log | None:
    """Return what JSON, a metric file of MLflow or a table in boxes holds, None for other text."""
    first = text.lstrip()[:1]
    if first in ("{", "["):
        from saddlescope.curves.formats.records import read_json

        log = read_json(text, name)
        if log is not None:
            return log
    if re.match(r"\d{12,14} \S+ -?\d+\n", text):
        from saddlescope.curves.formats.mlflow import read_metric_file

        return read_metric_file(text, Path(name).stem or name)
    if re.search(r"^\s*\|", text[:50_000], re.MULTILINE):
        from saddlescope.curves.formats.printed import is_boxed

        return _printed(text) if is_boxed(text) else None
    return None


def _printed(text: str) -> Log | None:
    from saddlescope.curves.formats.printed import read_printed  # its patterns take a while to compile

    return read_printed(text)


def _text(text: str, name: str, separator: str | None, decimal: str | None) -> Log:
    if separator is None and decimal is None:
        log = _by_its_first_letters(text, name)
        if log is not None:
            return log
    log = read_delimited(text, separator, decimal)
    if log is None or not any(len(column) > 1 for table in log.tables for column in table.columns):
        printed = _printed(text) if separator is None else None
        if printed is not None and printed.tables:
            return printed
    if log is not None and log.tables and log.tables[0].columns:
        return log
    if re.search(r"^Traceback \(most recent call last\)", text[:200_000], re.MULTILINE):
        raise CurveError(f"{name} is the traceback of a program that failed, not a log; name {_READ}.")
    if log is not None:
        result = listed(log.tables[0].texts) if log.tables else ""
        raise CurveError(f"{name} has a header and no numbers below it (columns {result}); name {_READ}.")
    head = text.strip().split("\n")
    if len(head) < 3 and len(head[0]) < 10_000:
        cells = [cell.strip() for cell in re.split(r"[,;\t|]", head[0]) if cell.strip()]
        if len(cells) > 1:
            raise CurveError(f"{name} has a header and no numbers below it (columns {listed(cells)}); name {_READ}.")
    raise CurveError(
        f"{name} is text without a table and without lines such as `step 3: loss 0.5`; name {_READ}, or say how "
        "its cells are "
        "parted (--sep)."
    )
