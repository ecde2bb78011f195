"""Landau theory of one linear mode: the free energy of the order parameter alone, its series and its stability.

Eliminating everything but the signal fraction leaves ``F(M²) = λ(1 − M²) − T ln(1 − M²)``: convex in M², so the
transition at T = λ is continuous with exponent 1 in M². The Hessians of both branches change sign there together, F* is
concave with slope 2 KL*, and the rate has a kink (Hirn, arXiv:2605.22691).

Symbol table
------------
symbol     meaning                                                unit
M          order parameter; M² is the signal fraction             1
A          A² is the posterior scale                              1
lambda, T  eigenvalue, temperature                                data variance
k, c_k     power and coefficient of the series in M²              1, data variance
e          eigenvalue of a Hessian in the natural coordinates     1
t          reduced temperature T/λ                                1
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from .derivation import Step
from .errors import InputError
from .kl_identity import A, M
from .linear_mode import ACTIVE, COLLAPSED, FREE, KL, LAMBDA, S, V, W, distortion, divergence
from .loss import T

__all__ = ["LandauSeries", "elimination_steps", "landau_series", "stability_steps", "thermodynamic_steps"]

REDUCED = sp.Symbol("t", positive=True)
EIGENVALUE = sp.Symbol("e", real=True)
POWER = sp.Symbol("k", positive=True, integer=True)
COEFFICIENT = sp.Symbol("c_k", real=True)
SHARE = sp.Symbol("q", positive=True)
"""1 − M², positive because a posterior has a width."""
_BELOW = {LAMBDA: T + sp.Symbol("delta", positive=True)}  # the active side of the threshold


@dataclass(frozen=True, slots=True)
class LandauSeries:
    """Expansion of the eliminated free energy in the order parameter M.

    Parameters
    ----------
    order : int
        Highest power of M that may occur; odd powers are zero by the symmetry z → −z.
    polynomial : sympy.Expr
        The terms kept.
    dropped : sympy.Expr
        The leading term that is dropped. The whole remainder lies between 0 and ``dropped/(1 − M²)``.
    """

    order: int
    polynomial: sp.Expr
    dropped: sp.Expr


def landau_series(order: int) -> LandauSeries:
    """Landau series of ``F(M²) = λ(1 − M²) − T ln(1 − M²)`` through M^order.

    Parameters
    ----------
    order : int
        At least 2.

    Returns
    -------
    LandauSeries

    Raises
    ------
    InputError
        If `order` is not an integer ≥ 2.

    Notes
    -----
    F solves ``(1 − m) F' = T − λ(1 − m)`` in ``m = M²``; equating powers gives each coefficient from the one before, so
    any order costs one multiplication per term.

    Examples
    --------
    >>> series = landau_series(6)
    >>> series.polynomial
    M**6*T/3 + M**4*T/2 + M**2*(T - lambda) + lambda
    >>> series.dropped
    M**8*T/4
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 2:
        raise InputError(f"order must be an integer of at least 2 (powers of M), got {order!r}; try 4")
    # (k+1) c_{k+1} = k c_k + [k=0] (T − λ) + [k=1] λ, from the powers of m in the differential equation.
    source = {0: T - LAMBDA, 1: LAMBDA}
    coefficients = [LAMBDA]
    for k in range(order // 2 + 1):
        coefficients.append(sp.expand((k * coefficients[k] + source.get(k, 0)) / (k + 1)))
    terms = [coefficient * M ** (2 * k) for k, coefficient in enumerate(coefficients)]
    return LandauSeries(order, sp.Add(*terms[:-1]), terms[-1])


def elimination_steps(order: int) -> tuple[Step, ...]:
    """Eliminate all but M², and expand through M^order."""
    at_signal = {V: A * M / sp.sqrt(LAMBDA), S: A**2 * (1 - M**2)}
    squared_error = distortion().subs(at_signal, simultaneous=True)
    (decoder,) = sp.solve(sp.diff(squared_error, W), W)
    lowest_error = sp.factor(squared_error.subs(W, decoder))
    rate = sp.expand_log(divergence().subs(at_signal, simultaneous=True))
    (scale,) = sp.solve(sp.diff(rate, A), A)
    free = lowest_error + 2 * T * sp.expand(rate.subs(A, scale))
    compact = LAMBDA * (1 - M**2) - T * sp.log(1 - M**2)
    m = sp.Symbol("m", positive=True)
    in_m = compact.subs(M**2, m)
    (lowest,) = sp.solve(sp.diff(in_m, m), m)
    series = landau_series(order)
    kept = series.polynomial.subs(M, sp.sqrt(m))
    terms = order // 2
    return (
        Step(
            "decoder-eliminated",
            sp.Eq(W, decoder, evaluate=False),
            "At given M² and A² (λv² = A²M², s = A²(1 − M²)) the distortion is quadratic in w; this is its minimum.",
            "substituted into ∂D/∂w; the curvature is 2A²; the distortion left is λ(1 − M²)",
            (
                sp.diff(squared_error, W).subs(W, decoder),
                sp.diff(squared_error, W, 2) - 2 * A**2,
                lowest_error - LAMBDA * (1 - M**2),
            ),
        ),
        Step(
            "scale-eliminated",
            sp.Eq(A**2, scale**2, evaluate=False),
            "What is left of A² is T(A² − 1 − ln A²), lowest at A² = 1.",
            "substituted into ∂KL/∂A; the curvature in A is positive",
            (sp.diff(rate, A).subs(A, scale), 2 * T * (rate - rate.subs(A, 1)) - T * (A**2 - 1 - 2 * sp.log(A))),
            (sp.diff(rate, A, 2).subs(M, sp.sqrt(1 - SHARE)),),
        ),
        Step(
            "eliminated-free-energy",
            sp.Eq(FREE, compact, evaluate=False),
            "The free energy of the order parameter alone: distortion λ(1 − M²), divergence −½ ln(1 − M²).",
            "the eliminations put together minus this are zero; convex in M² with curvature T/(1 − M²)²",
            (free - compact, sp.diff(in_m, m, 2) - T / (1 - m) ** 2),
            (sp.diff(in_m, m, 2).subs(m, 1 - SHARE),),
        ),
        Step(
            "order-parameter",
            sp.Eq(M**2, lowest, evaluate=False),
            "Its only stationary point: the global minimum for T < λ; for T ≥ λ the minimum sits at the edge M² = 0.",
            "zero slope there; the slope at M² = 0 is T − λ",
            (
                sp.diff(in_m, m).subs(m, lowest),
                sp.diff(in_m, m).subs(m, 0) - (T - LAMBDA),
                lowest - (LAMBDA - T) / LAMBDA,
            ),
        ),
        Step(
            "landau-series",
            sp.Eq(FREE, series.polynomial + sp.O(M ** (2 * terms + 2)), evaluate=False),
            f"Through M^{order}; dropped: {sp.sstr(series.dropped, order='none')} and higher powers.",
            "value and slope: it starts at F(0) = λ and F' minus the slope of the series is T M^(2n)/(1 − M²), n terms",
            (
                kept.subs(m, 0) - in_m.subs(m, 0),
                (1 - m) * (sp.diff(in_m, m) - sp.diff(kept, m)) - T * m**terms,
            ),
        ),
        Step(
            "landau-coefficients",
            sp.Eq(COEFFICIENT, T / POWER, evaluate=False),
            "Coefficient of M^(2k) for every k ≥ 2: all positive, hence a continuous transition.",
            "satisfies (k+1) c_(k+1) = k c_k, from (1 − m)F' = T − λ(1 − m), and starts at c_2 = T/2",
            (
                (1 - m) * sp.diff(in_m, m) - T + LAMBDA * (1 - m),
                (POWER + 1) * (T / POWER).subs(POWER, POWER + 1) - POWER * (T / POWER),
                landau_series(4).polynomial.coeff(M, 4) - (T / POWER).subs(POWER, 2),
            ),
            (T / POWER,),
        ),
    )


def thermodynamic_steps() -> tuple[Step, ...]:
    """How F* and KL* depend on T: slope, concavity, continuity, kink, and which branch is lower."""
    minima = [(distortion() + 2 * T * divergence()).subs(b, simultaneous=True) for b in (ACTIVE, COLLAPSED)]
    active, collapsed = (sp.expand_log(sp.expand(minimum)) for minimum in minima)
    rate, no_rate = (sp.expand_log(sp.expand(divergence().subs(b, simultaneous=True))) for b in (ACTIVE, COLLAPSED))
    gain = LAMBDA - T - T * sp.log(LAMBDA / T)
    return (
        Step(
            "gain",
            sp.Eq(sp.Symbol("G"), gain, evaluate=False),
            "What the active branch saves: positive for T < λ, and growing with λ, so the largest modes are kept.",
            "F(collapsed) − F(active); value and slope in λ vanish at λ = T, the slope 1 − T/λ is positive beyond",
            (
                collapsed - active - gain,
                gain.subs(LAMBDA, T),
                sp.diff(gain, LAMBDA) - (1 - T / LAMBDA),
                sp.diff(gain, LAMBDA).subs(LAMBDA, T),
            ),
            (sp.factor(sp.diff(gain, LAMBDA).subs(_BELOW)),),
        ),
        Step(
            "free-energy-slope",
            sp.Eq(sp.Derivative(FREE, T), 2 * KL, evaluate=False),
            "The envelope theorem, seen on the closed forms.",
            "dF*/dT − 2 KL* is zero on both branches",
            (sp.diff(active, T) - 2 * rate, sp.diff(collapsed, T) - 2 * no_rate),
        ),
        Step(
            "concavity",
            sp.Eq(sp.Derivative(FREE, (T, 2)), -1 / T, evaluate=False),
            "F* is strictly concave on the active branch and affine on the collapsed one.",
            "second derivatives; F* and its slope are continuous at T = λ, so F* is concave throughout",
            (
                sp.diff(active, T, 2) + 1 / T,
                sp.diff(collapsed, T, 2),
                (active - collapsed).subs(T, LAMBDA),
                sp.diff(active - collapsed, T).subs(T, LAMBDA),
            ),
        ),
        Step(
            "rate-slope-jump",
            sp.Eq(sp.Symbol("Delta"), -1 / (2 * LAMBDA), evaluate=False),
            "KL is continuous at T_k = λ, but its slope is −1/(2T_k) just below and 0 above.",
            "KL of both branches agrees at T = λ; the difference of the slopes there minus this is zero",
            (
                (rate - no_rate).subs(T, LAMBDA),
                sp.diff(rate - no_rate, T).subs(T, LAMBDA) + 1 / (2 * LAMBDA),
            ),
        ),
    )


def stability_steps(hessian: sp.Matrix) -> tuple[Step, ...]:
    """Hessians on both branches, their eigenvalues and their sign change.

    In the natural coordinates ``w/√λ``, ``v√λ``, ``√(t/2) ln s`` the eigenvalues of F/λ are closed at every T; a change
    of coordinates cannot alter their signs at a stationary point.
    """
    to_natural = sp.diag(sp.sqrt(LAMBDA), 1 / sp.sqrt(LAMBDA), S * sp.sqrt(2 * LAMBDA / T))
    raw = [hessian.subs(b, simultaneous=True) for b in (COLLAPSED, ACTIVE)]
    natural = [
        (to_natural.subs(b, simultaneous=True) * h * to_natural.subs(b, simultaneous=True) / LAMBDA).subs(
            T, REDUCED * LAMBDA
        )
        for b, h in zip((COLLAPSED, ACTIVE), raw, strict=True)
    ]
    root_collapsed, root_active = sp.sqrt((1 - REDUCED) ** 2 + 4), 2 * sp.sqrt(1 - 2 * REDUCED + 2 * REDUCED**2)
    eigenvalues = (
        (sp.Integer(2), 1 + REDUCED + root_collapsed, 1 + REDUCED - root_collapsed),
        (sp.Integer(2), 2 + root_active, 2 - root_active),
    )
    products = (4 * (REDUCED - 1), 8 * REDUCED * (1 - REDUCED))
    sums = (2 * (1 + REDUCED), sp.Integer(4))
    above, below = {REDUCED: 1 + SHARE}, {REDUCED: 1 / (1 + SHARE)}  # T > λ and T < λ
    signs = (
        (products[0].subs(above), -products[0].subs(below), sums[0]),
        (sp.factor(products[1].subs(below)), sums[1]),
    )
    words = ("stable for T > λ, a saddle with one unstable direction for T < λ", "stable wherever it exists, T < λ")
    steps: list[Step] = []
    for index, branch in enumerate(("collapsed", "active")):
        first, second, third = eigenvalues[index]
        steps += [
            Step(
                f"hessian-{branch}",
                raw[index].applyfunc(sp.expand),
                f"Second derivatives with respect to (w, v, s) on the {branch} branch.",
                "the determinant is " + ("4λT(T − λ)", "8λ²(λ − T)")[index],
                (raw[index].det() - (4 * LAMBDA * T * (T - LAMBDA), 8 * LAMBDA**2 * (LAMBDA - T))[index],),
            ),
            Step(
                f"eigenvalues-{branch}",
                sp.Eq(sp.Symbol("E"), sp.Matrix([first, second, third]), evaluate=False),
                f"Eigenvalues of F/λ in (w/√λ, v√λ, √(t/2) ln s), t = T/λ: {words[index]}.",
                "their characteristic polynomial is the Hessian's; product and sum of the last two show their signs",
                (
                    (EIGENVALUE * sp.eye(3) - natural[index]).det()
                    - (EIGENVALUE - first) * (EIGENVALUE - second) * (EIGENVALUE - third),
                    second * third - products[index],
                    second + third - sums[index],
                    third.subs(REDUCED, 1),
                ),
                signs[index],
            ),
        ]
    slopes = [sp.diff(last, REDUCED).subs(REDUCED, 1) for *_, last in eigenvalues]
    steps.append(
        Step(
            "soft-mode",
            sp.Eq(sp.Symbol("r"), -slopes[1] / slopes[0], evaluate=False),
            "The smallest eigenvalue grows linearly off the threshold, twice as fast below as above: slowing down.",
            "slopes at t = 1 are 1 above and −2 below",
            (slopes[0] - 1, slopes[1] + 2),
        )
    )
    return tuple(steps)
