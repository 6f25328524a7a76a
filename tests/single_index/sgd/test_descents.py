"""One-pass SGD: its step, its law in both methods, its flow as steps vanish, resumed and diverged runs; descent."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.solve.progress import Progress

PHI, SIGMA = [1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 0.5, 0.3]
LADDER = ss.SingleIndex(PHI, SIGMA)


def random_network(seed, m, d):
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(m, d))
    return rng.normal(size=m), u / np.linalg.norm(u, axis=1, keepdims=True)


@pytest.mark.parametrize("problem", [LADDER, ss.MultiIndex("erf", "relu", [[1, 0.3], [0.3, 1]], [1, -2])])
def test_a_step_is_what_its_definition_says_sample_by_sample(problem):
    eta, epsilon, m, d = 0.3, 0.5, 3, 6
    a, u = random_network(0, m, d)
    sgd = ss.OnePassSGD(problem, epsilon, step_size=eta, batch_size=2, initial=(a, u))
    steps, state = sgd.start()
    x = np.asarray(state[-1][0])
    teachers = np.asarray(steps.population.frame)
    weights = getattr(problem, "weights", np.ones(1))
    f, new_a, moved = problem.activation, a.copy(), u.copy()
    for sample in x:
        y = np.mean(weights * np.asarray(problem.link(teachers @ sample)))
        z = u @ sample
        e = y - np.mean(a * np.asarray(f(z)))
        new_a += eta / epsilon * e * np.asarray(f(z)) / 2
        for i in range(m):
            tangent = sample - z[i] * u[i]
            moved[i] += eta * a[i] * e * np.asarray(f.derivative(z))[i] * tangent / 2
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    _, _, after_a, after_u, after_x = jax.jit(lambda state: steps.advance(state))(state)
    assert np.allclose(after_a[0], new_a, atol=1e-13)
    assert np.allclose(after_u[0], moved, atol=1e-13)
    assert not np.any(np.isclose(after_x[0], x))  # the next samples are fresh


def test_in_gram_coordinates_samples_and_neurons_have_the_joint_law_of_gaussians():
    """z = U x ~ N(0, U U^T); |x|^2 ~ chi^2_d; <x, x'> of one batch has variance d; folding keeps the Gram matrix."""
    d, m, batch, n = 300, 3, 2, 20_000
    a, u = random_network(1, m, d)
    sgd = ss.OnePassSGD(LADDER, 0.5, step_size=1e-9, batch_size=batch, method="gram", initial=(a, u))
    steps, state = sgd.start()
    in_coordinates, used = np.array(state[3][0]), 1 + m + 5 * batch
    # as after five steps: neurons that use the coordinates samples have opened, teachers left where they are
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(used - 1, used - 1)))[0]
    in_coordinates[:, 1:used] = in_coordinates[:, 1:used] @ turn
    gram = u @ u.T
    assert np.allclose(in_coordinates @ in_coordinates.T, gram, atol=1e-13)
    draw = jax.jit(jax.vmap(lambda key: steps.draw(key, jnp.asarray(used), in_coordinates.shape[1])))
    x = np.asarray(draw(jax.random.split(jax.random.PRNGKey(0), n)))
    z = x @ in_coordinates.T
    assert np.allclose(np.einsum("nbi,nbj->bij", z, z) / n, gram, atol=5 * np.sqrt(2 / n))
    assert np.allclose(np.einsum("ni,nj->ij", z[:, 0], z[:, 1]) / n, 0, atol=5 / np.sqrt(n))
    teacher = x[..., 0]
    assert np.allclose(np.einsum("nb,nbi->bi", teacher, z) / n, u[:, 0], atol=5 * np.sqrt(2 / n))
    square = np.sum(x**2, axis=-1)
    assert np.allclose(square.mean(axis=0), d, atol=5 * np.sqrt(2 * d / n))
    assert np.allclose(square.var(axis=0), 2 * d, rtol=0.07)
    inner = np.sum(x[:, 0] * x[:, 1], axis=-1)
    assert abs(inner.mean()) < 5 * np.sqrt(d / n)
    assert inner.var() == pytest.approx(d, rel=0.07)
    folded = np.asarray(steps._fold(jnp.asarray(in_coordinates))[0])
    assert not folded[:, 1 + m :].any()
    assert np.allclose(folded @ folded.T, in_coordinates @ in_coordinates.T, atol=1e-13)


def test_direct_and_gram_means_agree_within_their_standard_errors():
    """100 runs each from one start, batches, label noise, six folds: 9 numbers, none apart by 3 standard errors."""
    m, d, runs, eta = 3, 100, 100, 0.016
    start = random_network(1, m, d)
    common: dict[str, Any] = {"step_size": eta, "batch_size": 2, "label_noise": 0.3, "runs": runs, "initial": start}
    direct = ss.solve(ss.OnePassSGD(LADDER, 0.5, method="direct", **common), until=200 * eta)
    gram = ss.solve(ss.OnePassSGD(LADDER, 0.5, method="gram", seed=1000, **common), until=200 * eta)
    flow = ss.solve(ss.NetworkFlow(LADDER, 0.5, initial=start), until=200 * eta)
    far = []
    assert direct["risk"].shape == (len(direct.time), runs)
    assert gram["run"].tolist() == list(range(1000, 1100))
    for step in (10, 50, 200):
        at = np.searchsorted(direct.time, step * eta * (1 - 1e-9))
        for name, of in (("risk", ...), ("moment", 1), ("moment", 2)):
            one, two = direct[name][at, :, of].ravel(), gram[name][at, :, of].ravel()
            error = np.sqrt((one.var(ddof=1) + two.var(ddof=1)) / runs)
            assert abs(one.mean() - two.mean()) < 3 * error, (step, name)
            exact = np.interp(step * eta, flow.time, flow[name] if of is ... else flow[name][:, of])
            far.append(abs(one.mean() - exact) / error)
    # not because all is noise: the flow, which has no noise term, is told apart
    assert max(far) > 10


def test_as_steps_vanish_runs_follow_the_flow():
    """From one start: the spread falls like sqrt(step), the mean's distance faster; measured 0.53 and 0.64."""
    m, d, until, runs = 3, 20, 1.0, 32
    start = random_network(4, m, d)
    flow = ss.solve(ss.NetworkFlow(LADDER, 0.5, initial=start), until=until, rtol=1e-8)
    sizes, spread, bias = [4e-3, 1e-3, 2.5e-4], [], []
    for eta in sizes:
        run = ss.solve(
            ss.OnePassSGD(LADDER, 0.5, step_size=eta, runs=runs, method="direct", initial=start), until=until
        )
        exact = np.interp(run.time, flow.time, flow["risk"])[:, None]
        late = run.time > 0.1
        spread.append(np.sqrt(np.mean((run["risk"] - exact)[late] ** 2)))
        bias.append(np.abs((run["risk"] - exact).mean(axis=1)[late]).max())
    slope = np.polyfit(np.log(sizes), np.log(spread), 1)[0]
    assert 0.4 < slope < 0.65, (slope, spread)
    assert spread[-1] < np.sqrt(sizes[-1] * d)
    assert bias[-1] < 0.3 * spread[0]
    assert np.polyfit(np.log(sizes), np.log(bias), 1)[0] > 0.5, bias


def small(**change):
    """One run of few neurons; tests that use it share their compiled program."""
    return ss.OnePassSGD(LADDER, **{"epsilon": 0.5, "neurons": 3, "dimension": 10, "step_size": 0.01} | change)


def test_time_is_step_number_times_step_size_and_samples_are_counted():
    run = ss.solve(small(), until=1.0)
    assert np.allclose(run.time / 0.01, np.round(run.time / 0.01), atol=1e-9)
    assert run.time[-1] == pytest.approx(1.0)
    assert run.solver["steps"] == run.solver["samples"] == 100
    batches = small(batch_size=4)
    steps, _ = batches.start()
    assert steps.batch == 4
    assert batches.describe()["batch_size"] == 4


def test_runs_start_from_seeds_one_after_the_other():
    _, (_, keys, a, u, x) = small(seed=7, runs=3).start()
    for run in range(3):
        _, alone = small(seed=7 + run).start()
        assert all(np.array_equal(one[0], both[run]) for one, both in zip(alone[1:], (keys, a, u, x), strict=True))
    assert len(np.unique(x)) == x.size


def test_a_seed_starts_all_levels_alike():
    """In few and many dimensions, with either method."""
    for d, method in ((2, "direct"), (10, "direct"), (100, "direct"), (100, "gram")):
        flow = ss.NetworkFlow(LADDER, 0.5, neurons=3, dimension=d, seed=4)
        result = np.asarray(flow.start()[1])
        _, (_, _, a, u, x) = small(dimension=d, seed=4, method=method).start()
        assert np.array_equal(a[0], result[:, 0])
        assert np.allclose(u[0] @ u[0].T, result[:, 1:] @ result[:, 1:].T, atol=1e-14)
        assert np.allclose(u[0, :, 0], result[:, 1], atol=1e-14)
        assert u.shape[-1] == x.shape[-1] == (d if method == "direct" else 4 + 64)
    flow = np.asarray(ss.NetworkFlow(LADDER, 0.5, neurons=3, dimension=90, seed=4).start()[1])
    descent = ss.SampleDescent(LADDER, 0.5, neurons=3, dimension=90, step_size=0.1, samples=5, seed=4)
    assert np.allclose(ss.solve(descent, until=0.1)["overlap"][0], flow[:, 1], atol=1e-14)


def test_auto_takes_the_method_that_is_cheaper():
    def method(d, batch=1):
        options: dict[str, Any] = {"step_size": 0.1, "batch_size": batch}
        return ss.OnePassSGD(LADDER, 0.5, neurons=3, dimension=d, **options).method

    assert [method(16), method(68), method(69), method(10**9)] == ["direct", "direct", "gram", "gram"]
    # a batch of 40 may open 80 coordinates before neurons are turned back
    assert [method(84, 40), method(85, 40)] == ["direct", "gram"]


@pytest.mark.parametrize("method", ["direct", "gram"])
@pytest.mark.parametrize("call", [3, 90])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(method, call, tmp_path, monkeypatch):
    def sgd(**change):  # of the shapes of the test above, to share its compiled program
        options: dict[str, Any] = {"step_size": 1e-3, "runs": 100, "batch_size": 2, "label_noise": 0.1}
        options |= {"method": method, "initial": random_network(1, 3, 100)} | change
        return ss.OnePassSGD(LADDER, 0.5, **options)

    whole = ss.solve(sgd(), until=0.2)
    file, calls, update = tmp_path / "run.npz", 0, Progress.update

    def stop(self, t, risk):
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        update(self, t, risk)

    monkeypatch.setattr(Progress, "update", stop)
    stopped = ss.solve(sgd(), until=0.2, checkpoint=file)
    assert stopped.outcome == "INTERRUPTED"
    assert stopped.doubts == (stopped.message,)
    assert 0 < stopped.time[-1] < 0.2
    before = file.read_bytes()
    for change in ({"seed": 1}, {"step_size": 2e-3}, {"label_noise": 0.2}, {"runs": 3}):
        with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must belong to this run"):
            ss.solve(sgd(**change), until=0.2, checkpoint=file)
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must belong to this run"):
        ss.solve(sgd(), until=0.3, checkpoint=file)
    assert file.read_bytes() == before
    resumed = ss.solve(sgd(), until=0.2, checkpoint=file)
    assert resumed.outcome == "REACHED_END"
    assert resumed.coords.keys() == whole.coords.keys()
    assert all(np.array_equal(resumed[name], whole[name]) for name in [*whole.coords, *whole.observables])


def test_a_start_of_the_same_sum_does_not_take_up_anothers_checkpoint(tmp_path):
    _, u = random_network(0, 3, 10)
    file = tmp_path / "run.npz"
    starts = ([1.0, 2.0, 3.0], u), ([2.0, 1.0, 3.0], u)
    one, other = (small(initial=start, neurons=None, dimension=None) for start in starts)
    ss.solve(one, until=0.1, checkpoint=file)
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must belong to this run"):
        ss.solve(other, until=0.1, checkpoint=file)


def test_a_truncated_checkpoint_is_refused_and_a_flow_takes_none(tmp_path):
    sgd = small()
    file = tmp_path / "run.npz"
    ss.solve(sgd, until=1.0, checkpoint=file)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must name a whole checkpoint"):
        ss.solve(sgd, until=1.0, checkpoint=file)
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must be given for dynamics in steps only"):
        ss.solve(ss.NetworkFlow(LADDER, 0.5, neurons=3), until=1.0, checkpoint=file)


def test_steps_that_are_too_long_end_at_the_last_finite_state_which_can_be_kept(tmp_path):
    run = ss.solve(small(epsilon=0.01, step_size=5.0), until=5e5)
    assert run.outcome == "NOT_FINITE"
    steps = run.solver["steps"]
    assert 1 < steps < 1000
    assert f"The run diverged after step {steps}: the step size is too large." in run.doubts
    assert run.time[-1] == steps * 5.0
    assert np.all(np.isfinite(run["risk"]))
    assert run["risk"][-1] > 1e100
    result = ss.load(run.save(tmp_path / "run.nc"))
    assert result.outcome == "NOT_FINITE"
    assert result.doubts == run.doubts
    assert np.array_equal(result["risk"], run["risk"])


@pytest.mark.parametrize("method", ["direct", "gram"])
def test_a_run_that_diverges_is_left_out_and_the_others_go_on_as_if_alone(method, tmp_path):
    """At this step size some samples throw neurons of free norm too far: each run is that of its own seed."""
    steep = ss.SingleIndex([0.0, 1.0, 0.5, 0.3], [0.0, 1.0, 0.5, 0.4])
    step = 1.5e-3

    def solved(seed, runs):
        sgd = ss.OnePassSGD(steep, 1.0, 8, 90, step, runs=runs, seed=seed, sphere=False, method=method)
        return ss.solve(sgd, until=3000 * step)

    run, alone = solved(1, 8), [solved(seed, 1) for seed in range(1, 9)]
    lost = [seed for seed, one in enumerate(alone, 1) if one.outcome == "NOT_FINITE"]
    assert 0 < len(lost) < 8
    assert run.outcome == "REACHED_END"
    assert f"Of 8 runs {len(lost)} diverged and are left out (seeds {', '.join(map(str, lost))})" in run.doubts[0]
    assert np.array_equal(run.coords["run"], np.setdiff1d(np.arange(1, 9), lost))
    for k, seed in enumerate(run.coords["run"]):
        np.testing.assert_allclose(run["risk"][:, k], alone[seed - 1]["risk"], rtol=1e-6)
    assert np.array_equal(ss.load(run.save(tmp_path / "run.nc")).coords["run"], run.coords["run"])


def test_descent_on_samples_reaches_the_least_squares_solution():
    """f = <w, x> with w = mean a_i u_i: train risk falls to its least, and w to the one that has it."""
    problem, d, n = ss.SingleIndex([0, 1], [0, 1]), 10, 40
    common: dict[str, Any] = {
        "neurons": 4,
        "dimension": d,
        "step_size": 0.2,
        "samples": n,
        "label_noise": 0.5,
        "runs": 2,
    }
    descent = ss.SampleDescent(problem, 1.0, **common, seed=3)
    steps, _ = descent.start()
    x, y = np.asarray(steps.x), np.asarray(steps.y)
    w, *_ = np.linalg.lstsq(x, y, rcond=None)
    run = ss.solve(descent, until=1500.0)
    assert np.all(np.diff(run["train_risk"], axis=0) < 1e-12)
    assert np.allclose(run["train_risk"][-1], 0.5 * np.mean((y - x @ w) ** 2), rtol=1e-8)
    # the test risk of a linear function, without label noise
    assert np.allclose(run["risk"][-1], 0.5 * np.sum((w - np.eye(d)[0]) ** 2), rtol=1e-4)
    assert run.solver["samples"] == n
    # labels are the first coordinate and noise of that size
    assert (y - x[:, 0]).std() == pytest.approx(0.5, rel=0.4)


def test_descent_follows_the_gradient_of_the_training_risk():
    """u / |u| in the risk makes its gradient the tangent one; a step is projected back to norm one."""
    (a, u), eta, epsilon = random_network(2, 3, 6), 0.05, 0.5
    descent = ss.SampleDescent(LADDER, epsilon, step_size=eta, samples=30, initial=(a, u), label_noise=0.2)
    steps, _ = descent.start()
    x, y = np.asarray(steps.x), np.asarray(steps.y)

    def risk(a, u):
        z = x @ (u / jnp.linalg.norm(u, axis=1, keepdims=True)).T
        return 0.5 * jnp.mean((y - LADDER.activation(z) @ a / 3) ** 2)

    slope = jax.jit(jax.value_and_grad(risk, (0, 1)))
    run = ss.solve(descent, until=5 * eta)
    assert len(run.time) == len(run["state_time"]) == 6
    for step in range(6):
        value, (of_a, of_u) = slope(a, u)
        assert run["train_risk"][step] == pytest.approx(float(value), rel=1e-12)
        assert np.allclose(run["second_layer"][step], a, atol=1e-12)
        assert np.allclose(run["overlap"][step], u[:, 0], atol=1e-12)
        a, u = a - 3 * eta / epsilon * np.asarray(of_a), u - 3 * eta * np.asarray(of_u)
        u = u / np.linalg.norm(u, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": 3}, "Argument `problem` must be a SingleIndex, a MultiIndex or a JointIndex, but got 3."),
        ({"problem": ss.SingleIndex(PHI, "step")}, "Argument `problem` must have an activation without jumps"),
        ({"epsilon": 0}, "Argument `epsilon` must be positive, but got 0.0."),
        ({"neurons": 0}, "Argument `neurons` must be a whole number of at least 1, but got 0."),
        ({"neurons": None}, "Argument `neurons` must be given (or else `initial`), but got None."),
        ({"dimension": None}, "Argument `dimension` must be given (or else `initial`), but got None."),
        ({"dimension": 0}, "Argument `dimension` must be a whole number of at least 1, but got 0."),
        ({"dimension": float("inf")}, "Argument `dimension` must be finite"),
        ({"step_size": None}, "Argument `step_size` must be given, but got None."),
        ({"step_size": -0.1}, "Argument `step_size` must be positive, but got -0.1."),
        ({"step_size": float("inf")}, "Argument `step_size` must be finite, but got inf."),
        ({"second_layer": "unifrom"}, "Argument `second_layer` must"),
        ({"seed": -1}, "Argument `seed` must be a whole number of at least 0, but got -1."),
        ({"runs": 0}, "Argument `runs` must be a whole number of at least 1, but got 0."),
        ({"label_noise": -1}, "Argument `label_noise` must not be negative, but got -1.0."),
        ({"label_noise": float("inf")}, "Argument `label_noise` must be a finite number, but got inf."),
        ({"initial": ([1], [[1, 0]])}, "Argument `neurons` must not be given together with `initial`, but got 3."),
        (
            {"initial": ([1], [[1, 0]]), "neurons": None},
            "Argument `dimension` must not be given together with `initial`, but got 10.",
        ),
        ({"initial": ([1, 2], [[1, 0]]), "neurons": None, "dimension": None}, "Argument `initial` must hold a and u"),
    ],
)
@pytest.mark.parametrize("kind", [ss.OnePassSGD, ss.SampleDescent])
def test_bad_input_is_refused(kind, change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        kind(**{"problem": LADDER, "epsilon": 0.1, "neurons": 3, "dimension": 10, "step_size": 0.1, **change})
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (ss.OnePassSGD, {"batch_size": 0}, "Argument `batch_size` must be a whole number of at least 1, but got 0."),
        (ss.OnePassSGD, {"method": "fast"}, 'Argument `method` must be "auto", "direct" or "gram", but got \'fast\'.'),
        (ss.OnePassSGD, {"method": "gram"}, 'Argument `dimension` must be above 68 for method "gram" (use "direct")'),
        (ss.SampleDescent, {"samples": 0}, "Argument `samples` must be a whole number of at least 1, but got 0."),
    ],
)
def test_bad_input_of_one_kind_is_refused(kind, change, message):
    with pytest.raises(ss.ArgumentError) as refusal:
        kind(**{"problem": LADDER, "epsilon": 0.1, "neurons": 3, "dimension": 10, "step_size": 0.1, **change})
    assert str(refusal.value).startswith(message)


def test_an_end_before_the_first_step_is_refused():
    sgd = ss.OnePassSGD(LADDER, 0.5, neurons=3, dimension=10, step_size=0.1)
    with pytest.raises(ss.ArgumentError, match=r"Argument `until` must be at least one step of size 0\.1"):
        ss.solve(sgd, until=0.01)
