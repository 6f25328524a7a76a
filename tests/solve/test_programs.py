"""Programs are forgotten before a process has too many of them, and runs do not notice."""

import jax
import numpy as np
import pytest

import saddlescope as ss
from saddlescope.solve.machine import programs


def test_programs_are_forgotten_where_there_are_too_many_and_only_there(monkeypatch):
    one = jax.jit(lambda x: 2 * x)
    one(1.0)
    assert programs.make_room(now=True) in (False, True)  # as it is with what ran before
    one(1.0)
    monkeypatch.setattr(programs, "_SHARE", 1.0)
    assert not programs.make_room(now=True)
    assert one._cache_size() == 1  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setattr(programs, "_SHARE", 0.0)
    if not programs.make_room(now=True):
        pytest.skip("no Linux")
    assert one._cache_size() == 0  # pyright: ignore[reportAttributeAccessIssue]
    assert one(1.0) == 2.0


def test_it_is_looked_at_every_few_runs(monkeypatch):
    monkeypatch.setattr(programs, "_SHARE", 0.0)
    forgotten = [programs.make_room() for _ in range(2 * programs._OFTEN)]
    assert sum(forgotten) <= 2


def test_a_run_goes_through_while_programs_are_forgotten(monkeypatch):
    flow = ss.DiagonalFlow([[1.0, 0.0], [0.0, 1.0]], [2.0, -1.0], log_scale=50.0)
    before = ss.solve(flow, 3.0)
    monkeypatch.setattr(programs, "_SHARE", 0.0)
    monkeypatch.setattr(programs, "_OFTEN", 1)
    after = ss.solve(flow, 3.0)
    assert np.array_equal(before["cost"], after["cost"])
