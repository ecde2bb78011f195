"""A derivation: ordered named steps, each of which was checked by the machine before it could exist.

A `Step` states an expression or an equation, one line of reason, and the residuals that vanish exactly if the
step follows. A step whose check fails cannot be constructed: `DerivationError` is a bug in the theory, not a user's
mistake. A `Derivation` is what ``landau-vae derive`` prints, what the documentation shows, and where the emitter
takes its formulas from.

Symbol table
------------
residual   an expression that must simplify to exactly 0
positive   an expression that must be provably > 0 from the assumptions on its symbols
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_use_unicode

from .errors import InputError
from .references import REFERENCES, source_line

__all__ = ["Derivation", "DerivationError", "Quantity", "Step", "is_positive", "vanishes"]


class DerivationError(RuntimeError):
    """A step does not follow. This is a bug in the theory, never the user's mistake."""


def _flat_logs(expression: sp.Expr) -> sp.Expr:
    """Write every logarithm as a sum of logarithms of factors, as far as the assumptions on the symbols allow."""
    factored = expression.replace(sp.log, lambda argument: sp.log(sp.factor(argument)))
    return sp.expand_log(factored)


def vanishes(expression: sp.Expr) -> bool:
    """Return whether an expression is identically zero, by exact rewriting only.

    The cheap normal forms come first; `sympy.simplify` is the last resort. ``False`` means "not shown", which for a
    derivation is as bad as "wrong". No number is ever rounded.

    Parameters
    ----------
    expression : sympy.Expr
        Exact expression (no floats).

    Examples
    --------
    >>> x = sp.Symbol("x", positive=True)
    >>> vanishes(sp.log(1 / x) + sp.log(x)), vanishes(sp.log(x + 1) - sp.log(x))
    (True, False)
    """
    forms: tuple[Callable[[sp.Expr], sp.Expr], ...] = (
        sp.expand,
        lambda e: sp.cancel(sp.together(_flat_logs(e))),
        lambda e: sp.expand(sp.cancel(sp.together(sp.expand(e)))),
        sp.simplify,
    )
    return any(form(expression) == 0 for form in forms)


def is_positive(expression: sp.Expr) -> bool:
    """Return whether an expression is provably positive from the assumptions on its symbols.

    Examples
    --------
    >>> T, d = sp.symbols("T delta", positive=True)
    >>> is_positive((T + d) ** 2 - T**2), is_positive(T - d)
    (True, False)
    """
    return any(form(expression).is_positive is True for form in (sp.sympify, sp.factor, sp.expand, sp.simplify))


@dataclass(frozen=True, slots=True)
class Quantity:
    """A symbol of a derivation, with its meaning.

    Parameters
    ----------
    symbol : sympy.Symbol
        Named in ASCII (``lambda``); the printers make the Greek.
    meaning : str
        What it stands for.
    unit : str
        Unit, ``"1"`` for a pure number.
    """

    symbol: sp.Symbol
    meaning: str
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a derivation and its machine check.

    Parameters
    ----------
    name : str
        Unique within the derivation, e.g. ``"threshold"``.
    expression : sympy.Basic
        An expression, equation or matrix.
    reason : str
        Why the step follows, in one line.
    check : str
        What was verified, in words.
    residuals : tuple of sympy.Expr
        Must all simplify to exactly 0.
    positives : tuple of sympy.Expr
        Must all be provably positive.

    Raises
    ------
    DerivationError
        If a residual does not vanish, a positive is not shown positive, or there is nothing to check.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> root = Step("root", sp.Eq(x, 2), "The positive root of x² = 4.", "substituted back", ((x**2 - 4).subs(x, 2),))
    >>> root.rhs
    2
    >>> Step("root", sp.Eq(x, 3), "The positive root of x² = 4.", "substituted back", ((x**2 - 4).subs(x, 3),))
    Traceback (most recent call last):
        ...
    theory.derivation.DerivationError: step 'root': residual 5 is not shown to vanish (substituted back)
    """

    name: str
    expression: sp.Basic
    reason: str
    check: str
    residuals: tuple[sp.Expr, ...] = ()
    positives: tuple[sp.Expr, ...] = ()

    def __post_init__(self) -> None:
        if "\n" in self.reason or not self.reason or not self.check:
            raise DerivationError(f"step {self.name!r} needs a reason of one line and a check in words")
        if not self.residuals and not self.positives:
            raise DerivationError(f"step {self.name!r} checks nothing")
        if isinstance(self.expression, sp.MatrixBase):
            object.__setattr__(self, "expression", sp.ImmutableMatrix(self.expression))
        self.verify()

    def verify(self) -> None:
        """Check the step again; raise `DerivationError` if it does not follow."""
        for residual in self.residuals:
            if not vanishes(sp.sympify(residual)):
                raise DerivationError(
                    f"step {self.name!r}: residual {sp.sstr(residual)} is not shown to vanish ({self.check})"
                )
        for positive in self.positives:
            if not is_positive(sp.sympify(positive)):
                raise DerivationError(
                    f"step {self.name!r}: {sp.sstr(positive)} is not shown to be positive ({self.check})"
                )

    @property
    def rhs(self) -> sp.Basic:
        """Right-hand side of an equation; the expression itself otherwise."""
        return self.expression.rhs if isinstance(self.expression, sp.Equality) else self.expression

    @property
    def latex(self) -> str:
        """LaTeX of the expression, without dollar signs."""
        return str(sp.latex(self.expression, order="none", ln_notation=True))

    def _repr_markdown_(self) -> str:
        """What a notebook shows: reason, formula, and what was checked."""
        reason, check = (re.sub(r"([*_`<|])", r"\\\1", text) for text in (self.reason, self.check))
        return f"{reason}\n\n$$\n{self.latex}\n$$\n\n*Checked: {check}.*"

    def to_json(self) -> dict[str, Any]:
        """Return the step as a JSON-able dict; expressions are strings in ASCII symbols."""
        return {
            "name": self.name,
            "expression": sp.sstr(self.expression, order="none"),
            "latex": self.latex,
            "reason": self.reason,
            "check": self.check,
            "residuals": len(self.residuals),
            "positives": len(self.positives),
        }


@dataclass(frozen=True, slots=True)
class Derivation:
    """Ordered steps from stated assumptions to a result.

    Parameters
    ----------
    name, title : str
        Short name (``"linear"``) and headline.
    sources : tuple of str
        Keys of `theory.references.REFERENCES`.
    assumptions : tuple of str
        What the steps take for granted, one sentence each.
    quantities : tuple of Quantity
        Every symbol that occurs in a step.
    steps : tuple of Step
        In logical order, names unique.

    Raises
    ------
    DerivationError
        If a name repeats, a source is unknown, or a step uses a symbol that is not in `quantities`.
    """

    name: str
    title: str
    sources: tuple[str, ...]
    assumptions: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise DerivationError(f"derivation {self.name!r} repeats step names {repeated}")
        unknown = [key for key in self.sources if key not in REFERENCES]
        if unknown:
            raise DerivationError(f"derivation {self.name!r} cites unknown works {unknown}")
        declared = {quantity.symbol for quantity in self.quantities}
        for step in self.steps:
            used = {symbol for symbol in step.expression.free_symbols if isinstance(symbol, sp.Symbol)}
            if used - declared:
                missing = sorted(str(symbol) for symbol in used - declared)
                raise DerivationError(f"derivation {self.name!r}, step {step.name!r}: undeclared symbols {missing}")

    def __getitem__(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise InputError(
            f"derivation {self.name!r} has no step {name!r}; its steps are {', '.join(s.name for s in self.steps)}"
        )

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def check(self) -> int:
        """Verify every step again and return the number of exact checks made.

        Raises
        ------
        DerivationError
            If a step does not follow.
        """
        for step in self.steps:
            step.verify()
        return sum(len(step.residuals) + len(step.positives) for step in self.steps)

    def to_text(self, width: int = 80, unicode: bool = True) -> str:
        """Return the derivation for a terminal.

        Parameters
        ----------
        width : int
            Columns, at least 40.
        unicode : bool
            Draw expressions in Unicode, or in ASCII (reasons still hold the field's letters).

        Raises
        ------
        InputError
            If `width` is below 40.
        """
        if width < 40:
            raise InputError(f"width must be at least 40 columns, got {width}; make the terminal wider")
        lines = [self.title, "=" * min(len(self.title), width), ""]
        lines += textwrap.wrap(f"Sources: {source_line(*self.sources)}", width, subsequent_indent="    ")
        for assumption in self.assumptions:
            lines += textwrap.wrap(f"Assumed: {assumption}", width, subsequent_indent="    ")
        lines += ["", "Symbols"]
        for quantity in self.quantities:
            lines += textwrap.wrap(
                f"{_pretty(quantity.symbol, unicode):>8}  {quantity.meaning} [{quantity.unit}]",
                width,
                subsequent_indent=" " * 10,
            )
        for number, step in enumerate(self.steps, start=1):
            lines += ["", f"{number}. {step.name}"]
            lines += textwrap.wrap(step.reason, width, initial_indent="    ", subsequent_indent="    ")
            lines += ["", *_layout(step.expression, width - 8, unicode), ""]
            lines += textwrap.wrap(
                f"Checked: {step.check}.", width, initial_indent="    ", subsequent_indent="        "
            )
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def to_latex(self) -> str:
        """Return a LaTeX fragment: one paragraph and display equation per step (needs amsmath)."""
        parts = [rf"\section*{{{_tex(self.title)}}}"]
        parts += [
            rf"\paragraph{{{_tex(step.name)}}} {_tex(step.reason)}"
            f"\n\\[\n{step.latex}\n\\]\n"
            rf"\emph{{Checked:}} {_tex(step.check)}."
            for step in self.steps
        ]
        return "\n\n".join(parts) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Return the derivation as a strictly JSON-able dict (strings, integers, lists and dicts only)."""
        return {
            "name": self.name,
            "title": self.title,
            "sources": list(self.sources),
            "assumptions": list(self.assumptions),
            "symbols": [
                {"symbol": str(q.symbol), "latex": sp.latex(q.symbol), "meaning": q.meaning, "unit": q.unit}
                for q in self.quantities
            ],
            "steps": [step.to_json() for step in self.steps],
        }


class _Pretty(PrettyPrinter):  # type: ignore[misc]
    """Write ln, max, min and indices the way the field does; SymPy prints all but the first through `str`."""

    def _print_Indexed(self, expression: sp.Indexed) -> Any:
        indices = "".join(str(index) for index in expression.indices)
        return self._print(sp.Symbol(f"{expression.base.label}_{indices}"))

    def _print_log(self, expression: sp.Expr) -> Any:
        return self._helper_print_function(expression.func, expression.args, func_name="ln")

    def _print_Max(self, expression: sp.Expr) -> Any:
        return self._helper_print_function(expression.func, expression.args, func_name="max")

    def _print_Min(self, expression: sp.Expr) -> Any:
        return self._helper_print_function(expression.func, expression.args, func_name="min")


def _pretty(expression: sp.Basic, unicode: bool) -> str:
    before = pretty_use_unicode(unicode)  # a switch of SymPy's that is global: put it back
    try:
        return str(_Pretty({"use_unicode": unicode, "order": "none", "wrap_line": False}).doprint(expression))
    finally:
        pretty_use_unicode(before)


def _layout(expression: sp.Basic, width: int, unicode: bool) -> list[str]:
    """Two-dimensional form where it fits, else one wrapped line: SymPy's own wrapping is unreadable."""
    drawn = _pretty(expression, unicode).splitlines()
    if max(map(len, drawn)) <= width:
        return ["        " + line for line in drawn]
    flat = sp.sstr(expression, order="none")
    return textwrap.wrap(flat, width + 8, initial_indent=" " * 8, subsequent_indent=" " * 12, break_long_words=False)


# The letters and signs that reasons use, in LaTeX; everything else in them is plain text.
_TEX_LETTERS = r"""
_:\_ %:\% &:\& #:\# ^:\^{} <:$<$ >:$>$ ²:$^2$ ᵏ:$^k$ ⁿ:$^n$ ᵀ:$^T$ ½:$\tfrac12$ ≥:$\ge$ ≤:$\le$ ≠:$\ne$ →:$\to$
⇔:$\Leftrightarrow$ ∂:$\partial$ Σ:$\sum$ ∫:$\int$ √:$\surd$ ∞:$\infty$ ·:$\cdot$ ×:$\times$ −:$-$ ‖:$\Vert$ …:\dots{}
λ:$\lambda$ Λ:$\Lambda$ β:$\beta$ η:$\eta$ μ:$\mu$ σ:$\sigma$ ε:$\varepsilon$ π:$\pi$
"""
_TEX = {pair[0]: pair[2:] for pair in _TEX_LETTERS.split()}


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)
