"""The loop of steps along a branch, and what happens between them: folds, branch points, the end in a mirror image.

===========  ============================================================================  ============
symbol       meaning                                                                       shape
===========  ============================================================================  ============
``x``        point on the branch, ``(y, θ)``, θ = T over the scale                          (n + 1,)
``s``        arclength within a step                                                       scalar
``N``        unstable subspace: eigenvectors of negative eigenvalues                       (n, index)
===========  ============================================================================  ============

Every eigenvalue that changes its sign within a step is located by Brent's method on its own: two that cross together
are one event of multiplicity two, and none is missed because a determinant kept its sign. Nor is a pair missed that
crosses in opposite directions and leaves the Morse index as it was: the unstable subspace then holds a new direction,
so that ``N(start)ᵀ N(end)`` has a singular value near zero. Such a step is halved until the index tells the crossings
apart; what cannot be told apart is one event.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from .arclength import Point, System
from .branch import Branch, Event, rate

__all__ = ["Tracer"]

Array = NDArray[np.float64]
_TOGETHER = 1e-6
"""Crossings closer in θ than this are one event: near a branch point an eigenvalue is known to 1e-8 or so."""
_TURNED = 0.7
"""Cosine of 45°: an unstable subspace that turns further within a step may have exchanged a direction."""
_FINEST = 1e-3
"""Part of the longest step at which a step is no longer halved to tell crossings apart."""
_ASIDE = 0.005
"""How far a chord may point away from the mean tangent."""
_CROSSED = 1e-5
"""An eigenvalue that changes its sign without coming so near to zero has jumped, and so has the step."""


class Tracer:
    """Steps along a branch within a window of θ, from a first point.

    Parameters
    ----------
    system : System
        The landscape.
    window : tuple of float
        Lowest and highest θ.
    max_step : float
        Longest step.
    max_points : int
        Where to give up.
    """

    def __init__(self, system: System, window: tuple[float, float], max_step: float, max_points: int) -> None:
        self.system, self.window, self.max_step, self.max_points = system, window, max_step, max_points
        self.points: list[Point] = []
        self.indices: list[int] = []
        self.events: list[Event] = []

    def run(self, point: Point, length: float) -> Branch:
        """Follow the branch from a point, with a first step of this length."""
        self._keep(point)
        status = "limit"
        while len(self.points) < self.max_points:
            ahead = self.system.along(point, length)
            fine = length <= _FINEST * self.max_step
            if ahead is None or _jumped(point, ahead) or (_exchanged(point, ahead) and not fine):
                length /= 2
                if length < 1e-9:
                    status = "stalled"
                    break
                continue
            if closing := self._closes(point, ahead):
                length, ahead = closing
            step = _Step(self.system, point, ahead, length)
            if step.jumped and not fine:
                length /= 2
                continue
            if turned := self._record(step):
                status = "end"
                self._keep(turned)
                break
            low, high = self.window
            if not low <= ahead.x[-1] <= high:
                self._close(point, ahead)
                status = "complete"
                break
            self._keep(ahead)
            if closing:
                status = "closed"
                break
            close = float(ahead.tangent @ point.tangent)
            length = min(self.max_step, length * (1.5 if close > 0.99 else 1.0))
            point = ahead
        return self._branch(status)

    def _closes(self, point: Point, ahead: Point) -> tuple[float, Point] | None:
        """The way to the first point of the branch, if this step passes through it in the same direction."""
        first, chord = self.points[0], ahead.x - point.x
        away = first.x - point.x
        part = float(away @ chord / (chord @ chord))
        if len(self.points) < 5 or not 0 < part <= 1 or first.tangent @ ahead.tangent < 0.9:
            return None
        # Within the sagitta of the sharpest step, and on the curve itself.
        beside = np.linalg.norm(away - part * chord) > 0.06 * np.linalg.norm(chord)
        return None if beside or _jumped(point, first) else (float(away @ point.tangent), first)

    def _close(self, point: Point, ahead: Point) -> None:
        """End exactly on the edge of the window, and drop what was found beyond it."""
        edge = self.window[0] if ahead.x[-1] < self.window[0] else self.window[1]
        part = (edge - point.x[-1]) / (ahead.x[-1] - point.x[-1])
        inside = [i for i, p in enumerate(self.points) if self.window[0] <= p.x[-1] <= self.window[1]]
        self.points, self.indices = [self.points[i] for i in inside], [self.indices[i] for i in inside]
        self.events = [e for e in self.events if self.window[0] <= e.temperature / self.system.scale <= self.window[1]]
        border = np.append(np.zeros(len(point.x) - 1), 1.0)
        x = self.system.correct(point.x + part * (ahead.x - point.x), lambda x: (float(x[-1] - edge), border))
        if x is not None and part > 0:
            self._keep(self.system.point(x, point.tangent))

    def _keep(self, point: Point, index: int | None = None) -> None:
        self.points.append(point)
        self.indices.append(point.index if index is None else index)

    def _record(self, step: _Step) -> Point | None:
        """Keep the events of a step; return the point where the branch ends, if it does."""
        index, folds = step.start.index, False
        for s, modes in step.groups:
            fold = step.turn is not None and abs(s - step.turn) <= 1e-3 * step.length
            folds = folds or fold
            here = (None if fold else step.through(s)) or step.at(s)
            lost = sum(step.crossing[k] > 0 for k in modes)  # negative eigenvalues that become positive
            after = index + len(modes) - 2 * lost
            self._keep(here, index - lost)  # rounding decides the sign of what vanishes
            self._event("fold" if fold else "branch point", here, len(modes), (index, after))
            index = after
        if step.turn is None or folds:
            return None
        # It turns in T and no eigenvalue changes its sign: a mirror image follows.
        here = step.through(step.turn, turning=True) or step.at(step.turn)
        self._event("end", here, 1, (index, index))
        return here

    def _event(self, kind: str, here: Point, count: int, indices: tuple[int, int]) -> None:
        self.events.append(
            Event(kind, float(here.x[-1] * self.system.scale), here.x[:-1], count, indices, here.tangent)
        )

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
            np.array(self.indices),
            symmetry,
            system.zeros - symmetry,
            tuple(self.events),
            status,
            residual,
            system.iterations,
        )


def _jumped(point: Point, ahead: Point) -> bool:
    """Whether a step turned sharply, left the branch for a neighbour, or changed half of all signs.

    The chord of a smooth curve has the direction of the mean tangent, exactly on a circle and else to third order. The
    chord to a neighbour that runs beside the branch has not, by the gap over the length of the step.
    """
    if ahead.tangent @ point.tangent < 0.9 or abs(ahead.index - point.index) > len(ahead.x) // 2 + 1:
        return True
    chord, mean = ahead.x - point.x, point.tangent + ahead.tangent
    aside = chord - (chord @ mean) / (mean @ mean) * mean
    return bool(np.linalg.norm(aside) > _ASIDE * np.linalg.norm(chord))


def _exchanged(point: Point, ahead: Point) -> bool:
    """Whether the smaller unstable subspace is not within the larger one."""
    before, after = point.unstable, ahead.unstable
    if not before.shape[1] or not after.shape[1]:
        return False
    return bool(np.linalg.svd(before.T @ after, compute_uv=False).min() < _TURNED)


class _Step:
    """One step, searched for the places where eigenvalues vanish or T turns.

    Attributes
    ----------
    crossing : dict of int to int
        Eigenvalue of the start to the sign it takes.
    groups : list of (s, modes)
        Places in order, each with the eigenvalues that vanish there together.
    turn : float or None
        Where T turns.
    jumped : bool
        Whether a sign changed without a zero.
    """

    def __init__(self, system: System, start: Point, end: Point, length: float) -> None:
        self.system, self.start, self.end, self.length = system, start, end, length
        self._seen: dict[float, Point] = {0.0: start, length: end}
        self.turn: float | None = None
        self.groups: list[tuple[float, list[int]]] = []
        follow = self._sorted
        matched = np.arange(len(start.eigenvalues))
        if _exchanged(start, end):
            # In order of size a pair that crosses in opposite directions seems to touch zero only.
            follow = self._tracked
            matched = scipy.optimize.linear_sum_assignment(-((start.vectors.T @ end.vectors) ** 2))[1]
        signs = np.sign(end.eigenvalues[matched])
        self.crossing = {int(k): int(signs[k]) for k in np.flatnonzero(np.sign(start.eigenvalues) != signs)}
        places = sorted((self._root(lambda p, k=k: follow(p, k)), k) for k in self.crossing)  # type: ignore[misc]
        self.jumped = any(abs(follow(self.at(s), k)) > _CROSSED for s, k in places)
        if start.tangent[-1] * end.tangent[-1] < 0:
            self.turn = self._root(lambda p: float(p.tangent[-1]))
        last = -np.inf
        for s, k in places:
            if self.groups and s - last <= 1e-3 * length and abs(self.at(s).x[-1] - self.at(last).x[-1]) <= _TOGETHER:
                self.groups[-1][1].append(k)
            else:
                self.groups.append((s, [k]))
            last = s

    def at(self, s: float) -> Point:
        """The point at arclength s."""
        if s not in self._seen:
            found = self.system.along(self.start, s)
            if found is None:
                # Corrector failures this close to a good point are singular by rounding: use the chord.
                chord = self.start.x + s / self.length * (self.end.x - self.start.x)
                found = self.system.point(chord, self.start.tangent)
            self._seen[s] = found
        return self._seen[s]

    def _sorted(self, point: Point, k: int) -> float:
        return float(point.eigenvalues[k])

    def _tracked(self, point: Point, k: int) -> float:
        """The eigenvalue whose vector is nearest to the k-th of the start."""
        return float(point.eigenvalues[np.argmax(np.abs(self.start.vectors[:, k] @ point.vectors))])

    def _root(self, function: Callable[[Point], float]) -> float:
        if function(self.at(0.0)) * function(self.at(self.length)) > 0:
            return self.length
        found = scipy.optimize.brentq(lambda s: function(self.at(s)), 0.0, self.length, xtol=1e-14, rtol=1e-14)
        return float(found)

    def through(self, place: float, *, turning: bool = False) -> Point | None:
        """The branch at a place, or where T turns next to it, interpolated from both sides; ``None`` if that fails.

        The corrector cannot go there: at a branch point its system is singular, and next to one its plane meets the
        branch that passes through as well. Eigenvalues are no help: sorted, they have kinks where several cross.
        """
        system, start = self.system, self.start
        reach = min(0.05 * self.length, place, self.length - place)
        offsets = np.array([-1.0, -0.75, -0.5, 0.5, 0.75, 1.0])
        near = [p for p in (system.along(start, place + reach * o) for o in offsets) if p is not None]
        if reach <= 0 or len(near) < len(offsets) or any(p.tangent @ start.tangent < 0.5 for p in near):
            return None
        fit = np.polynomial.polynomial.polyfit(offsets, np.array([p.x for p in near]), 5)
        offset = 0.0
        if turning:
            roots = np.polynomial.polynomial.polyroots(np.polynomial.polynomial.polyder(fit[:, -1]))
            offset = float(roots[np.argmin(np.abs(roots))].real)
        x: Array = np.asarray(np.polynomial.polynomial.polyval(offset, fit))
        return system.point(x, start.tangent) if abs(offset) <= 1 and system.inside(x) else None
