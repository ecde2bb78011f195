"""Claims of the linear-Gaussian theory: thresholds, order parameters, spectra, stationarity.

The exact side is the closed-form cascade; the measured side are the linear models of the experiment ``threshold``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from numerics import _formulas
from numerics.linear_equilibrium import cascade

from ..posterior import posterior_statistics
from .by_hand import posterior_with_width, tied_scale
from .cases import FEW_EIGENVALUES, FEW_TEMPERATURE, diagonal, few_latents, solved
from .claim import Claim, Evidence, Results
from .gather import FEW, from_findings

__all__ = ["LINEAR_CLAIMS"]

_CASCADE = "numerics.linear_equilibrium.Cascade"
_LINEAR = "decoder and μ(x) linear, σ constant (the class `linear`), any data"


def _trained(
    check: str,
    quantity: str,
    *,
    relative: float = 0.0,
    tolerance: float = 0.0,
    predicted: float | None = None,
) -> Callable[..., list[Evidence]]:
    return from_findings(
        "threshold", f"linear/{check}", quantity, relative=relative, tolerance=tolerance, predicted=predicted
    )


def _three_spectra(results: Results) -> Sequence[Evidence]:
    skewed = solved(0.8, 1.0)
    return [
        *_trained("collapse-spectrum", "threshold t_k of M²", relative=0.01)(results),
        *_trained("rate-spectrum", "threshold t_k of the rate", relative=0.01)(results),
        *_trained("utility-spectrum", "distortion saved per unit M², over V", relative=0.01)(results),
        *_trained("identity", "R² of ln utility against ln threshold", tolerance=1e-3, predicted=1.0)(results),
        Evidence(
            "T_1/λ_1", "=", 1.0, exact=skewed.coexistence, tolerance=1e-3, where=skewed.where, role="counter-example"
        ),
    ]


def _mean_field(results: Results) -> Sequence[Evidence]:
    skewed, few = solved(0.8, 1.0), few_latents()
    law = float(_formulas.signal_fraction(FEW_EIGENVALUES[0], FEW_TEMPERATURE))
    return [
        *_trained("signal-fraction", "M² where it is farthest off", tolerance=0.01)(results),
        *_trained("exponent", "exponent of M²", tolerance=0.02, predicted=1.0)(results),
        *from_findings(
            "threshold", "mean-field/", "largest deviation of M² from 1 − T/λ", tolerance=0.03, predicted=0.0
        )(results),
        Evidence(
            "KL just below the collapse of the latent, nats",
            "=",
            0.0,
            exact=skewed.kl_jump,
            tolerance=1e-3,
            where=skewed.where,
            role="counter-example",
        ),
        Evidence(
            "M²",
            "=",
            law,
            exact=float(few.signal_fraction[0]),
            tolerance=0.02,
            where=f"{FEW} (68 nodes of a Gauss–Hermite quadrature), class flexible",
            role="counter-example",
        ),
        *_few_trained(results),
    ]


def _few_trained(results: Results) -> list[Evidence]:
    """Networks with too few latents, where they were trained: F of the linear optimum is that of the law."""
    found = results.findings("threshold", "fewer-latents/free-energy")
    return [
        Evidence.of("F, and that of the law", "=", f, relative=0.02, role="counter-example") for f in found.values()
    ]


def _water_filling(results: Results) -> Sequence[Evidence]:
    T, spectrum = FEW_TEMPERATURE, diagonal(*FEW_EIGENVALUES)
    filled = float(np.minimum(T, FEW_EIGENVALUES).sum())
    return [
        *_trained("distortion", "D/V", relative=0.01)(results),
        Evidence(
            "D",
            "=",
            filled,
            exact=float(cascade(spectrum, latents=1).distortion(T)[0]),
            tolerance=1e-9,
            where=f"{FEW}, class linear",
            role="counter-example",
        ),
    ]


def _rate(results: Results) -> Sequence[Evidence]:
    skewed = solved(0.8, 1.0)
    return [
        *_trained("rate", "KL_k where it is farthest off, nats", tolerance=0.05)(results),
        *_trained("jensen-gap", "J_k, nats", tolerance=1e-6, predicted=0.0)(results),
        Evidence(
            "KL just below the collapse of the latent, nats",
            "=",
            0.0,
            exact=skewed.kl_jump,
            tolerance=1e-3,
            where=skewed.where,
            role="counter-example",
        ),
    ]


def _envelope(results: Results) -> Sequence[Evidence]:
    sweep = solved(0.8, 1.0).sweep
    found = [(float(t), s.F, s.kl) for t, s in zip(sweep.temperatures, sweep.ground, strict=True) if s is not None]
    T, F, kl = (np.array(column) for column in zip(*found, strict=True))
    slopes = np.diff(F) / np.diff(T)
    # Concave: a chord's slope lies between the slopes at its ends.
    outside = np.maximum(2 * kl[1:] - slopes, slopes - 2 * kl[:-1]).max()
    return [
        *_trained("slope", "ΔF over ∫2 KL dT", tolerance=0.01, predicted=1.0)(results),
        *_trained("concavity", "largest gain of another T's model, of F", tolerance=1e-3, predicted=0.0)(results),
        Evidence(
            "farthest that a slope of F* leaves [2 KL*(T + dT), 2 KL*(T)]",
            "<=",
            0.0,
            exact=float(outside),
            tolerance=1e-8,
            where=f"{solved(0.8, 1.0).where}: through a jump of the rate",
        ),
    ]


def _stationary(results: Results) -> Sequence[Evidence]:
    return [
        *_trained("posterior-scale", "A² where it is farthest off", tolerance=0.01, predicted=1.0)(results),
        *_trained("centred", "E μ where it is farthest off", tolerance=0.01, predicted=0.0)(results),
        *from_findings("threshold", "posterior-scale/", "A² where it is farthest off", tolerance=0.1, predicted=1.0)(
            results
        ),
        *[
            Evidence(
                "A²", "=", 1.0, exact=float(s.scale[0]), tolerance=1e-6, where=f"{case.where}, T = {s.temperature:.3g}"
            )
            for case in (solved(0.8, 1.0),)
            for s in case.sweep.up[:1]
            if s is not None
        ],
        Evidence(
            "A²",
            "=",
            1.0,
            exact=tied_scale(2.0, 0.5),
            tolerance=0.01,
            where="linear VAE with tied weights, w = v, λ = 2, T = 0.5",
            role="counter-example",
        ),
    ]


_FACTOR = 3.0
"""By which a latent is rescaled."""


def _invariance(results: Results) -> Sequence[Evidence]:
    mu, log_variance = posterior_with_width()
    before = posterior_statistics(mu, log_variance)
    after = posterior_statistics(_FACTOR * mu, log_variance + 2 * np.log(_FACTOR))
    where = "200 rows, posterior of varying width off equilibrium"
    return [
        Evidence(
            "M² after z → 3z",
            "=",
            float(before.signal_fraction[0]),
            exact=float(after.signal_fraction[0]),
            tolerance=1e-12,
            where=where,
        ),
        *from_findings("threshold", "invariance/signal-fraction", "M² of a trained model after z → 3z", tolerance=1e-6)(
            results
        ),
        *from_findings(
            "threshold", "invariance/reconstruction", "change of a reconstruction", tolerance=1e-6, predicted=0.0
        )(results),
        Evidence(
            "Var μ after z → 3z",
            "=",
            float(before.variance[0]),
            exact=float(after.variance[0]),
            tolerance=1e-12,
            where=where,
            role="counter-example",
        ),
    ]


def _kl_split(results: Results) -> Sequence[Evidence]:
    mu, log_variance = posterior_with_width()
    found = posterior_statistics(mu, log_variance)
    direct = float(0.5 * (mu**2 + np.exp(log_variance) - 1 - log_variance).mean())
    terms = _formulas.kl_terms(found.signal_fraction, found.posterior_scale, found.jensen, found.mean)
    where = f"200 rows, posterior of varying width off equilibrium, J = {found.jensen[0]:.3g}"
    least = min(
        float(np.min(_formulas.kl_terms(each.signal_fraction, each.posterior_scale, each.jensen, each.mean)))
        for each in (posterior_statistics(*posterior_with_width(rows, rows)) for rows in range(2, 102))
    )
    return [
        Evidence(
            "sum of the four terms, nats",
            "=",
            direct,
            exact=float(sum(term[0] for term in terms)),
            tolerance=1e-12,
            where=where,
        ),
        Evidence("least of the four terms, nats", ">=", 0.0, exact=least, where="posteriors of 2 to 101 rows"),
        *from_findings("threshold", "kl-split/", "sum of the four terms over the KL", tolerance=1e-5, predicted=1.0)(
            results
        ),
    ]


LINEAR_CLAIMS = (
    Claim(
        "three-spectra",
        "Collapse thresholds, utilities and PCA eigenvalues are one spectrum: T_k = λ_k.",
        ("hirn2026pruning", "lucas2019"),
        "abstract of the first",
        _LINEAR,
        "encoder and decoder are free and the mode is skewed: it is lost at T* > λ_1",
        "linear",
        _CASCADE,
        ("threshold",),
        _three_spectra,
    ),
    Claim(
        "mean-field-law",
        "Each collapse follows a mean-field law, M_k² = [1 − T/T_k]₊, continuous at the threshold.",
        ("hirn2026pruning",),
        "abstract",
        "the class `linear` on any data, or any class on Gaussian data with K ≥ number of λ_k > T",
        "decoder and encoder are free and the data skewed, co-skewed or heavy-tailed (see the class table): the latent "
        "is lost in a jump; or a free VAE has fewer latents than modes above T: one latent then codes several modes, "
        "even of Gaussian data",
        "linear",
        _CASCADE,
        ("threshold",),
        _mean_field,
    ),
    Claim(
        "rate-law",
        "An active latent carries KL_k = ½ ln(T_k/T) nats, which vanishes continuously at T_k.",
        ("hirn2026pruning", "lucas2019"),
        "",
        _LINEAR,
        "encoder and decoder are free and the mode is skewed: the rate jumps",
        "linear",
        _CASCADE,
        ("threshold",),
        _rate,
    ),
    Claim(
        "water-filling",
        "The distortion is reverse water-filling, D = Σ min(T, λ_k).",
        ("cover2006", "hirn2026pruning"),
        "§10.3.3 of the first",
        f"{_LINEAR}; K ≥ number of λ_k > T",
        "latents are fewer: each λ_k without one is lost whole",
        "linear",
        _CASCADE,
        ("threshold",),
        _water_filling,
    ),
    Claim(
        "envelope",
        "F*(T) is concave with slope dF*/dT = 2 KL*.",
        ("hirn2026pruning", "alemi2018"),
        "",
        "",
        "",
        "loss",
        _CASCADE,
        ("threshold",),
        _envelope,
    ),
    Claim(
        "stationarity",
        "At equilibrium every latent is standardised: E μ_k = 0 and A_k² = 1.",
        ("hirn2026pruning",),
        "",
        "an affine change of z_k can be absorbed by free biases and scales",
        "it cannot, as with tied weights: z → cz then changes the decoder, too",
        "kl-identity",
        _CASCADE,
        ("threshold",),
        _stationary,
    ),
    Claim(
        "order-parameter-invariance",
        "The order parameter of collapse does not depend on the scale of the latent: M²(cz) = M²(z).",
        ("hirn2026pruning",),
        "abstract",
        "M² = Var μ/(Var μ + E σ²)",
        "the raw variance of the posterior mean is used instead",
        "kl-identity",
        "numerics._formulas.kl_terms",
        ("threshold",),
        _invariance,
    ),
    Claim(
        "kl-identity",
        "KL_k = ½[−ln(1−M_k²) + (A_k²−1−ln A_k²) + J_k + m_k²], every term non-negative.",
        ("hirn2026pruning", "hirn2026effective"),
        "",
        "",
        "",
        "kl-identity",
        "numerics._formulas.kl_terms",
        ("threshold",),
        _kl_split,
    ),
)
"""In the order of the ledger."""
