"""One step of pseudo-arclength continuation: the bordered corrector, the tangent, and the eigenvalues that may cross.

===========  ============================================================================  =============
symbol       meaning                                                                       shape
===========  ============================================================================  =============
``θ``        temperature over the scale of the landscape                                   scalar
``x``        point on the branch, ``(y, θ)``                                               (n + 1,)
``t``        unit tangent of the branch                                                    (n + 1,)
``G, H, b``  gradient, Hessian and ∂G/∂θ, over the scale                                   (n,), …
``τ``        tangents of continuous symmetries; a step never moves along them              (p, n)
===========  ============================================================================  =============

Keller's bordered corrector (in Rabinowitz, ed., *Applications of Bifurcation Theory*, 1977) is solved by least squares,
so that symmetry and flat modes do no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .landscape import Landscape
from .newton import TOLERANCE

__all__ = ["Point", "System"]

Array = NDArray[np.float64]


@dataclass(slots=True)
class Point:
    """A point with all that a step needs of it.

    Parameters
    ----------
    x, tangent : ndarray, shape (n + 1,)
        (y, θ), and the unit tangent of the branch there.
    eigenvalues : ndarray, shape (k,)
        Of the Hessian over the scale, ascending, the permanent zero modes left out.
    vectors : ndarray, shape (n, k)
        Their eigenvectors, columns.
    """

    x: Array
    tangent: Array
    eigenvalues: Array
    vectors: Array

    @property
    def index(self) -> int:
        """Morse index."""
        return int(np.count_nonzero(self.eigenvalues < 0))

    @property
    def unstable(self) -> Array:
        """Orthonormal basis of the directions in which F falls, (n, index)."""
        return self.vectors[:, : self.index]


class System:
    """The landscape in the scaled variables x = (y, θ)."""

    def __init__(self, landscape: Landscape) -> None:
        self.landscape, self.scale, self.iterations = landscape, landscape.scale, 0
        self.zeros = 0

    def force(self, x: Array) -> Array:
        return np.asarray(self.landscape.gradient(x[:-1], x[-1] * self.scale) / self.scale, dtype=np.float64)

    def hessian(self, x: Array) -> Array:
        return np.asarray(self.landscape.hessian(x[:-1], x[-1] * self.scale) / self.scale, dtype=np.float64)

    def tilt(self, x: Array) -> Array:
        return self.landscape.tilted(x[:-1], x[-1] * self.scale)

    def inside(self, x: Array) -> bool:
        places = list(self.landscape.positive)
        return bool(np.isfinite(x).all() and x[-1] > 0 and (x[places] > 0).all())

    def jacobian(self, x: Array, border: Array) -> Array:
        """[H b; border; τ 0]."""
        tau = self.landscape.symmetry(x[:-1])
        top = np.column_stack([self.hessian(x), self.tilt(x)])
        return np.vstack([top, border, np.column_stack([tau, np.zeros(len(tau))])])

    def correct(self, x: Array, constraint: Callable[[Array], tuple[float, Array]]) -> Array | None:
        """Newton on G = 0 with one more equation, given as value and gradient; ``None`` if it does not converge."""
        for _ in range(12):
            if not self.inside(x):
                return None
            value, border = constraint(x)
            G = self.force(x)
            size = float(np.abs(G).max())
            if not np.isfinite(size) or size > 1e8:
                return None
            system = self.jacobian(x, border)
            right = np.zeros(len(system))
            right[: len(G)], right[len(G)] = -G, -value
            step = np.linalg.lstsq(system, right, rcond=1e-12)[0]
            x = x + step
            self.iterations += 1
            # Not the force: near a branch point it is small long before T is right.
            if np.abs(step).max() <= 1e-14 * (1 + np.abs(x).max()):
                break
        good = self.inside(x) and float(np.abs(self.force(x)).max()) <= TOLERANCE
        return x if good and abs(constraint(x)[0]) <= 1e-8 else None

    def point(self, x: Array, previous: Array) -> Point:
        """Tangent and eigenvalues, the permanent zero modes left out.

        Without them the tangent is unique; with them the branch would drift along its own orbit.
        """
        H = self.hessian(x)
        values, vectors = np.linalg.eigh(H)
        order = np.argsort(np.abs(values), kind="stable")
        permanent = vectors[:, order[: self.zeros]].T
        system = np.vstack(
            [
                np.column_stack([H, self.tilt(x)]),
                previous,
                np.column_stack([permanent, np.zeros(len(permanent))]),
            ]
        )
        right = np.zeros(len(system))
        right[len(H)] = 1.0
        t = np.linalg.lstsq(system, right, rcond=1e-12)[0]
        t[:-1] -= permanent.T @ (permanent @ t[:-1])
        kept = np.sort(order[self.zeros :])  # ascending, as eigh returns them
        return Point(x, t / np.linalg.norm(t), values[kept], vectors[:, kept])

    def along(self, start: Point, length: float) -> Point | None:
        """The point at a distance along the tangent."""
        t, ahead = start.tangent, start.x + length * start.tangent
        x = self.correct(ahead, lambda x: (float(t @ (x - ahead)), t))
        return None if x is None else self.point(x, t)
