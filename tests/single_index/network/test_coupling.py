"""What is stiff in a finite network, against the dense Jacobian."""

import jax.numpy as jnp
import numpy as np
import pytest
from systems.compiled import jacobian_and_solve

import saddlescope as ss
from saddlescope.single_index.network.coupling import FeatureMatrix
from saddlescope.single_index.network.system import NetworkSystem

LADDER = ss.SingleIndex([1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3])
TWO = ss.MultiIndex([1.0, -1.0, 1.0], [1.0, 1.0, 0.5], [[1.0, 0.3], [0.3, 1.0]], [1.0, -2.0])


@pytest.mark.parametrize("epsilon", [1e-6, 1.0])
@pytest.mark.parametrize(
    ("problem", "dimension"), [(LADDER, 3), (LADDER, 40), (TWO, 5), (ss.SingleIndex("relu", "relu"), 9)]
)
def test_solves_are_those_of_the_jacobian_but_for_most_of_the_block_of_directions(problem, dimension, epsilon):
    m, shift = 6, 0.3 * epsilon**0.5
    system, y = ss.NetworkFlow(problem, epsilon, m, dimension, seed=3).start()
    assert isinstance(system, NetworkSystem)
    y = y.at[:, 0].multiply(epsilon**-0.25)  # as neurons have that learn alone
    right = np.random.default_rng(0).standard_normal(y.shape)
    jacobian, solved = jacobian_and_solve(system, y, shift, right)
    J, result = np.array(jacobian), np.asarray(solved)
    J[:, 1:, :, 1:] = 0
    # the force on u_i over a_i is what its rate is made of, before that is turned orthogonal to u_i
    a, u = np.asarray(y[:, 0]), np.asarray(y[:, 1:])
    for i in range(m):
        others = np.arange(m) != i
        push = np.asarray(system.V.derivative(u[i] @ system.frame.T)) * np.asarray(system.b)
        pull = a[others] * np.asarray(system.U.derivative(u[others] @ u[i])) / m
        along = a[i] * (push @ np.asarray(system.frame) - pull @ u[others]) @ u[i]
        J[i, 1:, i, 1:] = -max(along, 0.0) * (np.eye(u.shape[1]) - np.outer(u[i], u[i]))
    back = result - shift * np.tensordot(J, result, 2)
    assert np.abs(back - right).max() < 1e-9 * max(1.0, np.abs(result).max() * shift / epsilon)


def test_of_a_wide_network_the_range_of_the_slope_is_kept():
    run = ss.solve(ss.NetworkFlow(LADDER, 1e-2, 140), until=1.0, rtol=1e-4, states=2)
    s, off = run["overlap"][-1], ~np.eye(140, dtype=bool)
    assert np.abs(s).max() > 0.1
    # what neurons have in common beside the teacher is small, and smooth in their second layer
    r = np.outer(s, s) + 0.1 * np.outer(np.cos(run["second_layer"][-1]), np.cos(run["second_layer"][-1])) / 140
    S = 1 + 0.5 * r + 0.27 * r**2
    kept = FeatureMatrix.of(jnp.asarray(S))
    x = np.random.default_rng(0).standard_normal((140, 3))
    assert kept.frame is not None
    assert np.asarray(kept @ jnp.asarray(x)) == pytest.approx(S @ x, abs=1e-8)
    assert np.asarray(kept.dense())[off] == pytest.approx(S[off], abs=1e-8)
    weights = np.linspace(0.0, 1.0, 140)[:, None]
    assert np.asarray(kept.squared(jnp.asarray(weights))) == pytest.approx(S @ (weights * S), abs=1e-7)
    # few steps of the iteration, also where the part in the range stands for the whole
    assert run.solver["evaluations"] < 1.8 * run.solver["steps_accepted"]
