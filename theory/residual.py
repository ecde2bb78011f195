"""Stability of a partially collapsed state: the residual operator and its edge Λ*.

Beside active latents z_A with residual ``r = x − E[x|z_A]``, a collapsed latent couples through
``(R h)(z_A) = E[r h(x)|z_A]``: of a change δμ = h or δ ln σ = h the second variation is ``T‖h‖² − ‖R h‖²`` (twice that
for the width), so the state is stable iff ``T > Λ* = ‖R‖²`` over the functions h that the encoder can realise (Li,
arXiv:2610.11257). Solved here: nothing active, the linear Gaussian state, and the curve family.

Symbol table
------------
symbol    meaning                                                            unit
h, ρ      change of the posterior mean, of ln σ                              1
w         change of the decoder, a function of z_A                           data
m         signal fraction of the active latent                               1
h_n       He_n/√n!                                                           1
Λ_n       ‖R h_n‖² for the linear Gaussian state, T n m^{n−1}(1 − m)         data variance
"""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import sympy as sp

from .curve_derivation import hermite
from .curves import Curve
from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .loss import T, gaussian_expectation

__all__ = ["derive_residual_stability", "gaussian_edge", "residual_edge", "residual_matrix"]

m = sp.Symbol("m", positive=True)
LAMBDA, NEXT = sp.symbols("lambda lambda_2", positive=True)
EDGE, SECOND = sp.symbols("Lambda F_2", real=True)
n = sp.Symbol("n", positive=True, integer=True)


def gaussian_edge(eigenvalues: Any, active: int, temperature: Any) -> Any:
    """Λ* of the linear Gaussian state with its largest modes active, over all functions h of the data.

    Parameters
    ----------
    eigenvalues : sequence of numbers
        λ, descending.
    active : int
        Number of active modes; all must exceed `temperature`.
    temperature : number
        T in data variance.

    Returns
    -------
    mpmath.mpf
        ``max(λ_{K+1}, T max_{i,n} n m_i^{n−1}(1 − m_i))``; the second entry is always below T. Exact for one active
        mode; for several, products of functions of different modes may lie a little higher, still below T.

    Raises
    ------
    InputError
        If `eigenvalues` do not descend or an active mode lies at or below T.

    Examples
    --------
    >>> mpmath.nprint(gaussian_edge([1, 0.01], 1, 0.1), 8)
    0.038742049
    """
    values = [mpmath.mpf(y) for y in eigenvalues]
    T = mpmath.mpf(temperature)
    if any(a < b for a, b in itertools.pairwise(values)) or not values or values[-1] < 0:
        raise InputError("eigenvalues must be non-negative and descend; sort them")
    if not 0 <= active <= len(values) or T <= 0 or any(value <= T for value in values[:active]):
        raise InputError(f"active must count modes above temperature = {temperature}, got {active}")
    edge = values[active] if active < len(values) else mpmath.mpf(0)
    for value in values[:active]:
        signal = 1 - T / value
        # n m^(n−1) peaks at n = −1/ln m; the integers on both sides decide.
        peak = -1 / mpmath.log(signal)
        edge = max(edge, *(T * k * signal ** (k - 1) * (1 - signal) for k in {1, int(peak) or 1, int(peak) + 1}))
    return edge


def residual_matrix(curve: Curve, size: int) -> sp.Matrix:
    """Gram matrix of the residual operator of the curve family in h_1 … h_size(u), as polynomials in √m.

    Parameters
    ----------
    curve : Curve
        The active latent has signal fraction m, written q².
    size : int
        Number of functions; the top eigenvalue grows with it towards Λ*.

    Returns
    -------
    sympy.Matrix
        In the symbol ``q`` = √m; data variance.

    Raises
    ------
    InputError
        If `size` is not at least 1.

    Notes
    -----
    ``E[h_n h_j|z] = Σ_l L_njl q^l h_l(z)`` with ``L_njl = E h_n h_j h_l``, so ``E[r_n h_j|z]`` has the coefficients
    ``c_n L_njl (q^l − q^{n+j})``.

    Examples
    --------
    >>> q = sp.Symbol("q", positive=True)
    >>> sp.factor(residual_matrix(Curve((1,)), 1)[0, 0])
    (q - 1)**2*(q + 1)**2
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise InputError(f"size must be an integer of at least 1, got {size!r}")
    q = sp.Symbol("q", positive=True)

    def entry(j: int, k: int) -> sp.Expr:
        total = sp.S.Zero
        for a, variance in enumerate(curve.variances, start=1):
            for l in range(abs(a - j), a + j + 1):  # noqa: E741 — the index of the module's symbol table
                product = triple(a, j, l) * triple(a, k, l)
                total += variance * product * (q**l - q ** (a + j)) * (q**l - q ** (a + k))
        return sp.expand(total)

    upper = {(j, k): entry(j, k) for j in range(1, size + 1) for k in range(j, size + 1)}
    return sp.Matrix(size, size, lambda i, j: upper[min(i, j) + 1, max(i, j) + 1])


def residual_edge(curve: Curve, signal: Any, size: int = 12, dps: int = 30) -> Any:
    """Lower bound on Λ* of a curve at one m from `size` functions of u; it converges from below.

    Parameters
    ----------
    curve : Curve
        The active latent is on it.
    signal : number
        m in [0, 1).
    size, dps : int
        Functions, digits.

    Raises
    ------
    InputError
        If `signal` is outside [0, 1).

    Examples
    --------
    >>> mpmath.nprint(residual_edge(Curve((1,)), 0.0, 3))  # nothing active: the variance of the curve's top coordinate
    1.0
    """
    if not 0 <= signal < 1:
        raise InputError(f"signal must lie in [0, 1), got {signal}")
    matrix = residual_matrix(curve, size)
    with mpmath.workdps(dps):
        q = mpmath.sqrt(mpmath.mpf(signal))
        entries = sp.lambdify(sp.Symbol("q", positive=True), matrix.tolist(), "mpmath")(q)
        return max(mpmath.eigsy(mpmath.matrix(entries), eigvals_only=True))


def triple(a: int, b: int, c: int) -> sp.Expr:
    """``E h_a h_b h_c`` of a standard normal variable; zero unless a + b + c is even and no index exceeds the others.

    Examples
    --------
    >>> triple(1, 1, 2), triple(1, 1, 1), triple(1, 1, 4)
    (sqrt(2), 0, 0)
    """
    half, odd = divmod(a + b + c, 2)
    if odd or half < max(a, b, c):
        return sp.S.Zero
    numerator = sp.sqrt(sp.factorial(a) * sp.factorial(b) * sp.factorial(c))
    return numerator / (sp.factorial(half - a) * sp.factorial(half - b) * sp.factorial(half - c))


def derive_residual_stability() -> Derivation:
    """Derive the residual operator from the loss, and its edge where it is solvable.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_residual_stability()["gaussian-mode"].rhs
    T*m**(n - 1)*n*(1 - m)
    """
    return Derivation(
        "residual-stability",
        "When does a collapsed latent wake up beside active ones",
        ("li2026residual", "hirn2026effective"),
        (
            "The active latents are stationary and stable among themselves; the decoder is free.",
            "h runs over the functions the encoder can realise: a restricted class has a smaller edge.",
        ),
        (
            Quantity(T, "temperature", "data variance"),
            Quantity(m, "signal fraction of the active latent"),
            Quantity(n, "Hermite degree"),
            Quantity(LAMBDA, "eigenvalue of the active mode", "data variance"),
            Quantity(NEXT, "next eigenvalue", "data variance"),
            Quantity(EDGE, "edge: the state is stable iff T exceeds it", "data variance"),
            Quantity(SECOND, "second variation", "data variance"),
            *(Quantity(s, text, unit) for s, text, unit in _POINTWISE),
            *(Quantity(s, f"variance of coordinate {k}", "data variance") for k, s in enumerate(_VARIANCES, start=1)),
        ),
        (*_operator(), *_gaussian(), _curve_step()),
    )


W, H, COUPLING, RHO, NORM = sp.symbols("w h R rho N", real=True)
_POINTWISE = (
    (sp.Symbol("r", real=True), "residual of a point", "data"),
    (W, "decoder change at one z_A", "data"),
    (H, "change of the posterior mean of a point", "1"),
    (RHO, "change of ln σ of a point", "1"),
    (COUPLING, "E[r h|z_A]", "data"),
    (NORM, "E h² given z_A", "1"),
)
_VARIANCES = sp.symbols("k_1:4", positive=True)


def _operator() -> tuple[Step, ...]:
    z, e, r = sp.symbols("z e r", real=True)
    width = sp.exp(e * RHO)

    def second_order(change: sp.Expr, mean: sp.Expr, deviation: sp.Expr) -> sp.Expr:
        """ε² part of E_q (r − ε change)² for one point, deviation expanded."""
        deviation = sp.series(deviation, e, 0, 3).removeO()
        return sp.expand(sp.diff(gaussian_expectation((r - e * change) ** 2, z, mean, deviation), e, 2).subs(e, 0) / 2)

    mean_part = second_order(W * z, e * H, sp.S.One)
    width_part = second_order(W * (z**2 - 1), sp.S.Zero, width)
    third_part = second_order(W * (z**3 - 3 * z), e * H, width)
    rate_mean = sp.diff(T * (e * H) ** 2, e, 2) / 2
    rate_width = sp.diff(T * (width**2 - 2 * e * RHO), e, 2).subs(e, 0) / 2
    mean_form = W**2 - 2 * W * COUPLING + T * NORM
    width_form = 2 * W**2 - 4 * W * COUPLING + 2 * T * NORM
    return (
        Step(
            "mean-channel",
            sp.Eq(SECOND, W**2 - 2 * r * W * H + T * H**2, evaluate=False),
            "Degree 1 in the collapsed coordinate, decoder change w(z_A) z: only δμ = h couples, through r.",
            "second order of E(r − w z)² + 2T KL for one point",
            (mean_part + rate_mean - (W**2 - 2 * r * W * H + T * H**2),),
        ),
        Step(
            "width-channel",
            sp.Eq(SECOND, 2 * (W**2 - 2 * r * W * RHO + T * RHO**2), evaluate=False),
            "Degree 2, w(z_A) He_2(z): only δ ln σ = ρ couples, with twice the same form. Both soften together.",
            "second order for one point",
            (width_part + rate_width - 2 * (W**2 - 2 * r * W * RHO + T * RHO**2),),
        ),
        Step(
            "higher-degrees",
            sp.Eq(SECOND, 6 * W**2, evaluate=False),
            "Degree n ≥ 3 meets neither change to this order: n! w², strictly stable. Written for n = 3.",
            "second order for one point, with both changes",
            (third_part - 6 * W**2,),
            ((6 * W**2).subs(W, m),),
        ),
        Step(
            "residual-operator",
            sp.Eq(SECOND, T * NORM - COUPLING**2, evaluate=False),
            "Averaged at fixed z_A the best decoder change is w = E[r h|z_A] = (R h)(z_A): T‖h‖² − ‖R h‖² is left, so "
            "the state is stable iff T > Λ* = ‖R‖².",
            "slope in w vanishes; the value, for both channels",
            (
                sp.diff(mean_form, W).subs(W, COUPLING),
                mean_form.subs(W, COUPLING) - (T * NORM - COUPLING**2),
                sp.diff(width_form, W).subs(W, COUPLING),
                width_form.subs(W, COUPLING) - 2 * (T * NORM - COUPLING**2),
            ),
        ),
    )


def _gaussian() -> tuple[Step, ...]:
    z, noise = sp.symbols("z epsilon", real=True)
    u = sp.sqrt(m) * z + sp.sqrt(1 - m) * noise
    residual = sp.sqrt(LAMBDA) * sp.sqrt(1 - m) * noise
    lowered = {
        k: sp.expand(
            gaussian_expectation(residual * hermite(k, u), noise)
            - sp.sqrt(LAMBDA) * (1 - m) * sp.sqrt(k) * m ** sp.Rational(k - 1, 2) * hermite(k - 1, z)
        )
        for k in range(1, 5)
    }
    value = T * n * m ** (n - 1) * (1 - m)
    geometric = {k: sp.Add(*(m**i - m ** (k - 1) for i in range(k))) for k in (2, 3, 4)}
    low = sp.Symbol("q", positive=True)
    return (
        Step(
            "nothing-active",
            sp.Eq(EDGE, LAMBDA, evaluate=False),
            "A = ∅: R h = E[x h]; along the top eigenvector h = x/√λ is the best function, ‖R h‖² = λ_max.",
            "Cauchy–Schwarz is an equality there: E[x·x/√λ]² = λ for a unit-norm h",
            (gaussian_expectation(sp.sqrt(LAMBDA) * noise * noise, noise) ** 2 - LAMBDA,),
        ),
        Step(
            "gaussian-mode",
            sp.Eq(EDGE, value, evaluate=False),
            "Linear Gaussian state, m = 1 − T/λ: R h_n(x/√λ) = √λ(1 − m)√n m^((n−1)/2) h_(n−1)(z): orthogonal images.",
            "for n = 1 … 4; the squared norm with λ(1 − m) = T",
            (
                *lowered.values(),
                (LAMBDA * (1 - m) ** 2 * n * m ** (n - 1)).subs(LAMBDA, T / (1 - m)) - value,
            ),
        ),
        Step(
            "gaussian-safe",
            sp.Eq(EDGE, sp.Max(value, NEXT), evaluate=False),
            "n m^(n−1)(1 − m) ≤ 1 − mⁿ < 1: an active mode never wakes a second latent. The state loses stability at "
            "T = λ_2 exactly, even against free encoders, although Λ* can exceed λ_2 (several modes: "
            "1 − AB = (1 − A) + A(1 − B)).",
            "1 − mⁿ − n m^(n−1)(1 − m) = (1 − m) Σ_i (m^i − m^(n−1)), n = 2, 3, 4, each term ≥ 0 (m = 1/(1 + q))",
            tuple(1 - m**k - k * m ** (k - 1) * (1 - m) - (1 - m) * geometric[k] for k in geometric),
            tuple(sp.factor(geometric[k].subs(m, 1 / (1 + low))) for k in geometric),
        ),
    )


def _curve_step() -> Step:
    z, noise = sp.symbols("z epsilon", real=True)
    u = sp.sqrt(m) * z + sp.sqrt(1 - m) * noise
    total = sp.S.Zero
    for k, variance in enumerate(_VARIANCES, start=1):
        residual = hermite(k, u) - m ** sp.Rational(k, 2) * hermite(k, z)
        image = gaussian_expectation(residual * u, noise)
        total += variance * gaussian_expectation(image**2, z)
    state = (1 - m) * sp.Add(*(k * variance * m ** (k - 1) for k, variance in enumerate(_VARIANCES, start=1)))
    return Step(
        "curve",
        sp.Eq(EDGE, (1 - m) * state, evaluate=False),
        "Curve family, a second latent that is linear in u: Λ = (1 − m) T(m) < T. It never wakes up on the branch; one "
        "that is nonlinear in u may (`residual_edge`).",
        "E_z Σ_n E[r_n u|z]² for three coordinates",
        (sp.expand(total) - sp.expand((1 - m) * state),),
    )
