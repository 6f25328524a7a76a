"""Training curves of twelve kinds whose plateaus are known by construction, with the noises of real logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class TrainingCurve:
    """One curve with its truth.

    time, value: shape (T,); bounded: an accuracy or a reward; time_axis: on which its plateaus are asked for.
    edges: shape (plateaus, 2), first and last time of each; heights: shape (plateaus,); span: of the clean values.
    """

    kind: str
    time: Array
    value: Array
    bounded: bool
    time_axis: str
    edges: Array
    heights: Array
    span: float

    @property
    def count(self) -> int:
        return len(self.heights)


_EDGE = 0.03  # of a step: where a plateau ends and its drop begins


def _clock(rng: np.random.Generator, few: bool = False, log: bool | None = None) -> Array:
    """Logged times: every so many steps, or evenly in log time."""
    if few:
        size = int(rng.integers(14, 40))
        return np.unique(np.round(np.logspace(0, rng.uniform(2.5, 5), size)))
    if rng.random() < 0.3 if log is None else log:
        return np.logspace(0, rng.uniform(3.5, 6), int(rng.integers(250, 1500)))
    every = float(rng.choice([1, 5, 10, 50]))
    return every * np.arange(1.0, int(10 ** rng.uniform(2.9, 4.0)) + 1)


def _levels(rng: np.random.Generator, count: int, bounded: bool) -> Array:
    """Heights of plateaus: a loss with a floor, a loss that falls by decades, an accuracy or a reward."""
    if bounded:
        steps = rng.uniform(0.15, 1, count - 1)
        rise = np.concatenate(([0.0], np.cumsum(steps) / steps.sum()))
        if rng.random() < 0.3:
            return rng.uniform(-300, 0) + rng.uniform(100, 500) * rise  # a reward of both signs
        low = rng.uniform(0, 0.1)
        return low + (rng.uniform(0.6, 1.0) - low) * rise
    if rng.random() < 0.5:
        factors = 10 ** rng.uniform(0.35, 1.2, count - 1)
        return rng.uniform(0.5, 5) / np.concatenate(([1.0], np.cumprod(factors)))
    steps = rng.uniform(0.15, 1, count - 1)
    fall = 1 - np.concatenate(([0.0], np.cumsum(steps) / steps.sum()))
    floor = rng.uniform(0.3, 4)
    return floor * (1 + rng.uniform(0.2, 2) * fall)


def _step(rng: np.random.Generator, time: Array, centre: float) -> tuple[Array, float, float]:
    """A step from 0 to 1 around `centre`; the times at which it has made 3 % and 97 % of its way."""
    edge = np.log((1 - _EDGE) / _EDGE)
    if rng.random() < 0.5:  # logistic in log time
        sharp = rng.uniform(8, 30)
        y = sharp * np.log(time / centre)
        begin, end = centre * np.exp(-edge / sharp), centre * np.exp(edge / sharp)
    else:  # escape of a saddle: logistic in time
        sharp = rng.uniform(9, 30)
        y = sharp * (time / centre - 1)
        begin, end = centre * (1 - edge / sharp), centre * (1 + edge / sharp)
    return 1 / (1 + np.exp(-np.clip(y, -500, 500))), float(begin), float(end)


def _white(rng: np.random.Generator, size: int) -> Array:
    return rng.standard_normal(size)


def _stairs(
    rng: np.random.Generator,
    kind: str,
    time: Array,
    levels: Array,
    bounded: bool,
    noise: Callable[[np.random.Generator, int], Array] = _white,
    strength: tuple[float, float] = (0.005, 0.04),
    least: float = 0.35,
    change: Callable[[Array, Array], Array] | None = None,
) -> TrainingCurve:
    """Stairs with each plateau at least `least` decades long, and noise in fractions of the range or of the value."""
    span = float(np.ptp(levels)) or abs(float(levels[0])) or 1.0
    first = np.log10(time[min(7, time.size // 4)])  # a plateau that eight points see
    end = np.log10(time[-1])
    steps = len(levels) - 1
    while True:
        centres = 10 ** np.sort(rng.uniform(max(first, np.log10(time[0]) + least), end - least, steps))
        clean, edges = np.full(time.size, levels[0]), [float(time[0])]
        for centre, below, above in zip(centres, levels, levels[1:], strict=False):
            shape, begin, finish = _step(rng, time, float(centre))
            clean = clean + (above - below) * shape
            edges += [begin, finish]
        pairs = np.reshape([*edges, float(time[-1])], (-1, 2))
        inside = [np.count_nonzero((time >= a) & (time <= b)) for a, b in pairs]
        if np.all(np.log10(pairs[:, 1] / pairs[:, 0]) >= least) and min(inside) >= (3 if kind == "few points" else 8):
            break
        steps_left = rng.random() < 0.02
        if steps_left and len(levels) > 2:
            levels = np.delete(levels, int(rng.integers(1, len(levels) - 1)))
            steps, span = len(levels) - 1, float(np.ptp(levels))
    if change is not None:
        clean = change(time, clean)
    sigma = rng.uniform(*strength)
    wave = noise(rng, time.size)
    positive = levels.min() > 0 and not bounded
    wide = positive and levels.max() > 20 * levels.min()
    if positive and (wide or rng.random() < 0.5):
        # a factor; small against the smallest step between plateaus
        value = clean * np.exp(sigma * wave)
    else:
        smallest = np.abs(np.diff(levels)).min() / span if steps else 1.0
        value = clean + min(sigma, smallest / 4) * span * wave
    return TrainingCurve(kind, time, value, bounded, "log", pairs, levels, span)


def stages(rng: np.random.Generator) -> TrainingCurve:
    bounded = rng.random() < 0.3
    return _stairs(rng, "sigmoid stages", _clock(rng), _levels(rng, int(rng.integers(2, 5)), bounded), bounded)


def _steepest_nowhere_flat(time: Array, clean: Array, log: bool) -> float:
    """Least slope of a clean curve over a quarter of a decade, in fractions of its range a decade."""
    y = np.log10(clean) if log else clean
    low, high = np.quantile(y, [0.01, 0.99])
    x = np.log10(time)
    grid = np.linspace(x[0], x[-1], 400)
    line = np.interp(grid, x, y)
    width = max(int(0.25 / (grid[1] - grid[0])), 1)
    slope = np.abs(line[width:] - line[:-width]) / (grid[width] - grid[0])
    return float(slope.min() / (1.0 if log else high - low))


def power_law(rng: np.random.Generator) -> TrainingCurve:
    while True:
        time = _clock(rng)
        floor = rng.uniform(0.5, 4)
        clean = floor + rng.uniform(1, 10) * (time / time[0]) ** -rng.uniform(0.1, 0.7)
        wide = np.quantile(clean, 0.99) > 30 * np.quantile(clean, 0.01)
        if not wide and _steepest_nowhere_flat(time, clean, False) > 0.25:
            break
    value = clean + rng.uniform(0.002, 0.03) * np.ptp(clean) * rng.standard_normal(time.size) * rng.choice([0.3, 1.0])
    return _nothing("power law with floor", time, value, clean, False)


def _nothing(kind: str, time: Array, value: Array, clean: Array, bounded: bool) -> TrainingCurve:
    return TrainingCurve(kind, time, value, bounded, "log", np.zeros((0, 2)), np.zeros(0), float(np.ptp(clean)))


def no_plateau(rng: np.random.Generator) -> TrainingCurve:
    time = _clock(rng)
    x = np.log10(time / time[0]) / np.log10(time[-1] / time[0])
    form = rng.integers(4)
    bounded = False
    if form == 0:  # a power law that falls by decades
        clean = rng.uniform(0.5, 5) * (time / time[0]) ** -rng.uniform(0.45, 1.2)
    elif form == 1:  # an accuracy or a reward that gains the same in every decade
        clean, bounded = rng.uniform(0, 0.2) + 0.7 * x, True
    elif form == 2:  # a loss that loses the same in every decade
        clean = rng.uniform(2, 10) - rng.uniform(0.8, 1.5) * x
    else:  # a slow bend: faster or slower in the later decades
        clean = rng.uniform(3, 6) - rng.uniform(1, 2) * (0.6 * x + 0.4 * x ** rng.uniform(0.7, 1.6))
    if form == 0:
        value = clean * np.exp(rng.uniform(0.01, 0.1) * rng.standard_normal(time.size))
    else:
        value = clean + rng.uniform(0.005, 0.04) * np.ptp(clean) * rng.standard_normal(time.size)
    return _nothing("no plateau", time, value, clean, bounded)


def grokking(rng: np.random.Generator) -> TrainingCurve:
    time = _clock(rng, log=False)
    levels = np.array([rng.uniform(0.005, 0.1), rng.uniform(0.93, 1.0)])

    def noise(rng: np.random.Generator, size: int) -> Array:
        return rng.standard_normal(size) * rng.choice([0.3, 1.0])

    curve = _stairs(rng, "grokking", time, levels, True, noise, (0.001, 0.02), least=0.32)
    return _replaced(curve, np.clip(curve.value, 0, 1))


def _replaced(curve: TrainingCurve, value: Array) -> TrainingCurve:
    return TrainingCurve(
        curve.kind, curve.time, value, curve.bounded, curve.time_axis, curve.edges, curve.heights, curve.span
    )


def slingshots(rng: np.random.Generator) -> TrainingCurve:
    """Spikes of a loss, collapses of an accuracy, on plateaus of many points."""
    bounded = rng.random() < 0.5
    curve = _stairs(rng, "slingshots", _clock(rng, log=False), _levels(rng, int(rng.integers(2, 4)), bounded), bounded)
    value, size = curve.value.copy(), curve.time.size
    begin = np.searchsorted(curve.time, curve.edges[-1, 0] * 1.1)
    for _ in range(int(rng.integers(2, 7))):
        at = int(rng.integers(begin, size - 5))
        length = int(rng.integers(2, max(size // 100, 3)))
        shape = np.exp(-np.arange(size - at) / length)
        size_of = rng.uniform(0.2, 0.8) * curve.span
        value[at:] += (-size_of if bounded else size_of) * shape
    return _replaced(curve, value)


def schedule_drops(rng: np.random.Generator) -> TrainingCurve:
    """Learning-rate drops at fractions of the run: levels that linear time shows."""
    time = _clock(rng, log=False)
    last = time[-1]
    drops = (np.array([[0.3, 0.6, 0.9], [0.5, 0.75, 0.0], [1 / 3, 2 / 3, 0.0]][rng.integers(3)]) * last).tolist()
    drops = [d * rng.uniform(0.95, 1.05) for d in drops if d > 0 and d < 0.85 * last]
    levels = np.sort(rng.uniform(0.2, 1.0, len(drops) + 1))[::-1]
    while np.abs(np.diff(levels)).min() < 0.1:
        levels = np.sort(rng.uniform(0.2, 1.0, len(drops) + 1))[::-1]
    clean = np.full(time.size, levels[0]) + rng.uniform(0.5, 2) * np.exp(-time / (0.02 * last))
    edges = [0.02 * last * np.log(1.5 / (_EDGE * np.ptp(levels)))]
    for drop, above, below in zip(drops, levels, levels[1:], strict=False):
        decay = rng.uniform(0.002, 0.01) * last
        clean -= (above - below) * np.where(time < drop, 0.0, 1 - np.exp(-np.maximum(time - drop, 0) / decay))
        edges += [drop, drop + decay * np.log(1 / _EDGE)]
    span = float(np.ptp(clean))
    value = clean + rng.uniform(0.003, 0.02) * span * rng.standard_normal(time.size)
    pairs = np.reshape([*edges, last], (-1, 2))
    return TrainingCurve("schedule drops", time, value, False, "linear", pairs, levels, span)


def smoothed(rng: np.random.Generator) -> TrainingCurve:
    """An exponential moving average of noise, as dashboards show it."""
    keep = rng.uniform(0.8, 0.98)

    def noise(rng: np.random.Generator, size: int) -> Array:
        return _recursive(rng.standard_normal(size) * (1 - keep), keep) * np.sqrt((1 + keep) / (1 - keep))

    bounded = rng.random() < 0.3
    time = _clock(rng, log=False)
    return _stairs(
        rng, "EMA-smoothed", time, _levels(rng, int(rng.integers(2, 4)), bounded), bounded, noise, (0.005, 0.02)
    )


def _recursive(shocks: Array, rho: float) -> Array:
    out = np.empty_like(shocks)
    now = 0.0
    for i, shock in enumerate(shocks):
        now = rho * now + shock
        out[i] = now
    return out


def autoregressive(rng: np.random.Generator) -> TrainingCurve:
    rho = rng.uniform(0.5, 0.95)

    def noise(rng: np.random.Generator, size: int) -> Array:
        return _recursive(rng.standard_normal(size) * np.sqrt(1 - rho**2), rho)

    bounded = rng.random() < 0.4
    time = _clock(rng, log=False)
    return _stairs(
        rng, "AR(1) noise", time, _levels(rng, int(rng.integers(2, 4)), bounded), bounded, noise, (0.01, 0.04)
    )


def few_points(rng: np.random.Generator) -> TrainingCurve:
    bounded = rng.random() < 0.4
    levels = _levels(rng, int(rng.integers(2, 4)), bounded)
    return _stairs(rng, "few points", _clock(rng, few=True), levels, bounded, strength=(0.003, 0.02), least=0.45)


def overfit(rng: np.random.Generator) -> TrainingCurve:
    """A held-out loss: it falls to a level, then rises to another one."""
    low = rng.uniform(0.5, 3)
    levels = low * np.array([rng.uniform(1.5, 4), 1.0, rng.uniform(1.3, 2.5)])
    return _stairs(rng, "overfit", _clock(rng), levels, False)


def restart(rng: np.random.Generator) -> TrainingCurve:
    """A resumed run starts anew from a worse value and comes back within a few per cent of the time."""
    curve = _stairs(rng, "restart", _clock(rng, log=False), _levels(rng, int(rng.integers(2, 4)), False), False)
    at = rng.uniform(0.35, 0.9) * curve.time[-1]
    steps = curve.edges[1:, 0]
    while np.any((at > 0.85 * curve.edges[:-1, 1]) & (at < 1.25 * steps)):
        at = rng.uniform(0.2, 0.9) * curve.time[-1]
    decay = rng.uniform(0.003, 0.015) * at
    bump = np.where(curve.time < at, 0.0, np.exp(-np.maximum(curve.time - at, 0) / decay))
    return _replaced(curve, curve.value + rng.uniform(0.2, 0.8) * curve.span * bump)


def saturated(rng: np.random.Generator) -> TrainingCurve:
    """An accuracy whose last level is exactly one on most points, after noisy levels."""
    time = _clock(rng, log=False)
    levels = _levels(rng, int(rng.integers(2, 4)), True)
    levels = (levels - levels[0]) / (levels[-1] - levels[0]) * 0.98 + 0.02
    curve = _stairs(rng, "saturated", time, levels, True, strength=(0.004, 0.03))
    done = curve.time > curve.edges[-1, 0]
    return _replaced(curve, np.where(done, 1.0, np.clip(curve.value, 0, 1)))


KINDS = {
    "sigmoid stages": stages,
    "power law with floor": power_law,
    "grokking": grokking,
    "slingshots": slingshots,
    "schedule drops": schedule_drops,
    "EMA-smoothed": smoothed,
    "AR(1) noise": autoregressive,
    "few points": few_points,
    "overfit": overfit,
    "restart": restart,
    "saturated": saturated,
    "no plateau": no_plateau,
}
# Seeds. Thresholds were chosen on the first only; 1000 to 1049 were a first set held out, looked at in the sum.
DEVELOPMENT, HELD_OUT = range(50), range(3000, 3050)


def make_curve(kind: str, seed: int) -> TrainingCurve:
    """One curve of a kind; the same seed gives the same curve."""
    return KINDS[kind](np.random.default_rng([seed, list(KINDS).index(kind)]))
