"""What the page draws of a run, as arrays: no browser, no server."""

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.explorer.shown.lines import picture
from saddlescope.explorer.shown.states import states


@pytest.fixture(scope="module")
def run():
    flow = ss.NetworkFlow(ss.MultiIndex([0, 1, 1], [0, 1, 1], directions=2), 0.1, 4, 20)
    return ss.solve(flow, 1.0, progress=False)


def test_each_hidden_direction_has_a_panel_of_its_own(run):
    drawn = picture({"run": [run]})
    panels = {panel["key"]: panel for panel in drawn["below"]}
    assert list(panels)[:2] == ["overlap 0", "overlap 1"]
    assert panels["overlap 1"]["label"] == "overlaps s of neurons with the target, z2"
    for direction in (0, 1):
        ends = [line["values"][-1] for line in panels[f"overlap {direction}"]["lines"]]
        assert np.allclose(sorted(ends), sorted(run["overlap"][-1, :, direction]), rtol=1e-6)
        names = [line["name"] for line in panels[f"moment {direction}"]["lines"]]
        assert names == [f"M{k}" for k in range(len(names))]
        assert len(names) == run["moment"].shape[1]


def test_neurons_stand_in_the_plane_of_two_hidden_directions(run):
    cloud = states(run)
    assert cloud is not None
    assert cloud["labels"] == ["overlap with z1", "overlap with z2"]
    for place, name in enumerate("xy"):
        assert np.allclose(cloud[name][-1], run["overlap"][-1, :, place])
    assert np.allclose(cloud["colour"], run["second_layer"][0])


def test_neurons_of_one_direction_stand_at_their_output_weight():
    run = ss.solve(ss.MeanFieldFlow(ss.SingleIndex([0, 1], [0, 1]), 0.1, particles=8), 1.0, progress=False)
    cloud = states(run)
    assert cloud is not None
    assert cloud["labels"] == ["output weight a", "overlap s"]
    assert np.allclose(cloud["x"][0], run["second_layer"][0])
    assert [panel["key"] for panel in picture({"run": [run]})["below"]][:1] == ["overlap"]
