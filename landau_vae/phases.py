"""The phase transition of one data set: local theory, exact equilibria up and down in T, and the bounds on both.

=========  ============================================================  ==================
symbol     meaning                                                       unit
=========  ============================================================  ==================
``λ``      variance of the mode (of the top mode with ``full``)          data²
``T``      temperature, here over λ                                      1
``F``      free energy, here over λ                                      1
``T*``     above it full collapse is the global minimum                  1
``q``      mean square error of quantising the rows                      λ
=========  ============================================================  ==================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.projection import mode_scores, standardized_cumulants
from numerics.quantize import quantize
from numerics.rate_distortion import rate_distortion
from numerics.spectrum import Spectrum
from numerics.subgaussian import ProxyBounds, subgaussian_proxy
from numerics.tables import Table, load_table
from theory.errors import InputError
from theory.explain import explain
from theory.model import ModelClass, model_class

__all__ = ["Phase", "phase"]

_COLDEST = 0.5
_STEP = 0.01
_WARMEST = 4.0
"""Over λ. A wider sandwich (heavy tails) is swept up to here, and further along any branch that is still active."""
_BOUNDS = 9
"""Temperatures at which the rate–distortion function is reported."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What :func:`phase` found; everything in units of λ.

    Attributes
    ----------
    data : str
        Name of the data.
    model : ModelClass
        The class, with latents and dimensions.
    mode : int or None
        The principal mode; None if all columns were kept.
    eigenvalue : float
        λ, in data variance.
    quantization : float
        q over λ: the free energy of the rows is at most this much larger than that of the points.
    points : int
        Points that were solved.
    cumulants : dict
        κ_3, κ_4, … of the (top) mode, of all rows.
    verdict : dict
        Local character from the cumulants, global from the exact sweep.
    sweep : PhaseSweep
        The equilibria.
    proxy : ProxyBounds
        λ ≤ T* ≤ σ²_sG.
    bounds : tuple of (float, float or None, float)
        T, certified lower bound of F_RD and its upper bound.
    """

    data: str
    model: ModelClass
    mode: int | None
    eigenvalue: float
    quantization: float
    points: int
    cumulants: dict[str, float]
    verdict: dict[str, Any]
    sweep: PhaseSweep
    proxy: ProxyBounds
    bounds: tuple[tuple[float, float | None, float], ...]

    @property
    def spinodals(self) -> tuple[float, float]:
        """(lo, hi): where collapse loses local stability, and the highest T with an active local minimum."""
        return self.sweep.spinodals

    @property
    def coexistence(self) -> float | None:
        """T*; None if it lies beyond the sweep."""
        return self.sweep.coexistence

    def to_json(self) -> dict[str, Any]:
        """Return a strictly JSON-able dict; T and F in units of λ."""
        up, down = self.sweep.readings("up"), self.sweep.readings("down")

        def chain(readings: dict[str, Any], i: int) -> dict[str, Any] | None:
            if not np.isfinite(readings["F"][i]):
                return None
            many = {key: readings[key][i].tolist() for key in ("M2", "J")}
            one = {key: value[0] if len(value) == 1 else value for key, value in many.items()}
            return {"F": float(readings["F"][i]), "KL": float(readings["KL"][i]), **one}

        return {
            "data": self.data,
            "model": self.model.name,
            "mode": self.mode,
            "latents": self.model.latents,
            "eigenvalue": self.eigenvalue,
            "points": self.points,
            "quantization_error": self.quantization,
            "cumulants": self.cumulants,
            "verdict": self.verdict,
            "spinodals": list(self.spinodals),
            "coexistence": self.coexistence,
            "transitions": [
                {
                    "T": change.temperature,
                    "from": change.cold_phase,
                    "to": change.hot_phase,
                    "continuous": change.continuous,
                    "kl_jump": change.kl_jump,
                    "signal_jump": change.signal_jump,
                }
                for change in self.sweep.changes
            ],
            "sweep": [
                {"T": float(t), "up": chain(up, i), "down": chain(down, i)}
                for i, t in enumerate(self.sweep.temperatures)
            ],
            "rate_distortion": {
                "status": "certified" if all(low is not None for _, low, _ in self.bounds) else "not available",
                "T": [t for t, _, _ in self.bounds],
                "lower": [low for _, low, _ in self.bounds],
                "upper": [high for _, _, high in self.bounds],
                "sandwich": [self.proxy.variance, self.proxy.upper],
            },
            "failures": list(self.sweep.failures),
        }


def phase(
    data: Table | ArrayLike | str,
    *,
    model: str = "flexible",
    mode: int = 1,
    full: bool = False,
    latents: int = 1,
    points: int = 256,
    standardize: bool = True,
    seed: int = 0,
) -> Phase:
    """Solve the equilibria of a VAE with free functions on one data set, up and down in temperature.

    Parameters
    ----------
    data : Table, array_like of shape (N, D), or str
        Observations, or what :func:`load_table` takes.
    model : str
        A model class: ``"linear"``, ``"nonlinear-decoder"``, ``"nonlinear-mean"`` or ``"flexible"``.
    mode : int
        Principal mode on which the data are projected, 1 for the top one.
    full : bool
        Keep all columns instead.
    latents : {1, 2}
        K; two for small sets.
    points : int
        More distinct rows than this are quantised; the error is reported.
    standardize : bool
        Divide columns by their population standard deviation.
    seed : int
        Of quantisation and of the random start.

    Returns
    -------
    Phase

    Raises
    ------
    InputError
        For unusable data or options.

    Notes
    -----
    That a minimum is the global one is proved only by the bounds: λ ≤ T* ≤ σ²_sG and F ≥ F_RD.

    Examples
    --------
    >>> found = phase([[-1.0], [0.0], [0.0], [3.0]], standardize=False)
    >>> found.verdict["kind"], found.verdict["global"], found.coexistence > 1
    ('jump', 'jump', True)
    """
    table = data if isinstance(data, Table) else load_table(data)
    chosen = model_class(model)
    spectrum = Spectrum.from_table(table, standardize=standardize)
    if spectrum.rank == 0:
        raise InputError(f"{table.name}: the data have no variance; give rows that differ")
    scores, eigenvalue = mode_scores(spectrum, table.values, 1 if full else mode)
    rows = spectrum.standardized(table.values) / np.sqrt(eigenvalue) if full else scores
    small = quantize(rows, table.weights, most=points, seed=seed)
    dimensions = small.points.dimension
    chosen = ModelClass(chosen.name, chosen.decoder, chosen.mean, chosen.width, latents=latents, dimensions=dimensions)
    proxy = subgaussian_proxy(small.points)
    warmest = max(min(proxy.upper, _WARMEST), 1.0) + 2 * _STEP
    grid = np.linspace(_COLDEST, warmest, int(np.ceil((warmest - _COLDEST) / _STEP)) + 1)
    # Beyond a plane the bound costs as much as the sweep; the guard then uses what is certified there at less accuracy.
    sweep = sweep_functional(small.points, grid, model=chosen, latents=latents, seed=seed)
    cumulants = standardized_cumulants(scores, table.weights, order=4)
    return Phase(
        data=table.name,
        model=chosen,
        mode=None if full else int(mode),
        eigenvalue=eigenvalue,
        quantization=small.error,
        points=len(small.points.weights),
        cumulants=cumulants,
        verdict=_verdict(model, cumulants, sweep, proxy),
        sweep=sweep,
        proxy=proxy,
        bounds=tuple(_bound(small.points, float(t)) for t in np.linspace(_COLDEST, warmest, _BOUNDS)),
    )


def _shown(t: float | None) -> str:
    return "beyond the sweep" if t is None else f"{t:.6g}"


def _bound(points: Any, t: float) -> tuple[float, float | None, float]:
    found = rate_distortion(points, t, tolerance=1e-6, throw=False)
    return t, found.lower, found.value


def _verdict(model: str, cumulants: dict[str, float], sweep: PhaseSweep, proxy: ProxyBounds) -> dict[str, Any]:
    """The local verdict of the cumulants, with the global question answered by the exact equilibria."""
    verdict = explain(model, order=4, cumulants=cumulants).verdict.to_json()
    lo, t_star = sweep.spinodals[0], sweep.coexistence
    jumps = [c for c in sweep.changes if c.hot_phase.split(",").count("collapsed") == sweep.space.latents]
    jump = any(not change.continuous for change in jumps)
    # A local jump proves a global one, also where it is too small for the sweep to resolve.
    verdict["global"] = "jump" if jump or verdict["kind"] == "jump" else "continuous"
    verdict["evidence"] = [
        *(line for line in verdict["evidence"] if "pre-empts" not in line),
        f"exact equilibria: collapse is the lowest minimum found above T = {_shown(t_star)}",
        f"collapse is locally stable above T = {lo:.6g}",
        f"sandwich for any architecture: {proxy.variance:.6g} <= T* <= {proxy.upper:.6g}",
    ]
    if jump and verdict["kind"] == "continuous":
        verdict["evidence"].append("a distant minimum pre-empts the locally continuous threshold")
    return verdict
