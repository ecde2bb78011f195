"""Free energy of trained VAEs, to be held against bounds: by quadrature for one latent, by fresh draws for several.

======  ==================================================  ==============
symbol  meaning                                             shape, unit
======  ==================================================  ==============
N, K    rows, latents
μ, σ²   posterior of a row                                  (N, K)
T       temperature                                         units x²
F       ``E‖x − f(z)‖² + 2T E KL``                          units x²
======  ==================================================  ==============

Training reports F with one draw of noise per row. Against a bound that F may touch this is too coarse: with one latent
the average over the noise is an integral, and its error is seen by halving the spacing.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

from ..posterior import posterior_statistics, probabilities
from ..trained_vae import TrainedVAE

__all__ = ["exact_free_energy", "sampled_free_energy"]

Array = npt.NDArray[np.float64]

_REACH, _SPACINGS = 8.0, (1 / 8, 1 / 16)
"""Trapezoids, not Gauss–Hermite: the error is exp(−2πd/spacing), d the distance of the decoder's poles from the real
line (those of tanh come close where a unit is steep), and the density beyond 8 is 1e-14."""


def exact_free_energy(
    vae: TrainedVAE, x: Array, temperature: float, *, weights: Array | None = None
) -> tuple[float, float]:
    """F of a VAE with one latent, the average over its noise by quadrature.

    Parameters
    ----------
    vae : TrainedVAE
        With a Gaussian decoder and K = 1.
    x : ndarray (N, D)
        Rows.
    temperature : float
        T, in units of x².
    weights : ndarray (N,) or None
        Of the rows; equal if None.

    Returns
    -------
    free_energy, error : float
        F with a spacing of 1/16, and its difference from that with 1/8.

    Raises
    ------
    InputError
        If the VAE has more than one latent.

    Examples
    --------
    ``μ = x/2, σ² = ½, f = z`` on x = ±1: distortion ¼ + ½, rate ½(¼ + ½ − 1 + ln 2).

    >>> from verify.architecture import Architecture
    >>> from verify.trained_vae import network_from
    >>> vae = network_from({"mean.weight": np.array([[0.5]]), "mean.bias": np.zeros(1), "log_variance": np.log([0.5]),
    ...                     "decoder.0.weight": np.ones((1, 1)), "decoder.0.bias": np.zeros(1)},
    ...                    Architecture(model_class="linear"))
    >>> F, error = exact_free_energy(vae, np.array([[-1.0], [1.0]]), 2.0)
    >>> abs(F - 0.75 - 2 * (math.log(2) - 0.25)) < 1e-12, error < 1e-12
    (True, True)
    """
    if vae.latents != 1:
        raise InputError(f"quadrature needs one latent, got {vae.latents}; use sampled_free_energy")
    p = probabilities(weights, len(x))
    mu, log_variance = vae.encode(x)
    rate = float(posterior_statistics(mu, log_variance, p).total_rate)
    values = []
    for spacing in _SPACINGS:
        e = np.arange(-_REACH, _REACH + spacing / 2, spacing)
        share = np.exp(-(e**2) / 2)
        z = mu + np.exp(log_variance / 2) * e
        f = vae.decode(z.reshape(-1, 1)).reshape(len(x), len(e), -1)
        error = np.square(x[:, None, :] - f).sum(-1)
        values.append(float(p @ error @ (share / share.sum())) + 2 * temperature * rate)
    return values[1], abs(values[1] - values[0])


def sampled_free_energy(
    vae: TrainedVAE,
    x: Array,
    temperature: float,
    *,
    generator: np.random.Generator,
    draws: int = 200,
    weights: Array | None = None,
) -> tuple[float, float]:
    """F of a VAE with any number of latents, from fresh draws of the noise.

    Parameters
    ----------
    vae, x, temperature, weights
        As for :func:`exact_free_energy`, with any K.
    generator : numpy.random.Generator
        Draws the noise.
    draws : int
        Per row, at least 2.

    Returns
    -------
    free_energy, stderr : float
        Mean over the draws and its standard error; the rate has none.

    Raises
    ------
    InputError
        If there are fewer than two draws.
    """
    if draws < 2:
        raise InputError(f"draws must be at least 2, got {draws}: a standard error needs two")
    p = probabilities(weights, len(x))
    mu, log_variance = vae.encode(x)
    sigma = np.exp(log_variance / 2)
    distortions = np.array(
        [p @ np.square(x - vae.decode(mu + sigma * generator.standard_normal(mu.shape))).sum(-1) for _ in range(draws)]
    )
    rate = float(posterior_statistics(mu, log_variance, p).total_rate)
    stderr = float(distortions.std(ddof=1)) / math.sqrt(draws)
    return float(distortions.mean()) + 2 * temperature * rate, stderr
