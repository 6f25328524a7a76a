"""One run: plateaus at the predicted heights, on separated time-scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times, plateaus
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import problem
from saddlescope.single_index import MeanFieldFlow, SingleIndex, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _run(parameters: Mapping[str, Any]) -> Result:
    learnt = problem(parameters["link"])
    order = canonical_order(learnt, levels=3)
    epsilon = parameters["epsilon"]
    trajectory = solve(MeanFieldFlow(learnt, epsilon), until=3 * float(order.times(epsilon)[-1]))
    heights = np.array([plateau.height for plateau in plateaus(trajectory)])
    # the last height is zero: all is learnt
    errors = [float(np.abs(heights / h - 1).min()) for h in order.heights[:-1]]
    times = learning_times(trajectory)
    seen = {f"height-{k}": errors[k] for k in range(len(errors))} | {
        "separation": float(np.log10(times[1:] / times[:-1]).min())
    }
    # what the activation does not have stays: by a truncated series, and by the ReLU, which has no degree 3
    for name, (link, activation, until) in _FLOORS.items():
        run = solve(MeanFieldFlow(SingleIndex(link, activation), 1e-8), until=until)
        seen[f"floor-{name}"] = float(run["risk"][-1])
    seen["control-floor"] = seen["floor-relu"]
    for name in ("relu", "erf"):
        chain = SingleIndex([1.0, -1.0, 1.0] if name == "relu" else [0.0, -1.0], name)
        expected = canonical_order(chain, levels=len(chain.link_coefficients[:3]) - 1).times(1e-8)
        run = solve(MeanFieldFlow(chain, 1e-8), until=1.2 * float(np.nanmax(expected)))
        reached = learning_times(run)
        for k in (1, 2):
            if k < len(expected) and np.isfinite(expected[k]):
                seen[f"{name}-{k}"] = float(reached[k] / expected[k])
    return Result(measured=seen, curves=(trajectory, order), doubts=trajectory.doubts)


def _draw(result: Result) -> Axes:
    from saddlescope.plot import ladder

    return ladder(*result.curves)


_FLOORS: dict[str, tuple[list[float], Any, float]] = {
    "series": ([1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5], 1.0),
    "relu": ([0.5, -1.0, 0.6, 1.0], "relu", 100.0),
}


def _height(level: int, within: float, reason: str) -> Criterion:
    return Criterion(
        f"height-{level}",
        f"relative distance of the height before degree {level} to the nearest plateau found",
        "absolute",
        within,
        reason,
        claimed=0.0,
        finite_size="epsilon = 1e-16 (full: 1e-18)",
        power="heights of other sums: neighbours are apart by a third at least",
    )


EXPERIMENT = Experiment(
    title="Plateaus in one run",
    claim="With a fast second layer the risk comes down a ladder: it rests at half the sum of the squares of the "
    "link's coefficients not learnt yet, and drops from one such height to the next on separated time-scales; what the "
    "activation does not have stays. So do runs with ReLU and erf.",
    source="Berthier, Montanari, Zhou (2023)",
    criteria=(
        _height(
            0, 0.015, "the median of the risk before degree 0 is learnt, of which it has lost half a percent by then"
        ),
        _height(1, 1e-3, "the median of the risk over the plateau: its neighbours are 4 decades away"),
        _height(2, 1e-2, "the median over a plateau of two decades"),
        _height(3, 0.05, "degrees 2 and 3 part only by epsilon^(1/12) = 0.046"),
        Criterion(
            "separation",
            "decades between the learning times of neighbouring degrees, at least",
            "at least",
            0.0,
            "T_3 / T_2 grows like epsilon^(-0.07), to 10 at 1e-16: half of that",
            claimed=0.7,
            power="two degrees learnt together",
        ),
        Criterion(
            "floor-series",
            "activation of degree 2, link of degree 3: risk at the end",
            "relative",
            1e-3,
            "half of phi_3^2",
            claimed=0.5,
            power="a floor that forgets what the activation lacks",
        ),
        Criterion(
            "floor-relu",
            "ReLU, link with degree 3: risk at the end, beside half of phi_3^2",
            "relative",
            5e-3,
            "ReLU has no odd degree but the first; the rest is learnt to a few thousandths by then",
            claimed=0.5,
            power="a kernel of ReLU that holds degree 3",
        ),
        *(
            Criterion(
                f"{name}-{k}",
                f"{name}, epsilon = 1e-8: T_{k} over the prediction from its Hermite coefficients",
                "relative",
                1e-3,
                "as for polynomials, with degrees beyond the link's acting back",
                claimed=1.0,
                finite_size="epsilon = 1e-8",
                power="coefficients of the activation off by a factor: 2^(1/2) is 30 % in t_1",
            )
            for name, k in (("relu", 1), ("relu", 2), ("erf", 1))
        ),
        Criterion(
            "control-floor",
            "ReLU: risk at the end, beside 0 as if degree 3 were learnt",
            "absolute",
            2.5e-3,
            "the bound of the true row",
            claimed=0.0,
            control=True,
        ),
    ),
    quick={"epsilon": 1e-16, "link": [1.0, -1.0, 1.0, 1.0]},
    full={"epsilon": 1e-18, "link": [1.0, -1.0, 1.0, 1.0]},
    run=_run,
    draw=_draw,
)
