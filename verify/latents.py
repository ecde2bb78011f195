"""Measured order parameters of trained linear VAEs, from encoder, decoder and data alone.

======  ===================================================================  ===========
symbol  meaning (averages E over the data)                                   shape
======  ===================================================================  ===========
m       E μ_k                                                                (n, S, K)
v       Var μ_k                                                              (n, S, K)
s       E σ_k²                                                               (n, S, K)
J       Jensen gap ln E σ_k² − E ln σ_k² ≥ 0                                 (n, S, K)
A²      posterior scale v + s                                                (n, S, K)
M²      signal fraction v/(v + s), invariant under z_k → c z_k               (n, S, K)
KL_k    divergence of a latent in nats                                       (n, S, K)
D_r     distortion with the r latents of largest M², the others at 0         (n, S, K+1)
======  ===================================================================  ===========

What follows from the moments m, v, s and J of a latent is :mod:`verify.posterior`'s; here the moments come from the
covariance of x. Each latent is measured in units of its own width, so that one rescaled by any factor, or decayed to
nothing, gives finite numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.checked import checked_rows
from theory.errors import InputError

from .posterior import ACTIVE, Measured, jensen_gap, probabilities, statistics_of_moments
from .sweep import Sweep

__all__ = ["Latents", "measure", "measure_covariance"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Latents(Measured):
    """Order parameters of every trained model. Arrays (n, S, K) are in the order of the model's latents.

    Parameters
    ----------
    temperatures : ndarray (n,)
        T, units of x².
    total_variance : float
        V of the data measured on.
    statistics : PosteriorStatistics
        Every order parameter, (n, S, K).
    distortion : ndarray (n, S, K+1)
        Ranked truncated distortion with posterior samples; the last entry is the model's own E‖x − f‖².
    distortion_mean : ndarray (n, S, K+1)
        The same with posterior means.
    utility : ndarray (n, S, K)
        ``(D_{r} − D_{r+1})/M²`` of the latent of rank r, sampled form, **in rank order**; 0 for inactive latents.
    active_above : float
        A latent is active when M² exceeds this (0.1 in the published work).
    """

    temperatures: Array
    total_variance: float
    distortion: Array
    distortion_mean: Array
    utility: Array
    active_above: float

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Whether M² exceeds ``active_above``, (n, S, K)."""
        return self.statistics.active(self.active_above)

    @property
    def free_energy(self) -> Array:
        """``F = D + 2T Σ_k KL_k`` from the measured parts, (n, S), units of x²."""
        return self.distortion[..., -1] + 2 * self.temperatures[:, None] * self.total_rate


def measure(sweep: Sweep, x: Array, weights: Array | None = None, *, active_above: float = ACTIVE) -> Latents:
    """Measure the trained models of a sweep on data.

    Parameters
    ----------
    sweep : Sweep
        Trained parameters.
    x : ndarray (N, D)
        Rows in the units that the sweep was trained in.
    weights : ndarray (N,) or None
        Non-negative weights of the rows.
    active_above : float
        M² above which a latent counts as active.

    Returns
    -------
    Latents

    Raises
    ------
    InputError
        If ``x`` is not a finite matrix with the sweep's number of columns, or the weights do not fit.

    Examples
    --------
    >>> from verify.sweep import SweepPlan, run_sweep
    >>> x = np.array([[-2.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]])
    >>> sweep = run_sweep(x, SweepPlan.default("exact", [8.0, 1.0], latents=1, steps=2000, seeds=1))
    >>> latents = measure(sweep, x)
    >>> latents.signal_fraction[:, 0, 0].round(3)                      # [1 − T/4]_+
    array([0.  , 0.75])
    >>> latents.distortion[:, 0].round(2)                              # min(T, λ)
    array([[4., 4.],
           [4., 1.]])
    """
    x = checked_rows(x, "x", least=1, columns=sweep.encoder.shape[-1], like="the sweep")
    p = probabilities(weights, len(x))
    mean = p @ x
    centred = x - mean
    return _measure(sweep, mean, (centred * p[:, None]).T @ centred, _jensen_gap(sweep, centred, p), active_above)


def measure_covariance(sweep: Sweep, covariance: Array, *, active_above: float = ACTIVE) -> Latents:
    """Measure models without a width head on centred data known by its covariance (D, D).

    Raises
    ------
    InputError
        If σ² depends on x in the sweep (E σ² then needs the data), or the shape does not fit.
    """
    covariance = np.asarray(covariance, dtype=np.float64)
    features = sweep.encoder.shape[-1]
    if covariance.shape != (features, features):
        raise InputError(f"covariance must be ({features}, {features}) like the sweep, got {covariance.shape}")
    if sweep.log_variance_slope.any():
        raise InputError("the sweep's σ² depends on x, so a covariance does not suffice; call measure with the rows")
    return _measure(sweep, np.zeros(features), covariance, np.zeros_like(sweep.log_variance), active_above)


def _jensen_gap(sweep: Sweep, centred: Array, p: Array) -> Array:
    """J of every model; exactly 0 for a latent of constant width."""
    gap = np.zeros_like(sweep.log_variance)
    for index in zip(*np.nonzero(sweep.log_variance_slope.any(axis=(2, 3))), strict=True):
        gap[index] = jensen_gap(sweep.log_variance_slope[index] @ centred.T, p)
    return gap


def _measure(sweep: Sweep, mean: Array, covariance: Array, jensen: Array, active_above: float) -> Latents:
    """Everything but E σ² is a function of the mean and covariance of x: μ and ln σ² are affine in x."""
    # In units of each latent's own width every number is of order one or an SNR, however the latent is scaled.
    log_width = sweep.log_variance_slope @ mean + sweep.log_variance
    unit = np.exp(log_width / 2)
    w, v = sweep.decoder * unit[..., None, :], sweep.encoder / unit[..., None]
    mean_true = sweep.encoder @ mean + sweep.encoder_bias
    m = mean_true / unit
    cross = v @ covariance  # Cov(μ, x), (n, S, K, D)
    moment = cross @ v.swapaxes(-1, -2)
    snr = np.maximum(np.einsum("...kk->...k", moment), 0)
    moment = moment + m[..., :, None] * m[..., None, :]  # E μμᵀ
    s = np.exp(jensen)
    with np.errstate(divide="ignore"):  # ln 0 = −∞ of a latent that does not see the data
        statistics = statistics_of_moments(mean_true, np.log(snr) + log_width, log_width, jensen)
    signal, ranking = statistics.signal_fraction, statistics.ranking

    # E‖x − d − Σ_{k∈A} w_k z_k‖² = E‖x − d‖² − 2 Σ_A w_k·E[(x − d) z_k] + Σ_{kl∈A} (WᵀW)_kl E z_k z_l
    shift = mean - sweep.decoder_bias
    base = np.trace(covariance) + np.square(shift).sum(-1)
    gain = np.einsum("nsdk,nskd->nsk", w, cross + m[..., :, None] * shift[..., None, :])
    gram = w.swapaxes(-1, -2) @ w
    noise = np.einsum("...kk->...k", gram) * s
    gain, noise = (np.take_along_axis(a, ranking, axis=-1) for a in (gain, noise))
    overlap = np.take_along_axis(gram * moment, ranking[..., :, None], axis=-2)
    overlap = np.take_along_axis(overlap, ranking[..., None, :], axis=-1)
    quadratic = np.einsum("...kk->...k", overlap.cumsum(-1).cumsum(-2))
    first = base[..., None]
    posterior_mean = np.concatenate([first, first - 2 * gain.cumsum(-1) + quadratic], axis=-1)
    sampled = posterior_mean + np.concatenate([np.zeros_like(first), noise.cumsum(-1)], axis=-1)

    ranked_signal = np.take_along_axis(signal, ranking, axis=-1)
    utility = np.zeros_like(signal)
    np.divide(-np.diff(sampled, axis=-1), ranked_signal, out=utility, where=ranked_signal > active_above)
    return Latents(
        temperatures=sweep.temperatures,
        total_variance=float(np.trace(covariance)),
        statistics=statistics,
        distortion=sampled,
        distortion_mean=posterior_mean,
        utility=utility,
        active_above=active_above,
    )
