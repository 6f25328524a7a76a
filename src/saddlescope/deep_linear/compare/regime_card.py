"""The regime that the start of a deep linear network predicts, beside the one that a run of it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from saddlescope.arguments import ArgumentError, count, fraction
from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
from saddlescope.deep_linear.dynamics.training import initial_cost
from saddlescope.deep_linear.network.layers import products_from_input
from saddlescope.deep_linear.network.tangent_kernel import kernel_change
from saddlescope.solve import Outcome
from saddlescope.trajectory import Trajectory

Regime = Literal["lazy", "mean field", "saddle-to-saddle"]

# Bounds of the kernel's change, in units of the kernel at the start, that tell the regimes apart in one run. The
# theory's powers of the width only say where these numbers go as the width grows.
_LAZY = 0.3  # the linearisation is good: the kernel at the end is still mostly the one of the start
_RICH = 10.0  # the start is forgotten: a tenth of the kernel at the end, at most, was there at the start

_FLAT = 0.1  # of the largest rate of log cost: slower stretches are flat
_SAME, _SAME_COST = 1e-9, 1e-3  # what rounding, and an inexact compression, leave between a run and its flow
_UNSETTLED = 1e-6  # more than this left: what is measured at the end could still change


@dataclass(frozen=True)
class RegimeCard:
    """How a deep linear network was trained, predicted and measured.

    Attributes:
        depth, width, gamma, scale, seed, share: what was asked for.
        effective_gamma: gamma - 2 ln(scale) / ln(width), the gamma of scale 1 with the same start.
        kappa: w sigma^2 = width^(1 - effective_gamma), the expected square of a layer acting on a unit vector.
        predicted: regime of the start as the width grows.
        measured: regime that the kernel's change shows; None if the cost never fell to its share.
        outcome: `REACHED_TARGET`, or how the run ended without the cost falling to its share.
        time: at which the cost has fallen to `share` of its start; nan if it never did.
        flat_share: share of that time in which the log cost falls at under a tenth of its fastest rate.
        left: share of the initial cost that is left at the end T of the run.
        movement: |theta(T) - theta(0)| / |theta(0)|.
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
    left: float
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
            ("measured", self.measured or "nothing"),
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


def regime_card(flow: DeepLinearFlow, trajectory: Trajectory, share: float = 0.01) -> RegimeCard:
    """Say what a finished run shows of the regime that its start predicts.

    Predicted and measured are as in `regime`, with the kernel at the end of this run: a run that is stopped early, by
    `until` or by `risk_below`, shows less than the whole training does.

    Args:
        flow: a gradient flow of at least two layers from a Gaussian start.
        trajectory: a run of this flow.
        share: of the initial cost, in (0, 1), at which `time` is read; the regime is measured if the run comes to it.

    Raises:
        ArgumentError: if an argument is refused, above all a run of other weights or of another cost.

    Source: Jacot et al., arXiv 2106.15933 (the phase diagram in gamma).

    Example:
        >>> import saddlescope as ss
        >>> flow = ss.DeepLinearFlow(ss.LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=8, gamma=2.0)
        >>> card = regime_card(flow, ss.solve(flow, until=100.0))
        >>> card.predicted, card.measured
        ('saddle-to-saddle', 'saddle-to-saddle')
    """
    begun, share = initial_cost(flow), fraction("share", share)
    depth, width = count("flow.depth", flow.depth, 2), count("flow.width", flow.width, 2)
    if flow.gamma is None or flow.seed is None:
        raise ArgumentError("flow", "have a Gaussian start, whose gamma says what to expect", "given layers")
    last = _end_of_run(flow, trajectory, begun)
    gamma, scale = flow.gamma, flow.scale_factor
    effective = gamma - 2 * math.log(scale) / math.log(width)

    reached = bool(trajectory["cost"].min() <= share * begun)
    outcome = Outcome.REACHED_TARGET if reached else trajectory.outcome
    time, flat = _course(trajectory, share * begun) if reached else (math.nan, math.nan)
    moved = math.sqrt(sum(float(np.sum((a - b) ** 2)) for a, b in zip(last, flow.initial, strict=True)))
    change = kernel_change(flow.initial, last)
    singular_values = trajectory["singular_values"][-1]
    rank = flow.cost.target_rank
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
        seed=flow.seed,
        share=share,
        effective_gamma=effective,
        kappa=scale**2 * width ** (1 - gamma),
        predicted=_regime(effective - 1, 0.0, 0.0, 1e-9),
        measured=_regime(change, _LAZY, _RICH) if reached else None,
        outcome=outcome,
        time=time,
        flat_share=flat,
        left=left,
        movement=moved / math.sqrt(sum(float(np.sum(W**2)) for W in flow.initial)),
        kernel_change=change,
        singular_values=singular_values,
        beyond_rank=float(singular_values[rank]) if rank is not None and rank < len(singular_values) else math.nan,
        test_error=float(trajectory["test_error"][-1]),
        doubts=doubts,
    )


def _end_of_run(flow: DeepLinearFlow, trajectory: Trajectory, begun: float) -> list[np.ndarray]:
    """Return the layers at the end of a run, once it is sure that this flow made it."""
    must = "be a run of this flow"
    if not isinstance(trajectory, Trajectory):
        raise ArgumentError("trajectory", must, type(trajectory).__name__)
    if trajectory.kind != type(flow).__name__:
        raise ArgumentError("trajectory", must, f"a run of {trajectory.kind}")
    try:
        first, last = ([np.asarray(W) for W in flow.lift(trajectory["weights"][row])] for row in (0, -1))
    except (ArgumentError, KeyError):
        raise ArgumentError("trajectory", must, "a run of another network") from None
    # a narrow network is lifted to the start of the whole one only by its own frames
    if not all(
        np.allclose(a, b, rtol=1e-9, atol=_SAME * np.abs(b).max()) for a, b in zip(first, flow.initial, strict=True)
    ):
        raise ArgumentError("trajectory", must, "a run of other weights")
    ended = float(flow.cost.value(products_from_input(last)[-1]))  # pyright: ignore[reportArgumentType]
    gaps = (trajectory["cost"][0] - begun, trajectory["cost"][-1] - ended)
    if any(abs(gap) > _SAME_COST * begun for gap in gaps):
        raise ArgumentError("trajectory", must, "a run of another cost")
    return last


def _regime(value: float, low: float, high: float, margin: float = 0.0) -> Regime:
    if value < low - margin:
        return "lazy"
    return "saddle-to-saddle" if value > high + margin else "mean field"


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
    if card.outcome is Outcome.REACHED_TARGET:
        return f"the run was made to stop at {card.left:.3g} of it."
    return card.outcome.message[0].lower() + card.outcome.message[1:]
