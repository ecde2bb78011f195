"""A model explained: what `landau-vae derive` shows, as text, LaTeX, JSON or a dependency-free Python function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from .derivation import Derivation
from .emit import emit_function
from .formulas import Argument, Formula
from .landau import Landau
from .normal_form import SIGNAL, LandauPolynomial
from .transition import Verdict

__all__ = ["Explanation", "formula_of"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A model explained: derivations, Landau polynomial, verdict, and the numbers if cumulants were given.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    order : int
        Order of the expansion in the amplitudes.
    derivations : tuple of Derivation
        In reading order.
    verdict : Verdict
        Local and global character at full collapse.
    critical : mapping
        JSON-able facts on where collapse loses stability.
    formula : Formula
        The model's main result as a function.
    landau : Landau or None
        The reduction, for the four model classes.
    polynomial : LandauPolynomial or None
        What the verdict rests on; ``None`` where only the quadratic form is derived.
    values : mapping of str to Fraction
        Cumulants (or curve amplitudes) that were given.
    numbers : mapping
        JSON-able numeric consequences of `values`; empty without.
    """

    model: str
    order: int
    derivations: tuple[Derivation, ...]
    verdict: Verdict
    critical: Mapping[str, Any] = field(hash=False)
    formula: Formula
    landau: Landau | None = None
    polynomial: LandauPolynomial | None = None
    values: Mapping[str, Fraction] = field(default_factory=dict, hash=False)
    numbers: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return everything as a strictly JSON-able dict; expressions are strings in ASCII symbols."""
        if self.landau is not None:
            expanded = self.landau.to_json()
        else:
            terms = {} if self.polynomial is None else self.polynomial.terms
            reduced = {sp.sstr(SIGNAL ** powers[0]): sp.sstr(c) for powers, c in terms.items()}
            expanded = {"amplitudes": ["m"] if reduced else [], "expansion": dict(reduced), "reduced": reduced}
        first = self.derivations[0]
        return {
            **expanded,
            "model": self.model,
            "order": self.order,
            "critical": {**expanded.get("critical", {}), **self.critical},
            "verdict": self.verdict.to_json(),
            "values": {name: str(value) for name, value in self.values.items()},
            "numbers": dict(self.numbers),
            "name": first.name,
            "title": first.title,
            "sources": list(dict.fromkeys(key for d in self.derivations for key in d.sources)),
            "symbols": _unique(d.to_json()["symbols"] for d in self.derivations),
            "steps": [step for d in self.derivations for step in d.to_json()["steps"]],
            "checks": sum(d.check() for d in self.derivations),
        }

    def to_text(self, width: int = 80, unicode: bool = True) -> str:
        """Return the derivations, the verdict and the numbers for a terminal."""
        import textwrap

        parts = [d.to_text(width, unicode).rstrip() for d in self.derivations]
        shown = self.verdict.to_json()
        lines = [f"Verdict: {shown['kind']} at the threshold; global: {shown['global']}"]
        lines += textwrap.wrap(f"Jump where: {shown['condition']}", width, subsequent_indent="    ")
        for line in shown["evidence"]:
            lines += textwrap.wrap(f"Evidence: {line}", width, subsequent_indent="    ")
        for line in shown["assumptions"]:
            lines += textwrap.wrap(f"Assumed: {line}", width, subsequent_indent="    ")
        for name, value in {**self.critical, **self.numbers}.items():
            number = f"{value:.6g}" if isinstance(value, float) else value
            lines += textwrap.wrap(f"{name.replace('_', ' ')}: {number}", width, subsequent_indent="    ")
        return "\n\n".join([*parts, "\n".join(lines)]) + "\n"

    def to_latex(self) -> str:
        """Return the derivations as LaTeX."""
        return "\n".join(d.to_latex() for d in self.derivations)

    def to_python(self) -> str:
        """Return the main result as the source of a function that needs only ``math``."""
        return "import math\n\n\n" + emit_function(self.formula, "python")


def formula_of(derivation: Derivation, step: str, result: sp.Expr, name: str, summary: str) -> Formula:
    """A result as a function of the symbols it holds, described as the derivation describes them."""
    described = {quantity.symbol.name: quantity for quantity in derivation.quantities}
    symbols = sorted(result.free_symbols, key=lambda s: s.name)
    return Formula(
        name=name,
        summary=summary,
        arguments=tuple(
            Argument(s, s.name, f"{described[s.name].meaning}, in units of {described[s.name].unit}") for s in symbols
        ),
        result=result,
        returns=summary,
        derivation=derivation.name,
        step=step,
        example={s: sp.Rational(1, 2 + i) for i, s in enumerate(symbols)},
    )


def _unique(lists: Any) -> list[dict[str, Any]]:
    seen: dict[str, dict[str, Any]] = {}
    for items in lists:
        for item in items:
            seen.setdefault(item["symbol"], item)
    return list(seen.values())
