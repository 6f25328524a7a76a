"""Tsit5: the explicit method of order 5 for what is not stiff."""

from __future__ import annotations

from typing import ClassVar

import diffrax


class Tsit5(diffrax.Tsit5):
    """Tsitouras' explicit Runge-Kutta method of order 5, as diffrax has it. It serves every flow that is not stiff.

    Source: Tsitouras, Comput. Math. Appl. 62 (2011), 770.
    """

    references: ClassVar[tuple[str, ...]] = ("tsitouras2011",)
