"""The public strategies of `verify.properties`, bounded to what the tests can afford."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from numerics.spectrum import Spectrum
from verify.properties import covariances, rotations, spectra, weighted_points

__all__ = [
    "CLOSED",
    "TRAINED",
    "covariances",
    "rotations",
    "spectra",
    "spectrum_of",
    "temperatures",
    "weighted_points",
]

CLOSED = settings(derandomize=True, deadline=None, max_examples=80, database=None)
"""For closed forms: the same examples on every machine, no time limit on a shared one."""

TRAINED = settings(CLOSED, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
"""For properties that train models."""


def temperatures(size: int = 8) -> st.SearchStrategy[NDArray[np.float64]]:
    """Temperatures from far below to far above every spectrum of :func:`spectra`, ascending."""
    exponents = st.lists(st.floats(-16.0, 4.0), min_size=1, max_size=size)
    return exponents.map(lambda e: 10.0 ** np.sort(np.array(e)))


def spectrum_of(eigenvalues: NDArray[np.float64]) -> Spectrum:
    """A spectrum with exactly these eigenvalues: no decomposition rounds them."""
    dim = len(eigenvalues)
    return Spectrum(
        eigenvalues=eigenvalues,
        axes=np.eye(dim),
        total_variance=float(eigenvalues.sum()),
        mean=np.zeros(dim),
        scale=np.ones(dim),
        n=None,
        ddof=0,
        columns=tuple(f"x{k + 1}" for k in range(dim)),
    )
