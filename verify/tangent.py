"""The local threshold of full collapse within the tangent space of a network.

======  ====================================================================  ==============
symbol  meaning                                                               shape, unit
======  ====================================================================  ==============
φ(x)    last hidden layer of the encoder (x itself if there is none)          (N, h)
ψ(z)    last hidden layer of the decoder (z itself if there is none)          (n, h′)
G       variance of x given the collapsed decoder: η² or 1, or p(1 − p)       (D,)
S_φ     covariance of the linear regression of G^{−1/2} x on φ                (D, D)
r²      share of the variance of z ~ N(0, 1) that a regression on ψ explains
======  ====================================================================  ==============

At full collapse both heads are zero: μ = 0, σ = 1, f = const. A small signal μ = a·φ(x), f = B ψ(z) changes F by
``tr B Cov(ψ) Bᵀ − 2 a·Cov(φ, x) Bᵀ Cov(ψ, z) + T a·Cov(φ) a`` (for a Gaussian decoder; E ψ′(z) = E z ψ(z) by parts),
and the hidden layers do not move to this order. Minimised over B and a it is negative below

    T_c = r² · λ_max(S_φ)

Where φ and ψ contain the linear functions this is λ_max (Lucas et al., NeurIPS 2019, for linear VAEs; Li et al.,
arXiv:2510.01621, for networks). Other features add nothing: no function of x has a larger covariance with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics import _formulas

from .activations import ACTIVATIONS
from .architecture import Architecture
from .collapsed import seen_columns
from .stacked_network import NetworkParameters

__all__ = ["tangent_threshold"]

Array = npt.NDArray[Any]

_NODES = 64  # Gauss-Hermite, for moments of ψ(z)
_RIDGE = 1e-10  # relative: directions of features below rounding explain nothing


def tangent_threshold(x: Array, parameters: NetworkParameters) -> npt.NDArray[np.float64]:
    """T_c of every model at collapse, (M,), in the units of the kernel's temperature.

    Parameters
    ----------
    x : ndarray (N, D)
        Rows.
    parameters : NetworkParameters
        Of :func:`collapsed_network`; only hidden layers are looked at.

    Returns
    -------
    ndarray (M,)
        Top eigenvalue within the tangent space: at most λ_max (of the correlations, for binary data).

    Examples
    --------
    An encoder that sees the second column alone knows of the first what their correlation tells:

    >>> from verify.collapsed import collapsed_network
    >>> x = np.array([[2.0, 1.0], [-2.0, -1.0], [2.0, -1.0], [-2.0, 1.0]]) * [1.0, 0.5]
    >>> blind = Architecture(model_class="linear", visible=(1,))
    >>> flat = np.zeros(NetworkParameters.size(blind, 2, 1))
    >>> tangent_threshold(x, collapsed_network(x, blind, flat, [np.random.default_rng(0)]))
    array([0.25])
    """
    architecture = parameters.architecture
    seen = seen_columns(x, architecture)
    target = (x - x.mean(0)) / np.sqrt(_conditional_variance(x, architecture))
    nodes, shares = np.polynomial.hermite_e.hermegauss(_NODES)
    shares = shares / shares.sum()
    equal = np.full(len(x), 1 / len(x))
    found = []
    for m in range(len(parameters.encoder[0])):
        phi = _hidden(seen, [w[m] for w in parameters.encoder[:-1]], architecture)
        psi = _hidden(nodes[:, None], [w[m] for w in parameters.decoder[:-1]], architecture)
        explained = _regression(psi, nodes[:, None], shares)[0, 0]
        found.append(explained * np.linalg.eigvalsh(_regression(phi, target, equal))[-1])
    return np.array(found, dtype=np.float64)


def _hidden(rows: Array, layers: Sequence[Array], architecture: Architecture) -> Array:
    """The last hidden layer, (N, h), in float64."""
    a = np.asarray(rows, dtype=np.float64)
    for w in layers:
        a = a @ w[:, :-1].T.astype(np.float64) + w[:, -1]
        ACTIVATIONS[architecture.activation].apply(a, np.empty_like(a))
    return a


def _regression(features: Array, target: Array, shares: Array) -> Array:
    """Covariance of the regression of the target on the features and a constant, (D, D)."""
    features = (features - shares @ features) * np.sqrt(shares)[:, None]
    target = (target - shares @ target) * np.sqrt(shares)[:, None]
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    fitted = u[:, s > _RIDGE * max(s[0], 1e-300)].T @ target
    return np.asarray(fitted.T @ fitted)


def _conditional_variance(x: Array, architecture: Architecture) -> Array:
    """G of every feature; where η² is learned it is the mean variance, and the temperature is β."""
    if architecture.likelihood == "bernoulli":
        return np.asarray(_formulas.fisher_bernoulli(x.mean(0)))
    return np.full(x.shape[1], np.mean(x.var(0)) if architecture.likelihood == "gaussian-learned-variance" else 1.0)
