"""`saddlescope run` on descriptions: from end to end, what is refused, and what a stopped run resumes to."""

import json
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import saddlescope as ss
from saddlescope.cli import main
from saddlescope.families import study
from saddlescope.single_index.compare.description_rows import (
    description_rows,
    escape_by_dimension,
    single_runs,
    specialisation,
)
from saddlescope.solve import Outcome
from saddlescope.specs import SpecError, read
from saddlescope.sweep.spec import asked_for
from saddlescope.trajectory import Trajectory, load

SPEC = """
family = "network"
title = "All levels"

[problem]
link = [1.0, 1.0]
activation = [1.0, 1.0]

[dynamics]
epsilon = 0.1
until = 4.0
neurons = 4
dimension = 90
runs = 2

[[run]]
name = "mean field"
kind = "mean_field"

[[run]]
name = "flow"
kind = "network"

[[run]]
name = "SGD"
kind = "sgd"
step_size = 1e-3
batch_size = 4

[[run]]
name = "a/b"
kind = "samples"
step_size = 0.02
samples = 40
"""
COMMITTEE = """
family = "network"

[problem]
link = "erf"
activation = "erf"
directions = 2

[dynamics]
epsilon = 1.0
until = 400.0
neurons = 2
dimension = 60
second_layer = { law = "uniform", low = 0.5, high = 1.0 }
"""
LONG = """
family = "network"
problem = { link = [1.0, 1.0], activation = [1.0, 1.0] }
dynamics = { epsilon = 0.1, until = 4.0, neurons = 4, dimension = 90, step_size = 1e-4, runs = 2 }
theory = { levels = 1 }
run = [{ name = "first", kind = "sgd", step_size = 1e-2 }, { name = "S G D", kind = "sgd" }]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of a finished run of all levels, its record, and what it printed."""
    folder = tmp_path_factory.mktemp("descriptions")
    (folder / "all.toml").write_text(SPEC)
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["run", str(folder / "all.toml"), "--out", str(folder / "out")]) == 0
    record = json.loads((folder / "out" / "stages.json").read_text())
    return folder / "out", record, printed.getvalue()


def test_files_of_a_run(ran):
    out, record, _ = ran
    files = {"descriptions.png", "spec.toml", "stages.json", "trajectory_SGD.nc", "trajectory_a_b.nc"}
    files |= {"trajectory_mean_field.nc", "trajectory_flow_seed0.nc", "trajectory_flow_seed1.nc"}
    assert {p.name for p in out.iterdir()} == files == set(record["files"])
    assert (out / "descriptions.png").read_bytes().startswith(b"\x89PNG")
    assert load(out / "trajectory_flow_seed1.nc").parameters["seed"] == 1
    assert load(out / "trajectory_SGD.nc")["risk"].shape[1] == 2
    assert "train_risk" in load(out / "trajectory_a_b.nc").observables


def test_times_of_every_level_are_those_of_its_trajectories(ran):
    out, record, _ = ran
    told = record["descriptions"]
    field = load(out / "trajectory_mean_field.nc")
    assert told["mean field"]["learning_times"] == pytest.approx(ss.learning_times(field).tolist())
    flows = [ss.learning_times(load(out / f"trajectory_flow_seed{seed}.nc")) for seed in (0, 1)]
    assert told["flow"]["learning_times_of_runs"] == pytest.approx(np.array(flows))
    sgd = told["SGD"]
    assert sgd["learning_times"] == pytest.approx(np.min(sgd["learning_times_of_runs"], axis=0))
    # 4 samples in a thousandth of time
    assert sgd["samples_needed"] == pytest.approx(4000 * np.array(sgd["learning_times"]))
    assert told["flow"]["samples_needed"] is None
    order = ss.canonical_order(ss.SingleIndex([1, 1], [1, 1]), levels=1)
    assert record["predicted_times"] == pytest.approx(order.times(0.1).tolist())


def test_gaps_are_to_the_nearest_level_and_small_steps_have_small_ones(ran):
    out, record, _ = ran
    told = record["descriptions"]
    assert {n: level["gap_to"] for n, level in told.items()} == {
        "mean field": None,
        "flow": "mean field",
        "SGD": "flow",
        "a/b": "flow",
    }
    assert 0 < told["SGD"]["mean_gap"] <= told["SGD"]["largest_gap"] < 0.1
    # forty samples in ninety dimensions are learnt by heart: the flow of the population is far
    assert told["a/b"]["largest_gap"] > 3 * told["SGD"]["largest_gap"]
    flows = np.mean([load(out / f"trajectory_flow_seed{seed}.nc")["risk"][[0, -1]] for seed in (0, 1)], axis=0)
    assert told["flow"]["initial_risk"] == pytest.approx(flows[0])
    assert told["flow"]["final_risk"] == pytest.approx(flows[1])


def test_table_has_theory_levels_and_samples(ran):
    _, record, printed = ran
    lines = printed.splitlines()
    assert max(map(len, [line for line in lines if not line.startswith("Wrote")])) <= 80
    assert "…" not in printed
    heads = [line.split("  ")[0].strip() for line in lines[6:11]]
    assert heads[0] == "theory"
    assert [head.split(" inf")[0].split(" 4")[0] for head in heads[1:4]] == ["mean field", "flow", "SGD"]
    samples = next(line for line in lines if line.startswith("  samples")).split()[1:]
    assert [float(number) for number in samples] == pytest.approx(
        record["descriptions"]["SGD"]["samples_needed"], abs=0.6
    )
    assert "step x d = 0.09" in printed
    assert "16000 fresh samples in each of 2 runs" in " ".join(printed.split())
    assert {"berthier2023", "steinebach2023", "shampine1997"} <= set(record["cite"])


def test_saved_spec_repeats_the_run(ran, tmp_path):
    out, record, _ = ran
    assert read(str(out / "spec.toml")).descriptions()["a/b"][1]["samples"] == 40
    assert main(["run", str(out / "spec.toml"), "--out", str(tmp_path)]) == 0
    again = json.loads((tmp_path / "stages.json").read_text())["descriptions"]
    assert again["SGD"]["learning_times"] == record["descriptions"]["SGD"]["learning_times"]


def test_committee_machine_specialises_after_a_plateau(tmp_path, capsys):
    (tmp_path / "c.toml").write_text(COMMITTEE)
    assert main(["run", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    level = record["descriptions"]["network"]
    # degree 1 is what teachers have in common; degree 3 needs a neuron for each of them
    assert level["learning_times"][1] < 20 < level["specialised"] < 400
    assert level["learning_times"][1] < level["specialised"] <= 1.5 * level["learning_times"][3]
    assert record["predicted_times"] is None
    files = {"descriptions.png", "order_parameters.png", "spec.toml", "stages.json", "trajectory_network.nc"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == files
    printed = capsys.readouterr().out
    assert "special-" in printed
    overlap = np.sort(load(tmp_path / "out" / "trajectory_network.nc")["overlap"][-1], axis=1)
    assert np.allclose(overlap, [0, 1], atol=0.05)


def refused(capsys, words, *parts):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    for part in parts:
        assert part in err, err


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (SPEC.replace("batch_size", "bach_size"), ["`run.bach_size`", "number 3", "did you mean `run.batch_size`"]),
        (SPEC.replace("step_size = 1e-3", ""), ["`run.step_size`", "'SGD'", "dynamics.step_size", "None"]),
        (SPEC.replace("dimension = 90", ""), ["`run.dimension`", "'flow'", "dynamics.dimension"]),
        (SPEC.replace("neurons = 4", ""), ["`run.neurons`", "'flow'"]),
        (SPEC.replace("samples = 40", ""), ["`run.samples`", "'a/b'"]),
        (SPEC.replace("batch_size = 4", "batch_size = 0"), ["`run.batch_size`", "number 3", "at least 1"]),
        (SPEC.replace("step_size = 1e-3", "step_size = 0.0"), ["`run.step_size`", "positive"]),
        (
            SPEC.replace("step_size = 1e-3", "step_size = 1e-3\ndimension = inf"),
            ["dynamics.dimension`", "'SGD'", "finite"],
        ),
        (SPEC.replace('kind = "sgd"', 'kind = "sdg"'), ["`run.kind`", "'sgd'", "'sdg'"]),
        (SPEC.replace('kind = "mean_field"', 'kind = "mean_field"\nneurons = 5'), ["`run.neurons`", "mean_field"]),
        (SPEC.replace('name = "a/b"', 'name = "SGD"'), ["`run.name`", "'SGD'"]),
        (SPEC.replace("link = [1.0, 1.0]", "link = [1.0, 1.0]\ndirections = 2"), ["`run.kind`", '"mean_field"']),
        (COMMITTEE.replace("dimension = 60", "dimension = 1"), ["dynamics.dimension`", "at least 2", "1"]),
        (
            COMMITTEE.replace("dimension = 60", 'dimension = 3\nstart = "orthogonal"'),
            ["dynamics.dimension`", "4", "orthogonal"],
        ),
        (COMMITTEE.replace("dimension = 60", "dimension = 2.5"), ["`dynamics.dimension`", "whole number", "inf"]),
        (COMMITTEE.replace("directions = 2", "directions = 0"), ["`problem.directions`", "at least 1"]),
        (COMMITTEE.replace("directions = 2", "directions = [[1.0, 0.2]]"), ["`problem.directions`", "square"]),
        (
            COMMITTEE.replace("directions = 2", "directions = [[1, 2], [2, 1]]"),
            ["problem.directions`", "negative eigenvalue"],
        ),
        (COMMITTEE.replace("directions = 2", "directions = 2\nweights = [1.0]"), ["problem.weights`", "2"]),
        (COMMITTEE + "label_noise = -1.0\n", ["`dynamics.label_noise`", "negative"]),
        (
            LONG.replace('"S G D", kind', '"S G D", method = "gram", dimension = 60, kind'),
            ["dynamics.dimension`", '"direct"'],
        ),
    ],
)
def test_bad_files(tmp_path, monkeypatch, capsys, text, parts):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(text)
    refused(capsys, ["run", "bad.toml"], *parts)
    assert [p.name for p in tmp_path.iterdir()] == ["bad.toml"]


def test_bad_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    refused(capsys, ["run", "committee_machine", "--dynamics.neuron", "3"], "did you mean `--dynamics.neurons`")
    refused(capsys, ["run", "committee_machine", "--run.runs", "3"], "list of tables")
    refused(capsys, ["run", "committee_machine", "--dynamics.batch_size", "0"], "`dynamics.batch_size`")
    assert list(tmp_path.iterdir()) == []


STOPPED = """
import sys
from saddlescope.cli import main
from saddlescope.families import study
from saddlescope.solve.progress import Progress
Progress.update = lambda self, t, risk: print("alive", t, flush=True)
sys.exit(main(sys.argv[1:]))
"""


def stop(folder, how):
    """Start a long run, send it a signal when its second SGD has come some way, and return what it says."""
    running = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", STOPPED, "run", "long.toml", "--out", "out"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    try:
        assert running.stdout is not None
        first = False
        for line in running.stdout:
            if line.startswith("alive"):
                t = float(line.split()[1])
                first = first or t > 3.9  # the end of the first SGD
                if first and 0.05 < t < 3.0:
                    running.send_signal(how)
                    break
        out, err = running.communicate(timeout=120)
    finally:
        running.kill()
        running.wait()
    return running.returncode, out, err


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a long run that was not stopped."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "long.toml").write_text(LONG)
    assert main(["run", str(folder / "long.toml"), "--out", str(folder / "out")]) == 0
    assert not list((folder / "out").glob("checkpoint*"))
    return folder / "out"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_stopped_run_goes_on_where_it_was(tmp_path, whole):
    (tmp_path / "long.toml").write_text(LONG)
    code, _, err = stop(tmp_path, signal.SIGTERM)
    assert code == 130, err
    assert "The same command goes on from there." in err
    out = tmp_path / "out"
    kept = out / "checkpoint_S_G_D.npz"
    assert kept.is_file()
    partial = json.loads((out / "stages.json").read_text())
    assert partial["interrupted"]
    assert partial["descriptions"]["S G D"]["outcome"] == "INTERRUPTED"
    assert 0 < load(out / "trajectory_S_G_D.nc").time[-1] < 4.0
    # settings of another run are refused, and what was computed stays
    before = kept.read_bytes()
    other = read(str(tmp_path / "long.toml"), ["--dynamics.epsilon", "0.2"])
    with pytest.raises(SpecError, match=r"checkpoint_first.npz was written with other settings.*--out"):
        study(other, "other").solve(out)
    assert kept.read_bytes() == before
    assert main(["run", str(tmp_path / "long.toml"), "--out", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {p.name for p in whole.iterdir()}
    for name in ("first", "S_G_D"):
        result, wanted = load(out / f"trajectory_{name}.nc"), load(whole / f"trajectory_{name}.nc")
        for key in wanted.observables:
            assert np.array_equal(result[key], wanted[key]), key


def test_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "long.toml").write_text(LONG)
    (tmp_path / "checkpoint_first.npz").write_bytes(b"PK")
    with pytest.raises(SpecError, match=r"checkpoint_first.npz is damaged"):
        study(read(str(tmp_path / "long.toml")), "damaged").solve(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint_first.npz", "long.toml"]


def made_up(kind, dimension, time, seed=0, **parameters):
    """A trajectory whose only degree is learnt at a given time, with a straight risk."""
    t = np.linspace(0.0, 100.0, 2001)
    residual = np.clip(1 - t / (2 * time), 0, 1)[:, None]
    told = {"neurons": 5, "dimension": dimension, "seed": seed, "epsilon": 1.0, "link_coefficients": [1.0]}
    return Trajectory(
        kind=kind,
        observables={"risk": 0.5 * residual[:, 0] ** 2, "risk_by_degree": 0.5 * residual**2, "residual": residual},
        dims={"risk": ("time",), "risk_by_degree": ("time", "degree"), "residual": ("time", "degree")},
        coords={"time": t},
        parameters=told | {"activation_coefficients": [1.0]} | parameters,
        outcome=Outcome.REACHED_END,
    )


def test_escape_grows_with_the_logarithm_of_the_dimension():
    runs = {f"{d}": [made_up("NetworkFlow", d, 2 + 1.5 * math.log(d))] for d in (10, 1000, 10**6)}
    slope, off = escape_by_dimension(description_rows(runs, 0.5), 0) or (0.0, 1.0)
    assert slope == pytest.approx(1.5, abs=1e-3)
    assert off < 1e-3
    runs.pop("10")
    assert escape_by_dimension(description_rows(runs, 0.5), 0) is None


def test_gap_is_over_seeds_that_both_have():
    sgd = made_up("OnePassSGD", 10, 20.0, seed=1, step_size=1e-2, batch_size=3)
    flows = [made_up("NetworkFlow", 10, 5.0, seed=0), made_up("NetworkFlow", 10, 20.0, seed=1)]
    row = description_rows({"SGD": [sgd], "flow": flows}, 0.5)[0]
    assert row.reference == "flow"
    assert row.largest_gap < 1e-12
    assert row.samples == pytest.approx([300 * 20.0], rel=1e-3)
    other = [made_up("NetworkFlow", 11, 20.0, seed=1)]
    assert description_rows({"SGD": [sgd], "flow": other}, 0.5)[0].reference == ""


def test_runs_of_a_trajectory_are_parted():
    problem = ss.SingleIndex([0, 1], [0, 1])
    sgd = ss.OnePassSGD(problem, 1.0, neurons=3, dimension=5, step_size=0.01, runs=2, seed=4)
    both = ss.solve(sgd, until=1.0)
    first, second = single_runs(both)
    assert second.parameters["seed"] == 5
    assert np.array_equal(second["moment"], both["moment"][:, 1])
    assert first["overlap"].shape == both["overlap"][:, 0].shape
    assert "run" not in first.coords
    assert math.isnan(specialisation(both))


def test_overlaps_are_drawn_of_a_flow_and_the_sgd_of_its_size():
    from saddlescope.single_index.network.study import to_draw

    infinite, flow = made_up("NetworkFlow", "infinite", 5.0), made_up("NetworkFlow", 9, 5.0)
    sgd, field = made_up("OnePassSGD", 9, 5.0), made_up("MeanFieldFlow", "infinite", 5.0)
    runs = {"m": [field], "i": [infinite], "s": [sgd], "f": [flow]}
    assert to_draw(runs) == (flow, sgd)
    assert to_draw({"m": [field], "i": [infinite], "s": [sgd]}) == (infinite, None)


def test_a_level_that_half_of_the_runs_miss_is_doubted():
    from saddlescope.single_index.compare.description_table import mixed

    rows = description_rows({"flow": [made_up("NetworkFlow", 9, time, seed=int(time)) for time in (5.0, 500.0)]}, 0.5)
    assert mixed(rows) == ["flow: degree 0 was learnt in 1 of 2 runs."]
    assert rows[0].median_times == pytest.approx([5.0], rel=1e-3)


FREE = (
    COMMITTEE.replace("epsilon = 1.0", "")
    .replace("until = 400.0", "until = 2.0\nsphere = false\nnorm = 0.1")
    .replace('{ law = "uniform", low = 0.5, high = 1.0 }', '"fixed"')
    + """
[[run]]
name = "flow"
kind = "network"

[[run]]
name = "SGD"
kind = "sgd"
step_size = 1e-2

[[run]]
name = "samples"
kind = "samples"
step_size = 1e-2
samples = 50

[[run]]
name = "sphere"
kind = "network"
sphere = true
norm = 1.0
"""
)


def test_neurons_of_free_norm_from_end_to_end(tmp_path, capsys):
    (tmp_path / "free.toml").write_text(FREE)
    assert main(["run", str(tmp_path / "free.toml"), "--out", str(tmp_path / "out")]) == 0
    assert "norms free" in capsys.readouterr().out
    record = json.loads((tmp_path / "out" / "stages.json").read_text())
    assert record["descriptions"]["SGD"]["gap_to"] == "flow"
    runs = {name: load(tmp_path / "out" / f"trajectory_{name}.nc") for name in ("flow", "SGD", "samples", "sphere")}
    assert all(np.allclose(runs[name]["norm"][0], 0.1) for name in ("flow", "SGD", "samples"))
    assert "norm" not in runs["sphere"].observables
    assert np.allclose(runs["flow"]["overlap"][0], runs["SGD"]["overlap"][0])  # they start alike
    assert (tmp_path / "out" / "order_parameters.png").exists()
    assert "free norm" in str(ss.compare(runs["flow"], runs["SGD"]))


def test_the_mean_field_flow_is_that_of_the_sphere(tmp_path):
    path = tmp_path / "free.toml"
    path.write_text(SPEC.replace("runs = 2", "sphere = false"))
    with pytest.raises(SpecError, match=r"`dynamics.sphere` .* must be true for run 'mean field'"):
        read(str(path))
    path.write_text(LONG.replace("runs = 2", "norm = 2.0"))
    with pytest.raises(SpecError, match=r"`dynamics.norm` .* must be 1 for run 'first'"):
        read(str(path))


def test_a_sweep_refuses_norms_of_the_sphere_before_anything_runs():
    tables = {
        "family": "network",
        "problem": {"link": [0, 1.0], "activation": [0, 1.0]},
        "dynamics": {"epsilon": 0.3, "until": 1.0, "neurons": 2, "dimension": 10},
    }

    def check(axes):
        design = asked_for(tables, axes=axes).design
        design.check(range(len(design)))

    check({"dynamics.sphere": [False], "dynamics.norm": [1.0, 0.5]})
    # both axes alone can be run; only the last task of all cannot
    with pytest.raises(SpecError, match=r"`dynamics.norm` in sweep .* must be 1 .*, but got 0.5"):
        check({"dynamics.sphere": [False, True], "dynamics.norm": [1.0, 0.5]})
    with pytest.raises(SpecError, match=r"`dynamics.start` in sweep .* must not be \"gaussian\""):
        check({"dynamics.sphere": [False, True], "dynamics.start": ["sphere", "gaussian"]})


def test_biases_from_end_to_end(tmp_path, capsys):
    told = SPEC[: SPEC.index('[[run]]\nname = "mean field"')].replace("until = 4.0", "until = 1.0\nbiases = 0.3")
    runs = '[[run]]\nname = "flow"\nkind = "network"\n[[run]]\nname = "SGD"\nkind = "sgd"\nstep_size = 1e-2\n'
    runs += '[[run]]\nname = "other"\nkind = "network"\nruns = 1\nbiases = { law = "normal", std = 0.5 }\n'
    (tmp_path / "biases.toml").write_text(told + runs)
    assert main(["run", str(tmp_path / "biases.toml"), "--out", str(tmp_path / "out")]) == 0
    assert "a neuron; biases" in " ".join(capsys.readouterr().out.split())
    runs = {name: load(tmp_path / "out" / f"trajectory_{name}.nc") for name in ("flow_seed1", "SGD", "other")}
    assert np.all(runs["flow_seed1"]["bias"][0] == 0.3)
    assert np.all(runs["SGD"]["bias"][0] == 0.3)
    assert np.ptp(runs["other"]["bias"][0]) > 0
    # nothing is predicted of neurons with biases
    assert json.loads((tmp_path / "out" / "stages.json").read_text())["predicted_times"] is None
    with pytest.raises(SpecError, match=r"`dynamics.biases` .* must not be given for run 'mean field'"):
        read_text(tmp_path, SPEC.replace("until = 4.0", "until = 4.0\nbiases = 0.3"))
    with pytest.raises(SpecError, match=r"`dynamics.biases` .* must be a number, or a table such as"):
        read_text(tmp_path, told.replace("biases = 0.3", "biases = true") + runs_of_flow)


runs_of_flow = '[[run]]\nname = "flow"\nkind = "network"\n'


def read_text(folder, text):
    (folder / "read.toml").write_text(text)
    return read(str(folder / "read.toml"))


SPREAD = """
family = "network"
problem = { link = [0.0, 1.0], activation = [0.0, 1.0] }

[dynamics]
second_layer = "fixed"
until = 2.0
neurons = 2
dimension = 12
sphere = false
inputs = { file = "data.npy" }

[[run]]
name = "flow"
kind = "network"

[[run]]
name = "SGD"
kind = "sgd"
step_size = 1e-2

[[run]]
name = "power law"
kind = "network"
inputs = { power_law = 1.0, number = 12 }
"""


def test_inputs_of_a_covariance_run_from_a_spec(tmp_path, monkeypatch, capsys):
    data = np.random.default_rng(1).standard_normal((40, 12)) * np.linspace(0.5, 2.0, 12)
    np.save(tmp_path / "data.npy", data)
    (tmp_path / "spread.toml").write_text(SPREAD)
    monkeypatch.chdir(tmp_path.parent)
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "spread.toml"), "--out", str(out)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "eigenvalues of inputs 12 from" in told
    assert "SGD from flow" in told
    runs = [load(out / f"trajectory_{name}.nc") for name in ("flow", "SGD", "power_law")]
    values = np.linalg.eigvalsh(np.cov(data.T, bias=True))[::-1]
    assert runs[0].parameters["inputs"]["eigenvalues"] == pytest.approx(values)
    assert runs[1].parameters["inputs"] == runs[0].parameters["inputs"]
    assert runs[2]["eigenvalue"] == pytest.approx(12 / np.arange(1, 13) / np.sum(1 / np.arange(1, 13)))
    assert ss.plot.eigenvalues(runs[2]).get_legend() is not None
    with pytest.raises(ss.ArgumentError, match="hold overlap_by_eigenvalue"):
        ss.plot.eigenvalues(runs[1])


CLOUDS = """
family = "network"

[problem]
link = "erf"
activation = "erf"

[dynamics]
second_layer = "fixed"
until = 2.0
neurons = 2
dimension = 12
sphere = false
inputs = { distance = 1.5, teacher = 0.3, weights = [0.25, 0.75] }

[picture]
order_parameters = true
"""


def test_inputs_of_a_mixture_run_from_a_spec(tmp_path, capsys):
    (tmp_path / "clouds.toml").write_text(CLOUDS)
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "clouds.toml"), "--out", str(out)]) == 0
    assert "inputs in two clouds, 1.5 from the origin" in " ".join(capsys.readouterr().out.split())
    run = load(out / "trajectory_network.nc")
    assert run.parameters["inputs"] == {"distance": 1.5, "teacher": [0.3], "weights": [0.25, 0.75]}
    assert {"descriptions.png", "order_parameters.png"} <= {path.name for path in out.iterdir()}
    for old, new, message in (
        ("[0.25, 0.75]", "[0.25, 0.7]", "`inputs.weights` must be two numbers from 0 on of sum one"),
        ("0.3", "1.3", "`inputs.teacher` must be a cosine"),
        ("sphere = false", "", "must be false for dynamics.kind 'network' beside inputs that are not isotropic"),
        (
            "second_layer",
            'kind = "sgd"\nstep_size = 0.01\nsecond_layer',
            "`inputs` must be a covariance for descent on",
        ),
        ("distance =", "distances =", "must have one of eigenvalues, power_law, file and distance"),
    ):
        (tmp_path / "clouds.toml").write_text(CLOUDS.replace(old, new, 1))
        with pytest.raises((SpecError, ss.ArgumentError), match=message):
            read(str(tmp_path / "clouds.toml")).flows()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sphere = false", "", "must be false for run 'flow' beside inputs that are not isotropic"),
        ("data.npy", "nowhere.npy", "`inputs` of run 'flow' must name an existing file"),
        ("{ power_law = 1.0, number = 12 }", "true", "must be a list of eigenvalues, or a table such as"),
        ("{ power_law = 1.0, number = 12 }", "[1.0, -2.0]", "`inputs` of run 'power law' must not be negative"),
        ("sphere = false", "[[run]]\nname = 'limit'\nkind = 'mean_field'", "`dynamics.inputs` .*must not be given for"),
    ],
)
def test_inputs_that_cannot_be_are_refused(tmp_path, old, new, message):
    np.save(tmp_path / "data.npy", np.random.default_rng(1).standard_normal((40, 12)))
    text = SPREAD.replace('inputs = { file = "data.npy" }\n', "").replace(
        "sphere = false", 'inputs = { file = "data.npy" }\nsphere = false'
    )
    (tmp_path / "spread.toml").write_text(text.replace(old, new, 1))
    with pytest.raises((SpecError, ss.ArgumentError), match=message):
        read(str(tmp_path / "spread.toml")).flows()
