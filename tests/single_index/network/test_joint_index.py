"""Joint targets: coefficients, leaps, the flow beside quadrature in the plane and SciPy, laws in the dimension, SGD."""

from typing import Any

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.cli import main

STAIRS = "z1 + z1*z2 + z1*z2*z3"


def test_coefficients_of_all_ways_to_say_a_target_agree():
    text = ss.JointIndex("(z1 + z2)**2/2 - 1", [0, 1, 1])
    assert text.terms == pytest.approx({(2, 0): 0.5**0.5, (1, 1): 1.0, (0, 2): 0.5**0.5})
    given = ss.JointIndex({(2, 0): 0.5**0.5, (1, 1): 1, (0, 2): 0.5**0.5}, [0, 1, 1])
    called = ss.JointIndex(lambda z: (z[..., 0] + z[..., 1]) ** 2 / 2 - 1, [0, 1, 1], 2)
    for other in (given, called):
        assert set(other.terms) == set(text.terms)
        assert other.terms == pytest.approx(text.terms)
        assert other.target_norm == pytest.approx(2.0)
    tanh = ss.JointIndex(lambda z: np.tanh(z[..., 0] + z[..., 1]), "tanh", 2)
    # of tanh(sqrt 2 w), w = (z1 + z2) / sqrt 2, the first coefficient is shared by both
    x, w = hermegauss(120)
    first = np.sum(w * x * np.tanh(2**0.5 * x)) / np.sum(w)
    assert tanh.terms[1, 0] == pytest.approx(first / 2**0.5, abs=1e-6)
    assert any("stays as risk" in remark for remark in tanh.remarks)


def test_leaps():
    sigma = [0, 1, 1, 1]
    leaps = lambda target, sigma=sigma: ss.JointIndex(target, sigma).leaps  # noqa: E731
    assert leaps(STAIRS) == [((1,), 1), ((2,), 1), ((3,), 1)]
    assert leaps("z1*z2*z3") == [((1, 2, 3), 3)]
    assert leaps("z1 + z1*z2*z3") == [((1,), 1), ((2, 3), 2)]
    assert leaps("z1**2 - 1 + z2*z1") == [((1, 2), 2)]
    blind = ss.JointIndex("z1 + z2*z3", [0, 1, 0, 1])
    assert blind.leaps == [((1,), 1)]
    assert "nothing of directions 2 and 3" in blind.remarks[0]


def _by_quadrature(a, u, sigma, target):
    """The risk of neurons in the plane of the target, by Gauss-Hermite quadrature in it."""
    x, w = hermegauss(24)
    w = w / w.sum()
    z = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1)
    weights = w[:, None] * w[None, :]
    h = z @ (u / np.linalg.norm(u, axis=1, keepdims=True)).T
    he = sigma[0] + sigma[1] * h + sigma[2] * (h**2 - 1) / 2**0.5 + sigma[3] * (h**3 - 3 * h) / 6**0.5
    return 0.5 * np.sum(weights * (target(z) - he @ a / len(a)) ** 2)


def test_the_flow_is_that_of_the_risk_by_quadrature():
    sigma, epsilon, m = np.array([0.2, 1.0, 0.7, 0.5]), 0.4, 3
    random = np.random.default_rng(2)
    a, u = random.standard_normal(m), random.standard_normal((m, 2))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    target = lambda z: z[..., 0] + z[..., 0] * z[..., 1] - 0.5 * z[..., 1] ** 3  # noqa: E731
    problem = ss.JointIndex("z1 + z1*z2 - z2**3/2", sigma.tolist())
    run = ss.solve(ss.NetworkFlow(problem, epsilon, initial=(a, u)), 3.0, rtol=1e-8)
    assert run["risk"][0] == pytest.approx(_by_quadrature(a, u, sigma, target), rel=1e-9)

    def velocity(_, y):
        a, u = y[:m], y[m:].reshape(m, 2)
        base = 1e-6
        da = [(_by_quadrature(a + base * e, u, sigma, target) - _by_quadrature(a - base * e, u, sigma, target))
              / (2 * base) for e in np.eye(m)]  # fmt: skip
        angle = []  # along the circle
        for i in range(m):
            turn = np.zeros_like(u)
            turn[i] = [-u[i, 1], u[i, 0]]
            ahead, behind = (_by_quadrature(a, u + s * base * turn, sigma, target) for s in (1, -1))
            angle.append((ahead - behind) / (2 * base) * turn[i])
        return np.concatenate([-m * np.array(da) / epsilon, -m * np.ravel(angle)])

    twin = solve_ivp(velocity, (0, 3.0), np.concatenate([a, u.ravel()]), "RK45", rtol=1e-7, atol=1e-9).y[:, -1]
    assert run["second_layer"][-1] == pytest.approx(twin[:m], abs=2e-5)
    assert run["risk"][-1] == pytest.approx(_by_quadrature(twin[:m], twin[m:].reshape(m, 2), sigma, target), rel=1e-4)
    assert run["risk_by_degree"].sum(axis=1) == pytest.approx(run["risk"], rel=1e-9)


def test_a_sum_over_directions_is_one_of_the_same_flows():
    sigma = [0.1, 1.0, 0.5, 0.3]
    joint = ss.JointIndex("(z1 + z2 + z1**2 - 1 + z2**2 - 1)/2", sigma)
    summed = ss.MultiIndex([0, 1, 2**0.5], sigma, directions=2)
    runs = [ss.solve(ss.NetworkFlow(p, 0.2, neurons=6, dimension=30, seed=4), 4.0) for p in (joint, summed)]
    assert runs[0]["risk"][0] == pytest.approx(runs[1]["risk"][0], rel=1e-12)
    assert runs[0]["overlap"][-1] == pytest.approx(runs[1]["overlap"][-1], abs=1e-5)


def _exit(target, sigma, dimension):
    """When one neuron with equal overlaps of the size of a random start has learnt, the second layer held fixed."""
    problem = ss.JointIndex(target, sigma)
    k = len(problem.gram)
    s = dimension**-0.5
    u = np.zeros((1, k + 1))
    u[0, :k], u[0, k] = s, np.sqrt(1 - k * s * s)
    flow = ss.NetworkFlow(problem, np.inf, initial=(np.ones(1), u))
    run = ss.solve(flow, 3.0 * (np.log(dimension) if k == 2 else dimension**0.5), error_estimate=False)
    risk = run["risk"]
    return float(np.interp(-(risk[0] + risk[-1]) / 2, -risk, run.time))


def test_times_grow_as_the_leap_says_up_to_a_dimension_of_a_billion():
    dimensions = np.array([1e5, 1e9])
    # leap 2: s' = sqrt 2 sigma_2 s, so that ln d / (2 sqrt 2 sigma_2) and a constant
    times = np.array([_exit("z1*z2", [0, 0, 0.5], d) for d in dimensions])
    assert np.diff(times) / np.diff(np.log(dimensions)) == pytest.approx(1 / 2**0.5, rel=1e-3)
    # leap 3: s' = sqrt 6 sigma_3 s^2, so that d^(1/2) / (sqrt 6 sigma_3)
    times = np.array([_exit("z1*z2*z3", [0, 0, 0, 0.5], d) for d in dimensions])
    assert times / dimensions**0.5 == pytest.approx(2 / 6**0.5, rel=1e-2)


def test_sgd_follows_the_flow():
    problem = ss.JointIndex("z1 + z1*z2", [0, 1, 1])
    sizes: dict[str, Any] = {"neurons": 5, "dimension": 40, "seed": 2}
    flow = ss.solve(ss.NetworkFlow(problem, 1.0, **sizes), 3.0)
    sgd = ss.solve(ss.OnePassSGD(problem, 1.0, **sizes, step_size=2e-4, runs=4), 3.0)
    drop = flow["risk"][0] - flow["risk"][-1]
    assert abs(sgd["risk"][-1, 0] - flow["risk"][-1]) < 0.15 * drop
    samples = ss.solve(ss.SampleDescent(problem, 1.0, **sizes, step_size=1e-2, samples=4000), 3.0)
    assert abs(samples["risk"][-1] - flow["risk"][-1]) < 0.15 * drop


def test_what_is_not_known_is_refused():
    for wrong, said in (
        ("z1+", "a polynomial in z1, z2"),
        ("sin(z1)", "got 'sin'"),
        ("z1**2.5*z2", "a polynomial: sums, products"),
        ("z1", "depend on two directions or more"),
        ("3", "depend on a coordinate"),
        (7, "be a polynomial as text"),
        ({(1, 0): 1.0, (1,): 2.0}, "one exponent for each direction"),
        ("z1**12*z2**12", "degree 20 or less"),
        ("z1*z2 + " * 5000 + "z1", "polynomial"),
    ):
        with pytest.raises(ss.ArgumentError, match=f"`target` must .*{said}"):
            ss.JointIndex(wrong, "relu")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ss.ArgumentError, match="`directions` must be given with a callable"):
        ss.JointIndex(lambda z: z[..., 0], "relu")
    problem = ss.JointIndex("z1*z2", [0, 1, 1])
    with pytest.raises(ss.ArgumentError, match="`sphere` must stay"):
        ss.NetworkFlow(problem, 1.0, 2, 10, sphere=False)
    with pytest.raises(ss.ArgumentError, match="`sgd` must learn a sum"):
        ss.SGDLimit(ss.OnePassSGD(problem, 1.0, 2, 1000, step_size=1e-3))
    called = ss.JointIndex(lambda z: z[..., 0] * z[..., 1], [0, 1, 1], 2)
    with pytest.raises(ss.ArgumentError, match="`problem` must have a polynomial"):
        ss.solve(ss.OnePassSGD(called, 1.0, 2, 1000, step_size=1e-3), 0.1)


def test_a_spec_of_one_runs_from_the_command_line(tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["run", "staircase", "--out", out, "--dynamics.neurons", "10", "--dynamics.until", "3"]) == 0
    assert "target z1 + z1*z2" in capsys.readouterr().out
    run = ss.load(tmp_path / "out" / "trajectory_network.nc")
    assert run.parameters["target_terms"] == [[[1, 0], 1.0], [[1, 1], 1.0]]
    assert main(["run", "staircase", "--out", out, "--problem.target", "z1*y"]) == 2
    assert "`problem.target` must be a polynomial in z1 .. z8" in capsys.readouterr().err.replace("\n", " ")
    assert main(["run", "staircase", "--out", out, "--problem.link", "[0, 1]"]) == 2
    assert "not be given together with target" in capsys.readouterr().err.replace("\n", " ")
