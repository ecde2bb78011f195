"""Experiment ``hysteresis``: networks swept up and down in T, beside the exact equilibria of their encoders.

=============  ================================================================================
case           what is trained
=============  ================================================================================
skewed         skewed rows in one dimension; encoder and decoder free networks
skewed-linear  the same rows; linear VAE
parabola-u     rows on a parabola; linear encoder that sees u only, free decoder
parabola-all   the same, flatter; linear encoder that sees both coordinates, free decoder
width          skewed rows whose ground state below T* is coded weakly, partly in the width
pure           symmetric rows whose ground state just above λ_max is coded by the width
gaussian       normal rows; linear VAE, whose equilibrium lies on the rate–distortion bound
=============  ================================================================================

On skewed data free networks stay active above λ_max when heated, and collapsed down to λ_max when cooled, so that KL
jumps with hysteresis (a discontinuity as in Li arXiv:2510.01621, not at λ_max); a linear VAE passes λ_max continuously
(Hirn arXiv:2605.22691). The free energy of every trained model is held against the rate–distortion bound.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from numerics.functional_sweep import PhaseSweep, sweep_functional
from numerics.subgaussian import subgaussian_proxy

from ..architecture import Architecture
from ..plan import SweepPlan
from .hysteresis_cases import Case, Parabola, parabola_rows, pure_rows, skewed_rows, temperatures, width_rows
from .hysteresis_findings import (
    Trained,
    bound_findings,
    exact_tilts,
    parabola_findings,
    skewed_findings,
)
from .hysteresis_widths import ground_temperatures, width_findings
from .jobs import NetworkTraining, Running, run_jobs
from .result import ExperimentResult

__all__ = ["PRESETS", "draw", "run"]

Array = npt.NDArray[np.float64]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "seeds": 3,
        "steps": 2500,
        "fine": 6,
        "coarse": 3,
        "hidden": 16,
        "exact_points": 60,
        "cooling_rate": 7e-4,
    },
    "full": {
        "seeds": 6,
        "steps": 6000,
        "fine": 10,
        "coarse": 4,
        "hidden": 32,
        "exact_points": 120,
        "cooling_rate": 3e-4,
    },
}
"""Seeds, steps at each temperature (twice as many at the first), temperatures close to an event and before it, hidden
units, temperatures of the exact sweeps, learning rate of the cooled skewed networks: with 7e-4, noise wakes them
at 1.04 λ_max on the average, with 3e-4 at 1.01, if they have the steps to grow."""

_CURVATURE_U, _CURVATURE_ALL = 0.8, 0.6
"""A wide loop; and a parabola with λ_max = 1 whose branch tilts (c > 0.4395) below T_s."""


def run(
    preset: str = "quick",
    *,
    seed: int = 0,
    running: Running | None = None,
) -> ExperimentResult:
    """Run the experiment.

    Parameters
    ----------
    preset : str
        A key of :data:`PRESETS`.
    seed, running
        As in :func:`verify.experiments.run_experiment`.

    Returns
    -------
    ExperimentResult
        Findings ``skewed/…``, ``skewed-linear/…``, ``parabola-u/…``, ``parabola-all/…``, ``width-coded/…``,
        ``width-pure/…`` and ``bound/<case>``.
    """
    s = PRESETS[preset]
    schedule = {
        "seeds": s["seeds"],
        "latents": 1,
        "steps": s["steps"],
        "first_steps": 2 * s["steps"],
        "batch_size": 256,
        "learning_rate": 3e-3,
        "schedule": "cosine",
        "seed": seed,
    }
    cases, exact = _cases(s)
    jobs = {}
    for name, case in cases.items():
        for direction, visited in (("up", case.heating), ("down", case.cooling)):
            if visited:
                rate = case.cooling_rate if direction == "down" else None
                plan = SweepPlan.default(
                    "network",
                    visited,
                    direction=direction,
                    **(schedule | {"learning_rate": rate or schedule["learning_rate"]}),
                )
                jobs[f"{name}/{direction}"] = NetworkTraining(
                    case.rows, plan, case.architecture, weights=case.weights, keep_parameters=True
                )
    sweeps = run_jobs(jobs, running)
    trained = {
        name: Trained.of(case, sweeps.get(f"{name}/up"), sweeps.get(f"{name}/down")) for name, case in cases.items()
    }
    proxy = subgaussian_proxy(skewed_rows()).upper
    findings = {
        **skewed_findings(trained["skewed"], trained["skewed-linear"], exact["skewed"]),
        **parabola_findings(
            trained["parabola-u"], trained["parabola-all"], exact["parabola-all"], _CURVATURE_U, _CURVATURE_ALL
        ),
        **width_findings("width-coded", trained["width"], exact["width"]),
        **width_findings("width-pure", trained["pure"], exact["pure"]),
        **bound_findings(trained),
    }
    curves: dict[str, Array] = {}
    for name, found in trained.items():
        curves |= {f"{name}/{key}": value for key, value in found.curves().items()}
    for name, sweep in exact.items():
        curves |= {f"{name}/exact/{key}": value for key, value in _exact_curves(sweep).items()}
    curves["parabola-all/exact/tilt"] = exact_tilts(exact["parabola-all"])
    curves |= _closed_curves(_CURVATURE_U, curves["parabola-u/up/T"])
    return ExperimentResult(
        name="hysteresis",
        preset=preset,
        seed=seed,
        settings={
            **schedule,
            **{key: s[key] for key in ("fine", "coarse", "hidden", "exact_points")},
            "curvature_u": _CURVATURE_U,
            "curvature_all": _CURVATURE_ALL,
            "coexistence": {
                "skewed": exact["skewed"].coexistence,
                "parabola-u": Parabola(_CURVATURE_U).coexistence,
                "width": exact["width"].coexistence,
            },
            "ends": {"skewed": exact["skewed"].spinodals[1], "parabola-u": Parabola(_CURVATURE_U).end},
            "tilt": Parabola(_CURVATURE_ALL).tilt,
            "subgaussian_proxy": proxy,
            "cases": {
                name: {
                    "data": case.where,
                    "architecture": case.architecture.as_dict(),
                    "heating": list(case.heating),
                    "cooling": list(case.cooling),
                    "cooling_learning_rate": case.cooling_rate or schedule["learning_rate"],
                }
                for name, case in cases.items()
            },
        },
        findings=findings,
        curves=curves,
    )


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Figures of a result: the loops of the skewed rows, those of the parabola, and the gap to the bound."""
    from .hysteresis_figures import draw_bound, draw_parabola, draw_skewed

    return {"skewed": draw_skewed(result), "parabola": draw_parabola(result), "bound": draw_bound(result)}


def _cases(s: Mapping[str, Any]) -> tuple[dict[str, Case], dict[str, PhaseSweep]]:
    """What is trained, and the exact equilibria where no closed form says all."""
    rows, points = skewed_rows(), s["exact_points"]
    skewed = sweep_functional(rows, np.linspace(0.8, subgaussian_proxy(rows).upper, points))
    end = skewed.spinodals[1]
    if skewed.coexistence is None:
        raise RuntimeError(f"the exact sweep of the skewed rows has no coexistence: {skewed.unresolved}")
    between = (1 + skewed.coexistence) / 2  # well inside the loop, far from both of its ends
    free = Architecture(encoder=(s["hidden"],), decoder=(s["hidden"],))
    decoder = dataclasses.replace(free, model_class="nonlinear-decoder")
    closed, flat = Parabola(_CURVATURE_U), Parabola(_CURVATURE_ALL)
    u_rows, u_weights = parabola_rows(_CURVATURE_U)
    all_rows, all_weights = parabola_rows(_CURVATURE_ALL)
    tilted = flat.exact_tilted(np.linspace(0.6, 1.3, points))
    width_x, width_weights = width_rows()
    normal, normal_weights = parabola_rows(0.0)
    normal = normal[:, :1]
    width = sweep_functional(width_x, np.linspace(0.8, 1.4, points), weights=width_weights)
    near = {"fine": s["fine"], "coarse": s["coarse"]}
    tilt = flat.tilt
    pure_x, pure_weights = pure_rows()
    pure = sweep_functional(pure_x, np.linspace(0.995, 1.015, 9), weights=pure_weights)
    if tilt is None or width.coexistence is None:
        raise RuntimeError("the closed forms of the parabola or the exact sweep of the width-coded rows lack an event")
    weakly, purely = (
        np.linspace(inside[0], inside[-1], 3).tolist()
        for inside in (ground_temperatures(width, "width-coded"), ground_temperatures(pure, "width-pure"))
    )
    cases = {
        "skewed": Case(
            rows,
            None,
            free,
            *temperatures(end, low=0.8, extra=(between,), **near),
            "64 skewed rows, free networks",
            cooling_rate=s["cooling_rate"],
        ),
        "skewed-linear": Case(
            rows,
            None,
            dataclasses.replace(free, model_class="linear"),
            *temperatures(1.0, low=0.6, extra=(between,), fine=s["fine"], coarse=2),
            "64 skewed rows, linear VAE",
        ),
        "parabola-u": Case(
            u_rows,
            u_weights,
            dataclasses.replace(decoder, visible=(0,)),
            *temperatures(closed.end, low=0.6, **near),
            f"parabola c = {_CURVATURE_U:g}, linear encoder of u, free decoder",
        ),
        "parabola-all": Case(
            all_rows,
            all_weights,
            decoder,
            tuple(np.r_[0.6, tilt * np.linspace(0.9, 1.08, s["fine"])].tolist()),
            (),
            f"parabola c = {_CURVATURE_ALL:g}, linear encoder of both coordinates, free decoder",
        ),
        "gaussian": Case(
            normal,
            normal_weights,
            dataclasses.replace(free, model_class="linear"),
            (0.4, 0.6, 0.8, 0.9, 1.0, 1.1),
            (),
            "normal rows, linear VAE, which can reach the bound",
        ),
        "width": Case(
            width_x,
            width_weights,
            free,
            tuple(np.unique(np.r_[0.8, 1.0, 1.1, weakly]).tolist()),
            (float(width.temperatures[-1]), *weakly[::-1]),
            "three points, κ3 = 2, κ4 = 2.1, free networks",
            cooling_rate=1e-3,
        ),
        "pure": Case(
            pure_x,
            pure_weights,
            free,
            (0.8, 0.95, *purely),
            (1.1, *purely[::-1]),
            "three points, κ3 = 0, κ4 = 3, free networks",
            cooling_rate=1e-3,
        ),
    }
    return cases, {"skewed": skewed, "parabola-all": tilted, "width": width, "pure": pure}


def _exact_curves(sweep: PhaseSweep) -> dict[str, Array]:
    found = {"T": sweep.temperatures}
    for which in ("up", "down", "ground"):
        readings = sweep.readings(which)
        found |= {f"{which}/KL": readings["KL"], f"{which}/F": readings["F"], f"{which}/M2": readings["M2"][:, 0]}
    return found


def _closed_curves(curvature: float, trained_at: Array) -> dict[str, Array]:
    """The branch of the parabola, both its stable and its unstable part, by M²."""
    from numerics import _formulas

    m = np.linspace(0.0, 1.0, 201)[:-1]
    t = np.asarray(_formulas.parabola_temperature(m, curvature))
    kept = t >= trained_at.min()
    return {"parabola-u/closed/T": t[kept], "parabola-u/closed/M2": m[kept]}
