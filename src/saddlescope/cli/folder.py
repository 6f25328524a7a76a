"""The output folder: refused before the run if it cannot be used, filled whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Self

from saddlescope.arguments import shortened
from saddlescope.files import put
from saddlescope.specs import SpecError


class OutputFolder:
    """A folder that gets the files of one run at once, when all of them are written.

    As a context it makes the folder and a hidden place in it to write to, and leaves no trace unless `commit`
    is called.

    Args:
        path: the folder; made if needed.
        names: patterns of the files that may be written, the result first; a folder of such a name is refused.
        known: gives the patterns of the files of runs of any kind, asked where there are earlier files. Of these, what
            an earlier run says in the key `files` of its JSON file that it has written goes when a new result comes.

    Raises:
        SpecError: on entry, if the folder is a file or cannot be written.
    """

    def __init__(self, path: Path, names: tuple[str, ...], known: Callable[[], tuple[str, ...]] = tuple):
        self.path = path
        self._names = names
        self._known = known
        self._made: list[Path] = []
        self._staging: Path | None = None

    def __enter__(self) -> Self:
        if not str(self.path).isprintable():  # it is printed, and letters that do not print can steer a terminal
            raise SpecError(f"Output folder {shortened(str(self.path))} has letters in its name that do not print.")
        try:
            missing = [p for p in (self.path, *self.path.parents) if not p.exists()]
        except OSError as error:  # too long a name
            raise SpecError(f"Output folder {shortened(str(self.path))} cannot be made: {error.strerror}.") from None
        inside_file = next((p for p in (self.path, *self.path.parents) if p.exists() and not p.is_dir()), None)
        if inside_file is not None:
            raise SpecError(f"Output folder {self.path} cannot be used: {inside_file} is a file.")
        try:
            for folder in reversed(missing):
                folder.mkdir()
                self._made.append(folder)
            # only writing shows that a folder can be written
            Path(tempfile.mkdtemp(prefix=".writing-", dir=self.path)).rmdir()
        except OSError as error:
            self._clean()
            raise SpecError(f"Output folder {self.path} cannot be written: {error.strerror}.") from None
        taken = next((p for pattern in self._names for p in self.path.glob(pattern) if p.is_dir()), None)
        if taken is not None:
            self._clean()
            raise SpecError(f"Output folder {self.path} cannot be used: {taken} is a folder.")
        return self

    @property
    def holds_result(self) -> bool:
        """Whether an earlier result is there, other than one that was interrupted itself."""
        results = [path for name in self._names if name.endswith((".nc", ".json")) for path in self.path.glob(name)]
        return bool(results) and not any(_is_interrupted(path) for path in results if path.suffix == ".json")

    def _earlier(self, folder: Path) -> set[str]:
        """Names of files that an earlier run wrote: a user's own files may match a pattern, too."""
        results = {name for name in self._names if "*" not in name}
        if not any(folder.glob("*.json")):
            return results
        known = self._known()
        for record in {name for name in known if name.endswith(".json")}:
            try:
                listed = json.loads((folder / record).read_text(encoding="utf-8"))["files"]
                names = {name for name in listed if isinstance(name, str) and Path(name).name == name}
            except (OSError, ValueError, KeyError, TypeError):
                continue
            results |= {name for name in names if any(fnmatch(name, pattern) for pattern in known)}
        return results

    def place(self, name: str) -> Path:
        """Where to write a file for now."""
        if self._staging is None:
            # not before: a killed run leaves nothing but what it keeps itself in
            self._staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.path))
        return self._staging / name

    def commit(self, below: str = "") -> list[Path]:
        """Put all written files in place, each replacing its predecessor at once; return their paths.

        Args:
            below: name of a folder inside the output folder to put them in instead.
        """
        assert self._staging is not None
        order = [name for pattern in self._names for name in sorted(p.name for p in self._staging.glob(pattern))]
        written = list(dict.fromkeys(order))
        target = self.path / below
        target.mkdir(exist_ok=True)
        # what an earlier run wrote and this one did not would be taken for a part of this result
        stale = self._earlier(target) - set(written)
        for name in written:
            put(self._staging / name, target / name)
        for name in stale:
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


def _is_interrupted(record: Path) -> bool:
    try:
        return json.loads(record.read_text(encoding="utf-8")).get("interrupted", False) is True
    except (OSError, ValueError, AttributeError):
        return False
