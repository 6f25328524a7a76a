"""The shipped specs and the keys of a spec, as plain lists."""

from __future__ import annotations

import json
import textwrap
import tomllib

from saddlescope.arguments import echo
from saddlescope.specs import SpecError, shipped
from saddlescope.specs.refusals import nearest


def print_specs(name: str | None) -> int:
    """Print one line for each shipped spec, or the text of one of them."""
    from saddlescope.sweep.shipping import shipped_sweeps

    specs, sweeps = shipped(), shipped_sweeps()
    known = specs | sweeps
    if name is None:
        width = max(map(len, known))
        for key, text in known.items():
            kind = "" if key in specs else "sweep: "
            print(f"{key:<{width}}  {kind}{tomllib.loads(text)['title']}")
    elif name in known:
        print(known[name], end="")
    else:
        raise SpecError(f"There is no shipped spec {echo(name)}{nearest(name, list(known))}, only {', '.join(known)}.")
    return 0


def print_settings(family: str | None = None) -> int:
    """Print every key of a spec, of one family or of each, with its meaning and its default."""
    from saddlescope.families import families, model

    if family is not None and family not in families():
        known = ", ".join(families())
        raise SpecError(f"There is no family {echo(family)}{nearest(family, list(families()))}, only {known}.")
    for number, name in enumerate(families() if family is None else (family,)):
        print(f"{chr(10) if number else ''}Specs of the family {name}: {model(name).__doc__}\n")
        _print_keys(name)
    return 0


def _print_keys(family: str) -> None:
    from saddlescope.families import model
    from saddlescope.specs.settings import settings
    from saddlescope.specs.writing import toml

    only = ""
    for setting in settings(model(family)):
        if setting.required:
            default = "required"
        elif setting.default is None or setting.default == []:
            default = "none by default"
        elif isinstance(setting.default, dict):
            default = toml({"x": {"default": setting.default}}).splitlines()[-1]
        else:
            default = f"default = {json.dumps(setting.default)}"
        if setting.only != only and setting.only:
            print(f"{setting.only}:")
        only = setting.only
        print(f"--{setting.name}" if "[[" not in setting.only else setting.name.split(".")[-1])
        print(textwrap.fill(f"{setting.meaning} ({default})", 78, initial_indent="    ", subsequent_indent="    "))
