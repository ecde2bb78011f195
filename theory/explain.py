"""What `landau-vae derive` shows: a model's expansion, what it implies for the transition, and the steps behind both.

One road for every model: derivations (checked steps) → Landau polynomial, where the model has one → verdict, symbolic
and, with numbers for the cumulants, numeric → text, LaTeX, JSON or a dependency-free Python function.

Symbol table
------------
symbol   meaning                                                     unit
a, r     critical amplitudes of posterior mean and posterior width   1
m        signal fraction M²                                          1
T        temperature over the variance λ of the top mode             1
κ_n      cumulants of the standardised top mode                      1
c_n      amplitudes of the curve family                              data unit
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import sympy as sp

from .cumulants import Cumulants, parse_number
from .derivation import Derivation, DerivationError, is_positive
from .errors import InputError, did_you_mean
from .explain_relatives import EXPLAINED_RELATIVES, explain_relative
from .explanation import Explanation, formula_of
from .formulas import Argument, Formula
from .kl_identity import M
from .landau import Landau, reduce
from .model import MODEL_CLASSES, model_class
from .normal_form import SIGNAL, TEMPERATURE, LandauPolynomial
from .relatives import RELATIVES
from .transition import Verdict, classify, jump_condition
from .truncated import coexistence

__all__ = ["LAWS", "MODELS", "Explanation", "explain"]


MODELS: Final = (*MODEL_CLASSES, "curve", *EXPLAINED_RELATIVES)
"""Models that can be explained, with a verdict."""
LAWS: Final = tuple(name for name in RELATIVES if name not in MODELS)
"""Derivations that belong to no one model, for `theory.relatives.derive_relative`."""


def explain(
    model: str,
    *,
    order: int = 4,
    cumulants: str | Mapping[str, Any] | Cumulants | None = None,
    strictly_sub_gaussian: bool = False,
) -> Explanation:
    """Derive a model by name.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    order : int
        Order of the Landau expansion, at least 2.
    cumulants : str, mapping or Cumulants, optional
        Numbers for the standardised top mode, ``"κ3=1/2,κ4=-0.3"`` (for ``curve``: ``"c1=1,c2=0.9"``); they turn the
        verdict into a numeric one. Strings are parsed as numbers, never evaluated. Joint cumulants of several modes,
        for a model class, as :class:`theory.cumulants.Cumulants`: the class is then derived in as many dimensions.
    strictly_sub_gaussian : bool
        Declares that the data are; then full collapse is the optimum down to the threshold.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        For an unknown model or symbol, an order below 2, cumulants that no distribution has, or cumulants that the
        order needs and that are not given (they are named).

    Examples
    --------
    >>> explain("nonlinear-decoder").verdict.condition
    kappa3**2 > 1
    >>> skewed = explain("flexible", cumulants="kappa3=1/2,kappa4=1")
    >>> skewed.verdict.kind, skewed.verdict.globally
    ('jump', 'jump')
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 2:
        raise InputError(f"order must be an integer of at least 2, got {order!r}; try 4")
    if model in MODEL_CLASSES:
        return _class(model, order, cumulants, strictly_sub_gaussian)
    if model == "curve":
        if isinstance(cumulants, Cumulants):
            raise InputError("curve takes the amplitudes c1, c2, … for cumulants, got Cumulants; write 'c1=1,c2=0.9'")
        return _curve(order, cumulants)
    if model in EXPLAINED_RELATIVES:
        if cumulants is not None:
            raise InputError(f"{model} takes no cumulants: its derivation needs second moments only; leave them out")
        return explain_relative(model, order)
    known = (*MODELS, *LAWS)
    raise InputError(f"unknown model {model!r}{did_you_mean(model, known)}; choose one of {', '.join(known)}")


def _class(
    name: str, order: int, cumulants: str | Mapping[str, Any] | Cumulants | None, strictly_sub_gaussian: bool
) -> Explanation:
    dimensions = cumulants.dimensions if isinstance(cumulants, Cumulants) else 1
    model = replace(model_class(name), dimensions=dimensions)
    symbolic = reduce(model, order)
    polynomial = _normal(symbolic)
    values: dict[str, Fraction] = {}
    numbers: dict[str, Any] = {}
    landau = symbolic
    if cumulants is not None:
        data = _declared(cumulants)
        values = {data.label(alpha): number for alpha, number in data.known.items()}
        # Names the cumulants that are needed and were not declared.
        landau = reduce(model, order, data)
        numbers = _numbers(_normal(landau))
    verdict = classify(polynomial, values, strictly_sub_gaussian=strictly_sub_gaussian)
    derivations: tuple[Derivation, ...] = (landau.derivation(),)
    if name == "linear":
        from .linear_gaussian import derive_linear

        derivations = (derive_linear(order), *derivations)
        verdict = _linear_verdict(verdict, derivations[0])
    critical = {"temperature": str(symbolic.critical_temperature), "unit": "variance of the top mode"}
    if dimensions == 1 and name != "linear":
        verdict = replace(verdict, assumptions=(*verdict.assumptions, _ONE_MODE))
        critical["several_modes"] = f"jump where {sp.sstr(_several_modes(name))}; {_OTHERS}"
    meanings = {quantity.symbol.name: quantity for d in derivations for quantity in d.quantities}
    signal = landau.signal_polynomial
    result, amplitudes = (landau.polynomial, landau.amplitudes) if signal is None else (signal, (SIGNAL,))
    temperature = next(s for s in result.free_symbols if s.name == "T")
    rest = sorted(result.free_symbols - set(amplitudes) - {temperature}, key=lambda s: s.name)
    formula = Formula(
        name=f"landau_{name.replace('-', '_')}",
        summary=f"Free energy over λ of the class {name!r}, without its value at collapse, through order {order}.",
        arguments=tuple(
            Argument(s, s.name, "signal fraction M²" if s == SIGNAL else meanings[s.name].meaning)
            for s in (*amplitudes, temperature, *rest)
        ),
        result=result,
        returns="F/λ − F(collapse)/λ, dimensionless",
        derivation=derivations[-1].name,
        step="reduced",
        example={s: sp.Rational(1, 2 + i) for i, s in enumerate((*amplitudes, temperature, *rest))},
    )
    return Explanation(name, order, derivations, verdict, critical, formula, landau, polynomial, values, numbers)


_ONE_MODE: Final = (
    "one coordinate is encoded and decoded: x has one column, or stands for the scores of one mode alone; with more, "
    "the co-skewness with the other modes decides too (several_modes)"
)
_OTHERS: Final = (
    "coordinate 1 is the top mode, kappa_11j its co-skewness E[x1**2 xj] with mode j and lambdaj the variance of that, "
    "all in units of the top mode; other_modes = sum of kappa_11j**2 over j > 1, softened = sum of "
    "kappa_11j**2/(1 - lambdaj), lambda2 = 1 - other_modes/softened"
)


@lru_cache(maxsize=8)
def _several_modes(name: str) -> Any:
    """Where a class jumps locally if all modes are encoded and decoded, by what they add up to.

    Modes answer to x1² each for itself, so that two coordinates tell for any number. Where the widths are constant a
    mode answers through the decoder only, at once: the plain sum. Free widths pull at its posterior mean too, which
    gives way as 1/(1 − λ_j): the softened one.
    """
    polynomial = _normal(reduce(replace(model_class(name), dimensions=2), 4))
    skew, share = (sp.Symbol(s, positive=True) for s in ("kappa_112", "lambda2"))
    symbols = {str(s): s for c in polynomial.terms.values() for s in c.free_symbols}
    plain, softened = sp.Symbol("other_modes", nonnegative=True), sp.Symbol("softened", nonnegative=True)
    square = softened * (1 - share) if polynomial.two else plain
    known = {symbols[str(s)]: s for s in (skew, share) if str(s) in symbols}
    terms = {
        powers: sp.expand(sp.cancel(sp.expand(c.subs(known)).subs(skew**2, square)))
        for powers, c in polynomial.terms.items()
    }
    return jump_condition(replace(polynomial, terms=terms))


def _declared(cumulants: str | Mapping[str, Any] | Cumulants) -> Cumulants:
    if isinstance(cumulants, Cumulants):
        return cumulants
    return Cumulants.parse(cumulants) if isinstance(cumulants, str) else Cumulants.of(**cumulants)


def _normal(landau: Landau) -> LandauPolynomial:
    """The polynomial that decides: in m, exact in T, for one amplitude; in (a, r) for two."""
    if landau.signal is not None:
        return LandauPolynomial.of(landau.signal_polynomial, ("m",), landau.order)
    return LandauPolynomial.of(landau.polynomial, ("a", "r"), landau.order)


def _linear_verdict(local: Verdict, derivation: Derivation) -> Verdict:
    """With a linear decoder the series is closed, so the local statement is global."""
    left = sp.Symbol("left", positive=True)  # 1 − M² of an active mode
    eliminated = derivation["eliminated-free-energy"].rhs.subs(M, sp.sqrt(1 - left))
    if not is_positive(sp.simplify(sp.diff(eliminated, left, 2))):
        raise DerivationError("the eliminated free energy of the linear class is not convex in M²")
    return replace(
        local,
        globally="continuous",
        evidence=(
            *local.evidence[:1],
            f"F = {sp.sstr(derivation['eliminated-free-energy'].rhs)} at every M² is convex: one minimum at every T",
        ),
    )


def _numbers(polynomial: LandauPolynomial) -> dict[str, Any]:
    """Spinodals, coexistence and jump of the truncated polynomial."""
    found = coexistence(polynomial)
    numbers: dict[str, Any] = {
        "truncated_polynomial": found.status,
        "coexistence": _float(found.temperature),
        "spinodals": [_float(t) for t in found.spinodals],
    }
    if found.state is not None:
        numbers["phase"] = found.state.phase
        numbers["signal_jump"] = _float(found.state.m)
        numbers["kl_jump"] = _float(found.state.kl)
    return numbers


def _curve(order: int, amplitudes: str | Mapping[str, Any] | None) -> Explanation:
    from .curves import Curve

    values = {} if amplitudes is None else _curve_values(amplitudes)
    terms = max(order // 2, 2)
    derivation = _derived_curve(max(terms, 4))
    # In units of c_1, as every Landau polynomial is in units of the variance of the top mode.
    c = (sp.S.One, *sp.symbols(f"c2:{terms + 1}"))
    polynomial = LandauPolynomial(
        ("m",), order, {(k, 0): TEMPERATURE / k - c[k - 1] ** 2 for k in range(1, order // 2 + 1)}
    )
    numbers: dict[str, Any] = {}
    verdict = classify(polynomial)
    if values:
        last = max(int(name[1:]) for name in values)
        curve = Curve(tuple(values.get(f"c{n}", Fraction(n == 1)) for n in range(1, last + 1)))
        verdict, numbers = _curve_verdict(curve, order, verdict.condition)
    closed = derivation["free-energy"].rhs
    summary = "Free energy of data on a curve at signal fraction m, in data variance."
    formula = formula_of(derivation, "free-energy", closed, "curve_free_energy", summary)
    critical = {"temperature": "1", "unit": "c1**2; c2, c3, … in units of c1", "scope": "the encoder sees u only"}
    return Explanation("curve", order, (derivation,), verdict, critical, formula, None, polynomial, values, numbers)


@lru_cache(maxsize=4)
def _derived_curve(terms: int) -> Derivation:
    from .curve_derivation import derive_curve

    return derive_curve(terms)


def _curve_values(amplitudes: str | Mapping[str, Any]) -> dict[str, Fraction]:
    pairs: dict[str, Any] = {}
    if isinstance(amplitudes, str):
        for part in amplitudes.split(","):
            name, _, number = (piece.strip() for piece in part.partition("="))
            if name in pairs:
                raise InputError(f"curve amplitude {name} is given twice; give it once")
            pairs[name] = parse_number(name, number)
    else:
        pairs = {name: Fraction(value) for name, value in amplitudes.items()}
    for name in pairs:
        if name[:1] != "c" or not name[1:].isdigit() or not 1 <= int(name[1:]) <= 64:
            raise InputError(f"unknown curve amplitude {name!r}; use c1, c2, c3, … as in c1=1,c2=0.9")
    return pairs


def _curve_verdict(curve: Any, order: int, condition: Any) -> tuple[Verdict, dict[str, Any]]:
    """The family is solved exactly, so its verdict is global."""
    local = classify(curve.landau(max(order, 4)))
    jumps = curve.jumps()
    from_collapse = [jump for jump in jumps if jump.start == 0]
    evidence = [local.evidence[0], "F(m) and T(m) are closed: every branch and every exchange of the optimum is known"]
    if curve.odd_coordinates:
        evidence.append("an encoder that also sees the odd coordinates is not stationary on this branch")
    if not curve.top_is_linear:
        evidence.append("the top eigenvalue belongs to a curved coordinate: an encoder that sees it starts there")
    verdict = Verdict(
        local.kind,
        "jump" if from_collapse else "continuous",
        condition,
        tuple(evidence),
        ("u ~ N(0, 1) and the encoder sees u only, linearly, with constant width", "the decoder is free"),
    )
    numbers = {
        "threshold": float(curve.threshold),
        "spinodals": [{"m": _float(s.m), "T": _float(s.temperature)} for s in curve.spinodals()],
        "jumps": [
            {"T": _float(j.temperature), "from": _float(j.start), "to": _float(j.end), "kl_jump": _float(j.kl)}
            for j in jumps
        ],
    }
    return verdict, numbers


def _float(number: Any) -> float | None:
    return None if number is None else float(number)
