"""Many runs: a spec over axes, resumable, in this process, in many, or on a cluster."""

from typing import TYPE_CHECKING

from saddlescope.lazy import lazy

if TYPE_CHECKING:
    from saddlescope.sweep.axes import linspace, logspace, sampled, seeds, zipped
    from saddlescope.sweep.shipping import shipped_sweeps
    from saddlescope.sweep.sweep import sweep

__all__ = ["linspace", "logspace", "sampled", "seeds", "shipped_sweeps", "sweep", "zipped"]

lazy(__name__)
