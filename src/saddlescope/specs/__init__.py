"""Runs written as TOML files: what is learnt, how it starts, how it is solved, compared and drawn."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy
from saddlescope.specs.refusals import SpecError
from saddlescope.specs.shipping import shipped

if TYPE_CHECKING:
    from saddlescope.specs.reading import read
    from saddlescope.specs.run_spec import RunSpec

__all__ = ["RunSpec", "SpecError", "read", "shipped"]

# a list of the shipped specs needs no checks of keys, whose library takes longer to load than all else
lazy(__name__)
