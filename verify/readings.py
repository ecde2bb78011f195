"""What an instrument reads off a set of models: order parameters, fitted thresholds and utilities.

The same instrument reads the trained models and exactly optimal ones, so that a difference between the two is a
difference between the models.

======  =====================================  ==========
symbol  meaning                                shape
======  =====================================  ==========
n, S    temperatures, seeds
K       latents, in the order of their M²
``Y``   heads [Wᵀ; V] of all models            (n, 2K, D)
======  =====================================  ==========
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics import _formulas
from numerics.linear_equilibrium import Cascade
from theory.errors import InputError

from .fits import CollapseFit, RateFit, collapse_spectrum, rate_spectrum, utility_spectrum
from .latents import Latents, measure_covariance
from .linear_vae import ExactKernel
from .sweep import Sweep, SweepPlan

__all__ = ["Readings", "optimal_models", "read", "read_optimum"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Measured order parameters with the fits made from them.

    Parameters
    ----------
    latents : Latents
        Order parameters (n, S, K).
    gradient_norm : ndarray, shape (n, S)
        ``‖∇F‖`` of each model in units of mean variance one.
    collapse : tuple of CollapseFit, length K
        Threshold and exponent of each rank.
    rates : tuple of RateFit, length K
        Threshold of each rank from its rate.
    utility, utility_stderr : ndarray, shape (K,)
        Utility of each rank in data², NaN where there is none.
    """

    latents: Latents
    gradient_norm: Array
    collapse: tuple[CollapseFit, ...]
    rates: tuple[RateFit, ...]
    utility: Array
    utility_stderr: Array

    @property
    def temperatures(self) -> Array:
        """T, shape (n,)."""
        return self.latents.temperatures

    @property
    def signal_fraction(self) -> Array:
        """M² in rank order, shape (n, S, K)."""
        return self.latents.ranked(self.latents.signal_fraction)

    def column(self, name: str) -> Array:
        """One number of the collapse fits (``"threshold"``, ``"stderr"``, ``"exponent"``, …), (K,), NaN if missing."""
        return _column([getattr(fit, name) for fit in self.collapse])

    def rate_column(self, name: str) -> Array:
        """One number of the rate fits, shape (K,), NaN if missing."""
        return _column([getattr(fit, name) for fit in self.rates])


def read(latents: Latents, gradient_norm: Array) -> Readings:
    """Fit thresholds, exponents and utilities to measured order parameters."""
    collapse = collapse_spectrum(latents)
    utility, stderr = utility_spectrum(latents, collapse)
    return Readings(latents, gradient_norm, collapse, rate_spectrum(latents), _column(utility), _column(stderr))


def optimal_models(cascade: Cascade, temperatures: Array) -> Sweep:
    """The exactly optimal linear VAE at each temperature, as if it had been trained.

    Parameters
    ----------
    cascade : Cascade
        With axes.
    temperatures : ndarray, shape (n,)
        T > 0, data².

    Returns
    -------
    Sweep
        One "seed"; loss and gradient are those of the training kernel at these parameters, so that a wrong closed
        form shows as a gradient that does not vanish.

    Raises
    ------
    InputError
        If the spectrum has no axes.

    Notes
    -----
    Latent k lies along eigenvector u_k: ``w_k = √(λ_k − T) u_k``, ``v_k = w_k/λ_k``, ``σ_k² = T/λ_k`` below its
    threshold, and 0, 0 and 1 above (Lucas et al. 2019).

    Examples
    --------
    >>> from numerics.spectrum import Spectrum
    >>> best = optimal_models(Cascade(Spectrum.from_covariance(np.diag([4.0, 1.0])), 1), np.array([2.0]))
    >>> best.decoder[0, 0].round(12).ravel() ** 2, best.gradient_norm.round(12).item()
    (array([2., 0.]), 0.0)
    """
    u = cascade.spectrum.axes
    if u is None:
        raise InputError("cascade must have eigenvectors to build optimal models; compute it with axes=True")
    n, dim, modes = len(temperatures), len(u), cascade.modes
    k = dim if cascade.latents is None else cascade.latents
    lam, grid = cascade.eigenvalues[None, :modes], temperatures[:, None]
    heads = np.zeros((n, 2 * k, dim))
    log_variance = np.zeros((n, k))
    heads[:, :modes] = np.sqrt(_formulas.decoder_weight_squared(lam, grid))[..., None] * u.T[:modes]
    heads[:, k : k + modes] = np.sqrt(_formulas.encoder_weight_squared(lam, grid))[..., None] * u.T[:modes]
    log_variance[:, :modes] = np.log(_formulas.posterior_variance(lam, grid))

    covariance = covariance_of(cascade)
    # The kernel works in units of mean variance one, as in training: W/unit, V·unit, S/unit², T/unit².
    unit = np.sqrt(cascade.total_variance / dim)
    scaled = np.concatenate([heads[:, :k] / unit, heads[:, k:] * unit], axis=1)
    kernel = ExactKernel(covariance / unit**2, temperatures / unit**2, k)
    kernel.theta[:] = np.concatenate([scaled.ravel(), log_variance.ravel()])
    found = kernel.evaluate()
    return Sweep(
        plan=SweepPlan.default("exact", temperatures, seeds=1, latents=k),
        total_variance=cascade.total_variance,
        temperatures=temperatures,
        decoder=np.ascontiguousarray(heads[:, None, :k].swapaxes(-1, -2)),
        decoder_bias=np.zeros((n, 1, dim)),
        encoder=heads[:, None, k:],
        encoder_bias=np.zeros((n, 1, k)),
        log_variance=log_variance[:, None],
        log_variance_slope=np.zeros((n, 1, k, dim)),
        loss=found["loss"][:, None] * unit**2,
        gradient_norm=found["gradient_norm"][:, None],
        seconds=0.0,
    )


def read_optimum(cascade: Cascade, temperatures: Array) -> Readings:
    """What the instrument reads off the exactly optimal models; parameters as in :func:`optimal_models`."""
    best = optimal_models(cascade, temperatures)
    return read(measure_covariance(best, covariance_of(cascade)), best.gradient_norm)


def covariance_of(cascade: Cascade) -> Array:
    """``U diag(λ) Uᵀ``, shape (D, D)."""
    u = cascade.spectrum.axes
    if u is None:
        raise InputError("cascade must have eigenvectors; compute it with axes=True")
    s: Array = (u * cascade.eigenvalues) @ u.T
    return s


def _column(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
