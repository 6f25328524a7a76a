"""What a notebook shows: every result as HTML, and a bar that is replaced while a run goes on."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.solve.progress import CountBar, Progress, notebook

PROBLEM = ss.SingleIndex(link=[1, -1], activation="relu")
COST = ss.LeastSquares(np.diag([2.0, 1.0]))
CURVE = ss.Curve(np.arange(1.0, 2000.0), 1 + 1 / (1 + (np.arange(1.0, 2000.0) / 60) ** 8))


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (PROBLEM, ["SingleIndex", "relu"]),
        (ss.MultiIndex(link="erf", activation="erf", directions=2), ["MultiIndex", "directions", "2"]),
        (COST, ["LeastSquares", "2 x 2", "rank of the target"]),
        (ss.MatrixCompletion(np.eye(2), observed=[[True, True], [True, False]]), ["MatrixCompletion"]),
        (ss.MeanFieldFlow(PROBLEM, epsilon=1e-3), ["MeanFieldFlow", "0.001"]),
        (ss.DeepLinearFlow(COST, depth=2, width=5, gamma=2.0), ["DeepLinearFlow", "gamma"]),
        (ss.GradientDescent(COST, depth=2, width=5, gamma=2.0, learning_rate=0.1), ["GradientDescent", "0.1"]),
        (ss.DiagonalFlow([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], log_scale=30.0), ["DiagonalFlow"]),
        (CURVE, ["1999 points", "<svg"]),
        (ss.plateaus(CURVE), ["2 plateaus", "<svg", "drop time"]),
    ],
)
def test_everything_shows_itself(shown, words):
    page = shown._repr_html_()
    assert page.startswith("<div><b>")
    assert page.count("<table>") == page.count("</table>") == 1
    assert len(page) < 6000
    assert all(word in page for word in words), page
    assert "object at 0x" not in repr(shown)


def test_a_curve_without_plateaus_has_a_table_without_rows():
    page = ss.plateaus(np.arange(1.0, 100.0), 1 / np.arange(1.0, 100.0))._repr_html_()
    assert page.count("<tr>") == 1
    assert "<svg" not in page


@pytest.fixture
def kernel(monkeypatch):
    """A notebook's kernel, and what its bar showed."""
    shown = []

    def display(page, display_id):
        assert display_id is True
        shown.append(page)
        return SimpleNamespace(update=shown.append)

    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(HTML=str, display=display))
    monkeypatch.setattr(notebook, "_EVERY", 0.0)
    return shown


def test_a_run_in_a_notebook_has_a_bar_that_is_taken_away(kernel):
    with Progress(None, until=10.0, shortest=0.1) as bar:
        bar._delay = 0.0
        for time in (0.1, 1.0, 10.0):
            bar.update(time, 0.5)
    assert "t = 1.00e+01  risk = 5.00e-01" in kernel[-2]
    assert "value='1.0000'" in kernel[-2]
    assert kernel[-1] == ""


def test_counted_work_in_a_notebook_is_counted(kernel, capsys):
    with CountBar("experiments", 3) as bar:
        bar.begin("level <two>")
        bar.advance()
        bar.say("one is done")
        assert "level &lt;two&gt;  1/3" in kernel[-1]
    assert kernel[-1] == ""
    assert capsys.readouterr().err == "one is done\n"


def test_where_there_is_no_notebook_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace()))
    assert not notebook.in_notebook()  # the shell in a terminal has no kernel
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.in_notebook()
