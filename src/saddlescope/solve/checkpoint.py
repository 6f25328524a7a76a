"""A file that a long run is kept in while it goes on, and taken up from after a stop."""

from __future__ import annotations

import io
import json
import os
from typing import Any

import jax
import numpy as np

from saddlescope import files
from saddlescope.arguments import ArgumentError, path_of
from saddlescope.identity import identity

_FORMAT, _EARLIER = "saddlescope checkpoint 2", "saddlescope checkpoint 1"
Seen = list[tuple[int, dict[str, np.ndarray], np.ndarray | None]]


class Checkpoint:
    """One file, replaced as a whole each time, that knows which run it belongs to and whether it is undamaged.

    Args:
        path: the file; its folder must exist.
        run: all that makes the run; it is known by its `identity`, and a file of another run is refused.
        about: what to name to the user where two runs differ, as plain values.
        every: seconds between two writes.

    Raises:
        ArgumentError: if the folder does not exist, the file is damaged or belongs to another run, or the run has no
            identity.
    """

    def __init__(
        self, path: str | os.PathLike[str], run: Any, about: dict[str, Any] | None = None, *, every: float = 10.0
    ):
        self.path = path_of("path", path)
        self.every = every
        self._run = identity(run, "flow")
        self._about = json.dumps(about or {}, sort_keys=True, default=str)
        if not self.path.parent.is_dir():
            raise ArgumentError("checkpoint", "lie in an existing folder", str(path))
        if self.path.exists():
            self._read()

    def exists(self) -> bool:
        """Whether there is a run to take up."""
        return self.path.exists()

    def save(self, state: Any, done: int, seen: Seen) -> None:
        """Write the state after `done` steps and all that was seen so far; the file changes as a whole.

        Args:
            state: pytree of arrays.
            done: steps made.
            seen: step, observables and, where it was kept, the saved state, of all observations so far.

        Raises:
            NotWrittenError: if the disk is full, say.
        """
        arrays: dict[str, np.ndarray] = {"format": np.array(_FORMAT), "run": np.array(self._run)}
        arrays |= {"about": np.array(self._about), "done": np.array(done)}
        for number, leaf in enumerate(jax.tree.leaves(state)):
            arrays[f"state {number}"] = np.asarray(leaf)
        arrays["steps"] = np.array([step for step, _, _ in seen])
        for name in seen[0][1]:
            arrays[f"observable {name}"] = np.stack([values[name] for _, values, _ in seen])
        kept = [(row, saved) for row, (_, _, saved) in enumerate(seen) if saved is not None]
        arrays["kept"] = np.array([row for row, _ in kept])
        arrays["states"] = np.stack([saved for _, saved in kept])
        arrays["checksum"] = np.array(identity(arrays))
        content = io.BytesIO()
        np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
        files.write(self.path, content.getvalue(), argument="checkpoint")

    def load(self, like: Any) -> tuple[Any, int, Seen]:
        """Return state, steps done and what was seen.

        Args:
            like: a state of the same structure.

        Raises:
            ArgumentError: if the file is damaged or its parts do not fit together.
        """
        arrays = self._read()
        leaves, structure = jax.tree.flatten(like)
        states = [arrays[name] for name in arrays if name.startswith("state ")]
        steps, kept, done = arrays["steps"], arrays["kept"], int(arrays["done"])
        whole = len(states) == len(leaves) and all(
            result.shape == np.shape(leaf) and result.dtype == np.asarray(leaf).dtype
            for result, leaf in zip(states, leaves, strict=True)
        )
        if not whole:
            raise self._damaged("its state is not one of this run")
        if len(steps) == 0 or steps[0] != 0 or np.any(np.diff(steps) <= 0) or done < steps[-1]:
            raise self._damaged(f"{done} steps done do not fit what it saw")
        observed = {name.removeprefix("observable "): arrays[name] for name in arrays if name.startswith("observable ")}
        if len(kept) != len(arrays["states"]) or any(len(values) != len(steps) for values in observed.values()):
            raise self._damaged("it does not hold a value for every step it saw")
        saved = dict(zip(kept.tolist(), arrays["states"], strict=True))
        seen: Seen = [
            (int(step), {name: values[row] for name, values in observed.items()}, saved.get(row))
            for row, step in enumerate(steps)
        ]
        return jax.tree.unflatten(structure, [jax.numpy.asarray(leaf) for leaf in states]), done, seen

    def refuse_other_steps(self, seen: Seen, done: int, marks: np.ndarray) -> None:
        """Refuse what was not seen at the steps at which a run of `done` steps is observed, `marks`.

        A stop can come between a step and its observation; a run that diverged was observed once more where it ended.
        """
        looked, expected = [step for step, _, _ in seen], [0, *marks[marks <= done].tolist()]
        if done > marks[-1] or looked not in (expected, expected[:-1], [*expected, done]):
            raise self._damaged(f"{done} steps done do not fit what it saw")

    def _damaged(self, reason: str) -> ArgumentError:
        return ArgumentError("checkpoint", f"name a whole checkpoint ({reason})", str(self.path))

    def _read(self) -> dict[str, np.ndarray]:
        try:
            # opened here, since np.load leaves a damaged file open
            with open(self.path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except Exception as error:  # zipfile and NumPy raise their own kinds for a damaged file
            raise self._damaged(" ".join(str(error).split())[:80]) from None
        form = str(arrays.get("format"))
        if form == _EARLIER:
            must = "be one of this version (an earlier one did not note all that makes a run)"
            raise ArgumentError("checkpoint", must, str(self.path))
        if form != _FORMAT:
            raise ArgumentError("checkpoint", "name a checkpoint of saddlescope", str(self.path))
        checksum = arrays.pop("checksum", None)
        if checksum is None or str(checksum) != identity(arrays):
            raise self._damaged("its content is not what was written")
        if str(arrays["run"]) != self._run:
            must = f"belong to this run (it was written by another{self._difference(str(arrays['about']))})"
            raise ArgumentError("checkpoint", must, str(self.path))
        return arrays

    def _difference(self, about: str) -> str:
        """Name a setting that differs, where it shows in the words of the two runs."""
        theirs, ours = json.loads(about), json.loads(self._about)
        differ = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
        if not differ:
            return ", of other data" if theirs else ""
        return f", of {differ[0]} {_short(theirs.get(differ[0]))}, not {_short(ours.get(differ[0]))}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
