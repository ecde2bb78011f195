"""The threshold of a single mode, from the signal fraction at two temperatures."""

import numpy as np

from numerics.spectrum import Spectrum
from verify.experiments.jobs import LinearTraining, run_jobs
from verify.experiments.result import ExperimentResult, Finding
from verify.latents import measure
from verify.plan import SweepPlan
from verify.style import new_figure

PRESETS = {"quick": {"steps": 1500, "seeds": 2}, "full": {"steps": 5000, "seeds": 5}}


def run(preset, *, seed=0, running=None):
    """Train below the threshold; M² = 1 − T/T_k gives T_k = T/(1 − M²)."""
    chosen = PRESETS[preset]
    x = np.array([[-2.0, 0.0], [2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]])
    temperatures = np.array([1.0, 2.0])
    plan = SweepPlan.default("exact", temperatures, latents=1, seed=seed, **chosen)
    sweep = run_jobs({"sweep": LinearTraining(x, plan)}, running)["sweep"]
    m2 = measure(sweep, x).signal_fraction[:, :, 0]  # (n, S)
    thresholds = (temperatures[:, None] / (1 - m2)).mean(axis=0)
    finding = Finding(
        thresholds.mean(),
        predicted=float(Spectrum.from_data(x, standardize=False).eigenvalues[0]),
        stderr=thresholds.std(ddof=1) / np.sqrt(len(thresholds)),
        where="one mode of variance 4, exact gradients",
    )
    curves = {"temperature": temperatures, "signal_fraction": m2}
    return ExperimentResult("single-mode", preset, seed, chosen, {"threshold": finding}, curves)


def draw(result):
    """M² against T: measured as points, theory as a line."""
    t, m2 = result.curves["temperature"], result.curves["signal_fraction"]
    figure = new_figure(3.0)
    axes = figure.subplots()
    line = np.linspace(0, result.findings["threshold"].predicted, 2)
    axes.plot(line, 1 - line / line[-1], label="theory")
    axes.plot(t, m2.mean(axis=1), "o", label="trained")
    axes.set_xlabel("temperature T")
    axes.set_ylabel("signal fraction M²")
    axes.legend()
    return {"signal-fraction": figure}
