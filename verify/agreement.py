"""How well a measured spectrum agrees with a reference: pure functions of two lists of numbers.

=========  ====================================================  =====
symbol     meaning                                               shape
=========  ====================================================  =====
measured   one number per mode, strongest mode first             (K,)
reference  what it is compared with, in the same order and unit  (K,)
R²         share of the variance of ln reference that agrees     ()
=========  ====================================================  =====

Modes closer than a tolerance cannot be told apart by training, so their ranks may be exchanged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

__all__ = ["clusters", "identity_r2", "rank_agreement"]

Array = npt.NDArray[np.float64]


def clusters(values: Array, tolerance: float = 0.02) -> list[tuple[int, ...]]:
    """Group the indices of values, in descending order, that lie within ``tolerance`` of their neighbour.

    Examples
    --------
    >>> clusters(np.array([5.0, 3.0, 2.97, 1.0]))
    [(0,), (1, 2), (3,)]
    """
    order = [int(i) for i in np.argsort(-np.asarray(values), kind="stable")]
    groups: list[list[int]] = []
    for index in order:
        if groups and values[groups[-1][-1]] - values[index] < tolerance * values[groups[-1][-1]]:
            groups[-1].append(index)
        else:
            groups.append([index])
    return [tuple(group) for group in groups]


def rank_agreement(measured: Array, reference: Array, tolerance: float = 0.02) -> float:
    """Share of modes whose measured rank lies within the ranks of their cluster in the reference.

    Examples
    --------
    >>> rank_agreement(np.array([5.1, 2.9, 3.0, 1.0]), np.array([5.0, 3.0, 2.97, 1.0]))   # a swap inside a cluster
    1.0
    >>> rank_agreement(np.array([3.0, 5.0, 1.0, 0.5]), np.array([5.0, 3.0, 1.0, 0.5]))
    0.5
    """
    if len(measured) != len(reference) or not len(measured):
        raise InputError(f"spectra must have one equal length, got {len(measured)} and {len(reference)}")
    ranks = np.argsort(np.argsort(-np.asarray(measured), kind="stable"))
    agree, start = 0, 0
    for group in clusters(reference, tolerance):
        agree += sum(start <= int(ranks[i]) < start + len(group) for i in group)
        start += len(group)
    return agree / len(measured)


def identity_r2(measured: Array, reference: Array) -> float:
    """R² of ln measured against ln reference about the identity line (not about a fitted line).

    Raises
    ------
    InputError
        If fewer than 3 pairs, a value that is not positive, or a reference without spread.

    Examples
    --------
    >>> identity_r2(np.array([4.0, 2.0, 1.0]), np.array([4.0, 2.0, 1.0]))
    1.0
    """
    a, b = np.asarray(measured, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 3:
        raise InputError(f"the identity R² needs two equal lists of at least 3 modes, got {a.shape} and {b.shape}")
    if not ((a > 0).all() and (b > 0).all()):
        raise InputError("the identity R² is taken on logarithms, so every value must be positive")
    spread = np.square(np.log(b) - np.log(b).mean()).sum()
    if spread == 0:
        raise InputError("the identity R² needs a reference with spread; all its values are equal")
    return float(1 - np.square(np.log(a) - np.log(b)).sum() / spread)
