"""Thresholds from finite samples: how far sample eigenvalues are from those of the population.

The loss averages over the sample, so *sample* eigenvalues set the thresholds of a trained model.

=========  ==========================================================================  ==========  =====
symbol     meaning                                                                     shape       unit
=========  ==========================================================================  ==========  =====
``λ_k``    population eigenvalues, descending                                          (D,)        data²
``l_k``    sample eigenvalues (1/N convention, the thresholds of a model on them)      (D,)        data²
``N``      rows                                                                        scalar      1
``κ_k``    excess kurtosis of the projection on axis k; 0 for Gaussian data            (D,)        1
``s²``     variance of pure noise                                                      scalar      data²
=========  ==========================================================================  ==========  =====
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_rows, checked_weights, constant

__all__ = [
    "BootstrapThresholds",
    "SampleThresholds",
    "bootstrap_thresholds",
    "marchenko_pastur_edge",
    "sample_thresholds",
]

Array = NDArray[np.float64]

_SEPARATED = 4.0
"""Standard errors between two eigenvalues below which the expansion in 1/(λ_i − λ_j) means nothing."""


def marchenko_pastur_edge(noise_variance: float, features: int, samples: int) -> tuple[float, float]:
    """Smallest and largest non-zero sample eigenvalue of pure noise, for D and N large.

    Parameters
    ----------
    noise_variance : float
        s², not negative.
    features, samples : int
        D and N.

    Returns
    -------
    lower, upper : float
        ``s²(1 ∓ √(D/N))²``. A *linear* VAE on pure noise is fully collapsed for T above ``upper``; a free encoder
        memorises instead. The largest eigenvalue fluctuates about it by order ``s² N^{−2/3}``.

    Raises
    ------
    InputError
        For sizes below 1 or a negative variance.

    Notes
    -----
    Marchenko & Pastur, Math. USSR-Sbornik 1, 457 (1967); Johnstone, Ann. Stat. 29, 295 (2001).

    Examples
    --------
    >>> marchenko_pastur_edge(2.0, 25, 100)
    (0.5, 4.5)
    """
    if not 0 <= noise_variance < np.inf:
        raise InputError(f"noise_variance must be finite and not negative, got {noise_variance!r}; give s²")
    ratio = np.sqrt(_count("features", features) / _count("samples", samples))
    return float(noise_variance * (1 - ratio) ** 2), float(noise_variance * (1 + ratio) ** 2)


@dataclass(frozen=True, slots=True)
class SampleThresholds:
    """Asymptotic distribution of the thresholds that samples of N rows give.

    Attributes
    ----------
    population : ndarray (D,)
        λ_k.
    bias : ndarray (D,)
        ``E l_k − λ_k`` to order 1/N; NaN where ``separated`` is false.
    standard_error : ndarray (D,)
        Of l_k, to leading order; NaN where ``separated`` is false.
    separated : ndarray of bool (D,)
        Whether the eigenvalue is far enough from its neighbours for the expansion.
    """

    population: Array
    bias: Array
    standard_error: Array
    separated: NDArray[np.bool_]

    @property
    def expected(self) -> Array:
        """E l_k to order 1/N."""
        return self.population + self.bias


def sample_thresholds(eigenvalues: ArrayLike, samples: int, *, excess_kurtosis: ArrayLike = 0.0) -> SampleThresholds:
    """Expected bias and standard error of sample thresholds from the population spectrum.

    Parameters
    ----------
    eigenvalues : array_like, shape (D,)
        Population eigenvalues, not negative.
    samples : int
        N ≥ 2, independent rows.
    excess_kurtosis : array_like, scalar or shape (D,)
        κ_k of the projections; 0 for Gaussian data. It enters the standard error; the bias is that of Gaussian data.

    Returns
    -------
    SampleThresholds

    Raises
    ------
    InputError
        For unusable arguments.

    Notes
    -----
    Bias ``−λ_i/N + (λ_i/N) Σ_{j≠i} λ_j/(λ_i − λ_j)`` (Lawley, Biometrika 43, 128 (1956); the first term is the 1/N
    convention), variance ``λ_i² (2 + κ_i)/N`` (Anderson, Ann. Math. Stat. 34, 122 (1963); Waternaux, Biometrika 63, 639
    (1976)). Large eigenvalues are overestimated and small ones underestimated.

    Examples
    --------
    >>> t = sample_thresholds([4.0, 1.0], 100)
    >>> t.expected.round(6), t.standard_error.round(6)
    (array([3.973333, 0.976667]), array([0.565685, 0.141421]))
    """
    lam = np.atleast_1d(np.asarray(eigenvalues, dtype=np.float64))
    if lam.ndim != 1 or not np.isfinite(lam).all() or (lam < 0).any():
        raise InputError(f"eigenvalues must be finite and not negative, got {eigenvalues!r:.60}; give a spectrum")
    n = _count("samples", samples)
    if n < 2:
        raise InputError(f"samples must be at least 2, got {samples!r}: one row has no variance")
    kappa = np.broadcast_to(np.asarray(excess_kurtosis, dtype=np.float64), lam.shape)
    if not (np.isfinite(kappa) & (kappa >= -2)).all():
        raise InputError("excess_kurtosis must be finite and at least −2, the value of a fair two-point distribution")
    error = lam * np.sqrt((2 + kappa) / n)
    gap = lam[:, None] - lam
    np.fill_diagonal(gap, np.inf)
    # The errors of Gaussian data bound the mixing of two axes even where κ makes one of them small.
    gaussian = lam * np.sqrt(2 / n)
    separated: NDArray[np.bool_] = (np.abs(gap) > _SEPARATED * np.hypot(gaussian[:, None], gaussian)).all(axis=1)
    separated |= lam == 0  # a direction without variance has none in any sample
    with np.errstate(divide="ignore", invalid="ignore"):
        bias = lam / n * (np.sum(lam / gap, axis=1) - 1)
    return SampleThresholds(
        lam,
        np.where(separated, np.where(lam > 0, bias, 0.0), np.nan),
        np.where(separated, error, np.nan),
        separated,
    )


@dataclass(frozen=True, slots=True)
class BootstrapThresholds:
    """Thresholds of resampled data sets.

    Attributes
    ----------
    sample : ndarray (D,)
        l_k of the data themselves, descending.
    resampled : ndarray (B, D)
        Thresholds of each resample.
    """

    sample: Array
    resampled: Array

    @property
    def bias(self) -> Array:
        """Mean over resamples minus the sample's thresholds: an estimate of ``E l − λ``, (D,)."""
        difference: Array = self.resampled.mean(axis=0) - self.sample
        return difference

    @property
    def standard_error(self) -> Array:
        """Standard deviation over resamples, (D,)."""
        deviation: Array = self.resampled.std(axis=0, ddof=1)
        return deviation

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Basic bootstrap confidence interval of the population thresholds, two arrays (D,).

        The quantiles are reflected about the sample's thresholds, which corrects the bias that resampling doubles.
        """
        if not 0 < level < 1:
            raise InputError(f"level must lie between 0 and 1, got {level!r}; try 0.95")
        low, high = np.quantile(self.resampled, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return 2 * self.sample - high, 2 * self.sample - low


def bootstrap_thresholds(
    data: ArrayLike,
    *,
    resamples: int = 200,
    seed: int | np.random.Generator = 0,
    standardize: bool = True,
    weights: ArrayLike | None = None,
    information: Callable[[Array], Array] | None = None,
) -> BootstrapThresholds:
    """Thresholds of data sets drawn from the rows with replacement.

    Parameters
    ----------
    data : array_like, shape (N, D)
        Finite.
    resamples : int
        B ≥ 2.
    seed : int or numpy.random.Generator
        Of the resampling.
    standardize : bool
        Divide columns by their standard deviation, anew in every resample, as a fit would.
    weights : array_like, shape (N,), optional
        Probabilities of the rows up to a factor.
    information : callable, optional
        Squared scale (D,) by which columns of these means (D,) are divided, anew in every resample, instead of
        standardising: the Fisher information of ``bce`` or ``poisson``.

    Returns
    -------
    BootstrapThresholds

    Raises
    ------
    InputError
        For unusable data, a column that is constant when standardising, or fewer than 2 resamples.

    Notes
    -----
    Beran & Srivastava, Ann. Stat. 13, 95 (1985): consistent for simple eigenvalues, not for equal ones.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(400, 2)) * [2.0, 1.0]
    >>> b = bootstrap_thresholds(x, standardize=False, seed=1)
    >>> bool(abs(b.standard_error[0] / (b.sample[0] * np.sqrt(2 / 400)) - 1) < 0.25)
    True
    """
    x = checked_rows(data, "data")
    if _count("resamples", resamples) < 2:
        raise InputError(f"resamples must be at least 2, got {resamples!r}; try 200")
    names = [f"x{k + 1}" for k in range(x.shape[1])]
    p = np.ones(len(x)) if weights is None else checked_weights(weights, len(x), "data")
    if standardize and information is None and (flat := constant(x, p)).any():
        which = names[int(flat.argmax())]
        raise InputError(f"data to standardise must vary in every column, but {which} is constant; drop it")
    p = p / p.sum()
    centre = p @ x
    x = x - centre

    def scale_squared(mean: Array, variance: Array) -> Array | None:
        if information is not None:
            return information(centre + mean)
        return variance if standardize else None

    rng = np.random.default_rng(seed)
    draws = np.empty((resamples, x.shape[1]))
    for draw in draws:
        draw[:] = _thresholds(x, rng.multinomial(len(x), p) / len(x), scale_squared)
    return BootstrapThresholds(_thresholds(x, p, scale_squared), draws)


def _thresholds(x: Array, p: Array, scale_squared: Callable[[Array, Array], Array | None]) -> Array:
    """Eigenvalues of the covariance of weighted rows over their scale, descending, not negative."""
    kept = p > 0
    mean = p @ x
    centred = x[kept] - mean
    s = (centred * p[kept, None]).T @ centred
    square = scale_squared(mean, np.diagonal(s))
    if square is not None:
        # A rare column may be constant in a resample: it then has no variance to carry and stays 0.
        deviation = np.sqrt(np.where((square > 0) & (np.diagonal(s) > 0), square, 1.0))
        s = s / deviation
        s = s / deviation[:, None]
    values: Array = np.maximum(np.linalg.eigvalsh(s)[::-1], 0.0)
    return values


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be an integer of at least 1, got {value!r}; count them")
    return int(value)
