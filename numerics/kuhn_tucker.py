"""The Kuhn–Tucker function of a reproduction distribution, its maxima, and a proof of how large it gets.

=============  ============================================================================  =======
symbol         meaning                                                                       unit
=============  ============================================================================  =======
``x, p``       source points and weights                                                     data, 1
``y``          a reproduction point                                                          data
``ln m_i``     logarithm of ``Σ_j r_j e^{−‖x_i − y_j‖²/2T}``                                 1
``c(y)``       ``Σ_i p_i e^{−‖x_i − y‖²/2T} / m_i``; at most 1 everywhere iff r is optimal   1
``Cov_y``      covariance of x under the weights of that sum                                 data²
=============  ============================================================================  =======

``ln c`` has gradient ``(E_y x − y)/T`` and Hessian ``(Cov_y/T − 1)/T``; its maxima lie in the convex hull of x.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["KuhnTucker"]

Array = NDArray[np.float64]

_CELLS = 300_000
"""Cells after which the proof stops and returns the bound that it has."""
_CHUNK = 2**21
"""Entries of one (queries, sources) matrix."""


@dataclass(frozen=True, slots=True)
class KuhnTucker:
    """ln c for one reproduction distribution.

    Attributes
    ----------
    points : ndarray (N, D)
    log_coefficients : ndarray (N,)
        ``ln p_i − ln m_i``.
    temperature : float
    """

    points: Array
    log_coefficients: Array
    temperature: float

    @classmethod
    def of(cls, points: Array, weights: Array, atoms: Array, reproduction: Array, temperature: float) -> KuhnTucker:
        """From the atoms (J, D) of r and their weights (J,), all positive."""
        exponent = np.log(reproduction) - squared_distances(points, atoms) / (2 * temperature)
        return cls(points, np.log(weights) - log_sum_exp(exponent), temperature)

    def log_c(self, y: Array) -> Array:
        """ln c at queries y (Q, D), shape (Q,)."""
        rows = max(1, _CHUNK // len(self.points))
        return np.concatenate([log_sum_exp(self._exponent(y[k : k + rows])) for k in range(0, len(y), rows)])

    def _exponent(self, y: Array) -> Array:
        return self.log_coefficients - squared_distances(y, self.points) / (2 * self.temperature)

    def moments(self, y: Array) -> tuple[Array, Array]:
        """``E_y x`` (Q, D) and ``Cov_y`` (Q, D, D)."""
        exponent = self._exponent(y)
        w = np.exp(exponent - exponent.max(axis=1, keepdims=True))
        w /= w.sum(axis=1, keepdims=True)
        mean = w @ self.points
        centred = self.points - mean[:, None]
        return mean, np.einsum("qn,qnd,qne->qde", w, centred, centred, optimize=True)

    def climb(self, y: Array, steps: int = 15) -> Array:
        """Local maxima of c that ascents from y (Q, D) reach; the fixed-point step where Newton's would not climb."""
        t, dim = self.temperature, self.points.shape[1]
        level = self.log_c(y)
        for _ in range(steps):
            mean, cov = self.moments(y)
            gradient = mean - y
            curvature = np.eye(dim) - cov / t
            concave = np.linalg.eigvalsh(curvature)[:, 0] > 1e-3
            newton = gradient.copy()
            newton[concave] = np.linalg.solve(curvature[concave], gradient[concave][..., None])[..., 0]
            tried = self.log_c(y + newton)
            # y ← E_y x is a step of the EM algorithm and never descends.
            better = concave & (tried >= level)
            y = np.where(better[:, None], y + newton, mean)
            level = np.where(better, tried, self.log_c(y))
            if np.abs(gradient).max() <= 1e-9 * np.sqrt(t):
                break
        return y

    def bound(self, target: float) -> tuple[float, Array]:
        """Upper bound of ln c over all y, at most ``target`` if that can be proved, and the highest point met (D,).

        On a box ``ln c + Σ κ_d y_d²/2`` is convex along every axis for ``κ_d = (1 − min Cov_dd/T)/T``, so ln c lies
        below its corners plus ``Σ κ_d w_d²/8``. Moving y by v changes ln Cov_dd by at most ``range(x·v)/T``, which
        bounds the minimum by the value at the middle. For D ≤ 2 (the number of boxes grows like a power D).
        """
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        extent = high - low
        cells = np.maximum(1, np.minimum(32, np.ceil(extent / np.sqrt(self.temperature)))).astype(int)
        axes = [np.linspace(a, b, n + 1) for a, b, n in zip(low, high, cells, strict=True)]
        centres = np.array(list(product(*((axis[1:] + axis[:-1]) / 2 for axis in axes))))
        half = extent / cells / 2
        proved, count, best, where = -np.inf, 0, -np.inf, centres[0]
        while True:
            count += len(centres)
            upper, at_corner, corner = self._boxes(centres, half, extent)
            k = int(at_corner.argmax())
            if at_corner[k] > best:
                best, where = float(at_corner[k]), corner[k]
            open_ = upper > target
            proved = max(proved, float(upper[~open_].max(initial=-np.inf)))
            if not open_.any():
                return proved, where
            if best > target or count > _CELLS:
                return max(proved, float(upper.max())), where
            half = half / 2
            shifts = np.array(list(product(*([-h, h] for h in half))))
            centres = (centres[open_][:, None] + shifts).reshape(-1, len(half))

    def _boxes(self, centres: Array, half: Array, extent: Array) -> tuple[Array, Array, Array]:
        """Bounds of ln c on boxes, and its largest corner with its place."""
        t = self.temperature
        corners = np.array(list(product(*([-h, h] for h in half))))
        places = centres[:, None] + corners
        values = self.log_c(places.reshape(-1, len(half))).reshape(places.shape[:2])
        rows = max(1, _CHUNK // (len(self.points) * len(half) ** 2))
        variance = np.concatenate(
            [np.einsum("qdd->qd", self.moments(centres[k : k + rows])[1]) for k in range(0, len(centres), rows)]
        )
        variance = variance * np.exp(-float(extent @ half) / t)
        curvature = np.maximum(1 - variance / t, 0.0) / t
        which = values.argmax(axis=1)
        highest = values[np.arange(len(values)), which]
        # ln c is a sum of positive terms with exponents of order ‖x‖²/T: this covers their rounding.
        rounding = 1e-15 * (8 + float(extent @ extent) / t)
        upper: Array = highest + curvature @ np.square(half) / 2 + rounding
        return upper, highest, places[np.arange(len(places)), which]


def squared_distances(a: Array, b: Array) -> Array:
    """``‖a_i − b_j‖²``, shape (A, B); by differences, which lose no digits when the points are close."""
    total = np.zeros((len(a), len(b)))
    for d in range(a.shape[1]):
        total += np.square(a[:, d, None] - b[:, d])
    return total


def log_sum_exp(exponent: Array) -> Array:
    """``ln Σ_j e^{exponent_ij}``, shape (rows,)."""
    top = exponent.max(axis=1)
    total: Array = top + np.log(np.exp(exponent - top[:, None]).sum(axis=1))
    return total
