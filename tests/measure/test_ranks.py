"""Effective ranks: matrices of known rank, matrix norms as the twin, and what each rank must obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddlescope.arguments import ArgumentError
from saddlescope.measure import effective_rank

KINDS = ("stable", "entropy", "participation")
values = st.lists(st.floats(0, 10), min_size=1, max_size=8).filter(lambda s: max(s) > 1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_singular_values_count_themselves(kind):
    s = np.zeros((2, 3, 6))
    s[0, :, :4] = 2.5
    s[1, :, :1] = 1e-200
    np.testing.assert_allclose(effective_rank(s, kind), [[4] * 3, [1] * 3], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_matrix_has_rank_zero(kind):
    np.testing.assert_array_equal(effective_rank([[0.0, 0.0], [1.0, 0.0]], kind), [0, 1])


def test_twins_from_matrix_norms():
    W = np.random.default_rng(0).standard_normal((5, 7))
    s = np.linalg.svd(W, compute_uv=False)
    gram = W @ W.T
    stable = np.linalg.norm(W) ** 2 / np.linalg.norm(W, 2) ** 2
    participation = np.trace(gram) ** 2 / np.trace(gram @ gram)
    p = s / np.linalg.norm(W, "nuc")
    assert effective_rank(s) == pytest.approx(stable)
    assert effective_rank(s, "participation") == pytest.approx(participation)
    assert effective_rank(s, "entropy") == pytest.approx(np.prod(p**-p))


@given(values, st.floats(1e-150, 1e150), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_between_one_and_the_rank_whatever_scale_and_order(s, scale, seed):
    s = np.array(s)
    shuffled = np.random.default_rng(seed).permutation(s) * scale
    for kind in KINDS:
        rank = effective_rank(s, kind)
        assert 1 - 1e-9 <= rank <= np.count_nonzero(s) + 1e-9
        assert effective_rank(shuffled, kind) == pytest.approx(rank, rel=1e-6)
    # Σ s⁴ <= max s² Σ s²
    assert effective_rank(s) <= effective_rank(s, "participation") * (1 + 1e-9)


@pytest.mark.parametrize(
    ("s", "kind", "message"),
    [
        ([1.0, -1.0], "stable", "Argument `singular_values` must be finite and not negative"),
        ([1.0, np.nan], "stable", "Argument `singular_values` must be finite and not negative"),
        (3.0, "stable", "Argument `singular_values` must have a last axis"),
        (np.zeros((3, 0)), "stable", "Argument `singular_values` must have a last axis"),
        ("abc", "stable", "Argument `singular_values` must be an array of numbers"),
        ([1.0], "numerical", "Argument `kind` must be"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(s, kind, message):
    with pytest.raises(ArgumentError, match=message):
        effective_rank(s, kind)
