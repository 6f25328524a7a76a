"""Dopri8: the explicit method of order 8 for what is not stiff and wanted to many digits."""

from __future__ import annotations

from typing import ClassVar

import diffrax


class Dopri8(diffrax.Dopri8):
    """Dormand and Prince's explicit Runge-Kutta method of order 8, as diffrax has it.

    Source: Prince, Dormand, J. Comput. Appl. Math. 7 (1981), 67.
    """

    references: ClassVar[tuple[str, ...]] = ("prince1981",)
