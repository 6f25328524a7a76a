"""Deep linear networks: the flow, its compression, its limit and descent, beside other solvers and loops."""

import numpy as np


def measure(measured, record, what, title, limit):
    rows, failure = measured("deep_linear_side_by_side", what, limit=limit)
    assert rows is not None, failure
    record(title, {"kind": "named", "rows": rows})
    return rows


def test_flow_beside_other_solvers(measured, record):
    title = "MC10, depth 4, scale 0.125, compressed to 600 unknowns"
    rows = measure(measured, record, "flow", title, 1500)
    assert rows["saddlescope, rtol 1e-8"]["error"] < 1e-4


def test_whole_network_to_scale_0_01(measured, record):
    rows = measure(measured, record, "full", "MC10, depth 4, all 22 000 unknowns", 600)
    assert {row["outcome"] for row in rows.values()} == {"REACHED_END"}
    np.testing.assert_allclose(rows["scale 0.01"]["scaled_jump_times"], [10.4650, 21.7444, 40.7653], rtol=2e-3)


def test_compression(measured, record):
    rows = measure(measured, record, "compression", "Krylov compression, depth 4, 5 x 5, gamma 2", 900)
    true = rows["whole, width 256"]["first_jump"]
    assert abs(rows["7 rounds, width 256"]["first_jump"] / true - 1) < 1e-5


def test_theory(measured, record):
    rows = measure(measured, record, "theory", "limit and greedy algorithm, warm", 300)
    assert rows["greedy on 200 x 200, rank 5, 30 % observed"]["outcome"] == "RECOVERED"


def test_descent(measured, record):
    rows = measure(measured, record, "descent", "20 000 steps of gradient descent, MC10, depth 4, width 100", 600)
    costs = [row["final_cost"] for row in rows.values() if "final_cost" in row]
    np.testing.assert_allclose(costs, costs[0], rtol=1e-6)
