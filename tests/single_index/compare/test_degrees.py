"""The table of degrees: which plateau belongs to which degree, and what is said where something is missing."""

import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from saddlescope.measure import Plateau, Stages
from saddlescope.single_index.compare.degrees import COLUMNS, accuracy, degree_table
from saddlescope.single_index.compare.degrees import printed as printed_rows
from saddlescope.solve import Outcome
from saddlescope.study import Comparison
from saddlescope.study.comparison import without_nan
from saddlescope.study.rendering import show
from saddlescope.trajectory import Trajectory

NAN = math.nan
FIRST = Plateau(1e-9, 1e-7, 2.0, 0.0, 2.0, 10, 1.3, 1e-6)
SECOND = Plateau(1e-5, 1e-3, 1.5, 0.0, 2.0, 10, 3.0, 2e-3)
LAST = Plateau(1e-1, 10.0, 0.5, 0.0, 2.0, 10, NAN, NAN)
STAGES = Stages((FIRST, SECOND, LAST), "slope", "log", 0.0, 0.0, 0.15, 0.25, 1.05, NAN, ("A doubt of plateaus.",))


def trajectory(targets):
    time = np.concatenate([[0.0], np.geomspace(1e-9, 10.0, 20)])
    return Trajectory(
        kind="MadeUp",
        observables={"risk": np.linspace(2.0, 0.5, 21)},
        dims={"risk": ("time",)},
        coords={"time": time},
        parameters={
            "link_coefficients": targets,
            "link": "hermite",
            "activation": "relu",
            "epsilon": 1e-6,
        },
        solver={"method": "M", "rtol": 1e-6, "steps_accepted": 20, "steps_rejected": 1},
        accuracy={"particles": 64, "activation": "exact", "kernel_error": 0.0},
        message="The end of the time range was reached.",
        doubts=("A doubt of the run.",),
        outcome=Outcome.REACHED_END,
    )


def made(targets, times, predicted, reasons=None, failing=frozenset()):
    heights = np.array([2.1, 1.6, 1.1, 0.6])
    reasons = reasons or {}
    return degree_table(
        trajectory(targets),
        STAGES,
        np.array(times),
        np.array(predicted),
        heights,
        reasons,
        failing,
        ("Of it.",),
    )


def test_each_degree_has_the_plateau_that_ends_with_it():
    table = made([1.0, -1.0, 1.0], [1e-6, 2e-3, 3e-3], [1e-6, 1e-3, NAN], {2: "it has no blow-up"}, frozenset({2}))
    zero, one, two = table.rows
    assert (zero.plateau, zero.predicted_height, zero.ratio) == (FIRST, 2.1, 1.0)
    assert (one.plateau, one.predicted_height, one.ratio) == (SECOND, 1.6, 2.0)
    # degree 2 follows at once: the plateau before it is that of degree 1
    assert two.plateau is None
    assert math.isnan(two.predicted_height)
    assert two.remark == ("No prediction: it has no blow-up. No flat stretch of the risk parts it from degree 1.")
    assert (zero.remark, one.remark) == ("", "")
    assert table.last == LAST


def test_a_canonical_degree_that_the_flow_does_not_learn_is_said_to_be_so():
    table = made([1.0, -1.0], [1e-6, NAN], [1e-6, NAN], {1: "overlaps grow"})
    told = "Predicted not to be learnt at this epsilon, though it is as epsilon -> 0. Not learnt by t = 10."
    assert table.rows[1].remark == told


def test_a_degree_that_is_learnt_at_the_start_has_no_ratio():
    table = made([1.0, 1.0], [0.0, 2e-3], [0.0, 1e-3])
    assert math.isnan(table.rows[0].ratio)
    assert table.rows[1].ratio == 2.0


def test_what_is_not_learnt_or_not_asked_for_is_said():
    table = made([1.0, 1.0], [1e-6, NAN], [1e-6])
    row = table.rows[1]
    assert row.plateau is None
    assert math.isnan(row.ratio)
    assert row.remark == "No prediction: it lies beyond the levels asked for. Not learnt by t = 10."


def test_degrees_without_target_have_no_row_but_their_consequence_is_said():
    table = made([1.0, 0.0, 0.0], [1e-6, NAN, NAN], [1e-6, NAN, NAN], {1: "no neuron moves"}, frozenset({1}))
    assert [row.degree for row in table.rows] == [0]
    assert table.nothing_to_learn == {
        1: "Nothing to learn: no neuron moves.",
        2: "Nothing to learn, phi_k = 0.",
    }


def test_plain_values_are_json_without_nan():
    table = made([1.0, 1.0], [1e-6, NAN], [1e-6, NAN])
    text = json.dumps(without_nan(table.plain()), allow_nan=False)
    back = json.loads(text)
    assert back["degrees"][0]["measured_over_predicted"] == 1.0
    assert back["degrees"][1]["measured_time"] is None
    assert back["degrees"][0]["plateau"]["height"] == 2.0
    assert back["learnt_from"] is None


def printed(targets, times, predicted, **options):
    out = io.StringIO()
    table = made(targets, times, predicted)
    run = trajectory(targets)
    rows, asides = printed_rows(table, run)
    doubted = (*run.doubts, *table.doubts)
    compared = Comparison(
        "A title", "A subtitle", COLUMNS, rows, asides=asides, doubts=doubted, accuracy=(accuracy(run),)
    )
    show(compared, Console(file=out, highlight=False, **options))
    return out.getvalue()


@pytest.mark.parametrize("columns", [80, 120])
def test_widest_numbers_fit(columns):
    text = printed([-0.0123456789, 1.0], [1.23456e-6, 1.234e2], [1.0e-120, 9.87e-3], width=columns)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= columns
    assert "1.23e+114" in text
    assert "1.234e+02" in text


def test_everything_to_doubt_is_shown():
    text = printed([1.0, 1.0], [1e-6, NAN], [1e-6, NAN], width=80)
    for doubt in ("A doubt of the run.", "A doubt of plateaus.", "Of it."):
        assert f"Doubt     {doubt}" in text
    assert "A title" in text
    assert "64 particles" in text


def test_colour_only_on_a_terminal():
    for terminal in (True, False):
        text = printed([1.0], [1e-6], [1e-6], width=80, force_terminal=terminal)
        assert ("\x1b[" in text) is terminal
