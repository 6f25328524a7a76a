"""Lazy, mean field or saddle to saddle: the regime that the start predicts, beside the one that the flow shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from saddlescope.arguments import ArgumentError, count, finite, fraction, positive
from saddlescope.deep_linear.cost import Cost
from saddlescope.deep_linear.flow import DeepLinearFlow
from saddlescope.deep_linear.network import products_from_input
from saddlescope.deep_linear.product_landscape import Landscape
from saddlescope.deep_linear.tangent_kernel import kernel_change
from saddlescope.solve import Outcome, solve
from saddlescope.trajectory import Trajectory

Regime = Literal["lazy", "mean field", "saddle-to-saddle"]

# Bounds of the kernel's change, in units of the kernel at the start, that tell the regimes apart in one run. The
# theory's powers of the width only say where these numbers go as the width grows.
_LAZY = 0.3  # the linearisation is good: the kernel at the end is still mostly the one of the start
_RICH = 10.0  # the start is forgotten: a tenth of the kernel at the end, at most, was there at the start

_FLAT = 0.1  # of the largest rate of log cost: slower stretches are flat
_SETTLED = 1e-8  # share of the initial cost at which training is over
_UNSETTLED = 1e-6  # more than this left: what is measured at the end could still change
_FIRST, _LONGER, _LONGEST = 30, 30, 2  # times the estimate; factor of each extension; how many runs
_STEPS = 200_000


@dataclass(frozen=True)
class RegimeCard:
    """How a deep linear network was trained, predicted and measured.

    Attributes:
        depth, width, gamma, scale, seed, share: what was asked for.
        effective_gamma: gamma - 2 ln(scale) / ln(width), the gamma of scale 1 with the same start.
        kappa: w sigma^2 = width^(1 - effective_gamma), the expected square of a layer acting on a unit vector.
        predicted: regime of the start as the width grows.
        measured: regime that the kernel's change shows; None if the cost never fell to its share.
        outcome: `REACHED_TARGET`, or why the cost never fell to its share.
        time: at which the cost has fallen to `share` of its start; nan if it never did.
        flat_share: share of that time in which the log cost falls at under a tenth of its fastest rate.
        movement: |theta(T) - theta(0)| / |theta(0)| at the end T of training (cost 1e-8 of its start).
        kernel_change: |K(T) - K(0)|_F / |K(0)|_F of the tangent kernel.
        singular_values: of A(T), in falling order, shape (modes,).
        beyond_rank: singular value of A(T) after the rank of the target; nan where that is full or not known.
        test_error: of A(T); nan where nothing is known about it.
        doubts: sentences on what may be wrong with this card.
    """

    depth: int
    width: int
    gamma: float
    scale: float
    seed: int
    share: float
    effective_gamma: float
    kappa: float
    predicted: Regime
    measured: Regime | None
    outcome: Outcome
    time: float
    flat_share: float
    movement: float
    kernel_change: float
    singular_values: np.ndarray
    beyond_rank: float
    test_error: float
    doubts: tuple[str, ...] = ()

    @property
    def nuclear_norm(self) -> float:
        """Sum of the singular values of A at the end of training."""
        return float(self.singular_values.sum())

    @property
    def effective_rank(self) -> float:
        """Stable rank of A at the end of training, the sum of (s_i / s_1)^2; 0 for a product of zeros."""
        largest = self.singular_values[0]
        return float(np.sum((self.singular_values / largest) ** 2)) if largest > 0 else 0.0

    @property
    def kernel_exponent(self) -> float:
        """Power of the width with which the kernel's change grows at fixed scale.

        -L (1 - gamma) for 1 - 1/L <= gamma <= 1, (L - 1)(gamma - 1) above; measured -.995, .009, 1.012 for
        gamma = 2/3, 1, 1.5 at L = 3.
        """
        if self.gamma <= 1:
            return -self.depth * (1 - self.gamma)
        return (self.depth - 1) * (self.gamma - 1)

    @property
    def borderline(self) -> bool:
        """Whether the start is so near to mean field that a run at this width cannot tell.

        The kernel's change is of order kappa^(-(L-1)) for saddle-to-saddle and kappa^(-L) for lazy starts, there with
        factors of up to ten for targets of up to six (measured): borderline where that is not beyond the bound.
        """
        if self.predicted == "saddle-to-saddle":
            return self.kappa ** (1 - self.depth) <= _RICH
        return self.predicted == "lazy" and 10 * self.kappa**-self.depth >= _LAZY

    @property
    def agrees(self) -> bool | None:
        """Whether the measured regime is the predicted one, or mean field if borderline; None if not measured."""
        if self.measured is None:
            return None
        return self.measured == self.predicted or (self.borderline and self.measured == "mean field")

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if self.measured is None:
            return f"Predicted {self.predicted}, but the cost never fell to {self.share:g} of its start: {_why(self)}"
        reason = {
            "lazy": f"the kernel changed by {self.kernel_change:.3g} of itself, under {_LAZY:g}",
            "mean field": f"the kernel changed by {self.kernel_change:.3g} of itself, its own order",
            "saddle-to-saddle": f"the kernel changed by {self.kernel_change:.3g} times itself, over {_RICH:g}",
        }[self.measured]
        if self.measured == self.predicted:
            return f"The run is {self.measured} as predicted: {reason}."
        if self.agrees:
            near = f"w sigma^2 = {self.kappa:.2g} is too near to 1 to tell at this width"
            return f"The run is {self.measured} where {self.predicted} is predicted: {reason}; {near}."
        return f"The run is {self.measured}, not {self.predicted} as predicted: {reason}."

    def __str__(self) -> str:
        start = f"depth {self.depth}, width {self.width}, gamma {self.gamma:.4g}, scale {self.scale:g}"
        rows = [
            ("effective gamma", f"{self.effective_gamma:.4g}"),
            ("w sigma^2", f"{self.kappa:.4g}"),
            ("predicted", self.predicted),
            ("measured", self.measured or self.outcome.name),
            (f"time to {self.share:g} of the cost", f"{self.time:.4g}"),
            ("flat share of that time", f"{self.flat_share:.3g}"),
            ("relative movement of the weights", f"{self.movement:.3g}"),
            ("relative change of the kernel", f"{self.kernel_change:.4g}"),
            ("effective rank", f"{self.effective_rank:.3g}"),
            ("nuclear norm", f"{self.nuclear_norm:.4g}"),
            ("singular value beyond the rank", f"{self.beyond_rank:.3g}"),
            ("test error", f"{self.test_error:.3g}"),
        ]
        wide = max(len(name) for name, _ in rows)
        lines = [f"  {name.ljust(wide)}  {value}" for name, value in rows if value != "nan"]
        return "\n".join([f"Regime of {start}", *lines, self.verdict, *(f"doubt: {d}" for d in self.doubts)])


def regime(
    cost: Cost,
    depth: int,
    width: int,
    gamma: float,
    scale: float = 1.0,
    seed: int = 0,
    *,
    share: float = 0.01,
    until: float | None = None,
    rtol: float = 1e-6,
) -> RegimeCard:
    """Predict the regime of a Gaussian start, train the network, and say what the run shows.

    Predicted: lazy for gamma < 1, mean field for gamma = 1, saddle-to-saddle for gamma > 1. A scale alpha acts like
    the gamma' = gamma - 2 ln(alpha) / ln(w) that gives weights of the same size, so a small one moves every start
    towards saddle-to-saddle.

    Measured: by the change of the tangent kernel K = sum_l (S_l S_l^T) x (F_(l-1)^T F_(l-1)), S_l = W_L .. W_(l+1),
    F_l = W_l .. W_1, over the whole training, in units of K at the start. Under 0.3 the network was linear in its
    weights all along (lazy); over 10 the kernel at the end owes nothing to the start (saddle-to-saddle); in between the
    kernel changed by its own order, which is what mean field means. The flat share and the movement of the weights
    are shown beside it and decide nothing: the first depends on the target too, the second on the width.

    Args:
        cost: C(A).
        depth: L >= 2.
        width: of the hidden layers, at least 2.
        gamma: entries of the start are N(0, scale^2 width^(-gamma)).
        scale: alpha, a factor on all initial weights.
        seed: of the start.
        share: of the initial cost, in (1e-8, 1), at which `time` is read.
        until: end of the training; by default estimated, and extended until the cost has fallen to its share.
        rtol: relative tolerance of a step.

    Raises:
        ArgumentError: if an argument is refused, or the initial cost is zero.

    Source: Jacot et al., arXiv 2106.15933 (the phase diagram in gamma).

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import LeastSquares
        >>> card = regime(LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=8, gamma=2.0)
        >>> card.predicted, card.measured
        ('saddle-to-saddle', 'saddle-to-saddle')
    """
    depth, width = count("depth", depth, 2), count("width", width, 2)
    gamma, scale = finite("gamma", gamma), positive("scale", scale)
    share, seed = fraction("share", share), count("seed", seed, 0)
    if share <= _SETTLED:
        raise ArgumentError("share", f"be above {_SETTLED:g}, where training is taken to be over", share)
    until = None if until is None else positive("until", until)
    fraction("rtol", rtol)
    flow = DeepLinearFlow(cost, depth, width, gamma, scale, seed)
    begun = float(cost.value(products_from_input(flow.initial)[-1]))  # pyright: ignore[reportArgumentType]
    if not begun > 0:
        raise ArgumentError("cost", "be positive at the start", begun)
    effective = gamma - 2 * math.log(scale) / math.log(width)
    kappa = scale**2 * width ** (1 - gamma)

    trajectory = _trained(flow, begun, share, until, rtol, kappa)
    reached = bool(trajectory["cost"].min() <= share * begun)
    outcome = Outcome.REACHED_TARGET if reached else Outcome[trajectory.outcome]
    time, flat = _course(trajectory, share * begun) if reached else (math.nan, math.nan)
    last = [np.asarray(W) for W in flow.lift(trajectory["weights"][-1])]
    moved = math.sqrt(sum(float(np.sum((a - b) ** 2)) for a, b in zip(last, flow.initial, strict=True)))
    change = kernel_change(flow.initial, last)
    singular_values = trajectory["singular_values"][-1]
    rank = cost.target_rank
    doubts = tuple(trajectory.doubts)
    left = float(trajectory["cost"][-1] / begun)
    if reached and left > _UNSETTLED:
        doubts += (f"Training was not over at the end of the run: {left:.1e} of the initial cost was left.",)
    if effective < 1 - 1 / depth - 1e-9:
        doubts += (f"The product at the start grows with the width: gamma is under 1 - 1/L = {1 - 1 / depth:.4g}.",)
    return RegimeCard(
        depth=depth,
        width=width,
        gamma=gamma,
        scale=scale,
        seed=seed,
        share=share,
        effective_gamma=effective,
        kappa=kappa,
        predicted=_regime(effective - 1, 0.0, 0.0, 1e-9),
        measured=_regime(change, _LAZY, _RICH) if reached else None,
        outcome=outcome,
        time=time,
        flat_share=flat,
        movement=moved / math.sqrt(sum(float(np.sum(W**2)) for W in flow.initial)),
        kernel_change=change,
        singular_values=singular_values,
        beyond_rank=float(singular_values[rank]) if rank is not None and rank < len(singular_values) else math.nan,
        test_error=float(trajectory["test_error"][-1]),
        doubts=doubts,
    )


def _regime(value: float, low: float, high: float, margin: float = 0.0) -> Regime:
    if value < low - margin:
        return "lazy"
    return "saddle-to-saddle" if value > high + margin else "mean field"


def _trained(
    flow: DeepLinearFlow, begun: float, share: float, until: float | None, rtol: float, kappa: float
) -> Trajectory:
    """Train until the cost is a hundred-millionth of its start, in a run as long as that takes or `until`."""
    end = _FIRST * _estimate(flow, kappa) if until is None else until
    runs = _LONGEST if until is None else 1
    while True:
        trajectory = solve(flow, end, rtol=rtol, risk_below=_SETTLED * begun, max_steps=_STEPS)
        runs -= 1
        too_short = trajectory.outcome == Outcome.REACHED_END.name and trajectory["cost"][-1] > share * begun
        if not (too_short and runs):
            return trajectory
        end *= _LONGER


def _estimate(flow: DeepLinearFlow, kappa: float) -> float:
    """A guess of the training time: that of the constant kernel, or of the escape from the origin if it is sooner."""
    depth, landscape = flow.depth, Landscape(flow.cost)
    G = landscape.value_and_gradient(np.zeros(flow.cost.shape))[1]
    strength, bend = float(np.linalg.norm(G, 2)), float(np.linalg.norm(G)) / landscape.length
    lazy = math.log(1 / _SETTLED) / (2 * depth * kappa ** (depth - 1) * bend)
    if strength == 0:
        return lazy
    if depth == 2:
        escape = math.log1p(landscape.length / kappa) / strength
    else:
        escape = kappa ** (-(depth - 2) / 2) / ((depth - 2) * strength)
    learnt = math.log(1 / _SETTLED) / (2 * depth * bend * landscape.length ** (2 - 2 / depth))
    return min(lazy, escape + learnt)


def _course(trajectory: Trajectory, target: float) -> tuple[float, float]:
    """Return the time at which the cost is first at `target`, and the flat share of it."""
    times, height = trajectory.time, np.log(trajectory["cost"] / target)
    rate = -trajectory["cost_rate"] / trajectory["cost"]
    last = int(np.argmax(height <= 0))
    if last == 0:
        return 0.0, 0.0
    curve = CubicHermiteSpline(times[last - 1 : last + 1], height[last - 1 : last + 1], -rate[last - 1 : last + 1])
    end: Any = brentq(curve, times[last - 1], times[last])
    t = np.append(times[:last], end)
    r = np.append(rate[:last], -float(curve(end, 1)))
    bound = _FLAT * r.max()
    low, high = np.minimum(r[:-1], r[1:]), np.maximum(r[:-1], r[1:])
    # share of each step in which the rate, linear between its ends, is under the bound
    spread = np.maximum(high - low, np.finfo(float).tiny)
    under = np.clip((bound - low) / spread, 0.0, 1.0)
    return float(end), float(np.sum(under * np.diff(t)) / end)


def _why(card: RegimeCard) -> str:
    return card.outcome.message[0].lower() + card.outcome.message[1:]
