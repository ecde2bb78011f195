"""Small pieces of MyST Markdown, from text that knows nothing of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import sympy as sp

from theory.references import REFERENCES

__all__ = ["cited", "display", "latex", "plain", "table"]

_LONG = 160
"""Characters of LaTeX that fit on a line of the page."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>$|{}~])")


def plain(text: str) -> str:
    """Escape what Markdown would take for markup.

    Examples
    --------
    >>> print(plain("T_k = λ_k, F* < 0"))
    T\\_k = λ\\_k, F\\* \\< 0
    """
    return _SPECIAL.sub(r"\\\1", text)


def latex(expression: sp.Basic) -> str:
    """Return an expression as a formula within text, as the derivations print theirs."""
    return f"${_tex(expression)}$"


def display(expression: sp.Basic) -> str:
    """Return an expression as a formula on lines of its own: a long sum on several, between its terms.

    Examples
    --------
    >>> a, b = sp.symbols("a b")
    >>> display(sp.Eq(a, b - 1))
    'a = -1 + b'
    >>> many = sp.Add(*sp.symbols("x_10:50"))
    >>> print(display(sp.Eq(a, many))[:44])
    \\begin{align*} a &= x_{10} + x_{11} + x_{12}
    >>> display(many).count("quad")  # three lines
    2
    """
    written = _tex(expression)
    left, right = expression.args if isinstance(expression, sp.Equality) else (None, expression)
    if len(written) <= _LONG or not isinstance(right, sp.Add):
        return written
    lines: list[str] = []
    for term in map(_tex, right.args):
        joined = term if not lines or term.startswith("-") else f"+ {term}"
        if lines and len(lines[-1]) + len(joined) < _LONG:
            lines[-1] += f" {joined}"
        else:
            lines.append(joined)
    head = "&" if left is None else f"{_tex(left)} &="
    body = r" \\ & \quad ".join(lines)
    return rf"\begin{{align*}} {head} {body} \end{{align*}}"


def _tex(expression: sp.Basic) -> str:
    """LaTeX as the derivations print theirs."""
    return str(sp.latex(expression, order="none", ln_notation=True))


def cited(keys: Iterable[str]) -> str:
    """Return citations of works by key, author and year in front.

    Examples
    --------
    >>> cited(["dai2020"])
    'Dai et al. 2020 {cite}`dai2020`'
    """
    return "; ".join(f"{REFERENCES[key].line().split(',')[0]} {{cite}}`{key}`" for key in keys)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown without line breaks and without bare bars.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
