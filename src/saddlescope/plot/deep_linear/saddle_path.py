"""What a predicted path from saddle to saddle offers to a picture."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class SaddlePath(Protocol):
    """Saddles in the order in which they are visited, the origin first, the minimum last."""

    @property
    def costs(self) -> np.ndarray:
        """Costs at the saddles, shape (saddles,)."""
        ...

    @property
    def ranks(self) -> np.ndarray:
        """Their ranks, shape (saddles,)."""
        ...

    @property
    def products(self) -> np.ndarray:
        """The product matrices A there, shape (saddles, d_out, d_in)."""
        ...


def jump_times(path: Any, scale: float) -> np.ndarray:
    """Return when each saddle but the last is left, nan where that is not predicted, shape (saddles - 1,).

    Args:
        path: with `jump_times`; in other units if it has `times(scale)`, as a `SaddleToSaddleLimit` has.
        scale: of the start.
    """
    if hasattr(path, "times"):
        return np.asarray(path.times(scale))
    if hasattr(path, "jump_times"):
        return np.asarray(path.jump_times)
    return np.full(len(path.costs) - 1, np.nan)
