"""A checkpoint is taken up by the run that wrote it and by no other, and only undamaged."""

import io
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.identity import identity

PROBLEM = ss.SingleIndex([0, 1], [0, 1])
MASK = np.array([[True, False], [True, True]])


def descent(cost: Any = None, **changes: Any) -> ss.GradientDescent:
    arguments: dict[str, Any] = {"depth": 2, "width": 3, "gamma": 1.0, "learning_rate": 0.01}
    cost = ss.LeastSquares([[2.0, 0.5], [0.0, 1.0]]) if cost is None else cost
    return ss.GradientDescent(cost, **(arguments | changes))


def given(*layers: Any) -> ss.GradientDescent:
    return ss.GradientDescent(ss.LeastSquares([[2.0]]), initial=layers, learning_rate=0.01)


def general(shift: float) -> ss.GeneralCost:
    return ss.GeneralCost(lambda A: jnp.sum((A - shift) ** 2), (2, 2))


def sgd(kind: Any = ss.OnePassSGD, problem: Any = PROBLEM, **changes: Any) -> Any:
    return kind(problem, 0.5, **({"neurons": 4, "dimension": 30, "step_size": 0.01} | changes))


SAMPLES = {"kind": ss.SampleDescent, "samples": 20}
X = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 2.0]])


def taught(outputs: Any) -> ss.GradientDescent:
    return descent(ss.LeastSquares(inputs=X, outputs=outputs))


def completed(observed: Any) -> ss.GradientDescent:
    return descent(ss.MatrixCompletion([[1.0, 2.0], [3.0, 4.0]], observed=observed))


def linked(slope: float) -> Any:
    return sgd(problem=ss.SingleIndex(lambda x: slope * x, [0, 1]))


PAIRS: dict[str, Any] = {
    "target": lambda: (descent(), descent(ss.LeastSquares([[2.0, 0.5], [0.0, 1.25]]))),
    "outputs": lambda: (taught(X), taught(X + 1)),
    "observed": lambda: (completed(MASK), completed(~MASK)),
    "function": lambda: (descent(general(1.0)), descent(general(2.0))),
    "seed": lambda: (descent(), descent(seed=7)),
    "given": lambda: (given([[0.1], [0.3]], [[0.2, 0.2]]), given([[0.3], [0.1]], [[0.2, 0.2]])),
    "link": lambda: (linked(1.0), linked(1.5)),
    "samples": lambda: (sgd(**SAMPLES), sgd(**SAMPLES, seed=4)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_no_other_run_takes_up_a_checkpoint_whatever_its_data_are(tmp_path, name):
    one, other = PAIRS[name]()
    file = tmp_path / "run"
    ss.solve(one, until=0.2, checkpoint=file)
    before = file.read_bytes()
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must belong to this run"):
        ss.solve(other, until=0.2, checkpoint=file)
    assert file.read_bytes() == before
    assert ss.solve(one, until=0.2, checkpoint=file).outcome == "REACHED_END"


def test_a_setting_that_differs_is_named(tmp_path):
    ss.solve(descent(), until=0.2, checkpoint=tmp_path / "run")
    with pytest.raises(ss.ArgumentError, match=r"written by another, of learning_rate 0\.01, not 0\.02"):
        ss.solve(descent(learning_rate=0.02), until=0.2, checkpoint=tmp_path / "run")
    with pytest.raises(ss.ArgumentError, match=r"written by another, of other data"):
        ss.solve(descent(ss.LeastSquares([[1.0, 0.5], [0.0, 1.0]])), until=0.2, checkpoint=tmp_path / "run")


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("checkpoint") / "run"
    ss.solve(descent(), until=3.0, states=5, checkpoint=file)
    return file.read_bytes()


def test_a_flipped_bit_is_refused_or_changes_nothing(tmp_path, written):
    whole = ss.solve(descent(), until=3.0, states=5)
    file: Path = tmp_path / "run"
    rng = np.random.default_rng(3)
    refused = []
    for place in rng.integers(0, len(written), 60):
        damaged = bytearray(written)
        damaged[place] ^= 1 << rng.integers(8)
        file.write_bytes(damaged)
        try:
            again = ss.solve(descent(), until=3.0, states=5, checkpoint=file)
        except ss.ArgumentError as error:
            refused.append(str(error))
            continue
        assert np.array_equal(again["cost"], whole["cost"])
        assert np.array_equal(again.time, whole.time)
    assert len(refused) > 30
    assert all(sentence.startswith("Argument `checkpoint` must") and len(sentence) < 400 for sentence in refused)


def changed(written: bytes, **changes: Any) -> bytes:
    """A file whose checksum fits what is in it; a change to None leaves an array out."""
    with np.load(io.BytesIO(written)) as file:
        arrays = {name: file[name] for name in file.files if name != "checksum"}
    for name, value in changes.items():
        name = name.replace("_", " ")
        arrays[name] = None if value is None else np.asarray(value, arrays[name].dtype)  # pyright: ignore
    arrays = {name: value for name, value in arrays.items() if value is not None}
    content = io.BytesIO()
    np.savez(content, **arrays, checksum=np.array(identity(arrays)))  # pyright: ignore[reportArgumentType]
    return content.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"done": 17},
        {"done": 299},
        {"done": 10**9},
        {"steps": np.zeros(3)},
        {"state_0": np.zeros((1, 1))},
        {"state_1": None},
        {"kept": [0]},
    ],
)
def test_what_a_file_says_is_held_against_what_it_holds(tmp_path, written, changes):
    """Its checksum is right: somebody wrote it so."""
    file = tmp_path / "run"
    file.write_bytes(changed(written, **changes))
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must name a whole checkpoint"):
        ss.solve(descent(), until=3.0, states=5, checkpoint=file)


def test_a_checkpoint_of_the_first_format_is_refused_since_it_does_not_say_whose_it_is(tmp_path):
    np.savez(tmp_path / "old.npz", format=np.array("saddlescope checkpoint 1"), run=np.array("{}"))
    with pytest.raises(ss.ArgumentError, match="Argument `checkpoint` must be one of this version"):
        ss.solve(descent(), until=0.2, checkpoint=tmp_path / "old.npz")
