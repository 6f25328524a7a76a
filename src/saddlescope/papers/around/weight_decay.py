"""Weight decay: where modes end, which die, and jumps of rank that go one way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from saddlescope.deep_linear import DeepLinearFlow, GradientDescent, LeastSquares, balanced_start, decayed_modes
from saddlescope.papers.framework.drawing import finished, measured, predicted, two_axes
from saddlescope.papers.framework.experiment import Criterion, Experiment, Result
from saddlescope.solve import solve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TARGET = np.diag([3.0, 2.0, 1.2])
_ONE = LeastSquares([[2.0]])
_DEAD = 1e-3


def _ends(strength: float, depth: int, decay: float) -> tuple[float, float]:
    """Minimum and barrier of a mode: with x = y^L, the largest two roots of y^(2L - 2) - s y^(L - 2) + decay."""
    coefficients = np.zeros(2 * depth - 1)
    coefficients[0], coefficients[depth] = 1.0, -strength
    coefficients[-1] += decay
    roots = np.roots(coefficients)
    real = np.sort(roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 1e-12)].real) ** depth
    return float(real[-1]), float(real[-2]) if len(real) > 1 else 0.0


def _plain(layers: list[np.ndarray], decay: float, until: float) -> np.ndarray:
    """Product at the end of the flow of all layers, by DOP853 on the equations as they are."""
    shapes = [W.shape for W in layers]
    cuts = np.cumsum([W.size for W in layers])[:-1]

    def velocity(_: float, y: np.ndarray) -> np.ndarray:
        W = [part.reshape(shape) for part, shape in zip(np.split(y, cuts), shapes, strict=True)]
        slopes = []
        for at in range(len(W)):
            below, above = np.eye(3), np.eye(3)
            for V in W[:at]:
                below = V @ below
            for V in reversed(W[at + 1 :]):
                above = above @ V
            slopes.append(above.T @ (above @ W[at] @ below - _TARGET) @ below.T + decay * W[at])
        return -np.concatenate([slope.ravel() for slope in slopes])

    start = np.concatenate([W.ravel() for W in layers])
    y = solve_ivp(velocity, (0.0, until), start, method="DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
    product = np.eye(3)
    for part, shape in zip(np.split(y, cuts), shapes, strict=True):
        product = part.reshape(shape) @ product
    return product


def _end(flow: DeepLinearFlow, until: float) -> tuple[float, Any]:
    """Strength of the first mode at the end, and the layers."""
    run = solve(flow, until, rtol=1e-8)
    return float(run["singular_values"][-1, 0]), flow.lift(run["weights"][-1], float(run.time[-1]))


def _there_and_back(depth: int, decays: list[float]) -> tuple[np.ndarray, bool]:
    """Strength of one mode while the decay is raised and lowered again, and whether it comes back."""
    layers: Any = balanced_start([[2.0]], depth, 2)
    ends = []
    for decay in [*decays, *decays[-2::-1]]:
        end, layers = _end(DeepLinearFlow(_ONE, initial=layers, weight_decay=decay, compress=False), 60.0)
        ends.append(end)
        # a kick, so that only a mode held back by a barrier stays where it fell to
        layers = [np.asarray(W) + 1e-3 * (np.arange(W.size).reshape(W.shape) == 0) for W in layers]
    return np.array(ends), ends[-1] > _DEAD


def _run(parameters: Mapping[str, Any]) -> Result:
    seen: dict[str, Any] = {}
    cost, decay, high = LeastSquares(_TARGET), parameters["decay"], parameters["high"]
    strengths = np.array([3.0, 2.0, 1.2])
    for depth in (2, 3, 4):
        start = balanced_start(_TARGET, depth, 3)
        claims = np.array([_ends(s, depth, decay)[0] for s in strengths])
        values = solve(DeepLinearFlow(cost, initial=start, weight_decay=decay), until=60.0, rtol=1e-8)[
            "singular_values"
        ][-1]
        seen[f"flow-{depth}"] = float(np.abs(values / claims - 1).max())
        if depth == 3:
            seen["control-soft"] = float(np.abs(values / (strengths - decay) - 1).max())
            descent = GradientDescent(cost, initial=start, weight_decay=decay, learning_rate=0.02)
            values = solve(descent, until=60.0)["singular_values"][-1]
            seen["descent-3"] = float(np.abs(values / claims - 1).max())
    for depth in (3, 4):
        barrier = _ends(2.0, depth, high)[1]
        starts = [balanced_start([[share * barrier]], depth, 2) for share in (0.98, 1.02)]
        ends = [_end(DeepLinearFlow(_ONE, initial=start, weight_decay=high), 400.0)[0] for start in starts]
        seen[f"barrier-{depth}"] = ends[0] < _DEAD < ends[1]
        edge = float(decayed_modes([2.0], depth, 0.0).collapse[0])
        start = balanced_start([[2.0]], depth, 2)
        ends = [
            _end(DeepLinearFlow(_ONE, initial=start, weight_decay=share * edge), 400.0)[0] for share in (0.99, 1.01)
        ]
        seen[f"collapse-{depth}"] = ends[1] < _DEAD < ends[0]
    there, back = {}, {}
    for depth in (2, 3):
        there[depth], back[depth] = _there_and_back(depth, parameters[f"decays-{depth}"])
    seen |= {"two-way": back[2], "one-way": back[3]}
    random = np.random.default_rng(5)
    layers = [0.5 * random.standard_normal(shape) for shape in ((5, 3), (5, 5), (3, 5))]
    run = solve(DeepLinearFlow(cost, initial=layers, weight_decay=decay), until=4.0, rtol=1e-9)
    seen["equations"] = float(np.abs(run["product"][-1] - _plain(layers, decay, 4.0)).max())
    longer = solve(DeepLinearFlow(cost, initial=layers, weight_decay=decay), until=30.0)
    return Result(seen, curves=(parameters, there, longer, [_ends(s, 3, decay)[0] for s in strengths]))


def _draw(result: Result) -> Axes:
    parameters, there, run, ends = result.curves
    left, right = two_axes()
    fine = np.linspace(0.0, 2.0, 400)
    for number, depth in enumerate((2, 3)):
        decays = parameters[f"decays-{depth}"]
        up = len(decays)
        measured(left, decays, there[depth][:up], 2 * number, f"L = {depth}, decay raised")
        measured(left, decays[::-1], there[depth][up - 1 :], 2 * number + 1, f"L = {depth}, lowered")
        predicted(left, fine, [decayed_modes([2.0], depth, float(d)).learnt[0] for d in fine], "minimum")
    finished(left, r"weight decay $\lambda$", "strength of the mode", columns=2)
    late = run.time > 0.02
    for k in range(3):
        measured(right, run.time[late], run["singular_values"][late, k], k, f"mode {k + 1}", points=False)
        predicted(right, run.time[late], np.full(int(late.sum()), ends[k]), "minimum")
    finished(right, "time $t$", "singular values, L = 3", log="x", columns=4)
    return left


EXPERIMENT = Experiment(
    title="Weight decay",
    claim="With weight decay lambda a mode s of a whitened target ends where (s - x) x^((L - 2)/L) = lambda: at "
    "depth 2 "
    "a soft threshold; deeper, zero is a minimum too, modes that start below a barrier die, and a mode that has fallen "
    "to zero at a large decay does not come back when the decay is lowered.",
    source="Wang, Jacot (2023), one-way jumps from high to low rank; thresholds in closed form",
    criteria=(
        *(
            Criterion(
                f"flow-{depth}",
                f"depth {depth}: largest relative distance of a singular value at the end to the root of its "
                f"polynomial",
                "absolute",
                1e-6,
                "a minimum, reached to rounding by t = 60 and steps at 1e-6",
                claimed=0.0,
                power="a penalty (lambda / 2) x^(2/L) without its factor L: a third of the shift at depth 3",
            )
            for depth in (2, 3, 4)
        ),
        Criterion(
            "descent-3",
            "depth 3, gradient descent: the same distance",
            "absolute",
            1e-6,
            "descent has the minima of the flow",
            claimed=0.0,
            power="decay that is multiplied by the learning rate twice, or not at all",
        ),
        *(
            Criterion(
                f"barrier-{depth}",
                f"depth {depth}, decay 0.9: a mode 2 % below the barrier dies, one 2 % above is learnt",
                "equal",
                0.0,
                "the barrier is unstable: what starts beside it leaves it",
                claimed=True,
                power="a barrier off by 2 %",
            )
            for depth in (3, 4)
        ),
        *(
            Criterion(
                f"collapse-{depth}",
                f"depth {depth}: a learnt mode stays at 0.99 of the decay of collapse, and falls to zero at 1.01 of it",
                "equal",
                0.0,
                "beyond it no other minimum is left",
                claimed=True,
                power="the decay at which zero is the lower minimum, which is 16 % less or more",
            )
            for depth in (3, 4)
        ),
        Criterion(
            "two-way",
            "depth 2: the mode comes back when the decay is lowered",
            "equal",
            0.0,
            "one minimum",
            claimed=True,
            power="jumps of one way at any depth",
        ),
        Criterion(
            "one-way",
            "depth 3: the mode comes back when the decay is lowered",
            "equal",
            0.0,
            "zero is a minimum of its own",
            claimed=False,
            power="a rank that follows the decay",
        ),
        Criterion(
            "equations",
            "depth 3, Gaussian start: largest distance of the product at t = 4 to DOP853 on all layers",
            "absolute",
            1e-6,
            "steps at 1e-9",
            claimed=0.0,
            power="a decay of the product instead of that of the layers",
        ),
        Criterion(
            "control-soft",
            "depth 3: largest relative distance of a singular value to the soft threshold of depth 2",
            "absolute",
            1e-6,
            "the bound of the true row",
            claimed=0.0,
            control=True,
        ),
    ),
    quick={
        "decay": 0.3,
        "high": 0.9,
        "decays-2": [0.2, 0.8, 1.4, 1.8, 2.2],
        "decays-3": [0.2, 0.6, 1.0, 1.15, 1.25],
    },
    full={
        "decay": 0.3,
        "high": 0.9,
        "decays-2": [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 1.9, 2.1, 2.2],
        "decays-3": [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.1, 1.15, 1.18, 1.2, 1.25],
    },
    run=_run,
    draw=_draw,
)
