"""Runs written as TOML files: what is learnt, how it starts, how it is solved, compared and drawn."""

from saddlescope.specs.reading import SpecError, read, shipped
from saddlescope.specs.run_spec import RunSpec

__all__ = ["RunSpec", "SpecError", "read", "shipped"]
