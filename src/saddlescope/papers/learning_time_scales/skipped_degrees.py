"""Degrees that link or activation skip: leaps, signs that forbid a degree for ever, means that nothing can learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import axes, finished, measured, predicted
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._reference import ACTIVATION
from saddlescope.single_index import MeanFieldFlow, SingleIndex, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WHOLE = [*ACTIVATION, 0.3]
# name: link, activation, constant of the leap, within
_LEAPS: dict[str, tuple[list[float], Any, float, float]] = {
    "missing-target": ([1.0, 1.0, 0.0, 1.0], list(ACTIVATION), 0.37037, 0.01),
    "missing-activation": ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.3], 0.37037, 0.06),
    "erf": ([0.0, 1.0, 0.0, -1.0], "erf", 0.54433, 5e-3),
    "two-skipped": ([1.0, 1.0, 0.0, 0.0, 1.0], _WHOLE, 0.14063, 0.01),
    "two-missing": ([1.0, 1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.3], 0.07337, 0.03),
}
_NEVER: dict[str, tuple[list[float], Any]] = {
    "sign": ([1.0, -1.0, 0.0, 1.0], list(ACTIVATION)),
    "sign-erf": ([0.0, 1.0, 0.0, 1.0], "erf"),
}


def _run(parameters: Mapping[str, Any]) -> Result:
    epsilon = parameters["epsilon"]
    seen: dict[str, Any] = {}
    claimed: dict[str, Any] = {}
    curves = []
    for name, (link, activation, constant, _) in _LEAPS.items():
        learnt, last = SingleIndex(link, activation), len(link) - 1
        order = canonical_order(learnt, levels=last)
        scale = epsilon ** (-(last - 3) / 4)
        run = solve(MeanFieldFlow(learnt, epsilon), until=1.5 * constant * scale)
        time = float(learning_times(run)[last])
        seen[f"leap-{name}"] = time / scale
        seen[f"time-{name}"] = time / float(order.times(epsilon)[last])
        curves.append((name.replace("-", " "), run.time / (constant * scale), run["risk"] / run["risk"][0]))
        if name == "two-skipped":
            before = 100 * epsilon
            far = solve(MeanFieldFlow(learnt, before), until=1.5 * constant * before**-0.25)
            power = float(np.log(time / learning_times(far)[last]) / np.log(epsilon / before))
            seen["power"] = seen["control-canonical"] = power
    for name, (link, activation) in _NEVER.items():
        learnt = SingleIndex(link, activation)
        run = solve(MeanFieldFlow(learnt, epsilon), until=10.0)
        seen[f"never-{name}"] = float(run["risk"][-1])
        seen[f"verdict-{name}"] = canonical_order(learnt, levels=3).levels[3].verdict
    # an odd student and a link with a mean: that mean stays, and nothing else is touched
    learnt, without = (SingleIndex([mean, 1.0, 1.0], [0.0, 1.0, 0.5]) for mean in (0.8, 0.0))
    runs = [solve(MeanFieldFlow(one, epsilon), until=1.0) for one in (learnt, without)]
    seen["mean"] = float(runs[0]["risk"][-1])
    seen["mean-time"], claimed["mean-time"] = (float(learning_times(run)[2]) for run in runs)
    return Result(seen, claimed, curves)


def _draw(result: Result) -> Axes:
    ax = axes()
    for number, (name, time, risk) in enumerate(result.curves):
        late = time > 0.02
        measured(ax, time[late], risk[late], number, name, points=False)
    predicted(ax, [1.0, 1.0], [0.0, 1.0], "leap")
    return finished(ax, "time, in units of the predicted leap", "risk, relative to its start", log="x", columns=3)


def _leap(name: str) -> tuple[Criterion, Criterion]:
    link, activation, constant, within = _LEAPS[name]
    last = len(link) - 1
    words = f"link {tuple(map(float, link))}, activation {activation}"
    return (
        Criterion(
            f"leap-{name}",
            f"{words}: T_{last} epsilon^({(last - 3) / 4:g}), beside the blow-up of the flow that level 1 leaves",
            "relative",
            within,
            "the limit is reached like epsilon^(1/4) log(1/epsilon), 0.07, with factors of a twentieth to six tenths "
            "that the matched time of the next row has; bounds are one and a half to three times that",
            claimed=constant,
            finite_size="epsilon = 1e-10",
            power="a degree that waits for its own scale, or constraints by degrees that are not there",
        ),
        Criterion(
            f"time-{name}",
            f"{words}: T_{last} over the matched prediction",
            "relative",
            1e-3,
            "nodes beyond degree 2 are good to 3e-4",
            claimed=1.0,
            finite_size="epsilon = 1e-10",
            power="a skipped degree with a constraint that is not there, or without one that is",
        ),
    )


EXPERIMENT = Experiment(
    title="Skipped degrees: leaps, or never",
    claim="If link or activation have no degree between 1 and l, degree l is learnt in a leap from level 1 at "
    "C_l epsilon^(-(l - 3)/4); for odd l only if sigma_l phi_l and sigma_1 phi_1 have the same sign, else never. A "
    "mean that the activation does not have stays.",
    source="derived by us from Berthier, Montanari, Zhou (2023)",
    criteria=(
        *(criterion for name in _LEAPS for criterion in _leap(name)),
        Criterion(
            "power",
            "degree 4 with degrees 2 and 3 skipped: power of epsilon in T_4",
            "absolute",
            0.005,
            "three times the change of T_4 epsilon^(1/4) over two decades, 1e-3 to 5e-3, over ln 100",
            claimed=-0.25,
            finite_size="epsilon from 1e-8 to 1e-10",
            power="a time that falls with epsilon",
        ),
        *(
            Criterion(
                f"never-{name}",
                f"link {tuple(link)}, activation {activation}: risk at t = 10",
                "relative",
                4e-3,
                "half of phi_3^2 stays; degree 1 is learnt to epsilon^(1/4)",
                claimed=0.5,
                finite_size="epsilon = 1e-10",
                power="a leap without the condition on signs, 0.37 or 0.54 after which the risk would be 0",
            )
            for name, (link, activation) in _NEVER.items()
        ),
        *(
            Criterion(f"verdict-{name}", "and theory says so", "equal", 0.0, "the verdict on degree 3", claimed="never")
            for name in _NEVER
        ),
        Criterion(
            "mean",
            "activation without a mean, link with 0.8: risk at the end",
            "relative",
            1e-4,
            "half of 0.8^2 is left, and nothing else",
            claimed=0.32,
            power="a floor that forgets sigma_0 = 0",
        ),
        Criterion(
            "mean-time",
            "and T_2, beside that of the link without its mean",
            "relative",
            1e-6,
            "degree 0 drives nothing",
            power="a mean that acts on other degrees",
        ),
        Criterion(
            "control-canonical",
            "the power of epsilon in T_4, beside 1/8 of a canonical order",
            "absolute",
            0.005,
            "the bound of the true row",
            claimed=0.125,
            control=True,
        ),
    ),
    quick={"epsilon": 1e-10},
    full={"epsilon": 1e-12},
    run=_run,
    draw=_draw,
)
