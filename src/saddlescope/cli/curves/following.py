"""A file that still grows: said when a plateau begins and when it ends."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Callable
from pathlib import Path

from saddlescope.cli.curves.judging import Asked, Judged, judged, read
from saddlescope.curves import CurveError
from saddlescope.curves.refusals import shown

_EVERY = 1.0  # seconds between two looks


def follow_file(
    path: Path, asked: Asked, *, pause: Callable[[float], None] = clock.sleep, times: int | None = None
) -> int:
    """Watch a file and print a line when a plateau begins or ends, until the user stops it.

    Args:
        path: of a log that may grow.
        asked: what is to be read of it, and how it is judged.
        pause: waits between two readings.
        times: how often the file is looked at; without end by default.
    """
    watch = _Watch()
    if not path.exists():
        raise CurveError(f"There is no file {shown(str(path))} to follow; start the run first.")
    size, count, waiting = -1, 0, False
    try:
        while times is None or count < times:
            count += 1
            grown = _size(path)
            if grown != size:
                size = grown
                started = clock.monotonic()
                try:
                    for line in watch.lines(judged(read(str(path), asked), asked)):
                        print(line, flush=True)
                except CurveError as error:
                    if not waiting and not watch.began:
                        print(f"Waiting: {error}", file=sys.stderr, flush=True)
                        waiting = True
                # a long file is not read more than a tenth of the time
                pause(max(_EVERY, 9 * (clock.monotonic() - started)))
            else:
                pause(_EVERY)
    except KeyboardInterrupt:
        print()
    return 0


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    try:
        return path.stat().st_size
    except OSError:
        return 0


class _Watch:
    """What was said so far of each curve."""

    def __init__(self):
        self.began = False
        self._flat: dict[str, float] = {}  # start of the plateau that each curve is on
        self._ended: dict[str, int] = {}
        self._decades: dict[str, float] = {}

    def lines(self, results: list[Judged]) -> list[str]:
        """Return the lines to be said now."""
        lines = []
        for one in results:
            curve, stages = one.curve, one.stages
            key = f"{curve.run} {curve.y}"
            if not self.began:
                lines.append(f"Following {curve.head}")
            x = curve.time_label or curve.x
            ended = [plateau for plateau in stages if plateau.over]
            for number in range(self._ended.get(key, 0), len(ended)):
                plateau = ended[number]
                change = stages.change_of(number) or "change"
                lines.append(
                    f"{_plain(curve.time[-1])}: the plateau at {plateau.height:.4g} ended at {x} "
                    f"{_plain(plateau.end)}, "
                    f"{change} at {_plain(plateau.drop_time)}"
                )
                self._flat.pop(key, None)
            self._ended[key] = max(self._ended.get(key, 0), len(ended))
            last = stages[-1] if len(stages) else None
            if last is not None and not last.over:
                known = key in self._flat
                # said once, and again each time that it has lasted a quarter of a decade longer
                if not known or last.decades > self._decades[key] + 0.25:
                    lines.append(
                        f"{_plain(curve.time[-1])}: flat since {x} {_plain(last.start)} ({last.decades:.2f} "
                        f"decades) at {last.height:.4g}"
                    )
                    self._decades[key] = last.decades
                self._flat[key] = last.start
            elif key in self._flat and last is None:
                lines.append(f"{_plain(curve.time[-1])}: no longer flat")
                self._flat.pop(key)
        self.began = self.began or bool(results)
        return lines


def _plain(value: float) -> str:
    """Write a time with thin groups of three digits, as in 4 200."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.4g}"
