"""Deep linear flows on measurements of the product and on labels, from starts of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaigns.case import Family
from campaigns.draws import flip, one_of
from campaigns.families import deep_flow


def draw_cost(rng: np.random.Generator) -> dict[str, Any]:
    """Few measurements, or more than the product has entries; labels that can be separated, or not."""
    kind = one_of(rng, ["sensing", "logistic", "exponential"], [3, 3, 1])
    rows, columns = one_of(rng, [(1, 2), (2, 2), (2, 3), (3, 3)], [1, 4, 2, 2])
    drawn: dict[str, Any] = {"kind": kind, "mask": np.ones((rows, columns), int).tolist()}
    if kind == "sensing":
        matrix = np.round(rng.standard_normal((rows, columns)), 2)
        measurements = np.round(rng.standard_normal((one_of(rng, [1, 2, 4, 12]), rows, columns)), 2)
        if flip(rng, 0.3):  # of few entries each
            measurements[rng.random(measurements.shape) < 0.6] = 0.0
        if not np.any(np.einsum("kij,ij->k", measurements, matrix)):
            measurements[0], matrix[0, 0] = 1.0, 5.0
        return drawn | {"matrix": matrix.tolist(), "measurements": measurements.tolist()}
    examples = one_of(rng, [2, 4, 12])
    X = np.round(rng.standard_normal((columns, examples)), 2)
    labels = np.where(np.round(rng.standard_normal((rows, columns)), 2) @ X > 0, 1.0, -1.0)
    if flip(rng, 0.5):
        labels[rng.random(labels.shape) < 0.25] *= -1
    if not np.any(labels @ X.T):
        X[0, 0] += 1.0
    return drawn | {"matrix": np.zeros((rows, columns)).tolist(), "inputs": X.tolist(), "labels": labels.tolist()}


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """The starts of the other deep flows."""
    return deep_flow.draw(rng) | {"cost": draw_cost(rng)}


FAMILY = Family("other costs", 3.0, draw, deep_flow.judge)
