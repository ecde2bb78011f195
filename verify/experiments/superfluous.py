"""Experiment ``superfluous``: more latents than signal directions, and few rows.

======  ==================================================================  ============
symbol  meaning                                                             unit
======  ==================================================================  ============
N, D    rows, features
s²      variance of the noise, here 1                                       units x²
edge    ``s²(1 + √(D/N))²``, upper edge of the noise's sample eigenvalues   units x²
T       temperature                                                         units x²
KL      rate on the training rows, all latents or those without a signal    nats
======  ==================================================================  ============

*Linear* VAEs on two signals and noise: the latents that no signal needs wake on noise, below the edge of Marchenko and
Pastur (Math. USSR-Sbornik 1, 457, 1967), and are dead above it. *Free networks* on pure noise spend rate above the
edge: there they memorise rows, which lowers F on the training rows and raises it on new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from numerics.finite_samples import marchenko_pastur_edge

from ..architecture import Architecture
from ..fits import fit_collapse
from ..latents import measure
from ..network_sweep import NetworkSweep
from ..plan import SweepPlan
from ..style import INK, REFERENCE, mode_colors, new_figure, styled
from ..sweep import Sweep
from .free_energies import sampled_free_energy
from .hysteresis_findings import averaged
from .jobs import Job, LinearTraining, NetworkTraining, Running, run_jobs
from .result import ExperimentResult, Finding

__all__ = ["PRESETS", "draw", "noise_rows", "run"]

Array = npt.NDArray[np.float64]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "quick": {
        "linear_rows": 512,
        "rows": 64,
        "features": 128,
        "data_sets": 3,
        "linear_steps": 8000,
        "free_steps": 1200,
        "seeds": 2,
    },
    "full": {
        "linear_rows": 512,
        "rows": 64,
        "features": 128,
        "data_sets": 8,
        "linear_steps": 20_000,
        "free_steps": 3000,
        "seeds": 4,
    },
}
"""N of the linear part and N of pure noise, D, independent data sets of the linear part, steps at each temperature,
seeds of the free networks. The edge is asymptotic: at N = 64 the top sample eigenvalue scatters by 4 % about a mean 4 %
below it, at N = 512 by half as much."""

_SIGNALS = (4.0, 2.5)
"""Variances of the two signals over the edge: far from the noise."""
_LINEAR_T = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.1, 1.3)
_FREE_T = (0.5, 0.8, 1.1, 1.4, 1.8, 2.5)
_ABOVE = 1.1
"""Temperatures over the edge; the findings "above the edge" belong to ``_ABOVE``."""
_LINEAR_LATENTS, _FREE_LATENTS, _HIDDEN = 6, 4, 64
_NEW_ROWS, _DRAWS = 1000, 100


def noise_rows(rows: int, features: int, generator: np.random.Generator, signals: tuple[float, ...] = ()) -> Array:
    """Centred rows (N, D) of unit noise; the first columns have the variances ``signals`` instead.

    Examples
    --------
    >>> x = noise_rows(50, 3, np.random.default_rng(0), (9.0,))
    >>> x.shape, bool(np.abs(x.mean(0)).max() < 1e-12), bool(x.var(0)[0] > 4)
    ((50, 3), True, True)
    """
    x = generator.standard_normal((rows, features))
    x[:, : len(signals)] *= np.sqrt(signals)
    return np.asarray(x - x.mean(axis=0))


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
        Findings ``linear/…`` and ``free/…``.
    """
    s = PRESETS[preset]
    n, d = s["rows"], s["features"]
    free_edge = marchenko_pastur_edge(1.0, d, n)[1]
    noise = d - len(_SIGNALS)
    edge = marchenko_pastur_edge(1.0, noise, s["linear_rows"])[1]
    streams = np.random.SeedSequence(seed).spawn(s["data_sets"] + 2)
    signals = tuple(ratio * edge for ratio in _SIGNALS)
    tables = [noise_rows(s["linear_rows"], d, np.random.default_rng(stream), signals) for stream in streams[:-2]]
    pure = noise_rows(n, d, np.random.default_rng(streams[-2]))

    def linear_plan(edge: float, batch: int) -> SweepPlan:
        return SweepPlan.default(
            "sampled",
            edge * np.array(_LINEAR_T),
            seeds=1,
            latents=_LINEAR_LATENTS,
            steps=s["linear_steps"],
            batch_size=batch,
            seed=seed,
        )

    linear, beside = linear_plan(edge, 2 * n), linear_plan(free_edge, n)
    free = SweepPlan.default(
        "network",
        free_edge * np.array(_FREE_T),
        seeds=s["seeds"],
        latents=_FREE_LATENTS,
        steps=s["free_steps"],
        first_steps=2 * s["free_steps"],
        batch_size=n,
        learning_rate=2e-3,
        direction="up",
        seed=seed,
    )
    architecture = Architecture(encoder=(_HIDDEN,), decoder=(_HIDDEN,))

    names = [f"linear-{i}" for i in range(len(tables))]
    jobs: dict[str, Job[Any]] = {"free": NetworkTraining(pure, free, architecture, keep_parameters=True)}
    jobs |= {name: LinearTraining(x, linear) for name, x in zip(names, tables, strict=True)}
    jobs["linear-pure"] = LinearTraining(pure, beside)
    trained = run_jobs(jobs, running)
    findings, curves = _linear(tables, [trained[name] for name in names], edge)
    more, drawn = _free(pure, trained["free"], trained["linear-pure"], free_edge, streams[-1])
    return ExperimentResult(
        name="superfluous",
        preset=preset,
        seed=seed,
        settings={
            **s,
            "edge": edge,
            "edge_of_pure_noise": free_edge,
            "signals": list(signals),
            "linear": {
                "temperatures": list(linear.temperatures),
                "latents": linear.latents,
                "steps": linear.steps,
                "batch_size": linear.batch_size,
                "learning_rate": linear.learning_rate,
                "schedule": linear.schedule,
            },
            "free": {
                "temperatures": list(free.temperatures),
                "latents": free.latents,
                "steps": free.steps,
                "first_steps": free.first_steps,
                "batch_size": free.batch_size,
                "learning_rate": free.learning_rate,
                "schedule": free.schedule,
                "architecture": architecture.as_dict(),
            },
            "new_rows": _NEW_ROWS,
            "draws": _DRAWS,
        },
        findings=findings | more,
        curves=curves | drawn,
    )


def _linear(tables: list[Array], sweeps: list[Sweep], edge: float) -> tuple[dict[str, Finding], dict[str, Array]]:
    """Where the first noise mode wakes, and what the spare latents cost above the edge; one value per data set."""
    first = len(_SIGNALS)
    woken, rates, tops, signal = [], [], [], []
    for x, sweep in zip(tables, sweeps, strict=True):
        found = measure(sweep, x)
        m2, kl = found.ranked(found.signal_fraction)[..., first:], found.ranked(found.rate)[..., first:]
        fit = fit_collapse(found.temperatures, m2[..., 0])
        if fit.threshold is not None:
            woken.append(fit.threshold / edge)
        rates.append(kl.sum(axis=-1)[:, 0])
        signal.append(m2[:, 0, 0])
        tops.append(np.linalg.eigvalsh(x.T @ x / len(x))[-1 - first] / edge)
    t = sweeps[0].temperatures / edge
    above = int(np.abs(t - _ABOVE).argmin())
    rows, features = tables[0].shape
    where = f"linear VAEs with {_LINEAR_LATENTS} latents, {first} signals and noise, N = {rows}, D = {features}"
    findings = {
        "linear/kl-above-edge": averaged(
            np.array(rates)[:, above], predicted=0.0, exact=0.0, where=f"{where}, T = {_ABOVE:g} of the edge"
        )
    }
    if len(woken) == len(tables):
        findings["linear/noise-edge"] = averaged(
            np.array(woken), predicted=1.0, exact=float(np.mean(tops)), where=f"{where}, {len(tables)} data sets"
        )
    curves = {
        "linear/T": t,
        "linear/KL": np.transpose(rates),
        "linear/M2": np.transpose(signal),
        "linear/top": np.array(tops),
    }
    return findings, curves


def _free(
    x: Array, sweep: NetworkSweep, linear: Sweep, edge: float, stream: np.random.SeedSequence
) -> tuple[dict[str, Finding], dict[str, Array]]:
    """What free networks spend on pure noise, and F on the training rows and on new ones."""
    generator = np.random.default_rng(stream)
    rows, features = x.shape
    new = generator.standard_normal((_NEW_ROWS, features))
    variance = float(np.square(x).sum(axis=1).mean())
    shape = sweep.free_energy.shape
    seen, unseen, errors = np.empty(shape), np.empty(shape), np.empty(shape)
    for i, t in enumerate(sweep.temperatures):
        for k in range(shape[1]):
            vae = sweep.model(i, k)
            seen[i, k], first = sampled_free_energy(vae, x, float(t), generator=generator, draws=_DRAWS)
            unseen[i, k], second = sampled_free_energy(vae, new, float(t), generator=generator, draws=2)
            errors[i, k] = np.hypot(first, second)
    above = int(np.abs(sweep.temperatures / edge - _ABOVE).argmin())
    where = f"free networks with {_FREE_LATENTS} latents on pure noise, N = {rows}, D = {features}"
    at = f"{where}, T = {_ABOVE:g} of the edge"
    dead = measure(linear, x)
    findings = {
        "free/kl-above-edge": averaged(
            sweep.total_rate[above], where=f"training rows (ln N = {np.log(rows):.3g} nats name one), heated, {at}"
        ),
        "free/linear-kl-above-edge": Finding(
            float(dead.total_rate[int(np.abs(dead.temperatures / edge - _ABOVE).argmin()), 0]),
            predicted=0.0,
            exact=0.0,
            where=f"a linear VAE on the same rows, T = {_ABOVE:g} of the edge",
        ),
        "free/gain": averaged((variance - seen[above]) / variance, where=f"(V − F)/V on the training rows, {at}"),
        "free/test-gap": averaged(
            (unseen[above] - seen[above]) / variance,
            predicted=0.0,
            where=f"(F of new rows − F of training rows)/V, {at}",
        ),
    }
    curves = {
        "free/T": sweep.temperatures / edge,
        "free/KL": sweep.total_rate,
        "free/training": seen / variance,
        "free/new": unseen / variance,
        "free/linear-T": dead.temperatures / edge,
        "free/linear-KL": dead.total_rate[:, 0],
    }
    return findings, curves


def draw(result: ExperimentResult) -> dict[str, Figure]:
    """Three panels: noise modes of linear VAEs, rate of free networks on noise, and their F on new rows."""
    c = result.curves
    first, second, third = mode_colors(3)
    with styled():
        figure = new_figure(3.6)
        left, middle, right = figure.subplots(1, 3)
        t = np.linspace(c["linear/T"].min(), c["linear/T"].max(), 200)
        for top in c["linear/top"]:
            left.plot(t, np.maximum(1 - t / top, 0), color=INK, linewidth=0.8)
        left.plot([], [], color=INK, linewidth=0.8, label="$1 - T/\\ell_3$, sample eigenvalue")
        left.plot(c["linear/T"], c["linear/M2"], "o", color=tuple(first), markersize=4)
        left.plot([], [], "o", color=tuple(first), markersize=4, label="trained, each data set")
        left.set_ylim(-0.03, 0.95)  # room for the legend
        left.legend(loc="upper right", fontsize=8)
        left.set_ylabel("$M^2$ of the first noise mode")
        left.set_title("linear VAEs: 2 signals and noise")
        middle.plot(c["free/T"], c["free/KL"], "s-", color=tuple(second), markersize=4)
        middle.plot([], [], "s-", color=tuple(second), markersize=4, label="free networks, heated")
        middle.plot(c["free/linear-T"], c["free/linear-KL"], "o-", color=tuple(first), markersize=4, label="linear VAE")
        middle.set_ylim(-0.2, 1.35 * c["free/KL"].max())
        middle.legend(loc="upper right", fontsize=8)
        middle.set_ylabel("rate KL on the training rows (nats)")
        middle.set_title("pure noise")
        right.axhline(1.0, color=INK, linewidth=0.8, label="full collapse")
        for name, color, marker, label in (
            ("training", second, "s", "training rows"),
            ("new", third, "^", "new rows"),
        ):
            right.plot(c["free/T"], c[f"free/{name}"], marker + "-", color=tuple(color), markersize=4)
            right.plot([], [], marker + "-", color=tuple(color), markersize=4, label=label)
        right.legend(loc="lower right", fontsize=8)
        right.set_ylabel("$F/V$ of the free networks")
        right.set_title("memorised, not learned")
        for ax in (left, middle, right):
            ax.axvline(1.0, color=REFERENCE, linewidth=1.0, linestyle="--")
            ax.set_xlabel("$T$ / edge of the noise")
    return {"noise": figure}
