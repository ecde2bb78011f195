"""Find and refine a stationary point of a landscape, with its Morse index and an account of its zero modes.

==============  ==========================================================================  ========
symbol          meaning                                                                     shape
==============  ==========================================================================  ========
``g``, ``H``    gradient and Hessian at the state                                           (n,), …
residual        max |g| over the scale of the landscape                                     scalar
index           negative eigenvalues of H                                                   count
symmetry        zero eigenvalues along tangents of continuous symmetries                    count
flat            further zero eigenvalues that stay zero when T changes                      count
soft            the others: they vanish at this T only, so a branch turns or splits here    count
==============  ==========================================================================  ========

SciPy's trust-region methods come from far away, Newton with the minimum-norm step (Fletcher, *Practical Methods of
Optimization*) polishes: along zero modes it does not move. A flat mode is no statement about stability: its curvature
is zero at every T and higher orders decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from theory.errors import InputError, NonConvergenceError

from .landscape import Landscape

__all__ = ["Modes", "StationaryPoint", "as_float", "modes", "polish", "refine"]

Array = NDArray[Any]
TOLERANCE = 1e-11
"""Residual that counts as converged: rounding of the gradient is 1e-16, and a state at a fold converges as its root."""
ZERO = 1e-9
"""An eigenvalue below this part of the largest one is a zero mode in double precision."""
_FAR = 1e30  # stands for an overflowing force: far away, finite
_PROBE = 1e-3  # relative change of T that tells a flat mode from a soft one


@dataclass(frozen=True, slots=True)
class Modes:
    """Eigenvalues of the Hessian, counted by kind.

    Parameters
    ----------
    index, symmetry, flat, soft : int
        As in the symbol table.
    eigenvalues : ndarray, shape (n,)
        Ascending; mpmath numbers in extended precision.
    """

    index: int
    symmetry: int
    flat: int
    soft: int
    eigenvalues: Array

    @property
    def stable(self) -> bool | None:
        """Whether the point is a local minimum up to symmetry; ``None`` if flat or soft modes leave it open."""
        if self.index:
            return False
        return None if self.flat or self.soft else True


@dataclass(frozen=True, slots=True)
class StationaryPoint:
    """A stationary point, or the last state of a search that failed.

    Parameters
    ----------
    temperature : float
        T, in data variance.
    state : ndarray, shape (n,)
        Mpmath numbers in extended precision.
    free_energy : float
        In data variance.
    status : str
        ``converged``, ``stalled`` (a minimum of |g| that is not zero, or no progress) or ``singular`` (extended
        precision at a point that is not isolated).
    residual : float
        max |g| over the scale.
    iterations : int
        Evaluations of the Hessian.
    modes : Modes or None
        ``None`` unless converged.
    label : str
        What the state is, where a closed form says so.
    """

    temperature: Any
    state: Array
    free_energy: Any
    status: str
    residual: Any
    iterations: int
    modes: Modes | None
    label: str = ""

    @property
    def converged(self) -> bool:
        """Whether it is a stationary point."""
        return self.status == "converged"


def refine(
    landscape: Landscape,
    start: ArrayLike,
    temperature: Any,
    *,
    minimum: bool = False,
    dps: int | None = None,
    throw: bool = True,
) -> StationaryPoint:
    """Refine any start to a stationary point.

    Parameters
    ----------
    landscape : Landscape
        What is refined on.
    start : array_like, shape (n,)
        Anywhere; positive where variances are.
    temperature : number
        T > 0; exact in mpmath or as a fraction string (``"1/3"``) where `dps` asks for more than float64.
    minimum : bool
        Descend to a local minimum (SciPy ``trust-exact``). By default least squares of the gradient (SciPy ``lm``)
        seek the nearest stationary point of any index, and the descent is the fallback where they stall.
    dps : int, optional
        Continue with this many digits in mpmath. The landscape's functions must accept dtype object.
    throw : bool
        Raise if it does not converge.

    Returns
    -------
    StationaryPoint

    Raises
    ------
    InputError
        If start, temperature or dps cannot be used.
    NonConvergenceError
        If no stationary point is found and `throw` is set; its state is the :class:`StationaryPoint` reached.

    Examples
    --------
    >>> from numerics.linear_landscape import LinearVAE
    >>> model = LinearVAE([2.0, 1.0], 1)
    >>> point = refine(model.landscape, model.complete([[0.8], [0.3]], 0.5), 0.5, minimum=True)
    >>> point.status, point.modes.index
    ('converged', 0)
    >>> round(float(point.free_energy - (0.5 + 0.5 * np.log(4) + 1)), 12)
    0.0
    """
    if dps is not None and (isinstance(dps, bool) or dps != int(dps) or not 16 <= dps <= 1000):
        raise InputError(f"dps must be an integer from 16 to 1000, got {dps!r}; leave it out for double precision")
    y = landscape.state(start)
    T = landscape.temperature(as_float(temperature))
    first = y
    y, iterations = _approach(landscape, y, T, minimum)
    y, residual, more = polish(landscape, y, T)
    if residual > TOLERANCE and not minimum:
        # |g|² has minima of its own and valleys that end at infinity; F has neither, so go down instead.
        y, again = _approach(landscape, first, T, True)
        iterations += more + again
        y, residual, more = polish(landscape, y, T)
    if dps is not None:
        point = _extended(landscape, y, temperature, int(dps), iterations + more)
    else:
        status = "converged" if residual <= TOLERANCE else "stalled"
        found = modes(landscape, y, T) if status == "converged" else None
        free = float(landscape.free_energy(y, T))
        point = StationaryPoint(T, y, free, status, residual, iterations + more, found)
    if throw and not point.converged:
        raise NonConvergenceError(
            f"no stationary point at T = {float(point.temperature):.6g}: {point.status} after {point.iterations} "
            f"iterations with residual {float(point.residual):.2g}; start closer or accept it with throw=False",
            point,
            point.residual,
        )
    return point


def polish(landscape: Landscape, y: Array, T: float, most: int = 30) -> tuple[Array, float, int]:
    """Newton's method with minimum-norm steps from a near start; returns (state, residual, iterations).

    The step is halved until the residual falls; it stops at rounding or where no step helps.
    """
    residual = _residual(landscape, y, T)
    for iteration in range(most):
        if residual <= 1e-15:
            return y, residual, iteration
        g, H = landscape.gradient(y, T), landscape.hessian(y, T)
        tau = landscape.symmetry(y)
        system, force = np.vstack([H, tau]), np.concatenate([-g, np.zeros(len(tau))])
        step = np.linalg.lstsq(system, force, rcond=1e-12)[0]
        for shrink in (1.0, 0.5, 0.25, 0.1):
            trial = y + shrink * step
            size = _residual(landscape, trial, T) if _inside(landscape, trial) else np.inf
            if size < residual:
                y, residual = trial, size
                break
        else:
            return y, residual, iteration + 1
    return y, residual, most


def modes(landscape: Landscape, y: Array, T: float) -> Modes:
    """Count negative and zero eigenvalues of the Hessian at a stationary point, and tell the zeros apart.

    Flat modes are found by moving T by one part in a thousand both ways, following the point, and counting what
    is still zero: no declaration is needed and none is trusted.
    """
    eigenvalues, zeros = _nullity(landscape, y, T)
    symmetry = len(landscape.symmetry(y))
    rest = max(zeros - symmetry, 0)
    flat = 0
    if rest:
        kept = []
        for near in (T * (1 - _PROBE), T * (1 + _PROBE)):
            moved, residual, _ = polish(landscape, y, near)
            if residual <= TOLERANCE:
                kept.append(_nullity(landscape, moved, near)[1] - len(landscape.symmetry(moved)))
        flat = min(rest, max(min(kept, default=0), 0))
    negative = int(np.count_nonzero(eigenvalues < -ZERO * _size(eigenvalues)))
    return Modes(negative, min(symmetry, zeros), flat, rest - flat, eigenvalues)


def _nullity(landscape: Landscape, y: Array, T: float) -> tuple[Array, int]:
    eigenvalues = np.linalg.eigvalsh(landscape.hessian(y, T))
    return eigenvalues, int(np.count_nonzero(np.abs(eigenvalues) <= ZERO * _size(eigenvalues)))


def _size(eigenvalues: Array) -> float:
    # At a soft point of one unknown the only eigenvalue is zero.
    return max(float(np.abs(eigenvalues).max()), 1e-3)


def _residual(landscape: Landscape, y: Array, T: float) -> float:
    found = float(np.abs(landscape.gradient(y, T)).max()) / landscape.scale
    return found if np.isfinite(found) else np.inf


def _inside(landscape: Landscape, y: Array) -> bool:
    return not landscape.positive or bool((y[list(landscape.positive)] > 0).all())


def _approach(landscape: Landscape, y: Array, T: float, minimum: bool) -> tuple[Array, int]:
    """SciPy's trust regions: downhill in F, or in |g|²."""
    unit = landscape.scale
    if minimum:

        def value(x: Array) -> float:
            return float(landscape.free_energy(x, T)) / unit if _inside(landscape, x) else np.inf

        found: Any = scipy.optimize.minimize(  # type: ignore[call-overload]
            value,
            y,
            jac=lambda x: landscape.gradient(x, T) / unit,
            hess=lambda x: landscape.hessian(x, T) / unit,
            method="trust-exact",
            options={"gtol": 1e-9, "maxiter": 500},
        )
        return np.asarray(found.x, dtype=np.float64), int(found.nit)
    if _residual(landscape, y, T) <= TOLERANCE:
        return y, 0
    # Variances by their logarithm: no bound to run into.
    places = list(landscape.positive)

    def state(z: Array) -> Array:
        x = z.copy()
        x[places] = np.exp(np.clip(z[places], -200, 200))
        return x

    def force(z: Array) -> Array:
        x = state(z)
        g = landscape.gradient(x, T) / unit
        g[places] *= x[places]
        return np.nan_to_num(g, nan=_FAR, posinf=_FAR, neginf=-_FAR)

    def slope(z: Array) -> Array:
        x = state(z)
        inner = np.ones(len(x))
        inner[places] = x[places]
        H = landscape.hessian(x, T) / unit * inner[:, None] * inner
        H[places, places] += landscape.gradient(x, T)[places] * x[places] / unit
        return np.nan_to_num(H, nan=0.0, posinf=_FAR, neginf=-_FAR)

    z = y.copy()
    z[places] = np.log(y[places])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        near = scipy.optimize.least_squares(
            force, z, slope, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=100
        )
    return state(near.x), int(near.nfev)


def as_float(temperature: Any) -> float:
    """A temperature in double precision: of a number, or of a fraction as a string, such as ``"1/3"``."""
    from fractions import Fraction

    try:
        return float(Fraction(temperature) if isinstance(temperature, str) else temperature)
    except (TypeError, ValueError, ZeroDivisionError):
        raise InputError(
            f"temperature must be a number or a fraction such as '1/3', got {temperature!r}; write it so"
        ) from None


def _extended(landscape: Landscape, y: Array, temperature: Any, dps: int, done: int) -> StationaryPoint:
    """Newton and inertia with mpmath numbers."""
    import mpmath

    with mpmath.workdps(dps + 10):
        T = mpmath.mpf(temperature) if not isinstance(temperature, str) else _exact(temperature)
        scale, goal = mpmath.mpf(landscape.scale), mpmath.mpf(10) ** (-dps)
        tau = landscape.symmetry(y)
        # Fills the symmetry modes, along which g vanishes: the step is Newton's.
        fill = mpmath.matrix((tau.T @ tau).tolist()) * scale if len(tau) else mpmath.zeros(len(y))
        x = np.array([mpmath.mpf(float(v)) for v in y], dtype=object)
        g, residual, status = _gradient(landscape, x, T, scale)
        count = 0
        while status == "stalled" and count < 100:
            if residual <= goal:
                status = "converged"
                break
            count += 1
            try:
                step = mpmath.lu_solve(_matrix(landscape.hessian(x, T)) + fill, -g)
            except ZeroDivisionError:
                status = "singular"
                break
            trial = x + np.array(list(step), dtype=object)
            after, size, _ = _gradient(landscape, trial, T, scale)
            if not size < residual:
                break
            x, g, residual = trial, after, size
        found = None
        if status == "converged":
            values = np.array(list(mpmath.eigsy(_matrix(landscape.hessian(x, T)), eigvals_only=True)), dtype=object)
            edge = mpmath.mpf(10) ** (-dps // 2) * max(abs(v) for v in values)
            zeros = sum(1 for v in values if abs(v) <= edge)
            rest = max(zeros - len(tau), 0)
            flat = min(rest, modes(landscape, y, float(T)).flat)
            negative = sum(1 for v in values if v < -edge)
            found = Modes(negative, min(len(tau), zeros), flat, rest - flat, values)
        free = _free(landscape, x, T)
    return StationaryPoint(T, x, free, status, residual, done + count, found)


def _exact(text: str) -> Any:
    import mpmath

    numerator, _, denominator = text.partition("/")
    return mpmath.mpf(numerator) / mpmath.mpf(denominator or 1)


def _matrix(values: Array) -> Any:
    import mpmath

    return mpmath.matrix(values.tolist())


def _gradient(landscape: Landscape, x: Array, T: Any, scale: Any) -> tuple[Any, Any, str]:
    import mpmath

    g = np.asarray(landscape.gradient(x, T), dtype=object)
    return mpmath.matrix(g.tolist()), max(abs(v) for v in g) / scale, "stalled"


def _free(landscape: Landscape, x: Array, T: Any) -> Any:
    """F at extended precision where the landscape offers it; NumPy's logarithm does not know mpmath."""
    try:
        return landscape.free_energy(x, T)
    except TypeError:
        return landscape.free_energy(x.astype(np.float64), float(T))
