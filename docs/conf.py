"""How Sphinx builds the site: sphinx-build -W -n docs docs/_build."""

from __future__ import annotations

import sys
from pathlib import Path

import swaptiers

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "swaptiers"
author = "The swaptiers authors"
project_copyright = author
release = swaptiers.__version__
html_title = f"swaptiers {release}"
html_theme = "furo"
html_copy_source = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "generated"]
exclude_patterns = ["_build", "_ext"]
myst_heading_anchors = 3

default_role = "code"  # as backticks in docstrings are meant
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
# types in signatures: other projects' (no inventory of theirs is fetched), and ours under the names of their rooms
nitpick_ignore_regex = [(r"py:(class|obj|data|exc|meth|attr|func)", r".*")]
