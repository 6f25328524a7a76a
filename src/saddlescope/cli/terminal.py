"""What is printed to."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class Terminal(Console):
    """Standard output, a terminal or not; numbers in running text are not coloured.

    A reader that leaves, as in `saddlescope run canonical | head -1`, is left to whoever ends the command: the library
    would end the program with an error of its own.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError
