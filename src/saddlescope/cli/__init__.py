"""The command line: `saddlescope run SPEC`, `saddlescope specs`."""

from saddlescope.cli.signals import STOPPED, asked, translated
from saddlescope.jax_settings import keep_programs

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; what is wrong with the input is said in one sentence.

    Args:
        arguments: words after the program's name; by default those of this process.
    """
    import sys

    if arguments is None:  # this is the program, and nothing else runs in its process
        keep_programs()
    with translated():
        try:
            from saddlescope.cli.ending import ended

            return ended(sys.argv[1:] if arguments is None else arguments)
        except BaseException:
            # a library that is interrupted while it is loaded may fail with any error
            if not asked():
                raise
        print("saddlescope: Stopped by the user; nothing was written.", file=sys.stderr)
    return STOPPED
