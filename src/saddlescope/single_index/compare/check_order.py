"""Measured learning times beside the canonical order, over a ladder of epsilon, with a verdict for each degree."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from saddlescope.arguments import ArgumentError, count, fraction, positive, vector
from saddlescope.engines.calls import calls
from saddlescope.measure import Exponent, exponent, learning_times, local_exponents
from saddlescope.single_index.mean_field.flow import MeanFieldFlow
from saddlescope.single_index.problem.single_index import SingleIndex
from saddlescope.single_index.theory.canonical_order import CanonicalOrder, canonical_order
from saddlescope.solve import solve
from saddlescope.solve.control import Control
from saddlescope.solve.progress import CountBar


@dataclass(frozen=True)
class OrderRow:
    """One degree of a check.

    Attributes:
        degree: k.
        predicted: predicted times, shape (epsilons,); nan where nothing is predicted.
        measured: first times the residual is at the fraction of |phi_k|, shape (epsilons,); nan where it never is.
        ratio: measured over predicted at the smallest epsilon.
        exponent: fitted p in T_k ~ epsilon^p with its interval, or None with fewer than three times. For degree 1 it
            is of T_1 / t_1, which carries the logarithm: 0 where the prediction is right.
        local: d log T_k / d log epsilon at the smallest epsilons; nan if not measured.
        canonical: whether the degree was measured to be learnt by itself on its own scale.
        verdict: "canonical", "not canonical" or "nothing to learn".
        reason: why, in a sentence.
    """

    degree: int
    predicted: np.ndarray
    measured: np.ndarray
    ratio: float
    exponent: Exponent | None
    local: float
    canonical: bool
    verdict: str
    reason: str


@dataclass(frozen=True)
class OrderCheck:
    """The canonical order beside measured learning times; `rows` has one row a degree.

    Attributes:
        order: the prediction.
        epsilons: falling, shape (epsilons,).
        rows: one a degree.
        final_risk: risk at the end of each run, shape (epsilons,).
        doubts: of the runs and of the prediction.
    """

    order: CanonicalOrder
    epsilons: np.ndarray
    rows: tuple[OrderRow, ...]
    final_risk: np.ndarray
    doubts: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"Learning order of {self.order.problem}, second layer {self.order.second_layer},",
            f"epsilon = {self.epsilons[0]:g} .. {self.epsilons[-1]:g}, final risk {self.final_risk[-1]:.4g}",
            f"{'degree':>6}  {'measured':>11}  {'predicted':>11}  {'ratio':>8}  {'local slope':>11}  verdict",
        ]
        lines += [
            f"{row.degree:>6}  {row.measured[-1]:>11.5g}  {row.predicted[-1]:>11.5g}  {row.ratio:>8.5f}  "
            f"{row.local:>11.4f}  {row.verdict}: {row.reason}"
            for row in self.rows
        ]
        return "\n".join([*lines, *(f"doubt: {doubt}" for doubt in self.doubts)])

    __repr__ = __str__


def check_canonical_order(
    problem: SingleIndex,
    second_layer: Any = None,
    levels: int = 3,
    epsilons: Any = (1e-6, 1e-8, 1e-10, 1e-12),
    *,
    until: float = 3.0,
    fraction: float = 0.5,
    rtol: float = 1e-6,
    tolerance: float = 1e-3,
    workers: int | None = None,
) -> OrderCheck:
    """Integrate the mean-field flow over a ladder of epsilon and set the learning times beside the canonical order.

    A degree counts as canonical when it is learnt at every epsilon and its local exponent at the smallest ones is
    nearer to its own scale, 1/(2l), than to the scale of the degree before it. Exponents, not constants, decide: a
    constant can be far from its limit at any epsilon that can be run.

    Args:
        problem: link and activation.
        second_layer: law of the initial second layer, or its table.
        levels: last degree to check.
        epsilons: at least two distinct positive values.
        until: end of each run, in units of the flow's time.
        fraction: of |phi_k| at which degree k counts as learnt, in (0, 1).
        rtol: tolerance of a step.
        tolerance: relative change of learning times at which the refinement of the nodes ends.
        workers: number of processes, by default of processors, that share what is left once it is seen to take long.

    Raises:
        ArgumentError: if an argument is refused.

    Example:
        >>> import saddlescope as ss
        >>> problem = ss.SingleIndex(link=[1, -1], activation=[1, 1])
        >>> check = ss.check_canonical_order(problem, levels=1, epsilons=[1e-6, 1e-8])
        >>> [row.verdict for row in check.rows], bool(abs(check.rows[1].ratio - 1) < 0.02)
        (['canonical', 'canonical'], True)
    """
    ladder = np.unique(vector("epsilons", epsilons))[::-1]
    if len(ladder) < 2:
        raise ArgumentError("epsilons", "hold at least two distinct values", epsilons)
    positive("epsilons", ladder[-1])
    levels = count("levels", levels, least=0)
    share = _fraction(fraction)
    if workers is not None:
        count("workers", workers)
    order = canonical_order(problem, second_layer, levels)
    measured = np.full((len(ladder), levels + 1), np.nan)
    final, doubts = np.zeros(len(ladder)), list(order.doubts)
    one = functools.partial(
        _learnt, problem, order.second_layer, until=until, share=share, rtol=rtol, tolerance=tolerance
    )
    told: dict[int, tuple[str, ...]] = {}
    with CountBar("Learning times", len(ladder)) as bar:
        for i, result in calls(one, [(float(epsilon),) for epsilon in ladder], workers=workers):
            if isinstance(result, Exception):
                result.add_note(f"at epsilon = {ladder[i]:g}")
                raise result
            known, final[i], told[i] = result
            known = known[: levels + 1]
            measured[i, : len(known)] = known
            bar.advance()
    doubts += [f"epsilon = {epsilon:g}: {doubt}" for i, epsilon in enumerate(ladder) for doubt in told[i]]
    predicted = np.stack([order.times(float(epsilon), share) for epsilon in ladder])
    rows: list[OrderRow] = []
    for k in range(levels + 1):
        rows.append(_row(order, k, ladder, measured, predicted[:, k], rows))
    return OrderCheck(order, ladder, tuple(rows), final, tuple(doubts))


def _learnt(
    problem: SingleIndex,
    second_layer: Any,
    epsilon: float,
    *,
    until: float,
    share: float,
    rtol: float,
    tolerance: float,
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Learning times, final risk and doubts of one run."""
    flow = MeanFieldFlow(problem, epsilon, second_layer, tolerance=tolerance)
    # what a run that was stopped has not learnt says nothing
    with Control(whole=True):
        trajectory = solve(flow, until, rtol=rtol)
    return learning_times(trajectory, fraction=share), float(trajectory["risk"][-1]), trajectory.doubts


def _fraction(value: float) -> float:
    return fraction("fraction", value)


def _row(
    order: CanonicalOrder,
    k: int,
    epsilons: np.ndarray,
    all_measured: np.ndarray,
    predicted: np.ndarray,
    before: list[OrderRow],
) -> OrderRow:
    measured, level = all_measured[:, k], order.levels[k]
    learnt = np.isfinite(measured) & (measured > 0)
    ratio = float(measured[-1] / predicted[-1]) if learnt[-1] and predicted[-1] > 0 else np.nan
    local, fitted = np.nan, None
    if learnt.sum() >= 2:
        local = float(local_exponents(epsilons[learnt], measured[learnt])[1][0])
    if learnt.sum() >= 3:
        compared = measured[learnt] / predicted[learnt] if k == 1 else measured[learnt]
        if np.all(np.isfinite(compared)):
            fitted = exponent(epsilons[learnt], compared)
    own = {0: 1.0, 1: 0.5}.get(k, 1 / (2 * max(k, 1)))
    canonical, verdict, reason = False, "not canonical", level.reason
    if (k < len(order.problem.link_coefficients) and order.problem.link_coefficients[k] == 0) or order._phi[k] == 0:
        canonical, verdict, reason = level.canonical, "nothing to learn", "the link has no component of this degree"
    elif not learnt.all():
        if measured[-1] == 0:
            canonical, verdict, reason = True, "canonical", "it is learnt from the start"
        else:
            reason = f"it is not learnt before the end of the runs; predicted: {level.reason}"
    elif any(row.verdict == "not canonical" for row in before):
        reason = f"a lower degree is not canonical; measured exponent {local:.4f}"
    else:
        previous = {0: 2.0, 1: 1.0, 2: 0.5}.get(k, 1 / (2 * max(k - 1, 1)))
        # the logarithm of level 1 makes its slope smaller: compare with t_1's own slope
        aim = own
        if k == 1 and np.all(np.isfinite(predicted[-2:])):
            aim = float(np.diff(np.log(predicted[-2:]))[0] / np.diff(np.log(epsilons[-2:]))[0])
        canonical = abs(local - aim) < abs(local - previous) and local > 0.5 * own
        if canonical:
            verdict, reason = "canonical", f"local exponent {local:.4f} where its scale has {aim:.4f}"
        elif local <= 0.5 * own:
            reason = f"its time hardly falls with epsilon: local exponent {local:.4f}"
        else:
            reason = f"it follows degree {k - 1} at once: local exponent {local:.4f} where its scale has {own:.4f}"
    return OrderRow(k, predicted, measured, ratio, fitted, local, canonical, verdict, reason)
