"""The exact sandwich λ_max ≤ T* ≤ σ²_sG for the temperature above which full collapse is the global minimum.

Lower part: the linear branch beats collapse for T < λ_max. Upper part: a latent's rate is at least the information
between data and reconstruction, and information is at least what the Donsker–Varadhan bound makes of it; if
``E e^{x·y/T} ≤ e^{‖y‖²/2T}`` for every y, then D + 2T·KL ≥ V for every encoder, decoder, depth and number of latents
(the Kuhn–Tucker condition for zero rate; Cover & Thomas 2006). The smallest such T is the optimal sub-Gaussian variance
proxy. Strictly sub-Gaussian data, σ²_sG = λ_max, cannot jump at full collapse.

Symbol table
------------
symbol      meaning                                                       unit
x, y        centred data; reconstruction                                  data
V, D        total variance, distortion E‖x − y‖²                          data variance
I           mutual information of x and y                                 nats
sigma2_sG   sup_t 2 ln E e^{t·x}/‖t‖²                                     data variance
p, L        probability of a bit; ln((1 − p)/p)                           1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import sympy as sp

from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .linear_mode import COLLAPSED, LAMBDA, S, V, W, mode_free_energy
from .loss import T
from .normal_form import exact

__all__ = ["bernoulli_proxy", "derive_sandwich", "variance_proxy"]

p, TILT, y_, u = sp.symbols("p t y u", positive=True)
x, y, INFO, FREE = sp.symbols("x y I F", real=True)
TOTAL, DISTORTION, PROXY, STAR = sp.symbols("V D sigma2_sG T_*", positive=True)
ODDS = sp.Symbol("L", positive=True)
SLACK = sp.Symbol("s", nonnegative=True)


def bernoulli_proxy(probability: Any) -> sp.Expr:
    """σ²_sG of a centred bit: ``(1 − 2p)/(2 ln((1 − p)/p))``, and ¼ at p = ½.

    Parameters
    ----------
    probability : number
        p in (0, 1).

    Returns
    -------
    sympy.Expr
        Exact. The variance is p(1 − p), so the window of the sandwich is open for p ≠ ½.

    Raises
    ------
    InputError
        If p is not in (0, 1).

    Examples
    --------
    >>> bernoulli_proxy(sp.Rational(1, 4))
    1/(4*log(3))
    >>> bernoulli_proxy(sp.Rational(1, 2))
    1/4
    """
    chance = exact("probability", probability)
    if not 0 < chance < 1:
        raise InputError(f"probability must lie in (0, 1), got {probability}; a constant has no variance")
    if chance == sp.Rational(1, 2):
        return sp.Rational(1, 4)
    return (1 - 2 * chance) / (2 * sp.log((1 - chance) / chance))


def variance_proxy(points: Sequence[Any], weights: Sequence[Any] | None = None, dps: int = 30) -> tuple[Any, Any]:
    """Optimal sub-Gaussian variance proxy of a finite point set on a line, and the t where it is attained.

    Parameters
    ----------
    points : sequence of numbers
        Centred here.
    weights : sequence of numbers, optional
        Positive, normalised here; equal by default.
    dps : int
        Digits.

    Returns
    -------
    proxy, t : mpmath.mpf
        ``sup_t 2 ln E e^{tx}/t²``; t = 0 if the variance is the supremum.

    Raises
    ------
    InputError
        If points and weights do not fit, a weight is not positive, or all points are equal.

    Notes
    -----
    The function is bounded by ``2 max|x|/|t|``, so beyond ``2 max|x|/variance`` it is below its value at 0. The
    bracket is searched on 400 points per side and the best cell is refined; a maximum narrower than a cell is not
    excluded, and the result is then a lower bound.

    Examples
    --------
    >>> proxy, t = variance_proxy([0, 1], [3, 1])
    >>> mpmath.nprint([proxy, 1 / (4 * mpmath.log(3))], 12)
    [0.227559806657, 0.227559806657]
    """
    xs = [exact(f"points[{i}]", value) for i, value in enumerate(points)]
    ws = [exact(f"weights[{i}]", value) for i, value in enumerate(weights if weights is not None else [1] * len(xs))]
    if not xs or len(ws) != len(xs) or any(w <= 0 for w in ws):
        raise InputError(f"weights must be positive and as many as points ({len(xs)}), got {len(ws)}")
    total = sum(ws)
    mean = sum(w * v for w, v in zip(ws, xs, strict=True)) / total
    with mpmath.workdps(dps + 10):
        pairs = [
            (mpmath.mpf(str(sp.N(v - mean, dps + 10))), mpmath.mpf(str(sp.N(w / total, dps + 10))))
            for v, w in zip(xs, ws, strict=True)
        ]
        variance = mpmath.fsum(w * v**2 for v, w in pairs)
        if variance == 0:
            raise InputError("points must not all be equal; a constant has no variance")
        reach = 2 * max(abs(v) for v, _ in pairs) / variance

        def value(t: Any) -> Any:
            shift = max(t * v for v, _ in pairs)
            return 2 * (shift + mpmath.log(mpmath.fsum(w * mpmath.exp(t * v - shift) for v, w in pairs))) / t**2

        grid = [sign * reach * k / 400 for sign in (-1, 1) for k in range(1, 401)]
        start = max(grid, key=value)
        # Skewness tilts the function at 0, so a maximum may hide in the first cell: it is always refined.
        cell = reach / 400
        at = _maximise(value, start - cell, start + cell, cell / 2**20)
        if abs(at) > cell / 2**18:  # nearer to 0 the limit, the variance, is the better value
            tilted = [(lambda t, n=n: mpmath.fsum(w * v**n * mpmath.exp(t * v) for v, w in pairs)) for n in (0, 1)]
            slope = lambda t: t * tilted[1](t) / tilted[0](t) - t**2 * value(t)  # noqa: E731
            at = mpmath.findroot(slope, (at, at * (1 + mpmath.mpf(2) ** -20)), solver="secant", verify=False)
        best = max(variance, value(at))
        at = at if best > variance else mpmath.mpf(0)
    with mpmath.workdps(dps):
        return +best, +at


def _maximise(function: Any, low: Any, high: Any, width: Any) -> Any:
    """Golden-section search down to a bracket of some width."""
    ratio = (mpmath.sqrt(5) - 1) / 2
    while high - low > width:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (left, high) if function(left) < function(right) else (low, right)
    return (low + high) / 2


def derive_sandwich() -> Derivation:
    """Derive both bounds and check them on the Gaussian, the fair and the biased two-point distribution.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> derive_sandwich()["bernoulli"].rhs
    tanh(L/2)/(2*L)
    """
    return Derivation(
        "sandwich",
        "When is full collapse the global minimum? λ_max ≤ T* ≤ σ²_sG",
        ("cover2006", "alemi2018", "dai2020"),
        (
            "Any encoder, decoder, depth and number of latents; squared error; finite sp.exp moments.",
            "Data processing: KL averaged over the data is at least I(x; z), which is at least I(x; y) (cover2006).",
            "Donsker–Varadhan: KL(P‖Q) ≥ E_P φ − ln E_Q e^φ for every φ.",
        ),
        (
            Quantity(x, "data along one direction", "data"),
            Quantity(y, "reconstruction", "data"),
            Quantity(T, "temperature", "data variance"),
            Quantity(LAMBDA, "top eigenvalue", "data variance"),
            Quantity(TOTAL, "total variance", "data variance"),
            Quantity(DISTORTION, "squared error", "data variance"),
            Quantity(INFO, "mutual information", "nats"),
            Quantity(FREE, "free energy", "data variance"),
            Quantity(PROXY, "optimal sub-Gaussian variance proxy", "data variance"),
            Quantity(STAR, "temperature above which collapse is the global minimum", "data variance"),
            Quantity(TILT, "argument of the moment generating function", "1/data"),
            Quantity(SLACK, "slack of the condition"),
            Quantity(p, "probability of a bit"),
            Quantity(ODDS, "log odds ln((1 − p)/p)"),
        ),
        (*_bounds(), *_examples()),
    )


def _bounds() -> tuple[Step, ...]:
    phi = (x * y - y**2 / 2) / T
    free = mode_free_energy()
    below = {LAMBDA: T + u}
    active = {W: sp.sqrt(u), V: sp.sqrt(u) / (T + u), S: T / (T + u)}
    gain = (free.subs(COLLAPSED, simultaneous=True) - free.subs(active, simultaneous=True)).subs(below)
    return (
        Step(
            "lower",
            sp.Le(LAMBDA, STAR, evaluate=False),
            "For T < λ_max the linear branch has F below V, by G = u − T ln(1 + u/T), u = λ − T: T* ≥ λ_max.",
            "value of the gain; zero at u = 0 and growing at the rate u/(T + u)",
            (gain - (u - T * sp.log((T + u) / T)), sp.diff(gain, u) - u / (T + u), sp.limit(gain, u, 0)),
            (u / (T + u),),
        ),
        Step(
            "test-function",
            sp.Eq(sp.Function("phi")(x, y), phi, evaluate=False),
            "Take φ(x, y) = (x·y − ‖y‖²/2)/T for every reconstruction y: it measures the error saved.",
            "2Tφ = ‖x‖² − ‖x − y‖²",
            (2 * T * phi - (x**2 - (x - y) ** 2),),
        ),
        Step(
            "zero-rate",
            sp.Eq(sp.Function("E")(sp.exp(x * y / T)) - sp.exp(y**2 / (2 * T)), -SLACK),
            "Kuhn–Tucker: if E e^{x·y/T} ≤ e^{‖y‖²/2T} (slack s ≥ 0) then ln E_x e^φ ≤ 0, so I(x; y) ≥ E φ.",
            "e^φ is e^{xy/T} over e^{y²/2T}",
            (sp.exp(phi) - sp.exp(x * y / T) / sp.exp(y**2 / (2 * T)),),
        ),
        Step(
            "upper",
            sp.Eq(FREE - TOTAL, DISTORTION + 2 * T * INFO - TOTAL, evaluate=False),
            "F ≥ D + 2T I ≥ D + 2T·(V − D)/2T = V: nothing beats collapse. Conversely a y that violates the condition "
            "gains at small rate.",
            "E φ = (V − D)/2T makes the bound V",
            (DISTORTION + 2 * T * (TOTAL - DISTORTION) / (2 * T) - TOTAL,),
        ),
        Step(
            "proxy",
            sp.Le(STAR, PROXY, evaluate=False),
            "With t = y/T the condition is E e^{t·x} ≤ e^{T‖t‖²/2} for all t: T ≥ σ²_sG. For the bound itself "
            "T* = σ²_sG; a VAE lies at or below it.",
            "the exponents agree",
            ((y**2 / (2 * T)).subs(y, T * TILT) - T * TILT**2 / 2, (x * y / T).subs(y, T * TILT) - x * TILT),
        ),
        Step(
            "variance-bound",
            sp.Le(LAMBDA, PROXY, evaluate=False),
            "t → 0: 2 ln E e^{tx}/t² → Var x, so σ²_sG ≥ λ_max always.",
            "ln(1 + λt²/2) over t²/2 tends to λ",
            (sp.limit(2 * sp.log(1 + LAMBDA * TILT**2 / 2) / TILT**2, TILT, 0) - LAMBDA,),
        ),
    )


def _examples() -> tuple[Step, ...]:
    e = sp.Symbol("e", real=True)
    # A bit with odds e^L: p = 1/(1 + e^L); centred values −p and 1 − p.
    chance = 1 / (1 + sp.exp(ODDS))
    logarithm = -TILT * chance + sp.log(1 - chance + chance * sp.exp(TILT))
    proxy = sp.tanh(ODDS / 2) / (2 * ODDS)
    slack = proxy * TILT**2 / 2 - logarithm
    bend = sp.diff(slack, TILT, 2)
    cosh2 = 1 / (4 * sp.cosh((TILT - ODDS) / 2) ** 2)
    return (
        Step(
            "gaussian",
            sp.Eq(PROXY, LAMBDA, evaluate=False),
            "Gaussian: ln E e^{tx} = λt²/2 for every t: σ²_sG = λ, T* = λ. No jump for any architecture.",
            "the integral of e^{tx} against the density",
            (
                sp.integrate(sp.exp(TILT * e - e**2 / (2 * LAMBDA)) / sp.sqrt(2 * sp.pi * LAMBDA), (e, -sp.oo, sp.oo))
                - sp.exp(LAMBDA * TILT**2 / 2),
            ),
        ),
        Step(
            "fair-bit",
            sp.Eq(sp.Function("s")(TILT), TILT**2 / 2 - sp.log(sp.cosh(TILT)), evaluate=False),
            "Two points ±1: the slack is positive for t ≠ 0, so σ²_sG = 1 = λ: strictly sub-Gaussian.",
            "slack and slope vanish at 0; its second derivative is tanh² t > 0",
            (
                (TILT**2 / 2 - sp.log(sp.cosh(TILT))).subs(TILT, 0),
                sp.diff(TILT**2 / 2 - sp.log(sp.cosh(TILT)), TILT).subs(TILT, 0),
                (sp.diff(TILT**2 / 2 - sp.log(sp.cosh(TILT)), TILT, 2) - sp.tanh(TILT) ** 2).rewrite(sp.exp),
            ),
            (sp.tanh(TILT) ** 2,),
        ),
        Step(
            "bernoulli",
            sp.Eq(PROXY, proxy, evaluate=False),
            "A bit: (1 − 2p)/2L, L = ln((1 − p)/p). The slack touches zero at t = 0 and t = 2L and its curvature is "
            "symmetric about t = L with one dip, so it is positive elsewhere.",
            "values and slopes at 0 and 2L; curvature proxy − 1/(4cosh²((t − L)/2)); at t = 0 it is positive because "
            "sinh L > L",
            (
                ((1 - 2 * chance) / (2 * ODDS) - proxy).rewrite(sp.exp),
                slack.subs(TILT, 0),
                sp.diff(slack, TILT).subs(TILT, 0),
                _at_twice_odds(slack),
                _at_twice_odds(sp.diff(slack, TILT)),
                (bend - (proxy - cosh2)).rewrite(sp.exp),
                (cosh2.subs(TILT, 2 * ODDS - TILT) - cosh2).rewrite(sp.exp),
                ((proxy - cosh2).subs(TILT, 0) * 4 * ODDS * sp.cosh(ODDS / 2) ** 2 - (sp.sinh(ODDS) - ODDS)).rewrite(
                    sp.exp
                ),
            ),
            (sp.sinh(ODDS), sp.diff(sp.sinh(ODDS) - ODDS, ODDS, 2)),
        ),
        Step(
            "bernoulli-window",
            sp.Eq(sp.Function("T_star")(ODDS) / LAMBDA, sp.sinh(ODDS) / ODDS, evaluate=False),
            "Upper end of the window over the variance p(1 − p): sinh L/L = 1 + κ3²/6 + …: skew bits jump within it.",
            "proxy over variance; κ3 = 2 sinh(L/2); both series to second order in L",
            (
                (proxy / (chance * (1 - chance)) - sp.sinh(ODDS) / ODDS).rewrite(sp.exp),
                ((1 - 2 * chance) ** 2 / (chance * (1 - chance)) - 4 * sp.sinh(ODDS / 2) ** 2).rewrite(sp.exp),
                sp.series(sp.sinh(ODDS) / ODDS - 1 - 4 * sp.sinh(ODDS / 2) ** 2 / 6, ODDS, 0, 4).removeO(),
            ),
        ),
    )


def _at_twice_odds(expression: sp.Expr) -> sp.Expr:
    """Value at t = 2L, in odds o = e^L: logarithms of (o + o²)/(1 + o) are L."""
    odds = sp.Symbol("o", positive=True)
    at = expression.subs(TILT, 2 * ODDS).rewrite(sp.exp).subs(ODDS, sp.log(odds))
    return sp.simplify(sp.expand_log(sp.simplify(at), force=True))
