"""Critical β of a VAE whose decoder is an exponential family: Bernoulli, Poisson, Gaussian of known variance.

The decoder gives the natural parameter θ(z) = θ_0 + … per feature, with log-partition A(θ). Full collapse is the bias
A′(θ_0) = E x; around it the loss is quadratic with the Fisher information G = A″(θ_0) and the covariance S, and loses
stability at ``β = λ_max(G^{-1/2} S G^{-1/2})`` through both channels, posterior mean and posterior width, at once.
For binary data and a Bernoulli decoder G is the diagonal of S, and the matrix is the correlation matrix (compare Lucas
et al. 2019, arXiv:1911.02469, for the Gaussian case).

Symbol table
------------
symbol   meaning                                                           unit
x, y     features and features minus their mean                            data
theta    natural parameter; A its log-partition function                   1/data
p        mean of a feature, A′(θ_0)                                        data
G, g     Fisher information, (D, D), diagonal g_i = A″(θ_0i)               data²
S        covariance of the data, (D, D)                                    data²
w, v, ω  decoder weight; δμ = v·y and δ ln σ = ω·y, vectors (D,)           1/data
beta     weight of the divergence                                          1
λ, T     eigenvalue of G^{-1/2} S G^{-1/2}; temperature in its units       1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import mpmath
import sympy as sp

from .derivation import Derivation, Quantity, Step
from .errors import InputError
from .exact_matrix import exact_symmetric
from .linear_mode import LAMBDA, mode_free_energy
from .linear_mode import S as _WIDTH
from .linear_mode import V as _ENCODER
from .linear_mode import W as _DECODER
from .loss import BETA, T, gaussian_expectation
from .normal_form import exact

__all__ = ["LOG_PARTITIONS", "critical_beta", "critical_matrix", "derive_exponential_family", "fisher_information"]

theta, x = sp.symbols("theta x", real=True)
p, variance = sp.symbols("p eta2", positive=True)
eps, noise = sp.symbols("e epsilon", real=True)
FREE, W1, MEAN, WIDTH = sp.symbols("L w_1 mu rho", real=True)
G1 = sp.Symbol("g_1", positive=True)

LOG_PARTITIONS: Mapping[str, sp.Expr] = MappingProxyType(
    {
        "bernoulli": sp.log(1 + sp.exp(theta)),
        "poisson": sp.exp(theta),
        "gaussian": variance * theta**2 / 2,
    }
)
"""A(θ) of each family; for the Gaussian θ = f/η² with known decoder variance η²."""

_BIAS = {"bernoulli": sp.log(p / (1 - p)), "poisson": sp.log(p), "gaussian": p / variance}
_SUPPORT = {"bernoulli": "0 < mean < 1", "poisson": "mean > 0", "gaussian": "any mean"}


def _log_partition(family: str) -> sp.Expr:
    if family not in LOG_PARTITIONS:
        raise InputError(f"family must be one of {', '.join(LOG_PARTITIONS)}, got {family!r}")
    return LOG_PARTITIONS[family]


def fisher_information(family: str) -> sp.Expr:
    """G of one feature at collapse, as a function of its mean p: A″ at the θ_0 with A′(θ_0) = p.

    Examples
    --------
    >>> fisher_information("bernoulli"), fisher_information("poisson")
    (p*(1 - p), p)
    """
    curvature = sp.diff(_log_partition(family), theta, 2).subs(theta, _BIAS[family])
    found = sp.simplify(curvature)
    return sp.factor(found) if family != "bernoulli" else p * sp.cancel(found / p)


def critical_matrix(
    family: str, mean: Sequence[Any], covariance: Sequence[Sequence[Any]], decoder_variance: Any = 1
) -> sp.Matrix:
    """``G^{-1/2} S G^{-1/2}``, exactly; its top eigenvalue is the critical β.

    Parameters
    ----------
    family : str
        ``bernoulli``, ``poisson`` or ``gaussian``.
    mean : sequence of D numbers
        Means of the features, inside the family's range.
    covariance : D × D numbers
        Symmetric.
    decoder_variance : number
        η², used by ``gaussian`` only.

    Raises
    ------
    InputError
        Unknown family, shapes that do not fit, a mean outside the range, an asymmetric covariance.

    Examples
    --------
    >>> critical_matrix("bernoulli", [sp.Rational(1, 2)] * 2, [[0.25, 0.125], [0.125, 0.25]])
    Matrix([
    [  1, 1/2],
    [1/2,   1]])
    """
    information = fisher_information(family)
    means = [exact(f"mean[{i}]", value) for i, value in enumerate(mean)]
    D = len(means)
    S = exact_symmetric("covariance", covariance)
    if S.rows != D:
        raise InputError(f"covariance must have shape {(D, D)} to fit mean, got {S.shape}; give matching shapes")
    width = exact("decoder_variance", decoder_variance)
    if width <= 0:
        raise InputError(f"decoder_variance must be positive, got {decoder_variance}")
    weights = [information.subs({p: value, variance: width}) for value in means]
    for i, weight in enumerate(weights):
        if not weight.is_positive:
            raise InputError(f"mean[{i}] must satisfy {_SUPPORT[family]}, got {means[i]}; drop the constant feature")
    return sp.Matrix(D, D, lambda i, j: S[i, j] / sp.sqrt(weights[i] * weights[j]))


def critical_beta(
    family: str, mean: Sequence[Any], covariance: Sequence[Sequence[Any]], decoder_variance: Any = 1, dps: int = 30
) -> Any:
    """β above which full collapse is locally stable, as an mpmath number.

    Parameters
    ----------
    family, mean, covariance, decoder_variance
        As for `critical_matrix`.
    dps : int
        Digits.

    Raises
    ------
    InputError
        As `critical_matrix`.

    Examples
    --------
    >>> critical_beta("poisson", [2, 3], [[2, 0], [0, 3]])  # independent Poisson features: nothing to encode below 1
    mpf('1.0')
    """
    matrix = critical_matrix(family, mean, covariance, decoder_variance)
    with mpmath.workdps(dps):
        numbers = mpmath.matrix([[mpmath.mpf(str(sp.N(entry, dps + 5))) for entry in row] for row in matrix.tolist()])
        return max(mpmath.eigsy(numbers, eigvals_only=True))


def derive_exponential_family(family: str = "bernoulli") -> Derivation:
    """Derive the critical β of a family, written out for two features.

    Parameters
    ----------
    family : str
        ``bernoulli``, ``poisson`` or ``gaussian``.

    Returns
    -------
    Derivation

    Raises
    ------
    InputError
        Unknown family.

    Examples
    --------
    >>> derive_exponential_family("poisson")["fisher-information"].rhs
    p
    """
    A = _log_partition(family)
    g = sp.symbols("g_1:3", positive=True)
    a, b, cross = sp.symbols("S_11 S_22 S_12", real=True)
    G, S = sp.diag(*g), sp.Matrix([[a, cross], [cross, b]])
    w, v, omega = (sp.Matrix(sp.symbols(f"{letter}_1:3", real=True)) for letter in ("w", "v", "o"))
    return Derivation(
        family,
        f"Critical β of a {family} decoder",
        ("lucas2019", "dai2020", "li2025"),
        (
            "Features are conditionally independent given z; the decoder is free, with small changes w z, w He_2(z).",
            "The encoder can realise δμ and δ ln σ linear in the features; more freedom does not move the threshold.",
        ),
        (
            Quantity(theta, "natural parameter of a feature"),
            Quantity(x, "feature", "data"),
            Quantity(p, "mean of a feature", "data"),
            Quantity(variance, "decoder variance η² (Gaussian only)", "data²"),
            Quantity(BETA, "weight of the divergence"),
            Quantity(MEAN, "posterior mean of a point"),
            Quantity(WIDTH, "ln σ of a point"),
            Quantity(FREE, "loss beyond its value at collapse", "nats"),
            *(Quantity(s, "Fisher information of a feature", "data²") for s in g),
            *(Quantity(s, "covariance of the features", "data²") for s in (a, b, cross)),
            *(Quantity(s, "decoder weight", "1/data") for s in w),
            *(Quantity(s, "encoder weight", "1/data") for s in (*v, *omega)),
            Quantity(LAMBDA, "eigenvalue of the covariance of the features over √G"),
            Quantity(T, "temperature of the features over √G"),
        ),
        (*_one_feature(family, A), *_quadratic_form(G, S, w, v, omega), _family_step(family)),
    )


def _one_feature(family: str, A: sp.Expr) -> tuple[Step, ...]:
    """Collapse, Fisher information and the second-order expansion of one feature."""
    bias, information = _BIAS[family], fisher_information(family)
    z, weight, shift, log_width = sp.symbols("z w mu rho", real=True)
    hermite = z**2 - 1

    def second_order(change: sp.Expr, mean: sp.Expr, width: sp.Expr) -> sp.Expr:
        """ε² part of E_q[A(θ_0 + ε·change) − x(θ_0 + ε·change)], the loss of one feature given x."""
        # Value, slope and curvature of A at the bias are enough: the change is of first order in ε.
        at_bias = [sp.simplify(sp.diff(A, theta, k).subs(theta, bias)) for k in range(3)]
        series = sp.Add(*(a * (eps * change) ** k / sp.factorial(k) for k, a in enumerate(at_bias))) - x * eps * change
        averaged = sp.expand(gaussian_expectation(series, z, eps * mean, width))
        return sp.simplify(sp.diff(averaged, eps, 2).subs(eps, 0) / 2)

    width = 1 + eps * log_width + eps**2 * log_width**2 / 2  # exp(ε ρ) to the order needed
    return (
        Step(
            "collapse",
            sp.Eq(sp.Derivative(A, theta).doit(), p, evaluate=False),
            "At collapse the decoder is a bias θ_0; E[A(θ) − xθ] is lowest where A′(θ_0) = E x = p.",
            "the bias inserted; A is convex",
            (sp.diff(A, theta).subs(theta, bias) - p,),
            (sp.diff(A, theta, 2),),
        ),
        Step(
            "fisher-information",
            sp.Eq(G1, information, evaluate=False),
            "G = A″(θ_0), the variance that the decoder itself gives the feature.",
            "second derivative at the bias",
            (sp.diff(A, theta, 2).subs(theta, bias) - information,),
        ),
        Step(
            "mean-channel",
            sp.Eq(FREE, G1 * W1**2 / 2 - (x - p) * W1 * MEAN, evaluate=False),
            "θ_0 + w z with posterior mean μ: ½ g w² − (x − p) w μ per point, to second order.",
            "Taylor series in both, averaged over z",
            (second_order(weight * z, shift, sp.S.One) - (information * weight**2 / 2 - (x - p) * weight * shift),),
        ),
        Step(
            "width-channel",
            sp.Eq(FREE, G1 * W1**2 - 2 * (x - p) * W1 * WIDTH, evaluate=False),
            "θ_0 + w He_2(z) with ln σ = ρ: g w² − 2(x − p) w ρ: twice the other form.",
            "Taylor series in both, averaged over z",
            (
                second_order(weight * hermite, sp.S.Zero, width)
                - (information * weight**2 - 2 * (x - p) * weight * log_width),
            ),
        ),
    )


def _quadratic_form(G: sp.Matrix, S: sp.Matrix, w: sp.Matrix, v: sp.Matrix, omega: sp.Matrix) -> tuple[Step, ...]:
    def form(matrix: sp.Matrix, left: sp.Matrix, right: sp.Matrix) -> sp.Expr:
        return sp.expand((left.T * matrix * right)[0, 0])

    mean = form(G, w, w) / 2 - form(S, w, v) + BETA * form(S, v, v) / 2
    width = form(G, w, w) - 2 * form(S, w, omega) + BETA * form(S, omega, omega)
    left = form(G - S / BETA, w, w)
    answer = {vi: wi / BETA for vi, wi in zip(v, w, strict=True)}
    answer_width = {oi: wi / BETA for oi, wi in zip(omega, w, strict=True)}
    root = sp.diag(*(1 / sp.sqrt(G[i, i]) for i in range(2)))
    return (
        Step(
            "encoder-eliminated",
            sp.Eq(FREE, left / 2, evaluate=False),
            "Averaged over the data with the divergence ½β E μ²: δμ = w·y/β is optimal among all functions of x.",
            "½wᵀGw − wᵀSv + ½β vᵀSv: slope in v vanishes at w/β, ½wᵀ(G − S/β)w is left",
            (*(sp.diff(mean, vi).subs(answer) for vi in v), mean.subs(answer) - left / 2),
        ),
        Step(
            "same-threshold",
            sp.Eq(FREE, left, evaluate=False),
            "The width channel with its divergence β E ρ² is twice the same form: both soften at the same β.",
            "slope in the width vanishes at w/β; wᵀ(G − S/β)w is left",
            (*(sp.diff(width, oi).subs(answer_width) for oi in omega), width.subs(answer_width) - left),
        ),
        Step(
            "critical-beta",
            sp.Eq(sp.Function("det")(BETA * sp.eye(2) - root * S * root), 0, evaluate=False),
            "The form is positive iff β exceeds the top eigenvalue of G^(−½) S G^(−½).",
            "det(βG − S) = det G · det(β − G^(−½) S G^(−½))",
            ((BETA * G - S).det() - G.det() * (BETA * sp.eye(2) - root * S * root).det(),),
        ),
        _temperature_step(mean, w, v, root, root * S * root),
    )


def _temperature_step(mean: sp.Expr, w: sp.Matrix, v: sp.Matrix, root: sp.Matrix, white: sp.Matrix) -> Step:
    """In features divided by √G the form is the quadratic part of a Gaussian model's F, with β in the place of T."""
    rescaled = {**dict(zip(w, root * w, strict=True)), **dict(zip(v, root * v, strict=True))}
    gaussian = (w.T * w - 2 * w.T * white * v + BETA * v.T * white * v)[0, 0]
    mode = mode_free_energy().subs(_WIDTH, 1)
    quadratic = _DECODER**2 - 2 * LAMBDA * _DECODER * _ENCODER + T * LAMBDA * _ENCODER**2
    second = mode.subs({_DECODER: eps * _DECODER, _ENCODER: eps * _ENCODER}, simultaneous=True)
    return Step(
        "temperature",
        sp.Eq(T, BETA, evaluate=False),
        "Divide the features by √G: twice the form is the quadratic part of F of a Gaussian model with T = β, so the "
        "eigenvalues of G^(−½) S G^(−½) are its thresholds: that of full collapse exactly, the next ones as the number "
        "of directions in which full collapse is unstable.",
        "weights rescaled by √G; F of a mode of eigenvalue λ to second order in (w, v) at s = 1 is w² − 2λwv + Tλv²",
        (
            sp.expand(2 * mean.subs(rescaled, simultaneous=True) - gaussian),
            sp.expand(sp.diff(second, eps, 2).subs(eps, 0) / 2 - quadratic),
        ),
    )


def _family_step(family: str) -> Step:
    information = fisher_information(family)
    if family == "bernoulli":
        bit = sp.Symbol("x", real=True)
        second_moment = (1 - p) * 0 + p * 1  # E x² of a bit
        return Step(
            "binary-data",
            sp.Eq(G1, second_moment - p**2, evaluate=False),
            "For binary data the variance of a feature is p(1 − p) = g too: the matrix is the correlation matrix.",
            "x² = x for a bit, so Var x = p − p²; S_ij/√(g_i g_j) has a unit diagonal",
            (information - (second_moment - p**2), *((bit**2 - bit).subs(bit, value) for value in (0, 1))),
        )
    if family == "poisson":
        return Step(
            "poisson-data",
            sp.Eq(G1, p, evaluate=False),
            "A Poisson feature has variance p = g: independent Poisson features have critical β = 1.",
            "the Fisher information is the mean",
            (information - p,),
        )
    return Step(
        "gaussian-data",
        sp.Eq(BETA * variance, sp.Symbol("S_11", real=True), evaluate=False),
        "G = η²: β η² = T is the top eigenvalue of the covariance itself.",
        "the Fisher information in θ = f/η² is η²",
        (information - variance,),
    )
