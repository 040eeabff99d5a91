"""Sphinx settings. Built by ``make docs``, with warnings as errors and no network."""

import os
from importlib.metadata import version as installed

# autodoc imports the package, and with it DeepXDE, which must be told its backend.
os.environ.setdefault("DDE_BACKEND", "pytorch")

project = "deepxde_repnet"
author = "The deepxde_repnet developers"
project_copyright = author
release = installed("deepxde_repnet")
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_tables"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
