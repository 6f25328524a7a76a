"""How a family of problems is run: made, predicted, solved, compared, drawn - for whoever asks.

The command line, a sweep, the page, `papers` and Python users call these same methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescope.study.comparison import Comparison
    from saddlescope.trajectory import Trajectory


class Study(ABC):
    """One spec being run; making it refuses what cannot be run, before anything is computed or written.

    Attributes:
        KINDS: of the trajectories whose `compare` it knows, names of flows.
        RECORD: name of the JSON file of its comparison.
        spec: the spec, title: what it is called in tables and pictures.
        doing: a line for who waits.
        compare_run: measured beside predicted for one trajectory of `KINDS` made by whatever means, and its options.
    """

    KINDS: ClassVar[tuple[str, ...]] = ()
    RECORD: ClassVar[str] = "stages.json"
    spec: Any
    title: str
    doing: str = "Solving ..."
    compare_run: ClassVar[Callable[..., Comparison]]

    @abstractmethod
    def predict(self) -> Any:
        """Return what theory says, None where it says nothing; it may run beside `solve`."""

    @abstractmethod
    def solve(self, folder: Path | None = None) -> Any:
        """Run what the spec asks for, and return what came out.

        Args:
            folder: where a long run is kept while it goes on, and is taken up from; None keeps nothing.

        Raises:
            SpecError: if what is kept there is another run.
            KeyboardInterrupt: if the user stopped it before there was anything to keep.
        """

    @abstractmethod
    def compare(self, solved: Any, predicted: Any) -> Comparison:
        """Return measured beside predicted; `predicted` is None where there is no prediction.

        Args:
            solved: what `solve` returned.
            predicted: what `predict` returned.
        """

    @abstractmethod
    def pictures(self, solved: Any, predicted: Any) -> Mapping[str, Callable[[], Axes]]:
        """Return what draws each picture, by the name of its file."""

    def trajectories(self, solved: Any) -> dict[str, Trajectory]:
        """Return the trajectories to be saved, by the names of their files."""
        return {}

    def kept(self, folder: Path) -> tuple[Path, ...]:
        """Return the files in which `solve` keeps long runs, not needed once a whole result is written."""
        return ()
