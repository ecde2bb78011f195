"""Follow a branch of stationary points in T: pseudo-arclength steps, folds, branch points by change of Morse index.

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
so that symmetry and flat modes do no harm. Every eigenvalue that changes its sign within a step is located by Brent's
method on its own: two that cross together are one event of multiplicity two, and none is missed because a determinant
kept its sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from theory.errors import InputError

from .landscape import Landscape
from .newton import TOLERANCE, ZERO, polish

__all__ = ["Branch", "Event", "follow"]

Array = NDArray[np.float64]
_TOGETHER = 1e-6
"""Crossings closer in θ than this are one event: near a branch point an eigenvalue is known to 1e-8 or so."""


@dataclass(frozen=True, slots=True)
class Event:
    """A point where the branch turns or others meet it.

    Parameters
    ----------
    kind : str
        ``fold`` (the branch turns in T), ``branch point`` (eigenvalues change sign, other branches cross) or ``end``
        (the branch turns back into its own mirror image on another branch).
    temperature : float
        T.
    state : ndarray, shape (n,)
        The critical state.
    multiplicity : int
        How many eigenvalues vanish there, symmetry and flat modes not counted.
    indices : tuple of int
        Morse index before and after, in the direction in which the branch was followed.
    tangent : ndarray, shape (n + 1,)
        Tangent of the branch in (y, θ).
    """

    kind: str
    temperature: float
    state: Array
    multiplicity: int
    indices: tuple[int, int]
    tangent: Array


@dataclass(frozen=True, slots=True)
class Branch:
    """A connected run of stationary points.

    Parameters
    ----------
    temperatures, free_energies : ndarray, shape (P,)
        In data variance, in the order of arclength; T need not be monotone.
    rates : ndarray, shape (P,)
        KL = ½ ∂F/∂T at fixed state, in nats, by a difference over T(1 ± 10⁻³): exact where F is affine in T.
    states : ndarray, shape (P, n)
        The points.
    indices : ndarray of int, shape (P,)
        Morse index; at an event the smaller one of both sides.
    symmetry, flat : int
        Zero modes of every point: dimension of its orbit under the continuous symmetries (1: a circle of equivalent
        branches of which this is one), and further flat directions.
    events : tuple of Event
        In order of arclength.
    status : str
        ``complete`` (left the window), ``end`` (ran into another branch), ``limit`` (too many points) or ``stalled``
        (no step converges; the last point is the last good state).
    residual : float
        Largest max |g| over the scale of all points.
    iterations : int
        Corrector steps in all.
    label : str
        What it is, where known.
    """

    temperatures: Array
    states: Array
    free_energies: Array
    rates: Array
    indices: NDArray[np.intp]
    symmetry: int
    flat: int
    events: tuple[Event, ...]
    status: str
    residual: float
    iterations: int
    label: str = ""

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Where the Morse index is zero, (P,); flat modes leave it to higher orders."""
        found: NDArray[np.bool_] = self.indices == 0
        return found

    def at(self, landscape: Landscape, temperature: float) -> tuple[Array, ...]:
        """The states of the branch at one T, refined: one for each time it passes that T."""
        found: list[Array] = []
        for i in np.flatnonzero(np.diff(np.sign(self.temperatures - temperature)) != 0):
            low, high = self.temperatures[i], self.temperatures[i + 1]
            part = (temperature - low) / (high - low)
            y, residual, _ = polish(
                landscape, self.states[i] + part * (self.states[i + 1] - self.states[i]), temperature
            )
            if residual <= TOLERANCE and not any(np.allclose(y, other, rtol=0, atol=1e-9) for other in found):
                found.append(y)
        return tuple(found)


@dataclass(slots=True)
class _Point:
    """A point with all that a step needs of it."""

    x: Array
    tangent: Array
    eigenvalues: Array
    index: int


class _System:
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

    def point(self, x: Array, previous: Array) -> _Point:
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
        kept = np.sort(values[order[self.zeros :]])
        return _Point(x, t / np.linalg.norm(t), kept, int(np.count_nonzero(kept < 0)))

    def along(self, start: _Point, length: float) -> _Point | None:
        """The point at a distance along the tangent."""
        t, ahead = start.tangent, start.x + length * start.tangent
        x = self.correct(ahead, lambda x: (float(t @ (x - ahead)), t))
        return None if x is None else self.point(x, t)


def follow(
    landscape: Landscape,
    state: Array,
    temperature: float,
    window: tuple[float, float],
    *,
    direction: Array | int = 1,
    max_step: float = 0.05,
    first_step: float | None = None,
    max_points: int = 2000,
) -> Branch:
    """Follow the branch through a stationary point until it leaves the window or runs into another branch.

    Parameters
    ----------
    landscape : Landscape
        With its scale: steps are relative to it.
    state : array_like, shape (n,)
        A regular point on the branch, or near it.
    temperature : float
        Its T, inside the window.
    window : tuple of float
        Lowest and highest T, both positive.
    direction : {1, -1} or ndarray, shape (n + 1,)
        Towards higher or lower T at first, or a direction in (y, T/scale).
    max_step : float
        Longest step in (y, T/scale).
    first_step : float, optional
        Length of the first step, a fifth of `max_step` by default; next to a branch point no longer than the distance
        to it, or neighbours that leave it in almost the same direction are taken for one another.
    max_points : int
        Where to give up.

    Returns
    -------
    Branch

    Raises
    ------
    InputError
        If window, temperature or state cannot be used, or the state is not near a stationary point.

    Examples
    --------
    >>> from numerics.landscape import curve_landscape
    >>> parabola = curve_landscape((1.0, 2.0))
    >>> branch = follow(parabola, [0.9], 0.19 * (1 + 4 * 0.81), (0.1, 2.0))
    >>> fold, = [event for event in branch.events if event.kind == "fold"]
    >>> round(fold.temperature, 10), round(float(fold.state[0] ** 2), 6)
    (1.5625, 0.375)
    """
    low, high = landscape.temperature(window[0]), landscape.temperature(window[1])
    if not low <= temperature <= high or low == high:
        raise InputError(
            f"temperature must lie in the window {low:g} to {high:g}, got {temperature:g}; widen the window"
        )
    if not (max_step > 0 and max_points > 1):
        raise InputError(f"max_step and max_points must be positive, got {max_step!r} and {max_points!r}")
    system = _System(landscape)
    y, residual, _ = polish(landscape, landscape.state(state), temperature)
    if residual > TOLERANCE:
        raise InputError(
            f"state must be near a stationary point at T = {temperature:g}, the residual stays at {residual:.2g}; "
            "refine it with numerics.newton.refine first"
        )
    x = np.append(y, temperature / system.scale)
    first: Array = np.asarray(direction, dtype=np.float64)
    if first.ndim == 0:
        first = np.append(np.zeros(len(y)), first)
    values = np.abs(np.linalg.eigvalsh(system.hessian(x)))
    system.zeros = int(np.count_nonzero(values <= ZERO * max(float(values.max()), 1e-3)))
    tracer = _Tracer(system, (low / system.scale, high / system.scale), max_step, max_points)
    step = min(max_step / 5, first_step or np.inf)
    return tracer.run(system.point(x, first / np.linalg.norm(first)), step)


def rate(landscape: Landscape, y: Array, T: float) -> float:
    """KL = ½ ∂F/∂T of a state, in nats."""
    width = 1e-3 * T
    return float(landscape.free_energy(y, T + width) - landscape.free_energy(y, T - width)) / (4 * width)


class _Tracer:
    """The loop of steps and what it collects."""

    def __init__(self, system: _System, window: tuple[float, float], max_step: float, max_points: int) -> None:
        self.system, self.window, self.max_step, self.max_points = system, window, max_step, max_points
        self.points: list[_Point] = []
        self.events: list[Event] = []

    def run(self, point: _Point, length: float) -> Branch:
        self.points.append(point)
        status = "limit"
        while len(self.points) < self.max_points:
            ahead = self.system.along(point, length)
            # A sharp turn may have jumped to a neighbouring branch.
            if (
                ahead is None
                or ahead.tangent @ point.tangent < 0.9
                or abs(ahead.index - point.index) > len(ahead.x) // 2 + 1
            ):
                length /= 2
                if length < 1e-9:
                    status = "stalled"
                    break
                continue
            if turned := self._locate(point, ahead, length):
                status = "end"
                self.points.append(turned)
                break
            low, high = self.window
            if not low <= ahead.x[-1] <= high:
                self._close(point, ahead)
                status = "complete"
                break
            self.points.append(ahead)
            close = float(ahead.tangent @ point.tangent)
            length = min(self.max_step, length * (1.5 if close > 0.99 else 1.0))
            point = ahead
        return self._branch(status)

    def _close(self, point: _Point, ahead: _Point) -> None:
        """End exactly on the edge of the window, and drop what was found beyond it."""
        edge = self.window[0] if ahead.x[-1] < self.window[0] else self.window[1]
        part = (edge - point.x[-1]) / (ahead.x[-1] - point.x[-1])
        self.points = [p for p in self.points if self.window[0] <= p.x[-1] <= self.window[1]]
        self.events = [e for e in self.events if self.window[0] <= e.temperature / self.system.scale <= self.window[1]]
        border = np.append(np.zeros(len(point.x) - 1), 1.0)
        x = self.system.correct(point.x + part * (ahead.x - point.x), lambda x: (float(x[-1] - edge), border))
        if x is not None and part > 0:
            self.points.append(self.system.point(x, point.tangent))

    def _locate(self, start: _Point, end: _Point, length: float) -> _Point | None:
        """Record the events of a step; return the point where the branch ends, if it does."""
        crossing = np.flatnonzero(np.sign(start.eigenvalues) != np.sign(end.eigenvalues))
        turning = start.tangent[-1] * end.tangent[-1] < 0
        if not len(crossing) and not turning:
            return None
        seen: dict[float, _Point] = {0.0: start}

        def at(s: float) -> _Point:
            if s not in seen:
                found = self.system.along(start, s)
                # Corrector failures this close to a good point are singular by rounding: use the chord.
                chord = start.x + s / length * (end.x - start.x)
                seen[s] = self.system.point(chord, start.tangent) if found is None else found
            return seen[s]

        def root(function: Callable[[_Point], float]) -> float:
            if function(at(0.0)) * function(at(length)) > 0:
                return length
            return float(scipy.optimize.brentq(lambda s: function(at(s)), 0.0, length, xtol=1e-14, rtol=1e-14))

        places = sorted((root(lambda p, k=k: float(p.eigenvalues[k])), int(k)) for k in crossing)  # type: ignore[misc]
        turn = root(lambda p: float(p.tangent[-1])) if turning else None
        groups: list[list[tuple[float, int]]] = []
        for s, k in places:
            last = groups[-1][-1][0] if groups else -np.inf
            if groups and s - last <= 1e-3 * length and abs(at(s).x[-1] - at(last).x[-1]) <= _TOGETHER:
                groups[-1].append((s, k))
            else:
                groups.append([(s, k)])
        index, folds = start.index, False
        for group in groups:
            s, k = group[0]
            fold = turn is not None and abs(s - turn) <= 1e-3 * length
            folds = folds or fold
            through = None if fold else self._through(start, s, length)
            index = self._record("fold" if fold else "branch point", through or at(s), len(group), index, start, end)
        if turn is None or folds:
            return None
        # It turns in T and no eigenvalue changes its sign: a mirror image follows.
        here = self._through(start, turn, length, turning=True) or at(turn)
        self._record("end", here, 1, index, start, end)
        return here

    def _through(self, start: _Point, place: float, length: float, *, turning: bool = False) -> _Point | None:
        """The branch at a place, or where T turns next to it, interpolated from both sides; ``None`` if that fails.

        The corrector cannot go there: at a branch point its system is singular, and next to one its plane meets the
        branch that passes through as well. Eigenvalues are no help: sorted, they have kinks where several cross.
        """
        reach = min(0.05 * length, place, length - place)
        offsets = np.array([-1.0, -0.75, -0.5, 0.5, 0.75, 1.0])
        near = [p for p in (self.system.along(start, place + reach * o) for o in offsets) if p is not None]
        if reach <= 0 or len(near) < len(offsets) or any(p.tangent @ start.tangent < 0.5 for p in near):
            return None
        fit = np.polynomial.polynomial.polyfit(offsets, np.array([p.x for p in near]), 5)
        offset = 0.0
        if turning:
            roots = np.polynomial.polynomial.polyroots(np.polynomial.polynomial.polyder(fit[:, -1]))
            offset = float(roots[np.argmin(np.abs(roots))].real)
        x: Array = np.asarray(np.polynomial.polynomial.polyval(offset, fit))
        return self.system.point(x, start.tangent) if abs(offset) <= 1 and self.system.inside(x) else None

    def _record(self, kind: str, here: _Point, count: int, index: int, start: _Point, end: _Point) -> int:
        after = index
        if kind != "end" and end.index != start.index:
            step = int(np.sign(end.index - start.index))
            after = index + step * count if abs(end.index - index) >= count else end.index
        if kind != "end":  # the caller ends the branch there
            self.points.append(_Point(here.x, here.tangent, here.eigenvalues, min(index, after)))
        self.events.append(
            Event(kind, float(here.x[-1] * self.system.scale), here.x[:-1], count, (index, after), here.tangent)
        )
        return after

    def _branch(self, status: str) -> Branch:
        x = np.array([p.x for p in self.points])
        system = self.system
        free = np.array([float(system.landscape.free_energy(p[:-1], p[-1] * system.scale)) for p in x])
        rates = np.array([rate(system.landscape, p[:-1], p[-1] * system.scale) for p in x])
        middle = x[len(x) // 2][:-1]
        symmetry = min(len(system.landscape.symmetry(middle)), system.zeros)
        residual = max(float(np.abs(system.force(p)).max()) for p in x)
        return Branch(
            x[:, -1] * system.scale,
            x[:, :-1],
            free,
            rates,
            np.array([p.index for p in self.points]),
            symmetry,
            system.zeros - symmetry,
            tuple(self.events),
            status,
            residual,
            system.iterations,
        )
