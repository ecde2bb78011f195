"""Claims of the linear-Gaussian theory: thresholds, order parameters, spectra, stationarity.

The exact side is the closed-form cascade; the measured side are the linear models of the experiment ``threshold``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .cases import solved
from .claim import Claim, Evidence, Relation, Results

__all__ = ["LINEAR_CLAIMS", "from_findings"]

_CASCADE = "numerics.linear_equilibrium.Cascade"
_LINEAR = "decoder and μ(x) linear, σ constant (the class `linear`), any data"


def from_findings(
    experiment: str,
    prefix: str,
    quantity: str,
    *,
    relation: Relation = "=",
    tolerance: float = 0.0,
    relative: float = 0.0,
    predicted: float | None = None,
) -> Callable[[Results], list[Evidence]]:
    """Evidence from all findings of an experiment whose names start with a prefix.

    Parameters
    ----------
    experiment, prefix : str
        Where to look.
    quantity : str
        What the numbers are.
    relation, tolerance, predicted
        As in :class:`Evidence`; by default each finding's own prediction.
    relative : float
        Forgiven deviation as a share of the prediction.
    """

    def gather(results: Results) -> list[Evidence]:
        found = results.findings(experiment, prefix)
        if not found:
            return [
                Evidence.of(quantity, relation, None, predicted=predicted, where=f"experiment {experiment}, {prefix}")
            ]
        cases = []
        for f in found.values():
            value = f.predicted if predicted is None else predicted
            slack = max(tolerance, relative * abs(value or 0.0))
            cases.append(Evidence.of(quantity, relation, f, predicted=predicted, tolerance=slack))
        return cases

    return gather


def _trained(
    check: str, quantity: str, *, relative: float = 0.0, tolerance: float = 0.0
) -> Callable[..., list[Evidence]]:
    return from_findings("threshold", f"linear/{check}", quantity, relative=relative, tolerance=tolerance)


def _three_spectra(results: Results) -> Sequence[Evidence]:
    return [
        *_trained("collapse-spectrum", "threshold t_k of M²", relative=0.01)(results),
        *_trained("rate-spectrum", "threshold t_k of the rate", relative=0.01)(results),
        *_trained("utility-spectrum", "distortion saved per unit M², over V", relative=0.01)(results),
        *_trained("identity", "R² of ln utility against ln threshold", tolerance=1e-3)(results),
    ]


def _mean_field(results: Results) -> Sequence[Evidence]:
    skewed = solved(0.8, 1.0)
    return [
        *_trained("signal-fraction", "M² where it is farthest off", tolerance=0.01)(results),
        *_trained("exponent", "exponent of M²", tolerance=0.02)(results),
        *from_findings("threshold", "mean-field/", "largest deviation of M² from 1 − T/λ", tolerance=0.03)(results),
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


def _water_filling(results: Results) -> Sequence[Evidence]:
    return _trained("distortion", "D/V", relative=0.01)(results)


def _rate(results: Results) -> Sequence[Evidence]:
    return _trained("rate", "KL_k where it is farthest off, nats", tolerance=0.05)(results)


def _envelope(results: Results) -> Sequence[Evidence]:
    return [
        *_trained("slope", "ΔF over ∫2 KL dT", tolerance=0.01)(results),
        *_trained("concavity", "largest gain of another T's model, of F", tolerance=1e-3)(results),
    ]


def _stationary(results: Results) -> Sequence[Evidence]:
    return [
        *_trained("posterior-scale", "A² where it is farthest off", tolerance=0.01)(results),
        *_trained("centred", "E μ where it is farthest off", tolerance=0.01)(results),
        *from_findings("threshold", "posterior-scale/", "A² where it is farthest off", tolerance=0.1)(results),
    ]


def _invariance(results: Results) -> Sequence[Evidence]:
    c, v, s = 3.0, 0.6, 0.4

    def signal(scale: float) -> float:
        return scale**2 * v / (scale**2 * v + scale**2 * s)

    return [
        Evidence("M² after z → 3z", "=", signal(1.0), exact=signal(c), tolerance=1e-15, where="v = 0.6, s = 0.4"),
        *from_findings("threshold", "invariance/signal-fraction", "M² of a trained model after z → 3z", tolerance=1e-6)(
            results
        ),
        Evidence(
            "Var μ after z → 3z",
            "=",
            v,
            exact=c**2 * v,
            tolerance=1e-15,
            where="v = 0.6, s = 0.4",
            role="counter-example",
        ),
    ]


def _kl_split(results: Results) -> Sequence[Evidence]:
    m, v, s = 0.3, 0.6, 0.4
    # One latent of constant width: KL of N(μ, s) averaged over two equally likely means m ± √v.
    direct = 0.5 * (m**2 + v + s - 1 - math.log(s))
    scale = v + s
    split = 0.5 * (-math.log(1 - v / scale) + (scale - 1 - math.log(scale)) + m**2)
    return [
        Evidence(
            "sum of the four terms, nats", "=", direct, exact=split, tolerance=1e-14, where="m = 0.3, v = 0.6, s = 0.4"
        ),
        *from_findings("threshold", "kl-split/", "sum of the four terms over the KL", tolerance=1e-5)(results),
    ]


LINEAR_CLAIMS = (
    Claim(
        "three-spectra",
        "Collapse thresholds, utilities and PCA eigenvalues are one spectrum: T_k = λ_k.",
        ("hirn2026pruning", "lucas2019"),
        "abstract of the first",
        _LINEAR,
        "",
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
        "the class `linear` on any data, or any class on Gaussian data",
        "decoder and encoder are free and the mode is skewed (κ3 ≠ 0) or κ4 > 2: the latent is lost in a jump",
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
        "",
        "linear",
        _CASCADE,
        ("threshold",),
        _rate,
    ),
    Claim(
        "water-filling",
        "The distortion is reverse water-filling, D = Σ min(T, λ_k).",
        ("cover2006", "hirn2026pruning"),
        "",
        f"{_LINEAR}; K ≥ number of λ_k > T",
        "",
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
        "",
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
