"""Stationary points at given temperatures from many starts: seeds for branches that nothing known leads to.

=======  ======================================================  ==========
symbol   meaning                                                 shape
=======  ======================================================  ==========
``y``    state                                                   (n,)
``b``    half-widths of the box that is searched                 (n,)
``u``    point of a Sobol sequence                               (n + 1,)
=======  ======================================================  ==========

Starts are ``±b 10^{−2v}`` times a point of the box, the exponent v uniform too: stationary points next to collapse are
as many as those far out, and a uniform box would miss them. From each found point further starts leave along its
eigenvectors, softest first, because points that are close to each other differ in a soft direction. There is no proof
that all are found; where the model has one (`theory.truncated.stationary_points` isolates the roots of a polynomial,
`numerics.stationary.families` lists those of the linear VAE) give its states to `numerics.diagram.diagram` instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import qmc

from theory.errors import InputError

from .landscape import Landscape
from .newton import TOLERANCE, polish

__all__ = ["stationary_starts"]

Array = NDArray[np.float64]
_DECADES = 2.0  # of the distance of the starts
_ITERATIONS = 100  # convergence along flat directions is linear
_KICKS = (0.03, 0.1, 0.3, 1.0)
"""Lengths of the further starts, relative to the state or, at the origin, to the box."""


def stationary_starts(
    landscape: Landscape,
    temperatures: Sequence[float],
    box: ArrayLike,
    *,
    tries: int = 64,
    seed: int = 0,
) -> tuple[tuple[Array, float], ...]:
    """Find stationary points at each temperature by Newton's method from many starts.

    Parameters
    ----------
    landscape : Landscape
        Any model without variances (`positive` empty).
    temperatures : sequence of float
        T, in data variance. An isola is found if one of them cuts it.
    box : array_like, shape (n,) or scalar
        Half-widths of the box around the origin that starts come from.
    tries : int
        Starts at each temperature, rounded up to a power of two.
    seed : int
        Of the scrambled Sobol sequence.

    Returns
    -------
    tuple of (state, T)
        As `numerics.diagram.diagram` takes them; images under symmetries are not removed.

    Raises
    ------
    InputError
        If the box is not positive, `tries` is less than 1, or the landscape has coordinates that must stay positive.

    Examples
    --------
    >>> from numerics.landscape import curve_landscape
    >>> found = stationary_starts(curve_landscape((1.0, 2.0)), [1.2], 0.95)
    >>> sorted({round(float(y[0] ** 2), 6) for y, T in found})  # T(m) = (1 − m)(1 + 4m)
    [0.0, 0.07396, 0.67604]
    """
    if landscape.positive:
        raise InputError(
            f"landscape must have no positive coordinates, it has {landscape.positive}; give starts from closed forms"
        )
    widths = np.broadcast_to(np.asarray(box, dtype=np.float64), (landscape.size,))
    if not (np.isfinite(widths) & (widths > 0)).all():
        raise InputError(f"box must hold positive half-widths, got {box!r}; give the largest amplitudes to look at")
    if tries < 1:
        raise InputError(f"tries must be at least 1, got {tries!r}; 64 is a good number for two amplitudes")
    power = int(np.ceil(np.log2(tries)))
    u = qmc.Sobol(landscape.size + 1, rng=np.random.default_rng(seed)).random_base2(power)
    starts = widths * (2 * u[:, :-1] - 1) * 10 ** (-_DECADES * u[:, -1:])
    found: list[tuple[Array, float]] = []
    for value in temperatures:
        T = landscape.temperature(value)
        found += [(y, T) for y in _all(landscape, T, starts, widths)]
    return tuple(found)


def _all(landscape: Landscape, T: float, starts: Array, widths: Array) -> list[Array]:
    states: list[Array] = []

    def search(start: Array) -> None:
        with np.errstate(all="ignore"):  # a step may leave the domain; the residual then says so
            y, residual, _ = polish(landscape, start, T, _ITERATIONS)
        near = 1e-6 * np.maximum(widths, np.abs(y))
        if residual <= TOLERANCE and not any((np.abs(y - other) <= near).all() for other in states):
            states.append(y)

    for start in (np.zeros(landscape.size), *starts):
        search(start)
    for y in states:  # grows in the loop
        values, vectors = np.linalg.eigh(landscape.hessian(y, T))
        length = float(np.abs(y).max()) or float(widths.min())
        for v in vectors[:, np.argsort(np.abs(values))].T:
            for kick in _KICKS:
                search(y + kick * length * v)
                search(y - kick * length * v)
    return states
