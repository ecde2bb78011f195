"""Which modes stand above pure noise: the Marchenko–Pastur edge, with the noise variance given or estimated.

=========  ==========================================================================  =============
symbol     meaning                                                                     unit
=========  ==========================================================================  =============
``s²``     variance of the noise per feature                                           data variance
``γ``      features over samples, D/N                                                  1
``edge``   largest eigenvalue of noise alone, ``s²(1 + √γ)²``                          data variance
=========  ==========================================================================  =============
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from theory.errors import InputError

from .finite_samples import marchenko_pastur_edge
from .spectrum import Spectrum

__all__ = ["NoiseFloor", "marchenko_pastur_median", "noise_floor"]


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Where noise ends.

    Attributes
    ----------
    noise_variance : float
        s², given or estimated.
    estimated : bool
        Whether s² comes from the median eigenvalue: then at least half of the modes must be noise.
    edge : float
        Thresholds below this may be noise, in data variance; it fluctuates by a share of order ``N^{−2/3}``.
    significant : int
        Number of modes above the edge.
    samples : int
        N used; the effective number of rows if they are weighted.
    """

    noise_variance: float
    estimated: bool
    edge: float
    significant: int
    samples: int


@lru_cache(maxsize=64)
def marchenko_pastur_median(ratio: float) -> float:
    """Median of the Marchenko–Pastur law of unit variance, over the non-zero eigenvalues.

    Parameters
    ----------
    ratio : float
        γ = D/N > 0.

    Raises
    ------
    InputError
        If γ is not positive and finite.

    Notes
    -----
    Gavish & Donoho, IEEE Trans. Inf. Theory 60, 5040 (2014). For γ > 1 the non-zero eigenvalues are γ times those of
    the ratio 1/γ.

    Examples
    --------
    >>> round(marchenko_pastur_median(1.0), 4)
    0.6528
    >>> marchenko_pastur_median(4.0) == 4 * marchenko_pastur_median(0.25)
    True
    """
    if not 0 < ratio < np.inf:
        raise InputError(f"ratio must be positive and finite, got {ratio!r}; give features over samples")
    if ratio > 1:
        return ratio * marchenko_pastur_median(1 / ratio)
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    half, middle = (high - low) / 2, (high + low) / 2

    def below(angle: float) -> float:
        # x = middle − half cos φ takes the square-root edges away.
        def density(phi: float) -> float:
            x = middle - half * np.cos(phi)
            # For γ = 1 the density diverges at 0 as 1/√x, which sin² φ / x turns into its limit 2/half.
            return float(half**2 * np.sin(phi) ** 2 / (2 * np.pi * ratio * x)) if x > 0 else half / (np.pi * ratio)

        return float(quad(density, 0.0, angle, epsabs=1e-13)[0]) - 0.5

    angle = brentq(below, 0.0, np.pi, xtol=1e-13)
    return float(middle - half * np.cos(angle))


def noise_floor(spectrum: Spectrum, noise_variance: float | None = None, *, samples: float | None = None) -> NoiseFloor:
    """Modes above the edge of pure noise.

    Parameters
    ----------
    spectrum : Spectrum
        Of N rows.
    noise_variance : float, optional
        s², in the units of the spectrum; by default the median eigenvalue over that of the Marchenko–Pastur law.
    samples : float, optional
        Independent rows; by default those of the spectrum. Weighted rows count for ``(Σw)²/Σw²``.

    Returns
    -------
    NoiseFloor

    Raises
    ------
    InputError
        If the number of rows is unknown, the variance is negative, or nothing varies.

    Notes
    -----
    Gavish & Donoho (2014); Marchenko & Pastur (1967). A *linear* VAE on noise is collapsed above the edge; a free
    encoder memorises the rows instead.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(2000, 40))
    >>> x[:, 0] *= 3
    >>> floor = noise_floor(Spectrum.from_data(x, standardize=False))
    >>> floor.significant, bool(abs(floor.noise_variance - 1) < 0.05)
    (1, True)
    """
    n = samples if samples is not None else spectrum.n
    if n is None:
        raise InputError("samples must be given for a spectrum that does not know its rows; pass samples=N")
    if spectrum.rank == 0:
        raise InputError("the noise floor needs data that vary, got total variance 0; give rows that differ")
    if not 2 <= n < np.inf:
        raise InputError(f"samples must be at least 2, got {n!r}; count the rows")
    rows = round(n)
    # Features that are constant or copies of others hold no noise; with fewer rows than features all of them do.
    features = spectrum.rank if rows > len(spectrum.eigenvalues) else len(spectrum.eigenvalues)
    estimated = noise_variance is None
    if noise_variance is None:
        noise_variance = float(np.median(spectrum.eigenvalues[: spectrum.rank])) / marchenko_pastur_median(
            features / rows
        )
    _, edge = marchenko_pastur_edge(noise_variance, features, rows)
    return NoiseFloor(float(noise_variance), estimated, edge, int(np.count_nonzero(spectrum.eigenvalues > edge)), rows)
