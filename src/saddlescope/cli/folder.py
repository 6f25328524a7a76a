"""The output folder: refused before the run if it cannot be used, filled whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from saddlescope.specs import SpecError


class OutputFolder:
    """A folder that gets the files of one run at once, when all of them are written.

    As a context it makes the folder and a hidden place in it to write to, and leaves no trace unless `commit`
    is called.

    Args:
        path: the folder; made if needed.
        names: the files that will be written; a folder of such a name is refused.

    Raises:
        SpecError: on entry, if the folder is a file or cannot be written.
    """

    def __init__(self, path: Path, names: tuple[str, ...]):
        self.path = path
        self._names = names
        self._made: list[Path] = []
        self._staging: Path | None = None

    def __enter__(self) -> Self:
        inside_file = next((p for p in (self.path, *self.path.parents) if p.exists() and not p.is_dir()), None)
        if inside_file is not None:
            raise SpecError(f"Output folder {self.path} cannot be used: {inside_file} is a file.")
        missing = [p for p in (self.path, *self.path.parents) if not p.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir()
                self._made.append(folder)
            # only writing shows that a folder can be written
            self._staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.path))
        except OSError as error:
            self._clean()
            raise SpecError(f"Output folder {self.path} cannot be written: {error.strerror}.") from None
        for name in self._names:
            if (self.path / name).is_dir():
                self._clean()
                raise SpecError(f"Output folder {self.path} cannot be used: {self.path / name} is a folder.")
        return self

    @property
    def holds_result(self) -> bool:
        """Whether an earlier result is there."""
        return (self.path / self._names[0]).exists()

    def place(self, name: str) -> Path:
        """Where to write a file for now."""
        assert self._staging is not None
        return self._staging / name

    def commit(self, below: str = "") -> list[Path]:
        """Put all written files in place, each replacing its predecessor at once; return their paths.

        Args:
            below: name of a folder inside the output folder to put them in instead.
        """
        assert self._staging is not None
        written = [name for name in self._names if (self._staging / name).exists()]
        target = self.path / below
        target.mkdir(exist_ok=True)
        for name in written:
            os.replace(self._staging / name, target / name)
        # what an earlier run wrote and this one did not would be taken for a part of this result
        for name in set(self._names) - set(written):
            (target / name).unlink(missing_ok=True)
        self._made = []
        return [target / name for name in written]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean()

    def _clean(self) -> None:
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
            self._staging = None
        for folder in reversed(self._made):
            if any(folder.iterdir()):
                break
            folder.rmdir()
        self._made = []
