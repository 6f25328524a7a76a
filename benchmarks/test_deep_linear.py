"""Deep linear networks: the flow, its compression, its limit and descent, beside other solvers and loops."""

import numpy as np

_RTOL = "rtol 1e-06"
_NO_KVAERNO5 = "not run: a dense Jacobian of 22 000 x 22 000 numbers is 3.9 GB, to be decomposed in every step"


def measure(measured, module, *arguments, **options):
    result, failure = measured(module, *arguments, **options)
    assert result is not None, failure
    return result


def beside(measured, name, *options, limit):
    """The row of a competitor, or why there is none; times are read far better than they are integrated."""
    row, failure = measured("deep_linear_flow", name, *options, limit=limit)
    if row is None:
        return {"failure": failure}
    assert row["our_error"] <= row["error"]
    assert row["reading_error"] < 0.1 * row["error"]
    return row


def test_flow_beside_other_solvers(measured, record):
    tolerances = ("--rtol", 1e-6, 1e-5, 4e-6, 1e-7, 1e-8)
    rows = measure(measured, "deep_linear_flow", "saddlescope", *tolerances, limit=300)
    assert rows[f"saddlescope, {_RTOL}"]["error"] < 2e-5
    assert rows["saddlescope, rtol 1e-08"]["error"] < 2e-7
    other = measure(measured, "deep_linear_flow", "reference", limit=600)
    assert other["error"] < 1e-9
    rows["what they are measured against: SciPy DOP853 and saddlescope, rtol 1e-11"] = other
    for name in ("diffrax Tsit5", "SciPy DOP853", "diffrax Kvaerno5"):
        rows[f"{name}, {_RTOL}"] = beside(measured, name, limit=900)
    record("MC10, depth 4, scale 0.125, compressed to 600 unknowns", {"kind": "named", "rows": rows})


def test_whole_network(measured, record):
    rows = {}
    for scale, tolerances in ((0.125, (1e-6, 1e-5, 1e-8)), (0.01, (1e-6,))):
        options = ("--whole", "--scale", scale, "--rtol", *tolerances)
        result = measure(measured, "deep_linear_flow", "saddlescope", *options, limit=600)
        rows |= {f"{name}, scale {scale:g}": row for name, row in result.items()}
    ours = rows[f"saddlescope, {_RTOL}, scale 0.01"]
    np.testing.assert_allclose(ours["scaled_jump_times"], [10.4650, 21.7444, 40.7653], rtol=2e-3)
    assert max(row["error"] for name, row in rows.items() if _RTOL in name) < 2e-5
    for name in ("diffrax Tsit5", "SciPy DOP853"):
        rows[f"{name}, {_RTOL}, scale 0.125"] = beside(measured, name, "--whole", limit=900)
    rows["diffrax Kvaerno5"] = {"failure": _NO_KVAERNO5}
    record("MC10, depth 4, all 22 000 unknowns", {"kind": "named", "rows": rows})


def test_compression(measured, record):
    rows = measure(measured, "deep_linear_compression", limit=900)
    narrow = rows["7 rounds, width 256"]
    assert narrow["error_of_jump_times"] < 1e-5
    assert narrow["error_of_product"] < 1e-6
    auto = rows["auto with its error estimate, width 256"]
    assert auto["error_of_jump_times"] < auto["estimated_error"]
    record("Krylov compression, 5 x 5, gamma 2, rtol 1e-8", {"kind": "named", "rows": rows})


def test_theory(measured, record):
    rows = measure(measured, "deep_linear_theory", limit=300)
    assert rows["greedy on 200 x 200, rank 5, 30 % observed"]["outcome"] == "RECOVERED"
    record("limit and greedy algorithm, warm", {"kind": "named", "rows": rows})


def test_descent(measured, record):
    rows = {}
    for depth, width, steps in ((4, 30, 20_000), (4, 100, 20_000), (4, 300, 4000), (3, 100, 20_000)):
        result = measure(measured, "deep_linear_descent", depth, width, steps, limit=600, threads=None)
        costs = result.pop("final_costs")
        np.testing.assert_allclose(costs, costs[0], rtol=1e-6)
        rows[f"depth {depth}, width {width}"] = result | {"final_cost": costs[0]}
    record("gradient descent on MC10, steps a second", {"kind": "named", "rows": rows})


def test_deeper_products_recover_what_is_published(measured):
    errors = measure(measured, "published_recovery", limit=900)
    assert abs(errors["sensing, depth 1"] - 0.60) < 0.02
    assert errors["sensing, depth 2"] < 2.7e-4
    assert errors["sensing, depth 3"] < 3.1e-7
    assert 0.02 < errors["completion, depth 2"] < 0.06  # published: .04 to .05
    assert max(errors["completion, depth 3"], errors["completion, depth 4"]) < 4e-5
