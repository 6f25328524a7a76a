"""Lazy, mean field or saddle to saddle: a network is trained, and its regime told."""

from __future__ import annotations

from saddlescope.arguments import ArgumentError, count, finite, fraction, positive
from saddlescope.deep_linear.compare.regime_card import Regime, RegimeCard, regime_card
from saddlescope.deep_linear.dynamics.flow import DeepLinearFlow
from saddlescope.deep_linear.dynamics.training import SETTLED, train
from saddlescope.deep_linear.problem.cost import Cost, checked_cost

__all__ = ["Regime", "RegimeCard", "regime"]


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

    This is `train` and then `regime_card`; a run of one's own that is long enough needs only the latter.

    Source: Jacot et al., arXiv 2106.15933 (the phase diagram in gamma).

    Example:
        >>> import saddlescope as ss
        >>> from saddlescope.deep_linear import LeastSquares
        >>> card = regime(LeastSquares([[2.0, 0.0], [0.0, 1.0]]), depth=3, width=8, gamma=2.0)
        >>> card.predicted, card.measured
        ('saddle-to-saddle', 'saddle-to-saddle')
    """
    checked_cost(cost)
    depth, width = count("depth", depth, 2), count("width", width, 2)
    gamma, scale = finite("gamma", gamma), positive("scale", scale)
    share, seed = fraction("share", share), count("seed", seed, 0)
    if share <= SETTLED:
        raise ArgumentError("share", f"be above {SETTLED:g}, where training is taken to be over", share)
    until = None if until is None else positive("until", until)
    fraction("rtol", rtol)
    flow = DeepLinearFlow(cost, depth, width, gamma, scale, seed)
    return regime_card(flow, train(flow, share, until=until, rtol=rtol), share)
