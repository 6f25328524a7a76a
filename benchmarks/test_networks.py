"""Finite networks and SGD, beside other solvers and loops."""

import jax
import pytest


def measure(measured, record, what, title, limit):
    rows, failure = measured("networks_side_by_side", what, limit=limit)
    assert rows is not None, failure
    record(title, {"kind": "named", "rows": rows})
    return rows


def test_network_flow(measured, record):
    measure(measured, record, "flow", "network flow, d infinite, epsilon 1e-4, T = 1", 1500)


def test_width(measured, record):
    rows = measure(measured, record, "width", "network flow beside RKC2, d infinite, epsilon 1e-4, T = 1", 1500)
    assert rows["BDF, rtol 1e-06, m = 100"]["error of times"] < 1e-5


def test_wide(measured, record):
    rows = measure(measured, record, "wide", "network flow, wide", 900)
    assert rows["m = 1000, epsilon 1e-06"]["outcome"] == "REACHED_END"


def test_growth(measured, record):
    rows = measure(measured, record, "growth", "network flow, time of a step by width", 600)
    assert rows["exponent"] < 3


def test_gram_costs_the_same_in_every_dimension(measured, record):
    rows = measure(measured, record, "gram", "one-pass SGD, m = 100, by dimension", 600)
    gram = [row["microseconds_a_step"] for name, row in rows.items() if name.startswith("gram")]
    assert max(gram) < 2 * min(gram)


def test_direct(measured, record):
    measure(measured, record, "direct", "one-pass SGD, m = 100, d = 1000", 600)


def test_gpu_beside_cpu(measured, record):
    try:
        jax.devices("gpu")
    except RuntimeError:
        pytest.skip("no GPU here")
    rows = measure(measured, record, "gpu", "network flow, CPU beside GPU", 900)
    for row in rows.values():
        assert row["cpu risk"] == pytest.approx(row["gpu risk"], rel=1e-4)
