"""Mean-field flows of a link: one overlap a neuron."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from saddlescope.arguments import ArgumentError, vector
from saddlescope.single_index.mean_field.directions import Directions, Residuals
from saddlescope.single_index.mean_field.overlap_features import split
from saddlescope.single_index.mean_field.system import MeanFieldSystem
from saddlescope.single_index.problem.single_index import SingleIndex
from saddlescope.single_index.residuals import residual_curves
from saddlescope.solve import Reading

_PINNED = 40.0  # tanh of it rounds to one


class OneDirection(Directions):
    """Of a `SingleIndex`."""

    def __init__(self, problem: SingleIndex):
        self.problem = problem

    def rows(self, s):
        del s
        return 2

    def resting(self, a):
        return np.zeros_like(a)

    def given(self, initial):
        try:
            a, s = initial
        except (TypeError, ValueError):
            raise ArgumentError("initial", "be a pair (a, s) of arrays of one shape (m,)", initial) from None
        a, s = vector("initial", a), vector("initial", s)
        if a.shape != s.shape:
            raise ArgumentError("initial", "hold a and s of one shape", (a.shape, s.shape))
        if np.abs(s).max() > 1:
            raise ArgumentError("initial", "hold overlaps s in [-1, 1]", float(np.abs(s).max()))
        return a, s

    def system(self, epsilon, particles):
        a, s, w = particles
        parts = split(self.problem)
        pinned = np.abs(s) == 1
        with np.errstate(divide="ignore"):
            z = np.where(pinned, _PINNED * s, np.arctanh(s))
        own = np.arange(len(parts.target)) < parts.explicit
        system = MeanFieldSystem(
            epsilon=jnp.asarray(epsilon, jnp.float64),
            weights=jnp.asarray(w),
            free=jnp.asarray(1.0 - pinned),
            features=parts.features,
            target=jnp.asarray(parts.target),
            aims=jnp.asarray(np.where(own & (parts.target != 0), np.abs(parts.target), np.inf)),
            floor=jnp.asarray(parts.floor, jnp.float64),
            degrees=self.problem.reported_degree,
        )
        return system, jnp.asarray(np.stack([a, z]))

    @property
    def numbers(self):
        return 16.0  # two, in all stages of a step

    @property
    def pull(self):
        phi, sigma = self._coefficients
        return float(np.sum(np.arange(len(phi)) * np.abs(sigma * phi)))

    @property
    def _coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        return self.problem.link_coefficients, self.problem.activation_coefficients

    def read(self, record, particles):
        a, _, w = particles
        parts = split(self.problem)
        phi, sigma = self._coefficients
        raw = record.observables
        residual = phi - sigma * raw["moment"]
        by_degree = 0.5 * residual**2
        observables = {
            "risk": raw["risk"],
            "risk_rate": raw["risk_rate"],
            "risk_by_degree": by_degree,
            "risk_rest": raw["risk"] - by_degree.sum(axis=1),
            "residual": residual,
            "residual_rate": -sigma * raw["moment_rate"],
            "moment": raw["moment"],
            "second_layer": record.states[:, 0, : len(a)],
            "overlap": np.tanh(record.states[:, 1, : len(a)]),
            "weight": w,
        }
        return Reading(
            observables,
            {"degree": np.arange(len(phi)), "neuron": np.arange(len(a))},
            accuracy={
                "activation": parts.description,
                "kernel_error": parts.kernel_error,
                "link_error": parts.link_error,
                "unlearnable_risk": parts.floor,
                "particles": len(a),
            },
        )

    def describe(self) -> dict[str, Any]:
        phi, sigma = self._coefficients
        return {
            "link": self.problem.link.name,
            "activation": self.problem.activation.name,
            "link_coefficients": phi.tolist(),
            "activation_coefficients": sigma.tolist(),
        }

    def curves(self, record):
        phi, sigma = self._coefficients
        return residual_curves(phi, sigma, record.observables["moment"], record.observables["moment_rate"])

    def residuals(self, run):
        phi, sigma = self._told(run)
        return Residuals(phi, sigma != 0, run["residual"], run["residual_rate"])

    def unresolved(self, panels, run):
        phi, sigma = (np.abs(coefficients) for coefficients in self._told(run))
        # the moment of a degree matters where it moves that residual by a share of the largest target
        scales = np.full(len(phi), np.inf)
        scales[sigma > 0] = phi.max() / sigma[sigma > 0]
        return panels.unresolved(run["second_layer"], run["overlap"], scales)

    def _told(self, run: Any) -> tuple[np.ndarray, np.ndarray]:
        told = run.parameters
        return np.array(told["link_coefficients"]), np.array(told["activation_coefficients"])
