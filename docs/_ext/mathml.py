"""Formulas as MathML: pages that need neither network nor JavaScript nor LaTeX, to build or to read.

MathJax would be loaded from elsewhere or copied into every build, images of formulas cannot be read aloud; browsers
have drawn MathML by themselves since 2023. The converter knows what SymPy emits; what it does not know is an error of
the build, never a backslash on the page.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.math import get_node_equation_number

__all__ = ["mathml", "setup"]

# Named functions are set off from the factor before them.
_FUNCTION = re.compile(r"<mi>(ln|log|exp|sin|cos|tan|sinh|cosh|tanh)</mi>")
# The converter knows the starred and plain environments of amsmath but not those for use within a formula.
_WITHIN = (("aligned", "align*"), ("gathered", "align*"), ("split", "align*"))


def mathml(latex: str, *, display: bool = False) -> str:
    """Convert LaTeX to MathML.

    Parameters
    ----------
    latex : str
        Without dollar signs.
    display : bool
        On a line of its own, or within text.

    Returns
    -------
    str
        A ``<math>`` element.

    Raises
    ------
    ValueError
        If a command is not known.

    Examples
    --------
    >>> mathml("T_k").removeprefix('<math xmlns="http://www.w3.org/1998/Math/MathML" ')
    'display="inline"><mrow><msub><mi>T</mi><mi>k</mi></msub></mrow></math>'
    """
    for inner, outer in _WITHIN:
        latex = latex.replace(f"\\begin{{{inner}}}", f"\\begin{{{outer}}}")
        latex = latex.replace(f"\\end{{{inner}}}", f"\\end{{{outer}}}")
    # Lines without an environment of their own are a column.
    if display and r"\\" in latex and r"\begin{" not in latex:
        latex = rf"\begin{{align*}}{latex}\end{{align*}}"
    found = convert(latex, display="block" if display else "inline")
    left_over = re.search(r"\\[A-Za-z]+", found)
    if left_over:
        raise ValueError(f"no MathML for {left_over.group()} in {latex!r}")
    return _FUNCTION.sub(r'<mo form="prefix" lspace="0.17em" rspace="0em">\1</mo>', found)


def _converted(node: nodes.Element, display: bool) -> str:
    try:
        return mathml(node.astext(), display=display)
    except Exception as error:  # whatever the converter trips over, the page is named
        raise ExtensionError(f"{node.source}: cannot write {node.astext()!r} as MathML: {error}") from error


def _inline(self: Any, node: nodes.math) -> None:
    self.body.append(_converted(node, False))
    raise nodes.SkipNode


def _display(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math-display"))
    self.body.append(_converted(node, True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
