"""The shipped sweeps, at a few points of theirs, from the command line to their pictures."""

import pytest

from saddlescope.cli import main
from saddlescope.sweep import shipped_sweeps

FEW = {
    "exponents": ["dynamics.epsilon=[1e-8,1e-6]"],
    "finite_width": ["dynamics.epsilon=[1e-3,1e-2]", "dynamics.neurons=[20]"],
    "phase_diagram": ["network.gamma=[1.0,2.0]", "network.width=[25,50]"],
}
DRAWN = {
    "exponents": {"measured_time.png"},
    "finite_width": {"time.png"},
    "phase_diagram": {"movement.png", "kernel_change.png", "test_error.png"},
}


def test_each_is_run_here():
    assert set(FEW) == set(shipped_sweeps())


@pytest.mark.parametrize("name", FEW)
def test_a_shipped_sweep_prints_its_columns_and_draws_its_pictures(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [word for axis in FEW[name] for word in ("--axis", axis)]
    assert main(["sweep", name, "--engine", "serial", *words]) == 0
    said = capsys.readouterr().out
    assert "could not be drawn" not in said
    assert {path.name for path in (tmp_path / name).glob("*.png")} == DRAWN[name]
