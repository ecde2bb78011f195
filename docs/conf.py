"""Configuration of the documentation: ``make docs`` builds it into ``build/docs``, warnings are errors.

Nothing is loaded from the network, neither to build nor to read: formulas are MathML. What can be generated from the
code is (``_ext/pages.py``). Notebooks were executed before, by the tests.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from landau_vae import __version__ as release

project = "landau-vae"
author = "the landau-vae developers"
copyright = author
version = release

extensions = [
    "pages",
    "mathml",
    "docstrings",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["results", "_ext", "generated/*.inc", "how-to/examples"]
default_role = "name"
nitpicky = True
# Other projects' names are not looked up: that would take the network.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|numpy|sympy|typing|scipy|matplotlib|concurrent)\..*"),
    ("py:obj", r"numerics\.fold\.S"),
]
# A year that is not known is left out, never guessed.
suppress_warnings = ["bibtex.missing_field"]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True
nb_code_prompt_show = "Show a solution"
nb_code_prompt_hide = "Hide the solution"
nb_render_markdown_format = "myst"  # formulas in what a cell shows, too

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False

bibtex_bibfiles = ["generated/references.bib"]
bibtex_default_style = "alpha"

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"landau-vae {release}"
html_static_path = ["_static"]
html_css_files = ["landau.css"]
html_show_sphinx = False
