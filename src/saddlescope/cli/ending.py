"""How commands end: exit code 0, 1 (not finished, not written), 2 (bad input), 130 (Ctrl-C); faults in one sentence."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

import cyclopts

from saddlescope.arguments import RefusedError, shortened
from saddlescope.cli.app import app
from saddlescope.cli.beside import at_work
from saddlescope.cli.signals import STOPPED, asked
from saddlescope.files import NotWrittenError


def ended(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: words of the command line.
    """
    # imports and traced programs are many objects that stay: looking through them for cycles again and again costs a
    # tenth of a short run
    gc.set_threshold(100_000)
    for stream in (sys.stdout, sys.stderr):
        # a terminal or file that cannot show a letter such as epsilon gets a question mark, not a traceback
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
    try:
        code = app(arguments) or 0
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be said any more is found out here and not at the exit
        return code
    except BrokenPipeError:
        # the reader of a pipe has left, which is no fault of the run
        _say_no_more()
        return 0
    except cyclopts.CycloptsError as error:
        return _end(" ".join(map(shortened, str(error).split())), 2)
    except RefusedError as error:
        return _end(str(error), 2)
    except NotWrittenError as error:
        return _end(str(error), 1)
    except OSError as error:
        if asked():
            return _end(_STOPPED, STOPPED)
        place = "The output" if error.filename is None else shortened(str(error.filename))
        if error.filename is None:
            _say_no_more()
        return _end(f"{place} could not be read or written: {error.strerror or error}.", 1)
    except MemoryError:
        return _end(_NO_MEMORY, 1)
    except BaseException as error:
        if asked():
            return _end(_STOPPED, STOPPED)
        if "RESOURCE_EXHAUSTED" in str(error):  # what JAX says where NumPy raises a MemoryError
            return _end(_NO_MEMORY, 1)
        raise


_STOPPED = "Stopped by the user; nothing was written."
_NO_MEMORY = "There is not enough memory for what is asked; nothing was written."


def _say_no_more() -> None:
    """Send the rest of the output nowhere, so that Python does not complain at its exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(sentence: str, code: int) -> int:
    # what was got may be a matrix, which prints on lines, or hold letters that move a terminal
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(sentence.split()))
    print(f"saddlescope: {line}", file=sys.stderr)
    if at_work():
        # compiled code that still runs in a thread would crash the interpreter on its orderly way out
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, AttributeError):
                stream.flush()
        os._exit(code)
    return code
