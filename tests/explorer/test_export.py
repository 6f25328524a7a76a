"""What one leaves the page with works where it is taken to: code runs as it is, sweeps are sweeps, files open."""

import io
import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from saddlescope import families, load
from saddlescope.cli import main
from saddlescope.explorer.export import as_python, as_sweep, as_toml, netcdf
from saddlescope.explorer.forms import shown_families, starting_specs
from saddlescope.explorer.limits import checked
from saddlescope.specs.refusals import SpecError
from saddlescope.sweep.spec import asked_for

QUICK = {
    "single_index": {"dynamics": {"epsilon": 1e-3, "until": 1.0, "particles": 32}, "theory": {"levels": 1}},
    "deep_linear": {
        "problem": {"kind": "target", "matrix": [[2.0, 0.0], [0.0, 1.0]]},
        "network": {"depth": 2, "width": 4, "gamma": 2.0, "scale": 0.5, "seed": 0},
        "dynamics": {"until": 4.0},
    },
    "diagonal_linear": {
        "problem": {"kind": "given", "inputs": [[1.0, 0.0], [0.0, 0.5]], "outputs": [1.0, -1.0]},
        "start": {"log_scale": 20.0},
        "dynamics": {"until": 3.0},
    },
    "network": {
        "problem": {"link": [1.0, -1.0], "activation": [1.0, 1.0]},
        "dynamics": {"kind": "network", "epsilon": 0.1, "neurons": 4, "dimension": 20, "until": 1.0},
        "run": [{"name": "net", "kind": "network"}],
    },
}
MOVED = ("dynamics.epsilon", "network.width", "network.gamma", "problem.dimension", "start.log_scale")
AUTO = {"deep_linear": {**QUICK["deep_linear"], "dynamics": {"until": "auto"}}}


def spec_of(family, tables):
    start = starting_specs(family)["start"]
    given = {"family": family} | {key: tables.get(key, start.get(key)) for key in {*start, *tables}}
    return checked({key: value for key, value in given.items() if value is not None})


CASES = [*QUICK.items(), *AUTO.items()]


@pytest.mark.parametrize(("family", "tables"), CASES)
def test_exported_code_runs_as_it_is_and_repeats_the_curve(family, tables, tmp_path, monkeypatch, capsys):
    spec = spec_of(family, tables)
    monkeypatch.chdir(tmp_path)
    exec(compile(as_python(spec), "run.py", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()  # the table
    study = families.study(spec)
    expected = study.trajectories(study.solve())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(expected)
    for name, run in expected.items():
        own = load(tmp_path / name)
        level = "cost" if "cost" in run.observables else "risk"
        assert np.allclose(own.time, run.time, rtol=1e-12)
        assert np.allclose(own[level], run[level], rtol=1e-9, atol=1e-12)


def test_the_server_sends_code_that_a_process_of_its_own_runs(server, small, tmp_path):
    status, text, _ = server.ask("/export", {"spec": small, "what": "python"})
    assert status == 200
    (tmp_path / "run.py").write_text(json.loads(text)["text"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "degree" in done.stdout
    assert load(tmp_path / "trajectory.nc").parameters["epsilon"] == 1e-4


@pytest.mark.parametrize("family", shown_families())
def test_a_sweep_over_any_slider_is_one(family, tmp_path):
    spec = checked(starting_specs(family)["start"])
    for key in spec.RANGES:
        try:
            text, refusal = as_sweep(spec, key), ""
        except SpecError as error:  # it does not go with the rest of what the tab starts from
            text, refusal = "", str(error)
        if refusal:
            assert key not in MOVED
            assert re.fullmatch(rf"There is no sweep over `{key}` here: .*\.", refusal)
            continue
        path = tmp_path / f"{key}.toml"
        path.write_text(text, encoding="utf-8")
        design = asked_for(str(path)).design
        assert 2 <= len(design) <= 9, key
        assert design.axes[0].keys == (key,)
        if key != "dynamics.norm":  # whether that is free is said by another key, which the study looks at
            design.check(np.arange(len(design)))


def test_an_exported_sweep_runs_and_tells_its_status(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = as_sweep(spec_of("single_index", QUICK["single_index"]), "dynamics.epsilon")
    (tmp_path / "sweep.toml").write_text(text, encoding="utf-8")
    few = ["--axis", "dynamics.epsilon=[1e-3,1e-2]"]
    assert main(["sweep", "sweep.toml", "--engine", "serial", *few]) == 0
    assert "2 REACHED_END" in capsys.readouterr().out
    assert main(["sweep", "sweep.toml", "--status"]) == 0
    assert "9 tasks, " in capsys.readouterr().out


@pytest.mark.parametrize("family", QUICK)
def test_exported_specs_are_the_same_specs(family, tmp_path):
    from saddlescope.specs import read

    spec = spec_of(family, QUICK[family])
    (tmp_path / "spec.toml").write_text(as_toml(spec), encoding="utf-8")
    assert read(str(tmp_path / "spec.toml")) == spec


def test_trajectories_are_one_file_or_a_zip_file_of_several():
    import saddlescope as ss

    run = ss.solve(ss.DiagonalFlow([[1.0, 0.0], [0.0, 0.5]], [1.0, -1.0], scale=0.1), until=1.0)
    name, content = netcdf({"trajectory.nc": run})
    assert (name, content[:4]) == ("trajectory.nc", b"\x89HDF")
    name, content = netcdf({"a.nc": run, "b.nc": run})
    assert name == "trajectories.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert file.namelist() == ["a.nc", "b.nc"]
