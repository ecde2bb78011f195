"""The rate–distortion problem of a finite source and a finite reproduction alphabet at a fixed slope.

========  =============================================================  =======
symbol    meaning                                                        unit
========  =============================================================  =======
``p``     source weights, of sum 1                                       1
``d``     distortions d(x_i, y_j)                                        data²
``T``     temperature; −1/(2T) is the slope dR/dD                        data²
``r``     reproduction weights, of sum 1                                 1
``c_j``   Kuhn–Tucker function ``Σ_i p_i e^{−d_ij/2T} / m_i``            1
``m_i``   normalisation ``Σ_j r_j e^{−d_ij/2T}``                         1
``F_RD``  ``min_D D + 2T R(D) = min_r −2T Σ_i p_i ln m_i``               data²
========  =============================================================  =======

Any r gives ``F(r) − 2T ln max_j c_j ≤ F_RD ≤ F(r)`` (Blahut, IEEE Trans. Inf. Theory 18, 460 (1972); Csiszár 1974), so
an answer comes with its error. Blahut's step ``r_j ← r_j c_j`` never raises F but converges only linearly, and slower
still where letters compete; between such steps a constrained Newton step (Wang, J. R. Stat. Soc. B 69, 185 (2007): the
same convex problem is the maximum likelihood of a mixture) makes convergence quadratic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from theory.errors import InputError, NonConvergenceError

from .checked import checked_weights

__all__ = ["FixedSlope", "blahut_arimoto"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FixedSlope:
    """Point of the rate–distortion curve with slope −1/(2T).

    Attributes
    ----------
    value, lower : float
        ``lower ≤ F_RD(T) ≤ value``, primal and dual, in data².
    reproduction : ndarray (M,)
        r.
    distortion, rate : float
        D in data² and R in nats of the primal point; ``value = D + 2T R``.
    status : {"converged", "limit"}
        "limit": stopped at the iteration limit, the bounds hold all the same.
    residual : float
        ``value − lower``, in data².
    iterations : int
    """

    value: float
    lower: float
    reproduction: Array
    distortion: float
    rate: float
    status: Literal["converged", "limit"]
    residual: float
    iterations: int


def blahut_arimoto(
    weights: ArrayLike,
    distortions: ArrayLike,
    temperature: float,
    *,
    start: ArrayLike | None = None,
    tolerance: float = 1e-10,
    limit: int = 500,
    throw: bool = True,
) -> FixedSlope:
    """Minimise ``D + 2T R`` over all channels from a finite source to a finite alphabet.

    Parameters
    ----------
    weights : array_like, shape (N,)
        p, up to a factor.
    distortions : array_like, shape (N, M)
        d, finite.
    temperature : float
        T > 0.
    start : array_like, shape (M,), optional
        First guess of r; letters of weight zero may come back. Equal weights by default.
    tolerance : float
        Of ``value − lower``, relative to the distortion at rate zero.
    limit : int
        Most iterations.
    throw : bool
        Whether stopping at the limit raises.

    Returns
    -------
    FixedSlope

    Raises
    ------
    InputError
        For unusable arguments.
    NonConvergenceError
        If the gap is not reached and ``throw`` is true; its state is the result.

    Examples
    --------
    A fair bit under Hamming distortion: D = 1/(1 + e^{1/2T}) and R = ln 2 − H(D).

    >>> point = blahut_arimoto([0.5, 0.5], [[0, 1], [1, 0]], temperature=0.25)
    >>> D = 1 / (1 + np.exp(2.0))
    >>> bool(abs(point.distortion - D) < 1e-12)
    True
    >>> bool(abs(point.rate - (np.log(2) + D * np.log(D) + (1 - D) * np.log(1 - D))) < 1e-12)
    True
    """
    d = np.asarray(distortions, dtype=np.float64)
    if d.ndim != 2 or d.size == 0 or not np.isfinite(d).all():
        raise InputError(
            f"distortions must be a (sources, letters) array of finite numbers, got shape {d.shape}; give d(x_i, y_j)"
        )
    t = checked_temperature(temperature)
    p = checked_weights(weights, len(d), "weights", least=1)
    p = p / p.sum()
    r = np.full(d.shape[1], 1.0) if start is None else checked_weights(start, d.shape[1], "start", least=1)
    r = r / r.sum()
    # Every row keeps its nearest letter at exponent 0, so that no m_i underflows.
    least = d.min(axis=1)
    a = np.exp(-(d - least[:, None]) / (2 * t))
    scale = float((p @ d).min() - p @ least) or 1.0
    gap = np.inf
    for iteration in range(limit + 1):
        # A letter of weight zero is revived here: Blahut's step alone never would.
        m = a @ r
        if not (m > 0).all():
            r = 0.5 * (r + 1 / len(r))
            m = a @ r
        c = a.T @ (p / m)
        gap = 2 * t * float(np.log(c.max()))
        if gap <= tolerance * scale or iteration == limit:
            break
        r = r * c / float(r @ c)
        r = _newton_step(a, p, r, c)
    value = float(p @ least - 2 * t * (p @ np.log(m)))
    joint = p[:, None] * a * r / m[:, None]
    distortion = float(np.sum(joint * d))
    converged = gap <= tolerance * scale
    result = FixedSlope(
        value,
        value - max(gap, 0.0),
        r,
        distortion,
        max((value - distortion) / (2 * t), 0.0),
        "converged" if converged else "limit",
        max(gap, 0.0),
        iteration,
    )
    if throw and not converged:
        raise NonConvergenceError(
            f"Blahut–Arimoto at T = {t:g} has a gap of {gap:.3g} after {limit} iterations, {tolerance * scale:.3g} was "
            "asked for; raise limit or tolerance, or take the bounds of the result with throw=False",
            result,
            result.residual,
        )
    return result


def _newton_step(a: Array, p: Array, r: Array, c: Array) -> Array:
    """Best point of the simplex for the second-order expansion of ``Σ p ln(a r)`` about r, by line search."""
    letters = np.flatnonzero((r > 0) | (c > 1 - 1e-3))
    m = a @ r
    # Minimise Σ p (s·r' − 2)² on the simplex: a non-negative least-squares problem (Dax 1990).
    s = np.sqrt(p)[:, None] * (a[:, letters] / m[:, None] - 2)
    stacked = np.vstack([s, np.ones(len(letters))])
    target = np.append(np.zeros(len(p)), 1.0)
    try:
        solution = nnls(stacked, target)[0]
    except RuntimeError:  # its own iteration limit, on nearly dependent letters: Blahut's step has already been made
        return r
    if not solution.sum() > 0:
        return r
    direction = -r
    direction[letters] += solution / solution.sum()
    along = a @ direction
    step, slope = 1.0, float(p @ (along / m))
    if slope <= 0:
        return r
    for _ in range(30):
        moved = m + step * along
        if (moved > 0).all() and float(p @ np.log1p(step * along / m)) >= step * slope / 3:
            return np.maximum(r + step * direction, 0.0)
        step /= 2
    return r


def checked_temperature(temperature: float) -> float:
    """T as float; InputError unless it is positive and finite."""
    if isinstance(temperature, bool) or not 0 < temperature < np.inf:
        raise InputError(f"temperature must be positive and finite, got {temperature!r}; T = β η² is a variance")
    return float(temperature)
