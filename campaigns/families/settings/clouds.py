"""Networks on inputs in two Gaussian clouds, beside plain quadrature over both."""

from __future__ import annotations

from typing import Any

import numpy as np

from campaigns.case import Family
from campaigns.draws import flip, one_of, size
from campaigns.families.settings import plain_networks


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """A plain network of free norm, with biases or without, and clouds near and far, of like and unlike weights."""
    p = plain_networks.draw(rng)
    while p["kind"] not in ("free", "biased") or p["sphere"]:
        p = plain_networks.draw(rng)
    most = 1.0 if p["teachers"] == 1 else 0.7
    share = one_of(rng, [0.5, 1.0, round(float(rng.uniform(0, 1)), 3)], [3, 1, 2])
    return p | {
        "clouds": {
            "distance": size(rng, 1e-3, 3),
            "teacher": 0.0 if flip(rng, 0.3) else round(float(rng.uniform(-most, most)), 3),
            "weights": [share, round(1 - share, 3)],
        }
    }


FAMILY = Family("two clouds", 2.0, draw, plain_networks.judge)
