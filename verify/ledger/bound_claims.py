"""Claims on bounds of the collapse temperature and of the free energy."""

from __future__ import annotations

from collections.abc import Sequence

from numerics.linear_equilibrium import cascade
from numerics.rate_distortion import gaussian_rate_distortion, rate_distortion_bound

from .by_hand import fixed_noise_gap
from .cases import (
    FEW_EIGENVALUES,
    FEW_TEMPERATURE,
    diagonal,
    few_latents,
    quantiles,
    solved,
)
from .claim import Claim, Evidence, Results
from .gather import FEW, JUMP, SWEEP, from_findings

__all__ = ["BOUND_CLAIMS"]


def _grows_with_rows(_: Results) -> Sequence[Evidence]:
    few, many, bounded = quantiles("exponential", 8), quantiles("exponential", 32), quantiles("uniform", 32)
    growth = "T*/λ_max of 32 rows minus that of 8"
    return [
        Evidence(
            growth,
            ">=",
            0.05,
            exact=(many.coexistence or 0.0) - (few.coexistence or 0.0),
            where=f"quantiles of the exponential distribution, class flexible: {few.coexistence:.4g} and "
            f"{many.coexistence:.4g}",
        ),
        Evidence(
            growth,
            ">=",
            0.05,
            exact=(bounded.coexistence or 0.0) - (quantiles("uniform", 8).coexistence or 0.0),
            where="quantiles of the uniform distribution, class flexible",
            role="counter-example",
        ),
    ]


def _sandwich(_: Results) -> Sequence[Evidence]:
    cases = (solved(0.8, 1.0), solved(0.0, 5.0), solved(0.0, 12.0, "nonlinear-decoder"), solved(0.0, -1.0))
    lower = [
        Evidence("T*/λ_max", ">=", 1.0, exact=case.coexistence, tolerance=1e-9, where=case.where) for case in cases
    ]
    upper = [
        Evidence("T*", "<=", case.upper, exact=case.coexistence, tolerance=1e-9, where=case.where) for case in cases
    ]
    return [*lower, *upper]


def _subgaussian(_: Results) -> Sequence[Evidence]:
    case = solved(0.0, -1.0)
    skewed = solved(0.8, 1.0)
    return [
        Evidence("σ²_sG/λ_max", "=", 1.0, exact=case.upper, tolerance=1e-6, where=case.where),
        Evidence("KL jump at collapse, nats", "=", 0.0, exact=case.kl_jump, tolerance=JUMP, where=case.where),
        Evidence(
            "KL jump at collapse, nats",
            "=",
            0.0,
            exact=skewed.kl_jump,
            tolerance=JUMP,
            where=skewed.where,
            role="counter-example",
        ),
    ]


def _bound(results: Results) -> Sequence[Evidence]:
    state = next(s for s in solved(0.8, 1.0).sweep.ground if s is not None)
    least = rate_distortion_bound(state.points, state.weights, state.temperature)
    return [
        *from_findings(
            "hysteresis",
            "bound/",
            "least (F − F_RD)/V of the trained models",
            relation=">=",
            predicted=0.0,
        )(results),
        Evidence(
            "(F − F_RD)/V",
            ">=",
            0.0,
            exact=state.F - least,
            where=f"{solved(0.8, 1.0).where}, T = {state.temperature:.3g} λ",
        ),
        Evidence(
            "(F − F_RD)/V",
            ">=",
            0.0,
            exact=fixed_noise_gap(0.5),
            tolerance=1e-6,
            where="fair coin, T = 0.5 λ, decoder fitted to two draws of noise that never change",
            role="counter-example",
        ),
    ]


def _attained(results: Results) -> Sequence[Evidence]:
    T, spectrum = FEW_TEMPERATURE, diagonal(*FEW_EIGENVALUES)
    bound = float(gaussian_rate_distortion(FEW_EIGENVALUES, T))
    return [
        Evidence(
            "F",
            "=",
            bound,
            exact=float(cascade(spectrum, latents=2).free_energy(T)[0]),
            tolerance=1e-12,
            where=f"two latents, variances 1 and 0.5, T = {T:g}, class linear",
        ),
        *from_findings(
            "hysteresis", "bound/gaussian", "(F − F_RD)/V of the trained models", predicted=0.0, tolerance=1e-3
        )(results),
        Evidence(
            "F",
            "=",
            bound,
            exact=float(cascade(spectrum, latents=1).free_energy(T)[0]),
            tolerance=1e-3,
            where=f"{FEW}, class linear",
            role="counter-example",
        ),
        Evidence(
            "F",
            "=",
            bound,
            exact=few_latents().F,
            tolerance=1e-3,
            where=f"{FEW} (68 nodes of a Gauss–Hermite quadrature), class flexible: lower, but not there",
            role="counter-example",
        ),
    ]


BOUND_CLAIMS = (
    Claim(
        "sandwich",
        "λ_max ≤ T* ≤ σ²_sG for every architecture that represents small linear maps, any depth and K.",
        ("landau-vae",),
        "",
        "",
        "",
        "sandwich",
        "numerics.subgaussian.subgaussian_proxy",
        (),
        _sandwich,
    ),
    Claim(
        "collapse-grows-with-rows",
        "The collapse temperature T* grows with the number of rows.",
        ("landau-vae",),
        "",
        "data without sub-Gaussian tails: the farthest row is worth a latent",
        "the tails are bounded: T* = λ_max for any number of rows of strictly sub-Gaussian data",
        "sandwich",
        SWEEP,
        (),
        _grows_with_rows,
    ),
    Claim(
        "sub-gaussian-continuous",
        "Full collapse is lost without a jump.",
        ("landau-vae", "hirn2026pruning"),
        "",
        "strictly sub-Gaussian data (σ²_sG = λ_max) whose zero-rate optimum is unique: Gaussian, "
        "uniform, fair two-point",
        "σ²_sG > λ_max and the class is free",
        "sandwich",
        "numerics.subgaussian.subgaussian_proxy",
        (),
        _subgaussian,
    ),
    Claim(
        "rate-distortion-bound",
        "No VAE lies below the rate–distortion bound: F ≥ min_D [D + 2T R(D)].",
        ("cover2006", "alemi2018"),
        "Theorem 10.2.1 of the first",
        "noise is drawn afresh at every step",
        "the draws of noise are fixed: the decoder learns them and reads the data from a latent without rate",
        "sandwich",
        "numerics.rate_distortion.rate_distortion",
        ("hysteresis",),
        _bound,
    ),
    Claim(
        "bound-attained",
        "On Gaussian data a VAE, already a linear one, attains the rate–distortion bound.",
        ("cover2006", "alemi2018"),
        "§10.3.3 of the first",
        "K ≥ number of λ_k > T",
        "latents are fewer than modes above T: neither a linear nor a free VAE comes down to it",
        "linear",
        "numerics.rate_distortion.gaussian_rate_distortion",
        ("hysteresis",),
        _attained,
    ),
)
"""In the order of the ledger."""
