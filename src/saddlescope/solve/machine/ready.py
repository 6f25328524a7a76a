"""Programs ready to run, kept on disk by the command line, so that the next process neither traces nor compiles them.

JAX's own cache knows a program by what tracing makes of it, and so the tracing, which takes longer than a small run, is
done again in every process. Here a program is known by all that goes into the tracing: the source of this package,
the values that are no arrays, the shapes of those that are, the versions and settings of JAX and the machine. It is
used only where all of that is known by its content; in any doubt the function is traced as always.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import jax

from saddlescope.arguments import RefusedError
from saddlescope.files import write
from saddlescope.identity import identity
from saddlescope.jax_settings import programs_are_kept

_FORMAT = b"saddlescope program 1\n"
_DIGEST = 32
_MOST_KEPT = 2**28  # bytes of all programs; above, those not used for the longest time go
_KNOWN, _PROGRAM = ".known", ".program"
_SINCE = (0, 10)  # of JAX: programs that an older one wrote may wait for ever when they are read and run
# Of the two ways that XLA has in JAX 0.6 to 0.10 to make a kernel of a fused loop the older compiles programs in half
# the time, as it sets up nothing for each kernel. What it makes is as fast where arrays are small, and up to a third
# slower where they are not. Later versions have one way, which takes about as long as the older.
QUICK: dict[str, Any] = {"xla_cpu_use_fusion_emitters": False}
_LIBRARIES = ("jax", "jaxlib", "diffrax", "equinox", "lineax", "numpy")

_ready: dict[Any, Callable[..., Any]] = {}


def forget() -> None:
    """Forget the programs that are loaded."""
    _ready.clear()


class Compiled:
    """A function as `jax.jit` makes it, whose programs are kept where that is asked for.

    Args:
        function: of arguments that are pytrees, and of keywords that are static.
        static: names of these keywords.
        options: of the compiler; those that it does not know change nothing.
    """

    def __init__(self, function: Callable[..., Any], *static: str, options: dict[str, Any] | None = None):
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._function, self._static, self._options = function, static, options or {}

    @cached_property
    def _jitted(self) -> Any:
        known = {name: value for name, value in self._options.items() if _is_known(name, value)}
        return jax.jit(self._function, static_argnames=self._static, compiler_options=known or None)

    def __call__(self, *args: Any, **static: Any) -> Any:
        if not programs_are_kept():
            return self._jitted(*args, **static)
        leaves, tree = jax.tree.flatten(args)
        key = self._name, str(self._options), tree, tuple(map(_shape, leaves)), tuple(sorted(static.items()))
        if key in _ready:
            return _ready[key](*args)
        place = self._place(args, static)
        if place is None:
            program = _ready[key] = partial(self._jitted, **static)
            return program(*args)
        result = None
        for program, made_here in place.programs(args, lambda: self._jitted.lower(*args, **static)):
            _ready[key] = program
            try:
                result = jax.block_until_ready(program(*args))
            except jax.errors.JaxRuntimeError:  # what was kept cannot run here after all
                if made_here:
                    raise
            else:
                break
        return result

    def _place(self, args: tuple[Any, ...], static: dict[str, Any]) -> _Place | None:
        """Where the program for these arguments is kept; None where it cannot be."""
        folder = _folder()
        if folder is None:
            return None
        try:
            shapes = jax.tree.map(_shape, args)
            told = [self._name, self._options, shapes, sorted(static.items()), _source(), _surroundings()]
            return _Place(folder, identity(told))
        except (RefusedError, TypeError):  # something in it has no content that could be told
            return None


@cache
def _is_known(option: str, value: Any) -> bool:
    """Whether this version's compiler takes an option; none that is used here changes what a program computes."""
    try:
        jax.jit(lambda: 0.0, compiler_options={option: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


@dataclass(frozen=True)
class _Place:
    """The two files of a program: under what is known before tracing, a name; under that, what it was compiled to.

    The name is made of what tracing gave, so that a change of this package leaves the programs that it does not touch.
    """

    folder: Path
    known: str

    def programs(
        self, args: tuple[Any, ...], lower: Callable[[], jax.stages.Lowered]
    ) -> Iterator[tuple[Callable[..., Any], bool]]:
        """Programs for these arguments, and whether each was made here: one that was not may turn out to be of no use.

        The last is compiled whatever JAX's cache has: what is read from there cannot be written again.
        """
        known, name = self.folder / f"{self.known}{_KNOWN}", ""
        with contextlib.suppress(OSError, ValueError):
            name = known.read_text()
        if name and (program := _load(self.folder / f"{name}{_PROGRAM}", args)) is not None:
            yield program, False
        lowered = lower()
        traced = identity([lowered.as_text(), _surroundings()])
        path = self.folder / f"{traced}{_PROGRAM}"
        # made for another text of the package
        if traced != name and (program := _load(path, args)) is not None:
            with contextlib.suppress(OSError):
                write(known, traced)
            yield program, False
        with _without_jax_cache():
            program = lowered.compile()
        with contextlib.suppress(Exception):  # a full disk, or a program that cannot be kept: it runs all the same
            _store(path, program)
            write(known, traced)
        yield program, True


@contextlib.contextmanager
def _without_jax_cache() -> Iterator[None]:
    """Have JAX neither read nor write compiled programs."""
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    def use(yes: bool) -> None:
        jax.config.update("jax_enable_compilation_cache", yes)
        reset_cache()  # whether it is used is asked once

    before = jax.config.values["jax_enable_compilation_cache"]
    use(False)
    try:
        yield
    finally:
        use(before)


def _shape(leaf: Any) -> tuple[Any, ...]:
    if not hasattr(leaf, "dtype"):  # a number of Python, whose type is weak
        return "plain", type(leaf).__name__
    return str(leaf.dtype), tuple(leaf.shape), bool(getattr(leaf, "weak_type", False))


def _folder() -> Path | None:
    """Where JAX keeps its programs, if it does, for the one processor that these are for."""
    if jax.__version_info__[:2] < _SINCE:
        return None
    place = jax.config.values["jax_compilation_cache_dir"]
    usable = jax.config.values["jax_enable_compilation_cache"] and jax.default_backend() == "cpu"
    if not (place and usable) or len(jax.devices()) != 1:
        return None
    return Path(place) if os.access(place, os.W_OK) else None


@lru_cache(maxsize=1)
def _surroundings() -> list[Any]:
    """All that decides what tracing and compiling make of a function and its arguments."""
    from importlib.metadata import version

    # what JAX does on the way, and where it keeps things, is not in a program
    silent = ("cache", "log", "dir", "debug", "traceback", "profil", "explain")
    settings = {
        name: str(value) for name, value in jax.config.values.items() if not any(word in name for word in silent)
    }
    asked = {name: value for name, value in os.environ.items() if name.startswith(("XLA_", "JAX_"))}
    asked = {name: value for name, value in asked.items() if "CACHE" not in name}
    versions = {name: version(name) for name in _LIBRARIES}
    return [versions, platform.python_version(), settings, asked, _processor()]


@lru_cache(maxsize=1)
def _source() -> str:
    """A digest of this package's code."""
    whole = hashlib.sha256()
    package = Path(__file__).parents[2]
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(package)} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


def _processor() -> list[str]:
    told = [platform.machine(), platform.processor(), platform.system()]
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return told
    return told + [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))]


def _load(path: Path, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    """The program in a file; None where there is none that is whole and can be loaded here."""
    from jax.experimental.serialize_executable import deserialize_and_load

    _prepare()
    try:
        content = path.read_bytes()
        digest, body = content[len(_FORMAT) : len(_FORMAT) + _DIGEST], content[len(_FORMAT) + _DIGEST :]
        if not content.startswith(_FORMAT) or hashlib.sha256(body).digest() != digest:
            return None
        executable, result = pickle.loads(body)
        program = deserialize_and_load(executable, jax.tree.structure((args, {})), jax.tree.structure(result))
        os.utime(path)
    except Exception:  # of another version, or damaged: it is made anew
        return None
    return program


@lru_cache(maxsize=1)
def _prepare() -> None:
    """Have JAX find the routines of LAPACK, as it does when it first traces one: a program calls them by address."""
    jax.jit(jax.lax.linalg.lu).lower(jax.ShapeDtypeStruct((1, 1), float))


def _store(path: Path, program: jax.stages.Compiled) -> None:
    """Keep a program that was compiled in this process."""
    from jax.experimental.serialize_executable import serialize

    executable, _, tree = serialize(program)
    # a tree of types that pickle knows by name, with numbers for its arrays
    body = pickle.dumps((executable, jax.tree.unflatten(tree, range(tree.num_leaves))))
    write(path, _FORMAT + hashlib.sha256(body).digest() + body)
    _clear(path.parent)


def _clear(folder: Path) -> None:
    """Remove the programs that were not used for the longest time, where all take too much room."""
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob(f"*{_PROGRAM}"))
    total = sum(size for _, size, _ in files)
    for _, size, path in files:
        if total <= _MOST_KEPT:
            break
        path.unlink(missing_ok=True)
        total -= size
