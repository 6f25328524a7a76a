"""A file that a long run is kept in while it goes on, and taken up from after a stop."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from saddlescope import files
from saddlescope.arguments import ArgumentError

_FORMAT = "saddlescope checkpoint 1"


class Checkpoint:
    """One file, replaced as a whole each time, that knows which run it belongs to.

    Args:
        path: the file; its folder must exist.
        run: what makes the run, as plain values; a file of another run is refused.
        every: seconds between two writes.

    Raises:
        ArgumentError: if the folder does not exist, or the file is damaged or belongs to another run.
    """

    def __init__(self, path: str | os.PathLike[str], run: dict[str, Any], every: float = 10.0):
        self.path = Path(path)
        self.every = every
        self._run = json.dumps(run, sort_keys=True, default=str)
        if not self.path.parent.is_dir():
            raise ArgumentError("checkpoint", "lie in an existing folder", str(path))
        if self.path.exists():
            self._read()

    def exists(self) -> bool:
        """Whether there is a run to take up."""
        return self.path.exists()

    def save(self, state: Any, done: int, seen: list[tuple[int, dict[str, np.ndarray], np.ndarray | None]]) -> None:
        """Write the state after `done` steps and all that was seen so far; the file changes as a whole."""
        arrays: dict[str, np.ndarray] = {"format": np.array(_FORMAT), "run": np.array(self._run)}
        arrays["done"] = np.array(done)
        for number, leaf in enumerate(jax.tree.leaves(state)):
            arrays[f"state {number}"] = np.asarray(leaf)
        arrays["steps"] = np.array([step for step, _, _ in seen])
        for name in seen[0][1]:
            arrays[f"observable {name}"] = np.stack([values[name] for _, values, _ in seen])
        kept = [(row, saved) for row, (_, _, saved) in enumerate(seen) if saved is not None]
        arrays["kept"] = np.array([row for row, _ in kept])
        arrays["states"] = np.stack([saved for _, saved in kept])
        content = io.BytesIO()
        np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
        files.write(self.path, content.getvalue(), argument="checkpoint")

    def load(self, like: Any) -> tuple[Any, int, list[tuple[int, dict[str, np.ndarray], np.ndarray | None]]]:
        """Return state, steps done and what was seen; `like` is a state of the same structure."""
        arrays = self._read()
        leaves, structure = jax.tree.flatten(like)
        found = [arrays[f"state {number}"] for number in range(len(leaves))]
        names = [name.removeprefix("observable ") for name in arrays if name.startswith("observable ")]
        kept = dict(zip(arrays["kept"].tolist(), arrays["states"], strict=True))
        seen = [
            (int(step), {name: arrays[f"observable {name}"][row] for name in names}, kept.get(row))
            for row, step in enumerate(arrays["steps"])
        ]
        return jax.tree.unflatten(structure, [jax.numpy.asarray(leaf) for leaf in found]), int(arrays["done"]), seen

    def _read(self) -> dict[str, np.ndarray]:
        try:
            # opened here, since np.load leaves a damaged file open
            with open(self.path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            known = str(arrays["format"]) == _FORMAT
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise ArgumentError("checkpoint", f"name a whole checkpoint ({error})", str(self.path)) from None
        except Exception as error:  # zipfile raises its own kinds for a truncated file
            raise ArgumentError("checkpoint", f"name a whole checkpoint ({error})", str(self.path)) from None
        if not known:
            raise ArgumentError("checkpoint", "name a checkpoint of saddlescope", str(self.path))
        if str(arrays["run"]) != self._run:
            raise ArgumentError("checkpoint", "belong to this run (it was written by another)", str(self.path))
        return arrays
