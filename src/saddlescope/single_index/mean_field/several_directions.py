"""Mean-field flows of a joint target: an overlap with each hidden direction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, numbers_of, vector
from saddlescope.gaussian import kernel
from saddlescope.single_index.mean_field.directions import Directions, Residuals
from saddlescope.single_index.mean_field.joint_features import JointSplit, joint_split
from saddlescope.single_index.mean_field.joint_system import JointMeanFieldSystem
from saddlescope.single_index.problem.joint_index import JointIndex
from saddlescope.single_index.problem.joint_target import named, term_name
from saddlescope.single_index.problem.single_index import coefficients
from saddlescope.single_index.theory.reachable import Reachable, reachable
from saddlescope.solve import Curve, Reading

_LOOKED_AT = 8  # saved states at which what is left out is worked out
_TELLING = 1e-4  # of the risk at the start: from here on it may matter
_WHOLE = 1 - 1e-9


class SeveralDirections(Directions):
    """Of a `JointIndex`."""

    def __init__(self, problem: JointIndex):
        self.problem = problem

    @property
    def _k(self) -> int:
        return len(self.problem.gram)

    @cached_property
    def _at_rest(self) -> Frame:
        return _frame_at_rest(self.problem)

    def _frame(self, start: np.ndarray) -> Frame:
        # copies of a particle, which pad arrays, must not turn the coordinates
        return Frame.of(self.problem, np.unique(start, axis=0)) if np.any(start) else self._at_rest

    def rows(self, s):
        return 1 + len(self._frame(s).space)

    @property
    def numbers(self):
        # what couples particles, from both sides, and what it is made of
        frame = self._at_rest
        return 3.0 * (1 + len(frame.space)) * len(frame.split.target)

    @property
    def pull(self):
        return self.problem.pull

    @property
    def _coefficients(self) -> np.ndarray:
        return np.array([self.problem.terms[alpha] for alpha in sorted(self.problem.terms)])

    def resting(self, a):
        _ = self._at_rest  # a problem of too many products is refused now
        return np.zeros((len(a), self._k))

    def given(self, initial):
        must = f"be a pair (a, s) of arrays of shapes (m,) and (m, {self._k})"
        try:
            a, s = initial
        except (TypeError, ValueError):
            raise ArgumentError("initial", must, initial) from None
        a, s = vector("initial", a), numbers_of("initial", s)
        if s.shape != (len(a), self._k):
            raise ArgumentError("initial", must, (a.shape, s.shape))
        length = np.linalg.norm(s, axis=1)
        if not np.all(length < 1):
            worst = float(length[~(length < 1)][0])
            raise ArgumentError("initial", "hold overlaps s of lengths |s| less than one", worst)
        self._frame(s)
        return a, s

    def system(self, epsilon, particles):
        a, s, w = particles
        frame = self._frame(s)
        parts, t = frame.split, s @ frame.space.T
        length = np.linalg.norm(t, axis=1, keepdims=True)
        stretch = np.divide(np.arctanh(length), length, out=np.ones_like(length), where=length > 0)
        system = JointMeanFieldSystem(
            epsilon=jnp.asarray(epsilon, jnp.float64),
            weights=jnp.asarray(w),
            features=parts.features,
            target=jnp.asarray(parts.target),
            aims=jnp.asarray(np.where(parts.target != 0, np.abs(parts.target), np.inf)),
            floor=jnp.asarray(parts.lacking + frame.reach.kept, jnp.float64),
            terms=jnp.asarray(parts.terms),
            coefficients=jnp.asarray(self._coefficients),
            space=jnp.asarray(frame.space),
            degrees=self.problem.reported_degree,
        )
        return system, jnp.asarray(np.concatenate([a[None], (stretch * t).T]))

    def read(self, record, particles):
        a, s, w = particles
        frame, raw = self._frame(s), record.observables
        parts = frame.split
        z = np.moveaxis(record.states[:, 1:, : len(a)], 1, 2)
        length = np.linalg.norm(z, axis=2, keepdims=True)
        t = np.divide(np.tanh(length), length, out=np.ones_like(length), where=length > 0) * z
        second_layer = record.states[:, 0, : len(a)]
        by_degree = raw["risk_by_degree"] + self._beyond(parts)
        observables = {
            "risk": raw["risk"],
            "risk_rate": raw["risk_rate"],
            "risk_by_degree": by_degree,
            "risk_rest": raw["risk"] - by_degree.sum(axis=1),
            "term_residual": raw["term_residual"],
            "term_residual_rate": raw["term_residual_rate"],
            "moment": raw["moment"],
            "second_layer": second_layer,
            "overlap": t @ frame.space,
            "weight": w,
        }
        left_out = self._left_out(parts, second_layer, t, w)
        doubts = self._never_found(frame.reach, started=bool(np.any(s)))
        if left_out > _TELLING * float(raw["risk"][0]):
            doubts += (
                f"The activation is followed up to degree {parts.features.degree}; what it makes beyond that would add "
                f"up to {left_out:.1e} to the risk.",
            )
        return Reading(
            observables,
            {
                "degree": np.arange(self.problem.reported_degree + 1),
                "term": np.arange(len(self._coefficients)),
                "neuron": np.arange(len(a)),
                "direction": np.arange(self._k),
            },
            accuracy={
                "activation": parts.description,
                "kernel_error": parts.left_out,
                "link_error": float(self.problem.error),
                "unlearnable_risk": parts.lacking,
                "risk_never_found": frame.reach.kept,
                "risk_left_out": left_out,
                "particles": len(a),
            },
            doubts=(*self.problem.remarks, *doubts),
        )

    def _beyond(self, parts: JointSplit) -> np.ndarray:
        """The risk of each degree that no neuron of this flow can have."""
        degree = self.problem.reported_degree
        inside = np.zeros(degree + 1)
        of = parts.features.order.degree
        np.add.at(inside, of[of <= degree], parts.target[of <= degree] ** 2)
        return np.maximum(0.5 * (self.problem.target_by_degree(degree) - inside), 0.0)

    def _never_found(self, reach: Reachable, *, started: bool) -> tuple[str, ...]:
        """What of the risk stays for what no neuron of this flow can find."""
        if reach.kept == 0:
            return ()
        unseen = self.problem.unseen  # the problem tells of these itself
        own = [j for j in self.problem.own_directions if j not in unseen]
        never = [j for j in own if reach.stage[j - 1] < 0]
        shared = [j for j in own if reach.stage[j - 1] >= 0 and reach.share[j - 1] < _WHOLE]
        told = []
        if never:
            told.append(f"{named(never)} {'are' if len(never) > 1 else 'is'} never found")
        if shared:
            # the space is one of whole directions and of combinations of the others
            some = len(reach.space) - sum(share >= _WHOLE for share in reach.share)
            told.append(f"of {named(shared)} only {some} combination{'s are' if some > 1 else ' is'} found")
        moved = "only terms of degree 1 in what is not yet known move"
        why = f"at infinite dimension overlaps start at zero, and {moved} them"
        if started:
            why = f"{moved} overlaps beyond the span of those given"
        return (f"{reach.kept:.4g} of the risk stays: {', and '.join(told)}, since {why}.",)

    def _left_out(self, parts: JointSplit, a: np.ndarray, t: np.ndarray, w: np.ndarray) -> float:
        """The risk that degrees without features would make, at its largest over some saved states."""
        if parts.left_out == 0:
            return 0.0
        activation, degree = self.problem.activation, parts.features.degree
        sigma = np.array(activation.coefficients(degree))
        whole = kernel(activation)
        worst = 0.0
        for at in np.unique(np.linspace(0, len(a) - 1, _LOOKED_AT).astype(int)):
            r = np.clip(t[at] @ t[at].T, -1, 1)
            rest = np.asarray(whole(r)) - np.polynomial.polynomial.polyval(r, sigma**2)
            mass = w * a[at]
            worst = max(worst, 0.5 * float(mass @ rest @ mass))
        return worst

    def describe(self) -> dict[str, Any]:
        names = [term_name(alpha) for alpha in sorted(self.problem.terms)]
        return {**self.problem.describe(), "term_names": names}

    def curves(self, record):
        left, rate = record.observables["term_residual"], record.observables["term_residual_rate"]
        target = self._learnable
        return [Curve(left[:, i], rate[:, i], abs(float(target[i]))) for i in np.flatnonzero(target)]

    @property
    def _learnable(self) -> np.ndarray:
        """c_alpha of the terms that the activation has, zero of others."""
        alphas = sorted(self.problem.terms)
        sigma = coefficients(self.problem.activation, max(sum(alpha) for alpha in alphas))
        return np.where([sigma[sum(alpha)] != 0 for alpha in alphas], self._coefficients, 0.0)

    def residuals(self, run):
        target = self._learnable
        reach = self._at_rest.reach  # of flows that are refined, which all start there
        within = [reach.stage_of(alpha) >= 0 for alpha in sorted(self.problem.terms)]
        return Residuals(target, np.array(within), run["term_residual"], run["term_residual_rate"])

    def unresolved(self, panels, run):
        frame = self._at_rest
        parts = frame.split
        a, t = run["second_layer"], run["overlap"] @ frame.space.T
        largest, scale = np.abs(parts.target).max(), np.abs(np.asarray(parts.features.scale))
        worst = np.zeros(len(panels.edges) - 1)
        for alpha, size in zip(parts.features.order.exponents, scale, strict=True):
            if size > 0 and largest > 0:
                # the moment matters where it moves its residual by a share of the largest target
                worst = np.maximum(worst, panels.missing(a * np.prod(t**alpha, axis=2), largest / size))
        return worst


@dataclass(frozen=True)
class Frame:
    """The overlaps that neurons can have, and the features in them.

    What lies outside is zero for ever, and no rounding takes it from there: along directions that are alike, rest is
    unstable.

    Attributes:
        reach: what is found.
        space: orthonormal rows, one at least, shape (r, k).
        split: features and target in coordinates of the space.
    """

    reach: Reachable
    space: np.ndarray
    split: JointSplit

    @classmethod
    def of(cls, problem: JointIndex, start: np.ndarray | None = None) -> Frame:
        """Return the frame of neurons that start with these overlaps, by default zero."""
        reach = reachable(problem, start)
        space = reach.space if len(reach.space) else np.eye(len(problem.gram))[:1]
        return cls(reach, space, joint_split(problem, space))


@lru_cache(maxsize=16)
def _frame_at_rest(problem: JointIndex) -> Frame:
    return Frame.of(problem)
