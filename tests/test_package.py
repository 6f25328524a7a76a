"""What `import saddlescope` promises: every public name, nothing numerical before it is used, float64 always."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import saddlescope as ss

HEAVY = ("jax", "scipy", "numpy", "matplotlib", "xarray", "h5py", "rich.markdown")


def child(code, *, rc=0):
    """Run code in a fresh interpreter and return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == rc, done.stderr
    return done.stdout


def loaded_after(code):
    """Those of the heavy modules that some code loads."""
    words = child(f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])")
    return set(words.split("LOADED")[1].split())


def command(*words):
    """Code that runs the command line, whatever it ends with."""
    return f"from saddlescope.cli import main\nmain({list(words)!r})"


def lazy_packages():
    root = Path(str(ss.__file__)).parent
    files = [
        path for path in sorted(root.rglob("__init__.py")) if "\nlazy(__name__)" in path.read_text(encoding="utf-8")
    ]
    return [".".join(("saddlescope", *path.parent.relative_to(root).parts)) for path in files]


@pytest.mark.parametrize("name", lazy_packages())
def test_every_name_of_a_lazy_package_can_be_had_and_is_what_type_checkers_see(name):
    package = importlib.import_module(name)
    for public in package.__all__:
        getattr(package, public)
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    lines = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    for line, alias in ((node, alias) for node in lines for alias in node.names):
        assert alias.name in package.__all__
        if line.module == name:
            assert getattr(package, alias.name) is sys.modules[f"{name}.{alias.name}"]
        else:
            assert getattr(package, alias.name) is getattr(sys.modules[str(line.module)], alias.name)


def test_the_rooms_of_numbers_are_lazy():
    rooms = {"deep_linear", "diagonal_linear", "gaussian", "measure", "plot", "single_index", "solve"}
    assert {f"saddlescope.{room}" for room in rooms} <= set(lazy_packages())


def test_every_name_is_listed_and_a_wrong_one_is_an_attribute_error():
    assert set(ss.__all__) <= set(dir(ss))
    with pytest.raises(AttributeError, match="no attribute 'solv'"):
        getattr(ss, "solv")  # noqa: B009
    scope = {}
    exec("from saddlescope import *", scope)
    assert set(ss.__all__) <= set(scope)


def test_a_function_keeps_its_name_when_the_package_of_that_name_is_loaded():
    code = "import saddlescope as ss, saddlescope.solve.run\nprint(callable(ss.solve))\nss.MeanFieldFlow\n"
    assert (
        child(code + "import saddlescope.solve\nprint(callable(ss.solve), callable(saddlescope.solve))").split()
        == ["True"] * 3
    )


def test_namespaces_exist_without_further_imports():
    code = "import saddlescope as ss\nprint(ss.plot.ladder.__name__, ss.diagonal_linear.jump_sequence.__name__)"
    assert child(code).split() == ["ladder", "jump_sequence"]


@pytest.mark.parametrize(
    "first",
    [
        "import saddlescope.deep_linear.network.layers",
        "import saddlescope.gaussian.arrays",
        "import saddlescope",  # an array that the user makes before anything of ours is used
        "import jax\nimport saddlescope",
        "from jax import numpy\nimport saddlescope.measure",
    ],
)
def test_arrays_are_float64_whoever_loads_jax(first):
    code = f"{first}\nimport jax.numpy as jnp\nprint(jnp.ones(2).dtype)\n"
    assert child(code) == "float64\n"


def test_garbage_is_collected_after_jax_was_loaded():
    assert child("import gc, saddlescope\nimport jax\nsaddlescope.solve\nprint(gc.isenabled())") == "True\n"
    assert child("import gc, saddlescope\ngc.disable()\nimport jax\nprint(gc.isenabled())") == "False\n"


def test_jax_stopped_half_way_is_set_up_at_the_next_try():
    code = """
import sys, saddlescope
sys.modules["jax._src"] = None  # makes `import jax` fail
try:
    import jax
except ImportError:
    print("failed")
del sys.modules["jax._src"]
for name in [n for n in sys.modules if n == "jax" or n.startswith("jax.")]:
    del sys.modules[name]
import jax.numpy as jnp
print(jnp.ones(2).dtype)
"""
    assert child(code).split() == ["failed", "float64"]


def test_lists_and_refusals_load_nothing_heavy():
    commands = [
        ["--version"],
        ["specs"],
        ["specs", "canonical"],
        ["specs", "cannonical"],
        ["settings"],
        ["run", "cannonical"],
        ["run", "canonical", "--dynamics.epsilon", "-1"],
        ["run", "canonical", "--problem.link", "[1, nan]"],
        ["run", "saddle_to_saddle", "--network.depht", "3"],
        ["rum", "canonical"],
    ]
    assert not loaded_after("\n".join(command(*words) for words in commands))


def test_help_loads_nothing_numerical():
    assert loaded_after(command("run", "--help")) <= {"rich.markdown"}


def test_packages_load_nothing_before_a_name_is_used():
    names = ("saddlescope.arguments", "saddlescope.references", *lazy_packages())
    assert not loaded_after("\n".join(f"import {name}" for name in names))


def test_measurements_need_no_jax():
    assert "jax" not in loaded_after("from saddlescope.measure import *\nfrom saddlescope import Trajectory, plateaus")


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "saddlescope", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, f"{ss.__version__}\n")
