"""Identity: equal for equal problems in every process, different wherever a result could differ."""

import dataclasses
import enum
import functools
import importlib
import io
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.identity import identity

FACTOR = 2.0


@dataclasses.dataclass(frozen=True)
class Pair:
    first: Any
    second: Any = 0


@dataclasses.dataclass(frozen=True)
class Couple:
    first: Any
    second: Any = 0


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Scaled(eqx.Module):
    factor: jax.Array
    power: int = eqx.field(static=True)

    def __call__(self, x):
        return self.factor * x**self.power


class Thing:
    def __init__(self, value):
        self.value = value


def of_module_global(x):
    return FACTOR * x


def with_constant(c):
    return lambda x: c * x


def with_defaults(x, c=1.0):
    return c * x


DIFFERENT = [
    [None, False, 0, 0.0, 0j, "", b"", (), [], {}, set(), np.zeros(0), Ellipsis],
    [1, 1.0, True, "1", b"1", [1], (1,), {1}, {1: 1}, np.array(1), np.array([1]), np.array([1.0])],
    [1.0, np.nextafter(1.0, 2.0), -1.0, np.inf, -np.inf, np.nan, 10**400],
    [["ab", "c"], ["a", "bc"], ["abc"], [["ab"], "c"], [["ab", "c"]], ["ab", "c", None]],
    [{"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 1}, {"a": {"b": 2}}, {"b": 2, "a": "1"}],
    [
        np.arange(6.0),
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(3, 2),
        np.arange(6),
        np.arange(6, dtype="f4"),
    ],
    [np.ma.array([1.0, 2.0], mask=[False, True]), np.ma.array([1.0, 0.0], mask=[False, False]), np.array([1.0, 0.0])],
    [np.array([1.0, None], dtype=object), np.array([1.0, "None"], dtype=object)],
    [Pair(1), Pair(2), Pair(1, 1), Couple(1), (1, 0), Thing(1), Thing(2), Colour.RED, Colour.BLUE],
    [Scaled(jnp.ones(2), 1), Scaled(jnp.ones(2), 2), Scaled(2 * jnp.ones(2), 1), Scaled(jnp.ones(3), 1)],
    [lambda x: x, lambda x: x * x, lambda y, x: x, lambda x: x + 1, lambda x: x + 2, lambda x: x - 1],
    [with_constant(1.0), with_constant(2.0), with_defaults, functools.partial(with_defaults, c=2.0)],
    [jnp.sin, jnp.cos, np.sin, np.cos, jax.nn.relu, jax.grad(with_defaults), jax.jit(of_module_global)],
    [
        jax.grad(with_constant(1.0)),
        jax.grad(with_constant(3.0)),
        jax.jit(with_constant(1.0)),
        jax.jit(with_constant(3.0)),
    ],
    [jax.random.PRNGKey(0), jax.random.PRNGKey(1), jax.random.key(0), jax.random.key(1)],
    [Thing(0).__init__, Thing(1).__init__, float, int, Thing, Pair],
]


@pytest.mark.parametrize("values", DIFFERENT)
def test_what_differs_has_another_identity(values):
    for one, other in itertools.combinations(values, 2):
        assert identity(one) != identity(other), (one, other)


def again(x, c=1.0):
    return c * x


EQUAL = [
    (0.0, -0.0),
    (np.array([0.0, 1.0]), np.array([-0.0, 1.0])),
    (np.nan, -np.nan),
    (np.array([np.nan]), -np.array([np.nan])),
    ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    ({3, "x", 2.5}, {2.5, 3, "x"}),
    (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    (np.arange(3.0), np.arange(3.0).astype(">f8")),
    (np.arange(3.0), jnp.arange(3.0)),
    (np.arange(6.0)[::2], np.array([0.0, 2.0, 4.0])),
    (np.float64(2.5), 2.5),
    (np.int64(7), 7),
    (with_constant(2.0), with_constant(2.0)),
    (Scaled(jnp.ones(2), 1), Scaled(np.ones(2), 1)),  # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_what_is_equal_has_one_identity(one, other):
    assert identity(one) == identity(other)
    assert identity(Pair([one])) == identity(Pair([other]))


def test_a_function_counts_with_the_globals_it_reads(monkeypatch):
    before = identity(of_module_global), identity(lambda x: of_module_global(x) + 1)
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3.0)
    assert identity(of_module_global) != before[0]
    assert identity(lambda x: of_module_global(x) + 1) != before[1]


def test_a_function_that_calls_itself_has_an_identity():
    def power(n):
        return 1 if n == 0 else 2 * power(n - 1)

    loop: list[Any] = [1]
    loop.append(loop)
    assert identity(power) == identity(power)
    assert identity(loop) != identity([1, [1]])


def test_the_text_of_a_users_own_module_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "import mine_too\ndef f(x):\n    return mine_too.g(x)\n"
    (tmp_path / "mine.py").write_text(code)
    results = []
    for factor in (1, 2):
        (tmp_path / "mine_too.py").write_text(f"def g(x):\n    return {factor} * x\n")
        for name in ("mine", "mine_too"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        results.append(identity(importlib.import_module("mine").f))
    assert results[0] != results[1]


def test_what_a_method_of_a_users_class_does_counts():
    def made(factor):
        class Cost(eqx.Module):
            def __call__(self, A):
                return factor * jnp.sum(A**2)

        return Cost()

    assert identity(made(1.0)) == identity(made(1.0))
    assert identity(made(1.0)) != identity(made(2.0))


@pytest.mark.parametrize(
    "value",
    [
        object(),
        (n for n in [1]),
        np.frompyfunc(lambda x: x, 1, 1),
        memoryview(b"1"),
        np.longdouble(1),
        io.BytesIO(b"1"),
        re.compile("1"),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_place(value):
    with pytest.raises(ss.ArgumentError, match=r"Argument `flow` must be known by its content \(its part first\['x'\]"):
        identity(Pair({"x": value}), "flow")


def costs() -> list[Any]:
    mask = np.array([[True, False], [True, True]])
    return [
        ss.LeastSquares([[2.0]]),
        ss.LeastSquares([[3.0]]),
        ss.LeastSquares([[2.0, 0.0]]),
        ss.MatrixCompletion([[1.0, 9.0], [2.0, 3.0]], observed=mask),
        ss.MatrixCompletion([[1.0, 9.0], [2.0, 3.5]], observed=mask),
        ss.MatrixCompletion([[1.0, 9.0], [2.0, 3.0]], observed=~mask),
        ss.GeneralCost(lambda A: jnp.sum((A - 1.0) ** 2), (2, 2)),
        ss.GeneralCost(lambda A: jnp.sum((A - 1.5) ** 2), (2, 2)),
    ]


def flows() -> list[Any]:
    """Dynamics that differ in one thing each, among them those that no description tells apart."""
    problem = ss.SingleIndex([0, 1], [0, 1])
    start = np.linspace(-1, 1, 4), np.zeros(4)
    neurons = np.random.default_rng(0).standard_normal((4, 8))
    neurons /= np.linalg.norm(neurons, axis=1, keepdims=True)
    sgd: dict[str, Any] = {"neurons": 4, "dimension": 40, "step_size": 1e-3}
    samples = ss.SampleDescent(problem, 0.5, samples=20, **sgd)
    return [
        *(ss.GradientDescent(cost, 2, 3, gamma=1.0, learning_rate=0.01) for cost in costs()),
        ss.GradientDescent(costs()[0], 2, 3, gamma=1.0, learning_rate=0.02),
        ss.GradientDescent(costs()[0], 2, 3, gamma=1.0, learning_rate=0.01, momentum=0.1),
        ss.GradientDescent(costs()[0], 2, 3, gamma=1.0, learning_rate=0.01, seed=1),
        ss.GradientDescent(costs()[0], initial=[[[0.1], [0.2]], [[0.3, 0.4]]], learning_rate=0.01),
        ss.GradientDescent(costs()[0], initial=[[[0.2], [0.1]], [[0.3, 0.4]]], learning_rate=0.01),
        ss.DeepLinearFlow(costs()[0], 2, 3, gamma=1.0),
        ss.MeanFieldFlow(problem, 1e-2, particles=8),
        ss.MeanFieldFlow(problem, 1e-2, particles=64),
        ss.MeanFieldFlow(problem, 1e-2, initial=start),
        ss.MeanFieldFlow(problem, 1e-2, initial=start, weights=[0.1, 0.2, 0.3, 0.4]),
        ss.MeanFieldFlow(ss.SingleIndex(lambda x: x, [0, 1]), 1e-2, initial=start),
        ss.MeanFieldFlow(ss.SingleIndex(lambda x: 2 * x, [0, 1]), 1e-2, initial=start),
        ss.NetworkFlow(problem, 1e-2, initial=(start[0], neurons)),
        ss.NetworkFlow(problem, 1e-2, initial=(start[0], neurons[::-1])),
        ss.OnePassSGD(problem, 0.5, **sgd),
        ss.OnePassSGD(problem, 0.5, **sgd, seed=3),
        ss.OnePassSGD(problem, 0.5, **sgd, batch_size=2),
        samples,
        ss.SampleDescent(problem, 0.5, samples=21, **sgd),
        ss.SampleDescent(problem, 0.5, samples=20, **sgd, label_noise=0.1),
    ]


def test_dynamics_that_differ_in_anything_have_other_identities_and_keep_them_when_used():
    known = [identity(flow) for flow in flows()]
    assert len(set(known)) == len(known)
    used = flows()
    for flow in used:
        flow.start()
    assert [identity(flow) for flow in used] == known


_ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
import test_identity as t
print(*map(t.identity, [*t.flows(), *t.of_any_order()]))
"""


def of_any_order() -> list[Any]:
    return [DIFFERENT[4], {"a", "b", "c"}, lambda x: x in {"a", "b", "c"}]


def test_identities_are_the_same_in_every_process():
    environment = os.environ | {"PYTHONHASHSEED": "5"}
    command = [sys.executable, "-c", _ELSEWHERE, str(Path(__file__).parent)]
    there = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.split()
    assert there == [identity(value) for value in [*flows(), *of_any_order()]]
