"""Claims about relatives of the plain VAE and about its dynamics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics import _formulas
from numerics.beta_scale import BetaScale
from numerics.linear_equilibrium import cascade
from numerics.linear_landscape import LinearVAE
from numerics.slowing_down import measure_relaxation
from numerics.spectrum import Spectrum
from numerics.stationary import families

from .claim import Claim, Evidence, Results
from .linear_claims import from_findings

__all__ = ["RELATIVE_CLAIMS"]


def _slowing_down(_: Results) -> Sequence[Evidence]:
    above, below = measure_relaxation(1.0, 1.01), measure_relaxation(1.0, 0.99)
    nearer = measure_relaxation(1.0, 1.001)
    return [
        Evidence(
            "rate below over rate above",
            "=",
            2.0,
            exact=below.measured / above.measured,
            tolerance=0.05,
            where="λ = 1, |T − λ| = 0.01",
        ),
        Evidence(
            "rate at distance 0.01 over rate at 0.001",
            "=",
            10.0,
            exact=above.measured / nearer.measured,
            tolerance=0.1,
            where="λ = 1, above the threshold",
        ),
    ]


def _bernoulli(results: Results) -> Sequence[Evidence]:
    return from_findings(
        "threshold", "bernoulli/", "critical β over the top eigenvalue of the correlations", tolerance=0.03
    )(results)


def _degenerate(_: Results) -> Sequence[Evidence]:
    limits = [family.limit for family in families(LinearVAE(np.array([2.0, 2.0]), 2)) if family.groups]
    return [
        Evidence(
            f"temperature at which the {which} active family ends",
            "=",
            2.0,
            exact=limit,
            tolerance=1e-12,
            where="λ = (2, 2)",
        )
        for which, limit in (("first", min(limits)), ("last", max(limits)))
    ]


def _subsets(_: Results) -> Sequence[Evidence]:
    eigenvalues, T = np.array([2.0, 1.0]), 0.5
    found = {family.label: family for family in families(LinearVAE(eigenvalues, 2))}
    optimum = float(np.sum(_formulas.free_energy(eigenvalues, T)))
    lowest = min(family.free_energy(T) for family in found.values() if family.limit > T)
    return [
        Evidence(
            "lowest free energy of all families",
            "=",
            optimum,
            exact=lowest,
            tolerance=1e-12,
            where="λ = (2, 1), T = 0.5",
        ),
        Evidence(
            "kinds of stationary points",
            "=",
            4.0,
            exact=float(len(found)),
            where="λ = (2, 1), two latents",
            role="counter-example",
        ),
    ]


def _learned_variance(_: Results) -> Sequence[Evidence]:
    eigenvalues = np.array([4.0, 2.0, 1.0, 1.0])
    scale = BetaScale(cascade(Spectrum.from_covariance(np.diag(eigenvalues)), latents=2), learned_variance=True)
    full = BetaScale(cascade(Spectrum.from_covariance(np.diag(eigenvalues)), latents=4), learned_variance=True)
    T = float(scale.temperature(1.0)[0])
    left = float(np.minimum(T, eigenvalues[:2]).sum() + eigenvalues[2:].sum())
    return [
        Evidence("T of probabilistic PCA: mean of what is discarded", "=", 1.0, exact=T, tolerance=1e-12,
                 where="λ = (4, 2, 1, 1), K = 2, β = 1"),
        Evidence("T D/Dist(T)", "=", 1.0, exact=4 * T / left, tolerance=1e-12, where="λ = (4, 2, 1, 1), K = 2, β = 1"),
        Evidence("β below which the variance runs to 0", "=", 1.0, exact=full.degenerate_below, tolerance=1e-12,
                 where="λ = (4, 2, 1, 1), K = 4"),
        Evidence("T just above it", ">=", 1.0, exact=float(full.temperature(1 + 1e-9)[0]), tolerance=1e-6,
                 where="λ = (4, 2, 1, 1), K = 4: T jumps from 0 to the least eigenvalue"),
    ]  # fmt: skip


RELATIVE_CLAIMS = (
    Claim(
        "critical-slowing-down",
        "Gradient flow slows down linearly in |T − T_k|, twice as fast below the threshold as above.",
        ("ichikawa2024", "landau-vae"),
        "",
        "the shallow linear model",
        "",
        "relaxation-rates",
        "numerics.slowing_down.measure_relaxation",
        (),
        _slowing_down,
    ),
    Claim(
        "bernoulli-threshold",
        "With a Bernoulli decoder full collapse loses stability at the top eigenvalue of the correlation matrix.",
        ("lucas2019", "landau-vae"),
        "",
        "binary data",
        "",
        "bernoulli",
        "numerics.conventions",
        ("threshold",),
        _bernoulli,
    ),
    Claim(
        "learned-variance",
        "A learned decoder variance settles where T = β Dist(T)/D, with a jump from 0 at β = D/rank if K ≥ rank.",
        ("tipping1999", "dai2020", "landau-vae"),
        "",
        "the class `linear`",
        "",
        "learned-variance",
        "numerics.beta_scale.BetaScale",
        (),
        _learned_variance,
    ),
    Claim(
        "degenerate-together",
        "Degenerate eigenvalues collapse together.",
        ("hirn2026pruning",),
        "",
        "",
        "",
        "linear",
        "numerics.stationary.families",
        (),
        _degenerate,
    ),
    Claim(
        "only-subsets",
        "The stationary points of a linear VAE are the subsets of kept eigenvectors.",
        ("wang2022", "lucas2019"),
        "",
        "each latent has a direction of its own; the optimum keeps the K largest",
        "latents share directions: λ = (2, 1) has seven kinds, and the one that mixes both modes lives above "
        "T_2, up to √λ₂(√λ₁+√λ₂)/2",
        "linear",
        "numerics.stationary.families",
        (),
        _subsets,
    ),
)
"""In the order of the ledger."""
