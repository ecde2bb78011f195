"""Classify a Landau polynomial at its threshold: continuous, tricritical or a jump, and what follows from that.

The sign of the polynomial near the origin at T = 1 decides. A state of negative F at T = 1 keeps F < 0 for T slightly
above, so a local jump proves T* > λ and with it a global jump; local continuity proves nothing, because a distant
state can pre-empt the threshold. That needs the sandwich λ ≤ T* ≤ σ²_sG (`theory.sandwich`) or exact equilibria.

Symbol table
------------
Those of `theory.normal_form`, and
b_k      coefficient of m^k at T = 1
p_ij     coefficient of a^i r^j at T = 1 (digits i, j)
q_ij     the same for the quartic form
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .errors import InputError
from .normal_form import SIGNAL, WIDTH, LandauPolynomial, sign

__all__ = ["Verdict", "classify", "critical_exponents", "jump_condition", "tricritical_manifold"]

_ZERO = sp.S.Zero


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens at full collapse.

    Parameters
    ----------
    kind : str
        Local character at the threshold: ``continuous``, ``tricritical``, ``jump``; ``conditional`` if the cumulants
        are symbols and do not cancel: then `condition` says when it jumps.
    globally : str
        ``continuous``, ``jump`` or ``undecided``.
    condition : sympy boolean
        Where in cumulant space the transition is a local jump.
    evidence, assumptions : tuple of str
        What was found and what was taken for granted.
    """

    kind: str
    globally: str
    condition: Any
    evidence: tuple[str, ...]
    assumptions: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as a strictly JSON-able dict."""
        return {
            "kind": self.kind,
            "global": self.globally,
            "condition": sp.sstr(self.condition),
            "evidence": list(self.evidence),
            "assumptions": list(self.assumptions),
        }


SMOOTHNESS = (
    "F is smooth enough near the collapsed state for its expansion through the order given",
    "the top eigenvalue of the covariance is simple and one latent is considered",
    "the data have all moments that occur",
)


def classify(
    polynomial: LandauPolynomial,
    values: Mapping[str, Any] | None = None,
    *,
    strictly_sub_gaussian: bool = False,
) -> Verdict:
    """Classify the transition at T = 1.

    Parameters
    ----------
    polynomial : LandauPolynomial
        With symbols or numbers for the cumulants.
    values : mapping of str to number, optional
        Cumulants to insert; the condition stays symbolic.
    strictly_sub_gaussian : bool
        Declares that the optimal sub-Gaussian variance proxy of the data equals the top eigenvalue, and that the
        support is infinite with an accumulation point or the bound is strict off the origin. Then T* = λ and the
        rate vanishes continuously there.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        If the declaration contradicts a local jump.

    Examples
    --------
    >>> m, T, kappa3 = sp.symbols("m T kappa3")
    >>> F = LandauPolynomial.of((T - 1) * m + (T - kappa3**2) * m**2 / 2, ("m",), order=4)
    >>> classify(F, {"kappa3": 2}).to_json()["condition"], classify(F, {"kappa3": 2}).globally
    ('kappa3**2 > 1', 'jump')
    >>> classify(F, {"kappa3": 0}).kind, classify(F, {"kappa3": 0}).globally
    ('continuous', 'undecided')
    """
    condition = jump_condition(polynomial)
    numeric = polynomial.at(values or {})
    if unknown := _undetermined(numeric):
        kind, evidence = "conditional", [f"the local character depends on {', '.join(map(str, unknown))}"]
    else:
        kind, evidence = (_two_amplitudes if polynomial.two else _one_amplitude)(numeric)
    assumptions = list(SMOOTHNESS)
    globally = "undecided"
    if kind == "jump":
        if strictly_sub_gaussian:
            raise InputError(
                "strictly_sub_gaussian contradicts the cumulants: a local jump proves T* > λ, strict sub-Gaussianity "
                "T* = λ; correct one of the two"
            )
        globally = "jump"
        evidence.append("a state with F < F(0) at the threshold keeps it for T slightly above, so T* > λ")
    elif strictly_sub_gaussian:
        globally = "continuous"
        evidence.append("λ ≤ T* ≤ σ²_sG = λ: no state beats full collapse above λ, and the rate starts from 0 below it")
        assumptions.append("the data are strictly sub-Gaussian (declared)")
    else:
        evidence.append("cumulants do not exclude a distant state that pre-empts the threshold")
    return Verdict(kind, globally, condition, tuple(evidence), tuple(assumptions))


def jump_condition(polynomial: LandauPolynomial) -> Any:
    """Where in cumulant space the leading terms make the transition a local jump.

    One amplitude: b_2 < 0. Two: a cubic form that is not zero, or a quartic form that is negative somewhere on
    m ≥ 0. On the boundary, the tricritical manifold, higher orders decide (`classify` uses them).

    Returns
    -------
    sympy boolean
        ``true``, ``false``, or relations in the cumulants.

    Examples
    --------
    >>> a, r, T, k3, k4 = sp.symbols("a r T kappa3 kappa4")
    >>> F = (T - 1) * (a**2 + 2 * r**2) - k3 * r * (2 * a**2 + sp.Rational(8, 3) * r**2)
    >>> F = F + a**4 / 2 + (8 - 4 * k4) * (a**2 * r**2 + r**4)
    >>> jump_condition(LandauPolynomial.of(F, ("a", "r"), 4))
    (kappa4 > 2) | Ne(kappa3, 0)
    """
    if not polynomial.two:
        return _tidy(_below_zero(polynomial.coefficient(2)))
    cubic, vanishing = _cubic_zero(polynomial)
    if cubic is sp.true:
        return cubic
    q40, q22, q04 = (polynomial.coefficient(i, 4 - 2 * i).subs(vanishing) for i in (2, 1, 0))
    negative = sp.Or(_below_zero(q40), _below_zero(q04), sp.And(_below_zero(q22), _below_zero(4 * q40 * q04 - q22**2)))
    # Where the cubic form vanishes only on a curve that has no simple solution, the quartic is left as it is.
    return sp.Or(cubic, _tidy(negative))


def tricritical_manifold(polynomial: LandauPolynomial) -> Any:
    """Where in cumulant space the local character changes: the boundary of the jump.

    Examples
    --------
    >>> m, T, kappa3 = sp.symbols("m T kappa3", real=True)
    >>> tricritical_manifold(LandauPolynomial.of((T - 1) * m + (T - kappa3**2) * m**2 / 2, ("m",), 4))
    Eq(kappa3**2 - 1, 0)
    """
    if not polynomial.two:
        return _primitive_equation(polynomial.coefficient(2))
    cubic, vanishing = _cubic_zero(polynomial)
    if cubic is sp.true:
        return sp.false
    q40, q22, q04 = (polynomial.coefficient(i, 4 - 2 * i).subs(vanishing) for i in (2, 1, 0))
    edges = (
        sp.And(_primitive_equation(q40), q22 >= 0, q04 >= 0),
        sp.And(_primitive_equation(q04), q22 >= 0, q40 >= 0),
        sp.And(_primitive_equation(4 * q40 * q04 - q22**2), q22 < 0, q40 > 0, q04 > 0),
    )
    return sp.And(sp.Not(cubic), _tidy(sp.Or(*edges)))


def critical_exponents(polynomial: LandauPolynomial, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Exponents and amplitudes of the local branch below a threshold that is not a jump.

    Parameters
    ----------
    polynomial, values
        As for `classify`; no symbol may be left.

    Returns
    -------
    dict
        ``signal`` and ``amplitude`` (exponents of M² and M in 1 − T), ``heat`` (α in F* ~ (1 − T)^(2−α)), ``kl``
        (exponent of the rate) and, if that is 1, ``kl_slope`` = −dKL/dT just below in nats (T over the threshold).

    Raises
    ------
    InputError
        If a symbol is left, the transition is a jump, or the order does not reach the deciding coefficient.

    Examples
    --------
    >>> m, T = sp.symbols("m T")
    >>> critical_exponents(LandauPolynomial.of((T - 1) * m + m**2 / 2, ("m",), 4))
    {'signal': 1, 'amplitude': 1/2, 'heat': 0, 'kl': 1, 'kl_slope': 1/2}
    """
    numeric = polynomial.at(values or {})
    if unknown := _undetermined(numeric):
        raise InputError(f"values must give {', '.join(map(str, unknown))}; add them to values")
    kind, evidence = (_two_amplitudes if polynomial.two else _one_amplitude)(numeric)
    if kind == "jump":
        raise InputError("a jump at the threshold has no critical exponents; use theory.truncated.coexistence")
    if polynomial.two:
        if kind != "continuous":
            raise InputError(f"exponents on the tricritical manifold of two amplitudes are not unique: {evidence[0]}")
        # Along a ray of weight q = m + 2r²: F* = −(1 − T)² max q²/4Q, so −dKL/dT = max q²/(4Q)·… = ½ dF*/dT.
        ratio = sp.Symbol("x", nonnegative=True)  # m/r²
        quartic = numeric.form(4).subs({SIGNAL: ratio, WIDTH: 1})
        gain = (ratio + 2) ** 2 / (4 * quartic)
        slope = sp.numer(sp.together(sp.diff(gain, ratio)))
        inner = list(sp.real_roots(sp.Poly(slope, ratio))) if slope.has(ratio) else []
        gains = [sp.limit(gain, ratio, sp.oo), *(sp.simplify(gain.subs(ratio, x)) for x in (0, *inner) if x >= 0)]
        return _exponents(2, max(gains))
    degree = next((k for k in range(2, numeric.order // 2 + 1) if sign(numeric.coefficient(k))), None)
    if degree is None:
        raise InputError(f"all coefficients through order {numeric.order} vanish; raise order")
    return _exponents(degree, 1 / (4 * numeric.coefficient(degree)) if degree == 2 else None)


def _exponents(degree: int, slope: sp.Expr | None) -> dict[str, Any]:
    signal = sp.Rational(1, degree - 1)  # t + k b_k m^(k−1) = 0
    found: dict[str, Any] = {"signal": signal, "amplitude": signal / 2, "heat": 1 - signal, "kl": signal}
    return {**found, "kl_slope": slope} if slope is not None else found


def _one_amplitude(polynomial: LandauPolynomial) -> tuple[str, list[str]]:
    """First coefficient that does not vanish at T = 1."""
    for k in range(2, polynomial.order // 2 + 1):
        b = polynomial.coefficient(k)
        side = sign(b)
        if side:
            kind = "jump" if side < 0 else "continuous" if k == 2 else "tricritical"
            return kind, [f"at T = 1 the first coefficient that does not vanish is {sp.sstr(b)} of m**{k}"]
    if polynomial.order < 4:
        raise InputError(f"order {polynomial.order} has no term that decides; raise order to 4")
    return "tricritical", [f"all coefficients through order {polynomial.order} vanish at T = 1; the next is not known"]


def _two_amplitudes(polynomial: LandauPolynomial) -> tuple[str, list[str]]:
    """Sign of the cubic form, else of the quartic form, else of what higher orders leave on its null ray."""
    p = polynomial.coefficient
    # A symbol that is left here stands beside a coefficient that is a number and not zero: `_undetermined`.
    if any(not c.is_number or sign(c) for c in (p(1, 1), p(0, 3))):
        return "jump", [f"the cubic form {sp.sstr(polynomial.form(3))} is odd in r, so negative somewhere"]
    if polynomial.order < 4:
        raise InputError(f"the cubic form vanishes and order {polynomial.order} has no quartic; raise order to 4")
    q40, q22, q04 = p(2, 0), p(1, 2), p(0, 4)
    found = f"the quartic form is {sp.sstr(polynomial.form(4))}"
    edge = sign(4 * q40 * q04 - q22**2)
    if sign(q40) < 0 or sign(q04) < 0 or (sign(q22) < 0 and edge < 0):
        return "jump", [f"{found}: negative somewhere"]
    if sign(q40) > 0 and sign(q04) > 0 and (sign(q22) >= 0 or edge > 0):
        return "continuous", [f"{found}: positive off the origin"]
    signs = [_beyond_quartic(polynomial, ray) for ray in _null_rays(q40, q22, q04)]
    if any(s is not None and s < 0 for s in signs):
        return "jump", [f"{found}: not negative, but higher orders are, along a ray where it vanishes"]
    if all(s is not None and s > 0 for s in signs):
        return "tricritical", [f"{found}: not negative; higher orders are positive where it vanishes"]
    return "tricritical", [f"{found}: not negative; order {polynomial.order} does not decide where it vanishes"]


def _null_rays(q40: sp.Expr, q22: sp.Expr, q04: sp.Expr) -> list[str]:
    rays = [name for name, q in (("mean", q40), ("width", q04)) if sign(q) == 0]
    return rays or ["mixed"]


def _beyond_quartic(polynomial: LandauPolynomial, ray: str) -> int | None:
    """Sign of F at T = 1 near a ray on which a nonnegative quartic form vanishes; ``None`` if the order is too low.

    Along the ray the quintic form is odd in r: if it does not vanish there it is negative on one side. If it does,
    the sextic form decides after the transversal amplitude has followed the slope of the quintic one.
    """
    p = polynomial.coefficient
    q40, q22, q04 = p(2, 0), p(1, 2), p(0, 4)
    if polynomial.order < 5:
        return None
    if ray == "mean":  # r ≪ a: q22 a²r² + q04 r⁴ + p41 a⁴r + p60 a⁶
        if sign(p(2, 1)) == 0:
            return sign(p(3, 0)) or None if polynomial.order >= 6 else None
        if sign(q22) == 0:
            return -1  # r ~ −a^(4/3): the term linear in r wins
        return sign(p(3, 0) - p(2, 1) ** 2 / (4 * q22)) or None if polynomial.order >= 6 else None
    if ray == "width":  # m ≪ r²: q40 m² + q22 m r² + p23 m r³ + p05 r⁵ + p06 r⁶ with m ≥ 0
        if sign(p(0, 5)):
            return -1
        if polynomial.order < 6:
            return None
        pull = _ZERO
        if sign(q22) == 0:  # m ~ r³ on the side of r where p23 r < 0
            if sign(q40) == 0:
                return -1 if sign(p(1, 3)) else None
            pull = p(1, 3) ** 2 / (4 * q40)
        return sign(p(0, 6) - pull) or None
    ratio = sp.sqrt(q04 / q40)  # m = ratio·r²: q40 (m − ratio r²)² + quintic + sextic
    x = sp.Symbol("x", positive=True)
    quintic = polynomial.form(5).subs({SIGNAL: x, WIDTH: 1})
    if sign(quintic.subs(x, ratio)):
        return -1
    if polynomial.order < 6:
        return None
    sextic = polynomial.form(6).subs({SIGNAL: x, WIDTH: 1}).subs(x, ratio)
    return sign(sextic - sp.diff(quintic, x).subs(x, ratio) ** 2 / (4 * q40)) or None


def _undetermined(polynomial: LandauPolynomial) -> tuple[sp.Symbol, ...]:
    """Symbols on which the local character still depends."""
    at_threshold = {s for p in polynomial.terms for s in polynomial.coefficient(*p).free_symbols}
    if not at_threshold:
        return ()
    leading = jump_condition(polynomial)
    if leading is sp.true:
        return ()
    if leading is sp.false and tricritical_manifold(polynomial) is sp.false:
        return ()
    return tuple(sorted(at_threshold, key=str))


def _cubic_zero(polynomial: LandauPolynomial) -> tuple[Any, dict[sp.Symbol, sp.Expr]]:
    """Where the cubic form does not vanish, and a substitution that makes it vanish if one symbol does it."""
    cubic = [c for c in (polynomial.coefficient(1, 1), polynomial.coefficient(0, 3)) if sp.expand(c) != 0]
    if not cubic:
        return sp.false, {}
    if any(c.is_number for c in cubic):
        return sp.true, {}
    common = sp.gcd_list(cubic)
    if not all(sp.cancel(c / common).is_number for c in cubic):
        return sp.Or(*(sp.Ne(c, 0) for c in cubic)), {}
    for symbol in sorted(common.free_symbols, key=str):
        if sp.degree(common, symbol) == 1 and sp.Poly(common, symbol).LC().is_number:
            (root,) = sp.solve(common, symbol)
            return sp.Ne(symbol, root), {symbol: root}
    return sp.Ne(common, 0), {}


def _below_zero(expression: sp.Expr) -> Any:
    """``expression < 0`` with integer coefficients and the constant on the right."""
    numerator, denominator = sp.fraction(sp.together(expression))
    # Softer modes enter through 1/(1 − λ2): the sign of a quotient is that of the product.
    expression = sp.expand(numerator * denominator if denominator.free_symbols else expression)
    if expression.is_number:
        return sp.true if sign(expression) < 0 else sp.false
    _, primitive = sp.Poly(-expression, *sorted(expression.free_symbols, key=str)).clear_denoms()[1].primitive()
    whole = primitive.as_expr()
    constant, rest = whole.as_coeff_Add()
    return sp.Gt(rest, -constant)


def _primitive_equation(expression: sp.Expr) -> Any:
    numerator, denominator = sp.fraction(sp.together(expression))
    expression = sp.expand(numerator if denominator.free_symbols else expression)
    if expression.is_number:
        return sp.true if sign(expression) == 0 else sp.false
    primitive = sp.Poly(expression, *sorted(expression.free_symbols, key=str)).clear_denoms()[1].primitive()[1]
    return sp.Eq(primitive.as_expr() if primitive.LC() > 0 else -primitive.as_expr(), 0)


def _tidy(condition: Any) -> Any:
    """Write a condition on one symbol as the set it describes."""
    free = condition.free_symbols
    if len(free) != 1 or isinstance(condition, sp.core.relational.Relational):
        return condition
    (symbol,) = free
    real = sp.Dummy(str(symbol), real=True)
    tidied = condition.subs(symbol, real).as_set().as_relational(real).subs(real, symbol)
    return tidied.replace(lambda e: isinstance(e, sp.core.relational.Relational), lambda e: e.canonical)
