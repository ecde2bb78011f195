"""The theory's pages, written from the derivations: no formula on them is typed by hand.

``derivation_pages()`` gives every page under the theory; ``class_table``, ``notation`` and ``assumptions`` are parts
that other pages include. All take what the engine derived and write MyST Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import sympy as sp
from myst_text import cited, display, latex, plain, table

from theory.derivation import Derivation, Step
from theory.explain import LAWS, MODELS, explain
from theory.explanation import Explanation
from theory.kl_identity import derive_kl_identity
from theory.loss import derive_conversions, derive_loss
from theory.model import MODEL_CLASSES
from theory.relatives import derive_relative

__all__ = ["ORDER", "all_derivations", "assumptions", "class_table", "derivation_pages", "notation", "undecided"]

ORDER: Final = (
    "loss",
    "conversions",
    "kl-identity",
    *MODELS,
    *LAWS,
)
"""Pages in reading order."""

_FOUNDATIONS: Final = {"loss": derive_loss, "conversions": derive_conversions, "kl-identity": derive_kl_identity}


@cache
def _explained(name: str, order: int = 4) -> Explanation:
    return explain(name, order=order)


@cache
def _derived(name: str) -> tuple[Derivation, ...]:
    """The derivations of a page."""
    if name in MODELS:
        return _explained(name).derivations
    derived: Derivation = _FOUNDATIONS[name]() if name in _FOUNDATIONS else derive_relative(name)
    return (derived,)


def all_derivations() -> dict[str, tuple[Derivation, ...]]:
    """Every derivation by page, in reading order."""
    return {name: _derived(name) for name in ORDER}


def derivation_pages() -> dict[str, str]:
    """Return the pages by name."""
    return {name: _page(name) for name in ORDER}


def _page(name: str) -> str:
    derivations = _derived(name)
    parts = [f"(theory-{name})=", f"# {plain(derivations[0].title)}", _origin(name, derivations)]
    for number, derivation in enumerate(derivations):
        prefix = name if number == 0 else f"{name}-expansion"
        if number:
            parts.append(f"## {plain(derivation.title)}")
        parts += _derivation(derivation, prefix, first=number == 0)
    if name in MODELS:
        parts += _verdict(_explained(name))
    return "\n\n".join(parts) + "\n"


def _origin(name: str, derivations: tuple[Derivation, ...]) -> str:
    checks = sum(len(step.residuals) + len(step.positives) for d in derivations for step in d)
    command = f" `landau-vae derive {name}` prints the same in a terminal." if name in (*MODELS, *LAWS) else ""
    return (
        f"*This page is written by the engine from {sum(map(len, derivations))} steps; {checks} exact checks were made "
        f"when they were derived. A step whose check fails cannot be constructed.*{command}"
    )


def _derivation(derivation: Derivation, prefix: str, *, first: bool) -> list[str]:
    parts = [f"Sources: {cited(derivation.sources)}."]
    if derivation.assumptions:
        parts.append("**Assumed**")
        parts.append("\n".join(f"- {plain(assumption)}" for assumption in derivation.assumptions))
    quantities = [[latex(q.symbol), plain(q.meaning), plain(q.unit)] for q in derivation.quantities]
    parts += ["**Symbols**", table(["symbol", "meaning", "unit"], quantities)]
    if first:
        parts.append("## Steps")
    for number, step in enumerate(derivation, start=1):
        parts += _step(step, number, prefix)
    return parts


def _step(step: Step, number: int, prefix: str) -> list[str]:
    made = []
    if step.residuals:
        made.append(f"{len(step.residuals)} exact zero{'s' if len(step.residuals) > 1 else ''}")
    if step.positives:
        made.append(f"{len(step.positives)} exact sign{'s' if len(step.positives) > 1 else ''}")
    return [
        f"### {number}. {plain(step.name)}",
        plain(step.reason),
        f"```{{math}}\n:label: {prefix}-{step.name}\n\n{display(step.expression)}\n```",
        f"*Checked:* {plain(step.check)} ({', '.join(made)}).",
    ]


def _verdict(found: Explanation) -> list[str]:
    verdict = found.verdict
    critical = [[plain(key.replace("_", " ")), f"`{value}`"] for key, value in found.critical.items()]
    parts = [
        "## Verdict",
        f"At the threshold: **{verdict.kind}**. Globally: **{verdict.globally}**. Jumps where: {_condition(verdict)}.",
        "\n".join(f"- Evidence: {plain(line)}" for line in verdict.evidence),
        "\n".join(f"- Assumed: {plain(line)}" for line in verdict.assumptions),
        table(["collapse loses stability at", ""], critical),
    ]
    if found.landau is not None:
        rows = [[latex(power), latex(value)] for power, value in _coefficients(found)]
        parts += ["**The reduced Landau polynomial**", table(["term", "coefficient"], rows)]
    code = found.to_python().strip()
    parts += ["**The main result as code**, emitted from the step it is named after:", f"```python\n{code}\n```"]
    return parts


def _condition(verdict: object) -> str:
    condition = verdict.condition  # type: ignore[attr-defined]
    if condition in (sp.true, sp.false):
        return "everywhere" if condition == sp.true else "nowhere"
    if condition == sp.Symbol("undecided"):
        return "not decided by a quadratic form"
    return latex(condition)


def _coefficients(found: Explanation) -> list[tuple[sp.Expr, sp.Expr]]:
    assert found.polynomial is not None
    m, r, a = sp.Symbol("m"), sp.Symbol("r"), sp.Symbol("a")
    signal = found.polynomial.amplitudes == ("m",)
    terms = sorted(found.polynomial.terms.items(), key=lambda term: 2 * term[0][0] + term[0][1])
    return [((m**i if signal else a ** (2 * i)) * r**j, value) for (i, j), value in terms]


def class_table() -> str:
    """Return the class table: what is declared, where collapse jumps, and the reduced polynomials."""
    rows, polynomials = [], []
    for name, declared in MODEL_CLASSES.items():
        # Through m³ where the width is constant; with two amplitudes the quartic terms decide.
        found = _explained(name, 4 if name == "flexible" else 6)
        where = f"[`{name}`](#theory-{name})"
        functions = [declared.decoder, declared.mean, declared.width]
        rows.append([where, *functions, _condition(found.verdict), found.verdict.globally])
        total = sp.Add(*(power * value for power, value in _coefficients(found)), evaluate=False)
        polynomials.append(f"{where}:\n\n```{{math}}\n{display(total)}\n```")
    classes = table(["class", "decoder", "μ(x)", "ln σ(x)", "jumps where", "globally"], rows)
    rows = []
    for name in MODELS:
        if name in MODEL_CLASSES:
            continue
        found = _explained(name)
        where = ", ".join(f"{plain(key.replace('_', ' '))} `{value}`" for key, value in found.critical.items())
        rows.append([f"[`{name}`](#theory-{name})", where, _condition(found.verdict), found.verdict.globally])
    relatives = table(["model", "collapse loses stability at", "jumps where", "globally"], rows)
    reduced = "\n\n".join(polynomials)
    return f"{classes}\n\n**Reduced Landau polynomials**\n\n{reduced}\n\n**Relatives**\n\n{relatives}\n"


def notation() -> str:
    """Return one table of every symbol of every derivation, with its meanings and where it is used."""
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for page, derivations in all_derivations().items():
        for derivation in derivations:
            for q in derivation.quantities:
                pages = found.setdefault(latex(q.symbol), {}).setdefault((q.meaning, q.unit), [])
                if page not in pages:
                    pages.append(page)
    rows = []
    for symbol in sorted(found, key=lambda s: (s.lstrip("$\\").lower(), s)):
        for (meaning, unit), pages in found[symbol].items():
            links = ", ".join(f"[{page}](#theory-{page})" for page in pages)
            rows.append([symbol, plain(meaning), plain(unit), links])
    return table(["symbol", "meaning", "unit", "used in"], rows) + "\n"


def assumptions() -> str:
    """Return what each derivation takes for granted."""
    rows: Mapping[str, list[str]] = {
        page: list(dict.fromkeys(line for d in derivations for line in d.assumptions))
        for page, derivations in all_derivations().items()
    }
    return (
        table(
            ["derivation", "assumes"],
            [
                [f"[{page}](#theory-{page})", "; ".join(plain(line.rstrip(".")) for line in lines)]
                for page, lines in rows.items()
                if lines
            ],
        )
        + "\n"
    )


def undecided() -> str:
    """Return what the engine itself declares undecided."""
    lines = []
    for name in MODELS:
        verdict = _explained(name).verdict
        if "undecided" in (verdict.kind, verdict.globally):
            what = "the order of the transition" if verdict.kind == "undecided" else "the global answer"
            lines.append(f"- [`{name}`](#theory-{name}): {what}. {plain(verdict.evidence[-1])}.")
    return "\n".join(lines) + "\n"
