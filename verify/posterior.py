"""Measured order parameters of any Gaussian posterior, from the encoder's output alone.

======  ===================================================================  ==========
symbol  meaning (averages E over the rows)                                   shape
======  ===================================================================  ==========
μ, ρ    posterior mean and log-variance ln σ² of every row and latent        (…, N, K)
p       weights of the rows, sum 1                                           (N,)
m, v    E μ and Var μ                                                        (…, K)
s, ℓ    E σ² and E ln σ²                                                     (…, K)
J       Jensen gap ln s − ℓ ≥ 0, nats                                        (…, K)
A²      posterior scale v + s                                                (…, K)
M²      signal fraction v/(v + s), invariant under z_k → c z_k               (…, K)
KL_k    ½[−ln(1−M²) + (A² − 1 − ln A²) + J + m²], nats                       (…, K)
D_r     distortion with the r latents of largest M², the others at 0         (…, K+1)
======  ===================================================================  ==========

The four-term form of KL_k is exact, each term ≥ 0 (at equilibrium A² = 1 and J = m = 0 are Hirn's, arXiv:2605.22691).
Everything is computed from logarithms of v, s and A², so that a latent rescaled by any factor, or decayed to nothing,
gives finite numbers. Leading axes (temperature, seed, …) are any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics.checked import checked_weights
from theory.errors import InputError

__all__ = [
    "ACTIVE",
    "DECODED_AT_ONCE",
    "Measured",
    "PosteriorStatistics",
    "jensen_gap",
    "posterior_statistics",
    "probabilities",
    "statistics_of_moments",
    "truncated_distortion",
]

Array = npt.NDArray[np.float64]
Decode = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

ACTIVE = 0.1
"""Signal fraction above which a latent is called active (Hirn, arXiv:2605.22691)."""

DECODED_AT_ONCE = 1 << 20
"""Numbers per block of rows that a decoder is asked for at once: its hidden layers must fit in memory too."""

# Numbers per block of latents whose averages are taken at once: a dozen passes over them stay in the cache.
_CACHED = 1 << 15
# Latents that are copied out of row-major arrays together: a line of the cache holds about as many.
_LINE = 16


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorStatistics:
    """Order parameters of every latent, arrays (…, K) in the order of the latents.

    A number beyond double precision (a log-variance of 1000) is inf, one below it 0; logarithms stay finite.

    Parameters
    ----------
    mean, variance, second_moment : ndarray (…, K)
        m, v and the raw E μ² = v + m².
    width, log_width : ndarray (…, K)
        s = E σ² and ℓ = E ln σ².
    posterior_scale, signal_fraction, jensen : ndarray (…, K)
        A², M² and J (nats).
    signal_term, scale_term, jensen_term, offset_term : ndarray (…, K)
        ``−½ ln(1−M²)``, ``½ (A² − 1 − ln A²)``, ``½ J`` and ``½ m²``, nats, each ≥ 0.
    rate : ndarray (…, K)
        KL_k, the sum of the four, nats.
    """

    mean: Array
    variance: Array
    second_moment: Array
    width: Array
    log_width: Array
    posterior_scale: Array
    signal_fraction: Array
    jensen: Array
    signal_term: Array
    scale_term: Array
    jensen_term: Array
    offset_term: Array
    rate: Array

    @property
    def ranking(self) -> npt.NDArray[np.intp]:
        """``ranking[..., r]`` is the latent with the r-th largest M², (…, K)."""
        # Stable, so that exactly dead latents keep their order.
        return np.argsort(-self.signal_fraction, axis=-1, kind="stable")

    def active(self, threshold: float = ACTIVE) -> npt.NDArray[np.bool_]:
        """Whether M² exceeds ``threshold``, (…, K)."""
        return self.signal_fraction > threshold

    @property
    def total_rate(self) -> Array:
        """Σ_k KL_k in nats, (…)."""
        return np.asarray(self.rate.sum(-1))


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Models whose posteriors were measured, with what is asked of them most.

    Parameters
    ----------
    statistics : PosteriorStatistics
        Every order parameter, (…, K), in the order of the models' latents.
    """

    statistics: PosteriorStatistics

    @property
    def signal_fraction(self) -> Array:
        """M², (…, K)."""
        return self.statistics.signal_fraction

    @property
    def rate(self) -> Array:
        """KL_k in nats, (…, K)."""
        return self.statistics.rate

    @property
    def total_rate(self) -> Array:
        """Σ_k KL_k in nats, (…)."""
        return self.statistics.total_rate

    def ranked(self, values: Array) -> Array:
        """Reorder an array (…, K) from latents to ranks of M²."""
        return np.take_along_axis(values, self.statistics.ranking, axis=-1)


def posterior_statistics(
    mu: npt.ArrayLike, log_variance: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> PosteriorStatistics:
    """Order parameters of a posterior N(μ, diag σ²) known on N rows.

    Parameters
    ----------
    mu, log_variance : array_like (…, N, K)
        μ and ln σ², of equal shape; any floating precision, averaged in double precision.
    weights : array_like (N,), optional
        Not negative; rows of weight 0 do not count.

    Returns
    -------
    PosteriorStatistics
        Arrays (…, K).

    Raises
    ------
    InputError
        If the shapes differ, a number is not finite, or the weights do not fit.

    Examples
    --------
    Two rows at ±1 with variance 1 (alive), and the prior itself (dead):

    >>> found = posterior_statistics([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
    >>> found.signal_fraction, found.posterior_scale, found.rate
    (array([0.5, 0. ]), array([2., 1.]), array([0.5, 0. ]))
    """
    mu, log_variance = _posterior(mu, log_variance)
    *leading, rows, latents = mu.shape
    p = probabilities(weights, rows)
    kept = slice(None) if p.all() else p > 0
    p = p[kept]
    count = int(np.prod(leading))
    moments = np.empty((4, count, latents))
    flat = zip(mu.reshape(count, rows, latents), log_variance.reshape(count, rows, latents), strict=True)
    step = max(1, _CACHED // rows)
    group = max(step, _LINE)
    for i, model in enumerate(flat):
        for start in range(0, latents, group):
            mean, rho = (np.asarray(a[kept, start : start + group].T, order="C") for a in model)
            for k in range(0, len(mean), step):
                few = slice(start + k, start + k + len(mean[k : k + step]))
                moments[:, i, few] = _moments(mean[k : k + step], rho[k : k + step], p)
    return statistics_of_moments(*moments.reshape(4, *leading, latents))


def statistics_of_moments(mean: Array, log_spread: Array, log_width: Array, jensen: Array) -> PosteriorStatistics:
    """Order parameters from the four moments of each latent that determine them.

    Parameters
    ----------
    mean, log_spread, log_width, jensen : ndarray (…, K)
        m, ``ln v`` (−∞ for a constant mean), ``ℓ = E ln σ²`` and ``J ≥ 0``.

    Returns
    -------
    PosteriorStatistics

    Examples
    --------
    >>> zero = np.zeros(1)
    >>> statistics_of_moments(zero, zero + np.log(3), zero, zero).signal_fraction.round(12)
    array([0.75])
    """
    log_s = log_width + jensen
    log_snr = log_spread - log_s
    log_scale = np.logaddexp(log_spread, log_s)
    with np.errstate(over="ignore", under="ignore"):
        # −ln(1−M²) = ln(1 + v/s), also where M² rounds to 1; A² − 1 = expm1(ln A²) keeps its digits near A² = 1.
        signal_term = 0.5 * np.logaddexp(0.0, log_snr)
        scale_term = 0.5 * (np.expm1(log_scale) - log_scale)
        variance, square = np.exp(log_spread), np.square(mean)
        return PosteriorStatistics(
            mean=mean,
            variance=variance,
            second_moment=variance + square,
            width=np.exp(log_s),
            log_width=log_width,
            posterior_scale=np.exp(log_scale),
            signal_fraction=np.exp(log_spread - log_scale),
            jensen=jensen,
            signal_term=signal_term,
            scale_term=scale_term,
            jensen_term=0.5 * jensen,
            offset_term=0.5 * square,
            rate=signal_term + scale_term + 0.5 * jensen + 0.5 * square,
        )


def truncated_distortion(
    decode: Decode,
    mu: npt.ArrayLike,
    log_variance: npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    generator: np.random.Generator,
    draws: int = 1,
    ranking: npt.NDArray[np.intp] | None = None,
) -> tuple[Array, Array]:
    """Ranked truncated distortion ``D_r = E‖x − f(z)‖²`` with the r latents of largest M² and the others at 0.

    Parameters
    ----------
    decode : callable
        From z (…, n, K) to reconstructions (…, n, D), row by row; it is called with blocks of rows.
    mu, log_variance : array_like (…, N, K)
        The posterior of every model on the rows.
    x : array_like (N, D)
        The rows that are reconstructed.
    weights : array_like (N,), optional
        Not negative.
    generator : numpy.random.Generator
        Of the posterior noise. All models and all r see the same noise, which is drawn row by row: the result depends
        neither on how many models are measured together nor on the size of the blocks.
    draws : int
        Samples of z per row.
    ranking : ndarray of int (…, K), optional
        That of :class:`PosteriorStatistics` of the same rows and weights, if it is known already.

    Returns
    -------
    sampled, posterior_mean : ndarray (…, K+1)
        D_r with z drawn from the posterior, and with z = μ; units of x². The last entry is the whole model's.

    Raises
    ------
    InputError
        If shapes differ, a number is not finite, the weights do not fit or ``draws < 1``.

    Notes
    -----
    Hirn, arXiv:2605.22691. Ranks follow the signal fraction of the same rows and weights.

    Examples
    --------
    A decoder that copies a noiseless code loses exactly what is dropped:

    >>> x = np.array([[2.0, 1.0], [-2.0, 1.0], [2.0, -1.0], [-2.0, -1.0]])
    >>> sampled, mean = truncated_distortion(
    ...     lambda z: z, x, np.full((4, 2), -80.0), x, generator=np.random.default_rng(0)
    ... )
    >>> mean, sampled.round(6)
    (array([5., 1., 0.]), array([5., 1., 0.]))
    """
    mu, log_variance = _posterior(mu, log_variance)
    x = np.asarray(x, dtype=np.float64)
    *leading, rows, latents = mu.shape
    if x.ndim != 2 or len(x) != rows or not np.isfinite(x).all():
        raise InputError(f"x must be {rows} finite rows like mu, got shape {x.shape}; give the rows that were encoded")
    if isinstance(draws, bool) or draws != int(draws) or draws < 1:
        raise InputError(f"draws must be an integer of at least 1, got {draws!r}; one sample per row is the least")
    p = probabilities(weights, rows)
    if ranking is None:
        ranking = posterior_statistics(mu, log_variance, weights).ranking
    rank = np.empty_like(ranking)
    np.put_along_axis(rank, ranking, np.broadcast_to(np.arange(latents), ranking.shape), axis=-1)

    sampled = np.zeros((*leading, latents + 1))
    posterior_mean = np.zeros_like(sampled)
    for block in _blocks(rows, int(np.prod(leading)) * max(latents, x.shape[1])):
        centre, target, q = mu[..., block, :], x[block], p[block]
        with np.errstate(over="ignore", under="ignore"):
            deviation = np.exp(log_variance[..., block, :] / 2)
        noise = generator.standard_normal((len(target), int(draws), latents)).astype(centre.dtype, copy=False)
        for r in range(latents + 1):
            keep = (rank < r)[..., None, :]
            posterior_mean[..., r] += _squared_error(decode, np.where(keep, centre, 0), target, q)
            if r:  # with no latent kept nothing is drawn
                for d in range(int(draws)):
                    z = np.where(keep, centre + deviation * noise[:, d], 0)
                    sampled[..., r] += _squared_error(decode, z, target, q) / int(draws)
    sampled[..., 0] = posterior_mean[..., 0]
    return sampled, posterior_mean


def _moments(mu: npt.NDArray[Any], log_variance: npt.NDArray[Any], p: Array) -> tuple[Array, Array, Array, Array]:
    """m, ln v, ℓ and J of some latents on rows of positive weight: from (k, N) to (k,) each."""
    # Shifted by a row first: the mean of N equal numbers is off by rounding, their difference is exactly zero.
    first, d = mu[:, 0].astype(np.float64), mu.astype(np.float64, order="C")
    d -= first[:, None]
    shift = _average(d, p)
    d -= shift[:, None]
    size = np.maximum(d.max(axis=1), -d.min(axis=1))
    with np.errstate(divide="ignore", under="ignore"):
        d /= np.where(size > 0, size, 1.0)[:, None]
        log_spread = 2 * np.log(size) + np.log(np.where(size > 0, _average(np.square(d, out=d), p), 1.0))

    base, rho = log_variance[:, 0].astype(np.float64), log_variance.astype(np.float64, order="C")
    rho -= base[:, None]
    centre = _average(rho, p)
    rho -= centre[:, None]
    return first + shift, log_spread, base + centre, jensen_gap(rho, p)


def jensen_gap(rho: Array, p: Array) -> Array:
    """``J = ln Σ p e^ρ`` of log-variances ρ (k, N) with mean 0 under the weights p (N,) of sum 1; shape (k,), nats."""
    with np.errstate(divide="ignore", under="ignore"):
        # Taking out a term above 1 keeps Σ within range; expm1 keeps the digits of a small J.
        top = np.maximum((rho + np.log(p)).max(axis=1), 0.0)
        gap = top + np.log1p(_average(np.expm1(rho - top[:, None]), p))
    return np.asarray(np.maximum(gap, 0.0))  # ≥ 0 by Jensen; rounding may say −1e-17


def _average(values: Array, p: Array) -> Array:
    # Not a product of matrix and vector: pairwise summation is more accurate, and no number of threads changes it.
    return np.asarray((values * p).sum(axis=1))


def probabilities(weights: npt.ArrayLike | None, rows: int) -> Array:
    """Weights of the rows with sum 1, equal ones by default, (rows,); InputError if they do not fit."""
    if weights is None:
        return np.full(rows, 1 / rows)
    p = checked_weights(weights, rows, "rows", least=1)
    return np.asarray(p / p.sum())


def _squared_error(decode: Decode, z: npt.NDArray[Any], x: npt.NDArray[Any], p: Array) -> Array:
    decoded = np.asarray(decode(z))
    if decoded.shape != (*z.shape[:-1], x.shape[1]):
        raise InputError(
            f"decode must turn codes {z.shape} into rows {(*z.shape[:-1], x.shape[1])} like x, got {decoded.shape}"
        )
    off = decoded - x
    return np.asarray(np.einsum("...nd,...nd->...n", off, off) @ p)


def _blocks(rows: int, width: int) -> Iterator[slice]:
    step = max(1, DECODED_AT_ONCE // max(width, 1))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _posterior(mu: npt.ArrayLike, log_variance: npt.ArrayLike) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Both arrays, in the floating precision that came."""
    means, widths = np.asarray(mu), np.asarray(log_variance)
    if means.ndim < 2 or 0 in means.shape[-2:] or means.shape != widths.shape:
        raise InputError(
            f"mu and log_variance must have the same shape (…, rows, latents), got {means.shape} and {widths.shape}; "
            "give both for the same rows and latents"
        )
    checked = []
    for name, array in (("mu", means), ("log_variance", widths)):
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InputError(f"{name} must hold finite real numbers, found NaN, inf or {array.dtype}; drop those rows")
        checked.append(array if array.dtype.kind == "f" else array.astype(np.float64))
    return checked[0], checked[1]
