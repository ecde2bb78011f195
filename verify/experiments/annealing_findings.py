"""What the trainings of ``annealing`` say: speed, shift of the equilibrium, branch, and traps.

======  ==================================================  ==============
symbol  meaning                                             shape, unit
======  ==================================================  ==============
F       free energy at the final T, record by record        (r, S), λ_max
t       steps taken at each record                          (r,)
KL      total rate                                          nats
======  ==================================================  ==============
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network_sweep import NetworkSweep
from .result import Finding, standard_error

__all__ = ["branch_finding", "shift_finding", "speed_finding", "steps_within", "trap_finding"]

Array = npt.NDArray[np.float64]
Road = tuple[Array, Array]

_WITHIN = 0.01
"""Share of F by which a training may be above its end when it counts as arrived."""
_TAIL = 0.25
"""Share of the records, at the end, that equilibrium values are averaged over."""
_DEAD = 0.01
"""Nats below which a network counts as collapsed."""


def steps_within(steps: Array, free_energy: Array, target: float) -> Array:
    """Steps after which F of each seed first is within 1 % above the target, (S,); NaN if never.

    Examples
    --------
    >>> steps_within(np.array([100.0, 200.0, 300.0]), np.array([[2.0], [1.005], [1.0]]), 1.0)
    array([200.])
    """
    there = free_energy <= target + _WITHIN * abs(target)
    return np.where(there.any(axis=0), steps[np.argmax(there, axis=0)], np.nan)


def speed_finding(name: str, constant: Road, annealed: Road, where: str) -> dict[str, Finding]:
    """Steps of the annealed training over those of the constant one; empty if one does not arrive.

    Both go to where the constant one ends, on average over the seeds: an exact F would miss the error of the draw of
    noise that all records share.
    """
    target = float(_tail(constant[1]).mean())
    first, second = steps_within(*constant, target), steps_within(*annealed, target)
    ratio = second / first
    ratio = ratio[np.isfinite(ratio)]
    if not ratio.size:
        return {}
    words = f"{where}: {np.nanmean(second):.0f} steps annealed, {np.nanmean(first):.0f} constant"
    return {name: Finding(float(ratio.mean()), stderr=standard_error(ratio), where=words)}


def shift_finding(
    name: str, roads: Mapping[str, Road], schedule: str, variance: float, where: str
) -> dict[str, Finding]:
    """(F annealed − F constant)/V at the end."""
    shift = (_tail(roads[schedule][1]).mean(axis=0) - _tail(roads["constant"][1]).mean(axis=0)) / variance
    return {name: Finding(float(shift.mean()), 0.0, stderr=standard_error(shift), where=f"{where}, {schedule}")}


def branch_finding(curves: Mapping[str, Array], settings: Mapping[str, Any], window: float) -> dict[str, Finding]:
    """KL reached from above minus KL reached from zero, at a temperature between λ_max and T*."""
    t = settings["window_temperature"]
    at = int(np.argmin(np.abs(curves["branch/T"] - t)))
    known = int(np.argmin(np.abs(curves["branch/exact/T"] - t)))
    above, below = curves["branch/from-above/KL"][at], curves["branch/from-zero/KL"][at]
    exact = float(curves["branch/exact/collapsed"][known] - curves["branch/exact/active"][known])
    where = (
        f"three points, κ3 = {settings['skewness']:g}, κ4 = {settings['excess_kurtosis']:g}, "
        f"T = {t:g} λ between λ and T* = {window:.3f} λ"
    )
    return {
        "branch/skewed": Finding(
            float((above - below).mean()), exact=exact, stderr=standard_error(above - below), where=where
        )
    }


def trap_finding(constant: NetworkSweep, annealed: NetworkSweep, case: str) -> dict[str, Finding]:
    """Shares of deep networks that end collapsed below λ_max, where collapse is no minimum."""
    t = constant.temperatures[0]
    found = {}
    for schedule, sweep in (("constant", constant), ("from-zero", annealed)):
        dead = (sweep.total_rate[0] < _DEAD).astype(np.float64)
        words = f"{case}, T = {t:g} λ_max, {schedule}: {int(dead.sum())} of {dead.size} networks end collapsed"
        found[f"trap/{case}/{schedule}"] = Finding(float(dead.mean()), 0.0, stderr=standard_error(dead), where=words)
    return found


def _tail(free_energy: Array) -> Array:
    return free_energy[-max(1, round(_TAIL * len(free_energy))) :]
