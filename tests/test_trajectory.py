"""Trajectories are saved whole or not at all, and read back equal."""

import dataclasses
from typing import Any, cast

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


def test_every_flipped_bit_is_refused_or_changes_nothing(trajectory, tmp_path):
    whole = trajectory.save(tmp_path / "run.nc").read_bytes()
    damaged_file, refused = tmp_path / "damaged.nc", []
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        damaged_file.write_bytes(damaged)
        try:
            again = ss.load(damaged_file)
        except ss.ArgumentError as error:
            refused.append(str(error))
            continue
        # a bit of what HDF5 leaves unused
        assert same(again, trajectory)
        assert again.doubts == trajectory.doubts
    assert all(sentence.startswith("Argument `path` must name a") for sentence in refused)
    assert len(refused) > 75


def same(one, other):
    plain = (
        "kind",
        "parameters",
        "solver",
        "accuracy",
        "versions",
        "outcome",
        "message",
        "references",
        "units",
        "dims",
    )
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and one.observables.keys() == other.observables.keys()
        and all(np.array_equal(one[name], other[name], equal_nan=True) for name in (*one.observables, *one.coords))
    )


def changed(path, change):
    """Change a file as somebody would who edits it."""
    import h5py

    with h5py.File(path, "r+") as file:
        change(file)
    return path


CHANGES = {
    "a value": lambda file: file["risk"].__setitem__(3, 0.125),
    "a time": lambda file: file["time"].__setitem__(0, 1e-9),
    "the outcome": lambda file: file.attrs.__setitem__("outcome", "STILL"),
    "a parameter": lambda file: file.attrs.__setitem__("parameters", "{}"),
    "the doubts": lambda file: file.attrs.__setitem__("doubts", '["none"]'),
    "a unit": lambda file: file["risk"].attrs.__setitem__("units", "loss"),
    "no checksum": lambda file: file.attrs.__delitem__("checksum"),
    "no curve": lambda file: file.__delitem__("risk_rest"),
    "another name": lambda file: file.move("risk_rest", "risk_more"),
    "one more": lambda file: file.attrs.__setitem__("format", "saddlescope trajectory 3"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_afterwards_is_refused(trajectory, tmp_path, name):
    path = changed(trajectory.save(tmp_path / "run.nc"), CHANGES[name])
    with pytest.raises(ss.ArgumentError, match="Argument `path` must name a"):
        ss.load(path)


def test_a_file_without_checksum_is_loaded_with_a_doubt(trajectory, tmp_path):
    def as_before(file):
        del file.attrs["checksum"]
        file.attrs["format"] = "saddlescope trajectory 1"

    path = changed(trajectory.save(tmp_path / "run.nc"), as_before)
    again = ss.load(path)
    assert same(again, trajectory)
    assert again.doubts == (
        *trajectory.doubts,
        "The file carries no checksum: that it is as it was written could not be verified.",
    )


def test_what_xarray_writes_again_is_the_same_run(trajectory, tmp_path):
    import xarray

    path = trajectory.save(tmp_path / "run.nc")
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        dataset.to_netcdf(tmp_path / "again.nc", engine="h5netcdf")
    again = ss.load(tmp_path / "again.nc")
    assert same(again, trajectory)
    assert again.doubts == trajectory.doubts
    trajectory.dataset.to_netcdf(tmp_path / "dataset.nc", engine="h5netcdf")
    assert "no checksum" in ss.load(tmp_path / "dataset.nc").doubts[-1]


@pytest.mark.parametrize("name", ["time", "state_time"])
def test_times_that_fall_are_refused(trajectory, name):
    times = trajectory[name].copy()
    times[3], times[4] = times[4], times[3]
    with pytest.raises(ss.ArgumentError, match=f"Argument `coords` must hold a {name} that does not fall"):
        dataclasses.replace(trajectory, coords=trajectory.coords | {name: times})
    with pytest.raises(ss.ArgumentError, match=f"Argument `coords` must hold a {name} that does not fall"):
        dataclasses.replace(trajectory, coords=trajectory.coords | {name: np.append(times[:3], np.nan)})


def test_an_outcome_has_to_be_said_and_to_be_one(trajectory):
    arguments: dict[str, Any] = {"kind": "MadeUp", "observables": {}, "dims": {}, "coords": {"time": np.arange(3.0)}}
    with pytest.raises(TypeError, match="outcome"):
        ss.Trajectory(**arguments)
    with pytest.raises(ss.ArgumentError, match=r"Argument `outcome` must be one of REACHED_END, .*'FINISHED'"):
        ss.Trajectory(**arguments, outcome=cast(Any, "FINISHED"))
    made = ss.Trajectory(**arguments, outcome=cast(Any, "STILL"))
    assert made.outcome is ss.Outcome.STILL
    assert made.outcome == "STILL"
    assert (repr(made.outcome), str(made.outcome), made.outcome.complete) == ("'STILL'", "STILL", True)
    assert all(outcome.message.endswith(".") for outcome in ss.Outcome)


def test_a_notebook_shows_a_table_and_a_line(trajectory):
    page = trajectory._repr_html_()
    assert page.count("<tr>") == len(trajectory.observables)
    assert "MeanFieldFlow: The end of the time range was reached." in page
    points = page.split("points='")[1].split("'")[0].split()
    heights = [float(point.split(",")[1]) for point in points]
    # it falls from the top to the bottom
    assert heights[0] == pytest.approx(2, abs=1)
    assert heights[-1] == pytest.approx(58, abs=1)
    doubted = dataclasses.replace(
        trajectory, doubts=("a < b",), observables={"cost": np.full(len(trajectory.time), np.nan)}
    )
    assert "Doubt: a &lt; b" in doubted._repr_html_()
    assert "<svg" not in doubted._repr_html_()


def test_the_package_says_its_version():
    import importlib.metadata

    assert ss.__version__ == importlib.metadata.version("saddlescope") == trajectory_version()


def trajectory_version():
    from saddlescope.solve import versions

    return versions()["saddlescope"]
