"""How the site is built: `make docs`."""

import importlib.metadata
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import apipages  # noqa: E402

project = "saddlescope"
author = "The saddlescope developers"
copyright = author
release = version = importlib.metadata.version("saddlescope")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "docstrings",
    "formulas",
]
root_doc = "index"
exclude_patterns = ["_build", "_ext", "gallery", "auto_gallery/*.ipynb", "auto_gallery/*.py", "auto_gallery/*.md5"]

# pages
myst_enable_extensions = ["dollarmath", "deflist", "fieldlist", "colon_fence"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "saddlescope"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
pygments_style = "default"

# the reference is made of docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
viewcode_line_numbers = True
apipages.write(HERE / "api")

# the gallery is run when it has changed
sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["auto_gallery"],
    "filename_pattern": r"/\w+\.py",
    "ignore_pattern": r"__init__\.py",
    "image_scrapers": ("pictures.scraper",),
    "capture_repr": (),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 10_000,
    "download_all_examples": False,
    "remove_config_comments": True,
    "thumbnail_size": (400, 260),
    "copyfile_regex": r"$^",
}
suppress_warnings = ["config.cache"]
# links into other pages of the repository that the site shows as pages of its own
linkcheck_anchors = False
