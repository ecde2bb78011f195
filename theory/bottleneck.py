"""Gaussian information bottleneck: its critical β, by the same quadratic form.

``L = I(x; z) − β I(z; y)`` for jointly Gaussian x, y and z = A x + noise. A latent along a left eigenvector of
``Σ_{x|y} Σ_x⁻¹`` with eigenvalue ℓ leaves zero continuously at ``β = 1/(1 − ℓ)`` (Chechik et al. 2005). In terms of the
signal fraction m the loss is ``½[−ln(1 − m) + β ln(1 − (1 − ℓ) m)]``: the VAE's rate, with another distortion.

Symbol table
------------
symbol     meaning                                                     unit
ell        eigenvalue of Σ_{x|y} Σ_x⁻¹, in (0, 1]                      1
g          signal-to-noise ratio of the latent, aᵀΣ_x a                1
m          signal fraction g/(1 + g)                                   1
beta       weight of the relevant information                          1
a, P, Q    encoder row; covariances Σ_x, Σ_{x|y}                       1/x, x², x²
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import sympy as sp

from .conditional import residual_covariance
from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .loss import BETA

__all__ = ["bottleneck_signal", "critical_betas", "derive_bottleneck"]

ELL, SNR, m, GAP = sp.symbols("ell g m delta", positive=True)
LOSS, RATE, RELEVANT = sp.symbols("L I_xz I_zy", real=True)


def critical_betas(
    data: Sequence[Sequence[Any]], cross: Sequence[Sequence[Any]], target: Sequence[Sequence[Any]], dps: int = 30
) -> tuple[Any, ...]:
    """Critical β of every mode, ascending; infinite for a direction of x that says nothing about y.

    Parameters
    ----------
    data, cross, target : matrices of numbers
        Σ_x (D, D), positive definite; Σ_xy (D, C); Σ_y (C, C).
    dps : int
        Digits.

    Returns
    -------
    tuple of mpmath.mpf
        1/(1 − ℓ_i).

    Raises
    ------
    InputError
        If shapes do not fit or Σ_x is not positive definite.

    Examples
    --------
    >>> critical_betas([[1, 0], [0, 1]], [[0.5], [0]], [[1]])
    (mpf('4.0'), mpf('+inf'))
    """
    residual = residual_covariance(data, cross, target)
    explained = residual_covariance(data, [[0] * len(target)] * len(data), target) - residual
    with mpmath.workdps(dps + 10):
        numbers, whole = (
            mpmath.matrix([[mpmath.mpf(str(sp.N(entry, dps + 10))) for entry in row] for row in matrix.tolist()])
            for matrix in (explained, residual + explained)
        )
        try:
            inverse = mpmath.cholesky(whole) ** -1
        except ValueError as error:
            raise InputError("data must be a positive definite covariance; drop redundant features") from error
        # 1 − ℓ are the eigenvalues of Σ_x^{-1/2}(Σ_x − Σ_{x|y})Σ_x^{-1/2}; a Cholesky factor is as good a root.
        shares = mpmath.eigsy(inverse * numbers * inverse.T, eigvals_only=True)
        tiny = mpmath.mpf(10) ** (-dps)
        betas = sorted(mpmath.inf if share < tiny else 1 / share for share in shares)
    with mpmath.workdps(dps):
        return tuple(+beta for beta in betas)


def bottleneck_signal(beta: Any, ell: Any) -> Any:
    """Signal fraction of the optimal latent, ``(β(1 − ℓ) − 1)/((β − 1)(1 − ℓ))`` above its critical β, else 0.

    Parameters
    ----------
    beta, ell : number
        β > 0; ℓ in (0, 1].

    Raises
    ------
    InputError
        If an argument is outside its range.

    Examples
    --------
    >>> bottleneck_signal(4, sp.Rational(1, 2))
    2/3
    >>> bottleneck_signal(2, sp.Rational(1, 2))
    0
    """
    b, e = sp.sympify(beta, strict=True), sp.sympify(ell, strict=True)
    if not (b > 0 and 0 < e <= 1):
        raise InputError(f"beta must be positive and ell in (0, 1], got {beta} and {ell}")
    if b * (1 - e) <= 1:
        return sp.S.Zero
    return _signal().subs({BETA: b, ELL: e})


def _signal() -> sp.Expr:
    return (BETA * (1 - ELL) - 1) / ((BETA - 1) * (1 - ELL))


def derive_bottleneck() -> Derivation:
    """Derive the critical β and the continuous transition of the Gaussian information bottleneck.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_bottleneck()["critical-beta"].rhs
    1/(1 - ell)
    """
    rate = sp.log(1 + SNR) / 2
    relevant = sp.log((1 + SNR) / (1 + ELL * SNR)) / 2
    loss = rate - BETA * relevant
    critical = 1 / (1 - ELL)
    best = (BETA * (1 - ELL) - 1) / ELL
    in_m = (-sp.log(1 - m) + BETA * sp.log(1 - (1 - ELL) * m)) / 2
    quartic = sp.diff(in_m, m, 2).subs(m, 0) / 2
    a = sp.Matrix(sp.symbols("a_1:3", real=True))
    P, Q = (
        sp.Matrix(2, 2, lambda i, j, n=name: sp.Symbol(f"{n}_{min(i, j) + 1}{max(i, j) + 1}", real=True))
        for name in "PQ"
    )
    e = sp.Symbol("e", real=True)
    strength = [(a.T * M * a)[0, 0] for M in (P, Q)]
    several = (sp.log(1 + e**2 * strength[0]) - BETA * sp.log((1 + e**2 * strength[0]) / (1 + e**2 * strength[1]))) / 2
    form = ((1 - BETA) * strength[0] + BETA * strength[1]) / 2
    return Derivation(
        "bottleneck",
        "Gaussian information bottleneck",
        ("chechik2005", "alemi2018"),
        (
            "x and y are jointly Gaussian; z = A x + unit noise, which is optimal (chechik2005).",
            "One latent; y depends on x not exactly: ℓ > 0.",
        ),
        (
            Quantity(ELL, "eigenvalue of Σ_{x|y} Σ_x⁻¹"),
            Quantity(SNR, "signal-to-noise ratio of the latent"),
            Quantity(m, "signal fraction g/(1 + g)"),
            Quantity(BETA, "weight of the relevant information"),
            Quantity(LOSS, "loss", "nats"),
            Quantity(RATE, "information on x", "nats"),
            Quantity(RELEVANT, "information on y", "nats"),
            *(Quantity(s, "encoder row", "1/x") for s in a),
            *(Quantity(s, "entry of Σ_x", "x²") for s in sorted(P.free_symbols, key=str)),
            *(Quantity(s, "entry of Σ_{x|y}", "x²") for s in sorted(Q.free_symbols, key=str)),
        ),
        (
            Step(
                "quadratic-form",
                sp.Eq(LOSS, form, evaluate=False),
                "A small row a: variance aᵀΣ_x a, of which aᵀΣ_{x|y} a is left when y is known.",
                "second-order term of L in the size of a, two dimensions, every entry symbolic",
                (sp.diff(several, e, 2).subs(e, 0) / 2 - form, sp.diff(several, e).subs(e, 0)),
            ),
            Step(
                "eigenvector",
                sp.Eq(Q * a, ELL * P * a, evaluate=False),
                "Stationary at fixed g = aᵀΣ_x a along left eigenvectors of Σ_{x|y}Σ_x⁻¹: ½g(1 − β(1 − ℓ)).",
                "gradient of the form is (1 − β)Pa + βQa; with Qa = ℓPa it is (1 − β(1 − ℓ))Pa",
                (
                    *(sp.diff(form, y) - row for y, row in zip(a, (1 - BETA) * P * a + BETA * Q * a, strict=True)),
                    (1 - BETA) * SNR / 2 + BETA * ELL * SNR / 2 - SNR * (1 - BETA * (1 - ELL)) / 2,
                ),
            ),
            Step(
                "information",
                sp.Eq(LOSS, loss, evaluate=False),
                "Along it: I(x; z) = ½ ln(1 + g); given y the signal is ℓg, so I(z; y) = ½ ln((1 + g)/(1 + ℓg)).",
                "small g gives the quadratic form; without relevance (ℓ = 1) I(z; y) = 0",
                (
                    sp.diff(loss, SNR).subs(SNR, 0) - (1 - BETA * (1 - ELL)) / 2,
                    relevant.subs(ELL, 1),
                    loss.subs(SNR, 0),
                ),
            ),
            Step(
                "critical-beta",
                sp.Eq(BETA, critical, evaluate=False),
                "The slope at g = 0 changes sign: below, the latent is empty.",
                "slope vanishes there",
                (sp.diff(loss, SNR).subs(SNR, 0).subs(BETA, critical),),
            ),
            Step(
                "branch",
                sp.Eq(SNR, best, evaluate=False),
                "The only stationary g; it leaves 0 at the critical β (α² of chechik2005 times the norm of a).",
                "slope of L vanishes; its curvature ½ℓ²/(β(β − 1)(1 − ℓ)²) is positive for β > 1",
                (
                    sp.diff(loss, SNR).subs(SNR, best),
                    best.subs(BETA, critical),
                    sp.diff(loss, SNR, 2).subs(SNR, best) - ELL**2 / (2 * BETA * (BETA - 1) * (1 - ELL) ** 2),
                ),
                ((ELL**2 / (2 * BETA * (BETA - 1) * (1 - ELL) ** 2)).subs(BETA, 1 + GAP).subs(ELL, 1 / (1 + SNR)),),
            ),
            Step(
                "signal-fraction",
                sp.Eq(m, _signal(), evaluate=False),
                "The order parameter M² = g/(1 + g): continuous, exponent 1, tending to 1 for β → ∞.",
                "from the branch; it tends to 1",
                (sp.cancel(best / (1 + best)) - _signal(), sp.limit(_signal(), BETA, sp.oo) - 1),
            ),
            Step(
                "landau",
                sp.Eq(LOSS, in_m, evaluate=False),
                "In m: coefficient of m² at the critical β is ℓ/4 > 0, so the transition is continuous for ℓ > 0; at "
                "ℓ = 0 (y a function of x) L vanishes identically there.",
                "equals L at g = m/(1 − m), by value at 0 and slope; half the second derivative; the case ℓ = 0, β = 1",
                (
                    (in_m - loss.subs(SNR, m / (1 - m))).subs(m, 0),
                    sp.diff(in_m - loss.subs(SNR, m / (1 - m)), m),
                    quartic.subs(BETA, critical) - ELL / 4,
                    in_m.subs({ELL: 0, BETA: 1}),
                ),
                (ELL / 4,),
            ),
        ),
    )
