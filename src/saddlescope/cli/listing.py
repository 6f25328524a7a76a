"""The shipped specs and the keys of a spec, as plain lists."""

from __future__ import annotations

import json
import textwrap
import tomllib

from saddlescope.specs import SpecError, shipped
from saddlescope.specs.refusals import nearest


def print_specs(name: str | None) -> int:
    """Print one line for each shipped spec, or the text of one of them."""
    known = shipped()
    if name is None:
        width = max(map(len, known))
        for key, text in known.items():
            print(f"{key:<{width}}  {tomllib.loads(text)['title']}")
    elif name in known:
        print(known[name], end="")
    else:
        raise SpecError(f"There is no shipped spec {name!r}{nearest(name, list(known))}, only {', '.join(known)}.")
    return 0


def print_settings() -> int:
    """Print every key of a spec with its meaning and its default."""
    from saddlescope.specs.settings import settings
    from saddlescope.specs.writing import toml

    for setting in settings():
        if setting.required:
            default = "required"
        elif setting.default is None:
            default = "none by default"
        elif isinstance(setting.default, dict):
            default = toml({"x": {"default": setting.default}}).splitlines()[-1]
        else:
            default = f"default = {json.dumps(setting.default)}"
        print(f"--{setting.name}")
        print(textwrap.fill(f"{setting.meaning} ({default})", 78, initial_indent="    ", subsequent_indent="    "))
    return 0
