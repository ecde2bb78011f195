"""Replace many rows by few weighted points, at a stated price.

=======  ==================================================  ==========  =====
symbol   meaning                                             shape       unit
=======  ==================================================  ==========  =====
``x``    rows                                                (N, D)      data
``c``    centres: the weighted means of their cells          (k, D)      data
``q``    mean square distance ``E‖x − c(x)‖²``               scalar      data²
=======  ==================================================  ==========  =====
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory.errors import InputError

from .pointset import PointSet

__all__ = ["Quantized", "quantize"]


@dataclass(frozen=True, slots=True)
class Quantized:
    """A point set that stands for a larger one.

    Attributes
    ----------
    points : PointSet
        At most as many as asked for.
    error : float
        q, in data variance; 0 if nothing was merged but equal rows. Each centre is the mean of its cell, so an encoder
        that sees cells only has a free energy exactly q larger on the rows than on the centres, and the covariance of
        the centres is smaller than that of the rows by the within-cell covariance, of trace q.
    """

    points: PointSet
    error: float


def quantize(points: ArrayLike, weights: ArrayLike | None = None, *, most: int = 256, seed: int = 0) -> Quantized:
    """Merge equal rows, and cluster the rest if more than ``most`` are left (by density on a line, k-means in space).

    Parameters
    ----------
    points : array_like, shape (N, D) or (N,)
        Finite rows.
    weights : array_like, shape (N,), optional
        Not negative; equal by default.
    most : int
        Largest number of points wanted, at least 2.
    seed : int
        Of the k-means start.

    Raises
    ------
    InputError
        For unusable points or weights, or ``most < 2``.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=2000)
    >>> small = quantize(x, most=64)
    >>> len(small.points.weights), small.error < 2e-3
    (64, True)
    >>> whole, part = PointSet.of(x).variance, small.points.variance
    >>> abs(whole - part - small.error) < 1e-12
    True
    """
    if isinstance(most, bool) or most != int(most) or most < 2:
        raise InputError(f"points must be an integer of at least 2, got {most!r}; try 256")
    s = PointSet.of(points, weights)
    x, p = s.points, s.weights
    if len(x) <= most:
        return Quantized(s, 0.0)
    if x.shape[1] == 1:
        # Cells of equal share of the cube root of the density are optimal in the limit (Panter & Dite, 1951).
        order = np.argsort(x[:, 0])
        share = np.cumsum(np.cbrt(p[order] * np.gradient(x[order, 0]) ** 2))
        label = np.minimum(share / share[-1] * most, most - 1).astype(np.int64)[np.argsort(order)]
    else:
        from scipy.cluster.vq import kmeans2

        with warnings.catch_warnings():
            # A cell that runs empty is left out below.
            warnings.filterwarnings("ignore", "One of the clusters is empty", UserWarning)
            label = kmeans2(x, int(most), iter=30, minit="++", seed=np.random.default_rng(seed))[1].astype(np.int64)
    used, label = np.unique(label, return_inverse=True)
    mass = np.bincount(label, weights=p, minlength=len(used))
    centres = np.stack([np.bincount(label, weights=p * column, minlength=len(used)) / mass for column in x.T], axis=1)
    error = float(p @ ((x - centres[label]) ** 2).sum(axis=1))
    return Quantized(PointSet.of(centres, mass), error)
