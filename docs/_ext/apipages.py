"""The reference: one page for each namespace, every public name on it."""

import importlib
import inspect
from pathlib import Path

# what stands on the first page, in the order in which one meets it
GROUPS = {
    "Two-layer networks": (
        "SingleIndex MultiIndex JointIndex Covariance Mixture MeanFieldFlow NetworkFlow OnePassSGD SGDLimit "
        "SampleDescent canonical_order check_canonical_order"
    ),
    "Deep linear networks": (
        "LeastSquares MatrixCompletion MatrixSensing LogisticLoss ExponentialLoss GeneralCost DeepLinearFlow "
        "WideLinearFlow GradientDescent greedy_low_rank saddle_to_saddle_limit escape critical_point distances "
        "distance_grid regime regime_card"
    ),
    "Diagonal networks": "DiagonalFlow DiagonalDescent jump_sequence",
    "Solving": "solve Trajectory load Outcome compare",
    "Measuring": ("plateaus learning_times exponent local_exponents asymptotic_exponent compare_times effective_rank"),
    "Your own training logs": "read_curve read_curves Curve CurveLog CurveError",
    "Functions and laws": "gaussian_function hermite Uniform Normal TruncatedNormal Rademacher PointMasses",
}
NAMESPACES = {
    "single_index": "Two-layer networks",
    "deep_linear": "Deep linear networks",
    "diagonal_linear": "Diagonal networks",
    "measure": "Measuring curves",
    "curves": "Reading training logs",
    "plot": "Pictures",
    "gaussian": "Functions of a Gaussian, and laws",
    "method": "Methods of integration",
    "tolerance": "Tolerances",
    "optimizer": "Optimisers of descent in steps",
    "solve": "Solving and controlling runs",
    "study": "Predicted beside measured, as data",
    "specs": "Spec files",
    "families": "The registry of families",
}


def pages() -> dict[str, str]:
    """Return the text of each page by its name."""
    package = importlib.import_module("saddlescope")
    spaces = [name for name in package.__all__ if inspect.ismodule(getattr(package, name))]
    others = [name for name in package.__all__ if name not in spaces and name != "__version__"]
    grouped = {title: names.split() for title, names in GROUPS.items()}
    rest = [name for name in others if not any(name in names for names in grouped.values())]
    results = {"saddlescope": _page("saddlescope", "import saddlescope as ss", {**grouped, "And": rest}, others)}
    shown = {id(getattr(package, name)): f"saddlescope.{name}" for name in others}  # where each thing is described
    for name in dict.fromkeys((*NAMESPACES, *spaces)):
        module = importlib.import_module(f"saddlescope.{name}")
        if not inspect.ismodule(module):
            continue
        public = getattr(module, "__all__", None) or [
            key for key, value in vars(module).items() if _own(value, module) and not key.startswith("_")
        ]
        own = [key for key in public if id(getattr(module, key)) not in shown]
        again = [shown[id(getattr(module, key))] for key in public if key not in own]
        shown |= {id(getattr(module, key)): f"saddlescope.{name}.{key}" for key in own}
        title = NAMESPACES.get(name, name)
        results[name] = _page(f"saddlescope.{name}", title, {"": own}, own, again)
    return results


def _own(value: object, module: object) -> bool:
    return inspect.isroutine(value) and getattr(value, "__module__", "") == getattr(module, "__name__", None)


def _page(module: str, title: str, groups: dict[str, list[str]], known: list[str], again: tuple | list = ()) -> str:
    home = importlib.import_module(module)
    head = f"{module}: {title}" if title != module else module
    # a function and a package of one name, such as `solve`, cannot both be the target of a link
    taken = module.rpartition(".")[2] in getattr(importlib.import_module("saddlescope"), "__all__", ())
    taken = taken and not inspect.ismodule(getattr(importlib.import_module("saddlescope"), module.rpartition(".")[2]))
    lines = [head, "=" * len(head), "", f".. py:{'current' * taken}module:: {module}", ""]
    if again:
        links = ", ".join(f":py:obj:`~{key}`" for key in again)
        lines += [f"Also here: {links}.", ""]
    for group, names in groups.items():
        names = [name for name in names if name in known]
        if group and names:
            lines += [group, "-" * len(group), ""]
        for name in names:
            lines += _entry(home, name)
    return "\n".join(lines) + "\n"


def _entry(home: object, name: str) -> list[str]:
    thing = getattr(home, name)
    if inspect.isclass(thing):
        return [f".. autoclass:: {name}", "   :members:", "   :exclude-members: __init__", ""]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {name}", ""]
    return [f".. autodata:: {name}", "   :no-value:", ""]


def write(folder: Path) -> None:
    """Write the pages that have changed, and the list of them; a page of a name that is gone is deleted."""
    folder.mkdir(exist_ok=True)
    texts = {f"{name}.rst": text for name, text in pages().items()}
    listed = "\n".join(f"   {name.removesuffix('.rst')}" for name in texts)
    texts["index.rst"] = (
        "API\n===\n\nEvery public name, from its docstring. What the README uses is on the first page; the others\n"
        f"are the rooms behind it. All examples run as tests.\n\n.. toctree::\n   :maxdepth: 1\n\n{listed}\n"
    )
    for path in folder.glob("*.rst"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
