"""Learned decoder variance: the temperature becomes self-consistent, T = β·Dist(T)/D.

The loss ``(1/2η²) Dist + (D/2) ln η² + β KL`` is lowest in η² at ``η² = Dist/D``. For the linear model Dist is reverse
water-filling, concave and piecewise linear in T, so the roots are found exactly, segment by segment. β = 1 is
probabilistic PCA (Tipping & Bishop 1999; Lucas et al. 2019, arXiv:1911.02469). Eliminating η² also lowers the quartic
part of any Landau polynomial, by the square of its quadratic part over twice the total variance.

Symbol table
------------
symbol     meaning                                                          unit
D, K       observed features, latents                                       1
lambda     eigenvalues of the covariance, V their sum                       data variance
eta2       decoder variance η²                                              data variance
Dist       squared error per point, Σ_{k≤K} min(T, λ_k) + Σ_{k>K} λ_k       data variance
n, R       number of active modes; variance of all the others               1, data variance
q, d       KL = q ε² + …, δDist = −d ε² + … along a path of states          nats, data variance
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .loss import BETA, D, T
from .normal_form import LandauPolynomial, exact

__all__ = ["LearnedTemperature", "derive_learned_variance", "learned_temperature", "with_learned_variance"]

VARIANCE = sp.Symbol("eta2", positive=True)
DIST, R, V, LAMBDA = sp.symbols("Dist R V lambda", positive=True)
KL, LOSS, QUARTIC = sp.symbols("KL L b_2", real=True)
COUNT = sp.Symbol("n", positive=True, integer=True)
EPS = sp.Symbol("epsilon", positive=True)


@dataclass(frozen=True, slots=True)
class LearnedTemperature:
    """Solutions of T = β·Dist(T)/D.

    Parameters
    ----------
    roots : tuple of sympy.Expr
        Isolated roots T > 0, exact; at most one.
    interval : tuple of two sympy.Expr, or None
        A continuum of roots (0, λ_rank], at β = D/rank and K ≥ rank.
    degenerate : bool
        Whether the loss is unbounded below as η² → 0: K ≥ rank and β < D/rank. There is no equilibrium then.
    active : int
        Modes with λ_k > T at the root; K or rank if degenerate.
    """

    roots: tuple[sp.Expr, ...]
    interval: tuple[sp.Expr, sp.Expr] | None
    degenerate: bool
    active: int


def learned_temperature(eigenvalues: Sequence[Any], latents: int, beta: Any = 1) -> LearnedTemperature:
    """Solve for the temperature that a learned decoder variance settles at.

    Parameters
    ----------
    eigenvalues : sequence of D numbers
        Eigenvalues of the covariance, in any order, zeros included; not all zero.
    latents : int
        K ≥ 1.
    beta : number
        β > 0.

    Returns
    -------
    LearnedTemperature

    Raises
    ------
    InputError
        If an argument is outside its range.

    Notes
    -----
    With the n largest eigenvalues active (n ≤ K) the equation reads ``T = β(nT + R_n)/D``, ``R_n`` the sum of the rest:
    ``T = βR_n/(D − βn)``. The root is valid if λ_{n+1} ≤ T < λ_n, or n = K and T < λ_K. Dist is concave in T, so there
    is no second isolated root.

    Examples
    --------
    >>> learned_temperature([4, 2, 1, 1], latents=2).roots  # probabilistic PCA: the mean of what is discarded
    (1,)
    >>> learned_temperature([2, 1], latents=2, beta=sp.Rational(1, 2)).degenerate
    True
    """
    values = sorted((exact(f"eigenvalues[{i}]", value) for i, value in enumerate(eigenvalues)), reverse=True)
    beta = exact("beta", beta)
    if not values or values[-1] < 0 or values[0] == 0:
        raise InputError("eigenvalues must be non-negative and not all zero; pass those of a covariance")
    if isinstance(latents, bool) or not isinstance(latents, int) or latents < 1:
        raise InputError(f"latents must be an integer of at least 1, got {latents!r}")
    if beta <= 0:
        raise InputError(f"beta must be positive, got {beta}")
    features, rank = len(values), sum(bool(value > 0) for value in values)
    most = min(latents, rank)
    if latents >= rank and beta * rank <= features:
        if beta * rank == features:
            return LearnedTemperature((), (sp.S.Zero, values[rank - 1]), False, rank)
        return LearnedTemperature((), None, True, rank)
    for n in range(most + 1):
        if beta * n >= features:
            break
        root = beta * sum(values[n:], sp.S.Zero) / (features - beta * n)
        below = n == most or values[n] <= root
        if root > 0 and below and (n == 0 or root < values[n - 1]):
            return LearnedTemperature((root,), None, False, n)
    raise AssertionError("a concave distortion with Dist(0) > 0 or slope > 1 at 0 crosses the diagonal")


def with_learned_variance(polynomial: LandauPolynomial, share: Any) -> LandauPolynomial:
    """Landau polynomial with the decoder variance eliminated, through weight 4.

    Parameters
    ----------
    polynomial : LandauPolynomial
        At fixed T.
    share : number or sympy expression
        λ_1/V, the share of the top mode in the total variance.

    Returns
    -------
    LandauPolynomial
        Of order at most 4; T is then the temperature of the collapsed state, βV/(Dλ_1).

    Raises
    ------
    InputError
        If `share` is a number outside (0, 1].

    Examples
    --------
    >>> m, T = sp.symbols("m T")
    >>> learned = with_learned_variance(LandauPolynomial.of((T - 1) * m + T * m**2 / 2, ("m",), 4), sp.Rational(1, 4))
    >>> learned.coefficient(2)
    3/8
    """
    portion = sp.sympify(share, strict=True)
    if portion.is_number and not 0 < portion <= 1:
        raise InputError(f"share must lie in (0, 1], got {share}; it is the top eigenvalue over the total variance")
    extra = {(2, 0): -portion / 2, **({(1, 2): -2 * portion, (0, 4): -2 * portion} if polynomial.two else {})}
    kept = {powers: c for powers, c in polynomial.terms.items() if 2 * powers[0] + powers[1] <= 4}
    if polynomial.order >= 4:
        kept |= {powers: sp.expand(kept.get(powers, 0) + term) for powers, term in extra.items()}
    return LandauPolynomial(polynomial.amplitudes, min(polynomial.order, 4), kept)


def derive_learned_variance() -> Derivation:
    """Derive the self-consistency, its roots, PPCA, and the effect on the Landau quartic.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_learned_variance()["root"].rhs
    R*beta/(D - beta*n)
    """
    loss = DIST / (2 * VARIANCE) + D * sp.log(VARIANCE) / 2 + BETA * KL
    slope = sp.diff(loss, VARIANCE)
    root = BETA * R / (D - BETA * COUNT)
    reduced = sp.expand_log(sp.expand(loss.subs(VARIANCE, DIST / D)))
    return Derivation(
        "learned-variance",
        "Learned decoder variance: a temperature that finds itself",
        ("tipping1999", "lucas2019", "dai2020"),
        (
            "One decoder variance η² for all D features, at its optimum for the current weights.",
            "Roots: the linear model, n modes active, the rest sum to R. Quartic: any model with a Landau polynomial.",
        ),
        (
            Quantity(D, "features"),
            Quantity(COUNT, "active modes"),
            Quantity(R, "variance of the modes that are not active", "data variance"),
            Quantity(V, "total variance", "data variance"),
            Quantity(LAMBDA, "top eigenvalue", "data variance"),
            Quantity(VARIANCE, "decoder variance η²", "data variance"),
            Quantity(DIST, "squared error", "data variance"),
            Quantity(T, "temperature", "data variance"),
            Quantity(BETA, "weight of the divergence"),
            Quantity(KL, "rate", "nats"),
            Quantity(LOSS, "loss", "nats"),
            Quantity(QUARTIC, "coefficient of M⁴ over λ at the threshold"),
            Quantity(EPS, "size of the critical amplitudes"),
            *(Quantity(s, text) for s, text in _PATH),
        ),
        (
            Step(
                "self-consistency",
                sp.Eq(T, BETA * DIST / D, evaluate=False),
                "∂L/∂η² = 0 gives η² = Dist/D, and T = βη². The loss falls before it and rises after it.",
                "slope vanishes at η² = Dist/D; 2η⁴ times the slope is Dη² − Dist",
                (slope.subs(VARIANCE, DIST / D), sp.expand(2 * VARIANCE**2 * slope - (D * VARIANCE - DIST))),
            ),
            Step(
                "reduced-loss",
                sp.Eq(LOSS, D * sp.log(DIST) / 2 + BETA * KL, evaluate=False),
                "With η² eliminated the loss is (D/2) ln Dist + β KL, up to a constant.",
                "the difference does not depend on Dist or KL",
                tuple(sp.diff(reduced - D * sp.log(DIST) / 2 - BETA * KL, y) for y in (DIST, KL)),
            ),
            Step(
                "root",
                sp.Eq(T, root, evaluate=False),
                "With n active modes Dist = nT + R: linear, one root per segment; positive for βn < D.",
                "substituted into T = β(nT + R)/D",
                (root - BETA * (COUNT * root + R) / D,),
            ),
            *_uniqueness(),
            Step(
                "ppca",
                sp.Eq(VARIANCE, R / (D - COUNT), evaluate=False),
                "β = 1: the mean of the discarded eigenvalues, the maximum-likelihood variance of probabilistic PCA.",
                "the root at β = 1",
                (root.subs(BETA, 1) - R / (D - COUNT),),
            ),
            *_landau(),
        ),
    )


_QUADRATIC, _QUARTIC_D, _QUARTIC_KL = sp.symbols("q d_4 q_4", real=True)
_PATH = (
    (_QUADRATIC, "quadratic part of KL along a path, KL = q ε² + q_4 ε⁴"),
    (_QUARTIC_D, "quartic part of the squared error, Dist = V − 2λq ε² + d_4 ε⁴"),
    (_QUARTIC_KL, "quartic part of KL"),
)


def _uniqueness() -> tuple[Step, ...]:
    edge = sp.Symbol("lambda_n", positive=True)  # the mode that is lost on heating through T = λ_n

    def excess(active: sp.Expr, rest: sp.Expr) -> sp.Expr:
        """T − β Dist/D with some modes active."""
        return T - BETA * (active * T + rest) / D

    hotter = excess(COUNT - 1, R + edge)
    return (
        Step(
            "unique",
            sp.Eq(sp.Function("h")(T), excess(COUNT, R), evaluate=False),
            "h = T − β Dist/D is convex: at each λ_n it is continuous and its slope grows by β/D, up to 1. It "
            "starts at −βΣ_{k>K}λ_k/D: if that is negative there is one root.",
            "continuity and slopes at T = λ_n; value at 0; slope with no active mode",
            (
                (excess(COUNT, R) - hotter).subs(T, edge),
                sp.diff(hotter - excess(COUNT, R), T) - BETA / D,
                excess(COUNT, R).subs(T, 0) + BETA * R / D,
                sp.diff(excess(sp.S.Zero, V), T) - 1,
            ),
            (sp.diff(hotter - excess(COUNT, R), T), -excess(COUNT, R).subs(T, 0)),
        ),
        Step(
            "jump-from-zero",
            sp.Eq(BETA, D / COUNT, evaluate=False),
            "K ≥ rank = n: for T ≤ λ_r, the smallest positive eigenvalue, T = βnT/D: only T = 0 for β < D/n, all of "
            "(0, λ_r] at β = D/n, and beyond it a root T > λ_r: T jumps from 0 to λ_r.",
            "the slope of h is 0 at β = D/n, R = 0; with n − 1 active modes and R = λ_r the root there is λ_r",
            (
                sp.diff(excess(COUNT, sp.S.Zero), T).subs(BETA, D / COUNT),
                (BETA * edge / (D - BETA * (COUNT - 1))).subs(BETA, D / COUNT) - edge,
            ),
        ),
    )


def _landau() -> tuple[Step, ...]:
    """Quartic order of (2V/D)·L along a path, against F at the temperature of the collapsed state."""
    dist = V - 2 * LAMBDA * _QUADRATIC * EPS**2 + _QUARTIC_D * EPS**4
    rate = _QUADRATIC * EPS**2 + _QUARTIC_KL * EPS**4
    scaled = V * sp.log(dist / V) + 2 * T * rate
    fixed = dist - V + 2 * T * rate
    series = sp.Add(*(sp.diff(scaled, EPS, k).subs(EPS, 0) * EPS**k / sp.factorial(k) for k in range(5)))
    change = -2 * LAMBDA**2 * _QUADRATIC**2 * EPS**4 / V
    m = sp.Symbol("m", nonnegative=True)
    return (
        Step(
            "threshold",
            sp.Eq(BETA, D * LAMBDA / V, evaluate=False),
            "At collapse T = βV/D, and the threshold is T = λ as before.",
            "T = βV/D equals λ there; quadratic part 2q(T − λ)",
            (
                (BETA * V / D).subs(BETA, D * LAMBDA / V) - LAMBDA,
                sp.diff(scaled, EPS, 2).subs(EPS, 0) / 2 - 2 * _QUADRATIC * (T - LAMBDA),
            ),
        ),
        Step(
            "quartic-lowered",
            sp.Eq(LOSS, change, evaluate=False),
            "(2V/D) times the reduced loss minus F at fixed T = βV/D: −(δDist)²/2V. In the normal form (2q = a² + 2r²; "
            "over λ): −(λ/2V)(a² + 2r²)²; cubic terms are not touched.",
            "series of V ln(Dist/V) through ε⁴; with λ q ε² = λ m/2 and F over λ it is −(λ/2V) m²",
            (
                sp.expand(series - fixed - change),
                change.subs(_QUADRATIC, m / 2 / EPS**2) / LAMBDA + LAMBDA * m**2 / (2 * V),
            ),
        ),
        Step(
            "linear-model",
            sp.Eq(QUARTIC, (1 - LAMBDA / V) / 2, evaluate=False),
            "The linear model keeps a positive quartic unless the data have rank one: continuous for D > 1. The "
            "`nonlinear-decoder` class jumps already beyond ‖κ‖² = 1 − λ/V.",
            "½ − λ/2V",
            (sp.Rational(1, 2) - LAMBDA / (2 * V) - (1 - LAMBDA / V) / 2,),
        ),
    )
