"""What was found, as JSON for other programs; docs/curves.md documents every key."""

from __future__ import annotations

import json
import math
from typing import Any

from saddlescope.cli.curves.judging import Judged
from saddlescope.curves.tables import Log


def print_json(results: list[tuple[Log, list[Judged]]], several: bool) -> None:
    """Print one object for a file, a list of them for several files."""
    objects = [plain(log, curves) for log, curves in results]
    print(json.dumps(objects if several else objects[0], indent=1, allow_nan=False))


def plain(log: Log, curves: list[Judged]) -> dict[str, Any]:
    """Return the object of a file; what has no value, such as the drop after the last plateau, is null."""
    return {"file": log.source, "format": log.format, "curves": [_curve(one) for one in curves]}


def _curve(one: Judged) -> dict[str, Any]:
    curve, stages = one.curve, one.stages
    return {
        "x": curve.x,
        "y": curve.y,
        "run": curve.run,
        "points": len(curve),
        "time_axis": stages.time_axis,
        "value_axis": stages.value_axis,
        "time_offset": curve.time_offset,
        "left_out": {"nan": curve.left_out.nan, "inf": curve.left_out.inf, "first": curve.left_out.first or None},
        "plateaus": [
            {
                "start": _number(plateau.start),
                "end": _number(plateau.end),
                "height": _number(plateau.height),
                "first": _number(plateau.first),
                "last": _number(plateau.last),
                "share": _number(plateau.share),
                "change": stages.change_of(number),
                "drop_time": _number(plateau.drop_time),
            }
            for number, plateau in enumerate(stages)
        ],
        "notes": [*curve.notes, *stages.notes, *stages.doubts],
        **({} if one.comparison is None else {"comparison": one.comparison.plain()}),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
