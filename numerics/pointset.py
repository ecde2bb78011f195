"""A weighted point set: the distribution whose equilibria, bounds and moments are computed exactly.

======  ==========================================================  ==========  =====
symbol  meaning                                                     shape       unit
======  ==========================================================  ==========  =====
``x``   distinct points, centred                                    (N, D)      data
``p``   their weights, positive, of sum 1                           (N,)        1
``S``   covariance ``Σ p x xᵀ``                                     (D, D)      data²
``V``   total variance ``tr S``                                     scalar      data²
``λ``   largest eigenvalue of S                                     scalar      data²
======  ==========================================================  ==========  =====
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError

from .checked import checked_rows, checked_weights

__all__ = ["PointSet", "three_points"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PointSet:
    """Distinct centred points with weights of sum 1.

    Attributes
    ----------
    points : ndarray (N, D)
        Centred, each row different.
    weights : ndarray (N,)
        Positive, of sum 1.
    mean : ndarray (D,)
        What was subtracted.

    Examples
    --------
    >>> s = PointSet.of([0.0, 4.0, 4.0])
    >>> s.points[:, 0], s.weights
    (array([-2.66666667,  1.33333333]), array([0.33333333, 0.66666667]))
    >>> round(s.variance, 12)
    3.555555555556
    """

    points: Array
    weights: Array
    mean: Array

    @classmethod
    def of(cls, points: ArrayLike, weights: ArrayLike | None = None) -> PointSet:
        """Centre the points and merge identical rows into one weighted point.

        Parameters
        ----------
        points : array_like, shape (N, D) or (N,)
            Finite real numbers; a vector is N points on a line.
        weights : array_like, shape (N,), optional
            Not negative; equal by default. Rows of weight zero are dropped.

        Raises
        ------
        InputError
            For a wrong shape, values that are not finite, or weights that are not usable.
        """
        x = np.asarray(points)
        x = checked_rows(x[:, None] if x.ndim == 1 else x, "points", least=1)
        p = np.ones(len(x)) if weights is None else checked_weights(weights, len(x), "points", least=1)
        rows, inverse = np.unique(x[p > 0], axis=0, return_inverse=True)
        merged: Array = np.bincount(inverse.ravel(), weights=p[p > 0] / p.max()).astype(np.float64)
        p = merged / merged.sum()
        # Shifted by a row first, so that a large common offset does not round the mean.
        shift = rows[0]
        mean = p @ (rows - shift)
        return cls((rows - shift) - mean, p, shift + mean)

    @property
    def dimension(self) -> int:
        """D."""
        return int(self.points.shape[1])

    @property
    def covariance(self) -> Array:
        """S, shape (D, D)."""
        s: Array = (self.points * self.weights[:, None]).T @ self.points
        return (s + s.T) / 2

    @property
    def variance(self) -> float:
        """V, the distortion at full collapse."""
        return float(self.weights @ np.square(self.points).sum(axis=1))

    @property
    def largest_eigenvalue(self) -> float:
        """λ: the temperature at which full collapse loses local stability."""
        return float(np.linalg.eigvalsh(self.covariance)[-1])

    def along(self, direction: ArrayLike) -> PointSet:
        """The projection on a unit vector, shape (D,), as points on a line."""
        u = np.asarray(direction, dtype=np.float64)
        return PointSet.of(self.points @ (u / np.linalg.norm(u)), self.weights)

    def leading_plane(self, dimension: int = 2) -> PointSet:
        """The projection on the ``dimension`` leading principal axes."""
        axes = np.linalg.eigh(self.covariance)[1][:, ::-1][:, :dimension]
        return PointSet.of(self.points @ axes, self.weights)


def three_points(kappa3: float, kappa4: float) -> tuple[Array, Array]:
    """The distribution on {x₁, 0, x₂} with mean 0, variance 1 and the given cumulants: points (3,) and weights (3,).

    Raises
    ------
    InputError
        If κ4 < κ3² − 2: no distribution has these.

    Examples
    --------
    >>> x, w = three_points(0.5, 1.0)
    >>> [round(float(w @ x**n), 12) for n in range(5)]
    [1.0, 0.0, 1.0, 0.5, 4.0]
    """
    if kappa4 < kappa3**2 - 2:
        raise InputError(f"kappa4 must be at least kappa3**2 - 2 = {kappa3**2 - 2:g}, got {kappa4:g}; raise it")
    root = float(np.sqrt(kappa3**2 / 4 + kappa4 + 3 - kappa3**2))
    low, high = kappa3 / 2 - root, kappa3 / 2 + root
    weight = np.array([1 / (low * (low - high)), 1 / (high * (high - low))])
    return np.array([low, 0.0, high]), np.array([weight[0], max(1 - weight.sum(), 0.0), weight[1]])
