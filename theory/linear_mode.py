"""One mode of the linear Gaussian model: its free energy, gradient and all stationary points.

Along an eigenvector of the covariance with eigenvalue λ the encoder is ``z = v x + √s ε`` and the decoder ``f = w z``.
Averaging ``(x − f)²`` and the divergence gives F(w, v, s); its gradient has one collapsed and, for T < λ, one active
branch (up to the sign of w and v). Compare Lucas et al. 2019 (arXiv:1911.02469).

Symbol table
------------
symbol     meaning                                                   unit
x          data along the mode, mean 0, variance λ                   data
lambda     eigenvalue of the covariance                              data variance
T          temperature                                               data variance
w, v, s    decoder weight, encoder weight, posterior variance        data, 1/data, 1
F          free energy of the mode                                   data variance
Lambda     level max(λ, T)                                           data variance
"""

from __future__ import annotations

import sympy as sp

from .derivation import Step
from .loss import T, gaussian_expectation, gaussian_kl

__all__ = ["branch_steps", "mode_free_energy", "model_steps"]

LAMBDA, S = sp.symbols("lambda s", positive=True)
W, V = sp.symbols("w v", real=True)
LEVEL = sp.Symbol("Lambda", positive=True)
THRESHOLD = sp.Symbol("T_k", positive=True)
X, NOISE = sp.symbols("x epsilon", real=True)
FREE, KL, D = sp.symbols("F KL D", real=True)
LATENT = V * X + sp.sqrt(S) * NOISE

COLLAPSED = {W: sp.S.Zero, V: sp.S.Zero, S: sp.S.One}
ACTIVE = {W: sp.sqrt(LAMBDA - T), V: sp.sqrt(LAMBDA - T) / LAMBDA, S: T / LAMBDA}
"""The two branches; the active one is real for T ≤ λ."""


def data_average(expression: sp.Expr) -> sp.Expr:
    """Average over data with mean 0 and variance λ of an expression at most quadratic in x; nothing else is assumed."""
    moments = {0: sp.S.One, 1: sp.S.Zero, 2: LAMBDA}
    return sp.expand(sum(c * moments[power] for (power,), c in sp.Poly(sp.expand(expression), X).terms()))


def distortion() -> sp.Expr:
    return data_average(gaussian_expectation((X - W * LATENT) ** 2, NOISE))


def divergence() -> sp.Expr:
    return data_average(sp.expand_log(gaussian_kl(V * X, sp.sqrt(S))))


def mode_free_energy() -> sp.Expr:
    """Free energy of one mode in (w, v, s), by averaging over the noise and the data.

    Examples
    --------
    >>> sp.expand(mode_free_energy() - (LAMBDA * (1 - W * V) ** 2 + W**2 * S + T * (LAMBDA * V**2 + S - sp.log(S) - 1)))
    0
    """
    return sp.expand(distortion() + 2 * T * divergence())


def model_steps(free: sp.Expr) -> tuple[Step, ...]:
    """From the encoder to F, its gradient and its Hessian."""
    variables = (W, V, S)
    gradient = sp.Matrix([sp.diff(free, variable) for variable in variables])
    hessian = sp.hessian(free, variables)
    direction = sp.Matrix(sp.symbols("d_w d_v d_s", real=True))
    h = sp.Symbol("h", real=True)
    moved = free.subs({y: y + h * d for y, d in zip(variables, direction, strict=True)}, simultaneous=True)
    compact = LAMBDA * (1 - W * V) ** 2 + W**2 * S + T * (LAMBDA * V**2 + S - sp.log(S) - 1)
    return (
        Step(
            "encoder",
            sp.Eq(sp.Symbol("z"), LATENT, evaluate=False),
            "A linear encoder of constant width sees the mode x with mean 0 and variance λ.",
            "given x, z has mean v x and variance s; over the data, mean 0 and variance A² = λv² + s",
            (
                gaussian_expectation(LATENT, NOISE) - V * X,
                gaussian_expectation((LATENT - V * X) ** 2, NOISE) - S,
                data_average(gaussian_expectation(LATENT, NOISE)),
                data_average(gaussian_expectation(LATENT**2, NOISE)) - (LAMBDA * V**2 + S),
            ),
        ),
        Step(
            "mode-distortion",
            sp.Eq(D, LAMBDA * (1 - W * V) ** 2 + W**2 * S, evaluate=False),
            "Average (x − w z)² over the noise, then over the data.",
            "the average minus this is zero",
            (distortion() - (LAMBDA * (1 - W * V) ** 2 + W**2 * S),),
        ),
        Step(
            "mode-rate",
            sp.Eq(KL, (LAMBDA * V**2 + S - 1 - sp.log(S)) / 2, evaluate=False),
            "Average the divergence of N(v x, s) from N(0, 1) over the data.",
            "the average minus this is zero",
            (divergence() - (LAMBDA * V**2 + S - 1 - sp.log(S)) / 2,),
        ),
        Step(
            "mode-free-energy",
            sp.Eq(FREE, compact, evaluate=False),
            "F = D + 2T KL.",
            "the two averages combined minus this are zero; F is even in (w, v)",
            (free - compact, free.subs({W: -W, V: -V}, simultaneous=True) - free),
        ),
        Step(
            "gradient",
            gradient,
            "Derivatives with respect to (w, v, s).",
            "w F_w − v F_v − 2s F_s = −2T(A² − 1): only the divergence feels z → cz, the distortion does not",
            (
                W * gradient[0] - V * gradient[1] - 2 * S * gradient[2] + 2 * T * (LAMBDA * V**2 + S - 1),
                sp.diff(moved, h).subs(h, 0) - (gradient.T * direction)[0, 0],
            ),
        ),
        Step(
            "hessian",
            hessian,
            "Second derivatives with respect to (w, v, s).",
            "its quadratic form is the second derivative of F along an arbitrary line",
            (sp.diff(moved, h, 2).subs(h, 0) - (direction.T * hessian * direction)[0, 0],),
        ),
    )


def branch_steps(free: sp.Expr) -> tuple[Step, ...]:
    """Solve the gradient: all stationary points, and the threshold."""
    (width,) = sp.solve(sp.diff(free, S), S)
    (encoder,) = sp.solve(sp.diff(free, V).subs(S, width), V)
    slope = sp.factor(sp.diff(free, W).subs(S, width).subs(V, encoder))
    numerator, denominator = sp.fraction(slope)
    square = sp.Symbol("w2", real=True)
    (active_square,) = sp.solve(sp.cancel(numerator / W).subs(W**2, square), square)
    gradient = [sp.diff(free, variable) for variable in (W, V, S)]
    (threshold,) = sp.solve(active_square, T)
    return (
        Step(
            "width-eliminated",
            sp.Eq(S, width, evaluate=False),
            "∂F/∂s = 0 is linear in 1/s: one solution, positive for every w.",
            "substituted into ∂F/∂s; F is convex in s",
            (sp.diff(free, S).subs(S, width),),
            (sp.diff(free, S, 2), width),
        ),
        Step(
            "encoder-eliminated",
            sp.Eq(V, encoder, evaluate=False),
            "∂F/∂v = 0 is linear in v: one solution for every w.",
            "substituted into ∂F/∂v; F is convex in v",
            (sp.diff(free, V).subs(V, encoder),),
            (sp.diff(free, V, 2),),
        ),
        Step(
            "remaining-equation",
            sp.Eq(slope, 0, evaluate=False),
            "∂F/∂w with s and v eliminated: a cubic in w over a positive denominator.",
            "the slope times (w² + T)² is 2T w (w² + T − λ); the denominator is positive",
            (slope * (W**2 + T) ** 2 - 2 * T * W * (W**2 + T - LAMBDA),),
            (denominator,),
        ),
        Step(
            "collapsed",
            sp.Matrix([COLLAPSED[W], COLLAPSED[V], COLLAPSED[S]]),
            "The root w = 0: the latent carries nothing, at every T.",
            "substituted into all three derivatives",
            tuple(g.subs(COLLAPSED, simultaneous=True) for g in gradient),
        ),
        Step(
            "active",
            sp.Matrix([ACTIVE[W], ACTIVE[V], ACTIVE[S]]),
            "The roots w² = λ − T, real for T < λ; the other sign of (w, v) is the same state.",
            "substituted into all three derivatives, for both signs",
            (
                active_square - (LAMBDA - T),
                *(g.subs(ACTIVE, simultaneous=True) for g in gradient),
                *(g.subs({**ACTIVE, W: -ACTIVE[W], V: -ACTIVE[V]}, simultaneous=True) for g in gradient),
            ),
        ),
        Step(
            "completeness",
            sp.Eq(W * (W - ACTIVE[W]) * (W + ACTIVE[W]), 0, evaluate=False),
            "No other stationary point: s and v were unique for each w, and a cubic has three roots.",
            "the numerator of the remaining equation is 2T times this product",
            (numerator - 2 * T * W * (W - ACTIVE[W]) * (W + ACTIVE[W]),),
        ),
        Step(
            "threshold",
            sp.Eq(THRESHOLD, threshold, evaluate=False),
            "The active branch leaves the collapsed one where w² = λ − T reaches zero.",
            "at T = λ the two branches are one point, and w² has slope −1 there",
            (
                *(ACTIVE[y].subs(T, threshold) - COLLAPSED[y] for y in (W, V, S)),
                sp.diff(active_square, T) + 1,
            ),
        ),
        Step(
            "level",
            sp.Eq(LEVEL, sp.Max(LAMBDA, T), evaluate=False),
            "With Λ = w² + T the eliminations read s = T/Λ, v = w/Λ: Λ = λ when active, Λ = T when collapsed.",
            "w² = Λ − T is the active root at Λ = λ and the collapsed one at Λ = T; s and v follow",
            (
                (LEVEL - T).subs(LEVEL, LAMBDA) - active_square,
                width.subs(W, sp.sqrt(LEVEL - T)) - T / LEVEL,
                encoder.subs(W, sp.sqrt(LEVEL - T)) - sp.sqrt(LEVEL - T) / LEVEL,
            ),
        ),
    )
