"""Networks on inputs of any covariance: gradient, closed forms, twins in all d coordinates, plateaus over spectra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems.compiled import field_and_observables, jacobian_and_solve

import saddlescope as ss
from saddlescope.identity import identity

LADDER = ss.SingleIndex([1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3])
COMMITTEE = ss.MultiIndex(link="erf", activation="erf", directions=2)
X, W = np.polynomial.hermite_e.hermegauss(60)
POINTS = np.stack(np.meshgrid(X, X, indexing="ij"), axis=-1).reshape(-1, 2)
WEIGHTS = np.outer(W, W).ravel() / W.sum() ** 2
SPECTRUM = np.array([1.7, 0.4])


def start(seed, m, d, size=0.8):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(m), size * rng.standard_normal((m, d))


@pytest.mark.parametrize(
    ("problem", "teacher", "biases"),
    [
        (LADDER, None, None),
        (ss.SingleIndex("sin", "erf"), [0.7, 0.3], 0.3),
        (ss.MultiIndex("tanh", "gelu", directions=[[1, 0.3], [0.3, 1]], weights=[2.0, -1.0]), "random", None),
    ],
)
def test_the_field_is_the_gradient_of_the_risk(problem, teacher, biases):
    many = problem if isinstance(problem, ss.MultiIndex) else ss.MultiIndex(problem.link, problem.activation)
    a, u = start(2, 3, 2)
    inputs = ss.Covariance(SPECTRUM, teacher=teacher, seed=3)
    flow = ss.NetworkFlow(problem, 0.1, initial=(a, u), sphere=False, inputs=inputs, biases=biases)
    system, y = flow.start()
    if teacher == "random":
        teachers = np.asarray(system.frame)  # pyright: ignore[reportAttributeAccessIssue]
        assert np.allclose(teachers @ teachers.T, many.gram, atol=1e-12)
    else:
        teachers = np.sqrt([teacher or [0.5, 0.5]])
    shift = biases or 0.0

    def risk(a, u, b):
        x = jnp.asarray(POINTS * np.sqrt(SPECTRUM))
        t = np.asarray(many.link(np.asarray(x) @ teachers.T)) @ many.weights / len(many.gram)
        return 0.5 * jnp.asarray(WEIGHTS) @ (t - many.activation(x @ u.T + b) @ a / 3) ** 2

    value, (along_a, along_u, along_b) = jax.value_and_grad(risk, (0, 1, 2))(a, u, np.full(3, shift))
    rate, result = field_and_observables(system, y)
    first = 1 if biases is None else 2
    assert np.allclose(rate[:, 0], -3 * along_a / 0.1, atol=1e-6)
    assert np.allclose(rate[:, first:], -3 * along_u, atol=1e-6)
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
    inputs = ss.Covariance([2.0, 0.3], shares=[2, 3])
    start_at = start(5, 3, 5)
    flow = ss.NetworkFlow(problem, 0.3, initial=start_at, sphere=False, inputs=inputs, biases=biases)
    system, y = flow.start()
    x = np.random.default_rng(1).standard_normal(y.shape)
    jacobian, solved = map(np.array, jacobian_and_solve(system, y, 0.7, x))
    jacobian[:, 1:, :, 1:] = 0  # what does not grow like 1 / epsilon
    back = solved - 0.7 * np.einsum("abcd,cd->ab", jacobian, solved)
    assert np.allclose(back, x, atol=1e-10)


def test_linear_networks_learn_each_eigenvalue_at_its_rate():
    """With a = 1 held, the mean of neurons goes to the teacher like exp(-lambda t) in every eigenspace."""
    values, shares = np.array([4.0, 1.0, 0.1]), np.array([0.2, 0.5, 0.3])
    problem = ss.SingleIndex("identity", "identity")
    inputs = ss.Covariance(values, shares)
    flow = ss.NetworkFlow(problem, second_layer="fixed", neurons=3, dimension=40, sphere=False, inputs=inputs, seed=2)
    run = ss.solve(flow, until=8.0, rtol=1e-8)
    at = run["state_time"][:, None]
    mean = run["overlap_by_eigenvalue"].mean(axis=1)
    assert mean == pytest.approx(shares + (mean[0] - shares) * np.exp(-values * at), abs=1e-6)
    assert np.array_equal(run["eigenvalue"], values)
    squares = np.array([np.sum(np.mean(part, axis=0) ** 2) for part in parts_of(flow)]) + shares - 2 * mean[0]
    left = 0.5 * (values * squares * np.exp(-2 * values * run.time[:, None])).sum(axis=1)
    assert run["risk"] == pytest.approx(left, abs=1e-6)
    assert run["overlap"].mean(axis=1) == pytest.approx(mean @ values, abs=1e-9)
    assert not run.doubts


def parts_of(flow):
    """The coordinates of neurons at the start in each eigenspace."""
    u = np.asarray(flow.start()[1])[:, 1:]
    place = flow._spaces.places(flow._spaces.widths(len(u)))
    return [u[:, place == b] for b in range(len(flow.inputs.eigenvalues))]


def quadratic_flow(t, y, m, sigma, v):
    """R = (tr(Sigma A)^2 + 2 tr(Sigma A Sigma A)) / 4 for h_2 on h_2, A = v v^T - mean_i u_i u_i^T."""
    del t
    u = y.reshape(m, -1)
    A = np.outer(v, v) - u.T @ u / m
    return (u @ (np.trace(sigma @ A) * sigma + 2 * sigma @ A @ sigma)).ravel()


def test_few_coordinates_stand_for_all_of_them():
    """Quadratic neurons in 14 dimensions of three variances, against their flow in all 14 dimensions, turned round."""
    inputs = ss.Covariance([3.0, 1.0, 0.2], shares=[2, 5, 7], teacher=[0.1, 0.6, 0.3])
    rng = np.random.default_rng(8)
    u = 0.3 * rng.standard_normal((2, 14))
    problem = ss.SingleIndex([0, 0, 1], [0, 0, 1])
    flow = ss.NetworkFlow(problem, np.inf, initial=(np.ones(2), u), sphere=False, inputs=inputs)
    assert np.asarray(flow.start()[1]).shape == (2, 1 + 2 + 3 + 3)
    run = ss.solve(flow, until=3.0, rtol=1e-8)
    v = np.zeros(14)
    v[[0, 2, 7]] = np.sqrt([0.1, 0.6, 0.3])
    variances = np.repeat([3.0, 1.0, 0.2], [2, 5, 7])
    turn = np.linalg.qr(rng.standard_normal((14, 14)))[0]
    sigma = turn @ np.diag(variances) @ turn.T
    twin = solve_ivp(
        quadratic_flow,
        (0, 3.0),
        (u @ turn.T).ravel(),
        "LSODA",
        run["state_time"],
        args=(2, sigma, turn @ v),
        rtol=1e-10,
        atol=1e-12,
    ).y.T.reshape(-1, 2, 14)
    assert run["norm"] == pytest.approx(np.linalg.norm(twin, axis=2), abs=1e-6)
    assert run["overlap"] == pytest.approx(twin @ sigma @ turn @ v, abs=1e-6)
    assert run["mutual_overlap"] == pytest.approx(twin @ sigma @ twin.transpose(0, 2, 1), abs=1e-6)
    spread = np.sqrt(np.einsum("tij,jk,tik->ti", twin, sigma, twin))
    assert run["preactivation"] == pytest.approx(spread, abs=1e-6)
    back = twin @ turn
    parts = np.stack([back[..., 0] * v[0], back[..., 2] * v[2], back[..., 7] * v[7]], axis=-1)
    assert run["overlap_by_eigenvalue"] == pytest.approx(parts, abs=1e-6)
    A = np.outer(turn @ v, turn @ v) - np.einsum("tij,tik->tjk", twin, twin) / 2
    SA = sigma @ A
    risk = (np.trace(SA, axis1=1, axis2=2) ** 2 + 2 * np.einsum("tij,tji->t", SA, SA)) / 4
    assert np.interp(run["state_time"], run.time, run["risk"]) == pytest.approx(risk, abs=2e-4)
    assert run["risk_by_degree"].sum(axis=1) == pytest.approx(run["risk"], abs=1e-10)


def test_the_identity_is_what_it_was():
    make = {"epsilon": 0.1, "neurons": 3, "dimension": 30, "sphere": False, "seed": 4}
    plain = ss.solve(ss.NetworkFlow(LADDER, **make), until=1.0)
    same = ss.NetworkFlow(LADDER, **make, inputs=ss.Covariance([1.0, 1.0], teacher=[0.3, 0.7]))
    run = ss.solve(same, until=1.0)
    assert np.array_equal(run["risk"], plain["risk"])
    assert np.array_equal(run["overlap"], plain["overlap"])
    assert set(run.observables) == set(plain.observables)
    assert "inputs" not in run.parameters


SADDLE = 1 / np.sqrt(6)  # two free neurons of a committee of two rest at u = (v_1 + v_2) / 6^(1/2), see test_free_norm


def curvatures():
    """Of the risk of isotropic inputs at the symmetric saddle, as two neurons part along v_1 - v_2 and across all."""

    def kernel(c, p, q):
        return 2 / np.pi * np.arcsin(c / np.sqrt((1 + p) * (1 + q)))

    def risk(y):
        u = np.array([[SADDLE, SADDLE, 0.0]] * 2) + np.array([y, -y])
        q = np.sum(u**2, axis=1)
        own = kernel(u @ u.T, q[:, None], q).sum() - 2 * kernel(u[:, :2], q[:, None], 1.0).sum()
        return 0.125 * (2 * kernel(1, 1, 1) + own)

    h = 1e-4
    along, across = np.array([h, -h, 0.0]) / np.sqrt(2), np.array([0.0, 0.0, h])
    # du_i/dt = -2 dR/du_i and y moves both neurons: dy/dt = -dR/dy
    return [(2 * risk(0 * y) - risk(y) - risk(-y)) / h**2 for y in (along, across)]


def leaving_rate(values, weights):
    """The rate mu at which they part: sum_b w_b lambda_b^2 / (mu + alpha lambda_b) = 1 / beta.

    What parts, y_b (v_1 - v_2)_b in eigenspace b, obeys dy/dt = Lambda^(1/2) (beta f f^T - alpha) Lambda^(1/2) y with
    f_b = (lambda_b w_b)^(1/2): the Hessian is that of isotropic inputs in what neurons see.
    """
    growth, alpha = curvatures()[0], -curvatures()[1]
    beta = growth + alpha
    root = np.sqrt(values)
    f = np.sqrt(np.array(values) * weights)
    return np.linalg.eigvalsh(root[:, None] * (beta * np.outer(f, f) - alpha * np.eye(len(f))) * root)[-1]


def test_a_spread_of_variances_shortens_the_plateau():
    """Yoshida and Okada (2019): plateaus of committees are the shorter, the more eigenvalues are spread."""
    rates = []
    for low in (0.999999, 0.5, 0.1):
        values, times = [2 - low, low], []
        for size in (1e-4, 1e-6):
            u = np.full((2, 4), SADDLE * np.sqrt(0.5))
            u += size * np.outer([1.0, -1.0], [1.0, -1.0, 0.3, -0.3])
            flow = ss.NetworkFlow(COMMITTEE, second_layer="fixed", initial=(np.ones(2), u), sphere=False, inputs=values)
            run = ss.solve(flow, until=700.0, rtol=1e-9, error_estimate=False)
            height = run["risk"][0]
            assert height == pytest.approx(2 / np.pi * (np.pi / 6 - 2 * np.arcsin(1 / 4)) / 4, rel=1e-4)
            times.append(np.interp(-0.5 * height, -run["risk"], run.time))
        rates.append(np.log(100) / np.diff(times)[0])
        assert rates[-1] == pytest.approx(leaving_rate(values, [0.5, 0.5]), rel=1e-3)
    # erf neurons do not part across what they see, alpha = 0: rates are as the mean of lambda^2
    assert np.divide(rates, rates[0]) == pytest.approx([1.0, 1.25, 1.81], rel=1e-3)


def test_teachers_are_drawn_as_isotropic_ones():
    inputs = [ss.Covariance([3.0, 1.0], shares=[1, 3], teacher="random", seed=seed) for seed in range(300)]
    problem = ss.MultiIndex("erf", "erf", directions=[[1, 0.4], [0.4, 1]])
    shares = []
    for each in inputs:
        flow = ss.NetworkFlow(problem, 1.0, neurons=1, dimension=8, sphere=False, inputs=each)
        frame = np.concatenate(flow._spaces.teachers, axis=1)
        assert np.allclose(frame @ frame.T, problem.gram)
        shares.append(np.sum(flow._spaces.teachers[0] ** 2, axis=1))
    # |P v|^2 is beta-distributed with parameters 2 / 2 and 6 / 2
    assert np.mean(shares) == pytest.approx(0.25, abs=0.03)
    assert np.var(shares, axis=0) == pytest.approx([0.25 * 0.75 / 5] * 2, rel=0.3)
    again = ss.NetworkFlow(problem, 1.0, neurons=3, dimension=8, sphere=False, inputs=inputs[0], seed=9)
    assert np.array_equal(again._spaces.teachers[0], again._spaces.of(inputs[0], problem.gram, 8).teachers[0])


def test_starts_are_isotropic_in_any_dimension():
    inputs = ss.Covariance([3.0, 1.0, 0.0], shares=[1, 2, 5])
    make = {"epsilon": 1.0, "neurons": 40, "sphere": False, "norm": 0.5}
    for d in (8, 400, float("inf")):
        flow = ss.NetworkFlow(LADDER, **make, dimension=d, inputs=inputs, seed=1)
        parts = parts_of(flow)
        squares = [np.mean(np.sum(part**2, axis=1)) for part in parts]
        assert sum(squares) == pytest.approx(0.25, rel=1e-12)
        assert squares == pytest.approx([0.25 * share for share in inputs.shares], rel=0.3 if d == 8 else 0.05)
    for d in (400, float("inf")):
        flow = ss.NetworkFlow(LADDER, **make, dimension=d, inputs=inputs, start="orthogonal")
        for part, share in zip(parts_of(flow), inputs.shares, strict=True):
            assert np.allclose(part @ part.T, 0.25 * share * np.eye(40), atol=1e-12)
            assert np.allclose(part[:, 0], 0)


def test_data_give_their_covariance_and_the_teacher_in_it():
    rng = np.random.default_rng(2)
    data = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6)) + 3.0
    direction = rng.standard_normal(6)
    inputs = ss.Covariance.of(data, teacher=direction)
    sigma = np.cov(data.T, bias=True)
    v = direction / np.linalg.norm(direction)
    assert inputs.eigenvalues == pytest.approx(np.linalg.eigvalsh(sigma)[::-1])
    assert inputs.weights @ inputs.eigenvalues == pytest.approx(v @ sigma @ v)
    assert inputs.weights @ inputs.eigenvalues**2 == pytest.approx(v @ sigma @ sigma @ v)
    few = ss.Covariance.of(data[:3])  # three samples: two directions that vary, and nothing else
    assert len(few.eigenvalues) == 3
    assert few.eigenvalues[-1] == 0
    assert few.counts(6) == pytest.approx([1, 1, 4])


def test_runs_are_saved_and_told_apart(tmp_path):
    make = {"epsilon": 0.1, "neurons": 2, "dimension": 12, "sphere": False}
    flow = ss.NetworkFlow(COMMITTEE, **make, inputs=[2.0, 1.0, 0.5])
    run = ss.solve(flow, until=0.5, error_estimate=False)
    run.save(tmp_path / "run.nc")
    loaded = ss.load(tmp_path / "run.nc")
    assert loaded.parameters == run.parameters
    assert loaded.dims["overlap_by_eigenvalue"] == ("state_time", "neuron", "direction", "eigenvalue")
    assert np.array_equal(loaded["overlap_by_eigenvalue"], run["overlap_by_eigenvalue"])
    others = ([2.0, 1.0, 0.4], [2.0, 1.0], None, ss.Covariance([2.0, 1.0, 0.5], teacher=[0.2, 0.4, 0.4]))
    every = [flow, *(ss.NetworkFlow(COMMITTEE, **make, inputs=other) for other in others)]
    assert len({identity(each) for each in every}) == len(every)
    assert "eigenvalues" in str(ss.compare(loaded))
    with pytest.raises(ss.ArgumentError, match="have inputs of one law"):
        ss.single_index.side_by_side(run, ss.solve(every[1], until=0.5, error_estimate=False))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ss.Covariance([1.0, -1.0]), "`eigenvalues` must not be negative, but got -1.0"),
        (lambda: ss.Covariance([]), "`eigenvalues` must be a non-empty list"),
        (lambda: ss.Covariance([0.0, 0.0]), "`eigenvalues` must give teachers an input that varies"),
        (lambda: ss.Covariance([1.0, 0.0], teacher=[0.0, 1.0]), "`eigenvalues` must give teachers an input"),
        (
            lambda: ss.Covariance([1.0, 2.0], shares=[1]),
            "`shares` must have one entry for each eigenvalue, 2, but got 1",
        ),
        (lambda: ss.Covariance([1.0, 2.0], shares=[1, 0]), "`shares` must be positive"),
        (lambda: ss.Covariance([1.0, 2.0], teacher=[1, 1]), '`teacher` must be "random" or hold shares'),
        (lambda: ss.Covariance([1.0, 2.0], teacher="even"), '`teacher` must be "random"'),
        (lambda: ss.Covariance.of([1.0, 2.0]), "`data` must hold two samples"),
        (lambda: ss.Covariance.of([[1.0, 2.0], [1.0, 2.0]]), "`data` must hold samples that differ"),
        (lambda: flow_of([1.0, 2.0], sphere=True), "`sphere` must be False beside inputs that are not isotropic"),
        (lambda: flow_of("flat"), "`inputs` must be a Covariance, a Mixture, or a list of eigenvalues"),
        (lambda: flow_of({"power_law": 1.0}), "`inputs` must have a number of eigenvalues beside power_law"),
        (lambda: flow_of({"eigenvalue": [1.0]}), "`inputs` must have one of eigenvalues, power_law, file and distance"),
        (lambda: flow_of({"eigenvalues": [1.0], "weights": 1}), "`inputs` must have known keys only"),
        (lambda: flow_of({"file": "nowhere.npy"}), "`inputs` must name an existing file of samples"),
        (lambda: flow_of([3.0, 2.0, 1.0], dimension=2), "`dimension` must have a direction for each of the 3"),
        (lambda: flow_of([3.0, 2.0, 1.0], dimension=4), "`dimension` must leave 2 directions to every eigenvalue"),
        (lambda: flow_of([3.0, 2.0], dimension=6, start="orthogonal"), "`dimension` must leave 4 directions"),
    ],
)
def test_bad_inputs_are_refused(make, message):
    with pytest.raises(ss.ArgumentError, match=message):
        make()


def flow_of(inputs, *, sphere=False, dimension=20, **more):
    return ss.NetworkFlow(COMMITTEE, 0.1, 2, dimension, sphere=sphere, inputs=inputs, **more)


def test_functions_of_several_directions_refuse_them():
    with pytest.raises(ss.ArgumentError, match="`sphere` must"):
        ss.NetworkFlow(ss.JointIndex("z1*z2", [0, 1, 1]), 0.1, 4, 20, inputs=[2.0, 1.0])
