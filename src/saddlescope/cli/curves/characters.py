"""A curve drawn in characters: dots of two by four in a cell, plateaus as numbered bars below."""

from __future__ import annotations

import numpy as np

from saddlescope.curves import Curve
from saddlescope.measure import Stages

_ROWS = 10
_MARGIN = 11
_MOST_COLUMNS = 110
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def drawn(curve: Curve, stages: Stages, width: int) -> list[str]:
    """Return the lines of a plot on the axes that the curve was judged on, `width` characters wide.

    >>> import numpy as np
    >>> from saddlescope.measure import plateaus
    >>> t = np.logspace(0, 4, 401)
    >>> curve = Curve(t, 0.1 + 0.9 / (1 + (t / 100) ** 6))
    >>> lines = drawn(curve, plateaus(curve, values="log"), 72)
    >>> len(lines), lines[0][:12].strip(), lines[-1].split()
    (12, '1 ⠉', ['1', '1e+04'])
    """
    columns = min(width - _MARGIN - 1, _MOST_COLUMNS)
    time, value = curve.time, curve.value
    log_time = stages.time_axis == "log"
    if log_time:
        kept = time > 0
        time, value = time[kept], value[kept]
    log_value = stages.value_axis == "log" and float(value.min()) > 0
    x = np.log10(time) if log_time else time
    y = np.log10(value) if log_value else value
    left, right, low, high = float(x[0]), float(x[-1]), float(y.min()), float(y.max())
    across = np.minimum(((x - left) / (right - left or 1.0) * 2 * columns).astype(int), 2 * columns - 1)
    up = ((high - y) / (high - low or 1.0) * (4 * _ROWS - 1)).round().astype(int)
    dots = np.zeros((4 * _ROWS, 2 * columns), dtype=bool)
    before = None
    for column in np.unique(across):
        height = int(np.median(up[across == column]))
        if before is None:
            dots[height, column] = True
        else:
            # the way from the last dot, so that a drop is a line
            steps = max(abs(height - before[1]), column - before[0])
            for part in range(1, steps + 1):
                row = before[1] + round((height - before[1]) * part / steps)
                dots[row, before[0] + round((column - before[0]) * part / steps)] = True
        before = (int(column), height)
    codes = (dots.reshape(_ROWS, 4, columns, 2) * _DOTS[None, :, None, :]).sum(axis=(1, 3))
    top, bottom = (10**high, 10**low) if log_value else (high, low)
    labels = {0: f"{top:.4g}", _ROWS - 1: f"{bottom:.4g}"}
    lines = [
        f"{labels.get(row, ''):>{_MARGIN - 1}} " + "".join(chr(0x2800 + code) for code in codes[row])
        for row in range(_ROWS)
    ]
    bars = [" "] * columns
    for number, plateau in enumerate(stages, start=1):
        begin, end = (
            (np.log10(max(plateau.start, time[0])), np.log10(plateau.end)) if log_time else (plateau.start, plateau.end)
        )
        first, last = (int((place - left) / (right - left or 1.0) * (columns - 1)) for place in (begin, end))
        first, last = max(first, 0), min(last, columns - 1)
        for place in range(first, last + 1):
            bars[place] = "━"
        for offset, digit in enumerate(str(number)):
            if (first + last) // 2 + offset < columns:
                bars[(first + last) // 2 + offset] = digit
    ends = (f"{time[0]:.4g}", f"{time[-1]:.4g}")
    lines.append(" " * _MARGIN + "".join(bars))
    lines.append(" " * _MARGIN + ends[0] + ends[1].rjust(columns - len(ends[0])))
    return lines
