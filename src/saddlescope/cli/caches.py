"""A home that cannot be written: said once, in a line of ours, and worked around."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile


def check() -> None:
    """See whether compiled programs and fonts can be kept for the next run; say so and go on if they cannot.

    Called before JAX and matplotlib are loaded: the second of them would print three lines on this.
    """
    import platformdirs

    folder = platformdirs.user_cache_path("saddlescope")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = os.access(folder, os.W_OK)
    except OSError:
        kept = False
    if kept or "MPLCONFIGDIR" in os.environ:
        return
    place = tempfile.mkdtemp(prefix="saddlescope-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = place
    print(f"saddlescope: {folder} cannot be written: the next run starts as slowly as this one.", file=sys.stderr)
