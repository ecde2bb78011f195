"""The rate–distortion bound of a weighted point set: what no VAE of any architecture can go below.

``F*(T) ≥ F_RD(T) = min_D [D + 2T R(D)]`` under squared error, because encoder and decoder make a channel from x to f(z)
whose mutual information is at most E KL.

=========  ==========================================================  =======
symbol     meaning                                                     unit
=========  ==========================================================  =======
``T``      temperature                                                 data²
``y, r``   atoms of the optimal reproduction and their weights         data, 1
``D, R``   distortion and rate (nats) at slope −1/(2T)                 data², 1
``c(y)``   Kuhn–Tucker function, see :mod:`numerics.kuhn_tucker`       1
``V``      total variance, the value of full collapse                  data²
=========  ==========================================================  =======

The optimal reproduction of N points is discrete. Its atoms are not on a grid: letters are added where c exceeds 1 and
those of weight zero dropped, until c ≤ 1 is proved (D ≤ 2) or no ascent finds more (D > 2, no proof).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from theory.errors import InputError, NonConvergenceError

from . import _formulas
from .blahut_arimoto import blahut_arimoto, checked_temperature
from .kuhn_tucker import KuhnTucker, log_sum_exp, squared_distances
from .pointset import PointSet

__all__ = ["RateDistortion", "gaussian_rate_distortion", "rate_distortion", "rate_distortion_bound"]

Array = NDArray[np.float64]

_ROUNDS = 60
_MOVING = 8
"""Rounds that also move the letters: fast at first, but a move can undo what adding letters gained."""
_GRID = 4096
_STARTS = 64
_CERTIFIED_DIMENSIONS = 2


@dataclass(frozen=True, slots=True)
class RateDistortion:
    """Point of the rate–distortion curve of a point set with slope −1/(2T).

    Attributes
    ----------
    temperature : float
    value : float
        F of the reproduction found: an upper bound of F_RD(T), in data².
    lower : float or None
        Proved lower bound of F_RD(T), in data²; None where it is not available (D > 2).
    distortion, rate : float
        D in data² and R in nats; ``value = D + 2T R``.
    atoms, reproduction : ndarray (J, D), (J,)
        Reproduction points, in the centred coordinates of the point set, and their weights.
    status : {"certified", "limit", "not available"}
        "limit": the gap asked for was not reached, ``lower`` holds all the same; "not available": no proof for D > 2.
    residual : float
        ``value − lower``, or, without proof, the gap to the best point that ascents found; in data².
    iterations : int
        Rounds of refining the alphabet.
    """

    temperature: float
    value: float
    lower: float | None
    distortion: float
    rate: float
    atoms: Array
    reproduction: Array
    status: Literal["certified", "limit", "not available"]
    residual: float
    iterations: int


def rate_distortion(
    points: ArrayLike | PointSet,
    temperature: float,
    *,
    weights: ArrayLike | None = None,
    tolerance: float = 1e-8,
    start: RateDistortion | None = None,
    throw: bool = True,
) -> RateDistortion:
    """Minimise ``D + 2T R`` over all channels from the points to reconstructions anywhere in space.

    Parameters
    ----------
    points : array_like, shape (N, D) or (N,), or PointSet
        Centred first.
    temperature : float
        T > 0, in data².
    weights : array_like, shape (N,), optional
        Equal by default.
    tolerance : float
        Of ``value − lower``, relative to V.
    start : RateDistortion, optional
        Result at a neighbouring temperature, whose atoms are the first alphabet.
    throw : bool
        Whether a gap above the tolerance raises.

    Returns
    -------
    RateDistortion

    Raises
    ------
    InputError
        For unusable arguments.
    NonConvergenceError
        If the gap is not reached and ``throw`` is true; its state is the result.

    Notes
    -----
    Rose, IEEE Trans. Inf. Theory 40, 1939 (1994) (discreteness); Blahut (1972) for the bounds: whatever r is,
    ``F(r) − 2T ln sup c ≤ F_RD ≤ F(r)``.

    Examples
    --------
    Two points at ±1 separate into two atoms tanh-fashion: ``y = tanh(y/T)``.

    >>> point = rate_distortion([-1.0, 1.0], 0.5)
    >>> y = point.atoms[:, 0].max()
    >>> bool(abs(y - np.tanh(y / 0.5)) < 1e-5), point.status
    (True, 'certified')
    """
    s = points if isinstance(points, PointSet) else PointSet.of(points, weights)
    t = checked_temperature(temperature)
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1 (a relative gap), got {tolerance!r}; try 1e-8")
    v = s.variance
    if v == 0:
        origin = np.zeros((1, s.dimension))
        return RateDistortion(t, 0.0, 0.0, 0.0, 0.0, origin, np.ones(1), "certified", 0.0, 0)
    core, share = _without_specks(s, t, tolerance * v / 4)
    target = tolerance * v / (4 * t)
    kt, atoms, reproduction, reached, rounds = _refine(core, t, target, tolerance, start, _MOVING)
    if reached > target and s.dimension == 1:  # slower, but it does not depend on how well letters were moved
        kt, atoms, reproduction, reached, rounds = _refine(core, t, target, tolerance, start, 0)
    # F of the whole is at least its share times F of the core: every term of D and of the rate given y is.
    proved = share * (-2 * t * float(core.weights @ (np.log(core.weights) - kt.log_coefficients)) - 2 * t * reached)
    d = squared_distances(s.points, atoms)
    exponent = np.log(reproduction) - d / (2 * t)
    log_m = log_sum_exp(exponent)
    value = float(-2 * t * (s.weights @ log_m))
    distortion = float(s.weights @ np.sum(np.exp(exponent - log_m[:, None]) * d, axis=1))
    provable = s.dimension <= _CERTIFIED_DIMENSIONS
    lower = max(proved - 1e-14 * v, 0.0) if provable else None
    gap = max(value - proved, 0.0)
    status: Literal["certified", "limit", "not available"] = "not available"
    if provable:
        status = "certified" if gap <= tolerance * v else "limit"
    result = RateDistortion(
        t,
        value,
        lower,
        distortion,
        max((value - distortion) / (2 * t), 0.0) if len(atoms) > 1 else 0.0,
        atoms,
        reproduction,
        status,
        gap,
        rounds,
    )
    if throw and gap > tolerance * v:
        raise NonConvergenceError(
            f"the rate–distortion bound at T = {t:g} has a gap of {gap:.3g} after {rounds} rounds and must "
            f"have {tolerance * v:.3g}; raise tolerance, or take the bounds of the result with throw=False",
            result,
            gap,
        )
    return result


def _refine(
    s: PointSet, t: float, target: float, tolerance: float, start: RateDistortion | None, most_moves: int
) -> tuple[KuhnTucker, Array, Array, float, int]:
    """Add letters where c > 1 until ``ln c ≤ target`` is proved; atoms, weights, bound of ln c, rounds."""
    atoms = np.zeros((1, s.dimension)) if start is None else np.vstack([np.zeros((1, s.dimension)), start.atoms])
    reproduction: Array | None = None
    provable = s.dimension <= _CERTIFIED_DIMENSIONS
    starts, rounds = _starts(s, t), 0
    while True:
        rounds += 1
        atoms, reproduction = _weigh(s, t, atoms, reproduction, tolerance)
        moving = rounds <= most_moves and len(atoms) > 1
        if moving:
            atoms, reproduction = _weigh(s, t, *_relax(s, t, atoms, reproduction), tolerance)
        kt = KuhnTucker.of(s.points, s.weights, atoms, reproduction, t)
        # Ascents from the atoms, next to which the optimum will be, and from wherever the condition is violated.
        level = kt.log_c(starts)
        violated = np.flatnonzero(level > 0)
        violated = violated[np.argsort(level[violated])[::-1]]
        peaks = _spread(starts[violated], 0.5 * np.sqrt(t), _STARTS)
        found = _distinct(kt.climb(np.vstack([atoms, peaks])), 1e-6 * np.sqrt(t))
        top = kt.log_c(found)
        reached = max(float(top.max()), 0.0)
        if reached <= target / 2:
            if not provable:
                return kt, atoms, reproduction, reached, rounds
            proved, where = kt.bound(target)
            highest = float(kt.log_c(where[None])[0])
            if proved <= target or highest <= target:  # proved, or the proof is out of reach and nothing violates it
                return kt, atoms, reproduction, max(proved, 0.0), rounds
            found, top = np.vstack([found, where]), np.append(top, highest)
        new = found[top > 0]
        new = new[squared_distances(new, atoms).min(axis=1) > 1e-14 * t]
        if rounds == _ROUNDS or not (len(new) or moving):
            return kt, atoms, reproduction, kt.bound(target)[0] if provable else reached, rounds
        if len(new):
            atoms = np.vstack([atoms, new])
            reproduction = np.append(reproduction * 0.999, np.full(len(new), 0.001 / len(new)))


def rate_distortion_bound(
    points: ArrayLike | PointSet, weights: ArrayLike | None, temperature: float, *, tolerance: float = 1e-8
) -> float:
    """A proved lower bound of the free energy of every VAE on these points at T, in data².

    Parameters
    ----------
    points : array_like, shape (N, D) or (N,), or PointSet
        Centred first.
    weights : array_like, shape (N,), or None
        Equal if None.
    temperature : float
        T > 0.
    tolerance : float
        How far below F_RD(T) it may lie, relative to the variance, if that can be reached in time.

    Returns
    -------
    float
        For D > 2 the bound of the projection on the two leading principal axes: valid, because neither squared error
        nor rate grows under a projection, but not tight.

    Examples
    --------
    >>> bound = rate_distortion_bound([-1.0, 1.0], None, 2.0)  # above σ²_sG = 1 nothing beats full collapse
    >>> bool(1 - 1e-8 <= bound <= 1)
    True
    """
    s = points if isinstance(points, PointSet) else PointSet.of(points, weights)
    if s.dimension > _CERTIFIED_DIMENSIONS:
        s = s.leading_plane(_CERTIFIED_DIMENSIONS)
    lower = rate_distortion(s, temperature, tolerance=tolerance, throw=False).lower
    return 0.0 if lower is None else lower


def gaussian_rate_distortion(eigenvalues: ArrayLike, temperature: ArrayLike) -> Array:
    """F_RD(T) of Gaussian data: ``Σ min(T, λ) + T max(0, ln(λ/T))``, reverse water-filling.

    Parameters
    ----------
    eigenvalues : array_like, shape (D,)
        λ, not negative.
    temperature : array_like, shape (n,) or scalar
        T > 0.

    Returns
    -------
    ndarray (n,)
        In data². A linear VAE attains it when it has a latent for every λ above T.

    Examples
    --------
    >>> gaussian_rate_distortion([2.0, 0.5], [3.0, 1.0]).round(6)
    array([2.5     , 2.193147])
    """
    lam, t = np.atleast_1d(np.asarray(eigenvalues, dtype=np.float64)), np.asarray(temperature, dtype=np.float64)
    total: Array = _formulas.free_energy(lam, t[..., None]).sum(axis=-1)
    return total


def _without_specks(s: PointSet, t: float, allowed: float) -> tuple[PointSet, float]:
    """The points without those that together cost at most ``allowed``, and the weight that is left.

    A letter for a point of weight 1e-19 would be lost in rounding.
    """
    cost = s.weights * (np.square(s.points).sum(axis=1) - 2 * t * np.log(s.weights))
    order = np.argsort(cost)
    specks = order[np.cumsum(cost[order]) <= allowed]
    if not len(specks):
        return s, 1.0
    kept = np.delete(np.arange(len(s.weights)), specks)
    share = float(s.weights[kept].sum())
    return PointSet(s.points[kept], s.weights[kept] / share, s.mean), share


def _starts(s: PointSet, t: float) -> Array:
    """Where to look for maxima of c: a grid finer than √T as far as affordable, or the points themselves."""
    low, high = s.points.min(axis=0), s.points.max(axis=0)
    if s.dimension > _CERTIFIED_DIMENSIONS:
        return s.points
    most = _GRID if s.dimension == 1 else int(np.sqrt(_GRID))
    counts = np.clip(np.ceil(4 * (high - low) / np.sqrt(t)), 8, most).astype(int)
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, s.dimension)
    return np.vstack([grid, s.points]) if len(s.points) <= _GRID else grid


def _weigh(s: PointSet, t: float, atoms: Array, reproduction: Array | None, tolerance: float) -> tuple[Array, Array]:
    """Optimal weights on an alphabet, and the letters that have any."""
    d = squared_distances(s.points, atoms)
    r = blahut_arimoto(s.weights, d, t, start=reproduction, tolerance=tolerance / 16, throw=False).reproduction
    kept = r > min(1e-13, 1e-3 * float(s.weights.min()))
    return atoms[kept], r[kept] / r[kept].sum()


def _relax(s: PointSet, t: float, atoms: Array, reproduction: Array) -> tuple[Array, Array]:
    """Lower F in the places and weights of the letters together; the weights alone cannot merge or move letters."""
    (letters, dim), x, p = atoms.shape, s.points, s.weights
    root = np.sqrt(t)

    def objective(theta: Array) -> tuple[float, Array]:
        y, w = theta[: letters * dim].reshape(letters, dim) * root, theta[letters * dim :]
        log_r = w - np.logaddexp.reduce(w)
        exponent = log_r - squared_distances(x, y) / (2 * t)
        log_m = log_sum_exp(exponent)
        q = p[:, None] * np.exp(exponent - log_m[:, None])
        mass = q.sum(axis=0)
        move = (y * mass[:, None] - q.T @ x) / root
        # F/2T: its derivatives are −(posterior mass − r) in the logarithms and q-weighted displacements in the places.
        return -float(p @ log_m), np.concatenate([move.ravel(), np.exp(log_r) - mass])

    theta = np.concatenate([(atoms / root).ravel(), np.log(reproduction)])
    found = minimize(
        objective, theta, jac=True, method="L-BFGS-B", options={"maxiter": 100, "ftol": 0.0, "gtol": 1e-12}
    )
    y, w = found.x[: letters * dim].reshape(letters, dim) * root, found.x[letters * dim :]
    return y, np.exp(w - np.logaddexp.reduce(w))


def _spread(y: Array, spacing: float, most: int) -> Array:
    """The first rows of y that lie at least ``spacing`` apart, up to ``most`` of them."""
    kept: list[Array] = []
    while len(y) and len(kept) < most:
        kept.append(y[0])
        y = y[np.square(y - y[0]).sum(axis=1) > spacing**2]
    return np.array(kept).reshape(-1, y.shape[1])


def _distinct(y: Array, spacing: float) -> Array:
    """One of each group of points that agree to about ``spacing``."""
    keys = np.round(y / spacing).astype(np.int64)
    return y[np.unique(keys, axis=0, return_index=True)[1]]
