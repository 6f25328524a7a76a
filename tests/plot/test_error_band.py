"""The band around a curve whose error shows."""

import dataclasses

import numpy as np
import pytest
from matplotlib.figure import Figure

import saddlescope as ss


@pytest.fixture(scope="module")
def run():
    return ss.solve(ss.MeanFieldFlow(ss.SingleIndex([1.0, 1.0], [1.0, 1.0]), 0.01, particles=16), 2.0)


def doubtful(run, error):
    return dataclasses.replace(run, accuracy=run.accuracy | {"integration_error": error})


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_an_error_that_shows_is_drawn_around_the_risk(run, scale):
    plain = ss.plot.ladder(run, ax=Figure().subplots(), scale=scale)
    shown = ss.plot.ladder(doubtful(run, 0.05), ax=Figure().subplots(), scale=scale)
    assert "its error" not in plain.get_legend_handles_labels()[1]
    band = next(band for band in shown.collections if band.get_label() == "its error")
    corners = np.asarray(band.get_paths()[0].vertices, dtype=float)
    # at the start, where the risk is highest and at rest, the band is as wide as the error of heights
    begin = corners[corners[:, 0] == corners[:, 0].min(), 1]
    assert np.ptp(begin) == pytest.approx(0.1 * run["risk"].max(), rel=0.2)


def test_where_the_risk_falls_the_band_holds_the_runs_that_are_early_and_late(run):
    ax = Figure().subplots()
    error = 0.05
    from saddlescope.plot.parts.error_band import error_band

    time = np.geomspace(1e-3, 2.0, 4000)
    risk = np.interp(time, run.time, run["risk"])
    error_band(ax, doubtful(run, error), time, risk)
    (path,) = ax.collections[0].get_paths()
    inside = np.linspace(0.01, 1.8, 60)
    for factor in (1 - error, 1 + error):
        points = np.column_stack([inside, np.interp(inside * factor, time, risk)])
        assert path.contains_points(points).all()
