"""Networks whose first layer is free in norm too: their gradient, plain twins, conserved quantities, known numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems.compiled import field_and_observables, jacobian_and_solve

import saddlescope as ss

PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex(PHI, SIGMA)
COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2)
X, W = np.polynomial.hermite_e.hermegauss(60)
POINTS = np.stack(np.meshgrid(X, X, indexing="ij"), axis=-1).reshape(-1, 2)
WEIGHTS = np.outer(W, W).ravel() / W.sum() ** 2


def start(seed, m, d, size=0.8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(m), size * rng.standard_normal((m, d))


def risk_in_the_plane(problem, a, u):
    """E(y - f)^2 / 2 for x in two dimensions, by a product rule of 60 nodes; the teachers lie in the first axes."""
    frame = np.array([[1.0, 0.0], [problem.gram[0, -1], np.sqrt(1 - problem.gram[0, -1] ** 2)]])[: len(problem.gram)]
    y = np.asarray(problem.link(POINTS @ frame.T)) @ problem.weights / len(problem.gram)
    f = problem.activation(jnp.asarray(POINTS) @ u.T) @ a / len(a)
    return 0.5 * jnp.asarray(WEIGHTS) @ (y - f) ** 2


PROBLEMS = [
    LADDER,
    COMMITTEE,
    ss.SingleIndex([0, 1, 0.5], "tanh"),
    ss.SingleIndex("sin", "erf"),
    ss.MultiIndex("tanh", "gelu", directions=[[1, 0.3], [0.3, 1]], weights=[2.0, -1.0]),
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_field_is_the_gradient_of_the_risk(problem):
    many = problem if isinstance(problem, ss.MultiIndex) else ss.MultiIndex(problem.link, problem.activation)
    a, u = start(2, 3, 2)
    system, y = ss.NetworkFlow(problem, 0.1, initial=(a, u), sphere=False).start()
    risk, (along_a, along_u) = jax.value_and_grad(lambda a, u: risk_in_the_plane(many, a, u), (0, 1))(a, u)
    rate, result = field_and_observables(system, y)
    assert np.allclose(rate[:, 0], -3 * along_a / 0.1, atol=1e-6)
    assert np.allclose(rate[:, 1:], -3 * along_u, atol=1e-6)
    assert np.isclose(result["risk"], risk, atol=1e-8)
    steepest = -3 * (np.sum(np.square(along_a)) / 0.1 + np.sum(np.square(along_u)))
    assert np.isclose(result["risk_rate"], steepest, rtol=1e-6)


@pytest.mark.parametrize("problem", [LADDER, ss.SingleIndex("erf", "relu"), COMMITTEE])
def test_what_is_stiff_is_solved_with_the_jacobian_as_it_is(problem):
    system, y = ss.NetworkFlow(problem, 0.3, initial=start(5, 3, 5), sphere=False).start()
    x = np.random.default_rng(1).standard_normal(y.shape)
    jacobian, solved = map(np.array, jacobian_and_solve(system, y, 0.7, x))
    jacobian[:, 1:, :, 1:] = 0  # what does not grow like 1 / epsilon
    back = solved - 0.7 * np.einsum("abcd,cd->ab", jacobian, solved)
    assert np.allclose(back, x, atol=1e-10)


def polynomial_flow(t, y, m, epsilon):
    """da/dt, du/dt as averages E(y - f) sigma and a E(y - f) sigma' x over a product rule exact for cubics."""
    del t
    a, u = y[:m], y[m:].reshape(m, 2)
    points, weights = POINTS_OF_CUBICS
    z = points @ u.T

    def cubic(c, x):
        return c[0] + c[1] * x + c[2] * (x**2 - 1) / 2**0.5 + c[3] * (x**3 - 3 * x) / 6**0.5

    def slope(c, x):
        return c[1] + c[2] * 2 * x / 2**0.5 + c[3] * (3 * x**2 - 3) / 6**0.5

    e = weights * (cubic(PHI, points[:, 0]) - cubic(SIGMA, z) @ a / m)
    return np.concatenate([e @ cubic(SIGMA, z) / epsilon, ((a * slope(SIGMA, z)).T @ (e[:, None] * points)).ravel()])


x8, w8 = np.polynomial.hermite_e.hermegauss(8)
POINTS_OF_CUBICS = (
    np.stack(np.meshgrid(x8, x8, indexing="ij"), axis=-1).reshape(-1, 2),
    np.outer(w8, w8).ravel() / w8.sum() ** 2,
)


@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_agrees_with_averages_over_samples(epsilon):
    """From neurons of a tenth of norm one on; stiff where epsilon is small."""
    a, u = start(7, 3, 2, size=0.1)
    run = ss.solve(ss.NetworkFlow(LADDER, epsilon, initial=(a, u), sphere=False), until=2.0, rtol=1e-7, states=40)
    y0 = np.concatenate([a, u.ravel()])
    twin = solve_ivp(
        polynomial_flow, (0, 2.0), y0, "LSODA", run["state_time"], args=(3, epsilon), rtol=1e-10, atol=1e-12
    ).y.T
    assert np.abs(run["second_layer"] - twin[:, :3]).max() < 1e-5
    neurons = twin[:, 3:].reshape(-1, 3, 2)
    assert np.abs(run["overlap"] - neurons[..., 0]).max() < 1e-5
    assert np.abs(run["norm"] - np.linalg.norm(neurons, axis=2)).max() < 1e-5
    assert np.abs(run["mutual_overlap"] - neurons @ neurons.transpose(0, 2, 1)).max() < 1e-5
    assert run["norm"].max() > 3 * run["norm"][0].mean()  # the neurons have grown
    assert run.accuracy["integration_error"] < 1e-4
    assert not run.doubts


def test_degrees_add_up_and_residuals_are_those_of_the_network():
    run = ss.solve(ss.NetworkFlow(LADDER, 0.1, initial=start(3, 3, 2), sphere=False), until=3.0)
    assert np.allclose(run["risk_by_degree"].sum(axis=1), run["risk"], atol=1e-12)
    assert np.all(np.diff(run["risk"]) <= 1e-9)
    a, u = start(3, 3, 2)
    x = POINTS[:, 0]
    f = np.asarray(LADDER.activation(POINTS @ u.T)) @ a / 3
    hermite = np.array([1 + 0 * x, x, (x**2 - 1) / 2**0.5, (x**3 - 3 * x) / 6**0.5])
    assert np.allclose(run["residual"][0], np.array(PHI) - hermite @ (WEIGHTS * f), atol=1e-10)
    h = np.diff(run.time)[:, None]
    trapezium = h * (run["residual_rate"][1:] + run["residual_rate"][:-1]) / 2
    assert np.diff(run["residual"], axis=0) == pytest.approx(trapezium, abs=2e-4)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "identity"])
def test_homogeneous_neurons_stay_balanced(activation):
    """Of activations with sigma(l x) = l sigma(x), epsilon a^2 - |u|^2 never changes (Du, Hu, Lee 2018)."""
    problem = ss.SingleIndex([0.3, 1.0, 0.5], activation)
    run = ss.solve(ss.NetworkFlow(problem, 0.5, initial=start(4, 4, 6), sphere=False), until=4.0, rtol=1e-8)
    balance = 0.5 * run["second_layer"] ** 2 - run["norm"] ** 2
    assert np.abs(balance - balance[0]).max() < 1e-5
    assert np.abs(np.diff(run["norm"], axis=0)).max() > 0.01


def test_a_neuron_beside_a_teacher_of_another_length_has_its_known_risk():
    """erf on erf, a = 1, u = (1.2, 1.6): rescaled to norm one, its risk would be .139360."""
    flow = ss.NetworkFlow(ss.SingleIndex("erf", "erf"), 1.0, initial=([1.0], [[1.2, 1.6]]), sphere=False)
    run = ss.solve(flow, until=0.1)
    assert run["risk"][0] == pytest.approx(0.214044, abs=5e-7)
    on_sphere = ss.NetworkFlow(ss.SingleIndex("erf", "erf"), 1.0, initial=([1.0], [[0.6, 0.8]]))
    assert ss.solve(on_sphere, until=0.1)["risk"][0] == pytest.approx(0.139360, abs=5e-7)


def escapes(heights, sphere, powers):
    shares, times, rests = np.random.default_rng(3).standard_normal((2, 2)), [], []
    for power in powers:
        u = np.zeros((2, 4))
        u[:, :2] = 10 ** (-power / 2) * shares
        # of free norm, what two neurons differ by outside the teachers would fade too slowly
        u[0, 2] = u[1, 3 if sphere else 2] = 1.0
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        flow = ss.NetworkFlow(COMMITTEE, second_layer="fixed", initial=(np.ones(2), u), sphere=sphere)
        run = ss.solve(flow, until=1200.0, error_estimate=False)
        times.append(np.interp(-0.5 * heights, -run["risk"], run.time))
        rests.append(min((p.height for p in ss.plateaus(run)), key=lambda h: abs(h - heights)))
    return float(np.polyfit(np.log(10) * np.array(powers), times, 1)[0]), rests[-1]


def rate_at(a_saddle):
    """The largest rate at which two neurons u = s (v_1 + v_2), a = 1, of free norm part, by differences of the risk."""

    def kernel(c, p, q):
        return 2 / np.pi * np.arcsin(c / np.sqrt((1 + p) * (1 + q)))

    def risk(y):
        u = y.reshape(2, 2)
        q = np.sum(u**2, axis=1)
        mine = kernel(u @ u.T, q[:, None], q)
        return 0.125 * (2 * kernel(1, 1, 1) - 2 * kernel(u, q[:, None], 1.0).sum() + mine.sum())

    h = 1e-4 * np.eye(4)
    y = np.full(4, a_saddle)
    hessian = [[(risk(y + i + j) - risk(y + i - j) - risk(y - i + j) + risk(y - i - j)) / 4e-8 for i in h] for j in h]
    return -2 * np.linalg.eigvalsh(np.array(hessian))[0]


def test_the_symmetric_plateau_of_a_free_committee_is_the_published_one():
    """Saad and Solla (1995): R = 1 / sqrt(M (2M - 1)), Q = 1 / (2M - 1), here for M = 2 and means in place of sums."""
    height = 2 / np.pi * (np.pi / 6 - 2 * np.arcsin(1 / 4)) / 4
    slope, rest = escapes(height, False, [10, 14])
    assert rest == pytest.approx(height, rel=1e-3)
    assert slope == pytest.approx(1 / (2 * rate_at(1 / np.sqrt(6))), rel=0.01)


def test_the_symmetric_plateau_on_the_sphere_has_its_known_height_and_slope():
    slope, rest = escapes(0.0057146, True, [8, 12])
    assert rest == pytest.approx(0.0057146, rel=1e-4)
    assert slope == pytest.approx(21.9, rel=0.01)


def test_random_starts_have_the_norm_that_is_asked_for():
    make = lambda **more: ss.NetworkFlow(LADDER, 0.1, 4, 1000, sphere=False, seed=2, **more)  # noqa: E731
    sphere = ss.NetworkFlow(LADDER, 0.1, 4, 1000, seed=2)
    u = [np.asarray(flow.start()[1])[:, 1:] for flow in (sphere, make(), make(norm=0.01), make(start="gaussian"))]
    assert np.array_equal(u[0], u[1])
    assert np.allclose(0.01 * u[0], u[2], rtol=1e-14)
    norms = np.linalg.norm(u[3], axis=1)
    assert np.allclose(u[3] / norms[:, None], u[0], rtol=1e-12)
    assert 0 < np.abs(norms - 1).max() < 0.2  # of order d^(-1/2)


def test_small_neurons_leave_their_start_in_their_time():
    """A linear neuron with |a| = |u| = size: the part of a u along the teacher grows from size^2 / 2 at rate 2."""
    problem = ss.SingleIndex([0.0, 1.0], [0.0, 1.0])
    times = []
    for size in (1e-4, 1e-6, 1e-8):
        flow = ss.NetworkFlow(problem, 1.0, initial=([size], [[0.0, size]]), sphere=False)
        run = ss.solve(flow, until=60.0)
        times.append(np.interp(0.5, 1 - 2 * run["risk"], run.time))
    assert np.diff(times) == pytest.approx([np.log(100.0)] * 2, rel=1e-3)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"norm": 0.5}, r"Argument `norm` must be 1 on the sphere \(sphere=False frees it\), but got 0.5."),
        ({"norm": 0.0, "sphere": False}, "Argument `norm` must be positive"),
        ({"sphere": 1}, "Argument `sphere` must be True or False, but got 1."),
        ({"start": "gaussian"}, 'Argument `start` must not be "gaussian" on the sphere'),
    ],
)
def test_bad_norms_are_refused(more, message):
    with pytest.raises(ss.ArgumentError, match=message):
        ss.NetworkFlow(LADDER, 0.1, 4, 20, **more)
    with pytest.raises(ss.ArgumentError, match="Argument `norm` must not be given together with `initial`"):
        ss.NetworkFlow(LADDER, 0.1, initial=start(1, 2, 3), sphere=False, norm=0.1)


def test_a_kernel_that_is_not_known_well_is_a_doubt():
    steep = ss.SingleIndex([0, 1.0], lambda x: jnp.abs(x - 0.3))
    run = ss.solve(ss.NetworkFlow(steep, 1.0, initial=start(1, 2, 3, size=3.0), sphere=False), until=0.1)
    assert run.accuracy["kernel_error"] > 1e-4
    assert any("is known to" in doubt for doubt in run.doubts)
