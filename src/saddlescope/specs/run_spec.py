"""What the specs of all families have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from saddlescope.specs.checks import Table, Text


class Range(NamedTuple):
    """Over which values a slider moves a key.

    Attributes:
        low, high: its ends.
        log: whether it moves by factors.
        unit: of the value, for people.
        most: the largest value that the page takes at all; by default ten times the upper end.
    """

    low: float
    high: float
    log: bool = False
    unit: str = ""
    most: float | None = None


class RunSpec(Table):
    """One run of a family: a title, and whatever tables the family has.

    The class `Spec` of a family's module `spec` adds the keys, the class `Study` of its module `study` runs them; see
    `saddlescope.families`.
    """

    FILES: ClassVar[tuple[str, ...]] = ()  # patterns of what a run writes, the result first
    PATHS: ClassVar[tuple[str, ...]] = ()  # keys that name files, relative to the folder of the spec
    FORMER: ClassVar[dict[str, str]] = {}  # keys of earlier versions, which are still understood: old -> new
    NAME: ClassVar[str] = ""  # of the family, for people
    RANGES: ClassVar[Mapping[str, Range]] = {}  # dotted key -> the slider of the page; keys without one get a field

    family: Text = Field("single_index", description="which family of problems; it decides on all other keys")
    title: Text = Field("", description="one line for lists and pictures")

    def plain(self) -> dict[str, Any]:
        """All keys with their values, defaults included, as nested tables; keys without a value are left out.

        >>> from saddlescope.specs import read
        >>> read("canonical").plain()["theory"]
        {'levels': 3, 'fraction': 0.5}
        """
        return self.model_dump(exclude_none=True)


def files_in(content: dict[str, Any], keys: type[RunSpec]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield what names a file in the tables of a spec: the key, the table that holds it, and its name there.

    Args:
        content: tables as they are written.
        keys: of the family.
    """
    for key in keys.PATHS:
        *tables, name = key.split(".")
        holders: list[Any] = [content]
        for table in tables:
            inner = [holder.get(table) for holder in holders if isinstance(holder, dict)]
            holders = [each for one in inner for each in (one if isinstance(one, list) else [one])]
        yield from (
            (key, holder, name) for holder in holders if isinstance(holder, dict) and holder.get(name) is not None
        )
