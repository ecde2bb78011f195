"""Linear decoder and linear encoder: the complete derivation, from the loss of one mode to the whole cascade.

`derive_linear` is what ``landau-vae derive linear`` prints and where the emitter takes its formulas from. Everything
observable is written with the level ``Λ = max(λ, T)``: one formula for the active and the collapsed branch, safe at
λ = 0 (Lucas et al. 2019, arXiv:1911.02469; Dai et al. 2020, arXiv:1912.10702; Wang & Ziyin 2022, arXiv:2205.04009;
Hirn, arXiv:2605.22691).

Symbol table
------------
Those of `theory.linear_mode`, `theory.linear_landau` and `theory.decoupling`, in which the steps are made.
"""

from __future__ import annotations

import sympy as sp

from . import decoupling
from .derivation import Derivation, Quantity, Step
from .kl_identity import A, J, M
from .linear_landau import (
    COEFFICIENT,
    POWER,
    REDUCED,
    LandauSeries,
    elimination_steps,
    landau_series,
    stability_steps,
    thermodynamic_steps,
)
from .linear_mode import (
    ACTIVE,
    COLLAPSED,
    FREE,
    KL,
    LAMBDA,
    LEVEL,
    NOISE,
    THRESHOLD,
    D,
    S,
    V,
    W,
    X,
    branch_steps,
    data_average,
    distortion,
    divergence,
    mode_free_energy,
    model_steps,
)
from .loss import T

__all__ = ["LandauSeries", "derive_linear", "landau_series", "mode_free_energy"]

GAIN, UTILITY, JUMP, RATIO, EIGENVALUES = sp.symbols("G U Delta r E")


def derive_linear(order: int = 4) -> Derivation:
    """Derive the theory of the linear Gaussian model.

    Parameters
    ----------
    order : int
        Highest power of M in the Landau series, at least 2.

    Returns
    -------
    Derivation
        Model, branches, equilibrium values, Landau theory, thermodynamics, stability, decoupling.

    Raises
    ------
    InputError
        If `order` is not an integer ≥ 2.

    Examples
    --------
    >>> derivation = derive_linear()
    >>> derivation["threshold"].expression, derivation["rate"].rhs
    (Eq(T_k, lambda), log(Lambda/T)/2)
    >>> derivation["signal-fraction"].rhs
    (Lambda - T)/Lambda
    """
    landau = elimination_steps(order)
    free = mode_free_energy()
    model = model_steps(free)
    hessian = model[-1].rhs
    return Derivation(
        "linear",
        "Linear Gaussian variational autoencoder: one mode and the cascade",
        ("lucas2019", "dai2020", "wang2022", "hirn2026pruning", "cover2006"),
        (
            "Decoder and encoder are linear, the posterior width is constant; data centred with covariance S.",
            "Nothing else is assumed of the data: only second moments enter.",
            "That the K largest eigenvalues are the global minimum for K < D is cited (lucas2019, wang2022).",
        ),
        _quantities(),
        (
            *model,
            *branch_steps(free),
            *_observable_steps(free),
            *landau,
            *thermodynamic_steps(),
            *stability_steps(hessian),
            *decoupling.decoupling_steps(),
        ),
    )


def _at_equilibrium(name: str, lhs: sp.Expr, value: sp.Expr, reason: str, unit: sp.Expr = sp.S.One) -> Step:
    """Turn an observable of (w, v, s) into its equilibrium value, one formula for both branches.

    In the active value over `unit` the level Λ is written for λ. That this also holds on the collapsed branch is then
    checked by substitution, like the active branch itself.
    """
    log_ratio = sp.Dummy("log_ratio")  # ln(λ/T), kept whole: SymPy would split it
    inserted = (value / unit).subs(sp.log(S), -log_ratio).subs(ACTIVE, simultaneous=True)
    active = sp.cancel(inserted).subs(log_ratio, sp.log(LAMBDA / T))
    general = unit * active.subs(LAMBDA, LEVEL)
    return Step(
        name,
        sp.Eq(lhs, general, evaluate=False),
        reason,
        "equals the value on the active branch at Λ = λ and on the collapsed branch at Λ = T",
        (
            value.subs(ACTIVE, simultaneous=True) - general.subs(LEVEL, LAMBDA),
            value.subs(COLLAPSED, simultaneous=True) - general.subs(LEVEL, T),
        ),
    )


def _observable_steps(free: sp.Expr) -> tuple[Step, ...]:
    """Equilibrium values, each valid on both branches."""
    scale = LAMBDA * V**2 + S
    signal = LAMBDA * V**2 / scale
    posterior_mean = data_average((X - W * V * X) ** 2)
    rate = _at_equilibrium("rate", KL, divergence(), "The divergence at equilibrium, in nats.")
    signal_step = _at_equilibrium(
        "signal-fraction", M**2, signal, "M² = λv²/(λv² + s): linear in T below the threshold, exponent 1."
    )
    error = _at_equilibrium("distortion", D, distortion(), "min(λ, T): the level of reverse water-filling.", LAMBDA)
    mean_error = _at_equilibrium(
        "distortion-posterior-mean",
        D,
        posterior_mean,
        "With posterior means instead of samples: λ(1 − wv)² = λ(1 − M²)².",
        LAMBDA,
    )
    minimum = error.rhs + 2 * T * rate.rhs
    jensen = sp.log(data_average(S)) - data_average(sp.log(S))
    m2 = signal_step.rhs
    sampled = sp.cancel((LAMBDA - error.rhs) / m2)
    averaged = LAMBDA * sp.cancel((LAMBDA - mean_error.rhs) / m2 / LAMBDA)
    return (
        _at_equilibrium("decoder-weight-squared", W**2, W**2, "The decoder weight, up to its sign."),
        _at_equilibrium("encoder-weight-squared", V**2, V**2, "The encoder weight, up to its sign."),
        _at_equilibrium("posterior-variance", S, S, "The width of the posterior."),
        _at_equilibrium("posterior-scale", A**2, scale, "Stationarity fixes the scale of the latent."),
        Step(
            "jensen-gap",
            sp.Eq(J, jensen, evaluate=False),
            "J = ln E σ² − E ln σ² vanishes because the width does not depend on x.",
            "the two averages agree",
            (jensen,),
        ),
        signal_step,
        rate,
        error,
        mean_error,
        Step(
            "free-energy",
            sp.Eq(FREE, minimum, evaluate=False),
            "F* = D + 2T KL at equilibrium.",
            "equals F(w, v, s) on the active branch at Λ = λ and on the collapsed branch at Λ = T",
            (
                free.subs(ACTIVE, simultaneous=True) - minimum.subs(LEVEL, LAMBDA),
                free.subs(COLLAPSED, simultaneous=True) - minimum.subs(LEVEL, T),
            ),
        ),
        Step(
            "utility",
            sp.Eq(UTILITY, sampled, evaluate=False),
            "Sampled distortion lost per unit signal fraction when the latent is removed (w → 0): λ at every T.",
            "U M² = D(w = 0) − D on both branches",
            tuple(
                (distortion().subs({W: 0}) - distortion()).subs(branch, simultaneous=True)
                - (sampled * m2).subs(LEVEL, level)
                for branch, level in ((ACTIVE, LAMBDA), (COLLAPSED, T))
            ),
        ),
        Step(
            "utility-posterior-mean",
            sp.Eq(UTILITY, averaged, evaluate=False),
            "The same with posterior means: λ(2 − M²), that is λ at T → 0 and 2λ at the threshold.",
            "U M² = D(w = 0) − D on both branches; U = λ(2 − M²) at Λ = λ",
            (
                *(
                    (posterior_mean.subs({W: 0}) - posterior_mean).subs(branch, simultaneous=True)
                    - (averaged * m2).subs(LEVEL, level)
                    for branch, level in ((ACTIVE, LAMBDA), (COLLAPSED, T))
                ),
                averaged - LAMBDA * (2 - m2),
            ),
        ),
    )


def _quantities() -> tuple[Quantity, ...]:
    variance = "data variance"
    return (
        Quantity(X, "data along the mode, mean 0", "data"),
        Quantity(LAMBDA, "eigenvalue of the covariance, variance of x", variance),
        Quantity(T, "temperature", variance),
        Quantity(LEVEL, "level max(λ, T)", variance),
        Quantity(THRESHOLD, "collapse threshold of mode k", variance),
        Quantity(sp.Symbol("z"), "latent"),
        Quantity(NOISE, "standard normal noise"),
        Quantity(W, "decoder weight", "data"),
        Quantity(V, "encoder weight", "1/data"),
        Quantity(S, "posterior variance"),
        Quantity(FREE, "free energy", variance),
        Quantity(D, "distortion of the mode", variance),
        Quantity(sp.Symbol("D_total"), "distortion of all modes", variance),
        Quantity(KL, "divergence of the latent, the rate of the mode", "nats"),
        Quantity(M, "order parameter; M² is the signal fraction"),
        Quantity(A, "A² is the posterior scale"),
        Quantity(J, "Jensen gap", "nats"),
        Quantity(UTILITY, "utility: distortion per unit signal fraction", variance),
        Quantity(COEFFICIENT, "coefficient of M^(2k)", variance),
        Quantity(POWER, "half the power of M; index of a mode"),
        Quantity(GAIN, "free energy saved by the active branch", variance),
        Quantity(JUMP, "jump of the slope of KL", "nats per data variance"),
        Quantity(REDUCED, "reduced temperature T/λ"),
        Quantity(EIGENVALUES, "eigenvalues of the Hessian of F/λ"),
        Quantity(RATIO, "ratio of the slow rates below and above the threshold"),
        Quantity(sp.Symbol("F_k"), "free energy of mode k", variance),
        *decoupling.QUANTITIES,
    )
