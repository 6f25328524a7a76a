"""How often plateaus of training curves are counted right: `plateaus` beside change points of ruptures.

`python benchmarks/judging.py` draws 50 curves of each of twelve kinds twice, once with the seeds on which thresholds
were chosen and once with seeds that were not looked at, and prints a table in Markdown.
"""

from __future__ import annotations

import math
import sys
import time
from types import SimpleNamespace

import numpy as np
from training_curves import DEVELOPMENT, HELD_OUT, KINDS, TrainingCurve, make_curve

from saddlescope.measure import plateaus
from saddlescope.measure.partition import bin_curve

FACTOR, FRACTION, HEIGHT = 1.6, 0.06, 0.05  # within which edges (log, linear time) and heights count as found
SLOPE, LEAST = 0.2, 0.25  # what is flat and long enough, for both


def ours(curve: TrainingCurve) -> list[tuple[float, float, float]]:
    given = SimpleNamespace(time=curve.time, value=curve.value, bounded=curve.bounded)
    result = plateaus(given, time_axis="linear" if curve.time_axis == "linear" else "log")
    return [(p.start, p.end, p.height) for p in result]


def change_points(curve: TrainingCurve, model: str, penalty: float) -> list[tuple[float, float, float]]:
    """Plateaus from PELT (Killick et al., 2012) on the axes, bins and thresholds that ours has.

    Segments of constant mean ("l2") or of continuous lines ("clinear"); of these the flat and long ones.
    """
    import ruptures

    log = curve.time_axis == "log"
    x = np.log10(curve.time) if log else 3 * curve.time / curve.time[-1]
    low, high = np.quantile(curve.value, [0.01, 0.99])
    if low == high:  # a saturated curve has a range over time only
        low, high = np.quantile(bin_curve(x, curve.value, 256).y, [0.01, 0.99])
    wide = not curve.bounded and curve.value.min() > 0 and high > 30 * low
    bins = bin_curve(x, np.log10(curve.value) if wide else curve.value / (high - low), 256)
    y = bins.y
    # noise of one bin from differences of neighbours, as users of ruptures set the penalty
    sigma = 1.4826 * np.median(np.abs(np.diff(y))) / math.sqrt(2) + 1e-3
    fit = ruptures.Pelt(model=model, min_size=3, jump=1).fit(y / sigma)
    ends = fit.predict(pen=penalty * math.log(y.size))
    results: list[tuple[float, float, float]] = []
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        part = slice(begin, end)
        if bins.last[end - 1] - bins.first[begin] < LEAST or end - begin < 3:
            continue
        if abs(np.polyfit(bins.x[part], y[part], 1)[0]) > SLOPE:
            continue
        height = float(np.median(y[part]))
        if results and abs(height - results[-1][2]) < 0.05:
            results[-1] = (results[-1][0], float(bins.last[end - 1]), results[-1][2])
        else:
            results.append((float(bins.first[begin]), float(bins.last[end - 1]), height))
    back = (lambda v: 10**v) if log else (lambda v: v * curve.time[-1] / 3)
    return [(back(a), back(b), 10**h if wide else h * (high - low)) for a, b, h in results]


def edges_right(curve: TrainingCurve, results: list[tuple[float, float, float]]) -> bool:
    """Whether each plateau begins, ends and stands where it should; of curves whose count is right."""
    for (start, end, height), (a, b), level in zip(results, curve.edges, curve.heights, strict=True):
        if curve.time_axis == "log":
            right = max(abs(math.log(start / a)), abs(math.log(end / b))) < math.log(FACTOR)
        else:
            right = max(abs(start - a), abs(end - b)) < FRACTION * curve.time[-1]
        if not right or abs(height - level) > HEIGHT * max(curve.span, abs(level)):
            return False
    return True


def score(judge, kind: str, seeds: range) -> tuple[float, float, float]:
    """Shares of curves of a kind with the right count, and with right edges and heights too, and seconds."""
    counts, edges, began = [], [], time.process_time()
    for seed in seeds:
        curve = make_curve(kind, seed)
        result = judge(curve)
        counts.append(len(result) == curve.count)
        edges.append(counts[-1] and edges_right(curve, result))
    return float(np.mean(counts)), float(np.mean(edges)), time.process_time() - began


JUDGES = {
    "saddlescope": ours,
    "ruptures, PELT l2": lambda curve: change_points(curve, "l2", 20.0),
    "ruptures, PELT clinear": lambda curve: change_points(curve, "clinear", 60.0),
}


def tune() -> None:
    """Print the count of the change points on the development seeds over penalties, the best of which is used."""
    for model in ("l2", "clinear"):
        for penalty in (3, 10, 30, 100):
            rates = []
            for kind in KINDS:
                rates.append(score(lambda c: change_points(c, model, penalty), kind, range(8))[0])  # noqa: B023
            print(model, penalty, round(float(np.mean(rates)), 3), flush=True)


def main() -> None:
    others = list(JUDGES)[1:]
    heads = ["kind", "count, held out", "edges and heights too", "count, development"]
    heads += [f"{name}: {what}" for name in others for what in ("count, held out", "edges too")]
    print("| " + " | ".join(heads) + " |")
    print("| --- " * len(heads) + "|")
    rows = []
    for kind in KINDS:
        row = [*score(ours, kind, HELD_OUT)[:2], score(ours, kind, DEVELOPMENT)[0]]
        for name in others:
            row += score(JUDGES[name], kind, HELD_OUT)[:2]
        rows.append(row)
        print(f"| {kind} | " + " | ".join(f"{share:.2f}" for share in row) + " |", flush=True)
    print("| all | " + " | ".join(f"{share:.3f}" for share in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    if "--tune" in sys.argv:
        tune()
    else:
        main()
