"""Trajectories are saved whole or not at all, and read back equal."""

import numpy as np
import pytest

import saddlescope as ss


@pytest.fixture(scope="module")
def trajectory():
    return ss.solve(ss.MeanFieldFlow(ss.SingleIndex([1, -1], [1, 1]), 1e-2, particles=8), until=1.0)


def test_saved_and_loaded_equal(trajectory, tmp_path):
    path = trajectory.save(tmp_path / "run.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]
    again = ss.load(path)
    for name, values in trajectory.observables.items():
        assert np.array_equal(again[name], values)
        assert again.dims[name] == trajectory.dims[name]
    assert again.parameters == trajectory.parameters
    assert again.outcome == trajectory.outcome == "REACHED_END"
    assert again.accuracy == trajectory.accuracy
    assert np.array_equal(ss.learning_times(again), ss.learning_times(trajectory), equal_nan=True)


def test_dataset_has_names_on_every_axis(trajectory):
    dataset = trajectory.dataset
    assert dataset["risk"].dims == ("time",)
    assert dataset["residual"].dims == ("time", "degree")
    assert dataset["overlap"].dims == ("state_time", "neuron")


def test_repr_tells_sizes_steps_and_outcome(trajectory):
    text = repr(trajectory)
    assert "steps accepted" in text
    assert "end of the time range was reached" in text


def test_citations_name_the_paper(trajectory):
    assert "2303.00055" in trajectory.citations()


def test_a_failed_save_leaves_the_old_file(trajectory, tmp_path, monkeypatch):
    path = tmp_path / "run.nc"
    path.write_text("precious")
    import os

    def refuse(*_):
        raise OSError(28, "disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        trajectory.save(path)
    assert path.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_foreign_and_truncated_files_are_refused(trajectory, tmp_path):
    whole = trajectory.save(tmp_path / "run.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.nc").write_text("not netCDF")
    for name in ("cut.nc", "text.nc", "missing.nc"):
        with pytest.raises(ss.ArgumentError, match="Argument `path` must name"):
            ss.load(tmp_path / name)
    import xarray

    xarray.Dataset({"x": 1.0}).to_netcdf(tmp_path / "foreign.nc", engine="h5netcdf")
    with pytest.raises(ss.ArgumentError, match="format"):
        ss.load(tmp_path / "foreign.nc")
    with pytest.raises(ss.ArgumentError, match="existing folder"):
        trajectory.save(tmp_path / "nowhere" / "run.nc")
