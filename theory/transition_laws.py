"""Laws of the transition, derived once for every Landau polynomial: exponents, spinodals, coexistence, phases.

With t = T − 1 the normal form is ``F = t(a² + 2r²) + …`` (`theory.normal_form`). One amplitude: the continuous law, the
tricritical law and the small jump beside it. Two amplitudes: when the quartic form is positive, how a small cubic form
makes a small jump, and what the exactly flat direction δμ ∝ 1 − σ²(x) of every width-coded state imposes on the
coefficients. The flat direction is derived from the loss with a free decoder, without any expansion.

Symbol table
------------
symbol     meaning                                                                     unit
t          reduced temperature T/λ − 1                                                 1
m, r       a² and the width amplitude                                                  1
b, d       coefficients of m² and m³                                                   1
c, c_21    coefficients of r³ and a²r                                                  1
p, g, h    coefficients of a⁴, r⁴ and a²r² in the quartic form                         1
y          ray m = y r²                                                                1
x          data, one coordinate (the flat direction sums over coordinates)             data
f, q       free decoder E[x|z] and posterior density N(z; 0, σ²(x))                    data, 1
"""

from __future__ import annotations

import sympy as sp

from .derivation import Derivation, Quantity, Step
from .loss import SIGMA, T

__all__ = ["derive_transition_laws"]

t, r, c, c21, h = sp.symbols("t r c c_21 h", real=True)
m, depth, d, p, g, y = sp.symbols("m delta d p g y", positive=True)
F, KL, CURVATURE = sp.symbols("F KL F_aa", real=True)
b = sp.Symbol("b", real=True)
z, data = sp.symbols("z x", real=True)
DECODER = sp.Function("f", real=True)(z)
BENT, SCORED = sp.symbols("E_q E_z", real=True)
_STAR, _SPINODAL = sp.symbols("t_* t_s", real=True)


def derive_transition_laws() -> Derivation:
    """Derive the laws near a threshold of any Landau polynomial in normal form.

    Returns
    -------
    Derivation

    Examples
    --------
    >>> laws = derive_transition_laws()
    >>> laws["coexistence"].rhs, laws["spinodal"].rhs
    (b**2/(4*d), b**2/(3*d))
    >>> laws["flat-cubic"].expression
    Eq(c_21, 3*c/4)
    """
    return Derivation(
        "transition-laws",
        "What a Landau polynomial says near its threshold",
        ("hirn2026effective", "li2025", "li2026residual"),
        (
            "F is in normal form; the terms written are the leading ones, higher orders correct every law by a factor "
            "1 + o(1) in the small quantity named.",
            "The flat direction needs a decoder that is free and a stationary state with μ(x) = 0.",
        ),
        (
            Quantity(t, "reduced temperature T/λ − 1"),
            Quantity(T, "temperature; in units of the top eigenvalue in the normal form"),
            Quantity(m, "a², the signal fraction to leading order"),
            Quantity(r, "width amplitude"),
            Quantity(b, "coefficient of m²"),
            Quantity(d, "coefficient of m³"),
            Quantity(c, "coefficient of r³"),
            Quantity(c21, "coefficient of a²r"),
            Quantity(p, "coefficient of a⁴"),
            Quantity(g, "coefficient of r⁴"),
            Quantity(h, "coefficient of a²r²"),
            Quantity(y, "ray m/r²"),
            Quantity(data, "data"),
            Quantity(z, "latent"),
            Quantity(SIGMA, "posterior width σ(x) of the point x"),
            Quantity(BENT, "average of ∂²(x − f)²/∂z² over q at the point x", "data variance"),
            Quantity(SCORED, "average of (x − f)/σ² over the data given z", "data"),
            Quantity(F, "free energy over the top eigenvalue"),
            Quantity(KL, "rate", "nats"),
            Quantity(CURVATURE, "curvature along δμ ∝ 1 − σ²"),
            Quantity(_STAR, "reduced coexistence temperature"),
            Quantity(_SPINODAL, "reduced spinodal temperature"),
        ),
        (*_one_amplitude(), *_two_amplitudes(), *_flat_direction(), *_consequences()),
    )


def _one_amplitude() -> tuple[Step, ...]:
    sextic = t * m + b * m**2 + d * m**3
    below = {t: -depth}
    single = sextic.subs({b: p, d: 0})
    (branch,) = sp.solve(sp.diff(single, m), m)
    lowest = sp.expand(single.subs(m, branch))
    tricritical = sp.sqrt(depth / (3 * d))
    at_coexistence = {m: -b / (2 * d), t: b**2 / (4 * d)}
    at_spinodal = {m: -b / (3 * d), t: b**2 / (3 * d)}
    negative = {b: -depth}
    return (
        Step(
            "continuous",
            sp.Eq(m, branch, evaluate=False),
            "b = p > 0: M² grows linearly below the threshold, M with exponent ½, F* = −t²/4p (no jump of the rate).",
            "zero slope; positive below the threshold; value of F; curvature 2p",
            (sp.diff(single, m).subs(m, branch), lowest + t**2 / (4 * p), sp.diff(single, m, 2) - 2 * p),
            (branch.subs(below),),
        ),
        Step(
            "rate-slope",
            sp.Eq(sp.Derivative(KL, T), -1 / (4 * p), evaluate=False),
            "KL = ½ dF*/dT: its slope below the threshold; 1/2 in magnitude for the linear model, p = ½.",
            "half the second derivative of −t²/4p",
            (sp.diff(lowest, t, 2) / 2 + 1 / (4 * p), (1 / (4 * p)).subs(p, sp.Rational(1, 2)) - sp.Rational(1, 2)),
        ),
        Step(
            "tricritical",
            sp.Eq(m, tricritical.subs(depth, -t), evaluate=False),
            "b = 0, d > 0: exponent ½ in M², ¼ in M, and F* ~ (−t)^(3/2): the slope of the rate diverges.",
            "zero slope at t = −δ; F there is −(2/3) δ m with m ~ √δ",
            (
                sp.diff(sextic, m).subs({b: 0, **below}).subs(m, tricritical),
                sextic.subs({b: 0, **below}).subs(m, tricritical) + 2 * depth * tricritical / 3,
            ),
        ),
        Step(
            "coexistence",
            sp.Eq(_STAR, at_coexistence[t], evaluate=False),
            "b < 0 small: the state m = −b/2d has F = 0 as well; above t* collapse is the minimum, below it is not.",
            "F and its slope vanish there; F = d m (m + b/2d)² ≥ 0 at t*, so no other state is lower",
            (
                sextic.subs(at_coexistence),
                sp.diff(sextic, m).subs(at_coexistence),
                sextic.subs(t, at_coexistence[t]) - d * m * (m + b / (2 * d)) ** 2,
            ),
            (at_coexistence[m].subs(negative), d * m),
        ),
        Step(
            "rate-jump",
            sp.Eq(KL, -b / (4 * d), evaluate=False),
            "The rate jumps by ½ ∂F/∂T = m*/2: linearly in the distance from the tricritical point.",
            "half the derivative of F with respect to t at m*",
            (sp.diff(sextic, t).subs(at_coexistence) / 2 + b / (4 * d),),
        ),
        Step(
            "spinodal",
            sp.Eq(_SPINODAL, at_spinodal[t], evaluate=False),
            "The active state is metastable up to the fold, 4/3 as far from the threshold as coexistence.",
            "slope and curvature vanish there; t_s = (4/3) t*; the third derivative is 6d",
            (
                sp.diff(sextic, m).subs(at_spinodal),
                sp.diff(sextic, m, 2).subs(at_spinodal),
                at_spinodal[t] - sp.Rational(4, 3) * at_coexistence[t],
            ),
            (sp.diff(sextic, m, 3),),
        ),
    )


def _two_amplitudes() -> tuple[Step, ...]:
    rho = sp.Symbol("rho", positive=True)  # r²
    cubic = c21 * m * r + c * r**3
    ray = {m: y * r**2}
    q, form, quartic = y + 2, sp.expand(c21 * y + c), p * y**2 + h * y + g
    along = t * q * r**2 + form * r**3 + quartic * r**4
    full = t * (m + 2 * r**2) + cubic + p * m**2 + h * m * r**2 + g * r**4
    coexistence = {t: form**2 / (4 * q * quartic), r: -form / (2 * quartic)}
    spinodal = {t: 9 * form**2 / (32 * q * quartic), r: -3 * form / (8 * quartic)}
    return (
        Step(
            "cubic-odd",
            sp.Eq(sp.Function("C")(m, -r), -sp.Function("C")(m, r), evaluate=False),
            "a enters squared only, so the cubic form is odd in r: unless it vanishes it is negative on one side, and "
            "then F < 0 at T = 1: a jump.",
            "the sum of both sides vanishes",
            (cubic.subs(r, -r) + cubic,),
        ),
        Step(
            "quartic-positive",
            sp.Eq(F, (sp.sqrt(p) * m - sp.sqrt(g) * r**2) ** 2 + (h + 2 * sp.sqrt(p * g)) * m * r**2, evaluate=False),
            "Without cubic terms: positive on m ≥ 0 if and only if p > 0, g > 0 and h > −2√(pg).",
            "equals the quartic form; at m = √(g/p) r² only the last term is left, with the sign of h + 2√(pg)",
            (
                p * m**2
                + h * m * rho
                + g * rho**2
                - ((sp.sqrt(p) * m - sp.sqrt(g) * rho) ** 2 + (h + 2 * sp.sqrt(p * g)) * m * rho),
                (p * m**2 + h * m * rho + g * rho**2).subs(m, sp.sqrt(g / p) * rho)
                - (h + 2 * sp.sqrt(p * g)) * sp.sqrt(g / p) * rho**2,
            ),
        ),
        Step(
            "coexistence-ray",
            sp.Eq(_STAR, coexistence[t], evaluate=False),
            "A small cubic form makes a small jump. On the ray m = y r² coexistence is here; t* is its maximum over "
            "y ≥ 0, so it is of second order in the skewness.",
            "F on the ray, and F and its slope along the ray at t*",
            (full.subs(ray) - along, along.subs(coexistence), sp.diff(along, r).subs(coexistence)),
        ),
        Step(
            "spinodal-ray",
            sp.Eq(_SPINODAL, spinodal[t], evaluate=False),
            "Fold along a fixed ray: 9/8 as far from the threshold as coexistence.",
            "slope and curvature along the ray vanish; t_s = (9/8) t*",
            (
                sp.diff(along, r).subs(spinodal),
                sp.diff(along, r, 2).subs(spinodal),
                spinodal[t] - sp.Rational(9, 8) * coexistence[t],
            ),
        ),
    )


def _flat_direction() -> tuple[Step, ...]:
    """Second variation along δμ = 1 − σ² of a state with μ = 0, by pointwise identities under the averages."""
    density = sp.exp(-(z**2) / (2 * SIGMA**2)) / SIGMA
    f, slope = DECODER, sp.diff(DECODER, z)
    error = (data - f) ** 2
    score = sp.diff(sp.log(density), z)
    # ∂²/∂z² of the error, averaged; stationarity of the width turns it into 2T(1 − σ²)/σ².
    bent = sp.diff(error, z, 2)
    boundary = sp.diff(2 * SIGMA**2 * (data - f) * slope * density, z)
    orthogonal = 2 * (data - f) * (z * slope - sp.diff(f, z, 2)) * density
    shift = 1 - SIGMA**2
    width_balance = 2 * T * shift / SIGMA**2
    e = sp.Symbol("e", positive=True)
    scaled = error.subs(z, e * z)
    return (
        Step(
            "width-stationary",
            sp.Eq(BENT, width_balance, evaluate=False),
            "∂F/∂ln σ(x) = 0 at μ = 0 reads E_q ∂²(x − f)²/∂z² = 2T(1 − σ²)/σ² for every point x.",
            "∂/∂ln σ of z = σε is z ∂/∂z; under q it averages to σ² ∂²/∂z² (total derivative); that of T(σ² − 2 ln σ) "
            "is 2T(σ² − 1)",
            (
                z * sp.diff(error, z) * density
                - SIGMA**2 * sp.diff(error, z, 2) * density
                + sp.diff(SIGMA**2 * sp.diff(error, z) * density, z),
                sp.diff(scaled, e).subs(e, 1).doit() - z * sp.diff(error, z),
                SIGMA * sp.diff(T * (SIGMA**2 - 2 * sp.log(SIGMA)), SIGMA) + SIGMA**2 * width_balance,
            ),
        ),
        Step(
            "decoder-slope",
            sp.Eq(slope, -z * SCORED, evaluate=False),
            "f = E[x|z] depends on z through the weights q only: f′ = −z E[(x − f)/σ² | z] =: −z E_z.",
            "∂ ln q/∂z = −z/σ²: the derivative of a posterior mean is its covariance with the score",
            (score + z / SIGMA**2,),
        ),
        Step(
            "flat-direction",
            sp.Eq(CURVATURE, 0, evaluate=False),
            "δμ = 1 − σ² costs T E(1 − σ²)²/σ²; the decoder answers with −E f′². Both are equal: exactly flat.",
            "½(1 − σ²)E_q∂²(x − f)² is that cost; it differs from f′² by a total derivative and by terms (x − f)·φ(z), "
            "which f = E[x|z] annihilates",
            (
                shift * width_balance / 2 - T * shift**2 / SIGMA**2,
                shift**2 * width_balance / 2 + T * shift**2 - T * shift**2 / SIGMA**2,
                shift * bent * density - 2 * slope**2 * density - boundary - orthogonal,
            ),
        ),
    )


def _consequences() -> tuple[Step, ...]:
    """What the flat direction imposes on a polynomial, and which phase then wins."""
    cubic_width = sp.cancel(sp.diff(2 * t * r**2 + c * r**3, r) / (4 * r))
    quartic_width = sp.cancel(sp.diff(2 * t * r**2 + g * r**4, r) / (4 * r))
    quartic = t * (m + 2 * r**2) + p * m**2 + g * (m * r**2 + r**4)
    width = -t / g  # r²
    fall = {t: -depth}
    rr, mr, mm = (sp.diff(quartic, *k).subs(m, 0) for k in ((r, r), (m, r), (m, m)))
    resolved = sp.cancel((mm - mr**2 / rr).subs(t, -g * r**2))
    low_mean, low_width = -(t**2) / (4 * p), -(t**2) / g
    gain = (sp.Rational(3, 4) * y + 1) ** 2 * c**2 / (4 * (y + 2) * (p * y**2 + g * y + g))
    bend = sp.cancel(sp.diff(gain, y, 2).subs(y, 0))
    return (
        Step(
            "flat-cubic",
            sp.Eq(c21, sp.Rational(3, 4) * c, evaluate=False),
            "At a width-coded state F_r = 0 must imply F_aa = 0: to lowest order 4t + 3cr = 0 and t + c_21 r = 0.",
            "the two equations agree",
            (cubic_width - (t + sp.Rational(3, 4) * c * r),),
        ),
        Step(
            "flat-quartic",
            sp.Eq(h, g, evaluate=False),
            "Without cubic terms the same holds one order up: t + g r² = 0 and t + h r² = 0.",
            "the two equations agree",
            (quartic_width - (t + g * r**2),),
        ),
        Step(
            "phases",
            sp.Eq(F, sp.Min(low_mean, low_width), evaluate=False),
            "Without cubic terms: mean-coded (m = −t/2p) and width-coded (r² = −t/g) states; width wins iff 4p > g.",
            "both are stationary; values of F; along the flat direction F_aaaa/12 = ½·(2p − g/2) decides the same way",
            (
                sp.diff(quartic, m).subs({r: 0, m: -t / (2 * p)}),
                quartic.subs({r: 0, m: -t / (2 * p)}) - low_mean,
                sp.diff(quartic, r).subs({m: 0, r: sp.sqrt(width.subs(fall)), **fall}),
                quartic.subs({m: 0, r: sp.sqrt(width.subs(fall)), **fall}) - low_width.subs(fall),
                sp.diff(quartic, m).subs({m: 0, t: -g * r**2}),
                resolved - (2 * p - g / 2),
            ),
        ),
        Step(
            "coexistence-width",
            sp.Eq(_STAR, c**2 / (8 * g), evaluate=False),
            "A small cubic form: with c_21 = 3c/4, h = g the pure width ray y = 0 is always stationary for t*; it is a "
            "maximum iff g ≤ 16p, else the state at coexistence has a ≠ 0.",
            "value and slope in y at y = 0; the second derivative there is c²(g − 16p)/64g²",
            (gain.subs(y, 0) - c**2 / (8 * g), sp.diff(gain, y).subs(y, 0), bend - c**2 * (g - 16 * p) / (64 * g**2)),
        ),
    )
