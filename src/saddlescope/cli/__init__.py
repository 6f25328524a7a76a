"""The command line: `saddlescope run SPEC`, `saddlescope specs`."""

from saddlescope.cli.app import main

__all__ = ["main"]
