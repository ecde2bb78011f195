"""Relaxation rates of gradient flow near a threshold: critical slowing down of the shallow linear VAE.

``ẏ = −P ∇F`` with any positive diagonal metric P covers learning rates per parameter and reparametrisations such as
s → ln s (to first order at a stationary point). The slow rate vanishes linearly at T = λ on both sides; its prefactor
depends on P, the ratio 2 of the rates below and above does not (compare Ichikawa & Hukushima 2024, arXiv:2310.15440).
A second latent that could share the mode has a soft direction of its own below the threshold.

Symbol table
------------
symbol            meaning                                                   unit
w, v, s           decoder weight, encoder weight, posterior variance        data, 1/data, 1
lambda, T         eigenvalue, temperature                                   data variance
P_w, P_v, P_s     metric: learning rates of the three parameters            data²/…, chosen by the user
rate              decay rate of the slowest direction, 1/time               P·F
delta             |T − λ|                                                   data variance
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from .decoupling import matrix_free_energy
from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .linear_mode import ACTIVE, COLLAPSED, LAMBDA, S, V, W, mode_free_energy
from .loss import T

__all__ = ["derive_relaxation_rates", "slow_rate"]

P_W, P_V, P_S, DELTA, TIME = sp.symbols("P_w P_v P_s delta tau", positive=True)
RATE = sp.Symbol("rate", positive=True)
_METRIC = sp.diag(P_W, P_V, P_S)


def slow_rate(eigenvalue: Any, temperature: Any, metric: tuple[Any, Any, Any] = (1, 1, 1)) -> sp.Expr:
    """Leading slow rate of gradient flow of F near the threshold, ``c |T − λ|`` above and ``2c |T − λ|`` below.

    Parameters
    ----------
    eigenvalue, temperature : number
        λ > 0 and T > 0, data variance.
    metric : tuple of three numbers
        Learning rates of w, v and s, positive.

    Returns
    -------
    sympy.Expr
        Rate in inverse time; relative error O(|T − λ|/λ).

    Raises
    ------
    InputError
        If an argument is not positive.

    Examples
    --------
    >>> slow_rate(1, sp.Rational(11, 10)), slow_rate(1, sp.Rational(9, 10))
    (1/10, 1/5)
    """
    numbers = [sp.sympify(y, strict=True) for y in (eigenvalue, temperature, *metric)]
    if len(numbers) != 5 or any(y.is_positive is not True for y in numbers):
        raise InputError("eigenvalue, temperature and the three entries of metric must be positive numbers")
    lam, temp, *rates = numbers
    prefactor = _prefactor().subs(dict(zip((LAMBDA, P_W, P_V, P_S), (lam, *rates), strict=True)))
    return prefactor * (temp - lam if temp >= lam else 2 * (lam - temp))


def _prefactor() -> sp.Expr:
    """c in rate = c |T − λ| above the threshold; P_s drops out, as the width is fast."""
    return 2 * LAMBDA * P_W * P_V / (P_W + LAMBDA**2 * P_V)


def _hessians() -> tuple[sp.Matrix, sp.Matrix]:
    hessian = sp.hessian(mode_free_energy(), (W, V, S))
    above, below = (hessian.subs(branch, simultaneous=True).applyfunc(sp.expand) for branch in (COLLAPSED, ACTIVE))
    return above, below


def _second_invariant(matrix: sp.Matrix) -> sp.Expr:
    """Sum of the principal 2 × 2 minors: the product of the two fast rates where the third is zero."""
    return sp.Add(*(matrix.minor(i, i) for i in range(3)))


def derive_relaxation_rates() -> Derivation:
    """Derive the slow rates on both sides of the threshold for any metric.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_relaxation_rates()["ratio"].rhs
    2
    """
    above, below = ((_METRIC * h).applyfunc(sp.expand) for h in _hessians())
    e = sp.Symbol("e", real=True)
    at_threshold = [_second_invariant(matrix).subs(T, LAMBDA) for matrix in (above, below)]
    slopes = (sp.diff(above.det(), T).subs(T, LAMBDA), -sp.diff(below.det(), T).subs(T, LAMBDA))
    rates = [sp.cancel(slope / fast) for slope, fast in zip(slopes, at_threshold, strict=True)]
    prefactor = _prefactor()
    null = sp.Matrix([LAMBDA * P_W, P_W, 0]) / P_W  # (w, v, s) along which w = λ v
    x = sp.Symbol("x", positive=True)
    return Derivation(
        "relaxation-rates",
        "Critical slowing down of the shallow linear VAE",
        ("ichikawa2024", "wang2022", "hirn2026pruning"),
        (
            "Gradient flow ẏ = −P∇F with a positive diagonal metric P; the full expected loss, no momentum.",
            "Rates to leading order in |T − λ|; one latent on its mode, then a second latent on the same mode.",
        ),
        (
            Quantity(LAMBDA, "eigenvalue", "data variance"),
            Quantity(T, "temperature", "data variance"),
            Quantity(W, "decoder weight", "data"),
            Quantity(V, "encoder weight", "1/data"),
            Quantity(S, "posterior variance"),
            Quantity(P_W, "learning rate of w"),
            Quantity(P_V, "learning rate of v"),
            Quantity(P_S, "learning rate of s"),
            Quantity(DELTA, "|T − λ|", "data variance"),
            Quantity(RATE, "slow rate", "1/time"),
            Quantity(TIME, "training time"),
            Quantity(x, "amplitude along the soft direction"),
        ),
        (
            Step(
                "marginal-direction",
                null,
                "At T = λ the Hessian has one null vector, w = λv: decoder and encoder grow together.",
                "the Hessian at the threshold annihilates it; both branches are one point there",
                (
                    *(_hessians()[0].subs(T, LAMBDA) * null),
                    *(_hessians()[1] - _hessians()[0]).subs(T, LAMBDA),
                ),
            ),
            Step(
                "rate-above",
                sp.Eq(RATE, prefactor * DELTA, evaluate=False),
                "The slow rate is det(PH) over the product of the two fast rates: it vanishes linearly.",
                "d det/dT at T = λ over the sum of the principal minors there",
                (rates[0] - prefactor, above.det().subs(T, LAMBDA)),
            ),
            Step(
                "rate-below",
                sp.Eq(RATE, 2 * prefactor * DELTA, evaluate=False),
                "On the active branch: twice as fast at the same distance.",
                "the same quotient with the active Hessian",
                (rates[1] - 2 * prefactor, below.det().subs(T, LAMBDA)),
            ),
            Step(
                "ratio",
                sp.Eq(sp.Function("ratio")(RATE), sp.Integer(2), evaluate=False),
                "The ratio does not depend on the metric; the fast rates are the same on both sides.",
                "quotient of the two rates; equal minors",
                (sp.cancel(rates[1] / rates[0]) - 2, at_threshold[0] - at_threshold[1]),
            ),
            Step(
                "reparametrisation",
                sp.Eq(sp.Function("g")(P_S), P_S * S**2, evaluate=False),
                "Flow in y = ln s is flow in s with the metric P_s s²: the width stays fast and the rate is untouched.",
                "ṡ = s ẏ = −P s ∂F/∂y = −P s² ∂F/∂s; the rates do not hold P_s",
                (
                    S * sp.diff(mode_free_energy().subs(S, sp.exp(e)), e).subs(e, sp.log(S))
                    - S**2 * sp.diff(mode_free_energy(), S),
                    sp.diff(rates[0], P_S),
                    sp.diff(rates[1], P_S),
                ),
            ),
            Step(
                "normal-form",
                sp.Eq(sp.Derivative(x, TIME), -RATE * x, evaluate=False),
                "Why 2: along the soft direction F is ½c(T − λ)x² + ¼kx⁴, with curvature c(T − λ) at x = 0 and "
                "2c(λ − T) at x² = c(λ − T)/k. At T = λ itself x decays as 1/√(2kτ).",
                "curvatures; the algebraic decay solves ẋ = −kx³",
                _normal_form_residuals(),
            ),
            Step(
                "rounding",
                sp.Eq(DELTA, 1 / (prefactor * TIME), evaluate=False),
                "After a training time τ the threshold is resolved to the distance where rate × τ = 1.",
                "rate × τ = 1 there",
                ((prefactor * DELTA * TIME).subs(DELTA, 1 / (prefactor * TIME)) - 1,),
            ),
            _sharing_step(prefactor),
        ),
    )


def _normal_form_residuals() -> tuple[sp.Expr, ...]:
    c, k, x, t = sp.symbols("c k x t", positive=True)
    above = c * DELTA * x**2 / 2 + k * x**4 / 4
    below = -c * DELTA * x**2 / 2 + k * x**4 / 4
    minimum = sp.sqrt(c * DELTA / k)
    decay = 1 / sp.sqrt(2 * k * t)
    return (
        sp.diff(below, x).subs(x, minimum),
        sp.diff(below, x, 2).subs(x, minimum) - 2 * sp.diff(above, x, 2).subs(x, 0),
        sp.diff(decay, t) + k * decay**3,
    )


def _sharing_step(prefactor: sp.Expr) -> Step:
    """A collapsed second latent beside an active one: the directions in which it would take part of the mode."""
    lam2 = sp.Symbol("lambda_2", positive=True)
    w, v = sp.symbols("w_11 w_12 w_21 w_22", real=True), sp.symbols("v_11 v_12 v_21 v_22", real=True)
    s = sp.symbols("s_1 s_2", positive=True)
    full = matrix_free_energy(sp.diag(LAMBDA, lam2), sp.Matrix(2, 2, w), sp.Matrix(2, 2, v), sp.diag(*s))
    state = dict.fromkeys((*w, *v), sp.S.Zero) | {s[0]: ACTIVE[S], s[1]: sp.S.One, w[0]: ACTIVE[W], v[0]: ACTIVE[V]}
    # w_12: mode 1 from latent 2; v_21: latent 2 from mode 1.
    pair, rest = (w[1], v[2]), (w[0], w[2], w[3], v[0], v[1], v[3], *s)
    hessian = sp.hessian(full, (*pair, *rest)).subs(state, simultaneous=True).applyfunc(sp.expand)
    block = hessian[:2, :2]
    metric = sp.diag(P_W, P_V)
    slope = -sp.diff((metric * block).det(), T).subs(T, LAMBDA)
    return Step(
        "sharing",
        sp.Eq(RATE, prefactor * DELTA, evaluate=False),
        "Below the threshold a superfluous latent on the same mode relaxes at the rate of the collapsed side.",
        "its 2 × 2 block of the Hessian decouples, has determinant 4T(λ − T), and gives this slope",
        (
            *hessian[:2, 2:],
            block.det() - 4 * T * (LAMBDA - T),
            sp.cancel(slope / (metric * block).trace().subs(T, LAMBDA)) - prefactor,
        ),
    )
