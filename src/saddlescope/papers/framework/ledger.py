"""The ledger: what every experiment found, kept in one JSON file that is whole at any moment."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from saddlescope import files
from saddlescope.arguments import ArgumentError
from saddlescope.papers.framework.experiment import Row

_FORMAT = "saddlescope ledger 1"
NAME = "ledger.json"


@dataclass(frozen=True)
class Record:
    """What one experiment found.

    Attributes:
        id, paper, title, claim, source: of the experiment.
        key: hash of all a result depends on.
        version: "quick" or "full".
        parameters: of the run.
        rows: one a criterion; empty if the experiment failed.
        error: why it failed, in a line; else empty. `trace`: where.
        doubts: of the run.
        seconds: of processor time; `wall`: of waiting.
        versions: of the libraries.
    """

    id: str
    paper: str
    title: str
    claim: str
    source: str
    key: str
    version: str
    parameters: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    error: str = ""
    trace: str = ""
    doubts: tuple[str, ...] = ()
    seconds: float = 0.0
    wall: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def as_expected(self) -> bool:
        """Whether it ran, and every row that should agree does."""
        return not self.error and all(row.expected for row in self.rows)


class Ledger:
    """Records by id of experiment.

    Args:
        records: id -> record.
    """

    def __init__(self, records: dict[str, Record] | None = None):
        self.records = dict(records or {})

    def text(self) -> str:
        """The JSON text of the file."""
        content = {"format": _FORMAT, "experiments": [asdict(record) for record in self.records.values()]}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the file whole or not at all.

        A killed process leaves the file of before.
        """
        files.write(path, self.text(), argument="--out")


def read_ledger(path: Path) -> Ledger:
    """Return the ledger in a file, an empty one if there is no file.

    Raises:
        ArgumentError: if the file is not a ledger: it is somebody's own, and would be lost.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError(content["format"])
        records = {}
        for item in content["experiments"]:
            rows = [Row(**row) for row in item.pop("rows")]
            item["doubts"] = tuple(item["doubts"])
            records[item["id"]] = Record(**item, rows=rows)
    except FileNotFoundError:
        return Ledger()
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise ArgumentError("--out", f"name a folder whose {path.name} is a ledger", str(path)) from None
    return Ledger(records)
