"""Learning times at the epsilon that people run: full runs over predictions, on six problems, two drawn by seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from saddlescope.gaussian import TruncatedNormal, Uniform
from saddlescope.measure import learning_times
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.papers.learning_time_scales._level_two import matched_time
from saddlescope.papers.learning_time_scales._reference import (
    ACTIVATION,
    EDGE,
    first_time,
    plain_flow,
    problem,
    uniform_nodes,
)
from saddlescope.single_index import MeanFieldFlow, SingleIndex, canonical_order
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LADDER = [1.0, -1.0, 1.0, 1.0]


def _drawn(seed: int) -> tuple[SingleIndex, Any]:
    """A problem and a uniform law with coefficients of order one."""
    random = np.random.default_rng(seed)
    phi, sigma = (random.choice([-1, 1], 4) * random.uniform(0.3, 1.5, 4) for _ in range(2))
    return SingleIndex(phi.tolist(), sigma.tolist()), Uniform(*np.sort(2 * random.normal(size=2)))


def _problems() -> dict[str, tuple[SingleIndex, Any]]:
    return {
        "three-degrees": (problem([1.0, -1.0, 1.0, 0.0]), Uniform(-EDGE, EDGE)),
        "four-degrees": (problem(_LADDER), Uniform(-EDGE, EDGE)),
        "no-mean": (SingleIndex([0.7, -1.0, 1.0, 1.0], [0.0, *ACTIVATION[1:]]), Uniform(-1.0, 2.0)),
        "skewed-law": (problem([0.3, 1.0, 1.0, 0.5]), TruncatedNormal(0.0, 1.0, -0.5, 2.0)),
        "seed-1": _drawn(1),
        "seed-2": _drawn(2),
    }


_NAMES = tuple(_problems())
_BOUNDS = {1e-6: 2e-3, 1e-8: 3e-4}


def _run(parameters: Mapping[str, Any]) -> Result:
    epsilons = np.array(parameters["epsilons"])
    seen: dict[str, Any] = {}
    claimed: dict[str, Any] = {}
    second, leading, worst = {}, {}, 0.0
    for name, (learnt, law) in _problems().items():
        order = canonical_order(learnt, law, levels=3)
        ratios, plain = [], []
        for epsilon in map(float, epsilons):
            expected, errors = order.times(epsilon), order.errors(epsilon)
            run = solve(
                MeanFieldFlow(learnt, epsilon, law, tolerance=1e-5), until=3 * float(np.nanmax(expected)), rtol=1e-7
            )
            times = learning_times(run)[:4]
            with np.errstate(invalid="ignore"):  # degree 0 may be there from the start
                ratio = times / expected
            ratios.append(ratio)
            plain.append(times[2] / order.leading_times(epsilon)[2])
            if epsilon <= 1e-6:
                known = np.isfinite(ratio[1:]) & np.isfinite(errors[1:])
                worst = max(worst, float((np.abs(ratio[1:] - 1) / errors[1:])[known].max()))
            if epsilon in _BOUNDS:
                where = f"{name}-{epsilon:.0e}".replace("e-0", "e-")
                seen[f"degree-2-{where}"] = float(ratio[2])
                if epsilon == 1e-8:
                    seen[f"degree-1-{where}"] = float(ratio[1])
                if name == "four-degrees" and epsilon == 1e-8:
                    seen["degree-3"], time = float(ratio[3]), float(times[2])
                    for wrong, options in _WRONG.items():
                        seen[f"control-{wrong}"] = float(time / matched_time(_LADDER, epsilon, **options))
                    seen["second-reference"] = float(time / matched_time(_LADDER, epsilon))
                    seen["control-leading"] = float(plain[-1])
                if name == "four-degrees" and epsilon == 1e-6:
                    a, w = uniform_nodes(9, 8)
                    t, residual = plain_flow(_LADDER, epsilon, a, w, 1.05 * float(times[2]))
                    for k in (1, 2):
                        seen[f"flow-{k}"] = float(times[k])
                        claimed[f"flow-{k}"] = first_time(t, residual[:, k], _LADDER[k])
        second[name] = np.array([ratio[2] for ratio in ratios])
        leading[name] = np.array(plain)
    seen["estimate"] = worst
    return Result(seen, claimed, (epsilons, second, leading))


def _draw(result: Result) -> Axes:
    epsilons, second, leading = result.curves
    left, right = two_axes()
    for number, name in enumerate(_NAMES):
        measured(left, epsilons, np.abs(leading[name] - 1), number, name.replace("-", " "))
        measured(right, epsilons, np.abs(second[name] - 1), number, name.replace("-", " "))
    predicted(
        left, epsilons, 0.3 * epsilons**0.25 * np.log(1 / epsilons), r"order $\varepsilon^{1/4} \log 1/\varepsilon$"
    )
    predicted(right, epsilons, np.sqrt(epsilons), r"order $\varepsilon^{1/2}$")
    low, high = 3e-7, 5.0
    left.set_ylim(low, high)
    right.set_ylim(low, high)
    finished(left, r"$\varepsilon$", r"$|T_2 / c_2 \varepsilon^{1/4} - 1|$", log="xy", columns=2)
    finished(right, r"$\varepsilon$", r"$|T_2 /$ matched prediction $- 1|$", log="xy", columns=2)
    return left


_WRONG = {
    "clock": {"clock": 0.0},
    "start": {"state": 0.0},
    "rigid": {"rigid": True},
    "amplitude": {"rigid": True, "size": 1.05},
}
_TOLD = {
    "clock": "without the ln 2 of t_1",
    "start": "without the ln 2 of its start",
    "rigid": "with a degree 1 that does not relax",
    "amplitude": "with kappa_1 5 % too large, and a degree 1 that does not relax",
    "leading": "by c_2 epsilon^(1/4) alone",
}


def _control(name: str) -> Criterion:
    return Criterion(
        f"control-{name}",
        f"four degrees, epsilon = 1e-8: T_2 over a prediction {_TOLD[name]}",
        "relative",
        _BOUNDS[1e-8],
        "the bound of the true rows",
        claimed=1.0,
        control=True,
    )


def _ratio(degree: int, name: str, epsilon: float) -> Criterion:
    end = f"{name}-{epsilon:.0e}".replace("e-0", "e-")
    return Criterion(
        f"degree-{degree}-{end}",
        f"{name.replace('-', ' ')}, epsilon = {epsilon:g}: T_{degree} over the prediction",
        "relative",
        _BOUNDS[epsilon],
        "what is left out is of order epsilon^(1/2) log(1/epsilon), 1e-2 and 2e-3, with factors of a few hundredths",
        claimed=1.0,
        finite_size=f"epsilon = {epsilon:g}",
        power="a missing ln 2, a rigid degree 1, the shift by t_1 alone (off by 1 to 60 %)" if degree == 2 else "",
    )


EXPERIMENT = Experiment(
    title="Learning times at a finite epsilon",
    claim="Levels 0 and 1 in closed form, matched to the flow of level 2 with degree 1 relaxing, give the times at "
    "which degrees 1, 2 and 3 are learnt to 2e-3 at epsilon = 1e-6 and 3e-4 at 1e-8, where c_2 epsilon^(1/4) is 5 to "
    "80 % "
    "off.",
    source="derived by us from Berthier, Montanari, Zhou (2023); compare Gerbelot, Mourrat (2026)",
    criteria=(
        *(_ratio(2, name, epsilon) for name in _NAMES for epsilon in _BOUNDS),
        *(_ratio(1, name, 1e-8) for name in _NAMES),
        Criterion(
            "degree-3",
            "four degrees, epsilon = 1e-8: T_3 over the prediction",
            "relative",
            1e-3,
            "nodes beyond degree 2 are good to 3e-4",
            claimed=1.0,
            finite_size="epsilon = 1e-8",
            power="a T_3 that starts at the end of degree 2 without what degree 2 leaves (10 % off)",
        ),
        Criterion(
            "estimate",
            "largest deviation in units of the error that the prediction states of itself, epsilon <= 1e-6",
            "at most",
            0.0,
            "an estimate is no bound, but of the right size",
            claimed=3.0,
            power="an error estimate that is blind to what it leaves out",
        ),
        Criterion(
            "second-reference",
            "four degrees, epsilon = 1e-8: T_2 over the same matching written down once more, in SciPy",
            "relative",
            _BOUNDS[1e-8],
            "terms of order epsilon^(1/2) in the start",
            claimed=1.0,
            finite_size="epsilon = 1e-8",
            power="a mistake in the flow that runs and prediction share",
        ),
        *(
            Criterion(
                f"flow-{k}",
                f"four degrees, epsilon = 1e-6: T_{k} of the library's flow, beside LSODA on the paper's equations",
                "relative",
                1e-4,
                "steps at 1e-8 and 144 fixed nodes",
                power="a mistake in the flow itself, which all other rows rest on",
            )
            for k in (1, 2)
        ),
        *(_control(name) for name in _TOLD),
    ),
    quick={"epsilons": [1e-6, 1e-8]},
    full={"epsilons": [1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14]},
    run=_run,
    draw=_draw,
)
