"""Weight decay: flow and descent beside plain loops over all layers, ends beside the minima of the potential."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.deep_linear import balanced_start, decayed_modes, gaussian_start

TARGET = np.array([[2.0, 0.3, 0.0], [0.1, 1.2, -0.4]])
COST = ss.LeastSquares(TARGET)


def slopes(layers, decay):
    """dC/dW_l + decay W_l, layer by layer."""
    results = []
    for at in range(len(layers)):
        below, above = np.eye(3), np.eye(2)
        for W in layers[:at]:
            below = W @ below
        for W in reversed(layers[at + 1 :]):
            above = above @ W
        results.append(above.T @ (above @ layers[at] @ below - TARGET) @ below.T + decay * layers[at])
    return results


def parted(y, like):
    cuts = np.cumsum([W.size for W in like])[:-1]
    return [part.reshape(W.shape) for part, W in zip(np.split(y, cuts), like, strict=True)]


def product(layers):
    A = np.eye(3)
    for W in layers:
        A = W @ A
    return A


# the first start is lazy and takes explicit steps, the second waits at a saddle and takes implicit ones
@pytest.mark.parametrize(
    ("depth", "scale", "decay", "until", "method"), [(2, 1.0, 0.15, 3.0, "Tsit5"), (3, 0.02, 0.005, 80.0, "Extrap")]
)
def test_the_flow_is_that_of_all_layers(depth, scale, decay, until, method):
    start = [np.asarray(W) for W in gaussian_start((2, 3), depth, 8, 0.7, scale, seed=2)]
    flow = ss.DeepLinearFlow(COST, initial=start, weight_decay=decay)
    run = ss.solve(flow, until, rtol=1e-9)
    assert run.solver["method"].startswith(method)

    def velocity(_, y):
        return -np.concatenate([G.ravel() for G in slopes(parted(y, start), decay)])

    y0 = np.concatenate([W.ravel() for W in start])
    plain = solve_ivp(velocity, (0, until), y0, method="DOP853", rtol=1e-10, atol=1e-13).y[:, -1]
    ends = parted(plain, start)
    assert np.allclose(run["product"][-1], product(ends), atol=1e-6)
    # of a narrow network too, the layers and their norms are those of the whole one
    lifted = flow.lift(run["weights"][-1], float(run.time[-1]))
    for W, V, norm in zip(lifted, ends, run["layer_norm"][-1], strict=True):
        assert np.allclose(W, V, atol=1e-6)
        assert norm == pytest.approx(np.linalg.norm(V), rel=1e-6)
    assert run["penalty"][-1] == pytest.approx(0.5 * decay * np.sum(plain**2), rel=1e-6)
    assert run.accuracy["conserved_drift"] < 1e-5
    # the rate is that of the cost without the penalty
    at = len(run.time) // 2
    now = parted(np.concatenate([np.asarray(W).ravel() for W in flow.lift(run["weights"][-1], until)]), start)
    moved = [W - 1e-6 * G for W, G in zip(now, slopes(now, decay), strict=True)]
    costs = [0.5 * np.sum((product(layers) - TARGET) ** 2) for layers in (now, moved)]
    assert run["cost_rate"][-1] == pytest.approx((costs[1] - costs[0]) / 1e-6, rel=1e-2, abs=1e-8)
    assert run["cost"][at] + run["penalty"][at] >= run["cost"][-1] + run["penalty"][-1]


@pytest.mark.parametrize("momentum", [0.0, 0.6])
@pytest.mark.parametrize("width", [6, 60])  # compiled steps, and steps in BLAS
def test_descent_makes_the_steps_it_says(momentum, width):
    decay, rate, steps = 0.2, 0.02, 150
    start = [np.asarray(W) for W in gaussian_start((2, 3), 3, width, 1.0, seed=1)]
    descent = ss.GradientDescent(
        COST, initial=start, learning_rate=rate, momentum=momentum, weight_decay=decay, compress=False
    )
    run = ss.solve(descent, until=steps * descent.step_size)
    layers, velocity = start, [0 * W for W in start]
    for _ in range(steps):
        moves = slopes(layers, decay)
        velocity = [momentum * V - rate * G for V, G in zip(velocity, moves, strict=True)]
        layers = [W + V for W, V in zip(layers, velocity, strict=True)]
    assert run.solver["steps"] == steps
    assert np.allclose(run["product"][-1], product(layers), rtol=1e-9, atol=1e-12)
    assert run["layer_norm"][-1] == pytest.approx([np.linalg.norm(W) for W in layers], rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_what_a_narrow_network_leaves_out_decays_too(momentum):
    start = gaussian_start((2, 3), 2, 40, 1.0, seed=1)
    runs = [
        ss.solve(
            ss.GradientDescent(
                COST, initial=start, learning_rate=0.05, momentum=momentum, weight_decay=0.3, compress=compress
            ),
            until=5.0,
        )
        for compress in ("auto", False)
    ]
    assert runs[0].accuracy["compressed_width"] < 10
    assert np.allclose(runs[0]["layer_norm"][-1], runs[1]["layer_norm"][-1], rtol=1e-9)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_modes_are_the_minima_of_their_potential(depth):
    strength, decay = np.array([3.0, 1.5, 0.9, 0.1, 0.0]), 0.4
    decayed = decayed_modes(strength, depth, decay)
    x = np.linspace(0, 3.5, 700_001)[1:]
    for k, s in enumerate(strength):
        f = 0.5 * (x - s) ** 2 + 0.5 * decay * depth * x ** (2 / depth)
        inner = (f[1:-1] < f[:-2]) & (f[1:-1] < f[2:])
        assert inner.any() == np.isfinite(decayed.learnt[k])
        if inner.any():
            assert decayed.learnt[k] == pytest.approx(x[1:-1][inner][-1], abs=1e-5)
            top = x[np.argmax(np.where(x < decayed.learnt[k], f, -np.inf))]
            assert decayed.barrier[k] == pytest.approx(0.0 if depth == 2 else top, abs=1e-5)
        # at the crossing both minima are as low, just below the collapse there still are two
        if s > 0:
            at = decayed_modes([s], depth, float(decayed.crossing[k]) * (1 - 1e-9))
            if depth > 2:
                assert at.potential(at.learnt)[0] == pytest.approx(0.5 * s**2, rel=1e-6)
            edge = float(decayed.collapse[k])
            assert np.isfinite(decayed_modes([s], depth, edge * (1 - 1e-9)).learnt[0])
            assert np.isnan(decayed_modes([s], depth, edge * (1 + 1e-9)).learnt[0])


def test_barriers_decide():
    decayed = decayed_modes([2.0], 3, 0.5)
    for share, end in ((0.9, 0.0), (1.1, float(decayed.learnt[0]))):
        start = balanced_start([[share * float(decayed.barrier[0])]], 3, 2)
        run = ss.solve(ss.DeepLinearFlow(ss.LeastSquares([[2.0]]), initial=start, weight_decay=0.5), until=200.0)
        assert run["singular_values"][-1, 0] == pytest.approx(end, abs=1e-5)


def test_a_run_from_the_command_line(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", "weight_decay", "--out", str(out)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "2.78682 2.78682" in told
    assert "no minimum but zero is left for mode 3" in told
    assert (out / "singular_values.png").exists()
    again = ss.compare(ss.solve(ss.DeepLinearFlow(COST, 3, 10, 1.0, weight_decay=0.1), until=5.0))
    assert again.values()["predicted"].shape == (2,)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dynamics.until", "auto"], "must be a number with weight decay, which keeps"),
        (
            ["--dynamics.weight_decay", "-1"],
            "`dynamics.weight_decay` in spec weight_decay must be at least 0, but got -1",
        ),
    ],
)
def test_refusals(words, sentence, tmp_path, capsys):
    assert main(["run", "weight_decay", "--out", str(tmp_path / "out"), *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


def test_arguments():
    with pytest.raises(ss.ArgumentError, match=r"`weight_decay` must be at least 0, but got -0\.1"):
        ss.DeepLinearFlow(COST, 2, 3, 1.0, weight_decay=-0.1)
    flow = ss.DeepLinearFlow(COST, 2, 30, 1.0, weight_decay=0.1)
    run = ss.solve(flow, until=0.1)
    with pytest.raises(ss.ArgumentError, match="`time` must be given"):
        flow.lift(run["weights"][-1])
    with pytest.raises(ss.ArgumentError, match="without weight decay"):
        ss.deep_linear.train(flow)


def test_a_weak_mode_that_outlives_a_strong_one_keeps_its_name():
    start = [np.diag([0.0, 0.9 ** (1 / 3)])] * 3
    flow = ss.DeepLinearFlow(ss.LeastSquares([[3.0, 0.0], [0.0, 1.0]]), initial=start, weight_decay=0.05)
    first, second = ss.compare(ss.solve(flow, until=60.0)).rows
    assert (first["predicted"], first["measured"]) == (0.0, pytest.approx(0.0, abs=1e-9))
    assert second["measured"] == pytest.approx(second["predicted"], rel=1e-4)
    assert second["predicted"] > 0.9
