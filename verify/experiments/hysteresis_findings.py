"""What the experiment ``hysteresis`` reads off its trained networks.

=======  ================================================================  ==============
symbol   meaning                                                           shape, unit
=======  ================================================================  ==============
n, S     temperatures of a sweep, seeds
T        temperature; λ_max = 1 in all cases                               (n,), units x²
KL, M²   rate (nats) and signal fraction of the latent                     (n, S)
F        free energy of the trained models, by quadrature                  (n, S), units x²
=======  ================================================================  ==============
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from numerics.functional_sweep import PhaseSweep
from numerics.pointset import PointSet
from numerics.rate_distortion import rate_distortion_bound

from ..network_sweep import NetworkSweep
from .free_energies import exact_free_energy
from .hysteresis_cases import Case, Parabola, tilts
from .result import Finding

__all__ = [
    "Chain",
    "Trained",
    "averaged",
    "bound_findings",
    "crossing",
    "exact_tilts",
    "parabola_findings",
    "skewed_findings",
]

Array = npt.NDArray[np.float64]

_ALIVE = 0.05
"""Nats: a latent with more is alive here. The jumps are four times as large, a dead latent has a hundredth of it."""
_TILTED = 0.05
"""Share of x_2 in the encoder's variance above which it is tilted; beyond the instability it is 0.27 and more."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """One sweep, sorted by temperature.

    Parameters
    ----------
    T : ndarray (n,)
        Ascending.
    rate, signal, jensen, F, error : ndarray (n, S)
        KL, M², J, F and the error of its quadrature.
    mean_weights : ndarray (n, S, D') or None
        Of a linear encoder.
    """

    T: Array
    rate: Array
    signal: Array
    jensen: Array
    F: Array
    error: Array
    mean_weights: Array | None

    @classmethod
    def of(cls, case: Case, sweep: NetworkSweep) -> Chain:
        """Measure a sweep."""
        values = np.array(
            [
                [
                    exact_free_energy(sweep.model(n, s), case.rows, float(t), weights=case.weights)
                    for s in range(sweep.plan.seeds)
                ]
                for n, t in enumerate(sweep.temperatures)
            ]
        )
        order = np.argsort(sweep.temperatures)
        linear = not case.architecture.layers(case.rows.shape[1], 1)[0][1:-1]
        weights = None if not linear or sweep.parameters is None else sweep.parameters["mean.weight"][order, :, 0]
        return cls(
            sweep.temperatures[order],
            sweep.total_rate[order],
            sweep.signal_fraction[order, :, 0],
            sweep.statistics.jensen[order, :, 0],
            values[order, :, 0],
            values[order, :, 1],
            weights,
        )

    def at(self, temperature: float) -> int:
        """Number of the temperature that is nearest."""
        return int(np.abs(self.T - temperature).argmin())


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """Heated and cooled networks of one case; a direction that was not run is None."""

    case: Case
    up: Chain | None
    down: Chain | None

    @classmethod
    def of(cls, case: Case, up: NetworkSweep | None, down: NetworkSweep | None) -> Trained:
        """Measure both sweeps."""
        return cls(case, *(None if sweep is None else Chain.of(case, sweep) for sweep in (up, down)))

    @property
    def chains(self) -> dict[str, Chain]:
        """Those that were run, by direction."""
        return {name: chain for name, chain in (("up", self.up), ("down", self.down)) if chain is not None}

    @property
    def heated(self) -> Chain:
        """The sweep up, which every case has."""
        if self.up is None:
            raise ValueError(f"the case was not heated: {self.case.where}")
        return self.up

    @property
    def cooled(self) -> Chain:
        """The sweep down."""
        if self.down is None:
            raise ValueError(f"the case was not cooled: {self.case.where}")
        return self.down

    def curves(self) -> dict[str, Array]:
        """What figures draw, by direction and quantity; also the least F of the seeds against the bound."""
        found: dict[str, Array] = {}
        points = PointSet.of(self.case.rows, self.case.weights)
        for name, chain in self.chains.items():
            found |= {
                f"{name}/T": chain.T,
                f"{name}/KL": chain.rate,
                f"{name}/M2": chain.signal,
                f"{name}/J": chain.jensen,
                f"{name}/F": chain.F,
                f"{name}/bound": np.array([rate_distortion_bound(points, None, float(t)) for t in chain.T]),
            }
            if chain.mean_weights is not None and chain.mean_weights.shape[-1] == 2:
                found[f"{name}/tilt"] = tilts(chain.mean_weights, float(points.covariance[1, 1]))
        return found


def averaged(values: Array, *, resolution: float = 0.0, **rest: object) -> Finding:
    """The mean over seeds as a finding, with its standard error.

    Parameters
    ----------
    values : ndarray (S,)
        One number per seed.
    resolution : float
        Distance of the temperatures between which the number was found; it adds a uniform error.
    **rest
        ``predicted``, ``exact`` and ``where`` of the finding.

    Examples
    --------
    >>> averaged(np.array([1.0, 3.0]), where="two").stderr
    1.0
    """
    spread = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Finding(float(values.mean()), stderr=math.hypot(spread, resolution / math.sqrt(12)), **rest)  # type: ignore[arg-type]


def crossing(temperatures: Array, values: Array, level: float, *, first: bool = False) -> tuple[float, float] | None:
    """Where a curve crosses a level, between two temperatures.

    Parameters
    ----------
    temperatures : ndarray (n,)
        Ascending.
    values : ndarray (n,)
        The curve.
    level : float
        Which is crossed.
    first : bool
        The lowest upward crossing instead of the highest downward one.

    Returns
    -------
    temperature, resolution : float
        By linear interpolation, and the distance of the two neighbours; None if there is no such crossing.

    Examples
    --------
    >>> crossing(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 0.0]), 0.5)
    (3.0, 2.0)
    """
    above = values > level
    steps = np.flatnonzero(~above[:-1] & above[1:]) if first else np.flatnonzero(above[:-1] & ~above[1:])
    if not len(steps):
        return None
    i = int(steps[0] if first else steps[-1])
    share = (level - values[i]) / (values[i + 1] - values[i])
    gap = temperatures[i + 1] - temperatures[i]
    return float(temperatures[i] + share * gap), float(gap)


def _crossings(
    name: str, chain: Chain, values: Array, level: float, *, first: bool = False, **rest: object
) -> dict[str, Finding]:
    """The crossing of every seed, averaged; nothing if a seed has none."""
    found = [crossing(chain.T, column, level, first=first) for column in values.T]
    if any(each is None for each in found):
        return {}
    at = np.array([each[0] for each in found if each is not None])
    gap = max(each[1] for each in found if each is not None)
    return {name: averaged(at, resolution=gap, **rest)}


def skewed_findings(free: Trained, linear: Trained, exact: PhaseSweep) -> dict[str, Finding]:
    """Loop, coexistence and both ends of the free networks; the linear ones beside them."""
    star, end, where = exact.coexistence, exact.spinodals[1], free.case.where
    if star is None:
        raise ValueError("the exact sweep has no coexistence")
    between = (1 + star) / 2
    up, down = free.heated, free.cooled
    i = up.at(between)
    chain = [(t, s) for t, s in zip(exact.temperatures, exact.up, strict=True) if s is not None]
    active = float(np.interp(between, [t for t, _ in chain], [s.kl for _, s in chain]))
    stated = f"{where}, T = {between:.4g} λ, between λ and T* = {star:.4g} λ"
    # From the stated temperature on, where the heated networks are clearly lower and the cooled ones collapsed, to the
    # first crossing: at the ends of the loop both are in one state, and their F cross by chance.
    loss = np.stack([up.F[i:, s] - np.interp(up.T[i:], down.T, down.F[:, s]) for s in range(up.F.shape[1])])
    crossings = [crossing(up.T[i:], each, 0.0, first=True) for each in loss]
    meeting = np.array([each[0] for each in crossings if each is not None])
    found = {
        "skewed/kl-up-above": averaged(up.rate[i], exact=active, where=f"heated, {stated}"),
        "skewed/kl-down-above": averaged(
            down.rate[down.at(between)], predicted=0.0, exact=0.0, where=f"cooled, {stated}"
        ),
        **_crossings(
            "skewed/down-wake",
            down,
            down.rate,
            _ALIVE,
            predicted=1.0,
            exact=exact.spinodals[0],
            where=f"cooled, {where}",
        ),
        **_crossings(
            "skewed/up-collapse",
            up,
            up.rate,
            _ALIVE,
            predicted=end,
            exact=end,
            where=f"heated, {where}: upper spinodal",
        ),
        "skewed-linear/kl-up-above": averaged(
            linear.heated.rate[linear.heated.at(between)],
            predicted=0.0,
            exact=0.0,
            where=f"heated, {linear.case.where}, T = {between:.4g} λ",
        ),
    }
    if len(meeting) == up.F.shape[1]:
        found["skewed/coexistence"] = averaged(
            meeting, predicted=star, exact=star, where=f"{where}: F of heated and of cooled networks cross"
        )
    return found


def parabola_findings(
    seen: Trained, everything: Trained, exact: PhaseSweep, curvature_u: float, curvature_all: float
) -> dict[str, Finding]:
    """Equation of state, both ends of its loop, and where an encoder that sees all coordinates leaves the branch."""
    closed, up, where = Parabola(curvature_u), seen.heated, seen.case.where
    # The branch ends vertically at T_s, where any lag is a large deviation: its end is a finding of its own.
    below = np.flatnonzero(up.T / closed.end <= 0.98)
    deviation = np.abs(up.signal[below] - closed.signal(up.T[below])[:, None])
    worst = int(deviation.mean(axis=1).argmax())
    findings = {
        "parabola-u/branch": averaged(
            deviation[worst], predicted=0.0, where=f"heated to 0.98 T_s, {where}; T = {up.T[below][worst]:.3g} λ"
        ),
        **_crossings("parabola-u/up", up, up.rate, _ALIVE, predicted=closed.end, where=f"heated, {where}"),
        **_crossings("parabola-u/down", seen.cooled, seen.cooled.rate, _ALIVE, predicted=1.0, where=f"cooled, {where}"),
    }
    flat, chain = Parabola(curvature_all), everything.heated
    if chain.mean_weights is None:
        raise ValueError("the encoder of the parabola must be linear")
    second = float(PointSet.of(everything.case.rows, everything.case.weights).covariance[1, 1])
    share = tilts(chain.mean_weights, second)
    exact_share = exact_tilts(exact)
    kept = np.isfinite(exact_share)
    exact_tilt = crossing(exact.temperatures[kept], exact_share[kept], _TILTED, first=True)
    findings |= _crossings(
        "parabola-all/tilt",
        chain,
        share,
        _TILTED,
        first=True,
        predicted=flat.tilt,
        exact=None if exact_tilt is None else exact_tilt[0],
        where=f"T/λ where the heated encoder leaves the closed branch, {everything.case.where}",
    )
    last = len(chain.T) - 1
    before = [(t, s.F) for t, s in zip(exact.temperatures, exact.up, strict=True) if s is not None]
    lowest = float(np.interp(chain.T[last], [t for t, _ in before], [f for _, f in before]))
    branch = float(flat.free_energy(np.array([chain.T[last]]))[0])
    variance = 1 + second
    findings["parabola-all/gain"] = averaged(
        (branch - chain.F[last]) / variance,
        predicted=0.0,
        exact=(branch - lowest) / variance,
        where=f"(F of the closed branch − F)/V at T = {chain.T[last]:.4g} λ, {everything.case.where}",
    )
    return findings


def exact_tilts(exact: PhaseSweep) -> Array:
    """Share of x_2 in the variance of the heated exact encoders, which are linear, (n,); NaN where collapsed."""
    return np.array([math.nan if s is None else _exact_tilt(s.points, s.weights, s.mu[:, 0]) for s in exact.up])


def _exact_tilt(points: Array, weights: Array, mu: Array) -> float:
    if float(weights @ mu**2) < 1e-8:
        return math.nan
    covariance = (points * weights[:, None]).T @ points
    v = np.asarray(np.linalg.solve(covariance, (points * weights[:, None]).T @ mu), dtype=np.float64)
    return float(tilts(v, float(covariance[1, 1] / covariance[0, 0])))


def bound_findings(trained: Mapping[str, Trained]) -> dict[str, Finding]:
    """The least (F − F_RD)/V of the networks of every case, with the error of the quadrature."""
    findings = {}
    for name, each in trained.items():
        points = PointSet.of(each.case.rows, each.case.weights)
        best: tuple[float, float, str] | None = None
        for direction, chain in each.chains.items():
            bound = np.array([rate_distortion_bound(points, None, float(t)) for t in chain.T])
            gap = (chain.F - bound[:, None]) / points.variance
            n, s = np.unravel_index(int(gap.argmin()), gap.shape)
            if best is None or gap[n, s] < best[0]:
                best = (
                    float(gap[n, s]),
                    float(chain.error[n, s]) / points.variance,
                    f"{each.case.where}, {direction}, T = {chain.T[n]:.4g} λ",
                )
        if best is not None:
            findings[f"bound/{name}"] = Finding(best[0], predicted=0.0, stderr=best[1], where=best[2])
    return findings
