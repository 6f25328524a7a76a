"""Large sweeps: their dataset is that of small ones, and in memory is what is used of it."""

import importlib

import numpy as np
import pytest
import xarray

import saddlescope as ss
from saddlescope.arguments import RefusedError
from saddlescope.sweep.results.gathering import Gathering
from saddlescope.sweep.results.table import failures
from saddlescope.sweep.spec import asked_for
from saddlescope.sweep.sweep import Sweep, _Places

# failures, tables of several lengths; the last point is not run
AXES = {"dynamics.terms": [1, 3, 2], "dynamics.rate": [20.0, 21.0, 31.0, 23.0, 22.0]}
LEFT_OUT = 22.0
PIECE = 4


def rate(run):
    return {"seconds": run.parameters["rate"], "message": 1.0}  # names that the sweep itself has


@pytest.fixture
def both(relaxation, tmp_path, monkeypatch):
    """The same results in memory and read as they are used, the folder of the store, and sizes of what was gathered."""
    relaxation["dynamics"] |= {"fault": "limit", "at": 30.0, "seed": 3}
    done = AXES | {"dynamics.rate": [r for r in AXES["dynamics.rate"] if r != LEFT_OUT]}
    ss.sweep(relaxation, done, store=tmp_path / "s", engine="serial", measure=rate, keep="observables")
    with Sweep(asked_for(relaxation, axes=AXES, measure=rate, keep="observables"), tmp_path / "s") as run:
        whole = run.dataset()
        monkeypatch.setattr(importlib.import_module("saddlescope.sweep.sweep"), "LARGE", 10)
        monkeypatch.setattr(importlib.import_module("saddlescope.sweep.results.stored"), "_PIECE", PIECE)
        sizes: list[int] = []
        begun = Gathering.__init__

        def noted(self, identities):
            sizes.append(len(identities))
            begun(self, identities)

        monkeypatch.setattr(Gathering, "__init__", noted)
        return whole, run.dataset(), tmp_path / "s", sizes


def test_every_variable_is_that_of_a_small_sweep(both):
    whole, large, _, sizes = both
    assert sizes == []  # nothing was read for it
    assert list(large.variables) == list(whole.variables)
    assert large.attrs == whole.attrs
    assert not any(large[name].variable._in_memory for name in large.data_vars)
    xarray.testing.assert_equal(large.compute(), whole)
    assert sizes
    assert max(sizes) <= PIECE
    # what a reader of the sweep expects: by the equations, not by the other dataset
    half = large.measured.sel(rate=21.0).values
    np.testing.assert_allclose(half[1], np.log(2) / 21.0 * np.arange(1, 4), rtol=1e-3)
    assert np.isnan(half[0, 1:]).all()
    assert (large.outcome.sel(rate=LEFT_OUT) == "NOT_RUN").all()
    assert failures(large) == failures(whole)
    assert len(failures(large)) == 3


def test_what_is_selected_is_read_and_no_more(both):
    whole, large, _, sizes = both
    where = {"terms": 1, "rate": 2}
    for index in (
        where,
        {"terms": slice(None, None, -2)},
        {"rate": [4, 0, 0], "term": 1},
        {"terms": np.array([], int)},
        {"terms": xarray.DataArray([0, 2], dims="p"), "rate": xarray.DataArray([1, 3], dims="p")},
    ):
        for name in ("measured", "outcome", "final_risk", "doubts", "trajectory", "seconds_value"):
            part = {dim: places for dim, places in index.items() if dim in whole[name].dims}
            sizes.clear()
            xarray.testing.assert_equal(large[name].isel(part).compute(), whole[name].isel(part))
            assert sum(sizes) <= whole.outcome.isel(part, missing_dims="ignore").size * (2 if "p" in str(part) else 1)
    sizes.clear()
    assert large.measured.isel(where).values.shape == (3,)
    assert sizes == [1]


def test_results_come_from_their_segments_where_the_index_is_gone(both):
    whole, large, folder, _ = both
    (folder / "index.sqlite").unlink()
    xarray.testing.assert_allclose(large.compute(), whole, atol=1e-6)  # to which seconds are written


def test_a_dataset_stays_what_it_was_and_never_holds_less_in_silence(both, relaxation):
    whole, large, folder, _ = both
    ss.sweep(relaxation, AXES, store=folder, engine="serial", measure=rate, keep="observables", again="ALL")
    xarray.testing.assert_equal(large.seconds.compute(), whole.seconds)
    for path in (folder / "results").rglob("*.1.json"):
        path.unlink()
    with Sweep(asked_for(relaxation, axes=AXES, measure=rate), folder):
        pass  # upon which the index no longer knows them, either
    with pytest.raises(RefusedError, match="is gone or damaged since the sweep was opened: run it again"):
        large.seconds.compute()


def test_dask_computes_piece_by_piece(both):
    pytest.importorskip("dask")
    whole, large, _, sizes = both
    pieces = large.measured.chunk(rate=1)
    assert sizes == []
    xarray.testing.assert_allclose(pieces.mean("terms").compute(scheduler="synchronous"), whole.measured.mean("terms"))
    assert max(sizes) == len(AXES["dynamics.terms"])


def test_tasks_are_known_by_what_they_are_wherever_they_stand():
    random = np.random.default_rng(0)
    known = [bytes([0, 255, n % 7, 0]) + bytes(11) + bytes([n % 5]) for n in range(40)]  # 35 of them
    identities = np.frombuffer(b"".join(known), "V16")
    asked = [known[n] for n in random.integers(0, 40, 20)] + [bytes(16), b"\xff" * 16]
    rows, numbers = _Places(identities).of(np.frombuffer(b"".join(asked), "V16"))
    pairs = {(r, n) for r, task in enumerate(asked) for n, other in enumerate(known) if task == other}
    assert set(zip(rows.tolist(), numbers.tolist(), strict=True)) == pairs
    assert len(rows) == len(pairs)
    assert _Places(identities).first.tolist() == [task not in known[:n] for n, task in enumerate(known)]


def test_exports_of_both_are_the_same(both, tmp_path):
    from saddlescope.sweep.results.export import exported

    whole, large, _, sizes = both
    for name in ("x.nc", "x.csv"):
        contents = []
        for place, dataset in enumerate((whole, large)):
            path = tmp_path / f"{place}{name}"
            exported(dataset, path)
            contents.append(path.read_text() if name == "x.csv" else xarray.load_dataset(path, engine="h5netcdf"))
        if name == "x.csv":
            assert contents[0] == contents[1]
        else:
            xarray.testing.assert_equal(contents[1], contents[0])
    assert max(sizes) <= PIECE
