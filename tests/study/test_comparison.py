"""Comparisons as data and as text: cells, asides, narrow terminals; `compare` of runs of every family."""

import math

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.study import Column, Comparison, Remark
from saddlescope.study.rendering import as_html, as_text

COLUMNS = (
    Column("name", "\nname", words=True),
    Column("predicted", "learnt at\npredicted", ".3e"),
    Column("measured", "\nmeasured", ".3e"),
)
ROWS = ({"name": "one", "predicted": 1e-3, "measured": 1.1e-3}, {"name": "two", "predicted": math.nan, "measured": 0.5})
TABLE = Comparison(
    "A title",
    "what",
    COLUMNS,
    ROWS,
    asides={-1: ({"name": "before"},), 1: ({"name": "end", "measured": "never"},)},
    remarks=(Remark("Outcome", "Done."),),
    doubts=("It <may> be wrong.", "It <may> be wrong."),
    record={"x": math.nan},
)


def test_asides_are_printed_in_their_place_and_are_no_data():
    assert [row[0] for row in TABLE.printed_rows()] == ["before", "one", "two", "end"]
    values = TABLE.values()
    assert list(values) == ["predicted", "measured"]
    np.testing.assert_allclose(values["measured"], [1.1e-3, 0.5])
    assert math.isnan(values["predicted"][1])
    assert TABLE.dataset["measured"].dims == ("name",)


def test_text_has_every_number_and_each_doubt_once():
    text = as_text(TABLE)
    for word in ("1.000e-03", "1.100e-03", "5.000e-01", "–", "never", "Outcome   Done."):
        assert word in text
    assert text.count("It <may> be wrong.") == 1
    assert str(TABLE) == text


@pytest.mark.parametrize("width", [20, 25, 28])
def test_numbers_are_never_cut_on_a_narrow_terminal(width):
    text = as_text(TABLE, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for word in ("1.000e-03", "1.100e-03", "5.000e-01", "never"):
        assert word in text
    # one value a line says with each of the five to which group it belongs
    assert text.count("learnt at") == (1 if width == 28 else 5)


def test_html_escapes_what_it_shows():
    shown = as_html(TABLE)
    assert "It &lt;may&gt; be wrong." in shown
    assert "<may>" not in shown
    assert shown.count("<tr>") == 5


def test_plain_values_have_no_nan():
    assert TABLE.plain() == {"x": None}


def test_a_mean_field_run_is_compared_in_python_and_after_loading(tmp_path):
    flow = ss.MeanFieldFlow(ss.SingleIndex(link=[1.0, -1.0], activation=[1.0, 1.0]), epsilon=1e-8)
    run = ss.solve(flow, until=0.1)
    result = ss.compare(run)
    assert [row["degree"] for row in result.rows] == [0, 1]
    np.testing.assert_allclose(result.values()["measured_over_predicted"], 1.0, atol=1e-3)
    run.save(tmp_path / "run.nc")
    again = ss.compare(ss.load(tmp_path / "run.nc"))
    np.testing.assert_allclose(again.values()["predicted_time"], result.values()["predicted_time"], rtol=1e-9)


def test_a_run_from_a_file_that_cannot_say_what_made_it_asks_for_it(tmp_path):
    cost = ss.LeastSquares(np.diag([2.0, 1.0]))
    flow = ss.DeepLinearFlow(cost, depth=3, width=6, gamma=2.0, scale=0.3)
    run = ss.solve(flow, until=30.0)
    result = ss.compare(run)
    assert [row["rank"] for row in result.rows] == [0, 1, 2]
    ratios = result.values()["measured_over_predicted"][:2]
    assert np.all(np.abs(ratios - 1) < 0.2)
    run.save(tmp_path / "run.nc")
    loaded = ss.load(tmp_path / "run.nc")
    with pytest.raises(ss.ArgumentError, match="`flow` must be given"):
        ss.compare(loaded)
    again = ss.compare(loaded, flow=flow)
    np.testing.assert_allclose(again.values()["measured_over_predicted"][:2], ratios, rtol=1e-9)


def test_a_network_beside_theory():
    problem = ss.SingleIndex(link=[0.0, 1.0], activation=[0.0, 1.0])
    run = ss.solve(ss.NetworkFlow(problem, epsilon=1.0, neurons=4, dimension=50), until=10.0)
    result = ss.compare(run)
    assert result.values()["degree 1"][0] > 0
    assert math.isfinite(result.values()["neurons"][0])
