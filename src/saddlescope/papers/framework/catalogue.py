"""The experiments there are: found by the names of modules, one an experiment, in the folder of their paper."""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from saddlescope.arguments import ArgumentError, known_words
from saddlescope.papers.framework.experiment import Experiment

ROOT = "saddlescope.papers"


@dataclass(frozen=True)
class Entry:
    """An experiment in the catalogue.

    Attributes:
        id: name of its module, with hyphens.
        paper: name of its folder, with hyphens.
        module: full name of the module that holds it as `EXPERIMENT`.
    """

    id: str
    paper: str
    module: str

    @cached_property
    def loaded(self) -> ModuleType:
        """The module; imported only when it is run, so that a broken one stops nothing else."""
        return importlib.import_module(self.module)

    def __reduce__(self) -> tuple[Any, ...]:
        return Entry, (self.id, self.paper, self.module)  # to another process, without what is loaded in this one

    @property
    def experiment(self) -> Experiment:
        """The experiment itself."""
        return self.loaded.EXPERIMENT

    def parameters(self, full: bool) -> dict[str, Any]:
        """Parameters of a version."""
        return dict(self.experiment.full if full else self.experiment.quick)

    def key(self, full: bool, versions: dict[str, str]) -> str:
        """Return what a result depends on, as a hash: parameters, versions and the text of the module."""
        text = Path(str(self.loaded.__file__)).read_text(encoding="utf-8")
        content = [self.id, self.parameters(full), versions, text]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Paper:
    """A folder of experiments: `name` with hyphens, `title`, `reference`, and `entries` in order of their `ORDER`."""

    name: str
    title: str
    reference: str
    entries: tuple[Entry, ...]


def catalogue(root: str = ROOT) -> tuple[Paper, ...]:
    """Return all papers with their experiments.

    Args:
        root: package whose subpackages are papers; each says TITLE, REFERENCE and ORDER, the names of the modules
            that come first.

    Example:
        >>> [paper.name for paper in catalogue()]
        ['learning-time-scales', 'finite-networks', 'saddle-to-saddle', 'around']
    """
    package = importlib.import_module(root)
    results = []
    for part in pkgutil.iter_modules(package.__path__):
        if not part.ispkg:
            continue
        folder = importlib.import_module(f"{root}.{part.name}")
        if not hasattr(folder, "ORDER"):
            continue  # no paper: the framework itself
        names = [m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_")]
        first = list(folder.ORDER)
        names.sort(key=lambda name: (first.index(name) if name in first else len(first), name))
        paper = part.name.replace("_", "-")
        entries = tuple(Entry(n.replace("_", "-"), paper, f"{root}.{part.name}.{n}") for n in names)
        results.append((folder.PLACE, Paper(paper, folder.TITLE, folder.REFERENCE, entries)))
    return tuple(paper for _, paper in sorted(results, key=lambda pair: pair[0]))


def chosen(papers: Iterable[Paper], paper: str | None, only: Sequence[str]) -> list[Entry]:
    """Return the entries that were asked for.

    Args:
        papers: the catalogue.
        paper: name of a paper, or None for all.
        only: ids of experiments, or of rows ("experiment/criterion"); all if empty.

    Raises:
        ArgumentError: for an unknown paper or id, listing the known ones.
    """
    papers = list(papers)
    if paper is not None:
        known = [p.name for p in papers]
        if paper not in known:
            raise ArgumentError("PAPER", f"be a known paper ({known_words(paper, known)})", paper)
        papers = [p for p in papers if p.name == paper]
    entries = [entry for p in papers for entry in p.entries]
    if not only:
        return entries
    wanted = {name.split("/")[0]: name for name in only}
    known_ids = [entry.id for entry in entries]
    for name, given in wanted.items():
        if name not in known_ids:
            raise ArgumentError("--only", f"name a known experiment ({known_words(name, known_ids)})", given)
    return [entry for entry in entries if entry.id in wanted]
