"""Small models written out from their loss: what claims are held against where the solvers would repeat the formula.

Nothing here uses a threshold or an eigenvalue of theory; what comes out is minimised or differentiated numerically.

=========  ====================================================================  ==============
symbol     meaning                                                               shape, unit
=========  ====================================================================  ==============
``B``      rows of a batch
``e, k``   errors x − f of a batch, and divergences of rows and latents          (B, D), (B, K)
``T``      temperature                                                           data²
``w, v``   decoder and encoder weights of a mode                                 data, 1/data
``s``      posterior variance                                                    1
``A²``     posterior scale ``Var μ + E σ²``                                      1
=========  ====================================================================  ==============
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from numerics import _formulas
from numerics.rate_distortion import rate_distortion_bound

__all__ = [
    "LOSSES_AS_WRITTEN",
    "bottleneck_betas",
    "conditional_gain",
    "deep_linear_rate",
    "fixed_noise_gap",
    "posterior_with_width",
    "quartic_ratio",
    "tied_scale",
    "written_temperature",
]

Array = npt.NDArray[Any]

LOSSES_AS_WRITTEN: Mapping[str, Callable[[Array, Array], float]] = MappingProxyType(
    {
        "elbo": lambda e, k: float((np.square(e).sum(1) / (2 * 0.3) + k.sum(1)).mean()),
        "half-sse": lambda e, k: float((0.5 * np.square(e).sum(1) + k.sum(1)).mean()),
        "sse": lambda e, k: float((np.square(e).sum(1) + k.sum(1)).mean()),
        "mse": lambda e, k: float(np.square(e).mean() + k.sum(1).mean()),
        "mse-mean-kl": lambda e, k: float(np.square(e).mean() + k.mean()),
        "mse-sum-kl": lambda e, k: float(np.square(e).mean() + k.sum()),
    }
)
"""The loss of a batch at β = 1 as code writes it, by the names of :mod:`numerics.conventions`; η² is 0.3."""


def written_temperature(loss: str, batch: int = 7, features: int = 5, latents: int = 3) -> float:
    """T at which a loss trains at β = 1: half its change with ``E KL`` over that with ``E‖x − f‖²``.

    Examples
    --------
    >>> round(written_temperature("sse"), 12), round(written_temperature("mse"), 12)
    (0.5, 2.5)
    """
    rng = np.random.default_rng(0)
    e, k = rng.normal(size=(batch, features)), rng.uniform(size=(batch, latents))
    written = LOSSES_AS_WRITTEN[loss]
    error, divergence = float(np.square(e).sum(1).mean()), float(k.sum(1).mean())
    # Both parts are homogeneous: halving the loss of each alone gives its weight.
    return 0.5 * (written(0 * e, k) / divergence) / (written(e, 0 * k) / error)


def posterior_with_width(rows: int = 200, seed: int = 0) -> tuple[Array, Array]:
    """μ and ln σ² of a posterior off equilibrium whose width varies from row to row, (N, 1) each."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.4, 0.7, (rows, 1)), rng.normal(-0.8, 0.6, (rows, 1))


def tied_scale(eigenvalue: float, temperature: float) -> float:
    """A² at the optimum of a linear VAE whose decoder is the transpose of its encoder, w = v.

    Its scale cannot be absorbed: z → cz changes the decoder with the encoder. At λ = 1 the untied optimum is tied, too.

    Examples
    --------
    >>> round(tied_scale(1.0, 0.5), 6), round(tied_scale(2.0, 0.5), 4)
    (1.0, 1.7192)
    """

    def loss(y: Array) -> float:
        s = math.exp(y[1])
        return float(_formulas.mode_free_energy(y[0], y[0], s, eigenvalue, temperature))

    found = minimize(loss, [0.7, -0.5], method="BFGS", options={"gtol": 1e-9})
    return float(found.x[0] ** 2 * eigenvalue + math.exp(found.x[1]))


def deep_linear_rate(temperature: float) -> float:
    """Slowest rate of gradient flow at collapse, λ = 1, if the decoder weight is a product of two, w = w₁w₂.

    Central differences of F: along w₁ and w₂ it is flat to second order at any temperature.
    """

    def loss(y: Array) -> float:
        return float(_formulas.mode_free_energy(y[0] * y[1], y[2], math.exp(y[3]), 1.0, temperature))

    h, n = 1e-3, 4
    step = h * np.eye(n)
    hessian = np.array(
        [
            [
                (loss(a + b) - loss(a - b) - loss(b - a) + loss(-a - b)) / (4 * h * h)
                for b in step
            ]
            for a in step
        ]
    )  # fmt: skip
    return float(np.linalg.eigvalsh(hessian)[0])


def fixed_noise_gap(temperature: float, offset: float = 0.1) -> float:
    """(F − F_RD)/V of a fair coin if the two draws of noise ±1 never change.

    Posteriors of width 1 and means ±offset: no two of the four codes are equal, so a decoder tells the coin from each
    of them, at the rate of two all but equal posteriors.

    Examples
    --------
    >>> fixed_noise_gap(0.5) < -0.5
    True
    """
    x, noise = np.array([-1.0, 1.0]), np.array([-1.0, 1.0])
    z = (offset * x)[:, None] + noise
    codes, index = np.unique(z.round(12), return_inverse=True)
    index = index.reshape(z.shape)
    decoder = np.array([x[np.any(index == i, axis=1)].mean() for i in range(len(codes))])
    distortion = float(np.square(x[:, None] - decoder[index]).mean())
    F = distortion + 2 * temperature * offset**2 / 2
    return F - rate_distortion_bound(x, None, temperature)


def bottleneck_betas(covariance: Array, given: Array) -> tuple[float, float]:
    """Least and largest ``I(x; z)/I(z; y)`` of small latents z = a·x + noise: the weights from which they pay.

    Parameters
    ----------
    covariance, given : ndarray (2, 2)
        Σ_x, and Σ_{x|y}.
    """
    angle = np.linspace(0, math.pi, 20_001)
    a = 1e-4 * np.stack([np.cos(angle), np.sin(angle)])
    signal, left = (np.einsum("in,ij,jn->n", a, m, a) for m in (covariance, given))
    ratio = np.log1p(signal) / (np.log1p(signal) - np.log1p(left))
    return float(ratio.min()), float(ratio.max())


def conditional_gain(joint: Array, temperature: float) -> float:
    """How far the best linear conditional VAE with one latent lies below the best that ignores its latent.

    Parameters
    ----------
    joint : ndarray (D + C, D + C)
        Covariance of x (first D = 2) and of the condition c.
    temperature : float
        T.

    Returns
    -------
    float
        In data²; 0 if the latent is not worth its rate.
    """
    d, c = 2, len(joint) - 2

    def loss(y: Array) -> float:
        w, u, s = y[:d], y[d : 2 * d + c], math.exp(y[-1])
        h = y[2 * d + c : -1].reshape(d, c)
        # x − w (u·(x, c)) − h c as a map of (x, c).
        rest = np.hstack([np.eye(d), -h]) - np.outer(w, u)
        kl = 0.5 * (u @ joint @ u + s - 1 - math.log(s))
        return float(np.trace(rest @ joint @ rest.T) + s * w @ w + 2 * temperature * kl)

    size = d + d + c + d * c + 1

    def ignoring(h: Array) -> float:
        return loss(np.r_[np.zeros(2 * d + c), h, 0.0])

    dead = minimize(ignoring, np.zeros(d * c), method="BFGS").fun
    rng = np.random.default_rng(0)
    best = min(minimize(loss, 0.5 * rng.normal(size=size), method="BFGS").fun for _ in range(3))
    return float(dead - best)


def quartic_ratio(share: float, features: int = 4) -> float:
    """M⁴ coefficient of a linear mode at its threshold with a learned decoder variance, over that with a fixed one.

    Parameters
    ----------
    share : float
        λ/V.
    features : int
        D.

    Notes
    -----
    The loss ``(D/2) ln η² + Dist/2η² + β KL`` along ``Dist = V − λm``, ``KL = −½ ln(1 − m)``, minimised over η² or not.
    """
    V, D = 1.0, features
    beta = D * share / V

    def loss(m: float, variance: float) -> float:
        return D / 2 * math.log(variance) + (V - share * m) / (2 * variance) - beta / 2 * math.log1p(-m)

    def learned(m: float) -> float:
        best = minimize_scalar(lambda y: loss(m, math.exp(y)), bracket=(math.log(V / D) - 0.1, math.log(V / D) + 0.1))
        return float(best.fun)

    def curvature(f: Callable[[float], float]) -> float:
        h = 0.01
        return (-f(2 * h) + 16 * f(h) - 30 * f(0.0) + 16 * f(-h) - f(-2 * h)) / (12 * h * h)

    return curvature(learned) / curvature(lambda m: loss(m, V / D))
