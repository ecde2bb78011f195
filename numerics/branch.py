"""A branch of stationary points in T as data: points, stability, and the events at which others meet it.

=======  ======================================================  ==========  =============
symbol   meaning                                                 shape       unit
=======  ======================================================  ==========  =============
``T``    temperature                                             (P,)        data variance
``y``    states                                                  (P, n)      the model's
``F``    free energy                                             (P,)        data variance
``KL``   rate, ½ ∂F/∂T at fixed state                            (P,)        nats
index    Morse index, 0 on locally stable stretches              (P,)        1
=======  ======================================================  ==========  =============
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .landscape import Landscape
from .newton import TOLERANCE, polish

__all__ = ["Branch", "Event", "joined", "rate"]

Array = NDArray[np.float64]


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
        ``complete`` (left the window), ``end`` (ran into another branch), ``closed`` (came back to its first point: an
        isola), ``limit`` (too many points) or ``stalled`` (no step converges; the last point is the last good state).
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


def joined(backward: Branch, forward: Branch) -> Branch:
    """One branch from its two halves, which share their first point; a closed half is the whole."""
    if backward.status == "closed":
        return backward
    events = tuple(replace(e, indices=e.indices[::-1], tangent=-e.tangent) for e in reversed(backward.events))
    return replace(
        forward,
        temperatures=np.concatenate([backward.temperatures[:0:-1], forward.temperatures]),
        states=np.concatenate([backward.states[:0:-1], forward.states]),
        free_energies=np.concatenate([backward.free_energies[:0:-1], forward.free_energies]),
        rates=np.concatenate([backward.rates[:0:-1], forward.rates]),
        indices=np.concatenate([backward.indices[:0:-1], forward.indices]),
        events=events + forward.events,
        status=backward.status if backward.status in ("stalled", "limit") else forward.status,
        residual=max(backward.residual, forward.residual),
        iterations=backward.iterations + forward.iterations,
    )


def rate(landscape: Landscape, y: Array, T: float) -> float:
    """KL = ½ ∂F/∂T of a state, in nats."""
    width = 1e-3 * T
    return float(landscape.free_energy(y, T + width) - landscape.free_energy(y, T - width)) / (4 * width)
