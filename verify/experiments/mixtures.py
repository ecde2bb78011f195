"""Data of the experiments on the residual edge: the eight-dimensional mixture, and two groups of unequal spread.

======  ===================================================================  ==============
symbol  meaning                                                              shape, unit
======  ===================================================================  ==============
D       ``diag e^{−0.1(i−1)}``, covariance in the basis O                    (8, 8), x²
O       random orthogonal matrix                                             (8, 8)
Y       ``(I − a²vvᵀ)^{1/2} G + aηv``, unit covariance                       (N, 8)
v, η    ``(1, …, 1)/√8``, fair signs                                         (8,), (N,)
======  ===================================================================  ==============
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["GROUPS", "mixture_rows"]

Array = npt.NDArray[np.float64]

_DIMENSIONS = 8
_SHIFT = 0.5  # a: excess kurtosis −2a⁴ along v
_DECAY = 0.1

GROUPS = np.array([[3.0, 1.8**0.5], [3.0, -(1.8**0.5)], [-3.0, 0.2**0.5], [-3.0, -(0.2**0.5)]])
"""Two groups at ±3, one wide (variance 1.8 across) and one narrow (0.2): covariance diag(9, 1)."""


def mixture_rows(rows: int, generator: np.random.Generator) -> Array:
    """Draw centred rows ``x = O D^{1/2} Y`` (Li, arXiv:2610.11257), (N, 8).

    Examples
    --------
    >>> x = mixture_rows(200_000, np.random.default_rng(0))
    >>> spectrum = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    >>> bool(np.allclose(spectrum, np.exp(-0.1 * np.arange(8)), rtol=0.02))
    True
    """
    v = np.full(_DIMENSIONS, 1 / math.sqrt(_DIMENSIONS))
    g = generator.standard_normal((rows, _DIMENSIONS))
    signs = generator.choice([-1.0, 1.0], rows)
    # (I − a²vvᵀ)^{1/2} = I − (1 − √(1 − a²)) vvᵀ
    y = g - (1 - math.sqrt(1 - _SHIFT**2)) * np.outer(g @ v, v) + _SHIFT * np.outer(signs, v)
    q, r = np.linalg.qr(generator.standard_normal((_DIMENSIONS, _DIMENSIONS)))
    basis = q * np.sign(np.diag(r))
    x: Array = (y * np.exp(-_DECAY / 2 * np.arange(_DIMENSIONS))) @ basis.T
    x -= x.mean(0)
    return x
