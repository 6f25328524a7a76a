"""What the command line names for the page: specs to start from, results to look at, logs of one's own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from saddlescope.arguments import RefusedError, echo, shortened
from saddlescope.explorer.forms import shown_families
from saddlescope.explorer.limits import checked
from saddlescope.specs import read, shipped
from saddlescope.specs.run_spec import files_in


@dataclasses.dataclass(frozen=True)
class Given:
    """What was named: specs by name, results and logs by path, and the files that specs may open."""

    specs: tuple[tuple[str, dict[str, Any]], ...] = ()
    results: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()

    def plain(self) -> dict[str, Any]:
        """Return what the page is told: names, not where they lie."""
        return {
            "specs": [{"name": name, "tables": tables} for name, tables in self.specs],
            "results": [Path(path).name for path in self.results],
            "logs": [Path(path).name for path in self.logs],
        }

    def result(self, number: Any) -> str:
        """Return the path of a result by its number."""
        return _by_number(self.results, number, "result")

    def log(self, number: Any) -> str:
        """Return the path of a log by its number."""
        return _by_number(self.logs, number, "log")


def given(names: tuple[str, ...]) -> Given:
    """Sort what the command line names: a shipped spec or .toml, a .nc that we wrote, anything else is a log.

    Raises:
        SpecError, RefusedError: if there is no such file, or a spec cannot be run on the page.
    """
    specs, results, logs, files = [], [], [], set()
    for name in names:
        path = Path(name)
        if name in shipped() or path.suffix == ".toml":
            spec = read(name)
            if spec.family not in shown_families():
                raise RefusedError(f"Specs of the family {spec.family!r} have no page: use `saddlescope run`.")
            tables = spec.model_dump(exclude_none=True, exclude_defaults=True) | {"family": spec.family}
            files |= {holder[name] for _, holder, name in files_in(tables, type(spec))}
            checked(tables, files)
            specs.append((path.stem, tables))
        elif not path.exists():
            raise RefusedError(f"There is no file and no shipped spec {echo(shortened(name))}.")
        elif path.suffix == ".nc":
            results.append(str(path.absolute()))
        else:
            logs.append(str(path.absolute()))
    return Given(tuple(specs), tuple(results), tuple(logs), frozenset(files))


def _by_number(paths: tuple[str, ...], number: Any, what: str) -> str:
    text = str(number)
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) < len(paths)):
        raise RefusedError(f"The command line named {len(paths)} {what}s, but got number {echo(number)}.")
    return paths[int(text)]
