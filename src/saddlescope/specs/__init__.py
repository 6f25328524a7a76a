"""Runs written as TOML files: what is learnt, how it starts, how it is solved, compared and drawn."""

from saddlescope.specs.models import RunSpec
from saddlescope.specs.reading import SpecError, read, shipped

__all__ = ["RunSpec", "SpecError", "read", "shipped"]
