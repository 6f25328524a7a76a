"""A made-up run of three degrees, so that pictures are tested without solving anything."""

import numpy as np
import pytest

from saddlescope.solve import Outcome
from saddlescope.trajectory import Trajectory


class Staircase:
    """A prediction with sharp steps."""

    def __init__(self, times, parts):
        self._times, self._parts = np.asarray(times), np.asarray(parts)

    def times(self, epsilon):
        return self._times

    def risk(self, time, epsilon):
        known = np.where(np.isnan(self._times), np.inf, self._times)
        return (self._parts * (np.asarray(time)[:, None] < known)).sum(axis=1)


PHI = np.array([1.0, -1.0, 0.5])
TIMES = np.array([1e-6, 1e-3, 1e-1])


@pytest.fixture
def run():
    time = np.concatenate([[0.0], np.geomspace(1e-9, 10.0, 200)])
    residual = PHI / (1 + (time[:, None] / TIMES) ** 4)
    rate = -4 * residual**2 / PHI * (time[:, None] / TIMES) ** 3 / TIMES
    states = np.concatenate([[0.0], np.geomspace(1e-9, 10.0, 40)])
    initial = np.linspace(-1.0, 1.0, 50)
    weight = np.full(50, 0.02)
    overlap = np.outer(states / 10.0, initial) ** 3
    return Trajectory(
        kind="MadeUp",
        observables={
            "risk": 0.5 * (residual**2).sum(axis=1),
            "risk_by_degree": 0.5 * residual**2,
            "risk_rest": np.zeros_like(time),
            "residual": residual,
            "residual_rate": rate,
            "second_layer": np.tile(initial, (len(states), 1)),
            "overlap": overlap,
            "weight": weight,
        },
        dims={},
        coords={"time": time, "degree": np.arange(3), "state_time": states, "neuron": np.arange(50)},
        parameters={"epsilon": 1e-6, "link_coefficients": PHI.tolist()},
        outcome=Outcome.REACHED_END,
    )


@pytest.fixture
def order():
    return Staircase(TIMES, 0.5 * PHI**2)
