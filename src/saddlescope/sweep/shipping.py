"""The sweeps that come with the package."""

from __future__ import annotations

from importlib import resources


def shipped_sweeps() -> dict[str, str]:
    """Return the names of the sweeps that come with the package, and the TOML text of each.

    >>> "exponents" in shipped_sweeps()
    True
    """
    folder = resources.files("saddlescope.sweep") / "shipped"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): (folder / name).read_text(encoding="utf-8") for name in files}
