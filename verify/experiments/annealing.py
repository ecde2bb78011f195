"""Experiment ``annealing``: what KL annealing changes, and what it cannot.

======  =================================================================  ==============
symbol  meaning                                                            shape, unit
======  =================================================================  ==============
T       final temperature                                                  λ_max
F       free energy at the final T, record by record                       (r, S), λ_max
KL      total rate                                                         nats
V       total variance                                                     λ_max
======  =================================================================  ==============

Three schedules: T constant, from zero (the usual KL annealing, which starts as an autoencoder), and from above, where
everything is collapsed. Where one equilibrium is stable all three end there, and annealing only decides how soon.
Where two are (skewed data, λ_max < T < T*) the schedule decides which. And it frees deep networks that get stuck in
collapse below λ_max, on a saddle that is flat in their parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from numerics import _formulas
from numerics.functional_sweep import sweep_functional
from numerics.pointset import three_points
from theory.errors import InputError

from ..architecture import Architecture
from ..network_sweep import NetworkSweep
from ..plan import SweepPlan
from .annealing_findings import branch_finding, shift_finding, speed_finding, trap_finding
from .jobs import NetworkTraining, Running, run_jobs
from .result import ExperimentResult, Finding
from .threshold_cases import RowData, gaussian, plain_architectures, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PRESETS", "SCHEDULES", "draw", "run"]

Array = npt.NDArray[np.float64]

SCHEDULES: Final[Mapping[str, float | None]] = MappingProxyType({"constant": None, "from-zero": 0.0, "from-above": 3.0})
"""First T over the final one, by name; None has no ramp."""

_TRAINING: Final[dict[str, Any]] = {
    "batch_size": 128,
    "width": 16,
    "activation": "tanh",
    "latents": 2,
    # Large steps first, small ones at the end: with an inverse rate 20,000 steps leave KL of 0.19 for 0.045 nats.
    "fresh_learning_rate": 1e-2,
}

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "quick": {
            "table": "breast-cancer",
            "rows": 2048,
            "temperatures": (0.3, 0.8),
            "table_temperature": 0.3,
            "seeds": 3,
            "ramp": 1000,
            "record_every": 100,
            "records": 50,
            "learning_rate": 2e-3,
            "skewness": 2.0,
            "excess_kurtosis": 4.0,
            "window_temperature": 1.15,
            "branch_temperatures": (0.9, 1.05, 1.15, 1.25, 1.4),
            "branch_seeds": 3,
            "branch_steps": 9000,
            "trap_temperature": 0.35,
            "trap_seeds": 6,
            "trap_steps": 3000,
        },
        "full": {
            "table": "breast-cancer",
            "rows": 8192,
            "temperatures": (0.3, 0.8, 0.95),
            "table_temperature": 0.3,
            "seeds": 6,
            "ramp": 1000,
            "record_every": 50,
            "records": 160,
            "learning_rate": 2e-3,
            "skewness": 2.0,
            "excess_kurtosis": 4.0,
            "window_temperature": 1.15,
            "branch_temperatures": (0.8, 0.9, 0.97, 1.03, 1.1, 1.15, 1.2, 1.25, 1.29, 1.33, 1.4, 1.5),
            "branch_seeds": 6,
            "branch_steps": 20_000,
            "trap_temperature": 0.35,
            "trap_seeds": 12,
            "trap_steps": 6000,
        },
    }
)
"""Settings by preset."""


def run(
    preset: str,
    *,
    data: str | None = None,
    seed: int = 0,
    running: Running | None = None,
) -> ExperimentResult:
    """Run the experiment.

    Parameters
    ----------
    preset : str
        A key of :data:`PRESETS`.
    data : str or None
        A table instead of that of the preset.
    seed, running
        As in :func:`verify.experiments.run_experiment`.

    Returns
    -------
    ExperimentResult

    Raises
    ------
    InputError
        If the data cannot be read.
    """
    settings = {**PRESETS[preset], **_TRAINING}
    flat, table = gaussian(settings["rows"], seed), real(data or settings["table"])
    settings["table"] = table.name
    points, shares = three_points(settings["skewness"], settings["excess_kurtosis"])
    one = (settings["width"],)
    shallow = Architecture(encoder=one, decoder=one, activation=settings["activation"])
    deep = plain_architectures(settings["width"])["relu-3-mean"]

    roads = {f"{flat.name}, T = {t:g}": (flat, t) for t in settings["temperatures"]}
    roads[f"{table.name}, T = {settings['table_temperature']:g}"] = (table, settings["table_temperature"])
    jobs = {}
    for schedule, start in SCHEDULES.items():
        for name, (source, t) in roads.items():
            plan = _road(t, schedule, settings, seed)
            jobs[f"road/{name}/{schedule}"] = NetworkTraining(source.rows, plan, shallow)
        if start is not None:
            plan = _fresh(settings, "branch", settings["branch_temperatures"], schedule, seed, latents=1)
            jobs[f"branch/{schedule}"] = NetworkTraining(points[:, None], plan, shallow, weights=shares)
        if schedule != "from-above":
            plan = _fresh(settings, "trap", (settings["trap_temperature"],), schedule, seed)
            jobs[f"trap/{schedule}"] = NetworkTraining(table.rows, plan, deep)
    done = run_jobs(jobs, running)

    findings: dict[str, Finding] = {}
    curves: dict[str, Array] = {}
    for name, (source, t) in roads.items():
        curves |= _records(name, done)
        exact = _equilibrium(source, t, settings["latents"]) if source is flat else None
        if exact is not None:
            curves[f"road/{name}/exact"] = np.array([exact])
        findings |= _road_findings(name, source, curves)
    branches, window = _exact_branches(points, shares, settings)
    curves |= branches
    for schedule in ("from-zero", "from-above"):
        curves[f"branch/{schedule}/KL"] = done[f"branch/{schedule}"].total_rate
    findings |= branch_finding(curves, settings, window)
    findings |= trap_finding(done["trap/constant"], done["trap/from-zero"], f"relu-3-mean@{table.name}")
    stated = {
        **settings,
        "schedules": dict(SCHEDULES),
        "units": "T over the largest eigenvalue of the sample covariance",
        "learning_rate_schedule": "constant on the roads; cosine, from the fresh learning rate, else",
        "coexistence": window,
        "cases": list(roads),
        "architectures": {"roads and branches": shallow.as_dict(), "trap": deep.as_dict()},
    }
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in stated.items()}
    return ExperimentResult("annealing", preset, seed, listed, findings, curves)


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Figures by name."""
    from .annealing_figures import draw_branches, draw_roads

    return {"roads": draw_roads(result), "branches": draw_branches(result)}


def _road(t: float, schedule: str, settings: Mapping[str, Any], seed: int) -> SweepPlan:
    """One network after the other at the same T, each going on from the last: records along one training."""
    start, every = SCHEDULES[schedule], settings["record_every"]
    ramp = 0 if start is None else settings["ramp"]
    return SweepPlan.default(
        "network",
        (t,) * (settings["records"] - max(ramp // every - 1, 0)),
        seeds=settings["seeds"],
        latents=settings["latents"],
        steps=every,
        first_steps=max(ramp, every),
        annealing_steps=ramp,
        annealing_start=start or 0.0,
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        schedule="constant",
        direction="up",
        seed=seed,
    )


def _fresh(
    settings: Mapping[str, Any],
    part: str,
    temperatures: tuple[float, ...],
    schedule: str,
    seed: int,
    latents: int | None = None,
) -> SweepPlan:
    start, steps = SCHEDULES[schedule], settings[f"{part}_steps"]
    return SweepPlan.default(
        "network",
        temperatures,
        seeds=settings[f"{part}_seeds"],
        latents=latents or settings["latents"],
        steps=steps,
        annealing_steps=0 if start is None else steps // 3,
        annealing_start=start or 0.0,
        batch_size=settings["batch_size"],
        learning_rate=settings["fresh_learning_rate"],
        schedule="cosine",
        seed=seed,
    )


def _records(name: str, done: Mapping[str, NetworkSweep]) -> dict[str, Array]:
    """F and the number of steps along the three trainings of a case."""
    found = {}
    for schedule in SCHEDULES:
        sweep = done[f"road/{name}/{schedule}"]
        taken = np.cumsum(sweep.steps[:, 0]).astype(np.float64)
        found[f"road/{name}/{schedule}/steps"] = taken
        found[f"road/{name}/{schedule}/F"] = sweep.free_energy
    return found


def _equilibrium(source: RowData, t: float, latents: int) -> float:
    """F of Gaussian data with K latents: K modes by the closed form, the others lost."""
    kept, lost = source.eigenvalues[:latents], source.eigenvalues[latents:]
    return float(_formulas.free_energy(kept, t).sum() + lost.sum())


def _road_findings(name: str, source: RowData, curves: Mapping[str, Array]) -> dict[str, Finding]:
    roads = {s: (curves[f"road/{name}/{s}/steps"], curves[f"road/{name}/{s}/F"]) for s in SCHEDULES}
    variance = float(source.eigenvalues.sum())
    found: dict[str, Finding] = {}
    for schedule in ("from-zero", "from-above"):
        found |= speed_finding(f"speed/{name}/{schedule}", roads["constant"], roads[schedule], name)
        found |= shift_finding(f"free-energy-shift/{name}/{schedule}", roads, schedule, variance, name)
    return found


def _exact_branches(points: Array, shares: Array, settings: Mapping[str, Any]) -> tuple[dict[str, Array], float]:
    """Rates of the exact active branch, heated from the lowest temperature, and T*."""
    temperatures = np.union1d(np.linspace(0.8, 1.5, 36), settings["branch_temperatures"])
    sweep = sweep_functional(points, temperatures, weights=shares)
    if sweep.coexistence is None:
        raise InputError(f"skewness must give a first-order transition within the range of T: {sweep.unresolved}")
    return {
        "branch/exact/T": temperatures,
        "branch/exact/active": sweep.readings("up")["KL"],
        "branch/exact/collapsed": sweep.readings("down")["KL"],
        "branch/T": np.array(settings["branch_temperatures"]),
    }, float(sweep.coexistence)
