"""Gaussian posteriors on a uniform grid of latent space: where every integral over z becomes a sum.

The trapezoidal rule on a uniform grid converges faster than any power of the spacing for integrands that are analytic
around the real line and decay like a Gaussian; a mixture density in the denominator only narrows the strip. So the
spacing follows the smallest posterior width and the ends lie a fixed number of widths outside. Gauss–Hermite rules
per component were not chosen: the decoder is shared by all components and would be needed at N different node sets.

======  ===============================================================  ==========
symbol  meaning                                                          shape
======  ===============================================================  ==========
``z``   nodes of the product grid                                        (K, Z)
``dz``  volume of a cell                                                 scalar
``q``   posterior densities ``Π_k N(z_k; μ_ik, σ_ik²)``                  (N, Z)
``s``   scores ``∂ ln q/∂μ_k`` then ``∂ ln q/∂ ln σ_k``                  (2K, N, Z)
======  ===============================================================  ==========
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_RANGE", "GridTooLargeError", "PosteriorGrid"]

Array = NDArray[np.float64]

_LARGEST = 3e7
"""Densities held at once: a quarter of a gigabyte."""
LARGEST_RANGE = (1000.0, 300.0)
"""Extent of an axis in smallest widths, for one latent and for several. A posterior that shrinks below is a spike on
a point of little weight inside a broad code; many such minima exist, and following them would cost more than all the
others."""


class GridTooLargeError(ArithmeticError):
    """The posteriors are too narrow for a grid that fits in memory."""


@dataclass(frozen=True, slots=True)
class PosteriorGrid:
    """Nodes and the posterior densities on them.

    Attributes
    ----------
    z : ndarray (K, Z)
        Nodes.
    cell : float
        Volume per node.
    q : ndarray (N, Z)
        Densities.
    u : tuple of K ndarrays (N, Z)
        ``(z_k − μ_k)/σ_k``.
    sigma : ndarray (N, K)
        Widths.

    Examples
    --------
    >>> grid = PosteriorGrid.of(np.zeros((1, 1)), np.zeros((1, 1)), spacing=0.5, reach=8.0)
    >>> bool(abs(grid.q.sum() * grid.cell - 1) < 1e-14)
    True
    """

    z: Array
    cell: float
    q: Array
    u: tuple[Array, ...]
    sigma: Array

    @classmethod
    def of(cls, mean: Array, log_width: Array, spacing: float, reach: float) -> PosteriorGrid:
        """Place the grid and evaluate the posteriors.

        Parameters
        ----------
        mean, log_width : ndarray (N, K)
            μ and ln σ.
        spacing : float
            Largest spacing in units of the smallest width. It is rounded down to a power of √2, so that the grid
            stays the same while the widths change a little.
        reach : float
            How many widths beyond the outermost mean the grid extends.

        Raises
        ------
        GridTooLargeError
            If a width is too small a fraction of the extent, or the densities are beyond what is held in memory.
        """
        sigma = np.exp(np.clip(log_width, -30.0, 30.0))
        points, latents = mean.shape
        steps = np.exp2(np.floor(2 * np.log2(spacing * sigma.min(axis=0))) / 2)
        low = np.floor((mean - reach * sigma).min(axis=0) / steps)
        high = np.ceil((mean + reach * sigma).max(axis=0) / steps)
        narrow = (high - low) * steps > LARGEST_RANGE[latents > 1] * sigma.min(axis=0)
        if narrow.any() or not points * float(np.prod(high - low + 1)) < _LARGEST:
            raise GridTooLargeError(f"the narrowest posterior, {sigma.min():.2g}, needs a grid that is too large")
        axes = [h * np.arange(a, b + 1) for h, a, b in zip(steps, low, high, strict=True)]
        u = [(axis - mean[:, k, None]) / sigma[:, k, None] for k, axis in enumerate(axes)]
        single = [np.exp(-0.5 * v * v) / (np.sqrt(2 * np.pi) * sigma[:, k, None]) for k, v in enumerate(u)]
        if latents == 1:
            return cls(axes[0][None], float(steps[0]), single[0], (u[0],), sigma)
        shape = [len(axis) for axis in axes]
        q = np.ones((points, *[1] * latents))
        wide = []
        for k in range(latents):
            along = (points, *[n if j == k else 1 for j, n in enumerate(shape)])
            q = q * single[k].reshape(along)
            wide.append(np.broadcast_to(u[k].reshape(along), (points, *shape)).reshape(points, -1))
        z = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
        return cls(z, float(np.prod(steps)), q.reshape(points, -1), tuple(wide), sigma)

    def scores(self) -> Array:
        """``∂ ln q/∂μ_k = u/σ`` for all k, then ``∂ ln q/∂ ln σ_k = u² − 1``, shape (2K, N, Z)."""
        by_mean = [u / self.sigma[:, k, None] for k, u in enumerate(self.u)]
        return np.stack(by_mean + [u * u - 1 for u in self.u])
