"""The gradient flow of deep linear networks against closed forms, its symmetries, and the theory's plateaus."""

import threading
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicHermiteSpline, CubicSpline
from scipy.optimize import brentq

import saddlescope as ss
from saddlescope.deep_linear import (
    Cost,
    DeepLinearFlow,
    LeastSquares,
    MatrixCompletion,
    balanced_mode,
    balanced_mode_time,
    balanced_start,
    escape,
    gaussian_start,
    lambda_balanced_flow,
    lambda_balanced_start,
    lazy_limit,
)
from saddlescope.deep_linear.dynamics.system import singular_values
from saddlescope.deep_linear.network.layers import conserved, include, product, rotate
from saddlescope.deep_linear.problem.reference_problems import reference_completion, reference_target
from saddlescope.trajectory import Trajectory

S = reference_target()
COST = LeastSquares(S)
MASK = np.random.default_rng(0).random((3, 4)) < 0.6
INPUTS = np.random.default_rng(1).standard_normal((4, 9)) * np.array([[3.0], [1.0], [1.0], [0.2]])
COMPLETION = MatrixCompletion(S, observed=MASK)


def when(trajectory: Trajectory, height: float) -> float:
    """The time at which the cost is at a height, from the cost and its rate at the steps."""
    cost, rate = trajectory["cost"], trajectory["cost_rate"]
    last = int(np.argmax(cost <= height))
    near = slice(last - 1, last + 1)
    curve = CubicHermiteSpline(trajectory.time[near], cost[near] - height, rate[near])
    result = brentq(curve, *trajectory.time[near], xtol=1e-14)
    assert isinstance(result, float)
    return result


@pytest.mark.parametrize(
    ("depth", "wanted", "method"),
    [(2, 1.0658769330, "Tsit5"), (3, 5.5768072008, "ExtrapolatedEuler"), (4, 66.6152552271, "ExtrapolatedEuler")],
)
def test_escape_along_the_first_mode_takes_its_closed_form_time(depth: int, wanted: float, method: str):
    flow = DeepLinearFlow(COST, initial=escape(COST, depth).weights(0.1, 3), compress=False)
    trajectory = ss.solve(flow, until=2 * wanted, risk_below=3.2, rtol=1e-9)
    assert trajectory.solver["method"] == method
    singular_values = trajectory["singular_values"]
    begun = (0.1 / np.sqrt(depth)) ** depth
    # how late every step is, against the closed form's time of the mode it has reached
    rising = singular_values[:, 0] > 1.01 * begun
    late = trajectory.time[rising] - balanced_mode_time(singular_values[rising, 0], 3.0, begun, depth)
    assert np.abs(late).max() < wanted * 1e-8
    half = np.argmin(np.abs(singular_values[rising, 0] - 1.5))
    closed = float(balanced_mode_time(1.5, 3.0, begun, depth))
    assert closed + late[half] == pytest.approx(wanted, rel=1e-8)
    assert np.abs(singular_values[:, 1:]).max() == pytest.approx(0, abs=1e-12)


def test_aligned_modes_do_not_see_each_other():
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    begun = np.array([0.3, 0.5, 0.1])
    flow = DeepLinearFlow(COST, initial=balanced_start((U * begun) @ Vt, 2, 3, seed=1), compress=False)
    trajectory = ss.solve(flow, until=2.0, rtol=1e-8)
    singular_values = balanced_mode(trajectory.time[:, None], s, begun, 2)
    wanted = np.einsum("ik,tk,kj->tij", U, singular_values, Vt)
    assert np.abs(trajectory["product"] - wanted).max() < 1e-6
    # the singular values are of the product, in falling order, whatever the order of the modes
    assert np.allclose(trajectory["singular_values"], -np.sort(-singular_values, axis=1), atol=1e-6)
    assert np.allclose(trajectory["cost"], 0.5 * np.sum((singular_values - s) ** 2, axis=1), atol=1e-5)
    assert np.allclose(
        trajectory["test_error"], np.linalg.norm(singular_values - s, axis=1) / np.linalg.norm(s), atol=1e-6
    )


@pytest.mark.parametrize("imbalance", [0.0, 1.5, -0.7])
def test_two_layers_follow_the_riccati_solution(imbalance: float):
    small = 0.1 * np.random.default_rng(1).standard_normal((3, 4))
    U, s, Vt = np.linalg.svd(small)
    start = lambda_balanced_start((U[:, :2] * s[:2]) @ Vt[:2], 3, imbalance, seed=2)
    flow = DeepLinearFlow(COST, initial=start, compress=False)
    trajectory = ss.solve(flow, until=3.0, rtol=1e-11, atol=1e-13)
    wanted = lambda_balanced_flow(S, start, trajectory.time)
    assert trajectory.solver["method"] == "Tsit5"
    assert np.abs(trajectory["product"] - wanted).max() < 1e-9


def test_wide_networks_tend_to_the_lazy_limit():
    errors = {64: 0.0, 4096: 0.0}
    for width in errors:
        for seed in range(4):
            flow = DeepLinearFlow(COST, 2, width, 0.5, seed=seed)
            trajectory = ss.solve(flow, until=0.5 / (2 * width**0.5))
            start = product(gaussian_start((3, 4), 2, width, 0.5, seed=seed))
            limit = lazy_limit(COST, start, 2, width**0.5, trajectory.time)
            assert trajectory.solver["method"] == "Tsit5"
            assert trajectory.accuracy["compressed_width"] == 7
            errors[width] += float(np.linalg.norm(trajectory["product"][-1] - limit[-1])) / 4
    assert errors[64] / errors[4096] == pytest.approx(8, rel=0.4)  # falls as w^(-1/2)


def test_a_single_layer_is_linear_regression():
    cost = LeastSquares(inputs=INPUTS, outputs=S @ INPUTS)
    flow = DeepLinearFlow(cost, initial=[np.zeros((3, 4))])
    trajectory = ss.solve(flow, until=1.0, rtol=1e-8)
    wanted = lazy_limit(cost, np.zeros((3, 4)), 1, 1.0, trajectory.time)
    assert np.abs(trajectory["product"] - wanted).max() < 1e-6


@pytest.fixture(scope="module")
def plain_twin():
    """A run at depth 3 of the completion cost, and the same layers by SciPy from a plain double product."""
    start = gaussian_start((3, 4), 3, 5, 1.5, seed=3)
    trajectory = ss.solve(DeepLinearFlow(COMPLETION, initial=start, compress=False), until=4.0, rtol=1e-8)
    shapes = [W.shape for W in start]
    cuts = np.cumsum([np.prod(shape) for shape in shapes])[:-1]

    def speed(_, y):
        W1, W2, W3 = (part.reshape(shape) for part, shape in zip(np.split(y, cuts), shapes, strict=True))
        G = np.where(MASK, W3 @ W2 @ W1 - S, 0)
        parts = [(W3 @ W2).T @ G, W3.T @ G @ W1.T, G @ (W2 @ W1).T]
        return -np.concatenate([part.ravel() for part in parts])

    y0 = np.concatenate([np.ravel(W) for W in start])
    run = solve_ivp(speed, (0, 4), y0, method="DOP853", t_eval=trajectory["state_time"], rtol=1e-12, atol=1e-14)
    return start, trajectory, run.y.T


def test_follows_a_plain_twin_between_its_steps_too(plain_twin):
    _, trajectory, layers = plain_twin
    assert np.abs(trajectory["weights"] - layers).max() < 3e-6


def test_conserved_quantities_stay(plain_twin):
    start, trajectory, _ = plain_twin
    flow = DeepLinearFlow(COMPLETION, initial=start, compress=False)
    begun = conserved(start)
    drift = max(
        float(jnp.max(jnp.abs(now - before)))
        for y in trajectory["weights"]
        for now, before in zip(conserved(flow.lift(y)), begun, strict=True)
    )
    assert drift < 3e-6
    assert trajectory.accuracy["conserved_drift"] < 1e-6
    norms = [[float(jnp.linalg.norm(W)) for W in flow.lift(y)] for y in trajectory["weights"][[0, -1]]]
    assert np.allclose(trajectory["layer_norm"][[0, -1]], norms)


def test_the_flow_commutes_with_rotations_and_inclusion(plain_twin):
    start, trajectory, _ = plain_twin
    random = np.random.default_rng(5)
    turns = [np.linalg.qr(random.standard_normal((5, 5)))[0] for _ in range(2)]
    turned = ss.solve(DeepLinearFlow(COMPLETION, initial=rotate(start, turns), compress=False), until=4.0, rtol=1e-8)
    assert np.abs(turned["product"][-1] - trajectory["product"][-1]).max() < 1e-7
    flow = DeepLinearFlow(COMPLETION, initial=start, compress=False)
    for result, wanted in zip(
        DeepLinearFlow(COMPLETION, initial=start, compress=False).lift(turned["weights"][-1]),
        rotate(flow.lift(trajectory["weights"][-1]), turns),
        strict=True,
    ):
        assert np.allclose(result, wanted, atol=1e-6)
    # a narrower network beside neurons without weights is compressed to itself, exactly
    wide = DeepLinearFlow(COMPLETION, initial=include(start, 40))
    included = ss.solve(wide, until=4.0, rtol=1e-8)
    assert included.accuracy["exact_compression"]
    assert included.accuracy["compressed_width"] == 5
    assert np.abs(included["product"][-1] - trajectory["product"][-1]).max() < 1e-6


@settings(max_examples=6, derandomize=True, deadline=None)
@given(seed=st.integers(0, 1000), gamma=st.floats(0.5, 4.0), scale=st.floats(0.05, 1.5))
def test_the_cost_never_rises(seed: int, gamma: float, scale: float):
    start = gaussian_start((3, 4), 3, 5, gamma, scale, seed)
    trajectory = ss.solve(DeepLinearFlow(COMPLETION, initial=start, compress=False), until=100.0)
    assert np.diff(trajectory["cost"]).max() <= 1e-7 * trajectory["cost"][0]
    assert np.all(trajectory["cost_rate"] <= 0)
    slope = CubicHermiteSpline(trajectory.time, trajectory["cost"], trajectory["cost_rate"])
    middle = 0.5 * (trajectory.time[1:] + trajectory.time[:-1])
    assert np.all(slope(middle) <= trajectory["cost"][0] * (1 + 1e-6))


@jax.jit
def hessian_radius(system, y):
    jacobian = jax.jacfwd(system.vector_field)(y)
    return jnp.max(jnp.abs(jnp.linalg.eigvalsh(0.5 * (jacobian + jacobian.T)))), system.spectral_radius(y)


EXAMPLES = LeastSquares(inputs=INPUTS, outputs=S @ INPUTS + 0.1)


@pytest.mark.parametrize(
    ("cost", "depth"),
    [(COST, 1), (COMPLETION, 2), (COST, 4), (EXAMPLES, 4)],
    ids=["whitened, one layer", "completion, two", "whitened, four", "examples, four"],
)
def test_the_bound_of_the_spectral_radius_is_one(cost: Cost, depth: int):
    rng = np.random.default_rng(depth)
    U, s, Vt = np.linalg.svd(S, full_matrices=False)
    points = [gaussian_start((3, 4), depth, 4, 0.0, size, seed) for size in (0.01, 0.3, 2.0) for seed in range(3)]
    # one large layer beside small ones: nothing balanced about it
    points += [
        [W * rng.choice([0.01, 1.0, 5.0]) for W in gaussian_start((3, 4), depth, 4, 1.0, seed=k)] for k in range(9)
    ]
    points += [balanced_start((U[:, :rank] * s[:rank]) @ Vt[:rank], depth, 4) for rank in (1, 2, 3)]
    points.append([0 * W for W in points[0]])
    excess = []
    for point in points:
        system, y = DeepLinearFlow(cost, initial=point, compress=False).start()
        true, bound = (float(x) for x in hessian_radius(system, y))
        assert bound >= true * (1 - 1e-12)
        excess.append(bound / max(true, 1e-12))
    # of use too: at the minimum, where steps are longest, within a factor of two for the cost that is not degenerate
    if cost is COST:
        assert excess[-2] < 2


@settings(max_examples=15, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(-3, 0.7))
def test_the_bound_holds_along_the_flow_of_random_starts(seed: int, size: float):
    rng = np.random.default_rng(seed)
    start = [10**size * rng.choice([0.2, 1, 3]) * rng.standard_normal(shape) for shape in ((5, 4), (5, 5), (3, 5))]
    flow = DeepLinearFlow(COMPLETION, initial=start, compress=False)
    system, y = flow.start()
    for _ in range(20):
        true, bound = (float(x) for x in hessian_radius(system, y))
        assert bound >= true * (1 - 1e-12)
        y = y + 0.3 / bound * system.vector_field(y)


def test_curvature_of_examples_is_found():
    largest = np.linalg.norm(INPUTS @ INPUTS.T / INPUTS.shape[1], 2)
    flow = DeepLinearFlow(EXAMPLES, initial=[np.zeros((3, 4))])
    assert largest <= float(flow._system().curvature_bound) < 1.1 * largest


@pytest.fixture(scope="module")
def completion_runs() -> dict[float, Trajectory]:
    runs = {}
    for scale in (1.0, 0.25):
        flow = DeepLinearFlow(reference_completion(), 4, 100, 2.0, scale, seed=100, compress=5)
        runs[scale] = ss.solve(flow, until=50 / scale**2, rtol=1e-8)
    return runs


@pytest.mark.parametrize(("scale", "heights"), [(1.0, (6.180218, 1.238190)), (0.25, (6.181273, 1.238925))])
def test_plateaus_of_the_reference_completion(completion_runs, scale: float, heights: tuple[float, ...]):
    run = completion_runs[scale]
    assert run.solver["method"] == "ExtrapolatedEuler"
    curve = CubicHermiteSpline(run.time, run["cost"], run["cost_rate"])
    rate = CubicSpline(run.time, -run["cost_rate"] / run["cost"])
    for height in heights:
        here = run.time[(run["cost"] < 2 * height) & (run["cost"] > 0.5 * height)]
        # where the plateau slopes, the place of the least slope moves its height
        fine = np.linspace(here[0], here[-1], 10_000)
        assert curve(fine[np.argmin(rate(fine))]) == pytest.approx(height, abs=1.5e-5 if scale == 1 else 1.1e-6)


def test_jump_times_do_not_move_with_the_scale(completion_runs):
    for height in (15.0, 3.7, 0.6):
        times = [scale**2 * when(run, height) for scale, run in completion_runs.items()]
        assert times[0] == pytest.approx(times[1], rel=0.01)


def test_describes_itself_and_is_saved_whole(plain_twin, tmp_path):
    start, trajectory, _ = plain_twin
    assert trajectory.parameters == {
        "cost": "MatrixCompletion",
        "shape": [3, 4],
        "depth": 3,
        "width": 5,
        "gamma": None,
        "scale": 1.0,
        "seed": None,
        "initial": "given",
        "weight_decay": 0.0,
    }
    drawn = DeepLinearFlow(COST, 3, 5, 1.5, 0.3, seed=7).describe()
    assert (drawn["initial"], drawn["gamma"], drawn["seed"], drawn["scale"]) == ("Gaussian", 1.5, 7, 0.3)
    again = ss.load(trajectory.save(tmp_path / "run.nc"))
    assert np.array_equal(again["singular_values"], trajectory["singular_values"])
    assert again.dataset["product"].dims == ("time", "row", "column")
    assert "jacot2021" in trajectory.citations()
    flow = DeepLinearFlow(COMPLETION, initial=start, scale=0.5)
    assert all(np.allclose(now, 0.5 * np.asarray(W)) for now, W in zip(flow.initial, start, strict=True))


def test_width_under_the_rank_is_allowed_and_doubted():
    assert "cannot hold the rank 3" in DeepLinearFlow(COST, 3, 1, 1.0).remarks[0]


def test_the_origin_is_a_saddle_that_is_never_left():
    run = ss.solve(DeepLinearFlow(COST, initial=[np.zeros((3, 4)), np.zeros((3, 3))]), until=1.0)
    assert run["weights"].shape[1] == 21  # not compressed to nothing
    assert np.all(run["product"] == 0)
    assert run["cost"] == pytest.approx(7.0)
    assert run.accuracy["conserved_drift"] == 0


GIVEN = [np.ones((2, 4)), np.ones((3, 2))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cost": S.tolist()[0]}, "Argument `cost` must be a cost of the product matrix, such as LeastSquares"),
        ({"depth": None}, "Argument `depth` must be given (or else `initial`), but got None."),
        ({"width": None}, "Argument `width` must be given (or else `initial`), but got None."),
        ({"gamma": None}, "Argument `gamma` must be given (or else `initial`), but got None."),
        ({"depth": 0}, "Argument `depth` must be a whole number of at least 1, but got 0."),
        ({"depth": 2.5}, "Argument `depth` must be a whole number of at least 1, but got 2.5."),
        ({"width": -3}, "Argument `width` must be a whole number of at least 1, but got -3."),
        ({"width": "wide"}, "Argument `width` must be a whole number of at least 1, but got 'wide'."),
        ({"gamma": float("inf")}, "Argument `gamma` must be a finite number, but got inf."),
        ({"gamma": float("nan")}, "Argument `gamma` must be a finite number, but got nan."),
        ({"scale": 0.0}, "Argument `scale` must be positive, but got 0.0."),
        ({"scale": -1.0}, "Argument `scale` must be positive, but got -1.0."),
        ({"seed": -1}, "Argument `seed` must be a whole number of at least 0, but got -1."),
        ({"seed": 0.5}, "Argument `seed` must be a whole number of at least 0, but got 0.5."),
        ({"compress": True}, 'Argument `compress` must be "auto", False or a number of rounds, but got True.'),
        ({"compress": "yes"}, "Argument `compress` must be \"auto\", False or a number of rounds, but got 'yes'."),
        ({"compress": 0}, "Argument `compress` must be a whole number of at least 1, but got 0."),
        ({"tolerance": 0.0}, "Argument `tolerance` must lie strictly between 0 and 1, but got 0.0."),
        ({"tolerance": 1.0}, "Argument `tolerance` must lie strictly between 0 and 1, but got 1.0."),
        ({"initial": GIVEN}, "Argument `depth` must not be given together with `initial`, but got 3."),
        (
            {"initial": GIVEN, "depth": None, "gamma": None},
            "Argument `width` must not be given together with `initial`, but got 4.",
        ),
        (
            {"initial": GIVEN, "depth": None, "width": None},
            "Argument `gamma` must not be given together with `initial`, but got 1.0.",
        ),
        (
            {"initial": GIVEN[::-1], "depth": None, "width": None, "gamma": None},
            "Argument `weights` must be matrices W_1, …, W_L whose product W_L … W_1 exists, but got [(3, 2), (2, 4)].",
        ),
        (
            {"initial": [GIVEN[0], GIVEN[1][:2]], "depth": None, "width": None, "gamma": None},
            "Argument `weights` must have a product of shape (3, 4), but got [(2, 4), (2, 2)].",
        ),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str):
    with pytest.raises(ss.ArgumentError) as refusal:
        DeepLinearFlow(**{"cost": COST, "depth": 3, "width": 4, "gamma": 1.0, **arguments})
    assert str(refusal.value).startswith(message)


def test_lift_refuses_what_is_no_state_of_the_flow():
    with pytest.raises(ss.ArgumentError) as refusal:
        DeepLinearFlow(COST, 3, 5, 1.0).lift(np.zeros(7))
    assert str(refusal.value) == "Argument `y` must be a saved state of this flow, but got '7 numbers'."


@pytest.mark.parametrize("scale", [0.125, 1e-3])
def test_the_error_of_jump_times_is_told(scale: float):
    flow = DeepLinearFlow(reference_completion(), 4, 20, 2.0, scale, seed=100, compress=2)
    rough, fine = (ss.solve(flow, 100 / scale**2, rtol=rtol) for rtol in (1e-5, 1e-9))
    errors = [abs(when(rough, height) / when(fine, height) - 1) for height in (15.0, 3.7)]
    assert 0.02 < max(errors) / rough.accuracy["integration_error"] < 1


def test_two_runs_at_the_same_time_do_not_wait_for_each_other_for_ever():
    # decompositions in batches, on a pool of threads that both runs block, once did
    flow = DeepLinearFlow(reference_completion(), 4, 8, 2.0, 0.25, seed=100)
    alone = ss.solve(flow, until=200.0, progress=False)
    assert alone.solver["method"] == "ExtrapolatedEuler"
    results: list[Trajectory] = []
    # daemons: a deadlock fails this test and does not hold up the rest
    threads = [
        threading.Thread(target=lambda: results.append(ss.solve(flow, until=200.0, progress=False)), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [run["cost"][-1] for run in results] == [alone["cost"][-1]] * 4


@pytest.mark.parametrize(("size", "method"), [(20, "ExtrapolatedEuler"), (21, "ROCK4")])
def test_large_products_take_explicit_steps(size: int, method: str):
    flow = DeepLinearFlow(LeastSquares(np.diag(np.arange(size) < 2)), 3, size, 2.5, 0.1, seed=0)
    run = ss.solve(flow, until=0.01)
    assert run.solver["method"] == method
    assert run.accuracy["integration_error"] >= 1e-6


@pytest.mark.parametrize(("depth", "widths"), [(2, [3]), (3, [4, 6]), (4, [9, 3, 9]), (2, [40]), (1, [])])
def test_singular_values_of_a_large_product_come_from_its_narrowest_layer(depth: int, widths: list[int]):
    rng = np.random.default_rng(depth)
    sizes = [33, *widths, 40]
    W = [rng.standard_normal((after, before)) for before, after in pairwise(sizes)]
    A = W[0]
    for layer in W[1:]:
        A = layer @ A
    wanted = np.linalg.svd(A, compute_uv=False)
    assert np.allclose(singular_values([jnp.asarray(layer) for layer in W]), wanted, rtol=0, atol=1e-12 * wanted[0])
