"""The optimal sub-Gaussian variance proxy of a weighted point set: the upper end of the sandwich for T*.

``λ_max ≤ T* ≤ σ²_sG``: above σ²_sG full collapse is the global minimum of every Gaussian VAE on these data, of any
architecture, because ``E e^{x·y/T} ≤ e^{‖y‖²/2T}`` for all y is the Kuhn–Tucker condition of the zero-rate point.

========  ==================================================================  =======
symbol    meaning                                                             unit
========  ==================================================================  =======
``K(t)``  cumulant generating function ``ln E e^{t·x}`` of centred points     1
``g(t)``  ``2 K(t)/‖t‖²``; its limit at 0 is the variance                     data²
``h(t)``  ``2 (E e^{tx} − 1)/t²``, so that ``K = ln(1 + t² h/2)``; convex     data²
``τ(u)``  square root of σ²_sG of the projection u·x                          data
``r``     range ``max x − min x`` of points on a line                         data
========  ==================================================================  =======

On a line the maximum is found by branch and bound with proof; in the plane too, over angles, because τ is a norm
(Buldygin & Kozachenko, *Metric Characterization of Random Variables*, 2000) and so bounded on an arc by its ends. In
more dimensions the lower bound is a local maximisation and the upper bound rigorous but wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from theory.errors import InputError

from .pointset import PointSet

__all__ = ["ProxyBounds", "subgaussian_proxy"]

Array = NDArray[np.float64]

_EXPONENT = 500.0
"""Exponents above this would overflow when summed; there K is large and its logarithm form loses nothing."""
_INTERVALS = 200_000
"""Intervals after which a line search stops and reports the gap that it has."""


@dataclass(frozen=True, slots=True)
class ProxyBounds:
    """Bounds of σ²_sG.

    Attributes
    ----------
    lower, upper : float
        ``lower ≤ σ²_sG ≤ upper``; lower is attained at ``argument``, and both hold including rounding.
    variance : float
        λ_max, the lower end of the sandwich.
    argument : ndarray (D,)
        t with ``2K(t)/‖t‖² = lower``, in inverse data units; zero where the supremum is the limit t → 0.
    status : {"certified", "bounded"}
        Whether the two ends agree to the tolerance asked for.
    iterations : int
        Intervals or arcs examined.
    """

    lower: float
    upper: float
    variance: float
    argument: Array
    status: Literal["certified", "bounded"]
    iterations: int

    @property
    def residual(self) -> float:
        """Relative gap between the two ends."""
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0

    @property
    def value(self) -> float:
        """The safe end for a bound on T*: ``upper``."""
        return self.upper


def subgaussian_proxy(
    points: ArrayLike | PointSet, weights: ArrayLike | None = None, *, tolerance: float = 1e-9
) -> ProxyBounds:
    """σ²_sG = sup_t 2 ln E e^{t·x} / ‖t‖² of centred points, bounded from both sides.

    Parameters
    ----------
    points : array_like, shape (N, D) or (N,), or PointSet
        Centred first.
    weights : array_like, shape (N,), optional
        Not negative; equal by default.
    tolerance : float
        Relative gap to reach; not below 1e-12 on a line or 1e-5 in the plane, without effect in more dimensions.

    Returns
    -------
    ProxyBounds

    Raises
    ------
    InputError
        For unusable points or weights, or a tolerance outside (0, 1).

    Notes
    -----
    On a line: K is convex, hence below its chord on [a, b], and ``2(α + βt)/t²`` is a parabola in 1/t. Beyond
    ``t = 2 max|x|/λ``, g is below λ because ``K(t) ≤ t max x``; near 0, ``g ≤ h`` and h is convex.

    Examples
    --------
    A fair coin is strictly sub-Gaussian, an unfair one is not: (1 − 2p)/(2 ln((1 − p)/p)) (Kearns & Saul, 1998).

    >>> round(subgaussian_proxy([-1.0, 1.0]).upper, 8)
    1.0
    >>> unfair = subgaussian_proxy([0.0, 1.0], [0.9, 0.1])
    >>> bool(abs(unfair.lower - 0.8 / (2 * np.log(9))) < 1e-9)
    True
    >>> round(unfair.lower, 8), round(unfair.variance, 8)
    (0.18204785, 0.09)
    """
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance must lie between 0 and 1 (a relative gap), got {tolerance!r}; try 1e-9")
    s = points if isinstance(points, PointSet) else PointSet.of(points, weights)
    if len(s.points) == 1:
        return ProxyBounds(0.0, 0.0, 0.0, np.zeros(s.dimension), "certified", 0)
    if s.dimension == 1:
        return _on_a_line(s.points[:, 0], s.weights, max(tolerance, 1e-12))
    if s.dimension == 2:
        return _in_a_plane(s, max(tolerance, 1e-5))
    return _in_space(s)


def _on_a_line(x: Array, p: Array, tolerance: float) -> ProxyBounds:
    variance = float(p @ (x * x))
    scale = np.sqrt(variance)
    line = _Line(x / scale, p)
    # Scaled to unit variance, nothing beyond 2 max x exceeds it on the right, nor beyond 2 max(−x) on the left.
    best, argument, upper, count = 1.0, 0.0, 1.0, 0
    for sign in (1.0, -1.0):
        lower, t, above, intervals = _Line(sign * line.x, p).maximise(best, tolerance)
        count += intervals
        upper = max(upper, above)
        if lower > best:
            best, argument = lower, sign * t
    rounding = 16 * np.finfo(np.float64).eps * (4 + np.log2(len(x)))
    status: Literal["certified", "bounded"] = "certified" if upper <= best * (1 + 2 * tolerance) else "bounded"
    return ProxyBounds(
        float(best * variance * (1 - rounding)),
        float(upper * variance * (1 + rounding)),
        variance,
        np.array([argument / scale]),
        status,
        count,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """g of points on a line, for t > 0; unit variance."""

    x: Array
    p: Array

    def h(self, t: Array) -> Array:
        """``2 Σ p (e^{tx} − 1 − tx)/t²`` without cancellation; t (n,), exponents below `_EXPONENT`."""
        return np.square(self.x) * _phi(t[:, None] * self.x) @ self.p

    def k(self, t: Array) -> Array:
        """K(t), to rounding in relative accuracy."""
        values = np.empty_like(t)
        small = t * self.x.max() < _EXPONENT
        values[small] = np.log1p(0.5 * np.square(t[small]) * self.h(t[small]))
        y = t[~small, None] * self.x
        largest = y.max(axis=1, initial=0.0)
        values[~small] = largest + np.log(np.exp(y - largest[:, None]) @ self.p)
        return values

    def tilted_variance(self, t: Array) -> Array:
        """K''(t): the variance under weights ∝ p e^{tx}."""
        y = t[:, None] * self.x
        w = self.p * np.exp(y - y.max(axis=1, keepdims=True))
        w /= w.sum(axis=1, keepdims=True)
        mean = w @ self.x
        variance: Array = np.sum(w * np.square(self.x - mean[:, None]), axis=1)
        return variance

    def maximise(self, known: float, tolerance: float) -> tuple[float, float, float, int]:
        """Largest g found above ``known``, where, a bound on all g over t > 0, and the intervals examined."""
        start = 1 / float(self.x.max())
        end = max(2 * float(self.x.max()), 2 * start)
        # h decreases to the variance 1 as t → 0; where it is convex and below the tolerance there is no more to show.
        while float(self.h(np.array([start]))[0]) > known * (1 + tolerance):
            start /= 2
        best, at = known, 0.0
        ends = np.geomspace(start, end, 65)
        a, b = ends[:-1], ends[1:]
        count, upper = 0, known * (1 + tolerance)
        while a.size:
            count += a.size
            ka, kb = self.k(a), self.k(b)
            g = 2 * kb / np.square(b)
            k = int(g.argmax())
            if g[k] > best:
                best, at = float(g[k]), float(b[k])
            bound = self._bound(a, b, ka, kb)
            target = best * (1 + tolerance)
            upper = max(upper, target)
            open_ = bound > target
            if count > _INTERVALS:
                return best, at, max(upper, float(bound.max())), count
            a, b = a[open_], b[open_]
            middle = np.sqrt(a * b)
            a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
        return best, at, max(best * (1 + tolerance), known * (1 + tolerance)), count

    def _bound(self, a: Array, b: Array, ka: Array, kb: Array) -> Array:
        """Upper bound of g on each [a, b]: the chord of ``K − ½ct²``, convex for c ≤ min K''.

        |K'''| ≤ r K'' bounds K'' from below by its middle value times e^{−r(b−a)/2}, r the range.
        """
        width = b - a
        spread = float(self.x.max() - self.x.min())
        c = self.tilted_variance((a + b) / 2) * np.exp(-spread * width / 2) * (1 - 1e-12)
        ra, rb = ka - 0.5 * c * a * a, kb - 0.5 * c * b * b
        slope = (rb - ra) / width
        intercept = ra - slope * a
        # 2(α u² + β u) with u = 1/t is largest at an end, or where it is concave at u = −β/2α.
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.where(intercept < 0, np.clip(-slope / (2 * intercept), 1 / b, 1 / a), 1 / b)
        ends = np.maximum(2 * ra / (a * a), 2 * rb / (b * b))
        bound: Array = c + np.maximum(ends, 2 * (intercept * u * u + slope * u))
        return bound


def _phi(y: Array) -> Array:
    """``2(e^y − 1 − y)/y²``: positive, increasing, convex, 1 at 0."""
    series = np.abs(y) < 0.1
    safe = np.where(series, 1.0, y)
    direct = 2 * (np.expm1(safe) - safe) / np.square(safe)
    # 2 Σ y^k/(k+2)! through y⁸: the first term left out is below 1e-16 for |y| < 0.1.
    z = np.where(series, y, 0.0)
    taylor = np.ones_like(z)
    for k in range(10, 2, -1):
        taylor = 1 + taylor * z / k
    return np.where(series, taylor, direct)


def _in_a_plane(s: PointSet, tolerance: float) -> ProxyBounds:
    """Branch and bound over the half circle; on an arc τ is at most what its ends allow a norm."""
    inner = tolerance / 8

    def at(angle: float) -> ProxyBounds:
        return subgaussian_proxy(s.along([np.cos(angle), np.sin(angle)]), tolerance=inner)

    angles = np.linspace(0.0, np.pi, 9)
    ends = [at(angle) for angle in angles[:-1]]
    ends.append(ends[0])  # τ(−u) = τ(u)
    arcs = list(zip(angles[:-1], angles[1:], ends[:-1], ends[1:], strict=True))
    best, where = max(((e.lower, (angle, e)) for angle, e in zip(angles, ends, strict=True)), key=lambda item: item[0])
    count, upper = len(ends), 0.0
    while arcs and count < 4000:
        remaining = []
        for first, last, left, right in arcs:
            bound = _arc_bound(left.upper, right.upper, last - first)
            if bound <= best * (1 + tolerance):
                upper = max(upper, bound)
                continue
            middle = (first + last) / 2
            centre = at(middle)
            count += 1
            if centre.lower > best:
                best, where = centre.lower, (middle, centre)
            remaining += [(first, middle, left, centre), (middle, last, centre, right)]
        arcs = remaining
    upper = max([upper, best, *(_arc_bound(left.upper, right.upper, b - a) for a, b, left, right in arcs)])
    angle, line = where
    argument = line.argument[0] * np.array([np.cos(angle), np.sin(angle)])
    status: Literal["certified", "bounded"] = "certified" if upper <= best * (1 + 2 * tolerance) else "bounded"
    return ProxyBounds(best, upper, s.largest_eigenvalue, argument, status, count)


def _arc_bound(left: float, right: float, angle: float) -> float:
    """Largest τ² on an arc from τ² at its ends: ``u = (sin(b−θ) u_a + sin(θ−a) u_b)/sin(b−a)`` and τ is a norm."""
    a, b = np.sqrt(left), np.sqrt(right)
    c = np.cos(angle)
    if min(a, b) <= c * max(a, b):
        return max(left, right)  # the sinusoid has its maximum outside the arc
    return float((left + right - 2 * a * b * c) / np.sin(angle) ** 2) * (1 + 1e-14)


def _in_space(s: PointSet) -> ProxyBounds:
    """A local maximum from below; from above the smaller of two bounds that hold in any dimension."""
    axes = np.linalg.eigh(s.covariance)[1][:, ::-1]
    along = [subgaussian_proxy(s.along(axis), tolerance=1e-6) for axis in axes.T]
    variance = s.largest_eigenvalue
    # τ is a norm, so τ(u) ≤ Σ |u_k| τ(e_k); and x·u lies in an interval no longer than the diameter (Hoeffding 1963).
    squares = np.square(s.points).sum(axis=1)
    diameter = max(
        float((squares[rows, None] - 2 * s.points[rows] @ s.points.T + squares).max())
        for rows in (slice(start, start + 512) for start in range(0, len(squares), 512))
    )
    upper = min(sum(line.upper for line in along), diameter / 4 * (1 + 1e-12))
    best, argument, count = variance, np.zeros(s.dimension), 0

    def negative(t: Array) -> tuple[float, Array]:
        y = s.points @ t
        top = y.max()
        w = s.weights * np.exp(y - top)
        total = w.sum()
        k, square = top + np.log(total), float(t @ t)
        gradient = 2 * (s.points.T @ w / total) / square - 4 * k * t / square**2
        return -2 * k / square, -gradient

    far = s.points[np.argsort(squares)[::-1][:8]]
    starts = [u * line.argument[0] for u, line in zip(axes.T[:4], along[:4], strict=False)]
    starts += [2 * x / float(x @ x) * k for x in far for k in (0.5, 2.0)]
    for start in starts:
        if not np.any(start):
            continue
        found = minimize(negative, start, jac=True, method="L-BFGS-B")
        count += int(found.nfev)
        if -found.fun > best:
            best, argument = -float(found.fun), np.asarray(found.x)
    return ProxyBounds(best * (1 - 1e-12), upper, variance, argument, "bounded", count)
