"""One principal mode of a data set as a distribution on a line: its scores and their cumulants.

=========  ==================================================  ==========  ==================
symbol     meaning                                             shape       unit
=========  ==================================================  ==========  ==================
``y``      scores of the mode over their standard deviation    (N,)        1
``λ``      eigenvalue of the mode                              scalar      data²
``m_n``    moments ``E y^n``                                   scalar      1
``κ_n``    cumulants of y; ``κ_1 = 0``, ``κ_2 = 1``            scalar      1
=========  ==================================================  ==========  ==================
"""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_weights
from .spectrum import Spectrum

__all__ = ["mode_scores", "standardized_cumulants"]

_ROUNDING = 1e-13
"""A moment below this share of the absolute moment is rounding."""


def mode_scores(spectrum: Spectrum, data: ArrayLike, mode: int = 1) -> tuple[NDArray[np.float64], float]:
    """Scores of one principal mode in units of their standard deviation, and the eigenvalue.

    Parameters
    ----------
    spectrum : Spectrum
        Of these data, with axes.
    data : array_like, shape (N, D)
        The rows behind the spectrum.
    mode : int
        1 for the top mode.

    Returns
    -------
    scores : ndarray, shape (N,)
        Mean 0 and variance 1.
    eigenvalue : float
        λ of the mode, in data variance.

    Raises
    ------
    InputError
        If the mode does not exist or has no variance, or the spectrum has no axes.
    """
    if isinstance(mode, bool) or mode != int(mode) or not 1 <= mode <= spectrum.rank:
        raise InputError(f"mode must be an integer from 1 to {spectrum.rank}, the rank of the data, got {mode!r}")
    if spectrum.axes is None:
        raise InputError("the spectrum has no axes; build it with axes=True")
    eigenvalue = float(spectrum.eigenvalues[mode - 1])
    scores: NDArray[np.float64] = spectrum.standardized(data) @ spectrum.axes[:, mode - 1] / np.sqrt(eigenvalue)
    return scores, eigenvalue


def standardized_cumulants(scores: ArrayLike, weights: ArrayLike | None = None, *, order: int = 4) -> dict[str, float]:
    """Cumulants κ_3 … κ_order of a sample, standardised by its own mean and variance.

    Parameters
    ----------
    scores : array_like, shape (N,)
        Not constant.
    weights : array_like, shape (N,), optional
        Not negative.
    order : int
        Highest cumulant, at least 3.

    Returns
    -------
    dict
        ``{"kappa3": …, "kappa4": …}``; population values of the point set, not bias-corrected.

    Examples
    --------
    >>> {name: round(value, 12) for name, value in standardized_cumulants([-1.0, 1.0], order=6).items()}
    {'kappa3': 0.0, 'kappa4': -2.0, 'kappa5': 0.0, 'kappa6': 16.0}
    """
    x = np.asarray(scores, dtype=np.float64)
    w = None if weights is None else checked_weights(weights, len(x), "scores")
    y = x - np.average(x, weights=w)
    y /= np.sqrt(np.average(y * y, weights=w))
    moments = [1.0, 0.0, 1.0]
    for n in range(3, order + 1):
        power = y**n
        moment, size = float(np.average(power, weights=w)), float(np.average(np.abs(power), weights=w))
        # What rounding leaves of an odd moment of symmetric data is none: a verdict may hang on its being zero.
        moments.append(moment if abs(moment) > _ROUNDING * size else 0.0)
    kappa = [0.0, 0.0, 1.0]
    for n in range(3, order + 1):
        kappa.append(moments[n] - sum(comb(n - 1, j - 1) * kappa[j] * moments[n - j] for j in range(1, n)))
    return {f"kappa{n}": kappa[n] for n in range(3, order + 1)}
