"""Runs written as TOML files: what is learnt, how it starts, how it is solved, compared and drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saddlescope.specs.refusals import SpecError
from saddlescope.specs.shipping import shipped

if TYPE_CHECKING:
    from saddlescope.specs.reading import read
    from saddlescope.specs.run_spec import RunSpec

__all__ = ["RunSpec", "SpecError", "read", "shipped"]


def __getattr__(name: str) -> Any:
    # a list of the shipped specs needs no checks of keys, whose library takes longer to load than all else
    if name == "read":
        from saddlescope.specs.reading import read

        return read
    if name == "RunSpec":
        from saddlescope.specs.run_spec import RunSpec

        return RunSpec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
