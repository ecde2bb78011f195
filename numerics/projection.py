"""One principal mode of a data set as a distribution on a line: its scores, their cumulants, and what other modes add.

=========  ==================================================  ==========  ==================
symbol     meaning                                             shape       unit
=========  ==================================================  ==========  ==================
``y``      scores of the mode over their standard deviation    (N,)        1
``λ``      eigenvalue of the mode                              scalar      data²
``m_n``    moments ``E y^n``                                   scalar      1
``κ_n``    cumulants of y; ``κ_1 = 0``, ``κ_2 = 1``            scalar      1
``κ_11j``  co-skewness ``E y² x_j/√λ`` with another mode j     scalar      1
``λ_j``    its variance over λ                                 scalar      1
=========  ==================================================  ==========  ==================
"""

from __future__ import annotations

import math
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.cumulants import Cumulants, exact_number
from theory.errors import InputError

from .checked import checked_weights
from .spectrum import Spectrum

__all__ = ["feasible_kurtosis", "joint_cumulants", "mode_scores", "standardized_cumulants"]

_ROUNDING = 1e-13
"""A moment below this share of the absolute moment is rounding."""
_DEGENERATE = 1e-9
"""Eigenvalues closer than this share of the top one are taken for equal."""


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
        if n == 4:
            kappa[4] = feasible_kurtosis(kappa[3], kappa[4])
    return {f"kappa{n}": kappa[n] for n in range(3, order + 1)}


def feasible_kurtosis(kappa3: float, kappa4: float) -> float:
    """The nearest κ_4 ≥ κ_3² − 2, to the last bit: data of two values lie on that edge, and rounding beyond.

    Examples
    --------
    >>> feasible_kurtosis(1.0, -1.0 - 1e-15), feasible_kurtosis(0.0, 3.0)
    (-1.0, 3.0)
    """
    least = Fraction(kappa3) ** 2 - 2
    if Fraction(kappa4) >= least:
        return kappa4
    found = float(least)
    return found if Fraction(found) >= least else math.nextafter(found, math.inf)


def joint_cumulants(spectrum: Spectrum, data: ArrayLike, weights: ArrayLike | None = None) -> Cumulants | None:
    """Cumulants that decide the order of the top mode's transition if every mode is kept, through fourth order.

    Parameters
    ----------
    spectrum : Spectrum
        Of these data, with axes.
    data : array_like, shape (N, D)
        The rows behind the spectrum.
    weights : array_like, shape (N,), optional
        Not negative.

    Returns
    -------
    Cumulants or None
        Of two coordinates in units of √λ: the top mode, and one that stands for all others together. ``None`` if the
        top eigenvalue is degenerate, where the expansion in one amplitude does not apply.

    Notes
    -----
    Other modes enter the fourth order only through ``Σ κ_11j²`` and ``Σ κ_11j²/(1 − λ_j)``, since each answers for
    itself. One coordinate of co-skewness ``√Σ κ_11j²`` and variance ``1 − Σ κ_11j² / Σ κ_11j²/(1 − λ_j)`` has the same
    two sums, whatever D is.

    Examples
    --------
    >>> u = np.sqrt([6.0, 1.0, 6.0, 1.0]) * [1, 1, -1, -1]
    >>> rows = np.stack([u, 0.2 * (u**2 - 3.5)], axis=1)
    >>> found = joint_cumulants(Spectrum.from_data(rows, standardize=False), rows)
    >>> round(float(found.known[2, 1]), 12), round(float(found.known[0, 2]), 12)  # (5/14)/√3.5, 1/14
    (0.19090088708, 0.071428571429)
    """
    first, eigenvalue = mode_scores(spectrum, data)
    share = spectrum.eigenvalues[1 : spectrum.rank] / eigenvalue
    if share.size and share[0] > 1 - _DEGENERATE:
        return None
    w = None if weights is None else checked_weights(weights, len(first), "data")
    assert spectrum.axes is not None  # mode_scores refuses a spectrum without them
    others = spectrum.standardized(data) @ spectrum.axes[:, 1 : spectrum.rank] / np.sqrt(eigenvalue)
    square = np.square(first - np.average(first, weights=w))[:, None]
    mixed = np.average(square * others, axis=0, weights=w)
    mixed[np.abs(mixed) <= _ROUNDING * np.average(square * np.abs(others), axis=0, weights=w)] = 0.0
    one = standardized_cumulants(first, weights)
    plain, softened = float(mixed @ mixed), float(mixed @ (mixed / (1 - share)))
    across = 1 - plain / softened if plain else 1 / 2
    known: dict[tuple[int, ...], float] = {
        (3, 0): one["kappa3"],
        (4, 0): one["kappa4"],
        (2, 1): float(np.sqrt(plain)),
        (0, 2): across,
    }
    exact = {alpha: exact_number("cumulant", float(value)) for alpha, value in known.items()}
    return Cumulants(exact, 2, name="cumulants of all modes")
