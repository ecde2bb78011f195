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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.functional import checked_latents
from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.projection import joint_cumulants, mode_scores, standardized_cumulants
from numerics.quantize import quantize
from numerics.rate_distortion import rate_distortion
from numerics.spectrum import Spectrum
from numerics.subgaussian import ProxyBounds, subgaussian_proxy
from numerics.tables import Table, load_table
from theory.cumulants import Cumulants
from theory.errors import InputError
from theory.explain import explain
from theory.model import ModelClass, model_class
from verify.one_thread import one_blas_thread

__all__ = ["Phase", "phase"]

_COLDEST = 0.5
_STEP = 0.01
"""Over λ, up to T = 4 λ; above that T/400, since heavy tails can hold the sandwich open for decades."""
_POINTS = {1: 256, 2: 24}
"""Distinct points kept by default, by the number of latents: the grid of two is a plane."""
_MOST = 64
"""Points that two latents can be solved on within the memory of a small machine."""
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
        q over λ: the free energy of the rows is at most this much larger than that of the points, and at most
        ``q + 2√(Vq)`` smaller, V the total variance.
    points : int
        Points that were solved.
    cumulants : dict
        κ_3, κ_4 of the (top) mode, of all rows; with all columns also ``co_skewness``, the length of the vector
        (κ_11j) over the other modes j.
    verdict : dict
        Local character from the cumulants, global from the exact sweep.
    sweep : PhaseSweep
        The equilibria.
    proxy : ProxyBounds
        λ ≤ T* ≤ σ²_sG.
    bounds : tuple of (float, float or None, float)
        T, certified lower bound of F_RD and its upper bound.
    modes : int
        How many principal modes the data have.
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
    modes: int = 1

    @property
    def scope(self) -> str:
        """Which data every statement is about, T* and its bound for any architecture included."""
        if self.mode is None or self.modes == 1:
            return "all columns"
        return (
            f"the scores of mode {self.mode} alone, one of {self.modes}: a VAE that sees all columns can stay active "
            "above this T*; for all columns use --full"
        )

    @property
    def spinodals(self) -> tuple[float, float]:
        """(lo, hi): where collapse loses local stability, and the highest T with an active local minimum."""
        return self.sweep.spinodals

    @property
    def coexistence(self) -> float | None:
        """T*; None if it could not be resolved, for the reason in ``sweep.unresolved``."""
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
            "scope": self.scope,
            "latents": self.model.latents,
            "eigenvalue": self.eigenvalue,
            "points": self.points,
            "quantization_error": self.quantization,
            "cumulants": self.cumulants,
            "verdict": self.verdict,
            "spinodals": list(self.spinodals),
            "coexistence": self.coexistence,
            "unresolved": self.sweep.unresolved,
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
    points: int | None = None,
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
    points : int, optional
        More distinct rows than this are quantised; the error is reported. By default 256, and 24 with two latents.
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
    That a minimum is the global one is proved only by the bounds: λ ≤ T* ≤ σ²_sG and F ≥ F_RD. Temperatures run from
    0.5 λ to the upper end of the sandwich, at which full collapse is the global minimum of every architecture, in steps
    of at most 0.01 λ up to 4 λ and of T/400 above; transitions and spinodals are then refined off the grid.

    Examples
    --------
    >>> found = phase([[-1.0], [0.0], [0.0], [3.0]], standardize=False)
    >>> found.verdict["kind"], found.verdict["global"], found.coexistence > 1
    ('jump', 'jump', True)
    """
    table = data if isinstance(data, Table) else load_table(data)
    chosen = model_class(model)
    most = _POINTS[checked_latents(latents)] if points is None else points
    if latents > 1 and most > _MOST:
        raise InputError(f"points must be at most {_MOST} with two latents, got {most}; use fewer, or one latent")
    spectrum = Spectrum.from_table(table, standardize=standardize)
    if spectrum.rank == 0:
        raise InputError(f"{table.name}: the data have no variance; give rows that differ")
    scores, eigenvalue = mode_scores(spectrum, table.values, 1 if full else mode)
    rows = spectrum.standardized(table.values) / np.sqrt(eigenvalue) if full else scores
    small = quantize(rows, table.weights, most=most, seed=seed)
    dimensions = small.points.dimension
    chosen = replace(chosen, latents=latents, dimensions=dimensions)
    proxy = subgaussian_proxy(small.points)
    grid = _temperatures(max(proxy.upper, 1.0) + 2 * _STEP)
    # Matrices of a few hundred rows: a second thread gains little, and on a busy machine waiting for it takes minutes.
    with one_blas_thread():
        sweep = sweep_functional(small.points, grid, model=chosen, latents=latents, seed=seed)
        own = standardized_cumulants(scores, table.weights, order=4)
        joint = joint_cumulants(spectrum, table.values, table.weights) if full and spectrum.rank > 1 else None
        return Phase(
            data=table.name,
            model=chosen,
            mode=None if full else int(mode),
            eigenvalue=eigenvalue,
            quantization=small.error,
            points=len(small.points.weights),
            cumulants=own if joint is None else own | {"co_skewness": float(joint.known[2, 1])},
            verdict=_verdict(model, joint or own, sweep, proxy, None if full or spectrum.rank == 1 else int(mode)),
            sweep=sweep,
            proxy=proxy,
            bounds=tuple(_bound(small.points, float(t)) for t in np.linspace(_COLDEST, grid[-1], _BOUNDS)),
            modes=spectrum.rank,
        )


def _temperatures(warmest: float) -> NDArray[np.float64]:
    """The grid of the sweep, over λ."""
    fine = min(warmest, 4.0)
    grid = np.linspace(_COLDEST, fine, int(np.ceil((fine - _COLDEST) / _STEP - 1e-9)) + 1)
    if warmest > fine:
        more = int(np.ceil(np.log(warmest / fine) / np.log1p(_STEP / fine)))
        grid = np.append(grid, fine * (warmest / fine) ** (np.arange(1, more + 1) / more))
    return grid


def _bound(points: Any, t: float) -> tuple[float, float | None, float]:
    found = rate_distortion(points, t, tolerance=1e-6, throw=False)
    return t, found.lower, found.value


def _verdict(
    model: str, cumulants: dict[str, float] | Cumulants, sweep: PhaseSweep, proxy: ProxyBounds, alone: int | None
) -> dict[str, Any]:
    """The local verdict of the cumulants, with the global question answered by the exact equilibria.

    `alone` is the mode on which data with several were projected.
    """
    verdict = explain(model, order=4, cumulants=cumulants).verdict.to_json()
    lo, t_star = sweep.spinodals[0], sweep.coexistence
    on = "" if alone is None else f" on mode {alone} alone"
    jumps = [c for c in sweep.changes if c.hot_phase.split(",").count("collapsed") == sweep.space.latents]
    jump = any(not change.continuous for change in jumps)
    # A local jump proves a global one, also where it is too small for the sweep to resolve.
    verdict["global"] = "jump" if jump or verdict["kind"] == "jump" else "continuous"
    verdict["evidence"] = [
        *(line for line in verdict["evidence"] if "pre-empts" not in line),
        f"exact equilibria: T* not resolved, {sweep.unresolved}"
        if t_star is None
        else f"exact equilibria: collapse is the lowest minimum found above T = {t_star:.6g}",
        f"collapse is locally stable above T = {lo:.6g}",
        f"sandwich for any architecture{on}: {proxy.variance:.6g} <= T* <= {proxy.upper:.6g}",
    ]
    if jump and verdict["kind"] == "continuous":
        verdict["evidence"].append("a distant minimum pre-empts the locally continuous threshold")
    return verdict
