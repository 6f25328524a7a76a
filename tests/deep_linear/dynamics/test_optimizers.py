"""Descent as it is practised, beside loops of the textbook rules in NumPy."""

import subprocess
import sys
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import sparse

import saddlescope as ss
from saddlescope.arguments import ArgumentError
from saddlescope.identity import identity
from saddlescope.optimizer import SGD, Adam, Cosine, Named, Piecewise, RMSprop, Switched

RANDOM = np.random.default_rng(8)
X = RANDOM.standard_normal((4, 24))
S = np.diag([3.0, 2.0, 1.0])[:, [0, 1, 2, 2]]
COST = ss.LeastSquares(inputs=X, outputs=S @ X)
START = [0.5 * RANDOM.standard_normal((out, into)) for into, out in pairwise((4, 5, 5, 3))]
STEPS = 100  # of adaptive steps: once all is learnt, what they divide is rounding


def slopes(W: list[np.ndarray], decay: float = 0.0) -> list[np.ndarray]:
    G = (W[2] @ W[1] @ W[0] - S) @ X @ X.T / 24
    each = [(W[2] @ W[1]).T @ G, W[2].T @ G @ W[0].T, G @ (W[1] @ W[0]).T]
    return [slope + decay * layer for slope, layer in zip(each, W, strict=True)]


def nesterov(W, G, memory, t, rate):
    V = [0.9 * before - rate * g for before, g in zip(memory or [0, 0, 0], G, strict=True)]
    return [w + 0.9 * v - rate * g for w, v, g in zip(W, V, G, strict=True)], V


def heavy_ball(W, G, memory, t, rate):
    V = [0.9 * before - rate * g for before, g in zip(memory or [0, 0, 0], G, strict=True)]
    return [w + v for w, v in zip(W, V, strict=True)], V


def plain(W, G, memory, t, rate):
    return [w - rate * g for w, g in zip(W, G, strict=True)], memory


def adam(W, G, memory, t, rate, decay=0.0):
    m, v = memory or ([0, 0, 0], [0, 0, 0])
    m = [0.8 * a + 0.2 * g for a, g in zip(m, G, strict=True)]
    v = [0.95 * a + 0.05 * g**2 for a, g in zip(v, G, strict=True)]
    moves = [
        (a / (1 - 0.8 ** (t + 1))) / (np.sqrt(b / (1 - 0.95 ** (t + 1))) + 1e-6) for a, b in zip(m, v, strict=True)
    ]
    return [w - rate * (move + decay * w) for w, move in zip(W, moves, strict=True)], (m, v)


def adamw(W, G, memory, t, rate):
    return adam(W, G, memory, t, rate, decay=0.1)


def rmsprop(W, G, memory, t, rate):
    v = [0.9 * a + 0.1 * g**2 for a, g in zip(memory or [0, 0, 0], G, strict=True)]
    return [w - rate * g / np.sqrt(a + 1e-6) for w, g, a in zip(W, G, v, strict=True)], v


def cosine(step):
    if step < 20:
        return 0.02 * (step + 1) / 20
    return 0.001 + 0.019 * 0.5 * (1 + np.cos(np.pi * min(1, (step - 20) / 70)))


ADAM = {"b1": 0.8, "b2": 0.95, "eps": 1e-6}
RULES = {
    "nesterov": (SGD(0.01, momentum=0.9, nesterov=True), nesterov, lambda step: 0.01),
    "adam": (Adam(0.01, **ADAM), adam, lambda step: 0.01),
    "adamw": (Adam(0.01, **ADAM, weight_decay=0.1), adamw, lambda step: 0.01),
    "rmsprop": (RMSprop(0.003, eps=1e-6), rmsprop, lambda step: 0.003),
    "cosine": (SGD(Cosine(0.02, 90, warmup=20, last=0.001), momentum=0.9), heavy_ball, cosine),
    "piecewise": (Adam(Piecewise([0.02, 0.005], [60]), **ADAM), adam, lambda step: 0.02 if step < 60 else 0.005),
    "optax's own": (Named(optax.sgd(0.01, 0.9), "momentum", step_size=0.01), heavy_ball, lambda step: 0.01),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_steps_are_those_of_the_textbook(name, decay):
    optimizer, rule, rate = RULES[name]
    descent = ss.GradientDescent(COST, initial=START, optimizer=optimizer, weight_decay=decay)
    run = ss.solve(descent, until=STEPS * descent.step_size, states=2)
    W, memory = START, None
    for step in range(STEPS):
        W, memory = rule(W, slopes(W, decay), memory, step, rate(step))
    assert run.solver["steps"] == STEPS
    assert np.allclose(run["product"][-1], W[2] @ W[1] @ W[0], rtol=0, atol=1e-10)


def test_optimisers_are_switched_midway():
    descent = ss.GradientDescent(COST, initial=START, optimizer=Switched([Adam(0.01, **ADAM), SGD(0.02)], [60]))
    run = ss.solve(descent, until=STEPS * 0.01, states=2)
    W, memory = START, None
    for step in range(STEPS):
        rule, rate = (adam, 0.01) if step < 60 else (plain, 0.02)
        W, memory = rule(W, slopes(W), memory, step, rate)
    assert np.allclose(run["product"][-1], W[2] @ W[1] @ W[0], rtol=0, atol=1e-10)


def test_plain_descent_is_the_same_by_either_name():
    one = ss.GradientDescent(COST, initial=START, learning_rate=0.01, momentum=0.5)
    other = ss.GradientDescent(COST, initial=START, optimizer=SGD(0.01, momentum=0.5))
    assert one.plain == other.plain == (0.01, 0.5)
    assert one.describe() == other.describe()
    assert np.array_equal(ss.solve(one, until=1.0)["product"], ss.solve(other, until=1.0)["product"])


MEASURED = RANDOM.standard_normal((20, 3, 4))
OF_EXAMPLES = {
    "examples": COST,
    "few examples": ss.LeastSquares(inputs=X[:, :3], outputs=(S @ X)[:, :3]),
    "completion": ss.MatrixCompletion(RANDOM.standard_normal((3, 4)), observed=RANDOM.random((3, 4)) < 0.6),
    "sensing": ss.MatrixSensing(MEASURED[:6], truth=S),
    "many measurements": ss.MatrixSensing(MEASURED, truth=S),
    "sparse sensing": ss.MatrixSensing(sparse.csr_array(np.where(MEASURED > 0, MEASURED, 0).reshape(20, 12)), truth=S),
    "logistic": ss.LogisticLoss(X, np.sign(S @ X)),
    "exponential": ss.ExponentialLoss(X, np.sign(S @ X)),
}


@pytest.mark.parametrize("name", OF_EXAMPLES)
def test_batches_estimate_the_gradient_without_bias(name):
    cost = OF_EXAMPLES[name]
    A = jnp.asarray(RANDOM.standard_normal((3, 4)))
    estimate = jax.jit(lambda cost, A, chosen: cost.batch_gradient(A, chosen))
    each = [np.asarray(estimate(cost, A, jnp.asarray([n]))) for n in range(cost.examples)]
    assert np.allclose(np.mean(each, axis=0), cost.gradient(A), atol=1e-12)
    assert np.allclose(estimate(cost, A, jnp.asarray([1, 2])), (each[1] + each[2]) / 2, atol=1e-12)


def test_a_batch_of_all_examples_is_the_descent_of_all():
    whole = ss.GradientDescent(COST, initial=START, optimizer=Adam(0.01))
    batch = ss.GradientDescent(COST, initial=START, optimizer=Adam(0.01), batch_size=24)
    runs = [ss.solve(descent, until=2.0)["product"] for descent in (whole, batch)]
    assert np.allclose(*runs, atol=1e-10)


def test_every_example_is_used_once_before_one_is_used_twice():
    descent = ss.GradientDescent(COST, initial=START, learning_rate=0.01, batch_size=7)
    steps, state = descent.start()
    rounds = []
    for _ in range(3):
        chosen = []
        for _ in range(3):  # 21 of 24
            state = steps.advance(state)
            place = int(state[4])
            chosen.append(np.asarray(state[3])[7 * (place - 1) : 7 * place])
        rounds.append(np.concatenate(chosen))
        assert np.unique(rounds[-1]).size == 21
    assert not np.array_equal(rounds[0], rounds[1])


def test_a_narrow_network_makes_the_batches_of_the_wide_one():
    runs = {}
    for compress in ("auto", False):
        descent = ss.GradientDescent(
            COST, 2, 60, 1.5, seed=1, optimizer=SGD(0.01, momentum=0.9), batch_size=6, compress=compress
        )
        runs[compress] = ss.solve(descent, until=20.0)
    assert runs["auto"].accuracy["compressed_width"] == 7
    assert np.allclose(runs["auto"]["product"], runs[False]["product"], atol=1e-9)
    other = ss.GradientDescent(COST, 2, 60, 1.5, seed=1, optimizer=SGD(0.01, momentum=0.9), batch_size=6, batch_seed=1)
    assert not np.allclose(ss.solve(other, until=20.0)["product"][-5], runs["auto"]["product"][-5], atol=1e-9)


def test_noise_of_the_gradient_has_the_variance_of_its_recursion():
    size, rate, noise, steps = 150, 0.1, 0.3, 40
    cost = ss.LeastSquares(np.zeros((size, size)) + 1e-9)
    descent = ss.GradientDescent(cost, initial=[np.zeros((size, size))], learning_rate=rate, gradient_noise=noise)
    run = ss.solve(descent, until=rate * steps, states=2)
    expected = (rate * noise) ** 2 * sum((1 - rate) ** (2 * k) for k in range(steps))
    # each entry is a draw of its own: 22 500 of them
    assert np.var(run["weights"][-1]) == pytest.approx(expected, rel=0.05)


def test_a_run_taken_up_again_ends_as_it_would_have(tmp_path):
    file = tmp_path / "kept"
    descent = ss.GradientDescent(COST, initial=START, optimizer=Adam(0.01), batch_size=5, gradient_noise=0.01)
    whole = ss.solve(descent, until=5.0)
    part = ss.solve(descent, until=5.0, max_steps=233, checkpoint=file)
    assert part.outcome == "STEP_LIMIT"
    again = ss.solve(descent, until=5.0, checkpoint=file)
    assert np.array_equal(again["product"], whole["product"])
    for other in (Adam(0.01, b1=0.8), SGD(0.01)):
        with pytest.raises(ArgumentError, match="belong to this run"):
            ss.solve(
                ss.GradientDescent(COST, initial=START, optimizer=other, batch_size=5, gradient_noise=0.01),
                until=5.0,
                checkpoint=file,
            )


def test_optimisers_are_told_apart():
    kinds = [
        Adam(1e-3), Adam(2e-3), Adam(1e-3, b1=0.5), Adam(Piecewise([1e-3, 1e-4], [5])), RMSprop(1e-3), SGD(1e-3),
        SGD(1e-3, nesterov=True), Switched([SGD(1e-3), Adam(1e-3)], [3]), Switched([SGD(1e-3), Adam(1e-3)], [4]),
        Named(optax.adam(1e-3), "adam", step_size=1e-3), Named(optax.adam(2e-3), "adam", step_size=1e-3),
    ]  # fmt: skip
    names = [identity(ss.GradientDescent(COST, initial=START, optimizer=one)) for one in kinds]
    assert len(set(names)) == len(kinds)
    again = ss.GradientDescent(COST, initial=START, optimizer=Named(optax.adam(1e-3), "adam", step_size=1e-3))
    assert identity(again) == names[-2]
    assert "Adam(learning_rate=0.001, b1=0.9" in repr(ss.GradientDescent(COST, initial=START, optimizer=Adam(1e-3)))


def test_the_result_cites_what_it_rests_on():
    run = ss.solve(ss.GradientDescent(COST, initial=START, optimizer=Adam(1e-2)), until=0.1)
    assert {"kingma2015", "optax"} <= set(run.references)
    assert "optax" not in ss.solve(ss.GradientDescent(COST, initial=START, learning_rate=0.01), until=0.1).references


def test_without_optax_plain_descent_runs_and_others_are_refused_in_a_sentence():
    code = """
import sys
sys.modules["optax"] = None
import saddlescope as ss
cost = ss.LeastSquares([[2.0]])
ss.solve(ss.GradientDescent(cost, 2, 3, gamma=1.0, learning_rate=0.1, momentum=0.5), until=1.0)
try:
    ss.GradientDescent(cost, 2, 3, gamma=1.0, optimizer=ss.optimizer.Adam(0.1))
except ss.ArgumentError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout
    assert "pip install 'saddlescope[optax]'" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "`learning_rate` must be given"),
        ({"optimizer": SGD(0.1), "learning_rate": 0.1}, "`learning_rate` must not be given together"),
        ({"optimizer": SGD(0.1), "momentum": 0.1}, "`momentum` must not be given together"),
        ({"optimizer": optax.adam(0.1)}, "ss.optimizer.Named"),
        ({"learning_rate": 0.1, "batch_size": 25}, "whole number from 1 to 24"),
        ({"learning_rate": 0.1, "gradient_noise": -1.0}, "at least 0"),
        ({"optimizer": Adam(0.1), "compress": 3}, "`compress` must be False"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        ss.GradientDescent(COST, initial=START, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(0.0), "positive"),
        (lambda: Adam(0.1, b1=1.0), r"`b1` must lie in \[0, 1\)"),
        (lambda: SGD(0.1, momentum=-0.1), "momentum"),
        (lambda: RMSprop(0.1, eps=0.0), "eps"),
        (lambda: Piecewise([0.1], [3]), "one more"),
        (lambda: Piecewise([0.1, 0.2, 0.3], [3, 3]), "rising"),
        (lambda: Cosine(0.1, 10, warmup=10), "warmup"),
        (lambda: Cosine(0.1, 10, last=0.2), "at most the peak"),
        (lambda: Switched([SGD(0.1)], [3]), "one more"),
        (lambda: Switched([SGD(0.1), 3], [3]), "optimiser such as"),  # type: ignore[list-item]
        (lambda: Named(3, "x", step_size=0.1), "init and update"),
        (lambda: Named(optax.adam(0.1), "", step_size=0.1), "`name`"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_whitened_target_has_no_examples():
    with pytest.raises(ArgumentError, match="not made of examples"):
        ss.GradientDescent(ss.LeastSquares([[1.0]]), 2, 2, 1.0, learning_rate=0.1, batch_size=1)


def test_a_comparison_says_where_saddles_are_those_of_the_flow():
    start = {"depth": 3, "width": 10, "gamma": 2.0, "scale": 0.4}
    small = ss.LeastSquares(inputs=X, outputs=np.eye(3, 4) @ X)
    doubted = ss.compare(ss.solve(ss.GradientDescent(small, **start, optimizer=Adam(0.01)), until=2.0))
    plain = ss.compare(ss.solve(ss.GradientDescent(small, **start, learning_rate=0.01, batch_size=8), until=2.0))
    assert any("predicted for gradient flow" in doubt for doubt in doubted.doubts)
    assert not any("predicted for gradient flow" in doubt for doubt in plain.doubts)
    assert "200 steps of 0.01 in time" in str(plain)
