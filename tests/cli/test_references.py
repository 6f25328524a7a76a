"""BibTeX entries are well formed and complete for whatever a result may cite."""

import re

import pytest

from saddlescope.arguments import ArgumentError
from saddlescope.references import KEYS, bibtex


def test_entries_are_balanced_and_named_after_their_key():
    for key in KEYS:
        entry = bibtex((key,))
        assert re.match(rf"@[a-z]+\{{{key},\n", entry)
        depth = 0
        for letter in entry:
            depth += (letter == "{") - (letter == "}")
            assert depth >= 0
        assert depth == 0
        assert all(f"{field} " in entry for field in ("author", "title", "year"))
        assert entry.isascii()  # any BibTeX reads it


def test_order_is_kept_and_repetitions_are_dropped():
    text = bibtex(["jax", "diffrax", "jax"])
    assert re.findall(r"@[a-z]+\{(\w+),", text) == ["jax", "diffrax"]
    assert bibtex(()) == ""


def test_unknown_key():
    with pytest.raises(ArgumentError, match="did you mean 'jacot2021'"):
        bibtex(["jacot2012"])


def test_a_result_cites_what_it_rests_on():
    import saddlescope as ss

    problem = ss.SingleIndex(link=[1.0, 1.0], activation=[1.0, 1.0])
    run = ss.solve(ss.MeanFieldFlow(problem, epsilon=0.1, particles=8), until=0.5)
    assert "2303.00055" in run.citations()
    assert set(run.references) <= set(KEYS)
