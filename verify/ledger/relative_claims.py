"""Claims about relatives of the plain VAE, about its dynamics, and about the ways its loss is written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numerics import _formulas
from numerics.beta_scale import BetaScale
from numerics.conventions import temperature_of
from numerics.linear_equilibrium import cascade
from numerics.linear_landscape import LinearVAE
from numerics.slowing_down import measure_relaxation
from numerics.spectrum import Spectrum
from numerics.stationary import families

from .by_hand import (
    LOSSES_AS_WRITTEN,
    bottleneck_betas,
    conditional_gain,
    deep_linear_rate,
    quartic_ratio,
    written_temperature,
)
from .claim import Claim, Evidence, Results
from .gather import from_findings

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
        Evidence(
            "rate at T = 1.1 λ",
            ">=",
            0.01,
            exact=measure_relaxation(1.0, 1.1).measured,
            where="λ = 1",
        ),
        Evidence(
            "rate at T = 1.1 λ",
            ">=",
            0.01,
            exact=abs(deep_linear_rate(1.1)),
            where="λ = 1, decoder weight a product of two",
            role="counter-example",
        ),
    ]


def _bernoulli(results: Results) -> Sequence[Evidence]:
    return from_findings(
        "threshold",
        "bernoulli/",
        "critical β over the top eigenvalue of the correlations",
        predicted=1.0,
        tolerance=0.03,
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
    lam = np.array([4.0, 2.0, 1.0, 1.0])
    scale = BetaScale(cascade(Spectrum.from_covariance(np.diag(lam)), latents=2), learned_variance=True)
    T = float(scale.temperature(1.0)[0])
    left = float(np.minimum(T, lam[:2]).sum() + lam[2:].sum())
    where = "λ = (4, 2, 1, 1), K = 2, β = 1"
    found = [
        Evidence("T of probabilistic PCA: mean of what is discarded", "=", 1.0, exact=T, tolerance=1e-12, where=where),
        Evidence("T D/Dist(T)", "=", 1.0, exact=4 * T / left, tolerance=1e-12, where=where),
    ]
    # Also with fewer modes than features, where the jump lies at D/rank, not at 1.
    for values in ((4.0, 2.0, 1.0, 1.0), (4.0, 2.0, 1.0, 0.0, 0.0, 0.0)):
        rank = int(np.count_nonzero(values))
        full = BetaScale(cascade(Spectrum.from_covariance(np.diag(values)), latents=rank), learned_variance=True)
        edge, named = len(values) / rank, f"D = {len(values)}, λ = {values[:rank]}, K = rank = {rank}"
        found += [
            Evidence(
                "β below which the variance runs to 0",
                "=",
                edge,
                exact=full.degenerate_below,
                tolerance=1e-12,
                where=named,
            ),
            Evidence(
                "T just above it: the least positive eigenvalue",
                "=",
                values[rank - 1],
                exact=float(full.temperature(edge * (1 + 1e-9))[0]),
                tolerance=1e-6,
                where=named,
            ),
        ]
    return found


def _quartic(_: Results) -> Sequence[Evidence]:
    return [
        Evidence(
            "M⁴ coefficient at the threshold, learned over fixed variance",
            "=",
            1 - share,
            exact=quartic_ratio(share),
            tolerance=1e-4,
            where=f"linear mode, λ/V = {share:g}, D = 4",
        )
        for share in (0.3, 0.6)
    ]


def _conversions(_: Results) -> Sequence[Evidence]:
    """T at β = 1 by the table, beside the T of the loss of one batch as code writes it."""
    B, D, K, eta = 7, 5, 3, 0.3
    meant = {
        "elbo": ("β η²", eta), "half-sse": ("β", 1.0), "sse": ("β/2", 0.5), "mse": ("β D/2", D / 2),
        "mse-mean-kl": ("β D/(2K)", D / (2 * K)), "mse-sum-kl": ("β B D/2", B * D / 2),
    }  # fmt: skip
    sizes = {"features": D, "latents": K, "batch_size": B, "decoder_variance": eta}
    found = []
    for loss in LOSSES_AS_WRITTEN:
        formula, predicted = meant[loss]
        for words, exact in (
            ("numerics.conventions", float(temperature_of(loss, 1.0, **sizes))),  # type: ignore[arg-type]
            ("the loss of a batch as code writes it", written_temperature(loss, B, D, K)),
        ):
            found.append(
                Evidence(
                    f"T = {formula} at β = 1",
                    "=",
                    predicted,
                    exact=exact,
                    tolerance=1e-12,
                    where=f"{loss}: {words}; B = {B}, D = {D}, K = {K}, η² = {eta:g}",
                )
            )
    return found


def _bottleneck(_: Results) -> Sequence[Evidence]:
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    seen = np.array([[1.0, 0.2], [-0.3, 0.8]])  # y = seenᵀ x + noise
    noise = np.diag([0.7, 1.5])
    cross = covariance @ seen
    given = covariance - cross @ np.linalg.solve(seen.T @ cross + noise, cross.T)
    ell = np.sort(np.linalg.eigvals(given @ np.linalg.inv(covariance)).real)
    return [
        Evidence(
            f"β_{i}",
            "=",
            float(1 / (1 - value)),
            exact=exact,
            relative=1e-6,
            where=f"two jointly Gaussian pairs, ℓ = {value:.4g}: I(x; z)/I(z; y) of small latents, over all directions",
        )
        for i, (value, exact) in enumerate(zip(ell, bottleneck_betas(covariance, given), strict=True), 1)
    ]


def _conditional(_: Results) -> Sequence[Evidence]:
    joint = np.array([[2.0, 0.3, 0.8], [0.3, 1.0, 0.2], [0.8, 0.2, 1.5]])
    residual = joint[:2, :2] - np.outer(joint[:2, 2], joint[:2, 2]) / joint[2, 2]
    top = float(np.linalg.eigvalsh(residual)[-1])
    plain = float(np.linalg.eigvalsh(joint[:2, :2])[-1])
    return [
        Evidence(
            "gain of the best latent over none, data²",
            "=",
            top - float(_formulas.free_energy(top, share * top)),
            exact=conditional_gain(joint, share * top),
            tolerance=1e-6,
            where=f"two features and a condition, T = {share:g} λ_max(S_x|c), λ_max(S_x|c) = {top:.4g}, "
            f"λ_max(S_x) = {plain:.4g}",
        )
        for share in (0.7, 0.95, 1.02)
    ]


def _together(_: Results) -> Sequence[Evidence]:
    """Zero modes of the Hessian of full collapse at T = λ_1, which is simple."""
    found = []
    for latents in (1, 2, 3):
        model = LinearVAE(np.array([2.0, 1.0]), latents)
        values = np.linalg.eigvalsh(np.asarray(model.landscape.hessian(model.collapsed, 2.0), dtype=np.float64))
        found.append(
            Evidence(
                "soft directions of full collapse at T = λ_1",
                "=",
                float(latents),
                exact=float(np.count_nonzero(np.abs(values) < 1e-9)),
                where=f"λ = (2, 1), K = {latents}, class linear",
            )
        )
    return found


RELATIVE_CLAIMS = (
    Claim(
        "conversions",
        "T = β η² for the negative log-likelihood, β for half the squared error, β/2 for the squared error, β D/2 if "
        "it is averaged over D features, β D/(2K) if the divergence is averaged over K latents, too, and β B D/2 if "
        "that is summed over a batch of B rows.",
        ("alemi2018", "hirn2026pruning"),
        "",
        "",
        "",
        "loss",
        "numerics.conventions.temperature_of",
        (),
        _conversions,
    ),
    Claim(
        "together",
        "All K collapsed latents become critical together at λ_1, even if it is simple.",
        ("landau-vae",),
        "",
        "",
        "",
        "linear",
        "numerics.linear_landscape.LinearVAE",
        (),
        _together,
    ),
    Claim(
        "bottleneck",
        "In the Gaussian information bottleneck the critical weights are β_i = 1/(1 − ℓ_i), ℓ_i the eigenvalues of "
        "Σ_x|y Σ_x⁻¹.",
        ("chechik2005",),
        "Theorem 3.1",
        "",
        "",
        "bottleneck",
        "verify.ledger.by_hand.bottleneck_betas",
        (),
        _bottleneck,
    ),
    Claim(
        "conditional",
        "A linear conditional VAE collapses as a linear VAE of the residual covariance of x given the condition.",
        ("dang2024", "landau-vae"),
        "",
        "",
        "",
        "conditional",
        "verify.ledger.by_hand.conditional_gain",
        (),
        _conditional,
    ),
    Claim(
        "learned-variance-quartic",
        "A learned decoder variance lowers the Landau quartic: by the share 1 − λ/V in the linear VAE.",
        ("landau-vae",),
        "",
        "",
        "",
        "learned-variance",
        "verify.ledger.by_hand.quartic_ratio",
        (),
        _quartic,
    ),
    Claim(
        "critical-slowing-down",
        "Gradient flow slows down linearly in |T − T_k|, twice as fast below the threshold as above.",
        ("ichikawa2024", "landau-vae"),
        "",
        "the shallow linear model",
        "a weight is a product of two: collapse is flat to second order, and no rate is linear in the distance",
        "relaxation-rates",
        "numerics.slowing_down.measure_relaxation",
        (),
        _slowing_down,
    ),
    Claim(
        "bernoulli-threshold",
        "With a Bernoulli decoder on binary data full collapse loses stability at the top eigenvalue of the "
        "correlation matrix.",
        ("lucas2019", "landau-vae"),
        "",
        "",
        "",
        "bernoulli",
        "numerics.fisher.loss_spectrum",
        ("threshold",),
        _bernoulli,
    ),
    Claim(
        "learned-variance",
        "In a linear VAE a learned decoder variance settles where T = β Dist(T)/D, with a jump from 0 at β = D/rank if "
        "K ≥ rank; at β = 1 it is that of probabilistic PCA.",
        ("tipping1999", "dai2020", "landau-vae"),
        "§3.2 of the first",
        "",
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
