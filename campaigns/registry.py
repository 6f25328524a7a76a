"""All families of problems by name, and the tasks of a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from campaigns.families import deep_flow, deep_modes, mean_field

FAMILIES = {family.name: family for family in (mean_field.FAMILY, deep_flow.FAMILY, deep_modes.FAMILY)}


def tasks(problems: int, seed: int, only: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The tasks of a campaign; problem number n of a seed is the same however many there are."""
    names = only or list(FAMILIES)
    shares = np.array([FAMILIES[name].share for name in names])
    for number in range(problems):
        rng = np.random.default_rng([seed, number, 1])
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        yield {"seed": seed, "number": number, "family": name}
