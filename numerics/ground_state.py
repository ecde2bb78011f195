"""Which branch of a diagram is the global minimum, and where one takes over from another.

=========  ==========================================================  =============
symbol     meaning                                                     unit
=========  ==========================================================  =============
``T``      temperature                                                 data variance
``a, b``   states of the colder and of the hotter branch
``Δ``      ``F_a − F_b``; its slope in T is ``2(KL_a − KL_b)``         data variance
=========  ==========================================================  =============

A branch is cut at its folds into sheets, on each of which T is monotone. The lowest sheet is read off at the points of
all branches, by cubic interpolation with the slope ``dF/dT = 2 KL``; where it changes, Δ of the refined states is
brought to zero. An exchange that is undone within one step is not seen: shorten the steps where that matters.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq

from .branch import Branch, rate
from .diagram import Diagram
from .landscape import Landscape
from .newton import TOLERANCE, polish

__all__ = ["Exchange", "exchanges"]

Array = NDArray[np.float64]

_MEET = 1e-6
"""States closer than this, at equal F, are one: two branches that cross."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two states of equal free energy, lower than all others of the diagram.

    Parameters
    ----------
    temperature : float
        T, in data variance.
    cold, hot : int
        Branches that are lowest below and above T; one number twice where a branch passes T more than once.
    states : tuple of ndarray, each of shape (n,)
        The two states at T.
    kl_jump : float
        Rate of the cold state minus that of the hot one, in nats.
    gap : float
        F of the cold state minus that of the hot one: zero up to rounding.
    """

    temperature: float
    cold: int
    hot: int
    states: tuple[Array, Array]
    kl_jump: float
    gap: float


def exchanges(diagram: Diagram, landscape: Landscape) -> tuple[Exchange, ...]:
    """First-order transitions of a diagram: coexistence of its two lowest states, hottest first.

    Parameters
    ----------
    diagram : Diagram
        Of the landscape; what it does not hold cannot be compared.
    landscape : Landscape
        The model, for refining states between the points of a branch.

    Returns
    -------
    tuple of Exchange
        Continuous changes, at which two branches meet, are branch points of the diagram and not listed.

    Examples
    --------
    >>> from numerics.diagram import diagram
    >>> from numerics.landscape import curve_landscape
    >>> parabola = curve_landscape((1.0, 2.0))
    >>> found, = exchanges(diagram(parabola, [([0.0], 0.5)], (0.2, 2.0)), parabola)
    >>> round(found.temperature, 9), found.states[1], abs(round(found.gap, 12))
    (1.446490274, array([0.]), 0.0)
    """
    sheets = [sheet for i, branch in enumerate(diagram.branches) for sheet in _sheets(i, branch)]
    grid = np.unique(np.concatenate([branch.temperatures for branch in diagram.branches]))
    values = np.array([_values(sheet, grid) for sheet in sheets])
    known = np.isfinite(values).any(axis=0)
    lowest = np.where(known, np.argmin(np.where(np.isfinite(values), values, np.inf), axis=0), -1)

    def gap(T: float, cold: _Sheet, hot: _Sheet) -> float:
        a, b = _state(landscape, cold, T), _state(landscape, hot, T)
        return float(landscape.free_energy(a, T) - landscape.free_energy(b, T))

    found = []
    for i in np.flatnonzero((lowest[1:] != lowest[:-1]) & known[1:] & known[:-1]).tolist():
        cold, hot = sheets[lowest[i]], sheets[lowest[i + 1]]
        low, high = (max(float(grid[i]), hot.ends[0]), min(float(grid[i + 1]), cold.ends[1]))
        # A sheet that ends in between has met the other one there.
        if not (low < high and gap(low, cold, hot) < 0 < gap(high, cold, hot)):
            continue
        T = float(brentq(gap, low, high, args=(cold, hot), xtol=1e-14 * high))
        a, b = _state(landscape, cold, T), _state(landscape, hot, T)
        if np.allclose(a, b, rtol=0, atol=_MEET):
            continue
        jump = rate(landscape, a, T) - rate(landscape, b, T)
        found.append(Exchange(T, cold.branch, hot.branch, (a, b), jump, gap(T, cold, hot)))
    return tuple(sorted(found, key=lambda e: -e.temperature))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A stretch of a branch between folds, by rising T."""

    branch: int
    temperatures: Array
    states: Array
    free_energies: Array
    rates: Array

    @property
    def ends(self) -> tuple[float, float]:
        return float(self.temperatures[0]), float(self.temperatures[-1])


def _sheets(number: int, branch: Branch) -> list[_Sheet]:
    rising = np.sign(np.diff(branch.temperatures))
    cuts = [0, *(np.flatnonzero(rising[1:] != rising[:-1]) + 1).tolist(), len(branch.temperatures) - 1]
    found = []
    for first, last in itertools.pairwise(cuts):
        way = slice(first, last + 1)
        parts = [a[way] for a in (branch.temperatures, branch.states, branch.free_energies, branch.rates)]
        if parts[0][0] > parts[0][-1]:
            parts = [a[::-1] for a in parts]
        if parts[0][0] < parts[0][-1]:
            found.append(_Sheet(number, *parts))
    return found


def _values(sheet: _Sheet, grid: Array) -> Array:
    """F of a sheet at given temperatures; NaN where it does not exist."""
    T, distinct = np.unique(sheet.temperatures, return_index=True)
    curve = CubicHermiteSpline(T, sheet.free_energies[distinct], 2 * sheet.rates[distinct], extrapolate=False)
    found: Array = curve(grid)
    return found


def _state(landscape: Landscape, sheet: _Sheet, T: float) -> Array:
    """The stationary point of a sheet at one T; the interpolated state where Newton's method leaves it."""
    right = min(max(int(np.searchsorted(sheet.temperatures, T)), 1), len(sheet.temperatures) - 1)
    low, high = sheet.temperatures[right - 1], sheet.temperatures[right]
    part = (T - low) / (high - low)
    near: Array = (1 - part) * sheet.states[right - 1] + part * sheet.states[right]
    y, residual, _ = polish(landscape, near, T)
    return y if residual <= TOLERANCE else near
