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
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics.functional import FunctionalEquilibrium, solve_functional
from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.pointset import three_points
from numerics.spectrum import Spectrum
from numerics.subgaussian import subgaussian_proxy
from theory.model import ModelClass

__all__ = [
    "FEW_EIGENVALUES",
    "FEW_TEMPERATURE",
    "Case",
    "diagonal",
    "few_latents",
    "parabola_of_u",
    "quantiles",
    "solved",
    "solved_curve",
]

Array = npt.NDArray[Any]

FEW_EIGENVALUES, FEW_TEMPERATURE = (1.0, 0.5), 0.2
"""Two modes above T for a single latent."""


@dataclass(frozen=True, slots=True)
class Case:
    """What the exact solver says of data and a model class.

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

    def spread(self) -> tuple[float, float]:
        """``(T, |M²_up − M²_down|)`` where heated and cooled states lie farthest apart."""
        found = [
            (abs(float(a.signal_fraction.max() - b.signal_fraction.max())), float(T))
            for T, a, b in zip(self.sweep.temperatures, self.sweep.up, self.sweep.down, strict=True)
            if a is not None and b is not None
        ]
        spread, T = max(found)
        return T, spread


def _solve(x: Array, weights: Array | None, model: str, points: int, where: str) -> Case:
    upper = max(subgaussian_proxy(x, weights).upper, 1.0)
    grid = np.linspace(0.9, upper + 0.03, points)
    # The bound guards the widest class, and the others by it; that of two columns takes seconds.
    extra: dict[str, Any] = {} if x.ndim == 1 and model == "flexible" else {"bound": None}
    if x.ndim == 2:
        extra["anchors"] = 3
    return Case(sweep_functional(x, grid, weights=weights, model=model, **extra), upper, f"{where}, class {model}")


@lru_cache(maxsize=64)
def solved(kappa3: float, kappa4: float, model: str = "flexible", points: int = 40) -> Case:
    """Solve three-point data of unit variance from T = 0.9 λ to just above its sub-Gaussian proxy.

    Raises
    ------
    InputError
        If no distribution has these cumulants.
    """
    x, weights = three_points(kappa3, kappa4)
    return _solve(x, weights, model, points, f"three points, κ3 = {kappa3:g}, κ4 = {kappa4:g}")


@lru_cache(maxsize=64)
def solved_curve(curvature: float, kappa4: float = -1.0, model: str = "flexible") -> Case:
    """Solve three points on a parabola, (u, c(u² − 1)): u without skewness, co-skewness c(κ4 + 2), λ_2 = c²(κ4 + 2)."""
    u, weights = three_points(0.0, kappa4)
    x = np.stack([u, curvature * (u**2 - 1)], axis=1)
    where = f"three points on a parabola, c = {curvature:g}, κ3 = 0, κ4 = {kappa4:g}"
    return _solve(x, weights, model, 16, where)


@lru_cache(maxsize=64)
def parabola_of_u(curvature: float, temperature: float) -> FunctionalEquilibrium:
    """Equilibrium of the parabola (u, c(u² − 1)), u normal, for a linear encoder of u and a free decoder."""
    u, weights = np.polynomial.hermite_e.hermegauss(24)
    x = np.stack([u, curvature * (u**2 - 1)], axis=1)
    # Principal coordinates are counted by variance: beyond c = 1/√2 the first is x_2.
    own = int(2 * curvature**2 > 1)
    sees_u = ModelClass("encoder of u", decoder="free", mean="linear", width="constant", visible=(own,), dimensions=2)
    return solve_functional(x, temperature, weights=weights, model=sees_u, start="mean", bound=None)


@lru_cache(maxsize=1)
def few_latents() -> FunctionalEquilibrium:
    """A free VAE with one latent on normal rows of two modes above T: nodes of a Gauss–Hermite quadrature.

    One start of many: an upper bound of F is all that is needed.
    """
    (a, p), (b, q) = (np.polynomial.hermite_e.hermegauss(n) for n in (10, 8))
    scale = np.sqrt(FEW_EIGENVALUES)
    x = np.stack(np.meshgrid(scale[0] * a, scale[1] * b, indexing="ij"), axis=-1).reshape(-1, 2)
    weights = np.outer(p, q).ravel() / (p.sum() * q.sum())
    keep = weights > 1e-7  # nodes that no one would draw in a million rows
    return solve_functional(x[keep], FEW_TEMPERATURE, weights=weights[keep], start="rank", bound=None, accuracy=1e-8)


@lru_cache(maxsize=64)
def quantiles(tail: str, count: int) -> Case:
    """Solve N quantiles, standardised, of an exponential (``"exponential"``) or uniform distribution."""
    p = (np.arange(count) + 0.5) / count
    x = -np.log(1 - p) if tail == "exponential" else p
    x = (x - x.mean()) / x.std()
    upper = subgaussian_proxy(x).upper
    sweep = sweep_functional(x, np.linspace(0.95, upper + 0.03, 14), anchors=3, bound=None)
    return Case(sweep, upper, f"{count} quantiles, {tail} distribution, class flexible")


def diagonal(*eigenvalues: float) -> Spectrum:
    """The spectrum of a diagonal covariance."""
    return Spectrum.from_covariance(np.diag(eigenvalues))
