"""Networks on two Gaussian clouds: gradient, twins in all coordinates, symmetries, what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems.compiled import field_and_observables, jacobian_and_solve

import saddlescope as ss
from saddlescope.identity import identity

PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex(PHI, SIGMA)
ERF = ss.SingleIndex("erf", "erf")
COMMITTEE = ss.MultiIndex("erf", "erf", directions=[[1, 0.3], [0.3, 1]], weights=[2.0, -1.0])


def plane(nodes):
    """Nodes and weights of the standard Gaussian in two dimensions."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return points, np.outer(w, w).ravel() / w.sum() ** 2


def start(seed, m, d, size=0.8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(m), size * rng.standard_normal((m, d))


def field(problem, initial, inputs, biases=None, epsilon=0.1):
    flow = ss.NetworkFlow(problem, epsilon, initial=initial, sphere=False, inputs=inputs, biases=biases)
    rate, result = field_and_observables(*flow.start())
    return np.asarray(rate), result


@pytest.mark.parametrize(
    ("problem", "biases"), [(LADDER, None), (LADDER, 0.3), (ss.SingleIndex("sin", "erf"), None), (COMMITTEE, 0.2)]
)
def test_the_field_is_the_gradient_of_the_risk(problem, biases):
    """The risk from its definition, by a product rule: for several teachers mu is in their plane, a third axis idle."""
    many = problem if isinstance(problem, ss.MultiIndex) else ss.MultiIndex(problem.link, problem.activation)
    points, weights = plane(60)
    teachers = np.linalg.cholesky(many.gram) if len(many.gram) > 1 else np.array([[1.0, 0.0]])
    mu = 1.3 * np.array([0.6, 0.8])
    inputs = ss.Mixture(1.3, teacher=teachers @ mu / 1.3, weights=[0.7, 0.3])
    a, u = start(2, 3, 2)
    given = np.hstack([u, np.zeros((3, 1))]) if len(many.gram) > 1 else u
    rate, result = field(problem, (a, given), inputs, biases)

    def risk(a, u, b):
        total = 0.0
        for c, share in ((1, 0.7), (-1, 0.3)):
            x = points + c * mu
            y = np.asarray(many.link(x @ teachers.T)) @ many.weights / len(teachers)
            total += share * 0.5 * weights @ (y - many.activation(jnp.asarray(x) @ u.T + b) @ a / 3) ** 2
        return total

    value, (along_a, along_u, along_b) = jax.value_and_grad(risk, (0, 1, 2))(a, u, np.full(3, biases or 0.0))
    first = 1 if biases is None else 2
    assert np.allclose(rate[:, 0], -3 * along_a / 0.1, atol=1e-6)
    assert np.allclose(rate[:, first : first + 2], -3 * along_u, atol=1e-6)
    if biases is not None:
        assert np.allclose(rate[:, 1], -3 * along_b, atol=1e-6)
    assert np.isclose(result["risk"], value, atol=1e-8)
    moved = np.sum(np.square(along_u)) + (0 if biases is None else np.sum(np.square(along_b)))
    assert np.isclose(result["risk_rate"], -3 * (np.sum(np.square(along_a)) / 0.1 + moved), rtol=1e-5)
    parts = np.asarray(result["risk_by_degree"])
    assert np.all(parts > -1e-12)
    if problem is LADDER:
        assert np.isclose(parts.sum(), value, atol=1e-10)


@pytest.mark.parametrize(("problem", "biases"), [(LADDER, 0.3), (COMMITTEE, None)])
def test_what_is_stiff_is_solved_with_the_jacobian_as_it_is(problem, biases):
    inputs = ss.Mixture(1.2, teacher=0.3, weights=[0.8, 0.2])
    flow = ss.NetworkFlow(problem, 0.3, initial=start(5, 3, 5), sphere=False, inputs=inputs, biases=biases)
    system, y = flow.start()
    x = np.random.default_rng(1).standard_normal(y.shape)
    jacobian, solved = map(np.array, jacobian_and_solve(system, y, 0.7, x))
    jacobian[:, 1:, :, 1:] = 0  # what does not grow like 1 / epsilon
    assert np.allclose(solved - 0.7 * np.einsum("abcd,cd->ab", jacobian, solved), x, atol=1e-10)


def test_one_cloud_around_the_origin_is_isotropic():
    make: dict[str, Any] = {"epsilon": 0.1, "neurons": 3, "dimension": 30, "sphere": False, "seed": 4}
    plain = ss.NetworkFlow(LADDER, **make)
    same = ss.NetworkFlow(LADDER, **make, inputs=ss.Mixture(0.0, teacher=0.4))
    assert type(same.start()[0]) is type(plain.start()[0])
    assert np.array_equal(same.start()[1], plain.start()[1])
    assert "inputs" not in same.describe()
    rates = [field(LADDER, start(3, 3, 4), inputs) for inputs in (None, ss.Mixture(1e-9, teacher=0.4))]
    assert np.allclose(rates[0][0], rates[1][0], atol=1e-6)
    assert np.allclose(rates[0][1]["risk"], rates[1][1]["risk"], atol=1e-7)


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])
def test_what_is_linear_sees_second_moments_only(weights):
    """E x x^T = 1 + mu mu^T: a covariance of 1 + |mu|^2 along mu, whatever the weights of the clouds."""
    cosine, distance = 0.6, 1.5
    sine = np.sqrt(1 - cosine**2)
    # from axes (v, what mu has beside it, the rest) to (mu, what v has beside it, the rest)
    turn = np.eye(4)
    turn[:2, :2] = [[cosine, sine], [sine, -cosine]]
    a, u = start(6, 2, 4)
    linear = ss.SingleIndex([0, 1], [0, 1])
    along = ss.Covariance([1 + distance**2, 1.0], shares=[1, 3], teacher=[cosine**2, sine**2])
    expected, told = field(linear, (a, u @ turn.T), along)
    rate, result = field(linear, (a, u), ss.Mixture(distance, teacher=cosine, weights=weights))
    # a flow on a covariance has the teacher's axes of both eigenspaces first, and so these coordinates
    assert np.allclose(rate[:, 0], expected[:, 0], atol=1e-11)
    assert np.allclose(rate[:, 1:] @ turn.T, expected[:, 1:], atol=1e-11)
    assert np.isclose(result["risk"], told["risk"], atol=1e-12)


def test_odd_functions_do_not_tell_clouds_apart():
    """x -> -x turns one cloud into the other, and changes the sign of all errors of odd functions."""
    at = start(7, 3, 4)
    rates = [field(ERF, at, ss.Mixture(1.4, teacher=0.5, weights=[w, 1 - w]))[0] for w in (1.0, 0.5, 0.2)]
    assert np.allclose(rates[0], rates[1], atol=1e-6)
    assert np.allclose(rates[0], rates[2], atol=1e-6)


def test_clouds_turned_round_are_the_same_problem():
    at = start(8, 3, 2)
    mirror = np.array([1.0, -1.0])
    one, _ = field(LADDER, at, ss.Mixture(1.4, weights=[0.8, 0.2]))
    # orthogonal to the teacher, mu may be turned round with its weights, and neurons with it
    other, same = (
        field(LADDER, (at[0], at[1] * mirror), ss.Mixture(1.4, weights=weights))[0]
        for weights in ([0.2, 0.8], [0.8, 0.2])
    )
    assert np.allclose(one[:, 0], other[:, 0])
    assert np.allclose(one[:, 1:] * mirror, other[:, 1:])
    assert not np.allclose(one[:, 0], same[:, 0], rtol=0.01)


def quadratic_flow(t, y, m, mu, v):
    """For h_2 on h_2, A = v v^T - mean_i u_i u_i^T: 4 R = 2 tr A^2 + 4 |A mu|^2 + (tr A + mu A mu)^2."""
    del t
    u = y.reshape(m, -1)
    A = np.outer(v, v) - u.T @ u / m
    B = np.outer(mu, mu)
    mean = np.trace(A) + mu @ A @ mu
    return (u @ (2 * A + 2 * (A @ B + B @ A) + mean * (np.eye(len(v)) + B))).ravel()


def test_few_coordinates_stand_for_all_of_them():
    """Quadratic neurons in 14 dimensions, against their flow in all 14, turned round."""
    rng = np.random.default_rng(8)
    u, distance, cosine = 0.3 * rng.standard_normal((2, 14)), 1.1, 0.5
    problem = ss.SingleIndex([0, 0, 1], [0, 0, 1])
    inputs = ss.Mixture(distance, teacher=cosine, weights=[0.7, 0.3])
    flow = ss.NetworkFlow(problem, np.inf, initial=(np.ones(2), u), sphere=False, inputs=inputs)
    assert np.asarray(flow.start()[1]).shape == (2, 1 + 2 + 2)
    run = ss.solve(flow, until=3.0, rtol=1e-8)
    turn = np.linalg.qr(rng.standard_normal((14, 14)))[0]
    v, mu = turn[:, 0], distance * (cosine * turn[:, 0] + np.sqrt(1 - cosine**2) * turn[:, 1])
    y0, times = (u @ turn.T).ravel(), run["state_time"]
    twin = solve_ivp(quadratic_flow, (0, 3.0), y0, "DOP853", times, args=(2, mu, v), rtol=1e-11, atol=1e-12)
    twin = twin.y.T.reshape(-1, 2, 14)
    assert run["norm"] == pytest.approx(np.linalg.norm(twin, axis=2), abs=1e-6)
    assert run["overlap"] == pytest.approx(twin @ v, abs=1e-6)
    assert run["overlap_with_centre"] == pytest.approx(twin @ mu / distance, abs=1e-6)
    assert run["mutual_overlap"] == pytest.approx(twin @ twin.transpose(0, 2, 1), abs=1e-6)
    A = np.outer(v, v) - np.einsum("tij,tik->tjk", twin, twin) / 2
    mean = np.trace(A, axis1=1, axis2=2) + A @ mu @ mu
    risk = (2 * np.sum(A**2, axis=(1, 2)) + 4 * np.sum((A @ mu) ** 2, axis=1) + mean**2) / 4
    assert np.interp(times, run.time, run["risk"]) == pytest.approx(risk, abs=2e-4)
    assert run["risk_by_degree"].sum(axis=1) == pytest.approx(run["risk"], abs=1e-10)
    assert not run.doubts


def plain(t, y, epsilon, points, weights, mu):
    """Averages over a product rule around both centres, exact for these polynomials."""
    del t
    a, u = y[:3], y[3:].reshape(3, 2)

    def cubic(c, x):
        return c[0] + c[1] * x + c[2] * (x**2 - 1) / 2**0.5 + c[3] * (x**3 - 3 * x) / 6**0.5

    rate = np.zeros_like(y)
    for c, share in ((1, 0.75), (-1, 0.25)):
        x = points + c * mu
        z = x @ u.T
        slope = SIGMA[1] + SIGMA[2] * 2 * z / 2**0.5 + SIGMA[3] * (3 * z**2 - 3) / 6**0.5
        e = share * weights * (cubic(PHI, x[:, 0]) - cubic(SIGMA, z) @ a / 3)
        rate += np.concatenate([e @ cubic(SIGMA, z) / epsilon, ((a * slope).T @ (e[:, None] * x)).ravel()])
    return rate


def test_a_run_agrees_with_averages_over_both_clouds(tmp_path):
    (a, u), mu = start(7, 3, 2), 0.9 * np.array([0.4, np.sqrt(1 - 0.16)])
    inputs = {"distance": 0.9, "teacher": 0.4, "weights": [0.75, 0.25]}
    flow = ss.NetworkFlow(LADDER, 0.01, initial=(a, u), sphere=False, inputs=inputs)
    run = ss.solve(flow, until=1.0, rtol=1e-7, states=30)
    y0, times = np.concatenate([a, u.ravel()]), run["state_time"]
    twin = solve_ivp(plain, (0, 1.0), y0, "DOP853", times, args=(0.01, *plane(8), mu), rtol=1e-10, atol=1e-11).y.T
    assert np.abs(run["second_layer"] - twin[:, :3]).max() < 1e-5
    assert np.abs(run["overlap"] - twin[:, 3::2]).max() < 1e-5
    assert np.abs(run["overlap_with_centre"] - twin[:, 3:].reshape(-1, 3, 2) @ mu / 0.9).max() < 1e-5
    assert np.allclose(run["risk_by_degree"].sum(axis=1), run["risk"], atol=1e-10)
    assert run.accuracy["integration_error"] < 1e-4
    assert not run.doubts
    run.save(tmp_path / "run.nc")
    loaded = ss.load(tmp_path / "run.nc")
    assert loaded.parameters == run.parameters
    assert loaded.parameters["inputs"] == {"distance": 0.9, "teacher": [0.4], "weights": [0.75, 0.25]}
    assert loaded.dims["overlap_with_centre"] == ("state_time", "neuron")
    assert "two clouds, 0.9 from the origin" in " ".join(str(ss.compare(loaded)).split())
    assert "two clouds, 0.9 from the origin, teacher cosine" in ss.single_index.side_by_side(loaded).labels[0]
    legend = ss.plot.order_parameters(loaded).get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["with the teacher", "with the centre of a cloud"]


def test_neurons_that_have_turned_away_from_the_centre_take_long_steps():
    """Their overlaps with it pass through zero together, where errors must not be held to their size."""
    committee = ss.MultiIndex("erf", "erf", directions=2)
    make: dict[str, Any] = {"second_layer": "fixed", "neurons": 2, "dimension": 400, "sphere": False, "norm": 0.1}
    flow = ss.NetworkFlow(committee, **make, seed=1, inputs=ss.Mixture(2.0))
    run = ss.solve(flow, until=500.0, error_estimate=False, max_steps=1500)
    assert run.outcome == "REACHED_END"
    assert run["risk"][-1] < 1e-7


def test_mixtures_are_told_apart():
    make: dict[str, Any] = {"epsilon": 0.1, "neurons": 2, "dimension": 12, "sphere": False}
    others = (
        ss.Mixture(1.0),
        ss.Mixture(1.1),
        ss.Mixture(1.0, teacher=0.1),
        ss.Mixture(1.0, weights=[0.4, 0.6]),
        None,
        [2.0, 1.0],
    )
    assert len({identity(ss.NetworkFlow(ERF, **make, inputs=other)) for other in others}) == len(others)


def test_starts_are_isotropic_in_any_dimension():
    make: dict[str, Any] = {
        "epsilon": 1.0,
        "neurons": 60,
        "sphere": False,
        "norm": 0.5,
        "inputs": ss.Mixture(2.0, teacher=0.6),
    }
    for d in (5, 400):
        u = np.asarray(ss.NetworkFlow(LADDER, **make, dimension=d, seed=1).start()[1])[:, 1:]
        assert np.linalg.norm(u, axis=1) == pytest.approx(0.5)
        assert np.mean((u[:, :2] @ [0.6, 0.8]) ** 2) == pytest.approx(0.25 / d, rel=0.4)
    others: tuple[dict[str, Any], ...] = ({"dimension": float("inf")}, {"dimension": 400, "start": "orthogonal"})
    for more in others:
        u = np.asarray(ss.NetworkFlow(LADDER, **make, **more).start()[1])[:, 1:]
        assert u @ u.T == pytest.approx(0.25 * np.eye(60), abs=1e-12)
        assert np.allclose(u[:, :2], 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.Mixture(-1.0), "`distance` must not be negative, but got -1.0"),
        (lambda: ss.Mixture(float("nan")), "`distance` must be a finite number"),
        (
            lambda: ss.Mixture(1.0, teacher=1.2),
            "`teacher` must be a cosine with the teacher, from -1 to 1, but got 1.2",
        ),
        (lambda: ss.Mixture(1.0, teacher=float("nan")), "`teacher` must be a finite number"),
        (lambda: ss.Mixture(1.0, weights=[0.5, 0.6]), "`weights` must be two numbers from 0 on of sum one"),
        (lambda: ss.Mixture(1.0, weights=[1.5, -0.5]), "`weights` must be two numbers from 0 on of sum one"),
        (lambda: ss.Mixture(1.0, weights=[1.0]), "`weights` must be two numbers from 0 on of sum one"),
        (lambda: flow_of({"distance": -1.0}), "`inputs.distance` must not be negative"),
        (lambda: flow_of({"distance": 1.0, "shares": [1]}), r"`inputs` must have known keys only \(beside distance"),
        (lambda: flow_of(ss.Mixture(1.0), sphere=True), "`sphere` must be False beside inputs that are not isotropic"),
        (lambda: flow_of(ss.Mixture(1.0, teacher=0.9), problem=COMMITTEE), "`teacher` must be cosines that one"),
        (lambda: flow_of(ss.Mixture(1.0, teacher=[0.1] * 3), problem=COMMITTEE), "`teacher` must be one cosine, or"),
        (lambda: flow_of(ss.Mixture(1.0), dimension=1), "`dimension` must be a whole number of at least 2"),
        (
            lambda: ss.OnePassSGD(ERF, 0.1, 2, 20, 1e-3, sphere=False, inputs=ss.Mixture(1.0)),
            "`inputs` must be a covariance for descent on samples",
        ),
        (
            lambda: ss.NetworkFlow(ss.JointIndex("z1*z2", [0, 1, 1]), 0.1, 4, 20, inputs=ss.Mixture(1.0)),
            "`sphere` must",
        ),
    ],
)
def test_bad_inputs_are_refused(make, message):
    with pytest.raises(ss.ArgumentError, match=message):
        make()


def flow_of(inputs, *, sphere=False, dimension=20, problem: Any = ERF):
    return ss.NetworkFlow(problem, 0.1, 2, dimension, sphere=sphere, inputs=inputs)


def test_clouds_that_teachers_do_not_see_leave_the_plateau_of_one():
    """Its height is known (Saad and Solla 1995); clouds that they see make it higher and shorter."""
    committee = ss.MultiIndex("erf", "erf", directions=2)
    initial = np.ones(2), np.array([[0.003, 0.006, 0.05, 0.08], [0.001, 0.003, 0.06, -0.07]])
    plateaus = []
    for inputs in (None, ss.Mixture(2.0), ss.Mixture(2.0, teacher=0.5)):
        flow = ss.NetworkFlow(committee, second_layer="fixed", initial=initial, sphere=False, inputs=inputs)
        run = ss.solve(flow, 400.0, error_estimate=False)
        plateaus.append(ss.plateaus(run)[-1] if ss.plateaus(run)[-1].over else ss.plateaus(run)[-2])
    one, unseen, seen = plateaus
    height = (np.pi / 6 - 2 * np.arcsin(1 / 4)) / (2 * np.pi)
    assert one.height == pytest.approx(height, rel=1e-3)
    assert unseen.height == pytest.approx(height, rel=1e-3)
    assert unseen.end == pytest.approx(one.end, rel=5e-3)
    assert seen.height > 1.2 * height
    assert seen.end < 0.9 * one.end


def test_its_name_says_where_the_clouds_lie():
    assert repr(ss.Mixture(2.0, [0.6, 0.1])) == "Mixture(two clouds, 2 from the origin, teacher cosines 0.6, 0.1)"
    assert repr(ss.Mixture(1.0, weights=[0.9, 0.1])) == (
        "Mixture(clouds of weights 0.9 and 0.1, 1 from the origin, teacher cosine 0)"
    )
    assert repr(ss.Mixture(0.0)) == "Mixture(two clouds, around the origin)"
