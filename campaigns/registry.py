"""All families of problems by name, and the tasks of a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from campaigns.families import (
    closed_theory,
    command_line,
    curves_measured,
    deep_flow,
    deep_modes,
    deep_paths,
    deep_training,
    mean_field,
    mean_field_law,
    network,
    sgd,
)
from campaigns.families.settings import (
    clouds,
    deep_diagonal,
    joint_limit,
    optimised,
    other_costs,
    plain_networks,
    wide_limit,
)
from campaigns.fuzz import calls, damage, specs, surroundings

_ALL = (
    mean_field.FAMILY,
    mean_field_law.FAMILY,
    network.FAMILY,
    sgd.LIMIT,
    sgd.LAW,
    sgd.SAMPLES,
    deep_flow.FAMILY,
    deep_modes.FAMILY,
    deep_paths.GREEDY,
    deep_paths.LIMIT,
    closed_theory.DIAGONAL,
    deep_training.DESCENT,
    deep_training.REGIME,
    deep_training.DISTANCES,
    closed_theory.ORDER,
    curves_measured.STAIRS,
    curves_measured.TIMES,
    command_line.FAMILY,
    plain_networks.FAMILY,
    other_costs.FAMILY,
    optimised.FAMILY,
    deep_diagonal.FAMILY,
    wide_limit.FAMILY,
    joint_limit.FAMILY,
    clouds.FAMILY,
)
FUZZ = {family.name: family for family in (specs.FAMILY, damage.FAMILY, calls.FAMILY, surroundings.FAMILY)}
PROBLEMS = {family.name: family for family in _ALL}
FAMILIES = PROBLEMS | FUZZ


def tasks(problems: int, seed: int, only: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The tasks of a campaign; problem number n of a seed is the same however many there are."""
    names = only or list(PROBLEMS)
    shares = np.array([FAMILIES[name].share for name in names])
    for number in range(problems):
        rng = np.random.default_rng([seed, number, 1])
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        yield {"seed": seed, "number": number, "family": name}
