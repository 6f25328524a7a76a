import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from saddlescope.diagonal_linear import jump_sequence
from saddlescope.diagonal_linear.dynamics import dual_flow as flow
from saddlescope.diagonal_linear.problem.regression import reference_regression

regressor, regressor_slope, dual = jax.jit(flow.regressor), jax.jit(flow.regressor_slope), jax.jit(flow.dual)
X, Y = (jnp.asarray(part) for part in reference_regression())


@settings(max_examples=40, derandomize=True, deadline=None)
@given(beta=st.floats(-5, 5), log_scale=st.floats(0.1, 1000))
def test_dual_inverts_the_regressor(beta: float, log_scale: float):
    s = dual(jnp.asarray(beta), log_scale)
    # ds of one rounding moves β by ds · dβ/ds
    slope = float(regressor_slope(s, log_scale))
    assert float(regressor(s, log_scale)) == pytest.approx(beta, abs=1e-15 * (1 + 4 * slope), rel=1e-13)


def test_plain_formulas_agree_where_they_do_not_overflow():
    s, ell = np.linspace(-1.2, 1.2, 7), 3.0
    alpha = np.exp(-ell)
    beta = regressor(jnp.asarray(s), ell)
    assert np.allclose(beta, alpha**2 * np.sinh(2 * ell * s), rtol=1e-13)
    assert np.allclose(dual(beta, ell), s, atol=1e-14)
    slope = jax.jit(jax.jacfwd(flow.regressor))(jnp.asarray(s), ell)
    assert np.allclose(np.diag(regressor_slope(jnp.asarray(s), ell)), slope, rtol=1e-13)
    by_hand, automatic = jax.jit(lambda b: (flow.loss_gradient(b, X, Y), jax.grad(flow.loss)(b, X, Y)))(beta)
    assert np.allclose(by_hand, automatic, atol=1e-13)


def test_velocity_is_finite_at_the_smallest_scale():
    s = jnp.array([1.0, -1.0, 0.999, 0.0, -0.5, 0.2, 1.0005])
    beta = flow.regressor(s, 1000.0)
    assert beta[:2].tolist() == [0.5, -0.5]
    assert np.all(np.isfinite(flow.velocity(s, X, Y, 1000.0)))


def test_dual_flow_is_the_flow_of_the_two_layers():
    # u' = −∇L ⊙ v, v' = −∇L ⊙ u from u = √2 α, v = 0, on the clock of the weights
    alpha = 0.1
    ell, inputs, outputs = -np.log(alpha), np.asarray(X), np.asarray(Y)

    def layers(_: float, w: np.ndarray) -> np.ndarray:
        g = inputs.T @ (inputs @ (w[:7] * w[7:]) - outputs) / 5
        return -np.concatenate([g * w[7:], g * w[:7]])

    start = np.concatenate([np.full(7, np.sqrt(2) * alpha), np.zeros(7)])
    weights = solve_ivp(layers, (0, 4 * ell), start, rtol=1e-10, atol=1e-12).y[:, -1]
    field = jax.jit(flow.velocity)
    dual = solve_ivp(
        lambda _, s: np.asarray(field(s, X, Y, ell)),
        (0, 4),
        np.zeros(7),
        method="Radau",
        rtol=1e-9,
        atol=1e-11,
    ).y[:, -1]
    assert np.allclose(flow.regressor(jnp.asarray(dual), ell), weights[:7] * weights[7:], atol=1e-7)


@pytest.mark.parametrize("ell", [100.0, 1000.0])
def test_flow_from_the_smallest_scales_visits_the_predicted_saddles(ell: float):
    path = jump_sequence(X, Y)
    probes = np.array([0.3, 0.7, 2.0, 4.0])
    field, jacobian = jax.jit(flow.velocity), jax.jit(jax.jacfwd(flow.velocity))
    run = solve_ivp(
        lambda _, s: np.asarray(field(s, X, Y, ell)),
        (0, 4),
        np.zeros(7),
        method="Radau",
        jac=lambda _, s: np.asarray(jacobian(s, X, Y, ell)),
        t_eval=probes,
        rtol=1e-7,
        atol=1e-9,
    )
    reached = np.asarray(flow.regressor(jnp.asarray(run.y.T), ell))
    # a coordinate that the last jump leaves at the boundary with β = 0 decays no faster than 1/ℓ
    assert np.max(np.abs(reached - [path.at(t) for t in probes])) < 2 / ell
    # before the first jump s moves on a straight line
    assert np.allclose(run.y[:, 0], 0.3 * np.asarray(flow.velocity(jnp.zeros(7), X, Y, ell)), atol=1e-6)
