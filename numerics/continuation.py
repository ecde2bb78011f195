"""Follow a branch of stationary points in T: pseudo-arclength steps through folds and branch points.

=======  ======================================================  ============
symbol   meaning                                                 shape
=======  ======================================================  ============
``θ``    temperature over the scale of the landscape             scalar
``x``    point on the branch, ``(y, θ)``                         (n + 1,)
=======  ======================================================  ============

The road: `arclength` makes one step, `tracer` makes many and finds the events between them, `branch` holds the result;
`switching` leaves a branch at an event, `diagram` collects all that hang together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.errors import InputError

from .arclength import System
from .branch import Branch, Event
from .landscape import Landscape
from .newton import TOLERANCE, ZERO, polish
from .tracer import Tracer

__all__ = ["Branch", "Event", "follow"]

Array = NDArray[np.float64]


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
    system = System(landscape)
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
    tracer = Tracer(system, (low / system.scale, high / system.scale), max_step, max_points)
    step = min(max_step / 5, first_step or np.inf)
    return tracer.run(system.point(x, first / np.linalg.norm(first)), step)
