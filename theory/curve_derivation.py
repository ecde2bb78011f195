"""Why the curve family is exactly solvable, and where its closed branch is not the whole story.

The encoder is a Gaussian channel from u to z, so the decoder E[x|z] is known by Mehler's expansion:
``E[He_n(u)|z] = m^{n/2} He_n(z)`` with m = M². Everything else follows by elementary algebra, for the parabola in
closed form. The forms hold for an encoder that sees u only; the last steps say what one that sees all coordinates does.

Symbol table
------------
symbol    meaning                                                              unit
u, z      parameter of the curve, latent; jointly normal, E uz = √m            1
h_n       He_n/√n!, orthonormal                                                1
m         signal fraction M²                                                   1
k         c_n², written k_n in sums and checks; c² for the parabola            data variance; 1
A         posterior scale                                                      1
tau       tilt of the encoder, δμ = τ h_2(u)                                   1
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from .derivation import Derivation, Quantity, Step
from .loss import T, gaussian_expectation, gaussian_kl

__all__ = ["derive_curve", "hermite", "tilt_limit"]

m, c, A, q = sp.symbols("m c A q", positive=True)
u, z, noise = sp.symbols("u z epsilon", real=True)
F, KL, D, TAU = sp.symbols("F KL D tau", real=True)
GRADIENT, STIFFNESS = sp.symbols("G_3 K_2", real=True)
SECOND = sp.Symbol("lambda_2", positive=True)
SHIFT = sp.Symbol("s", real=True)
_BACK = sp.sqrt(m) * z + sp.sqrt(1 - m) * noise  # u given z


def hermite(n: int, x: sp.Expr) -> sp.Expr:
    """Orthonormal Hermite polynomial ``He_n(x)/√n!``, by the recurrence.

    Examples
    --------
    >>> hermite(2, u)
    sqrt(2)*(u**2 - 1)/2
    """
    lower, upper = sp.S.Zero, sp.S.One
    for k in range(n):
        lower, upper = upper, sp.expand(x * upper - k * lower)
    return upper / sp.sqrt(sp.factorial(n))


def derive_curve(terms: int = 4) -> Derivation:
    """Derive the exact solution of a curve with amplitudes c_1 … c_N.

    Parameters
    ----------
    terms : int
        N, the number of coordinates written out; at least 2. The argument for all n is the generating function.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> curve = derive_curve(2)
    >>> curve["parabola"].rhs
    (1 - m)*(4*c**2*m + 1)
    """
    amplitudes = sp.symbols(f"c_1:{max(terms, 2) + 1}", positive=True)
    return Derivation(
        "curve",
        "Data on a curve: the exactly solvable family",
        ("hirn2026pruning", "hirn2026effective", "guo2005", "guo2011"),
        (
            "u is standard normal; the encoder sees u only, linear with constant width; the decoder is free.",
            "An encoder that sees all coordinates is treated in the last steps, for a mean linear in x.",
        ),
        (
            Quantity(u, "parameter of the curve"),
            Quantity(z, "latent"),
            Quantity(noise, "standard normal noise"),
            Quantity(m, "signal fraction M²"),
            Quantity(A, "posterior scale"),
            Quantity(SHIFT, "argument of the generating function"),
            Quantity(T, "temperature", "data variance"),
            Quantity(F, "free energy", "data variance"),
            Quantity(D, "distortion", "data variance"),
            Quantity(KL, "rate", "nats"),
            Quantity(c, "parabola (u, c(u² − 1)): c_1 = 1, c_2 = √2 c"),
            Quantity(TAU, "tilt of the encoder towards x_2"),
            Quantity(GRADIENT, "slope of F along a tilt towards x_3", "data variance"),
            Quantity(SECOND, "variance of x_2", "data variance"),
            Quantity(sp.Symbol("c_3", positive=True), "amplitude of coordinate 3", "data"),
            Quantity(STIFFNESS, "second variation of F along τ, over τ²", "data variance"),
            *(Quantity(a, f"amplitude of coordinate {n}", "data") for n, a in enumerate(amplitudes, start=1) if n != 3),
        ),
        (*_solution(amplitudes), *_landau(amplitudes), *_parabola(), *_tilts()),
    )


def _state(amplitudes: tuple[sp.Symbol, ...]) -> tuple[sp.Expr, sp.Expr]:
    free = sp.Add(*(a**2 * (1 - m**n) for n, a in enumerate(amplitudes, start=1))) - T * sp.log(1 - m)
    state = (1 - m) * sp.Add(*(n * a**2 * m ** (n - 1) for n, a in enumerate(amplitudes, start=1)))
    return free, state


def _solution(amplitudes: tuple[sp.Symbol, ...]) -> tuple[Step, ...]:
    encoder, width = A * sp.sqrt(m) * u, A * sp.sqrt(1 - m)
    rate = gaussian_expectation(sp.expand_log(gaussian_kl(encoder, width)), u)
    orders = range(1, len(amplitudes) + 1)
    mean = {n: gaussian_expectation(hermite(n, _BACK), noise) for n in orders}
    left = {
        n: gaussian_expectation(
            gaussian_expectation((hermite(n, _BACK) - m ** sp.Rational(n, 2) * hermite(n, z)) ** 2, noise), z
        )
        for n in orders
    }
    free, state = _state(amplitudes)
    return (
        Step(
            "channel",
            sp.Eq(u, _BACK, evaluate=False),
            "z = √m u + √(1−m) ε has signal fraction m and scale 1; read backwards, u given z is this.",
            "mean and variance of both, and E uz = √m either way",
            (
                gaussian_expectation(gaussian_expectation(_BACK**2, noise), z) - 1,
                gaussian_expectation(gaussian_expectation(_BACK * z, noise), z) - sp.sqrt(m),
                gaussian_expectation(gaussian_expectation((encoder + width * noise) ** 2, noise), u) - A**2,
            ),
        ),
        Step(
            "rate",
            sp.Eq(KL, (A**2 - 1 - sp.log(A**2)) / 2 - sp.log(1 - m) / 2, evaluate=False),
            "The scale A costs rate and a free decoder absorbs it: A = 1, KL = −½ ln(1 − m).",
            "averaged divergence; slope in A vanishes at 1, curvature positive",
            (
                rate - (A**2 - 1 - sp.log(A**2)) / 2 + sp.log(1 - m) / 2,
                sp.diff(rate, A).subs(A, 1),
            ),
            (sp.diff(rate, A, 2).subs(m, 1 / (1 + q)),),
        ),
        Step(
            "conditional-mean",
            sp.Eq(
                sp.Function("E")(sp.exp(SHIFT * u - SHIFT**2 / 2)), sp.exp(SHIFT * sp.sqrt(m) * z - m * SHIFT**2 / 2)
            ),
            "E[He_n(u)|z] = m^(n/2) He_n(z) for every n (Mehler): average the generating function over u given z.",
            "E exp(s√(1−m) ε) = exp(s²(1−m)/2) makes the exponents equal; and n = 1 … N one by one",
            (
                SHIFT * sp.sqrt(m) * z
                + SHIFT**2 * (1 - m) / 2
                - SHIFT**2 / 2
                - (SHIFT * sp.sqrt(m) * z - m * SHIFT**2 / 2),
                *(mean[n] - m ** sp.Rational(n, 2) * hermite(n, z) for n in orders),
            ),
        ),
        Step(
            "distortion",
            sp.Eq(D, sp.Add(*(a**2 * (1 - m**n) for n, a in enumerate(amplitudes, start=1))), evaluate=False),
            "The free decoder is E[x|z]; of coordinate n it leaves c_n²(1 − mⁿ).",
            "E (h_n(u) − m^(n/2) h_n(z))² = 1 − mⁿ for n = 1 … N, and the residual is orthogonal to h_n(z)",
            (
                *(left[n] - (1 - m**n) for n in orders),
                *(
                    gaussian_expectation(hermite(n, z) * (mean[n] - m ** sp.Rational(n, 2) * hermite(n, z)), z)
                    for n in orders
                ),
            ),
        ),
        Step(
            "free-energy",
            sp.Eq(F, free, evaluate=False),
            "F = D + 2T KL.",
            "put together",
            (free - sp.Add(*(a**2 * left[n] for n, a in enumerate(amplitudes, start=1))) - 2 * T * rate.subs(A, 1),),
        ),
        Step(
            "state",
            sp.Eq(T, state, evaluate=False),
            "m is stationary at one temperature, T(m); a state is locally stable where T(m) falls.",
            "(1 − m)F′ = T − T(m), so that F″ = −T′(m)/(1 − m) at a stationary point",
            (
                (1 - m) * sp.diff(free, m) - (T - state),
                (1 - m) * sp.diff(free, m, 2).subs(T, state) + sp.diff(state, m),
            ),
        ),
    )


def _landau(amplitudes: tuple[sp.Symbol, ...]) -> tuple[Step, ...]:
    free, _ = _state(amplitudes)
    orders = len(amplitudes)
    series = sp.Add(*((T / n - a**2) * m**n for n, a in enumerate(amplitudes, start=1)))
    v = {n: a**2 for n, a in enumerate(amplitudes, start=1)}
    threshold = {T: v[1]}
    second = sp.diff(free, m, 2).subs(m, 0).subs(threshold) / 2
    return (
        Step(
            "landau-series",
            sp.Eq(F, sp.Add(*v.values()) + series + sp.O(m ** (orders + 1)), evaluate=False),
            "Coefficient of mᵏ: T/k − c_k². The threshold is T = c_1².",
            "value and derivatives at m = 0",
            tuple(sp.diff(free - sp.Add(*v.values()) - series, m, n).subs(m, 0) for n in range(orders + 1)),
        ),
        Step(
            "tricritical",
            sp.Eq(2 * v[2], v[1], evaluate=False),
            "Coefficient of m² at the threshold: ½c_1² − c_2². Continuous while 2c_2² < c_1², a jump beyond (‖κ‖ > 1).",
            "second derivative; the co-skewness vector E[x x_1²]/c_1³ has length √2 c_2/c_1",
            (
                second - (v[1] / 2 - v[2]),
                gaussian_expectation(amplitudes[1] * hermite(2, u) * u**2, u) - sp.sqrt(2) * amplitudes[1],
            ),
        ),
    )


def _parabola() -> tuple[Step, ...]:
    free, state = (e.subs(dict(zip(_two(), (1, sp.sqrt(2) * c), strict=True))) for e in _state(_two()))
    fold = (4 * c**2 - 1) / (8 * c**2)
    hottest = (1 + 4 * c**2) ** 2 / (16 * c**2)
    excess = sp.expand(free - free.subs(m, 0))
    log = sp.log(1 - m)
    square = -(m + (1 - m) * log) / (2 * m**2 + 4 * m * (1 - m) * log)
    near = sp.Rational(1, 4) + m / 3
    over = sp.Symbol("delta", positive=True)
    return (
        Step(
            "parabola",
            sp.Eq(T, (1 - m) * (1 + 4 * c**2 * m), evaluate=False),
            "x = (u, c(u² − 1)): c_1 = 1, c_2 = √2 c. Falls on all of (0, 1) iff c ≤ ½: then nothing jumps here.",
            "the state equation; T′ = −(1 − 4c²) − 8c²m, not positive for c ≤ ½ (c² = 1/(4(1+δ)))",
            (
                state - (1 - m) * (1 + 4 * c**2 * m),
                sp.diff(state, m) + (1 - 4 * c**2) + 8 * c**2 * m,
            ),
            ((1 - 4 * c**2 + 8 * c**2 * m).subs(c, sp.sqrt(1 / (4 * (1 + over)))),),
        ),
        Step(
            "parabola-spinodal",
            sp.Eq(m, fold, evaluate=False),
            "For c > ½ T(m) rises first, to T_s = (1 + 4c²)²/(16c²): hysteresis between 1 and T_s.",
            "slope vanishes; value; T_s − 1 = (4c² − 1)²/(16c²)",
            (
                sp.diff(state, m).subs(m, fold),
                state.subs(m, fold) - hottest,
                hottest - 1 - (4 * c**2 - 1) ** 2 / (16 * c**2),
            ),
        ),
        Step(
            "parabola-coexistence",
            sp.Eq(c**2, square, evaluate=False),
            "F(m) = F(0) on the branch: c in terms of m at the jump; T* = T(m), KL jump −½ ln(1 − m).",
            "substituted into F(m) − F(0) at T = T(m)",
            (sp.cancel(sp.together(excess.subs(T, state).subs(c, sp.sqrt(square)))),),
        ),
        Step(
            "parabola-near-tricritical",
            sp.Eq(c**2, near + sp.O(m**2), evaluate=False),
            "The jump opens linearly: m* = 3(c² − ¼) and T* − 1 = (3/16)(4c² − 1)² to leading order.",
            "series of the coexistence curve at m = 0; −b/2d and b²/4d with b = (1 − 4c²)/2, d = 1/3 agree",
            (
                sp.series(square, m, 0, 2).removeO() - near,
                3 * (c**2 - sp.Rational(1, 4)) + (1 - 4 * c**2) / 2 / (2 * sp.Rational(1, 3)),
                sp.Rational(3, 16) * (4 * c**2 - 1) ** 2 - ((1 - 4 * c**2) / 2) ** 2 / (4 * sp.Rational(1, 3)),
            ),
        ),
    )


def _two() -> tuple[sp.Symbol, sp.Symbol]:
    first, second = sp.symbols("c_1 c_2", positive=True)
    return first, second


def _average(expression: sp.Expr) -> sp.Expr:
    """Average over u and z of a polynomial in both, by its joint moments."""
    terms = sp.Poly(expression, u, z).terms()
    return sp.expand(sp.Add(*(coefficient * _moment(*powers) for powers, coefficient in terms)))


@lru_cache(maxsize=256)
def _moment(first: int, second: int) -> sp.Expr:
    """E uⁱ zʲ through the channel z = √m u + √(1−m) ε."""
    if (first + second) % 2:
        return sp.S.Zero
    forward = sp.sqrt(m) * u + sp.sqrt(1 - m) * noise
    return gaussian_expectation(gaussian_expectation(u**first * forward**second, noise), u)


def _tilt_slope(n: int, k: int) -> sp.Expr:
    """Slope of F/c_n² along δμ = h_k(u), from coordinate n: −2 E[(x_n − f_n) f_n′(z) h_k(u)]."""
    f = m ** sp.Rational(n, 2) * hermite(n, z)
    return _average(-2 * (hermite(n, u) - f) * sp.diff(f, z) * hermite(k, u))


@lru_cache(maxsize=1)
def _stiffness() -> tuple[sp.Expr, tuple[sp.Expr, ...]]:
    """Second variation of F for the parabola along δμ = τ h_2(u), the decoder eliminated.

    Returns
    -------
    stiffness, residuals
        F_2 in m, c and T; the stationarity conditions of the decoder's answer f_1.
    """
    x = (u, sp.sqrt(2) * c * hermite(2, u))
    f = (sp.sqrt(m) * z, sp.sqrt(2) * c * m * hermite(2, z))
    g = hermite(2, u)
    # z → z + τg, f → f + τ f_1: the τ² part of E|x − f|² is E(f'g + f_1)² − 2E(x − f)(½f''g² + f_1'g). It is quadratic
    # in f_1, whose Hermite coefficients b_k minimise it one by one: k ≤ 4 is the highest degree that g and f reach.
    total, residuals = T, []
    for xi, fi in zip(x, f, strict=True):
        b = sp.symbols("b_0:5", real=True)
        trial = sp.Add(*(bk * hermite(k, z) for k, bk in enumerate(b)))
        bend = sp.diff(fi, z, 2) * g**2 / 2 + sp.diff(trial, z) * g
        part = _average(sp.expand((sp.diff(fi, z) * g + trial) ** 2 - 2 * (xi - fi) * bend))
        solution = sp.solve([sp.diff(part, bk) for bk in b], b, dict=True)[0]
        residuals += [sp.simplify(sp.diff(part, bk).subs(solution)) for bk in b]
        total += part.subs(solution)
    return sp.factor(sp.expand(total)), tuple(residuals)


@lru_cache(maxsize=1)
def tilt_limit() -> Any:
    """c² up to which the parabola's branch is stable against a tilt towards x_2, at every m: a root of a quartic.

    Returns
    -------
    sympy.Expr
        Exact; c = 0.43950…

    Examples
    --------
    >>> sp.N(sp.sqrt(tilt_limit()), 10)
    0.4395001798
    """
    cubic = _branch_cubic()
    square = sp.Symbol("k", positive=True)
    discriminant = sp.Poly(sp.discriminant(cubic.subs(c, sp.sqrt(square)), m), square)
    return min(root for root in discriminant.real_roots() if root > 0)


def _branch_cubic() -> sp.Expr:
    """The stiffness on the branch T = T(m), divided by 1 − m > 0: a cubic in m."""
    on_branch = _stiffness()[0].subs(T, (1 - m) * (1 + 4 * c**2 * m))
    return sp.expand(sp.cancel(on_branch / (1 - m)))


def _tilts() -> tuple[Step, ...]:
    stiffness, residuals = _stiffness()
    cubic = _branch_cubic()
    written = 126 * c**2 * m**3 - 42 * c**2 * m**2 - 6 * c**2 * m - 2 * c**2 + 9 * m**2 - 3 * m + 1
    slopes = {n: _tilt_slope(n, 3) for n in (1, 2, 3, 4)}
    triple = {n: _average(hermite(n, u) * hermite(n - 1, u) * hermite(3, u)) for n in (2, 3, 4)}
    closed = {n: -2 * sp.sqrt(n) * triple[n] * m ** (n - sp.Rational(1, 2)) * (1 - m**2) for n in (2, 3, 4)}
    square = sp.Symbol("k", positive=True)
    discriminant = sp.discriminant(written.subs(c, sp.sqrt(square)), m)
    quartic = 121408 * square**4 - 105056 * square**3 + 12660 * square**2 + 180 * square + 81
    a3 = sp.Symbol("c_3", positive=True)
    return (
        Step(
            "tilt-even",
            sp.Eq(sp.Derivative(F, TAU), 0, evaluate=False),
            "A tilt towards x_2, δμ = τ h_2(u), costs nothing to first order: u → −u, z → −z turns τ into −τ.",
            "slopes from coordinates 1 to 4 vanish",
            tuple(_tilt_slope(n, 2) for n in (1, 2, 3, 4)),
        ),
        Step(
            "tilt-odd",
            sp.Eq(GRADIENT, a3**2 * closed[3], evaluate=False),
            "A tilt towards x_3 has the slope −2 Σ c_n² √n E[h_n h_(n−1) h_3] m^(n−½)(1 − m²): all terms of one sign, "
            "so a curve with c_3 ≠ 0 is not stationary for an encoder that sees x_3. Written: n = 3.",
            "for n = 1 … 4 by averaging; the triple products are positive",
            (slopes[1], *(slopes[n] - closed[n] for n in (2, 3, 4))),
            tuple(triple.values()),
        ),
        Step(
            "tilt-stiffness",
            sp.Eq(STIFFNESS, stiffness, evaluate=False),
            "The parabola's second variation along τ with the decoder's answer eliminated.",
            "the answer is stationary in every Hermite coefficient; in the collapsed state it is T − 2c²",
            (*residuals, stiffness.subs(m, 0) - (T - 2 * c**2)),
        ),
        Step(
            "tilt-branch",
            sp.Eq(STIFFNESS, (1 - m) * written, evaluate=False),
            "On the branch T = T(m). Positive on (0, 1) until its discriminant in m vanishes, at c = 0.43950…",
            "at c = 0 the cubic is (3m − ½)² + ¾; no root enters at m = 1 (76c² + 7) or, for c² < ½, at 0 (1 − 2c²); "
            "the discriminant is −27 times a quartic in k = c²",
            (
                cubic - written,
                written.subs(c, 0) - (3 * m - sp.Rational(1, 2)) ** 2 - sp.Rational(3, 4),
                written.subs(m, 1) - (76 * c**2 + 7),
                written.subs(m, 0) - (1 - 2 * c**2),
                discriminant + 27 * quartic,
            ),
        ),
        Step(
            "top-coordinate",
            sp.Eq(SECOND, 2 * c**2, evaluate=False),
            "The covariance is diag(1, 2c²): for c > 1/√2 the top mode is x_2; an encoder that sees it starts there.",
            "variances and covariance of the two coordinates",
            (
                gaussian_expectation((c * (u**2 - 1)) ** 2, u) - 2 * c**2,
                gaussian_expectation(u * c * (u**2 - 1), u),
            ),
        ),
    )
