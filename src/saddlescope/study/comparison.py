"""Predicted beside measured, as data: columns, rows, remarks and doubts, which print themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import xarray

NOTHING = "–"  # in a table, where there is no number


class Remark(NamedTuple):
    """A sentence below the table, under a short head."""

    head: str
    text: str


@dataclass(frozen=True)
class Column:
    """One column of a comparison.

    Attributes:
        key: of its values in a row.
        head: above it; what stands before a line break names a group of columns.
        format: of a number, a pattern such as ".3g" or a function of the value.
        words: whether it holds words, which stand at the left.
    """

    key: str
    head: str
    format: str | Callable[[Any], str] = ".3g"
    words: bool = False

    def cell(self, row: Mapping[str, Any]) -> str:
        """Return the text of a row's value: a dash for nan, nothing where the row has no value.

        >>> Column("ratio", "ratio", ".2f").cell({"ratio": 1.0049}), Column("ratio", "ratio").cell({"ratio": math.nan})
        ('1.00', '–')
        """
        value = row.get(self.key)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if callable(self.format):
            return self.format(value)
        return number(value, self.format)


@dataclass(frozen=True)
class Comparison:
    """What was predicted beside what was measured.

    Attributes:
        title, subtitle: what was run.
        columns: of the table, in order; the first names the rows.
        rows: one for each thing compared, values by the keys of the columns; a value may be a text.
        asides: row number -> rows that are printed after it (before the first row for -1) and are no data, such as the
            end of a run.
        remarks: sentences that the table cannot hold.
        doubts: sentences on what may be wrong, each once.
        theory: how far the predictions can be trusted, sentences.
        accuracy: how far the runs can be trusted, a sentence for each.
        references: keys of what to cite.
        cite_by: how to get their BibTeX.
        record: everything above as plain values, and more, see `plain`.
        interrupted: the user stopped it, this is a part.
        complete: it answers what was asked.
        gap: characters between columns.
    """

    title: str
    subtitle: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    asides: Mapping[int, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    doubts: tuple[str, ...] = ()
    theory: tuple[str, ...] = ()
    accuracy: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    cite_by: str = "saddlescope.load(FILE).citations()"
    record: Mapping[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    complete: bool = True
    gap: int = 1

    def plain(self) -> dict[str, Any]:
        """Return what was compared as numbers, texts, lists and tables; null stands for what is not a finite number."""
        return without_nan(dict(self.record))

    def printed_rows(self) -> list[list[str]]:
        """Return the cells of the printed table, asides among them."""
        lines = [*self.asides.get(-1, ())]
        for place, row in enumerate(self.rows):
            lines += [row, *self.asides.get(place, ())]
        return [[column.cell(line) for column in self.columns] for line in lines]

    def values(self) -> dict[str, np.ndarray]:
        """Return the numbers of every column of numbers, one for each row, nan where there is none.

        Returns:
            key -> array of shape (rows,).
        """
        results = {}
        for column in self.columns[1:]:
            column_values = [row.get(column.key) for row in self.rows]
            if any(isinstance(v, int | float | np.number) for v in column_values):
                numbers = [float(v) if isinstance(v, int | float | np.number) else math.nan for v in column_values]
                results[column.key] = np.array(numbers)
        return results

    @property
    def dataset(self) -> xarray.Dataset:
        """The numbers of the table as an `xarray.Dataset`, along the axis that the first column names."""
        import xarray

        index = self.columns[0].key
        labels = [row.get(index) for row in self.rows]
        variables = {key: (index, values) for key, values in self.values().items() if key != index}
        return xarray.Dataset(variables, {index: labels}, {"title": self.title, "doubts": "\n".join(self.doubts)})

    def __str__(self) -> str:
        from saddlescope.study.rendering import as_text

        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from saddlescope.study.rendering import as_html

        return as_html(self)


def number(value: float, pattern: str) -> str:
    """Return a number as text, a dash for nan.

    >>> number(0.5, ".2f"), number(math.nan, ".2f")
    ('0.50', '–')
    """
    return NOTHING if math.isnan(value) else format(value, pattern)


def without_nan(value: Any) -> Any:
    """Return nested lists and tables with null for what is not a finite number, since JSON knows no other.

    >>> without_nan({"a": [1.0, math.nan]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {k: without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
