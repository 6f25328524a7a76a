"""Anderson acceleration of a fixed-point iteration."""

from __future__ import annotations

import numpy as np


class Anderson:
    """Mix the last few images of a fixed-point map so that their residuals cancel as well as they can.

    Arguments: `scale`, by which residuals are divided before they are compared; `memory`, how many
    differences are kept.

    Source: Walker, Ni, SIAM J. Numer. Anal. 49 (2011), 1715, in the difference form.

    >>> acceleration, x = Anderson(np.ones(1)), np.array([1.0])
    >>> for _ in range(6):
    ...     x = acceleration.mix(x, np.cos(x))
    >>> bool(abs(x[0] - np.cos(x[0])) < 1e-10)
    True
    """

    def __init__(self, scale: np.ndarray, memory: int = 10):
        self.scale = scale
        self.memory = memory
        self.images: list[np.ndarray] = []
        self.residuals: list[np.ndarray] = []

    def mix(self, point: np.ndarray, image: np.ndarray) -> np.ndarray:
        """Return the next point, given the present one and its image."""
        self.images.append(image)
        self.residuals.append((image - point) / self.scale)
        del self.images[: -self.memory - 1], self.residuals[: -self.memory - 1]
        if len(self.images) == 1:
            return image
        changes = np.diff(self.residuals, axis=0)
        shares = np.linalg.lstsq(changes.T, self.residuals[-1], rcond=1e-12)[0]
        return image - shares @ np.diff(self.images, axis=0)
