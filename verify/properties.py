"""Property-test an encoder or a formula: Hypothesis strategies for spectra and data (extra ``properties``).

==============  ===================================================  ==========  =====
symbol          meaning                                              shape       unit
==============  ===================================================  ==========  =====
``λ``           eigenvalues of a covariance, descending, ≥ 0         (D,)        data²
``U``           orthogonal matrix                                    (D, D)      1
``S``           covariance, ``U diag(λ) Uᵀ``                         (D, D)      data²
==============  ===================================================  ==========  =====

The strategies are wide on purpose: equal eigenvalues, exact zeros and spectra over twelve decades are where formulas
break. The identities to check drawn values with are in :mod:`verify.checkers` and re-exported here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.errors import MissingExtraError

from .checkers import (
    check_concave_free_energy,
    check_encoder,
    check_encoder_invariance,
    check_rate_distortion,
    check_signal_fraction,
)

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise MissingExtraError("property testing", "hypothesis", "properties") from error

__all__ = [
    "check_concave_free_energy",
    "check_encoder",
    "check_encoder_invariance",
    "check_rate_distortion",
    "check_signal_fraction",
    "covariances",
    "rotations",
    "spectra",
    "weighted_points",
]

Array = NDArray[np.float64]


@st.composite
def spectra(
    draw: st.DrawFn,
    *,
    min_size: int = 1,
    max_size: int = 10,
    decades: float = 12.0,
    degenerate: bool = True,
    rank_deficient: bool = True,
) -> Array:
    """Spectra of covariances: descending, non-negative, the largest eigenvalue positive.

    Parameters
    ----------
    draw : callable
        Supplied by Hypothesis.
    min_size, max_size : int
        Bounds of the number of eigenvalues.
    decades : float
        Width: the smallest positive eigenvalue is at least ``10**-decades`` of the largest.
    degenerate : bool
        Whether equal eigenvalues occur.
    rank_deficient : bool
        Whether exact zeros occur.

    Returns
    -------
    strategy of ndarray, shape (D,)
        The largest eigenvalue lies between 10⁻³ and 10³.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(spectra(min_size=2, rank_deficient=False), lambda lam: True)  # the simplest one
    array([1., 1.])
    >>> lam = find(spectra(), lambda lam: lam[-1] == 0 and lam[-2] < 1e-6 * lam[0])
    >>> bool((np.diff(lam) <= 0).all())
    True
    """
    positive = size = draw(st.integers(min_size, max_size))
    if rank_deficient:
        positive -= draw(st.integers(0, size - 1))
    # Neighbours differ by at least 5 % unless they may be equal; a run of zeros makes a degenerate cluster.
    widest = decades / max(positive - 1, 1)
    step = st.floats(min(0.02, widest), widest)
    steps = [draw(st.just(0.0) | step if degenerate else step) for _ in range(positive - 1)]
    largest = 10.0 ** draw(st.floats(-3.0, 3.0))
    lam = np.zeros(size)
    lam[:positive] = largest * 10.0 ** -np.cumsum([0.0, *steps])
    return lam


@st.composite
def rotations(draw: st.DrawFn, dim: int) -> Array:
    """Orthogonal matrices, reflections included, uniform in the Haar measure; the simplest is the identity.

    Parameters
    ----------
    draw : callable
        Supplied by Hypothesis.
    dim : int
        D ≥ 1.

    Returns
    -------
    strategy of ndarray, shape (D, D)

    Examples
    --------
    >>> from hypothesis import find
    >>> find(rotations(2), lambda u: True)
    array([[1., 0.],
           [0., 1.]])
    """
    # One integer for the matrix: shrinking an orthogonal matrix entry by entry leads nowhere.
    seed = draw(st.integers(0, 2**32 - 1))
    if seed == 0:
        return np.eye(dim)
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))
    # Without the signs of R, QR is not uniform (Mezzadri, Notices of the AMS 54, 592 (2007)).
    rotated: Array = q * np.sign(np.diagonal(r))
    return rotated


@st.composite
def covariances(
    draw: st.DrawFn,
    *,
    min_size: int = 1,
    max_size: int = 10,
    decades: float = 6.0,
    degenerate: bool = True,
    rank_deficient: bool = True,
) -> Array:
    """Covariance matrices: a spectrum from :func:`spectra` in random axes.

    Parameters
    ----------
    draw : callable
        Supplied by Hypothesis.
    min_size, max_size, decades, degenerate, rank_deficient
        As in :func:`spectra`. A matrix holds its small eigenvalues only to about ``1e-16`` of the largest, so that
        beyond eight decades they are no longer those of the spectrum that was drawn.

    Returns
    -------
    strategy of ndarray, shape (D, D)
        Exactly symmetric.
    """
    lam = draw(
        spectra(
            min_size=min_size,
            max_size=max_size,
            decades=decades,
            degenerate=degenerate,
            rank_deficient=rank_deficient,
        )
    )
    u = draw(rotations(len(lam)))
    half = u * np.sqrt(lam)
    s: Array = half @ half.T
    return (s + s.T) / 2


@st.composite
def weighted_points(
    draw: st.DrawFn, *, min_rows: int = 2, max_rows: int = 12, min_columns: int = 1, max_columns: int = 4
) -> tuple[Array, Array]:
    """Point sets with row weights: repeated rows, rows of weight zero and dependent columns included.

    Parameters
    ----------
    draw : callable
        Supplied by Hypothesis.
    min_rows, max_rows, min_columns, max_columns : int
        Bounds of the shape.

    Returns
    -------
    strategy of (ndarray (N, D), ndarray (N,))
        Points with multiples of 1/8 as coordinates, so that sums over them are exact, and weights that are
        multiples of 1/4 and not all zero. Every column may be constant.
    """
    n = draw(st.integers(min_rows, max_rows))
    dim = draw(st.integers(min_columns, max_columns))
    entries = draw(st.lists(st.integers(-64, 64), min_size=n * dim, max_size=n * dim))
    points = np.array(entries, dtype=np.float64).reshape(n, dim) / 8
    if dim > 1 and draw(st.booleans()):
        points[:, -1] = points[:, 0] - points[:, :-1].sum(axis=1)
    if draw(st.booleans()):
        points[-1] = points[0]
    weights = np.array(draw(st.lists(st.integers(0, 8), min_size=n, max_size=n)), dtype=np.float64) / 4
    if not weights.any():
        weights[0] = 1.0
    return points, weights
