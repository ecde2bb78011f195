"""Experiment ``scan``: the WorldClim protocol, signal fractions, utilities, rates and effective dimension over t.

======  ====================================================  ======
symbol  meaning                                               unit
======  ====================================================  ======
t       T/V, V the total variance of the rows trained on      1
D_r/D_0 distortion with r latents, over that with none        1
d_eff   fewest latents with D_r/D_0 ≤ ε                       count
======  ====================================================  ======

Features are standardised on the training rows, which are chosen by spatial blocks where rows have coordinates, and
every temperature is trained from a fresh initialisation (Hirn, arXiv:2605.22691, 2608.10599). Utilities and thresholds
are compared with each other, not with a PCA; its ranks stand only in the table of effective dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from numerics.blocks import random_split, spatial_split
from numerics.tables import Table, load_table
from theory.errors import InputError

from ..architecture import Architecture
from ..plan import SweepPlan
from .jobs import NetworkTraining, Running, run_jobs
from .result import ExperimentResult, Finding
from .scan_readouts import Scan, latents_needed, read_scan

__all__ = ["PRESETS", "SHARES", "draw", "run"]

Array = npt.NDArray[np.float64]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "t_min": 5e-4,
        "temperatures": 19,
        "seeds": 2,
        "latents": 16,
        "depths": (2, 1),
        "steps": 5500,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "schedule": "cosine",
    },
    "full": {
        "t_min": 1e-4,
        "temperatures": 33,
        "seeds": 2,
        "latents": 32,
        "depths": (4, 1),
        "steps": 14_000,
        "batch_size": 256,
        "learning_rate": 3e-3,
        "schedule": "cosine",
    },
    "published": {
        "t_min": 1e-6,
        "temperatures": 121,
        "seeds": 1,
        "latents": 32,
        "depths": (4, 3, 2, 1),
        "steps": 100_000,
        "batch_size": 256,
        "learning_rate": 3e-4,
        "schedule": "constant",
    },
}
"""``published`` has the temperatures, widths and rates of the source (its number of steps is not stated; here 100,000);
the others have fewer temperatures, down to where the last latents wake, and, as they are shorter, a larger learning
rate that falls to zero. The first of the ``depths`` (hidden layers of encoder and of decoder) is scanned with all
seeds, of which at each temperature the one with the least F on the training rows is read; the others with one."""

_WIDTH = 64
_BIAS = -4.0
_CLAMP = (-20.0, 8.0)
"""Of ln σ²: at the coldest T of the source the widths of the first modes are near e^-13."""
_BLOCK_KM = 500.0
_DEFAULT_DATA = "breast-cancer"
_LARGE = 2000  # rows from which the test rows are enough to measure on
SHARES = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001)
"""ε of the table of effective dimensions."""


def run(
    preset: str = "quick",
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
        A table; of one with columns ``bio1`` to ``bio19`` these are taken. A shipped table if None.
    seed, running
        As in :func:`verify.experiments.run_experiment`.

    Returns
    -------
    ExperimentResult
        Findings ``identity-r2``, ``identity-r2/coldest``, ``rank-agreement``, ``overlay-r2``,
        ``fixed-slope-r2`` and ``latents/<ε>``.

    Raises
    ------
    InputError
        If the table cannot be read, or standardised.
    """
    s = PRESETS[preset]
    table = _load(data or _DEFAULT_DATA)
    train, validation, test = _standardized(table, seed)
    variance = float(train.var(0).sum())
    measured = test if len(table.values) >= _LARGE else None
    rows = train if measured is None else measured
    plans, architectures = _plans(s, variance, seed), _architectures(s)
    jobs = {
        f"depth-{d}": NetworkTraining(train, plans[d], architectures[d], validation=validation, test=measured)
        for d in s["depths"]
    }
    # One depth after the other: each has chunks for all workers.
    done = run_jobs(jobs, running, side_by_side=False)
    sweeps = dict(zip(s["depths"], done.values(), strict=True))

    main = sweeps[s["depths"][0]]
    scan = read_scan(main, variance)
    single = [read_scan(main, variance, i) for i in range(s["seeds"])]
    # What is left of the measured rows with r principal components of the rows trained on.
    axes = np.linalg.eigh(train.T @ train)[1][:, ::-1]
    total = float(np.square(rows).sum(1).mean())
    pca = total - np.concatenate([[0.0], np.cumsum(np.square(rows @ axes).mean(0))])
    pca = np.maximum(pca / total, 0.0)
    by_depth = {d: _best(read_scan(sweeps[d], variance)) * variance / total for d in s["depths"]}
    where = (
        f"{table.name}, {s['depths'][0]}×{_WIDTH} SiLU, {s['latents']} latents, "
        f"{'test' if measured is not None else 'training'} rows"
    )
    settings = {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in s.items()},
        "data": table.name,
        "sha256": table.sha256,
        "rows": {"train": len(train), "validation": len(validation), "measured": len(rows)},
        "measured_on": "test" if measured is not None else "training",
        "split": "blocks of 500 km" if table.coordinates is not None else "random, repeated rows dropped",
        "architectures": {str(d): architectures[d].as_dict() for d in s["depths"]},
        "shares": list(SHARES),
    }
    curves = {
        "t": scan.temperatures,
        "signal_fraction": scan.signal_fraction,
        "rates": scan.rates,
        "distortion": scan.distortion,
        "distortion_mean": scan.distortion_mean,
        "utilities": scan.utilities,
        "thresholds": scan.thresholds,
        "fixed_slope": scan.fixed_slope,
        "modes": scan.modes,
        "pca": pca,
        "d_eff": np.array([[_count(pca, e), *(_count(by_depth[d], e) for d in s["depths"])] for e in SHARES]),
        **{f"best/{d}": by_depth[d] for d in s["depths"]},
    }
    findings = _findings(scan, single, by_depth[s["depths"][0]], pca, where)
    return ExperimentResult("scan", preset, seed, settings, findings, curves)


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Figures by name."""
    from .scan_figures import draw_dimension, draw_identity, draw_scan

    return {"scan": draw_scan(result), "identity": draw_identity(result), "dimension": draw_dimension(result)}


def _plans(s: Mapping[str, Any], variance: float, seed: int) -> dict[int, SweepPlan]:
    """What to train, by depth."""
    return {
        depth: SweepPlan.default(
            "network",
            variance * np.geomspace(1.0, s["t_min"], s["temperatures"]),
            seeds=s["seeds"] if depth == s["depths"][0] else 1,
            latents=s["latents"],
            steps=s["steps"],
            batch_size=s["batch_size"],
            learning_rate=s["learning_rate"],
            schedule=s["schedule"],
            chunk=-(-s["temperatures"] // 2),
            seed=seed,
        )
        for depth in s["depths"]
    }


def _architectures(s: Mapping[str, Any]) -> dict[int, Architecture]:
    return {
        depth: Architecture(
            encoder=(_WIDTH,) * depth,
            decoder=(_WIDTH,) * depth,
            activation="silu",
            log_variance_bias=_BIAS,
            clamp=_CLAMP,
        )
        for depth in s["depths"]
    }


def _findings(scan: Scan, single: list[Scan], best: Array, pca: Array, where: str) -> dict[str, Finding]:
    each = [one.numbers() for one in single]
    findings = {}
    for name, value in scan.numbers().items():
        scatter = [one[name] for one in each if name in one]
        stderr = float(np.std(scatter, ddof=1)) / math.sqrt(len(scatter)) if len(scatter) > 1 else None
        modes = min(6, len(scan.modes)) if name == "rank-agreement" else len(scan.modes)
        findings[name] = Finding(value, 1.0, stderr=stderr, where=f"{where}, {modes} modes")
    for share in (0.05, 0.01):
        needed, reference = latents_needed(best, share), latents_needed(pca, share)
        if needed is not None and reference is not None:
            findings[f"latents/{share:.0%}"] = Finding(needed, reference, where=f"{where}; predicted: PCA's")
    return findings


def _best(scan: Scan) -> Array:
    """Least distortion over t with r latents, posterior means, over V, (K+1,)."""
    least: Array = scan.distortion_mean.min(0)
    return least


def _count(distortion: Array, share: float) -> float:
    needed = latents_needed(distortion, share)
    return math.nan if needed is None else needed


def _load(data: str) -> Table:
    try:
        return load_table(data, columns=[f"bio{i}" for i in range(1, 20)])
    except InputError:  # no such columns, or no such table, which the next line says
        return load_table(data)


def _standardized(table: Table, seed: int) -> tuple[Array, Array, Array]:
    """Rows to train on, to validate and to test, in units of the standard deviations of the first."""
    table.require_varying()
    stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(12,)))
    values = table.values
    if table.coordinates is not None:
        split = spatial_split(table.coordinates, block_km=_BLOCK_KM, seed=stream)
    else:
        values = np.unique(values, axis=0)  # a row must not be trained on and tested
        split = random_split(len(values), seed=stream)
    mean, scale = values[split.train].mean(0), values[split.train].std(0)
    if not (scale > 0).all():
        raise InputError(f"{table.name}: {table.columns[int(np.argmin(scale))]} is constant on the training rows; drop")
    train, validation, test = ((values[part] - mean) / scale for part in (split.train, split.validation, split.test))
    return train, validation, test
