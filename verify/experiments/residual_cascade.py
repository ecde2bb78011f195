"""Experiment ``residual-cascade``: a mixture loses one latent at a time, where the residual edge meets T.

======  ===============================================================  ======
symbol  meaning                                                          unit
======  ===============================================================  ======
T       temperature                                                      x²
k       number of active latents before a loss                           count
Λ*(A)   residual edge beside the latents that stay                       x²
λ_k     eigenvalues of the covariance of the rows                        x²
======  ===============================================================  ======

A network is heated from below the fourth eigenvalue to above the first, each temperature starting from the one
before. At each loss the edge of the remaining latents is estimated on both sides: below, where the latent that is
about to be lost counts as collapsed, Λ* > T; above, Λ* < T (Li, arXiv:2610.11257). Two further trainings say when
the edge is the next eigenvalue: a linear VAE, and a linear encoder with a free decoder on two groups of unequal
spread, whose edge the exact solver knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from numerics.functional import solve_functional

from ..architecture import Architecture
from ..one_thread import one_blas_thread
from ..plan import SweepPlan
from ..trained_edge import TrainedEdge, trained_edge
from .jobs import NetworkTraining, Running, run_jobs
from .mixtures import GROUPS, mixture_rows
from .result import ExperimentResult, Finding

__all__ = ["PRESETS", "draw", "losses", "run"]

Array = npt.NDArray[np.float64]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "rows": 20_000,
        "hidden": (32,),
        "temperatures": 17,
        "seeds": 2,
        "steps": 1500,
        "first_steps": 4000,
        "annealing_steps": 2000,
        "batch_size": 384,
        "learning_rate": 5e-3,
        "active_above": 5e-3,
        "edge_size": 1000,
        "edge_pools": 6,
    },
    "full": {
        "rows": 64_000,
        "hidden": (64, 32),
        "temperatures": 33,
        "seeds": 2,
        "steps": 3000,
        "first_steps": 12_000,
        "annealing_steps": 6000,
        "batch_size": 512,
        "learning_rate": 3e-3,
        "active_above": 3e-3,
        "edge_size": 2000,
        "edge_pools": 8,
    },
    "published": {
        "rows": 256_000,
        "hidden": (256, 128),
        "temperatures": 401,
        "seeds": 1,
        "steps": 30_000,
        "first_steps": 120_000,
        "annealing_steps": 0,
        "batch_size": 256,
        "learning_rate": 1e-3,
        "active_above": 1e-3,
        "edge_size": 4000,
        "edge_pools": 8,
    },
}
"""``published`` has the sizes, widths and epochs of the source (30 epochs of 1000 steps at each temperature); the
others have fewer rows, units and temperatures, anneal the first temperature from an autoencoder, so that all four
latents are found in short time, and call a latent active a little later: short training leaves lost latents some
4e-3 nats of noise, less than what 1 % of T costs."""

_RANGE = (0.65, 1.05)
_LATENTS = 4
_ANNEALING_START = 0.1
_COLLAPSED_DRAWS = 128
_GROUPS_TEMPERATURE = 1.8  # above the edge 1.596 of the exact solver, below λ_1 = 9: the second latent stays collapsed


def losses(rates: Array, active_above: float) -> dict[int, int]:
    """Where a heated cascade loses its latents.

    Parameters
    ----------
    rates : ndarray (n, K)
        KL of every latent in nats, T ascending.
    active_above : float
        A latent of a larger KL is active, nats.

    Returns
    -------
    dict of int to int
        For each number of active latents k the last temperature (its index) with at least as many, if it is neither
        missing nor the last.

    Examples
    --------
    >>> losses(np.array([[1.0, 0.5], [0.5, 0.1], [0.2, 0.0], [0.1, 0.0], [0.0, 0.0]]), 0.01)
    {1: 3, 2: 1}
    """
    count = (rates > active_above).sum(1)
    last = {k: np.flatnonzero(count >= k) for k in range(1, rates.shape[1] + 1)}
    return {k: int(where[-1]) for k, where in last.items() if len(where) and where[-1] < len(rates) - 1}


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
        Findings ``edge/<k>``, ``above/<k>``, ``eigenvalue-ratio/<k>``, ``lost-at-once``, ``next-eigenvalue/linear``
        and ``next-eigenvalue/free/two-groups``.
    """
    running = running or Running()
    s = PRESETS[preset]
    x = mixture_rows(s["rows"], np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(10,))))
    spectrum: Array = np.linalg.eigvalsh(np.cov(x.T, ddof=0)).astype(np.float64)[::-1]
    temperatures: Array = np.linspace(*_RANGE, s["temperatures"], dtype=np.float64)
    network, heated = _network(s), _heated(s, temperatures, seed)
    # Between λ_3 and λ_2, nearer to λ_3: what is left of the second mode could wake a new latent at T²/λ_2 < λ_3.
    between = float(spectrum[2] ** 0.75 * spectrum[1] ** 0.25)
    straight = SweepPlan.default("network", [between], seeds=s["seeds"], steps=s["first_steps"], learning_rate=5e-3,
                                 latents=_LATENTS, batch_size=s["batch_size"], seed=seed)  # fmt: skip
    split = SweepPlan.default(
        "network", [_GROUPS_TEMPERATURE], seeds=s["seeds"], steps=s["first_steps"], learning_rate=5e-3, latents=1,
        batch_size=256, seed=seed,
    )  # fmt: skip
    # Normal copies of the two groups would have other tails; the four points themselves are what the solver takes.
    groups = np.tile(GROUPS, (64, 1))
    decoder = Architecture(decoder=(32,), model_class="nonlinear-decoder")
    jobs = {
        "cascade": NetworkTraining(x, heated, network, keep_parameters=True),
        "linear": NetworkTraining(x, straight, Architecture(model_class="linear"), keep_parameters=True),
        "groups": NetworkTraining(groups, split, decoder, keep_parameters=True),
    }
    # One after the other: the seeds of the cascade, which is the longest, are chunks for all workers.
    # The edges after it keep densities, their exponentials and a copy in the product, of every pool that is worked on.
    densities = running.workers * 3 * max(s["edge_size"], 2000) ** 2 * 8
    sweeps = run_jobs(jobs, running, side_by_side=False, later=densities)
    cascade = sweeps["cascade"]

    size, pools = s["edge_size"], s["edge_pools"]

    def edge(name: str, rows: Array, t: int, s: int, kept: int, size: int, pools: int) -> TrainedEdge:
        sweep = sweeps[name]
        vae = sweep.model(t, s)
        mu, log_variance = vae.encode(rows)
        by_rate = np.argsort(-sweep.rate[t, s], kind="stable")
        stream = np.random.SeedSequence(seed, spawn_key=(11, t, s, kept))
        with one_blas_thread():
            return trained_edge(
                vae.decode, mu, log_variance, rows, by_rate[:kept].tolist(), generator=np.random.default_rng(stream),
                model_class=sweep.architecture.model_class, collapsed_draws=_COLLAPSED_DRAWS, size=size, pools=pools,
            )  # fmt: skip

    seeds = range(s["seeds"])
    found = [losses(cascade.rate[:, i], s["active_above"]) for i in seeds]
    tasks: dict[tuple[Any, ...], tuple[Any, ...]] = {
        (k, i, side): ("cascade", x, last + side, i, k - 1, size, pools)
        for i in seeds
        for k, last in found[i].items()
        for side in (0, 1)
    }
    # The affine functions of the rows are few: samples are cheap, and all rows are used.
    tasks |= {("linear", i): ("linear", x, 0, i, 2, 2000, s["rows"] // 2000) for i in seeds}
    tasks |= {("groups", i): ("groups", groups, 0, i, 1, 1024, 8) for i in seeds}
    with ThreadPoolExecutor(running.workers) as pool:
        edges = dict(zip(tasks, pool.map(lambda task: edge(*task), tasks.values()), strict=True))

    findings: dict[str, Finding] = {}
    curves: dict[str, Array] = {"T": temperatures, "eigenvalues": spectrum, "rates": -np.sort(-cascade.rate, axis=-1)}
    curves["edges"] = np.full((_LATENTS, s["seeds"], 2, 4), np.nan)  # side: T, Λ*, its error, λ_k
    for k in sorted({k for one in found for k in one}):
        ratios, errors = [], []
        for i in seeds:
            if k in found[i]:
                sides = [edges[k, i, side] for side in (0, 1)]
                t = temperatures[found[i][k] : found[i][k] + 2]
                ratios.append([e.value / T for e, T in zip(sides, t, strict=True)])
                errors.append([e.stderr / T for e, T in zip(sides, t, strict=True)])
                curves["edges"][k - 1, i] = [
                    (T, e.value, e.stderr, spectrum[k - 1]) for e, T in zip(sides, t, strict=True)
                ]
        r, own = np.array(ratios), np.array(errors)
        where = f"mixture, {k} → {k - 1} latents, {len(r)} seeds"
        findings[f"edge/{k}"] = Finding(
            r.mean(), 1.0, stderr=_stderr(r.mean(1), np.hypot(*own.T) / 2), where=f"{where}, mean of both sides"
        )
        findings[f"above/{k}"] = Finding(
            r[:, 1].mean(), 1.0, stderr=_stderr(r[:, 1], own[:, 1]), where=f"{where}, just above"
        )
        to_eigenvalue = r[:, 1] * curves["edges"][k - 1, [i for i in seeds if k in found[i]], 1, 0] / spectrum[k - 1]
        findings[f"eigenvalue-ratio/{k}"] = Finding(
            to_eigenvalue.mean(), 1.0, stderr=_stderr(to_eigenvalue, own[:, 1]), where=f"{where}, Λ*/λ_{k}"
        )
    at_once = [list(one.values()).count(t) for one in found for t in one.values()]
    if at_once:
        findings["lost-at-once"] = Finding(
            max(at_once), 1.0, where=f"mixture, {len(temperatures)} temperatures, {s['seeds']} seeds"
        )
    linear = np.array([edges["linear", i].value for i in seeds]) / spectrum[2]
    findings["next-eigenvalue/linear"] = Finding(
        linear.mean(),
        1.0,
        stderr=_stderr(linear, np.array([edges["linear", i].stderr for i in seeds]) / spectrum[2]),
        where=f"mixture, linear VAE with two latents active, T = {between:.4f}",
    )
    exact = solve_functional(GROUPS, _GROUPS_TEMPERATURE, model="nonlinear-decoder")
    smaller = float(np.linalg.eigvalsh(np.cov(GROUPS.T, ddof=0))[0])
    free = np.array([edges["groups", i].value for i in seeds]) / smaller
    findings["next-eigenvalue/free/two-groups"] = Finding(
        free.mean(),
        1.0,
        exact.residual_edge / smaller,
        _stderr(free, np.array([edges["groups", i].stderr for i in seeds]) / smaller),
        f"two groups of variances 1.8 and 0.2 across, linear encoder, free decoder, T = {_GROUPS_TEMPERATURE}",
    )
    settings = {
        **{name: list(value) if isinstance(value, tuple) else value for name, value in s.items()},
        "temperature_range": list(_RANGE),
        "latents": _LATENTS,
        "schedule": heated.schedule,
        "direction": heated.direction,
        "annealing_start": heated.annealing_start,
        "architectures": {name: job.architecture.as_dict() for name, job in jobs.items()},
        "collapsed_draws": _COLLAPSED_DRAWS,
        "groups_temperature": _GROUPS_TEMPERATURE,
        "data": "eight-dimensional mixture; two groups",
    }
    return ExperimentResult("residual-cascade", preset, seed, settings, findings, curves)


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Figures by name."""
    from .residual_cascade_figure import draw_cascade

    return {"losses": draw_cascade(result)}


def _network(s: Mapping[str, Any]) -> Architecture:
    return Architecture(encoder=s["hidden"], decoder=s["hidden"][::-1], activation="relu")


def _heated(s: Mapping[str, Any], temperatures: Array, seed: int) -> SweepPlan:
    """The cascade: every seed from below, each temperature from the one before."""
    return SweepPlan.default(
        "network",
        temperatures,
        seeds=s["seeds"],
        latents=_LATENTS,
        batch_size=s["batch_size"],
        steps=s["steps"],
        first_steps=s["first_steps"],
        learning_rate=s["learning_rate"],
        direction="up",
        annealing_steps=s["annealing_steps"],
        annealing_start=_ANNEALING_START,
        chunk=1,  # a chain from temperature to temperature is one worker's
        seed=seed,
    )


def _stderr(values: Array, own: Array) -> float:
    """Of the mean over seeds: by their scatter, or by the errors of the estimates where that is larger."""
    scatter = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return max(scatter, float(np.sqrt(np.square(own).mean() / len(own))))
