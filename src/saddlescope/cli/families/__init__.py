"""How each family of specs is run: one file each, of the name its keys have in `specs/families`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from saddlescope.specs import RunSpec

if TYPE_CHECKING:
    from saddlescope.cli.report import Job


def job_of(spec: RunSpec, title: str) -> Job:
    """Return what runs a spec.

    Args:
        spec: as `read` returns it.
        title: what to call it in tables and pictures.

    Raises:
        ArgumentError: if something in the spec cannot be made.
    """
    return importlib.import_module(f"{__name__}.{spec.family}").Job(spec, title)
