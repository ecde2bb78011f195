"""Experiment ``threshold``: KL and M² against T, and where full collapse loses local stability.

======  ============================================================  ==============
symbol  meaning                                                       shape, unit
======  ============================================================  ==============
n, S    temperatures, seeds
T       temperature                                                   (n,), λ_max
M², KL  signal fraction and rate of the latents, ranked by M²         (n, S, K)
g(T)    growth rate of a small signal beside full collapse            (S, n), 1/time
======  ============================================================  ==============

Four parts: the checks of the linear cascade on exactly trained linear models; growth rates of a small signal in nets
of several depths, activations and classes, with those that cannot represent all linear maps (and a Bernoulli decoder on
binary data); networks trained over a range of T, on Gaussian and on real data; and identities of trained posteriors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from numerics.tables import load_table

from ..architecture import Architecture
from ..compare import verify_cascade
from ..network_sweep import NetworkSweep
from ..plan import SweepPlan
from .jobs import Job, NetworkTraining, Running, run_jobs
from .result import ExperimentResult, Finding
from .threshold_cases import RowData, binary, gaussian, plain_architectures, real
from .threshold_growth import GrowthTraining, MeasuredGrowth, growth_cases, growth_findings
from .threshold_sweeps import fewer_findings, identity_findings, sweep_findings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PRESETS", "draw", "run"]

Array = npt.NDArray[np.float64]

_SWEEP: Final[dict[str, Any]] = {
    "latents": 2,
    "batch_size": 128,
    # The lowest latents of a deep network move slowly: large rates first, then small ones against the noise.
    "learning_rate": 1e-2,
    "schedule": "cosine",
    "linear_learning_rate": 0.02,
    "linear_schedule": "inverse",
}

_FEWER, _COLD = "fewer-latents", 0.1
"""One latent for the three Gaussian modes above this T."""

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "quick": {
            "tables": ("breast-cancer",),
            "gaussian_rows": 2048,
            "growth_seeds": 2,
            "growth_steps": 160,
            "temperatures": (0.2, 0.35, 0.7, 0.85, 0.95, 1.05, 1.25),
            "seeds": 2,
            "steps": 6000,
            "annealing_steps": 1000,
            "gaussian_width": 16,
            "real_width": 16,
            "real_architectures": ("linear", "tanh-1", "silu-2"),
        },
        "full": {
            "tables": ("breast-cancer", "digits"),
            "gaussian_rows": 4096,
            "growth_seeds": 2,
            "growth_steps": 240,
            "temperatures": (0.15, 0.2, 0.28, 0.35, 0.6, 0.7, 0.85, 0.95, 1.0, 1.05, 1.25),
            "seeds": 3,
            "steps": 16_000,
            "annealing_steps": 3000,
            "gaussian_width": 16,
            "real_width": 16,
            "real_architectures": ("linear", "tanh-1", "tanh-1-decoder", "silu-2", "relu-3-mean"),
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
        A table instead of those of the preset.
    seed, running
        As in :func:`verify.experiments.run_experiment`.

    Returns
    -------
    ExperimentResult
    """
    settings = dict(PRESETS[preset])
    tables = (data,) if data else tuple(settings["tables"])
    settings["tables"] = list(tables)
    flat = gaussian(settings["gaussian_rows"], seed)
    rows = [flat, *(real(name) for name in tables)]
    cases = growth_cases(rows, binary(tables[0]))
    sweeps = _sweep_cases(rows, settings)
    findings: dict[str, Finding] = {}
    curves: dict[str, Array] = {}

    running = running or Running()
    jobs: dict[str, Job[Any]] = {
        case.name: GrowthTraining(case, settings["growth_seeds"], settings["growth_steps"], seed) for case in cases
    }
    jobs |= {
        name: NetworkTraining(source.rows, _plan(architecture, settings, seed), architecture, keep_parameters=True)
        for name, (source, architecture) in sweeps.items()
    }
    few = plain_architectures(settings["gaussian_width"])["silu-2"]
    jobs[_FEWER] = NetworkTraining(flat.rows, _plan(few, settings | {"temperatures": (_COLD,)}, seed, latents=1), few)
    done = run_jobs(jobs, running)
    findings |= _linear(tables[0], seed, running.workers)
    for case in cases:
        measured: MeasuredGrowth = done[case.name]
        findings |= growth_findings(case, measured)
        curves |= {f"growth/{case.name}/T": measured.temperatures, f"growth/{case.name}/rate": measured.rates}
        curves[f"growth/{case.name}/tangent"] = measured.tangent
    for name, (source, architecture) in sweeps.items():
        sweep: NetworkSweep = done[name]
        findings |= sweep_findings(name, sweep, source)
        if source is flat and architecture.model_class == "flexible":
            findings |= identity_findings(name, sweep, source)
        curves |= {
            f"sweep/{name}/M2": sweep.ranked(sweep.signal_fraction),
            f"sweep/{name}/KL": sweep.ranked(sweep.rate),
        }
    findings |= fewer_findings(done[_FEWER], flat)
    stated = {
        **settings,
        **_SWEEP,
        "annealing_start": 0.0,
        "units": "T over the largest eigenvalue of the sample covariance",
        "architectures": {name: architecture.as_dict() for name, (_, architecture) in sweeps.items()},
        "growth_architectures": {case.name: case.as_dict() for case in cases},
        "eigenvalues": {source.name: [float(f"{v:.8g}") for v in source.eigenvalues[:8]] for source in rows},
        "rows": {source.name: len(source.rows) for source in rows},
    }
    return ExperimentResult("threshold", preset, seed, _listed(stated), findings, curves)


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Figures by name."""
    from .threshold_figures import draw_growth, draw_sweeps

    return {"growth": draw_growth(result), "sweeps": draw_sweeps(result)}


def _sweep_cases(rows: list[RowData], settings: Mapping[str, Any]) -> dict[str, tuple[RowData, Architecture]]:
    """What is trained over a range of temperatures, by name."""
    flat, *tables = rows
    cases = {f"{n}@{flat.name}": (flat, a) for n, a in plain_architectures(settings["gaussian_width"]).items()}
    for table in tables:
        known = plain_architectures(settings["real_width"])
        cases |= {f"{n}@{table.name}": (table, known[n]) for n in settings["real_architectures"]}
    return cases


def _plan(
    architecture: Architecture, settings: Mapping[str, Any], seed: int, latents: int = _SWEEP["latents"]
) -> SweepPlan:
    kind = "linear_" if architecture.model_class == "linear" else ""
    return SweepPlan.default(
        "network",
        settings["temperatures"],
        seeds=settings["seeds"],
        latents=latents,
        steps=settings["steps"],
        batch_size=_SWEEP["batch_size"],
        learning_rate=_SWEEP[f"{kind}learning_rate"],
        schedule=_SWEEP[f"{kind}schedule"],
        annealing_steps=settings["annealing_steps"],
        seed=seed,
    )


def _linear(table: str, seed: int, workers: int) -> dict[str, Finding]:
    """The checks of the linear cascade, on linear models trained on the expected loss."""
    report = verify_cascade(load_table(table), quick=True, seed=seed, workers=workers)
    return {
        f"linear/{check.name}": Finding(
            check.measured, check.predicted, check.exact, check.stderr, f"{report.data['name']}, linear: {check.where}"
        )
        for check in report.checks
        if check.measured is not None
    }


def _listed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}
