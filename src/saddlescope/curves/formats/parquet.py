"""Parquet, through pyarrow where it is installed."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np

from saddlescope.curves.refusals import CurveError
from saddlescope.curves.tables import Column, Log, Table


def read_parquet(data: bytes, name: str) -> Log:
    """Return the columns of numbers of a Parquet file; null cells are no values.

    Raises: CurveError where pyarrow is missing or the file is damaged.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise CurveError(
            f"{name} is a Parquet file, which needs pyarrow: `pip install pyarrow`, or save it as CSV and read that."
        ) from None
    columns = []
    try:
        content = parquet.read_table(io.BytesIO(data))
        for number, key in enumerate(content.column_names, start=1):
            column = content.column(key)
            if not any(word in str(column.type) for word in ("float", "double", "int", "half", "decimal")):
                continue
            if any(word in str(column.type) for word in ("list", "struct", "map")):
                continue
            filled = np.asarray(column.is_valid())
            values = np.asarray(column.drop_null(), dtype=np.float64)
            columns.append(Column(str(key), values, None if filled.all() else np.flatnonzero(filled), number))
        length = content.num_rows
    except Exception as error:  # pyarrow's errors are many
        raise CurveError(f"{name} is a damaged Parquet file ({' '.join(str(error).split())[:120]}).") from None
    return Log("Parquet", [Table(columns, length, None, "row")])
