"""Exact cases that several claims rest on, each solved once.

======  =================================================  ======
symbol  meaning                                            unit
======  =================================================  ======
``λ``   largest eigenvalue, here 1                         data²
``T*``  temperature above which full collapse is optimal   data²
======  =================================================  ======
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.pointset import three_points
from numerics.subgaussian import subgaussian_proxy

__all__ = ["Case", "solved"]


@dataclass(frozen=True, slots=True)
class Case:
    """What the exact solver says of three-point data with given cumulants and a model class.

    Parameters
    ----------
    sweep : PhaseSweep
        All equilibria.
    upper : float
        σ²_sG.
    where : str
        Data and class in words.
    """

    sweep: PhaseSweep
    upper: float
    where: str

    @property
    def coexistence(self) -> float | None:
        """T*/λ."""
        return self.sweep.coexistence

    @property
    def kl_jump(self) -> float:
        """Rate just below T*, nats; 0 where it vanishes continuously."""
        into = next((c for c in self.sweep.changes if not c.hot.active), None)
        return 0.0 if into is None else into.kl_jump

    def widths(self) -> tuple[float, float, float] | None:
        """``(T, M², KL)`` of the hottest width-coded ground state; None if there is none."""
        for T, state in zip(self.sweep.temperatures[::-1], self.sweep.ground[::-1], strict=True):
            if state is not None and state.phase == "width-coded":
                return float(T), float(state.signal_fraction.max()), state.kl
        return None


@lru_cache(maxsize=32)
def solved(kappa3: float, kappa4: float, model: str = "flexible", points: int = 40) -> Case:
    """Solve three-point data of unit variance from T = 0.9 λ to just above its sub-Gaussian proxy.

    Raises
    ------
    InputError
        If no distribution has these cumulants.
    """
    x, weights = three_points(kappa3, kappa4)
    upper = max(subgaussian_proxy(x, weights).upper, 1.0)
    sweep = sweep_functional(x, np.linspace(0.9, upper + 0.03, points), weights=weights, model=model)
    return Case(sweep, upper, f"three points, κ3 = {kappa3:g}, κ4 = {kappa4:g}, class {model}")
